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
#include "pictures.h"
#include "two_moons.h"

static const char usage[] =
    "moons: trains a network to tell two moons apart (chapter 5)\n"
    "  --epochs N            passes over the training rows (2000)\n"
    "  --lr X                learning rate (0.1)\n"
    "  --hidden N,N,...      neurons of the hidden layers (16,8)\n"
    "  --noise X             standard deviation of the points' noise (0.2)\n"
    "  --samples N           points, an even number (500)\n"
    "  --seed N              of data, split and weights (42)\n"
    "  --every N             epochs from line to line (200)\n"
    "  --precision f64|f32   of the network (f64)\n"
    "  --plot FILE           draws the decision boundary: .svg or .png\n"
    "  --help                this text\n";

/* Training on a million points takes some 60 megabytes. */
enum { MOST_SAMPLES = 1000000, MOST_EPOCHS = 1000000000, MOST_NEURONS = 10000 };

typedef struct settings {
    size_t epochs, samples, every, seed;
    double lr, noise;
    mlp_dtype precision;
    const char *hidden, *plot;
    mlp_layer layers[MLP_MAX_LAYERS]; /* hidden layers, then the output */
    size_t n_layers;
} settings;

/* Reads "16,8", the neurons of hidden layers with ReLU, and adds the output
 * layer. */
static void parse_hidden(settings *s)
{
    const char *text = s->hidden;
    for (size_t length;; text += length + 1) {
        length = strcspn(text, ",");
        char width[24]; /* a longer number is too large even if cut */
        (void)snprintf(width, sizeof width, "%.*s", (int)length, text);
        if (s->n_layers == MLP_MAX_LAYERS - 1) {
            refuse("--hidden", "at most 255 layers", s->hidden);
        }
        s->layers[s->n_layers++] = (mlp_layer){
            .width = parse_count("--hidden", width, 1, MOST_NEURONS),
            .activation = MLP_ACT_RELU};
        if (text[length] == '\0') {
            break;
        }
    }
    s->layers[s->n_layers++] =
        (mlp_layer){.width = 1, .activation = MLP_ACT_SIGMOID};
}

static settings parse_settings(int argc, char **argv)
{
    settings s = {.epochs = 2000,
                  .samples = 500,
                  .every = 200,
                  .seed = 42,
                  .lr = 0.1,
                  .noise = 0.2,
                  .precision = MLP_F64,
                  .hidden = "16,8"};
    const flag flags[] = {
        {.name = "--epochs",
         .kind = COUNT,
         .value = &s.epochs,
         .low = 0,
         .high = MOST_EPOCHS},
        {.name = "--lr", .kind = POSITIVE, .value = &s.lr},
        {.name = "--hidden", .kind = TEXT, .value = &s.hidden},
        {.name = "--noise", .kind = NUMBER, .value = &s.noise},
        {.name = "--samples",
         .kind = COUNT,
         .value = &s.samples,
         .low = 2,
         .high = MOST_SAMPLES},
        {.name = "--seed",
         .kind = COUNT,
         .value = &s.seed,
         .low = 0,
         .high = UINT32_MAX},
        {.name = "--every",
         .kind = COUNT,
         .value = &s.every,
         .low = 1,
         .high = MOST_EPOCHS},
        {.name = "--precision", .kind = PRECISION, .value = &s.precision},
        {.name = "--plot", .kind = TEXT, .value = &s.plot}};
    parse_flags(usage, flags, sizeof flags / sizeof flags[0], argc, argv);
    parse_hidden(&s);
    if (s.samples % 2 != 0) {
        char came[24];
        (void)snprintf(came, sizeof came, "%zu", s.samples);
        refuse("--samples", "an even number, half for each moon", came);
    }
    return s;
}

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
    uint32_t seed = (uint32_t)s.seed;
    samples all = make_moons(s.samples, s.noise, seed);
    samples train, test;
    split(all, seed, s.precision, &train, &test);
    print_data(train, test);

    mlp_config config = mlp_config_defaults();
    config.inputs = train.X.cols;
    config.layers = s.layers;
    config.n_layers = s.n_layers;
    config.precision = s.precision;
    config.loss = MLP_LOSS_BCE;
    config.init = MLP_INIT_HE;
    config.seed = seed;
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
    if (s.plot) {
        draw_decision_boundary(net, test, s.plot);
    }

    mlp_net_free(net);
    free_samples(all);
    free_samples(train);
    free_samples(test);
    return 0;
}
