/* SPDX-License-Identifier: MIT */
/*
 * Training in one call. The tutorial's runs are compared with NumPy's: every
 * loss of every epoch and the final weights. Other tests check that a fit has
 * the same bits as its steps, done one after another, and that history and
 * callbacks report what happened.
 */
#include "support/training.h"

static mlp_train_options options_of(size_t epochs, double alpha, size_t batch)
{
    mlp_train_options options = tutorial_options();
    options.epochs = epochs;
    options.learning_rate = alpha;
    options.batch_size = batch;
    return options;
}

static mlp_history *fit(mlp_net *net, data d, const mlp_train_options *options)
{
    mlp_history *history = NULL;
    assert_int_equal(mlp_fit(net, ro(d.X), ro(d.Y), options, &history), MLP_OK);
    assert_non_null(history);
    return history;
}

/* Trains a new network and returns it. */
static mlp_net *fitted(const model *m, data d, const mlp_train_options *options)
{
    mlp_net *net = new_net(m, d.X.dtype, NULL);
    assert_int_equal(mlp_fit(net, ro(d.X), ro(d.Y), options, NULL), MLP_OK);
    return net;
}

/* ---------------------------------------------------------------------------
 * The tutorial's runs
 */

static void assert_losses(const mlp_history *history, const char *name,
                          double relative, double absolute)
{
    vector v = read_vector(name);
    assert_int_equal(mlp_history_epochs(history), v.rows * v.cols);
    const double *losses = mlp_history_losses(history);
    for (size_t i = 0; i < v.rows * v.cols; i++) {
        double most = relative * fabs(v.data[i]) + absolute;
        if (!(fabs(losses[i] - v.data[i]) <= most)) {
            fail_msg("%s, epoch %zu: got %.17g, expected %.17g", name, i,
                     losses[i], v.data[i]);
        }
    }
    free(v.data);
}

/* Checks the weights against <name>_W<l>_final and <name>_b<l>_final of
 * tests/vectors. */
static void assert_final(const mlp_net *net, const char *name)
{
    for (size_t l = 1; l <= mlp_net_layer_count(net); l++) {
        char file[64];
        (void)snprintf(file, sizeof file, "%s_W%zu_final", name, l);
        assert_vector(ctensor(net, MLP_W, l), file, 1e-10);
        (void)snprintf(file, sizeof file, "%s_b%zu_final", name, l);
        assert_vector(ctensor(net, MLP_B, l), file, 1e-10);
    }
}

static void xor_is_the_tutorials(void **state)
{
    (void)state;
    mlp_train_options options = options_of(5000, 0.5, 0);
    FOR_EACH_PRECISION(p)
    {
        bool wide = p == MLP_F64;
        mlp_net *net = new_net(&xor_model, p, NULL);
        data d = xor_data(p);
        mlp_history *history = fit(net, d, &options);
        assert_losses(history, "xor_loss", wide ? 1e-12 : 0, wide ? 0 : 1e-5);
        if (wide) {
            mlp_view A = new_matrix(p, 4, 1, NULL);
            assert_final(net, "xor");
            assert_int_equal(mlp_predict(net, ro(d.X), A), MLP_OK);
            assert_vector(ro(A), "xor_prediction", 1e-10);
            free(A.data);
        }
        mlp_scores scores = {0, 0};
        assert_int_equal(mlp_evaluate(net, ro(d.X), ro(d.Y), &scores), MLP_OK);
        assert_true(scores.accuracy == 1.0);
        mlp_history_free(history);
        free_data(d);
        mlp_net_free(net);
    }
}

static void moons_is_the_tutorials(void **state)
{
    (void)state;
    vector accuracy = read_vector("moons_accuracy");
    mlp_train_options options = options_of(2000, 0.1, 0);
    FOR_EACH_PRECISION(p)
    {
        bool wide = p == MLP_F64;
        mlp_net *net = new_net(&moons_model, p, NULL);
        data train = moons_data(p, "moons_train");
        data test = moons_data(p, "moons_test");
        mlp_history *history = fit(net, train, &options);
        assert_losses(history, "moons_loss", wide ? 1e-12 : 0, wide ? 0 : 1e-5);
        if (wide) {
            assert_final(net, "moons");
        }
        const data sets[2] = {train, test};
        for (size_t i = 0; i < 2; i++) {
            mlp_scores scores = {0, 0};
            assert_int_equal(
                mlp_evaluate(net, ro(sets[i].X), ro(sets[i].Y), &scores),
                MLP_OK);
            assert_true(scores.accuracy == accuracy.data[i]);
        }
        mlp_history_free(history);
        free_data(test);
        free_data(train);
        mlp_net_free(net);
    }
    free(accuracy.data);
}

static void batches_are_numpys(void **state)
{
    (void)state;
    mlp_train_options options = options_of(20, 0.1, 32);
    FOR_EACH_PRECISION(p)
    {
        bool wide = p == MLP_F64;
        mlp_net *net = new_net(&moons_model, p, NULL);
        data d = moons_data(p, "moons_train");
        mlp_history *history = fit(net, d, &options);
        assert_losses(history, "batches_loss", wide ? 1e-12 : 0,
                      wide ? 0 : 1e-5);
        if (wide) {
            assert_final(net, "batches");
        }
        mlp_history_free(history);
        free_data(d);
        mlp_net_free(net);
    }
}

/* ---------------------------------------------------------------------------
 * A fit is its steps, one after another
 */

/* Trains on the rows order[0..rows-1] in one step. Returns the loss times the
 * number of rows. */
static double own_step(mlp_trainer *trainer, data d, const size_t *order,
                       size_t rows, double alpha)
{
    mlp_view X = new_matrix(d.X.dtype, rows, d.X.cols, NULL);
    mlp_view Y = new_matrix(d.X.dtype, rows, d.Y.cols, NULL);
    assert_int_equal(mlp_gather_rows(ro(d.X), order, NULL, X), MLP_OK);
    assert_int_equal(mlp_gather_rows(ro(d.Y), order, NULL, Y), MLP_OK);
    double loss = NAN;
    assert_int_equal(mlp_trainer_forward(trainer, ro(X)), MLP_OK);
    assert_int_equal(mlp_trainer_loss(trainer, ro(Y), &loss), MLP_OK);
    assert_int_equal(mlp_trainer_backward(trainer, ro(Y)), MLP_OK);
    assert_int_equal(mlp_trainer_update(trainer, alpha), MLP_OK);
    free(X.data);
    free(Y.data);
    return loss * (double)rows;
}

/* Trains by single steps, as mlp_fit is documented to do, and fills
 * losses[epochs]. */
static void own_fit(mlp_net *net, data d, const mlp_train_options *options,
                    double *losses)
{
    size_t m = d.X.rows;
    size_t batch = options->batch_size ? options->batch_size : m;
    size_t *order = malloc(m * sizeof *order);
    assert_non_null(order);
    for (size_t i = 0; i < m; i++) {
        order[i] = i;
    }
    mlp_rng rng = mlp_rng_seeded(options->seed);
    mlp_trainer *trainer = NULL;
    assert_int_equal(mlp_trainer_create(net, batch, &trainer), MLP_OK);
    for (size_t epoch = 0; epoch < options->epochs; epoch++) {
        if (options->shuffle && batch < m) {
            assert_int_equal(mlp_rng_permutation(&rng, m, order), MLP_OK);
        }
        losses[epoch] = 0;
        for (size_t i = 0; i < m; i += batch) {
            size_t rows = m - i < batch ? m - i : batch;
            losses[epoch] +=
                own_step(trainer, d, order + i, rows, options->learning_rate) /
                (double)m;
        }
    }
    mlp_trainer_free(trainer);
    free(order);
}

static void assert_fit_is_own_fit(mlp_dtype p, const mlp_train_options *options)
{
    mlp_net *net = new_net(&square_model, p, NULL);
    mlp_net *expected = clone_of(net);
    data d = {random_matrix(p, 45, 5, -1, 1), random_matrix(p, 45, 5, 0, 1)};
    double losses[6];
    own_fit(expected, d, options, losses);
    mlp_history *history = fit(net, d, options);
    assert_int_equal(mlp_history_epochs(history), options->epochs);
    for (size_t i = 0; i < options->epochs; i++) {
        assert_relative(mlp_history_losses(history)[i], losses[i], 1e-14);
    }
    assert_same_net(net, expected);
    mlp_history_free(history);
    free_data(d);
    mlp_net_free(expected);
    mlp_net_free(net);
}

static void fit_is_the_steps_one_after_another(void **state)
{
    (void)state;
    static const size_t batches[] = {0, 1, 7, 9, 44, 45};
    FOR_EACH_PRECISION(p)
    {
        for (size_t i = 0; i < COUNT(batches); i++) {
            mlp_train_options options = options_of(6, 0.125, batches[i]);
            assert_fit_is_own_fit(p, &options);
            options.seed = 7;
            assert_fit_is_own_fit(p, &options);
            options.shuffle = false;
            assert_fit_is_own_fit(p, &options);
        }
    }
}

static void batch_above_all_rows_is_all_rows(void **state)
{
    (void)state;
    FOR_EACH_PRECISION(p)
    {
        data d = {random_matrix(p, 10, 5, -1, 1),
                  random_matrix(p, 10, 5, 0, 1)};
        mlp_train_options all = options_of(9, 0.1, 0);
        mlp_net *expected = fitted(&square_model, d, &all);
        static const size_t batches[] = {10, 11, 1000, SIZE_MAX};
        for (size_t i = 0; i < COUNT(batches); i++) {
            mlp_train_options options = options_of(9, 0.1, batches[i]);
            mlp_net *net = fitted(&square_model, d, &options);
            assert_same_net(net, expected);
            mlp_net_free(net);
        }
        mlp_net_free(expected);
        free_data(d);
    }
}

static void fit_goes_on_where_it_stopped(void **state)
{
    (void)state;
    FOR_EACH_PRECISION(p)
    {
        data d = xor_data(p);
        mlp_train_options twenty = options_of(20, 0.5, 0);
        mlp_train_options ten = options_of(10, 0.5, 0);
        mlp_net *expected = fitted(&xor_model, d, &twenty);
        mlp_net *net = fitted(&xor_model, d, &ten);
        assert_int_equal(mlp_fit(net, ro(d.X), ro(d.Y), &ten, NULL), MLP_OK);
        assert_same_net(net, expected);
        mlp_net_free(net);
        mlp_net_free(expected);
        free_data(d);
    }
}

static void fit_reads_any_strides(void **state)
{
    (void)state;
    FOR_EACH_PRECISION(p)
    {
        data d = {random_matrix(p, 33, 5, -1, 1),
                  random_matrix(p, 33, 5, 0, 1)};
        mlp_view X_store = new_matrix(p, 5, 33, NULL);
        mlp_view Y_store = new_matrix(p, 33, 15, NULL);
        data odd = {{p, 33, 5, 1, 33, X_store.data},
                    {p, 33, 5, 15, 3, Y_store.data}};
        for (size_t i = 0; i < 33 * 5; i++) {
            put(odd.X, i / 5, i % 5, at(d.X, i / 5, i % 5));
            put(odd.Y, i / 5, i % 5, at(d.Y, i / 5, i % 5));
        }
        mlp_train_options options = options_of(4, 0.1, 8);
        mlp_net *expected = fitted(&square_model, d, &options);
        mlp_net *net = fitted(&square_model, odd, &options);
        assert_same_net(net, expected);
        mlp_net_free(net);
        mlp_net_free(expected);
        free_data(odd);
        free_data(d);
    }
}

static void fit_has_the_same_bits_with_all_kernels_and_again(void **state)
{
    (void)state;
    FOR_EACH_PRECISION(p)
    {
        data d = moons_data(p, "moons_train");
        mlp_train_options options = options_of(5, 0.1, 30);
        mlp_net *expected = fitted(&moons_model, d, &options);
        for (size_t k = 0; mlp_kernels(k); k++) {
            mlp_config config = config_of(&moons_model, p, NULL);
            config.kernels = mlp_kernels(k);
            mlp_net *net = net_of(&config);
            assert_int_equal(mlp_fit(net, ro(d.X), ro(d.Y), &options, NULL),
                             MLP_OK);
            assert_same_net(net, expected);
            mlp_net_free(net);
        }
        mlp_net_free(expected);
        free_data(d);
    }
}

/* ---------------------------------------------------------------------------
 * Options, history, callback
 */

static void no_options_are_the_defaults(void **state)
{
    (void)state;
    mlp_train_options defaults = mlp_train_defaults();
    assert_int_equal(defaults.optimizer.kind, MLP_OPTIMIZER_AUTO);
    assert_true(defaults.standardise);
    assert_true(defaults.shuffle);
    assert_int_equal(defaults.seed, 42);
    assert_true(!defaults.on_epoch && !defaults.user);
    data d = xor_data(MLP_F64);
    mlp_net *expected = fitted(&xor_model, d, &defaults);
    mlp_net *net = new_net(&xor_model, MLP_F64, NULL);
    mlp_history *history = fit(net, d, NULL);
    assert_int_equal(mlp_history_epochs(history), 2000);
    assert_same_net(net, expected);
    mlp_history_free(history);
    mlp_net_free(net);
    mlp_net_free(expected);
    free_data(d);
}

static void no_epochs_change_nothing(void **state)
{
    (void)state;
    data d = xor_data(MLP_F64);
    mlp_net *net = new_net(&xor_model, MLP_F64, NULL);
    mlp_net *before = clone_of(net);
    mlp_train_options none = options_of(0, 0.5, 0);
    mlp_history *history = fit(net, d, &none);
    assert_int_equal(mlp_history_epochs(history), 0);
    assert_same_net(net, before);
    mlp_history_free(history);
    mlp_net_free(before);
    mlp_net_free(net);
    free_data(d);
}

static void history_answers_for_null(void **state)
{
    (void)state;
    assert_int_equal(mlp_history_epochs(NULL), 0);
    assert_null(mlp_history_losses(NULL));
    mlp_history_free(NULL);
}

typedef struct epochs_seen {
    data d;
    size_t calls, stop_after;
    double losses[10];
    double outputs[10];
} epochs_seen;

static bool write_diary(const mlp_epoch_progress *progress, void *user)
{
    epochs_seen *diary = user;
    assert_true(diary->calls < 10);
    assert_int_equal(progress->epoch, diary->calls);
    assert_int_equal(progress->epochs, 10);
    double out[4];
    assert_int_equal(
        mlp_predict(progress->net, ro(diary->d.X), mlp_view_f64(out, 4, 1)),
        MLP_OK);
    diary->losses[diary->calls] = progress->loss;
    diary->outputs[diary->calls] = out[2];
    diary->calls++;
    return diary->calls != diary->stop_after;
}

static void callback_sees_each_epoch_after_its_updates(void **state)
{
    (void)state;
    data d = xor_data(MLP_F64);
    mlp_train_options options = options_of(10, 0.5, 3);
    epochs_seen diary = {.d = d};
    options.on_epoch = write_diary;
    options.user = &diary;
    mlp_net *net = new_net(&xor_model, MLP_F64, NULL);
    mlp_history *history = fit(net, d, &options);
    assert_int_equal(diary.calls, 10);
    assert_int_equal(mlp_history_epochs(history), 10);
    assert_memory_equal(mlp_history_losses(history), diary.losses,
                        sizeof diary.losses);
    options.on_epoch = NULL;
    for (size_t epochs = 1; epochs <= 10; epochs++) {
        double out[4];
        options.epochs = epochs;
        mlp_net *shorter = fitted(&xor_model, d, &options);
        assert_int_equal(mlp_predict(shorter, ro(d.X), mlp_view_f64(out, 4, 1)),
                         MLP_OK);
        assert_true(out[2] == diary.outputs[epochs - 1]);
        mlp_net_free(shorter);
    }
    mlp_history_free(history);
    mlp_net_free(net);
    free_data(d);
}

static void callback_can_end_the_training(void **state)
{
    (void)state;
    data d = xor_data(MLP_F64);
    mlp_train_options options = options_of(10, 0.5, 0);
    epochs_seen diary = {.d = d, .stop_after = 4};
    options.on_epoch = write_diary;
    options.user = &diary;
    mlp_net *net = new_net(&xor_model, MLP_F64, NULL);
    mlp_history *history = fit(net, d, &options);
    assert_int_equal(diary.calls, 4);
    assert_int_equal(mlp_history_epochs(history), 4);
    assert_memory_equal(mlp_history_losses(history), diary.losses,
                        4 * sizeof *diary.losses);
    mlp_train_options four = options_of(4, 0.5, 0);
    mlp_net *expected = fitted(&xor_model, d, &four);
    assert_same_net(net, expected);
    mlp_net_free(expected);
    mlp_history_free(history);
    mlp_net_free(net);
    free_data(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(xor_is_the_tutorials),
        cmocka_unit_test(moons_is_the_tutorials),
        cmocka_unit_test(batches_are_numpys),
        cmocka_unit_test(fit_is_the_steps_one_after_another),
        cmocka_unit_test(batch_above_all_rows_is_all_rows),
        cmocka_unit_test(fit_goes_on_where_it_stopped),
        cmocka_unit_test(fit_reads_any_strides),
        cmocka_unit_test(fit_has_the_same_bits_with_all_kernels_and_again),
        cmocka_unit_test(no_options_are_the_defaults),
        cmocka_unit_test(no_epochs_change_nothing),
        cmocka_unit_test(history_answers_for_null),
        cmocka_unit_test(callback_sees_each_epoch_after_its_updates),
        cmocka_unit_test(callback_can_end_the_training),
    };
    return cmocka_run_group_tests_name("fit", tests, NULL, NULL);
}
