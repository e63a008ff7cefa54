/* SPDX-License-Identifier: MIT */
/*
 * mlp_check_gradients finds all gradients right: for every activation of the
 * hidden layers, with every activation of the outputs and every loss, and with
 * everything that changes a gradient (dropout, penalties, row weights). It
 * finds a derivative that is wrong.
 */
#include "support/training.h"

#include "model/net.h"

enum { ROWS = 6, INPUTS = 4, OUTPUTS = 3 };

static const double good_enough = 1e-7;

/* The targets suit every loss: they are positive, and each row has the sum
 * 1. */
static data data_of(mlp_dtype dtype)
{
    data d = {random_matrix(dtype, ROWS, INPUTS, -1, 1),
              random_matrix(dtype, ROWS, OUTPUTS, 0.1, 1)};
    for (size_t i = 0; i < ROWS; i++) {
        double sum = at(d.Y, i, 0) + at(d.Y, i, 1) + at(d.Y, i, 2);
        for (size_t j = 0; j < OUTPUTS; j++) {
            put(d.Y, i, j, at(d.Y, i, j) / sum);
        }
    }
    return d;
}

/* What varies in networks of three layers. */
typedef struct kind {
    int f, g, loss;
    double dropout;
} kind;

/* Returns NULL if there is no such network, because softmax cannot be in the
 * middle. The biases are not 0, so that no row lies on a corner. */
static mlp_net *net_of_kind(const kind *k, mlp_dtype dtype)
{
    mlp_layer layers[] = {
        {.width = 7,
         .activation = (mlp_activation)k->f,
         .slope = 0.3,
         .dropout = k->dropout},
        {.width = 5,
         .activation = (mlp_activation)k->f,
         .slope = 0.2,
         .dropout = k->dropout},
        {.width = OUTPUTS, .activation = (mlp_activation)k->g, .slope = 0.1}};
    mlp_config config = tutorial_config();
    config.inputs = INPUTS;
    config.layers = layers;
    config.n_layers = 3;
    config.loss = (mlp_loss)k->loss;
    config.precision = dtype;
    config.init = MLP_INIT_GLOROT;
    config.huber_delta = 0.2;
    mlp_net *net = NULL;
    if (mlpi_net_create_saved(&config, &net) != MLP_OK) {
        return NULL;
    }
    mlp_rng rng = mlp_rng_seeded(5);
    for (size_t l = 1; l <= 3; l++) {
        mlp_view b = tensor(net, MLP_B, l);
        for (size_t j = 0; j < b.cols; j++) {
            put(b, 0, j, mlp_rng_uniform(&rng, -0.3, 0.3) + (l == 3) * 0.5);
        }
    }
    return net;
}

static mlp_gradient_check checked(const mlp_net *net, data d,
                                  const mlp_train_options *options)
{
    mlp_gradient_check worst;
    memset(&worst, 0x55, sizeof worst);
    assert_int_equal(
        mlp_check_gradients(net, ro(d.X), ro(d.Y), options, &worst), MLP_OK);
    assert_int_equal(worst.checked + worst.skipped,
                     mlp_net_parameter_count(net));
    return worst;
}

/* ---------------------------------------------------------------------------
 * Right gradients
 */

/* Asserts that the gradients are right, and returns how many were checked. */
static size_t assert_right(const kind *k, mlp_dtype dtype,
                           const mlp_train_options *options)
{
    mlp_net *net = net_of_kind(k, dtype);
    if (!net) {
        return 0;
    }
    data d = data_of(dtype);
    mlp_gradient_check worst = checked(net, d, options);
    if (!(worst.error < good_enough && worst.skipped <= worst.checked / 5)) {
        fail_msg("%s, %s, %s: d%s[%zu] (%zu, %zu) is %.10g, not %.10g; "
                 "%zu skipped",
                 mlp_activation_name((mlp_activation)k->f),
                 mlp_activation_name((mlp_activation)k->g),
                 mlp_loss_name((mlp_loss)k->loss),
                 mlp_tensor_name(worst.tensor), worst.layer, worst.row,
                 worst.col, worst.analytic, worst.numeric, worst.skipped);
    }
    mlp_net_free(net);
    free_data(d);
    return worst.checked;
}

/* True if all activations are the same, or if softmax comes after tanh. */
static bool is_plain(int f, int g)
{
    return f == g || (f == MLP_ACT_TANH && g == MLP_ACT_SOFTMAX);
}

/* Goes through all activations and losses; without options through all pairs of
 * activations too. */
static void assert_all_right(double dropout, const mlp_train_options *options)
{
    size_t n = 0;
    FOR_EACH_PRECISION(p)
    {
        for (int f = MLP_ACT_AUTO + 1; mlp_activation_name((mlp_activation)f);
             f++) {
            for (int g = MLP_ACT_AUTO + 1;
                 mlp_activation_name((mlp_activation)g); g++) {
                for (int loss = 0; mlp_loss_name((mlp_loss)loss); loss++) {
                    kind k = {f, g, loss, dropout};
                    bool skips = options && !is_plain(f, g);
                    n += skips ? 0 : assert_right(&k, p, options);
                }
            }
        }
    }
    assert_true(n > 4000);
}

static void every_activation_and_loss_is_right(void **state)
{
    (void)state;
    assert_all_right(0, NULL);
}

/* One of the row weights is 0. Classes have weights too if the loss has
 * classes. */
static void weights_are_right(void **state)
{
    (void)state;
    static const double of_rows[ROWS] = {0.5, 2, 0, 1, 3, 0.25};
    static const double of_classes[OUTPUTS] = {0.5, 4, 1};
    mlp_train_options options = tutorial_options();
    options.optimizer.l2 = 0.3;
    options.row_weights = mlp_cview_f64(of_rows, ROWS, 1);
    assert_all_right(0, &options);
    options.class_weights = of_classes;
    for (int f = MLP_ACT_AUTO + 1; mlp_activation_name((mlp_activation)f);
         f++) {
        kind k = {f, MLP_ACT_SOFTMAX, MLP_LOSS_CCE, 0.4};
        (void)assert_right(&k, MLP_F64, &options);
        k.g = MLP_ACT_SIGMOID;
        (void)assert_right(&k, MLP_F32, &options);
    }
}

static void dropout_is_right(void **state)
{
    (void)state;
    mlp_train_options options = tutorial_options();
    for (options.seed = 0; options.seed < 3; options.seed++) {
        assert_all_right(0.4, &options);
    }
}

static void penalties_are_right(void **state)
{
    (void)state;
    mlp_train_options options = tutorial_options();
    options.optimizer.l2 = 0.3;
    assert_all_right(0, &options);
    options.optimizer.l1 = 0.2;
    assert_all_right(0.2, &options);
    options.optimizer.l2 = 0;
    assert_all_right(0, &options);
}

/* A weight of 0 is at the corner of its own l1 penalty. */
static void corners_of_a_penalty_are_skipped(void **state)
{
    (void)state;
    kind k = {MLP_ACT_TANH, MLP_ACT_SIGMOID, MLP_LOSS_BCE, 0};
    mlp_net *net = net_of_kind(&k, MLP_F64);
    data d = data_of(MLP_F64);
    put(tensor(net, MLP_W, 2), 1, 1, 0);
    mlp_train_options options = tutorial_options();
    options.optimizer.l1 = 0.1;
    mlp_gradient_check worst = checked(net, d, &options);
    assert_true(worst.error < good_enough && worst.skipped == 1);
    mlp_net_free(net);
    free_data(d);
}

static void the_seed_of_dropout_is_the_options(void **state)
{
    (void)state;
    kind k = {MLP_ACT_TANH, MLP_ACT_SIGMOID, MLP_LOSS_BCE, 0.5};
    mlp_net *net = net_of_kind(&k, MLP_F64);
    data d = data_of(MLP_F64);
    mlp_train_options options = tutorial_options();
    mlp_gradient_check a = checked(net, d, NULL);
    mlp_gradient_check b = checked(net, d, &options);
    assert_true(a.analytic == b.analytic && a.numeric == b.numeric);
    options.seed++;
    b = checked(net, d, &options);
    assert_true(a.analytic != b.analytic && a.numeric != b.numeric);
    mlp_net_free(net);
    free_data(d);
}

/* ---------------------------------------------------------------------------
 * Corners, scales
 */

/* One row is all 0 and there are no biases, so every hidden neuron is at ReLU's
 * corner. Moving its bias crosses the corner; moving its weights does not,
 * because they are multiplied by 0. */
static void corners_at_the_spot_are_skipped(void **state)
{
    (void)state;
    model m = xor_model;
    m.layers[0].activation = MLP_ACT_RELU;
    FOR_EACH_PRECISION(p)
    {
        mlp_net *net = new_net(&m, p, NULL);
        data d = xor_data(p);
        mlp_gradient_check worst = checked(net, d, NULL);
        assert_true(worst.error < good_enough);
        assert_int_equal(worst.skipped, 4);
        mlp_net_free(net);
        free_data(d);
    }
}

/* Here the corner is at many distances from a weight, on both sides: a
 * difference must not cross it unnoticed. */
/* The second derivative of ELU jumps at 0, where a row of zeros lies as long as
 * the bias is 0. The more other rows there are, the smaller is the term that
 * this leaves in the differences, and the easier it is to overlook. */
static void jumps_of_the_second_derivative_are_no_error(void **state)
{
    (void)state;
    mlp_layer layer = {.width = 1, .activation = MLP_ACT_ELU, .slope = 1};
    mlp_config config = mlp_config_defaults();
    config.inputs = 1;
    config.layers = &layer;
    config.n_layers = 1;
    config.loss = MLP_LOSS_MSE;
    for (size_t m = 2; m < 60; m++) {
        mlp_net *net = net_of(&config);
        data d = {random_matrix(MLP_F64, m, 1, 0.1, 1),
                  random_matrix(MLP_F64, m, 1, -3, 3)};
        mlp_gradient_check found = {.error = 1};
        put(tensor(net, MLP_W, 1), 0, 0, 0.7);
        put(tensor(net, MLP_B, 1), 0, 0, 0);
        put(d.X, 0, 0, 0);
        assert_int_equal(
            mlp_check_gradients(net, ro(d.X), ro(d.Y), NULL, &found), MLP_OK);
        if (!(found.error < good_enough)) {
            fail_msg("%zu rows: error %g", m, found.error);
        }
        assert_true(found.checked > 0);
        mlp_net_free(net);
        free_data(d);
    }
}

static void corners_nearby_do_not_count(void **state)
{
    (void)state;
    model m = {1,
               2,
               {{.width = 1, .activation = MLP_ACT_RELU},
                {.width = 1, .activation = MLP_ACT_TANH}},
               MLP_LOSS_MSE};
    static const double one = 1.0;
    data d = {new_matrix(MLP_F64, 1, 1, &one), new_matrix(MLP_F64, 1, 1, &one)};
    mlp_net *net = new_net(&m, MLP_F64, NULL);
    put(tensor(net, MLP_W, 2), 0, 0, 0.8);
    size_t skipped = 0;
    for (int side = -1; side <= 1; side += 2) {
        double distance = 1;
        for (int i = 0; i < 106; i++, distance *= 0.77) {
            put(tensor(net, MLP_W, 1), 0, 0, side * distance);
            mlp_gradient_check worst = checked(net, d, NULL);
            assert_true(worst.error < good_enough);
            assert_true(distance < 4e-6 || worst.skipped == 0);
            skipped += worst.skipped;
        }
    }
    assert_true(skipped > 0);
    mlp_net_free(net);
    free_data(d);
}

/* Asserts that the gradient that was checked is the trainer's, except for
 * rounding. */
static void assert_trainers(mlp_net *net, data d,
                            const mlp_gradient_check *worst)
{
    mlp_trainer *trainer = NULL;
    mlp_view gradient;
    assert_int_equal(mlp_trainer_create(net, d.X.rows, &trainer), MLP_OK);
    assert_int_equal(mlp_trainer_forward(trainer, ro(d.X)), MLP_OK);
    assert_int_equal(mlp_trainer_backward(trainer, ro(d.Y)), MLP_OK);
    assert_int_equal(
        mlp_trainer_tensor(trainer, worst->tensor == MLP_W ? MLP_DW : MLP_DB,
                           worst->layer, &gradient),
        MLP_OK);
    assert_absolute(at(gradient, worst->row, worst->col), worst->analytic,
                    mlp_net_precision(net) == MLP_F64 ? 0 : 1e-6);
    mlp_trainer_free(trainer);
}

/* The inputs are large, and first the network standardises them; then it does
 * not. */
static void large_inputs_are_no_obstacle(void **state)
{
    (void)state;
    kind k = {MLP_ACT_TANH, MLP_ACT_SIGMOID, MLP_LOSS_BCE, 0};
    FOR_EACH_PRECISION(p)
    {
        mlp_net *net = net_of_kind(&k, p);
        data d = data_of(p);
        for (size_t i = 0; i < ROWS * INPUTS; i++) {
            size_t row = i / INPUTS;
            put(d.X, row, i % INPUTS, 3000 + 100 * at(d.X, row, i % INPUTS));
        }
        assert_int_equal(mlp_net_standardise(net, ro(d.X)), MLP_OK);
        mlp_gradient_check worst = checked(net, d, NULL);
        assert_true(worst.error < good_enough && worst.skipped == 0);
        assert_true(fabs(worst.analytic) > 1e-5); /* not saturated */
        assert_trainers(net, d, &worst);
        assert_int_equal(mlp_net_set_scaling(net, NULL, NULL), MLP_OK);
        mlp_view W = tensor(net, MLP_W, 1);
        for (size_t i = 0; i < 7 * INPUTS; i++) {
            size_t row = i / INPUTS;
            put(W, row, i % INPUTS, at(W, row, i % INPUTS) / 3000);
        }
        worst = checked(net, d, NULL);
        assert_true(worst.error < good_enough && worst.skipped == 0);
        mlp_net_free(net);
        free_data(d);
    }
}

/* ---------------------------------------------------------------------------
 * Wrong gradients, from tables of kernels in which one kernel is wrong
 */

static const mlpi_kernels *right; /* the table that is changed */

/* Makes dZ of the outputs too large by one part in a hundred thousand. */
static void wrong_difference(size_t n, double scale, const void *a,
                             const void *y, void *d)
{
    right->difference(n, scale * 1.00001, a, y, d);
}

/* Makes the second of five db too large by as much. */
static void wrong_column_sums(const mlpi_column_sums_args *args)
{
    right->column_sums(args);
    ((double *)args->sums)[1] *= args->n == 5 ? 1.00001 : 1.0;
}

/* Makes one number of the second layer's dW (5, 7) wrong: that of row 3, column
 * 6. dW lies input-major. */
static void wrong_product(const mlpi_gemm_args *product)
{
    right->gemm(product);
    if (product->m == 7 && product->n == 5 && product->k == ROWS) {
        ((double *)product->C)[6 * 5 + 3] += 1e-6;
    }
}

static mlpi_gemm_function *wrong_gemm_select(const mlpi_gemm_args *product)
{
    (void)product;
    return wrong_product;
}

static void no_column_sums(const mlpi_column_sums_args *args)
{
    right->column_sums(args);
    ((double *)args->sums)[0] = NAN;
}

/* Checks a sigmoid network that has these kernels. */
static mlp_gradient_check found_with(mlpi_kernels *wrong)
{
    kind k = {MLP_ACT_SIGMOID, MLP_ACT_SIGMOID, MLP_LOSS_BCE, 0};
    mlp_net *net = net_of_kind(&k, MLP_F64);
    data d = data_of(MLP_F64);
    wrong->f64 = wrong;
    net->kernels = wrong;
    mlp_gradient_check worst = checked(net, d, NULL);
    mlp_net_free(net);
    free_data(d);
    return worst;
}

static void wrong_derivatives_are_found(void **state)
{
    (void)state;
    right = mlpi_kernels_find(MLP_F64, NULL);
    mlpi_kernels wrong = *right;
    wrong.difference = wrong_difference;
    mlp_gradient_check worst = found_with(&wrong);
    assert_relative(worst.error, 1e-5, 1e-3);

    wrong = *right;
    wrong.column_sums = wrong_column_sums;
    worst = found_with(&wrong);
    assert_true(worst.error > 10 * good_enough);
    assert_int_equal(worst.layer, 2);
    assert_int_equal(worst.tensor, MLP_B);
    assert_int_equal(worst.col, 1);
    assert_relative(worst.analytic, worst.numeric * 1.00001, 1e-7);

    wrong = *right;
    wrong.gemm = wrong_product;
    wrong.gemm_select = wrong_gemm_select;
    worst = found_with(&wrong);
    assert_true(worst.error > 10 * good_enough);
    assert_int_equal(worst.layer, 2);
    assert_int_equal(worst.tensor, MLP_W);
    assert_int_equal(worst.row, 3);
    assert_int_equal(worst.col, 6);
    assert_absolute(worst.analytic - worst.numeric, 1e-6, 1e-10);
}

static void gradients_that_are_no_numbers_are_found(void **state)
{
    (void)state;
    right = mlpi_kernels_find(MLP_F64, NULL);
    mlpi_kernels wrong = *right;
    wrong.column_sums = no_column_sums;
    mlp_gradient_check worst = found_with(&wrong);
    assert_true(isinf(worst.error) && isnan(worst.analytic));
    assert_int_equal(worst.tensor, MLP_B);
}

/* ---------------------------------------------------------------------------
 * Arguments
 */

static void the_network_and_its_data_stay(void **state)
{
    (void)state;
    FOR_EACH_PRECISION(p)
    {
        mlp_net *net = new_net(&square_model, p, NULL);
        mlp_net *before = clone_of(net);
        data d = {random_matrix(p, ROWS, 5, -1, 1),
                  random_matrix(p, ROWS, 5, 0, 1)};
        data copy = {random_matrix(p, ROWS, 5, -1, 1),
                     random_matrix(p, ROWS, 5, 0, 1)};
        (void)checked(net, d, NULL);
        assert_same_net(net, before);
        assert_same(ro(d.X), ro(copy.X));
        assert_same(ro(d.Y), ro(copy.Y));
        mlp_net_free(net);
        mlp_net_free(before);
        free_data(d);
        free_data(copy);
    }
}

static void bad_arguments_are_refused(void **state)
{
    (void)state;
    hook_record record = {0};
    mlp_net *net = new_net(&xor_model, MLP_F64, &record);
    data d = xor_data(MLP_F64);
    mlp_cview X = ro(d.X);
    mlp_cview Y = ro(d.Y);
    mlp_gradient_check worst = {.error = 7};
    assert_int_equal(mlp_check_gradients(NULL, X, Y, NULL, &worst),
                     MLP_ERR_NULL);
    assert_told(&record, mlp_check_gradients(net, X, Y, NULL, NULL),
                MLP_ERR_NULL, "worst");
    assert_told(&record, mlp_check_gradients(net, Y, Y, NULL, &worst),
                MLP_ERR_SHAPE, "X");
    assert_told(&record, mlp_check_gradients(net, X, X, NULL, &worst),
                MLP_ERR_SHAPE, "Y");
    assert_told(&record,
                mlp_check_gradients(net, mlp_cview_rows(X, 0, 0),
                                    mlp_cview_rows(Y, 0, 0), NULL, &worst),
                MLP_ERR_SHAPE, "X: expects at least 1 row, got 0");
    X.dtype = MLP_F32;
    assert_told(&record, mlp_check_gradients(net, X, Y, NULL, &worst),
                MLP_ERR_DTYPE, "X");
    put(d.X, 2, 1, NAN);
    assert_told(&record, mlp_check_gradients(net, ro(d.X), Y, NULL, &worst),
                MLP_ERR_NOT_FINITE, "X");
    put(d.X, 2, 1, 0);
    put(d.Y, 2, 0, 1.5);
    assert_told(&record, mlp_check_gradients(net, ro(d.X), Y, NULL, &worst),
                MLP_ERR_ARGUMENT, "Y");
    put(d.Y, 2, 0, 1);
    mlp_train_options options = tutorial_options();
    options.optimizer.l2 = -1;
    assert_told(&record, mlp_check_gradients(net, ro(d.X), Y, &options, &worst),
                MLP_ERR_ARGUMENT, "l2");
    options = tutorial_options();
    options.reserved[0] = 3;
    assert_told(&record, mlp_check_gradients(net, ro(d.X), Y, &options, &worst),
                MLP_ERR_ARGUMENT, "options, reserved: expects zeros, got 3");
    options.reserved[0] = 0;
    double weights[] = {1, 1, -1, 1};
    options.row_weights = mlp_cview_f64(weights, 4, 1);
    assert_told(&record, mlp_check_gradients(net, ro(d.X), Y, &options, &worst),
                MLP_ERR_ARGUMENT, "row_weights");
    options.row_weights.rows = 3;
    assert_told(&record, mlp_check_gradients(net, ro(d.X), Y, &options, &worst),
                MLP_ERR_SHAPE, "row_weights");
    options.row_weights.rows = 4;
    memset(weights, 0, sizeof weights);
    assert_told(&record, mlp_check_gradients(net, ro(d.X), Y, &options, &worst),
                MLP_ERR_ARGUMENT, "sum");
    options.row_weights.rows = 0;
    weights[1] = -1;
    options.class_weights = weights;
    assert_told(&record, mlp_check_gradients(net, ro(d.X), Y, &options, &worst),
                MLP_ERR_ARGUMENT, "class_weights");
    assert_true(worst.error == 7);
    mlp_net_free(net);
    free_data(d);
    assert_int_equal(record.live, 0);
}

/* Loss and gradients are exactly 0, and so is the scale of errors. */
static void a_network_that_is_perfect_has_no_error(void **state)
{
    (void)state;
    mlp_layer layer = {.width = 1};
    mlp_config config = tutorial_config();
    config.inputs = 1;
    config.layers = &layer;
    config.n_layers = 1;
    config.loss = MLP_LOSS_MSE;
    config.init = MLP_INIT_ZEROS;
    mlp_net *net = NULL;
    assert_int_equal(mlp_net_create(&config, &net), MLP_OK);
    const double x = 1;
    const double y = 0;
    mlp_gradient_check worst;
    assert_int_equal(mlp_check_gradients(net, mlp_cview_f64(&x, 1, 1),
                                         mlp_cview_f64(&y, 1, 1), NULL, &worst),
                     MLP_OK);
    assert_true(worst.error == 0);
    assert_int_equal(worst.checked, 2);
    mlp_net_free(net);
}

static void a_loss_that_overflows_is_told(void **state)
{
    (void)state;
    hook_record record = {0};
    mlp_net *net = new_net(&square_model, MLP_F64, &record);
    data d = {random_matrix(MLP_F64, ROWS, 5, -1, 1),
              random_matrix(MLP_F64, ROWS, 5, 0, 1)};
    put(d.Y, 0, 0, 1e200);
    mlp_gradient_check worst = {.error = 7};
    assert_told(&record,
                mlp_check_gradients(net, ro(d.X), ro(d.Y), NULL, &worst),
                MLP_ERR_DIVERGED, "finite");
    assert_true(worst.error == 7);
    mlp_net_free(net);
    free_data(d);
    assert_int_equal(record.live, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_activation_and_loss_is_right),
        cmocka_unit_test(weights_are_right),
        cmocka_unit_test(dropout_is_right),
        cmocka_unit_test(penalties_are_right),
        cmocka_unit_test(corners_of_a_penalty_are_skipped),
        cmocka_unit_test(the_seed_of_dropout_is_the_options),
        cmocka_unit_test(corners_at_the_spot_are_skipped),
        cmocka_unit_test(jumps_of_the_second_derivative_are_no_error),
        cmocka_unit_test(corners_nearby_do_not_count),
        cmocka_unit_test(large_inputs_are_no_obstacle),
        cmocka_unit_test(wrong_derivatives_are_found),
        cmocka_unit_test(gradients_that_are_no_numbers_are_found),
        cmocka_unit_test(the_network_and_its_data_stay),
        cmocka_unit_test(bad_arguments_are_refused),
        cmocka_unit_test(a_network_that_is_perfect_has_no_error),
        cmocka_unit_test(a_loss_that_overflows_is_told),
    };
    return cmocka_run_group_tests_name("check_gradients", tests, NULL, NULL);
}
