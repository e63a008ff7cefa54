/* SPDX-License-Identifier: MIT */
/* A list of strings in one block: pointers, then what they point to. */
#ifndef MLPI_BASE_STRING_LIST_H
#define MLPI_BASE_STRING_LIST_H

#include "base/memory.h"

typedef struct mlpi_texts {
    char **text; /* the block; NULL: there are none */
    size_t count;
    char *end; /* where the next one goes */
} mlpi_texts;

/* An empty list with room for `most` strings that have `bytes` bytes in all,
 * closing zeros included. */
mlp_status mlpi_texts_make(const mlp_hooks *hooks, size_t most, size_t bytes,
                           mlpi_texts *texts);

static inline void mlpi_texts_release(const mlp_hooks *hooks, mlpi_texts *texts)
{
    mlpi_release(hooks, texts->text);
    *texts = (mlpi_texts){.text = NULL};
}

/* Adds a copy. */
void mlpi_texts_add(mlpi_texts *texts, const char *text);

mlp_status mlpi_texts_copy(const mlp_hooks *hooks, const mlpi_texts *from,
                           mlpi_texts *texts);

#endif
