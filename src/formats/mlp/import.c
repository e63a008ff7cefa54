/* SPDX-License-Identifier: MIT */
/*
 * Parameters from safetensors files of others, PyTorch above all: layers are
 * what has a weight of two dimensions, in the order of their names, "fc2"
 * before "fc10"; norms are what has a running mean, likewise, one for each
 * layer that normalises.
 */
#include "base/file.h"
#include "formats/mlp/model_format.h"
#include "base/error.h"

/* Tensors of one module: "fc1" has fc1.weight and fc1.bias. */
typedef struct module {
    const mlpi_tensor_entry *weight, *bias, *mean, *variance;
} module;

typedef struct importer {
    mlp_net *net;
    const mlpi_safetensors *c;
    size_t at; /* the tensor to look at next */
} importer;

/* How much of a name messages show. */
static int shown(const mlpi_tensor_entry *t)
{
    return t->name.size < 64 ? (int)t->name.size : 64;
}

/* Whatever its owner, is this tensor known here? Counters are no parameters. */
static mlp_status place(importer *g, const mlpi_tensor_entry *t, mlpi_span part,
                        module *m)
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
    if (!to || !mlpi_stored_is_real(t)) {
        return mlpi_error(&g->net->hooks, MLP_ERR_UNSUPPORTED,
                          "tensor %.*s: expects weight, bias, running_mean or "
                          "running_var of F64, F32, F16 or BF16",
                          shown(t), t->name.text);
    }
    *to = t;
    return MLP_OK;
}

/* The tensors of the next owner; all of it NULL: there is none. */
static mlp_status next_module(importer *g, module *m)
{
    mlpi_span first = {"", 0};
    size_t begin = g->at;
    *m = (module){.weight = NULL};
    for (; g->at < g->c->count; g->at++) {
        const mlpi_tensor_entry *t = &g->c->tensor[g->at];
        mlpi_span owner;
        mlpi_span part = mlpi_name_part(t->name, &owner);
        if (g->at == begin) {
            first = owner;
        } else if (mlpi_span_compare(owner, first) != 0) {
            break;
        }
        TRY(place(g, t, part, m));
    }
    return MLP_OK;
}

static bool is_layer(const module *m)
{
    return m->weight && m->weight->rank == 2;
}

static bool is_norm(const module *m)
{
    return m->mean && m->variance;
}

/* The next module that is a layer, or that is a norm. */
static mlp_status find_module(importer *g, bool norm, module *m)
{
    do {
        TRY(next_module(g, m));
        if (norm ? is_norm(m) : is_layer(m)) {
            return MLP_OK;
        }
    } while (g->at < g->c->count);
    return mlpi_error(&g->net->hooks, MLP_ERR_SHAPE,
                      "expects a %s for each of the network's, got fewer",
                      norm ? "norm" : "layer");
}

/* Is this, if it is there, a tensor for the view? */
static mlp_status check(const importer *g, const mlpi_tensor_entry *t,
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
        return mlpi_error(&g->net->hooks, MLP_ERR_SHAPE,
                          "tensor %.*s: expects (%zu, %zu), got another shape",
                          shown(t), t->name.text, view.rows, view.cols);
    }
    return MLP_OK;
}

static void take(const importer *g, const mlpi_tensor_entry *t, mlp_view view,
                 double otherwise)
{
    if (t) {
        mlpi_model_take(g->c, t, g->net, view);
        return;
    }
    for (size_t j = 0; j < view.cols; j++) {
        (void)mlp_view_set(view, 0, j, otherwise);
    }
}

static mlp_view view_of(const importer *g, size_t l, mlp_tensor which)
{
    mlpi_part part = {which, ""};
    return mlpi_net_tensor(g->net, l, &part);
}

/* A layer's own bias before it is normalised: it moves the mean that comes, so
 * that without it the mean must be less by as much. */
static void move_mean(const importer *g, size_t l,
                      const mlpi_tensor_entry *bias)
{
    mlp_view mean = view_of(g, l, MLP_MEAN);
    for (size_t j = 0; bias && j < mean.cols; j++) {
        double x = mlp_cview_at(mlp_view_const(mean), 0, j);
        (void)mlp_view_set(mean, 0, j, x - mlpi_stored_real(g->c, bias, j));
    }
}

/* Goes through all layers: looks whether they fit, or takes them. */
static mlp_status go_through(importer layers, importer norms, bool taking)
{
    const mlp_net *net = layers.net;
    for (size_t l = 1; l <= net->layout.L; l++) {
        module m;
        module n = {.weight = NULL};
        bool normalises = net->layout.layer[l].batch_norm;
        TRY(find_module(&layers, false, &m));
        if (normalises) {
            TRY(find_module(&norms, true, &n));
        }
        mlp_view W = view_of(&layers, l, MLP_W);
        mlp_view b = view_of(&layers, l, MLP_B);
        const mlpi_tensor_entry *bias = normalises ? n.bias : m.bias;
        if (!taking) {
            TRY(check(&layers, m.weight, W));
            TRY(check(&layers, m.bias, b));
            TRY(check(&layers, bias, b));
            TRY(check(&norms, n.weight, b));
            TRY(check(&norms, n.mean, b));
            TRY(check(&norms, n.variance, b));
            continue;
        }
        take(&layers, m.weight, W, 0.0);
        take(&layers, bias, b, 0.0);
        if (normalises) {
            take(&norms, n.weight, view_of(&norms, l, MLP_SCALE), 1.0);
            take(&norms, n.mean, view_of(&norms, l, MLP_MEAN), 0.0);
            take(&norms, n.variance, view_of(&norms, l, MLP_VARIANCE), 1.0);
            move_mean(&layers, l, m.bias);
        }
    }
    return MLP_OK;
}

/* Each module of the file must have its layer. */
static mlp_status check_count(importer g)
{
    size_t layers = 0;
    size_t norms = 0;
    size_t L = g.net->layout.L;
    size_t normalise = 0;
    for (size_t l = 1; l <= L; l++) {
        normalise += g.net->layout.layer[l].batch_norm;
    }
    while (g.at < g.c->count) {
        const mlpi_tensor_entry *first = &g.c->tensor[g.at];
        module m;
        TRY(next_module(&g, &m));
        bool norm = is_norm(&m);
        bool layer = is_layer(&m);
        if (norm == layer) {
            return mlpi_error(&g.net->hooks, MLP_ERR_UNSUPPORTED,
                              "tensor %.*s: expects it to belong to a layer or "
                              "a batch norm",
                              shown(first), first->name.text);
        }
        norms += norm;
        layers += layer;
    }
    if (layers != L || norms != normalise) {
        return mlpi_error(&g.net->hooks, MLP_ERR_SHAPE,
                          "expects weights of %zu layers and %zu norms, got "
                          "%zu and %zu",
                          L, normalise, layers, norms);
    }
    return MLP_OK;
}

static mlp_status import_bytes(mlp_net *net, const void *bytes, size_t size)
{
    mlpi_safetensors c;
    TRY(mlpi_safetensors_open(&net->hooks, bytes, size, &c));
    importer g = {.net = net, .c = &c};
    mlp_status status = check_count(g);
    if (status == MLP_OK) {
        status = go_through(g, g, false);
    }
    if (status == MLP_OK) {
        status = go_through(g, g, true);
    }
    mlpi_safetensors_close(&net->hooks, &c);
    return status;
}

mlp_status mlp_net_import_memory(mlp_net *net, const void *bytes, size_t size)
{
    if (!net) {
        return MLP_ERR_NULL;
    }
    if (!bytes) {
        return mlpi_error(&net->hooks, MLP_ERR_NULL, "the file is NULL");
    }
    return import_bytes(net, bytes, size);
}

mlp_status mlp_net_import(mlp_net *net, const char *path)
{
    if (!net) {
        return MLP_ERR_NULL;
    }
    if (!path) {
        return mlpi_error(&net->hooks, MLP_ERR_NULL, "the path is NULL");
    }
    mlpi_file_content file;
    TRY(mlpi_file_read(&net->hooks, path, mlpi_safetensors_begins, &file));
    mlp_status status = import_bytes(net, file.bytes, file.size);
    mlpi_release(&net->hooks, file.bytes);
    return status;
}
