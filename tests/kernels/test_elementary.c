/* SPDX-License-Identifier: MIT */
/*
 * The elementary functions exp, log, tanh and sigmoid and the relatives of ReLU
 * are compared with libm in a wider type. The tests measure the error in units
 * in the last place (ulp), and check exact values and monotonicity: for f64 at
 * 10 million random arguments of each function (2 million for the relatives of
 * ReLU) and special ones, for f32 at every 1021st of the 2^32 arguments.
 * elementary_errors.c tries more of them.
 *
 * Where long double is no wider than double the f64 errors are not measured,
 * and the test says so.
 */
#include "support/support.h"
#include "support/ignore.h"

#include "support/elementary.h"

enum { CHUNK = 4096, RANDOM_CHUNKS = 10000000 / CHUNK + 1 };

static double worst_f64(function f, double *where)
{
    const mlpi_kernels *kernels = mlpi_kernels_find(MLP_F64, NULL);
    mlp_rng rng = mlp_rng_seeded((uint32_t)f);
    static double x[CHUNK];
    static double y[CHUNK];
    double worst = 0;
    for (size_t c = 0; c < RANDOM_CHUNKS; c += f < ELU ? 1 : 5) {
        for (size_t i = 0; i < CHUNK; i++) {
            x[i] = random_argument(&rng, f, i);
        }
        apply(kernels, f, CHUNK, x, y);
        for (size_t i = 0; i < CHUNK; i++) {
            double error = ulps_f64(y[i], exact_long(f, (long double)x[i]));
            if (error > worst) {
                worst = error;
                *where = x[i];
            }
        }
    }
    return worst;
}

static void f64_is_accurate(void **state)
{
    (void)state;
    if (LDBL_MANT_DIG <= DBL_MANT_DIG) {
        print_message("long double is no wider than double: not measured\n");
        skip();
    }
    for (function f = 0; f < FUNCTIONS; f++) {
        double where = 0;
        double worst = worst_f64(f, &where);
        print_message("%s f64: at most %.4f ulp, at %a\n", functions[f].name,
                      worst, where);
        assert_true(worst <= functions[f].max_ulps);
    }
}

/* A sweep visits arguments in the order of their values. */
typedef struct sweep {
    double worst;
    float where;
    float previous;
    bool is_monotone;
} sweep;

static void visit(sweep *s, function f, float x, float y)
{
    double error = ulps_f32(y, exact_double(f, (double)x));
    if (error > s->worst) {
        s->worst = error;
        s->where = x;
    }
    if (!isnan(y)) {
        double ulp = ulp_f32((double)y);
        bool is_good =
            isnan(s->previous) ||
            is_monotone(f, (double)x, (double)s->previous, (double)y, ulp);
        s->is_monotone = s->is_monotone && is_good;
        s->previous = y;
    }
}

static void f32_is_accurate_and_rises(void **state)
{
    (void)state;
    const uint64_t stride = 1021;
    const mlpi_kernels *kernels = mlpi_kernels_find(MLP_F32, NULL);
    static float x[CHUNK];
    static float y[CHUNK];
    for (function f = 0; f < FUNCTIONS; f++) {
        sweep s = {.previous = NAN, .is_monotone = true};
        uint64_t at = 0;
        while (at < UINT64_C(1) << 32) {
            size_t n = 0;
            for (; n < CHUNK && at < UINT64_C(1) << 32; n++, at += stride) {
                x[n] = ordered(at);
            }
            apply(kernels, f, n, x, y);
            for (size_t i = 0; i < n; i++) {
                visit(&s, f, x[i], y[i]);
            }
        }
        print_message("%s f32: at most %.4f ulp, at %a\n", functions[f].name,
                      s.worst, (double)s.where);
        assert_true(s.worst <= functions[f].max_ulps);
        assert_true(s.is_monotone);
    }
}

/* The neighbours that are compared with each other. */
enum { RUN = 64, HALF_RUN = RUN / 2 };

/* True if the function rises from number to number, where it should. */
static bool f64_rises_from(const mlpi_kernels *kernels, function f, double x)
{
    double in[RUN];
    double y[RUN];
    for (size_t i = 0; i < RUN; i++, x = nextafter(x, HUGE_VAL)) {
        in[i] = x;
    }
    apply(kernels, f, RUN, in, y);
    for (size_t i = 1; i < RUN; i++) {
        double ulp = ulp_f64((long double)y[i]);
        if (!isnan(y[i - 1]) && !isnan(y[i]) &&
            !is_monotone(f, in[i], y[i - 1], y[i], ulp)) {
            print_message("%s f64 falls at %a\n", functions[f].name, in[i]);
            return false;
        }
    }
    return true;
}

static bool f32_rises_from(const mlpi_kernels *kernels, function f, float x)
{
    float in[RUN];
    float y[RUN];
    for (size_t i = 0; i < RUN; i++, x = nextafterf(x, HUGE_VALF)) {
        in[i] = x;
    }
    apply(kernels, f, RUN, in, y);
    for (size_t i = 1; i < RUN; i++) {
        double ulp = ulp_f32((double)y[i]);
        if (!isnan(y[i - 1]) && !isnan(y[i]) &&
            !is_monotone(f, (double)in[i], (double)y[i - 1], (double)y[i],
                         ulp)) {
            print_message("%s f32 falls at %a\n", functions[f].name,
                          (double)in[i]);
            return false;
        }
    }
    return true;
}

/* Compares neighbours from many starting points: where the function rises, the
 * result for the next number is never smaller. */
static void f64_rises(void **state)
{
    (void)state;
    const mlpi_kernels *kernels = mlpi_kernels_find(MLP_F64, NULL);
    enum { STARTS = 20000 };
    for (function f = 0; f < FUNCTIONS; f++) {
        mlp_rng rng = mlp_rng_seeded(100 + (uint32_t)f);
        for (size_t c = 0; c < STARTS; c++) {
            double x = random_argument(&rng, f, c % 3 + 1);
            assert_true(f64_rises_from(kernels, f, x));
        }
    }
}

/* Where the formula changes, the last result of the one must not be larger than
 * the first of the other. The 64 neighbours lie on both sides. */
static void formulas_meet_without_a_step_back(void **state)
{
    (void)state;
    const mlpi_kernels *f64 = mlpi_kernels_find(MLP_F64, NULL);
    const mlpi_kernels *f32 = mlpi_kernels_find(MLP_F32, NULL);
    for (function f = 0; f < FUNCTIONS; f++) {
        double at = 0;
        for (size_t i = 0; !isnan(at = formula_change(f, i)); i++) {
            double ulp = nextafter(fabs(at), HUGE_VAL) - fabs(at);
            assert_true(f64_rises_from(f64, f, at - HALF_RUN * ulp));
            float in = (float)at;
            float ulp32 = nextafterf(fabsf(in), HUGE_VALF) - fabsf(in);
            if (in != 0 && isfinite(in)) {
                assert_true(f32_rises_from(f32, f, in - HALF_RUN * ulp32));
            }
        }
    }
}

/* For z > 0 near 0, softplus is log 2 + z / 2, and neighbouring z change it by
 * far less than an ulp. All floats of four binades are compared, since a step
 * back is rare there. */
static void softplus_rises_near_0(void **state)
{
    (void)state;
    const mlpi_kernels *kernels = mlpi_kernels_find(MLP_F32, NULL);
    static float x[CHUNK];
    static float y[CHUNK];
    float previous = 0;
    for (float z = 0x1p-24F; z < 0x1p-20F;) {
        for (size_t i = 0; i < CHUNK; i++, z = nextafterf(z, 1)) {
            x[i] = z;
        }
        apply(kernels, SOFTPLUS, CHUNK, x, y);
        for (size_t i = 0; i < CHUNK; i++) {
            assert_true(previous <= y[i]);
            previous = y[i];
        }
    }
}

static double apply_f64(const mlpi_kernels *kernels, function f, double x)
{
    double y = 0;
    apply(kernels, f, 1, &x, &y);
    return y;
}

static double apply_f32(const mlpi_kernels *kernels, function f, double x)
{
    float in = (float)x;
    float y = 0;
    apply(kernels, f, 1, &in, &y);
    return (double)y;
}

static const struct {
    function f;
    double x, y;
} exact_values[] = {
    {EXP, 0.0, 1.0},
    {EXP, -0.0, 1.0},
    {EXP, -INFINITY, 0.0},
    {EXP, INFINITY, INFINITY},
    {EXP, -1e30, 0.0},
    {EXP, 1e30, INFINITY},
    {LOG, 1.0, 0.0},
    {LOG, 0.0, -INFINITY},
    {LOG, -0.0, -INFINITY},
    {LOG, -1.0, NAN},
    {LOG, -INFINITY, NAN},
    {LOG, INFINITY, INFINITY},
    {TANH, 0.0, 0.0},
    {TANH, -0.0, -0.0},
    {TANH, INFINITY, 1.0},
    {TANH, -INFINITY, -1.0},
    {TANH, 1e30, 1.0},
    {TANH, -1e30, -1.0},
    {TANH, 0x1p-149, 0x1p-149},
    {TANH, -0x1p-126, -0x1p-126},
    {SIGMOID, 0.0, 0.5},
    {SIGMOID, -0.0, 0.5},
    {SIGMOID, INFINITY, 1.0},
    {SIGMOID, -INFINITY, 0.0},
    {SIGMOID, 1e30, 1.0},
    {SIGMOID, -1e30, 0.0},
    {EXP, NAN, NAN},
    {LOG, NAN, NAN},
    {TANH, NAN, NAN},
    {SIGMOID, NAN, NAN},
    {ELU, 0.0, 0.0},
    {ELU, -0.0, -0.0},
    {ELU, -INFINITY, -0x1.666666p-1},
    {ELU, -1e30, -0x1.666666p-1},
    {ELU, INFINITY, INFINITY},
    {ELU, 1e30F, 1e30F},
    {ELU, NAN, NAN},
    {GELU, 0.0, 0.0},
    {GELU, -0.0, -0.0},
    {GELU, -INFINITY, -0.0},
    {GELU, -1e30, -0.0},
    {GELU, 0x1p-125, 0x1p-126},
    {GELU, -0x1p-125, -0x1p-126},
    {GELU, 1e30F, 1e30F},
    {GELU, INFINITY, INFINITY},
    {GELU, NAN, NAN},
    {GELU_TANH, 0.0, 0.0},
    {GELU_TANH, -0.0, -0.0},
    {GELU_TANH, -INFINITY, -0.0},
    {GELU_TANH, -1e30, -0.0},
    {GELU_TANH, -0x1p-125, -0x1p-126},
    {GELU_TANH, 1e30F, 1e30F},
    {GELU_TANH, INFINITY, INFINITY},
    {GELU_TANH, NAN, NAN},
    {SILU, 0.0, 0.0},
    {SILU, -0.0, -0.0},
    {SILU, -INFINITY, -0.0},
    {SILU, -1e30, -0.0},
    {SILU, -0x1p-125, -0x1p-126},
    {SILU, 1e30F, 1e30F},
    {SILU, INFINITY, INFINITY},
    {SILU, NAN, NAN},
    {SOFTPLUS, -INFINITY, 0.0},
    {SOFTPLUS, -1e30, 0.0},
    {SOFTPLUS, 1e30F, 1e30F},
    {SOFTPLUS, INFINITY, INFINITY},
    {SOFTPLUS, NAN, NAN},
};

static void assert_same(double got, double expected)
{
    if (isnan(expected)) {
        assert_true(isnan(got));
        return;
    }
    assert_true(got == expected);
    assert_int_equal(signbit(got) != 0, signbit(expected) != 0);
}

static void special_values_are_exact(void **state)
{
    (void)state;
    const mlpi_kernels *kernels = NULL;
    for (size_t t = 0; (kernels = mlpi_kernels_get(MLP_F64, t)) != NULL; t++) {
        const mlpi_kernels *single = mlpi_kernels_get(MLP_F32, t);
        size_t n = sizeof exact_values / sizeof exact_values[0];
        for (size_t i = 0; i < n; i++) {
            function f = exact_values[i].f;
            double x = exact_values[i].x;
            assert_same(apply_f64(kernels, f, x), exact_values[i].y);
            assert_same(apply_f32(single, f, x), exact_values[i].y);
        }
    }
}

/* Underflow to subnormal numbers and overflow are where shortcuts break. */
static void f64_is_accurate_at_its_ends(void **state)
{
    (void)state;
    if (LDBL_MANT_DIG <= DBL_MANT_DIG) {
        print_message("long double is no wider than double: not measured\n");
        skip();
    }
    static const double ends[] = {
        709.782712893384,
        709.7827128933841,
        709.79,
        710.5,
        -708.3964,
        -708.3965,
        -740.0,
        -744.4400,
        -745.1332,
        -745.1334,
        -745.2,
        -746.5,
        -36.7368,
        36.7368,
        -709.78,
        DBL_MIN,
        DBL_TRUE_MIN,
        DBL_MAX,
        -DBL_MIN,
        19.0615,
        19.0616,
        22.0,
        -20.5,
        -21.12,
        -37.67,
        -38.4,
        -38.5,
        -39.1,
        0x1p-28,
        0x1p-54,
        0x1.6a09e667f3bcdp-1,
        0x1.6a09e667f3bccp-1,
        0x1.6a09e667f3bcdp+0,
        0x1.6a09e667f3bccp+0,
        0x1.fffffffffffffp-1,
        0x1.0000000000001p+0,
        0.34657359027997264,
        -0.34657359027997264,
        0x1.0p-1073,
        0x1.8p-1060,
    };
    const mlpi_kernels *kernels = mlpi_kernels_find(MLP_F64, NULL);
    for (function f = 0; f < FUNCTIONS; f++) {
        for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
            double y = apply_f64(kernels, f, ends[i]);
            long double exact = exact_long(f, (long double)ends[i]);
            assert_true(ulps_f64(y, exact) <= functions[f].max_ulps);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(special_values_are_exact),
        cmocka_unit_test(f64_is_accurate),
        cmocka_unit_test(f64_is_accurate_at_its_ends),
        cmocka_unit_test(f64_rises),
        cmocka_unit_test(formulas_meet_without_a_step_back),
        cmocka_unit_test(softplus_rises_near_0),
        cmocka_unit_test(f32_is_accurate_and_rises),
    };
    return cmocka_run_group_tests_name("math", tests, NULL, NULL);
}
