/* SPDX-License-Identifier: MIT */
#include "base/string_list.h"

#include <string.h>

#include "base/error.h"

mlp_status mlpi_string_list_make(const mlp_hooks *hooks, size_t most,
                                 size_t bytes, mlpi_string_list *texts)
{
    *texts = (mlpi_string_list){.text = NULL};
    if (most == 0) {
        return MLP_OK;
    }
    mlpi_cursor measure = {0};
    (void)mlpi_take(&measure, most, sizeof *texts->text);
    (void)mlpi_take(&measure, bytes, 1);
    void *block = NULL;
    TRY(mlpi_allocate(hooks, &measure, "names", &block));
    mlpi_cursor carve = {.base = block};
    texts->text = mlpi_take(&carve, most, sizeof *texts->text);
    texts->end = mlpi_take(&carve, bytes, 1);
    return MLP_OK;
}

void mlpi_string_list_add(mlpi_string_list *texts, const char *text)
{
    size_t n = strlen(text) + 1;
    memcpy(texts->end, text, n);
    texts->text[texts->count++] = texts->end;
    texts->end += n;
}

mlp_status mlpi_string_list_copy(const mlp_hooks *hooks,
                                 const mlpi_string_list *from,
                                 mlpi_string_list *texts)
{
    size_t bytes = 0;
    for (size_t i = 0; i < from->count; i++) {
        bytes += strlen(from->text[i]) + 1;
    }
    TRY(mlpi_string_list_make(hooks, from->count, bytes, texts));
    for (size_t i = 0; i < from->count; i++) {
        mlpi_string_list_add(texts, from->text[i]);
    }
    return MLP_OK;
}
