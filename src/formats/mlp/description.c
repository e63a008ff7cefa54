/* SPDX-License-Identifier: MIT */
#include "formats/mlp/description.h"

#include <math.h>
#include <string.h>

#include "base/hexfloat.h"
#include "base/error.h"

/* A number of mlp_config or mlp_layer that is not written where it has its
 * standard value. The standards belong to the format: defaults of mlp.h may
 * change, these may not. */
typedef struct field {
    const char *name;
    size_t offset;
    double standard;
} field;

static const field net_fields[] = {
    {"huber_delta", offsetof(mlp_config, huber_delta), 1.0},
    {"label_smoothing", offsetof(mlp_config, label_smoothing), 0.0},
    {"batch_norm_momentum", offsetof(mlp_config, batch_norm_momentum), 0.1},
    {"batch_norm_epsilon", offsetof(mlp_config, batch_norm_epsilon), 1e-5},
};

static const field layer_fields[] = {
    {"slope", offsetof(mlp_layer, slope), 0.0},
    {"dropout", offsetof(mlp_layer, dropout), 0.0},
};

#define COUNT(list) (sizeof(list) / sizeof(list)[0])

/* ---------------------------------------------------------------------------
 * Writing
 */

static void put_name(mlpi_json_writer w, const char *name)
{
    mlpi_json_put_string(w, name);
    mlpi_json_put(w, ":");
}

/* A field that is not the first. What is not finite is of no use to anybody:
 * the slope of an activation that has none. */
static void put_fields(mlpi_json_writer w, const field *fields, size_t n,
                       const void *from)
{
    for (size_t i = 0; i < n; i++) {
        double x = 0.0;
        char text[MLPI_HEXFLOAT_SIZE];
        memcpy(&x, (const unsigned char *)from + fields[i].offset, sizeof x);
        if (isfinite(x) && x != fields[i].standard) {
            mlpi_hexfloat_write(x, text);
            mlpi_json_put(w, ",");
            put_name(w, fields[i].name);
            mlpi_json_put_string(w, text);
        }
    }
}

static void put_layer(mlpi_json_writer w, const mlp_layer *layer)
{
    mlpi_json_put(w, "{\"width\":");
    mlpi_json_put_number(w, layer->width);
    mlpi_json_put(w, ",\"activation\":");
    mlpi_json_put_string(w, mlp_activation_name(layer->activation));
    put_fields(w, layer_fields, COUNT(layer_fields), layer);
    mlpi_json_put(w, layer->batch_norm ? ",\"batch_norm\":true}" : "}");
}

static void put_classes(mlpi_json_writer w, const mlpi_string_list *names)
{
    for (size_t i = 0; i < names->count; i++) {
        mlpi_json_put(w, i == 0 ? ",\"classes\":[" : ",");
        mlpi_json_put_string(w, names->text[i]);
    }
    mlpi_json_put(w, names->count > 0 ? "]" : "");
}

void mlpi_description_put(mlpi_json_writer w, const mlp_net *net)
{
    mlp_config config = {.huber_delta = net->huber_delta,
                         .label_smoothing = net->label_smoothing,
                         .batch_norm_momentum = net->norm_momentum,
                         .batch_norm_epsilon = net->norm_epsilon};
    mlpi_json_put(w, "{\"version\":");
    mlpi_json_put_number(w, MLPI_FILE_VERSION);
    mlpi_json_put(w, ",\"numerics\":");
    mlpi_json_put_number(w, MLP_NUMERICS);
    mlpi_json_put(w, ",\"precision\":");
    mlpi_json_put_string(w, mlp_dtype_name(net->kernels->dtype));
    mlpi_json_put(w, ",\"loss\":");
    mlpi_json_put_string(w, mlp_loss_name(net->loss));
    put_fields(w, net_fields, COUNT(net_fields), &config);
    mlpi_json_put(w, ",\"inputs\":");
    mlpi_json_put_number(w, mlpi_net_inputs(net));
    for (size_t l = 1; l <= net->layout.L; l++) {
        mlp_layer layer;
        (void)mlp_net_layer(net, l, &layer);
        mlpi_json_put(w, l == 1 ? ",\"layers\":[" : ",");
        put_layer(w, &layer);
    }
    mlpi_json_put(w, "]");
    put_classes(w, &net->class_names);
    mlpi_json_put(w, "}");
}

/* ---------------------------------------------------------------------------
 * Reading
 */

/* What an object's keys are: words of its own, then fields. Their bits are
 * kept in `seen`. */
typedef struct object {
    const char *const *words;
    size_t n_words;
    const field *fields;
    size_t n_fields;
    void *to; /* what the fields belong to */
    unsigned seen;
} object;

typedef struct reading {
    mlpi_json r;
    mlpi_description *d;
    mlpi_span unknown; /* the first name that is not known here */
    uint64_t version;
} reading;

static void not_known(reading *g, mlpi_span name)
{
    if (!g->unknown.text) {
        g->unknown = name;
    }
}

static void get_field(mlpi_json *r, const field *is, void *to)
{
    mlpi_span text;
    double x = 0.0;
    if (!mlpi_json_string(r, &text)) {
        return;
    }
    if (!mlpi_hexfloat_read(text.text, text.size, &x)) {
        (void)mlpi_json_fail(r, "a number as hexadecimal text");
        return;
    }
    memcpy((unsigned char *)to + is->offset, &x, sizeof x);
}

static void start_fields(const object *o)
{
    for (size_t i = 0; i < o->n_fields; i++) {
        memcpy((unsigned char *)o->to + o->fields[i].offset,
               &o->fields[i].standard, sizeof o->fields[i].standard);
    }
}

/* The place of a key among the words, then the fields; past them if it is
 * neither. */
static size_t place_of(const object *o, mlpi_span key)
{
    size_t n = o->n_words + o->n_fields;
    for (size_t i = 0; i < n; i++) {
        const char *name =
            i < o->n_words ? o->words[i] : o->fields[i - o->n_words].name;
        if (mlpi_span_is(key, name)) {
            return i;
        }
    }
    return n;
}

/* Reads the next key, and its value too unless that is a word's, whose place is
 * *word. False at the end of the object. */
static bool next_word(reading *g, object *o, size_t *word)
{
    mlpi_span key;
    while (mlpi_json_more(&g->r, '}') && mlpi_json_key(&g->r, &key)) {
        size_t i = place_of(o, key);
        if (i == o->n_words + o->n_fields) {
            not_known(g, key);
            (void)mlpi_json_skip(&g->r);
            continue;
        }
        if (o->seen >> i & 1) {
            return mlpi_json_fail(&g->r, "each field once");
        }
        o->seen |= 1U << i;
        if (i < o->n_words) {
            *word = i;
            return true;
        }
        get_field(&g->r, &o->fields[i - o->n_words], o->to);
    }
    return false;
}

static size_t get_size(reading *g)
{
    uint64_t n = 0;
    if (mlpi_json_number(&g->r, &n) && n > SIZE_MAX) {
        (void)mlpi_json_fail(&g->r, "a size");
    }
    return (size_t)n;
}

/* Reads a name: the number for which `name_of` gives it. */
static int get_name(reading *g, const char *(*name_of)(int))
{
    mlpi_span text;
    if (mlpi_json_string(&g->r, &text)) {
        for (int i = 0; name_of(i); i++) {
            if (mlpi_span_is(text, name_of(i))) {
                return i;
            }
        }
        not_known(g, text);
    }
    return 0;
}

static const char *activation_name(int i)
{
    return mlp_activation_name((mlp_activation)i);
}

static const char *loss_name(int i)
{
    return mlp_loss_name((mlp_loss)i);
}

static const char *dtype_name(int i)
{
    return mlp_dtype_name((mlp_dtype)i);
}

static void get_layer(reading *g, mlp_layer *layer)
{
    enum { WIDTH, ACTIVATION, BATCH_NORM };
    static const char *const words[] = {"width", "activation", "batch_norm"};
    object o = {words, COUNT(words), layer_fields, COUNT(layer_fields), layer,
                0};
    size_t word = 0;
    *layer = (mlp_layer){.width = 0};
    start_fields(&o);
    mlpi_json_open(&g->r, '{');
    while (next_word(g, &o, &word)) {
        if (word == WIDTH) {
            layer->width = get_size(g);
        } else if (word == ACTIVATION) {
            layer->activation = (mlp_activation)get_name(g, activation_name);
        } else {
            (void)mlpi_json_flag(&g->r, &layer->batch_norm);
        }
    }
    if ((o.seen & 3) != 3) {
        (void)mlpi_json_fail(&g->r, "a layer's width and activation");
    }
}

static void get_layers(reading *g)
{
    size_t n = 0;
    mlpi_json_open(&g->r, '[');
    while (mlpi_json_more(&g->r, ']')) {
        if (n == MLP_MAX_LAYERS) {
            (void)mlpi_json_fail(&g->r, "no more layers than there may be");
            return;
        }
        get_layer(g, &g->d->layers[n++]);
    }
    g->d->config.n_layers = n;
}

static void get_classes(reading *g)
{
    mlpi_span name;
    mlpi_json_open(&g->r, '[');
    g->d->classes = g->r;
    while (mlpi_json_more(&g->r, ']') && mlpi_json_string(&g->r, &name)) {
        g->d->n_classes++;
        g->d->class_bytes += name.size + 1;
    }
}

static void get_net(reading *g)
{
    enum { VERSION, NUMERICS, PRECISION, LOSS, INPUTS, LAYERS, CLASSES };
    static const char *const words[] = {"version", "numerics", "precision",
                                        "loss",    "inputs",   "layers",
                                        "classes"};
    static const unsigned needed = 1U << VERSION | 1U << PRECISION |
                                   1U << LOSS | 1U << INPUTS | 1U << LAYERS;
    mlp_config *config = &g->d->config;
    object o = {words, COUNT(words), net_fields, COUNT(net_fields), config, 0};
    size_t word = 0;
    start_fields(&o);
    mlpi_json_open(&g->r, '{');
    while (next_word(g, &o, &word)) {
        switch (word) {
        case VERSION:
            (void)mlpi_json_number(&g->r, &g->version);
            break;
        case NUMERICS:
            (void)get_size(g);
            break;
        case PRECISION:
            config->precision = (mlp_dtype)get_name(g, dtype_name);
            break;
        case LOSS:
            config->loss = (mlp_loss)get_name(g, loss_name);
            break;
        case INPUTS:
            config->inputs = get_size(g);
            break;
        case LAYERS:
            get_layers(g);
            break;
        default:
            get_classes(g);
        }
    }
    if ((o.seen & needed) != needed) {
        (void)mlpi_json_fail(&g->r,
                             "version, precision, loss, inputs and layers");
    }
}

mlp_status mlpi_description_get(const mlp_hooks *hooks, const char *text,
                                size_t size, mlpi_description *d)
{
    reading g = {.r = mlpi_json_of(text, size), .d = d};
    *d = (mlpi_description){.config = mlp_config_defaults()};
    d->config.layers = d->layers;
    d->config.init = MLP_INIT_ZEROS;
    d->config.hooks = *hooks;
    get_net(&g);
    if (!mlpi_json_end(&g.r)) {
        return mlpi_error(hooks, MLP_ERR_FORMAT,
                          "description of the network: expects %s, at byte "
                          "%zu",
                          g.r.wrong, g.r.at);
    }
    if (g.version != MLPI_FILE_VERSION) {
        return mlpi_error(hooks, MLP_ERR_UNSUPPORTED,
                          "the file has version %llu of the format, known is "
                          "%d",
                          (unsigned long long)g.version, MLPI_FILE_VERSION);
    }
    if (g.unknown.text) {
        int shown = g.unknown.size < 64 ? (int)g.unknown.size : 64;
        return mlpi_error(hooks, MLP_ERR_UNSUPPORTED,
                          "description of the network: \"%.*s\" is not known "
                          "here",
                          shown, g.unknown.text);
    }
    return MLP_OK;
}
