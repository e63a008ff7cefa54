/* SPDX-License-Identifier: MIT */
/*
 * Arithmetic on sizes that cannot overflow in silence, and the smaller and the
 * larger of two numbers.
 *
 * Sizes come from callers and from files, so a product of two of them may be
 * more than a size_t holds. Each such product goes through mlpi_size_mul; its
 * caller answers MLP_ERR_LIMIT or treats the file as damaged.
 */
#ifndef MLPI_BASE_ARITHMETIC_H
#define MLPI_BASE_ARITHMETIC_H

#include "mlp.h"

/* Computes *product = a * b. Returns false, and writes nothing, if the product
 * is not a size_t. */
static inline bool mlpi_size_mul(size_t a, size_t b, size_t *product)
{
    size_t result = 0;
    if (__builtin_mul_overflow(a, b, &result)) {
        return false;
    }
    *product = result;
    return true;
}

/* Computes *sum = a + b. Returns false, and writes nothing, if the sum is not a
 * size_t. */
static inline bool mlpi_size_add(size_t a, size_t b, size_t *sum)
{
    size_t result = 0;
    if (__builtin_add_overflow(a, b, &result)) {
        return false;
    }
    *sum = result;
    return true;
}

static inline size_t mlpi_min_size(size_t a, size_t b)
{
    return a < b ? a : b;
}

static inline size_t mlpi_max_size(size_t a, size_t b)
{
    return a > b ? a : b;
}

/* The smaller and the larger of two numbers. If a comparison with NaN decides,
 * the result is b, whichever of the two is NaN. */
static inline double mlpi_min(double a, double b)
{
    return a < b ? a : b;
}

static inline double mlpi_max(double a, double b)
{
    return a > b ? a : b;
}

#endif
