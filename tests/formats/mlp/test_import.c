/* SPDX-License-Identifier: MIT */
/*
 * Tests the import of parameters from safetensors files that others wrote. The
 * expected bits of 16-bit floats come from NumPy and PyTorch:
 * numpy.float16(x).view('uint16'), and for bfloat16 the upper half of the
 * float.
 */
#include "support/training.h"

#include "formats/mlp/safetensors.h"

/* A safetensors file as it grows: the header without its closing bracket, and
 * the data. */
typedef struct builder {
    char header[4096];
    unsigned char data[4096];
    size_t used;
} builder;

static void begin(builder *b)
{
    *b = (builder){.header = "{"};
}

static void add_entry(builder *b, const char *name, const char *type,
                      const char *shape, size_t size)
{
    size_t n = strlen(b->header);
    (void)snprintf(b->header + n, sizeof b->header - n,
                   "%s\"%s\":{\"dtype\":\"%s\",\"shape\":%s,"
                   "\"data_offsets\":[%zu,%zu]}",
                   n > 1 ? "," : "", name, type, shape, b->used,
                   b->used + size);
    b->used += size;
}

static void add_bits(builder *b, uint64_t bits, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        b->data[b->used - size + i] = (unsigned char)(bits >> (8 * i));
    }
}

/* Adds a tensor of the n floats x, x + 1, x + 2 ... */
static void add(builder *b, const char *name, const char *shape, size_t n,
                float x)
{
    add_entry(b, name, "F32", shape, 4 * n);
    size_t end = b->used;
    b->used -= 4 * n;
    for (size_t i = 0; i < n; i++) {
        float value = x + (float)i;
        uint32_t bits = 0;
        memcpy(&bits, &value, sizeof bits);
        b->used += 4;
        add_bits(b, bits, 4);
    }
    assert_int_equal(b->used, end);
}

/* Imports in the order of n names, or without one if n is 0. */
static mlp_status import_ordered(mlp_net *net, const builder *b,
                                 const char *const *names, size_t count)
{
    size_t n = strlen(b->header) + 1;
    unsigned char *bytes = guarded_alloc(8 + n + b->used);
    memset(bytes, 0, 8);
    bytes[0] = (unsigned char)n;
    bytes[1] = (unsigned char)(n >> 8);
    memcpy(bytes + 8, b->header, n - 1);
    bytes[8 + n - 1] = '}';
    memcpy(bytes + 8 + n, b->data, b->used);
    mlp_status status =
        count > 0 ? mlp_net_import_memory_ordered(net, bytes, 8 + n + b->used,
                                                  names, count)
                  : mlp_net_import_memory(net, bytes, 8 + n + b->used);
    guarded_free(bytes);
    return status;
}

static mlp_status import_into(mlp_net *net, const builder *b)
{
    return import_ordered(net, b, NULL, 0);
}

static const model two_layers = {
    2, 2, {{3, MLP_ACT_TANH}, {1, MLP_ACT_SIGMOID}}, MLP_LOSS_BCE};

/* Asserts that a row of a tensor has these elements. */
#define assert_row(net, which, l, row, ...)                                    \
    check_row(tensor(net, which, l), row,                                      \
              sizeof(const double[]){__VA_ARGS__} / sizeof(double),            \
              (const double[]){__VA_ARGS__})

static void check_row(mlp_view view, size_t row, size_t n,
                      const double *expected)
{
    assert_int_equal(view.cols, n);
    for (size_t j = 0; j < n; j++) {
        assert_true(at(view, row, j) == expected[j]);
    }
}

/* The names are those of nn.Sequential, of nn.Module and of other programs. The
 * order of tensors in the file does not matter. */
static void names_give_the_order(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {
        {"0", "2"},           {"2", "10"},       {"fc1", "fc2"},
        {"fc9", "fc10"},      {"7", "16"},       {"model.9.a", "model.10.a"},
        {"hidden", "output"}, {"a1b2", "a1b10"},
    };
    for (size_t i = 0; i < COUNT(pairs); i++) {
        for (int reversed = 0; reversed < 2; reversed++) {
            char name[64];
            builder b;
            begin(&b);
            for (int k = 0; k < 2; k++) {
                int layer = reversed ? 1 - k : k;
                (void)snprintf(name, sizeof name, "%s.weight", pairs[i][layer]);
                add(&b, name, layer ? "[1,3]" : "[3,2]", layer ? 3 : 6,
                    layer ? 20 : 10);
                (void)snprintf(name, sizeof name, "%s.bias", pairs[i][layer]);
                add(&b, name, layer ? "[1]" : "[3]", layer ? 1 : 3,
                    layer ? 40 : 30);
            }
            FOR_EACH_PRECISION(p)
            {
                mlp_net *net = new_net(&two_layers, p, NULL);
                assert_int_equal(import_into(net, &b), MLP_OK);
                assert_row(net, MLP_W, 1, 0, 10, 11);
                assert_row(net, MLP_W, 1, 2, 14, 15);
                assert_row(net, MLP_B, 1, 0, 30, 31, 32);
                assert_row(net, MLP_W, 2, 0, 20, 21, 22);
                assert_row(net, MLP_B, 2, 0, 40);
                mlp_net_free(net);
            }
        }
    }
}

static const model one_layer = {4, 1, {{1, MLP_ACT_IDENTITY}}, MLP_LOSS_MSE};

static void assert_read(const char *type, size_t size, const uint64_t bits[4],
                        const double expected[4])
{
    builder b;
    begin(&b);
    add_entry(&b, "w.weight", type, "[1,4]", 4 * size);
    b.used = 0;
    for (size_t i = 0; i < 4; i++) {
        b.used += size;
        add_bits(&b, bits[i], size);
    }
    mlp_net *net = new_net(&one_layer, MLP_F64, NULL);
    put(tensor(net, MLP_B, 1), 0, 0, 7);
    assert_int_equal(import_into(net, &b), MLP_OK);
    mlp_view W = tensor(net, MLP_W, 1);
    for (size_t i = 0; i < 4; i++) {
        assert_true(same_number(at(W, 0, i), expected[i]));
    }
    /* The file has no bias, so the network's becomes 0. */
    assert_true(at(tensor(net, MLP_B, 1), 0, 0) == 0);
    mlp_net_free(net);
}

static void every_real_type_is_read(void **state)
{
    (void)state;
    assert_read("F64", 8,
                (const uint64_t[]){0x3fb999999999999a, 0x8000000000000000, 1,
                                   0xfff0000000000000},
                (const double[]){0.1, -0.0, 0x1p-1074, -INFINITY});
    assert_read("F32", 4,
                (const uint64_t[]){0x3dcccccd, 0x80000000, 1, 0x7fc00000},
                (const double[]){(double)0.1F, -0.0, 0x1p-149, NAN});
    assert_read("F16", 2, (const uint64_t[]){0x2e66, 0x8001, 0x7bff, 0xfc00},
                (const double[]){0.0999755859375, -0x1p-24, 65504, -INFINITY});
    assert_read("F16", 2, (const uint64_t[]){0x8000, 0x7e00, 0x03ff, 0x0400},
                (const double[]){-0.0, NAN, 1023 * 0x1p-24, 0x1p-14});
    assert_read("BF16", 2, (const uint64_t[]){0x3dcd, 0x8000, 0x7f80, 1},
                (const double[]){0.10009765625, -0.0, INFINITY, 0x1p-133});
}

static const model normal = {
    2,
    2,
    {{.width = 2, .activation = MLP_ACT_TANH, .batch_norm = true},
     {.width = 1, .activation = MLP_ACT_SIGMOID}},
    MLP_LOSS_BCE};

/* The bias of a layer before a norm is subtracted from the running mean. */
static void norms_are_imported(void **state)
{
    (void)state;
    for (int with_bias = 0; with_bias < 2; with_bias++) {
        builder b;
        begin(&b);
        add(&b, "1.weight", "[2]", 2, 1.5F);
        add(&b, "1.bias", "[2]", 2, 2.5F);
        add(&b, "1.running_mean", "[2]", 2, 3.5F);
        add(&b, "1.running_var", "[2]", 2, 4.5F);
        add_entry(&b, "1.num_batches_tracked", "I64", "[]", 8);
        add_bits(&b, 77, 8);
        add(&b, "0.weight", "[2,2]", 4, 10);
        if (with_bias) {
            add(&b, "0.bias", "[2]", 2, 100);
        }
        add(&b, "3.weight", "[1,2]", 2, 20);
        add(&b, "3.bias", "[1]", 1, 30);
        mlp_net *net = new_net(&normal, MLP_F32, NULL);
        assert_int_equal(import_into(net, &b), MLP_OK);
        double moved = with_bias ? 100 : 0;
        assert_row(net, MLP_SCALE, 1, 0, 1.5, 2.5);
        assert_row(net, MLP_B, 1, 0, 2.5, 3.5);
        assert_row(net, MLP_MEAN, 1, 0, 3.5 - moved,
                   4.5 - moved - (with_bias ? 1 : 0));
        assert_row(net, MLP_VARIANCE, 1, 0, 4.5, 5.5);
        assert_row(net, MLP_W, 1, 1, 12, 13);
        assert_row(net, MLP_B, 2, 0, 30);
        mlp_net_free(net);
    }
}

/* Tensors of one module stay together, although in the order of characters
 * "fc.norm" stands between "fc.bias" and "fc.weight". "01" and "1" are two
 * modules, although their numbers are equal. */
static void modules_stay_together(void **state)
{
    (void)state;
    static const char *const names[][2] = {{"fc.", "fc.norm."}, {"01.", "1."}};
    for (size_t i = 0; i < 2; i++) {
        static const char *const parts[] = {"bias", "weight"};
        builder b;
        begin(&b);
        for (size_t k = 0; k < 2; k++) {
            char name[64];
            (void)snprintf(name, sizeof name, "%s%s", names[i][0], parts[k]);
            add(&b, name, k == 0 ? "[2]" : "[2,2]", k == 0 ? 2 : 4,
                k == 0 ? 100 : 10);
        }
        static const char *const norm[] = {"bias", "running_mean",
                                           "running_var", "weight"};
        for (size_t k = 0; k < 4; k++) {
            char name[64];
            (void)snprintf(name, sizeof name, "%s%s", names[i][1], norm[k]);
            add(&b, name, "[2]", 2, (float)k + 0.5F);
        }
        add(&b, "z.weight", "[1,2]", 2, 20);
        mlp_net *net = new_net(&normal, MLP_F32, NULL);
        assert_int_equal(import_into(net, &b), MLP_OK);
        assert_row(net, MLP_W, 1, 1, 12, 13);
        assert_row(net, MLP_MEAN, 1, 0, -98.5, -98.5);
        assert_row(net, MLP_SCALE, 1, 0, 3.5, 4.5);
        mlp_net_free(net);
    }
}

static void assert_import_refused(const builder *b, mlp_status status,
                                  const char *message)
{
    hook_record record = {0};
    mlp_net *net = new_net(&two_layers, MLP_F64, &record);
    mlp_net *before = clone_of(net);
    assert_told(&record, import_into(net, b), status, message);
    assert_same_net(net, before);
    mlp_net_free(net);
    mlp_net_free(before);
    assert_int_equal(record.live, 0);
}

/* Each case starts from a file of the two layers and changes something. */
static void files_of_other_networks_are_refused(void **state)
{
    (void)state;
    builder b;
    begin(&b);
    assert_import_refused(&b, MLP_ERR_SHAPE,
                          "expects 2 layers and 0 batch norms");
    add(&b, "0.weight", "[3,2]", 6, 0);
    assert_import_refused(&b, MLP_ERR_SHAPE,
                          "expects 2 layers and 0 batch norms, got 1 and 0");
    builder whole = b;
    add(&whole, "1.weight", "[1,3]", 3, 0);
    b = whole;
    add(&b, "2.weight", "[1,1]", 1, 0);
    assert_import_refused(&b, MLP_ERR_SHAPE, "got 3 and 0");
    b = whole;
    add(&b, "0.bias", "[2]", 2, 0);
    assert_import_refused(&b, MLP_ERR_SHAPE, "0.bias: expects (1, 3), got (2)");
    b = whole;
    add(&b, "ln.weight", "[3]", 3, 0);
    add(&b, "ln.bias", "[3]", 3, 0);
    assert_import_refused(&b, MLP_ERR_UNSUPPORTED, "ln.bias: expects it to");
    b = whole;
    add(&b, "1.gate", "[1]", 1, 0);
    assert_import_refused(&b, MLP_ERR_UNSUPPORTED, "1.gate: expects weight");
    b = whole;
    add_entry(&b, "1.bias", "I32", "[1]", 4);
    assert_import_refused(&b, MLP_ERR_UNSUPPORTED, "1.bias: expects weight");
    b = whole;
    add_entry(&b, "1.bias", "Q3", "[1]", 4);
    assert_import_refused(&b, MLP_ERR_UNSUPPORTED, "1.bias: expects weight");
    b = whole;
    add(&b, "3.running_mean", "[3]", 3, 0);
    add(&b, "3.running_var", "[3]", 3, 0);
    assert_import_refused(&b, MLP_ERR_SHAPE, "got 2 and 1");
    b = whole;
    add(&b, "3.running_mean", "[3]", 3, 0);
    assert_import_refused(&b, MLP_ERR_UNSUPPORTED,
                          "3.running_mean: expects it to belong");
    b = whole;
    add(&b, "1.bias", "[1,1,1]", 1, 0);
    assert_import_refused(&b, MLP_ERR_SHAPE,
                          "1.bias: expects (1, 1), got 3 dimensions");
    b = whole;
    add(&b, "1.bias", "[]", 1, 0);
    assert_import_refused(&b, MLP_ERR_SHAPE,
                          "1.bias: expects (1, 1), got 0 dimensions");
    begin(&b);
    add(&b, "0.weight", "[3,3]", 9, 0);
    add(&b, "1.weight", "[1,3]", 3, 0);
    assert_import_refused(&b, MLP_ERR_SHAPE,
                          "0.weight: expects (3, 2), got (3, 3)");
    begin(&b);
    add(&b, "0.weight", "[1,3]", 3, 0);
    add(&b, "1.weight", "[3,2]", 6, 0);
    assert_import_refused(&b, MLP_ERR_SHAPE,
                          "0.weight: expects (3, 2), got (1, 3)");
    b.header[0] = '[';
    assert_import_refused(&b, MLP_ERR_FORMAT, "safetensors");
}

/* ---------------------------------------------------------------------------
 * Names without numbers
 */

/* The layers of a network of the given widths, and what their names say. The
 * file lists them in the order of `names`; `order` has the same names in the
 * order of the layers, or NULL where the import must refuse to guess. */
typedef struct order_case {
    size_t widths[5]; /* n[0], n[1] ...; 0: the end */
    const char *order[4];
    const char *told; /* NULL: nothing */
} order_case;

/* Layer k, from 0, gets the weights 100 k, 100 k + 1 ... */
static void add_layer(builder *b, const order_case *c, size_t k)
{
    char name[64];
    char shape[32];
    (void)snprintf(name, sizeof name, "%s.weight", c->order[k]);
    (void)snprintf(shape, sizeof shape, "[%zu,%zu]", c->widths[k + 1],
                   c->widths[k]);
    add(b, name, shape, c->widths[k + 1] * c->widths[k], 100 * (float)k);
}

static size_t layers_of(const order_case *c)
{
    size_t n = 0;
    while (n < 4 && c->widths[n + 1] > 0) {
        n++;
    }
    return n;
}

static mlp_net *net_of_case(const order_case *c, hook_record *record)
{
    mlp_layer layers[4];
    for (size_t k = 0; k < layers_of(c); k++) {
        layers[k] =
            (mlp_layer){.width = c->widths[k + 1], .activation = MLP_ACT_TANH};
    }
    mlp_config config = mlp_config_defaults();
    config.inputs = c->widths[0];
    config.layers = layers;
    config.n_layers = layers_of(c);
    config.loss = MLP_LOSS_MSE;
    config.hooks = recording_hooks(record);
    return net_of(&config);
}

static void assert_in_order(mlp_net *net, size_t layers)
{
    for (size_t l = 1; l <= layers; l++) {
        assert_true(at(tensor(net, MLP_W, l), 0, 0) == 100 * (double)(l - 1));
    }
}

/* Each file is built in every order of its layers. */
static void orders_are_told_taken_or_refused(void **state)
{
    (void)state;
    static const order_case cases[] = {
        {{2, 2, 2, 2}, {"input", "hidden", "output"}, "several orders fit"},
        {{2, 3, 3, 1},
         {"input", "hidden", "output"},
         "hint: import takes the layers in the order input, hidden, output,"},
        {{2, 3, 4, 1},
         {"zeta", "alpha", "mu"},
         "hint: import takes the layers in the order zeta, alpha, mu,"},
        {{4, 4, 4, 4, 1},
         {"fc1", "fc2", "fc10", "a"},
         "hint: import takes the layers in the order fc1, fc2, fc10, a,"},
        {{4, 4, 4, 4}, {"fc1", "fc2", "out"}, "layers fc1, fc2, out: expects"},
        {{4, 4, 4, 4}, {"fc", "fc2", "fc3"}, "several orders fit"},
        {{4, 4, 4, 4}, {"b.1", "a.1", "a.2"}, "several orders fit"},
        {{4, 4, 4}, {"down", "up"}, "several orders fit"},
        {{4, 4, 4}, {"fc1_up", "fc1_down"}, "several orders fit"},
        {{4, 4, 4}, {"1", "01"}, "several orders fit"},
        {{4, 4, 4, 4}, {"2", "10", "100"}, NULL},
        {{4, 4, 4, 4}, {"m.1.a", "m.2.a", "m.2.a2"}, "several orders fit"},
        {{4, 4, 4, 4},
         {"l99999999999999999999", "l100000000000000000000",
          "l200000000000000000000"},
         NULL},
        {{3, 1}, {"only"}, NULL},
        /* A message has room for two of these. */
        {{4, 4, 4, 4, 4},
         {"a_name_of_forty_characters_that_is_long_1_a",
          "a_name_of_forty_characters_that_is_long_1_b",
          "a_name_of_forty_characters_that_is_long_1_c",
          "a_name_of_forty_characters_that_is_long_1_d"},
         "layers a_name_of_forty_characters_that_is_long_1_a, "
         "a_name_of_forty_characters_that_is_long_1_b, ...: expects numbers"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        const order_case *c = &cases[i];
        size_t n = layers_of(c);
        bool refused = c->told && strncmp(c->told, "hint: ", 6) != 0;
        for (size_t first = 0; first < n; first++) {
            builder b;
            begin(&b);
            for (size_t k = 0; k < n; k++) {
                add_layer(&b, c, (first + (first % 2 ? n - k : k)) % n);
            }
            hook_record record = {0};
            mlp_net *net = net_of_case(c, &record);
            mlp_net *before = clone_of(net);
            assert_int_equal(import_into(net, &b),
                             refused ? MLP_ERR_ARGUMENT : MLP_OK);
            assert_int_equal(record.messages, refused);
            assert_int_equal(record.hints, c->told && !refused);
            if (c->told) {
                assert_non_null(
                    strstr(refused ? record.message : record.hint, c->told));
            }
            if (refused) {
                assert_same_net(net, before);
                assert_non_null(
                    strstr(record.message, "mlp_net_import_ordered"));
            } else {
                assert_in_order(net, n);
            }
            /* The caller's order is taken without a word. */
            size_t messages = record.messages + record.hints;
            assert_int_equal(import_ordered(net, &b, c->order, n), MLP_OK);
            assert_int_equal(record.messages + record.hints, messages);
            assert_in_order(net, n);
            mlp_net_free(before);
            mlp_net_free(net);
            assert_int_equal(record.live, 0);
        }
    }
}

/* Numbers count more than shapes: a file of other layers is not put in another
 * order until it fits. */
static void numbered_layers_are_not_exchanged(void **state)
{
    (void)state;
    order_case c = {{4, 8, 4}, {"fc2", "fc1"}, NULL};
    hook_record record = {0};
    mlp_net *net = net_of_case(&c, &record);
    builder b;
    begin(&b);
    add_layer(&b, &c, 0);
    add_layer(&b, &c, 1);
    assert_told(&record, import_into(net, &b), MLP_ERR_SHAPE,
                "fc1.weight: expects (8, 4)");
    c = (order_case){{4, 8, 4, 1}, {"fc2", "fc1", "out"}, NULL};
    mlp_net_free(net);
    net = net_of_case(&c, &record);
    add_layer(&b, &c, 2);
    assert_told(&record, import_into(net, &b), MLP_ERR_SHAPE,
                "fc1.weight: expects (8, 4)");
    mlp_net_free(net);
}

/* If no order fits the shapes, the layers stay in that of their names. */
static void layers_that_fit_no_place_are_refused(void **state)
{
    (void)state;
    const order_case own = {{2, 3, 4, 1}, {"a", "b", "c"}, NULL};
    hook_record record = {0};
    mlp_net *net = net_of_case(&own, &record);
    mlp_net *before = clone_of(net);
    builder b;
    begin(&b);
    add(&b, "alpha.weight", "[4,3]", 12, 0);
    add(&b, "mu.weight", "[1,5]", 5, 0);
    add(&b, "zeta.weight", "[3,2]", 6, 0);
    assert_told(&record, import_into(net, &b), MLP_ERR_SHAPE,
                "alpha.weight: expects (3, 2), got (4, 3)");
    assert_same_net(net, before);
    mlp_net_free(before);
    mlp_net_free(net);
    assert_int_equal(record.live, 0);
}

/* Norms have an order, too. Their names stand in the caller's list where data
 * passes them. */
static void norms_have_an_order(void **state)
{
    (void)state;
    hook_record record = {0};
    mlp_layer layers[] = {
        {.width = 2, .activation = MLP_ACT_TANH, .batch_norm = true},
        {.width = 2, .activation = MLP_ACT_TANH, .batch_norm = true},
    };
    mlp_config config = mlp_config_defaults();
    config.inputs = 1;
    config.layers = layers;
    config.n_layers = 2;
    config.loss = MLP_LOSS_MSE;
    config.hooks = recording_hooks(&record);
    mlp_net *net = net_of(&config);
    builder b;
    begin(&b);
    add(&b, "fc1.weight", "[2,1]", 2, 1);
    add(&b, "fc2.weight", "[2,2]", 4, 2);
    add(&b, "late.running_mean", "[2]", 2, 10);
    add(&b, "late.running_var", "[2]", 2, 20);
    add(&b, "early.running_mean", "[2]", 2, 30);
    add(&b, "early.running_var", "[2]", 2, 40);
    assert_told(&record, import_into(net, &b), MLP_ERR_ARGUMENT,
                "batch norms early, late: expects numbers");
    const char *names[] = {"fc1", "late", "fc2", "early"};
    assert_int_equal(import_ordered(net, &b, names, 4), MLP_OK);
    assert_row(net, MLP_MEAN, 1, 0, 10, 11);
    assert_row(net, MLP_VARIANCE, 2, 0, 40, 41);
    names[3] = "late";
    assert_told(&record, import_ordered(net, &b, names, 4), MLP_ERR_ARGUMENT,
                "got \"late\" at index 3");
    names[3] = "fc3";
    assert_told(&record, import_ordered(net, &b, names, 4), MLP_ERR_ARGUMENT,
                "got \"fc3\" at index 3");
    names[3] = NULL;
    assert_told(&record, import_ordered(net, &b, names, 4), MLP_ERR_NULL,
                "name");
    assert_told(&record, import_ordered(net, &b, names, 3), MLP_ERR_ARGUMENT,
                "2 layers and 2 batch norms, got 3");
    mlp_net_free(net);
    assert_int_equal(record.live, 0);
}

/* Escapes are resolved before names are compared, and only once: a backslash
 * that was escaped is no escape. */
static void escapes_in_names_are_resolved(void **state)
{
    (void)state;
    builder b;
    begin(&b);
    add(&b, "\\u0066c2.we\\u0069ght", "[1,3]", 3, 20);
    add(&b, "fc\\u0031.weight", "[3,2]", 6, 10);
    add(&b, "fc1\\u002ebias", "[3]", 3, 30);
    mlp_net *net = new_net(&two_layers, MLP_F64, NULL);
    assert_int_equal(import_into(net, &b), MLP_OK);
    assert_row(net, MLP_W, 1, 0, 10, 11);
    assert_row(net, MLP_B, 1, 0, 30, 31, 32);
    assert_row(net, MLP_W, 2, 0, 20, 21, 22);
    mlp_net_free(net);
    add(&b, "fc1.weigh\\\\u0074", "[3,2]", 6, 10);
    assert_import_refused(&b, MLP_ERR_UNSUPPORTED, "expects weight");
    begin(&b);
    add(&b, "fc1.weight", "[3,2]", 6, 10);
    add(&b, "fc1.we\\u0069ght", "[3,2]", 6, 10);
    assert_import_refused(&b, MLP_ERR_FORMAT, "two tensors of one name");
}

/* 60,000 names of 960 characters differ in the last ones, and come in no order.
 * They take a second. If each comparison compared them whole, or resolved their
 * escapes, they would take longer than this program may run. */
static void long_names_are_compared_once(void **state)
{
    (void)state;
    enum { NAMES = 60000, LENGTH = 960, ROOM = 1100 };
    char *bytes = malloc((size_t)NAMES * ROOM);
    char prefix[LENGTH + 1];
    assert_non_null(bytes);
    for (int escaped = 0; escaped < 2; escaped++) {
        const char *unit = escaped ? "\\u0078.1" : "x.1";
        prefix[0] = '\0';
        while (strlen(prefix) + strlen(unit) < LENGTH) {
            append(prefix, sizeof prefix, unit);
        }
        size_t n = 8;
        bytes[n++] = '{';
        for (int i = 0; i < NAMES; i++) {
            n += (size_t)snprintf(bytes + n, ROOM,
                                  "%s\"%s%d\":{\"dtype\":\"U8\",\"shape\":[0],"
                                  "\"data_offsets\":[0,0]}",
                                  i ? "," : "", prefix, i * 7919 % NAMES);
        }
        bytes[n++] = '}';
        for (size_t i = 0; i < 8; i++) {
            bytes[i] = (char)((n - 8) >> (8 * i) & 255);
        }
        mlp_net *net = new_net(&one_layer, MLP_F32, NULL);
        assert_int_equal(mlp_net_import_memory(net, bytes, n),
                         MLP_ERR_UNSUPPORTED);
        mlp_net_free(net);
    }
    free(bytes);
}

/* ---------------------------------------------------------------------------
 * Numbers, headers, and files of one's own
 */

/* 1e300 is finite as F64, and infinite as a float. */
static void numbers_must_fit_the_precision(void **state)
{
    (void)state;
    static const char *const tensors[][2] = {
        {"0.weight", "[1,2]"}, {"0.bias", "[1]"}, {"1.running_mean", "[1]"}};
    for (size_t big = 0; big < COUNT(tensors); big++) {
        mlp_layer layer = {.width = 1, .batch_norm = true};
        hook_record record = {0};
        builder b;
        begin(&b);
        for (size_t i = 0; i < COUNT(tensors); i++) {
            size_t n = i == 0 ? 2 : 1;
            add_entry(&b, tensors[i][0], "F64", tensors[i][1], 8 * n);
            /* 1e300 and 1 */
            add_bits(&b,
                     i == big ? UINT64_C(0x7e37e43c8800759c)
                              : UINT64_C(0x3ff0000000000000),
                     8);
        }
        add(&b, "1.running_var", "[1]", 1, 1);
        mlp_config config = mlp_config_defaults();
        config.inputs = 2;
        config.layers = &layer;
        config.n_layers = 1;
        config.loss = MLP_LOSS_MSE;
        config.hooks = recording_hooks(&record);
        config.precision = MLP_F32;
        mlp_net *net = net_of(&config);
        mlp_net *before = clone_of(net);
        assert_told(&record, import_into(net, &b), MLP_ERR_NOT_FINITE,
                    tensors[big][0]);
        assert_same_net(net, before);
        mlp_net_free(before);
        mlp_net_free(net);
        config.precision = MLP_F64;
        net = net_of(&config);
        assert_int_equal(import_into(net, &b), MLP_OK);
        mlp_net_free(net);
    }
}

/* The mean and the bias before it are floats; their difference is not. */
static void means_without_a_bias_must_fit(void **state)
{
    (void)state;
    mlp_layer layer = {.width = 1, .batch_norm = true};
    hook_record record = {0};
    mlp_config config = mlp_config_defaults();
    config.inputs = 1;
    config.layers = &layer;
    config.n_layers = 1;
    config.loss = MLP_LOSS_MSE;
    config.precision = MLP_F32;
    config.hooks = recording_hooks(&record);
    mlp_net *net = net_of(&config);
    builder b;
    begin(&b);
    add(&b, "0.weight", "[1,1]", 1, 1);
    add(&b, "0.bias", "[1]", 1, -3e38F);
    add(&b, "1.running_mean", "[1]", 1, 3e38F);
    add(&b, "1.running_var", "[1]", 1, 1);
    assert_told(&record, import_into(net, &b), MLP_ERR_NOT_FINITE,
                "1.running_mean");
    mlp_net_free(net);
}

/* What the reference reader takes: metadata that is null or empty, and members
 * of a tensor that nobody knows. */
static void headers_may_hold_more(void **state)
{
    (void)state;
    static const char *const begins[] = {"{\"__metadata__\":null,",
                                         "{\"__metadata__\":{},",
                                         "{\"__metadata__\" : null ,", "{"};
    static const char *const ends[] = {
        "", ",\"stride\":[2,1]", ",\"x\":{\"y\":[null,true,-1.5e3,\"\"]}"};
    for (size_t i = 0; i < COUNT(begins); i++) {
        for (size_t k = 0; k < COUNT(ends); k++) {
            builder b = {.used = 16};
            (void)snprintf(b.header, sizeof b.header,
                           "%s\"a.weight\":{\"dtype\":\"F32\",\"shape\":[1,4],"
                           "\"data_offsets\":[0,16]%s}",
                           begins[i], ends[k]);
            mlp_net *net = new_net(&one_layer, MLP_F32, NULL);
            assert_int_equal(import_into(net, &b), MLP_OK);
            assert_row(net, MLP_W, 1, 0, 0, 0, 0, 0);
            mlp_net_free(net);
        }
    }
}

/* The functions for files and memory look at the length of the header first.
 * The container does not rely on that. */
static void lengths_out_of_range_are_refused(void **state)
{
    (void)state;
    static const uint64_t lengths[] = {0, 1, 7, UINT64_MAX, UINT64_MAX - 7};
    for (size_t i = 0; i < COUNT(lengths); i++) {
        hook_record record = {0};
        mlp_hooks hooks = recording_hooks(&record);
        unsigned char bytes[14] = {0};
        mlpi_safetensors opened;
        for (size_t k = 0; k < 8; k++) {
            bytes[k] = (unsigned char)(lengths[i] >> (8 * k));
        }
        assert_told(&record,
                    mlpi_safetensors_open(&hooks, bytes, sizeof bytes, &opened),
                    MLP_ERR_FORMAT, "out of range: expects 2 to 6 bytes");
        assert_int_equal(record.live, 0);
    }
}

/* Scaling has no place in an import, but mlp_net_load reads it. */
static void own_files_with_more_are_for_load(void **state)
{
    (void)state;
    hook_record record = {0};
    mlp_net *net = new_net(&two_layers, MLP_F64, &record);
    const double mean[] = {1, 2};
    const double std[] = {3, 4};
    assert_int_equal(mlp_net_set_scaling(net, mean, std), MLP_OK);
    size_t size = mlp_net_save_size(net);
    void *bytes = guarded_alloc(size);
    assert_int_equal(mlp_net_save_memory(net, bytes, size), MLP_OK);
    assert_told(&record, mlp_net_import_memory(net, bytes, size),
                MLP_ERR_UNSUPPORTED, "which mlp_net_load loads");
    guarded_free(bytes);
    mlp_net_free(net);
}

static void arguments_are_checked(void **state)
{
    (void)state;
    hook_record record = {0};
    mlp_net *net = new_net(&two_layers, MLP_F64, &record);
    assert_int_equal(mlp_net_import(NULL, "x"), MLP_ERR_NULL);
    assert_int_equal(mlp_net_import_memory(NULL, "x", 1), MLP_ERR_NULL);
    assert_told(&record, mlp_net_import(net, NULL), MLP_ERR_NULL, "path");
    assert_told(&record, mlp_net_import_memory(net, NULL, 8), MLP_ERR_NULL,
                "file");
    assert_told(&record, mlp_net_import(net, "/nowhere/at/all"), MLP_ERR_IO,
                "/nowhere/at/all: cannot open it");
    const char *const names[] = {"a", "b"};
    assert_int_equal(mlp_net_import_ordered(NULL, "x", names, 2), MLP_ERR_NULL);
    assert_int_equal(mlp_net_import_memory_ordered(NULL, "x", 1, names, 2),
                     MLP_ERR_NULL);
    assert_told(&record, mlp_net_import_ordered(net, NULL, names, 2),
                MLP_ERR_NULL, "path");
    assert_told(&record, mlp_net_import_ordered(net, "x", NULL, 2),
                MLP_ERR_NULL, "modules");
    assert_told(&record, mlp_net_import_memory_ordered(net, "x", 1, NULL, 2),
                MLP_ERR_NULL, "modules");
    assert_told(&record, mlp_net_import_memory_ordered(net, NULL, 1, names, 2),
                MLP_ERR_NULL, "file");
    assert_told(&record,
                mlp_net_import_ordered(net, "/nowhere/at/all", names, 2),
                MLP_ERR_IO, "cannot open it");
    mlp_net_free(net);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_give_the_order),
        cmocka_unit_test(every_real_type_is_read),
        cmocka_unit_test(norms_are_imported),
        cmocka_unit_test(modules_stay_together),
        cmocka_unit_test(files_of_other_networks_are_refused),
        cmocka_unit_test(orders_are_told_taken_or_refused),
        cmocka_unit_test(numbered_layers_are_not_exchanged),
        cmocka_unit_test(layers_that_fit_no_place_are_refused),
        cmocka_unit_test(norms_have_an_order),
        cmocka_unit_test(escapes_in_names_are_resolved),
        cmocka_unit_test(long_names_are_compared_once),
        cmocka_unit_test(numbers_must_fit_the_precision),
        cmocka_unit_test(means_without_a_bias_must_fit),
        cmocka_unit_test(headers_may_hold_more),
        cmocka_unit_test(lengths_out_of_range_are_refused),
        cmocka_unit_test(own_files_with_more_are_for_load),
        cmocka_unit_test(arguments_are_checked),
    };
    return cmocka_run_group_tests_name("import", tests, NULL, NULL);
}
