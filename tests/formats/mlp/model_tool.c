/* SPDX-License-Identifier: MIT */
/*
 * The library's side of tests/scripts/python.sh, in which Python reads what the
 * library wrote and writes what the library reads:
 *
 *     model_tool write <kind> <precision> <path>   saves a golden network
 *     model_tool train <path>               saves a trained network without
 *                                           scaling
 *     model_tool bare <path>                saves a network of one layer and
 *                                           nothing else
 *     model_tool activations                prints the names of activations
 *     model_tool full <activation> <path>   saves a network that has this
 *                                           activation, batch norm, dropout,
 *                                           and scaling of inputs and outputs
 *     model_tool predict <path>             loads a network and prints its
 *                                           outputs for three rows,
 *                                           x[i][j] = (i - j) / 4
 *     model_tool import <path>              does the same with a safetensors
 *                                           file, imported into a network
 *                                           3-4 (tanh)-2 (identity)
 */
#include "support/golden.h"

enum { M = 3 };

/* Prints the outputs of three rows, one number a line, then the class names. */
static mlp_status print_outputs(const mlp_net *net)
{
    size_t n = mlp_net_inputs(net);
    size_t outputs = mlp_net_outputs(net);
    double *X = calloc(M * (n + 2 * outputs), sizeof *X);
    if (!X) {
        return MLP_ERR_MEMORY;
    }
    double *A = X + M * n;
    bool f32 = mlp_net_precision(net) == MLP_F32;
    mlp_cview rows =
        f32 ? mlp_cview_f32((float *)X, M, n) : mlp_cview_f64(X, M, n);
    mlp_view out = f32 ? mlp_view_f32((float *)A, M, outputs)
                       : mlp_view_f64(A, M, outputs);
    for (size_t i = 0; i < M * n; i++) {
        size_t row = i / n;
        size_t col = i % n;
        double x = ((double)row - (double)col) / 4;
        if (f32) {
            ((float *)X)[i] = (float)x;
        } else {
            X[i] = x;
        }
    }
    mlp_status status = mlp_predict(net, rows, out);
    for (size_t i = 0; status == MLP_OK && i < M * outputs; i++) {
        (void)printf("%.17g\n", mlp_cview_at(mlp_view_const(out), i / outputs,
                                             i % outputs));
    }
    for (size_t i = 0; mlp_net_class_name(net, i); i++) {
        (void)printf("class %s\n", mlp_net_class_name(net, i));
    }
    free(X);
    return status;
}

static mlp_status predict(const char *path)
{
    mlp_net *net = NULL;
    mlp_status status = mlp_net_load(path, NULL, &net);
    if (status == MLP_OK) {
        status = print_outputs(net);
    }
    mlp_net_free(net);
    return status;
}

static mlp_status import(const char *path)
{
    mlp_layer layers[] = {{.width = 4, .activation = MLP_ACT_TANH},
                          {.width = 2, .activation = MLP_ACT_IDENTITY}};
    mlp_config config = tutorial_config();
    config.inputs = 3;
    config.layers = layers;
    config.n_layers = 2;
    config.loss = MLP_LOSS_MSE;
    config.precision = MLP_F32;
    mlp_net *net = NULL;
    mlp_status status = mlp_net_create(&config, &net);
    if (status == MLP_OK) {
        status = mlp_net_import(net, path);
    }
    if (status == MLP_OK) {
        status = print_outputs(net);
    }
    mlp_net_free(net);
    return status;
}

static mlp_status train(const char *path)
{
    static const double X[4][2] = {{0, 0}, {0, 1}, {1, 0}, {1, 1}};
    static const double Y[4] = {0, 1, 1, 0};
    mlp_layer layers[] = {{.width = 4, .activation = MLP_ACT_TANH},
                          {.width = 3, .activation = MLP_ACT_RELU},
                          {.width = 1, .activation = MLP_ACT_SIGMOID}};
    mlp_config config = tutorial_config();
    config.inputs = 2;
    config.layers = layers;
    config.n_layers = 3;
    mlp_net *net = NULL;
    mlp_status status = mlp_net_create(&config, &net);
    if (status == MLP_OK) {
        status = mlp_fit(net, mlp_cview_f64(X[0], 4, 2), mlp_cview_f64(Y, 4, 1),
                         NULL, NULL);
    }
    if (status == MLP_OK) {
        status = mlp_net_save(net, path);
    }
    mlp_net_free(net);
    return status;
}

static mlp_status write_bare(const char *path)
{
    mlp_layer layer = {.width = 1, .activation = MLP_ACT_IDENTITY};
    mlp_config config = tutorial_config();
    config.inputs = 1;
    config.layers = &layer;
    config.n_layers = 1;
    config.loss = MLP_LOSS_MSE;
    config.precision = MLP_F32;
    mlp_net *net = NULL;
    mlp_status status = mlp_net_create(&config, &net);
    if (status == MLP_OK) {
        status = mlp_net_save(net, path);
    }
    mlp_net_free(net);
    return status;
}

static void print_activations(void)
{
    for (int f = MLP_ACT_AUTO + 1; mlp_activation_name((mlp_activation)f);
         f++) {
        (void)puts(mlp_activation_name((mlp_activation)f));
    }
}

/* Returns the activation of this name. */
static mlp_activation activation_of(const char *name)
{
    int f = 0;
    while (mlp_activation_name((mlp_activation)f) &&
           strcmp(mlp_activation_name((mlp_activation)f), name) != 0) {
        f++;
    }
    return (mlp_activation)f;
}

/* Softmax can only stand in the last layer, and its outputs, which are
 * probabilities, are not scaled. */
static mlp_status write_full(const char *name, const char *path)
{
    static const double mean[] = {0.5, -2, 1};
    static const double std[] = {0.25, 3, 2};
    mlp_activation f = activation_of(name);
    bool is_softmax = f == MLP_ACT_SOFTMAX;
    mlp_activation hidden = is_softmax ? MLP_ACT_TANH : f;
    mlp_layer layers[] = {
        {.width = 5, .activation = hidden, .slope = 0.3, .batch_norm = true},
        {.width = 4, .activation = hidden, .slope = 0.7, .dropout = 0.5},
        {.width = 2, .activation = f, .slope = 0.25}};
    mlp_config config = tutorial_config();
    config.inputs = 3;
    config.layers = layers;
    config.n_layers = 3;
    config.loss = is_softmax ? MLP_LOSS_CCE : MLP_LOSS_MSE;
    config.batch_norm_epsilon = 0.01;
    mlp_net *net = NULL;
    mlp_status status = mlp_net_create(&config, &net);
    if (status == MLP_OK) {
        status = mlp_net_set_scaling(net, mean, std);
    }
    if (status == MLP_OK && !is_softmax) {
        status = mlp_net_set_target_scaling(net, mean, std);
    }
    if (status == MLP_OK) {
        golden_fill(net, MLP_SCALE, 1, 4);
        golden_fill(net, MLP_B, 1, 7);
        golden_fill(net, MLP_MEAN, 1, 5);
        golden_fill(net, MLP_VARIANCE, 1, 6);
        status = mlp_net_save(net, path);
    }
    mlp_net_free(net);
    return status;
}

static mlp_status write_golden(const char *kind, const char *precision,
                               const char *path)
{
    mlp_net *net = golden_net(
        kind[0] == '1', strcmp(precision, "float32") == 0 ? MLP_F32 : MLP_F64);
    mlp_status status = mlp_net_save(net, path);
    mlp_net_free(net);
    return status;
}

int main(int argc, char **argv)
{
    const char *what = argc > 2 ? argv[1] : "";
    if (argc == 2 && strcmp(argv[1], "activations") == 0) {
        print_activations();
        return 0;
    }
    mlp_status status = MLP_ERR_ARGUMENT;
    if (strcmp(what, "write") == 0 && argc == 5) {
        status = write_golden(argv[2], argv[3], argv[4]);
    } else if (strcmp(what, "full") == 0 && argc == 4) {
        status = write_full(argv[2], argv[3]);
    } else if (strcmp(what, "train") == 0) {
        status = train(argv[2]);
    } else if (strcmp(what, "bare") == 0) {
        status = write_bare(argv[2]);
    } else if (strcmp(what, "predict") == 0) {
        status = predict(argv[2]);
    } else if (strcmp(what, "import") == 0) {
        status = import(argv[2]);
    }
    if (status != MLP_OK) {
        (void)fprintf(stderr, "%s\n", mlp_status_text(status));
    }
    return status == MLP_OK ? 0 : 1;
}
