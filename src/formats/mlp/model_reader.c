/* SPDX-License-Identifier: MIT */
/*
 * Reads networks from .mlp files (model_format.h). Anybody may have written the
 * file, so everything is checked before the network is created:
 *
 *     1. safetensors.c checks the syntax of the header and that the tensors
 *        fill the data; model_format.c checks the checksum
 *     2. the description is read (description.h); mlpi_layout_check says
 *        whether there can be such a network
 *     3. each tensor that the description needs is found, with its dtype and
 *        shape, and no tensor is left over that nobody knows
 *     4. class names and metadata are counted
 *     5. the network is created and the tensors are copied
 *
 * Stage 3 bounds the memory that stage 5 allocates by the size of the file: the
 * parameters of the network are all there. No number that a file claims leads
 * to more. If any stage fails the caller gets no network.
 */
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/sort.h"
#include "formats/mlp/description.h"
#include "formats/mlp/model_format.h"
#include "model/net.h"
#include "model/tensors.h"

/* What the stages of loading one file know and hand on. */
typedef struct loader {
    const mlp_hooks *hooks;
    const mlpi_safetensors *file;
    mlpi_description *description;
    mlp_net *net;               /* set by stage 5 */
    size_t known;               /* tensors of the file that have a meaning */
    bool scales_in, scales_out; /* the file has a scaling of inputs, outputs */
    size_t pairs;               /* keys of the user's metadata */
    size_t pair_bytes;          /* bytes of these keys and their values */
} loader;

/* Reports a file that breaks the rules of the format. */
static mlp_status refuse(const mlp_hooks *hooks, const char *expected)
{
    return mlpi_error(hooks, MLP_ERR_FORMAT, "model file: expects %s",
                      expected);
}

/* Returns n[L]. mlpi_layout_check has made sure that there is a layer. */
static size_t output_count(const loader *ld)
{
    return ld->description->layers[ld->description->config.n_layers - 1].width;
}

/* ---------------------------------------------------------------------------
 * Tensors against the description
 */

/* Checks that the file has the tensor `name` with the network's dtype and the
 * shape [rows, cols], or [cols] if rows is 0. */
static mlp_status check_tensor(loader *ld, const char *name, size_t rows,
                               size_t cols)
{
    const mlpi_tensor_entry *t = mlpi_safetensors_find(ld->file, name);
    const char *type = mlpi_model_dtype(ld->description->config.precision);
    if (!t) {
        return mlpi_error(ld->hooks, MLP_ERR_FORMAT,
                          "model file: expects the tensor %s, which is missing",
                          name);
    }
    /* [n, 1] is not the same shape as [n]. */
    bool fits = rows
                    ? t->rank == 2 && t->shape[0] == rows && t->shape[1] == cols
                    : t->rank == 1 && t->shape[0] == cols;
    if (!mlpi_span_is(t->dtype, type) || !fits) {
        return mlpi_error(ld->hooks, MLP_ERR_FORMAT,
                          "tensor %s: expects %s of shape [%zu, %zu] as the "
                          "description says (without the first where that is "
                          "0), got another",
                          name, type, rows, cols);
    }
    ld->known++;
    return MLP_OK;
}

/* Checks the tensors of all layers. Their shapes follow from the widths: W[l]
 * is [n[l], n[l-1]], and every other tensor is [n[l]]. */
static mlp_status check_layers(loader *ld)
{
    size_t n_in = ld->description->config.inputs; /* n[l-1] */
    for (size_t l = 1; l <= ld->description->config.n_layers; l++) {
        const mlp_layer *layer = &ld->description->layers[l - 1];
        const mlpi_layer_tensor *tensor = mlpi_layer_tensors(layer->batch_norm);
        for (; tensor->name; tensor++) {
            char name[MLPI_NAME_SIZE];
            mlpi_layer_tensor_name(l, tensor, name);
            bool is_W = tensor->which == MLP_W;
            TRY(check_tensor(ld, name, is_W ? layer->width : 0,
                             is_W ? n_in : layer->width));
        }
        n_in = layer->width;
    }
    return MLP_OK;
}

/* Checks the two tensors of a scaling of n columns. The file has both or none;
 * *scales tells which. */
static mlp_status check_scaling(loader *ld, const char *mean, const char *std,
                                size_t n, bool *scales)
{
    *scales = mlpi_safetensors_find(ld->file, mean) ||
              mlpi_safetensors_find(ld->file, std);
    if (*scales) {
        TRY(check_tensor(ld, mean, 0, n));
        TRY(check_tensor(ld, std, 0, n));
    }
    return MLP_OK;
}

/* Checks the scalings of inputs and outputs. Outputs of a classification are
 * probabilities and have no scaling. */
static mlp_status check_scalings(loader *ld)
{
    const mlp_config *config = &ld->description->config;
    TRY(check_scaling(ld, MLPI_IN_MEAN, MLPI_IN_STD, config->inputs,
                      &ld->scales_in));
    TRY(check_scaling(ld, MLPI_OUT_MEAN, MLPI_OUT_STD, output_count(ld),
                      &ld->scales_out));
    if (ld->scales_out && !mlpi_may_scale(config->loss)) {
        return refuse(ld->hooks,
                      "scaled outputs with the loss " MLPI_SCALING_LOSSES
                      " alone");
    }
    return MLP_OK;
}

/* Refuses tensors that no check has found, but for those of a trainer: a tensor
 * of a later version may change what the network predicts. Names in the file
 * are unique, so it is enough to count. */
static mlp_status check_no_others(loader *ld)
{
    static const char optim[] = "optim.";
    for (size_t i = 0; i < ld->file->count; i++) {
        mlpi_span name = ld->file->tensor[i].name;
        bool is_ignored = name.size >= sizeof optim - 1 &&
                          memcmp(name.text, optim, sizeof optim - 1) == 0;
        ld->known += is_ignored;
    }
    return ld->known == ld->file->count
               ? MLP_OK
               : refuse(ld->hooks, "no tensors that it does not know");
}

/* ---------------------------------------------------------------------------
 * Class names and metadata
 */

/* Checks the number of class names: none or one for each class. A network with
 * one output decides between two classes. */
static mlp_status check_classes(const loader *ld)
{
    size_t n = ld->description->n_classes;
    size_t outputs = output_count(ld);
    return n == 0 || n == (outputs == 1 ? 2 : outputs)
               ? MLP_OK
               : refuse(ld->hooks, "a name for each class, or none");
}

/* Checks the number of quantiles: none or, for their loss, one for each
 * output. */
static mlp_status check_quantiles(const loader *ld)
{
    size_t n = ld->description->n_quantiles;
    bool has = ld->description->config.loss == MLP_LOSS_QUANTILE;
    return n == 0 || (has && n == output_count(ld))
               ? MLP_OK
               : refuse(ld->hooks, "quantiles with the loss quantile alone, "
                                   "one for each output");
}

/* True if the text holds the character 0, which ends a string in C: the user
 * would get a shorter text than the file has. */
static bool holds_zero(mlpi_span text)
{
    uint32_t c = 1;
    while (mlpi_span_next(&text, &c) && c != 0) {
    }
    return c == 0;
}

/* True if a key of the metadata is the library's. The comparison resolves
 * escapes, as "\u006dlp" is "mlp", too. */
static bool is_own(mlpi_span key)
{
    return mlpi_span_is(key, "mlp") || mlpi_span_is(key, "mlp.crc32");
}

/* Counts the user's metadata, and checks that no text holds a zero and that
 * each of the library's two keys is there once: a reader that finds the second
 * of two descriptions would see another network. */
static mlp_status measure_metadata(loader *ld)
{
    mlpi_json r = ld->description->classes;
    mlpi_span key;
    mlpi_span value;
    bool good = true;
    for (size_t i = 0; i < ld->description->n_classes; i++) {
        good = mlpi_json_more(&r, ']') && mlpi_json_string(&r, &value) &&
               good && !holds_zero(value);
    }
    r = mlpi_safetensors_pairs(ld->file);
    size_t own = 0;
    while (mlpi_json_more(&r, '}') && mlpi_json_key(&r, &key) &&
           mlpi_json_string(&r, &value)) {
        if (is_own(key)) {
            own++;
        } else {
            ld->pairs++;
            ld->pair_bytes += key.size + value.size + 2; /* closing zeros */
            good = good && !holds_zero(key) && !holds_zero(value);
        }
    }
    return good && own == 2 ? MLP_OK
                            : refuse(ld->hooks, "no zeros in its texts, and "
                                                "its own keys once");
}

/* ---------------------------------------------------------------------------
 * Copying into the new network
 */

/* Copies a tensor that check_tensor has found. */
static void copy_tensor(const loader *ld, const char *name, mlp_view view)
{
    mlpi_safetensors_copy(ld->file, mlpi_safetensors_find(ld->file, name),
                          ld->net->kernels, view);
}

/* Copies the tensors of all layers. Nothing can fail, as check_layers has seen
 * the same names. */
static void copy_layers(const loader *ld)
{
    char name[MLPI_NAME_SIZE];
    for (size_t l = 1; l <= ld->description->config.n_layers; l++) {
        const mlpi_layer_tensor *tensor =
            mlpi_layer_tensors(ld->description->layers[l - 1].batch_norm);
        for (; tensor->name; tensor++) {
            mlpi_layer_tensor_name(l, tensor, name);
            copy_tensor(ld, name, mlpi_net_tensor(ld->net, tensor->which, l));
        }
    }
}

/* Copies a scaling and checks its values: a standard deviation of 0 would make
 * every input infinite or NaN. */
static mlp_status copy_scaling(const loader *ld, mlpi_scaling *s,
                               const char *mean_name, const char *std_name)
{
    mlp_dtype precision = ld->net->kernels->dtype;
    mlp_view mean = {precision, 1, s->n, s->n, 1, s->mean};
    mlp_view std = {precision, 1, s->n, s->n, 1, s->std};
    copy_tensor(ld, mean_name, mean);
    copy_tensor(ld, std_name, std);
    for (size_t j = 0; j < s->n; j++) {
        double x = mlp_cview_at(mlp_view_const(std), 0, j);
        if (!isfinite(mlp_cview_at(mlp_view_const(mean), 0, j)) ||
            !isfinite(x) || !(x > 0.0)) {
            return refuse(ld->hooks,
                          "finite means and standard deviations above "
                          "0 of inputs and outputs");
        }
    }
    s->scales = true;
    return MLP_OK;
}

/* Copies the scalings that check_scalings has found. */
static mlp_status copy_scalings(const loader *ld)
{
    mlp_net *net = ld->net;
    if (ld->scales_in) {
        TRY(copy_scaling(ld, &net->in, MLPI_IN_MEAN, MLPI_IN_STD));
    }
    if (ld->scales_out) {
        TRY(copy_scaling(ld, &net->out, MLPI_OUT_MEAN, MLPI_OUT_STD));
    }
    return MLP_OK;
}

/* Copies the quantiles, if there are some. Without them the network has those
 * of its creation, which are medians. */
static mlp_status copy_quantiles(const loader *ld)
{
    const mlp_net *net = ld->net;
    mlpi_description_quantiles(ld->description, net->quantiles);
    for (size_t j = 0; j < ld->description->n_quantiles; j++) {
        if (!mlpi_is_quantile(net->kernels, net->quantiles[j])) {
            return refuse(ld->hooks, "quantiles above 0 and below 1");
        }
    }
    return MLP_OK;
}

/* Orders the pairs (key, value) by their keys, for mlpi_sort. a and b point to
 * the first of two pointers to text; keys of different text come in the order
 * of their bytes. */
static bool key_less(const void *a, const void *b)
{
    const char *const *x = a;
    const char *const *y = b;
    return strcmp(*x, *y) < 0;
}

/* Appends a string of the file, with its escapes resolved, to a list that has
 * been made large enough. */
static void add_span(mlpi_string_list *list, mlpi_span span)
{
    mlpi_writer to = {.bytes = (unsigned char *)list->end};
    mlpi_put_span(&to, span);
    mlpi_put_bytes(&to, 1, "");
    list->text[list->count++] = list->end;
    list->end += to.used;
}

/* Copies the user's metadata as key, value, key, value ..., sorted by keys as
 * the network holds them. In this order equal keys are neighbours. */
static mlp_status copy_metadata(const loader *ld)
{
    mlpi_string_list *pairs = &ld->net->metadata;
    TRY(mlpi_string_list_make(ld->hooks, 2 * ld->pairs, ld->pair_bytes, pairs));
    mlpi_json r = mlpi_safetensors_pairs(ld->file);
    mlpi_span key;
    mlpi_span value; /* mlpi_safetensors_open has checked the syntax */
    while (mlpi_json_more(&r, '}') && mlpi_json_key(&r, &key) &&
           mlpi_json_string(&r, &value)) {
        if (!is_own(key)) {
            add_span(pairs, key);
            add_span(pairs, value);
        }
    }
    mlpi_sort(pairs->text, ld->pairs, 2 * sizeof *pairs->text, key_less);
    for (size_t i = 0; i < ld->pairs; i++) {
        const char *this_key = pairs->text[2 * i];
        if (mlpi_is_reserved(this_key) ||
            (i > 0 && strcmp(pairs->text[2 * i - 2], this_key) == 0)) {
            return refuse(ld->hooks, "metadata of different keys, of which "
                                     "none else begins with mlp.");
        }
    }
    return MLP_OK;
}

/* Copies the class names, which measure_metadata has gone through before. */
static mlp_status copy_classes(const loader *ld)
{
    const mlpi_description *d = ld->description;
    mlpi_string_list *names = &ld->net->class_names;
    TRY(mlpi_string_list_make(ld->hooks, d->n_classes, d->class_bytes, names));
    mlpi_json r = d->classes;
    for (size_t i = 0; i < d->n_classes; i++) {
        mlpi_span name;
        mlpi_json_more(&r, ']');
        (void)mlpi_json_string(&r, &name);
        add_span(names, name);
    }
    return MLP_OK;
}

/* Creates the network and fills it. Class names and metadata can still fail for
 * want of memory, and scalings and quantiles by their values; then the network
 * is freed. */
static mlp_status make_net(loader *ld)
{
    TRY(mlpi_net_create_saved(&ld->description->config, &ld->net));
    copy_layers(ld);
    mlp_status status = copy_quantiles(ld);
    if (status == MLP_OK) {
        status = copy_scalings(ld);
    }
    if (status == MLP_OK) {
        status = copy_metadata(ld);
    }
    if (status == MLP_OK) {
        status = copy_classes(ld);
    }
    if (status != MLP_OK) {
        mlp_net_free(ld->net);
    }
    return status;
}

/* ---------------------------------------------------------------------------
 * The stages
 */

/* Runs stages 2 to 5. `text` is the description with its escapes resolved. The
 * order matters: the number of layers must be in its limits before the tensors
 * of layers are checked, and all tensors must be there before memory is
 * allocated for a network of their size. */
static mlp_status load_described(loader *ld, const char *text, size_t size)
{
    TRY(mlpi_description_get(ld->hooks, text, size, ld->description));
    TRY(mlpi_layout_check(&ld->description->config));
    TRY(check_layers(ld));
    TRY(check_scalings(ld));
    TRY(check_no_others(ld));
    TRY(check_classes(ld));
    TRY(check_quantiles(ld));
    TRY(measure_metadata(ld));
    return make_net(ld);
}

/* Memory for the description: the struct, whose MLP_MAX_LAYERS layers are too
 * large for a small stack, and the text, into which class names point until the
 * network has copies. */
typedef struct description_memory {
    size_t text_size;
    mlpi_description *description;
    unsigned char *text;
} description_memory;

/* Takes the arrays of description_memory, for mlpi_allocate_layout. */
static void lay_out_description(void *object, mlpi_cursor *cursor)
{
    description_memory *m = object;
    m->description = mlpi_take(cursor, 1, sizeof *m->description);
    m->text = mlpi_take(cursor, m->text_size, 1);
}

/* Reads the description out of the metadata, where it is a JSON text inside of
 * a JSON string, and runs the remaining stages. *net is set only on success. */
static mlp_status load_opened(const mlp_hooks *hooks,
                              const mlpi_safetensors *file, mlp_net **net)
{
    mlpi_span text; /* mlpi_model_open has found the key */
    (void)mlpi_safetensors_metadata(file, "mlp", &text);
    description_memory memory = {.text_size = text.size};
    void *block = NULL;
    TRY(mlpi_allocate_layout(hooks, lay_out_description, &memory,
                             "a description", &block));
    mlpi_writer to = {.bytes = memory.text};
    mlpi_put_span(&to, text);
    loader ld = {
        .hooks = hooks, .file = file, .description = memory.description};
    mlp_status status = load_described(&ld, (const char *)memory.text, to.used);
    mlpi_release(hooks, block);
    if (status == MLP_OK) {
        *net = ld.net;
        (*net)->is_trained = true;
    }
    return status;
}

/* Loads a network from bytes, which are not needed afterwards. */
static mlp_status load(const mlp_hooks *hooks, const void *bytes, size_t size,
                       mlp_net **net)
{
    mlpi_safetensors file;
    TRY(mlpi_model_open(hooks, bytes, size, &file));
    mlp_status status = load_opened(hooks, &file, net);
    mlpi_safetensors_close(hooks, &file);
    return status;
}

static const mlpi_file_kind model_file = {"a .mlp file",
                                          mlpi_safetensors_may_begin};

/* Without hooks the network gets a struct of zeros, which means malloc, free
 * and no log. The hooks are checked first, because errors are reported to
 * them. */
mlp_status mlp_net_load_memory(const void *bytes, size_t size,
                               const mlp_hooks *hooks, mlp_net **net)
{
    mlp_hooks used;
    TRY(mlpi_use_hooks(hooks, &used));
    if (!bytes || !net) {
        return mlpi_error(&used, MLP_ERR_NULL, "%s is NULL",
                          net ? "the file" : "the place for the network");
    }
    if (size >= MLPI_FILE_HEAD && !model_file.begins(bytes, size)) {
        return mlpi_refuse_content(&used, "the file in memory", &model_file,
                                   bytes, size);
    }
    return load(&used, bytes, size, net);
}

/* mlpi_file_read_headed checks the first eight bytes and the header before it
 * allocates memory for the file, so a large file of another kind is refused at
 * once. */
mlp_status mlp_net_load(const char *path, const mlp_hooks *hooks, mlp_net **net)
{
    mlp_hooks used;
    TRY(mlpi_use_hooks(hooks, &used));
    if (!path || !net) {
        return mlpi_error(&used, MLP_ERR_NULL, "%s is NULL",
                          net ? "the path" : "the place for the network");
    }
    mlpi_allow_cancellation();
    mlpi_file_content disk;
    TRY(mlpi_file_read_headed(&used, path, &model_file, &mlpi_safetensors_rules,
                              &disk));
    mlp_status status = load(&used, disk.bytes, disk.size, net);
    mlpi_release(&used, disk.bytes);
    return status;
}
