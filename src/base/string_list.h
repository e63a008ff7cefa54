/* SPDX-License-Identifier: MIT */
/* A list of strings in one block: pointers, then what they point to. */
#ifndef MLPI_BASE_STRING_LIST_H
#define MLPI_BASE_STRING_LIST_H

#include "base/memory.h"

typedef struct mlpi_string_list {
    char **text; /* the block; NULL: there are none */
    size_t count;
    char *end; /* where the next one goes */
} mlpi_string_list;

/* An empty list with room for `most` strings that have `bytes` bytes in all,
 * closing zeros included. */
mlp_status mlpi_string_list_make(const mlp_hooks *hooks, size_t most,
                                 size_t bytes, mlpi_string_list *texts);

static inline void mlpi_string_list_release(const mlp_hooks *hooks,
                                            mlpi_string_list *texts)
{
    mlpi_release(hooks, texts->text);
    *texts = (mlpi_string_list){.text = NULL};
}

/* Adds a copy. */
void mlpi_string_list_add(mlpi_string_list *texts, const char *text);

mlp_status mlpi_string_list_copy(const mlp_hooks *hooks,
                                 const mlpi_string_list *from,
                                 mlpi_string_list *texts);

#endif
