/* SPDX-License-Identifier: MIT */
/*
 * Loads a network from an ONNX file, in these stages:
 *
 *     bytes -> message           decode.h        an ONNX file
 *     message -> graph           graph_reader.h  a well-formed graph
 *     graph -> chain of layers   layer_chain.h   a multi-layer perceptron
 *     chain -> network           net_builder.h   weights, scaling, batch norm
 *
 * and adds names of classes and metadata. Each stage refuses what the next one
 * could not handle, and says what it expects; the heads of these files list the
 * graphs that are read and those that are refused. All memory but the network
 * is in one arena, which is freed at the end, whether loading succeeds or not.
 *
 * Texts do not decide whether a file can be loaded: what is not valid UTF-8, or
 * too many, is left out.
 */
#include "mlp_onnx.h"

#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/memory.h"
#include "formats/onnx/decode.h"
#include "formats/onnx/net_builder.h"

/* The most texts of each kind. They are searched and added one by one, which
 * takes a time quadratic in their number. */
enum { MAX_CLASSES = 4096, MAX_METADATA = 256 };

typedef struct loader {
    mlpi_arena arena;
    onnx_model *model;
    mlpi_graph_reader graph;
    mlpi_layer_chain chain;
    mlp_net *net;
} loader;

/* ---------------------------------------------------------------------------
 * Names of classes
 */

/* Returns true for valid UTF-8, the only text that a network stores. */
static bool is_text(const char *text)
{
    return text && mlpi_is_utf8(text, strlen(text));
}

/* Returns the value of metadata_props "mlp.class.<index>", which this library
 * writes; NULL if there is none. The key is built by hand, digit by digit,
 * because each key of the arena would stay there until the end. */
static const char *class_property(const loader *from, size_t index)
{
    char key[32] = "mlp.class.";
    size_t n = strlen(key);
    size_t unit = 1;
    while (index / unit >= 10) {
        unit *= 10;
    }
    for (; unit > 0; unit /= 10) {
        key[n++] = (char)('0' + index / unit % 10);
    }
    key[n] = '\0';
    size_t properties =
        mlpi_min_size(from->model->n_metadata_props, 2 * (size_t)MAX_CLASSES);
    for (size_t i = 0; i < properties; i++) {
        const onnx_property *p = from->model->metadata_props[i];
        if (p->key && strcmp(p->key, key) == 0) {
            return p->value ? p->value : "";
        }
    }
    return NULL;
}

/* Returns the label of a class from the attributes of a ZipMap, which
 * scikit-learn's converter writes: strings or integers. NULL if there is
 * none. */
static const char *class_label(loader *from, size_t index)
{
    const onnx_node *zip_map = from->chain.zip_map;
    const onnx_attribute *strings =
        zip_map ? mlpi_node_attribute(zip_map, "classlabels_strings") : NULL;
    const onnx_attribute *ints =
        zip_map ? mlpi_node_attribute(zip_map, "classlabels_int64s") : NULL;
    if (strings && index < strings->n_strings) {
        size_t n = strings->strings[index].len;
        char *copy = mlpi_arena_allocate(&from->arena, n + 1, 1);
        if (copy && n > 0) {
            memcpy(copy, strings->strings[index].data, n);
        }
        return copy;
    }
    return ints && index < ints->n_ints
               ? mlpi_arena_printf(&from->arena, "%lld",
                                   (long long)ints->ints[index])
               : NULL;
}

/* Sets the names of the classes, if every class has one. A network with one
 * output tells two classes apart. */
static mlp_status set_class_names(loader *to)
{
    size_t outputs = mlp_net_outputs(to->net);
    size_t n = outputs == 1 ? 2 : outputs;
    if (n > MAX_CLASSES || (!to->chain.zip_map && !class_property(to, 0))) {
        return MLP_OK;
    }
    const char **names = mlpi_arena_pointers(&to->arena, n);
    TRY(to->arena.status);
    for (size_t i = 0; i < n; i++) {
        const char *name = class_property(to, i);
        names[i] = name ? name : class_label(to, i);
        TRY(to->arena.status);
        if (!is_text(names[i])) {
            return MLP_OK;
        }
    }
    return mlp_net_set_class_names(to->net, names, n);
}

/* ---------------------------------------------------------------------------
 * Metadata
 */

/* Returns true if the property is text and its key is not one of this library's
 * own keys, "mlp" and "mlp.*". */
static bool is_metadata(const onnx_property *p)
{
    return is_text(p->key) && is_text(p->value) && strcmp(p->key, "mlp") != 0 &&
           strncmp(p->key, "mlp.", 4) != 0;
}

/* Copies the other metadata_props to the network, in the order of the file. */
static mlp_status set_metadata(const loader *to)
{
    size_t count = 0;
    for (size_t i = 0; i < to->model->n_metadata_props; i++) {
        const onnx_property *p = to->model->metadata_props[i];
        if (is_metadata(p) && count++ < MAX_METADATA) {
            TRY(mlp_net_set_metadata(to->net, p->key, p->value));
        }
    }
    return MLP_OK;
}

/* ---------------------------------------------------------------------------
 * All stages
 */

static mlp_status run_stages(loader *to, const mlpi_file_content *file,
                             const char *path, const char *output)
{
    TRY(mlpi_decode_model(&to->arena, file->bytes, file->size, &to->model));
    to->graph = (mlpi_graph_reader){.arena = &to->arena, .path = path};
    TRY(mlpi_graph_open(&to->graph, to->model));
    TRY(mlpi_find_layer_chain(&to->graph, output, &to->chain));
    TRY(mlpi_build_net(&to->graph, &to->chain, &to->net));
    TRY(set_class_names(to));
    return set_metadata(to);
}

/* Loads a file whose content is in memory. `path` is NULL if that content never
 * was a file; then the model can have no external data. */
static mlp_status load(const mlp_hooks *hooks, const mlpi_file_content *file,
                       const char *path, const mlp_onnx_options *options,
                       mlp_net **net)
{
    loader to = {.arena = {.hooks = *hooks}};
    mlp_status status = run_stages(&to, file, path, options->output);
    if (status == MLP_OK) {
        *net = to.net;
    } else {
        mlp_net_free(to.net);
    }
    mlpi_arena_free(&to.arena);
    return status;
}

mlp_onnx_options mlp_onnx_defaults(void)
{
    return (mlp_onnx_options){.output = NULL};
}

/* Checks what both kinds of loading get: the source, whose name for messages is
 * `what`, and the place for the network. */
static mlp_status check_arguments(const mlp_hooks *hooks, const void *source,
                                  const char *what,
                                  const mlp_onnx_options *options,
                                  mlp_net **net)
{
    TRY(mlpi_check_pointer(hooks, source, what));
    TRY(mlpi_check_pointer(hooks, options, "the options"));
    TRY(CHECK_RESERVED(hooks, "options", options));
    return mlpi_check_pointer(hooks, net, "the place for the network");
}

mlp_status mlp_onnx_load_memory_with(const void *bytes, size_t size,
                                     const mlp_onnx_options *options,
                                     const mlp_hooks *hooks, mlp_net **net)
{
    mlp_hooks used;
    TRY(mlpi_use_hooks(hooks, &used));
    TRY(check_arguments(&used, bytes, "the file", options, net));
    mlpi_file_content file = {(unsigned char *)bytes, size};
    return load(&used, &file, NULL, options, net);
}

mlp_status mlp_onnx_load_memory(const void *bytes, size_t size,
                                const mlp_hooks *hooks, mlp_net **net)
{
    mlp_onnx_options options = mlp_onnx_defaults();
    return mlp_onnx_load_memory_with(bytes, size, &options, hooks, net);
}

/* Returns true if a file can begin with these bytes, so that another large file
 * is refused before it is read. The first byte of a message is a tag: the
 * number of a field, at least 1, above three bits of wire type, 0 or 2 in a
 * model. Some files of another known kind begin with such a byte, too. */
static bool begins(const unsigned char *head, size_t size)
{
    const char *name = mlpi_content_name(head);
    return head[0] >= 8 && (head[0] & 5) == 0 && size <= ONNX_MAX_BYTES &&
           (!name || strncmp(name, "an ONNX", 7) == 0);
}

static const mlpi_file_kind onnx_file = {"an ONNX file", begins};

/* The whole file is read before it is decoded, because protobuf-c decodes a
 * message in memory. Decoding copies what is needed into the arena. */
mlp_status mlp_onnx_load_with(const char *path, const mlp_onnx_options *options,
                              const mlp_hooks *hooks, mlp_net **net)
{
    mlp_hooks used;
    mlpi_file_content file = {NULL, 0};
    TRY(mlpi_use_hooks(hooks, &used));
    TRY(check_arguments(&used, path, "the path", options, net));
    mlpi_allow_cancellation();
    TRY(mlpi_file_read(&used, path, &onnx_file, &file));
    mlp_status status = load(&used, &file, path, options, net);
    mlpi_release(&used, file.bytes);
    return status;
}

mlp_status mlp_onnx_load(const char *path, const mlp_hooks *hooks,
                         mlp_net **net)
{
    mlp_onnx_options options = mlp_onnx_defaults();
    return mlp_onnx_load_with(path, &options, hooks, net);
}
