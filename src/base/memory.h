/* SPDX-License-Identifier: MIT */
/*
 * Memory: sizes that cannot overflow, aligned blocks from the caller's hooks,
 * and a cursor that lays arrays out in a block.
 *
 * Each object is one block. The function that lays it out runs twice: over no
 * memory, to measure, and over the block, to carve. So measure and layout
 * cannot disagree:
 *
 *     mlpi_cursor measure = {0};
 *     lay_out(&thing, &measure);
 *     TRY(mlpi_allocate(hooks, &measure, "a thing", &block));
 *     mlpi_cursor carve = {.base = block};
 *     lay_out(&thing, &carve);
 */
#ifndef MLPI_BASE_MEMORY_H
#define MLPI_BASE_MEMORY_H

#include "mlp.h"

/* Blocks, and arrays in them, begin at multiples of this: a cache line, and
 * the widest vector. */
#define MLPI_ALIGNMENT 64

/* *product = a * b and *sum = a + b; false, and nothing written, if that is not
 * a size_t. */
static inline bool mlpi_size_mul(size_t a, size_t b, size_t *product)
{
    size_t result = 0;
    if (__builtin_mul_overflow(a, b, &result)) {
        return false;
    }
    *product = result;
    return true;
}

static inline bool mlpi_size_add(size_t a, size_t b, size_t *sum)
{
    size_t result = 0;
    if (__builtin_add_overflow(a, b, &result)) {
        return false;
    }
    *sum = result;
    return true;
}

typedef struct mlpi_cursor {
    unsigned char *base; /* NULL while measuring */
    size_t used;         /* bytes so far */
    bool overflow;       /* the total is not a size_t */
} mlpi_cursor;

/* The next `count` elements of `size` bytes, aligned; NULL while measuring and
 * after an overflow. */
void *mlpi_take(mlpi_cursor *cursor, size_t count, size_t size);

/* MLP_ERR_ARGUMENT unless `allocate` and `release` come together. */
mlp_status mlpi_check_hooks(const mlp_hooks *hooks);

/* A block of the measured size. MLP_ERR_LIMIT if the measure overflowed,
 * MLP_ERR_MEMORY; `what` is for the message. */
mlp_status mlpi_allocate(const mlp_hooks *hooks, const mlpi_cursor *measure,
                         const char *what, void **block);

/* Gives a block back; NULL is allowed. */
void mlpi_release(const mlp_hooks *hooks, void *block);

/* Tells the processor that this thread is only waiting. */
void mlpi_pause(void);

#endif
