/* SPDX-License-Identifier: MIT */
/*
 * The library's side of tests/scripts/exported_c.sh:
 *
 *     export_tool <folder>
 *
 * exports networks into the folder. For each network it writes
 *
 *     <name>.c, <name>.h   the export
 *     <name>_run.h         the names that run.c or run_int8.c compiles with
 *     <name>.bin           what they compare with: rows, for each the library's
 *                          prediction or its class, and the Jacobians of the
 *                          first rows
 *
 * and prints the bytes that the export stated: <name> <constants> <scratch>.
 * All but one of the networks of real numbers are exported with the Jacobian.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/data.h"
#include "support/tutorial.h"
#include "mlp.h"

enum { ROWS = 10000, JACOBIANS = 200, MOST_LAYERS = 10 };

typedef struct example {
    const char *name;
    mlp_dtype precision;
    bool canonical, scaled;
    size_t inputs;
    mlp_layer layers[MOST_LAYERS]; /* a layer of width 0 ends the list */
    mlp_loss loss;
    const char *classes[4];
    bool without_jacobian;
    double far; /* how far the scores of other classes are above the first */
} example;

/* This network has all activations, with and without batch norm. */
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

#define RATES false, 3, {{7, MLP_ACT_TANH}, {2, MLP_ACT_EXP}}, MLP_LOSS_POISSON
/* Means, and the logarithms of variances, are scaled in different ways. */
#define PAIRS                                                                  \
    true, 3, {{7, MLP_ACT_TANH}, {4, MLP_ACT_IDENTITY}}, MLP_LOSS_GAUSSIAN_NLL

static const example examples[] = {
    {"deep_f32", MLP_F32, false, DEEP},
    {"deep_f64", MLP_F64, false, DEEP},
    {"deep_f32_bits", MLP_F32, true, DEEP},
    {"deep_f64_bits", MLP_F64, true, DEEP},
    {"moons", MLP_F64, false, MOONS},
    {"moons_bits", MLP_F64, true, MOONS},
    {"digits", MLP_F32, false, DIGITS},
    {"digits_bits", MLP_F32, true, DIGITS},
    {"small_f32", MLP_F32, false, MOONS, .without_jacobian = true},
    {"linear", MLP_F32, false, false, 3, {{2}}, MLP_LOSS_MSE},
    /* The next two have fewer inputs than outputs, so their Jacobians take
     * forward mode. */
    {"forward",
     MLP_F32,
     false,
     true,
     2,
     {{9, MLP_ACT_SIGMOID}, {8}, {5, MLP_ACT_TANH, .batch_norm = true}},
     MLP_LOSS_MAE},
    {"forward_bits",
     MLP_F32,
     true,
     false,
     2,
     {{17, MLP_ACT_GELU}, {3, MLP_ACT_SOFTMAX, .batch_norm = true}},
     MLP_LOSS_CCE},
    {"softplus_bits",
     MLP_F64,
     true,
     true,
     1,
     {{7, MLP_ACT_TANH}, {3, MLP_ACT_SOFTPLUS}},
     MLP_LOSS_MSE}, /* with scaled outputs */
    {"scaled_bits",
     MLP_F64,
     true,
     true,
     3,
     {{5, MLP_ACT_TANH}, {2, MLP_ACT_SOFTMAX}},
     MLP_LOSS_MSE}, /* with scaled outputs, in reverse mode */
    /* e^1000 is more than a double can hold. */
    {"far",
     MLP_F64,
     false,
     false,
     3,
     {{3, MLP_ACT_SOFTMAX}},
     MLP_LOSS_CCE,
     .far = 1000},
    {"rates_f32", MLP_F32, false, RATES},
    {"rates_bits", MLP_F64, true, RATES},
    {"pairs", MLP_F64, false, PAIRS},
    {"pairs_f32_bits", MLP_F32, true, PAIRS},
    {"pairs_bits", MLP_F64, true, PAIRS},
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

/* Adds to the bias of each output but the first. */
static void raise_scores(mlp_net *net, double amount)
{
    mlp_view b;
    check(mlp_net_tensor(net, MLP_B, mlp_net_layer_count(net), &b));
    for (size_t j = 1; j < b.cols; j++) {
        (void)mlp_view_set(b, 0, j,
                           mlp_cview_at(mlp_view_const(b), 0, j) + amount);
    }
}

static mlp_net *make_net(const example *e)
{
    mlp_config config = tutorial_config();
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
    if (e->far > 0) {
        raise_scores(net, e->far);
    }
    if (e->scaled) {
        const double mean[] = {0.5, -2, 100, 1e-3, 0};
        const double std[] = {0.25, 3, 1000, 1e-4, 1};
        check(mlp_net_set_scaling(net, mean, std));
        if (e->loss == MLP_LOSS_MSE || e->loss == MLP_LOSS_GAUSSIAN_NLL) {
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

/* Fills X with normal numbers that are two standard deviations wide. */
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
    double *data = calloc((size_t)ROWS * cols, sizeof *data);
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

/* Writes the Jacobians of the first rows of X. */
static void write_jacobians(FILE *file, const mlp_net *net, mlp_cview X)
{
    size_t outputs = mlp_net_outputs(net);
    mlp_view J = new_rows(net, X.cols);
    mlp_workspace *workspace = NULL;
    check(mlp_workspace_create(net, &workspace));
    for (size_t i = 0; i < JACOBIANS; i++) {
        check(mlp_jacobian(net, workspace, mlp_cview_rows(X, i, 1),
                           mlp_view_rows(J, 0, outputs)));
        write_numbers(file, mlp_view_rows(J, 0, outputs));
    }
    mlp_workspace_free(workspace);
    free(J.data);
}

static void write_rows(const example *e, const mlp_net *net, const char *folder)
{
    mlp_view X = new_rows(net, mlp_net_inputs(net));
    mlp_view A = new_rows(net, mlp_net_outputs(net));
    /* The export folds batch norm, so its numbers are those of a folded
     * network. */
    mlp_net *folded = NULL;
    check(mlp_net_fold_batch_norm(net, &folded));
    fill_rows(net, X);
    check(mlp_predict(folded, mlp_view_const(X), A));
    FILE *file = open_file(folder, e->name, ".bin");
    write_numbers(file, X);
    write_numbers(file, A);
    write_jacobians(file, folded, mlp_view_const(X));
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
    if (!e->without_jacobian) {
        const char *most = e->canonical              ? "0.0"
                           : e->precision == MLP_F32 ? "1e-5"
                                                     : "1e-12";
        (void)fprintf(file,
                      "#define JACOBIAN %s_jacobian\n"
                      "#define MOST_OF_JACOBIANS %s\n"
                      "enum { JACOBIANS = %d, "
                      "JACOBIAN_SCRATCH = %s_JACOBIAN_SCRATCH };\n",
                      e->name, most, JACOBIANS, upper);
    }
    if (fclose(file) != 0) {
        check(MLP_ERR_IO);
    }
}

static void run_real(const example *e, const char *folder)
{
    mlp_net *net = make_net(e);
    char path[1024];
    (void)snprintf(path, sizeof path, "%s/%s.c", folder, e->name);
    mlp_export_options options = mlp_export_defaults();
    options.canonical = e->canonical;
    options.jacobian = !e->without_jacobian;
    mlp_export_report report;
    check(mlp_export_c(net, path, &options, &report));
    write_rows(e, net, folder);
    write_names(e, folder);
    (void)printf("%s %zu %zu\n", e->name, report.constant_bytes,
                 report.scratch_bytes);
    mlp_net_free(net);
}

/* ---------------------------------------------------------------------------
 * int8
 */

/* Rows with the class of each. At most most_wrong classes of the export may
 * differ from them. */
typedef struct classified {
    const char *name;
    mlp_cview X, labels;
    size_t most_wrong;
} classified;

static void write_int8(const mlp_net *net, const char *folder,
                       mlp_export_options options, const classified *rows)
{
    char path[1024];
    char names[256];
    mlp_export_report report;
    options.int8 = true;
    options.prefix = "net";
    (void)snprintf(path, sizeof path, "%s/%s.c", folder, rows->name);
    check(mlp_export_c(net, path, &options, &report));
    FILE *file = open_file(folder, rows->name, ".bin");
    for (size_t i = 0; i < rows->X.rows; i++) {
        for (size_t j = 0; j < rows->X.cols; j++) {
            float x = (float)mlp_cview_at(rows->X, i, j);
            (void)fwrite(&x, sizeof x, 1, file);
        }
        int32_t label = (int32_t)mlp_cview_at(rows->labels, i, 0);
        (void)fwrite(&label, sizeof label, 1, file);
    }
    if (fclose(file) != 0) {
        check(MLP_ERR_IO);
    }
    file = open_file(folder, rows->name, "_run.h");
    (void)snprintf(
        names, sizeof names,
        "#include \"%s.h\"\nenum { ROWS = %zu, MOST_WRONG = %zu };\n",
        rows->name, rows->X.rows, rows->most_wrong);
    if (fputs(names, file) < 0 || fclose(file) != 0) {
        check(MLP_ERR_IO);
    }
    (void)printf("%s %zu %zu\n", rows->name, report.constant_bytes,
                 report.scratch_bytes);
}

/* The labels are the classes that the network of real numbers predicts, and the
 * network in int8 may miss a few of them. */
static void run_int8(const example *e, const char *name, size_t most_wrong,
                     const char *folder)
{
    mlp_net *net = make_net(e);
    mlp_view X = new_rows(net, mlp_net_inputs(net));
    int32_t *labels = calloc(ROWS, sizeof *labels);
    if (!labels) {
        check(MLP_ERR_MEMORY);
    }
    fill_rows(net, X);
    check(mlp_classify(net, mlp_view_const(X), 0.5,
                       mlp_view_i32(labels, ROWS, 1)));
    mlp_export_options options = mlp_export_defaults();
    options.X = mlp_cview_rows(mlp_view_const(X), 0, 500);
    write_int8(net, folder, options,
               &(classified){name, mlp_view_const(X),
                             mlp_cview_i32(labels, ROWS, 1), most_wrong});
    mlp_net_free(net);
    free(X.data);
    free(labels);
}

/* Exports a network in int8 whose outputs are quantities of different sizes, so
 * that each has a table of its own. Its self-test compares the integers. */
static void export_quantities(const char *folder)
{
    static const example quantities = {
        "",
        MLP_F64,
        false,
        true,
        5,
        {{9, MLP_ACT_TANH}, {3, MLP_ACT_SOFTPLUS}},
        MLP_LOSS_HUBER};
    char path[1024];
    mlp_net *net = make_net(&quantities);
    mlp_view X = new_rows(net, mlp_net_inputs(net));
    mlp_view W;
    check(mlp_net_tensor(net, MLP_W, 2, &W));
    for (size_t k = 0; k < W.cols; k++) {
        double w = mlp_cview_at(mlp_view_const(W), 1, k);
        (void)mlp_view_set(W, 1, k, 1e4 * w);
    }
    fill_rows(net, X);
    mlp_export_options options = mlp_export_defaults();
    options.X = mlp_view_const(X);
    options.int8 = true;
    options.prefix = "net";
    (void)snprintf(path, sizeof path, "%s/quantities.c", folder);
    check(mlp_export_c(net, path, &options, NULL));
    mlp_net_free(net);
    free(X.data);
}

/* Trains the network of examples/digits.c on four fifths of the digits. On the
 * last fifth int8 may lose 1 percentage point of accuracy. */
static void run_digits(const char *folder)
{
    enum { ALL = 1797, LEARNT = 1437, CLASSES = 10 };
    static float X[ALL][DIGIT_PIXELS];
    static int32_t labels[ALL];
    unsigned char *digits = need_digits(ALL);
    for (size_t i = 0; i < ALL; i++) {
        for (size_t j = 0; j < DIGIT_PIXELS; j++) {
            X[i][j] = (float)digits[i * (DIGIT_PIXELS + 1) + j] / 16;
        }
        labels[i] = digits[i * (DIGIT_PIXELS + 1) + DIGIT_PIXELS];
    }
    free(digits);
    const mlp_layer layers[] = {
        {.width = 128, .activation = MLP_ACT_RELU, .dropout = 0.3},
        {.width = 64, .activation = MLP_ACT_RELU, .dropout = 0.2},
        {.width = CLASSES, .activation = MLP_ACT_SOFTMAX}};
    mlp_config config = tutorial_config();
    config.inputs = DIGIT_PIXELS;
    config.layers = layers;
    config.n_layers = 3;
    config.loss = MLP_LOSS_CCE;
    config.precision = MLP_F32;
    mlp_train_options options = tutorial_options();
    options.epochs = 60;
    options.batch_size = 32;
    options.learning_rate = 0.003;
    options.optimizer = mlp_optimizer_defaults(MLP_OPTIMIZER_ADAM);
    options.schedule = mlp_schedule_defaults(MLP_SCHEDULE_COSINE);
    mlp_cview rows = mlp_cview_f32(X[0], ALL, DIGIT_PIXELS);
    mlp_cview classes = mlp_cview_i32(labels, ALL, 1);
    mlp_export_options to = mlp_export_defaults();
    to.X = mlp_cview_rows(rows, 0, LEARNT);
    to.Y = mlp_cview_rows(classes, 0, LEARNT);
    mlp_net *net = NULL;
    mlp_scores scores;
    check(mlp_net_create(&config, &net));
    check(mlp_fit(net, to.X, to.Y, &options, NULL));
    classified test = {"digits_int8", mlp_cview_rows(rows, LEARNT, ALL),
                       mlp_cview_rows(classes, LEARNT, ALL), 0};
    check(mlp_evaluate(net, test.X, test.labels, &scores));
    test.most_wrong =
        (size_t)((1 - scores.accuracy + 0.01) * (double)test.X.rows);
    write_int8(net, folder, to, &test);
    mlp_net_free(net);
}

int main(int argc, char **argv)
{
    static const example deep = {"", MLP_F32, false, DEEP};
    static const example moons = {"", MLP_F64, false, MOONS};
    if (argc != 2) {
        return EXIT_FAILURE;
    }
    for (size_t i = 0; i < sizeof examples / sizeof *examples; i++) {
        run_real(&examples[i], argv[1]);
    }
    run_digits(argv[1]);
    run_int8(&deep, "deep_int8", ROWS / 10, argv[1]);
    run_int8(&moons, "moons_int8", ROWS / 100, argv[1]);
    export_quantities(argv[1]);
    return EXIT_SUCCESS;
}
