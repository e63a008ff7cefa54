/* SPDX-License-Identifier: MIT */
/*
 * Imports parameters from safetensors files of others, such as those that
 * PyTorch saves, into a network that exists already. Such a file says nothing
 * of its network, so everything is inferred from names and shapes.
 *
 * A *module* is the set of tensors whose names differ only after the last
 * point. It is one of
 *
 *     layer   weight [out, in], perhaps bias [out]
 *     norm    running_mean [out], running_var [out], perhaps weight and bias
 *             [out]; a tensor num_batches_tracked, which is a counter, is
 *             ignored
 *
 * The caller may say in which order the modules stand in the network; else
 * import_order.c finds it. Layer k of that order is layer k of the network, and
 * norm k belongs to the k-th layer with batch norm. Tensors that are missing
 * have the values of a module that PyTorch creates without them: 0 for biases,
 * 1 for the weights of a norm.
 *
 * A layer of the network that has batch norm has no bias of its own, because
 * the normalisation would remove it again. A file may have one all the same:
 *
 *     norm(W x + bias, mean) = norm(W x, mean - bias)
 *
 * so its bias is subtracted from the running mean, and predictions stay equal.
 *
 * All modules are checked before the first parameter changes.
 */
#include <math.h>
#include <stdio.h>

#include "base/arithmetic.h"
#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"
#include "formats/mlp/import_order.h"
#include "formats/mlp/safetensors.h"
#include "formats/mlp/tensor_names.h"
#include "model/tensors.h"

/* An import that is under way. */
typedef struct importer {
    mlp_net *net;
    const mlpi_safetensors *file;
    mlpi_module_list layers, norms; /* in the network's order */
} importer;

/* Returns how many bytes of a tensor's name a message shows. */
static int shown(const mlpi_tensor_entry *t)
{
    return (int)mlpi_min_size(t->name.size, 64);
}

/* ---------------------------------------------------------------------------
 * Modules
 */

/* Enters a tensor into its module, by the last part of its name. A tensor that
 * is neither a parameter nor the counter of a norm is refused, because its
 * network computes something that this one does not. */
static mlp_status add_to_module(const importer *in, const mlpi_tensor_entry *t,
                                mlpi_span part, mlpi_module *m)
{
    mlpi_span own;
    if (mlpi_name_is(part, "num_batches_tracked")) {
        return MLP_OK;
    }
    const mlpi_tensor_entry **to =
        mlpi_name_is(part, "weight")         ? &m->weight
        : mlpi_name_is(part, "bias")         ? &m->bias
        : mlpi_name_is(part, "running_mean") ? &m->mean
        : mlpi_name_is(part, "running_var")  ? &m->variance
                                             : NULL;
    if (!to && mlpi_safetensors_metadata(in->file, "mlp", &own)) {
        return mlpi_error(&in->net->hooks, MLP_ERR_UNSUPPORTED,
                          "tensor %.*s: expects weights and batch norms alone, "
                          "got a file of mlp_net_save with more, which "
                          "mlp_net_load loads",
                          shown(t), t->name.text);
    }
    if (!to || !mlpi_tensor_is_real(t)) {
        return mlpi_error(&in->net->hooks, MLP_ERR_UNSUPPORTED,
                          "tensor %.*s: expects weight, bias, running_mean or "
                          "running_var of F64, F32, F16 or BF16",
                          shown(t), t->name.text);
    }
    *to = t;
    return MLP_OK;
}

/* Collects the tensors of the module that begins at entry *next of the table,
 * where they are neighbours. */
static mlp_status next_module(const importer *in, size_t *next, mlpi_module *m)
{
    size_t begin = *next;
    *m = (mlpi_module){.weight = NULL};
    for (; *next < in->file->count; ++*next) {
        const mlpi_tensor_entry *t = &in->file->tensor[*next];
        mlpi_span name;
        mlpi_span part = mlpi_split_name(t, &name);
        if (*next == begin) {
            m->name = name;
        } else if (!mlpi_names_equal(name, m->name)) {
            break;
        }
        TRY(add_to_module(in, t, part, m));
    }
    return MLP_OK;
}

/* A weight of two dimensions makes a layer. That of a norm, such as PyTorch's
 * LayerNorm, has one. */
static bool is_layer(const mlpi_module *m)
{
    return m->weight && m->weight->rank == 2;
}

/* Running moments make a norm, which may have no weight and no bias. */
static bool is_norm(const mlpi_module *m)
{
    return m->mean && m->variance;
}

/* Counts the modules of the file and, if there is memory for them, lists them
 * in the order of their names. Every module must be of one kind. */
static mlp_status list_modules(importer *in)
{
    size_t next = 0;
    in->layers.count = 0;
    in->norms.count = 0;
    while (next < in->file->count) {
        const mlpi_tensor_entry *first = &in->file->tensor[next];
        mlpi_module m;
        TRY(next_module(in, &next, &m));
        if (is_norm(&m) == is_layer(&m)) {
            return mlpi_error(&in->net->hooks, MLP_ERR_UNSUPPORTED,
                              "tensor %.*s: expects it to belong to a layer or "
                              "a batch norm",
                              shown(first), first->name.text);
        }
        mlpi_module_list *list = is_norm(&m) ? &in->norms : &in->layers;
        if (list->module) {
            list->module[list->count] = m;
        }
        list->count++;
    }
    return MLP_OK;
}

/* Checks that the file has exactly the modules that the network needs. Without
 * this check a file of more layers would be imported in part. */
static mlp_status check_count(const importer *in)
{
    size_t L = in->net->layout.L;
    size_t normalised = 0; /* layers with batch norm */
    for (size_t l = 1; l <= L; l++) {
        normalised += in->net->layout.layer[l].batch_norm;
    }
    if (in->layers.count != L || in->norms.count != normalised) {
        return mlpi_error(&in->net->hooks, MLP_ERR_SHAPE,
                          "expects %zu layer%s and %zu batch norm%s, got %zu "
                          "and %zu",
                          L, mlpi_plural(L), normalised,
                          mlpi_plural(normalised), in->layers.count,
                          in->norms.count);
    }
    return MLP_OK;
}

/* Takes both lists of modules, and what putting them in order needs. */
static void lay_out(void *object, mlpi_cursor *cursor)
{
    importer *in = object;
    mlpi_module_list_lay_out(&in->layers, cursor);
    mlpi_module_list_lay_out(&in->norms, cursor);
}

/* What is done with the modules of layer l; `norm` is empty for a layer without
 * batch norm. */
typedef mlp_status layer_visitor(const importer *in, size_t l,
                                 const mlpi_module *layer,
                                 const mlpi_module *norm);

/* Visits the layers of the network in turn with their modules. */
static mlp_status for_each_layer(const importer *in, layer_visitor *visit)
{
    const mlp_net *net = in->net;
    const mlpi_module none = {.weight = NULL};
    const mlpi_module *next = in->norms.module;
    for (size_t l = 1; l <= net->layout.L; l++) {
        bool has_norm = net->layout.layer[l].batch_norm;
        TRY(visit(in, l, &in->layers.module[l - 1], has_norm ? next : &none));
        next += has_norm;
    }
    return MLP_OK;
}

/* ---------------------------------------------------------------------------
 * Checking
 */

/* Reports a tensor that does not have the shape of the view. */
static mlp_status refuse_shape(const importer *in, const mlpi_tensor_entry *t,
                               mlp_view view)
{
    char got[64];
    if (t->rank == 1) {
        (void)snprintf(got, sizeof got, "(%zu)", t->shape[0]);
    } else if (t->rank == 2) {
        (void)snprintf(got, sizeof got, "(%zu, %zu)", t->shape[0], t->shape[1]);
    } else {
        (void)snprintf(got, sizeof got, "%zu dimensions", t->rank);
    }
    return mlpi_error(&in->net->hooks, MLP_ERR_SHAPE,
                      "tensor %.*s: expects (%zu, %zu), got %s", shown(t),
                      t->name.text, view.rows, view.cols, got);
}

/* Checks that a tensor, if it is there, has the shape of the view: [rows,
 * cols], or [cols] for a view of one row. */
static mlp_status check_shape(const importer *in, const mlpi_tensor_entry *t,
                              mlp_view view)
{
    if (!t) {
        return MLP_OK;
    }
    bool fits =
        t->rank == 2
            ? t->shape[0] == view.rows && t->shape[1] == view.cols
            : t->rank == 1 && view.rows == 1 && t->shape[0] == view.cols;
    if (!fits) {
        return refuse_shape(in, t, view);
    }
    return MLP_OK;
}

/* Checks that a number that is finite in the file is finite in the network,
 * too: a float64 may be too large for a float32. */
static mlp_status check_number(const importer *in, const mlpi_tensor_entry *t,
                               size_t index, double x)
{
    const mlpi_kernels *kernels = in->net->kernels;
    if (isfinite(x) && !isfinite(kernels->scalar->round_to_real(x))) {
        return mlpi_error(&in->net->hooks, MLP_ERR_NOT_FINITE,
                          "tensor %.*s: expects numbers that a %s can hold, "
                          "got %g at element %zu",
                          shown(t), t->name.text,
                          mlp_dtype_name(kernels->dtype), x, index);
    }
    return MLP_OK;
}

/* Checks shape and numbers of a tensor, if it is there. */
static mlp_status check_tensor(const importer *in, const mlpi_tensor_entry *t,
                               mlp_view view)
{
    TRY(check_shape(in, t, view));
    for (size_t i = 0; t && i < view.rows * view.cols; i++) {
        TRY(check_number(in, t, i, mlpi_tensor_real(in->file, t, i)));
    }
    return MLP_OK;
}

/* Checks the difference that subtract_from_mean computes. */
static mlp_status check_mean(const importer *in, const mlpi_module *layer,
                             const mlpi_module *norm)
{
    size_t n = norm->mean && layer->bias ? norm->mean->shape[0] : 0;
    for (size_t j = 0; j < n; j++) {
        double mean = mlpi_tensor_real(in->file, norm->mean, j);
        double bias = mlpi_tensor_real(in->file, layer->bias, j);
        TRY(check_number(in, norm->mean, j,
                         in->net->kernels->scalar->round_to_real(mean) - bias));
    }
    return MLP_OK;
}

/* Checks the tensors of layer l. Everything but W has the shape of b. */
static mlp_status check_layer(const importer *in, size_t l,
                              const mlpi_module *layer, const mlpi_module *norm)
{
    mlp_view W = mlpi_net_tensor(in->net, MLP_W, l);
    mlp_view b = mlpi_net_tensor(in->net, MLP_B, l);
    TRY(check_tensor(in, layer->weight, W));
    TRY(check_tensor(in, layer->bias, b));
    TRY(check_tensor(in, norm->bias, b));
    TRY(check_tensor(in, norm->weight, b));
    TRY(check_tensor(in, norm->mean, b));
    TRY(check_tensor(in, norm->variance, b));
    return check_mean(in, layer, norm);
}

/* ---------------------------------------------------------------------------
 * Copying
 */

/* Copies a tensor into a parameter of layer l. If there is none, the parameter,
 * which is a row then, is filled with `otherwise`. */
static void copy_or_fill(const importer *in, size_t l, mlp_tensor which,
                         const mlpi_tensor_entry *t, double otherwise)
{
    mlp_view view = mlpi_net_tensor(in->net, which, l);
    if (t) {
        mlpi_safetensors_copy(in->file, t, in->net->kernels, view);
        return;
    }
    for (size_t j = 0; j < view.cols; j++) {
        (void)mlp_view_set(view, 0, j, otherwise);
    }
}

/* Subtracts a bias that stands before the normalisation from the running mean
 * (see the head of this file). */
static void subtract_from_mean(const importer *in, size_t l,
                               const mlpi_tensor_entry *bias)
{
    mlp_view mean = mlpi_net_tensor(in->net, MLP_MEAN, l);
    for (size_t j = 0; bias && j < mean.cols; j++) {
        double x = mlp_cview_at(mlp_view_const(mean), 0, j);
        (void)mlp_view_set(mean, 0, j, x - mlpi_tensor_real(in->file, bias, j));
    }
}

/* Copies the parameters of layer l, which check_layer has accepted. With batch
 * norm the network's b is the bias of the norm. */
static mlp_status copy_layer(const importer *in, size_t l,
                             const mlpi_module *layer, const mlpi_module *norm)
{
    copy_or_fill(in, l, MLP_W, layer->weight, 0.0);
    if (in->net->layout.layer[l].batch_norm) {
        copy_or_fill(in, l, MLP_B, norm->bias, 0.0);
        copy_or_fill(in, l, MLP_SCALE, norm->weight, 1.0);
        copy_or_fill(in, l, MLP_MEAN, norm->mean, 0.0);
        copy_or_fill(in, l, MLP_VARIANCE, norm->variance, 1.0);
        subtract_from_mean(in, l, layer->bias);
    } else {
        copy_or_fill(in, l, MLP_B, layer->bias, 0.0);
    }
    return MLP_OK;
}

/* Puts the modules in order, checks all of them, then copies: after the checks
 * nothing can fail. `modules` is NULL if the caller gives no order. */
static mlp_status import_listed(importer *in, const char *const *modules,
                                size_t n)
{
    TRY(list_modules(in));
    if (modules) {
        TRY(mlpi_import_order_given(&in->net->hooks, modules, n, &in->layers,
                                    &in->norms));
    } else {
        TRY(mlpi_import_order_find(in->net, &in->layers, &in->norms));
    }
    TRY(for_each_layer(in, check_layer));
    TRY(for_each_layer(in, copy_layer));
    in->net->is_trained = true;
    mlpi_import_order_tell(&in->net->hooks, "layers", &in->layers);
    mlpi_import_order_tell(&in->net->hooks, "batch norms", &in->norms);
    return MLP_OK;
}

/* Counts the modules, and makes memory for them. */
static mlp_status import_opened(importer *in, const char *const *modules,
                                size_t n)
{
    const mlp_hooks *hooks = &in->net->hooks;
    TRY(list_modules(in));
    TRY(check_count(in));
    void *block = NULL;
    TRY(mlpi_allocate_layout(hooks, lay_out, in, "a list of modules", &block));
    mlp_status status = import_listed(in, modules, n);
    mlpi_release(hooks, block);
    return status;
}

/* Imports from bytes, which are not needed afterwards. */
static mlp_status import_bytes(mlp_net *net, const void *bytes, size_t size,
                               const char *const *modules, size_t n)
{
    mlpi_safetensors file;
    TRY(mlpi_check_rounding(&net->hooks));
    TRY(mlpi_safetensors_open(&net->hooks, bytes, size, &file));
    importer in = {.net = net, .file = &file};
    mlp_status status = import_opened(&in, modules, n);
    mlpi_safetensors_close(&net->hooks, &file);
    return status;
}

/* The file is read whole into memory, which is released before the call
 * returns: the network has copies. */
static mlp_status import_path(mlp_net *net, const char *path,
                              const char *const *modules, size_t n)
{
    static const mlpi_file_kind kind = {"a safetensors file",
                                        mlpi_safetensors_may_begin};
    mlpi_allow_cancellation();
    mlpi_file_content disk;
    TRY(mlpi_file_read_headed(&net->hooks, path, &kind, &mlpi_safetensors_rules,
                              &disk));
    mlp_status status = import_bytes(net, disk.bytes, disk.size, modules, n);
    mlpi_release(&net->hooks, disk.bytes);
    return status;
}

/* ---------------------------------------------------------------------------
 * Public functions
 */

mlp_status mlp_net_import(mlp_net *net, const char *path)
{
    if (!net) {
        return MLP_ERR_NULL;
    }
    TRY(mlpi_check_pointer(&net->hooks, path, "the path"));
    return import_path(net, path, NULL, 0);
}

mlp_status mlp_net_import_memory(mlp_net *net, const void *bytes, size_t size)
{
    if (!net) {
        return MLP_ERR_NULL;
    }
    TRY(mlpi_check_pointer(&net->hooks, bytes, "the file"));
    return import_bytes(net, bytes, size, NULL, 0);
}

mlp_status mlp_net_import_ordered(mlp_net *net, const char *path,
                                  const char *const *modules, size_t n)
{
    if (!net) {
        return MLP_ERR_NULL;
    }
    TRY(mlpi_check_pointer(&net->hooks, path, "the path"));
    TRY(mlpi_check_pointer(&net->hooks, modules, "the list of modules"));
    return import_path(net, path, modules, n);
}

mlp_status mlp_net_import_memory_ordered(mlp_net *net, const void *bytes,
                                         size_t size,
                                         const char *const *modules, size_t n)
{
    if (!net) {
        return MLP_ERR_NULL;
    }
    TRY(mlpi_check_pointer(&net->hooks, bytes, "the file"));
    TRY(mlpi_check_pointer(&net->hooks, modules, "the list of modules"));
    return import_bytes(net, bytes, size, modules, n);
}
