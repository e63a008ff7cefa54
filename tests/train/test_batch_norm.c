/* SPDX-License-Identifier: MIT */
/*
 * Batch normalisation in networks: creating, copying and saving them, training,
 * gradients and predicting. test_batch_norm_kernels.c has the kernels, and
 * test_batch_norm_pytorch.c compares the numbers to PyTorch's.
 */
#include "support/training.h"

static mlp_cview shown(mlp_trainer *trainer, mlp_tensor which, size_t l)
{
    mlp_view view;
    assert_int_equal(mlp_trainer_tensor(trainer, which, l, &view), MLP_OK);
    return ro(view);
}

/* ---------------------------------------------------------------------------
 * Creating, copying, saving
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
    mlp_train_options options = tutorial_options();
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
    model m = normed;
    m.layers[1].batch_norm = false;
    mlp_net *net = new_net(&m, MLP_F64, &record);
    mlp_trainer *trainer = NULL;
    mlp_view view = mlp_view_f64(NULL, 7, 8);
    assert_int_equal(mlp_trainer_create(net, 4, &trainer), MLP_OK);
    for (size_t i = 0; i < COUNT(tensors); i++) {
        assert_told(&record, mlp_trainer_tensor(trainer, tensors[i], 2, &view),
                    MLP_ERR_ARGUMENT, "layer 2: expects batch norm");
        assert_told(&record, mlp_trainer_tensor(trainer, tensors[i], 4, &view),
                    MLP_ERR_ARGUMENT, "got 4");
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

/* Every forward moves the running moments, whether or not an update follows. */
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

/* One row is its own mean, so Z = b, and the running variance stays as it
 * is. */
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

/* All inputs are the same number, so no column has a variance. */
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
    mlp_train_options options = tutorial_options();
    options.epochs = 5;
    options.batch_size = 7;
    options.shuffle = false;
    put(d.Y, 15, 1, 1e200); /* diverges in the third batch */
    assert_int_equal(mlp_fit(net, ro(d.X), ro(d.Y), &options, NULL),
                     MLP_ERR_DIVERGED);
    assert_said(&record, "batch 2");
    assert_same_net(net, before);
    put(d.Y, 0, 1, 1e200); /* diverges in the first batch */
    assert_int_equal(mlp_fit(net, ro(d.X), ro(d.Y), &options, NULL),
                     MLP_ERR_DIVERGED);
    assert_said(&record, "batch 0");
    assert_same_net(net, before);
    free_data(d);
    mlp_net_free(before);
    mlp_net_free(net);
}

typedef struct least {
    mlp_cview X, Y;
    double loss;
    size_t epoch;
} least;

static bool note_least(const mlp_epoch_progress *progress, void *user)
{
    least *l = user;
    mlp_scores scores = {NAN, NAN};
    assert_int_equal(mlp_evaluate(progress->net, l->X, l->Y, &scores), MLP_OK);
    if (progress->epoch == 0 || scores.loss < l->loss) {
        l->loss = scores.loss;
        l->epoch = progress->epoch;
    }
    return true;
}

/* The best weights come back with the running moments that they had. */
static void the_best_epoch_comes_back_whole(void **state)
{
    (void)state;
    mlp_net *net = new_net(&normed, MLP_F64, NULL);
    data d = normed_data(MLP_F64, 30);
    data other = {random_matrix(MLP_F64, 11, 5, -2, 1),
                  random_matrix(MLP_F64, 11, 3, 0, 1)};
    least l = {ro(other.X), ro(other.Y), NAN, 0};
    mlp_train_options options = tutorial_options();
    options.epochs = 60;
    options.learning_rate = 3;
    options.batch_size = 10;
    options.X_validation = l.X;
    options.Y_validation = l.Y;
    options.on_epoch = note_least;
    options.user = &l;
    assert_int_equal(mlp_fit(net, ro(d.X), ro(d.Y), &options, NULL), MLP_OK);
    assert_true(l.epoch < 59); /* the last epoch is not the best */
    mlp_scores scores = {NAN, NAN};
    assert_int_equal(mlp_evaluate(net, l.X, l.Y, &scores), MLP_OK);
    assert_true(scores.loss == l.loss);
    free_data(other);
    free_data(d);
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
    config.batch_norm_epsilon = 0.1; /* keeps higher derivatives small */
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

/* Rows are predicted one by one, in small groups, and all together by three
 * threads: an output depends on its row alone. */
static void rows_are_predicted_alone(void **state)
{
    (void)state;
    enum { ALL_ROWS = 3000 };
    FOR_EACH_PRECISION(dtype)
    {
        mlp_net *net = new_net(&normed, dtype, NULL);
        data d = normed_data(dtype, ALL_ROWS);
        fit(net, d, 300, 2);
        mlp_view A = new_matrix(dtype, ALL_ROWS, 3, NULL);
        mlp_view B = new_matrix(dtype, ALL_ROWS, 3, NULL);
        mlp_workspace *workspace = NULL;
        assert_int_equal(mlp_workspace_create(net, &workspace), MLP_OK);
        assert_int_equal(mlp_workspace_set_threads(workspace, 3), MLP_OK);
        assert_int_equal(mlp_predict_with(net, workspace, ro(d.X), A), MLP_OK);
        for (size_t i = 0, m = 1; i < ALL_ROWS; i += m, m = m % 5 + 1) {
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
        cmocka_unit_test(the_best_epoch_comes_back_whole),
        cmocka_unit_test(gradients_are_differences_of_the_loss),
        cmocka_unit_test(checked_gradients_are_right),
        cmocka_unit_test(rows_are_predicted_alone),
        cmocka_unit_test(a_workspace_is_for_the_same_layers),
    };
    return cmocka_run_group_tests_name("batch_norm", tests, NULL, NULL);
}
