/* SPDX-License-Identifier: MIT */
/*
 * An arena: many small allocations that are freed together.
 *
 * Reading or writing an ONNX file needs thousands of small objects (nodes,
 * names, attributes) that all live as long as the call. The arena cuts them
 * from blocks of 16 KB, so that the caller's allocator is called rarely and
 * nothing is freed one by one.
 *
 * What lies in an arena stays there until all is freed, even if nobody needs it
 * any more. A loop that allocates must therefore be short, or its length must
 * be bounded by the size of the file that is read.
 *
 * The first failure is stored in `status`, and every later allocation returns
 * NULL. A caller may therefore make several allocations and check `status`
 * once after the last one:
 *
 *     mlpi_arena arena = {.hooks = hooks};
 *     double *mean = mlpi_arena_allocate(&arena, n, sizeof *mean);
 *     double *std = mlpi_arena_allocate(&arena, n, sizeof *std);
 *     TRY(arena.status);
 *     ...
 *     mlpi_arena_free(&arena);
 */
#ifndef MLPI_FORMATS_ONNX_ARENA_H
#define MLPI_FORMATS_ONNX_ARENA_H

#include "mlp.h"

/* An arena starts with its hooks set and everything else 0. It must not be
 * copied while it is in use, because a copy would not know of later blocks. */
typedef struct mlpi_arena {
    mlp_hooks hooks;               /* allocate the blocks and log failures */
    struct mlpi_arena_block *last; /* the newest block, NULL at first */
    mlp_status status;             /* MLP_OK, or the first failure */
} mlpi_arena;

/* Returns `count` elements of `size` bytes, all 0, aligned for any type. A size
 * of 0 bytes gives a pointer, too. Returns NULL if there is no memory
 * (MLP_ERR_MEMORY in `status`), if the product is not a size_t (MLP_ERR_LIMIT),
 * or after an earlier failure. */
void *mlpi_arena_allocate(mlpi_arena *arena, size_t count, size_t size);

/* Returns an array of `count` pointers, all NULL, of any type of object: the
 * lists of protobuf messages are such arrays. Fails like
 * mlpi_arena_allocate. */
void *mlpi_arena_pointers(mlpi_arena *arena, size_t count);

/* Returns a string that is formatted like that of printf, cut after 255
 * characters: names of nodes and tensors are shorter. Fails like
 * mlpi_arena_allocate. */
char *mlpi_arena_printf(mlpi_arena *arena, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Frees all blocks. Pointers into the arena are invalid afterwards. The status
 * stays, so that it can still be returned. An arena that has allocated nothing
 * may be freed, too. */
void mlpi_arena_free(mlpi_arena *arena);

#endif
