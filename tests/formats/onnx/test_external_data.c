/* SPDX-License-Identifier: MIT */
/*
 * ONNX files whose numbers lie in another file: mlp_onnx reads a plain name in
 * the folder of the path that it was given, through symbolic links, and refuses
 * every name that could lead elsewhere. The fixture "beside" is a model and its
 * external data.
 */
#include "support/model_files.h"

#include <sys/stat.h>

#include "mlp_onnx.h"
#include "support/onnx_checks.h"
#include "support/onnx_wire.h"

static void write_bytes(const char *path, const unsigned char *bytes, size_t n)
{
    FILE *to = fopen(path, "wb");
    assert_non_null(to);
    assert_int_equal(fwrite(bytes, 1, n, to), n);
    assert_int_equal(fclose(to), 0);
}

/* Replaces the name of the external data in the model by one of the same
 * length. */
static void rename_external(foreign *f, const char *name)
{
    size_t n = strlen(f->name[1]);
    for (size_t i = 0; i + n <= f->size[0]; i++) {
        if (memcmp(f->bytes[0] + i, f->name[1], n) == 0) {
            memcpy(f->bytes[0] + i, name, n);
        }
    }
}

/* Works in a folder of its own with the two files of the fixture "beside": a
 * model, and its external data. */
static void external_data_must_lie_in_the_same_folder(void **state)
{
    (void)state;
    char folder[] = "onnx_test_XXXXXX";
    char model_path[64];
    char external[64];
    hook_record record = {0};
    mlp_hooks hooks = recording_hooks(&record);
    mlp_net *net = NULL;
    foreign f = foreign_of("beside");
    assert_non_null(mkdtemp(folder));
    (void)snprintf(model_path, sizeof model_path, "%s/%s", folder, f.name[0]);
    (void)snprintf(external, sizeof external, "%s/%s", folder, f.name[1]);
    write_bytes(model_path, f.bytes[0], f.size[0]);
    assert_told(&record, mlp_onnx_load(model_path, &hooks, &net), MLP_ERR_IO,
                f.name[1]);
    write_bytes(external, f.bytes[1], f.size[1]);
    assert_int_equal(mlp_onnx_load(model_path, &hooks, &net), MLP_OK);
    assert_predicts(net, &f);
    mlp_net_free(net);
    net = NULL;

    write_bytes(external, f.bytes[1], f.size[1] - 1);
    assert_told(&record, mlp_onnx_load(model_path, &hooks, &net),
                MLP_ERR_FORMAT, "expects a regular file");
    assert_int_equal(unlink(external), 0);
    assert_int_equal(symlink("/dev/zero", external), 0);
    assert_told(&record, mlp_onnx_load(model_path, &hooks, &net),
                MLP_ERR_FORMAT, "expects a regular file");

    const char *const places[] = {"./../e.data", "/beside.dat", "beside\\data",
                                  "../side.dat", "side/../dat", ".////e.data",
                                  "././././.."};
    for (size_t i = 0; i < COUNT(places); i++) {
        foreign moved = f;
        rename_external(&moved, places[i]);
        write_bytes(model_path, moved.bytes[0], f.size[0]);
        assert_told(&record, mlp_onnx_load(model_path, &hooks, &net),
                    MLP_ERR_UNSUPPORTED, "the same folder");
    }
    /* With the keys exchanged, the length is not that of the tensor. */
    foreign wrong = f;
    for (size_t i = 0; i + 6 <= f.size[0]; i++) {
        if (memcmp(wrong.bytes[0] + i, "length", 6) == 0) {
            memcpy(wrong.bytes[0] + i, "offset", 6);
        } else if (memcmp(wrong.bytes[0] + i, "offset", 6) == 0) {
            memcpy(wrong.bytes[0] + i, "length", 6);
        }
    }
    write_bytes(model_path, wrong.bytes[0], f.size[0]);
    assert_told(&record, mlp_onnx_load(model_path, &hooks, &net),
                MLP_ERR_FORMAT, "place and length");
    assert_null(net);
    assert_int_equal(record.live, 0);
    assert_int_equal(unlink(external), 0);
    assert_int_equal(unlink(model_path), 0);
    assert_int_equal(rmdir(folder), 0);
}

/* Model hubs keep the content of each file under another name, and mounted
 * volumes keep a whole folder, which a link replaces at once. */
static void external_data_may_be_a_symbolic_link(void **state)
{
    (void)state;
    static const struct {
        const char *link, *target;
    } links[] = {
        {"hub/snapshots/1/beside.onnx", "../../blobs/a"},
        {"hub/snapshots/1/beside.data", "../../blobs/b"},
        {"volume/..data", "..1"},
        {"volume/beside.onnx", "..data/beside.onnx"},
        {"volume/beside.data", "..data/beside.data"},
    };
    static const char *const folders[] = {"hub",           "hub/blobs",
                                          "hub/snapshots", "hub/snapshots/1",
                                          "volume",        "volume/..1"};
    static const char *const files[] = {"hub/blobs/a", "hub/blobs/b",
                                        "volume/..1/beside.onnx",
                                        "volume/..1/beside.data"};
    char folder[] = "onnx_test_XXXXXX";
    char before[1024];
    foreign f = foreign_of("beside");
    assert_non_null(getcwd(before, sizeof before));
    assert_non_null(mkdtemp(folder));
    assert_int_equal(chdir(folder), 0);
    for (size_t i = 0; i < COUNT(folders); i++) {
        assert_int_equal(mkdir(folders[i], 0700), 0);
    }
    for (size_t i = 0; i < COUNT(files); i++) {
        write_bytes(files[i], f.bytes[i % 2], f.size[i % 2]);
    }
    for (size_t i = 0; i < COUNT(links); i++) {
        assert_int_equal(symlink(links[i].target, links[i].link), 0);
    }
    const char *const models[] = {links[0].link, links[3].link};
    for (size_t i = 0; i < COUNT(models); i++) {
        mlp_net *net = NULL;
        assert_int_equal(mlp_onnx_load(models[i], NULL, &net), MLP_OK);
        assert_predicts(net, &f);
        mlp_net_free(net);
    }
    for (size_t i = COUNT(links); i-- > 0;) {
        assert_int_equal(unlink(links[i].link), 0);
    }
    for (size_t i = 0; i < COUNT(files); i++) {
        assert_int_equal(unlink(files[i]), 0);
    }
    for (size_t i = COUNT(folders); i-- > 0;) {
        assert_int_equal(rmdir(folders[i]), 0);
    }
    assert_int_equal(chdir(before), 0);
    assert_int_equal(rmdir(folder), 0);
}

/* "./name" is the plain name. In the fixture the name has eleven letters, so
 * the file is called "side.data" here. */
static void external_data_may_be_named_with_a_dot(void **state)
{
    (void)state;
    char folder[] = "onnx_test_XXXXXX";
    char model_path[64];
    char external[64];
    mlp_net *net = NULL;
    foreign f = foreign_of("beside");
    assert_non_null(mkdtemp(folder));
    (void)snprintf(model_path, sizeof model_path, "%s/%s", folder, f.name[0]);
    (void)snprintf(external, sizeof external, "%s/side.data", folder);
    rename_external(&f, "./side.data");
    write_bytes(model_path, f.bytes[0], f.size[0]);
    write_bytes(external, f.bytes[1], f.size[1]);
    assert_int_equal(mlp_onnx_load(model_path, NULL, &net), MLP_OK);
    assert_predicts(net, &f);
    mlp_net_free(net);
    assert_int_equal(unlink(external), 0);
    assert_int_equal(unlink(model_path), 0);
    assert_int_equal(rmdir(folder), 0);
}

/* Writes x -> MatMul -> y with weights of this shape, which have these
 * properties instead of numbers. The last pair of strings is NULL twice. */
static void write_model(const char *path, size_t rows, size_t cols,
                        const char *const (*properties)[2])
{
    wire graph = {0};
    wire onnx = {0};
    wire tensor = tensor_without_numbers("W", rows, cols);
    for (; (*properties)[0] || (*properties)[1]; properties++) {
        put_property(&tensor, TENSOR_EXTERNAL, (*properties)[0],
                     (*properties)[1]);
    }
    put_int(&tensor, TENSOR_LOCATION, 1);
    put_message(&graph, GRAPH_TENSOR, &tensor);
    put_value(&graph, GRAPH_INPUT, "x");
    put_value(&graph, GRAPH_OUTPUT, "y");
    put_node(&graph, "MatMul", "x", "W", "y");
    put_model(&onnx, &graph);
    write_bytes(path, onnx.bytes, onnx.size);
    free(onnx.bytes);
}

/* The file beside the model has 4 other bytes, and then 1 and 2 as floats. */
static void external_data_is_described_by_its_properties(void **state)
{
    (void)state;
    static const unsigned char content[] = {9,    9,    9, 9, 0, 0,
                                            0x80, 0x3f, 0, 0, 0, 0x40};
    static const char elsewhere[] = "the same folder";
    static const char place[] = "expects place and length";
    static const struct {
        const char *properties[5][2];
        mlp_status status;
        const char *told;
    } cases[] = {
        {{{"location", "d"}, {"offset", "4"}}, MLP_OK, NULL},
        {{{"offset", "04"}, {"length", "8"}, {"location", "d"}}, MLP_OK, NULL},
        {{{"location", "d"}, {"offset", "4"}, {"checksum", "no"}},
         MLP_OK,
         NULL},
        {{{NULL, "x"}, {"location", "d"}, {"offset", "4"}, {"basepath", NULL}},
         MLP_OK,
         NULL},
        {{{"offset", "4"}}, MLP_ERR_UNSUPPORTED, elsewhere},
        {{{"location", NULL}, {"offset", "4"}}, MLP_ERR_UNSUPPORTED, elsewhere},
        {{{"location", ""}}, MLP_ERR_UNSUPPORTED, elsewhere},
        {{{"location", "."}}, MLP_ERR_UNSUPPORTED, elsewhere},
        {{{"location", ".."}}, MLP_ERR_UNSUPPORTED, elsewhere},
        {{{"location", "./"}}, MLP_ERR_UNSUPPORTED, elsewhere},
        {{{"location", "d"}, {"offset", ""}}, MLP_ERR_FORMAT, place},
        {{{"location", "d"}, {"offset", NULL}}, MLP_ERR_FORMAT, place},
        {{{"location", "d"}, {"offset", "-4"}}, MLP_ERR_FORMAT, place},
        {{{"location", "d"}, {"offset", "4 "}}, MLP_ERR_FORMAT, place},
        {{{"location", "d"}, {"offset", "4x8"}}, MLP_ERR_FORMAT, place},
        {{{"location", "d"}, {"offset", ":"}}, MLP_ERR_FORMAT, place},
        {{{"location", "d"}, {"offset", "18446744073709551616"}},
         MLP_ERR_FORMAT,
         place},
        {{{"location", "d"}, {"offset", "99999999999999999999"}},
         MLP_ERR_FORMAT,
         place},
        {{{"location", "d"}, {"offset", "x"}, {"length", "8"}},
         MLP_ERR_FORMAT,
         place},
        {{{"location", "d"}, {"length", "x"}, {"offset", "4"}},
         MLP_ERR_FORMAT,
         place},
        {{{"location", "d"}, {"length", "7"}}, MLP_ERR_FORMAT, place},
        {{{"location", "d"}, {"offset", "5"}}, MLP_ERR_FORMAT, "8 bytes at 5"},
    };
    char folder[] = "onnx_test_XXXXXX";
    char before[1024];
    assert_non_null(getcwd(before, sizeof before));
    assert_non_null(mkdtemp(folder));
    assert_int_equal(chdir(folder), 0);
    write_bytes("d", content, sizeof content);
    for (size_t i = 0; i < COUNT(cases); i++) {
        hook_record record = {0};
        mlp_hooks hooks = recording_hooks(&record);
        mlp_net *net = NULL;
        write_model("m.onnx", 2, 1, cases[i].properties);
        if (cases[i].status != MLP_OK) {
            assert_told(&record, mlp_onnx_load("m.onnx", &hooks, &net),
                        cases[i].status, cases[i].told);
            assert_null(net);
        } else {
            assert_int_equal(mlp_onnx_load("m.onnx", &hooks, &net), MLP_OK);
            mlp_cview W = ctensor(net, MLP_W, 1);
            assert_true(mlp_cview_at(W, 0, 0) == 1);
            assert_true(mlp_cview_at(W, 0, 1) == 2);
            mlp_net_free(net);
        }
        assert_int_equal(record.live, 0);
    }
    assert_int_equal(unlink("d"), 0);
    assert_int_equal(unlink("m.onnx"), 0);
    assert_int_equal(chdir(before), 0);
    assert_int_equal(rmdir(folder), 0);
}

/* The path of the data, and the data, are kept in memory beside the model. */
static void external_data_survives_every_failed_allocation(void **state)
{
    (void)state;
    enum { COLS = 5000, NAME = 200 };
    static float numbers[COLS];
    char folder[] = "onnx_test_XXXXXX";
    char before[1024];
    char name[NAME + 1];
    const char *const properties[][2] = {{"location", name}, {NULL, NULL}};
    assert_non_null(getcwd(before, sizeof before));
    assert_non_null(mkdtemp(folder));
    assert_int_equal(chdir(folder), 0);
    memset(name, 'n', NAME);
    name[NAME] = '\0';
    write_bytes(name, (const unsigned char *)numbers, sizeof numbers);
    write_model("m.onnx", 1, COLS, properties);
    mlp_status status = MLP_ERR_MEMORY;
    for (size_t n = 1; status != MLP_OK; n++) {
        hook_record record = {.fail_at = n};
        mlp_hooks hooks = recording_hooks(&record);
        mlp_net *net = NULL;
        status = mlp_onnx_load("m.onnx", &hooks, &net);
        assert_true(status == MLP_OK || status == MLP_ERR_MEMORY);
        assert_true((status == MLP_OK) == (net != NULL));
        assert_int_equal(record.messages, status != MLP_OK);
        mlp_net_free(net);
        assert_int_equal(record.live, 0);
        assert_true(n < 20);
    }
    assert_int_equal(unlink(name), 0);
    assert_int_equal(unlink("m.onnx"), 0);
    assert_int_equal(chdir(before), 0);
    assert_int_equal(rmdir(folder), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(external_data_must_lie_in_the_same_folder),
        cmocka_unit_test(external_data_may_be_a_symbolic_link),
        cmocka_unit_test(external_data_may_be_named_with_a_dot),
        cmocka_unit_test(external_data_is_described_by_its_properties),
        cmocka_unit_test(external_data_survives_every_failed_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
