/* SPDX-License-Identifier: MIT */
/*
 * The losses for targets that the inputs do not determine alone: quantile,
 * poisson and gaussian_nll have the values and gradients of PyTorch
 * (tests/vectors/make_distributions.py), the same bits in every way of
 * computing them, and a scaling of their own. What they learn of made data is
 * what the data was made with.
 */
#include "support/training.h"

enum { ROWS = 7, INPUTS = 3, HIDDEN = 4, OUTPUTS = 4, CASE = 40 };

static const double quantiles[OUTPUTS] = {0.05, 0.5, 0.8, 0.95};
static const mlp_loss losses[] = {MLP_LOSS_QUANTILE, MLP_LOSS_POISSON,
                                  MLP_LOSS_GAUSSIAN_NLL};

/* Describes the network of distributions_parameters.txt. With gaussian_nll its
 * four outputs are two means and the logarithms of two variances. */
static mlp_config config_for(mlp_layer layers[2], mlp_dtype dtype,
                             mlp_loss loss, mlp_activation last)
{
    layers[0] = (mlp_layer){.width = HIDDEN, .activation = MLP_ACT_TANH};
    layers[1] = (mlp_layer){.width = OUTPUTS, .activation = last};
    mlp_config config = tutorial_config();
    config.inputs = INPUTS;
    config.layers = layers;
    config.n_layers = 2;
    config.loss = loss;
    config.precision = dtype;
    config.quantiles = loss == MLP_LOSS_QUANTILE ? quantiles : NULL;
    return config;
}

/* Returns that network with the parameters that PyTorch used. */
static mlp_net *network(mlp_dtype dtype, mlp_loss loss, mlp_activation last,
                        const char *kernels)
{
    mlp_layer layers[2];
    mlp_config config = config_for(layers, dtype, loss, last);
    config.kernels = kernels;
    mlp_net *net = net_of(&config);
    put_layers(net, "distributions_parameters");
    return net;
}

/* Returns the rows of inputs, and targets that suit the loss. */
static data data_for(mlp_dtype dtype, mlp_loss loss)
{
    return (data){
        matrix_from(dtype, "distributions_X"),
        matrix_from(dtype, loss == MLP_LOSS_QUANTILE  ? "distributions_numbers"
                           : loss == MLP_LOSS_POISSON ? "distributions_counts"
                                                      : "distributions_pairs")};
}

/* Returns what a network predicts. The caller frees the data. */
static mlp_view outputs_of(const mlp_net *net, mlp_view X)
{
    mlp_view A =
        new_matrix(mlp_net_precision(net), X.rows, mlp_net_outputs(net), NULL);
    assert_int_equal(mlp_predict(net, ro(X), A), MLP_OK);
    return A;
}

/* ---------------------------------------------------------------------------
 * Against PyTorch
 */

/* Computes the loss and the gradients of a row of distributions_cases.txt. */
static mlp_trainer *trainer_for(mlp_net *net, mlp_dtype dtype,
                                const double *row, double *loss)
{
    data d = data_for(dtype, (mlp_loss)row[0]);
    mlp_view weights = matrix_from(dtype, "distributions_weights");
    mlp_trainer *trainer = trainer_of(net, ROWS);
    assert_int_equal(mlp_trainer_forward(trainer, ro(d.X)), MLP_OK);
    if (row[2] == 1) {
        assert_int_equal(mlp_trainer_set_row_weights(trainer, ro(weights)),
                         MLP_OK);
    }
    assert_int_equal(mlp_trainer_loss(trainer, ro(d.Y), loss), MLP_OK);
    assert_int_equal(mlp_trainer_backward(trainer, ro(d.Y)), MLP_OK);
    free(weights.data);
    free_data(d);
    return trainer;
}

/* Compares the loss and all gradients, in the order W1, b1, W2, b2, with a row
 * of distributions_cases.txt. */
static void assert_pytorchs(mlp_dtype dtype, const char *kernels,
                            const double *row, double relative, double absolute)
{
    static const mlp_tensor tensors[] = {MLP_DW, MLP_DB};
    mlp_net *net =
        network(dtype, (mlp_loss)row[0], (mlp_activation)row[1], kernels);
    double loss = NAN;
    mlp_trainer *trainer = trainer_for(net, dtype, row, &loss);
    assert_relative(loss, row[3], relative);
    const double *next = row + 4;
    for (size_t i = 0; i < 4; i++) {
        mlp_view g;
        assert_int_equal(
            mlp_trainer_tensor(trainer, tensors[i % 2], 1 + i / 2, &g), MLP_OK);
        for (size_t k = 0; k < g.rows * g.cols; k++) {
            check_near(at(g, k / g.cols, k % g.cols), *next++, relative,
                       absolute, "gradient of loss", (int)row[0]);
        }
    }
    assert_ptr_equal(next, row + CASE);
    mlp_trainer_free(trainer);
    mlp_net_free(net);
}

/* Every set of kernels is compared, although all give the same bits: a test of
 * equal bits would not notice if all were wrong. */
static void losses_and_gradients_are_pytorchs(void **state)
{
    (void)state;
    vector cases = read_vector("distributions_cases");
    assert_int_equal(cases.cols, CASE);
    bool seen[64] = {false};
    const char *kernels = NULL;
    for (size_t k = 0; (kernels = mlp_kernels(k)); k++) {
        for (size_t i = 0; i < cases.rows; i++) {
            const double *row = cases.data + CASE * i;
            assert_pytorchs(MLP_F64, kernels, row, 1e-12, 1e-15);
            assert_pytorchs(MLP_F32, kernels, row, 2e-5, 1e-6);
            seen[(size_t)row[0]] = true;
        }
    }
    for (size_t i = 0; i < COUNT(losses); i++) {
        assert_true(seen[losses[i]]);
    }
    free(cases.data);
}

/* The check works on a float64 copy of a float32 network, which needs the same
 * quantiles: with others the gradient is right, but not the network's. So the
 * derivative that is reported is compared with that of the network itself. */
static void gradients_are_checked_with_the_same_loss(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(losses); i++) {
        mlp_net *net = network(MLP_F32, losses[i], MLP_ACT_AUTO, NULL);
        data d = data_for(MLP_F32, losses[i]);
        mlp_gradient_check worst = {.error = NAN};
        mlp_trainer *trainer = trainer_of(net, ROWS);
        mlp_view gradient;
        assert_int_equal(
            mlp_check_gradients(net, ro(d.X), ro(d.Y), NULL, &worst), MLP_OK);
        assert_true(worst.error < 1e-7 && worst.checked > 20);
        assert_int_equal(mlp_trainer_forward(trainer, ro(d.X)), MLP_OK);
        assert_int_equal(mlp_trainer_backward(trainer, ro(d.Y)), MLP_OK);
        assert_int_equal(
            mlp_trainer_tensor(trainer, worst.tensor == MLP_W ? MLP_DW : MLP_DB,
                               worst.layer, &gradient),
            MLP_OK);
        assert_absolute(at(gradient, worst.row, worst.col), worst.analytic,
                        1e-6);
        mlp_trainer_free(trainer);
        free_data(d);
        mlp_net_free(net);
    }
}

/* ---------------------------------------------------------------------------
 * Equal bits
 */

/* Trains a network that is wide enough for several threads. */
static mlp_net *trained(mlp_dtype dtype, mlp_loss loss, const char *kernels,
                        size_t threads)
{
    mlp_layer layers[2];
    mlp_config config = config_for(layers, dtype, loss, MLP_ACT_AUTO);
    layers[0].width = 300;
    config.kernels = kernels;
    mlp_net *net = net_of(&config);
    size_t targets = mlp_net_targets(net);
    data d = {random_matrix(dtype, 900, INPUTS, -1, 1),
              random_matrix(dtype, 900, targets, 0, 3)};
    mlp_train_options options = mlp_train_defaults();
    options.epochs = 2;
    options.batch_size = 600;
    options.threads = threads;
    options.validation_fraction = 0.1;
    assert_int_equal(mlp_fit(net, ro(d.X), ro(d.Y), &options, NULL), MLP_OK);
    free_data(d);
    return net;
}

/* The threads share the rows of a batch: where Y has fewer columns than A, the
 * rows of both begin at different places in memory. */
static void kernels_and_threads_give_the_same_bits(void **state)
{
    (void)state;
    FOR_EACH_PRECISION(p)
    {
        for (size_t i = 0; i < COUNT(losses); i++) {
            mlp_net *first = trained(p, losses[i], "portable", 1);
            const char *kernels = NULL;
            for (size_t k = 0; (kernels = mlp_kernels(k)); k++) {
                mlp_net *net = trained(p, losses[i], kernels, 1 + k);
                assert_same_net(first, net);
                mlp_net_free(net);
            }
            mlp_net_free(first);
        }
    }
}

/* Scoring goes through the rows in chunks, and a trainer takes all at once. A
 * row of gaussian_nll has two terms here, so that rows do not begin with lane
 * 0. */
static void scores_are_the_loss_of_a_trainer(void **state)
{
    (void)state;
    enum { MANY = 601 };
    FOR_EACH_PRECISION(p)
    {
        for (size_t i = 0; i < COUNT(losses); i++) {
            mlp_net *net = network(p, losses[i], MLP_ACT_AUTO, NULL);
            data d = {random_matrix(p, MANY, INPUTS, -1, 1),
                      random_matrix(p, MANY, mlp_net_targets(net), 0, 3)};
            mlp_trainer *trainer = trainer_of(net, MANY);
            mlp_scores scores = {0, 0};
            double loss = NAN;
            assert_int_equal(mlp_trainer_forward(trainer, ro(d.X)), MLP_OK);
            assert_int_equal(mlp_trainer_loss(trainer, ro(d.Y), &loss), MLP_OK);
            assert_int_equal(mlp_evaluate(net, ro(d.X), ro(d.Y), &scores),
                             MLP_OK);
            assert_true(scores.loss == loss && isnan(scores.accuracy));
            mlp_trainer_free(trainer);
            free_data(d);
            mlp_net_free(net);
        }
    }
}

/* Three columns do not divide the terms that are computed at a time, so these
 * begin in any column. A plain loop adds all terms. */
static void each_term_has_the_numbers_of_its_column(void **state)
{
    (void)state;
    enum { MANY = 100, COLUMNS = 3 };
    static const double tau[COLUMNS] = {0.05, 0.5, 0.9};
    FOR_EACH_PRECISION(p)
    {
        for (size_t pairs = 0; pairs < 2; pairs++) {
            mlp_layer layers[2];
            mlp_config config = config_for(
                layers, p, pairs ? MLP_LOSS_GAUSSIAN_NLL : MLP_LOSS_QUANTILE,
                MLP_ACT_AUTO);
            layers[1].width = (1 + pairs) * COLUMNS;
            config.quantiles = pairs ? NULL : tau;
            mlp_net *net = net_of(&config);
            data d = {random_matrix(p, MANY, INPUTS, -1, 1),
                      random_matrix(p, MANY, COLUMNS, 0, 3)};
            mlp_view A = outputs_of(net, d.X);
            mlp_scores scores = {NAN, NAN};
            double sum = 0;
            for (size_t k = 0; k < MANY * COLUMNS; k++) {
                size_t i = k / COLUMNS;
                size_t j = k % COLUMNS;
                double e = at(d.Y, i, j) - at(A, i, j);
                double s = pairs ? at(A, i, COLUMNS + j) : 0;
                sum += pairs ? (s + e * e * exp(-s)) / 2
                             : fmax(tau[j] * e, (tau[j] - 1) * e);
            }
            assert_int_equal(mlp_evaluate(net, ro(d.X), ro(d.Y), &scores),
                             MLP_OK);
            assert_relative(scores.loss, sum / (MANY * COLUMNS), 1e-6);
            free(A.data);
            free_data(d);
            mlp_net_free(net);
        }
    }
}

/* A clone, a network that was saved and loaded, and a trainer that was saved
 * and loaded all go on to the same bits. */
static void training_goes_on_from_copies(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(losses); i++) {
        mlp_net *nets[3] = {trained(MLP_F64, losses[i], NULL, 1)};
        size_t size = mlp_net_save_size(nets[0]);
        void *bytes = malloc(size);
        assert_non_null(bytes);
        assert_int_equal(mlp_net_save_memory(nets[0], bytes, size), MLP_OK);
        assert_int_equal(mlp_net_load_memory(bytes, size, NULL, &nets[1]),
                         MLP_OK);
        nets[2] = clone_of(nets[0]);
        data d = data_for(MLP_F64, losses[i]);
        mlp_trainer *trainers[3];
        for (size_t k = 0; k < 3; k++) {
            trainers[k] = trainer_of(nets[k], ROWS);
        }
        size_t state_size = mlp_trainer_save_size(trainers[0]);
        void *saved = malloc(state_size);
        assert_non_null(saved);
        assert_int_equal(
            mlp_trainer_save_memory(trainers[0], saved, state_size), MLP_OK);
        assert_int_equal(
            mlp_trainer_load_memory(trainers[1], saved, state_size), MLP_OK);
        for (size_t k = 0; k < 3; k++) {
            assert_int_equal(
                mlp_trainer_step(trainers[k], ro(d.X), ro(d.Y), 0.1, NULL),
                MLP_OK);
            assert_same_net(nets[0], nets[k]);
            mlp_trainer_free(trainers[k]);
        }
        for (size_t k = 0; k < 3; k++) {
            mlp_net_free(nets[k]);
        }
        free_data(d);
        free(saved);
        free(bytes);
    }
}

/* ---------------------------------------------------------------------------
 * What is learnt of made data
 */

/* Half the rows would do for the means, but a deviation, and a share of rows,
 * are known to a few hundredths only from thousands. */
enum { MADE = 3000 };

/* Returns X (m, 1) from -1 to 1. */
static mlp_view made_inputs(mlp_rng *rng)
{
    mlp_view X = new_matrix(MLP_F64, MADE, 1, NULL);
    for (size_t i = 0; i < MADE; i++) {
        put(X, i, 0, mlp_rng_uniform(rng, -1, 1));
    }
    return X;
}

/* The deviation of the made targets from their mean; it depends on x. */
static double made_deviation(double x)
{
    return 40 * (1 + 0.8 * x);
}

/* The mean of the made targets, which is far from 0 in their unit. */
static double made_mean(double x)
{
    return 5000 + 100 * sin(3 * x);
}

/* Returns targets with normal noise, in a unit that needs scaling. */
static data made_numbers(uint32_t seed)
{
    mlp_rng rng = mlp_rng_seeded(seed);
    data d = {made_inputs(&rng), new_matrix(MLP_F64, MADE, 1, NULL)};
    for (size_t i = 0; i < MADE; i++) {
        double x = at(d.X, i, 0);
        put(d.Y, i, 0, mlp_rng_normal(&rng, made_mean(x), made_deviation(x)));
    }
    return d;
}

/* Trains a network of one hidden layer and A.cols outputs with the defaults, so
 * that the fit chooses the scaling. The rate falls to 0, since the last steps of
 * a constant one would be seen in the shares. */
static mlp_net *learn(const data *d, mlp_cview Y, mlp_loss loss,
                      const double *tau, mlp_view A)
{
    mlp_layer layers[2] = {{.width = 20, .activation = MLP_ACT_TANH},
                           {.width = A.cols}};
    mlp_config config = mlp_config_defaults();
    config.inputs = 1;
    config.layers = layers;
    config.n_layers = 2;
    config.loss = loss;
    config.quantiles = tau;
    mlp_net *net = net_of(&config);
    mlp_train_options options = mlp_train_defaults();
    options.epochs = 60;
    options.learning_rate = 0.01;
    options.schedule.kind = MLP_SCHEDULE_COSINE;
    assert_int_equal(mlp_fit(net, ro(d->X), Y, &options, NULL), MLP_OK);
    return net;
}

/* The one column of targets serves three outputs, without a copy. On other rows
 * a share tau of the targets is at most the output, within four standard
 * deviations of such a share and what 3000 rows leave unlearnt. */
static void quantiles_cover_their_share(void **state)
{
    (void)state;
    static const double tau[3] = {0.05, 0.5, 0.9};
    data d = made_numbers(1);
    data other = made_numbers(2);
    mlp_view A = new_matrix(MLP_F64, MADE, 3, NULL);
    mlp_cview Y = ro(d.Y);
    Y.cols = 3;
    Y.col_stride = 0;
    mlp_net *net = learn(&d, Y, MLP_LOSS_QUANTILE, tau, A);
    assert_int_equal(mlp_predict(net, ro(other.X), A), MLP_OK);
    for (size_t j = 0; j < 3; j++) {
        double covered = 0;
        for (size_t i = 0; i < MADE; i++) {
            covered += at(other.Y, i, 0) <= at(A, i, j);
        }
        assert_absolute(covered / MADE, tau[j], 0.03);
    }
    mlp_net_free(net);
    free(A.data);
    free_data(d);
    free_data(other);
}

/* Draws a count of this rate (Knuth's method). */
static double draw_count(mlp_rng *rng, double rate)
{
    double count = -1;
    for (double product = 1; product > exp(-rate); count++) {
        product *= mlp_rng_random_sample(rng);
    }
    return count;
}

/* The rate of the made counts, from 1 to 7.4. */
static double made_rate(double x)
{
    return exp(1 + x);
}

/* The rates are within a tenth, on the average; always the mean misses by four
 * tenths. Counts are not scaled. */
static void rates_of_counts_are_found(void **state)
{
    (void)state;
    mlp_rng rng = mlp_rng_seeded(3);
    data d = {made_inputs(&rng), new_matrix(MLP_F64, MADE, 1, NULL)};
    double sum = 0;
    for (size_t i = 0; i < MADE; i++) {
        put(d.Y, i, 0, draw_count(&rng, made_rate(at(d.X, i, 0))));
        sum += at(d.Y, i, 0);
    }
    mlp_view A = new_matrix(MLP_F64, MADE, 1, NULL);
    mlp_net *net = learn(&d, ro(d.Y), MLP_LOSS_POISSON, NULL, A);
    double mean = 7;
    double std = 7;
    assert_int_equal(mlp_net_target_scaling(net, &mean, &std), MLP_OK);
    assert_true(mean == 0 && std == 1);
    assert_int_equal(mlp_predict(net, ro(d.X), A), MLP_OK);
    double error = 0;
    double simple = 0;
    for (size_t i = 0; i < MADE; i++) {
        double rate = made_rate(at(d.X, i, 0));
        error += fabs(at(A, i, 0) - rate) / rate / MADE;
        simple += fabs(sum / MADE - rate) / rate / MADE;
    }
    assert_true(error < 0.1 && simple > 0.4);
    mlp_net_free(net);
    free(A.data);
    free_data(d);
}

/* Deviations are in the unit of the targets, although the fit has scaled these:
 * within a tenth on the average, where they differ by a factor of nine. */
static void means_and_deviations_are_found(void **state)
{
    (void)state;
    data d = made_numbers(4);
    mlp_view A = new_matrix(MLP_F64, MADE, 2, NULL);
    mlp_net *net = learn(&d, ro(d.Y), MLP_LOSS_GAUSSIAN_NLL, NULL, A);
    assert_int_equal(mlp_predict(net, ro(d.X), A), MLP_OK);
    double of_mean = 0;
    double of_deviation = 0;
    double covered = 0;
    for (size_t i = 0; i < MADE; i++) {
        double x = at(d.X, i, 0);
        double deviation = exp(0.5 * at(A, i, 1));
        of_mean += fabs(at(A, i, 0) - made_mean(x)) / MADE;
        of_deviation += fabs(deviation / made_deviation(x) - 1) / MADE;
        covered += fabs(at(d.Y, i, 0) - at(A, i, 0)) < 1.96 * deviation;
    }
    assert_true(of_mean < 5 && of_deviation < 0.1);
    assert_absolute(covered / MADE, 0.95, 0.015);
    mlp_net_free(net);
    free(A.data);
    free_data(d);
}

/* Targets that can be learnt exactly let the variance go to 0. The fit goes on
 * or tells, but gives no NaN without a word. */
static void exact_targets_give_no_nan_in_silence(void **state)
{
    (void)state;
    FOR_EACH_PRECISION(p)
    {
        mlp_layer layers[2];
        mlp_config config =
            config_for(layers, p, MLP_LOSS_GAUSSIAN_NLL, MLP_ACT_AUTO);
        mlp_net *net = net_of(&config);
        data d = {random_matrix(p, 20, INPUTS, -1, 1),
                  new_matrix(p, 20, 2, NULL)};
        mlp_train_options options = mlp_train_defaults();
        options.optimizer = mlp_optimizer_defaults(MLP_OPTIMIZER_ADAM);
        options.epochs = 3000;
        options.learning_rate = 0.2;
        mlp_status status = mlp_fit(net, ro(d.X), ro(d.Y), &options, NULL);
        assert_int_equal(status == MLP_ERR_DIVERGED ? MLP_OK : status, MLP_OK);
        mlp_scores scores = {NAN, NAN};
        assert_int_equal(mlp_evaluate(net, ro(d.X), ro(d.Y), &scores), MLP_OK);
        assert_true(scores.loss == scores.loss); /* no NaN */
        free_data(d);
        mlp_net_free(net);
    }
}

/* ---------------------------------------------------------------------------
 * Scaling
 */

/* A variance is multiplied by std^2, and has no mean. Saved and loaded, it
 * stays so. */
static void variances_are_scaled_by_the_square(void **state)
{
    (void)state;
    static const double mean[2] = {7, -3};
    static const double std[2] = {0.25, 30};
    FOR_EACH_PRECISION(p)
    {
        mlp_net *net = network(p, MLP_LOSS_GAUSSIAN_NLL, MLP_ACT_AUTO, NULL);
        data d = data_for(p, MLP_LOSS_GAUSSIAN_NLL);
        mlp_view before = outputs_of(net, d.X);
        double got[4] = {9, 9, 9, 9};
        assert_int_equal(mlp_net_targets(net), 2);
        assert_int_equal(mlp_net_set_target_scaling(net, mean, std), MLP_OK);
        assert_int_equal(mlp_net_target_scaling(net, got, got + 2), MLP_OK);
        for (size_t j = 0; j < 2; j++) {
            assert_true(got[j] == mean[j] && got[2 + j] == std[j]);
        }
        mlp_view after = outputs_of(net, d.X);
        double tolerance = p == MLP_F32 ? 1e-5 : 1e-13;
        for (size_t i = 0; i < ROWS; i++) {
            for (size_t j = 0; j < 2; j++) {
                double expected = at(before, i, j) * std[j] + mean[j];
                assert_absolute(at(after, i, j), expected, tolerance);
                expected = log(exp(at(before, i, 2 + j)) * std[j] * std[j]);
                assert_absolute(at(after, i, 2 + j), expected, tolerance);
            }
        }
        free(before.data);
        free(after.data);
        free_data(d);
        mlp_net_free(net);
    }
}

/* What mlp_net_standardise_targets finds is what a caller would set. */
static void targets_standardise_as_they_are_set(void **state)
{
    (void)state;
    FOR_EACH_PRECISION(p)
    {
        mlp_net *net = network(p, MLP_LOSS_GAUSSIAN_NLL, MLP_ACT_AUTO, NULL);
        mlp_net *other = clone_of(net);
        data d = data_for(p, MLP_LOSS_GAUSSIAN_NLL);
        double s[4];
        assert_int_equal(mlp_net_standardise_targets(net, ro(d.Y)), MLP_OK);
        assert_int_equal(mlp_net_target_scaling(net, s, s + 2), MLP_OK);
        assert_int_equal(mlp_net_set_target_scaling(other, s, s + 2), MLP_OK);
        mlp_view A = outputs_of(net, d.X);
        mlp_view B = outputs_of(other, d.X);
        assert_same(ro(A), ro(B));
        free(A.data);
        free(B.data);
        free_data(d);
        mlp_net_free(other);
        mlp_net_free(net);
    }
}

/* ---------------------------------------------------------------------------
 * Errors
 */

/* Checks that no network is made, that the message says why, and that nothing
 * stays allocated. */
static void refuse(const mlp_config *like, const char *message)
{
    hook_record record = {0};
    mlp_config config = *like;
    config.hooks = recording_hooks(&record);
    mlp_net *net = NULL;
    assert_told(&record, mlp_net_create(&config, &net), MLP_ERR_ARGUMENT,
                message);
    assert_null(net);
    assert_int_equal(record.live, 0);
}

/* A number just below 1 is 1 as a float32. */
static void bad_quantiles_are_refused(void **state)
{
    (void)state;
    static const double bad[] = {0, 1, -0.5, 95, (double)NAN};
    double tau[OUTPUTS] = {0.1, 0.5, 0.5, 0.5};
    mlp_layer layers[2];
    mlp_config config =
        config_for(layers, MLP_F64, MLP_LOSS_QUANTILE, MLP_ACT_AUTO);
    config.quantiles = tau;
    for (size_t i = 0; i < COUNT(bad); i++) {
        tau[2] = bad[i];
        refuse(&config, "quantiles: expects a float64 above 0 and below 1 for "
                        "output 2, got ");
    }
    tau[2] = 1 - 1e-12;
    mlp_net_free(net_of(&config));
    config.precision = MLP_F32;
    refuse(&config, "quantiles: expects a float32 above 0 and below 1 for "
                    "output 2, got 1");
    config.loss = MLP_LOSS_MSE;
    refuse(&config, "quantiles: expects the loss quantile or NULL, got mse");
}

/* The network copies the caller's quantiles; each is 1/2 by default, and other
 * losses have none. The state of a trainer belongs to the quantiles that it was
 * trained with. */
static void quantiles_belong_to_the_network(void **state)
{
    (void)state;
    double tau[OUTPUTS] = {0.1, 0.5, 0.6, 0.7};
    mlp_layer layers[2];
    mlp_config config =
        config_for(layers, MLP_F64, MLP_LOSS_QUANTILE, MLP_ACT_AUTO);
    config.quantiles = tau;
    mlp_net *net = net_of(&config);
    tau[0] = 0.9;
    assert_true(mlp_net_quantiles(net)[0] == 0.1);
    assert_true(mlp_net_quantiles(net)[3] == 0.7);
    config.quantiles = NULL;
    mlp_net *medians = net_of(&config);
    assert_true(mlp_net_quantiles(medians)[0] == 0.5);
    config.loss = MLP_LOSS_MAE;
    mlp_net *other = net_of(&config);
    assert_null(mlp_net_quantiles(other));
    assert_null(mlp_net_quantiles(NULL));
    assert_int_equal(mlp_net_targets(NULL), 0);
    mlp_trainer *trainer = trainer_of(net, ROWS);
    mlp_trainer *into = trainer_of(medians, ROWS);
    size_t size = mlp_trainer_save_size(trainer);
    void *saved = malloc(size);
    assert_non_null(saved);
    assert_int_equal(mlp_trainer_save_memory(trainer, saved, size), MLP_OK);
    assert_int_equal(mlp_trainer_load_memory(into, saved, size),
                     MLP_ERR_ARGUMENT);
    free(saved);
    mlp_trainer_free(trainer);
    mlp_trainer_free(into);
    mlp_net_free(other);
    mlp_net_free(medians);
    mlp_net_free(net);
}

/* Only classes have labels that can be smoothed. */
static void smoothing_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(losses); i++) {
        mlp_layer layers[2];
        char message[64];
        mlp_config config =
            config_for(layers, MLP_F64, losses[i], MLP_ACT_AUTO);
        config.label_smoothing = 0.1;
        (void)snprintf(message, sizeof message,
                       "label_smoothing: %s expects 0, got 0.1",
                       mlp_loss_name(losses[i]));
        refuse(&config, message);
    }
}

/* Checks the message of a fit with these targets. */
static void refuse_targets(mlp_loss loss, mlp_cview Y, mlp_status expected,
                           const char *message)
{
    hook_record record = {0};
    mlp_layer layers[2];
    mlp_config config = config_for(layers, MLP_F64, loss, MLP_ACT_AUTO);
    config.hooks = recording_hooks(&record);
    mlp_net *net = net_of(&config);
    mlp_view X = random_matrix(MLP_F64, Y.rows, INPUTS, -1, 1);
    mlp_scores scores = {7, 7};
    assert_told(&record, mlp_fit(net, ro(X), Y, NULL, NULL), expected, message);
    assert_told(&record, mlp_evaluate(net, ro(X), Y, &scores), expected,
                message);
    assert_true(scores.loss == 7);
    free(X.data);
    mlp_net_free(net);
}

/* A count of -0.0 is 0. With gaussian_nll Y has half as many columns as A. */
static void bad_targets_are_refused(void **state)
{
    (void)state;
    double y[2 * OUTPUTS] = {0, 1, 2.5, 7, 3, -0.0, -1, 2};
    refuse_targets(MLP_LOSS_POISSON, mlp_cview_f64(y, 2, OUTPUTS),
                   MLP_ERR_ARGUMENT,
                   "Y: poisson expects counts, 0 or more, got -1 in row 1, "
                   "column 2");
    y[6] = (double)NAN;
    refuse_targets(MLP_LOSS_POISSON, mlp_cview_f64(y, 2, OUTPUTS),
                   MLP_ERR_NOT_FINITE, "Y: expects finite numbers, got NaN");
    refuse_targets(MLP_LOSS_GAUSSIAN_NLL, mlp_cview_f64(y, 2, OUTPUTS),
                   MLP_ERR_SHAPE, "Y: expects 2 columns, got 4");
    refuse_targets(MLP_LOSS_GAUSSIAN_NLL, mlp_cview_f64(y, 2, 1), MLP_ERR_SHAPE,
                   "Y: expects 2 columns, got 1");
    refuse_targets(MLP_LOSS_QUANTILE, mlp_cview_f64(y, 2, 1), MLP_ERR_SHAPE,
                   "Y: expects 4 columns, got 1");
}

/* A count that is divided by a deviation is no count any more. Even to switch
 * the scaling off is refused, as for bce. */
static void counts_cannot_be_scaled(void **state)
{
    (void)state;
    hook_record record = {0};
    mlp_layer layers[2];
    mlp_config config =
        config_for(layers, MLP_F64, MLP_LOSS_POISSON, MLP_ACT_AUTO);
    config.hooks = recording_hooks(&record);
    mlp_net *net = net_of(&config);
    mlp_view Y = matrix_from(MLP_F64, "distributions_counts");
    static const char message[] =
        "targets: expects the loss mse, mae, huber, quantile or gaussian_nll "
        "where they are scaled, got poisson";
    assert_told(&record, mlp_net_standardise_targets(net, ro(Y)),
                MLP_ERR_ARGUMENT, message);
    assert_told(&record, mlp_net_set_target_scaling(net, NULL, NULL),
                MLP_ERR_ARGUMENT, message);
    free(Y.data);
    mlp_net_free(net);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(losses_and_gradients_are_pytorchs),
        cmocka_unit_test(gradients_are_checked_with_the_same_loss),
        cmocka_unit_test(kernels_and_threads_give_the_same_bits),
        cmocka_unit_test(scores_are_the_loss_of_a_trainer),
        cmocka_unit_test(each_term_has_the_numbers_of_its_column),
        cmocka_unit_test(training_goes_on_from_copies),
        cmocka_unit_test(quantiles_cover_their_share),
        cmocka_unit_test(rates_of_counts_are_found),
        cmocka_unit_test(means_and_deviations_are_found),
        cmocka_unit_test(exact_targets_give_no_nan_in_silence),
        cmocka_unit_test(variances_are_scaled_by_the_square),
        cmocka_unit_test(targets_standardise_as_they_are_set),
        cmocka_unit_test(bad_quantiles_are_refused),
        cmocka_unit_test(quantiles_belong_to_the_network),
        cmocka_unit_test(smoothing_is_refused),
        cmocka_unit_test(bad_targets_are_refused),
        cmocka_unit_test(counts_cannot_be_scaled),
    };
    return cmocka_run_group_tests_name("distributions", tests, NULL, NULL);
}
