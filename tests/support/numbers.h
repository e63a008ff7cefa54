/* SPDX-License-Identifier: MIT */
/*
 * Arithmetic of both precisions, so that references are written once: numbers
 * are doubles that are rounded to the precision after each operation. For + - *
 * / the result is that of the float operation itself, since a double has more
 * than twice the digits.
 */
#ifndef TESTS_NUMBERS_H
#define TESTS_NUMBERS_H

#include "support/support.h"

#include "kernels/kernels.h"

static inline size_t size_of(mlp_dtype dtype)
{
    return dtype == MLP_F32 ? sizeof(float) : sizeof(double);
}

static inline double get(mlp_dtype dtype, const void *reals, size_t i)
{
    return dtype == MLP_F32 ? (double)((const float *)reals)[i]
                            : ((const double *)reals)[i];
}

static inline void set(mlp_dtype dtype, void *reals, size_t i, double x)
{
    if (dtype == MLP_F32) {
        ((float *)reals)[i] = (float)x;
    } else {
        ((double *)reals)[i] = x;
    }
}

static inline double rounded(mlp_dtype dtype, double x)
{
    return dtype == MLP_F32 ? (double)(float)x : x;
}

static inline double fma_of(mlp_dtype dtype, double a, double b, double c)
{
    return dtype == MLP_F32 ? (double)fmaf((float)a, (float)b, (float)c)
                            : fma(a, b, c);
}

/* Returns n reals, uniform in [low, high), that end where memory ends. */
static inline void *random_reals(mlp_dtype dtype, mlp_rng *rng, size_t n,
                                 double low, double high)
{
    void *reals = guarded_alloc(n * size_of(dtype));
    for (size_t i = 0; i < n; i++) {
        set(dtype, reals, i, mlp_rng_uniform(rng, low, high));
    }
    return reals;
}

/* Returns true if two numbers are equal and have the same sign, or both are
 * NaN. */
static inline bool same(double a, double b)
{
    return isnan(a) ? isnan(b)
                    : a == b && (signbit(a) != 0) == (signbit(b) != 0);
}

/* Visits each table of kernels of each precision, as `dtype` and
 * `kernels`. */
#define FOR_EACH_TABLE(dtype, kernels)                                         \
    for (mlp_dtype dtype = MLP_F32; dtype <= MLP_F64; dtype++)                 \
        for (size_t table = 0; mlpi_kernels_get(dtype, table); table++)        \
            for (const mlpi_kernels *kernels = mlpi_kernels_get(dtype, table); \
                 kernels; kernels = NULL)

#endif
