/* SPDX-License-Identifier: MIT */
/*
 * Class names and metadata. Each is one list of strings in one block of memory;
 * a change builds a new list and then replaces the old one, so that a failure
 * leaves the network as it was. Changes are rare and lists are short.
 *
 * Metadata is the list key, value, key, value ... with the keys in ascending
 * order of strcmp: a search is binary, and model files of equal networks are
 * equal, whatever the order in which the pairs were set. A position below
 * counts pairs; string 2 i is the key of pair i, and string 2 i + 1 its value.
 *
 * All texts must be UTF-8, because they go into the JSON of model files.
 */
#include "model/net.h"

#include <string.h>

#include "base/error.h"
#include "base/json.h"

/* Checks that a text is UTF-8; `what` begins the message. */
static mlp_status check_text(const mlp_hooks *hooks, const char *what,
                             const char *text)
{
    if (!mlpi_is_utf8(text, strlen(text))) {
        return mlpi_error(hooks, MLP_ERR_ARGUMENT, "%s: expects UTF-8", what);
    }
    return MLP_OK;
}

/* Checks class names and computes the bytes that copies of them need. A network
 * with one output tells two classes apart; any other has a class for each
 * output. No names at all are allowed: they remove those that there are. */
static mlp_status check_names(const mlp_net *net, const char *const *names,
                              size_t n, size_t *bytes)
{
    /* One output is the probability of the second of two classes. */
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

/* The old names are released only when the new list is complete. */
mlp_status mlp_net_set_class_names(mlp_net *net, const char *const *names,
                                   size_t n)
{
    if (!net) {
        return MLP_ERR_NULL;
    }
    size_t bytes = 0;
    TRY(check_names(net, names, n, &bytes));
    mlpi_string_list list;
    TRY(mlpi_string_list_make(&net->hooks, n, bytes, &list));
    for (size_t i = 0; i < n; i++) {
        mlpi_string_list_add(&list, names[i]);
    }
    mlpi_string_list_release(&net->hooks, &net->class_names);
    net->class_names = list;
    return MLP_OK;
}

/* Returns NULL behind the last name, so that a loop needs no count. */
const char *mlp_net_class_name(const mlp_net *net, size_t index)
{
    return net && index < net->class_names.count ? net->class_names.text[index]
                                                 : NULL;
}

/* Returns the position of the first pair whose key is not below `key`: where
 * the key is, or where it would have to be inserted. */
static size_t place_of(const mlpi_string_list *pairs, const char *key)
{
    /* Keys before `low` are below `key`; keys from `high` on are not. */
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

/* True if the pair at `place` exists and has this key. */
static bool is_at(const mlpi_string_list *pairs, size_t place, const char *key)
{
    return 2 * place < pairs->count && strcmp(pairs->text[2 * place], key) == 0;
}

/* Adds copies of pairs [first, end). */
static void add_pairs(mlpi_string_list *to, const mlpi_string_list *from,
                      size_t first, size_t end)
{
    for (size_t i = 2 * first; i < 2 * end; i++) {
        mlpi_string_list_add(to, from->text[i]);
    }
}

/* Replaces the list by one that has the pair of `key` and `value` at its place
 * instead of an old pair with that key. A value of NULL removes the pair. */
static mlp_status set_pair(mlp_net *net, const char *key, const char *value)
{
    const mlpi_string_list *old = &net->metadata;
    size_t place = place_of(old, key);
    size_t after = place + is_at(old, place, key); /* skips an old pair */
    /* Bytes of the new list, or a little more if it loses a pair. */
    size_t bytes = strlen(key) + strlen(value ? value : "") + 2;
    for (size_t i = 0; i < old->count; i++) {
        bytes += strlen(old->text[i]) + 1;
    }
    mlpi_string_list list;
    TRY(mlpi_string_list_make(&net->hooks, old->count + 2, bytes, &list));
    add_pairs(&list, old, 0, place);
    if (value) {
        mlpi_string_list_add(&list, key);
        mlpi_string_list_add(&list, value);
    }
    add_pairs(&list, old, after, old->count / 2);
    mlpi_string_list_release(&net->hooks, &net->metadata);
    net->metadata = list;
    return MLP_OK;
}

/* Everything is checked before the list is built. The texts may be those of
 * this very list, since the old list lives until the new one is complete. */
mlp_status mlp_net_set_metadata(mlp_net *net, const char *key,
                                const char *value)
{
    if (!net) {
        return MLP_ERR_NULL;
    }
    TRY(mlpi_check_pointer(&net->hooks, key, "the key"));
    if (mlpi_is_reserved(key)) {
        return mlpi_error(&net->hooks, MLP_ERR_ARGUMENT,
                          "metadata: keys that begin with \"mlp\" are the "
                          "library's");
    }
    TRY(check_text(&net->hooks, "key", key));
    if (value) {
        TRY(check_text(&net->hooks, "value", value));
    }
    return set_pair(net, key, value);
}

/* The value stands directly behind its key. */
const char *mlp_net_metadata(const mlp_net *net, const char *key)
{
    if (!net || !key) {
        return NULL;
    }
    size_t place = place_of(&net->metadata, key);
    return is_at(&net->metadata, place, key) ? net->metadata.text[2 * place + 1]
                                             : NULL;
}

/* Keys come in ascending order; NULL ends them. */
const char *mlp_net_metadata_key(const mlp_net *net, size_t index)
{
    return net && index < net->metadata.count / 2
               ? net->metadata.text[2 * index]
               : NULL;
}
