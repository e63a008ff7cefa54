/* SPDX-License-Identifier: MIT */
/*
 * Writes ONNX files for two scripts.
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
 * have `activation`. Softmax is only allowed in the last layer, so the hidden
 * layers have tanh then. */
static mlp_status make(mlp_dtype p, mlp_activation activation,
                       mlp_net **created)
{
    const char *const names[OUTPUTS] = {"a", "b\"", "\xe2\x82\xac", ""};
    bool fits_hidden = activation != MLP_ACT_SOFTMAX;
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
    char *text = read_onnx_text(MLP_TEST_VECTORS, "refused");
    char *next = text;
    mlp_status status = text ? MLP_OK : MLP_ERR_IO;
    for (size_t i = 0; !status && i < FOREIGN; i++) {
        status = read_foreign(MLP_TEST_VECTORS, foreign_names[i], &f)
                     ? write_bytes(folder, i, f.bytes[0], f.size[0])
                     : MLP_ERR_IO;
    }
    for (size_t i = FOREIGN; !status && read_refused(&next, &r); i++) {
        status = write_bytes(folder, i, r.bytes, r.size);
    }
    free(text);
    return status;
}

int main(int argc, char **argv)
{
    const char *what = argc == 3 ? argv[1] : "";
    mlp_status status = strcmp(what, "write") == 0    ? write_all(argv[2])
                        : strcmp(what, "corpus") == 0 ? write_corpus(argv[2])
                                                      : MLP_ERR_ARGUMENT;
    if (status != MLP_OK) {
        (void)fprintf(stderr, "onnx_tool: %s\n", mlp_status_text(status));
        return 1;
    }
    return 0;
}
