/* SPDX-License-Identifier: MIT */
/*
 * Chapter 5: two moons. The network keeps the standardisation of its training
 * rows, so that it is given raw rows, here and wherever it is used later.
 */
#include "example.h"

#include <ctype.h>
#include <errno.h>

/* A million points are half a gigabyte in training. */
enum { MOST_SAMPLES = 1000000, MOST_EPOCHS = 1000000000, MOST_NEURONS = 10000 };

static const char usage[] =
    "moons: trains a network to tell two moons apart\n"
    "  --epochs N            passes over the training rows (2000)\n"
    "  --lr X                learning rate (0.1)\n"
    "  --hidden N,N,...      neurons of the hidden layers (16,8)\n"
    "  --noise X             standard deviation of the points' noise (0.2)\n"
    "  --samples N           points, an even number (500)\n"
    "  --seed N              of data, split and weights (42)\n"
    "  --every N             epochs from line to line (200)\n"
    "  --precision f64|f32   of the network (f64)\n"
    "  --help                this text\n";

typedef struct settings {
    size_t epochs, samples, every;
    double lr, noise;
    uint32_t seed;
    mlp_dtype precision;
    mlp_layer layers[MLP_MAX_LAYERS];
    size_t n_layers;
} settings;

static size_t parse_count(const char *flag, const char *text, size_t low,
                          size_t high)
{
    char *end = NULL;
    errno = 0;
    unsigned long long n = strtoull(text, &end, 10);
    /* strtoull takes blanks and signs, -1 too. */
    if (!isdigit((unsigned char)text[0]) || *end != '\0' || errno != 0 ||
        n < low || n > high) {
        char expected[80];
        (void)snprintf(expected, sizeof expected,
                       "a whole number from %zu to %zu", low, high);
        refuse(flag, expected, text);
    }
    return (size_t)n;
}

static double parse_number(const char *flag, const char *text, bool zero)
{
    char *end = NULL;
    double x = strtod(text, &end);
    if (end == text || *end != '\0' || !isfinite(x) || x < 0 ||
        (x == 0 && !zero)) {
        refuse(flag, zero ? "a number, 0 or above" : "a number above 0", text);
    }
    return x;
}

/* "16,8": hidden layers of ReLU; the output layer follows. */
static void parse_hidden(settings *s, const char *list)
{
    s->n_layers = 0;
    const char *text = list;
    for (size_t length;; text += length + 1) {
        length = strcspn(text, ",");
        char width[24]; /* a text that is cut is too large a number anyway */
        (void)snprintf(width, sizeof width, "%.*s", (int)length, text);
        if (s->n_layers == MLP_MAX_LAYERS - 1) {
            refuse("--hidden", "at most 255 layers", list);
        }
        s->layers[s->n_layers++] = (mlp_layer){
            parse_count("--hidden", width, 1, MOST_NEURONS), MLP_ACT_RELU};
        if (text[length] == '\0') {
            break;
        }
    }
    s->layers[s->n_layers++] = (mlp_layer){1, MLP_ACT_SIGMOID};
}

static void parse_flag(settings *s, const char *flag, const char *value)
{
    if (strcmp(flag, "--epochs") == 0) {
        s->epochs = parse_count(flag, value, 0, MOST_EPOCHS);
    } else if (strcmp(flag, "--lr") == 0) {
        s->lr = parse_number(flag, value, false);
    } else if (strcmp(flag, "--hidden") == 0) {
        parse_hidden(s, value);
    } else if (strcmp(flag, "--noise") == 0) {
        s->noise = parse_number(flag, value, true);
    } else if (strcmp(flag, "--samples") == 0) {
        s->samples = parse_count(flag, value, 2, MOST_SAMPLES);
        if (s->samples % 2 != 0) {
            refuse(flag, "an even number, half for each moon", value);
        }
    } else if (strcmp(flag, "--seed") == 0) {
        s->seed = (uint32_t)parse_count(flag, value, 0, UINT32_MAX);
    } else if (strcmp(flag, "--every") == 0) {
        s->every = parse_count(flag, value, 1, MOST_EPOCHS);
    } else if (strcmp(flag, "--precision") == 0) {
        s->precision = parse_precision(value);
    } else {
        refuse("moons", "a flag that --help names", flag);
    }
}

static settings parse(int argc, char **argv)
{
    settings s = {.epochs = 2000,
                  .samples = 500,
                  .every = 200,
                  .lr = 0.1,
                  .noise = 0.2,
                  .seed = 42,
                  .precision = MLP_F64};
    parse_hidden(&s, "16,8");
    for (int i = 1; i < argc; i += 2) {
        if (strcmp(argv[i], "--help") == 0) {
            printf("%s", usage);
            exit(0);
        }
        if (i + 1 == argc) {
            refuse("moons", "a flag and its value", argv[i]);
        }
        parse_flag(&s, argv[i], argv[i + 1]);
    }
    return s;
}

/* Chapter 5.1 */
static void print_data(samples train, samples test)
{
    double classes[2] = {0, 0};
    for (size_t i = 0; i < train.Y.rows; i++) {
        classes[mlp_cview_at(mlp_view_const(train.Y), i, 0) == 1]++;
    }
    print_title("MOONS DATASET (Created from scratch!)", 60);
    printf("Training samples: %zu\nTest samples: %zu\nFeatures: %zu\n",
           train.X.rows, test.X.rows, train.X.cols);
    print_vector("Class distribution (train): ", mlp_cview_f64(classes, 1, 2),
                 0);
    printf("\n\n");
}

/* Chapter 5.2 */
int main(int argc, char **argv)
{
    settings s = parse(argc, argv);
    samples all = make_moons(s.samples, s.noise, s.seed), train, test;
    split(all, s.seed, s.precision, &train, &test);
    free_samples(all);
    print_data(train, test);

    mlp_config config = mlp_config_defaults();
    config.inputs = train.X.cols;
    config.layers = s.layers;
    config.n_layers = s.n_layers;
    config.precision = s.precision;
    config.seed = s.seed;
    config.hooks.log = tell;
    mlp_net *net = new_net(&config);
    mlp_cview X = mlp_view_const(train.X), Y = mlp_view_const(train.Y);
    check(mlp_net_standardise(net, X));

    printf("\nTraining on Moons Dataset...\n");
    print_rule('-', 60);
    epoch_lines lines = {train, s.every};
    mlp_train_options options = mlp_train_defaults();
    options.epochs = s.epochs;
    options.learning_rate = s.lr;
    options.on_epoch = print_epoch;
    options.user = &lines;
    check(mlp_fit(net, X, Y, &options, NULL));

    printf("\n");
    print_title("FINAL RESULTS", 60);
    printf("Training Accuracy: %.2f%%\n", 100 * accuracy(net, train));
    printf("Test Accuracy: %.2f%%\n", 100 * accuracy(net, test));
    print_rule('=', 60);

    mlp_net_free(net);
    free_samples(train);
    free_samples(test);
    return 0;
}
