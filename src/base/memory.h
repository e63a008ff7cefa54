/* SPDX-License-Identifier: MIT */
/*
 * Memory: aligned blocks from the caller's hooks, and a cursor that lays arrays
 * out in a block.
 *
 * Each object is one block. The function that lays the object out runs twice:
 * without memory, to measure, and over the block, to set the pointers. So the
 * measured size and the layout cannot disagree. mlpi_make does both:
 *
 *     static void lay_out(void *object, mlpi_cursor *cursor)
 *     {
 *         thing *t = object;
 *         t->a = mlpi_take(cursor, t->n, sizeof *t->a);
 *         t->b = mlpi_take(cursor, t->n, sizeof *t->b);
 *     }
 *
 *     TRY(mlpi_make(hooks, lay_out, &thing, "a thing", &block));
 */
#ifndef MLPI_BASE_MEMORY_H
#define MLPI_BASE_MEMORY_H

#include "base/arithmetic.h"
#include "mlp.h"

/* Blocks, and arrays in them, begin at multiples of this: a cache line, and
 * the widest vector. */
#define MLPI_ALIGNMENT 64

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

/* Allocates a block for what `lay_out` takes of a cursor, and lets it set the
 * pointers of `object` into that block. `lay_out` must take the same arrays in
 * both of its calls. MLP_ERR_LIMIT, MLP_ERR_MEMORY: *block is untouched, and
 * the pointers that `lay_out` sets are NULL. */
typedef void mlpi_lay_out(void *object, mlpi_cursor *cursor);
mlp_status mlpi_make(const mlp_hooks *hooks, mlpi_lay_out *lay_out,
                     void *object, const char *what, void **block);

/* Allocates one array of `count` elements of `size` bytes. */
mlp_status mlpi_allocate_array(const mlp_hooks *hooks, size_t count,
                               size_t size, const char *what, void **block);

/* Gives a block back; NULL is allowed. */
void mlpi_release(const mlp_hooks *hooks, void *block);

/* Tells the processor that this thread is only waiting. */
void mlpi_pause(void);

#endif
