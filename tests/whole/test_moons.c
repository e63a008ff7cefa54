/* SPDX-License-Identifier: MIT */
/*
 * The two moons of the examples, compared with NumPy's: the points, the split,
 * and, in full precision, the results that chapter 6 of the tutorial prints.
 */
#include "support/support.h"

#include <float.h>

#include "examples/two_moons.h"

/* Compares the points, which are a cosine or a sine plus noise. The terms are
 * near 1 while the point may be small, so 2 ulp of 1 are allowed. */
static void points_are_numpys(void **state)
{
    (void)state;
    vector X = read_vector("moons_X");
    vector y = read_vector("moons_y");
    samples all = make_moons(500, 0.2, 42);
    for (size_t i = 0; i < 500; i++) {
        for (size_t j = 0; j < 2; j++) {
            assert_absolute(mlp_cview_at(mlp_view_const(all.X), i, j),
                            X.data[2 * i + j], 2 * DBL_EPSILON);
        }
        assert_true(mlp_cview_at(mlp_view_const(all.Y), i, 0) == y.data[i]);
    }
    free_samples(all);
    free(X.data);
    free(y.data);
}

typedef struct parts {
    samples train, test;
} parts;

static parts two_parts(void)
{
    parts p;
    samples all = make_moons(500, 0.2, 42);
    split(all, 42, MLP_F64, &p.train, &p.test);
    free_samples(all);
    return p;
}

/* Compares with standardised rows. Subtracting the mean loses digits, so the
 * error is compared with the size of the points. */
static void assert_rows(samples rows, const double mean[2], const double std[2],
                        const char *name)
{
    vector v = read_vector(name);
    assert_int_equal(rows.X.rows, v.rows);
    for (size_t i = 0; i < v.rows; i++) {
        for (size_t j = 0; j < 2; j++) {
            double x = mlp_cview_at(mlp_view_const(rows.X), i, j);
            assert_absolute((x - mean[j]) / std[j], v.data[3 * i + j], 2e-15);
        }
        assert_true(mlp_cview_at(mlp_view_const(rows.Y), i, 0) ==
                    v.data[3 * i + 2]);
    }
    free(v.data);
}

static void split_and_scaling_are_numpys(void **state)
{
    (void)state;
    vector moments = read_vector("moons_mean_std");
    parts p = two_parts();
    assert_rows(p.train, moments.data, moments.data + 2, "moons_train");
    assert_rows(p.test, moments.data, moments.data + 2, "moons_test");
    free_samples(p.train);
    free_samples(p.test);
    free(moments.data);
}

static mlp_net *trained(const mlp_layer *layers, size_t n_layers, size_t epochs,
                        double learning_rate, parts p, double *loss)
{
    mlp_config config = tutorial_config();
    config.inputs = 2;
    config.layers = layers;
    config.n_layers = n_layers;
    mlp_net *net = NULL;
    assert_int_equal(mlp_net_create(&config, &net), MLP_OK);
    mlp_cview X = mlp_view_const(p.train.X);
    assert_int_equal(mlp_net_standardise(net, X), MLP_OK);
    mlp_train_options options = tutorial_options();
    options.epochs = epochs;
    options.learning_rate = learning_rate;
    mlp_history *history = NULL;
    assert_int_equal(
        mlp_fit(net, X, mlp_view_const(p.train.Y), &options, &history), MLP_OK);
    *loss = mlp_history_losses(history)[epochs - 1];
    mlp_history_free(history);
    return net;
}

/* Section 6.1 lists rows of: accuracy in training, accuracy in the test, last
 * loss. */
static void architectures_end_as_numpys(void **state)
{
    (void)state;
    static const struct {
        size_t n;
        mlp_layer layers[3];
    } architectures[] = {
        {2, {{4, MLP_ACT_RELU}, {1, MLP_ACT_SIGMOID}}},
        {2, {{8, MLP_ACT_RELU}, {1, MLP_ACT_SIGMOID}}},
        {2, {{16, MLP_ACT_RELU}, {1, MLP_ACT_SIGMOID}}},
        {3, {{8, MLP_ACT_RELU}, {8, MLP_ACT_RELU}, {1, MLP_ACT_SIGMOID}}},
        {3, {{16, MLP_ACT_RELU}, {8, MLP_ACT_RELU}, {1, MLP_ACT_SIGMOID}}},
    };
    vector expected = read_vector("architectures_train_test_loss");
    assert_int_equal(expected.rows, COUNT(architectures));
    parts p = two_parts();
    for (size_t i = 0; i < COUNT(architectures); i++) {
        double loss = 0;
        mlp_net *net = trained(architectures[i].layers, architectures[i].n,
                               1500, 0.1, p, &loss);
        assert_true(accuracy(net, p.train) == expected.data[3 * i]);
        assert_true(accuracy(net, p.test) == expected.data[3 * i + 1]);
        assert_relative(loss, expected.data[3 * i + 2], 1e-11);
        mlp_net_free(net);
    }
    free_samples(p.train);
    free_samples(p.test);
    free(expected.data);
}

/* Section 6.2 lists rows of: learning rate, accuracy in the test, last loss. */
static void learning_rates_end_as_numpys(void **state)
{
    (void)state;
    static const mlp_layer layers[] = {
        {16, MLP_ACT_RELU}, {8, MLP_ACT_RELU}, {1, MLP_ACT_SIGMOID}};
    vector expected = read_vector("learning_rates_test_loss");
    assert_int_equal(expected.rows, 5);
    parts p = two_parts();
    for (size_t i = 0; i < expected.rows; i++) {
        double loss = 0;
        mlp_net *net = trained(layers, 3, 1000, expected.data[3 * i], p, &loss);
        assert_true(accuracy(net, p.test) == expected.data[3 * i + 1]);
        assert_relative(loss, expected.data[3 * i + 2], 1e-11);
        mlp_net_free(net);
    }
    free_samples(p.train);
    free_samples(p.test);
    free(expected.data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(points_are_numpys),
        cmocka_unit_test(split_and_scaling_are_numpys),
        cmocka_unit_test(architectures_end_as_numpys),
        cmocka_unit_test(learning_rates_end_as_numpys),
    };
    return cmocka_run_group_tests_name("moons", tests, NULL, NULL);
}
