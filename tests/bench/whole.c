/* SPDX-License-Identifier: MIT */
/*
 * W1 and W2 are the two trainings of the tutorial (chapters 4.2 and 5.2). The
 * time is that from creating the network to the last epoch, as in the tutorial.
 * The last loss must be that of the tutorial, in float32 close to it.
 */
#include "bench.h"

#include <math.h>
#include <stdlib.h>

#include "support/data.h"

typedef struct training {
    const char *name, *losses; /* names of the result and of its losses */
    size_t inputs, n_layers;
    mlp_layer layers[3];
    mlp_dtype precision;
    size_t rows, epochs;
    double learning_rate;
    double tolerance; /* largest relative error of the last loss */
} training;

#define XOR                                                                    \
    2, 2,                                                                      \
    {                                                                          \
        {4, MLP_ACT_TANH},                                                     \
        {                                                                      \
            1, MLP_ACT_SIGMOID                                                 \
        }                                                                      \
    }
#define MOONS                                                                  \
    2, 3,                                                                      \
    {                                                                          \
        {16, MLP_ACT_RELU}, {8, MLP_ACT_RELU},                                 \
        {                                                                      \
            1, MLP_ACT_SIGMOID                                                 \
        }                                                                      \
    }

static const training trainings[] = {
    {"W1", "xor_loss", XOR, MLP_F64, 4, 5000, 0.5, 1e-9},
    {"W2-f64", "moons_loss", MOONS, MLP_F64, 400, 2000, 0.1, 1e-9},
    {"W2-f32", "moons_loss", MOONS, MLP_F32, 400, 2000, 0.1, 1e-3},
};

/* Rows of inputs and one target each, in the precision of the training. X and Y
 * are views of the same block. */
typedef struct rows {
    mlp_cview X, Y;
    void *data;
} rows;

static rows rows_of(const training *t)
{
    static const double xor_rows[] = {0, 0, 0, 0, 1, 1, 1, 0, 1, 1, 1, 0};
    size_t cols = t->inputs + 1;
    size_t n = t->rows * cols;
    vector moons = {0, 0, NULL};
    const double *source = xor_rows;
    if (t->rows > 4) {
        moons = need_vector("moons_train", n);
        source = moons.data;
    }
    double *doubles = mlp_bench_allocate(n, sizeof *doubles);
    float *floats = (float *)doubles;
    for (size_t i = 0; i < n; i++) {
        if (t->precision == MLP_F32) {
            floats[i] = (float)source[i];
        } else {
            doubles[i] = source[i];
        }
    }
    free(moons.data);
    const void *targets = t->precision == MLP_F32
                              ? (const void *)(floats + t->inputs)
                              : (const void *)(doubles + t->inputs);
    return (rows){{t->precision, t->rows, t->inputs, cols, 1, doubles},
                  {t->precision, t->rows, 1, cols, 1, targets},
                  doubles};
}

/* Trains one network. Returns the seconds; *loss is its last loss. */
static double train(const bench *b, const training *t, const rows *data,
                    double *loss)
{
    mlp_config config = tutorial_config();
    config.inputs = t->inputs;
    config.layers = t->layers;
    config.n_layers = t->n_layers;
    config.precision = t->precision;
    config.kernels = b->kernels;
    mlp_train_options options = tutorial_options();
    options.epochs = b->count > 0 ? b->count : t->epochs;
    options.learning_rate = t->learning_rate;
    options.threads = b->threads;
    mlp_net *net = NULL;
    mlp_history *history = NULL;
    double start = mlp_bench_now();
    mlp_bench_expect(t->name, mlp_net_create(&config, &net));
    mlp_bench_expect(t->name,
                     mlp_fit(net, data->X, data->Y, &options, &history));
    double seconds = mlp_bench_now() - start;
    *loss = mlp_history_losses(history)[options.epochs - 1];
    mlp_history_free(history);
    mlp_net_free(net);
    return seconds;
}

static void check(const training *t, double loss)
{
    vector losses = need_vector(t->losses, t->epochs);
    double expected = losses.data[t->epochs - 1];
    if (!(fabs(loss - expected) <= t->tolerance * expected)) {
        (void)fprintf(stderr, "loss %.17g, expected %.17g\n", loss, expected);
        mlp_bench_fail(t->name, "another loss than the tutorial's");
    }
    free(losses.data);
}

/* Returns the arithmetic of the products with weights: in the forward pass, for
 * the gradients of the weights and, except in the first layer, for those of the
 * inputs. */
static double gflop_of(const training *t)
{
    size_t weights = 0;
    size_t before = t->inputs;
    for (size_t l = 0; l < t->n_layers; l++) {
        weights += (l > 0 ? 3 : 2) * before * t->layers[l].width;
        before = t->layers[l].width;
    }
    return 2e-9 * (double)(weights * t->rows * t->epochs);
}

static void measure(const bench *b, const training *t)
{
    static timing times;
    rows data = rows_of(t);
    double loss = 0.0;
    (void)train(b, t, &data, &loss);
    if (b->count == 0) {
        check(t, loss);
        mlp_bench_start(&times);
        while (mlp_bench_goes_on(b, &times)) {
            mlp_bench_note(&times, train(b, t, &data, &loss));
        }
        check(t, loss);
        report r = mlp_bench_report(t->name, "s", 1.0);
        r.gflop = gflop_of(t);
        r.loss = loss;
        mlp_bench_print_time(b, &r, &times, 1.0);
    }
    free(data.data);
}

void mlp_bench_whole(bench *b)
{
    for (size_t i = 0; i < sizeof trainings / sizeof trainings[0]; i++) {
        if (mlp_bench_wants(b, trainings[i].name)) {
            measure(b, &trainings[i]);
        }
    }
}
