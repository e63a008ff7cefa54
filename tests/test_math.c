/* SPDX-License-Identifier: MIT */
/*
 * exp, log, tanh and sigmoid against libm in a wider type: their error in units
 * in the last place, their exact values, and that they never step back.
 *
 *   test_math       f64: 10 million random arguments for each function and the
 *                   special ones; f32: every 1021st of the 2^32 arguments
 *   test_math all   f32: all of them (some minutes)
 *
 * The reference is long double for f64, double for f32. Where long double is
 * no wider than double the f64 errors are not measured, and the test says so.
 */
#include "support.h"

#include <float.h>

#include "ops.h"

enum { FUNCTIONS = 4, CHUNK = 4096, RANDOM_CHUNKS = 10000000 / CHUNK + 1 };

static const struct {
    const char *name;
    double most_ulps;
} functions[FUNCTIONS] = {
    [MLPI_MAP_EXP] = {"exp", 1.0},
    [MLPI_MAP_LOG] = {"log", 1.0},
    [MLPI_MAP_TANH] = {"tanh", 2.0},
    [MLPI_MAP_SIGMOID] = {"sigmoid", 2.0},
};

static long double exact_long(mlpi_function f, long double x)
{
    switch (f) {
    case MLPI_MAP_EXP:
        return expl(x);
    case MLPI_MAP_LOG:
        return logl(x);
    case MLPI_MAP_TANH:
        return tanhl(x);
    case MLPI_MAP_SIGMOID:
        return 1.0L / (1.0L + expl(-x));
    }
    return NAN;
}

static double exact_double(mlpi_function f, double x)
{
    switch (f) {
    case MLPI_MAP_EXP:
        return exp(x);
    case MLPI_MAP_LOG:
        return log(x);
    case MLPI_MAP_TANH:
        return tanh(x);
    case MLPI_MAP_SIGMOID:
        return 1.0 / (1.0 + exp(-x));
    }
    return NAN;
}

/* The distance of neighbours at |exact|, for numbers of `digits` bits whose
 * smallest normal one is 2^(smallest - 1). */
static long double ulp_at(long double exact, int digits, int smallest)
{
    int exponent = smallest;
    if (exact != 0) {
        (void)frexpl(exact, &exponent);
    }
    if (exponent < smallest) {
        exponent = smallest;
    }
    return ldexpl(1.0L, exponent - digits);
}

/* The error of y in ulps; 0 where both are the same infinity or NaN. */
static double ulps_f64(double y, long double exact)
{
    if (isnan(y) || isnan(exact)) {
        return isnan(y) && isnan(exact) ? 0 : HUGE_VAL;
    }
    if (isinf(y)) { /* right if the exact value would be rounded to it */
        long double edge =
            (long double)DBL_MAX +
            ulp_at((long double)DBL_MAX, DBL_MANT_DIG, DBL_MIN_EXP) / 2;
        return fabsl(exact) >= edge && (y < 0) == (exact < 0) ? 0 : HUGE_VAL;
    }
    return (double)(fabsl((long double)y - exact) /
                    ulp_at(exact, DBL_MANT_DIG, DBL_MIN_EXP));
}

static double ulps_f32(float y, double exact)
{
    if (isnan(y) || isnan(exact)) {
        return isnan(y) && isnan(exact) ? 0 : HUGE_VAL;
    }
    if (isinf(y)) {
        double edge = (double)FLT_MAX + ldexp(1.0, FLT_MAX_EXP - 25);
        return fabs(exact) >= edge && (y < 0) == (exact < 0) ? 0 : HUGE_VAL;
    }
    return fabs((double)y - exact) /
           (double)ulp_at((long double)exact, FLT_MANT_DIG, FLT_MIN_EXP);
}

static float float_of(uint32_t bits)
{
    float x = 0;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static double double_of(uint64_t bits)
{
    double x = 0;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static uint64_t random_bits(mlp_rng *rng)
{
    int64_t bits = 0;
    (void)mlp_rng_randint(rng, INT64_MIN, INT64_MAX, &bits);
    return (uint64_t)bits;
}

/* Half are all kinds of numbers, half are where the function is not flat. */
static double random_argument(mlp_rng *rng, mlpi_function f, size_t i)
{
    double spread = 800.0;
    switch (i % 4) {
    case 0:
        return double_of(random_bits(rng));
    case 1:
        return ldexp(mlp_rng_uniform(rng, -1, 1),
                     (int)mlp_rng_uniform(rng, -60, 10));
    case 2:
        spread = f == MLPI_MAP_TANH ? 22.0 : 2.0;
        break;
    default:
        break;
    }
    double x = mlp_rng_uniform(rng, -spread, spread);
    return f == MLPI_MAP_LOG ? fabs(x) : x;
}

static double worst_f64(mlpi_function f, double *where)
{
    const mlpi_ops *ops = mlpi_ops_find(MLP_F64, NULL);
    mlp_rng rng = mlp_rng_seeded((uint32_t)f);
    static double x[CHUNK];
    static double y[CHUNK];
    double worst = 0;
    for (size_t c = 0; c < RANDOM_CHUNKS; c++) {
        for (size_t i = 0; i < CHUNK; i++) {
            x[i] = random_argument(&rng, f, i);
        }
        ops->map(f, CHUNK, x, y);
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
    for (int f = 0; f < FUNCTIONS; f++) {
        double where = 0;
        double worst = worst_f64((mlpi_function)f, &where);
        print_message("%s f64: at most %.4f ulp, at %a\n", functions[f].name,
                      worst, where);
        assert_true(worst <= functions[f].most_ulps);
    }
}

/* Visits the arguments first, first + step ... in the order of their value:
 * negative ones, whose bits fall, come before. */
typedef struct sweep {
    double worst;
    float where;
    float previous;
    bool rises;
} sweep;

static float ordered(uint64_t position)
{
    uint32_t p = (uint32_t)position;
    return float_of(p < 0x80000000u ? ~p : p - 0x80000000u);
}

static void visit(sweep *s, mlpi_function f, float x, float y)
{
    double error = ulps_f32(y, exact_double(f, (double)x));
    if (error > s->worst) {
        s->worst = error;
        s->where = x;
    }
    if (!isnan(y)) {
        s->rises = s->rises && s->previous <= y;
        s->previous = y;
    }
}

static void sweep_f32(uint64_t step)
{
    const mlpi_ops *ops = mlpi_ops_find(MLP_F32, NULL);
    static float x[CHUNK];
    static float y[CHUNK];
    for (int f = 0; f < FUNCTIONS; f++) {
        sweep s = {.previous = -INFINITY, .rises = true};
        uint64_t at = 0;
        while (at < UINT64_C(1) << 32) {
            size_t n = 0;
            for (; n < CHUNK && at < UINT64_C(1) << 32; n++, at += step) {
                x[n] = ordered(at);
            }
            ops->map((mlpi_function)f, n, x, y);
            for (size_t i = 0; i < n; i++) {
                visit(&s, (mlpi_function)f, x[i], y[i]);
            }
        }
        print_message("%s f32: at most %.4f ulp, at %a\n", functions[f].name,
                      s.worst, (double)s.where);
        assert_true(s.worst <= functions[f].most_ulps);
        assert_true(s.rises);
    }
}

static void f32_is_accurate_and_rises(void **state)
{
    (void)state;
    sweep_f32(1021);
}

static void all_f32_are_accurate_and_rise(void **state)
{
    (void)state;
    sweep_f32(1);
}

/* Neighbours, from many starting points: an ulp up never goes down. */
static void f64_rises(void **state)
{
    (void)state;
    const mlpi_ops *ops = mlpi_ops_find(MLP_F64, NULL);
    enum { STARTS = 20000, RUN = 64 };
    for (int f = 0; f < FUNCTIONS; f++) {
        mlp_rng rng = mlp_rng_seeded(100 + (uint32_t)f);
        for (size_t c = 0; c < STARTS; c++) {
            double x[RUN];
            double y[RUN];
            x[0] = random_argument(&rng, (mlpi_function)f, c % 3 + 1);
            for (size_t i = 1; i < RUN; i++) {
                x[i] = nextafter(x[i - 1], HUGE_VAL);
            }
            ops->map((mlpi_function)f, RUN, x, y);
            for (size_t i = 1; i < RUN; i++) {
                assert_false(y[i] < y[i - 1]);
            }
        }
    }
}

static double apply_f64(const mlpi_ops *ops, mlpi_function f, double x)
{
    double y = 0;
    ops->map(f, 1, &x, &y);
    return y;
}

static double apply_f32(const mlpi_ops *ops, mlpi_function f, double x)
{
    float in = (float)x;
    float y = 0;
    ops->map(f, 1, &in, &y);
    return (double)y;
}

static const struct {
    mlpi_function f;
    double x, y;
} exact_values[] = {
    {MLPI_MAP_EXP, 0.0, 1.0},
    {MLPI_MAP_EXP, -0.0, 1.0},
    {MLPI_MAP_EXP, -INFINITY, 0.0},
    {MLPI_MAP_EXP, INFINITY, INFINITY},
    {MLPI_MAP_EXP, -1e30, 0.0},
    {MLPI_MAP_EXP, 1e30, INFINITY},
    {MLPI_MAP_LOG, 1.0, 0.0},
    {MLPI_MAP_LOG, 0.0, -INFINITY},
    {MLPI_MAP_LOG, -0.0, -INFINITY},
    {MLPI_MAP_LOG, -1.0, NAN},
    {MLPI_MAP_LOG, -INFINITY, NAN},
    {MLPI_MAP_LOG, INFINITY, INFINITY},
    {MLPI_MAP_TANH, 0.0, 0.0},
    {MLPI_MAP_TANH, -0.0, -0.0},
    {MLPI_MAP_TANH, INFINITY, 1.0},
    {MLPI_MAP_TANH, -INFINITY, -1.0},
    {MLPI_MAP_TANH, 1e30, 1.0},
    {MLPI_MAP_TANH, -1e30, -1.0},
    {MLPI_MAP_TANH, 0x1p-149, 0x1p-149},
    {MLPI_MAP_TANH, -0x1p-126, -0x1p-126},
    {MLPI_MAP_SIGMOID, 0.0, 0.5},
    {MLPI_MAP_SIGMOID, -0.0, 0.5},
    {MLPI_MAP_SIGMOID, INFINITY, 1.0},
    {MLPI_MAP_SIGMOID, -INFINITY, 0.0},
    {MLPI_MAP_SIGMOID, 1e30, 1.0},
    {MLPI_MAP_SIGMOID, -1e30, 0.0},
    {MLPI_MAP_EXP, NAN, NAN},
    {MLPI_MAP_LOG, NAN, NAN},
    {MLPI_MAP_TANH, NAN, NAN},
    {MLPI_MAP_SIGMOID, NAN, NAN},
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
    const mlpi_ops *ops = NULL;
    for (size_t t = 0; (ops = mlpi_ops_get(MLP_F64, t)) != NULL; t++) {
        const mlpi_ops *single = mlpi_ops_get(MLP_F32, t);
        size_t n = sizeof exact_values / sizeof exact_values[0];
        for (size_t i = 0; i < n; i++) {
            mlpi_function f = exact_values[i].f;
            double x = exact_values[i].x;
            assert_same(apply_f64(ops, f, x), exact_values[i].y);
            assert_same(apply_f32(single, f, x), exact_values[i].y);
        }
    }
}

/* The ends of the subnormal numbers and of overflow, where shortcuts break. */
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
    const mlpi_ops *ops = mlpi_ops_find(MLP_F64, NULL);
    for (int f = 0; f < FUNCTIONS; f++) {
        for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
            double y = apply_f64(ops, (mlpi_function)f, ends[i]);
            long double exact =
                exact_long((mlpi_function)f, (long double)ends[i]);
            assert_true(ulps_f64(y, exact) <= functions[f].most_ulps);
        }
    }
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "all") == 0) {
        const struct CMUnitTest all[] = {
            cmocka_unit_test(all_f32_are_accurate_and_rise),
        };
        return cmocka_run_group_tests_name("math, all f32", all, NULL, NULL);
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(special_values_are_exact),
        cmocka_unit_test(f64_is_accurate),
        cmocka_unit_test(f64_is_accurate_at_its_ends),
        cmocka_unit_test(f64_rises),
        cmocka_unit_test(f32_is_accurate_and_rises),
    };
    return cmocka_run_group_tests_name("math", tests, NULL, NULL);
}
