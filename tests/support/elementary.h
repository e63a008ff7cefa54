/* SPDX-License-Identifier: MIT */
/*
 * What the tests of the elementary functions and of the relatives of ReLU have
 * in common: the functions, their exact values, and errors in units in the last
 * place (ulp).
 *
 * The exact value is computed by libm in a wider type: long double for f64,
 * double for f32.
 */
#ifndef MLP_TESTS_ELEMENTARY_H
#define MLP_TESTS_ELEMENTARY_H

#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "kernels/kernels.h"

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
typedef struct function_facts {
    const char *name;
    double max_ulps, minimum;
    mlpi_elementary map;
    mlp_activation activation;
} function_facts;

static const function_facts functions[FUNCTIONS] = {
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

static inline void apply(const mlpi_kernels *kernels, function f, size_t n,
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
static inline long double gated(long double x, long double w)
{
    if (x == -(long double)INFINITY) {
        return -0.0L;
    }
    return x < 0 ? x * (expl(w) / (1 + expl(w))) : x / (1 + expl(-w));
}

/* x erfc(t) / 2 with t = -x / sqrt(2), whose rounding error counts far out. */
static inline long double exact_gelu(long double x)
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

static inline long double exact_long(function f, long double x)
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

static inline double exact_double(function f, double x)
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
static inline bool is_monotone(function f, double x, double before, double now,
                               double ulp)
{
    double from = x > functions[f].minimum ? before : now;
    double to = x > functions[f].minimum ? now : before;
    return from <= to ||
           (fabs(x - functions[f].minimum) < flat && from <= to + 1.5 * ulp);
}

/* Returns the distance of neighbouring doubles at |exact|. */
static inline double ulp_f64(long double exact)
{
    int exponent = DBL_MIN_EXP;
    if (exact != 0) {
        (void)frexpl(exact, &exponent);
    }
    exponent = exponent < DBL_MIN_EXP ? DBL_MIN_EXP : exponent;
    return ldexp(1.0, exponent - DBL_MANT_DIG);
}

/* Returns the distance of neighbouring floats at |exact|. The exponent of a
 * double is in the bits from 52 on; this is faster than frexp and ldexp. */
static inline double ulp_f32(double exact)
{
    uint64_t bits = 0;
    memcpy(&bits, &exact, sizeof bits);
    uint64_t exponent = bits >> 52 & 0x7ff;
    uint64_t least = 1023 + FLT_MIN_EXP - 1;
    exponent = exponent < least ? least : exponent;
    bits = (exponent - (FLT_MANT_DIG - 1)) << 52;
    double ulp = 0;
    memcpy(&ulp, &bits, sizeof ulp);
    return ulp;
}

/* Returns the error of y in ulp; it is 0 if both are NaNs or round to the same
 * infinity. */
static inline double ulps_f64(double y, long double exact)
{
    if (isnan(y) || isnan(exact)) {
        return isnan(y) && isnan(exact) ? 0 : HUGE_VAL;
    }
    if (isinf(y)) { /* correct if the exact value rounds to it */
        long double edge =
            (long double)DBL_MAX + (long double)ulp_f64(DBL_MAX) / 2;
        return fabsl(exact) >= edge && (y < 0) == (exact < 0) ? 0 : HUGE_VAL;
    }
    long double error = fabsl((long double)y - exact);
    return (double)(error / (long double)ulp_f64(exact));
}

static inline double ulps_f32(float y, double exact)
{
    if (isnan(y) || isnan(exact)) {
        return isnan(y) && isnan(exact) ? 0 : HUGE_VAL;
    }
    if (isinf(y)) {
        double edge = (double)FLT_MAX + ldexp(1.0, FLT_MAX_EXP - 25);
        return fabs(exact) >= edge && (y < 0) == (exact < 0) ? 0 : HUGE_VAL;
    }
    return fabs((double)y - exact) / ulp_f32(exact);
}

static inline float float_of(uint32_t bits)
{
    float x = 0;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static inline double double_of(uint64_t bits)
{
    double x = 0;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* Returns the position-th of the 2^32 floats in the order of their values:
 * negative numbers come first, whose bits fall as they rise. */
static inline float ordered(uint64_t position)
{
    uint32_t p = (uint32_t)position;
    return float_of(p < 0x80000000u ? ~p : p - 0x80000000u);
}

static inline uint64_t random_bits(mlp_rng *rng)
{
    int64_t bits = 0;
    ignore(mlp_rng_randint(rng, INT64_MIN, INT64_MAX, &bits));
    return (uint64_t)bits;
}

/* Half of the arguments are numbers of all kinds, half are where the function
 * is not flat. */
static inline double random_argument(mlp_rng *rng, function f, size_t i)
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

/* Returns the place-th of the points where a function changes from one formula
 * to another, or NAN behind the last: where e^x is split into 2^n e^r with
 * another n, at (n + 1/2) ln 2 for x, 2 x, -x or x^2 / 2; at tanh's change from
 * a polynomial to a quotient; at softplus's, where e^-|x| is 1/2; and where log
 * splits x with another k. The points are right up to a few ulp. */
static inline double formula_change(function f, size_t place)
{
    enum { MOST = 1100 };
    const double ln2 = 0.693147180559945309417;
    if (place > 2 * MOST) {
        size_t more = place - 2 * MOST - 1;
        double last = f == TANH ? 0.5625 : ln2;
        return more == 0 ? last : more == 1 ? -last : (double)NAN;
    }
    double n = (double)place - MOST;
    double x = (n + 0.5) * ln2;
    if (f == LOG) {
        return ldexp(sqrt(0.5), (int)n < -1020 ? -1020 : (int)n);
    }
    if (f == GELU) {
        return copysign(sqrt(2 * fabs(x)), x);
    }
    return f == TANH ? x / 2 : x;
}

#endif
