/* SPDX-License-Identifier: MIT */
/*
 * Backward from the caller's derivative, dJ/dX, and the gradients as one row:
 * compared with PyTorch (tests/vectors/make_backward.py makes the numbers),
 * with the library's own losses, with differences of the loss, and with one
 * network in place of two that are chained.
 */
#include "support/training.h"

static mlp_cview gradients_of(mlp_trainer *trainer)
{
    mlp_view view;
    assert_int_equal(mlp_trainer_gradients(trainer, &view), MLP_OK);
    assert_int_equal(view.rows, 1);
    return ro(view);
}

static mlp_cview seen(mlp_trainer *trainer, mlp_tensor which, size_t l)
{
    mlp_view view;
    assert_int_equal(mlp_trainer_tensor(trainer, which, l, &view), MLP_OK);
    return ro(view);
}

/* Returns the numbers of a view in an array of their own. */
static mlp_view copy_of(mlp_cview from)
{
    mlp_view copy = new_matrix(from.dtype, from.rows, from.cols, NULL);
    for (size_t i = 0; i < from.rows; i++) {
        for (size_t j = 0; j < from.cols; j++) {
            put(copy, i, j, mlp_cview_at(from, i, j));
        }
    }
    return copy;
}

/* Returns the largest difference of two views, divided by the largest number of
 * the second. */
static double deviation(mlp_cview got, mlp_cview expected)
{
    assert_int_equal(got.rows, expected.rows);
    assert_int_equal(got.cols, expected.cols);
    double most = 0;
    double largest = 0;
    for (size_t i = 0; i < got.rows; i++) {
        for (size_t j = 0; j < got.cols; j++) {
            double x = mlp_cview_at(expected, i, j);
            double error = fabs(mlp_cview_at(got, i, j) - x);
            assert_true(isfinite(error));
            most = fmax(most, error);
            largest = fmax(largest, fabs(x));
        }
    }
    return most == 0 ? 0 : most / largest;
}

/* ---------------------------------------------------------------------------
 * PyTorch
 */

enum { ROWS = 7, INPUTS = 3, FLAGS = 5, DX = ROWS * INPUTS, NUMBERS = 53 };

static mlp_net *fixture_net(const double *flags, mlp_dtype dtype)
{
    bool norm = flags[1] != 0;
    model m = {INPUTS,
               2,
               {{5, MLP_ACT_TANH, .batch_norm = norm},
                {4, (mlp_activation)flags[0], .batch_norm = norm}},
               MLP_LOSS_MSE};
    mlp_net *net = new_net(&m, dtype, NULL);
    vector v = read_vector("backward_parameters");
    mlp_view parameters;
    assert_int_equal(mlp_net_parameters(net, &parameters), MLP_OK);
    assert_int_equal(parameters.cols, norm ? NUMBERS : NUMBERS - 9);
    /* Without batch norm the five scales of layer 1 are missing. */
    for (size_t i = 0; i < parameters.cols; i++) {
        put(parameters, 0, i, v.data[norm || i < 20 ? i : i + 5]);
    }
    free(v.data);
    if (flags[2] != 0) {
        v = read_vector("backward_mean_std");
        assert_int_equal(mlp_net_set_scaling(net, v.data, v.data + INPUTS),
                         MLP_OK);
        free(v.data);
    }
    return net;
}

/* Returns the worst deviation of a case. */
static double run_case(const double *expected, mlp_dtype dtype)
{
    mlp_net *net = fixture_net(expected, dtype);
    mlp_trainer *trainer = trainer_of(net, ROWS + 2);
    mlp_view X = new_matrix(dtype, ROWS, INPUTS, NULL);
    mlp_view w = new_matrix(MLP_F64, ROWS, 1, NULL);
    mlp_view derivative = new_matrix(dtype, ROWS, 4, NULL);
    put_vector(X, "backward_X");
    put_vector(w, "backward_weights");
    put_vector(derivative, "backward_derivative");
    assert_int_equal(mlp_trainer_forward(trainer, ro(X)), MLP_OK);
    if (expected[3] != 0) {
        assert_int_equal(mlp_trainer_set_row_weights(trainer, ro(w)), MLP_OK);
    }
    assert_int_equal(expected[4] != 0
                         ? mlp_trainer_backward_from_dZ(trainer, ro(derivative))
                         : mlp_trainer_backward_from(trainer, ro(derivative)),
                     MLP_OK);
    mlp_cview gradients = gradients_of(trainer);
    double worst = deviation(seen(trainer, MLP_DX, 0),
                             mlp_cview_f64(expected + FLAGS, ROWS, INPUTS));
    worst =
        fmax(worst, deviation(gradients, mlp_cview_f64(expected + FLAGS + DX, 1,
                                                       gradients.cols)));
    free(X.data);
    free(w.data);
    free(derivative.data);
    mlp_trainer_free(trainer);
    mlp_net_free(net);
    return worst;
}

static void gradients_are_pytorchs(void **state)
{
    (void)state;
    static const double most[] = {2e-6, 2e-15};
    vector v = read_vector("backward_cases");
    assert_int_equal(v.cols, FLAGS + DX + NUMBERS);
    FOR_EACH_PRECISION(p)
    {
        double worst = 0;
        for (size_t i = 0; i < v.rows; i++) {
            double d = run_case(v.data + i * v.cols, p);
            worst = fmax(worst, d);
            if (!(d <= most[p])) {
                fail_msg("case %zu: deviation %g", i, d);
            }
        }
        print_message("# %s: %zu cases, worst deviation %.2g\n",
                      mlp_dtype_name(p), v.rows, worst);
    }
    free(v.data);
}

/* ---------------------------------------------------------------------------
 * The library's own losses
 */

/* Replaces outputs a by dJ/da of a loss whose rows all count 1. */
static void differentiate(mlp_loss loss, mlp_cview Y, mlp_view a)
{
    double m = (double)a.rows;
    double n = (double)a.cols;
    for (size_t i = 0; i < a.rows; i++) {
        for (size_t j = 0; j < a.cols; j++) {
            double x = at(a, i, j);
            double y = mlp_cview_at(Y, i, j);
            double d = loss == MLP_LOSS_MSE   ? 2 * (x - y) / (m * n)
                       : loss == MLP_LOSS_BCE ? (x - y) / (x * (1 - x) * m * n)
                                              : -y / (x * m);
            put(a, i, j, d);
        }
    }
}

/* The row weights have another sum than the number of rows. Targets of mse are
 * scaled. */
static double compare_with_backward(mlp_loss loss, mlp_activation last)
{
    static const double w[5] = {0.5, 3, 0, 1, 2.25};
    static const double mean[3] = {0.5, -1, 2};
    static const double std[3] = {0.25, 4, 3};
    const model m = {4, 2, {{6, MLP_ACT_TANH}, {3, last}}, loss};
    mlp_net *net = new_net(&m, MLP_F64, NULL);
    if (loss == MLP_LOSS_MSE) {
        assert_int_equal(mlp_net_set_target_scaling(net, mean, std), MLP_OK);
    }
    mlp_trainer *trainer = trainer_of(net, 5);
    mlp_optimizer sgd = mlp_optimizer_defaults(MLP_OPTIMIZER_SGD);
    sgd.l2 = 0.3;
    sgd.l1 = 0.1;
    assert_int_equal(mlp_trainer_set_optimizer(trainer, &sgd), MLP_OK);
    mlp_view X = random_matrix(MLP_F64, 5, 4, -2, 2);
    mlp_view Y = new_matrix(MLP_F64, 5, 3, NULL);
    mlp_view scaled = new_matrix(MLP_F64, 5, 3, NULL);
    for (size_t i = 0; i < 15; i++) {
        double y = i % 3 == i / 3 % 3;
        put(scaled, i / 3, i % 3, y);
        put(Y, i / 3, i % 3,
            loss == MLP_LOSS_MSE ? y * std[i % 3] + mean[i % 3] : y);
    }
    assert_int_equal(mlp_trainer_forward(trainer, ro(X)), MLP_OK);
    assert_int_equal(
        mlp_trainer_set_row_weights(trainer, mlp_cview_f64(w, 5, 1)), MLP_OK);
    assert_int_equal(mlp_trainer_backward(trainer, ro(Y)), MLP_OK);
    mlp_view expected = copy_of(gradients_of(trainer));
    mlp_view dA = copy_of(seen(trainer, MLP_A, 2));
    differentiate(loss, ro(scaled), dA);
    assert_int_equal(mlp_trainer_backward_from(trainer, ro(dA)), MLP_OK);
    double worst = deviation(gradients_of(trainer), ro(expected));
    free(X.data);
    free(Y.data);
    free(scaled.data);
    free(expected.data);
    free(dA.data);
    mlp_trainer_free(trainer);
    mlp_net_free(net);
    return worst;
}

static void own_losses_give_what_backward_gives(void **state)
{
    (void)state;
    double worst = compare_with_backward(MLP_LOSS_BCE, MLP_ACT_SIGMOID);
    worst = fmax(worst, compare_with_backward(MLP_LOSS_CCE, MLP_ACT_SOFTMAX));
    for (int last = MLP_ACT_IDENTITY; last <= MLP_ACT_SOFTPLUS; last++) {
        worst = fmax(worst,
                     compare_with_backward(MLP_LOSS_MSE, (mlp_activation)last));
    }
    print_message("# worst deviation from backward %.2g\n", worst);
    assert_true(worst < 1e-14);
}

/* ---------------------------------------------------------------------------
 * Threads and kernels
 */

/* This network is large enough for two threads. They divide layer 1 by its
 * outputs and the others by rows. */
static const model large_model = {40,
                                  3,
                                  {{160, MLP_ACT_GELU, .dropout = 0.3},
                                   {33, MLP_ACT_RELU, .batch_norm = true},
                                   {10, MLP_ACT_SOFTMAX}},
                                  MLP_LOSS_CCE};

/* Computes dX and all gradients from fixed numbers. */
static void run_large(mlp_dtype dtype, const char *kernels, size_t threads,
                      mlp_view *dX, mlp_view *gradients)
{
    enum { M = 150 };
    mlp_config config = config_of(&large_model, dtype, NULL);
    config.kernels = kernels;
    mlp_net *net = net_of(&config);
    mlp_view X = random_matrix(dtype, M, 40, -1, 1);
    mlp_view dA = random_matrix(dtype, M, 10, -1, 1);
    mlp_view w = random_matrix(MLP_F64, M, 1, 0, 5);
    assert_int_equal(mlp_net_standardise(net, ro(X)), MLP_OK);
    mlp_trainer *trainer = trainer_of(net, M);
    assert_int_equal(mlp_trainer_set_threads(trainer, threads), MLP_OK);
    assert_int_equal(mlp_trainer_forward(trainer, ro(X)), MLP_OK);
    assert_int_equal(mlp_trainer_set_row_weights(trainer, ro(w)), MLP_OK);
    assert_int_equal(mlp_trainer_backward_from(trainer, ro(dA)), MLP_OK);
    *dX = copy_of(seen(trainer, MLP_DX, 0));
    *gradients = copy_of(gradients_of(trainer));
    free(X.data);
    free(dA.data);
    free(w.data);
    mlp_trainer_free(trainer);
    mlp_net_free(net);
}

static void bits_depend_on_no_thread_and_no_kernel(void **state)
{
    (void)state;
    static const char *const kernels[] = {"portable", NULL, NULL};
    static const size_t threads[] = {1, 1, 2};
    FOR_EACH_PRECISION(p)
    {
        mlp_view dX[3];
        mlp_view gradients[3];
        for (size_t i = 0; i < COUNT(threads); i++) {
            run_large(p, kernels[i], threads[i], &dX[i], &gradients[i]);
            assert_same(ro(dX[i]), ro(dX[0]));
            assert_same(ro(gradients[i]), ro(gradients[0]));
        }
        for (size_t i = 0; i < COUNT(threads); i++) {
            free(dX[i].data);
            free(gradients[i].data);
        }
    }
}

/* ---------------------------------------------------------------------------
 * dJ/dX
 */

/* Returns J of the rows. The masks of dropout are the same each time. */
static double loss_of(mlp_trainer *trainer, mlp_view X, mlp_cview Y)
{
    double loss = 0;
    assert_int_equal(mlp_trainer_set_seed(trainer, 3), MLP_OK);
    assert_int_equal(mlp_trainer_forward(trainer, ro(X)), MLP_OK);
    assert_int_equal(mlp_trainer_loss(trainer, Y, &loss), MLP_OK);
    return loss;
}

/* Returns the deviation of dX from central differences of the loss. */
static double difference_of(const model *m, bool scales)
{
    static const double mean[3] = {0.5, -1, 2};
    static const double std[3] = {0.25, 4, 3};
    mlp_net *net = new_net(m, MLP_F64, NULL);
    if (scales) {
        assert_int_equal(mlp_net_set_scaling(net, mean, std), MLP_OK);
    }
    mlp_trainer *trainer = trainer_of(net, 6);
    mlp_view X = random_matrix(MLP_F64, 6, 3, -2, 2);
    mlp_view Y = random_matrix(MLP_F64, 6, 2, 0, 1);
    mlp_view numeric = new_matrix(MLP_F64, 6, 3, NULL);
    for (size_t i = 0; i < 18; i++) {
        double h = 1e-5 * (scales ? std[i % 3] : 1);
        double x = at(X, i / 3, i % 3);
        put(X, i / 3, i % 3, x + h);
        double above = loss_of(trainer, X, ro(Y));
        put(X, i / 3, i % 3, x - h);
        double below = loss_of(trainer, X, ro(Y));
        put(X, i / 3, i % 3, x);
        put(numeric, i / 3, i % 3, (above - below) / (2 * h));
    }
    (void)loss_of(trainer, X, ro(Y));
    assert_int_equal(mlp_trainer_backward(trainer, ro(Y)), MLP_OK);
    double worst = deviation(seen(trainer, MLP_DX, 0), ro(numeric));
    free(X.data);
    free(Y.data);
    free(numeric.data);
    mlp_trainer_free(trainer);
    mlp_net_free(net);
    return worst;
}

static void input_gradients_are_differences_of_the_loss(void **state)
{
    (void)state;
    static const model models[] = {
        {3, 1, {{2, MLP_ACT_SIGMOID}}, MLP_LOSS_BCE},
        {3, 2, {{8, MLP_ACT_TANH}, {2, MLP_ACT_IDENTITY}}, MLP_LOSS_MSE},
        {3,
         2,
         {{9, MLP_ACT_GELU, .dropout = 0.4}, {2, MLP_ACT_SIGMOID}},
         MLP_LOSS_BCE},
        {3,
         3,
         {{7, MLP_ACT_SILU, .batch_norm = true},
          {5, MLP_ACT_SOFTPLUS, .dropout = 0.2},
          {2, MLP_ACT_TANH, .batch_norm = true}},
         MLP_LOSS_HUBER}};
    double worst = 0;
    for (size_t i = 0; i < 2 * COUNT(models); i++) {
        worst = fmax(worst, difference_of(&models[i / 2], i % 2 == 1));
    }
    print_message("# worst deviation from differences %.2g\n", worst);
    assert_true(worst < 1e-8);
}

/* One network and the same layers as two: the second one's dX is the first
 * one's dA. */
static void two_networks_are_one(void **state)
{
    (void)state;
    static const model whole = {3,
                                4,
                                {{6, MLP_ACT_RELU},
                                 {4, MLP_ACT_TANH},
                                 {5, MLP_ACT_RELU},
                                 {1, MLP_ACT_SIGMOID}},
                                MLP_LOSS_BCE};
    FOR_EACH_PRECISION(p)
    {
        model first = whole;
        model second = whole;
        first.n_layers = 2;
        first.loss = MLP_LOSS_MSE;
        second.inputs = 4;
        second.n_layers = 2;
        memcpy(second.layers, whole.layers + 2, 2 * sizeof *second.layers);
        mlp_net *nets[3] = {new_net(&whole, p, NULL), new_net(&first, p, NULL),
                            new_net(&second, p, NULL)};
        mlp_trainer *trainers[3];
        mlp_cview all;
        mlp_view part;
        size_t done = 0;
        assert_int_equal(mlp_net_cparameters(nets[0], &all), MLP_OK);
        for (size_t i = 0; i < 3; i++) {
            trainers[i] = trainer_of(nets[i], 8);
            assert_int_equal(mlp_net_parameters(nets[i], &part), MLP_OK);
            for (size_t j = 0; i > 0 && j < part.cols; j++, done++) {
                put(part, 0, j, mlp_cview_at(all, 0, done));
            }
        }
        assert_int_equal(done, all.cols);
        mlp_view X = random_matrix(p, 8, 3, -2, 2);
        mlp_view Y = random_matrix(p, 8, 1, 0, 1);
        assert_int_equal(mlp_trainer_forward(trainers[0], ro(X)), MLP_OK);
        assert_int_equal(mlp_trainer_backward(trainers[0], ro(Y)), MLP_OK);
        assert_int_equal(mlp_trainer_forward(trainers[1], ro(X)), MLP_OK);
        assert_int_equal(
            mlp_trainer_forward(trainers[2], seen(trainers[1], MLP_A, 2)),
            MLP_OK);
        assert_int_equal(mlp_trainer_backward(trainers[2], ro(Y)), MLP_OK);
        assert_int_equal(mlp_trainer_backward_from(
                             trainers[1], seen(trainers[2], MLP_DX, 0)),
                         MLP_OK);
        assert_same(seen(trainers[1], MLP_DX, 0), seen(trainers[0], MLP_DX, 0));
        mlp_cview gradients = gradients_of(trainers[0]);
        size_t cut = mlp_net_parameter_count(nets[1]);
        assert_same(gradients_of(trainers[1]),
                    mlp_cview_cols(gradients, 0, cut));
        assert_same(gradients_of(trainers[2]),
                    mlp_cview_cols(gradients, cut, gradients.cols));
        free(X.data);
        free(Y.data);
        for (size_t i = 0; i < 3; i++) {
            mlp_trainer_free(trainers[i]);
            mlp_net_free(nets[i]);
        }
    }
}

/* ---------------------------------------------------------------------------
 * Promises
 */

/* After a failure the gradients are those of the last backward. */
static void what_does_not_fit_changes_nothing(void **state)
{
    (void)state;
    double rows[15] = {1, 2, 3};
    float singles[8] = {0};
    const struct {
        mlp_cview d;
        mlp_status status;
        const char *part;
    } wrong[] = {
        {mlp_cview_f64(rows, 4, 1), MLP_ERR_SHAPE, "expects 3 rows, got 4"},
        {mlp_cview_f64(rows, 0, 1), MLP_ERR_SHAPE, "expects 3 rows, got 0"},
        {mlp_cview_f64(rows, 3, 2), MLP_ERR_SHAPE, "expects 1 column, got 2"},
        {mlp_cview_f32(singles, 3, 1), MLP_ERR_DTYPE, "got float32"},
        {mlp_cview_f64(NULL, 3, 1), MLP_ERR_NULL, ""},
    };
    hook_record record = {0};
    mlp_net *net = new_net(&xor_model, MLP_F64, &record);
    mlp_trainer *trainer = trainer_of(net, 4);
    mlp_cview good = mlp_cview_f64(rows, 3, 1);
    assert_told(&record, mlp_trainer_backward_from(trainer, good),
                MLP_ERR_ORDER, "forward");
    assert_told(&record, mlp_trainer_backward_from_dZ(trainer, good),
                MLP_ERR_ORDER, "forward");
    assert_int_equal(mlp_trainer_forward(trainer, mlp_cview_f64(rows, 3, 2)),
                     MLP_OK);
    mlp_view view = mlp_view_f64(NULL, 7, 8);
    assert_told(&record, mlp_trainer_gradients(trainer, &view), MLP_ERR_ORDER,
                "backward");
    assert_true(view.rows == 7 && view.cols == 8);
    assert_int_equal(mlp_trainer_backward_from(trainer, good), MLP_OK);
    mlp_view before = copy_of(gradients_of(trainer));
    for (size_t i = 0; i < COUNT(wrong); i++) {
        assert_told(&record, mlp_trainer_backward_from(trainer, wrong[i].d),
                    wrong[i].status, wrong[i].part);
        assert_said(&record, "dA");
        assert_told(&record, mlp_trainer_backward_from_dZ(trainer, wrong[i].d),
                    wrong[i].status, wrong[i].part);
        assert_said(&record, "dZ");
        assert_same(gradients_of(trainer), ro(before));
    }
    assert_told(&record, mlp_trainer_gradients(trainer, NULL), MLP_ERR_NULL,
                "");
    assert_int_equal(mlp_trainer_gradients(NULL, &view), MLP_ERR_NULL);
    assert_int_equal(mlp_trainer_backward_from(NULL, good), MLP_ERR_NULL);
    assert_int_equal(mlp_trainer_backward_from_dZ(NULL, good), MLP_ERR_NULL);
    free(before.data);
    mlp_trainer_free(trainer);
    mlp_net_free(net);
}

static void assert_no_input_gradient(hook_record *record, mlp_trainer *trainer,
                                     size_t l, mlp_status status,
                                     const char *part)
{
    mlp_view view = mlp_view_f64(NULL, 7, 8);
    assert_told(record, mlp_trainer_tensor(trainer, MLP_DX, l, &view), status,
                part);
    assert_true(view.rows == 7 && view.cols == 8 && !view.data);
}

static void an_input_gradient_comes_before_the_update(void **state)
{
    (void)state;
    hook_record record = {0};
    mlp_net *net = new_net(&xor_model, MLP_F64, &record);
    mlp_trainer *trainer = trainer_of(net, 4);
    data d = xor_data(MLP_F64);
    assert_no_input_gradient(&record, trainer, 0, MLP_ERR_ORDER, "backward");
    assert_int_equal(mlp_trainer_forward(trainer, ro(d.X)), MLP_OK);
    assert_no_input_gradient(&record, trainer, 0, MLP_ERR_ORDER, "backward");
    assert_int_equal(mlp_trainer_backward(trainer, ro(d.Y)), MLP_OK);
    assert_no_input_gradient(&record, trainer, 1, MLP_ERR_ARGUMENT,
                             "got layer 1");
    assert_int_equal(mlp_trainer_update(trainer, 0.5), MLP_OK);
    assert_no_input_gradient(&record, trainer, 0, MLP_ERR_ORDER, "update");
    assert_int_equal(mlp_trainer_backward(trainer, ro(d.Y)), MLP_OK);
    mlp_view first = copy_of(seen(trainer, MLP_DX, 0));
    assert_int_equal(mlp_trainer_update(trainer, 0.5), MLP_OK);
    assert_same(seen(trainer, MLP_DX, 0), ro(first)); /* it stays */
    assert_int_equal(mlp_trainer_backward(trainer, ro(d.Y)), MLP_OK);
    assert_true(deviation(seen(trainer, MLP_DX, 0), ro(first)) > 0);
    assert_int_equal(mlp_trainer_step(trainer, ro(d.X), ro(d.Y), 0.1, NULL),
                     MLP_OK);
    assert_no_input_gradient(&record, trainer, 0, MLP_ERR_ORDER, "update");
    assert_int_equal(mlp_trainer_forward(trainer, ro(d.X)), MLP_OK);
    assert_no_input_gradient(&record, trainer, 0, MLP_ERR_ORDER, "backward");
    free(first.data);
    free_data(d);
    mlp_trainer_free(trainer);
    mlp_net_free(net);
}

static void an_input_gradient_allocates_once(void **state)
{
    (void)state;
    hook_record record = {0};
    mlp_net *net = new_net(&xor_model, MLP_F64, &record);
    mlp_trainer *trainer = trainer_of(net, 4);
    data d = xor_data(MLP_F64);
    assert_int_equal(
        mlp_trainer_forward(trainer, mlp_cview_rows(ro(d.X), 0, 1)), MLP_OK);
    assert_int_equal(
        mlp_trainer_backward(trainer, mlp_cview_rows(ro(d.Y), 0, 1)), MLP_OK);
    size_t before = record.allocations;
    record.fail_at = before + 1;
    assert_no_input_gradient(&record, trainer, 0, MLP_ERR_MEMORY,
                             "dX: out of memory");
    mlp_view one = copy_of(seen(trainer, MLP_DX, 0));
    assert_int_equal(mlp_trainer_forward(trainer, ro(d.X)), MLP_OK);
    assert_int_equal(mlp_trainer_backward(trainer, ro(d.Y)), MLP_OK);
    assert_int_equal(seen(trainer, MLP_DX, 0).rows, 4);
    assert_int_equal(record.allocations, before + 2);
    assert_true(at(one, 0, 0) != 0); /* that it was computed */
    free(one.data);
    free_data(d);
    mlp_trainer_free(trainer);
    mlp_net_free(net);
    assert_int_equal(record.live, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gradients_are_pytorchs),
        cmocka_unit_test(own_losses_give_what_backward_gives),
        cmocka_unit_test(bits_depend_on_no_thread_and_no_kernel),
        cmocka_unit_test(input_gradients_are_differences_of_the_loss),
        cmocka_unit_test(two_networks_are_one),
        cmocka_unit_test(what_does_not_fit_changes_nothing),
        cmocka_unit_test(an_input_gradient_comes_before_the_update),
        cmocka_unit_test(an_input_gradient_allocates_once),
    };
    return cmocka_run_group_tests_name("backward_from", tests, NULL, NULL);
}
