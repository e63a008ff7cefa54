/* SPDX-License-Identifier: MIT */
/*
 * Networks as C: which are refused, that both files are written or none, and
 * what the files hold. tests/scripts/exported_c.sh compiles them and compares
 * their predictions.
 */
#include "support/training.h"

#include <dirent.h>
#include <float.h>
#include <locale.h>
#include <sys/stat.h>

#include "formats/c/c_writer.h"

/* ---------------------------------------------------------------------------
 * A folder for each test
 */

typedef struct folder {
    char name[64], code[96], header[96];
} folder;

static int make_folder(void **state)
{
    folder *f = calloc(1, sizeof *f);
    assert_non_null(f);
    memcpy(f->name, "/tmp/mlp_export_XXXXXX", sizeof "/tmp/mlp_export_XXXXXX");
    assert_non_null(mkdtemp(f->name));
    (void)snprintf(f->code, sizeof f->code, "%s/net_1.c", f->name);
    (void)snprintf(f->header, sizeof f->header, "%s/net_1.h", f->name);
    *state = f;
    return 0;
}

static int remove_folder(void **state)
{
    folder *f = *state;
    DIR *entries = opendir(f->name);
    assert_non_null(entries);
    for (struct dirent *e = readdir(entries); e; e = readdir(entries)) {
        char path[512];
        (void)snprintf(path, sizeof path, "%s/%s", f->name, e->d_name);
        (void)remove(path);
    }
    (void)closedir(entries);
    assert_int_equal(rmdir(f->name), 0);
    free(f);
    return 0;
}

static size_t count_files(const folder *f)
{
    size_t n = 0;
    DIR *entries = opendir(f->name);
    assert_non_null(entries);
    for (struct dirent *e = readdir(entries); e; e = readdir(entries)) {
        n += e->d_name[0] != '.';
    }
    (void)closedir(entries);
    return n;
}

/* Returns the whole file as a string, to be freed. */
static char *text_of(const char *path)
{
    enum { MOST = 1 << 20 };
    char *text = calloc(1, MOST);
    FILE *file = fopen(path, "rb");
    assert_non_null(text);
    assert_non_null(file);
    assert_true(fread(text, 1, MOST, file) < MOST);
    (void)fclose(file);
    return text;
}

static void assert_has(const char *text, const char *part)
{
    if (!strstr(text, part)) {
        fail_msg("expected \"%s\" in:\n%s", part, text);
    }
}

static void write_text(const char *path, const char *text)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

/* ---------------------------------------------------------------------------
 * What is refused
 */

static void null_and_bad_names_are_refused(void **state)
{
    const folder *f = *state;
    hook_record record = {0};
    mlp_net *net = new_net(&moons_model, MLP_F64, &record);
    const char *const paths[] = {"",        "c",      ".c",        "/",
                                 "/tmp/.c", "net.h",  "/tmp/a.cc", "a\"b.c",
                                 "a\nb.c",  "a\\b.c", "a*.c",      "a?-.c"};
    const char *const prefixes[] = {
        "",
        "1",
        "_a",
        "a-b",
        "a b",
        "n\xc3\xa4",
        "a\"",
        "a/*",
        "n123456789n123456789n123456789n123456789n123456789n123456789n123",
    };
    assert_int_equal(mlp_export_c(NULL, f->code, NULL, NULL), MLP_ERR_NULL);
    assert_told(&record, mlp_export_c(net, NULL, NULL, NULL), MLP_ERR_NULL,
                "path");
    for (size_t i = 0; i < COUNT(paths); i++) {
        assert_told(&record, mlp_export_c(net, paths[i], NULL, NULL),
                    MLP_ERR_ARGUMENT, "path");
    }
    /* Their headers would hide those of the system and of the library. */
    static const char *const headers[] = {
        "math",     "signal", "assert", "Time", "STRING",
        "nl_types", "uchar",  "unistd", "mlp",  "mlp_onnx"};
    for (size_t i = 0; i < COUNT(headers); i++) {
        char hiding[160];
        (void)snprintf(hiding, sizeof hiding, "%s/%s.c", f->name, headers[i]);
        assert_told(&record, mlp_export_c(net, hiding, NULL, NULL),
                    MLP_ERR_ARGUMENT, "not that of a header");
    }
    for (size_t i = 0; i < COUNT(prefixes); i++) {
        mlp_export_options options = mlp_export_defaults();
        options.prefix = prefixes[i];
        assert_told(&record, mlp_export_c(net, f->code, &options, NULL),
                    MLP_ERR_ARGUMENT, "prefix");
    }
    /* If the file's name is no name in C, a prefix is needed. */
    char path[160];
    (void)snprintf(path, sizeof path, "%s/2-net.c", f->name);
    assert_told(&record, mlp_export_c(net, path, NULL, NULL), MLP_ERR_ARGUMENT,
                "2-net");
    (void)snprintf(path, sizeof path, "%s/%s.c", f->name,
                   prefixes[COUNT(prefixes) - 1]);
    assert_told(&record, mlp_export_c(net, path, NULL, NULL), MLP_ERR_ARGUMENT,
                "at most 63");
    assert_int_equal(count_files(f), 0);
    mlp_export_options options = mlp_export_defaults();
    options.prefix = "two";
    assert_int_equal(mlp_export_c(net, path, &options, NULL), MLP_OK);
    assert_int_equal(count_files(f), 2);
    (void)snprintf(path, sizeof path, "%s/maths.c", f->name);
    assert_int_equal(mlp_export_c(net, path, NULL, NULL), MLP_OK);
    (void)snprintf(path, sizeof path, "%s/mat.c", f->name);
    assert_int_equal(mlp_export_c(net, path, NULL, NULL), MLP_OK);
    assert_int_equal(count_files(f), 6);
    mlp_net_free(net);
    assert_int_equal(record.live, 0);
}

static void rows_that_do_not_fit_are_refused(void **state)
{
    const folder *f = *state;
    hook_record record = {0};
    mlp_net *net = new_net(&moons_model, MLP_F32, &record);
    mlp_export_options options = mlp_export_defaults();
    float x[6] = {1, 2, 3, 4, NAN, 6};
    double wide[2] = {1, 2};
    options.X = mlp_cview_f32(x, 2, 3);
    assert_told(&record, mlp_export_c(net, f->code, &options, NULL),
                MLP_ERR_SHAPE, "X");
    options.X = mlp_cview_f64(wide, 1, 2);
    assert_told(&record, mlp_export_c(net, f->code, &options, NULL),
                MLP_ERR_DTYPE, "X");
    options.X = mlp_cview_f32(x, 3, 2);
    assert_told(&record, mlp_export_c(net, f->code, &options, NULL),
                MLP_ERR_NOT_FINITE, "X");
    options.X = mlp_cview_f32(NULL, 2, 2);
    assert_told(&record, mlp_export_c(net, f->code, &options, NULL),
                MLP_ERR_NULL, "X");
    assert_int_equal(count_files(f), 0);
    /* The rows behind a single one are none of the self-test's. */
    options.X = mlp_cview_f32(x, 1, 2);
    assert_int_equal(mlp_export_c(net, f->code, &options, NULL), MLP_OK);
    assert_int_equal(count_files(f), 2);
    mlp_net_free(net);
}

static void parameters_that_are_not_finite_are_refused(void **state)
{
    const folder *f = *state;
    hook_record record = {0};
    mlp_net *net = new_net(&moons_model, MLP_F32, &record);
    put(tensor(net, MLP_W, 2), 1, 1, INFINITY);
    assert_told(&record, mlp_export_c(net, f->code, NULL, NULL),
                MLP_ERR_NOT_FINITE, "W");
    put(tensor(net, MLP_W, 2), 1, 1, 0);
    put(tensor(net, MLP_B, 3), 0, 0, NAN);
    assert_told(&record, mlp_export_c(net, f->code, NULL, NULL),
                MLP_ERR_NOT_FINITE, "b");
    /* Finite parameters may still have outputs that overflow. */
    put(tensor(net, MLP_B, 3), 0, 0, 0);
    fill(tensor(net, MLP_W, 1), 3e38);
    fill(tensor(net, MLP_W, 2), 3e38);
    fill(tensor(net, MLP_W, 3), 0);
    assert_told(&record, mlp_export_c(net, f->code, NULL, NULL),
                MLP_ERR_NOT_FINITE, "outputs");
    assert_int_equal(count_files(f), 0);
    mlp_net_free(net);
    assert_int_equal(record.live, 0);
}

/* ---------------------------------------------------------------------------
 * Both files or none
 */

static void a_failure_leaves_old_files(void **state)
{
    const folder *f = *state;
    hook_record record = {0};
    mlp_net *net = new_net(&moons_model, MLP_F64, &record);
    char path[128];
    (void)snprintf(path, sizeof path, "%s/none/net.c", f->name);
    assert_told(&record, mlp_export_c(net, path, NULL, NULL), MLP_ERR_IO,
                "none/net.h");
    /* The code cannot be written, so the header is left as it is. */
    write_text(f->header, "old");
    assert_int_equal(mkdir(f->code, 0777), 0);
    mlp_export_report report = {1, 2};
    assert_told(&record, mlp_export_c(net, f->code, NULL, &report), MLP_ERR_IO,
                "net_1.c");
    assert_int_equal(report.constant_bytes, 1);
    assert_int_equal(report.scratch_bytes, 2);
    assert_int_equal(count_files(f), 2);
    char *text = text_of(f->header);
    assert_string_equal(text, "old");
    free(text);
    assert_int_equal(rmdir(f->code), 0);
    mlp_net_free(net);
    assert_int_equal(record.live, 0);
}

static void memory_that_runs_out_changes_nothing(void **state)
{
    const folder *f = *state;
    for (int canonical = 0; canonical < 2; canonical++) {
        hook_record record = {0};
        mlp_net *net = new_net(&moons_model, MLP_F32, &record);
        mlp_export_options options = mlp_export_defaults();
        options.canonical = canonical != 0;
        options.jacobian = true;
        size_t live = record.live;
        mlp_status status = MLP_ERR_MEMORY;
        size_t n = 0;
        while (status == MLP_ERR_MEMORY) {
            assert_int_equal(count_files(f), 0);
            record.allocations = 0;
            record.fail_at = ++n;
            status = mlp_export_c(net, f->code, &options, NULL);
            assert_int_equal(record.live, live);
        }
        assert_int_equal(status, MLP_OK);
        assert_in_range(n, 5, 30);
        assert_int_equal(remove(f->code), 0);
        assert_int_equal(remove(f->header), 0);
        mlp_net_free(net);
    }
}

/* ---------------------------------------------------------------------------
 * What the files hold
 */

/* The caller's text stands inside the braces of C++ and before the self-test,
 * and may be longer than what the writers format at once. */
static void text_of_the_caller_goes_along(void **state)
{
    const folder *f = *state;
    mlp_net *net = new_net(&moons_model, MLP_F32, NULL);
    mlp_export_options options = mlp_export_defaults();
    char long_text[3000];
    memset(long_text, ' ', sizeof long_text);
    (void)snprintf(long_text + 2900, 100, "static int own = 100%%;\n");
    options.header_text = "int twice(int x);\n";
    options.code_text = long_text;
    assert_int_equal(mlp_export_c(net, f->code, &options, NULL), MLP_OK);
    char *code = text_of(f->code);
    char *header = text_of(f->header);
    assert_has(header, "\nint twice(int x);\n\n#ifdef __cplusplus\n}\n");
    assert_has(code, " static int own = 100%;\n\n#ifdef NET_1_SELF_TEST\n");
    free(code);
    free(header);
    mlp_net_free(net);
}

static void files_say_what_they_are(void **state)
{
    const folder *f = *state;
    mlp_net *net = new_net(&moons_model, MLP_F32, NULL);
    const double mean[] = {0.5, -0.25};
    const double std[] = {1, 1e-7};
    const char *const names[] = {"a \"quoted\"?", "caf\xc3\xa9\\"};
    assert_int_equal(mlp_net_set_scaling(net, mean, std), MLP_OK);
    assert_int_equal(mlp_net_set_class_names(net, names, 2), MLP_OK);
    mlp_export_options options = mlp_export_defaults();
    options.prefix = "Two_moons";
    mlp_export_report report = {0, 0};
    assert_int_equal(mlp_export_c(net, f->code, &options, &report), MLP_OK);
    assert_int_equal(report.constant_bytes, (193 + 4) * 4 + 2 * 12);
    assert_int_equal(report.scratch_bytes, (16 + 8) * 4);
    assert_int_equal(count_files(f), 2);

    char *code = text_of(f->code);
    char *header = text_of(f->header);
    assert_has(header, "#define TWO_MOONS_INPUTS 2\n");
    assert_has(header, "#define TWO_MOONS_OUTPUTS 1\n");
    assert_has(header, "#define TWO_MOONS_SCRATCH 24 ");
    assert_has(header, "void Two_moons_predict(const float *x, float *y, "
                       "float *scratch);\n");
    assert_has(header, "int Two_moons_class(const float *y);\n");
    assert_has(code, "Constants (flash): 812 bytes.\n");
    assert_has(code, "#include \"net_1.h\"\n");
    assert_has(code, "    0.5f, 1.0f, -0.25f, 1.00000001e-7f,\n");
    assert_has(code, "    \"a \\042quoted\\042\\077\",\n");
    assert_has(code, "    \"caf\\303\\251\\134\",\n");
    /* Both files hold the same checksum. */
    const char *id = strstr(header, "TWO_MOONS_ID 0x");
    assert_non_null(id);
    const char *other = strstr(code, "TWO_MOONS_ID != 0x");
    assert_non_null(other);
    assert_memory_equal(strstr(id, "0x"), strstr(other, "0x"), 10);
    assert_true(memcmp(strstr(id, "0x"), "0x00000000", 10) != 0);
    free(code);
    free(header);
    mlp_net_free(net);
}

/* A layer's constants are the weights of each input to all outputs, and then
 * all biases, each in a line of its own. */
static void weights_stand_input_by_input(void **state)
{
    const folder *f = *state;
    const model m = {3, 1, {{2, MLP_ACT_IDENTITY}}, MLP_LOSS_MSE};
    mlp_net *net = new_net(&m, MLP_F32, NULL);
    for (size_t j = 0; j < 2; j++) {
        for (size_t k = 0; k < 3; k++) {
            put(tensor(net, MLP_W, 1), j, k, (double)(10 * j + k));
        }
        put(tensor(net, MLP_B, 1), 0, j, 0.5 + (double)j);
    }
    assert_int_equal(mlp_export_c(net, f->code, NULL, NULL), MLP_OK);
    char *code = text_of(f->code);
    assert_has(code, "static const float w1[8] FLASH = {\n"
                     "    0.0f, 10.0f,\n    1.0f, 11.0f,\n    2.0f, 12.0f,\n"
                     "    0.5f, 1.5f,\n};\n");
    assert_has(code, "    dense(3, 2, w1, x, y);\n");
    free(code);
    mlp_net_free(net);
}

static void scaled_targets_are_counted(void **state)
{
    const folder *f = *state;
    mlp_net *net = new_net(&square_model, MLP_F64, NULL);
    const double mean[5] = {0};
    const double std[5] = {1, 2, 3, 4, 5};
    mlp_export_report before = {.constant_bytes = 0};
    mlp_export_report after = {.constant_bytes = 0};
    assert_int_equal(mlp_export_c(net, f->code, NULL, &before), MLP_OK);
    assert_int_equal(before.constant_bytes, 8 * mlp_net_parameter_count(net));
    assert_int_equal(mlp_net_set_target_scaling(net, mean, std), MLP_OK);
    assert_int_equal(mlp_export_c(net, f->code, NULL, &after), MLP_OK);
    assert_int_equal(after.constant_bytes, before.constant_bytes + 2 * 5 * 8);
    assert_int_equal(after.scratch_bytes, (11 + 6) * 8);
    char *code = text_of(f->code);
    assert_has(code, "    rescale(5, output_scaling, y);\n");
    free(code);
    mlp_net_free(net);
}

static void code_has_what_it_needs_alone(void **state)
{
    const folder *f = *state;
    mlp_net *net = new_net(&moons_model, MLP_F64, NULL);
    mlp_export_options options = mlp_export_defaults();
    options.canonical = true;
    char remark[64];
    assert_int_equal(mlp_export_c(net, f->code, &options, NULL), MLP_OK);
    char *code = text_of(f->code);
    (void)snprintf(remark, sizeof remark, "Canonical arithmetic %d: gives the",
                   MLP_NUMERICS);
    assert_has(code, remark);
    assert_has(code, "static inline ALWAYS_INLINE vec vsigmoid(vec z)\n{");
    assert_has(code, "static const real exp_terms[]");
    assert_has(code, "#define LN2_HIGH 0.69314718055");
    assert_null(strstr(code, "vtanh"));
    assert_null(strstr(code, "vlog"));
    assert_null(strstr(code, "0x1."));
    assert_null(strstr(code, "0x1p"));
    assert_null(strstr(code, "SPDX"));
    free(code);
    mlp_net_free(net);
}

/* The function of the Jacobian, and what it needs, is written only if it is
 * asked for. With one output the last product writes to the caller's array. */
static void jacobians_are_written_if_asked_for(void **state)
{
    const folder *f = *state;
    mlp_net *net = new_net(&moons_model, MLP_F32, NULL);
    mlp_export_options options = mlp_export_defaults();
    mlp_export_report report = {0, 0};
    assert_int_equal(mlp_export_c(net, f->code, &options, &report), MLP_OK);
    char *without = text_of(f->code);
    assert_null(strstr(without, "jacobian"));
    assert_null(strstr(without, "derivative"));
    assert_int_equal(report.jacobian_scratch_bytes, 0);
    options.jacobian = true;
    assert_int_equal(mlp_export_c(net, f->code, &options, &report), MLP_OK);
    /* The scratch has two arrays as for predicting, and the derivatives of
     * three layers. */
    assert_int_equal(report.scratch_bytes, (16 + 8) * 4);
    assert_int_equal(report.jacobian_scratch_bytes, (16 + 8 + 25) * 4);
    assert_int_equal(report.constant_bytes, 193 * 4);
    char *code = text_of(f->code);
    char *header = text_of(f->header);
    assert_has(header, "#define NET_1_SCRATCH 24 /* numbers */\n");
    assert_has(header, "#define NET_1_JACOBIAN_SCRATCH 49 /* numbers */\n");
    assert_has(header, "void net_1_jacobian(const float *x, float *jacobian, "
                       "float *scratch);\n");
    assert_has(code,
               "    multiply_matrix(2, 16, 1, w1, 16, 1, a, jacobian);\n");
    assert_null(strstr(code, "transpose("));
    free(without);
    free(code);
    free(header);
    mlp_net_free(net);
}

/* A network, and the body of its function. */
typedef struct jacobian_case {
    model net;
    bool scales_in, scales_out;
    const char *expected;
} jacobian_case;

static const jacobian_case jacobian_cases[] = {
    /* Fewer inputs than outputs: from the inputs on. */
    {{2, 2, {{16, MLP_ACT_TANH}, {3, MLP_ACT_IDENTITY}}, MLP_LOSS_MSE},
     true,
     true,
     "{\n"
     "    double *a = scratch;\n"
     "    double *b = scratch + 32;\n"
     "    double *d1 = scratch + 36;\n"
     "    size_t i;\n"
     "\n"
     "    standardise(2, input_scaling, x, b);\n"
     "    dense(2, 16, w1, b, d1);\n"
     "    for (i = 0; i < 16; i++) {\n"
     "        d1[i] = tanh_of(d1[i]);\n"
     "        d1[i] = tanh_derivative(d1[i]);\n"
     "    }\n"
     "    set_unit(2, b);\n"
     "    scale_rows_down(2, 2, input_scaling, b);\n"
     "    multiply_matrix(16, 2, 2, w1, 1, 16, b, a);\n"
     "    multiply_rows(16, 2, d1, a);\n"
     "    multiply_matrix(3, 16, 2, w2, 1, 3, a, jacobian);\n"
     "    scale_rows_up(3, 2, output_scaling, jacobian);\n"
     "}\n"},
    /* No layer has derivatives other than 1, so x plays no part. */
    {{3, 2, {{4, MLP_ACT_IDENTITY}, {2, MLP_ACT_IDENTITY}}, MLP_LOSS_MSE},
     true,
     true,
     "{\n"
     "    double *a = scratch;\n"
     "    double *b = scratch + 8;\n"
     "\n"
     "    (void)x;\n"
     "    set_unit(2, b);\n"
     "    scale_rows_up(2, 2, output_scaling, b);\n"
     "    multiply_matrix(4, 2, 2, w2, 2, 1, b, a);\n"
     "    multiply_matrix(3, 4, 2, w1, 4, 1, a, b);\n"
     "    scale_rows_down(3, 2, input_scaling, b);\n"
     "    transpose(3, 2, b, jacobian);\n"
     "}\n"},
    /* The hidden layer without an activation has no array of derivatives. */
    {{3,
      3,
      {{4, MLP_ACT_IDENTITY}, {5, MLP_ACT_GELU}, {2, MLP_ACT_SOFTMAX}},
      MLP_LOSS_CCE},
     false,
     false,
     "{\n"
     "    double *a = scratch;\n"
     "    double *b = scratch + 8;\n"
     "    double *d2 = scratch + 18;\n"
     "    double *d3 = scratch + 23;\n"
     "    size_t i;\n"
     "\n"
     "    dense(3, 4, w1, x, a);\n"
     "    dense(4, 5, w2, a, d2);\n"
     "    for (i = 0; i < 5; i++) {\n"
     "        b[i] = gelu_of(d2[i]);\n"
     "        d2[i] = gelu_derivative(d2[i]);\n"
     "    }\n"
     "    dense(5, 2, w3, b, d3);\n"
     "    probabilities(2, d3);\n"
     "    set_unit(2, a);\n"
     "    multiply_by_softmax(2, 2, d3, a);\n"
     "    multiply_matrix(5, 2, 2, w3, 2, 1, a, b);\n"
     "    multiply_rows(5, 2, d2, b);\n"
     "    multiply_matrix(4, 5, 2, w2, 5, 1, b, a);\n"
     "    multiply_matrix(3, 4, 2, w1, 4, 1, a, b);\n"
     "    transpose(3, 2, b, jacobian);\n"
     "}\n"},
    /* One output: nothing is transposed. */
    {{3, 2, {{5, MLP_ACT_TANH}, {1, MLP_ACT_GELU}}, MLP_LOSS_MSE},
     true,
     false,
     "{\n"
     "    double *a = scratch;\n"
     "    double *b = scratch + 5;\n"
     "    double *d1 = scratch + 8;\n"
     "    double *d2 = scratch + 13;\n"
     "    size_t i;\n"
     "\n"
     "    standardise(3, input_scaling, x, b);\n"
     "    dense(3, 5, w1, b, d1);\n"
     "    for (i = 0; i < 5; i++) {\n"
     "        a[i] = tanh_of(d1[i]);\n"
     "        d1[i] = tanh_derivative(a[i]);\n"
     "    }\n"
     "    dense(5, 1, w2, a, d2);\n"
     "    for (i = 0; i < 1; i++) {\n"
     "        d2[i] = gelu_derivative(d2[i]);\n"
     "    }\n"
     "    set_unit(1, b);\n"
     "    multiply_rows(1, 1, d2, b);\n"
     "    multiply_matrix(5, 1, 1, w2, 1, 1, b, a);\n"
     "    multiply_rows(5, 1, d1, a);\n"
     "    multiply_matrix(3, 5, 1, w1, 5, 1, a, jacobian);\n"
     "    scale_rows_down(3, 1, input_scaling, jacobian);\n"
     "}\n"},
};

/* Returns the body of the function of the Jacobian, to be freed. */
static char *jacobian_body(const folder *f, const jacobian_case *c)
{
    static const double mean[3] = {1, 2, 3};
    static const double std[3] = {0.5, 2, 4};
    mlp_net *net = new_net(&c->net, MLP_F64, NULL);
    mlp_export_options options = mlp_export_defaults();
    options.jacobian = true;
    if (c->scales_in) {
        assert_int_equal(mlp_net_set_scaling(net, mean, std), MLP_OK);
    }
    if (c->scales_out) {
        assert_int_equal(mlp_net_set_target_scaling(net, mean, std), MLP_OK);
    }
    assert_int_equal(mlp_export_c(net, f->code, &options, NULL), MLP_OK);
    mlp_net_free(net);
    char *code = text_of(f->code);
    char *function = strstr(code, "void net_1_jacobian(");
    assert_non_null(function);
    char *body = strstr(function, "\n{\n");
    assert_non_null(body);
    char *end = strstr(body, "\n}\n");
    assert_non_null(end);
    end[3] = '\0';
    memmove(code, body + 1, strlen(body + 1) + 1);
    return code;
}

/* Each function does what its network needs, and no more. */
static void a_jacobian_follows_its_network(void **state)
{
    for (size_t i = 0; i < COUNT(jacobian_cases); i++) {
        char *body = jacobian_body(*state, &jacobian_cases[i]);
        assert_string_equal(body, jacobian_cases[i].expected);
        free(body);
    }
}

/* Integers have no derivatives. A Jacobian may overflow where outputs do not,
 * and C has no constants for that. */
static void jacobians_that_cannot_be_are_refused(void **state)
{
    const folder *f = *state;
    hook_record record = {0};
    mlp_net *net = new_net(&moons_model, MLP_F32, &record);
    mlp_export_options options = mlp_export_defaults();
    float x[2] = {0, 0};
    options.X = mlp_cview_f32(x, 1, 2);
    options.jacobian = true;
    options.int8 = true;
    assert_told(&record, mlp_export_c(net, f->code, &options, NULL),
                MLP_ERR_ARGUMENT, "jacobian: expects an export of real");
    options.int8 = false;
    fill(tensor(net, MLP_B, 1), 1e-30);
    fill(tensor(net, MLP_W, 1), 1e25);
    fill(tensor(net, MLP_W, 2), 1e25);
    assert_told(&record, mlp_export_c(net, f->code, &options, NULL),
                MLP_ERR_NOT_FINITE, "the Jacobian of X");
    assert_int_equal(count_files(f), 0);
    mlp_net_free(net);
    assert_int_equal(record.live, 0);
}

/* Compilers warn of a float constant that is too small for a float, so a slope
 * is rounded first. */
static void slopes_are_those_of_the_precision(void **state)
{
    const folder *f = *state;
    const model m = {1,
                     2,
                     {{1, MLP_ACT_LEAKY_RELU, 1e-300}, {1, MLP_ACT_ELU, 0.1}},
                     MLP_LOSS_MSE};
    mlp_net *net = new_net(&m, MLP_F32, NULL);
    assert_int_equal(mlp_export_c(net, f->code, NULL, NULL), MLP_OK);
    char *code = text_of(f->code);
    assert_has(code, "leaky_relu_of(a[i], 0.0f)");
    assert_has(code, "elu_of(y[i], 0.100000001f)");
    free(code);
    mlp_net_free(net);
}

/* If all outputs in int8 name one class, there is no comparison, because
 * compilers warn of one that always has the same result. */
static void a_class_out_of_range_is_a_constant(void **state)
{
    const folder *f = *state;
    const model m = {1, 1, {{1, MLP_ACT_IDENTITY}}, MLP_LOSS_MSE};
    const char *const names[] = {"low", "high"};
    const double x[] = {-1, 1};
    const double std = 1;
    mlp_net *net = new_net(&m, MLP_F64, NULL);
    mlp_export_options options = mlp_export_defaults();
    options.int8 = true;
    options.X = mlp_cview_f64(x, 2, 1);
    assert_int_equal(mlp_net_set_class_names(net, names, 2), MLP_OK);
    fill(tensor(net, MLP_W, 1), 0.1);
    for (int i = 0; i < 2; i++) {
        const double mean = i == 0 ? -5 : 5;
        char end[64];
        (void)snprintf(end, sizeof end, "(void)y;\n    return %d;\n}", i);
        assert_int_equal(mlp_net_set_target_scaling(net, &mean, &std), MLP_OK);
        assert_int_equal(mlp_export_c(net, f->code, &options, NULL), MLP_OK);
        char *code = text_of(f->code);
        assert_has(code, end);
        free(code);
    }
    mlp_net_free(net);
}

/* All neurons of a hidden layer have one table, whose name is t1. */
static void a_hidden_layer_looks_up_one_table(void **state)
{
    const folder *f = *state;
    const model m = {
        1, 2, {{2, MLP_ACT_TANH}, {1, MLP_ACT_IDENTITY}}, MLP_LOSS_MSE};
    const double x[] = {-1, 1};
    mlp_net *net = new_net(&m, MLP_F64, NULL);
    mlp_export_options options = mlp_export_defaults();
    options.int8 = true;
    options.X = mlp_cview_f64(x, 2, 1);
    assert_int_equal(mlp_export_c(net, f->code, &options, NULL), MLP_OK);
    char *code = text_of(f->code);
    assert_has(code, "look_up(t1, ");
    assert_null(strstr(code, "look_up_each"));
    free(code);
    mlp_net_free(net);
}

/* ---------------------------------------------------------------------------
 * Numbers
 */

static void assert_reads_back(double x)
{
    char text[MLPI_REAL_SIZE];
    char *end = NULL;
    mlpi_real_text(MLP_F64, x, text);
    assert_null(strchr(text, ','));
    assert_true(same_number(strtod(text, &end), x));
    assert_int_equal(*end, '\0');
    mlpi_real_text(MLP_F32, (double)(float)x, text);
    if (isfinite((float)x)) {
        assert_true(same_number(strtof(text, &end), (float)x));
        assert_string_equal(end, "f");
    }
}

static void numbers_read_back(void **state)
{
    (void)state;
    static const double some[] = {
        0,    -0.0, 1,      -1,    0.1,     1e7,     1e6,    9999999, 1e-4,
        1e-3, 1e22, 5e-324, 1e-45, DBL_MAX, FLT_MAX, -1e300, 1.0 / 3, 123456.5};
    mlp_rng rng = mlp_rng_seeded(11);
    for (size_t i = 0; i < COUNT(some); i++) {
        assert_reads_back(some[i]);
    }
    for (int i = 0; i < 5000; i++) {
        assert_reads_back(ldexp(mlp_rng_randn(&rng), i % 300 - 150));
    }
}

/* The locale de_DE has a decimal comma. tests/scripts/python.sh makes it where
 * it is not installed. */
static void locales_change_nothing(void **state)
{
    const folder *f = *state;
    mlp_net *net = new_net(&moons_model, MLP_F64, NULL);
    assert_int_equal(mlp_export_c(net, f->code, NULL, NULL), MLP_OK);
    char *before = text_of(f->code);
    bool found = setlocale(LC_ALL, "de_DE.UTF-8") != NULL;
    mlp_status status = mlp_export_c(net, f->code, NULL, NULL);
    (void)setlocale(LC_ALL, "C");
    assert_int_equal(status, MLP_OK);
    char *after = text_of(f->code);
    assert_string_equal(before, after);
    free(before);
    free(after);
    mlp_net_free(net);
    if (!found) {
        skip();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(null_and_bad_names_are_refused,
                                        make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(rows_that_do_not_fit_are_refused,
                                        make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(
            parameters_that_are_not_finite_are_refused, make_folder,
            remove_folder),
        cmocka_unit_test_setup_teardown(a_failure_leaves_old_files, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(memory_that_runs_out_changes_nothing,
                                        make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(text_of_the_caller_goes_along,
                                        make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(files_say_what_they_are, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(weights_stand_input_by_input,
                                        make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(scaled_targets_are_counted, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(code_has_what_it_needs_alone,
                                        make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(jacobians_are_written_if_asked_for,
                                        make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(a_jacobian_follows_its_network,
                                        make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(jacobians_that_cannot_be_are_refused,
                                        make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(slopes_are_those_of_the_precision,
                                        make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(a_class_out_of_range_is_a_constant,
                                        make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(a_hidden_layer_looks_up_one_table,
                                        make_folder, remove_folder),
        cmocka_unit_test(numbers_read_back),
        cmocka_unit_test_setup_teardown(locales_change_nothing, make_folder,
                                        remove_folder),
    };
    return cmocka_run_group_tests_name("export", tests, NULL, NULL);
}
