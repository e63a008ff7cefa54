/* SPDX-License-Identifier: MIT */
/*
 * Memory: aligned blocks from the caller's hooks, and a cursor that lays arrays
 * out in a block.
 *
 * Each object is one block. The function that lays the object out runs twice:
 * without memory, to measure, and over the block, to set the pointers. So the
 * measured size and the layout agree, provided the function takes the same
 * arrays twice. mlpi_allocate_layout does both:
 *
 *     static void lay_out(void *object, mlpi_cursor *cursor)
 *     {
 *         thing *t = object;
 *         t->a = mlpi_take(cursor, t->n, sizeof *t->a);
 *         t->b = mlpi_take(cursor, t->n, sizeof *t->b);
 *     }
 *
 *     TRY(mlpi_allocate_layout(hooks, lay_out, &thing, "a thing", &block));
 */
#ifndef MLPI_BASE_MEMORY_H
#define MLPI_BASE_MEMORY_H

#include "base/arithmetic.h"
#include "mlp.h"

/* Blocks, and arrays in them, begin at multiples of this many bytes. It is a
 * cache line of today's CPUs and the widest vector (AVX-512): no vector load at
 * the head of an array crosses a line, and two arrays never share one. */
#define MLPI_ALIGNMENT 64

/* The place in a block where the next array goes. mlpi_cursor cursor = {0}
 * measures; {.base = block} sets pointers. */
typedef struct mlpi_cursor {
    unsigned char *base; /* NULL while measuring */
    size_t used;         /* bytes so far */
    bool overflow;       /* the total is not a size_t */
} mlpi_cursor;

/* Takes `count` elements of `size` bytes and returns where they begin, aligned;
 * NULL while measuring and after an overflow. */
void *mlpi_take(mlpi_cursor *cursor, size_t count, size_t size);

/* Checks that `allocate` and `release` come together: a block of one allocator
 * must not be released by another; and that `reserved` is 0.
 * MLP_ERR_ARGUMENT. */
mlp_status mlpi_check_hooks(const mlp_hooks *hooks);

/* Sets *used to the caller's hooks, or to none if `hooks` is NULL, and checks
 * them. */
mlp_status mlpi_use_hooks(const mlp_hooks *hooks, mlp_hooks *used);

/* Allocates a block of the measured size; `what` names it in the message.
 * MLP_ERR_LIMIT (the measure overflowed), MLP_ERR_MEMORY: *block is
 * untouched. */
mlp_status mlpi_allocate(const mlp_hooks *hooks, const mlpi_cursor *measure,
                         const char *what, void **block);

/* A function that takes the arrays of `object` from a cursor and stores where
 * they begin. The sizes of the arrays must be known before, so that both calls
 * take the same ones. */
typedef void mlpi_lay_out(void *object, mlpi_cursor *cursor);

/* Allocates a block for the arrays that `lay_out` takes, and lets it set the
 * pointers of `object` into that block. MLP_ERR_LIMIT, MLP_ERR_MEMORY: *block
 * is untouched, and the pointers that `lay_out` sets are NULL. */
mlp_status mlpi_allocate_layout(const mlp_hooks *hooks, mlpi_lay_out *lay_out,
                                void *object, const char *what, void **block);

/* Allocates one array of `count` elements of `size` bytes; fails like
 * mlpi_allocate. */
mlp_status mlpi_allocate_array(const mlp_hooks *hooks, size_t count,
                               size_t size, const char *what, void **block);

/* Releases a block through the hooks that allocated it. NULL is allowed. */
void mlpi_release(const mlp_hooks *hooks, void *block);

#endif
