/* SPDX-License-Identifier: MIT */
/*
 * Memory that goes all at once: what lives as long as one call, in many pieces.
 * The pieces come from larger blocks, so that a host's allocator is not asked
 * for each of them. The first failure stays, so that many pieces can be taken
 * before one looks.
 */
#ifndef MLPI_FORMATS_ONNX_ARENA_H
#define MLPI_FORMATS_ONNX_ARENA_H

#include "mlp.h"

typedef struct mlpi_arena {
    mlp_hooks hooks;
    struct mlpi_arena_block *last;
    mlp_status status; /* MLP_OK, or why a piece was not there */
} mlpi_arena;

/* `count` elements of `size` bytes, all 0; NULL, and `status`, if there is no
 * memory. Of 0 bytes there is a piece, too. */
void *mlpi_arena_allocate(mlpi_arena *arena, size_t count, size_t size);

/* A list of pointers, all NULL; NULL as above. */
void *mlpi_arena_pointers(mlpi_arena *arena, size_t count);

/* A text made as by printf; NULL as above. */
char *mlpi_arena_printf(mlpi_arena *arena, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Gives everything back. */
void mlpi_arena_free(mlpi_arena *arena);

#endif
