/* SPDX-License-Identifier: MIT */
/*
 * Chapter 6: how the number of layers and neurons, and how the learning rate,
 * change what a network learns of the moons.
 *     experiments [--plot DIRECTORY]
 */
#include "chapter6.h"
#include "example.h"
#include "flags.h"

static const char usage[] =
    "experiments [--plot DIRECTORY]\n"
    "Chapter 6: networks with several architectures and learning rates learn\n"
    "the moons. Two pictures are drawn into the directory: architectures.svg\n"
    "and learning_rates.svg.\n";

static outcome run(const architecture *a, size_t epochs, double lr,
                   samples train, samples test)
{
    mlp_layer layers[3];
    mlp_config config = chapter6_config(a, layers);
    mlp_net *net = new_net(&config);
    outcome o = learn_moons(net, epochs, lr, train, test);
    mlp_net_free(net);
    return o;
}

/* Returns the loss of the last epoch. */
static double final_loss(const mlp_history *history)
{
    return mlp_history_losses(history)[mlp_history_epochs(history) - 1];
}

/* Chapter 6.1 compares architectures. */
static void experiment_architectures(samples train, samples test,
                                     const char *path)
{
    outcome outcomes[ARCHITECTURES];
    for (size_t i = 0; i < ARCHITECTURES; i++) {
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
    for (size_t i = 0; i < ARCHITECTURES; i++) {
        /* printf counts bytes, and an arrow has two bytes more than columns. */
        int width = 27 + 2 * (int)architectures[i].n_hidden;
        printf("%-*s %10.2f%% %10.2f%% %12.6f\n", width, architectures[i].name,
               100 * outcomes[i].train, 100 * outcomes[i].test,
               final_loss(outcomes[i].history));
    }
    print_line_of('=', 70);
    if (path) {
        draw_architectures(outcomes, path);
    }
    free_outcomes(outcomes, ARCHITECTURES);
}

/* Chapter 6.2 compares learning rates. */
static void experiment_learning_rates(samples train, samples test,
                                      const char *path)
{
    outcome outcomes[RATES];
    for (size_t i = 0; i < RATES; i++) {
        outcomes[i] = run(&architectures[WIDE_DEEP], 1000,
                          strtod(rates[i], NULL), train, test);
    }

    printf("\n\n");
    print_title("LEARNING RATE COMPARISON", 50);
    for (size_t i = 0; i < RATES; i++) {
        printf("lr = %5s → Test Accuracy: %.2f%% %s\n", rates[i],
               100 * outcomes[i].test, mark_of(outcomes[i].test));
    }
    print_line_of('=', 50);
    if (path) {
        draw_learning_rates(outcomes, path);
    }
    free_outcomes(outcomes, RATES);
}

int main(int argc, char **argv)
{
    const char *directory = NULL;
    const flag flags[] = {
        {.name = "--plot", .kind = TEXT, .value = &directory}};
    parse_flags(usage, flags, 1, argc, argv);
    char first[1024], second[1024];
    if (directory) {
        path_in(directory, "architectures.svg", first, sizeof first);
        path_in(directory, "learning_rates.svg", second, sizeof second);
    }
    samples all = make_moons(500, 0.2, 42);
    samples train, test;
    split(all, 42, MLP_F64, &train, &test);
    experiment_architectures(train, test, directory ? first : NULL);
    experiment_learning_rates(train, test, directory ? second : NULL);
    free_samples(all);
    free_samples(train);
    free_samples(test);
    return 0;
}
