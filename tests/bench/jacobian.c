/* SPDX-License-Identifier: MIT */
/*
 * How long mlp_jacobian takes, beside predicting the same row by
 * mlp_predict_with. Both are timed in turns, so that a busy machine slows both.
 * The line holds the median time of a Jacobian and, in the note, how many
 * predictions take as long:
 *
 *     jacobian-64-128-64-10 libmlp 1 2900 ns/call min=2870 predictions=6.9
 *
 * The inputs are scaled, as a fit leaves them.
 */
#include "bench.h"

#include <stdio.h>
#include <stdlib.h>

enum { TURNS = 101, CALLS = 300, MOST_WIDTH = 64 };

typedef struct row {
    const char *name;
    const mlp_net *net;
    mlp_workspace *workspace;
    mlp_cview x;
    mlp_view a, J;
} row;

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Returns the seconds of one prediction, or of one Jacobian. */
static double time_calls(const row *r, bool jacobian)
{
    double start = mlp_bench_now();
    for (size_t i = 0; i < CALLS; i++) {
        mlp_bench_expect(
            r->name, jacobian
                         ? mlp_jacobian(r->net, r->workspace, r->x, r->J)
                         : mlp_predict_with(r->net, r->workspace, r->x, r->a));
    }
    return (mlp_bench_now() - start) / CALLS;
}

static void print_times(const row *r)
{
    static double times[2][TURNS];
    for (size_t i = 0; i < TURNS; i++) {
        times[0][i] = time_calls(r, false);
        times[1][i] = time_calls(r, true);
    }
    qsort(times[0], TURNS, sizeof times[0][0], compare);
    qsort(times[1], TURNS, sizeof times[1][0], compare);
    double middle = times[1][TURNS / 2];
    (void)printf("%s libmlp 1 %.6g ns/call min=%.6g predictions=%.4g\n",
                 r->name, 1e9 * middle, 1e9 * times[1][0],
                 middle / times[0][TURNS / 2]);
}

static void measure(bench *b, const char *name, const size_t *widths)
{
    static float x[MOST_WIDTH];
    static float a[MOST_WIDTH];
    static float J[MOST_WIDTH * MOST_WIDTH];
    static double mean[MOST_WIDTH];
    double std[MOST_WIDTH];
    if (!mlp_bench_chooses(b, name)) {
        return;
    }
    size_t inputs = widths[0];
    size_t outputs = widths[BENCH_LAYERS];
    mlp_layer last = {outputs, MLP_ACT_IDENTITY};
    mlp_net *net = mlp_bench_net(b, name, widths, last, MLP_LOSS_MSE);
    for (size_t i = 0; i < inputs; i++) {
        x[i] = (float)i / 64;
        std[i] = 0.5;
    }
    mlp_bench_expect(name, mlp_net_set_scaling(net, mean, std));
    row r = {name,
             net,
             NULL,
             mlp_cview_f32(x, 1, inputs),
             mlp_view_f32(a, 1, outputs),
             mlp_view_f32(J, outputs, inputs)};
    mlp_bench_expect(name, mlp_workspace_create(net, &r.workspace));
    print_times(&r);
    mlp_workspace_free(r.workspace);
    mlp_net_free(net);
}

void mlp_bench_jacobian(bench *b)
{
    measure(b, "jacobian-2-16-8-1", (size_t[]){2, 16, 8, 1});
    measure(b, "jacobian-64-128-64-10", (size_t[]){64, 128, 64, 10});
    measure(b, "jacobian-10-64-128-64", (size_t[]){10, 64, 128, 64});
}
