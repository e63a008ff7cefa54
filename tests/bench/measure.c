/* SPDX-License-Identifier: MIT */
/*
 * Chooses, times and prints for all workloads. A result is the median of at
 * least seven repetitions, after one that does not count. If one call is too
 * short for the clock, a repetition has many calls.
 */
/* This declares clock_gettime. NOLINTNEXTLINE(bugprone-reserved-identifier) */
#define _POSIX_C_SOURCE 200809L

#include "bench.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

bool mlp_bench_chooses(bench *b, const char *result)
{
    bool wanted = false;
    for (size_t i = 0; i < b->n_choices; i++) {
        size_t n = strlen(b->choices[i].name);
        if (strncmp(result, b->choices[i].name, n) == 0 &&
            (result[n] == '\0' || result[n] == '-')) {
            b->choices[i].used = true;
            wanted = true;
        }
    }
    return wanted;
}

bool mlp_bench_wants(bench *b, const char *result)
{
    return b->n_choices == 0 || mlp_bench_chooses(b, result);
}

_Noreturn void mlp_bench_fail(const char *result, const char *what)
{
    (void)fprintf(stderr, "%s: %s\n", result, what);
    exit(1);
}

void mlp_bench_expect(const char *result, mlp_status status)
{
    if (status != MLP_OK) {
        mlp_bench_fail(result, mlp_status_text(status));
    }
}

void *mlp_bench_allocate(size_t n, size_t size)
{
    enum { LINE = 64 };
    void *block = aligned_alloc(LINE, (n * size / LINE + 1) * LINE);
    if (!block) {
        mlp_bench_fail("mlp_bench", "out of memory");
    }
    return block;
}

mlp_net *mlp_bench_net(const bench *b, const char *result, const size_t *widths,
                       mlp_layer last, mlp_loss loss)
{
    mlp_layer layers[BENCH_LAYERS] = {
        {widths[1], MLP_ACT_RELU}, {widths[2], MLP_ACT_RELU}, last};
    mlp_config config = tutorial_config();
    config.inputs = widths[0];
    config.layers = layers;
    config.n_layers = BENCH_LAYERS;
    config.loss = loss;
    config.precision = MLP_F32;
    config.kernels = b->kernels;
    mlp_net *net = NULL;
    mlp_bench_expect(result, mlp_net_create(&config, &net));
    mlp_rng rng = mlp_rng_seeded(2);
    for (size_t l = 1; l <= BENCH_LAYERS; l++) {
        mlp_view bias = {MLP_F32, 0, 0, 0, 0, NULL};
        mlp_bench_expect(result, mlp_net_tensor(net, MLP_B, l, &bias));
        for (size_t j = 0; j < bias.cols; j++) {
            (void)mlp_view_set(bias, 0, j, mlp_rng_uniform(&rng, -0.5, 0.5));
        }
    }
    return net;
}

double mlp_bench_now(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

void mlp_bench_start(timing *t)
{
    t->n = 0;
    t->start = mlp_bench_now();
}

void mlp_bench_note(timing *t, double seconds)
{
    if (t->n < MOST_REPETITIONS) {
        t->seconds[t->n++] = seconds;
    }
}

bool mlp_bench_goes_on(const bench *b, const timing *t)
{
    return t->n < LEAST_REPETITIONS ||
           (t->n < MOST_REPETITIONS && mlp_bench_now() - t->start < b->seconds);
}

static double run(const work *w, size_t calls)
{
    double start = mlp_bench_now();
    w->run(w->state, calls);
    return mlp_bench_now() - start;
}

void mlp_bench_repeat(const bench *b, const work *w, timing *t)
{
    if (b->count > 0) {
        w->run(w->state, b->count);
        return;
    }
    /* A repetition lasts a twentieth of the time, unless one call is longer. */
    double least = b->seconds / 20;
    size_t calls = 1;
    double seconds = run(w, calls);
    while (seconds < least) {
        double more = seconds > 0.0 ? 1.2 * least / seconds : 100.0;
        calls = (size_t)((double)calls * fmin(fmax(more, 1.5), 100.0)) + 1;
        seconds = run(w, calls);
    }
    mlp_bench_start(t);
    while (mlp_bench_goes_on(b, t)) {
        mlp_bench_note(t, run(w, calls) / (double)calls);
    }
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Returns the median, and sorts the times: the shortest comes first. */
static double median(timing *t)
{
    qsort(t->seconds, t->n, sizeof t->seconds[0], compare);
    return 0.5 * (t->seconds[(t->n - 1) / 2] + t->seconds[t->n / 2]);
}

report mlp_bench_report(const char *name, const char *unit, double amount)
{
    return (report){.name = name,
                    .peer = "libmlp",
                    .unit = unit,
                    .amount = amount,
                    .loss = NAN,
                    .accuracy = NAN};
}

static void print(const bench *b, const report *r, const double values[2],
                  const char *best, double seconds)
{
    (void)printf("%s %s %zu %.6g %s %s=%.6g", r->name, r->peer, b->threads,
                 values[0], r->unit, best, values[1]);
    if (r->gflop > 0.0) {
        (void)printf(" gflops=%.4g", r->gflop / seconds);
    }
    if (r->gbyte > 0.0) {
        (void)printf(" gbytes=%.4g", r->gbyte / seconds);
    }
    if (!isnan(r->loss)) {
        (void)printf(" loss=%.17g", r->loss);
    }
    if (!isnan(r->accuracy)) {
        (void)printf(" accuracy=%.6g", r->accuracy);
    }
    (void)printf("\n");
    (void)fflush(stdout);
}

void mlp_bench_print_time(const bench *b, const report *r, timing *t,
                          double unit)
{
    if (t->n > 0) {
        double middle = median(t);
        double scale = unit / r->amount;
        print(b, r, (double[]){middle * scale, t->seconds[0] * scale}, "min",
              middle);
    }
}

void mlp_bench_print_rate(const bench *b, const report *r, timing *t)
{
    if (t->n > 0) {
        double middle = median(t);
        print(b, r, (double[]){r->amount / middle, r->amount / t->seconds[0]},
              "max", middle);
    }
}
