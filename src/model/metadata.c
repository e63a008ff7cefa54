/* SPDX-License-Identifier: MIT */
/*
 * Class names and metadata. The class names are one list of strings in one
 * block of memory (base/string_list.h), and the metadata is another. A change
 * builds a new list and then replaces the old list, so a failure does not
 * change the network. This is simple, and fast enough for short lists that
 * rarely change.
 *
 * The metadata is a list of pairs: string 2 i is the key of pair i, and string
 * 2 i + 1 its value. The keys are in ascending order (by strcmp). So a key is
 * found by binary search, and the order in which pairs are set does not change
 * the model file.
 *
 * All strings must be UTF-8, because model files store them as JSON.
 */
#include "model/net.h"

#include <string.h>

#include "base/error.h"
#include "base/json.h"

/* Checks that a text is UTF-8. The message begins with `what`. */
static mlp_status check_text(const mlp_hooks *hooks, const char *what,
                             const char *text)
{
    if (!mlpi_is_utf8(text, strlen(text))) {
        return mlpi_error(hooks, MLP_ERR_ARGUMENT,
                          "%s: expects UTF-8, got other bytes", what);
    }
    return MLP_OK;
}

/* Checks class names and computes how many bytes copies of them need. A network
 * with one output has two classes, because the output is the probability of the
 * second class; every other network has a class for each output. n = 0 is
 * allowed: it removes the names. */
static mlp_status check_names(const mlp_net *net, const char *const *names,
                              size_t n, size_t *bytes)
{
    size_t classes = mlpi_net_outputs(net) == 1 ? 2 : mlpi_net_outputs(net);
    if (n > 0 && n != classes) {
        return mlpi_error(
            &net->hooks, MLP_ERR_ARGUMENT,
            "class names: expects %zu, one for each class, got %zu", classes,
            n);
    }
    if (n > 0 && !names) {
        return mlpi_error(&net->hooks, MLP_ERR_NULL,
                          "class names: expects %zu, got NULL", n);
    }
    *bytes = 0;
    for (size_t i = 0; i < n; i++) {
        if (!names[i]) {
            return mlpi_error(
                &net->hooks, MLP_ERR_NULL,
                "class names: expects a name for class %zu, got NULL", i);
        }
        TRY(check_text(&net->hooks, "class names", names[i]));
        *bytes += strlen(names[i]) + 1;
    }
    return MLP_OK;
}

/* The old list is released after the new list is complete. */
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

/* After the last name the result is NULL, so a loop needs no count. */
const char *mlp_net_class_name(const mlp_net *net, size_t index)
{
    return net && index < net->class_names.count ? net->class_names.text[index]
                                                 : NULL;
}

/* Returns the number of the first pair whose key is not smaller than `key`. The
 * key is in this pair, or must be inserted before it. */
static size_t position_of(const mlpi_string_list *pairs, const char *key)
{
    /* Keys of pairs [0, low) are smaller than `key`, keys from `high` on are
     * not. */
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

/* True if pair i exists and has this key. */
static bool has_key(const mlpi_string_list *pairs, size_t i, const char *key)
{
    return 2 * i < pairs->count && strcmp(pairs->text[2 * i], key) == 0;
}

/* Adds copies of the pairs [first, end) of `from` to `to`. */
static void add_pairs(mlpi_string_list *to, const mlpi_string_list *from,
                      size_t first, size_t end)
{
    for (size_t i = 2 * first; i < 2 * end; i++) {
        mlpi_string_list_add(to, from->text[i]);
    }
}

/* Replaces the list by a new list, in which `key` has the given value. If the
 * value is NULL, the new list has no such key. */
static mlp_status set_pair(mlp_net *net, const char *key, const char *value)
{
    const mlpi_string_list *old = &net->metadata;
    size_t position = position_of(old, key);
    size_t after = position; /* the first pair after `key` */
    if (has_key(old, position, key)) {
        after++;
    }
    /* `bytes` includes the old value of the key, which is more than enough. */
    size_t bytes = strlen(key) + strlen(value ? value : "") + 2;
    for (size_t i = 0; i < old->count; i++) {
        bytes += strlen(old->text[i]) + 1;
    }
    mlpi_string_list list;
    TRY(mlpi_string_list_make(&net->hooks, old->count + 2, bytes, &list));
    add_pairs(&list, old, 0, position);
    if (value) {
        mlpi_string_list_add(&list, key);
        mlpi_string_list_add(&list, value);
    }
    add_pairs(&list, old, after, old->count / 2);
    mlpi_string_list_release(&net->hooks, &net->metadata);
    net->metadata = list;
    return MLP_OK;
}

/* Everything is checked before the new list is built. `key` and `value` may be
 * strings of the old list, which is released after the new list is complete. */
mlp_status mlp_net_set_metadata(mlp_net *net, const char *key,
                                const char *value)
{
    if (!net) {
        return MLP_ERR_NULL;
    }
    TRY(mlpi_check_pointer(&net->hooks, key, "the key"));
    if (mlpi_is_reserved(key)) {
        return mlpi_error(&net->hooks, MLP_ERR_ARGUMENT,
                          "key: expects one that is not \"mlp\" and does not "
                          "begin with \"mlp.\", got \"%.64s\"",
                          key);
    }
    TRY(check_text(&net->hooks, "key", key));
    if (value) {
        TRY(check_text(&net->hooks, "value", value));
    }
    return set_pair(net, key, value);
}

const char *mlp_net_metadata(const mlp_net *net, const char *key)
{
    if (!net || !key) {
        return NULL;
    }
    const mlpi_string_list *pairs = &net->metadata;
    size_t position = position_of(pairs, key);
    return has_key(pairs, position, key) ? pairs->text[2 * position + 1] : NULL;
}

/* The keys are in ascending order. After the last key the result is NULL. */
const char *mlp_net_metadata_key(const mlp_net *net, size_t index)
{
    return net && index < net->metadata.count / 2
               ? net->metadata.text[2 * index]
               : NULL;
}
