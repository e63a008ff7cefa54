/* SPDX-License-Identifier: MIT */
/*
 * Aligned blocks on top of an allocator that may align less. The hooks are
 * asked for MLPI_ALIGNMENT + sizeof(void *) more bytes than the block has; what
 * they return is stored directly before the aligned block, for mlpi_release:
 *
 *     raw                 block: a multiple of 64
 *     | unused    | raw   | arrays ...                      |
 *
 * aligned_alloc is no help, because the hooks of a user look like malloc and
 * free.
 */
#include "base/memory.h"

#include <stdlib.h>

#include "base/error.h"

/* Both the product and the rounding up can overflow. After an overflow the
 * cursor takes nothing more, and mlpi_allocate reports it. */
void *mlpi_take(mlpi_cursor *cursor, size_t count, size_t size)
{
    size_t start = cursor->used;
    size_t bytes = 0;
    if (cursor->overflow || !mlpi_size_mul(count, size, &bytes) ||
        !mlpi_size_add(bytes, MLPI_ALIGNMENT - 1, &bytes) ||
        !mlpi_size_add(start, bytes / MLPI_ALIGNMENT * MLPI_ALIGNMENT,
                       &cursor->used)) {
        cursor->overflow = true;
        return NULL;
    }
    return cursor->base ? cursor->base + start : NULL;
}

mlp_status mlpi_check_hooks(const mlp_hooks *hooks)
{
    if (!hooks->allocate != !hooks->release) {
        return mlpi_error(hooks, MLP_ERR_ARGUMENT,
                          "hooks: expects allocate and release together, got "
                          "only %s",
                          hooks->allocate ? "allocate" : "release");
    }
    return CHECK_RESERVED(hooks, "hooks", hooks);
}

mlp_status mlpi_use_hooks(const mlp_hooks *hooks, mlp_hooks *used)
{
    *used = hooks ? *hooks : (mlp_hooks){.user = NULL};
    return mlpi_check_hooks(used);
}

/* Bytes beyond the block: for the stored pointer and for the alignment. */
#define OVERHEAD (MLPI_ALIGNMENT + sizeof(void *))

/* A block of no bytes is allocated, too: it has a place of its own, so that
 * NULL always means that there is no block. */
mlp_status mlpi_allocate(const mlp_hooks *hooks, const mlpi_cursor *measure,
                         const char *what, void **block)
{
    size_t bytes = 0;
    if (measure->overflow || !mlpi_size_add(measure->used, OVERHEAD, &bytes)) {
        return mlpi_error(hooks, MLP_ERR_LIMIT,
                          "%s would need more bytes than a size_t holds", what);
    }
    void *raw =
        hooks->allocate ? hooks->allocate(bytes, hooks->user) : malloc(bytes);
    if (!raw) {
        return mlpi_error(hooks, MLP_ERR_MEMORY,
                          "%s: out of memory (%zu byte%s)", what, bytes,
                          mlpi_plural(bytes));
    }
    /* The first address with space for the pointer before it, rounded up. */
    unsigned char *first = (unsigned char *)raw + sizeof(void *);
    size_t past = (size_t)((uintptr_t)first % MLPI_ALIGNMENT);
    unsigned char *aligned = first + (past ? MLPI_ALIGNMENT - past : 0);
    ((void **)(void *)aligned)[-1] = raw;
    *block = aligned;
    return MLP_OK;
}

/* The second run of lay_out takes the same bytes as the first, now with a
 * base. */
mlp_status mlpi_allocate_layout(const mlp_hooks *hooks, mlpi_lay_out *lay_out,
                                void *object, const char *what, void **block)
{
    mlpi_cursor measure = {0};
    lay_out(object, &measure);
    TRY(mlpi_allocate(hooks, &measure, what, block));
    mlpi_cursor carve = {.base = *block};
    lay_out(object, &carve);
    return MLP_OK;
}

mlp_status mlpi_allocate_array(const mlp_hooks *hooks, size_t count,
                               size_t size, const char *what, void **block)
{
    mlpi_cursor measure = {0};
    (void)mlpi_take(&measure, count, size);
    return mlpi_allocate(hooks, &measure, what, block);
}

void mlpi_release(const mlp_hooks *hooks, void *block)
{
    if (!block) {
        return;
    }
    void *raw = ((void **)block)[-1];
    if (hooks->release) {
        hooks->release(raw, hooks->user);
    } else {
        free(raw);
    }
}
