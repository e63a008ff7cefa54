/* SPDX-License-Identifier: MIT */
/*
 * A network from an ONNX graph: bytes to a message (wire.h), message to a chain
 * of layers (chain.h), and here the chain to a network. What stands between
 * the layers is multiplied into them, in double, and rounded once: with
 * s and t of the map behind a layer, S and T of that before it,
 *
 *     s (W (S x + T) + b) + t = (s W S) x + s (W T + b) + t
 */
#include "mlp_onnx.h"

#include <math.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/memory.h"
#include "formats/onnx/layer_chain.h"
#include "formats/onnx/decode.h"
#include "base/error.h"

/* Texts are looked for, and added, one by one. */
enum { MOST_CLASSES = 4096, MOST_METADATA = 256 };

enum { MOST_SHARING = 8 }; /* layers of one tensor */

typedef struct loader {
    mlpi_arena arena;
    onnx_model *model;
    mlpi_graph_reader graph;
    mlpi_layer_chain chain;
    mlp_config config;
    mlp_layer layers[MLP_MAX_LAYERS];
    mlp_net *net;
} loader;

static const mlpi_dense *dense_of(const loader *from, size_t l)
{
    return &from->chain.dense[from->chain.L - l];
}

/* ---------------------------------------------------------------------------
 * Description
 */

/* Is the map one batch norm, as a layer may have it? */
static bool is_norm(const mlpi_affine *map)
{
    return map->n == 1 && map->step[0].kind == MLPI_AFFINE_NORM &&
           isfinite(map->step[0].number) && map->step[0].number > 0;
}

/* Layers with another epsilon than the first such have it folded. */
static bool keeps_norm(const loader *from, size_t l)
{
    const mlpi_affine *map = &dense_of(from, l)->behind;
    return is_norm(map) &&
           map->step[0].number == from->config.batch_norm_epsilon;
}

static mlp_dtype precision_of(const mlpi_layer_chain *chain)
{
    for (size_t i = 0; i < chain->L; i++) {
        if (chain->dense[i].W.type == ONNX_DOUBLE &&
            !chain->dense[i].W.round_to_float) {
            return MLP_F64;
        }
    }
    return MLP_F32;
}

static mlp_loss loss_of(mlp_activation output)
{
    return output == MLP_ACT_SOFTMAX   ? MLP_LOSS_CCE
           : output == MLP_ACT_SIGMOID ? MLP_LOSS_BCE
                                       : MLP_LOSS_MSE;
}

/* Squares are not negative. */
static mlp_status check_variances(const loader *from, const mlpi_affine *map)
{
    for (size_t i = 0; i < map->n; i++) {
        const mlpi_constant *variance = &map->step[i].c[3];
        size_t n = map->step[i].kind == MLPI_AFFINE_NORM
                       ? mlpi_constant_count(variance)
                       : 0;
        for (size_t j = 0; j < n; j++) {
            double x = mlpi_constant_broadcast(variance, j);
            if (!(x >= 0) || !isfinite(x)) {
                return mlpi_graph_unsupported(&from->graph, map->step[i].node,
                                              "expects variances of 0 or more");
            }
        }
    }
    return MLP_OK;
}

static const void *numbers_of(const mlpi_constant *c)
{
    return c->raw   ? (const void *)c->raw
           : c->f32 ? (const void *)c->f32
                    : (const void *)c->f64;
}

/* A tensor is copied for each layer that has it: a small file must not become a
 * network of any size. */
static mlp_status check_sharing(const loader *from)
{
    for (size_t l = 1; l <= from->chain.L; l++) {
        const mlpi_dense *d = dense_of(from, l);
        size_t sharing = 0;
        for (size_t k = 1; k <= l; k++) {
            sharing += numbers_of(&dense_of(from, k)->W) == numbers_of(&d->W);
        }
        if (sharing > MOST_SHARING) {
            return mlpi_graph_unsupported(&from->graph, d->node,
                                          "shares its weights with too many");
        }
    }
    return MLP_OK;
}

static mlp_status describe(loader *from)
{
    const mlpi_layer_chain *chain = &from->chain;
    mlp_config *config = &from->config;
    size_t L = chain->L;
    config->inputs = dense_of(from, 1)->inputs;
    config->layers = from->layers;
    config->n_layers = L;
    config->init = MLP_INIT_ZEROS;
    config->precision = precision_of(chain);
    config->loss = chain->output.n > 0 ? MLP_LOSS_MSE
                                       : loss_of(dense_of(from, L)->activation);
    TRY(check_sharing(from));
    TRY(check_variances(from, &chain->input));
    TRY(check_variances(from, &chain->output));
    for (size_t l = L; l >= 1; l--) { /* the first one's is to stay */
        const mlpi_affine *map = &dense_of(from, l)->behind;
        TRY(check_variances(from, map));
        TRY(check_variances(from, &dense_of(from, l)->before));
        if (is_norm(map)) {
            config->batch_norm_epsilon = map->step[0].number;
        }
    }
    for (size_t l = 1; l <= L; l++) {
        const mlpi_dense *d = dense_of(from, l);
        from->layers[l - 1] = (mlp_layer){.width = d->outputs,
                                          .activation = d->activation,
                                          .slope = d->slope,
                                          .batch_norm = keeps_norm(from, l)};
    }
    return MLP_OK;
}

/* ---------------------------------------------------------------------------
 * Scaling
 */

/* The map as (x - mean) / std, if that is what it is; so it comes back to the
 * bit, where it can. */
static void standard_at(const mlpi_affine *map, size_t j, double *mean,
                        double *std)
{
    const mlpi_affine_operation *last = &map->step[map->n - 1];
    double s = 1;
    double t = 0;
    mlpi_affine_at(map, j, &s, &t);
    *mean = -t / s;
    *std = 1 / s;
    if (last->kind == MLPI_AFFINE_SUB && map->n <= 2) {
        mlpi_affine rest = {map->step, map->n - 1};
        mlpi_affine_at(&rest, j, &s, &t);
        if (t == 0) {
            *mean = mlpi_constant_broadcast(&last->c[0], j);
        }
    }
    if (map->n <= 2 && map->step[0].kind == MLPI_AFFINE_DIV) {
        *std = mlpi_constant_broadcast(&map->step[0].c[0], j);
    }
}

static bool is_scaling(mlp_dtype p, double mean, double std)
{
    return p == MLP_F32
               ? isfinite((float)mean) && isfinite((float)std) && (float)std > 0
               : isfinite(mean) && isfinite(std) && std > 0;
}

/* What stands before all layers is the network's scaling, or else goes into the
 * first of them. */
static mlp_status put_scaling(loader *to)
{
    size_t n = to->config.inputs;
    double *mean = mlpi_arena_allocate(&to->arena, n, sizeof *mean);
    double *std = mlpi_arena_allocate(&to->arena, n, sizeof *std);
    bool good = to->chain.input.n > 0;
    TRY(to->arena.status);
    for (size_t j = 0; good && j < n; j++) {
        standard_at(&to->chain.input, j, &mean[j], &std[j]);
        good = is_scaling(to->config.precision, mean[j], std[j]);
    }
    if (good) {
        return mlp_net_set_scaling(to->net, mean, std);
    }
    to->chain.dense[to->chain.L - 1].before = to->chain.input;
    return MLP_OK;
}

/* Is the map y std + mean, for each of n columns, as networks can have it? */
static bool scales_targets(const mlpi_affine *map, size_t n, mlp_dtype p)
{
    for (size_t j = 0; j < n; j++) {
        double mean = 0;
        double std = 1;
        mlpi_affine_at(map, j, &std, &mean);
        if (!is_scaling(p, mean, std)) {
            return false;
        }
    }
    return true;
}

/* Mul and Add behind a last layer without activation are the library's way to
 * scale targets: they stay by themselves. */
static void part_output(mlpi_layer_chain *chain)
{
    mlpi_dense *last = &chain->dense[0];
    mlpi_affine *map = &last->behind;
    mlpi_affine scaling = {map->step, 2};
    if (last->activation == MLP_ACT_IDENTITY && map->n >= 2 &&
        map->step[0].kind == MLPI_AFFINE_ADD &&
        map->step[1].kind == MLPI_AFFINE_MUL &&
        scales_targets(&scaling, last->outputs, precision_of(chain))) {
        chain->output = scaling;
        *map = (mlpi_affine){map->step + 2, map->n - 2};
    }
}

/* What stands behind all layers is how the network scales targets. */
static mlp_status put_target_scaling(loader *to)
{
    const mlpi_affine *map = &to->chain.output;
    size_t n = dense_of(to, to->chain.L)->outputs;
    if (map->n == 0) {
        return MLP_OK;
    }
    if (!scales_targets(map, n, to->config.precision)) {
        return mlpi_graph_unsupported(&to->graph, map->step[0].node,
                                      "is no scaling of outputs");
    }
    double *mean = mlpi_arena_allocate(&to->arena, n, sizeof *mean);
    double *std = mlpi_arena_allocate(&to->arena, n, sizeof *std);
    TRY(to->arena.status);
    for (size_t j = 0; j < n; j++) {
        mlpi_affine_at(map, j, &std[j], &mean[j]);
    }
    return mlp_net_set_target_scaling(to->net, mean, std);
}

/* ---------------------------------------------------------------------------
 * Parameters
 */

/* S and T of each column before a layer. */
static mlp_status columns_before(loader *to, const mlpi_dense *d, double **S,
                                 double **T)
{
    *S = mlpi_arena_allocate(&to->arena, d->inputs, sizeof **S);
    *T = mlpi_arena_allocate(&to->arena, d->inputs, sizeof **T);
    TRY(to->arena.status);
    for (size_t i = 0; i < d->inputs; i++) {
        mlpi_affine_at(&d->before, i, &(*S)[i], &(*T)[i]);
    }
    return MLP_OK;
}

/* Sets a parameter, which is made of the file's number `from`; false if it is
 * not finite where that is. */
static bool put(mlp_view view, size_t i, size_t j, double x, double from)
{
    (void)mlp_view_set(view, i, j, x);
    return isfinite(mlp_cview_at(mlp_view_const(view), i, j)) ||
           !isfinite(from);
}

static mlp_status refuse_parameter(const loader *to, size_t l)
{
    return mlpi_error(&to->config.hooks, MLP_ERR_NOT_FINITE,
                      "layer %zu: expects weights that are finite with what "
                      "stands beside them multiplied into them, got one that "
                      "is not",
                      l);
}

/* The mean of batch norm is less by the bias that the layer had. */
static mlp_status put_norm(const loader *to, size_t l, const mlp_view *b)
{
    static const mlp_tensor tensors[] = {MLP_SCALE, MLP_B, MLP_MEAN,
                                         MLP_VARIANCE};
    const mlpi_affine_operation *norm = &dense_of(to, l)->behind.step[0];
    mlp_view mean;
    bool good = true;
    TRY(mlp_net_tensor(to->net, MLP_MEAN, l, &mean));
    for (size_t j = 0; j < b->cols; j++) {
        double bias = mlp_cview_at(mlp_view_const(*b), 0, j);
        double x = mlpi_constant_broadcast(&norm->c[2], j);
        good = put(mean, 0, j, x - bias, x) && good;
    }
    for (size_t i = 0; i < 4; i++) {
        mlp_view view;
        TRY(mlp_net_tensor(to->net, tensors[i], l, &view));
        for (size_t j = 0; tensors[i] != MLP_MEAN && j < view.cols; j++) {
            double x = mlpi_constant_broadcast(&norm->c[i], j);
            good = put(view, 0, j, x, x) && good;
        }
    }
    return good ? MLP_OK : refuse_parameter(to, l);
}

static mlp_status put_layer(loader *to, size_t l)
{
    const mlpi_dense *d = dense_of(to, l);
    const mlpi_affine none = {NULL, 0};
    bool good = true;
    bool norm = to->layers[l - 1].batch_norm;
    double *S = NULL;
    double *T = NULL;
    mlp_view W;
    mlp_view b;
    TRY(columns_before(to, d, &S, &T));
    TRY(mlp_net_tensor(to->net, MLP_W, l, &W));
    TRY(mlp_net_tensor(to->net, MLP_B, l, &b));
    for (size_t j = 0; j < d->outputs; j++) {
        double s = 1;
        double t = 0;
        double C = d->has_C ? mlpi_constant_broadcast(&d->C, j) : 0;
        double bias = d->has_C ? d->beta * C : 0;
        mlpi_affine_at(norm ? &none : &d->behind, j, &s, &t);
        for (size_t i = 0; i < d->inputs; i++) {
            double from = mlpi_constant_at(&d->W, i, j);
            double w = d->alpha * from;
            if (d->before.n > 0) {
                bias += w * T[i];
            }
            good = put(W, j, i, s * (w * S[i]), from) && good;
        }
        good = put(b, 0, j, s * bias + t, C) && good;
    }
    if (!good) {
        return refuse_parameter(to, l);
    }
    return norm ? put_norm(to, l, &b) : MLP_OK;
}

/* ---------------------------------------------------------------------------
 * Texts
 */

static bool is_text(const char *text)
{
    return text && mlpi_is_utf8(text, strlen(text));
}

/* A name that the library wrote: mlp.class.<index>. */
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
    size_t properties = from->model->n_metadata_props;
    for (size_t i = 0; i < properties && i < 2 * MOST_CLASSES; i++) {
        const onnx_property *p = from->model->metadata_props[i];
        if (p->key && strcmp(p->key, key) == 0) {
            return p->value ? p->value : "";
        }
    }
    return NULL;
}

/* A name that scikit-learn's converter wrote, as the keys of its answers. */
static const char *class_label(loader *from, size_t index)
{
    const onnx_node *map = from->chain.names;
    const onnx_attribute *texts =
        map ? mlpi_node_attribute(map, "classlabels_strings") : NULL;
    const onnx_attribute *ints =
        map ? mlpi_node_attribute(map, "classlabels_int64s") : NULL;
    if (texts && index < texts->n_strings) {
        size_t n = texts->strings[index].len;
        char *copy = mlpi_arena_allocate(&from->arena, n + 1, 1);
        if (copy && n > 0) {
            memcpy(copy, texts->strings[index].data, n);
        }
        return copy;
    }
    return ints && index < ints->n_ints
               ? mlpi_arena_printf(&from->arena, "%lld",
                                   (long long)ints->ints[index])
               : NULL;
}

/* Names for all of the classes, or for none. */
static mlp_status put_class_names(loader *to)
{
    size_t outputs = mlp_net_outputs(to->net);
    size_t n = outputs == 1 ? 2 : outputs;
    if (n > MOST_CLASSES || (!to->chain.names && !class_property(to, 0))) {
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

/* What is not the library's own, and is text. */
static bool is_metadata(const onnx_property *p)
{
    return is_text(p->key) && is_text(p->value) && strcmp(p->key, "mlp") != 0 &&
           strncmp(p->key, "mlp.", 4) != 0;
}

static mlp_status put_metadata(loader *to)
{
    size_t taken = 0;
    for (size_t i = 0; i < to->model->n_metadata_props; i++) {
        const onnx_property *p = to->model->metadata_props[i];
        if (is_metadata(p) && taken++ < MOST_METADATA) {
            TRY(mlp_net_set_metadata(to->net, p->key, p->value));
        }
    }
    return MLP_OK;
}

/* ---------------------------------------------------------------------------
 * All of it
 */

static mlp_status make_net(loader *to)
{
    part_output(&to->chain);
    TRY(describe(to));
    TRY(mlp_net_create(&to->config, &to->net));
    TRY(put_scaling(to));
    TRY(put_target_scaling(to));
    for (size_t l = 1; l <= to->chain.L; l++) {
        TRY(put_layer(to, l));
    }
    TRY(put_class_names(to));
    return put_metadata(to);
}

static mlp_status load(loader *to, const void *bytes, size_t size,
                       const char *path)
{
    TRY(mlpi_decode_model(&to->arena, bytes, size, &to->model));
    to->graph = (mlpi_graph_reader){.arena = &to->arena, .path = path};
    TRY(mlpi_graph_open(&to->graph, to->model));
    TRY(mlpi_find_layer_chain(&to->graph, &to->chain));
    return make_net(to);
}

static mlp_status load_from(const mlp_hooks *hooks, const mlpi_disk_file *file,
                            const char *path, mlp_net **net)
{
    mlpi_arena arena = {.hooks = *hooks};
    loader *to = mlpi_arena_allocate(&arena, 1, sizeof *to);
    if (!to) {
        return arena.status;
    }
    to->arena.hooks = *hooks;
    to->config = mlp_config_defaults();
    to->config.hooks = *hooks;
    mlp_status status = load(to, file->bytes, file->size, path);
    if (status == MLP_OK) {
        *net = to->net;
    } else {
        mlp_net_free(to->net);
    }
    mlpi_arena_free(&to->arena);
    mlpi_arena_free(&arena);
    return status;
}

mlp_status mlp_onnx_load_memory(const void *bytes, size_t size,
                                const mlp_hooks *hooks, mlp_net **net)
{
    mlp_hooks used = hooks ? *hooks : (mlp_hooks){.user = NULL};
    TRY(mlpi_check_hooks(&used));
    if (!bytes || !net) {
        return mlpi_error(&used, MLP_ERR_NULL, "the %s is NULL",
                          bytes ? "place for the network" : "file");
    }
    mlpi_disk_file file = {(unsigned char *)bytes, size};
    return load_from(&used, &file, NULL, net);
}

/* A field of the model: its number, and how it is written. */
static bool begins(const unsigned char *head, size_t size)
{
    return head[0] >= 8 && (head[0] & 5) == 0 && size <= ONNX_MAX_BYTES;
}

mlp_status mlp_onnx_load(const char *path, const mlp_hooks *hooks,
                         mlp_net **net)
{
    mlp_hooks used = hooks ? *hooks : (mlp_hooks){.user = NULL};
    mlpi_disk_file file = {NULL, 0};
    TRY(mlpi_check_hooks(&used));
    if (!path || !net) {
        return mlpi_error(&used, MLP_ERR_NULL, "the %s is NULL",
                          path ? "place for the network" : "path");
    }
    TRY(mlpi_disk_read(&used, path, begins, &file));
    mlp_status status = load_from(&used, &file, path, net);
    mlpi_release(&used, file.bytes);
    return status;
}
