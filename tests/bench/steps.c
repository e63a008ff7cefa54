/* SPDX-License-Identifier: MIT */
/*
 * W4, W5, W8 and W10 measure the time of a training step in float32.
 * It is the time of an epoch of mlp_fit divided by the number of steps. So it
 * contains shuffling and gathering rows and computing the loss, but nothing
 * that is done once for a whole training.
 *
 * The steps are checked first. Two steps by the functions of a trainer must
 * give parameters with the same bits as mlp_fit; step_check.c compares the
 * first of them with plain loops.
 */
#include "bench.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static double alpha_of(const stepping *t)
{
    return t->kind == MLP_OPTIMIZER_ADAM ? 0.001 : 0.01;
}

/* ---------------------------------------------------------------------------
 * Data
 */

typedef struct rows {
    mlp_view X, Y;
} rows;

static mlp_view matrix(size_t m, size_t n)
{
    return mlp_view_f32(mlp_bench_allocate(m * n, sizeof(float)), m, n);
}

static rows make_rows(const stepping *t)
{
    size_t m = t->batch * t->steps;
    size_t outputs = t->widths[BENCH_LAYERS];
    rows r = {matrix(m, t->widths[0]), matrix(m, outputs)};
    mlp_rng rng = mlp_rng_seeded(1);
    float *x = r.X.data;
    float *y = r.Y.data;
    for (size_t i = 0; i < m * r.X.cols; i++) {
        x[i] = (float)mlp_rng_random_sample(&rng);
    }
    for (size_t i = 0; i < m * outputs; i++) {
        y[i] = t->classes ? 0.0F : (float)mlp_rng_randn(&rng);
    }
    for (size_t i = 0; t->classes && i < m; i++) {
        int64_t label = 0;
        mlp_bench_expect(t->name,
                         mlp_rng_randint(&rng, 0, (int64_t)outputs, &label));
        y[i * outputs + (size_t)label] = 1.0F;
    }
    return r;
}

static void free_rows(rows r)
{
    free(r.X.data);
    free(r.Y.data);
}

/* Returns a copy of the rows order[0..count-1] of a dense matrix. */
static mlp_view pick(mlp_view all, const size_t *order, size_t count)
{
    mlp_view picked = matrix(count, all.cols);
    mlp_bench_expect("picked rows",
                     mlp_gather_rows(mlp_view_const(all), order, NULL, picked));
    return picked;
}

/* ---------------------------------------------------------------------------
 * The check
 */

/* Trains on the batches that mlp_fit makes of the first rows, one step for each
 * batch. */
static void step_by_hand(const stepping *t, mlp_net *net, const rows *data,
                         size_t batches)
{
    size_t m = t->batch * batches;
    size_t *order = mlp_bench_allocate(m, sizeof *order);
    mlp_rng rng = mlp_rng_seeded(tutorial_options().seed);
    mlp_bench_expect(t->name, mlp_rng_permutation(&rng, m, order));
    mlp_trainer *trainer = NULL;
    mlp_bench_expect(t->name, mlp_trainer_create(net, t->batch, &trainer));
    mlp_optimizer optimizer = mlp_optimizer_defaults(t->kind);
    mlp_bench_expect(t->name, mlp_trainer_set_optimizer(trainer, &optimizer));
    for (size_t i = 0; i < batches; i++) {
        rows part = {pick(data->X, order + i * t->batch, t->batch),
                     pick(data->Y, order + i * t->batch, t->batch)};
        step s = {.result = t->name,
                  .net = net,
                  .X = mlp_view_const(part.X),
                  .Y = mlp_view_const(part.Y),
                  .kind = t->kind,
                  .alpha = alpha_of(t)};
        if (i == 0) {
            mlp_bench_check_step(&s, trainer);
        } else {
            mlp_bench_expect(t->name, mlp_trainer_forward(trainer, s.X));
            mlp_bench_expect(t->name, mlp_trainer_backward(trainer, s.Y));
            mlp_bench_expect(t->name, mlp_trainer_update(trainer, s.alpha));
        }
        free_rows(part);
    }
    mlp_trainer_free(trainer);
    free(order);
}

static void compare(const stepping *t, const mlp_net *a, const mlp_net *b)
{
    for (size_t i = 0; i < 2 * BENCH_LAYERS; i++) {
        mlp_tensor which = i % 2 == 0 ? MLP_W : MLP_B;
        mlp_cview u = {MLP_F32, 0, 0, 0, 0, NULL};
        mlp_cview v = u;
        mlp_bench_expect(t->name, mlp_net_ctensor(a, which, i / 2 + 1, &u));
        mlp_bench_expect(t->name, mlp_net_ctensor(b, which, i / 2 + 1, &v));
        if (memcmp(u.data, v.data, u.rows * u.cols * sizeof(float)) != 0) {
            mlp_bench_fail(t->name, "mlp_fit and single steps give different "
                                    "parameters");
        }
    }
}

static mlp_train_options options_of(const stepping *t)
{
    mlp_train_options options = tutorial_options();
    options.batch_size = t->batch;
    options.learning_rate = alpha_of(t);
    options.optimizer = mlp_optimizer_defaults(t->kind);
    return options;
}

static void check(const stepping *t, mlp_net *net, const rows *data)
{
    enum { BATCHES = 2 };
    mlp_net *copy = NULL;
    mlp_bench_expect(t->name, mlp_net_clone(net, &copy));
    step_by_hand(t, copy, data, BATCHES);
    mlp_train_options options = options_of(t);
    options.epochs = 1;
    size_t m = BATCHES * t->batch;
    mlp_bench_expect(t->name,
                     mlp_fit(net, mlp_cview_rows(mlp_view_const(data->X), 0, m),
                             mlp_cview_rows(mlp_view_const(data->Y), 0, m),
                             &options, NULL));
    compare(t, net, copy);
    mlp_net_free(copy);
}

/* ---------------------------------------------------------------------------
 * The measurement
 */

typedef struct watch {
    const bench *b;
    const stepping *task;
    timing *times;
    double last; /* time at which the last epoch ended */
    double loss;
} watch;

/* Records the time of an epoch. The first one does not count: it warms up the
 * caches, and its time contains what mlp_fit does before. */
static bool on_epoch(const mlp_epoch_progress *progress, void *user)
{
    watch *w = user;
    double now = mlp_bench_now();
    if (progress->epoch == 0) {
        mlp_bench_start(w->times);
    } else {
        mlp_bench_note(w->times, (now - w->last) / (double)w->task->steps);
    }
    w->loss = progress->loss;
    w->last = mlp_bench_now();
    return mlp_bench_goes_on(w->b, w->times);
}

/* Returns the arithmetic of a step. Each weight is used in the forward pass,
 * for its gradient and, except in the first layer, in the backward pass. */
static double gflop_of(const stepping *t)
{
    size_t weights = 0;
    for (size_t l = 1; l <= BENCH_LAYERS; l++) {
        weights += (l > 1 ? 3 : 2) * t->widths[l - 1] * t->widths[l];
    }
    return 2e-9 * (double)(weights * t->batch);
}

/* Returns the memory traffic of the weights in a step. The forward pass reads
 * them, the update reads and writes them, and the backward pass reads them
 * except in the first layer. */
static double gbyte_of(const stepping *t)
{
    size_t weights = 0;
    for (size_t l = 1; l <= BENCH_LAYERS; l++) {
        weights += (l > 1 ? 4 : 3) * t->widths[l - 1] * t->widths[l];
    }
    return 1e-9 * sizeof(float) * (double)weights;
}

void mlp_bench_stepping(const bench *b, const stepping *t)
{
    static timing times;
    rows data = make_rows(t);
    /* One output with classes tells two of them apart. */
    bool one = t->widths[BENCH_LAYERS] == 1;
    mlp_layer last = {.width = t->widths[BENCH_LAYERS],
                      .activation = !t->classes ? MLP_ACT_IDENTITY
                                    : one       ? MLP_ACT_SIGMOID
                                                : MLP_ACT_SOFTMAX};
    mlp_loss loss = !t->classes ? MLP_LOSS_MSE
                    : one       ? MLP_LOSS_BCE
                                : MLP_LOSS_CCE;
    mlp_net *net = mlp_bench_net(b, t->name, t->widths, last, loss);
    check(t, net, &data);
    mlp_train_options options = options_of(t);
    options.threads = b->threads;
    options.epochs = MOST_REPETITIONS + 1;
    options.on_epoch = on_epoch;
    watch w = {.b = b, .task = t, .times = &times};
    options.user = &w;
    mlp_bench_expect(t->name, mlp_fit(net, mlp_view_const(data.X),
                                      mlp_view_const(data.Y), &options, NULL));
    report r = mlp_bench_report(t->name, "ms/step", 1.0);
    r.gflop = gflop_of(t);
    r.gbyte = t->streams ? gbyte_of(t) : 0.0;
    r.loss = w.loss;
    mlp_bench_print_time(b, &r, &times, 1e3);
    mlp_net_free(net);
    free_rows(data);
}

static void measure(bench *b, const stepping *t)
{
    if (b->count == 0 && mlp_bench_wants(b, t->name)) {
        mlp_bench_stepping(b, t);
    }
}

void mlp_bench_steps(bench *b)
{
    static const size_t widths[] = {16, 64, 256, 1024, 4096};
    stepping w4 = {"W4-sgd", {784, 512, 512, 10}, 128, 100, true,
                   false,    MLP_OPTIMIZER_SGD};
    measure(b, &w4);
    w4.name = "W4-adam";
    w4.kind = MLP_OPTIMIZER_ADAM;
    measure(b, &w4);
    measure(b, &(stepping){.name = "W5",
                           .widths = {1024, 2048, 2048, 1024},
                           .batch = 256,
                           .steps = 10,
                           .kind = MLP_OPTIMIZER_SGD});
    for (size_t i = 0; i < sizeof widths / sizeof widths[0]; i++) {
        enum { BATCH = 64, WEIGHTS = 40000000, LEAST = 8, MOST = 1000 };
        char name[32];
        size_t w = widths[i];
        size_t steps = WEIGHTS / (w * w);
        steps = steps < LEAST ? LEAST : steps > MOST ? MOST : steps;
        (void)snprintf(name, sizeof name, "W8-%zu", w);
        measure(b, &(stepping){.name = name,
                               .widths = {w, w, w, 10},
                               .batch = BATCH,
                               .steps = steps,
                               .classes = true,
                               .streams = w == 4096,
                               .kind = MLP_OPTIMIZER_SGD});
    }
    for (size_t batch = 4096; batch <= 16384; batch *= 4) {
        char name[32];
        (void)snprintf(name, sizeof name, "W10-%zu", batch);
        measure(b, &(stepping){.name = name,
                               .widths = {64, 64, 64, 64},
                               .batch = batch,
                               .steps = 2,
                               .kind = MLP_OPTIMIZER_SGD});
    }
}
