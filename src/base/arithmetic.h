/* SPDX-License-Identifier: MIT */
/*
 * Arithmetic on sizes that cannot overflow in silence, and the smaller and the
 * larger of two numbers.
 *
 * Sizes come from callers and from files, so a product of two of them may be
 * more than a size_t holds, and a block that is too small would follow. Each
 * such product goes through mlpi_size_mul; its caller answers MLP_ERR_LIMIT or
 * treats the file as damaged.
 *
 * Both operations use a builtin of gcc and clang that computes the result with
 * its overflow flag; a test before the operation would need a division.
 */
#ifndef MLPI_BASE_ARITHMETIC_H
#define MLPI_BASE_ARITHMETIC_H

#include "mlp.h"

/* ---------------------------------------------------------------------------
 * Checked sizes
 */

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

/* Returns n / d, rounded up; d is above 0. (n + d - 1) / d could overflow. */
static inline size_t mlpi_divide_up(size_t n, size_t d)
{
    return n / d + (n % d > 0);
}

/* ---------------------------------------------------------------------------
 * The smaller and the larger
 */

/* Returns the smaller of two sizes. */
static inline size_t mlpi_min_size(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Returns the larger of two sizes. */
static inline size_t mlpi_max_size(size_t a, size_t b)
{
    return a > b ? a : b;
}

/* Returns the smaller of two numbers. If one of them is NaN the result is b,
 * whichever of the two is NaN, because every comparison with NaN is false. fmin
 * would ignore a NaN. */
static inline double mlpi_min(double a, double b)
{
    return a < b ? a : b;
}

/* Returns the larger of two numbers. If one of them is NaN the result is b. */
static inline double mlpi_max(double a, double b)
{
    return a > b ? a : b;
}

#endif
