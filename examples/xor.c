/* SPDX-License-Identifier: MIT */
/*
 * Chapter 4.2: XOR. A single neuron cannot learn it; four hidden neurons can.
 *     xor [--precision f64|f32] [--plot FILE]
 */
#include "example.h"
#include "flags.h"
#include "numpy_print.h"
#include "pictures.h"

static const char usage[] =
    "xor [--precision f64|f32] [--plot FILE]\n"
    "Chapter 4.2: four hidden neurons learn XOR. The loss of each epoch is\n"
    "drawn into the file, which ends with .svg or .png.\n";

static void print_predictions(const mlp_net *net, mlp_cview X, mlp_cview Y)
{
    mlp_view A = new_array(X.dtype, X.rows, 1);
    check(mlp_predict(net, X, A));
    printf("\nFinal Predictions:\n");
    printf("Input    | True | Predicted | Rounded\n");
    print_line_of('-', 45);
    for (size_t i = 0; i < X.rows; i++) {
        double predicted = mlp_cview_at(mlp_view_const(A), i, 0);
        printf("[%.0f, %.0f]   |  %.0f   |   %.4f   |    %d\n",
               mlp_cview_at(X, i, 0), mlp_cview_at(X, i, 1),
               mlp_cview_at(Y, i, 0), predicted, predicted > 0.5);
    }
    free(A.data);
}

int main(int argc, char **argv)
{
    mlp_dtype precision = MLP_F64;
    const char *plot = NULL;
    const flag flags[] = {
        {.name = "--precision", .kind = PRECISION, .value = &precision},
        {.name = "--plot", .kind = TEXT, .value = &plot}};
    parse_flags(usage, flags, 2, argc, argv);
    print_title("TESTING MLP WITH SIMPLE EXAMPLE", 60);
    static const double inputs[] = {0, 0, 0, 1, 1, 0, 1, 1};
    static const double outputs[] = {0, 1, 1, 0};
    samples all = {new_array(precision, 4, 2), new_array(precision, 4, 1)};
    fill(all.X, inputs);
    fill(all.Y, outputs);
    /* A sample is a column in the tutorial and a row in the library. */
    mlp_cview X = mlp_view_const(all.X), Y = mlp_view_const(all.Y);
    print_matrix("\nXOR Dataset:\nInput X:\n", mlp_cview_transpose(X), 0);
    print_matrix("\nOutput Y: ", mlp_cview_transpose(Y), 0);
    printf("\n");

    mlp_layer layers[] = {{.width = 4, .activation = MLP_ACT_TANH},
                          {.width = 1, .activation = MLP_ACT_SIGMOID}};
    mlp_config config = mlp_config_defaults();
    config.inputs = 2;
    config.layers = layers;
    config.n_layers = 2;
    config.precision = precision;
    config.loss = MLP_LOSS_BCE;
    config.init = MLP_INIT_HE;
    config.seed = 42;
    config.hooks = mlp_hooks_stderr();
    mlp_net *net = new_net(&config);

    printf("\nTraining...\n");
    epoch_lines lines = {all, 1000};
    mlp_train_options options = mlp_train_defaults();
    options.epochs = 5000;
    options.batch_size = 0; /* all rows */
    options.optimizer = mlp_optimizer_defaults(MLP_OPTIMIZER_SGD);
    options.learning_rate = 0.5;
    options.standardise = false;
    options.on_epoch = print_epoch;
    options.user = &lines;
    mlp_history *history = NULL;
    check(mlp_fit(net, X, Y, &options, &history));
    print_predictions(net, X, Y);
    if (plot) {
        draw_learning_curve(history, plot);
    }

    mlp_history_free(history);
    mlp_net_free(net);
    free_samples(all);
    return 0;
}
