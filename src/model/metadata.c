/* SPDX-License-Identifier: MIT */
/*
 * What a network carries along for people: names of classes, and metadata,
 * pairs of a key and a value. Those stand in one list, key, value, key, value,
 * the keys ascending as strcmp has them.
 */
#include <string.h>

#include "base/json.h"
#include "model/net.h"
#include "base/error.h"

static mlp_status check_text(const mlp_hooks *hooks, const char *what,
                             const char *text)
{
    if (!mlpi_is_utf8(text, strlen(text))) {
        return mlpi_error(hooks, MLP_ERR_ARGUMENT, "%s: expects UTF-8", what);
    }
    return MLP_OK;
}

/* One output tells two classes apart. */
static mlp_status check_names(const mlp_net *net, const char *const *names,
                              size_t n, size_t *bytes)
{
    size_t classes = mlpi_net_outputs(net) == 1 ? 2 : mlpi_net_outputs(net);
    if (n > 0 && n != classes) {
        return mlpi_error(&net->hooks, MLP_ERR_ARGUMENT,
                          "class names: expects %zu, got %zu", classes, n);
    }
    if (n > 0 && !names) {
        return mlpi_error(&net->hooks, MLP_ERR_NULL, "class names: are NULL");
    }
    *bytes = 0;
    for (size_t i = 0; i < n; i++) {
        if (!names[i]) {
            return mlpi_error(&net->hooks, MLP_ERR_NULL,
                              "class names: number %zu is NULL", i);
        }
        TRY(check_text(&net->hooks, "class names", names[i]));
        *bytes += strlen(names[i]) + 1;
    }
    return MLP_OK;
}

mlp_status mlp_net_set_class_names(mlp_net *net, const char *const *names,
                                   size_t n)
{
    if (!net) {
        return MLP_ERR_NULL;
    }
    size_t bytes = 0;
    TRY(check_names(net, names, n, &bytes));
    mlpi_string_list texts;
    TRY(mlpi_string_list_make(&net->hooks, n, bytes, &texts));
    for (size_t i = 0; i < n; i++) {
        mlpi_string_list_add(&texts, names[i]);
    }
    mlpi_string_list_release(&net->hooks, &net->class_names);
    net->class_names = texts;
    return MLP_OK;
}

const char *mlp_net_class_name(const mlp_net *net, size_t index)
{
    return net && index < net->class_names.count ? net->class_names.text[index]
                                                 : NULL;
}

bool mlpi_is_reserved(const char *key)
{
    return strcmp(key, "mlp") == 0 || strncmp(key, "mlp.", 4) == 0;
}

/* The first place of a key that is not below this one. */
static size_t place_of(const mlpi_string_list *pairs, const char *key)
{
    size_t low = 0;
    size_t high = pairs->count / 2;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(pairs->text[2 * middle], key) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static bool is_at(const mlpi_string_list *pairs, size_t place, const char *key)
{
    return 2 * place < pairs->count && strcmp(pairs->text[2 * place], key) == 0;
}

static void add_pairs(mlpi_string_list *to, const mlpi_string_list *from,
                      size_t first, size_t end)
{
    for (size_t i = 2 * first; i < 2 * end; i++) {
        mlpi_string_list_add(to, from->text[i]);
    }
}

/* All pairs anew, with this one at its place. */
static mlp_status with_pair(mlp_net *net, const char *key, const char *value)
{
    const mlpi_string_list *old = &net->metadata;
    size_t place = place_of(old, key);
    size_t after = place + is_at(old, place, key);
    size_t bytes = strlen(key) + strlen(value ? value : "") + 2;
    for (size_t i = 0; i < old->count; i++) {
        bytes += strlen(old->text[i]) + 1;
    }
    mlpi_string_list texts;
    TRY(mlpi_string_list_make(&net->hooks, old->count + 2, bytes, &texts));
    add_pairs(&texts, old, 0, place);
    if (value) {
        mlpi_string_list_add(&texts, key);
        mlpi_string_list_add(&texts, value);
    }
    add_pairs(&texts, old, after, old->count / 2);
    mlpi_string_list_release(&net->hooks, &net->metadata);
    net->metadata = texts;
    return MLP_OK;
}

mlp_status mlp_net_set_metadata(mlp_net *net, const char *key,
                                const char *value)
{
    if (!net) {
        return MLP_ERR_NULL;
    }
    if (!key) {
        return mlpi_error(&net->hooks, MLP_ERR_NULL, "the key is NULL");
    }
    if (mlpi_is_reserved(key)) {
        return mlpi_error(&net->hooks, MLP_ERR_ARGUMENT,
                          "metadata: keys that begin with \"mlp\" are the "
                          "library's");
    }
    TRY(check_text(&net->hooks, "key", key));
    if (value) {
        TRY(check_text(&net->hooks, "value", value));
    }
    return with_pair(net, key, value);
}

const char *mlp_net_metadata(const mlp_net *net, const char *key)
{
    if (!net || !key) {
        return NULL;
    }
    size_t place = place_of(&net->metadata, key);
    return is_at(&net->metadata, place, key) ? net->metadata.text[2 * place + 1]
                                             : NULL;
}

const char *mlp_net_metadata_key(const mlp_net *net, size_t index)
{
    return net && index < net->metadata.count / 2
               ? net->metadata.text[2 * index]
               : NULL;
}
