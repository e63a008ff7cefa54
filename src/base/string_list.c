/* SPDX-License-Identifier: MIT */
/*
 * The block of a list begins with the array of pointers, so list->text is also
 * the address to release. Characters are appended at list->end.
 */
#include "base/string_list.h"

#include <string.h>

#include "base/error.h"

/* What lay_out needs: the list to set pointers in, and its sizes. */
typedef struct new_list {
    mlpi_string_list *list;
    size_t capacity, bytes;
} new_list;

/* mlpi_take aligns both arrays; characters need no alignment. */
static void lay_out(void *object, mlpi_cursor *cursor)
{
    const new_list *made = object;
    mlpi_string_list *list = made->list;
    list->text = mlpi_take(cursor, made->capacity, sizeof *list->text);
    list->end = mlpi_take(cursor, made->bytes, 1);
    list->limit = list->end ? list->end + made->bytes : NULL;
    list->capacity = made->capacity;
}

mlp_status mlpi_string_list_make(const mlp_hooks *hooks, size_t capacity,
                                 size_t bytes, mlpi_string_list *list)
{
    *list = (mlpi_string_list){.text = NULL};
    if (capacity == 0) {
        return MLP_OK;
    }
    new_list made = {list, capacity, bytes};
    void *block = NULL;
    return mlpi_allocate_layout(hooks, lay_out, &made, "names", &block);
}

/* There is space, because the list was made for all strings and bytes. */
void mlpi_string_list_add(mlpi_string_list *list, const char *text)
{
    size_t n = strlen(text) + 1; /* with the closing zero */
    memcpy(list->end, text, n);
    list->text[list->count++] = list->end;
    list->end += n;
}

/* The bytes are counted first, so that the copy is one allocation of exactly
 * what it needs. */
mlp_status mlpi_string_list_copy(const mlp_hooks *hooks,
                                 const mlpi_string_list *from,
                                 mlpi_string_list *list)
{
    size_t bytes = 0;
    for (size_t i = 0; i < from->count; i++) {
        bytes += strlen(from->text[i]) + 1;
    }
    TRY(mlpi_string_list_make(hooks, from->count, bytes, list));
    for (size_t i = 0; i < from->count; i++) {
        mlpi_string_list_add(list, from->text[i]);
    }
    return MLP_OK;
}
