/* SPDX-License-Identifier: MIT */
/*
 * Networks from bytes, and files. All is looked at before the network is made:
 * syntax, checksum, description, and whether the file has each tensor that the
 * description needs, in full. So no number of the file leads to more memory
 * than the file itself takes.
 */
#include <math.h>
#include <string.h>

#include "formats/mlp/description.h"
#include "base/file.h"
#include "base/memory.h"
#include "formats/mlp/model_format.h"
#include "base/error.h"
#include "base/sort.h"

enum { CRC_DIGITS = 8 };

static mlp_status refuse(const mlp_hooks *hooks, const char *expected)
{
    return mlpi_error(hooks, MLP_ERR_FORMAT, "model file: expects %s",
                      expected);
}

/* ---------------------------------------------------------------------------
 * What no file of ours can be without
 */

/* Compares the file with its checksum, in whose place zeros are thought. */
static bool is_undamaged(const mlpi_safetensors *c, mlpi_span crc)
{
    static const char digits[] = "0123456789abcdef";
    const unsigned char *place = (const unsigned char *)crc.text;
    size_t before = (size_t)(place - c->bytes);
    size_t after = before + CRC_DIGITS;
    uint32_t is = mlpi_crc32_on(mlpi_crc32(before, c->bytes), CRC_DIGITS,
                                (const unsigned char *)"00000000");
    is = mlpi_crc32_on(is, c->size - after, c->bytes + after);
    bool good = true;
    for (size_t i = CRC_DIGITS; i-- > 0; is >>= 4) {
        good = good && crc.text[i] == digits[is & 15];
    }
    return good;
}

static mlp_status check_own(const mlp_hooks *hooks, const mlpi_safetensors *c)
{
    mlpi_span value;
    if (!mlpi_safetensors_metadata(c, "mlp", &value)) {
        return refuse(hooks, "a description (other safetensors files can be "
                             "imported into a network)");
    }
    if (!mlpi_safetensors_metadata(c, "mlp.crc32", &value) ||
        value.size != CRC_DIGITS) {
        return refuse(hooks, "a checksum");
    }
    if (!is_undamaged(c, value)) {
        return refuse(hooks, "its checksum to be true: it is damaged");
    }
    return MLP_OK;
}

mlp_status mlpi_model_open(const mlp_hooks *hooks, const void *bytes,
                           size_t size, mlpi_safetensors *c)
{
    TRY(mlpi_safetensors_open(hooks, bytes, size, c));
    mlp_status status = check_own(hooks, c);
    if (status != MLP_OK) {
        mlpi_safetensors_close(hooks, c);
    }
    return status;
}

/* ---------------------------------------------------------------------------
 * Tensors against the description
 */

typedef struct loading {
    const mlp_hooks *hooks;
    const mlpi_safetensors *c;
    mlpi_description *d;
    mlp_net *net;
    size_t known; /* tensors that were looked for and found */
    bool scales_in, scales_out;
    size_t pairs, pair_bytes; /* of the user's metadata */
} loading;

/* rows = 0: of one dimension. */
static mlp_status check_tensor(loading *g, const char *name, size_t rows,
                               size_t cols)
{
    const mlpi_tensor_entry *t = mlpi_safetensors_find(g->c, name);
    const char *type = mlpi_type_name(g->d->config.precision);
    if (!t) {
        return mlpi_error(g->hooks, MLP_ERR_FORMAT,
                          "model file: expects the tensor %s, which is missing",
                          name);
    }
    bool fits = rows
                    ? t->rank == 2 && t->shape[0] == rows && t->shape[1] == cols
                    : t->rank == 1 && t->shape[0] == cols;
    if (!mlpi_span_is(t->dtype, type) || !fits) {
        return mlpi_error(g->hooks, MLP_ERR_FORMAT,
                          "tensor %s: expects %s of shape [%zu, %zu] as the "
                          "description says (without the first where that is "
                          "0), got another",
                          name, type, rows, cols);
    }
    g->known++;
    return MLP_OK;
}

static mlp_status check_layers(loading *g)
{
    size_t before = g->d->config.inputs;
    for (size_t l = 1; l <= g->d->config.n_layers; l++) {
        const mlp_layer *layer = &g->d->layers[l - 1];
        for (const mlpi_part *part = mlpi_layer_tensors(layer->batch_norm);
             part->name; part++) {
            char name[MLPI_NAME_SIZE];
            mlpi_part_name(l, part, name);
            bool is_W = part->which == MLP_W;
            TRY(check_tensor(g, name, is_W ? layer->width : 0,
                             is_W ? before : layer->width));
        }
        before = layer->width;
    }
    return MLP_OK;
}

/* Both tensors of a scaling, or none. */
static mlp_status check_scaling(loading *g, const char *mean, const char *std,
                                size_t n, bool *scales)
{
    *scales =
        mlpi_safetensors_find(g->c, mean) || mlpi_safetensors_find(g->c, std);
    if (*scales) {
        TRY(check_tensor(g, mean, 0, n));
        TRY(check_tensor(g, std, 0, n));
    }
    return MLP_OK;
}

static mlp_status check_others(loading *g)
{
    const mlp_config *config = &g->d->config;
    size_t outputs = g->d->layers[config->n_layers - 1].width;
    TRY(check_scaling(g, MLPI_IN_MEAN, MLPI_IN_STD, config->inputs,
                      &g->scales_in));
    TRY(check_scaling(g, MLPI_OUT_MEAN, MLPI_OUT_STD, outputs, &g->scales_out));
    if (g->scales_out && !mlpi_is_regression(config->loss)) {
        return refuse(g->hooks, "outputs to be scaled for losses mse, mae and "
                                "huber alone");
    }
    for (size_t i = 0; i < g->c->count; i++) {
        const char optim[] = "optim.";
        mlpi_span name = g->c->tensor[i].name;
        bool passed = name.size >= sizeof optim - 1 &&
                      memcmp(name.text, optim, sizeof optim - 1) == 0;
        g->known += passed;
    }
    return g->known == g->c->count
               ? MLP_OK
               : refuse(g->hooks, "no tensors that it does not know");
}

static mlp_status check_classes(const loading *g)
{
    size_t n = g->d->n_classes;
    const mlp_config *config = &g->d->config;
    size_t outputs = g->d->layers[config->n_layers - 1].width;
    return n == 0 || n == (outputs == 1 ? 2 : outputs)
               ? MLP_OK
               : refuse(g->hooks, "a name for each class, or none");
}

/* Does the text hold a 0, which ends text in C? */
static bool holds_zero(mlpi_span text)
{
    uint32_t c = 1;
    while (mlpi_span_next(&text, &c) && c != 0) {
    }
    return c == 0;
}

/* Is a key of the metadata the library's? Those are ASCII, perhaps escaped. */
static bool is_own(mlpi_span key)
{
    const char *const names[] = {"mlp", "mlp.crc32"};
    return mlpi_span_is(key, names[0]) || mlpi_span_is(key, names[1]);
}

static mlp_status measure_notes(loading *g)
{
    mlpi_json r = g->d->classes;
    mlpi_span key;
    mlpi_span value;
    bool good = true;
    for (size_t i = 0; i < g->d->n_classes; i++) {
        good = mlpi_json_more(&r, ']') && mlpi_json_string(&r, &value) &&
               good && !holds_zero(value);
    }
    r = mlpi_safetensors_pairs(g->c);
    size_t own = 0;
    while (mlpi_json_more(&r, '}') && mlpi_json_key(&r, &key) &&
           mlpi_json_string(&r, &value)) {
        if (is_own(key)) {
            own++;
        } else {
            g->pairs++;
            g->pair_bytes += key.size + value.size + 2;
            good = good && !holds_zero(key) && !holds_zero(value);
        }
    }
    return good && own == 2 ? MLP_OK
                            : refuse(g->hooks, "no zeros in its texts, and "
                                               "its own keys once");
}

/* ---------------------------------------------------------------------------
 * Taking
 */

void mlpi_model_take(const mlpi_safetensors *c, const mlpi_tensor_entry *t,
                     const mlp_net *net, mlp_view view)
{
    const mlpi_kernels *kernels = net->kernels;
    for (size_t i = 0; i < view.rows; i++) {
        for (size_t j = 0; j < view.cols; j++) {
            double x = mlpi_stored_real(c, t, i * view.cols + j);
            kernels->from_double(
                1, &x,
                mlpi_at(kernels, view.data,
                        i * view.row_stride + j * view.col_stride));
        }
    }
}

static void take_parameters(const loading *g)
{
    char name[MLPI_NAME_SIZE];
    for (size_t l = 1; l <= g->d->config.n_layers; l++) {
        const mlpi_part *part =
            mlpi_layer_tensors(g->d->layers[l - 1].batch_norm);
        for (; part->name; part++) {
            mlpi_part_name(l, part, name);
            mlpi_model_take(g->c, mlpi_safetensors_find(g->c, name), g->net,
                            mlpi_net_tensor(g->net, l, part));
        }
    }
}

static mlp_status take_scaling(const loading *g, mlpi_scaling *s,
                               const char *mean_name, const char *std_name)
{
    const mlp_net *net = g->net;
    mlp_view mean = {net->kernels->dtype, 1, s->n, s->n, 1, s->mean};
    mlp_view std = {net->kernels->dtype, 1, s->n, s->n, 1, s->std};
    mlpi_model_take(g->c, mlpi_safetensors_find(g->c, mean_name), net, mean);
    mlpi_model_take(g->c, mlpi_safetensors_find(g->c, std_name), net, std);
    for (size_t j = 0; j < s->n; j++) {
        double x = mlp_cview_at(mlp_view_const(std), 0, j);
        if (!isfinite(mlp_cview_at(mlp_view_const(mean), 0, j)) ||
            !isfinite(x) || !(x > 0.0)) {
            return refuse(g->hooks,
                          "finite means and standard deviations above "
                          "0 of inputs and outputs");
        }
    }
    s->scales = true;
    return MLP_OK;
}

static mlp_status take_scalings(const loading *g)
{
    mlp_net *net = g->net;
    if (g->scales_in) {
        TRY(take_scaling(g, &net->in, MLPI_IN_MEAN, MLPI_IN_STD));
    }
    if (g->scales_out) {
        TRY(take_scaling(g, &net->out, MLPI_OUT_MEAN, MLPI_OUT_STD));
    }
    return MLP_OK;
}

static bool pair_less(const void *a, const void *b)
{
    const char *const *x = a;
    const char *const *y = b;
    return strcmp(*x, *y) < 0;
}

static void add_span(mlpi_string_list *texts, mlpi_span span)
{
    mlpi_writer to = {.bytes = (unsigned char *)texts->end};
    mlpi_put_span(&to, span);
    mlpi_put_bytes(&to, 1, "");
    texts->text[texts->count++] = texts->end;
    texts->end += to.used;
}

static mlp_status take_metadata(const loading *g)
{
    mlpi_string_list *pairs = &g->net->metadata;
    TRY(mlpi_string_list_make(g->hooks, 2 * g->pairs, g->pair_bytes, pairs));
    mlpi_json r = mlpi_safetensors_pairs(g->c);
    mlpi_span key;
    mlpi_span value;
    while (mlpi_json_more(&r, '}') && mlpi_json_key(&r, &key) &&
           mlpi_json_string(&r, &value)) {
        if (!is_own(key)) {
            add_span(pairs, key);
            add_span(pairs, value);
        }
    }
    mlpi_sort(pairs->text, g->pairs, 2 * sizeof *pairs->text, pair_less);
    for (size_t i = 0; i < g->pairs; i++) {
        const char *own = pairs->text[2 * i];
        if (mlpi_is_reserved(own) ||
            (i > 0 && strcmp(pairs->text[2 * i - 2], own) == 0)) {
            return refuse(g->hooks, "metadata of different keys, of which none "
                                    "else begins with mlp.");
        }
    }
    return MLP_OK;
}

static mlp_status take_classes(const loading *g)
{
    mlpi_string_list *names = &g->net->class_names;
    TRY(mlpi_string_list_make(g->hooks, g->d->n_classes, g->d->class_bytes,
                              names));
    mlpi_json r = g->d->classes;
    for (size_t i = 0; i < g->d->n_classes; i++) {
        mlpi_span name;
        mlpi_json_more(&r, ']');
        (void)mlpi_json_string(&r, &name);
        add_span(names, name);
    }
    return MLP_OK;
}

static mlp_status take_all(loading *g)
{
    TRY(mlp_net_create(&g->d->config, &g->net));
    take_parameters(g);
    mlp_status status = take_scalings(g);
    if (status == MLP_OK) {
        status = take_metadata(g);
    }
    if (status == MLP_OK) {
        status = take_classes(g);
    }
    if (status != MLP_OK) {
        mlp_net_free(g->net);
    }
    return status;
}

/* ---------------------------------------------------------------------------
 * Loading
 */

/* From the description, whose escapes have been resolved. */
static mlp_status load_described(loading *g, const char *text, size_t size)
{
    TRY(mlpi_description_get(g->hooks, text, size, g->d));
    TRY(mlpi_layout_check(&g->d->config));
    TRY(check_layers(g));
    TRY(check_others(g));
    TRY(check_classes(g));
    TRY(measure_notes(g));
    return take_all(g);
}

static mlp_status load_opened(const mlp_hooks *hooks, const mlpi_safetensors *c,
                              mlp_net **net)
{
    mlpi_span text;
    (void)mlpi_safetensors_metadata(c, "mlp", &text);
    mlpi_cursor measure = {0};
    void *block = NULL;
    (void)mlpi_take(&measure, 1, sizeof(mlpi_description));
    (void)mlpi_take(&measure, text.size, 1);
    TRY(mlpi_allocate(hooks, &measure, "a description", &block));
    mlpi_cursor carve = {.base = block};
    loading g = {.hooks = hooks, .c = c};
    g.d = mlpi_take(&carve, 1, sizeof(mlpi_description));
    mlpi_writer to = {.bytes = mlpi_take(&carve, text.size, 1)};
    mlpi_put_span(&to, text);
    mlp_status status = load_described(&g, (const char *)to.bytes, to.used);
    mlpi_release(hooks, block);
    if (status == MLP_OK) {
        *net = g.net;
    }
    return status;
}

static mlp_status load(const mlp_hooks *hooks, const void *bytes, size_t size,
                       mlp_net **net)
{
    mlpi_safetensors c;
    TRY(mlpi_model_open(hooks, bytes, size, &c));
    mlp_status status = load_opened(hooks, &c, net);
    mlpi_safetensors_close(hooks, &c);
    return status;
}

mlp_status mlp_net_load_memory(const void *bytes, size_t size,
                               const mlp_hooks *hooks, mlp_net **net)
{
    mlp_hooks used = hooks ? *hooks : (mlp_hooks){.user = NULL};
    TRY(mlpi_check_hooks(&used));
    if (!bytes || !net) {
        return mlpi_error(&used, MLP_ERR_NULL, "%s is NULL",
                          net ? "the file" : "the place for the network");
    }
    return load(&used, bytes, size, net);
}

mlp_status mlp_net_load(const char *path, const mlp_hooks *hooks, mlp_net **net)
{
    mlp_hooks used = hooks ? *hooks : (mlp_hooks){.user = NULL};
    TRY(mlpi_check_hooks(&used));
    if (!path || !net) {
        return mlpi_error(&used, MLP_ERR_NULL, "%s is NULL",
                          net ? "the path" : "the place for the network");
    }
    mlpi_file_content file;
    TRY(mlpi_file_read(&used, path, mlpi_safetensors_begins, &file));
    mlp_status status = load(&used, file.bytes, file.size, net);
    mlpi_release(&used, file.bytes);
    return status;
}
