/* SPDX-License-Identifier: MIT */
/*
 * Networks and data for the tests of everything above the kernels. This header
 * uses the library as its users do, through mlp.h alone.
 */
#ifndef TESTS_TRAINING_H
#define TESTS_TRAINING_H

#include "support/support.h"

/* Runs the following statement for each precision that a network can have. */
#define FOR_EACH_PRECISION(p) for (mlp_dtype p = MLP_F32; p <= MLP_F64; p++)

/* ---------------------------------------------------------------------------
 * Matrices of either precision
 */

/* Returns a dense matrix of `values`, or of zeros if that is NULL. The caller
 * frees its data. */
static inline mlp_view new_matrix(mlp_dtype dtype, size_t rows, size_t cols,
                                  const double *values)
{
    size_t n = rows * cols;
    double *data =
        calloc(n + 1, sizeof *data); /* large enough for both precisions */
    assert_non_null(data);
    mlp_view matrix = dtype == MLP_F32 ? mlp_view_f32((float *)data, rows, cols)
                                       : mlp_view_f64(data, rows, cols);
    for (size_t i = 0; values && i < n; i++) {
        if (dtype == MLP_F32) {
            ((float *)data)[i] = (float)values[i];
        } else {
            data[i] = values[i];
        }
    }
    return matrix;
}

/* Returns a dense matrix of uniform random numbers in [low, high). */
static inline mlp_view random_matrix(mlp_dtype dtype, size_t rows, size_t cols,
                                     double low, double high)
{
    mlp_rng rng = mlp_rng_seeded(7);
    double *values = malloc(rows * cols * sizeof *values + 1);
    assert_non_null(values);
    for (size_t i = 0; i < rows * cols; i++) {
        values[i] = mlp_rng_uniform(&rng, low, high);
    }
    mlp_view matrix = new_matrix(dtype, rows, cols, values);
    free(values);
    return matrix;
}

static inline mlp_cview ro(mlp_view view)
{
    return mlp_view_const(view);
}

static inline double at(mlp_view view, size_t i, size_t j)
{
    return mlp_cview_at(ro(view), i, j);
}

static inline void put(mlp_view view, size_t i, size_t j, double x)
{
    size_t offset = i * view.row_stride + j * view.col_stride;
    if (view.dtype == MLP_F32) {
        ((float *)view.data)[offset] = (float)x;
    } else {
        ((double *)view.data)[offset] = x;
    }
}

static inline void fill(mlp_view view, double x)
{
    for (size_t i = 0; i < view.rows; i++) {
        for (size_t j = 0; j < view.cols; j++) {
            put(view, i, j, x);
        }
    }
}

/* Sets all n elements of a view, row by row. */
static inline void put_all(mlp_view view, size_t n, const double *values)
{
    assert_int_equal(view.rows * view.cols, n);
    for (size_t i = 0; i < n; i++) {
        put(view, i / view.cols, i % view.cols, values[i]);
    }
}

/* True if a and b are the same number with the same sign, or if both are NaN.
 */
static inline bool same_number(double a, double b)
{
    return isnan(a) ? isnan(b)
                    : a == b && (signbit(a) != 0) == (signbit(b) != 0);
}

static inline void assert_same(mlp_cview got, mlp_cview expected)
{
    assert_int_equal(got.dtype, expected.dtype);
    assert_int_equal(got.rows, expected.rows);
    assert_int_equal(got.cols, expected.cols);
    for (size_t i = 0; i < got.rows; i++) {
        for (size_t j = 0; j < got.cols; j++) {
            double a = mlp_cview_at(got, i, j);
            double b = mlp_cview_at(expected, i, j);
            if (!same_number(a, b)) {
                fail_msg("(%zu, %zu): got %.17g, expected %.17g", i, j, a, b);
            }
        }
    }
}

/* ---------------------------------------------------------------------------
 * Networks
 */

typedef struct model {
    size_t inputs, n_layers;
    mlp_layer layers[4];
    mlp_loss loss;
} model;

/* XOR and the moons are the networks of the tutorial. */
static const model xor_model = {
    2, 2, {{4, MLP_ACT_TANH}, {1, MLP_ACT_SIGMOID}}, MLP_LOSS_BCE};
static const model moons_model = {
    2,
    3,
    {{16, MLP_ACT_RELU}, {8, MLP_ACT_RELU}, {1, MLP_ACT_SIGMOID}},
    MLP_LOSS_BCE};

/* This network has several outputs, as many as inputs. */
static const model square_model = {
    5,
    3,
    {{11, MLP_ACT_TANH}, {6, MLP_ACT_RELU}, {5, MLP_ACT_IDENTITY}},
    MLP_LOSS_MSE};

/* Returns the configuration of a model. With `record` NULL it has no hooks. */
static inline mlp_config config_of(const model *m, mlp_dtype precision,
                                   hook_record *record)
{
    mlp_config config = tutorial_config();
    config.inputs = m->inputs;
    config.layers = m->layers;
    config.n_layers = m->n_layers;
    config.loss = m->loss;
    config.precision = precision;
    if (record) {
        config.hooks = recording_hooks(record);
    }
    return config;
}

static inline mlp_net *net_of(const mlp_config *config)
{
    mlp_net *net = NULL;
    assert_int_equal(mlp_net_create(config, &net), MLP_OK);
    assert_non_null(net);
    return net;
}

static inline mlp_net *new_net(const model *m, mlp_dtype precision,
                               hook_record *record)
{
    mlp_config config = config_of(m, precision, record);
    return net_of(&config);
}

static inline mlp_view tensor(mlp_net *net, mlp_tensor which, size_t l)
{
    mlp_view view;
    assert_int_equal(mlp_net_tensor(net, which, l, &view), MLP_OK);
    return view;
}

static inline mlp_cview ctensor(const mlp_net *net, mlp_tensor which, size_t l)
{
    mlp_cview view;
    assert_int_equal(mlp_net_ctensor(net, which, l, &view), MLP_OK);
    return view;
}

/* Checks that `read`, which is mlp_net_scaling or mlp_net_target_scaling, gives
 * the same for n columns of both networks. */
static inline void
assert_same_scaling(mlp_status (*read)(const mlp_net *, double *, double *),
                    size_t n, const mlp_net *a, const mlp_net *b)
{
    double *s = malloc(4 * n * sizeof *s);
    assert_non_null(s);
    assert_int_equal(read(a, s, s + n), MLP_OK);
    assert_int_equal(read(b, s + 2 * n, s + 3 * n), MLP_OK);
    assert_memory_equal(s, s + 2 * n, 2 * n * sizeof *s);
    free(s);
}

/* Checks that two networks have the same bits in weights, biases, batch norm
 * and scaling. */
static inline void assert_same_net(const mlp_net *a, const mlp_net *b)
{
    assert_int_equal(mlp_net_layer_count(a), mlp_net_layer_count(b));
    for (size_t l = 1; l <= mlp_net_layer_count(a); l++) {
        assert_same(ctensor(a, MLP_W, l), ctensor(b, MLP_W, l));
        assert_same(ctensor(a, MLP_B, l), ctensor(b, MLP_B, l));
        mlp_layer layer = {.width = 0};
        assert_int_equal(mlp_net_layer(a, l, &layer), MLP_OK);
        if (layer.batch_norm) {
            assert_same(ctensor(a, MLP_SCALE, l), ctensor(b, MLP_SCALE, l));
            assert_same(ctensor(a, MLP_MEAN, l), ctensor(b, MLP_MEAN, l));
            assert_same(ctensor(a, MLP_VARIANCE, l),
                        ctensor(b, MLP_VARIANCE, l));
        }
    }
    assert_int_equal(mlp_net_inputs(a), mlp_net_inputs(b));
    assert_same_scaling(mlp_net_scaling, mlp_net_inputs(a), a, b);
    assert_same_scaling(mlp_net_target_scaling, mlp_net_targets(a), a, b);
}

/* Checks that a network predicts a row, wherever it came from. */
static inline void assert_predicts_a_row(const mlp_net *net)
{
    mlp_dtype p = mlp_net_precision(net);
    mlp_view X = new_matrix(p, 1, mlp_net_inputs(net), NULL);
    mlp_view A = new_matrix(p, 1, mlp_net_outputs(net), NULL);
    assert_int_equal(mlp_predict(net, ro(X), A), MLP_OK);
    free(X.data);
    free(A.data);
}

static inline mlp_trainer *trainer_of(mlp_net *net, size_t max_rows)
{
    mlp_trainer *trainer = NULL;
    assert_int_equal(mlp_trainer_create(net, max_rows, &trainer), MLP_OK);
    assert_non_null(trainer);
    return trainer;
}

static inline mlp_net *clone_of(const mlp_net *net)
{
    mlp_net *copy = NULL;
    assert_int_equal(mlp_net_clone(net, &copy), MLP_OK);
    return copy;
}

/* Sets the view to the array `name` of tests/vectors. */
static inline void put_vector(mlp_view view, const char *name)
{
    vector v = read_vector(name);
    put_all(view, v.rows * v.cols, v.data);
    free(v.data);
}

/* Returns the array `name` of tests/vectors. The caller frees its data. */
static inline mlp_view matrix_from(mlp_dtype dtype, const char *name)
{
    vector v = read_vector(name);
    mlp_view matrix = new_matrix(dtype, v.rows, v.cols, v.data);
    free(v.data);
    return matrix;
}

/* Sets W and b of all layers to the array `name` of tests/vectors, which has
 * them in the order W1, b1, W2, b2, ... */
static inline void put_layers(mlp_net *net, const char *name)
{
    vector v = read_vector(name);
    const double *next = v.data;
    for (size_t l = 1; l <= mlp_net_layer_count(net); l++) {
        mlp_view W = tensor(net, MLP_W, l);
        mlp_view b = tensor(net, MLP_B, l);
        put_all(W, W.rows * W.cols, next);
        put_all(b, b.cols, next + W.rows * W.cols);
        next += W.rows * W.cols + b.cols;
    }
    assert_ptr_equal(next, v.data + v.rows * v.cols);
    free(v.data);
}

/* Sets layer l to <name>_W<l>_final and <name>_b<l>_final of tests/vectors. */
static inline void put_final_layer(mlp_net *net, size_t l, const char *name)
{
    char file[64];
    (void)snprintf(file, sizeof file, "%s_W%zu_final", name, l);
    put_vector(tensor(net, MLP_W, l), file);
    (void)snprintf(file, sizeof file, "%s_b%zu_final", name, l);
    put_vector(tensor(net, MLP_B, l), file);
}

/* Checks that the view, row by row, is the array `name` of tests/vectors,
 * within a relative error. */
static inline void assert_vector(mlp_cview view, const char *name,
                                 double relative)
{
    vector v = read_vector(name);
    assert_int_equal(view.rows * view.cols, v.rows * v.cols);
    for (size_t i = 0; i < v.rows * v.cols; i++) {
        double got = mlp_cview_at(view, i / view.cols, i % view.cols);
        if (!(fabs(got - v.data[i]) <= relative * fabs(v.data[i]))) {
            fail_msg("%s, number %zu: got %.17g, expected %.17g", name, i, got,
                     v.data[i]);
        }
    }
    free(v.data);
}

/* ---------------------------------------------------------------------------
 * Data
 */

typedef struct data {
    mlp_view X, Y;
} data;

static inline data xor_data(mlp_dtype dtype)
{
    static const double X[8] = {0, 0, 0, 1, 1, 0, 1, 1};
    static const double Y[4] = {0, 1, 1, 0};
    return (data){new_matrix(dtype, 4, 2, X), new_matrix(dtype, 4, 1, Y)};
}

/* Returns the standardised rows of moons_train or moons_test. */
static inline data moons_data(mlp_dtype dtype, const char *name)
{
    vector v = read_vector(name);
    data d = {new_matrix(dtype, v.rows, 2, NULL),
              new_matrix(dtype, v.rows, 1, NULL)};
    for (size_t i = 0; i < v.rows; i++) {
        put(d.X, i, 0, v.data[3 * i]);
        put(d.X, i, 1, v.data[3 * i + 1]);
        put(d.Y, i, 0, v.data[3 * i + 2]);
    }
    free(v.data);
    return d;
}

static inline void free_data(data d)
{
    free(d.X.data);
    free(d.Y.data);
}

/* Checks that the last failure's message contains `part`. */
static inline void assert_said(const hook_record *record, const char *part)
{
    if (!strstr(record->message, part)) {
        fail_msg("expected \"%s\" in \"%s\"", part, record->message);
    }
}

#endif
