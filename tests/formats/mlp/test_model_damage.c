/* SPDX-License-Identifier: MIT */
/*
 * Tests that files which are damaged, cut or forged are refused or do no harm.
 * Each file ends where accessible memory ends, so that a reader that goes past
 * its end faults.
 */
#include "support/model_files.h"

#include "support/damage.h"

/* Loads a file that may be anything, and checks what every result must have: a
 * network that can predict, or one message, and no block that is not
 * released. */
static mlp_status try_load(file f)
{
    hook_record record = {0};
    mlp_hooks hooks = recording_hooks(&record);
    mlp_net *net = NULL;
    mlp_status status = mlp_net_load_memory(f.bytes, f.size, &hooks, &net);
    assert_true((status == MLP_OK) == (net != NULL));
    assert_true((status != MLP_OK) == (record.messages == 1));
    if (net && mlp_net_inputs(net) < 100 && mlp_net_outputs(net) < 100) {
        assert_predicts_a_row(net);
    }
    mlp_net_free(net);
    assert_int_equal(record.live, 0);
    return status;
}

/* Makes a file of few bytes that has everything a file may have. */
static file small_file(void)
{
    static const model small = {2,
                                2,
                                {{.width = 2,
                                  .activation = MLP_ACT_TANH,
                                  .dropout = 0.5,
                                  .batch_norm = true},
                                 {.width = 1, .activation = MLP_ACT_SIGMOID}},
                                MLP_LOSS_MSE};
    const char *const names[] = {"no", "\"yes\""};
    const double mean[] = {1, 2};
    const double std[] = {3, 4};
    mlp_net *net = new_net(&small, MLP_F32, NULL);
    assert_int_equal(mlp_net_set_class_names(net, names, 2), MLP_OK);
    assert_int_equal(mlp_net_set_metadata(net, "k", "v"), MLP_OK);
    assert_int_equal(mlp_net_set_scaling(net, mean, std), MLP_OK);
    assert_int_equal(mlp_net_set_target_scaling(net, mean, std), MLP_OK);
    file f = file_of(net);
    mlp_net_free(net);
    return f;
}

/* A file that ends too early, at whatever byte, is no network. */
static void every_prefix_is_refused(void **state)
{
    (void)state;
    file f = small_file();
    for (size_t n = 0; n < f.size; n++) {
        file cut = {guarded_alloc(n), n};
        memcpy(cut.bytes, f.bytes, n);
        assert_int_equal(try_load(cut), MLP_ERR_FORMAT);
        guarded_free(cut.bytes);
    }
    file more = {guarded_alloc(f.size + 1), f.size + 1};
    memcpy(more.bytes, f.bytes, f.size);
    more.bytes[f.size] = 0;
    assert_int_equal(try_load(more), MLP_ERR_FORMAT);
    guarded_free(more.bytes);
    guarded_free(f.bytes);
}

/* In each byte, each bit is flipped, and all bits at once. */
static void every_flipped_byte_is_refused(void **state)
{
    (void)state;
    file f = small_file();
    for (size_t i = 0; i < f.size; i++) {
        unsigned char kept = f.bytes[i];
        for (unsigned bit = 0; bit <= 8; bit++) {
            f.bytes[i] = (unsigned char)(kept ^ (bit < 8 ? 1U << bit : 255U));
            assert_int_equal(try_load(f), MLP_ERR_FORMAT);
        }
        f.bytes[i] = kept;
    }
    assert_int_equal(try_load(f), MLP_OK);
    guarded_free(f.bytes);
}

static void random_edits_with_a_true_checksum_are_survived(void **state)
{
    (void)state;
    enum { EDITS = 10000 };
    file whole = small_file();
    file f = {guarded_alloc(whole.size), whole.size};
    mlp_rng rng = mlp_rng_seeded(3);
    size_t loaded = 0;
    for (size_t i = 0; i < EDITS; i++) {
        memcpy(f.bytes, whole.bytes, whole.size);
        for (size_t n = 1 + draw_below(&rng, 3); n > 0; n--) {
            edit_file(f.bytes, f.size, &rng);
        }
        seal_file(f.bytes, f.size);
        loaded += try_load(f) == MLP_OK;
    }
    /* Edits of weights, class names and so on give valid files. */
    assert_in_range(loaded, EDITS / 100, EDITS / 2);
    guarded_free(f.bytes);
    guarded_free(whole.bytes);
}

/* ---------------------------------------------------------------------------
 * What the format forbids
 */

/* Makes a file of this header and so many bytes of zeros as data. */
static file made(const char *header, size_t zeros)
{
    size_t n = strlen(header);
    file f = {.size = 8 + n + zeros};
    f.bytes = guarded_alloc(f.size);
    memset(f.bytes, 0, f.size);
    for (size_t i = 0; i < 8; i++) {
        f.bytes[i] = (unsigned char)(n >> (8 * i));
    }
    memcpy(f.bytes + 8, header, n);
    seal_file(f.bytes, f.size);
    return f;
}

#define META(more)                                                             \
    "{\"__metadata__\":{\"mlp.crc32\":\"00000000\",\"mlp\":\"{"                \
    "\\\"version\\\":1,\\\"precision\\\":\\\"float32\\\",\\\"loss\\\":"        \
    "\\\"mse\\\",\\\"inputs\\\":1,\\\"layers\\\":[{\\\"width\\\":1,"           \
    "\\\"activation\\\":\\\"tanh\\\"}]" more "}\"}"
#define TENSOR(name, type, shape, begin, end)                                  \
    ",\"" name "\":{\"dtype\":\"" type "\",\"shape\":" shape                   \
    ",\"data_offsets\":[" begin "," end "]}"
#define WEIGHT TENSOR("layers.0.weight", "F32", "[1,1]", "0", "4")
#define BIAS TENSOR("layers.0.bias", "F32", "[1]", "4", "8")

typedef struct refusal {
    const char *header;
    size_t data;
    mlp_status status;
    const char *message;
} refusal;

/* Loads each header with its bytes of data behind it, and checks the status and
 * the message. */
static void assert_refused(const refusal *cases, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        hook_record record = {0};
        mlp_hooks hooks = recording_hooks(&record);
        file f = made(cases[i].header, cases[i].data);
        mlp_net *net = NULL;
        if (mlp_net_load_memory(f.bytes, f.size, &hooks, &net) !=
                cases[i].status ||
            (cases[i].status != MLP_OK &&
             !strstr(record.message, cases[i].message))) {
            fail_msg("case %zu, %s: got \"%s\"", i, cases[i].header,
                     record.message);
        }
        mlp_net_free(net);
        guarded_free(f.bytes);
        assert_int_equal(record.live, 0);
    }
}

static void containers_that_are_none_are_refused(void **state)
{
    (void)state;
    static const refusal cases[] = {
        {META("") WEIGHT BIAS "}", 8, MLP_OK, ""},
        {META("") BIAS WEIGHT "}  \n", 8, MLP_OK, ""},
        {META("") WEIGHT BIAS "}", 9, MLP_ERR_FORMAT, "after the last"},
        {META("") WEIGHT BIAS "}", 7, MLP_ERR_FORMAT, "inside of the data"},
        {" " META("") WEIGHT BIAS "}", 8, MLP_ERR_FORMAT, "no {"},
        {META("") WEIGHT BIAS, 8, MLP_ERR_FORMAT, "a comma or a closing"},
        {META("") WEIGHT BIAS "}x", 8, MLP_ERR_FORMAT, "nothing more"},
        {META("") WEIGHT WEIGHT BIAS "}", 8, MLP_ERR_FORMAT, "gap"},
        {META("") WEIGHT TENSOR("layers.0.weight", "F32", "[1]", "4", "8") "}",
         8, MLP_ERR_FORMAT, "two tensors of one name"},
        {META("")
             WEIGHT TENSOR("layers.0.\\u0062ias", "F32", "[1]", "4", "8") "}",
         8, MLP_OK, ""},
        {META("") WEIGHT TENSOR("layers.0.bias", "F32", "[1]", "8", "4") "}", 8,
         MLP_ERR_FORMAT, "inside of the data"},
        {META("") WEIGHT TENSOR("layers.0.bias", "F32", "[1]", "4",
                                "18446744073709551615") "}",
         8, MLP_ERR_FORMAT, "inside of the data"},
        {META("") WEIGHT TENSOR("layers.0.bias", "F32", "[1]", "4",
                                "18446744073709551616") "}",
         8, MLP_ERR_FORMAT, "2^64"},
        {META("") WEIGHT TENSOR("layers.0.bias", "F32", "[2]", "4", "8") "}", 8,
         MLP_ERR_FORMAT, "as many bytes as the shape"},
        {META("") WEIGHT TENSOR("layers.0.bias", "F32",
                                "[4294967296,4294967296]", "4", "8") "}",
         8, MLP_ERR_FORMAT, "as many bytes as the shape"},
        {META("") WEIGHT TENSOR("layers.0.bias", "F32", "[4611686018427387905]",
                                "4", "8") "}",
         8, MLP_ERR_FORMAT, "as many bytes as the shape"},
        {META("") WEIGHT
         ",\"layers.0.bias\":{\"dtype\":\"F32\",\"shape\":[1]}}",
         8, MLP_ERR_FORMAT, "dtype, shape and data_offsets"},
        {META("") WEIGHT ",\"layers.0.bias\":{\"dtype\":\"F32\",\"shape\":[1],"
                         "\"shape\":[1],\"data_offsets\":[4,8]}}",
         8, MLP_ERR_FORMAT, "once"},
        {META("") WEIGHT ",\"layers.0.bias\":{\"dtype\":\"F32\",\"shape\":[1],"
                         "\"data_offsets\":[4,8,8]}}",
         8, MLP_ERR_FORMAT, "two offsets"},
        {META("") WEIGHT ",\"layers.0.bias\":{\"dtype\":\"F32\",\"shape\":[1],"
                         "\"data_offsets\":[4]}}",
         8, MLP_ERR_FORMAT, "whole number"},
        {META("") WEIGHT ",\"layers.0.bias\":[1]}", 8, MLP_ERR_FORMAT,
         "an object"},
        {META("") ",\"__metadata__\":{}" WEIGHT BIAS "}", 8, MLP_ERR_FORMAT,
         "metadata once"},
        {"{\"__metadata__\":{\"a\":1}" WEIGHT BIAS "}", 8, MLP_ERR_FORMAT,
         "a string"},
        {"{\"__metadata__\":{\"mlp\":\"{}\"}" WEIGHT BIAS "}", 8,
         MLP_ERR_FORMAT, "a checksum"},
        {"{\"__metadata__\":{\"mlp\":\"{}\",\"mlp\\u002ecrc32\":\"0\"}" WEIGHT
             BIAS "}",
         8, MLP_ERR_FORMAT, "a checksum"},
        {"{\"__metadata__\":{\"a\":\"b\"}" WEIGHT BIAS "}", 8, MLP_ERR_FORMAT,
         "a description"},
        {"{}", 0, MLP_ERR_FORMAT, "a description"},
    };
    assert_refused(cases, COUNT(cases));
}

/* A tensor must have the type and the shape that the description asks for. */
static void tensors_that_do_not_fit_are_refused(void **state)
{
    (void)state;
    static const refusal cases[] = {
        {META("") WEIGHT "}", 4, MLP_ERR_FORMAT, "layers.0.bias, which is m"},
        {META("") BIAS TENSOR("layers.0.weight", "F32", "[1]", "0", "4") "}", 8,
         MLP_ERR_FORMAT, "tensor layers.0.weight: expects F32"},
        {META("") WEIGHT TENSOR("layers.0.bias", "F32", "[1,1]", "4", "8") "}",
         8, MLP_ERR_FORMAT, "tensor layers.0.bias: expects F32"},
        {META("") WEIGHT TENSOR("layers.0.bias", "I32", "[1]", "4", "8") "}", 8,
         MLP_ERR_FORMAT, "tensor layers.0.bias: expects F32"},
        {META("") WEIGHT TENSOR("layers.0.bias", "Q3", "[1]", "4", "8") "}", 8,
         MLP_ERR_FORMAT, "tensor layers.0.bias: expects F32"},
        {META("") WEIGHT TENSOR("layers.0.bias", "F64", "[1]", "4", "12") "}",
         12, MLP_ERR_FORMAT, "tensor layers.0.bias: expects F32"},
        {META("")
             WEIGHT BIAS TENSOR("layers.1.bias", "F32", "[1]", "8", "12") "}",
         12, MLP_ERR_FORMAT, "no tensors that it does not know"},
        {META("") WEIGHT BIAS TENSOR("optim.x", "Q3", "[7]", "8", "9") "}", 9,
         MLP_OK, ""},
        {META("") WEIGHT BIAS TENSOR("optim.x", "F32", "[0]", "8", "8")
             TENSOR("optim.y", "F32", "[0]", "8", "8") "}",
         8, MLP_OK, ""},
        {META("") WEIGHT BIAS TENSOR("opti", "F32", "[1]", "8", "12") "}", 12,
         MLP_ERR_FORMAT, "no tensors that it does not know"},
        {META("")
             WEIGHT BIAS TENSOR("inputs.mean", "F32", "[1]", "8", "12") "}",
         12, MLP_ERR_FORMAT, "inputs.std, which is missing"},
        /* The data are zeros, so the standard deviation is 0. */
        {META("") WEIGHT BIAS TENSOR("inputs.mean", "F32", "[1]", "8", "12")
             TENSOR("inputs.std", "F32", "[1]", "12", "16") "}",
         16, MLP_ERR_FORMAT, "standard deviations above 0"},
        {META("")
             WEIGHT BIAS TENSOR("outputs.std", "F32", "[1]", "8", "12") "}",
         12, MLP_ERR_FORMAT, "outputs.mean, which is missing"},
        {META("") WEIGHT BIAS TENSOR("outputs.mean", "F32", "[1]", "8", "12")
             TENSOR("outputs.std", "F32", "[1]", "12", "16") "}",
         16, MLP_ERR_FORMAT, "standard deviations above 0"},
        {META("") WEIGHT BIAS TENSOR("outputs.mean", "F32", "[2]", "8", "16")
             TENSOR("outputs.std", "F32", "[2]", "16", "24") "}",
         24, MLP_ERR_FORMAT, "tensor outputs.mean: expects F32"},
    };
    assert_refused(cases, COUNT(cases));
}

#define DESCRIBED(text)                                                        \
    "{\"__metadata__\":{\"mlp.crc32\":\"00000000\",\"mlp\":\"{" text           \
    "}\"}" WEIGHT BIAS "}"
#define START "\\\"version\\\":1,\\\"precision\\\":\\\"float32\\\","
#define LOSS "\\\"loss\\\":\\\"mse\\\","
#define QUANTILES(list)                                                        \
    "\\\"loss\\\":\\\"quantile\\\",\\\"quantiles\\\":[" list "],"
#define LAYER(more)                                                            \
    "\\\"inputs\\\":1,\\\"layers\\\":[{\\\"width\\\":1,\\\"activation\\\":"    \
    "\\\"tanh\\\"" more "}]"

/* The header of a file that scales its outputs by a standard deviation of 0. */
#define SCALED(loss)                                                           \
    "{\"__metadata__\":{\"mlp.crc32\":\"00000000\",\"mlp\":\"{" START loss     \
        LAYER("") "}\"}" WEIGHT BIAS TENSOR("outputs.mean", "F32", "[1]", "8", \
                                            "12")                              \
            TENSOR("outputs.std", "F32", "[1]", "12", "16") "}"

/* The description is read before the tensors, and its values are checked before
 * memory is taken for a network. */
static void descriptions_that_cannot_be_are_refused(void **state)
{
    (void)state;
    static const refusal cases[] = {
        {DESCRIBED(START LOSS LAYER("")), 8, MLP_OK, ""},
        {DESCRIBED(LOSS LAYER("")), 8, MLP_ERR_FORMAT, "version, precision"},
        {DESCRIBED(START LOSS LOSS LAYER("")), 8, MLP_ERR_FORMAT, "once"},
        {DESCRIBED(
             "\\\"version\\\":2,\\\"precision\\\":\\\"float32\\\"," LOSS LAYER(
                 "")),
         8, MLP_ERR_UNSUPPORTED, "version 2"},
        {DESCRIBED(START LOSS "\\\"new\\\":[{}]," LAYER("")), 8,
         MLP_ERR_UNSUPPORTED, "\"new\""},
        {DESCRIBED(START LOSS LAYER(",\\\"new\\\":7")), 8, MLP_ERR_UNSUPPORTED,
         "\"new\""},
        {DESCRIBED(START "\\\"loss\\\":\\\"abc\\\"," LAYER("")), 8,
         MLP_ERR_UNSUPPORTED, "\"abc\""},
        {DESCRIBED(START LOSS "\\\"inputs\\\":1,\\\"layers\\\":[{\\\"width\\\""
                              ":1,\\\"activation\\\":\\\"abc\\\"}]"),
         8, MLP_ERR_UNSUPPORTED, "\"abc\""},
        {DESCRIBED(START LOSS "\\\"inputs\\\":1,\\\"layers\\\":[{\\\"width\\\""
                              ":1,\\\"activation\\\":\\\"auto\\\"}]"),
         8, MLP_ERR_UNSUPPORTED, "\"auto\""},
        {DESCRIBED(
             "\\\"version\\\":1,\\\"precision\\\":\\\"int32\\\"," LOSS LAYER(
                 "")),
         8, MLP_ERR_FORMAT, "layers.0"},
        {DESCRIBED(START LOSS LAYER(",\\\"dropout\\\":\\\"0x1p-1\\\"")), 8,
         MLP_ERR_ARGUMENT, "dropout"},
        {DESCRIBED(START LOSS LAYER(",\\\"dropout\\\":\\\"0.5\\\"")), 8,
         MLP_ERR_FORMAT, "hexadecimal"},
        {DESCRIBED(START LOSS LAYER(",\\\"batch_norm\\\":1")), 8,
         MLP_ERR_FORMAT, "true or false"},
        {DESCRIBED(START LOSS "\\\"inputs\\\":1,\\\"layers\\\":[]"), 8,
         MLP_ERR_ARGUMENT, "expects 1 to"},
        {DESCRIBED(START LOSS "\\\"inputs\\\":1,\\\"layers\\\":[{}]"), 8,
         MLP_ERR_FORMAT, "width and activation"},
        {DESCRIBED(START LOSS "\\\"inputs\\\":1,\\\"layers\\\":[{\\\"width\\\""
                              ":16777217,\\\"activation\\\":\\\"tanh\\\"}]"),
         8, MLP_ERR_LIMIT, "neurons"},
        {DESCRIBED(START LOSS "\\\"inputs\\\":16777216,\\\"layers\\\":[{"
                              "\\\"width\\\":16777216,\\\"activation\\\":"
                              "\\\"tanh\\\"}]"),
         8, MLP_ERR_LIMIT, "parameters"},
        {DESCRIBED(START LOSS "\\\"inputs\\\":16777216,\\\"layers\\\":[{"
                              "\\\"width\\\":100,\\\"activation\\\":"
                              "\\\"tanh\\\"}]"),
         8, MLP_ERR_FORMAT, "tensor layers.0.weight: expects F32"},
        {DESCRIBED(START LOSS LAYER("") ",\\\"classes\\\":[\\\"a\\\"]"), 8,
         MLP_ERR_FORMAT, "a name for each class"},
        {DESCRIBED(
             START LOSS LAYER("") ",\\\"classes\\\":[\\\"a\\\",\\\"b\\\"]"),
         8, MLP_OK, ""},
        {DESCRIBED(START LOSS LAYER(
             "") ",\\\"classes\\\":[\\\"a\\\",\\\"\\\\u0000\\\"]"),
         8, MLP_ERR_FORMAT, "no zeros in its texts"},
        {DESCRIBED(START LOSS LAYER("") ",\\\"batch_norm_epsilon\\\":"
                                        "\\\"0x0p0\\\""),
         8, MLP_ERR_ARGUMENT, "epsilon"},
        {DESCRIBED(START LOSS LAYER("") "},{"), 8, MLP_ERR_FORMAT,
         "nothing more"},
        {SCALED(LOSS), 16, MLP_ERR_FORMAT, "standard deviations above 0"},
        {SCALED("\\\"loss\\\":\\\"bce\\\","), 16, MLP_ERR_FORMAT,
         "with the loss mse, mae, huber, quantile or gaussian_nll alone"},
        {DESCRIBED(START QUANTILES("\\\"0x1p-2\\\"") LAYER("")), 8, MLP_OK, ""},
        {DESCRIBED(START QUANTILES("\\\"0x1p-2\\\",\\\"0x1p-1\\\"") LAYER("")),
         8, MLP_ERR_FORMAT, "one for each output"},
        {DESCRIBED(START LOSS "\\\"quantiles\\\":[\\\"0x1p-2\\\"]," LAYER("")),
         8, MLP_ERR_FORMAT, "quantiles with the loss quantile alone"},
        {DESCRIBED(START QUANTILES("\\\"0x1p+0\\\"") LAYER("")), 8,
         MLP_ERR_FORMAT, "quantiles above 0 and below 1"},
        {DESCRIBED(START QUANTILES("\\\"0x0p+0\\\"") LAYER("")), 8,
         MLP_ERR_FORMAT, "quantiles above 0 and below 1"},
        /* The largest double below 1 is 1 as a float. */
        {DESCRIBED(START QUANTILES("\\\"0x1.fffffffffffffp-1\\\"") LAYER("")),
         8, MLP_ERR_FORMAT, "quantiles above 0 and below 1"},
        {DESCRIBED(START QUANTILES("\\\"0.5\\\"") LAYER("")), 8, MLP_ERR_FORMAT,
         "hexadecimal"},
        {DESCRIBED(START QUANTILES("7") LAYER("")), 8, MLP_ERR_FORMAT, "byte"},
        {DESCRIBED(START "\\\"loss\\\":\\\"poisson\\\"," LAYER("")), 8,
         MLP_ERR_ARGUMENT, "poisson expects exp"},
        {SCALED("\\\"loss\\\":\\\"poisson\\\","), 16, MLP_ERR_FORMAT,
         "with the loss mse, mae, huber, quantile or gaussian_nll alone"},
    };
    assert_refused(cases, COUNT(cases));
}

/* The array of the description holds MLP_MAX_LAYERS layers. */
static void too_many_layers_are_refused(void **state)
{
    (void)state;
    enum { MOST = 1 << 15 };
    char *header = calloc(1, MOST);
    assert_non_null(header);
    append(
        header, MOST,
        "{\"__metadata__\":{\"mlp.crc32\":\"00000000\",\"mlp\":\"{" START LOSS
        "\\\"inputs\\\":1,\\\"layers\\\":[");
    for (size_t l = 0; l <= MLP_MAX_LAYERS; l++) {
        append(header, MOST, l > 0 ? "," : "");
        append(header, MOST,
               "{\\\"width\\\":1,\\\"activation\\\":\\\"tanh\\\"}");
    }
    append(header, MOST, "]}\"}" WEIGHT BIAS "}");
    const refusal many = {header, 8, MLP_ERR_FORMAT,
                          "no more layers than there may be"};
    assert_refused(&many, 1);
    free(header);
}

/* Means must be finite, and standard deviations finite and above 0. */
static void scaling_that_cannot_be_is_refused(void **state)
{
    (void)state;
    static const char header[] =
        META("") WEIGHT BIAS TENSOR("inputs.mean", "F32", "[1]", "8", "12")
            TENSOR("inputs.std", "F32", "[1]", "12", "16") "}";
    static const float moments[][2] = {{1, 2},        {INFINITY, 2}, {NAN, 2},
                                       {1, INFINITY}, {1, NAN},      {1, -2}};
    for (size_t i = 0; i < COUNT(moments); i++) {
        hook_record record = {0};
        mlp_hooks hooks = recording_hooks(&record);
        mlp_net *net = NULL;
        file f = made(header, 16);
        memcpy(f.bytes + f.size - 8, moments[i], 8);
        seal_file(f.bytes, f.size);
        if (i == 0) {
            double mean = 0;
            double std = 0;
            net = loaded_of(f);
            assert_int_equal(mlp_net_scaling(net, &mean, &std), MLP_OK);
            assert_true(mean == 1 && std == 2);
        } else {
            assert_told(&record,
                        mlp_net_load_memory(f.bytes, f.size, &hooks, &net),
                        MLP_ERR_FORMAT, "finite means and standard deviations");
            assert_null(net);
        }
        mlp_net_free(net);
        guarded_free(f.bytes);
        assert_int_equal(record.live, 0);
    }
}

#define METADATA(pairs)                                                        \
    "{\"__metadata__\":{" pairs                                                \
    ",\"mlp.crc32\":\"00000000\",\"mlp\":\"{" START LOSS LAYER(                \
        "") "}\"}" WEIGHT BIAS "}"

static void metadata_that_cannot_be_are_refused(void **state)
{
    (void)state;
    static const refusal cases[] = {
        {METADATA("\"b\":\"1\",\"a\":\"2\""), 8, MLP_OK, ""},
        {METADATA("\"b\":\"1\",\"\\u0062\":\"2\""), 8, MLP_ERR_FORMAT,
         "different keys"},
        {METADATA("\"mlp.new\":\"1\""), 8, MLP_ERR_FORMAT, "begins with mlp"},
        {METADATA("\"\\u006dlp\":\"{}\""), 8, MLP_ERR_FORMAT,
         "version, precision"},
        {METADATA("\"mlp.crc32\":\"00000000\""), 8, MLP_ERR_FORMAT,
         "its own keys once"},
        {METADATA("\"a\":\"\\u0000\""), 8, MLP_ERR_FORMAT, "zeros"},
        {METADATA("\"a\\u0000\":\"\""), 8, MLP_ERR_FORMAT, "zeros"},
    };
    assert_refused(cases, COUNT(cases));
    file f = made(cases[0].header, 8);
    mlp_net *net = loaded_of(f);
    assert_string_equal(mlp_net_metadata(net, "a"), "2");
    assert_string_equal(mlp_net_metadata(net, "b"), "1");
    assert_string_equal(mlp_net_metadata_key(net, 0), "a");
    mlp_net_free(net);
    guarded_free(f.bytes);
}

/* The largest block that was asked for: no claim of a file may lead to more
 * memory than its bytes are worth. */
static size_t largest_request;

static void *measuring_allocate(size_t bytes, void *user)
{
    (void)user;
    largest_request = bytes > largest_request ? bytes : largest_request;
    return malloc(bytes);
}

static void measuring_release(void *block, void *user)
{
    (void)user;
    free(block);
}

/* A short file may claim to hold a large network; memory is taken only for what
 * is there. */
static void claims_take_no_memory(void **state)
{
    (void)state;
    static const char *const headers[] = {
        DESCRIBED(START LOSS "\\\"inputs\\\":16777216,\\\"layers\\\":[{"
                             "\\\"width\\\":100,\\\"activation\\\":"
                             "\\\"tanh\\\"}]"),
        META("") WEIGHT TENSOR("layers.0.bias", "F32", "[4611686018427387904]",
                               "4", "18446744073709551615") "}",
    };
    mlp_hooks hooks = {.allocate = measuring_allocate,
                       .release = measuring_release};
    for (size_t i = 0; i < COUNT(headers); i++) {
        file f = made(headers[i], 8);
        mlp_net *net = NULL;
        assert_true(mlp_net_load_memory(f.bytes, f.size, &hooks, &net) !=
                    MLP_OK);
        memset(f.bytes + 1, 0x7f, 7); /* the length of the header */
        assert_true(mlp_net_load_memory(f.bytes, f.size, &hooks, &net) !=
                    MLP_OK);
        guarded_free(f.bytes);
    }
    assert_in_range(largest_request, 1, 20000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_prefix_is_refused),
        cmocka_unit_test(every_flipped_byte_is_refused),
        cmocka_unit_test(random_edits_with_a_true_checksum_are_survived),
        cmocka_unit_test(containers_that_are_none_are_refused),
        cmocka_unit_test(tensors_that_do_not_fit_are_refused),
        cmocka_unit_test(descriptions_that_cannot_be_are_refused),
        cmocka_unit_test(too_many_layers_are_refused),
        cmocka_unit_test(scaling_that_cannot_be_is_refused),
        cmocka_unit_test(metadata_that_cannot_be_are_refused),
        cmocka_unit_test(claims_take_no_memory),
    };
    return cmocka_run_group_tests_name("model_damage", tests, NULL, NULL);
}
