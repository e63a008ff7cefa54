/* SPDX-License-Identifier: MIT */
/*
 * Tests that networks are saved and loaded to the bit. The networks have every
 * activation, loss and precision that is in the library's lists.
 */
#include "support/training.h"

#include <locale.h>
#include <sys/stat.h>

#include "support/damage.h"
#include "support/model_files.h"

/* ---------------------------------------------------------------------------
 * Round trips
 */

static void assert_same_description(const mlp_net *a, const mlp_net *b)
{
    assert_int_equal(mlp_net_precision(a), mlp_net_precision(b));
    assert_int_equal(mlp_net_loss(a), mlp_net_loss(b));
    for (size_t l = 1; l <= mlp_net_layer_count(a); l++) {
        mlp_layer x = {.width = 0};
        mlp_layer y = {.width = 0};
        assert_int_equal(mlp_net_layer(a, l, &x), MLP_OK);
        assert_int_equal(mlp_net_layer(b, l, &y), MLP_OK);
        assert_int_equal(x.width, y.width);
        assert_int_equal(x.activation, y.activation);
        assert_int_equal(x.batch_norm, y.batch_norm);
        assert_true(x.slope == y.slope && x.dropout == y.dropout);
    }
    const double *quantiles = mlp_net_quantiles(a);
    assert_true((quantiles != NULL) == (mlp_net_loss(a) == MLP_LOSS_QUANTILE));
    for (size_t j = 0; quantiles && j < mlp_net_outputs(a); j++) {
        assert_true(quantiles[j] == mlp_net_quantiles(b)[j]);
    }
}

static void assert_same_prediction(const mlp_net *a, const mlp_net *b)
{
    mlp_dtype p = mlp_net_precision(a);
    mlp_view X = random_matrix(p, 9, mlp_net_inputs(a), -2, 2);
    mlp_view A = new_matrix(p, 9, mlp_net_outputs(a), NULL);
    mlp_view B = new_matrix(p, 9, mlp_net_outputs(a), NULL);
    assert_int_equal(mlp_predict(a, ro(X), A), MLP_OK);
    assert_int_equal(mlp_predict(b, ro(X), B), MLP_OK);
    assert_same(ro(A), ro(B));
    free(X.data);
    free(A.data);
    free(B.data);
}

/* Asserts that a network is the same after saving and loading, and that saving
 * the loaded one gives the same bytes. */
static void assert_round_trip(const mlp_net *net)
{
    hook_record record = {0};
    mlp_hooks hooks = recording_hooks(&record);
    file first = file_of(net);
    mlp_net *loaded = NULL;
    assert_int_equal(
        mlp_net_load_memory(first.bytes, first.size, &hooks, &loaded), MLP_OK);
    assert_same_description(net, loaded);
    assert_same_net(net, loaded);
    assert_same_prediction(net, loaded);
    file second = file_of(loaded);
    assert_int_equal(first.size, second.size);
    assert_memory_equal(first.bytes, second.bytes, first.size);
    mlp_net_free(loaded);
    assert_int_equal(record.live, 0);
    assert_int_equal(record.messages, 0);
    guarded_free(first.bytes);
    guarded_free(second.bytes);
}

static void every_kind_of_network_is_kept(void **state)
{
    (void)state;
    FOR_EACH_PRECISION(p)
    {
        for (int a = MLP_ACT_AUTO + 1; mlp_activation_name((mlp_activation)a);
             a++) {
            for (int loss = 0; mlp_loss_name((mlp_loss)loss); loss++) {
                for (int kind = 0; kind < 4; kind++) {
                    mlp_net *net =
                        any_net(p, (mlp_activation)a, (mlp_loss)loss, kind);
                    if (net) {
                        assert_round_trip(net);
                    }
                    mlp_net_free(net);
                }
            }
        }
    }
}

static void extreme_numbers_are_kept(void **state)
{
    (void)state;
    static const double numbers[] = {0.0,       -0.0,    INFINITY, -INFINITY,
                                     1e-45,     -1e-310, 1e38,     0x1p-1074,
                                     1.0 / 3.0, -1.0 / 7};
    FOR_EACH_PRECISION(p)
    {
        mlp_net *net = new_net(&square_model, p, NULL);
        mlp_view W = tensor(net, MLP_W, 1);
        for (size_t i = 0; i < COUNT(numbers); i++) {
            put(W, i, i % 5, numbers[i]);
        }
        file f = file_of(net);
        mlp_net *loaded = loaded_of(f);
        assert_same_net(net, loaded);
        put(W, 3, 3, NAN);
        mlp_net *other = NULL;
        file g = file_of(net);
        assert_int_equal(mlp_net_load_memory(g.bytes, g.size, NULL, &other),
                         MLP_OK);
        assert_same_net(net, other);
        mlp_net_free(net);
        mlp_net_free(loaded);
        mlp_net_free(other);
        guarded_free(f.bytes);
        guarded_free(g.bytes);
    }
}

static void largest_layer_count_is_kept(void **state)
{
    (void)state;
    mlp_layer layers[MLP_MAX_LAYERS];
    for (size_t l = 0; l < MLP_MAX_LAYERS; l++) {
        layers[l] = (mlp_layer){.width = 1 + l % 3,
                                .activation = MLP_ACT_TANH,
                                .batch_norm = l % 2 == 0};
    }
    mlp_config config = tutorial_config();
    config.inputs = 2;
    config.layers = layers;
    config.n_layers = MLP_MAX_LAYERS;
    config.loss = MLP_LOSS_MSE;
    mlp_net *net = net_of(&config);
    assert_round_trip(net);
    mlp_net_free(net);
}

/* Sets a locale that writes 0,5 for 0.5. Returns false if the system has
 * none. */
static bool set_decimal_comma(void)
{
    static const char *const names[] = {"de_DE.UTF-8", "de_DE.utf8", "de_DE",
                                        "fr_FR.UTF-8", "ru_RU.UTF-8"};
    for (size_t i = 0; i < COUNT(names); i++) {
        if (setlocale(LC_ALL, names[i]) &&
            strcmp(localeconv()->decimal_point, ",") == 0) {
            return true;
        }
    }
    return false;
}

/* tests/scripts/python.sh makes such a locale and runs this test in it. */
static void locales_change_nothing(void **state)
{
    (void)state;
    mlp_net *net = any_net(MLP_F64, MLP_ACT_TANH, MLP_LOSS_MSE, 3);
    file plain = file_of(net);
    if (!set_decimal_comma()) {
        mlp_net_free(net);
        guarded_free(plain.bytes);
        skip();
    }
    file other = file_of(net);
    mlp_net *loaded = loaded_of(plain);
    assert_int_equal(plain.size, other.size);
    assert_memory_equal(plain.bytes, other.bytes, plain.size);
    assert_same_net(net, loaded);
    assert_same_description(net, loaded);
    (void)setlocale(LC_ALL, "C");
    mlp_net_free(net);
    mlp_net_free(loaded);
    guarded_free(plain.bytes);
    guarded_free(other.bytes);
}

/* ---------------------------------------------------------------------------
 * Names and metadata
 */

static void names_are_kept(void **state)
{
    (void)state;
    hook_record record = {0};
    const char *const names[] = {"cat", "d\"o\\g\n", "",
                                 "\xc3\xa9\xf0\x9f\x98\x80", "cat"};
    mlp_net *net = new_net(&square_model, MLP_F32, &record);
    assert_null(mlp_net_class_name(net, 0));
    assert_int_equal(mlp_net_set_class_names(net, names, 5), MLP_OK);
    assert_int_equal(mlp_net_set_metadata(net, "b", "\x01\x1f\"\\/"), MLP_OK);
    assert_int_equal(mlp_net_set_metadata(net, "", ""), MLP_OK);
    assert_int_equal(mlp_net_set_metadata(net, "mlpx", "1"), MLP_OK);
    assert_int_equal(mlp_net_set_metadata(net, "a\nb", "2"), MLP_OK);
    assert_int_equal(mlp_net_set_metadata(net, "b", "3"), MLP_OK);
    assert_int_equal(mlp_net_set_metadata(net, "gone", "4"), MLP_OK);
    assert_int_equal(mlp_net_set_metadata(net, "gone", NULL), MLP_OK);
    assert_int_equal(mlp_net_set_metadata(net, "never", NULL), MLP_OK);
    mlp_net *copy = clone_of(net);
    file f = file_of(copy);
    mlp_net *loaded = loaded_of(f);
    static const char *const keys[] = {"", "a\nb", "b", "mlpx"};
    static const char *const values[] = {"", "2", "3", "1"};
    const mlp_net *all[] = {net, copy, loaded};
    for (size_t n = 0; n < 3; n++) {
        for (size_t i = 0; i < 5; i++) {
            assert_string_equal(mlp_net_class_name(all[n], i), names[i]);
        }
        assert_null(mlp_net_class_name(all[n], 5));
        for (size_t i = 0; i < 4; i++) {
            assert_string_equal(mlp_net_metadata_key(all[n], i), keys[i]);
            assert_string_equal(mlp_net_metadata(all[n], keys[i]), values[i]);
        }
        assert_null(mlp_net_metadata_key(all[n], 4));
        assert_null(mlp_net_metadata(all[n], "gone"));
    }
    assert_int_equal(mlp_net_set_class_names(net, NULL, 0), MLP_OK);
    assert_null(mlp_net_class_name(net, 0));
    assert_string_equal(mlp_net_class_name(copy, 0), "cat");
    mlp_net_free(net);
    mlp_net_free(copy);
    mlp_net_free(loaded);
    assert_int_equal(record.live, 0);
    guarded_free(f.bytes);
}

/* Keys come in no order, each several times, and every fifth is removed again.
 * Lists grow by doubling, so few allocations do. */
static void many_keys_are_kept(void **state)
{
    (void)state;
    enum { KEYS = 1000 };
    hook_record record = {0};
    mlp_net *net = new_net(&xor_model, MLP_F32, &record);
    size_t before = record.allocations;
    char key[32];
    char value[32];
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < KEYS; i++) {
            int k = i * 619 % KEYS;
            (void)snprintf(key, sizeof key, "key %d", k);
            (void)snprintf(value, sizeof value, "%d of %d", k, round);
            assert_int_equal(mlp_net_set_metadata(net, key, value), MLP_OK);
        }
    }
    for (int k = 0; k < KEYS; k += 5) {
        (void)snprintf(key, sizeof key, "key %d", k);
        assert_int_equal(mlp_net_set_metadata(net, key, NULL), MLP_OK);
    }
    assert_in_range(record.allocations - before, 1, 40);
    for (int k = 0; k < KEYS; k++) {
        (void)snprintf(key, sizeof key, "key %d", k);
        (void)snprintf(value, sizeof value, "%d of 2", k);
        const char *got = mlp_net_metadata(net, key);
        assert_true(k % 5 == 0 ? !got : got && strcmp(got, value) == 0);
    }
    for (size_t i = 1; i < KEYS * 4 / 5; i++) {
        assert_true(strcmp(mlp_net_metadata_key(net, i - 1),
                           mlp_net_metadata_key(net, i)) < 0);
    }
    assert_null(mlp_net_metadata_key(net, KEYS * 4 / 5));
    /* A key and a value may be strings of the list, with space and without. */
    for (int i = 0; i < 300; i++) {
        const char *first = mlp_net_metadata_key(net, 0);
        assert_int_equal(
            mlp_net_set_metadata(net, first, mlp_net_metadata_key(net, 1)),
            MLP_OK);
        assert_string_equal(mlp_net_metadata(net, "key 1"), "key 101");
    }
    file f = file_of(net);
    mlp_net *loaded = loaded_of(f);
    assert_string_equal(mlp_net_metadata(loaded, "key 999"), "999 of 2");
    assert_null(mlp_net_metadata_key(loaded, KEYS * 4 / 5));
    guarded_free(f.bytes);
    mlp_net_free(loaded);
    mlp_net_free(net);
    assert_int_equal(record.live, 0);
}

/* Of a file above 16 MB the header is read and checked first, and then the
 * whole file. */
static void large_files_are_kept(void **state)
{
    (void)state;
    const model large = {2100, 1, {{2001, MLP_ACT_TANH}}, MLP_LOSS_MSE};
    char path[64];
    (void)snprintf(path, sizeof path, "/tmp/mlp_large_%ld.mlp", (long)getpid());
    mlp_net *net = new_net(&large, MLP_F32, NULL);
    mlp_net *loaded = NULL;
    assert_true(mlp_net_save_size(net) > 1 << 24);
    assert_int_equal(mlp_net_save(net, path), MLP_OK);
    assert_int_equal(mlp_net_load(path, NULL, &loaded), MLP_OK);
    assert_same_net(loaded, net);
    assert_int_equal(remove(path), 0);
    mlp_net_free(loaded);
    mlp_net_free(net);
}

/* A reader refuses a longer header than 100 MB, so none is written. Each of
 * these characters takes six bytes there. */
static void headers_that_nobody_reads_are_refused(void **state)
{
    (void)state;
    enum { MANY = 17000000 };
    hook_record record = {0};
    mlp_net *net = new_net(&xor_model, MLP_F32, &record);
    mlp_trainer *trainer = NULL;
    char *text = malloc(MANY + 1);
    unsigned char byte = 7;
    assert_non_null(text);
    memset(text, 1, MANY);
    text[MANY] = '\0';
    assert_int_equal(mlp_trainer_create(net, 1, &trainer), MLP_OK);
    assert_int_equal(mlp_net_set_metadata(net, "long", text), MLP_OK);
    assert_int_equal(mlp_net_save_size(net), 0);
    assert_told(&record, mlp_net_save_memory(net, &byte, 1), MLP_ERR_LIMIT,
                "expect a header of at most 100000000 bytes, got 10");
    assert_int_equal(byte, 7);
    assert_told(&record, mlp_net_save(net, "/tmp/mlp_long.mlp"), MLP_ERR_LIMIT,
                "names and metadata");
    assert_told(&record, mlp_trainer_save(trainer, "/tmp/mlp_long.mlp"),
                MLP_ERR_LIMIT, "names and metadata");
    assert_null(fopen("/tmp/mlp_long.mlp", "rb"));
    assert_int_equal(mlp_net_set_metadata(net, "long", NULL), MLP_OK);
    assert_true(mlp_net_save_size(net) > 0);
    free(text);
    mlp_trainer_free(trainer);
    mlp_net_free(net);
    assert_int_equal(record.live, 0);
}

static void wrong_names_are_refused(void **state)
{
    (void)state;
    hook_record record = {0};
    const char *const three[] = {"a", "b", "c"};
    const char *const hole[] = {"a", NULL};
    const char *const bytes[] = {"a", "\xff"};
    mlp_net *net = new_net(&xor_model, MLP_F64, &record);
    assert_told(&record, mlp_net_set_class_names(net, three, 3),
                MLP_ERR_ARGUMENT, "expects 2, one for each class, got 3");
    assert_told(&record, mlp_net_set_class_names(net, three, 1),
                MLP_ERR_ARGUMENT, "got 1");
    assert_told(&record, mlp_net_set_class_names(net, NULL, 2), MLP_ERR_NULL,
                "NULL");
    assert_told(&record, mlp_net_set_class_names(net, hole, 2), MLP_ERR_NULL,
                "a name for class 1, got NULL");
    assert_told(&record, mlp_net_set_class_names(net, bytes, 2),
                MLP_ERR_ARGUMENT, "UTF-8");
    assert_int_equal(mlp_net_set_class_names(NULL, three, 2), MLP_ERR_NULL);
    assert_int_equal(mlp_net_set_class_names(net, three, 2), MLP_OK);
    assert_told(&record, mlp_net_set_metadata(net, "mlp", "1"),
                MLP_ERR_ARGUMENT, "does not begin with \"mlp.\"");
    assert_told(&record, mlp_net_set_metadata(net, "mlp.x", NULL),
                MLP_ERR_ARGUMENT, "does not begin with \"mlp.\"");
    assert_told(&record, mlp_net_set_metadata(net, "\x80", "1"),
                MLP_ERR_ARGUMENT, "key: expects UTF-8");
    assert_told(&record, mlp_net_set_metadata(net, "a", "\xc3"),
                MLP_ERR_ARGUMENT, "value: expects UTF-8");
    assert_told(&record, mlp_net_set_metadata(net, NULL, "1"), MLP_ERR_NULL,
                "key");
    assert_int_equal(mlp_net_set_metadata(NULL, "a", "1"), MLP_ERR_NULL);
    assert_null(mlp_net_metadata(NULL, "a"));
    assert_null(mlp_net_metadata(net, NULL));
    assert_null(mlp_net_metadata_key(NULL, 0));
    assert_null(mlp_net_class_name(NULL, 0));
    assert_string_equal(mlp_net_class_name(net, 1), "b");
    mlp_net_free(net);
    assert_int_equal(record.live, 0);
}

/* ---------------------------------------------------------------------------
 * The bytes
 */

/* Compares a small file byte by byte with the specification in model_format.h.
 * tests/scripts/python.sh lets Python read larger ones. */
static void bytes_are_the_documented_ones(void **state)
{
    (void)state;
    static const char header[] =
        "{\"__metadata__\":{\"mlp.crc32\":\"........\",\"mlp\":\"{"
        "\\\"version\\\":1,"
        "\\\"numerics\\\":2,\\\"precision\\\":\\\"float32\\\",\\\"loss\\\":"
        "\\\"bce\\\",\\\"inputs\\\":2,\\\"layers\\\":[{\\\"width\\\":1,"
        "\\\"activation\\\":\\\"sigmoid\\\"}]}\"},"
        "\"layers.0.weight\":{\"dtype\":\"F32\",\"data_offsets\":[0,8],"
        "\"shape\":[1,2]},\"layers.0.bias\":{\"dtype\":\"F32\","
        "\"data_offsets\":[8,12],\"shape\":[1]}}";
    static const unsigned char reals[] = {0, 0,    0x80, 0x3f, 0, 0,
                                          0, 0xc0, 0,    0,    0, 0x3f};
    static const model tiny = {2, 1, {{1, MLP_ACT_SIGMOID}}, MLP_LOSS_BCE};
    mlp_net *net = new_net(&tiny, MLP_F32, NULL);
    const double W[] = {1, -2};
    put_all(tensor(net, MLP_W, 1), 2, W);
    put(tensor(net, MLP_B, 1), 0, 0, 0.5);
    file f = file_of(net);
    size_t n = (sizeof header - 1 + 7) / 8 * 8;
    assert_int_equal(f.size, 8 + n + sizeof reals);
    assert_true(f.bytes[0] == (n & 255) && f.bytes[1] == n >> 8);
    size_t crc = (size_t)(strstr(header, "........") - header);
    for (size_t i = 0; i < n; i++) {
        char expected = i < sizeof header - 1 ? header[i] : ' ';
        assert_true(f.bytes[8 + i] == (unsigned char)expected ||
                    (i >= crc && i < crc + 8));
    }
    assert_memory_equal(f.bytes + 8 + n, reals, sizeof reals);
    mlp_net_free(net);
    guarded_free(f.bytes);
}

/* Writes the file of a network of one neuron with weight 0.5 and bias 0.25, in
 * the way of MLP_NUMERICS 1. */
static file one_neuron_file(const char *loss, const char *activation)
{
    static const char format[] =
        "{\"__metadata__\":{\"mlp.crc32\":\"00000000\",\"mlp\":\"{"
        "\\\"version\\\":1,\\\"numerics\\\":1,\\\"precision\\\":"
        "\\\"float64\\\",\\\"loss\\\":\\\"%s\\\",\\\"inputs\\\":1,"
        "\\\"layers\\\":[{\\\"width\\\":1,\\\"activation\\\":\\\"%s\\\"}]}\"},"
        "\"layers.0.weight\":{\"dtype\":\"F64\",\"data_offsets\":[0,8],"
        "\"shape\":[1,1]},\"layers.0.bias\":{\"dtype\":\"F64\","
        "\"data_offsets\":[8,16],\"shape\":[1]}}";
    static const unsigned char reals[16] = {0, 0, 0, 0, 0, 0, 0xe0, 0x3f,
                                            0, 0, 0, 0, 0, 0, 0xd0, 0x3f};
    char header[512];
    size_t n =
        (size_t)snprintf(header, sizeof header, format, loss, activation);
    assert_true(n < sizeof header);
    file f = {.size = 8 + n + sizeof reals};
    f.bytes = guarded_alloc(f.size);
    memset(f.bytes, 0, 8);
    f.bytes[0] = (unsigned char)(n & 255);
    f.bytes[1] = (unsigned char)(n >> 8);
    memcpy(f.bytes + 8, header, n);
    memcpy(f.bytes + 8 + n, reals, sizeof reals);
    seal_file(f.bytes, f.size);
    return f;
}

static double prediction_of(const mlp_net *net, double x)
{
    double a = NAN;
    assert_int_equal(
        mlp_predict(net, mlp_cview_f64(&x, 1, 1), mlp_view_f64(&a, 1, 1)),
        MLP_OK);
    return a;
}

/* Trains for an epoch on a row whose target is 0 (for cce the number of the
 * only class). */
static void train_a_little(mlp_net *net, bool has_classes)
{
    static const double x = 1;
    static const double y = 0;
    static const int32_t class = 0;
    mlp_train_options options = tutorial_options();
    options.epochs = 1;
    assert_int_equal(mlp_fit(net, mlp_cview_f64(&x, 1, 1),
                             has_classes ? mlp_cview_i32(&class, 1, 1)
                                         : mlp_cview_f64(&y, 1, 1),
                             &options, NULL),
                     MLP_OK);
}

/* Version 0.1 made networks of every activation with every loss, of one softmax
 * neuron, and with a slope of 0, which files do not mention. Such files are
 * loaded, predict, train and are saved again. */
static void files_of_version_0_1_hold_every_pair(void **state)
{
    (void)state;
    static const char *const losses[] = {"bce", "mse", "cce", "mae", "huber"};
    /* The outputs are PyTorch's. The inputs 1 and -2 give z = 0.75 and
     * z = -0.75. */
    static const struct {
        const char *name;
        double positive, negative;
    } cases[] = {
        {"identity", 0.75, -0.75},
        {"sigmoid", 0.6791786991753930, 0.3208213008246070},
        {"tanh", 0.6351489523872873, -0.6351489523872873},
        {"relu", 0.75, 0},
        {"softmax", 1, 1},
        {"leaky_relu", 0.75, 0},
        {"elu", 0.75, 0},
        {"gelu", 0.5800294857173489, -0.1699705142826511},
        {"gelu_tanh", 0.5799605551656203, -0.1700394448343797},
        {"silu", 0.5093840243815447, -0.2406159756184553},
        {"softplus", 1.1368710061148999, 0.3868710061148999},
    };
    for (size_t i = 0; i < COUNT(losses) * COUNT(cases); i++) {
        size_t g = i / COUNT(losses);
        const char *loss = losses[i % COUNT(losses)];
        file f = one_neuron_file(loss, cases[g].name);
        mlp_net *net = loaded_of(f);
        mlp_layer layer = {.slope = NAN};
        assert_int_equal(mlp_net_layer(net, 1, &layer), MLP_OK);
        assert_string_equal(mlp_activation_name(layer.activation),
                            cases[g].name);
        assert_string_equal(mlp_loss_name(mlp_net_loss(net)), loss);
        assert_true(layer.slope == 0);
        assert_absolute(prediction_of(net, 1), cases[g].positive, 1e-15);
        assert_absolute(prediction_of(net, -2), cases[g].negative, 1e-15);
        assert_round_trip(net);
        double prediction_before = prediction_of(net, 1);
        train_a_little(net, strcmp(loss, "cce") == 0);
        /* Softmax is always 1; where bce and cce clip, they have no
         * gradient. */
        bool is_clipped = cases[g].positive >= 1 && strlen(loss) == 3 &&
                          strcmp(loss + 1, "ce") == 0;
        bool is_same = prediction_of(net, 1) == prediction_before;
        assert_true(is_same ==
                    (is_clipped || strcmp(cases[g].name, "softmax") == 0));
        assert_round_trip(net);
        mlp_net_free(net);
        guarded_free(f.bytes);
    }
}

static void arguments_are_checked(void **state)
{
    (void)state;
    hook_record record = {0};
    mlp_hooks hooks = recording_hooks(&record);
    mlp_net *net = new_net(&xor_model, MLP_F64, &record);
    mlp_net *other = NULL;
    unsigned char bytes[4096];
    size_t size = mlp_net_save_size(net);
    assert_int_equal(mlp_net_save_size(NULL), 0);
    assert_int_equal(mlp_net_save_memory(NULL, bytes, size), MLP_ERR_NULL);
    assert_told(&record, mlp_net_save_memory(net, NULL, size), MLP_ERR_NULL,
                "NULL");
    assert_told(&record, mlp_net_save_memory(net, bytes, size - 1),
                MLP_ERR_SHAPE, "expects room for");
    assert_told(&record, mlp_net_save_memory(net, bytes, size + 1),
                MLP_ERR_SHAPE, "expects room for");
    assert_int_equal(mlp_net_save(NULL, "x"), MLP_ERR_NULL);
    assert_told(&record, mlp_net_save(net, NULL), MLP_ERR_NULL, "path");
    assert_int_equal(mlp_net_save_memory(net, bytes, size), MLP_OK);
    assert_told(&record, mlp_net_load_memory(NULL, size, &hooks, &other),
                MLP_ERR_NULL, "file");
    assert_told(&record, mlp_net_load_memory(bytes, size, &hooks, NULL),
                MLP_ERR_NULL, "place");
    assert_told(&record, mlp_net_load(NULL, &hooks, &other), MLP_ERR_NULL,
                "path");
    assert_told(&record, mlp_net_load("x", &hooks, NULL), MLP_ERR_NULL,
                "place");
    hooks.release = NULL;
    assert_told(&record, mlp_net_load_memory(bytes, size, &hooks, &other),
                MLP_ERR_ARGUMENT, "allocate");
    assert_told(&record, mlp_net_load("x", &hooks, &other), MLP_ERR_ARGUMENT,
                "allocate");
    assert_int_equal(mlp_net_load_memory(NULL, size, NULL, &other),
                     MLP_ERR_NULL);
    assert_null(other);
    mlp_net_free(net);
    assert_int_equal(record.live, 0);
}

/* ---------------------------------------------------------------------------
 * Out of memory
 */

static void failed_allocations_change_nothing(void **state)
{
    (void)state;
    mlp_net *net = any_net(MLP_F64, MLP_ACT_TANH, MLP_LOSS_MSE, 3);
    file f = file_of(net);
    for (size_t n = 1;; n++) {
        hook_record record = {.fail_at = n};
        mlp_hooks hooks = recording_hooks(&record);
        mlp_net *loaded = NULL;
        mlp_status status =
            mlp_net_load_memory(f.bytes, f.size, &hooks, &loaded);
        if (status == MLP_OK) {
            assert_true(n > 4);
            mlp_net_free(loaded);
            assert_int_equal(record.live, 0);
            break;
        }
        assert_int_equal(status, MLP_ERR_MEMORY);
        assert_null(loaded);
        assert_int_equal(record.live, 0);
    }
    hook_record record = {0};
    mlp_hooks hooks = recording_hooks(&record);
    mlp_net *named = NULL;
    assert_int_equal(mlp_net_load_memory(f.bytes, f.size, &hooks, &named),
                     MLP_OK);
    file before = file_of(named);
    size_t live = record.live;
    const char *const names[] = {"x", "y", "z", "u", "v"};
    for (size_t n = 1; n <= 3; n++) {
        mlp_net *copy = NULL;
        record.fail_at = record.allocations + n;
        assert_int_equal(mlp_net_clone(named, &copy), MLP_ERR_MEMORY);
        assert_null(copy);
        assert_int_equal(record.live, live);
    }
    record.fail_at = record.allocations + 1;
    assert_int_equal(mlp_net_set_class_names(named, names, 5), MLP_ERR_MEMORY);
    record.fail_at = record.allocations + 1;
    assert_int_equal(mlp_net_set_metadata(named, "q", "q"), MLP_ERR_MEMORY);
    file after = file_of(named);
    assert_int_equal(before.size, after.size);
    assert_memory_equal(before.bytes, after.bytes, before.size);
    mlp_net_free(named);
    assert_int_equal(record.live, 0);
    mlp_net_free(net);
    guarded_free(f.bytes);
    guarded_free(before.bytes);
    guarded_free(after.bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_of_network_is_kept),
        cmocka_unit_test(extreme_numbers_are_kept),
        cmocka_unit_test(largest_layer_count_is_kept),
        cmocka_unit_test(locales_change_nothing),
        cmocka_unit_test(names_are_kept),
        cmocka_unit_test(many_keys_are_kept),
        cmocka_unit_test(large_files_are_kept),
        cmocka_unit_test(headers_that_nobody_reads_are_refused),
        cmocka_unit_test(wrong_names_are_refused),
        cmocka_unit_test(bytes_are_the_documented_ones),
        cmocka_unit_test(files_of_version_0_1_hold_every_pair),
        cmocka_unit_test(arguments_are_checked),
        cmocka_unit_test(failed_allocations_change_nothing),
    };
    return cmocka_run_group_tests_name("model_file", tests, NULL, NULL);
}
