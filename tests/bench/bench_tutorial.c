/* SPDX-License-Identifier: MIT */
/*
 * bench_tutorial xor|moons [seconds]
 *
 * Trains the tutorial's network (chapters 4.2 and 5.2) in f64, over and over
 * for about that long (default 1), and prints the seconds of the fastest
 * training and its last loss. Creating the network is counted, as it is in the
 * tutorial's timing. tests/bench/tutorial.py compares.
 */
/* For clock_gettime. NOLINTNEXTLINE(bugprone-reserved-identifier) */
#define _POSIX_C_SOURCE 200809L

#include <string.h>
#include <time.h>

#include "../data.h"
#include "mlp.h"

enum { MOONS = 400 };

static double now(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

typedef struct task {
    const mlp_layer *layers;
    size_t n_layers;
    mlp_cview X, Y;
    size_t epochs;
    double learning_rate;
} task;

static double train(const task *t, double *loss)
{
    mlp_config config = mlp_config_defaults();
    config.inputs = t->X.cols;
    config.layers = t->layers;
    config.n_layers = t->n_layers;
    mlp_train_options options = mlp_train_defaults();
    options.epochs = t->epochs;
    options.learning_rate = t->learning_rate;
    mlp_net *net = NULL;
    mlp_history *history = NULL;
    double start = now();
    mlp_status status = mlp_net_create(&config, &net);
    if (status == MLP_OK) {
        status = mlp_fit(net, t->X, t->Y, &options, &history);
    }
    double seconds = now() - start;
    if (status != MLP_OK) {
        (void)fprintf(stderr, "%s\n", mlp_status_text(status));
        exit(1);
    }
    *loss = mlp_history_losses(history)[t->epochs - 1];
    mlp_history_free(history);
    mlp_net_free(net);
    return seconds;
}

static task xor_task(void)
{
    static const double X[] = {0, 0, 0, 1, 1, 0, 1, 1};
    static const double Y[] = {0, 1, 1, 0};
    static const mlp_layer layers[] = {{4, MLP_ACT_TANH}, {1, MLP_ACT_SIGMOID}};
    return (task){layers, 2,  mlp_cview_f64(X, 4, 2), mlp_cview_f64(Y, 4, 1),
                  5000,   0.5};
}

static task moons_task(void)
{
    static const mlp_layer layers[] = {
        {16, MLP_ACT_RELU}, {8, MLP_ACT_RELU}, {1, MLP_ACT_SIGMOID}};
    double *rows = need_vector("moons_train", 3 * MOONS).data; /* x1, x2, y */
    return (task){layers,
                  3,
                  {MLP_F64, MOONS, 2, 3, 1, rows},
                  {MLP_F64, MOONS, 1, 3, 1, rows + 2},
                  2000,
                  0.1};
}

int main(int argc, char **argv)
{
    bool moons = argc > 1 && strcmp(argv[1], "moons") == 0;
    if (argc < 2 || (!moons && strcmp(argv[1], "xor") != 0)) {
        (void)fprintf(stderr, "usage: bench_tutorial xor|moons [seconds]\n");
        return 2;
    }
    double budget = argc > 2 ? strtod(argv[2], NULL) : 1.0;
    task t = moons ? moons_task() : xor_task();
    double loss = 0;
    double start = now();
    double best = train(&t, &loss);
    while (now() - start < budget) {
        double seconds = train(&t, &loss);
        best = seconds < best ? seconds : best;
    }
    (void)printf("%.9f %.17g\n", best, loss);
    return 0;
}
