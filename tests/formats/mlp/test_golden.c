/* SPDX-License-Identifier: MIT */
/*
 * Tests that the golden files (support/golden.h) load and give the predictions
 * of the networks that they were saved from, and that training goes on from the
 * golden checkpoints. `test_golden write 1 float64` prints a network of kind 1 as
 * hexadecimal text, and kind 2 is a checkpoint. It serves to add files, never to
 * replace one.
 */
#include "support/model_files.h"

#include "support/golden.h"

static void assert_same_layers(const mlp_net *net, const mlp_net *expected)
{
    for (size_t l = 1; l <= mlp_net_layer_count(expected); l++) {
        mlp_layer a = {.width = 0};
        mlp_layer b = {.width = 0};
        assert_int_equal(mlp_net_layer(net, l, &a), MLP_OK);
        assert_int_equal(mlp_net_layer(expected, l, &b), MLP_OK);
        assert_true(a.width == b.width && a.activation == b.activation &&
                    a.slope == b.slope && a.dropout == b.dropout &&
                    a.batch_norm == b.batch_norm);
    }
}

static void assert_same_predictions(const mlp_net *net, const mlp_net *expected)
{
    mlp_dtype p = mlp_net_precision(expected);
    mlp_view X = random_matrix(p, 9, GOLDEN_INPUTS, -2, 2);
    mlp_view A = new_matrix(p, 9, GOLDEN_OUTPUTS, NULL);
    mlp_view B = new_matrix(p, 9, GOLDEN_OUTPUTS, NULL);
    assert_int_equal(mlp_predict(net, ro(X), A), MLP_OK);
    assert_int_equal(mlp_predict(expected, ro(X), B), MLP_OK);
    assert_same(ro(A), ro(B));
    free(X.data);
    free(A.data);
    free(B.data);
}

static void assert_loads(int kind, mlp_dtype p)
{
    file f = {malloc(GOLDEN_MAX), 0};
    assert_non_null(f.bytes);
    f.size = golden_bytes(kind, p, f.bytes);
    mlp_net *net = loaded_of(f);
    mlp_net *expected = golden_net(kind, p);
    assert_same_net(net, expected);
    assert_same_layers(net, expected);
    assert_same_predictions(net, expected);
    assert_int_equal(mlp_net_precision(net), p);
    if (kind == GOLDEN_CLASSES) {
        assert_int_equal(mlp_net_loss(net), MLP_LOSS_BCE);
        assert_string_equal(mlp_net_class_name(net, 0), "left \"l\"");
        assert_string_equal(mlp_net_class_name(net, 1), "right \xe2\x82\xac");
    } else {
        double s[2][GOLDEN_OUTPUTS];
        assert_int_equal(mlp_net_loss(net), MLP_LOSS_HUBER);
        assert_int_equal(mlp_net_target_scaling(net, s[0], s[1]), MLP_OK);
        assert_true(s[0][0] == -2 && s[1][1] == 1000);
    }
    assert_string_equal(mlp_net_metadata(net, "made by"), "libmlp 0.1\n");
    mlp_net_free(net);
    mlp_net_free(expected);
    free(f.bytes);
}

static void golden_files_load(void **state)
{
    (void)state;
    FOR_EACH_PRECISION(p)
    {
        for (int kind = 0; kind < GOLDEN_KINDS; kind++) {
            assert_loads(kind, p);
        }
    }
}

/* Blanks `count` characters behind the first occurrence of `key`. */
static void blank_behind(unsigned char *bytes, size_t n, const char *key,
                         size_t count)
{
    size_t length = strlen(key);
    for (size_t i = 0; i + length + count <= n; i++) {
        if (memcmp(bytes + i, key, length) == 0) {
            memset(bytes + i + length, '.', count);
            return;
        }
    }
    fail_msg("%s is missing", key);
}

/* Blanks what every change of MLP_NUMERICS changes in a file: the number, and
 * the checksum. */
static void blank_numerics(unsigned char *bytes, size_t n)
{
    blank_behind(bytes, n, "\"mlp.crc32\":\"", 8);
    blank_behind(bytes, n, "numerics\\\":", 1);
}

/* As long as the format has this version, the network of a golden file is saved
 * to the same bytes. */
static void assert_saved_the_same(int kind, mlp_dtype p)
{
    unsigned char *bytes = malloc(GOLDEN_MAX);
    assert_non_null(bytes);
    size_t n = golden_bytes(kind, p, bytes);
    mlp_net *net = golden_net(kind, p);
    file f = file_of(net);
    assert_int_equal(f.size, n);
    blank_numerics(bytes, n);
    blank_numerics(f.bytes, n);
    assert_memory_equal(f.bytes, bytes, n);
    mlp_net_free(net);
    guarded_free(f.bytes);
    free(bytes);
}

static void golden_files_are_saved_the_same(void **state)
{
    (void)state;
    FOR_EACH_PRECISION(p)
    {
        for (int kind = 0; kind < GOLDEN_KINDS; kind++) {
            assert_saved_the_same(kind, p);
        }
    }
}

/* ---------------------------------------------------------------------------
 * Checkpoints
 */

/* Trains for some epochs, in shuffled batches, with dropout and batch norm. */
static void train(mlp_trainer *trainer, mlp_dtype p, size_t epochs)
{
    mlp_view X = random_matrix(p, 20, GOLDEN_INPUTS, -2, 2);
    mlp_view Y = random_matrix(p, 20, GOLDEN_OUTPUTS, 0, 1);
    mlp_train_options options = mlp_train_defaults();
    options.epochs = epochs;
    options.batch_size = 8;
    options.learning_rate = 0.01;
    assert_int_equal(mlp_trainer_fit(trainer, ro(X), ro(Y), &options, NULL),
                     MLP_OK);
    free(X.data);
    free(Y.data);
}

static mlp_trainer *new_trainer(mlp_net *net)
{
    mlp_trainer *trainer = NULL;
    mlp_optimizer adam = mlp_optimizer_defaults(MLP_OPTIMIZER_ADAM);
    assert_int_equal(mlp_trainer_create(net, 8, &trainer), MLP_OK);
    assert_int_equal(mlp_trainer_set_optimizer(trainer, &adam), MLP_OK);
    return trainer;
}

/* A checkpoint was written after two epochs. Two more give the bits of four. */
static void golden_checkpoints_go_on(void **state)
{
    (void)state;
    FOR_EACH_PRECISION(p)
    {
        unsigned char *bytes = malloc(GOLDEN_MAX);
        assert_non_null(bytes);
        size_t n = golden_bytes(GOLDEN_CHECKPOINT, p, bytes);
        mlp_net *nets[2];
        mlp_trainer *trainers[2];
        for (int i = 0; i < 2; i++) {
            nets[i] = golden_net(GOLDEN_CLASSES, p);
            trainers[i] = new_trainer(nets[i]);
        }
        train(trainers[0], p, 4);
        assert_int_equal(mlp_trainer_load_memory(trainers[1], bytes, n),
                         MLP_OK);
        train(trainers[1], p, 2);
        assert_same_net(nets[0], nets[1]);
        for (int i = 0; i < 2; i++) {
            mlp_trainer_free(trainers[i]);
            mlp_net_free(nets[i]);
        }
        free(bytes);
    }
}

/* ---------------------------------------------------------------------------
 * Writing
 */

static size_t save(mlp_net *net, int kind, mlp_dtype p, unsigned char *bytes)
{
    if (kind != GOLDEN_CHECKPOINT) {
        size_t n = mlp_net_save_size(net);
        assert_int_equal(mlp_net_save_memory(net, bytes, n), MLP_OK);
        return n;
    }
    mlp_trainer *trainer = new_trainer(net);
    train(trainer, p, 2);
    size_t n = mlp_trainer_save_size(trainer);
    assert_int_equal(mlp_trainer_save_memory(trainer, bytes, n), MLP_OK);
    mlp_trainer_free(trainer);
    return n;
}

static int write_golden(const char *kind_text, const char *precision)
{
    mlp_dtype p = strcmp(precision, "float32") == 0 ? MLP_F32 : MLP_F64;
    int kind = *kind_text - '0';
    mlp_net *net =
        golden_net(kind == GOLDEN_CHECKPOINT ? GOLDEN_CLASSES : kind, p);
    static unsigned char bytes[GOLDEN_MAX];
    size_t n = save(net, kind, p, bytes);
    for (size_t i = 0; i < n; i++) {
        (void)printf("%02x%s", bytes[i],
                     i % 32 == 31 || i + 1 == n ? "\n" : "");
    }
    mlp_net_free(net);
    return 0;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(golden_files_load),
        cmocka_unit_test(golden_files_are_saved_the_same),
        cmocka_unit_test(golden_checkpoints_go_on),
    };
    if (argc == 4 && strcmp(argv[1], "write") == 0) {
        return write_golden(argv[2], argv[3]);
    }
    return cmocka_run_group_tests_name("golden", tests, NULL, NULL);
}
