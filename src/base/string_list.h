/* SPDX-License-Identifier: MIT */
/*
 * A list of strings in one block of memory: an array of pointers, and behind it
 * the characters that they point to.
 *
 *     | text[0] | text[1] | ...    | "first\0second\0" ...          |
 *
 * A list is made for a number of strings and bytes that is known beforehand,
 * and grows up to these, never beyond. So adding cannot fail, and the list is
 * one allocation.
 */
#ifndef MLPI_BASE_STRING_LIST_H
#define MLPI_BASE_STRING_LIST_H

#include "base/memory.h"

typedef struct mlpi_string_list {
    char **text;  /* the block; NULL: the list is empty and has no block */
    size_t count; /* strings so far */
    size_t capacity;
    char *end;   /* where the characters of the next string go */
    char *limit; /* the end of the space for characters */
} mlpi_string_list;

/* Makes an empty list for up to `capacity` strings that have `bytes` bytes in
 * all, closing zeros included. A capacity of 0 allocates nothing.
 * MLP_ERR_MEMORY, MLP_ERR_LIMIT: the list is empty and has no block. */
mlp_status mlpi_string_list_make(const mlp_hooks *hooks, size_t capacity,
                                 size_t bytes, mlpi_string_list *list);

/* Releases the block and leaves an empty list. */
static inline void mlpi_string_list_release(const mlp_hooks *hooks,
                                            mlpi_string_list *list)
{
    mlpi_release(hooks, list->text);
    *list = (mlpi_string_list){.text = NULL};
}

/* True if there is space for `count` more strings of `bytes` bytes. */
static inline bool mlpi_string_list_has_space(const mlpi_string_list *list,
                                              size_t count, size_t bytes)
{
    return list->text && list->capacity - list->count >= count &&
           (size_t)(list->limit - list->end) >= bytes;
}

/* Adds a copy of a string, for which the list must have been made. */
void mlpi_string_list_add(mlpi_string_list *list, const char *text);

/* Makes *list a copy of `from`, in a block of its own. Fails like
 * mlpi_string_list_make. */
mlp_status mlpi_string_list_copy(const mlp_hooks *hooks,
                                 const mlpi_string_list *from,
                                 mlpi_string_list *list);

#endif
