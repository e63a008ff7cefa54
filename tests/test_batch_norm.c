/* SPDX-License-Identifier: MIT */
/*
 * Batch normalisation: networks against PyTorch (tests/vectors/
 * make_batch_norm.py), and what it must bear. (test_batch_norm_ops.c has its
 * kernels.)
 */
#include "training.h"

/* ---------------------------------------------------------------------------
 * PyTorch
 */

static const model torchs = {3,
                             4,
                             {{5, MLP_ACT_TANH, 0, 0, true},
                              {4, MLP_ACT_RELU, 0, 0, false},
                              {3, MLP_ACT_RELU, 0, 0, true},
                              {2, MLP_ACT_SIGMOID, 0, 0, true}},
                             MLP_LOSS_BCE};

static bool normalises(size_t l)
{
    return torchs.layers[l - 1].batch_norm;
}

/* The numbers of one network in a file of tests/vectors. */
typedef struct numbers {
    vector v;
    const double *next, *end;
} numbers;

static numbers numbers_of(const char *name, size_t network)
{
    char file[64];
    (void)snprintf(file, sizeof file, "batch_norm_%s", name);
    numbers n = {.v = read_vector(file)};
    assert_int_equal(n.v.rows, 2);
    n.next = n.v.data + network * n.v.cols;
    n.end = n.next + n.v.cols;
    return n;
}

/* All of them were wanted. */
static void finish(numbers *n)
{
    assert_ptr_equal(n->next, n->end);
    free(n->v.data);
}

static void put_next(numbers *n, mlp_view view)
{
    for (size_t i = 0; i < view.rows * view.cols; i++) {
        put(view, i / view.cols, i % view.cols, *n->next++);
    }
}

static void assert_next(numbers *n, mlp_cview view, double relative)
{
    for (size_t i = 0; i < view.rows * view.cols; i++) {
        assert_true(n->next < n->end);
        check_near(mlp_cview_at(view, i / view.cols, i % view.cols), *n->next,
                   relative, relative / 10, __FILE__, __LINE__);
        n->next++;
    }
}

static mlp_view matrix_of(mlp_dtype dtype, const char *name, size_t network,
                          size_t cols)
{
    numbers n = numbers_of(name, network);
    mlp_view view = new_matrix(dtype, 13, cols, NULL);
    put_next(&n, view);
    finish(&n);
    return view;
}

/* What a trainer or a network shows of all layers, beside the file. */
static mlp_cview shown(mlp_trainer *trainer, mlp_tensor which, size_t l)
{
    mlp_view view;
    assert_int_equal(mlp_trainer_tensor(trainer, which, l, &view), MLP_OK);
    return ro(view);
}

static void assert_tensors(mlp_trainer *trainer, numbers *n, mlp_tensor W,
                           mlp_tensor b, mlp_tensor scale, double relative)
{
    for (size_t l = 1; l <= 4; l++) {
        assert_next(n, shown(trainer, W, l), relative);
        assert_next(n, shown(trainer, b, l), relative);
        if (normalises(l)) {
            assert_next(n, shown(trainer, scale, l), relative);
        }
    }
}

static void assert_running(mlp_trainer *trainer, numbers *n, double relative)
{
    for (size_t l = 1; l <= 4; l++) {
        if (normalises(l)) {
            assert_next(n, shown(trainer, MLP_MEAN, l), relative);
            assert_next(n, shown(trainer, MLP_VARIANCE, l), relative);
        }
    }
}

static mlp_net *torchs_net(mlp_dtype dtype, size_t network)
{
    mlp_config config = config_of(&torchs, dtype, NULL);
    config.batch_norm_momentum = network == 0 ? 0.1 : 0.3;
    config.batch_norm_epsilon = network == 0 ? 1e-5 : 0.05;
    mlp_net *net = net_of(&config);
    numbers initial = numbers_of("initial", network);
    for (size_t l = 1; l <= 4; l++) {
        put_next(&initial, tensor(net, MLP_W, l));
        put_next(&initial, tensor(net, MLP_B, l));
        if (normalises(l)) {
            put_next(&initial, tensor(net, MLP_SCALE, l));
        }
    }
    finish(&initial);
    return net;
}

static void assert_first_batch(mlp_trainer *trainer, size_t network,
                               double relative)
{
    numbers Z = numbers_of("Z", network);
    for (size_t l = 1; l <= 4; l++) {
        assert_next(&Z, shown(trainer, MLP_Z, l), relative);
    }
    finish(&Z);
    numbers gradients = numbers_of("gradients", network);
    assert_tensors(trainer, &gradients, MLP_DW, MLP_DB, MLP_DSCALE, relative);
    finish(&gradients);
}

static void assert_prediction(const mlp_net *net, mlp_cview X, size_t network,
                              double relative)
{
    mlp_view A = new_matrix(mlp_net_precision(net), 13, 2, NULL);
    assert_int_equal(mlp_predict(net, X, A), MLP_OK);
    numbers prediction = numbers_of("prediction", network);
    assert_next(&prediction, ro(A), relative);
    finish(&prediction);
    free(A.data);
}

static void assert_torchs(mlp_dtype dtype, size_t network, double relative)
{
    static const size_t firsts[] = {0, 6, 11, 13};
    mlp_net *net = torchs_net(dtype, network);
    mlp_trainer *trainer = NULL;
    assert_int_equal(mlp_trainer_create(net, 6, &trainer), MLP_OK);
    mlp_view X = matrix_of(dtype, "X", network, 3);
    mlp_view Y = matrix_of(dtype, "Y", network, 2);
    numbers losses = numbers_of("loss", network);
    numbers running = numbers_of("running", network);
    for (size_t step = 0; step < 6; step++) {
        size_t first = firsts[step % 3];
        size_t rows = firsts[step % 3 + 1] - first;
        mlp_cview targets = mlp_cview_rows(ro(Y), first, rows);
        double loss = NAN;
        assert_int_equal(
            mlp_trainer_forward(trainer, mlp_cview_rows(ro(X), first, rows)),
            MLP_OK);
        assert_int_equal(mlp_trainer_loss(trainer, targets, &loss), MLP_OK);
        assert_next(&losses, mlp_cview_f64(&loss, 1, 1), relative);
        assert_int_equal(mlp_trainer_backward(trainer, targets), MLP_OK);
        if (step == 0) {
            assert_first_batch(trainer, network, relative);
        }
        assert_int_equal(mlp_trainer_update(trainer, 0.5), MLP_OK);
        assert_running(trainer, &running, relative);
    }
    numbers final = numbers_of("final", network);
    assert_tensors(trainer, &final, MLP_W, MLP_B, MLP_SCALE, relative);
    assert_prediction(net, ro(X), network, relative);
    finish(&final);
    finish(&losses);
    finish(&running);
    free(X.data);
    free(Y.data);
    mlp_trainer_free(trainer);
    mlp_net_free(net);
}

static void networks_are_pytorchs(void **state)
{
    (void)state;
    for (size_t network = 0; network < 2; network++) {
        assert_torchs(MLP_F64, network, 1e-12);
        assert_torchs(MLP_F32, network, 1e-3);
    }
}

/* ---------------------------------------------------------------------------
 * A network's life
 */

static const model normed = {5,
                             3,
                             {{11, MLP_ACT_TANH, 0, 0, true},
                              {7, MLP_ACT_TANH, 0, 0.25, true},
                              {3, MLP_ACT_SIGMOID, 0, 0, true}},
                             MLP_LOSS_BCE};

static void assert_all(mlp_cview view, double expected)
{
    for (size_t j = 0; j < view.cols; j++) {
        assert_true(mlp_cview_at(view, 0, j) == expected);
    }
}

static void assert_fresh(const mlp_net *net)
{
    for (size_t l = 1; l <= 3; l++) {
        assert_all(ctensor(net, MLP_B, l), 0);
        assert_all(ctensor(net, MLP_SCALE, l), 1);
        assert_all(ctensor(net, MLP_MEAN, l), 0);
        assert_all(ctensor(net, MLP_VARIANCE, l), 1);
    }
}

static data normed_data(mlp_dtype dtype, size_t rows)
{
    return (data){random_matrix(dtype, rows, 5, -1, 1),
                  random_matrix(dtype, rows, 3, 0, 1)};
}

static void fit(mlp_net *net, data d, size_t batch, size_t threads)
{
    mlp_train_options options = mlp_train_defaults();
    options.epochs = 3;
    options.batch_size = batch;
    options.threads = threads;
    options.learning_rate = 0.1;
    assert_int_equal(mlp_fit(net, ro(d.X), ro(d.Y), &options, NULL), MLP_OK);
}

static void networks_begin_with_nothing_seen(void **state)
{
    (void)state;
    FOR_EACH_PRECISION(dtype)
    {
        mlp_net *net = new_net(&normed, dtype, NULL);
        model m = normed;
        for (size_t l = 0; l < 3; l++) {
            m.layers[l].batch_norm = false;
        }
        mlp_net *other = new_net(&m, dtype, NULL);
        assert_fresh(net);
        assert_int_equal(mlp_net_parameter_count(net),
                         mlp_net_parameter_count(other) + 11 + 7 + 3);
        for (size_t l = 1; l <= 3; l++) {
            mlp_layer layer = {.width = 0};
            assert_int_equal(mlp_net_layer(net, l, &layer), MLP_OK);
            assert_true(layer.batch_norm);
            assert_same(ctensor(net, MLP_W, l), ctensor(other, MLP_W, l));
        }
        mlp_net *before = clone_of(net);
        data d = normed_data(dtype, 20);
        fit(net, d, 7, 1);
        assert_true(mlp_cview_at(ctensor(net, MLP_MEAN, 2), 0, 0) != 0);
        assert_true(mlp_cview_at(ctensor(net, MLP_SCALE, 3), 0, 0) != 1);
        assert_int_equal(mlp_net_initialise(net, MLP_INIT_HE, 42), MLP_OK);
        assert_same_net(net, before);
        assert_int_equal(mlp_net_initialise(net, MLP_INIT_ZEROS, 42), MLP_OK);
        assert_fresh(net);
        free_data(d);
        mlp_net_free(before);
        mlp_net_free(other);
        mlp_net_free(net);
    }
}

static void clones_go_on_alike(void **state)
{
    (void)state;
    FOR_EACH_PRECISION(dtype)
    {
        mlp_net *net = new_net(&normed, dtype, NULL);
        data d = normed_data(dtype, 20);
        fit(net, d, 7, 1);
        mlp_net *copy = clone_of(net);
        assert_same_net(copy, net);
        fit(net, d, 7, 1);
        fit(copy, d, 7, 1);
        assert_same_net(copy, net);
        free_data(d);
        mlp_net_free(copy);
        mlp_net_free(net);
    }
}

static void strange_constants_are_refused(void **state)
{
    (void)state;
    static const double momenta[] = {-0.1, 1.1, NAN, INFINITY};
    static const double epsilons[] = {0, -1e-5, NAN, INFINITY};
    hook_record record = {0};
    mlp_net *net = NULL;
    for (size_t i = 0; i < COUNT(momenta); i++) {
        mlp_config config = config_of(&normed, MLP_F64, &record);
        config.batch_norm_momentum = momenta[i];
        assert_told(&record, mlp_net_create(&config, &net), MLP_ERR_ARGUMENT,
                    "batch_norm_momentum: expects 0 to 1, got ");
        config = config_of(&normed, MLP_F64, &record);
        config.batch_norm_epsilon = epsilons[i];
        assert_told(&record, mlp_net_create(&config, &net), MLP_ERR_ARGUMENT,
                    "batch_norm_epsilon: expects a finite float64 above 0");
    }
    mlp_config config = config_of(&normed, MLP_F32, &record);
    config.batch_norm_epsilon = 1e-60;
    assert_told(&record, mlp_net_create(&config, &net), MLP_ERR_ARGUMENT,
                "batch_norm_epsilon: expects a finite float32 above 0");
    assert_null(net);
}

static void other_layers_have_no_such_tensors(void **state)
{
    (void)state;
    static const mlp_tensor tensors[] = {MLP_SCALE, MLP_MEAN, MLP_VARIANCE,
                                         MLP_DSCALE};
    hook_record record = {0};
    mlp_net *net = new_net(&torchs, MLP_F64, &record);
    mlp_trainer *trainer = NULL;
    mlp_view view = mlp_view_f64(NULL, 7, 8);
    assert_int_equal(mlp_trainer_create(net, 4, &trainer), MLP_OK);
    for (size_t i = 0; i < COUNT(tensors); i++) {
        assert_told(&record, mlp_trainer_tensor(trainer, tensors[i], 2, &view),
                    MLP_ERR_ARGUMENT, "batch norm, got layer 2");
        assert_told(&record, mlp_trainer_tensor(trainer, tensors[i], 5, &view),
                    MLP_ERR_ARGUMENT, "got 5");
        assert_told(&record, mlp_net_tensor(net, tensors[i], 2, &view),
                    MLP_ERR_ARGUMENT, "");
    }
    assert_told(&record, mlp_trainer_tensor(trainer, MLP_DSCALE, 1, &view),
                MLP_ERR_ORDER, "backward");
    assert_true(view.rows == 7 && view.cols == 8);
    mlp_trainer_free(trainer);
    mlp_net_free(net);
}

/* ---------------------------------------------------------------------------
 * Training
 */

static void threads_and_kernels_give_the_same_bits(void **state)
{
    (void)state;
    static const size_t threads[] = {2, 3, 8};
    static const model wide = {20,
                               4,
                               {{65, MLP_ACT_RELU, 0, 0.5, true},
                                {33, MLP_ACT_TANH, 0, 0, true},
                                {17, MLP_ACT_RELU, 0, 0.2, false},
                                {3, MLP_ACT_SIGMOID, 0, 0, true}},
                               MLP_LOSS_BCE};
    FOR_EACH_PRECISION(dtype)
    {
        data d = {random_matrix(dtype, 1001, 20, -1, 1),
                  random_matrix(dtype, 1001, 3, 0, 1)};
        mlp_net *first = new_net(&wide, dtype, NULL);
        fit(first, d, 600, 1);
        for (size_t i = 0; i < COUNT(threads); i++) {
            mlp_net *net = new_net(&wide, dtype, NULL);
            fit(net, d, 600, threads[i]);
            assert_same_net(net, first);
            mlp_net_free(net);
        }
        for (size_t k = 0; mlp_kernels(k); k++) {
            mlp_config config = config_of(&wide, dtype, NULL);
            config.kernels = mlp_kernels(k);
            mlp_net *net = net_of(&config);
            fit(net, d, 600, k % 2 ? 1 : 3);
            assert_same_net(net, first);
            mlp_net_free(net);
        }
        mlp_net_free(first);
        free_data(d);
    }
}

static void step(mlp_trainer *trainer, data d)
{
    assert_int_equal(mlp_trainer_forward(trainer, ro(d.X)), MLP_OK);
    assert_int_equal(mlp_trainer_backward(trainer, ro(d.Y)), MLP_OK);
    assert_int_equal(mlp_trainer_update(trainer, 0.1), MLP_OK);
}

static void fit_is_its_steps(void **state)
{
    (void)state;
    mlp_net *fitted = new_net(&normed, MLP_F64, NULL);
    mlp_net *net = new_net(&normed, MLP_F64, NULL);
    data d = normed_data(MLP_F64, 12);
    mlp_trainer *trainer = NULL;
    fit(fitted, d, 0, 1);
    assert_int_equal(mlp_trainer_create(net, 12, &trainer), MLP_OK);
    for (size_t i = 0; i < 3; i++) {
        step(trainer, d);
    }
    assert_same_net(net, fitted);
    mlp_trainer_free(trainer);
    mlp_net_free(net);
    mlp_net_free(fitted);
    free_data(d);
}

/* Every forward is seen, whether or not an update follows. */
static void forwards_move_the_running_moments(void **state)
{
    (void)state;
    mlp_net *net = new_net(&normed, MLP_F64, NULL);
    mlp_trainer *trainer = NULL;
    data d = normed_data(MLP_F64, 12);
    assert_int_equal(mlp_trainer_create(net, 12, &trainer), MLP_OK);
    double mean[4] = {0};
    for (size_t i = 1; i < 4; i++) {
        assert_int_equal(mlp_trainer_forward(trainer, ro(d.X)), MLP_OK);
        mean[i] = mlp_cview_at(ctensor(net, MLP_MEAN, 1), 0, 4);
    }
    assert_relative(mean[2], 0.9 * mean[1] + mean[1], 1e-14);
    assert_relative(mean[3], 0.9 * mean[2] + mean[1], 1e-14);
    mlp_trainer_free(trainer);
    mlp_net_free(net);
    free_data(d);
}

/* One row is its own mean: Z = b, and there is no variance to learn from. */
static void one_row_is_normalised_to_the_shift(void **state)
{
    (void)state;
    FOR_EACH_PRECISION(dtype)
    {
        mlp_net *net = new_net(&normed, dtype, NULL);
        mlp_trainer *trainer = NULL;
        data d = normed_data(dtype, 1);
        fill(tensor(net, MLP_B, 1), 0.75);
        assert_int_equal(mlp_trainer_create(net, 1, &trainer), MLP_OK);
        assert_int_equal(mlp_trainer_forward(trainer, ro(d.X)), MLP_OK);
        assert_all(shown(trainer, MLP_Z, 1), 0.75);
        for (size_t i = 0; i < 20; i++) {
            step(trainer, d);
        }
        for (size_t l = 1; l <= 3; l++) {
            assert_all(ctensor(net, MLP_VARIANCE, l), 1);
            assert_all(shown(trainer, MLP_DSCALE, l), 0);
        }
        assert_true(mlp_cview_at(ctensor(net, MLP_MEAN, 1), 0, 0) != 0);
        mlp_view A = new_matrix(dtype, 1, 3, NULL);
        assert_int_equal(mlp_predict(net, ro(d.X), A), MLP_OK);
        for (size_t j = 0; j < 3; j++) {
            assert_true(isfinite(at(A, 0, j)));
        }
        fit(net, d, 0, 1);
        free(A.data);
        free_data(d);
        mlp_trainer_free(trainer);
        mlp_net_free(net);
    }
}

/* Columns that do not vary, and rows that are all the same. */
static void constant_columns_are_borne(void **state)
{
    (void)state;
    FOR_EACH_PRECISION(dtype)
    {
        mlp_net *net = new_net(&normed, dtype, NULL);
        data d = normed_data(dtype, 30);
        fill(d.X, 0.1);
        fit(net, d, 7, 1);
        for (size_t l = 1; l <= 3; l++) {
            mlp_cview W = ctensor(net, MLP_W, l);
            for (size_t i = 0; i < W.rows * W.cols; i++) {
                assert_true(isfinite(mlp_cview_at(W, i / W.cols, i % W.cols)));
            }
        }
        free_data(d);
        mlp_net_free(net);
    }
}

static void divergence_gives_back_the_running_moments(void **state)
{
    (void)state;
    hook_record record = {0};
    mlp_config config = config_of(&normed, MLP_F64, &record);
    config.loss = MLP_LOSS_MSE;
    mlp_net *net = net_of(&config);
    data d = normed_data(MLP_F64, 21);
    mlp_net *before = clone_of(net);
    mlp_train_options options = mlp_train_defaults();
    options.epochs = 5;
    options.batch_size = 7;
    options.shuffle = false;
    put(d.Y, 15, 1, 1e200); /* in the third batch */
    assert_int_equal(mlp_fit(net, ro(d.X), ro(d.Y), &options, NULL),
                     MLP_ERR_DIVERGED);
    assert_said(&record, "batch 2");
    assert_same_net(net, before);
    put(d.Y, 0, 1, 1e200); /* in the first: nothing was good yet */
    assert_int_equal(mlp_fit(net, ro(d.X), ro(d.Y), &options, NULL),
                     MLP_ERR_DIVERGED);
    assert_said(&record, "batch 0");
    assert_same_net(net, before);
    free_data(d);
    mlp_net_free(before);
    mlp_net_free(net);
}

/* ---------------------------------------------------------------------------
 * Gradients
 */

static double loss_now(mlp_trainer *trainer, data d)
{
    double loss = NAN;
    assert_int_equal(mlp_trainer_set_seed(trainer, 3), MLP_OK);
    assert_int_equal(mlp_trainer_forward(trainer, ro(d.X)), MLP_OK);
    assert_int_equal(mlp_trainer_loss(trainer, ro(d.Y), &loss), MLP_OK);
    return loss;
}

static double difference(mlp_trainer *trainer, data d, mlp_view parameters,
                         size_t i, size_t j)
{
    const double h = 0x1p-10;
    const double x = at(parameters, i, j);
    double loss[5];
    for (int around = -2; around <= 2; around++) {
        put(parameters, i, j, x + around * h);
        loss[around + 2] = loss_now(trainer, d);
    }
    put(parameters, i, j, x);
    return (8 * (loss[3] - loss[1]) - (loss[4] - loss[0])) / (12 * h);
}

static void compare(mlp_net *net, mlp_trainer *trainer, data d,
                    mlp_tensor which, size_t l)
{
    mlp_tensor gradient = which == MLP_W   ? MLP_DW
                          : which == MLP_B ? MLP_DB
                                           : MLP_DSCALE;
    mlp_view parameters = tensor(net, which, l);
    double error = 0;
    double size = 0;
    for (size_t i = 0; i < parameters.rows * parameters.cols; i++) {
        size_t row = i / parameters.cols;
        size_t col = i % parameters.cols;
        double exact = difference(trainer, d, parameters, row, col);
        (void)loss_now(trainer, d);
        assert_int_equal(mlp_trainer_backward(trainer, ro(d.Y)), MLP_OK);
        double got = mlp_cview_at(shown(trainer, gradient, l), row, col);
        error = fmax(error, fabs(got - exact));
        size = fmax(size, fabs(exact));
    }
    if (!(size > 1e-5 && error < 1e-7 * size)) {
        fail_msg("d%s[%zu] is off by %g of %g", mlp_tensor_name(which), l,
                 error, size);
    }
}

static void gradients_are_differences_of_the_loss(void **state)
{
    (void)state;
    mlp_config config = config_of(&normed, MLP_F64, NULL);
    config.batch_norm_epsilon = 0.1; /* differences of fifth order stay small */
    mlp_net *net = net_of(&config);
    mlp_trainer *trainer = NULL;
    data d = normed_data(MLP_F64, 9);
    assert_int_equal(mlp_trainer_create(net, 9, &trainer), MLP_OK);
    for (size_t l = 1; l <= 3; l++) {
        fill(tensor(net, MLP_SCALE, l), 0.7);
        fill(tensor(net, MLP_B, l), 0.1);
    }
    for (size_t l = 1; l <= 3; l++) {
        compare(net, trainer, d, MLP_W, l);
        compare(net, trainer, d, MLP_B, l);
        compare(net, trainer, d, MLP_SCALE, l);
    }
    free_data(d);
    mlp_trainer_free(trainer);
    mlp_net_free(net);
}

static void checked_gradients_are_right(void **state)
{
    (void)state;
    FOR_EACH_PRECISION(dtype)
    {
        mlp_net *net = new_net(&normed, dtype, NULL);
        mlp_net *before = clone_of(net);
        data d = normed_data(dtype, 9);
        mlp_gradient_check check = {.error = 1};
        assert_int_equal(
            mlp_check_gradients(net, ro(d.X), ro(d.Y), NULL, &check), MLP_OK);
        if (!(check.error < 1e-7)) {
            fail_msg("%s[%zu] is off by %g", mlp_tensor_name(check.tensor),
                     check.layer, check.error);
        }
        assert_int_equal(check.skipped, 0);
        assert_int_equal(check.checked, mlp_net_parameter_count(net));
        assert_same_net(net, before);
        free_data(d);
        mlp_net_free(before);
        mlp_net_free(net);
    }
}

/* ---------------------------------------------------------------------------
 * Predicting
 */

/* One row, some, and many with threads: an output depends on its row alone. */
static void rows_are_predicted_alone(void **state)
{
    (void)state;
    enum { MANY = 3000 };
    FOR_EACH_PRECISION(dtype)
    {
        mlp_net *net = new_net(&normed, dtype, NULL);
        data d = normed_data(dtype, MANY);
        fit(net, d, 300, 2);
        mlp_view A = new_matrix(dtype, MANY, 3, NULL);
        mlp_view B = new_matrix(dtype, MANY, 3, NULL);
        mlp_workspace *workspace = NULL;
        assert_int_equal(mlp_workspace_create(net, &workspace), MLP_OK);
        assert_int_equal(mlp_workspace_set_threads(workspace, 3), MLP_OK);
        assert_int_equal(mlp_predict_with(net, workspace, ro(d.X), A), MLP_OK);
        for (size_t i = 0, m = 1; i < MANY; i += m, m = m % 5 + 1) {
            mlp_cview X = mlp_cview_rows(ro(d.X), i, m);
            mlp_view rows = B;
            rows.rows = X.rows;
            assert_int_equal(mlp_predict(net, X, rows), MLP_OK);
            assert_same(ro(rows), mlp_cview_rows(ro(A), i, m));
        }
        mlp_workspace_free(workspace);
        free(A.data);
        free(B.data);
        free_data(d);
        mlp_net_free(net);
    }
}

static void a_workspace_is_for_the_same_layers(void **state)
{
    (void)state;
    model m = normed;
    m.layers[1].batch_norm = false;
    hook_record record = {0};
    mlp_net *net = new_net(&normed, MLP_F64, &record);
    mlp_net *other = new_net(&m, MLP_F64, NULL);
    mlp_workspace *workspace = NULL;
    mlp_view X = new_matrix(MLP_F64, 1, 5, NULL);
    mlp_view A = new_matrix(MLP_F64, 1, 3, NULL);
    assert_int_equal(mlp_workspace_create(other, &workspace), MLP_OK);
    assert_told(&record, mlp_predict_with(net, workspace, ro(X), A),
                MLP_ERR_ARGUMENT, "workspace");
    free(X.data);
    free(A.data);
    mlp_workspace_free(workspace);
    mlp_net_free(other);
    mlp_net_free(net);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(networks_are_pytorchs),
        cmocka_unit_test(networks_begin_with_nothing_seen),
        cmocka_unit_test(clones_go_on_alike),
        cmocka_unit_test(strange_constants_are_refused),
        cmocka_unit_test(other_layers_have_no_such_tensors),
        cmocka_unit_test(threads_and_kernels_give_the_same_bits),
        cmocka_unit_test(fit_is_its_steps),
        cmocka_unit_test(forwards_move_the_running_moments),
        cmocka_unit_test(one_row_is_normalised_to_the_shift),
        cmocka_unit_test(constant_columns_are_borne),
        cmocka_unit_test(divergence_gives_back_the_running_moments),
        cmocka_unit_test(gradients_are_differences_of_the_loss),
        cmocka_unit_test(checked_gradients_are_right),
        cmocka_unit_test(rows_are_predicted_alone),
        cmocka_unit_test(a_workspace_is_for_the_same_layers),
    };
    return cmocka_run_group_tests_name("batch_norm", tests, NULL, NULL);
}
