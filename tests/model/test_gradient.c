/* SPDX-License-Identifier: MIT */
/*
 * Gradients for every activation of a hidden layer, every activation of the
 * outputs and every loss are compared with the chain rule in NumPy, and with
 * differences of the loss, which is what a gradient is. Networks of files of
 * MLP_NUMERICS 1 may have any activation with any loss.
 */
#include "support/saved_net.h"

/* Visits each hidden activation f, output activation g, and loss. */
#define FOR_EACH_KIND(f, g, loss)                                              \
    for (int f = MLP_ACT_AUTO + 1; mlp_activation_name((mlp_activation)f);     \
         f++)                                                                  \
        for (int g = MLP_ACT_AUTO + 1; mlp_activation_name((mlp_activation)g); \
             g++)                                                              \
            for (int loss = 0; loss <= MLP_LOSS_HUBER; loss++)                 \
                if (f != MLP_ACT_SOFTMAX)

/* Returns targets from 0 to 1; for cce each row has the sum 1. */
static mlp_view targets_for(int loss, mlp_dtype dtype, size_t m, size_t n)
{
    mlp_view Y = random_matrix(dtype, m, n, 0, 1);
    for (size_t i = 0; i < m && loss == MLP_LOSS_CCE; i++) {
        double sum = 0;
        for (size_t j = 0; j < n; j++) {
            sum += at(Y, i, j);
        }
        for (size_t j = 0; j < n; j++) {
            put(Y, i, j, at(Y, i, j) / sum);
        }
    }
    return Y;
}

typedef struct problem {
    mlp_net *net;
    mlp_trainer *trainer;
    data d;
} problem;

static problem problem_of(const mlp_config *config, data d)
{
    problem p = {saved_net_of(config), NULL, d};
    assert_int_equal(mlp_trainer_create(p.net, d.X.rows, &p.trainer), MLP_OK);
    return p;
}

static void free_problem(problem *p)
{
    free_data(p->d);
    mlp_trainer_free(p->trainer);
    mlp_net_free(p->net);
}

static double loss_now(problem *p)
{
    double loss = NAN;
    assert_int_equal(mlp_trainer_forward(p->trainer, ro(p->d.X)), MLP_OK);
    assert_int_equal(mlp_trainer_loss(p->trainer, ro(p->d.Y), &loss), MLP_OK);
    return loss;
}

static void backward(problem *p)
{
    assert_int_equal(mlp_trainer_forward(p->trainer, ro(p->d.X)), MLP_OK);
    assert_int_equal(mlp_trainer_backward(p->trainer, ro(p->d.Y)), MLP_OK);
}

static mlp_view seen(const problem *p, mlp_tensor which, size_t l)
{
    mlp_view view;
    assert_int_equal(mlp_trainer_tensor(p->trainer, which, l, &view), MLP_OK);
    return view;
}

/* ---------------------------------------------------------------------------
 * Against NumPy
 */

static problem numpys_problem(mlp_dtype dtype, int f, int g, int loss)
{
    model m = {
        3, 2, {{4, (mlp_activation)f}, {2, (mlp_activation)g}}, (mlp_loss)loss};
    mlp_config config = config_of(&m, dtype, NULL);
    vector X = read_vector("gradients_X");
    vector Y = read_vector("gradients_Y");
    problem p = problem_of(&config, (data){new_matrix(dtype, 6, 3, X.data),
                                           new_matrix(dtype, 6, 2, Y.data)});
    put_vector(tensor(p.net, MLP_W, 1), "gradients_W1");
    put_vector(tensor(p.net, MLP_B, 1), "gradients_b1");
    put_vector(tensor(p.net, MLP_W, 2), "gradients_W2");
    put_vector(tensor(p.net, MLP_B, 2), "gradients_b2");
    free(X.data);
    free(Y.data);
    return p;
}

/* Compares the tensor with the numbers at *expected, and moves *expected past
 * them. */
static void assert_next(const problem *p, mlp_tensor which, size_t l,
                        double relative, double absolute,
                        const double **expected)
{
    mlp_view view = seen(p, which, l);
    for (size_t i = 0; i < view.rows * view.cols; i++) {
        check_near(at(view, i / view.cols, i % view.cols), *(*expected)++,
                   relative, absolute, mlp_tensor_name(which), (int)l);
    }
}

/* Checks a row of gradients.txt, which holds f, g, loss, J, dW1, db1, dW2,
 * db2. */
static void assert_numpys_gradients(mlp_dtype dtype, const double *row,
                                    double relative, double absolute)
{
    problem p = numpys_problem(dtype, (int)row[0], (int)row[1], (int)row[2]);
    check_near(loss_now(&p), row[3], relative, 0, "loss", (int)row[2]);
    backward(&p);
    const double *next = row + 4;
    assert_next(&p, MLP_DW, 1, relative, absolute, &next);
    assert_next(&p, MLP_DB, 1, relative, absolute, &next);
    assert_next(&p, MLP_DW, 2, relative, absolute, &next);
    assert_next(&p, MLP_DB, 2, relative, absolute, &next);
    assert_ptr_equal(next, row + 30);
    free_problem(&p);
}

static void gradients_are_numpys(void **state)
{
    (void)state;
    vector rows = read_vector("gradients");
    assert_int_equal(rows.rows, 4 * 4 * 2);
    assert_int_equal(rows.cols, 30);
    for (size_t i = 0; i < rows.rows; i++) {
        assert_numpys_gradients(MLP_F64, rows.data + 30 * i, 1e-12, 1e-14);
    }
    free(rows.data);
}

static void f32_gradients_are_numpys(void **state)
{
    (void)state;
    vector rows = read_vector("gradients");
    for (size_t i = 0; i < rows.rows; i++) {
        assert_numpys_gradients(MLP_F32, rows.data + 30 * i, 1e-4, 1e-5);
    }
    free(rows.data);
}

static void gradients_have_the_same_bits_with_all_kernels(void **state)
{
    (void)state;
    FOR_EACH_PRECISION(dtype)
    {
        FOR_EACH_KIND(f, g, loss)
        {
            model m = {
                5,
                2,
                {{19, (mlp_activation)f, 0.2}, {3, (mlp_activation)g, 0.3}},
                (mlp_loss)loss};
            mlp_net *first = NULL;
            for (size_t k = 0; mlp_kernels(k); k++) {
                mlp_config config = config_of(&m, dtype, NULL);
                config.kernels = mlp_kernels(k);
                problem p = problem_of(
                    &config, (data){random_matrix(dtype, 37, 5, -1, 1),
                                    targets_for(loss, dtype, 37, 3)});
                backward(&p);
                assert_int_equal(mlp_trainer_update(p.trainer, 0.5), MLP_OK);
                if (first) {
                    assert_same_net(p.net, first);
                } else {
                    first = clone_of(p.net);
                }
                free_problem(&p);
            }
            mlp_net_free(first);
        }
    }
}

/* ---------------------------------------------------------------------------
 * Against differences
 */

/* Moves targets away from where mae and huber have their corners. */
static void leave_corners(problem *p, double delta)
{
    backward(p);
    mlp_view A = seen(p, MLP_A, 3);
    for (size_t i = 0; i < A.rows * A.cols; i++) {
        size_t row = i / A.cols;
        size_t col = i % A.cols;
        double d = at(A, row, col) - at(p->d.Y, row, col);
        if (fabs(d) < 0.02 || fabs(fabs(d) - delta) < 0.02) {
            put(p->d.Y, row, col, at(p->d.Y, row, col) - copysign(0.04, d));
        }
    }
}

/* Returns three layers whose outputs stay within (0.05, 0.95) for every
 * activation, away from the clipping of bce and the kinks of relu. The number
 * of rows is odd: with as many outputs above as below their targets, mae would
 * have no gradient. */
static problem smooth_problem(int f, int g, int loss)
{
    model m = {3,
               3,
               {{7, (mlp_activation)f, 1.1},
                {5, (mlp_activation)f, 0.9},
                {2, (mlp_activation)g, 0.5}},
               (mlp_loss)loss};
    mlp_config config = config_of(&m, MLP_F64, NULL);
    config.init = MLP_INIT_GLOROT;
    config.seed = 5;
    config.huber_delta = 0.25; /* some |a - y| are larger, some smaller */
    problem p = problem_of(&config, (data){random_matrix(MLP_F64, 7, 3, -1, 1),
                                           targets_for(loss, MLP_F64, 7, 2)});
    mlp_view W = tensor(p.net, MLP_W, 3);
    double smaller = f == MLP_ACT_EXP ? 0.03 : 0.25; /* e^(e^z) is large */
    for (size_t i = 0; i < W.rows * W.cols; i++) {
        put(W, i / W.cols, i % W.cols, smaller * at(W, i / W.cols, i % W.cols));
    }
    for (size_t j = 0; j < 7; j++) {
        put(tensor(p.net, MLP_B, 1), 0, j, 0.07 * (double)j - 0.2);
    }
    fill(tensor(p.net, MLP_B, 3),
         g == MLP_ACT_SOFTPLUS || g == MLP_ACT_EXP ? -0.5 : 0.5);
    if (loss == MLP_LOSS_MAE || loss == MLP_LOSS_HUBER) {
        leave_corners(&p, config.huber_delta);
    }
    return p;
}

static bool has_kink(mlp_activation f)
{
    return f == MLP_ACT_RELU || f == MLP_ACT_LEAKY_RELU || f == MLP_ACT_ELU;
}

/* Checks that no pre-activation is so near to the kink at 0 that a change of h
 * could cross it. */
static void assert_smooth(const problem *p)
{
    for (size_t l = 1; l <= 3; l++) {
        mlp_layer layer;
        assert_int_equal(mlp_net_layer(p->net, l, &layer), MLP_OK);
        mlp_view Z = seen(p, MLP_Z, l);
        mlp_view A = seen(p, MLP_A, l);
        for (size_t i = 0; i < Z.rows * Z.cols; i++) {
            double z = at(Z, i / Z.cols, i % Z.cols);
            double a = at(A, i / Z.cols, i % Z.cols);
            assert_true(!has_kink(layer.activation) || fabs(z) > 0.004);
            assert_true(l < 3 || (a > 0.05 && a < 0.95));
        }
    }
}

/* Returns the derivative of J by one parameter from four losses around it. */
static double difference(problem *p, mlp_view parameters, size_t i, size_t j)
{
    const double h = 0x1p-10;
    const double x = at(parameters, i, j);
    double loss[5];
    for (int step = -2; step <= 2; step++) {
        put(parameters, i, j, x + step * h);
        loss[step + 2] = loss_now(p);
    }
    put(parameters, i, j, x);
    return (8 * (loss[3] - loss[1]) - (loss[4] - loss[0])) / (12 * h);
}

/* Returns a copy of the gradient, because the differences compute forward
 * passes of their own. */
static mlp_view kept(const problem *p, mlp_tensor which, size_t l)
{
    mlp_view view = seen(p, which, l);
    mlp_view copy = new_matrix(view.dtype, view.rows, view.cols, NULL);
    for (size_t i = 0; i < view.rows * view.cols; i++) {
        size_t row = i / view.cols;
        put(copy, row, i % view.cols, at(view, row, i % view.cols));
    }
    return copy;
}

/* Raises *error and *size to the largest |gradient - difference| and |gradient|
 * of a tensor. */
static void compare(problem *p, mlp_tensor which, size_t l, double *error,
                    double *size)
{
    backward(p);
    mlp_view gradient = kept(p, which == MLP_W ? MLP_DW : MLP_DB, l);
    mlp_view parameters = tensor(p->net, which, l);
    for (size_t i = 0; i < gradient.rows; i++) {
        for (size_t j = 0; j < gradient.cols; j++) {
            double exact = difference(p, parameters, i, j);
            *error = fmax(*error, fabs(at(gradient, i, j) - exact));
            *size = fmax(*size, fabs(exact));
        }
    }
    free(gradient.data);
}

static void gradients_are_differences_of_the_loss(void **state)
{
    (void)state;
    FOR_EACH_KIND(f, g, loss)
    {
        problem p = smooth_problem(f, g, loss);
        backward(&p);
        assert_smooth(&p);
        for (size_t l = 1; l <= 3; l++) {
            for (mlp_tensor which = MLP_W; which <= MLP_B; which++) {
                double error = 0;
                double size = 0;
                compare(&p, which, l, &error, &size);
                /* A gradient of zeros would compare nothing. */
                if (!(size > 1e-5 && error < 1e-7 * size)) {
                    fail_msg("%s, %s, %s: d%s[%zu] is off by %g of %g",
                             mlp_activation_name((mlp_activation)f),
                             mlp_activation_name((mlp_activation)g),
                             mlp_loss_name((mlp_loss)loss),
                             mlp_tensor_name(which), l, error, size);
                }
            }
        }
        free_problem(&p);
    }
}

/* ---------------------------------------------------------------------------
 * Where the formulas have corners
 */

static problem one_weight(mlp_activation g, mlp_loss loss, double w, double y)
{
    model m = {1, 1, {{1, g}}, loss};
    mlp_config config = config_of(&m, MLP_F64, NULL);
    static const double one = 1.0;
    problem p = problem_of(&config, (data){new_matrix(MLP_F64, 1, 1, &one),
                                           new_matrix(MLP_F64, 1, 1, &y)});
    put(tensor(p.net, MLP_W, 1), 0, 0, w);
    backward(&p);
    return p;
}

static void gradient_of_a_clipped_output_is_zero(void **state)
{
    (void)state;
    static const double clipped[] = {-3.0, -0.0, 0.0, 1e-16, 1.0, 2.5};
    for (size_t i = 0; i < COUNT(clipped); i++) {
        for (int y = 0; y < 2; y++) {
            problem p = one_weight(MLP_ACT_IDENTITY, MLP_LOSS_BCE, clipped[i],
                                   (double)y);
            assert_true(at(seen(&p, MLP_DW, 1), 0, 0) == 0.0);
            free_problem(&p);
        }
    }
}

/* For sigmoid with bce dZ is A - Y even where A is rounded to 0 or 1. */
static void gradient_of_a_saturated_sigmoid_is_a_minus_y(void **state)
{
    (void)state;
    problem p = one_weight(MLP_ACT_SIGMOID, MLP_LOSS_BCE, 800.0, 0.0);
    assert_true(at(seen(&p, MLP_DW, 1), 0, 0) == 1.0);
    free_problem(&p);
    p = one_weight(MLP_ACT_SIGMOID, MLP_LOSS_BCE, -800.0, 1.0);
    assert_true(at(seen(&p, MLP_DW, 1), 0, 0) == -1.0);
    free_problem(&p);
    p = one_weight(MLP_ACT_SIGMOID, MLP_LOSS_BCE, 800.0, 1.0);
    assert_true(at(seen(&p, MLP_DW, 1), 0, 0) == 0.0);
    free_problem(&p);
}

static void gradient_of_relu_at_its_kink_is_zero(void **state)
{
    (void)state;
    problem p = one_weight(MLP_ACT_RELU, MLP_LOSS_MSE, 0.0, 1.0);
    assert_true(at(seen(&p, MLP_DW, 1), 0, 0) == 0.0);
    free_problem(&p);
    p = one_weight(MLP_ACT_RELU, MLP_LOSS_MSE, 0.5, 1.0);
    assert_true(at(seen(&p, MLP_DW, 1), 0, 0) == -1.0);
    free_problem(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gradients_are_numpys),
        cmocka_unit_test(f32_gradients_are_numpys),
        cmocka_unit_test(gradients_have_the_same_bits_with_all_kernels),
        cmocka_unit_test(gradients_are_differences_of_the_loss),
        cmocka_unit_test(gradient_of_a_clipped_output_is_zero),
        cmocka_unit_test(gradient_of_a_saturated_sigmoid_is_a_minus_y),
        cmocka_unit_test(gradient_of_relu_at_its_kink_is_zero),
    };
    return cmocka_run_group_tests_name("gradient", tests, NULL, NULL);
}
