/* SPDX-License-Identifier: MIT */
#include "formats/onnx/arena.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/error.h"

enum { BLOCK = 16384, ALIGNMENT = 16, TEXT = 256 };

typedef struct mlpi_arena_block {
    struct mlpi_arena_block *before;
    size_t used, size; /* bytes behind this head */
} block;

static unsigned char *pieces(block *b)
{
    return (unsigned char *)b + MLPI_ALIGNMENT;
}

static block *add_block(mlpi_arena *arena, size_t least)
{
    mlpi_cursor measure = {0};
    size_t size = least < BLOCK ? BLOCK : least;
    void *memory = NULL;
    (void)mlpi_take(&measure, MLPI_ALIGNMENT, 1);
    (void)mlpi_take(&measure, size, 1);
    arena->status =
        mlpi_allocate(&arena->hooks, &measure, "an ONNX file", &memory);
    if (arena->status != MLP_OK) {
        return NULL;
    }
    block *made = memory;
    *made = (block){arena->last, 0, size};
    arena->last = made;
    return made;
}

void *mlpi_arena_allocate(mlpi_arena *arena, size_t count, size_t size)
{
    size_t bytes = 0;
    if (arena->status != MLP_OK) {
        return NULL;
    }
    if (!mlpi_size_mul(count, size, &bytes) ||
        !mlpi_size_add(bytes, ALIGNMENT - 1, &bytes)) {
        arena->status = mlpi_error(&arena->hooks, MLP_ERR_LIMIT,
                                   "an ONNX file would need more bytes than a "
                                   "size_t holds");
        return NULL;
    }
    bytes = bytes / ALIGNMENT * ALIGNMENT;
    block *b = arena->last;
    if (!b || b->size - b->used < bytes) {
        b = add_block(arena, bytes);
        if (!b) {
            return NULL;
        }
    }
    unsigned char *piece = pieces(b) + b->used;
    b->used += bytes;
    memset(piece, 0, bytes);
    return piece;
}

void *mlpi_arena_pointers(mlpi_arena *arena, size_t count)
{
    return mlpi_arena_allocate(arena, count, sizeof(void *));
}

char *mlpi_arena_printf(mlpi_arena *arena, const char *format, ...)
{
    char text[TEXT];
    va_list arguments;
    va_start(arguments, format);
    int n = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    size_t length = n < 0 ? 0 : n < TEXT ? (size_t)n : TEXT - 1;
    char *copy = mlpi_arena_allocate(arena, length + 1, 1);
    if (copy) {
        memcpy(copy, text, length);
    }
    return copy;
}

void mlpi_arena_free(mlpi_arena *arena)
{
    while (arena->last) {
        block *b = arena->last;
        arena->last = b->before;
        mlpi_release(&arena->hooks, b);
    }
}
