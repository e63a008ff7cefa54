/* SPDX-License-Identifier: MIT */
/*
 * Chapter 5: two moons. The network keeps the mean and standard deviation of
 * its training rows and standardises rows itself. So every caller passes raw
 * rows, here and wherever the network is used later.
 *     moons --help
 */
#include "example.h"
#include "flags.h"
#include "numpy_print.h"
#include "two_moons.h"

/* Chapter 5.1 makes and splits the data. */
static void print_data(samples train, samples test)
{
    double counts[2] = {0, 0};
    for (size_t i = 0; i < train.Y.rows; i++) {
        counts[mlp_cview_at(mlp_view_const(train.Y), i, 0) == 1]++;
    }
    print_title("MOONS DATASET (Created from scratch!)", 60);
    printf("Training samples: %zu\nTest samples: %zu\nFeatures: %zu\n",
           train.X.rows, test.X.rows, train.X.cols);
    print_vector("Class distribution (train): ", mlp_cview_f64(counts, 1, 2),
                 0);
    printf("\n\n");
}

/* Chapter 5.2 trains and tests the network. */
int main(int argc, char **argv)
{
    settings s = parse_settings(argc, argv);
    samples all = make_moons(s.samples, s.noise, s.seed);
    samples train, test;
    split(all, s.seed, s.precision, &train, &test);
    print_data(train, test);

    mlp_config config = mlp_config_defaults();
    config.inputs = train.X.cols;
    config.layers = s.layers;
    config.n_layers = s.n_layers;
    config.precision = s.precision;
    config.loss = MLP_LOSS_BCE;
    config.init = MLP_INIT_HE;
    config.seed = s.seed;
    config.hooks = mlp_hooks_stderr();
    mlp_net *net = new_net(&config);
    mlp_cview X = mlp_view_const(train.X), Y = mlp_view_const(train.Y);
    check(mlp_net_standardise(net, X));

    printf("\nTraining on Moons Dataset...\n");
    print_line_of('-', 60);
    epoch_lines lines = {train, s.every};
    mlp_train_options options = mlp_train_defaults();
    options.epochs = s.epochs;
    options.batch_size = 0; /* all rows */
    options.optimizer = mlp_optimizer_defaults(MLP_OPTIMIZER_SGD);
    options.learning_rate = s.lr;
    options.standardise = false; /* done above */
    options.on_epoch = print_epoch;
    options.user = &lines;
    check(mlp_fit(net, X, Y, &options, NULL));

    printf("\n");
    print_title("FINAL RESULTS", 60);
    printf("Training Accuracy: %.2f%%\n", 100 * accuracy(net, train));
    printf("Test Accuracy: %.2f%%\n", 100 * accuracy(net, test));
    print_line_of('=', 60);

    mlp_net_free(net);
    free_samples(all);
    free_samples(train);
    free_samples(test);
    return 0;
}
