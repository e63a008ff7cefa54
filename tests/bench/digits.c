/* SPDX-License-Identifier: MIT */
/*
 * W3 trains a network 64-128-64-10 with softmax on the 1797 handwritten digits
 * of examples/data, in batches of 32, with momentum 0.9, in float32. The time
 * is that from creating the network to the end of the 20th epoch. Then the
 * network must classify 99 of 100 training rows correctly. The peers must do
 * so, too.
 */
#include "bench.h"

#include <stdlib.h>

#include "support/data.h"

enum {
    ROWS = 1797,
    PIXELS = DIGIT_PIXELS,
    CLASSES = 10,
    EPOCHS = 20,
    BATCH = 32
};

static const char name[] = "W3";
static const double least_accuracy = 0.99;

typedef struct digits {
    float x[ROWS * PIXELS];
    int32_t classes[ROWS];
} digits;

static void load(digits *d)
{
    unsigned char *rows = need_digits(ROWS);
    for (size_t i = 0; i < ROWS; i++) {
        const unsigned char *row = rows + i * (PIXELS + 1);
        for (size_t j = 0; j < PIXELS; j++) {
            d->x[i * PIXELS + j] = (float)row[j] / 16.0F;
        }
        d->classes[i] = row[PIXELS];
    }
    free(rows);
}

/* Trains one network. Returns the seconds; *scores are those after training. */
static double train(const bench *b, const digits *d, mlp_scores *scores)
{
    mlp_layer layers[] = {{.width = 128, .activation = MLP_ACT_RELU},
                          {.width = 64, .activation = MLP_ACT_RELU},
                          {.width = CLASSES, .activation = MLP_ACT_SOFTMAX}};
    mlp_config config = tutorial_config();
    config.inputs = PIXELS;
    config.layers = layers;
    config.n_layers = 3;
    config.loss = MLP_LOSS_CCE;
    config.precision = MLP_F32;
    config.kernels = b->kernels;
    mlp_train_options options = tutorial_options();
    options.epochs = EPOCHS;
    options.batch_size = BATCH;
    options.learning_rate = 0.05;
    options.optimizer = mlp_optimizer_defaults(MLP_OPTIMIZER_MOMENTUM);
    options.threads = b->threads;
    mlp_cview X = mlp_cview_f32(d->x, ROWS, PIXELS);
    mlp_cview Y = mlp_cview_i32(d->classes, ROWS, 1);
    mlp_net *net = NULL;
    double start = mlp_bench_now();
    mlp_bench_expect(name, mlp_net_create(&config, &net));
    mlp_bench_expect(name, mlp_fit(net, X, Y, &options, NULL));
    double seconds = mlp_bench_now() - start;
    mlp_bench_expect(name, mlp_evaluate(net, X, Y, scores));
    mlp_net_free(net);
    if (!(scores->accuracy >= least_accuracy)) {
        mlp_bench_fail(name, "too many digits are not recognised");
    }
    return seconds;
}

static double gflop(void)
{
    const double weights = 2.0 * PIXELS * 128 + 3.0 * (128 * 64 + 64 * CLASSES);
    return 2e-9 * weights * ROWS * EPOCHS;
}

void mlp_bench_digits(bench *b)
{
    static timing times;
    if (b->count > 0 || !mlp_bench_wants(b, name)) {
        return;
    }
    digits *d = mlp_bench_allocate(1, sizeof *d);
    load(d);
    mlp_scores scores = {0.0, 0.0};
    (void)train(b, d, &scores);
    mlp_bench_start(&times);
    while (mlp_bench_goes_on(b, &times)) {
        mlp_bench_note(&times, train(b, d, &scores));
    }
    report r = mlp_bench_report(name, "s", 1.0);
    r.gflop = gflop();
    r.loss = scores.loss;
    r.accuracy = scores.accuracy;
    mlp_bench_print_time(b, &r, &times, 1.0);
    free(d);
}
