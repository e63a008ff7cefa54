/* SPDX-License-Identifier: MIT */
/*
 * The library's side of tests/scripts/export_c.sh:
 *
 *     export_tool <folder>
 *
 * exports networks into the folder: <name>.c and <name>.h; <name>_run.h, which
 * tells run.c their names; and <name>.bin, numbers that it is to compare with:
 * 10,000 rows and what the library predicts. Prints for each the bytes that the
 * export stated: <name> <constants> <scratch>.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mlp.h"

enum { ROWS = 10000, MOST_LAYERS = 10 };

typedef struct example {
    const char *name;
    mlp_dtype precision;
    bool canonical, scaled;
    size_t inputs;
    mlp_layer layers[MOST_LAYERS]; /* up to one of width 0 */
    mlp_loss loss;
    const char *classes[4];
} example;

/* All activations, with and without batch norm. */
#define DEEP                                                                   \
    true, 5,                                                                   \
        {{9, MLP_ACT_LEAKY_RELU, 0.1},                                         \
         {8, MLP_ACT_ELU, 0.7, .batch_norm = true},                            \
         {9, MLP_ACT_GELU},                                                    \
         {8, MLP_ACT_GELU_TANH, .batch_norm = true},                           \
         {9, MLP_ACT_SILU},                                                    \
         {8, MLP_ACT_SOFTPLUS},                                                \
         {9, MLP_ACT_TANH},                                                    \
         {8, MLP_ACT_SIGMOID},                                                 \
         {9, MLP_ACT_RELU},                                                    \
         {4, MLP_ACT_SOFTMAX}},                                                \
        MLP_LOSS_CCE,                                                          \
    {                                                                          \
        "one", "two \"2\"",                                                    \
            "\xe2\x82\xac?"                                                    \
            "?/",                                                              \
            "4"                                                                \
    }
#define MOONS                                                                  \
    true, 2, {{16, MLP_ACT_RELU}, {8, MLP_ACT_RELU}, {1, MLP_ACT_SIGMOID}},    \
        MLP_LOSS_BCE,                                                          \
    {                                                                          \
        "upper moon", "lower moon"                                             \
    }
#define DIGITS                                                                 \
    false, 64,                                                                 \
        {{128, MLP_ACT_RELU}, {64, MLP_ACT_RELU}, {10, MLP_ACT_SOFTMAX}},      \
        MLP_LOSS_CCE

static const example examples[] = {
    {"deep_f32", MLP_F32, false, DEEP},
    {"deep_f64", MLP_F64, false, DEEP},
    {"deep_f32_bits", MLP_F32, true, DEEP},
    {"deep_f64_bits", MLP_F64, true, DEEP},
    {"moons", MLP_F64, false, MOONS},
    {"moons_bits", MLP_F64, true, MOONS},
    {"digits", MLP_F32, false, DIGITS},
    {"small_f32", MLP_F32, false, MOONS},
    {"linear", MLP_F32, false, false, 3, {{2}}, MLP_LOSS_MSE},
    {"softplus_bits",
     MLP_F64,
     true,
     true,
     1,
     {{7, MLP_ACT_TANH}, {3, MLP_ACT_SOFTPLUS}},
     MLP_LOSS_MSE}, /* scales its outputs, too */
};

static void check(mlp_status status)
{
    if (status != MLP_OK) {
        (void)fprintf(stderr, "%s\n", mlp_status_text(status));
        exit(EXIT_FAILURE);
    }
}

static FILE *open_file(const char *folder, const char *name, const char *end)
{
    char path[1024];
    (void)snprintf(path, sizeof path, "%s/%s%s", folder, name, end);
    FILE *file = fopen(path, "wb");
    if (!file) {
        (void)fprintf(stderr, "cannot write %s\n", path);
        exit(EXIT_FAILURE);
    }
    return file;
}

static void fill(mlp_net *net, mlp_tensor which, size_t l, mlp_rng *rng,
                 double low, double high)
{
    mlp_view view;
    check(mlp_net_tensor(net, which, l, &view));
    for (size_t j = 0; j < view.cols; j++) {
        (void)mlp_view_set(view, 0, j, mlp_rng_uniform(rng, low, high));
    }
}

static mlp_net *make_net(const example *e)
{
    mlp_config config = mlp_config_defaults();
    config.inputs = e->inputs;
    config.layers = e->layers;
    while (config.n_layers < MOST_LAYERS && e->layers[config.n_layers].width) {
        config.n_layers++;
    }
    config.loss = e->loss;
    config.precision = e->precision;
    mlp_net *net = NULL;
    check(mlp_net_create(&config, &net));
    mlp_rng rng = mlp_rng_seeded(3);
    for (size_t l = 1; l <= config.n_layers; l++) {
        fill(net, MLP_B, l, &rng, -0.5, 0.5);
        if (e->layers[l - 1].batch_norm) {
            fill(net, MLP_SCALE, l, &rng, 0.5, 2);
            fill(net, MLP_MEAN, l, &rng, -0.5, 0.5);
            fill(net, MLP_VARIANCE, l, &rng, 0.5, 2);
        }
    }
    if (e->scaled) {
        const double mean[] = {0.5, -2, 100, 1e-3, 0};
        const double std[] = {0.25, 3, 1000, 1e-4, 1};
        check(mlp_net_set_scaling(net, mean, std));
        if (e->loss == MLP_LOSS_MSE) {
            check(mlp_net_set_target_scaling(net, mean, std));
        }
    }
    size_t n = 0;
    while (n < 4 && e->classes[n]) {
        n++;
    }
    check(mlp_net_set_class_names(net, e->classes, n));
    return net;
}

/* Rows some standard deviations wide. */
static void fill_rows(const mlp_net *net, mlp_view X)
{
    double mean[64];
    double std[64];
    mlp_rng rng = mlp_rng_seeded(5);
    check(mlp_net_scaling(net, mean, std));
    for (size_t i = 0; i < X.rows; i++) {
        for (size_t j = 0; j < X.cols; j++) {
            (void)mlp_view_set(X, i, j,
                               mean[j] + std[j] * 2 * mlp_rng_randn(&rng));
        }
    }
}

static mlp_view new_rows(const mlp_net *net, size_t cols)
{
    double *data = calloc(ROWS * cols, sizeof *data);
    if (!data) {
        check(MLP_ERR_MEMORY);
    }
    return mlp_net_precision(net) == MLP_F32
               ? mlp_view_f32((float *)data, ROWS, cols)
               : mlp_view_f64(data, ROWS, cols);
}

static void write_numbers(FILE *file, mlp_view rows)
{
    size_t size = rows.dtype == MLP_F32 ? sizeof(float) : sizeof(double);
    size_t n = rows.rows * rows.cols;
    if (fwrite(rows.data, size, n, file) != n) {
        check(MLP_ERR_IO);
    }
}

static void write_rows(const example *e, const mlp_net *net, const char *folder)
{
    mlp_view X = new_rows(net, mlp_net_inputs(net));
    mlp_view A = new_rows(net, mlp_net_outputs(net));
    /* Batch norm is folded before it is exported. */
    mlp_net *folded = NULL;
    check(mlp_net_fold_batch_norm(net, &folded));
    fill_rows(net, X);
    check(mlp_predict(folded, mlp_view_const(X), A));
    FILE *file = open_file(folder, e->name, ".bin");
    write_numbers(file, X);
    write_numbers(file, A);
    if (fclose(file) != 0) {
        check(MLP_ERR_IO);
    }
    mlp_net_free(folded);
    free(X.data);
    free(A.data);
}

static void write_names(const example *e, const char *folder)
{
    char upper[64] = "";
    for (size_t i = 0; e->name[i] && i + 1 < sizeof upper; i++) {
        char c = e->name[i];
        upper[i] = (char)(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
    }
    FILE *file = open_file(folder, e->name, "_run.h");
    (void)fprintf(file,
                  "#include \"%s.h\"\n"
                  "enum { ROWS = %d, INPUTS = %s_INPUTS, OUTPUTS = %s_OUTPUTS, "
                  "SCRATCH = %s_SCRATCH };\n"
                  "typedef %s number;\n#define PREDICT %s_predict\n"
                  "#define MOST %s\n",
                  e->name, ROWS, upper, upper, upper,
                  e->precision == MLP_F32 ? "float" : "double", e->name,
                  e->canonical ? "0.0" : "1e-6");
    if (fclose(file) != 0) {
        check(MLP_ERR_IO);
    }
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        return EXIT_FAILURE;
    }
    for (size_t i = 0; i < sizeof examples / sizeof *examples; i++) {
        const example *e = &examples[i];
        mlp_net *net = make_net(e);
        char path[1024];
        (void)snprintf(path, sizeof path, "%s/%s.c", argv[1], e->name);
        mlp_export_options options = mlp_export_defaults();
        options.canonical = e->canonical;
        mlp_export_report report;
        check(mlp_export_c(net, path, &options, &report));
        write_rows(e, net, argv[1]);
        write_names(e, argv[1]);
        (void)printf("%s %zu %zu\n", e->name, report.constant_bytes,
                     report.scratch_bytes);
        mlp_net_free(net);
    }
    return EXIT_SUCCESS;
}
