/* SPDX-License-Identifier: MIT */
/*
 * Jacobians against PyTorch's, against differences of predictions, and against
 * the product of matrices that mlp.h defines, in its order and to the bit.
 */
#include "support/training.h"

#define NORM .batch_norm = true

/* The networks of tests/vectors/make_jacobians.py, in its order. Inputs are
 * scaled in all, targets where the loss is mse. */
static const model cases[] = {
    {4,
     3,
     {{7, MLP_ACT_TANH}, {5, MLP_ACT_GELU, NORM}, {3, MLP_ACT_IDENTITY}},
     MLP_LOSS_MSE},
    {2,
     3,
     {{9, MLP_ACT_SILU},
      {6, MLP_ACT_SOFTPLUS, NORM},
      {5, MLP_ACT_ELU, 0.7, NORM}},
     MLP_LOSS_MSE},
    {6,
     2,
     {{8, MLP_ACT_LEAKY_RELU, 0.2, NORM}, {4, MLP_ACT_SOFTMAX, NORM}},
     MLP_LOSS_CCE},
    {3, 2, {{5, MLP_ACT_SIGMOID}, {6, MLP_ACT_SOFTMAX, NORM}}, MLP_LOSS_CCE},
    {4, 2, {{5, MLP_ACT_TANH}, {3, MLP_ACT_SOFTMAX}}, MLP_LOSS_MSE},
    {5, 1, {{1, MLP_ACT_SIGMOID}}, MLP_LOSS_BCE},
    {2, 1, {{4, MLP_ACT_IDENTITY}}, MLP_LOSS_MSE},
    {1,
     3,
     {{16, MLP_ACT_GELU_TANH}, {4, MLP_ACT_RELU}, {1, MLP_ACT_IDENTITY}},
     MLP_LOSS_MSE},
    {3, 2, {{12, MLP_ACT_RELU, NORM}, {2, MLP_ACT_TANH}}, MLP_LOSS_MSE},
};

/* A network with the workspace, the row and the array that a test needs. */
typedef struct problem {
    mlp_net *net;
    mlp_workspace *workspace;
    mlp_view x, J;
} problem;

static void draw(mlp_rng *rng, mlp_view view, double low, double high)
{
    for (size_t i = 0; i < view.rows; i++) {
        for (size_t j = 0; j < view.cols; j++) {
            put(view, i, j, mlp_rng_uniform(rng, low, high));
        }
    }
}

/* Draws n means and n standard deviations. */
static void draw_scaling(mlp_rng *rng, size_t n, mlp_net *net,
                         mlp_status (*set)(mlp_net *, const double *,
                                           const double *))
{
    double *mean = calloc(n, sizeof *mean);
    double *std = calloc(n, sizeof *std);
    draw(rng, mlp_view_f64(mean, 1, n), -1, 1);
    draw(rng, mlp_view_f64(std, 1, n), 0.5, 2);
    if (set) {
        assert_int_equal(set(net, mean, std), MLP_OK);
    }
    free(mean);
    free(std);
}

static void draw_layers(mlp_rng *rng, mlp_net *net, const model *m)
{
    for (size_t l = 1; l <= m->n_layers; l++) {
        draw(rng, tensor(net, MLP_W, l), -1, 1);
        draw(rng, tensor(net, MLP_B, l), -0.5, 0.5);
        if (m->layers[l - 1].batch_norm) {
            draw(rng, tensor(net, MLP_SCALE, l), 0.5, 2);
            draw(rng, tensor(net, MLP_MEAN, l), -0.5, 0.5);
            draw(rng, tensor(net, MLP_VARIANCE, l), 0.5, 2);
        }
    }
}

/* Draws a network in the order of make_jacobians.py. `kernels` may be NULL. */
static problem problem_of(const model *m, mlp_dtype dtype, uint32_t seed,
                          const char *kernels)
{
    mlp_config config = config_of(m, dtype, NULL);
    mlp_rng rng = mlp_rng_seeded(seed);
    config.kernels = kernels;
    problem p = {.net = net_of(&config)};
    size_t outputs = mlp_net_outputs(p.net);
    p.x = new_matrix(dtype, 1, m->inputs, NULL);
    p.J = new_matrix(dtype, outputs, m->inputs, NULL);
    draw(&rng, p.x, -2, 2);
    draw_scaling(&rng, m->inputs, p.net, mlp_net_set_scaling);
    draw_scaling(&rng, outputs, p.net,
                 m->loss == MLP_LOSS_MSE ? mlp_net_set_target_scaling : NULL);
    draw_layers(&rng, p.net, m);
    assert_int_equal(mlp_workspace_create(p.net, &p.workspace), MLP_OK);
    return p;
}

static void free_problem(problem *p)
{
    mlp_workspace_free(p->workspace);
    mlp_net_free(p->net);
    free(p->x.data);
    free(p->J.data);
}

static void compute(problem *p)
{
    assert_int_equal(mlp_jacobian(p->net, p->workspace, ro(p->x), p->J),
                     MLP_OK);
}

/* ---------------------------------------------------------------------------
 * Numbers from elsewhere
 */

static void jacobians_are_pytorchs(void **state)
{
    (void)state;
    vector v = read_vector("jacobians");
    FOR_EACH_PRECISION(p)
    {
        const double *expected = v.data;
        double most = p == MLP_F64 ? 1e-13 : 2e-6;
        for (uint32_t i = 0; i < COUNT(cases); i++) {
            problem q = problem_of(&cases[i], p, i, NULL);
            compute(&q);
            for (size_t k = 0; k < q.J.rows * q.J.cols; k++) {
                check_near(at(q.J, k / q.J.cols, k % q.J.cols), *expected++,
                           most, most, __FILE__, __LINE__);
            }
            free_problem(&q);
        }
        assert_ptr_equal(expected, v.data + v.cols);
    }
    free(v.data);
}

/* Compares with (A(x + h) - A(x - h)) / 2h, whose error is about h^2. */
static void assert_differences(problem *p)
{
    const double h = 1e-5;
    mlp_view A[2] = {new_matrix(MLP_F64, 1, p->J.rows, NULL),
                     new_matrix(MLP_F64, 1, p->J.rows, NULL)};
    compute(p);
    for (size_t k = 0; k < p->x.cols; k++) {
        double x = at(p->x, 0, k);
        for (int side = 0; side < 2; side++) {
            put(p->x, 0, k, side == 0 ? x - h : x + h);
            assert_int_equal(mlp_predict(p->net, ro(p->x), A[side]), MLP_OK);
        }
        put(p->x, 0, k, x);
        for (size_t j = 0; j < p->J.rows; j++) {
            double difference = (at(A[1], 0, j) - at(A[0], 0, j)) / (2 * h);
            assert_absolute(at(p->J, j, k), difference, 1e-7);
        }
    }
    free(A[0].data);
    free(A[1].data);
}

/* Every activation in hidden layers and in the last layer, with and without
 * batch norm, in forward mode (2 inputs) and reverse mode (5). Tanh stands
 * between two layers of exp, because the exponential of an exponential is too
 * steep for differences. */
static void jacobians_are_differences(void **state)
{
    (void)state;
    for (int f = MLP_ACT_AUTO + 1; mlp_activation_name((mlp_activation)f);
         f++) {
        for (uint32_t kind = 0; kind < 4; kind++) {
            bool norm = kind % 2;
            mlp_activation g = (mlp_activation)f;
            mlp_activation hidden = g == MLP_ACT_SOFTMAX ? MLP_ACT_TANH : g;
            mlp_activation second = g == MLP_ACT_EXP ? MLP_ACT_TANH : hidden;
            const model m = {kind < 2 ? 2 : 5,
                             3,
                             {{6, hidden, 0, 0, norm},
                              {7, second, 0, 0, norm},
                              {3, g, 0, 0, norm}},
                             MLP_LOSS_MSE};
            problem p = problem_of(&m, MLP_F64, 10 * (uint32_t)f + kind, NULL);
            assert_differences(&p);
            free_problem(&p);
        }
    }
}

/* The last three networks are so wide that the buffers of a workspace have 8
 * rows, and the matrix goes through the layers in several blocks of columns.
 * The last of all is widest at its inputs. */
static void deep_and_wide_jacobians_are_differences(void **state)
{
    (void)state;
    static const model models[] = {
        {1, 1, {{1, MLP_ACT_TANH}}, MLP_LOSS_MSE},
        {40, 2, {{150, MLP_ACT_TANH}, {1, MLP_ACT_IDENTITY}}, MLP_LOSS_MSE},
        {1, 2, {{150, MLP_ACT_TANH}, {40, MLP_ACT_IDENTITY}}, MLP_LOSS_MSE},
        {33,
         4,
         {{40, MLP_ACT_SILU},
          {31, MLP_ACT_TANH},
          {64, MLP_ACT_SOFTPLUS},
          {17, MLP_ACT_SOFTMAX}},
         MLP_LOSS_CCE},
        {11, 2, {{9001, MLP_ACT_TANH}, {13, MLP_ACT_IDENTITY}}, MLP_LOSS_MSE},
        {13, 2, {{9001, MLP_ACT_TANH}, {11, MLP_ACT_IDENTITY}}, MLP_LOSS_MSE},
        {9001,
         2,
         {{11, MLP_ACT_SOFTPLUS}, {13, MLP_ACT_IDENTITY}},
         MLP_LOSS_MSE}};
    for (uint32_t i = 0; i < COUNT(models); i++) {
        problem p = problem_of(&models[i], MLP_F64, i, NULL);
        assert_differences(&p);
        free_problem(&p);
    }
}

/* ---------------------------------------------------------------------------
 * Bits
 */

/* Returns s = sum over k of a[k] b[k], a chain as kernels.h defines it. */
static double chain(size_t n, const double *a, size_t a_stride, const double *b,
                    size_t b_stride)
{
    double s = 0;
    for (size_t k = 0; k < n; k++) {
        s = fma(a[k * a_stride], b[k * b_stride], s);
    }
    return s;
}

/* Replaces M (n, r), which has reached layer l, by F M, where F is diagonal but
 * for softmax, which `a` belongs to. */
static void reference_derivative(const problem *p, size_t l, const double *z,
                                 const double *a, mlp_view M)
{
    mlp_layer layer = {.width = 0};
    double *m = M.data;
    assert_int_equal(mlp_net_layer(p->net, l, &layer), MLP_OK);
    for (size_t c = 0; c < M.cols; c++) {
        double s = chain(M.rows, a, 1, m + c, M.cols);
        for (size_t i = 0; i < M.rows; i++) {
            double *e = &m[i * M.cols + c];
            *e = layer.activation == MLP_ACT_SOFTMAX
                     ? a[i] * (*e - s)
                     : *e * mlp_activation_derivative(layer.activation,
                                                      layer.slope, z[i]);
        }
    }
}

/* Computes J by plain loops in the documented order. The widths are at most
 * MOST, there is no batch norm, and Z and A are those of a trainer. */
static void reference(const problem *p, bool forward, mlp_view J)
{
    enum { MOST = 32 };
    static double M[MOST * MOST];
    static double U[MOST * MOST];
    double std[2][MOST];
    double mean[MOST];
    size_t L = mlp_net_layer_count(p->net);
    size_t r = forward ? J.cols : J.rows;
    mlp_trainer *trainer = NULL;
    assert_int_equal(mlp_trainer_create(p->net, 1, &trainer), MLP_OK);
    assert_int_equal(mlp_trainer_forward(trainer, ro(p->x)), MLP_OK);
    assert_int_equal(mlp_net_scaling(p->net, mean, std[0]), MLP_OK);
    assert_int_equal(mlp_net_target_scaling(p->net, mean, std[1]), MLP_OK);
    for (size_t i = 0; i < r * r; i++) {
        M[i] = i % (r + 1) > 0 ? 0
               : forward       ? 1 / std[0][i / r]
                               : std[1][i / r];
    }
    for (size_t step = 1; step <= L; step++) {
        size_t l = forward ? step : L + 1 - step;
        mlp_view W = tensor(p->net, MLP_W, l);
        const double *w = W.data; /* memory holds W^T */
        size_t to = forward ? W.rows : W.cols;
        mlp_view Z;
        mlp_view A;
        assert_int_equal(mlp_trainer_tensor(trainer, MLP_Z, l, &Z), MLP_OK);
        assert_int_equal(mlp_trainer_tensor(trainer, MLP_A, l, &A), MLP_OK);
        if (!forward) {
            reference_derivative(p, l, Z.data, A.data,
                                 mlp_view_f64(M, W.rows, r));
        }
        for (size_t i = 0; i < to * r; i++) {
            size_t row = i / r;
            U[i] = forward ? chain(W.cols, w + row, W.rows, M + i % r, r)
                           : chain(W.rows, w + row * W.rows, 1, M + i % r, r);
        }
        memcpy(M, U, to * r * sizeof *M);
        if (forward) {
            reference_derivative(p, l, Z.data, A.data, mlp_view_f64(M, to, r));
        }
    }
    for (size_t i = 0; i < J.rows; i++) {
        for (size_t k = 0; k < J.cols; k++) {
            put(J, i, k,
                forward ? M[i * r + k] * std[1][i]
                        : M[k * r + i] * (1 / std[0][k]));
        }
    }
    mlp_trainer_free(trainer);
}

/* The mode is forward if there are fewer inputs than outputs, and each element
 * is the chain of that mode. */
static void bits_are_those_of_the_documented_order(void **state)
{
    (void)state;
    static const model models[] = {
        {7,
         3,
         {{13, MLP_ACT_TANH}, {11, MLP_ACT_SILU}, {8, MLP_ACT_ELU}},
         MLP_LOSS_MSE},
        {8,
         3,
         {{13, MLP_ACT_GELU}, {11, MLP_ACT_RELU}, {8, MLP_ACT_SOFTPLUS}},
         MLP_LOSS_MSE},
        {9, 2, {{13, MLP_ACT_TANH}, {5, MLP_ACT_SOFTMAX}}, MLP_LOSS_MSE},
        {3, 2, {{13, MLP_ACT_TANH}, {5, MLP_ACT_SOFTMAX}}, MLP_LOSS_CCE}};
    for (uint32_t i = 0; i < COUNT(models); i++) {
        problem p = problem_of(&models[i], MLP_F64, i, NULL);
        mlp_view expected = new_matrix(MLP_F64, p.J.rows, p.J.cols, NULL);
        bool forward = p.J.cols < p.J.rows;
        compute(&p);
        reference(&p, forward, expected);
        assert_same(ro(p.J), ro(expected));
        /* In the other mode some elements are rounded otherwise. */
        reference(&p, !forward, expected);
        assert_memory_not_equal(p.J.data, expected.data,
                                p.J.rows * p.J.cols * sizeof(double));
        free(expected.data);
        free_problem(&p);
    }
}

/* Among the networks are those with several blocks of columns. */
static void all_kernels_give_equal_bits(void **state)
{
    (void)state;
    static const model wide[] = {
        {64, 2, {{128, MLP_ACT_RELU}, {10, MLP_ACT_SOFTMAX}}, MLP_LOSS_CCE},
        {13, 2, {{9001, MLP_ACT_TANH}, {11, MLP_ACT_GELU}}, MLP_LOSS_MSE},
        {11, 2, {{9001, MLP_ACT_TANH}, {13, MLP_ACT_IDENTITY}}, MLP_LOSS_MSE}};
    FOR_EACH_PRECISION(p)
    {
        for (uint32_t i = 0; i < COUNT(cases) + COUNT(wide); i++) {
            const model *m =
                i < COUNT(cases) ? &cases[i] : &wide[i - COUNT(cases)];
            problem first = problem_of(m, p, i, mlp_kernels(0));
            compute(&first);
            for (size_t k = 1; mlp_kernels(k); k++) {
                problem other = problem_of(m, p, i, mlp_kernels(k));
                compute(&other);
                assert_same(ro(other.J), ro(first.J));
                free_problem(&other);
            }
            free_problem(&first);
        }
    }
}

/* ---------------------------------------------------------------------------
 * The call
 */

/* Any strides will do, and what lies between the elements stays. */
static void strides_change_nothing(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 2; i++) { /* reverse and forward mode */
        problem p = problem_of(&cases[i], MLP_F32, i, NULL);
        size_t rows = p.J.rows;
        size_t cols = p.J.cols;
        compute(&p);
        mlp_view wide_x = new_matrix(MLP_F32, cols, 3, NULL);
        mlp_view wide_J = new_matrix(MLP_F32, 2 * cols, 2 * rows, NULL);
        fill(wide_J, 7);
        for (size_t k = 0; k < cols; k++) {
            put(wide_x, k, 1, at(p.x, 0, k));
        }
        mlp_cview x = mlp_cview_transpose(mlp_cview_cols(ro(wide_x), 1, 1));
        mlp_view J = {MLP_F32, rows, cols, 2, 4 * rows, wide_J.data};
        assert_int_equal(mlp_jacobian(p.net, p.workspace, x, J), MLP_OK);
        assert_same(ro(J), ro(p.J));
        for (size_t k = 0; k < wide_J.rows * wide_J.cols; k++) {
            size_t r = k / wide_J.cols;
            size_t c = k % wide_J.cols;
            assert_true((r % 2 == 0 && c % 2 == 0) || at(wide_J, r, c) == 7);
        }
        free(wide_x.data);
        free(wide_J.data);
        free_problem(&p);
    }
}

static void wrong_arguments_are_refused(void **state)
{
    (void)state;
    hook_record record = {0};
    mlp_net *net = new_net(&moons_model, MLP_F64, &record);
    mlp_net *other_net = new_net(&xor_model, MLP_F64, NULL);
    mlp_workspace *ws = NULL;
    mlp_workspace *other = NULL;
    double x[4] = {1, 2, 3, 4};
    double J[4] = {7, 7, 7, 7};
    float narrow[4] = {0};
    mlp_cview row = mlp_cview_f64(x, 1, 2);
    mlp_view out = mlp_view_f64(J, 1, 2);
    assert_int_equal(mlp_workspace_create(net, &ws), MLP_OK);
    assert_int_equal(mlp_workspace_create(other_net, &other), MLP_OK);
    assert_told(&record, mlp_jacobian(NULL, ws, row, out), MLP_ERR_NULL,
                "network");
    assert_int_equal(mlp_jacobian(NULL, NULL, row, out), MLP_ERR_NULL);
    assert_told(&record, mlp_jacobian(net, NULL, row, out), MLP_ERR_NULL,
                "workspace");
    assert_told(&record, mlp_jacobian(net, other, row, out), MLP_ERR_ARGUMENT,
                "workspace");
    assert_told(&record, mlp_jacobian(net, ws, mlp_cview_f64(x, 2, 2), out),
                MLP_ERR_SHAPE, "x: expects 1 row");
    assert_told(&record, mlp_jacobian(net, ws, mlp_cview_f64(x, 0, 2), out),
                MLP_ERR_SHAPE, "x: expects 1 row");
    assert_told(&record, mlp_jacobian(net, ws, mlp_cview_f64(x, 1, 3), out),
                MLP_ERR_SHAPE, "x: expects");
    assert_told(&record,
                mlp_jacobian(net, ws, mlp_cview_f32(narrow, 1, 2), out),
                MLP_ERR_DTYPE, "x");
    assert_told(&record, mlp_jacobian(net, ws, mlp_cview_f64(NULL, 1, 2), out),
                MLP_ERR_NULL, "x");
    assert_told(&record, mlp_jacobian(net, ws, row, mlp_view_f64(J, 2, 1)),
                MLP_ERR_SHAPE, "dA_dx: expects");
    assert_told(&record, mlp_jacobian(net, ws, row, mlp_view_f64(J, 2, 2)),
                MLP_ERR_SHAPE, "dA_dx: expects 1 row");
    assert_told(&record, mlp_jacobian(net, ws, row, mlp_view_f32(narrow, 1, 2)),
                MLP_ERR_DTYPE, "dA_dx");
    assert_told(&record, mlp_jacobian(net, ws, row, mlp_view_f64(NULL, 1, 2)),
                MLP_ERR_NULL, "dA_dx");
    out.col_stride = 0;
    assert_told(&record, mlp_jacobian(net, ws, row, out), MLP_ERR_SHAPE,
                "dA_dx");
    for (size_t i = 0; i < 4; i++) {
        assert_true(J[i] == 7);
    }
    mlp_workspace_free(ws);
    mlp_workspace_free(other);
    mlp_net_free(other_net);
    mlp_net_free(net);
    assert_int_equal(record.live, 0);
}

/* The derivative of ReLU at 0 is 0, and predictions do not change what a
 * workspace computes next. */
static void relu_has_no_slope_at_zero(void **state)
{
    (void)state;
    const model m = {
        1, 2, {{2, MLP_ACT_RELU}, {1, MLP_ACT_IDENTITY}}, MLP_LOSS_MSE};
    mlp_net *net = new_net(&m, MLP_F64, NULL);
    mlp_workspace *ws = NULL;
    assert_int_equal(mlp_workspace_create(net, &ws), MLP_OK);
    fill(tensor(net, MLP_W, 1), 1);
    fill(tensor(net, MLP_W, 2), 1);
    put(tensor(net, MLP_B, 1), 0, 1, 0.5); /* z = (0, 0.5) */
    double x = 0;
    double J = NAN;
    double a = NAN;
    for (int i = 0; i < 2; i++) {
        assert_int_equal(mlp_jacobian(net, ws, mlp_cview_f64(&x, 1, 1),
                                      mlp_view_f64(&J, 1, 1)),
                         MLP_OK);
        assert_true(J == 1);
        double far = NAN;
        assert_int_equal(mlp_predict_with(net, ws, mlp_cview_f64(&far, 1, 1),
                                          mlp_view_f64(&a, 1, 1)),
                         MLP_OK);
    }
    mlp_workspace_free(ws);
    mlp_net_free(net);
}

static void a_row_that_is_not_finite_is_no_error(void **state)
{
    (void)state;
    problem p = problem_of(&cases[0], MLP_F64, 0, NULL);
    put(p.x, 0, 1, NAN);
    compute(&p);
    assert_true(isnan(at(p.J, 0, 0)));
    put(p.x, 0, 1, INFINITY);
    compute(&p);
    free_problem(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(jacobians_are_pytorchs),
        cmocka_unit_test(jacobians_are_differences),
        cmocka_unit_test(deep_and_wide_jacobians_are_differences),
        cmocka_unit_test(bits_are_those_of_the_documented_order),
        cmocka_unit_test(all_kernels_give_equal_bits),
        cmocka_unit_test(strides_change_nothing),
        cmocka_unit_test(wrong_arguments_are_refused),
        cmocka_unit_test(relu_has_no_slope_at_zero),
        cmocka_unit_test(a_row_that_is_not_finite_is_no_error),
    };
    return cmocka_run_group_tests_name("jacobian", tests, NULL, NULL);
}
