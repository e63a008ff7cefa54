/* SPDX-License-Identifier: MIT */
/*
 * How evenly long calls of mlp_predict_with take, which is what audio and
 * control ask: a program that computes a row every millisecond is only as good
 * as its slowest call. Each of a million calls is timed alone. The line holds
 * the median and, in the note,
 *
 *     first   the first call with a new workspace
 *     p99.9   the time that 99.9 % of the calls keep
 *     most    the slowest call
 *
 * Reading the clock takes about as long as a tiny network, so what it takes is
 * measured first, and its median is subtracted. Interrupts and other programs
 * are part of `most`, and of p99.9 on a busy machine.
 */
#include "bench.h"

#include <stdio.h>
#include <stdlib.h>

enum { CALLS = 1000000, READINGS = 10001 };

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

static double sorted_median(double *times, size_t n)
{
    qsort(times, n, sizeof *times, compare);
    return times[n / 2];
}

/* Returns the seconds between two readings of the clock. */
static double clock_seconds(void)
{
    static double times[READINGS];
    for (size_t i = 0; i < READINGS; i++) {
        double start = mlp_bench_now();
        times[i] = mlp_bench_now() - start;
    }
    return sorted_median(times, READINGS);
}

/* Predicts rows one by one, and sets times[i] to the seconds of call i. */
static void time_calls(const char *name, const mlp_net *net, double *times)
{
    enum { ROWS = 16, MOST_WIDTH = 64 };
    static float x[ROWS][MOST_WIDTH];
    static float a[MOST_WIDTH];
    mlp_rng rng = mlp_rng_seeded(1);
    for (size_t i = 0; i < (size_t)ROWS * MOST_WIDTH; i++) {
        x[i / MOST_WIDTH][i % MOST_WIDTH] = (float)mlp_rng_random_sample(&rng);
    }
    mlp_workspace *workspace = NULL;
    mlp_bench_expect(name, mlp_workspace_create(net, &workspace));
    mlp_view A = mlp_view_f32(a, 1, mlp_net_outputs(net));
    for (size_t i = 0; i < CALLS; i++) {
        mlp_cview X = mlp_cview_f32(x[i % ROWS], 1, mlp_net_inputs(net));
        double start = mlp_bench_now();
        mlp_status status = mlp_predict_with(net, workspace, X, A);
        times[i] = mlp_bench_now() - start;
        mlp_bench_expect(name, status);
    }
    mlp_workspace_free(workspace);
}

static void measure(bench *b, const char *name, const size_t *widths)
{
    if (!mlp_bench_chooses(b, name)) {
        return;
    }
    mlp_layer last = {widths[BENCH_LAYERS], MLP_ACT_IDENTITY};
    mlp_net *net = mlp_bench_net(b, name, widths, last, MLP_LOSS_MSE);
    double *times = mlp_bench_allocate(CALLS, sizeof *times);
    double clock = clock_seconds();
    time_calls(name, net, times);
    double first = times[0];
    double median = sorted_median(times, CALLS);
    double late = times[CALLS / 1000 * 999];
    (void)printf("%s libmlp 1 %.6g ns/call min=%.6g first=%.6g p99.9=%.6g "
                 "most=%.6g\n",
                 name, 1e9 * (median - clock), 1e9 * (times[0] - clock),
                 1e9 * (first - clock), 1e9 * (late - clock),
                 1e9 * (times[CALLS - 1] - clock));
    free(times);
    mlp_net_free(net);
}

void mlp_bench_latency(bench *b)
{
    measure(b, "latency-2-16-8-1", (size_t[]){2, 16, 8, 1});
    measure(b, "latency-64-128-64-10", (size_t[]){64, 128, 64, 10});
}
