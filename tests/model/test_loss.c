/* SPDX-License-Identifier: MIT */
/*
 * Losses and their options have the values and gradients of PyTorch
 * (tests/vectors/make_losses.py), and labels are smoothed in training only.
 */
#include "support/saved_net.h"

enum { ROWS = 6, INPUTS = 3, HIDDEN = 4, OUTPUTS = 3 };

/* Returns a network of two layers with the parameters that PyTorch used. Some
 * cases have a loss and an activation that only files of MLP_NUMERICS 1
 * have. */
static mlp_net *network(mlp_dtype dtype, const mlp_config *like)
{
    mlp_config config = *like;
    config.precision = dtype;
    mlp_net *net = saved_net_of(&config);
    put_layers(net, "losses_parameters");
    return net;
}

static mlp_config config_for(mlp_layer layers[2], mlp_loss loss,
                             mlp_activation last)
{
    layers[0] = (mlp_layer){.width = HIDDEN, .activation = MLP_ACT_TANH};
    layers[1] = (mlp_layer){.width = OUTPUTS, .activation = last};
    mlp_config config = tutorial_config();
    config.inputs = INPUTS;
    config.layers = layers;
    config.n_layers = 2;
    config.loss = loss;
    return config;
}

/* ---------------------------------------------------------------------------
 * Against PyTorch
 */

enum targets { BITS, UNITS, CLASSES, ONE_HOT, DISTRIBUTIONS };

static mlp_view number_classes(void)
{
    vector v = read_vector("losses_classes");
    int32_t *classes = calloc(ROWS, sizeof *classes);
    assert_non_null(classes);
    for (size_t i = 0; i < ROWS; i++) {
        classes[i] = (int32_t)v.data[i];
    }
    free(v.data);
    return mlp_view_i32(classes, ROWS, 1);
}

static mlp_view targets_of(mlp_dtype dtype, enum targets kind)
{
    if (kind == BITS || kind == UNITS || kind == DISTRIBUTIONS) {
        return matrix_from(dtype, kind == BITS    ? "losses_bits"
                                  : kind == UNITS ? "losses_units"
                                                  : "losses_shares");
    }
    mlp_view classes = number_classes();
    if (kind == CLASSES) {
        return classes;
    }
    mlp_view Y = new_matrix(dtype, ROWS, OUTPUTS, NULL);
    for (size_t i = 0; i < ROWS; i++) {
        put(Y, i, (size_t)at(classes, i, 0), 1);
    }
    free(classes.data);
    return Y;
}

typedef struct tolerance {
    double relative, absolute;
} tolerance;

/* Compares the tensor with the numbers at *expected, and moves *expected past
 * them. */
static void assert_next(mlp_view view, tolerance t, int number,
                        const double **expected)
{
    for (size_t i = 0; i < view.rows * view.cols; i++) {
        check_near(at(view, i / view.cols, i % view.cols), *(*expected)++,
                   t.relative, t.absolute, "gradient of case", number);
    }
}

/* Checks a row of losses_cases.txt. */
static void assert_pytorchs(mlp_dtype dtype, const double *row, int number,
                            tolerance t)
{
    mlp_layer layers[2];
    mlp_config config =
        config_for(layers, (mlp_loss)row[0], (mlp_activation)row[1]);
    config.huber_delta = row[3];
    config.label_smoothing = row[4];
    mlp_net *net = network(dtype, &config);
    data d = {matrix_from(dtype, "losses_X"),
              targets_of(dtype, (enum targets)row[2])};
    mlp_trainer *trainer = NULL;
    double loss = NAN;
    assert_int_equal(mlp_trainer_create(net, ROWS, &trainer), MLP_OK);
    assert_int_equal(mlp_trainer_forward(trainer, ro(d.X)), MLP_OK);
    assert_int_equal(mlp_trainer_loss(trainer, ro(d.Y), &loss), MLP_OK);
    check_near(loss, row[5], t.relative, 0, "loss of case", number);
    assert_int_equal(mlp_trainer_backward(trainer, ro(d.Y)), MLP_OK);
    static const mlp_tensor tensors[] = {MLP_DW, MLP_DB};
    const double *next = row + 6;
    for (size_t i = 0; i < 4; i++) {
        mlp_view view;
        assert_int_equal(
            mlp_trainer_tensor(trainer, tensors[i % 2], 1 + i / 2, &view),
            MLP_OK);
        assert_next(view, t, number, &next);
    }
    assert_ptr_equal(next, row + 37);
    mlp_trainer_free(trainer);
    free_data(d);
    mlp_net_free(net);
}

static void losses_and_gradients_are_pytorchs(void **state)
{
    (void)state;
    vector cases = read_vector("losses_cases");
    assert_int_equal(cases.cols, 37);
    bool seen[64] = {false};
    for (size_t i = 0; i < cases.rows; i++) {
        const double *row = cases.data + 37 * i;
        assert_pytorchs(MLP_F64, row, (int)i, (tolerance){1e-12, 1e-15});
        assert_pytorchs(MLP_F32, row, (int)i, (tolerance){1e-5, 1e-6});
        seen[(size_t)row[0]] = true;
    }
    /* test_distributions.c has the later losses. */
    for (int loss = 0; loss <= MLP_LOSS_HUBER; loss++) {
        assert_true(seen[loss]);
    }
    free(cases.data);
}

/* ---------------------------------------------------------------------------
 * Smoothing
 */

/* What the epochs of a fit report. */
typedef struct watch {
    mlp_cview X, Y;
    size_t epochs;
} watch;

static bool check_epoch(const mlp_epoch_progress *progress, void *user)
{
    watch *l = user;
    mlp_scores scores;
    assert_int_equal(mlp_evaluate(progress->net, l->X, l->Y, &scores), MLP_OK);
    assert_true(progress->validation_loss == scores.loss);
    assert_true(progress->validation_accuracy == scores.accuracy);
    l->epochs++;
    return true;
}

static double loss_of(const mlp_net *net, data d)
{
    mlp_scores scores = {-1, -1};
    assert_int_equal(mlp_evaluate(net, ro(d.X), ro(d.Y), &scores), MLP_OK);
    return scores.loss;
}

static void check_smoothing(mlp_dtype dtype, mlp_loss loss, mlp_activation last,
                            enum targets kind)
{
    mlp_layer layers[2];
    mlp_config config = config_for(layers, loss, last);
    mlp_net *plain = network(dtype, &config);
    config.label_smoothing = 0.2;
    mlp_net *net = network(dtype, &config);
    data d = {matrix_from(dtype, "losses_X"), targets_of(dtype, kind)};
    assert_true(loss_of(net, d) == loss_of(plain, d));
    watch l = {ro(d.X), ro(d.Y), 0};
    mlp_train_options options = tutorial_options();
    options.epochs = 3;
    options.X_validation = l.X;
    options.Y_validation = l.Y;
    options.on_epoch = check_epoch;
    options.user = &l;
    mlp_history *history = NULL;
    double before = loss_of(net, d);
    assert_int_equal(mlp_fit(net, ro(d.X), ro(d.Y), &options, &history),
                     MLP_OK);
    assert_int_equal(l.epochs, 3);
    assert_true(mlp_history_losses(history)[0] != before);
    mlp_history_free(history);
    mlp_net_free(net);
    mlp_net_free(plain);
    free_data(d);
}

static void labels_are_smoothed_in_training_only(void **state)
{
    (void)state;
    FOR_EACH_PRECISION(p)
    {
        check_smoothing(p, MLP_LOSS_BCE, MLP_ACT_SIGMOID, BITS);
        check_smoothing(p, MLP_LOSS_CCE, MLP_ACT_SOFTMAX, CLASSES);
        check_smoothing(p, MLP_LOSS_CCE, MLP_ACT_SOFTMAX, DISTRIBUTIONS);
    }
}

/* The smoothed loss has its minimum where the outputs are the smoothed labels,
 * not at infinite weights. */
static void smoothed_labels_are_what_is_learnt(void **state)
{
    (void)state;
    static const double x[2] = {0, 1};
    static const int32_t classes[2] = {0, 2};
    FOR_EACH_PRECISION(p)
    {
        model m = {
            1, 1, {{.width = 3, .activation = MLP_ACT_SOFTMAX}}, MLP_LOSS_CCE};
        mlp_config config = config_of(&m, p, NULL);
        config.label_smoothing = 0.3;
        mlp_net *net = net_of(&config);
        mlp_view X = new_matrix(p, 2, 1, x);
        mlp_train_options options = tutorial_options();
        options.epochs = 4000;
        options.learning_rate = 1;
        assert_int_equal(
            mlp_fit(net, ro(X), mlp_cview_i32(classes, 2, 1), &options, NULL),
            MLP_OK);
        mlp_view A = new_matrix(p, 2, 3, NULL);
        assert_int_equal(mlp_predict(net, ro(X), A), MLP_OK);
        for (size_t i = 0; i < 2; i++) {
            for (size_t j = 0; j < 3; j++) {
                double expected = (size_t)classes[i] == j ? 0.8 : 0.1;
                assert_absolute(at(A, i, j), expected, 1e-5);
            }
        }
        free(A.data);
        free(X.data);
        mlp_net_free(net);
    }
}

/* ---------------------------------------------------------------------------
 * The options
 */

static void refuse(mlp_config *config, const char *message)
{
    hook_record record = {0};
    config->hooks = recording_hooks(&record);
    mlp_net *net = NULL;
    assert_told(&record, mlp_net_create(config, &net), MLP_ERR_ARGUMENT,
                message);
    assert_null(net);
}

static void delta_must_be_a_number_above_0(void **state)
{
    (void)state;
    static const double bad[] = {0, -1, (double)NAN, (double)INFINITY};
    mlp_layer layers[2];
    mlp_config config = config_for(layers, MLP_LOSS_HUBER, MLP_ACT_IDENTITY);
    assert_true(config.huber_delta == 1);
    for (size_t i = 0; i < COUNT(bad); i++) {
        config.huber_delta = bad[i];
        refuse(&config, "huber_delta: expects a finite float64 above 0, got ");
    }
    config.huber_delta = 1e-60;
    config.precision = MLP_F32;
    refuse(&config, "huber_delta: expects a finite float32 above 0");
}

static void smoothing_must_be_below_1_and_of_classes(void **state)
{
    (void)state;
    static const double bad[] = {-0.1, 1, (double)NAN};
    mlp_layer layers[2];
    mlp_config config = config_for(layers, MLP_LOSS_CCE, MLP_ACT_SOFTMAX);
    assert_true(config.label_smoothing == 0);
    for (size_t i = 0; i < COUNT(bad); i++) {
        config.label_smoothing = bad[i];
        config.loss = MLP_LOSS_CCE;
        refuse(&config, "label_smoothing: cce expects 0 or more and less");
        config.loss = MLP_LOSS_MAE;
        refuse(&config, "label_smoothing: mae expects 0, got");
    }
}

/* Copies, copies in float64 and saved states must keep the options. */
static void options_of_the_loss_go_with_the_network(void **state)
{
    (void)state;
    mlp_layer layers[2];
    mlp_config config = config_for(layers, MLP_LOSS_HUBER, MLP_ACT_IDENTITY);
    config.huber_delta = 0.125;
    FOR_EACH_PRECISION(p)
    {
        mlp_net *net = network(p, &config);
        mlp_net *copy = clone_of(net);
        data d = {matrix_from(p, "losses_X"), targets_of(p, UNITS)};
        assert_true(loss_of(copy, d) == loss_of(net, d));
        mlp_gradient_check worst;
        assert_int_equal(
            mlp_check_gradients(net, ro(d.X), ro(d.Y), NULL, &worst), MLP_OK);
        assert_true(worst.error < 1e-7 && worst.checked > 10);
        free_data(d);
        mlp_net_free(copy);
        mlp_net_free(net);
    }
}

static void states_of_other_losses_are_refused(void **state)
{
    (void)state;
    mlp_layer layers[2];
    mlp_config config = config_for(layers, MLP_LOSS_CCE, MLP_ACT_SOFTMAX);
    double *options[] = {&config.huber_delta, &config.label_smoothing};
    mlp_net *net = network(MLP_F64, &config);
    mlp_trainer *trainer = NULL;
    assert_int_equal(mlp_trainer_create(net, ROWS, &trainer), MLP_OK);
    size_t bytes = mlp_trainer_save_size(trainer);
    void *saved = malloc(bytes);
    assert_non_null(saved);
    assert_int_equal(mlp_trainer_save_memory(trainer, saved, bytes), MLP_OK);
    for (size_t i = 0; i < 2; i++) {
        double kept = *options[i];
        *options[i] = 0.5;
        mlp_net *other = network(MLP_F64, &config);
        mlp_trainer *into = NULL;
        assert_int_equal(mlp_trainer_create(other, ROWS, &into), MLP_OK);
        assert_int_equal(mlp_trainer_load_memory(into, saved, bytes),
                         MLP_ERR_ARGUMENT);
        mlp_trainer_free(into);
        mlp_net_free(other);
        *options[i] = kept;
    }
    assert_int_equal(mlp_trainer_load_memory(trainer, saved, bytes), MLP_OK);
    free(saved);
    mlp_trainer_free(trainer);
    mlp_net_free(net);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(losses_and_gradients_are_pytorchs),
        cmocka_unit_test(labels_are_smoothed_in_training_only),
        cmocka_unit_test(smoothed_labels_are_what_is_learnt),
        cmocka_unit_test(delta_must_be_a_number_above_0),
        cmocka_unit_test(smoothing_must_be_below_1_and_of_classes),
        cmocka_unit_test(options_of_the_loss_go_with_the_network),
        cmocka_unit_test(states_of_other_losses_are_refused),
    };
    return cmocka_run_group_tests_name("losses", tests, NULL, NULL);
}
