/* SPDX-License-Identifier: MIT */
/*
 * Handwritten digits with softmax (the tutorial's problem 1). 1797 images of 8
 * x 8 pixels belong to ten classes. Five networks are trained (five folds):
 * each leaves out one fifth of the images and is tested on it. data/README.md
 * says where the images are from.
 *     digits [FILE]
 */
#include "example.h"
#include "flags.h"

#include <mlp_data.h>

#ifndef DIGITS_CSV
#define DIGITS_CSV "examples/data/digits.csv"
#endif

enum { ROWS = 1797, PIXELS = 64, CLASSES = 10, FOLDS = 5 };

typedef struct digits {
    size_t n;
    float X[ROWS][PIXELS]; /* brightness, 0 to 1 */
    int32_t label[ROWS];
} digits;

/* Reads the file. A line holds 64 pixels from 0 to 16 and the digit. */
static void read_digits(const char *path, digits *d)
{
    mlp_data *data = NULL;
    mlp_hooks hooks = mlp_hooks_stderr();
    check(mlp_data_load(path, NULL, &hooks, &data));
    mlp_cview values = mlp_data_values(data);
    if (values.rows != ROWS || values.cols != PIXELS + 1) {
        (void)fprintf(stderr, "%s: expects %d digits of %d pixels\n", path,
                      ROWS, PIXELS);
        exit(EXIT_FAILURE);
    }
    d->n = ROWS;
    for (size_t i = 0; i < ROWS; i++) {
        for (size_t j = 0; j < PIXELS; j++) {
            d->X[i][j] = (float)mlp_cview_at(values, i, j) / 16;
        }
        d->label[i] = (int32_t)mlp_cview_at(values, i, PIXELS);
    }
    mlp_data_free(data);
}

/* Copies images order[0..n-1] and their labels. */
static void take_images(const digits *from, const size_t *order, size_t n,
                        digits *to)
{
    to->n = n;
    check(mlp_gather_rows(mlp_cview_f32(from->X[0], ROWS, PIXELS), order, NULL,
                          mlp_view_f32(to->X[0], n, PIXELS)));
    check(mlp_gather_rows(mlp_cview_i32(from->label, ROWS, 1), order, NULL,
                          mlp_view_i32(to->label, n, 1)));
}

/* Leaves one fold of the images out for the test. Each fold has a fifth of the
 * images of each digit. */
static void take_fold(const digits *all, size_t fold, digits *train,
                      digits *test)
{
    size_t order[ROWS], test_rows;
    mlp_split_options options = mlp_split_defaults();
    options.folds = FOLDS;
    options.hooks = mlp_hooks_stderr();
    check(mlp_k_fold(mlp_cview_i32(all->label, ROWS, 1), &options, fold, order,
                     &test_rows));
    take_images(all, order, ROWS - test_rows, train);
    take_images(all, order + ROWS - test_rows, test_rows, test);
}

/* Trains on four fifths. Returns the accuracy on the images left out. */
static double learn(const digits *train, const digits *test)
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
    check(mlp_fit(net, mlp_cview_f32(train->X[0], train->n, PIXELS),
                  mlp_cview_i32(train->label, train->n, 1), &options, NULL));
    mlp_scores scores;
    check(mlp_evaluate(net, mlp_cview_f32(test->X[0], test->n, PIXELS),
                       mlp_cview_i32(test->label, test->n, 1), &scores));
    mlp_net_free(net);
    return scores.accuracy;
}

static const char usage[] =
    "digits [FILE]\n"
    "Problem 1: five networks learn handwritten digits from FILE, whose lines\n"
    "hold 64 pixels from 0 to 16 and the digit\n"
    "(" DIGITS_CSV ").\n";

int main(int argc, char **argv)
{
    static digits all, train, test;
    const char *path = DIGITS_CSV;
    const flag flags[] = {{.name = NULL, TEXT, &path}};
    parse_flags(usage, flags, 1, argc, argv);
    read_digits(path, &all);
    print_title("HANDWRITTEN DIGITS", 60);
    double sum = 0;
    for (size_t fold = 0; fold < FOLDS; fold++) {
        take_fold(&all, fold, &train, &test);
        double score = learn(&train, &test);
        printf("Fold %zu: %zu images learned, %zu tested, %.2f%% right\n",
               fold + 1, train.n, test.n, 100 * score);
        sum += score;
    }
    print_line_of('=', 60);
    printf("Test Accuracy: %.2f%%\n", 100 * sum / FOLDS);
    return 0;
}
