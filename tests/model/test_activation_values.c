/* SPDX-License-Identifier: MIT */
/*
 * An activation and its derivative of a single number have the bits of every
 * float64 kernel and of a network's forward and backward pass.
 * test_activation.c compares the kernels with PyTorch.
 */
#include "support/training.h"

#include <float.h>

#include "support/numbers.h"

static const double slopes[] = {0, -0.0, MLP_SLOPE_LEAKY_RELU, 0.7, 1};

static const double zs[] = {0,       -0.0,   1,    -1,       0.5,      -0.5,
                            1e-300,  -1e-9,  3,    -3,       20,       -20,
                            709,     -709,   1e5,  -1e5,     DBL_MAX,  -DBL_MAX,
                            DBL_MIN, 5e-324, -0.2, INFINITY, -INFINITY};

/* True for the activations of the list that have a value for a single z. */
static bool is_single(mlp_activation f)
{
    return f != MLP_ACT_AUTO && f != MLP_ACT_SOFTMAX;
}

static void numbers_are_those_of_all_kernels(void **state)
{
    (void)state;
    enum { RANDOM = 500 };
    mlp_rng rng = mlp_rng_seeded(4);
    for (size_t i = 0; i < COUNT(zs) + RANDOM; i++) {
        double z = i < COUNT(zs) ? zs[i] : mlp_rng_normal(&rng, 0, 4);
        for (mlp_activation f = 0; mlp_activation_name(f); f++) {
            double slope = slopes[i % COUNT(slopes)];
            for (size_t t = 0; is_single(f) && mlpi_kernels_get(MLP_F64, t);
                 t++) {
                const mlpi_kernels *kernels = mlpi_kernels_get(MLP_F64, t);
                double usual =
                    f == MLP_ACT_ELU ? MLP_SLOPE_ELU : MLP_SLOPE_LEAKY_RELU;
                mlpi_activation_args layer = {.f = f,
                                              .slope =
                                                  slope != 0 ? slope : usual,
                                              .m = 1,
                                              .n = 1};
                double a = 0;
                double da = 1;
                kernels->activate(&layer, &z, &a);
                kernels->activate_backward(&layer, &z, &a, &da);
                assert_true(same_number(mlp_activation_value(f, slope, z), a));
                assert_true(
                    same_number(mlp_activation_derivative(f, slope, z), da));
            }
        }
    }
}

/* A network of one neuron with W = 1 and b = 0 computes a = f(x). With the loss
 * mae and a target below a, dJ/da is 1, and db is da/dz. */
static void numbers_are_those_of_a_network(void **state)
{
    (void)state;
    for (mlp_activation f = 0; mlp_activation_name(f); f++) {
        if (!is_single(f)) {
            continue;
        }
        double slope = slopes[f % COUNT(slopes)];
        const model m = {1,
                         1,
                         {{.width = 1, .activation = f, .slope = slope}},
                         MLP_LOSS_MAE};
        mlp_net *net = new_net(&m, MLP_F64, NULL);
        put(tensor(net, MLP_W, 1), 0, 0, 1);
        mlp_trainer *trainer = NULL;
        assert_int_equal(mlp_trainer_create(net, 1, &trainer), MLP_OK);
        for (int i = -800; i < 800; i++) {
            double x = i / 100.0;
            double a = mlp_activation_value(f, slope, x);
            double y = a - 1;
            double db = NAN;
            mlp_view A;
            mlp_view dB;
            assert_int_equal(
                mlp_trainer_forward(trainer, mlp_cview_f64(&x, 1, 1)), MLP_OK);
            assert_int_equal(mlp_trainer_tensor(trainer, MLP_A, 1, &A), MLP_OK);
            assert_true(same_number(at(A, 0, 0), a));
            assert_int_equal(
                mlp_trainer_backward(trainer, mlp_cview_f64(&y, 1, 1)), MLP_OK);
            assert_int_equal(mlp_trainer_tensor(trainer, MLP_DB, 1, &dB),
                             MLP_OK);
            db = mlp_activation_derivative(f, slope, x);
            assert_true(at(dB, 0, 0) == db);
        }
        mlp_trainer_free(trainer);
        mlp_net_free(net);
    }
}

/* Chapter 1.3 and the definitions give these numbers. */
static void numbers_are_the_known_ones(void **state)
{
    (void)state;
    assert_true(mlp_activation_value(MLP_ACT_SIGMOID, 0, 0) == 0.5);
    assert_true(mlp_activation_derivative(MLP_ACT_SIGMOID, 0, 0) == 0.25);
    assert_true(mlp_activation_derivative(MLP_ACT_TANH, 0, 0) == 1);
    assert_true(mlp_activation_value(MLP_ACT_RELU, 0, -3) == 0);
    assert_true(mlp_activation_derivative(MLP_ACT_RELU, 0, 0) == 0);
    assert_true(mlp_activation_derivative(MLP_ACT_RELU, 0, 5e-324) == 1);
    assert_true(mlp_activation_derivative(MLP_ACT_LEAKY_RELU, 0.3, -2) == 0.3);
    assert_true(mlp_activation_derivative(MLP_ACT_IDENTITY, 0, 1e300) == 1);
    assert_true(mlp_activation_derivative(MLP_ACT_GELU, 0, 0) == 0.5);
    assert_relative(mlp_activation_value(MLP_ACT_ELU, 0.7, -1), 0.7 * expm1(-1),
                    1e-15);
    assert_relative(mlp_activation_derivative(MLP_ACT_ELU, 0.7, -1),
                    0.7 * exp(-1), 1e-15);
}

static void what_is_not_defined_is_nan(void **state)
{
    (void)state;
    static const double bad[] = {-0.1, NAN, INFINITY, -INFINITY};
    static const mlp_activation with_slope[] = {MLP_ACT_LEAKY_RELU,
                                                MLP_ACT_ELU};
    size_t n = 0;
    while (mlp_activation_name((mlp_activation)n)) {
        n++;
    }
    const mlp_activation none[] = {MLP_ACT_AUTO, MLP_ACT_SOFTMAX,
                                   (mlp_activation)n, (mlp_activation)-1,
                                   (mlp_activation)1000};
    for (size_t i = 0; i < COUNT(none); i++) {
        assert_true(isnan(mlp_activation_value(none[i], 0, 0.5)) != 0);
        assert_true(isnan(mlp_activation_derivative(none[i], 0, 0.5)) != 0);
    }
    for (size_t i = 0; i < COUNT(bad); i++) {
        for (size_t k = 0; k < COUNT(with_slope); k++) {
            mlp_activation f = with_slope[k];
            assert_true(isnan(mlp_activation_value(f, bad[i], 0.5)) != 0);
            assert_true(isnan(mlp_activation_derivative(f, bad[i], 0.5)) != 0);
        }
        /* Other activations do not read the slope. */
        assert_true(mlp_activation_value(MLP_ACT_RELU, bad[i], 0.5) == 0.5);
        assert_true(mlp_activation_derivative(MLP_ACT_RELU, bad[i], 0.5) == 1);
    }
}

static void nan_stays_nan(void **state)
{
    (void)state;
    for (size_t k = 0; mlp_activation_name((mlp_activation)k); k++) {
        mlp_activation f = (mlp_activation)k;
        assert_true(isnan(mlp_activation_value(f, 0.5, (double)NAN)) != 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_those_of_all_kernels),
        cmocka_unit_test(numbers_are_those_of_a_network),
        cmocka_unit_test(numbers_are_the_known_ones),
        cmocka_unit_test(what_is_not_defined_is_nan),
        cmocka_unit_test(nan_stays_nan),
    };
    return cmocka_run_group_tests_name("activation values", tests, NULL, NULL);
}
