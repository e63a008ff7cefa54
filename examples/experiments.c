/* SPDX-License-Identifier: MIT */
/*
 * Chapter 6: how the number of layers and neurons, and how the learning rate,
 * change what a network learns of the moons.
 */
#include "example.h"
#include "flags.h"
#include "two_moons.h"

typedef struct architecture {
    const char *name;
    size_t n_hidden, hidden[2]; /* hidden layers, and neurons of each */
} architecture;

static const architecture architectures[] = {
    {"Shallow (2→4→1)", 1, {4}},          {"Medium (2→8→1)", 1, {8}},
    {"Wide (2→16→1)", 1, {16}},           {"Deep (2→8→8→1)", 2, {8, 8}},
    {"Wide-Deep (2→16→8→1)", 2, {16, 8}},
};
enum { TRIED = sizeof architectures / sizeof architectures[0] };

typedef struct outcome {
    double train, test, loss; /* accuracies; loss of the last epoch */
} outcome;

static outcome run(const architecture *a, size_t epochs, double lr,
                   samples train, samples test)
{
    mlp_layer layers[3] = {{.width = 0}};
    for (size_t i = 0; i < a->n_hidden; i++) {
        layers[i].width = a->hidden[i];
        layers[i].activation = MLP_ACT_RELU;
    }
    layers[a->n_hidden].width = 1;
    layers[a->n_hidden].activation = MLP_ACT_SIGMOID;

    mlp_config config = mlp_config_defaults();
    config.inputs = train.X.cols;
    config.layers = layers;
    config.n_layers = a->n_hidden + 1;
    config.loss = MLP_LOSS_BCE;
    config.init = MLP_INIT_HE;
    config.seed = 42;
    config.hooks = mlp_hooks_stderr();
    mlp_net *net = new_net(&config);
    mlp_cview X = mlp_view_const(train.X), Y = mlp_view_const(train.Y);
    check(mlp_net_standardise(net, X));

    mlp_train_options options = mlp_train_defaults();
    options.epochs = epochs;
    options.batch_size = 0; /* all rows */
    options.optimizer = mlp_optimizer_defaults(MLP_OPTIMIZER_SGD);
    options.learning_rate = lr;
    options.standardise = false; /* done above */
    mlp_history *history = NULL;
    check(mlp_fit(net, X, Y, &options, &history));

    outcome o = {accuracy(net, train), accuracy(net, test),
                 mlp_history_losses(history)[epochs - 1]};
    mlp_history_free(history);
    mlp_net_free(net);
    return o;
}

/* Chapter 6.1 compares architectures. */
static void experiment_architectures(samples train, samples test)
{
    outcome outcomes[TRIED];
    for (size_t i = 0; i < TRIED; i++) {
        printf("\nTesting: %s\n", architectures[i].name);
        outcomes[i] = run(&architectures[i], 1500, 0.1, train, test);
        printf("   Train: %.2f%% | Test: %.2f%%\n", 100 * outcomes[i].train,
               100 * outcomes[i].test);
    }

    printf("\n\n");
    print_title("ARCHITECTURE COMPARISON SUMMARY", 70);
    printf("%-25s %12s %12s %12s\n", "Architecture", "Train Acc", "Test Acc",
           "Final Loss");
    print_line_of('-', 70);
    for (size_t i = 0; i < TRIED; i++) {
        /* printf counts bytes, and an arrow has two bytes more than columns. */
        int width = 27 + 2 * (int)architectures[i].n_hidden;
        printf("%-*s %10.2f%% %10.2f%% %12.6f\n", width, architectures[i].name,
               100 * outcomes[i].train, 100 * outcomes[i].test,
               outcomes[i].loss);
    }
    print_line_of('=', 70);
}

/* Chapter 6.2 compares learning rates. */
static void experiment_learning_rates(samples train, samples test)
{
    static const char *const rates[] = {"0.001", "0.01", "0.1", "0.5", "1.0"};
    enum { RATES = sizeof rates / sizeof rates[0] };
    outcome outcomes[RATES];
    for (size_t i = 0; i < RATES; i++) {
        outcomes[i] = run(&architectures[TRIED - 1], 1000,
                          strtod(rates[i], NULL), train, test);
    }

    printf("\n\n");
    print_title("LEARNING RATE COMPARISON", 50);
    for (size_t i = 0; i < RATES; i++) {
        printf("lr = %5s → Test Accuracy: %.2f%%\n", rates[i],
               100 * outcomes[i].test);
    }
    print_line_of('=', 50);
}

int main(int argc, char **argv)
{
    parse_nothing("experiments",
                  "Chapter 6: networks with several architectures and learning "
                  "rates learn the\n"
                  "moons.",
                  argc, argv);
    samples all = make_moons(500, 0.2, 42);
    samples train, test;
    split(all, 42, MLP_F64, &train, &test);
    experiment_architectures(train, test);
    experiment_learning_rates(train, test);
    free_samples(all);
    free_samples(train);
    free_samples(test);
    return 0;
}
