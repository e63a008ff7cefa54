/* SPDX-License-Identifier: MIT */
/*
 * The blocks of an arena form a list, the newest first, and only the newest is
 * filled:
 *
 *     last -> | head | used ... | free      |
 *                |
 *                v previous
 *             | head | used ...      | rest |     the rest stays unused
 *
 * Each object starts at a multiple of 16 bytes, which suits every type that an
 * ONNX message contains. An object that is larger than a block gets a block of
 * its own, which is then the newest; the rest of the block before is lost, at
 * most 16 KB for each such object.
 */
#include "formats/onnx/arena.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"

enum { BLOCK_BYTES = 16384, OBJECT_ALIGNMENT = 16, MAX_STRING = 256 };

/* The head of a block. The bytes that are handed out follow it. */
typedef struct mlpi_arena_block {
    struct mlpi_arena_block *previous;
    size_t used, size; /* bytes after the head */
} block;

/* Returns the first byte after the head. The head takes MLPI_ALIGNMENT bytes,
 * so that the objects stay aligned. */
static unsigned char *block_bytes(block *b)
{
    return (unsigned char *)b + MLPI_ALIGNMENT;
}

/* Adds a block that can hold at least `min_bytes`. */
static block *add_block(mlpi_arena *arena, size_t min_bytes)
{
    mlpi_cursor measure = {0};
    size_t size = mlpi_max_size(min_bytes, BLOCK_BYTES);
    void *memory = NULL;
    (void)mlpi_take(&measure, MLPI_ALIGNMENT, 1);
    (void)mlpi_take(&measure, size, 1);
    arena->status =
        mlpi_allocate(&arena->hooks, &measure, "an ONNX file", &memory);
    if (arena->status != MLP_OK) {
        return NULL;
    }
    block *added = memory;
    *added = (block){arena->last, 0, size};
    arena->last = added;
    return added;
}

/* The size is rounded up to the alignment, and both operations are checked:
 * counts come from files. Bytes are cleared here, not by the block, because a
 * block is not used up as a rule. */
void *mlpi_arena_allocate(mlpi_arena *arena, size_t count, size_t size)
{
    size_t bytes = 0;
    if (arena->status != MLP_OK) {
        return NULL;
    }
    if (!mlpi_size_mul(count, size, &bytes) ||
        !mlpi_size_add(bytes, OBJECT_ALIGNMENT - 1, &bytes)) {
        arena->status = mlpi_error(&arena->hooks, MLP_ERR_LIMIT,
                                   "an ONNX file would need more bytes than a "
                                   "size_t holds");
        return NULL;
    }
    bytes = bytes / OBJECT_ALIGNMENT * OBJECT_ALIGNMENT;
    block *b = arena->last;
    if (!b || b->size - b->used < bytes) {
        b = add_block(arena, bytes);
        if (!b) {
            return NULL;
        }
    }
    unsigned char *object = block_bytes(b) + b->used;
    b->used += bytes;
    memset(object, 0, bytes);
    return object;
}

void *mlpi_arena_pointers(mlpi_arena *arena, size_t count)
{
    return mlpi_arena_allocate(arena, count, sizeof(void *));
}

/* The string is formatted on the stack first, because its length is not known
 * before. */
char *mlpi_arena_printf(mlpi_arena *arena, const char *format, ...)
{
    char text[MAX_STRING];
    va_list arguments;
    va_start(arguments, format);
    int n = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    size_t length =
        n < 0 ? 0 : mlpi_min_size((size_t)n, (size_t)MAX_STRING - 1);
    char *copy = mlpi_arena_allocate(arena, length + 1, 1);
    if (copy) {
        memcpy(copy, text, length);
    }
    return copy;
}

/* Follows the list from the newest block to the oldest. */
void mlpi_arena_free(mlpi_arena *arena)
{
    while (arena->last) {
        block *b = arena->last;
        arena->last = b->previous;
        mlpi_release(&arena->hooks, b);
    }
}
