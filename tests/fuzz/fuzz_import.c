/* SPDX-License-Identifier: MIT */
/*
 * Fuzzing of mlp_net_import_memory and mlp_net_import_memory_ordered with
 * safetensors files as other software writes them. A network whose import fails
 * is as before.
 */
#include "fuzz/fuzz.h"

enum { INPUTS = 3, HIDDEN = 4, OUTPUTS = 2 };

static mlp_net *make_net(mlp_dtype precision)
{
    mlp_layer layers[] = {
        {.width = HIDDEN, .activation = MLP_ACT_TANH, .batch_norm = true},
        {.width = OUTPUTS, .activation = MLP_ACT_SIGMOID}};
    mlp_config config = mlp_config_defaults();
    config.inputs = INPUTS;
    config.layers = layers;
    config.n_layers = 2;
    config.precision = precision;
    config.hooks = fuzz_hooks();
    mlp_net *net = NULL;
    NEED(mlp_net_create(&config, &net) == MLP_OK);
    return net;
}

/* ---------------------------------------------------------------------------
 * A file
 */

/* Names of the three modules, the last of which are in no order of numbers. */
static const char *const modules[][3] = {
    {"fc1", "bn1", "fc2"},
    {"0", "1", "3"},
    {"layers.0", "layers.0.norm", "layers.1"},
    {"net.9", "net.10", "net.11"},
    {"input", "norm", "output"}};

typedef struct header {
    fuzz_file *f;
    size_t type;  /* index into the types below */
    size_t bytes; /* of all tensors so far */
} header;

static const char *const types[] = {"F64", "F32", "F16", "BF16"};
static const size_t widths[] = {8, 4, 2, 2};

static void put_tensor(header *h, const char *module, const char *name,
                       size_t rows, size_t cols)
{
    size_t n = (rows ? rows : 1) * cols * widths[h->type];
    fuzz_print(h->f, ",\"%s.%s\":{\"dtype\":\"%s\",\"shape\":[", module, name,
               types[h->type]);
    if (rows) {
        fuzz_print(h->f, "%zu,", rows);
    }
    fuzz_print(h->f, "%zu],\"data_offsets\":[%zu,%zu]}", cols, h->bytes,
               h->bytes + n);
    h->bytes += n;
}

static void build(fuzz_file *f, fuzz_draw *d)
{
    static const unsigned char length[8];
    const char *const *names = modules[fuzz_below(d, 5)];
    header h = {f, fuzz_below(d, 4), 0};
    fuzz_append(f, length, sizeof length);
    fuzz_print(f, "{\"__metadata__\":{\"format\":\"pt\"}");
    put_tensor(&h, names[0], "weight", HIDDEN, INPUTS);
    if (fuzz_once_in(d, 2)) {
        put_tensor(&h, names[0], "bias", 0, HIDDEN);
    }
    put_tensor(&h, names[1], "weight", 0, HIDDEN);
    put_tensor(&h, names[1], "bias", 0, HIDDEN);
    put_tensor(&h, names[1], "running_mean", 0, HIDDEN);
    put_tensor(&h, names[1], "running_var", 0, HIDDEN);
    put_tensor(&h, names[2], "weight", OUTPUTS, HIDDEN);
    if (fuzz_once_in(d, 2)) {
        put_tensor(&h, names[2], "bias", 0, OUTPUTS);
    }
    fuzz_print(f, "}");
    f->bytes[0] = (unsigned char)((f->size - 8) & 255);
    f->bytes[1] = (unsigned char)((f->size - 8) >> 8);
    /* With this highest byte a number is finite in each type. */
    for (size_t i = 0; i < h.bytes; i++) {
        unsigned char byte = (unsigned char)fuzz_below(d, 256);
        if ((i + 1) % widths[h.type] == 0) {
            byte = 0x3c;
        }
        fuzz_append(f, &byte, 1);
    }
}

/* ---------------------------------------------------------------------------
 * The check
 */

/* A network, and its bytes before the next import: NULL if they must be saved
 * anew. */
typedef struct importer {
    mlp_net *net;
    unsigned char *saved;
    size_t size;
} importer;

static importer importers[2];

static void import(importer *to, const unsigned char *bytes, size_t size,
                   const char *const *order)
{
    to->saved = to->saved ? to->saved : fuzz_saved(to->net, &to->size);
    mlp_status status =
        order ? mlp_net_import_memory_ordered(to->net, bytes, size, order, 3)
              : mlp_net_import_memory(to->net, bytes, size);
    if (fuzz_succeeded(status)) {
        fuzz_accept();
        fuzz_predict(to->net);
        free(to->saved);
        to->saved = NULL;
    } else {
        size_t n = 0;
        unsigned char *now = fuzz_saved(to->net, &n);
        NEED(n == to->size && memcmp(now, to->saved, n) == 0);
        free(now);
    }
}

static void begin(void)
{
    importers[0].net = make_net(MLP_F32);
    importers[1].net = make_net(MLP_F64);
}

/* The order may be that of another file, which is refused. */
static void check(const unsigned char *bytes, size_t size)
{
    size_t order = (size / 2) % 10;
    import(&importers[size % 2], bytes, size,
           order < 5 ? modules[order] : NULL);
}

const fuzz_target fuzz_this = {build, fuzz_lie_in_tensors, check, begin};
