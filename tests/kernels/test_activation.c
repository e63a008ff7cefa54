/* SPDX-License-Identifier: MIT */
/*
 * The relatives of ReLU and their derivatives are compared with PyTorch's, with
 * formulas in double, and at very large arguments. A fit with them gives the
 * same bits as its single steps, whether Z is kept or not. test_elementary.c
 * measures their errors; test_kernels.c checks that all tables agree.
 */
#include "support/training.h"

#include <float.h>

#include "support/numbers.h"

static const struct {
    mlp_activation f;
    double slope;
} relatives[] = {{MLP_ACT_LEAKY_RELU, MLP_SLOPE_LEAKY_RELU},
                 {MLP_ACT_ELU, 0.7},
                 {MLP_ACT_GELU, 0},
                 {MLP_ACT_GELU_TANH, 0},
                 {MLP_ACT_SILU, 0},
                 {MLP_ACT_SOFTPLUS, 0}};

/* Sets *a to the activation of z and *slope to its derivative, for the k-th of
 * the activations above. */
static void both_ways(const mlpi_kernels *kernels, size_t k, double z,
                      double *a, double *slope)
{
    double in[1];
    double out[1];
    double one[1];
    mlpi_activation_args layer = {
        .f = relatives[k].f, .slope = relatives[k].slope, .m = 1, .n = 1};
    set(kernels->dtype, in, 0, z);
    set(kernels->dtype, one, 0, 1);
    kernels->activate(&layer, in, out);
    kernels->activate_backward(&layer, in, out, one);
    *a = get(kernels->dtype, out, 0);
    *slope = get(kernels->dtype, one, 0);
}

static void activations_and_derivatives_are_pytorchs(void **state)
{
    (void)state;
    vector rows = read_vector("activations");
    assert_int_equal(rows.cols, 1 + 2 * COUNT(relatives));
    FOR_EACH_TABLE(dtype, kernels)
    {
        double relative = dtype == MLP_F32 ? 2e-6 : 1e-12;
        double absolute = dtype == MLP_F32 ? 1e-6 : 1e-15;
        for (size_t i = 0; i < rows.rows; i++) {
            const double *row = rows.data + i * rows.cols;
            for (size_t k = 0; k < COUNT(relatives); k++) {
                double a = 0;
                double slope = 0;
                both_ways(kernels, k, row[0], &a, &slope);
                check_near(a, row[1 + 2 * k], relative, absolute,
                           mlp_activation_name(relatives[k].f), (int)i);
                check_near(slope, row[2 + 2 * k], relative, absolute,
                           mlp_activation_name(relatives[k].f), (int)i);
            }
        }
    }
    free(rows.data);
}

/* Returns the derivative at z by its formula, in double. */
static double slope_of(size_t k, double z)
{
    const double root = sqrt(8 / acos(-1));
    double s = 1 / (1 + exp(-z));
    double w = root * (z + 0.044715 * z * z * z);
    double t = 1 / (1 + exp(-w));
    double less = z / (1 + exp(z)); /* z (1 - s) */
    double less_t = z / (1 + exp(w));
    switch (relatives[k].f) {
    case MLP_ACT_LEAKY_RELU:
        return z > 0 ? 1 : relatives[k].slope;
    case MLP_ACT_ELU:
        return z > 0 ? 1 : relatives[k].slope * exp(z);
    case MLP_ACT_GELU:
        return erfc(-z * sqrt(0.5)) / 2 + z * exp(-z * z / 2) * root / 4;
    case MLP_ACT_GELU_TANH:
        return t + t * less_t * root * (1 + 0.134145 * z * z);
    case MLP_ACT_SILU:
        return s + s * less;
    default:
        return s;
    }
}

/* Derivatives are within a few ulp of 1. */
static void derivatives_are_accurate(void **state)
{
    (void)state;
    enum { EACH = 20000 };
    for (mlp_dtype dtype = MLP_F32; dtype <= MLP_F64; dtype++) {
        const mlpi_kernels *kernels = mlpi_kernels_find(dtype, NULL);
        double unit = dtype == MLP_F32 ? (double)FLT_EPSILON : DBL_EPSILON;
        mlp_rng rng = mlp_rng_seeded(3);
        for (size_t i = 0; i < EACH; i++) {
            double spread = i % 4 == 0 ? 1 : i % 4 == 1 ? 45 : 6;
            double z = rounded(dtype, mlp_rng_uniform(&rng, -spread, spread));
            for (size_t k = 0; k < COUNT(relatives); k++) {
                double a = 0;
                double slope = 0;
                both_ways(kernels, k, z, &a, &slope);
                check_near(slope, slope_of(k, z), 0, 6 * unit,
                           mlp_activation_name(relatives[k].f), (int)dtype);
            }
        }
    }
}

static void derivatives_end_where_they_should(void **state)
{
    (void)state;
    FOR_EACH_TABLE(dtype, kernels)
    {
        for (size_t k = 0; k < COUNT(relatives); k++) {
            static const double far[] = {200, 2000, 1e30, INFINITY};
            double a = 0;
            double slope = 0;
            for (size_t i = 0; i < COUNT(far); i++) {
                both_ways(kernels, k, far[i], &a, &slope);
                assert_true(slope == 1);
                both_ways(kernels, k, -far[i], &a, &slope);
                double end = relatives[k].f == MLP_ACT_LEAKY_RELU
                                 ? rounded(dtype, relatives[k].slope)
                                 : 0;
                assert_true(fabs(fabs(slope) - end) < 1e-80);
            }
            if (mlpi_needs_z(relatives[k].f) ||
                relatives[k].f == MLP_ACT_SOFTPLUS) {
                both_ways(kernels, k, NAN, &a, &slope);
                assert_true(isnan(a) && isnan(slope));
                both_ways(kernels, k, 0, &a, &slope);
                assert_true(slope == 0.5);
            }
        }
    }
}

/* With slope 0 the leaky ReLU and ELU equal ReLU, except that 0 may be -0. */
static void slope_zero_is_relu(void **state)
{
    (void)state;
    FOR_EACH_TABLE(dtype, kernels)
    {
        mlp_rng rng = mlp_rng_seeded(4);
        void *z = random_reals(dtype, &rng, 37, -3, 3);
        for (mlp_activation f = MLP_ACT_LEAKY_RELU; f <= MLP_ACT_ELU; f++) {
            double a[37];
            double expected[37];
            mlpi_activation_args layer = {.f = f, .slope = 0, .m = 37, .n = 1};
            kernels->activate(&layer, z, a);
            layer.f = MLP_ACT_RELU;
            kernels->activate(&layer, z, expected);
            for (size_t i = 0; i < 37; i++) {
                assert_true(get(dtype, a, i) == get(dtype, expected, i));
            }
        }
        guarded_free(z);
    }
}

/* mlp_fit may discard Z and single steps keep it; both give the same bits. */
static void fit_is_its_steps(void **state)
{
    (void)state;
    FOR_EACH_PRECISION(dtype)
    {
        for (int f = MLP_ACT_AUTO + 1; mlp_activation_name((mlp_activation)f);
             f++) {
            if (f == MLP_ACT_SOFTMAX) {
                continue;
            }
            model m = {5,
                       3,
                       {{19, (mlp_activation)f, 0.3},
                        {7, (mlp_activation)f, 0.2},
                        {2, (mlp_activation)f, 0.1}},
                       MLP_LOSS_MSE};
            if (f == MLP_ACT_EXP) { /* e^(e^z) would be too large */
                m.layers[1].activation = MLP_ACT_TANH;
            }
            mlp_net *whole = new_net(&m, dtype, NULL);
            mlp_net *steps = new_net(&m, dtype, NULL);
            data d = {random_matrix(dtype, 23, 5, -1, 1),
                      random_matrix(dtype, 23, 2, 0, 1)};
            mlp_train_options options = tutorial_options();
            options.epochs = 3;
            options.batch_size = 0;
            options.learning_rate = 0.1;
            assert_int_equal(mlp_fit(whole, ro(d.X), ro(d.Y), &options, NULL),
                             MLP_OK);
            mlp_trainer *trainer = NULL;
            assert_int_equal(mlp_trainer_create(steps, 23, &trainer), MLP_OK);
            for (int i = 0; i < 3; i++) {
                assert_int_equal(mlp_trainer_forward(trainer, ro(d.X)), MLP_OK);
                assert_int_equal(mlp_trainer_backward(trainer, ro(d.Y)),
                                 MLP_OK);
                assert_int_equal(mlp_trainer_update(trainer, 0.1), MLP_OK);
            }
            assert_same_net(whole, steps);
            mlp_trainer_free(trainer);
            free_data(d);
            mlp_net_free(steps);
            mlp_net_free(whole);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(activations_and_derivatives_are_pytorchs),
        cmocka_unit_test(derivatives_are_accurate),
        cmocka_unit_test(derivatives_end_where_they_should),
        cmocka_unit_test(slope_zero_is_relu),
        cmocka_unit_test(fit_is_its_steps),
    };
    return cmocka_run_group_tests_name("activation", tests, NULL, NULL);
}
