/* SPDX-License-Identifier: MIT */
/*
 * Handwritten digits with softmax (the tutorial's problem 1). Five networks are
 * trained (five folds): each leaves out one fifth of the images and is tested
 * on it.
 *     digits [FILE]
 */
#include "digits.h"

enum { FOLDS = 5 };

/* Leaves one fold of the images out for the test. Each fold has a fifth of the
 * images of each digit. */
static void take_fold(samples all, size_t fold, samples *train, samples *test)
{
    size_t order[ROWS], test_rows;
    mlp_split_options options = mlp_split_defaults();
    options.folds = FOLDS;
    options.hooks = mlp_hooks_stderr();
    check(mlp_k_fold(mlp_view_const(all.Y), &options, fold, order, &test_rows));
    *train = take_digits(all, order, ROWS - test_rows);
    *test = take_digits(all, order + ROWS - test_rows, test_rows);
}

/* Trains on four fifths. Returns the accuracy on the images left out. */
static double learn(samples train, samples test)
{
    const mlp_layer layers[] = {{.width = 128, .dropout = 0.3},
                                {.width = 64, .dropout = 0.2},
                                {.width = CLASSES}};
    mlp_config config = mlp_config_defaults();
    config.inputs = PIXELS;
    config.layers = layers;
    config.n_layers = 3;
    config.loss = MLP_LOSS_CCE; /* the last layer gets softmax */
    config.precision = MLP_F32;
    config.hooks = mlp_hooks_stderr();
    mlp_net *net = NULL;
    check(mlp_net_create(&config, &net));

    mlp_train_options options = mlp_train_defaults();
    /* Pixels have one scale already. To standardise each by itself would make
     * noise large in the corners, which are blank in nearly all images. */
    options.standardise = false;
    options.learning_rate = 0.003; /* at first; it falls to 0 */
    options.schedule.kind = MLP_SCHEDULE_COSINE;
    check(mlp_fit(net, mlp_view_const(train.X), mlp_view_const(train.Y),
                  &options, NULL));
    double score = accuracy(net, test);
    mlp_net_free(net);
    return score;
}

static const char usage[] =
    "digits [FILE]\n"
    "Problem 1: five networks learn handwritten digits from FILE, whose lines\n"
    "hold 64 pixels from 0 to 16 and the digit\n"
    "(" DIGITS_CSV ").\n";

int main(int argc, char **argv)
{
    samples train, test;
    const char *path = DIGITS_CSV;
    const flag flags[] = {{.name = NULL, TEXT, &path}};
    parse_flags(usage, flags, 1, argc, argv);
    samples all = read_digits(path, MLP_F32, 1);
    print_title("HANDWRITTEN DIGITS", 60);
    double sum = 0;
    for (size_t fold = 0; fold < FOLDS; fold++) {
        take_fold(all, fold, &train, &test);
        double score = learn(train, test);
        printf("Fold %zu: %zu images learned, %zu tested, %.2f%% right\n",
               fold + 1, train.X.rows, test.X.rows, 100 * score);
        sum += score;
        free_samples(train);
        free_samples(test);
    }
    free_samples(all);
    print_line_of('=', 60);
    printf("Test Accuracy: %.2f%%\n", 100 * sum / FOLDS);
    return 0;
}
