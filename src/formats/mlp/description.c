/* SPDX-License-Identifier: MIT */
/*
 * Writes and reads the description of a network (description.h).
 *
 * An object of the description has members of two kinds. Real numbers are all
 * handled alike, so they stand in a table, from which both the writer and the
 * reader take name, place and standard value. Every other member has code of
 * its own. The reader looks a key up in both lists, and keeps one bit for each
 * member that it has seen: a second one is refused, and at the end of the
 * object the bits tell which are missing.
 *
 * Mistakes of syntax are kept by the JSON reader, and the first unknown name by
 * the parser, so that functions need not return a status. What they were is
 * asked once, when the whole text is read.
 */
#include "formats/mlp/description.h"

#include <math.h>
#include <string.h>

#include "base/arithmetic.h"
#include "base/error.h"
#include "base/number_text.h"

/* A real number of mlp_config or mlp_layer, which is not written if it has its
 * standard value. The standard values are those of the format: the defaults of
 * mlp.h may change in a later version, these may not. */
typedef struct field {
    const char *name;
    size_t offset; /* in mlp_config or mlp_layer, in bytes */
    double standard;
} field;

/* The fields of mlp_config, which stand in the outer object. */
static const field net_fields[] = {
    {"huber_delta", offsetof(mlp_config, huber_delta), 1.0},
    {"label_smoothing", offsetof(mlp_config, label_smoothing), 0.0},
    {"batch_norm_momentum", offsetof(mlp_config, batch_norm_momentum), 0.1},
    {"batch_norm_epsilon", offsetof(mlp_config, batch_norm_epsilon), 1e-5},
};

/* The fields of mlp_layer, which stand in each object of "layers". */
static const field layer_fields[] = {
    {"slope", offsetof(mlp_layer, slope), 0.0},
    {"dropout", offsetof(mlp_layer, dropout), 0.0},
};

/* The number of elements of an array. */
#define COUNT(list) (sizeof(list) / sizeof(list)[0])

/* ---------------------------------------------------------------------------
 * Writing
 */

/* Writes the key of a member and the colon. Keys need no escapes. */
static void put_name(mlpi_json_writer w, const char *name)
{
    mlpi_json_put_string(w, name);
    mlpi_json_put(w, ":");
}

/* Writes the fields of a struct that differ from their standard values, each
 * with a comma before it. A number that is not finite can only be one that
 * nobody uses, such as the slope of an activation without slope, and has no
 * hexadecimal form: it is left out. */
static void put_fields(mlpi_json_writer w, const field *fields, size_t n,
                       const void *object)
{
    for (size_t i = 0; i < n; i++) {
        double x = 0.0;
        char text[MLPI_HEXFLOAT_SIZE];
        memcpy(&x, (const unsigned char *)object + fields[i].offset, sizeof x);
        if (isfinite(x) && x != fields[i].standard) {
            mlpi_hexfloat_write(x, text);
            mlpi_json_put(w, ",");
            put_name(w, fields[i].name);
            mlpi_json_put_string(w, text);
        }
    }
}

/* Writes one object of "layers", for example
 *
 *     {"width":8,"activation":"relu","dropout":"0x1.0p-1","batch_norm":true}
 */
static void put_layer(mlpi_json_writer w, const mlp_layer *layer)
{
    mlpi_json_put(w, "{\"width\":");
    mlpi_json_put_number(w, layer->width);
    mlpi_json_put(w, ",\"activation\":");
    mlpi_json_put_string(w, mlp_activation_name(layer->activation));
    put_fields(w, layer_fields, COUNT(layer_fields), layer);
    mlpi_json_put(w, layer->batch_norm ? ",\"batch_norm\":true}" : "}");
}

/* Writes the class names, if there are some. The first comma stands behind the
 * layers, which come before. */
static void put_classes(mlpi_json_writer w, const mlpi_string_list *names)
{
    for (size_t i = 0; i < names->count; i++) {
        mlpi_json_put(w, i == 0 ? ",\"classes\":[" : ",");
        mlpi_json_put_string(w, names->text[i]);
    }
    mlpi_json_put(w, names->count > 0 ? "]" : "");
}

/* Writes the tau of each output, unless each is 1/2. */
static void put_quantiles(mlpi_json_writer w, const mlp_net *net)
{
    bool is_standard = true;
    size_t n = net->quantiles ? mlpi_net_outputs(net) : 0;
    for (size_t j = 0; j < n; j++) {
        is_standard = is_standard && net->quantiles[j] == 0.5;
    }
    for (size_t j = 0; j < n && !is_standard; j++) {
        char text[MLPI_HEXFLOAT_SIZE];
        mlpi_hexfloat_write(net->quantiles[j], text);
        mlpi_json_put(w, j == 0 ? ",\"quantiles\":[" : ",");
        mlpi_json_put_string(w, text);
    }
    mlpi_json_put(w, is_standard ? "" : "]");
}

/* Collects the network's numbers in an mlp_config first, because the table of
 * fields gives their places there. */
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
    put_quantiles(w, net);
    mlpi_json_put(w, ",\"inputs\":");
    mlpi_json_put_number(w, mlpi_net_inputs(net));
    for (size_t l = 1; l <= net->layout.L; l++) {
        mlp_layer layer = {0};
        mlpi_ignore(mlp_net_layer(net, l, &layer));
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

/* The members that an object may have, and those that were seen: bit i of
 * `seen` stands for keys[i], and the bits above for fields. */
typedef struct object {
    const char *const *keys; /* [n_keys]: members with code of their own */
    size_t n_keys;
    const field *fields; /* [n_fields]: real numbers */
    size_t n_fields;
    void *target; /* the struct to which the fields belong */
    unsigned seen;
} object;

/* The text that is being read, and what it has said so far. */
typedef struct parser {
    mlpi_json r;
    mlpi_description *d;
    mlpi_span unknown; /* the first unknown key or name; text NULL: none */
    uint64_t version;
} parser;

/* Keeps the first name that this version of the library does not know. Reading
 * goes on, so that a mistake of syntax or another version is reported first. */
static void note_unknown(parser *p, mlpi_span name)
{
    if (!p->unknown.text) {
        p->unknown = name;
    }
}

/* Reads a real number. The text must be that of a double to the last bit: a
 * number that had to be rounded is a mistake. */
static bool get_real(mlpi_json *r, double *x)
{
    mlpi_span text;
    return mlpi_json_string(r, &text) &&
           (mlpi_hexfloat_read(text.text, text.size, x) ||
            mlpi_json_fail(r, "a number as hexadecimal text"));
}

static void get_field(mlpi_json *r, const field *f, void *target)
{
    double x = 0.0;
    if (get_real(r, &x)) {
        memcpy((unsigned char *)target + f->offset, &x, sizeof x);
    }
}

/* Gives all fields their standard values. Members that are absent keep them,
 * so nobody needs to remember which were absent. */
static void start_fields(const object *o)
{
    for (size_t i = 0; i < o->n_fields; i++) {
        memcpy((unsigned char *)o->target + o->fields[i].offset,
               &o->fields[i].standard, sizeof o->fields[i].standard);
    }
}

/* Returns the index of a key among keys, then fields; n_keys + n_fields if the
 * key is unknown. */
static size_t find_key(const object *o, mlpi_span key)
{
    size_t n = o->n_keys + o->n_fields;
    for (size_t i = 0; i < n; i++) {
        const char *name =
            i < o->n_keys ? o->keys[i] : o->fields[i - o->n_keys].name;
        if (mlpi_span_is(key, name)) {
            return i;
        }
    }
    return n;
}

/* Reads members up to the next one that has code of its own, and sets *index to
 * its index among the keys: the caller reads its value. Fields on the way are
 * read here, and unknown members are skipped. Returns false at the end of the
 * object. */
static bool next_key(parser *p, object *o, size_t *index)
{
    mlpi_span key;
    while (mlpi_json_more(&p->r, '}') && mlpi_json_key(&p->r, &key)) {
        size_t i = find_key(o, key);
        if (i == o->n_keys + o->n_fields) {
            /* The file is refused for this, but only when its syntax and its
             * version have been found good. */
            note_unknown(p, key);
            (void)mlpi_json_skip(&p->r);
            continue;
        }
        if (o->seen >> i & 1) {
            return mlpi_json_fail(&p->r, "each field once");
        }
        o->seen |= 1U << i;
        if (i < o->n_keys) {
            *index = i;
            return true;
        }
        get_field(&p->r, &o->fields[i - o->n_keys], o->target);
    }
    return false;
}

/* Reads a whole number that must be a size_t, which has 32 bits on some
 * machines. */
static size_t get_size(parser *p)
{
    uint64_t n = 0;
    if (mlpi_json_number(&p->r, &n) && n > SIZE_MAX) {
        (void)mlpi_json_fail(&p->r, "a size");
    }
    return (size_t)n;
}

/* Reads the name of a constant, for which `name_of` returns the names from
 * number `first` on, then NULL. Returns the constant's number. An unknown name
 * is noted, and `first` stands for it until the parser has refused the text. */
static int get_name(parser *p, const char *(*name_of)(int), int first)
{
    mlpi_span text;
    if (mlpi_json_string(&p->r, &text)) {
        for (int i = first; name_of(i); i++) {
            if (mlpi_span_is(text, name_of(i))) {
                return i;
            }
        }
        note_unknown(p, text);
    }
    return first;
}

/* get_name takes functions of an int, so that one function reads the names of
 * three enums. The public functions have the enums as parameters. */
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

/* Reads one object of "layers". Width and activation must be there; batch norm
 * is absent in layers without it. "auto" is no name here, because a network
 * knows its activations. Ranges are not checked here: mlpi_layout_check has the
 * limits of all networks, whether they come from a file or a program. */
static void get_layer(parser *p, mlp_layer *layer)
{
    enum { WIDTH, ACTIVATION, BATCH_NORM };
    static const char *const keys[] = {"width", "activation", "batch_norm"};
    object o = {keys, COUNT(keys), layer_fields, COUNT(layer_fields), layer, 0};
    size_t key = 0; /* an index into keys */
    *layer = (mlp_layer){.width = 0};
    start_fields(&o);
    mlpi_json_open(&p->r, '{');
    while (next_key(p, &o, &key)) {
        if (key == WIDTH) {
            layer->width = get_size(p);
        } else if (key == ACTIVATION) {
            layer->activation =
                (mlp_activation)get_name(p, activation_name, MLP_ACT_AUTO + 1);
        } else {
            (void)mlpi_json_flag(&p->r, &layer->batch_norm);
        }
    }
    static const unsigned needed = 1U << WIDTH | 1U << ACTIVATION;
    if ((o.seen & needed) != needed) {
        (void)mlpi_json_fail(&p->r, "a layer's width and activation");
    }
}

/* Reads "layers" into the array of the description. The limit keeps a file from
 * writing past its end. */
static void get_layers(parser *p)
{
    size_t n = 0;
    mlpi_json_open(&p->r, '[');
    while (mlpi_json_more(&p->r, ']')) {
        if (n == MLP_MAX_LAYERS) {
            (void)mlpi_json_fail(&p->r, "no more layers than there may be");
            return;
        }
        get_layer(p, &p->d->layers[n++]);
    }
    p->d->config.n_layers = n;
}

/* Counts the class names and their bytes. They are copied later, from where
 * d->classes stands, when there is a network to hold them. */
static void get_classes(parser *p)
{
    mlpi_span name;
    mlpi_json_open(&p->r, '[');
    p->d->classes = p->r;
    while (mlpi_json_more(&p->r, ']') && mlpi_json_string(&p->r, &name)) {
        p->d->n_classes++;
        p->d->class_bytes += name.size + 1;
    }
}

/* Counts the quantiles. Like class names they are read when there is a network
 * to hold them. */
static void get_quantiles(parser *p)
{
    double tau = 0.0;
    mlpi_json_open(&p->r, '[');
    p->d->quantiles = p->r;
    while (mlpi_json_more(&p->r, ']') && get_real(&p->r, &tau)) {
        p->d->n_quantiles++;
    }
}

/* The text has been read once, so that its syntax is good; only the values can
 * be wrong. */
void mlpi_description_quantiles(const mlpi_description *d, double *tau)
{
    mlpi_json r = d->quantiles;
    for (size_t j = 0; j < d->n_quantiles; j++) {
        mlpi_json_more(&r, ']');
        (void)get_real(&r, &tau[j]);
    }
}

/* Reads the outer object, which is the whole description. Numerics, quantiles
 * and classes may be absent. The number of numerics is read and dropped: it
 * tells which arithmetic trained the network, but parameters mean the same in
 * any. */
static void get_net(parser *p)
{
    enum {
        VERSION,
        NUMERICS,
        PRECISION,
        LOSS,
        QUANTILES,
        INPUTS,
        LAYERS,
        CLASSES
    };
    static const char *const keys[] = {"version", "numerics",  "precision",
                                       "loss",    "quantiles", "inputs",
                                       "layers",  "classes"};
    static const unsigned needed = 1U << VERSION | 1U << PRECISION |
                                   1U << LOSS | 1U << INPUTS | 1U << LAYERS;
    mlp_config *config = &p->d->config;
    object o = {keys, COUNT(keys), net_fields, COUNT(net_fields), config, 0};
    size_t key = 0; /* an index into keys */
    start_fields(&o);
    mlpi_json_open(&p->r, '{');
    while (next_key(p, &o, &key)) {
        switch (key) {
        case VERSION:
            (void)mlpi_json_number(&p->r, &p->version);
            break;
        case NUMERICS:
            (void)get_size(p);
            break;
        case PRECISION:
            config->precision = (mlp_dtype)get_name(p, dtype_name, 0);
            break;
        case LOSS:
            config->loss = (mlp_loss)get_name(p, loss_name, 0);
            break;
        case QUANTILES:
            get_quantiles(p);
            break;
        case INPUTS:
            config->inputs = get_size(p);
            break;
        case LAYERS:
            get_layers(p);
            break;
        default:
            get_classes(p);
        }
    }
    if ((o.seen & needed) != needed) {
        (void)mlpi_json_fail(&p->r,
                             "version, precision, loss, inputs and layers");
    }
}

/* Reports the gravest finding: syntax, then another version, whose unknown
 * names are no surprise, then an unknown name. Weights start as zeros, because
 * the file's replace them. */
mlp_status mlpi_description_get(const mlp_hooks *hooks, const char *text,
                                size_t size, mlpi_description *d)
{
    parser p = {.r = mlpi_json_of(text, size), .d = d};
    /* With the configuration in the same statement, clang would build all of it
     * on the stack first. */
    *d = (mlpi_description){.n_quantiles = 0};
    d->config = mlp_config_defaults();
    d->config.layers = d->layers;
    d->config.init = MLP_INIT_ZEROS;
    d->config.hooks = *hooks;
    get_net(&p);
    if (!mlpi_json_end(&p.r)) {
        return mlpi_error(hooks, MLP_ERR_FORMAT,
                          "description of the network: expects %s, at byte "
                          "%zu",
                          p.r.wrong, p.r.at);
    }
    if (p.version != MLPI_FILE_VERSION) {
        return mlpi_error(hooks, MLP_ERR_UNSUPPORTED,
                          "the file has version %llu of the format, known is "
                          "%d",
                          (unsigned long long)p.version, MLPI_FILE_VERSION);
    }
    if (p.unknown.text) {
        int shown = (int)mlpi_min_size(p.unknown.size, 64); /* bytes */
        return mlpi_error(hooks, MLP_ERR_UNSUPPORTED,
                          "description of the network: \"%.*s\" is not known "
                          "here",
                          shown, p.unknown.text);
    }
    return MLP_OK;
}
