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
 * Layer k of the file, in the order of names ("fc2" before "fc10"), is layer k
 * of the network. Norm k of the file belongs to the k-th layer with batch norm.
 * Tensors that are missing have the values of a module that PyTorch creates
 * without them: 0 for biases, 1 for the weights of a norm.
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
#include "base/arithmetic.h"
#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"
#include "formats/mlp/safetensors.h"
#include "model/tensors.h"

/* The tensors of one module; NULL where the file has none. */
typedef struct module {
    const mlpi_tensor_entry *weight, *bias, *mean, *variance;
} module;

/* A walk over the modules of a file, in the order of its table. It is a value:
 * a copy is a second walk that continues from the same place. */
typedef struct importer {
    mlp_net *net;
    const mlpi_safetensors *file;
    size_t next; /* index of the first tensor of the next module */
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
                                mlpi_span part, module *m)
{
    if (mlpi_span_is(part, "num_batches_tracked")) {
        return MLP_OK;
    }
    const mlpi_tensor_entry **to =
        mlpi_span_is(part, "weight")         ? &m->weight
        : mlpi_span_is(part, "bias")         ? &m->bias
        : mlpi_span_is(part, "running_mean") ? &m->mean
        : mlpi_span_is(part, "running_var")  ? &m->variance
                                             : NULL;
    if (!to || !mlpi_tensor_is_real(t)) {
        return mlpi_error(&in->net->hooks, MLP_ERR_UNSUPPORTED,
                          "tensor %.*s: expects weight, bias, running_mean or "
                          "running_var of F64, F32, F16 or BF16",
                          shown(t), t->name.text);
    }
    *to = t;
    return MLP_OK;
}

/* Collects the tensors of the next module, which are neighbours in the table.
 * At the end of the table the module is empty. */
static mlp_status next_module(importer *in, module *m)
{
    mlpi_span first = {"", 0};
    size_t begin = in->next;
    *m = (module){.weight = NULL};
    for (; in->next < in->file->count; in->next++) {
        const mlpi_tensor_entry *t = &in->file->tensor[in->next];
        mlpi_span name;
        mlpi_span part = mlpi_split_name(t->name, &name);
        if (in->next == begin) {
            first = name;
        } else if (mlpi_span_compare(name, first) != 0) {
            break;
        }
        TRY(add_to_module(in, t, part, m));
    }
    return MLP_OK;
}

/* A weight of two dimensions makes a layer. That of a norm, such as PyTorch's
 * LayerNorm, has one. */
static bool is_layer(const module *m)
{
    return m->weight && m->weight->rank == 2;
}

/* Running moments make a norm, which may have no weight and no bias. */
static bool is_norm(const module *m)
{
    return m->mean && m->variance;
}

/* Finds the next module of one kind, and passes those of the other. */
static mlp_status find_module(importer *in, bool norm, module *m)
{
    do {
        TRY(next_module(in, m));
        if (norm ? is_norm(m) : is_layer(m)) {
            return MLP_OK;
        }
    } while (in->next < in->file->count);
    return mlpi_error(&in->net->hooks, MLP_ERR_SHAPE,
                      "expects a %s for each of the network's, got fewer",
                      norm ? "norm" : "layer");
}

/* What is done with the modules of layer l; `norm` is empty for a layer without
 * batch norm. */
typedef mlp_status layer_visitor(const importer *in, size_t l,
                                 const module *layer, const module *norm);

/* Visits the layers of the network in turn with their modules. Layers and norms
 * are found by two walks over the table, because a file may name its norms in
 * any way, before or behind the layers that they belong to. */
static mlp_status for_each_layer(importer layers, layer_visitor *visit)
{
    const mlp_net *net = layers.net;
    importer norms = layers;
    for (size_t l = 1; l <= net->layout.L; l++) {
        module layer;
        module norm = {.weight = NULL};
        TRY(find_module(&layers, false, &layer));
        if (net->layout.layer[l].batch_norm) {
            TRY(find_module(&norms, true, &norm));
        }
        TRY(visit(&layers, l, &layer, &norm));
    }
    return MLP_OK;
}

/* ---------------------------------------------------------------------------
 * Checking
 */

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
        return mlpi_error(&in->net->hooks, MLP_ERR_SHAPE,
                          "tensor %.*s: expects (%zu, %zu), got another shape",
                          shown(t), t->name.text, view.rows, view.cols);
    }
    return MLP_OK;
}

/* Checks the shapes of layer l. Everything but W has the shape of b. */
static mlp_status check_layer(const importer *in, size_t l, const module *layer,
                              const module *norm)
{
    mlp_view W = mlpi_net_tensor(in->net, MLP_W, l);
    mlp_view b = mlpi_net_tensor(in->net, MLP_B, l);
    TRY(check_shape(in, layer->weight, W));
    TRY(check_shape(in, layer->bias, b));
    TRY(check_shape(in, norm->bias, b));
    TRY(check_shape(in, norm->weight, b));
    TRY(check_shape(in, norm->mean, b));
    TRY(check_shape(in, norm->variance, b));
    return MLP_OK;
}

/* Checks that the file has exactly the modules that the network needs. Without
 * this check a file of more layers would be imported in part. */
static mlp_status check_count(importer in)
{
    size_t layers = 0;
    size_t norms = 0;
    size_t L = in.net->layout.L;
    size_t normalised = 0; /* layers with batch norm */
    for (size_t l = 1; l <= L; l++) {
        normalised += in.net->layout.layer[l].batch_norm;
    }
    while (in.next < in.file->count) {
        const mlpi_tensor_entry *first = &in.file->tensor[in.next];
        module m;
        TRY(next_module(&in, &m));
        bool norm = is_norm(&m);
        bool layer = is_layer(&m);
        if (norm == layer) {
            return mlpi_error(&in.net->hooks, MLP_ERR_UNSUPPORTED,
                              "tensor %.*s: expects it to belong to a layer or "
                              "a batch norm",
                              shown(first), first->name.text);
        }
        norms += norm;
        layers += layer;
    }
    if (layers != L || norms != normalised) {
        return mlpi_error(&in.net->hooks, MLP_ERR_SHAPE,
                          "expects weights of %zu layers and %zu norms, got "
                          "%zu and %zu",
                          L, normalised, layers, norms);
    }
    return MLP_OK;
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
static mlp_status copy_layer(const importer *in, size_t l, const module *layer,
                             const module *norm)
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

/* Checks the whole file, then copies: after the checks nothing can fail. */
static mlp_status import_bytes(mlp_net *net, const void *bytes, size_t size)
{
    mlpi_safetensors file;
    TRY(mlpi_safetensors_open(&net->hooks, bytes, size, &file));
    importer in = {.net = net, .file = &file};
    mlp_status status = check_count(in);
    if (status == MLP_OK) {
        status = for_each_layer(in, check_layer);
    }
    if (status == MLP_OK) {
        status = for_each_layer(in, copy_layer);
        net->is_trained = true;
    }
    mlpi_safetensors_close(&net->hooks, &file);
    return status;
}

mlp_status mlp_net_import_memory(mlp_net *net, const void *bytes, size_t size)
{
    if (!net) {
        return MLP_ERR_NULL;
    }
    TRY(mlpi_check_pointer(&net->hooks, bytes, "the file"));
    return import_bytes(net, bytes, size);
}

/* The file is read whole into memory, which is released before the call
 * returns: the network has copies. */
mlp_status mlp_net_import(mlp_net *net, const char *path)
{
    if (!net) {
        return MLP_ERR_NULL;
    }
    TRY(mlpi_check_pointer(&net->hooks, path, "the path"));
    static const mlpi_file_kind kind = {"a safetensors file",
                                        mlpi_safetensors_may_begin};
    mlpi_file_content disk;
    TRY(mlpi_file_read(&net->hooks, path, &kind, &disk));
    mlp_status status = import_bytes(net, disk.bytes, disk.size);
    mlpi_release(&net->hooks, disk.bytes);
    return status;
}
