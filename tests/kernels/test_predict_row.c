/* SPDX-License-Identifier: MIT */
/*
 * A single row is predicted by kernels of its own (predict_row_tmpl.h). Its
 * outputs must have the bits that they have in a batch of several rows, which
 * are predicted by matrix products.
 */
#include "support/support.h"

#include "model/net.h"

enum { ROWS = 3, LAYERS = 3 };

typedef struct shape {
    size_t inputs, widths[LAYERS];
} shape;

static size_t size_of(mlp_dtype dtype)
{
    return dtype == MLP_F32 ? sizeof(float) : sizeof(double);
}

static mlp_view view_of(mlp_dtype dtype, void *data, size_t rows, size_t cols)
{
    return dtype == MLP_F32 ? mlp_view_f32(data, rows, cols)
                            : mlp_view_f64(data, rows, cols);
}

/* Returns random numbers in [-1, 1) that end at an inaccessible page. */
static mlp_view numbers(mlp_dtype dtype, size_t rows, size_t cols)
{
    mlp_rng rng = mlp_rng_seeded(5);
    mlp_view v =
        view_of(dtype, guarded_alloc(rows * cols * size_of(dtype)), rows, cols);
    for (size_t i = 0; i < rows * cols; i++) {
        (void)mlp_view_set(v, i / cols, i % cols, mlp_rng_uniform(&rng, -1, 1));
    }
    return v;
}

static mlp_net *net_of(const shape *s, mlp_dtype dtype, const char *kernels,
                       mlp_activation last, bool normed)
{
    mlp_layer layers[LAYERS] = {
        {.width = s->widths[0], .activation = MLP_ACT_RELU},
        {.width = s->widths[1],
         .activation = MLP_ACT_TANH,
         .batch_norm = normed},
        {.width = s->widths[2], .activation = last, .slope = 0.1}};
    mlp_config config = tutorial_config();
    config.inputs = s->inputs;
    config.layers = layers;
    config.n_layers = LAYERS;
    config.loss = MLP_LOSS_MSE;
    config.precision = dtype;
    config.kernels = kernels;
    mlp_net *net = NULL;
    /* One softmax neuron, which files of MLP_NUMERICS 1 may have, is tried,
     * too. */
    assert_int_equal(mlpi_net_create_saved(&config, &net), MLP_OK);
    for (size_t l = 1; l <= LAYERS; l++) {
        mlp_view b;
        assert_int_equal(mlp_net_tensor(net, MLP_B, l, &b), MLP_OK);
        for (size_t j = 0; j < b.cols; j++) {
            (void)mlp_view_set(b, 0, j, 0.125 * (double)(j % 5) - 0.25);
        }
    }
    return net;
}

/* Predicts all rows at once, then each row with an input and an output that end
 * at inaccessible pages, and compares the outputs. */
static void check_rows(const mlp_net *net)
{
    mlp_dtype dtype = mlp_net_precision(net);
    size_t inputs = mlp_net_inputs(net);
    size_t outputs = mlp_net_outputs(net);
    mlp_view X = numbers(dtype, ROWS, inputs);
    mlp_view A = numbers(dtype, ROWS, outputs);
    mlp_view x = numbers(dtype, 1, inputs);
    mlp_view a = numbers(dtype, 1, outputs);
    mlp_workspace *workspace = NULL;
    assert_int_equal(mlp_workspace_create(net, &workspace), MLP_OK);
    assert_int_equal(mlp_predict(net, mlp_view_const(X), A), MLP_OK);
    for (size_t i = 0; i < ROWS; i++) {
        memcpy(x.data, (char *)X.data + i * inputs * size_of(dtype),
               inputs * size_of(dtype));
        assert_int_equal(mlp_predict_with(net, workspace, mlp_view_const(x), a),
                         MLP_OK);
        assert_memory_equal(a.data,
                            (char *)A.data + i * outputs * size_of(dtype),
                            outputs * size_of(dtype));
    }
    mlp_workspace_free(workspace);
    guarded_free(X.data);
    guarded_free(A.data);
    guarded_free(x.data);
    guarded_free(a.data);
}

static void check_shape(const shape *s, mlp_activation last, bool normed)
{
    for (size_t k = 0; mlp_kernels(k); k++) {
        for (int dtype = MLP_F32; dtype <= MLP_F64; dtype++) {
            mlp_net *net =
                net_of(s, (mlp_dtype)dtype, mlp_kernels(k), last, normed);
            check_rows(net);
            mlp_net_free(net);
        }
    }
}

static void row_has_the_bits_of_rows(void **state)
{
    (void)state;
    static const size_t widths[] = {1,  2,  3,  7,  8,  9,   15,  16,
                                    17, 31, 33, 64, 65, 127, 129, 150};
    const size_t n = COUNT(widths);
    for (size_t i = 0; i < n; i++) {
        shape s = {widths[(i + 3) % n],
                   {widths[i], widths[(i + 7) % n], widths[(i * 5 + 1) % n]}};
        check_shape(&s, i % 2 == 0 ? MLP_ACT_IDENTITY : MLP_ACT_RELU, false);
        check_shape(&s, i % 2 == 0 ? MLP_ACT_SIGMOID : MLP_ACT_SOFTMAX, false);
        check_shape(&s, MLP_ACT_LEAKY_RELU, false);
    }
}

/* The weights exceed L1, the layers exceed the accumulators in registers, and
 * the numbers of inputs are and are not multiples of 4. */
static void row_has_the_bits_of_rows_in_large_networks(void **state)
{
    (void)state;
    static const shape shapes[] = {
        {101, {130, 257, 10}}, {64, {128, 64, 10}}, {3, {300, 150, 200}}};
    for (size_t i = 0; i < COUNT(shapes); i++) {
        check_shape(&shapes[i], MLP_ACT_SIGMOID, false);
        check_shape(&shapes[i], MLP_ACT_IDENTITY, false);
    }
}

static void row_has_the_bits_of_rows_with_batch_norm(void **state)
{
    (void)state;
    check_shape(&(shape){5, {17, 9, 3}}, MLP_ACT_SIGMOID, true);
}

static void row_has_the_bits_of_rows_when_scaled(void **state)
{
    (void)state;
    static const double mean[] = {0.5, -0.25, 3.0};
    static const double std[] = {2.0, 0.75, 1.5};
    mlp_net *net =
        net_of(&(shape){3, {16, 8, 1}}, MLP_F64, NULL, MLP_ACT_IDENTITY, false);
    assert_int_equal(mlp_net_set_scaling(net, mean, std), MLP_OK);
    check_rows(net);
    mlp_net_free(net);
}

/* The copy predicts by its own weights after the original is gone. */
static void row_goes_through_a_copys_weights(void **state)
{
    (void)state;
    mlp_net *net =
        net_of(&(shape){3, {16, 8, 2}}, MLP_F64, NULL, MLP_ACT_IDENTITY, false);
    mlp_net *copy = NULL;
    assert_int_equal(mlp_net_clone(net, &copy), MLP_OK);
    assert_int_equal(mlp_net_initialise(net, MLP_INIT_ZEROS, 1), MLP_OK);
    mlp_net_free(net);
    check_rows(copy);
    mlp_net_free(copy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(row_has_the_bits_of_rows),
        cmocka_unit_test(row_has_the_bits_of_rows_in_large_networks),
        cmocka_unit_test(row_has_the_bits_of_rows_with_batch_norm),
        cmocka_unit_test(row_has_the_bits_of_rows_when_scaled),
        cmocka_unit_test(row_goes_through_a_copys_weights),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
