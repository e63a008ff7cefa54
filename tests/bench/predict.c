/* SPDX-License-Identifier: MIT */
/*
 * W6 and W7 measure predictions in float32 with a workspace: W6 of one row, W7
 * of many, 10,000 or those that the name ends with. The outputs are linear. Some of them are compared with plain loops
 * in double.
 */
#include "bench.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct task {
    const char *name;
    size_t widths[BENCH_LAYERS + 1];
    size_t rows;
    bool streams; /* true if reading the weights takes all the time */
} task;

typedef struct prediction {
    const char *name;
    const mlp_net *net;
    mlp_workspace *workspace;
    mlp_cview X;
    mlp_view A;
} prediction;

static void predict(void *state, size_t calls)
{
    const prediction *p = state;
    mlp_status status = MLP_OK;
    for (size_t i = 0; i < calls && status == MLP_OK; i++) {
        status = mlp_predict_with(p->net, p->workspace, p->X, p->A);
    }
    mlp_bench_expect(p->name, status);
}

/* Computes a layer for one row, with ReLU unless it is the last. Returns the
 * largest sum of |term| over its outputs, to which errors are relative. */
static double layer_by_hand(const prediction *p, size_t l, const double *in,
                            double *out)
{
    mlp_cview W = {MLP_F32, 0, 0, 0, 0, NULL};
    mlp_cview bias = W;
    mlp_bench_expect(p->name, mlp_net_ctensor(p->net, MLP_W, l, &W));
    mlp_bench_expect(p->name, mlp_net_ctensor(p->net, MLP_B, l, &bias));
    double largest = 0.0;
    for (size_t j = 0; j < W.rows; j++) {
        double z = mlp_cview_at(bias, 0, j);
        double size = fabs(z);
        for (size_t i = 0; i < W.cols; i++) {
            double term = in[i] * mlp_cview_at(W, j, i);
            z += term;
            size += fabs(term);
        }
        out[j] = z > 0.0 || l == BENCH_LAYERS ? z : 0.0;
        largest = fmax(largest, size);
    }
    return largest;
}

static void check_row(const prediction *p, const task *t, size_t row)
{
    double *in = mlp_bench_allocate(t->widths[0], sizeof *in);
    for (size_t i = 0; i < t->widths[0]; i++) {
        in[i] = mlp_cview_at(p->X, row, i);
    }
    double size = 0.0;
    for (size_t l = 1; l <= BENCH_LAYERS; l++) {
        double *out = mlp_bench_allocate(t->widths[l], sizeof *out);
        size = layer_by_hand(p, l, in, out);
        free(in);
        in = out;
    }
    for (size_t j = 0; j < t->widths[BENCH_LAYERS]; j++) {
        double a = mlp_cview_at(mlp_view_const(p->A), row, j);
        if (!(fabs(a - in[j]) <= 1e-4 * size)) {
            mlp_bench_fail(p->name, "an output is not what plain loops give");
        }
    }
    free(in);
}

static void measure(bench *b, const task *t)
{
    static timing times;
    if ((b->count > 0 && t->rows > 1) || !mlp_bench_wants(b, t->name)) {
        return;
    }
    enum { CHECKED = 8 };
    mlp_layer last = {t->widths[BENCH_LAYERS], MLP_ACT_IDENTITY};
    mlp_net *net = mlp_bench_net(b, t->name, t->widths, last, MLP_LOSS_MSE);
    size_t n = t->rows * t->widths[0];
    size_t outputs = t->rows * t->widths[BENCH_LAYERS];
    float *x = mlp_bench_allocate(n, sizeof *x);
    float *a = mlp_bench_allocate(outputs, sizeof *a);
    mlp_rng rng = mlp_rng_seeded(1);
    for (size_t i = 0; i < n; i++) {
        x[i] = (float)mlp_rng_random_sample(&rng);
    }
    prediction p = {t->name, net, NULL, mlp_cview_f32(x, t->rows, t->widths[0]),
                    mlp_view_f32(a, t->rows, t->widths[BENCH_LAYERS])};
    mlp_bench_expect(t->name, mlp_workspace_create(net, &p.workspace));
    mlp_bench_expect(t->name,
                     mlp_workspace_set_threads(p.workspace, b->threads));
    mlp_bench_repeat(b, &(work){predict, &p}, &times);
    for (size_t i = 0; i < t->rows; i += t->rows / CHECKED + 1) {
        check_row(&p, t, i);
    }
    check_row(&p, t, t->rows - 1);
    size_t weights = t->widths[0] * t->widths[1] + t->widths[1] * t->widths[2] +
                     t->widths[2] * t->widths[3];
    if (t->rows == 1) {
        report r = mlp_bench_report(t->name, "ns/call", 1.0);
        r.gflop = 2e-9 * (double)weights;
        r.gbyte = t->streams ? 4e-9 * (double)weights : 0.0;
        mlp_bench_print_time(b, &r, &times, 1e9);
    } else {
        report r = mlp_bench_report(t->name, "rows/s", (double)t->rows);
        r.gflop = 2e-9 * (double)(weights * t->rows);
        mlp_bench_print_rate(b, &r, &times);
    }
    mlp_workspace_free(p.workspace);
    mlp_net_free(net);
    free(x);
    free(a);
}

void mlp_bench_predict(bench *b)
{
    /* The library predicts a single row with one thread. */
    if (b->threads == 1) {
        measure(b, &(task){"W6-2-16-8-1", {2, 16, 8, 1}, 1, false});
        measure(b, &(task){"W6-64-128-64-10", {64, 128, 64, 10}, 1, false});
        measure(b, &(task){"W6-784-512-512-10", {784, 512, 512, 10}, 1, true});
    }
    measure(b, &(task){"W7", {784, 512, 512, 10}, 10000, false});
    measure(b, &(task){"W7-784-512-512-10-16", {784, 512, 512, 10}, 16, false});
    measure(
        b, &(task){"W7-784-512-512-10-1000", {784, 512, 512, 10}, 1000, false});
    measure(b, &(task){"W7-64-128-64-10-16", {64, 128, 64, 10}, 16, false});
    measure(b, &(task){"W7-64-128-64-10-1000", {64, 128, 64, 10}, 1000, false});
}
