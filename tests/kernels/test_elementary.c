/* SPDX-License-Identifier: MIT */
/*
 * The elementary functions exp, log, tanh and sigmoid and the relatives of ReLU
 * are compared with libm in a wider type. The tests measure the error in units
 * in the last place (ulp), and check exact values and monotonicity.
 *
 *   test_elementary       f64: 10 million random arguments for each function (2
 *                         million for the relatives of ReLU) and special ones;
 *                         f32: every 1021st of the 2^32 arguments
 *   test_elementary all   f32: all 2^32 arguments (some minutes)
 *
 * The reference is long double for f64, double for f32. Where long double is
 * no wider than double the f64 errors are not measured, and the test says so.
 */
#include "support/support.h"
#include "support/ignore.h"

#include <float.h>

#include "kernels/kernels.h"

enum { CHUNK = 4096, RANDOM_CHUNKS = 10000000 / CHUNK + 1 };

/* The functions of `map` come first, then activations. */
typedef enum function {
    EXP,
    LOG,
    TANH,
    SIGMOID,
    ELU,
    GELU,
    GELU_TANH,
    SILU,
    SOFTPLUS,
    FUNCTIONS
} function;

/* Each function falls up to its minimum and rises from there on. The kernel may
 * step back by an ulp close to the minimum. */
static const struct {
    const char *name;
    double max_ulps, minimum;
    mlpi_elementary map;
    mlp_activation activation;
} functions[FUNCTIONS] = {
    [EXP] = {"exp", 1.0, -HUGE_VAL, .map = MLPI_MAP_EXP},
    [LOG] = {"log", 1.0, -HUGE_VAL, .map = MLPI_MAP_LOG},
    [TANH] = {"tanh", 2.0, -HUGE_VAL, .map = MLPI_MAP_TANH},
    [SIGMOID] = {"sigmoid", 2.0, -HUGE_VAL, .map = MLPI_MAP_SIGMOID},
    [ELU] = {"elu", 2.0, -HUGE_VAL, .activation = MLP_ACT_ELU},
    [GELU] = {"gelu", 2.0, -0.751791524693564, .activation = MLP_ACT_GELU},
    [GELU_TANH] = {"gelu_tanh", 2.0, -0.752461422071016,
                   .activation = MLP_ACT_GELU_TANH},
    [SILU] = {"silu", 2.0, -1.27846454276107, .activation = MLP_ACT_SILU},
    [SOFTPLUS] = {"softplus", 2.0, -HUGE_VAL, .activation = MLP_ACT_SOFTPLUS},
};

static const double flat = 0.2;  /* how far from the minimum it may do so */
static const float alpha = 0.7F; /* the slope of elu */

static void apply(const mlpi_kernels *kernels, function f, size_t n,
                  const void *x, void *y)
{
    if (f < ELU) {
        kernels->map(functions[f].map, n, x, y);
    } else {
        mlpi_activation_args layer = {.f = functions[f].activation,
                                      .slope = (double)alpha,
                                      .m = 1,
                                      .n = n};
        kernels->activate(&layer, x, y);
    }
}

/* x e^-w / (1 + e^-w), with no digits lost far out. */
static long double gated(long double x, long double w)
{
    if (x == -(long double)INFINITY) {
        return -0.0L;
    }
    return x < 0 ? x * (expl(w) / (1 + expl(w))) : x / (1 + expl(-w));
}

/* x erfc(t) / 2 with t = -x / sqrt(2), whose rounding error counts far out. */
static long double exact_gelu(long double x)
{
    const long double half_root = 0.707106781186547524400844362104849039L;
    const long double half_root_low = 1.895032558893257e-20L; /* of 64 bits */
    if (x < -100) {
        return -0.0L;
    }
    long double t = -x * half_root;
    long double lost = fmal(-x, half_root, -t);
    lost -= LDBL_MANT_DIG == 64 ? x * half_root_low : 0;
    long double tail = 0.5L * x * erfcl(t);
    return x < -3 ? tail - 2 * t * lost * tail : tail;
}

static long double exact_long(function f, long double x)
{
    const long double root = 0.797884560802865355879892119868763737L;
    switch (f) {
    case EXP:
        return expl(x);
    case LOG:
        return logl(x);
    case TANH:
        return tanhl(x);
    case SIGMOID:
        return 1.0L / (1.0L + expl(-x));
    case ELU:
        return x > 0 ? x : (long double)alpha * expm1l(x);
    case GELU:
        return exact_gelu(x);
    case GELU_TANH:
        return gated(x, 2 * root * (x + 0.044715L * x * x * x));
    case SILU:
        return gated(x, x);
    case SOFTPLUS:
        return x > 0 ? x + log1pl(expl(-x)) : log1pl(expl(x));
    case FUNCTIONS:
        break;
    }
    return NAN;
}

static double exact_double(function f, double x)
{
    switch (f) {
    case EXP:
        return exp(x);
    case LOG:
        return log(x);
    case TANH:
        return tanh(x);
    case SIGMOID:
        return 1.0 / (1.0 + exp(-x));
    case ELU:
        return x > 0 ? x : (double)alpha * expm1(x);
    case GELU:
        return x < -100 ? -0.0 : 0.5 * x * erfc(-x * sqrt(0.5));
    case GELU_TANH:
        if (x < -100) {
            return -0.0;
        }
        return x / (1 + exp(-sqrt(8 / acos(-1)) * (x + 0.044715 * x * x * x)));
    case SILU:
        return x < -500 ? -0.0 : x / (1 + exp(-x));
    case SOFTPLUS:
        return x > 0 ? x + log1p(exp(-x)) : log1p(exp(x));
    case FUNCTIONS:
        break;
    }
    return NAN;
}

/* True if the function rises or falls from `before` to `now`, as it should at
 * x. */
static bool is_monotone(function f, double x, double before, double now,
                        double ulp)
{
    double from = x > functions[f].minimum ? before : now;
    double to = x > functions[f].minimum ? now : before;
    return from <= to ||
           (fabs(x - functions[f].minimum) < flat && from <= to + 1.5 * ulp);
}

/* Returns the distance of neighbouring numbers at |exact|, for a type with
 * `digits` bits whose smallest normal number is 2^(smallest - 1). */
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

/* Returns the error of y in ulp; it is 0 if both are NaNs or round to the same
 * infinity. */
static double ulps_f64(double y, long double exact)
{
    if (isnan(y) || isnan(exact)) {
        return isnan(y) && isnan(exact) ? 0 : HUGE_VAL;
    }
    if (isinf(y)) { /* correct if the exact value rounds to it */
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
    ignore(mlp_rng_randint(rng, INT64_MIN, INT64_MAX, &bits));
    return (uint64_t)bits;
}

/* Half of the arguments are numbers of all kinds, half are where the function
 * is not flat. */
static double random_argument(mlp_rng *rng, function f, size_t i)
{
    double spread = 800.0;
    switch (i % 4) {
    case 0:
        return double_of(random_bits(rng));
    case 1:
        return ldexp(mlp_rng_uniform(rng, -1, 1),
                     (int)mlp_rng_uniform(rng, -60, 10));
    case 2:
        spread = f == TANH ? 22.0 : f == GELU || f == GELU_TANH ? 40.0 : 2.0;
        break;
    default:
        break;
    }
    double x = mlp_rng_uniform(rng, -spread, spread);
    return f == LOG ? fabs(x) : x;
}

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

/* A sweep visits every `stride`-th argument in the order of the values:
 * negative numbers come first, whose bits fall as they rise. */
typedef struct sweep {
    double worst;
    float where;
    float previous;
    bool is_monotone;
} sweep;

static float ordered(uint64_t position)
{
    uint32_t p = (uint32_t)position;
    return float_of(p < 0x80000000u ? ~p : p - 0x80000000u);
}

static void visit(sweep *s, function f, float x, float y)
{
    double error = ulps_f32(y, exact_double(f, (double)x));
    if (error > s->worst) {
        s->worst = error;
        s->where = x;
    }
    if (!isnan(y)) {
        double ulp = (double)ulp_at((long double)y, FLT_MANT_DIG, FLT_MIN_EXP);
        bool is_good =
            isnan(s->previous) ||
            is_monotone(f, (double)x, (double)s->previous, (double)y, ulp);
        s->is_monotone = s->is_monotone && is_good;
        s->previous = y;
    }
}

static void sweep_f32(uint64_t stride)
{
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

/* Compares neighbours from many starting points: where the function rises, the
 * result for the next number is never smaller. */
static void f64_rises(void **state)
{
    (void)state;
    const mlpi_kernels *kernels = mlpi_kernels_find(MLP_F64, NULL);
    enum { STARTS = 20000, RUN = 64 };
    for (function f = 0; f < FUNCTIONS; f++) {
        mlp_rng rng = mlp_rng_seeded(100 + (uint32_t)f);
        for (size_t c = 0; c < STARTS; c++) {
            double x[RUN];
            double y[RUN];
            x[0] = random_argument(&rng, f, c % 3 + 1);
            for (size_t i = 1; i < RUN; i++) {
                x[i] = nextafter(x[i - 1], HUGE_VAL);
            }
            apply(kernels, f, RUN, x, y);
            for (size_t i = 1; i < RUN; i++) {
                double ulp = (double)ulp_at((long double)y[i], DBL_MANT_DIG,
                                            DBL_MIN_EXP);
                assert_true(isnan(y[i]) ||
                            is_monotone(f, x[i], y[i - 1], y[i], ulp));
            }
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
