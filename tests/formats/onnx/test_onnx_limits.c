/* SPDX-License-Identifier: MIT */
/*
 * mlp_onnx reads files up to its limits, and refuses what is one step beyond:
 * longer paths, more layers, more messages, more names. Networks of many layers
 * are saved and loaded, or the call fails as a whole.
 */
#include "support/training.h"

#include "mlp_onnx.h"
#include "support/onnx_wire.h"

/* Loads a model and frees its bytes. The status must be `expected`, and the
 * message of a failure must contain `told`. Returns the network. */
static mlp_net *load_wire(wire *onnx, mlp_status expected, const char *told)
{
    hook_record record = {0};
    mlp_hooks hooks = recording_hooks(&record);
    mlp_net *net = NULL;
    if (expected != MLP_OK) {
        assert_told(&record,
                    mlp_onnx_load_memory(onnx->bytes, onnx->size, &hooks, &net),
                    expected, told);
        assert_null(net);
        assert_int_equal(record.live, 0);
    } else {
        assert_int_equal(
            mlp_onnx_load_memory(onnx->bytes, onnx->size, NULL, &net), MLP_OK);
    }
    free(onnx->bytes);
    return net;
}

/* Makes the name of value i in a chain from "x" to "y" of n nodes. */
static const char *value_name(size_t i, size_t n, char name[24])
{
    (void)snprintf(name, 24, i == 0 ? "x" : i == n ? "y" : "v%zu", i);
    return name;
}

/* Makes x -> n - 1 nodes of one operator -> MatMul -> y. */
static wire chain_of(const char *op, size_t n)
{
    wire graph = {0};
    wire onnx = {0};
    char from[24];
    char to[24];
    put_value(&graph, GRAPH_INPUT, "x");
    put_value(&graph, GRAPH_OUTPUT, "y");
    put_ones(&graph, "W", 2, 1);
    for (size_t i = 0; i + 1 < n; i++) {
        put_node(&graph, op, value_name(i, n, from), NULL,
                 value_name(i + 1, n, to));
    }
    put_node(&graph, "MatMul", value_name(n - 1, n, from), "W", "y");
    put_model(&onnx, &graph);
    return onnx;
}

static void paths_have_up_to_4096_nodes(void **state)
{
    (void)state;
    enum { MOST = 4096 };
    wire longest = chain_of("Flatten", MOST);
    mlp_net *net = load_wire(&longest, MLP_OK, NULL);
    assert_int_equal(mlp_net_inputs(net), 2);
    assert_int_equal(mlp_net_layer_count(net), 1);
    mlp_net_free(net);
    wire too_long = chain_of("Flatten", MOST + 1);
    (void)load_wire(&too_long, MLP_ERR_UNSUPPORTED,
                    "Flatten (node v1): is one of too many nodes");
}

static void up_to_256_identities_are_passed_at_once(void **state)
{
    (void)state;
    enum { MOST = 256 };
    wire longest = chain_of("Identity", MOST + 1);
    mlp_net_free(load_wire(&longest, MLP_OK, NULL));
    wire too_long = chain_of("Identity", MOST + 2);
    (void)load_wire(&too_long, MLP_ERR_UNSUPPORTED,
                    "operator Identity (node v1)");
}

/* Makes a network of n layers of one neuron, each with weights of its own. */
static wire layers_of(size_t n)
{
    wire graph = {0};
    wire onnx = {0};
    char from[24];
    char to[24];
    char weights[24];
    put_value(&graph, GRAPH_INPUT, "x");
    put_value(&graph, GRAPH_OUTPUT, "y");
    for (size_t i = 0; i < n; i++) {
        (void)snprintf(weights, sizeof weights, "W%zu", i);
        put_ones(&graph, weights, 1, 1);
        put_node(&graph, "MatMul", value_name(i, n, from), weights,
                 value_name(i + 1, n, to));
    }
    put_model(&onnx, &graph);
    return onnx;
}

static void networks_have_up_to_256_layers(void **state)
{
    (void)state;
    wire deepest = layers_of(MLP_MAX_LAYERS);
    mlp_net *net = load_wire(&deepest, MLP_OK, NULL);
    assert_int_equal(mlp_net_layer_count(net), MLP_MAX_LAYERS);
    mlp_net_free(net);
    wire too_deep = layers_of(MLP_MAX_LAYERS + 1);
    (void)load_wire(&too_deep, MLP_ERR_UNSUPPORTED,
                    "MatMul (node y): is one of too many layers");
}

/* ---------------------------------------------------------------------------
 * Messages and fields
 *
 * A file within the limits is decoded; then it lacks a graph.
 */

static void files_have_up_to_2_to_the_18_messages(void **state)
{
    (void)state;
    for (size_t beyond = 0; beyond < 2; beyond++) {
        wire onnx = {0};
        /* The model itself is a message. */
        for (size_t i = 1; i < ((size_t)1 << 18) + beyond; i++) {
            put_property(&onnx, MODEL_PROPERTY, NULL, NULL);
        }
        (void)load_wire(&onnx, MLP_ERR_FORMAT,
                        beyond ? "expects an ONNX file, got another"
                               : "expects an ONNX file with a graph");
    }
}

static void files_have_up_to_2_to_the_20_fields(void **state)
{
    (void)state;
    for (size_t beyond = 0; beyond < 2; beyond++) {
        wire onnx = {0};
        for (size_t i = 0; i < ((size_t)1 << 20) + beyond; i++) {
            put_int(&onnx, MODEL_IR, 7);
        }
        (void)load_wire(&onnx, MLP_ERR_FORMAT,
                        beyond ? "expects an ONNX file, got another"
                               : "expects an ONNX file with a graph");
    }
}

/* Ten bytes of seven bits hold 64 bits. */
static void numbers_have_up_to_ten_bytes(void **state)
{
    (void)state;
    static const unsigned char tag = MODEL_IR << 3;
    static const unsigned char more = 0xff; /* another byte follows */
    static const unsigned char last = 1;
    for (size_t beyond = 0; beyond < 2; beyond++) {
        wire onnx = {0};
        put_bytes(&onnx, &tag, 1);
        for (size_t i = 0; i < 9 + beyond; i++) {
            put_bytes(&onnx, &more, 1);
        }
        put_bytes(&onnx, &last, 1);
        (void)load_wire(&onnx, MLP_ERR_FORMAT,
                        beyond ? "expects an ONNX file, got another"
                               : "expects an ONNX file with a graph");
    }
}

/* The bytes beyond the array are not there: nothing may be read. */
static void more_than_2_gb_are_refused_unread(void **state)
{
    (void)state;
    static const unsigned char bytes[] = {MODEL_IR << 3, 7};
    hook_record record = {0};
    mlp_hooks hooks = recording_hooks(&record);
    mlp_net *net = NULL;
    assert_told(
        &record,
        mlp_onnx_load_memory(bytes, (size_t)INT32_MAX + 1, &hooks, &net),
        MLP_ERR_FORMAT, "expects an ONNX file");
    assert_null(net);
    assert_int_equal(record.allocations, 0);
}

/* Memory of 2 GB that costs 4 MB: a window in a file lies there again and
 * again. Only the ends have memory of their own. */
enum { WINDOW = 1 << 22 };

typedef struct windows {
    int fd;
    unsigned char *start; /* NULL if there is no such memory */
    size_t bytes;
    mlp_status status; /* of the last message */
    char message[256];
} windows;

static void *windows_allocate(size_t bytes, void *user)
{
    windows *w = user;
    if (bytes < (size_t)1 << 30) {
        return malloc(bytes);
    }
    void *start = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (start == MAP_FAILED) {
        return NULL;
    }
    w->start = start;
    w->bytes = bytes;
    for (size_t at = WINDOW; at + 2 * (size_t)WINDOW <= bytes; at += WINDOW) {
        assert_true(mmap(w->start + at, WINDOW, PROT_READ | PROT_WRITE,
                         MAP_SHARED | MAP_FIXED, w->fd, 0) == w->start + at);
    }
    return start;
}

static void windows_release(void *block, void *user)
{
    windows *w = user;
    if (block == w->start) {
        assert_int_equal(munmap(w->start, w->bytes), 0);
    } else {
        free(block);
    }
}

static void windows_log(mlp_status status, const char *message, void *user)
{
    windows *w = user;
    w->status = status;
    (void)snprintf(w->message, sizeof w->message, "%s", message);
}

static void networks_above_2_gb_are_not_saved(void **state)
{
    (void)state;
    enum { INPUTS = 1 << 15, WIDTH = (1 << 14) + 1 };
    char path[] = "onnx_test_XXXXXX";
    unsigned char bytes[8] = {0};
    windows w = {.fd = mkstemp(path)};
    mlp_layer layer = {.width = WIDTH};
    mlp_config config = tutorial_config();
    mlp_net *net = NULL;
    assert_true(w.fd >= 0);
    assert_int_equal(ftruncate(w.fd, WINDOW), 0);
    config.inputs = INPUTS;
    config.layers = &layer;
    config.n_layers = 1;
    config.loss = MLP_LOSS_MSE;
    config.init = MLP_INIT_ZEROS;
    config.hooks =
        (mlp_hooks){windows_allocate, windows_release, windows_log, &w};
    mlp_status created = mlp_net_create(&config, &net);
    if (created == MLP_OK) {
        assert_int_equal(mlp_onnx_save_size(net), 0);
        assert_int_equal(w.status, MLP_ERR_LIMIT);
        assert_non_null(strstr(w.message, "at most 2147483647 bytes"));
        w.status = MLP_OK;
        assert_int_equal(mlp_onnx_save(net, "never.onnx"), MLP_ERR_LIMIT);
        assert_int_equal(w.status, MLP_ERR_LIMIT);
        assert_int_not_equal(access("never.onnx", F_OK), 0);
        assert_int_equal(mlp_onnx_save_memory(net, bytes, 8), MLP_ERR_LIMIT);
        mlp_net_free(net);
    }
    assert_int_equal(close(w.fd), 0);
    assert_int_equal(unlink(path), 0);
    if (created != MLP_OK) {
        assert_true(created == MLP_ERR_MEMORY || created == MLP_ERR_LIMIT);
        skip(); /* there are no addresses for so much */
    }
}

/* The file has a hole instead of 2 GB. */
static void files_above_2_gb_are_refused_unread(void **state)
{
    (void)state;
    static const unsigned char head[] = {MODEL_IR << 3, 7,   0x12, 3,
                                         'm',           'l', 'p',  0};
    hook_record record = {0};
    mlp_hooks hooks = recording_hooks(&record);
    mlp_net *net = NULL;
    char path[] = "onnx_test_XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, head, sizeof head), sizeof head);
    if (sizeof(off_t) > 4 &&
        ftruncate(fd, (off_t)((uint64_t)INT32_MAX + 1)) == 0) {
        assert_told(&record, mlp_onnx_load(path, &hooks, &net), MLP_ERR_FORMAT,
                    "2147483648 bytes are more than an ONNX file can have");
        assert_null(net);
        assert_int_equal(record.allocations, 0);
    }
    assert_int_equal(close(fd), 0);
    assert_int_equal(unlink(path), 0);
}

/* Protobuf allows any order of fields, so a file may begin with its graph. */
static void files_may_begin_with_any_field(void **state)
{
    (void)state;
    wire onnx = chain_of("Flatten", 2);
    wire turned = {0};
    mlp_net *net = NULL;
    char path[] = "onnx_test_XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    /* The version has 2 bytes, and the operator set has 4. */
    put_bytes(&turned, onnx.bytes + 6, onnx.size - 6);
    put_bytes(&turned, onnx.bytes, 6);
    assert_int_equal(write(fd, turned.bytes, turned.size), turned.size);
    assert_int_equal(close(fd), 0);
    assert_int_equal(mlp_onnx_load(path, NULL, &net), MLP_OK);
    assert_int_equal(mlp_net_inputs(net), 2);
    mlp_net_free(net);
    free(onnx.bytes);
    free(turned.bytes);
    assert_int_equal(unlink(path), 0);
}

/* ---------------------------------------------------------------------------
 * Texts
 */

/* Creates a network with names for n classes. */
static mlp_net *net_of_classes(size_t n)
{
    mlp_layer layer = {.width = n, .activation = MLP_ACT_SOFTMAX};
    mlp_config config = tutorial_config();
    char(*texts)[32] = calloc(n, sizeof *texts);
    const char **names = calloc(n, sizeof *names);
    assert_non_null(texts);
    assert_non_null(names);
    config.inputs = 1;
    config.layers = &layer;
    config.n_layers = 1;
    config.loss = MLP_LOSS_CCE;
    mlp_net *net = net_of(&config);
    for (size_t i = 0; i < n; i++) {
        (void)snprintf(texts[i], sizeof texts[i], "class %zu", i);
        names[i] = texts[i];
    }
    assert_int_equal(mlp_net_set_class_names(net, names, n), MLP_OK);
    free(texts);
    free(names);
    return net;
}

/* Saves a network and loads it again. */
static mlp_net *reloaded(const mlp_net *net)
{
    size_t size = mlp_onnx_save_size(net);
    unsigned char *bytes = malloc(size);
    mlp_net *loaded = NULL;
    assert_non_null(bytes);
    assert_int_equal(mlp_onnx_save_memory(net, bytes, size), MLP_OK);
    assert_int_equal(mlp_onnx_load_memory(bytes, size, NULL, &loaded), MLP_OK);
    free(bytes);
    return loaded;
}

static void up_to_4096_classes_keep_their_names(void **state)
{
    (void)state;
    const size_t counts[] = {9, 10, 11, 101, 4096, 4097};
    for (size_t k = 0; k < COUNT(counts); k++) {
        mlp_net *net = net_of_classes(counts[k]);
        mlp_net *loaded = reloaded(net);
        for (size_t i = 0; i < counts[k]; i++) {
            const char *name = mlp_net_class_name(loaded, i);
            if (counts[k] > 4096) {
                assert_null(name);
            } else {
                assert_non_null(name);
                assert_string_equal(name, mlp_net_class_name(net, i));
            }
        }
        mlp_net_free(net);
        mlp_net_free(loaded);
    }
}

static void the_first_256_properties_become_metadata(void **state)
{
    (void)state;
    char key[32];
    mlp_net *net = net_of_classes(2);
    for (size_t i = 0; i < 257; i++) {
        (void)snprintf(key, sizeof key, "%03zu", i);
        assert_int_equal(mlp_net_set_metadata(net, key, "x"), MLP_OK);
    }
    mlp_net *loaded = reloaded(net);
    assert_string_equal(mlp_net_metadata_key(loaded, 255),
                        mlp_net_metadata_key(net, 255));
    assert_non_null(mlp_net_metadata_key(net, 256));
    assert_null(mlp_net_metadata_key(loaded, 256));
    mlp_net_free(net);
    mlp_net_free(loaded);
}

/* ---------------------------------------------------------------------------
 * Memory
 */

/* Creates a network whose parts have many sizes, so that the blocks of memory
 * that its messages lie in end at many kinds of object. */
static mlp_net *large_net(mlp_dtype precision, size_t kind, hook_record *record)
{
    enum { WIDE = 2500, LAYERS = 150 };
    static const mlp_activation activations[] = {
        MLP_ACT_GELU, MLP_ACT_RELU, MLP_ACT_GELU_TANH, MLP_ACT_ELU,
        MLP_ACT_SILU, MLP_ACT_TANH, MLP_ACT_LEAKY_RELU};
    mlp_layer layers[LAYERS];
    mlp_config config = tutorial_config();
    char key[32];
    double *mean = calloc(WIDE, sizeof *mean);
    double *std = calloc(WIDE, sizeof *std);
    assert_non_null(mean);
    assert_non_null(std);
    for (size_t i = 0; i < LAYERS; i++) {
        layers[i] = (mlp_layer){.width = 1 + (i * (kind + 3)) % 13,
                                .activation = activations[i % 7]};
    }
    layers[LAYERS - 1] = (mlp_layer){.width = WIDE};
    config.inputs = WIDE;
    config.layers = layers;
    config.n_layers = LAYERS;
    config.loss = MLP_LOSS_MSE;
    config.precision = precision;
    config.hooks = recording_hooks(record);
    mlp_net *net = net_of(&config);
    for (size_t j = 0; j < WIDE; j++) {
        mean[j] = 1;
        std[j] = 2;
    }
    assert_int_equal(mlp_net_set_scaling(net, mean, std), MLP_OK);
    assert_int_equal(mlp_net_set_target_scaling(net, mean, std), MLP_OK);
    for (size_t i = 0; i < 100; i++) {
        (void)snprintf(key, sizeof key, "a key of the file: %zu", i);
        assert_int_equal(mlp_net_set_metadata(net, key, "x"), MLP_OK);
    }
    free(mean);
    free(std);
    return net;
}

/* Saves with each allocation failing once. */
static void check_saving(const mlp_net *net, hook_record *record,
                         unsigned char *bytes, size_t size)
{
    size_t live = record->live;
    size_t messages = record->messages;
    size_t failures = 0;
    mlp_status status = MLP_ERR_MEMORY;
    while (status != MLP_OK) {
        record->fail_at = record->allocations + failures + 1;
        status = mlp_onnx_save_memory(net, bytes, size);
        failures += status != MLP_OK;
        assert_true(status == MLP_OK || status == MLP_ERR_MEMORY);
        assert_int_equal(record->live, live);
        assert_int_equal(record->messages, messages + failures);
    }
    assert_true(failures > 20);
    for (size_t n = 1; n < 10; n++) {
        record->fail_at = record->allocations + n;
        assert_int_equal(mlp_onnx_save_size(net), 0);
        assert_int_equal(record->live, live);
    }
    record->fail_at = 0;
}

/* Loads with each allocation failing once. */
static void check_loading(const unsigned char *bytes, size_t size)
{
    mlp_status status = MLP_ERR_MEMORY;
    size_t n = 0;
    while (status != MLP_OK) {
        hook_record record = {.fail_at = ++n};
        mlp_hooks hooks = recording_hooks(&record);
        mlp_net *net = NULL;
        status = mlp_onnx_load_memory(bytes, size, &hooks, &net);
        assert_true(status == MLP_OK || status == MLP_ERR_MEMORY);
        assert_true((status == MLP_OK) == (net != NULL));
        assert_int_equal(record.messages, status != MLP_OK);
        mlp_net_free(net);
        assert_int_equal(record.live, 0);
    }
    assert_true(n > 20);
}

static void large_networks_survive_every_failed_allocation(void **state)
{
    (void)state;
    FOR_EACH_PRECISION(p)
    {
        for (size_t kind = 0; kind < 4; kind++) {
            hook_record record = {0};
            mlp_net *net = large_net(p, kind, &record);
            size_t size = mlp_onnx_save_size(net);
            unsigned char *bytes = malloc(size);
            assert_non_null(bytes);
            check_saving(net, &record, bytes, size);
            check_loading(bytes, size);
            free(bytes);
            mlp_net_free(net);
            assert_int_equal(record.live, 0);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths_have_up_to_4096_nodes),
        cmocka_unit_test(up_to_256_identities_are_passed_at_once),
        cmocka_unit_test(networks_have_up_to_256_layers),
        cmocka_unit_test(files_have_up_to_2_to_the_18_messages),
        cmocka_unit_test(files_have_up_to_2_to_the_20_fields),
        cmocka_unit_test(numbers_have_up_to_ten_bytes),
        cmocka_unit_test(more_than_2_gb_are_refused_unread),
        cmocka_unit_test(networks_above_2_gb_are_not_saved),
        cmocka_unit_test(files_above_2_gb_are_refused_unread),
        cmocka_unit_test(files_may_begin_with_any_field),
        cmocka_unit_test(up_to_4096_classes_keep_their_names),
        cmocka_unit_test(the_first_256_properties_become_metadata),
        cmocka_unit_test(large_networks_survive_every_failed_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
