/* SPDX-License-Identifier: MIT */
/*
 * Writes and reads ONNX files for three scripts.
 *
 * tests/scripts/onnx_runtime.sh calls `onnx_tool write <folder>`. It saves a
 * network of each activation and precision as <name>.onnx, and its predictions
 * for some rows as <name>.txt:
 *
 *     float32 <rows> <inputs> <outputs>
 *     the numbers of X, row by row, then those of A
 *
 * tests/scripts/fuzz.sh calls `onnx_tool corpus <folder>`. It writes the files
 * of tests/vectors, which other software has made.
 *
 * tests/scripts/onnx_graphs.sh calls `onnx_tool graphs <folder>`. It loads the
 * graphs <i>.onnx of tests/fuzz/onnx_graphs.py, predicts the rows of <i>.txt,
 * and writes ours.txt.
 */
#include <stdio.h>
#include <stdlib.h>

#include "mlp_onnx.h"
#include "support/onnx_files.h"
#include "support/tutorial.h"

enum { ROWS = 64, INPUTS = 3, OUTPUTS = 4, HIDDEN = 9 };

static const double mean[INPUTS] = {1, -200, 0.001};
static const double std[INPUTS] = {0.5, 30, 0.07};

static mlp_status fill(mlp_net *net, mlp_tensor which, size_t l, mlp_rng *rng)
{
    mlp_view view;
    mlp_status status = mlp_net_tensor(net, which, l, &view);
    if (status != MLP_OK) {
        return which == MLP_W || which == MLP_B ? status : MLP_OK;
    }
    bool is_positive = which == MLP_VARIANCE;
    for (size_t i = 0; i < view.rows * view.cols; i++) {
        double x = mlp_rng_normal(rng, 0, 0.5);
        (void)mlp_view_set(view, i / view.cols, i % view.cols,
                           is_positive ? x * x + 0.3 : x);
    }
    return MLP_OK;
}

/* Creates a network with scaling, batch norm and names of classes, whose layers
 * have `activation`. Softmax is only allowed in the last layer, and an exp of
 * exps is too large, so the hidden layers have tanh then. */
static mlp_status make(mlp_dtype p, mlp_activation activation,
                       mlp_net **created)
{
    const char *const names[OUTPUTS] = {"a", "b\"", "\xe2\x82\xac", ""};
    bool fits_hidden =
        activation != MLP_ACT_SOFTMAX && activation != MLP_ACT_EXP;
    bool has_slope =
        activation == MLP_ACT_LEAKY_RELU || activation == MLP_ACT_ELU;
    mlp_activation hidden = fits_hidden ? activation : MLP_ACT_TANH;
    mlp_layer layers[] = {
        {.width = HIDDEN, .activation = hidden, .slope = has_slope ? 0.3 : 0},
        {.width = HIDDEN,
         .activation = hidden,
         .slope = has_slope ? 1 : 0,
         .batch_norm = true},
        {.width = OUTPUTS,
         .activation = activation,
         .slope = has_slope ? 0.01 : 0},
    };
    mlp_config config = tutorial_config();
    config.inputs = INPUTS;
    config.layers = layers;
    config.n_layers = 3;
    config.precision = p;
    config.loss = MLP_LOSS_MSE;
    mlp_net *net = NULL;
    mlp_status s = mlp_net_create(&config, &net);
    mlp_rng rng = mlp_rng_seeded((uint32_t)activation);
    for (size_t l = 1; !s && l <= 3; l++) {
        s = fill(net, MLP_B, l, &rng);
        if (!s && l == 2) {
            s = fill(net, MLP_SCALE, l, &rng);
            s = s ? s : fill(net, MLP_MEAN, l, &rng);
            s = s ? s : fill(net, MLP_VARIANCE, l, &rng);
        }
    }
    s = s ? s : mlp_net_set_scaling(net, mean, std);
    s = s ? s : mlp_net_set_class_names(net, names, OUTPUTS);
    *created = net;
    return s;
}

static void print_numbers(FILE *to, mlp_cview view)
{
    for (size_t i = 0; i < view.rows * view.cols; i++) {
        (void)fprintf(to, "%.17g\n",
                      mlp_cview_at(view, i / view.cols, i % view.cols));
    }
}

static mlp_status print_rows(const mlp_net *net, FILE *to)
{
    static float X32[ROWS * INPUTS];
    static float A32[ROWS * OUTPUTS];
    static double X64[ROWS * INPUTS];
    static double A64[ROWS * OUTPUTS];
    bool f32 = mlp_net_precision(net) == MLP_F32;
    mlp_view X =
        f32 ? mlp_view_f32(X32, ROWS, INPUTS) : mlp_view_f64(X64, ROWS, INPUTS);
    mlp_view A = f32 ? mlp_view_f32(A32, ROWS, OUTPUTS)
                     : mlp_view_f64(A64, ROWS, OUTPUTS);
    mlp_rng rng = mlp_rng_seeded(7);
    for (size_t i = 0; i < ROWS * INPUTS; i++) {
        double x = mlp_rng_normal(&rng, mean[i % INPUTS], std[i % INPUTS]);
        (void)mlp_view_set(X, i / INPUTS, i % INPUTS, x);
    }
    mlp_status status = mlp_predict(net, mlp_view_const(X), A);
    (void)fprintf(to, "%s %d %d %d\n", f32 ? "float32" : "float64", ROWS,
                  INPUTS, OUTPUTS);
    print_numbers(to, mlp_view_const(X));
    print_numbers(to, mlp_view_const(A));
    return status;
}

static mlp_status write_model(const char *folder, mlp_dtype p,
                              mlp_activation activation)
{
    char path[1024];
    mlp_net *net = NULL;
    mlp_status status = make(p, activation, &net);
    const char *name = mlp_activation_name(activation);
    (void)snprintf(path, sizeof path, "%s/%s_%s.onnx", folder, name,
                   mlp_dtype_name(p));
    if (status == MLP_OK) {
        status = mlp_onnx_save(net, path);
    }
    (void)snprintf(path, sizeof path, "%s/%s_%s.txt", folder, name,
                   mlp_dtype_name(p));
    FILE *to = status == MLP_OK ? fopen(path, "w") : NULL;
    if (to) {
        status = print_rows(net, to);
    }
    if (status == MLP_OK && (!to || fclose(to) != 0)) {
        status = MLP_ERR_IO;
    }
    mlp_net_free(net);
    return status;
}

static mlp_status write_all(const char *folder)
{
    mlp_status status = MLP_OK;
    for (int a = MLP_ACT_AUTO + 1;
         !status && mlp_activation_name((mlp_activation)a); a++) {
        status = write_model(folder, MLP_F32, (mlp_activation)a);
        if (status == MLP_OK) {
            status = write_model(folder, MLP_F64, (mlp_activation)a);
        }
    }
    return status;
}

static mlp_status write_bytes(const char *folder, size_t index,
                              const unsigned char *bytes, size_t size)
{
    char path[1024];
    (void)snprintf(path, sizeof path, "%s/%zu.onnx", folder, index);
    FILE *to = fopen(path, "wb");
    bool good = to && fwrite(bytes, 1, size, to) == size;
    return to && fclose(to) == 0 && good ? MLP_OK : MLP_ERR_IO;
}

static mlp_status write_corpus(const char *folder)
{
    enum { FOREIGN = sizeof foreign_names / sizeof foreign_names[0] };
    static foreign f;
    static refused r;
    char name[64];
    char *text = read_onnx_text(MLP_TEST_VECTORS, "refused");
    char *cases = read_onnx_text(MLP_TEST_VECTORS, "cases");
    char *next = text;
    char *next_case = cases;
    mlp_status status = text && cases ? MLP_OK : MLP_ERR_IO;
    size_t count = FOREIGN;
    for (size_t i = 0; !status && i < FOREIGN; i++) {
        status = read_foreign(MLP_TEST_VECTORS, foreign_names[i], &f)
                     ? write_bytes(folder, i, f.bytes[0], f.size[0])
                     : MLP_ERR_IO;
    }
    while (!status && read_refused(&next, &r)) {
        status = write_bytes(folder, count++, r.bytes, r.size);
    }
    while (!status && read_case(&next_case, name, sizeof name, &f)) {
        status = write_bytes(folder, count++, f.bytes[0], f.size[0]);
    }
    free(text);
    free(cases);
    return status;
}

/* ---------------------------------------------------------------------------
 * Random graphs
 */

enum { MESSAGE = 256, MAX_NUMBERS = 256 };

/* Keeps the message of the last failure. */
static void keep_message(mlp_status status, const char *message, void *user)
{
    (void)status;
    (void)snprintf(user, MESSAGE, "%s", message);
}

/* Reads the input of a graph: the type and the dimensions, then the numbers.
 * Returns the number of rows, 0 if the file cannot be read. */
static size_t read_input(const char *path, double X[MAX_NUMBERS], size_t *cols)
{
    enum { LINE = 32 * MAX_NUMBERS };
    static char line[LINE];
    size_t rows = 0;
    FILE *from = fopen(path, "r");
    if (from && fgets(line, LINE, from)) {
        char *at = strchr(line, ' ');
        rows = at ? strtoul(at, &at, 10) : 0;
        *cols = 1;
        for (size_t n = 1; n > 0; n = at ? strtoul(at, &at, 10) : 0) {
            *cols *= n;
        }
        at = fgets(line, LINE, from);
        for (size_t i = 0; at && i < rows * *cols && i < MAX_NUMBERS; i++) {
            X[i] = strtod(at, &at);
        }
    }
    if (from) {
        (void)fclose(from);
    }
    return rows;
}

/* Predicts with a network of a graph and prints the output in one line. */
static mlp_status print_output(const mlp_net *net, const double *X, size_t rows,
                               size_t cols, FILE *to)
{
    static float X32[MAX_NUMBERS];
    static float A32[MAX_NUMBERS];
    static double A64[MAX_NUMBERS];
    bool f32 = mlp_net_precision(net) == MLP_F32;
    size_t n = mlp_net_outputs(net);
    mlp_view A = f32 ? mlp_view_f32(A32, rows, n) : mlp_view_f64(A64, rows, n);
    for (size_t i = 0; i < rows * cols; i++) {
        X32[i] = (float)X[i];
    }
    mlp_status status = mlp_predict(
        net,
        f32 ? mlp_cview_f32(X32, rows, cols) : mlp_cview_f64(X, rows, cols), A);
    for (size_t i = 0; status == MLP_OK && i < rows * n; i++) {
        (void)fprintf(to, " %.17g",
                      mlp_cview_at(mlp_view_const(A), i / n, i % n));
    }
    return status;
}

static mlp_status run_graphs(const char *folder)
{
    char path[1024];
    (void)snprintf(path, sizeof path, "%s/ours.txt", folder);
    FILE *to = fopen(path, "w");
    mlp_status status = to ? MLP_OK : MLP_ERR_IO;
    for (size_t i = 0; status == MLP_OK; i++) {
        double X[MAX_NUMBERS] = {0};
        char message[MESSAGE] = "";
        size_t cols = 0;
        mlp_net *net = NULL;
        mlp_hooks hooks = {.log = keep_message, .user = message};
        (void)snprintf(path, sizeof path, "%s/%zu.txt", folder, i);
        size_t rows = read_input(path, X, &cols);
        if (rows == 0) {
            break;
        }
        (void)fprintf(to, "%zu", i);
        (void)snprintf(path, sizeof path, "%s/%zu.onnx", folder, i);
        mlp_status loaded = mlp_onnx_load(path, &hooks, &net);
        if (loaded == MLP_OK) {
            loaded = print_output(net, X, rows, cols, to);
        }
        (void)fprintf(to, "%s%s\n", loaded == MLP_OK ? "" : " ! ", message);
        mlp_net_free(net);
    }
    return to && fclose(to) == 0 ? status : MLP_ERR_IO;
}

int main(int argc, char **argv)
{
    const char *what = argc == 3 ? argv[1] : "";
    mlp_status status = strcmp(what, "write") == 0    ? write_all(argv[2])
                        : strcmp(what, "corpus") == 0 ? write_corpus(argv[2])
                        : strcmp(what, "graphs") == 0 ? run_graphs(argv[2])
                                                      : MLP_ERR_ARGUMENT;
    if (status != MLP_OK) {
        (void)fprintf(stderr, "onnx_tool: %s\n", mlp_status_text(status));
        return 1;
    }
    return 0;
}
