/* SPDX-License-Identifier: MIT */
/*
 * Chapter 4.2: XOR, which no single neuron can learn, and four hidden ones can.
 *     xor [--precision f64|f32]
 */
#include "example.h"

int main(int argc, char **argv)
{
    mlp_dtype precision = MLP_F64;
    for (int i = 1; i < argc; i += 2) {
        if (strcmp(argv[i], "--help") == 0) {
            printf("xor [--precision f64|f32]\n");
            return 0;
        }
        if (strcmp(argv[i], "--precision") != 0 || i + 1 == argc) {
            refuse("xor", "--precision f64 or f32, or --help", argv[i]);
        }
        precision = parse_precision(argv[i + 1]);
    }

    print_title("TESTING MLP WITH SIMPLE EXAMPLE", 60);
    static const double inputs[] = {0, 0, 0, 1, 1, 0, 1, 1};
    static const double outputs[] = {0, 1, 1, 0};
    samples all = {new_array(precision, 4, 2), new_array(precision, 4, 1)};
    put_all(all.X, inputs);
    put_all(all.Y, outputs);
    /* The tutorial has samples as columns, the library as rows. */
    mlp_cview X = mlp_view_const(all.X), Y = mlp_view_const(all.Y);
    print_matrix("\nXOR Dataset:\nInput X:\n", mlp_cview_transpose(X), 0);
    print_matrix("\nOutput Y: ", mlp_cview_transpose(Y), 0);
    printf("\n");

    mlp_layer layers[] = {{4, MLP_ACT_TANH}, {1, MLP_ACT_SIGMOID}};
    mlp_config config = mlp_config_defaults();
    config.inputs = 2;
    config.layers = layers;
    config.n_layers = 2;
    config.precision = precision;
    config.seed = 42;
    config.hooks.log = tell;
    mlp_net *net = new_net(&config);

    printf("\nTraining...\n");
    epoch_lines lines = {all, 1000};
    mlp_train_options options = mlp_train_defaults();
    options.epochs = 5000;
    options.learning_rate = 0.5;
    options.on_epoch = print_epoch;
    options.user = &lines;
    check(mlp_fit(net, X, Y, &options, NULL));

    mlp_view A = new_array(precision, 4, 1);
    check(mlp_predict(net, X, A));
    printf("\nFinal Predictions:\n");
    printf("Input    | True | Predicted | Rounded\n");
    print_rule('-', 45);
    for (size_t i = 0; i < 4; i++) {
        double predicted = mlp_cview_at(mlp_view_const(A), i, 0);
        printf("[%.0f, %.0f]   |  %.0f   |   %.4f   |    %d\n",
               mlp_cview_at(X, i, 0), mlp_cview_at(X, i, 1),
               mlp_cview_at(Y, i, 0), predicted, predicted > 0.5);
    }

    mlp_net_free(net);
    free(A.data);
    free_samples(all);
    return 0;
}
