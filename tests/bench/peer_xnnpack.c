/* SPDX-License-Identifier: MIT */
/*
 * Measures XNNPACK (as Debian builds it) with the predictions of mlp_bench, on
 * one thread. The program is linked with -lXNNPACK:
 *
 *     peer_xnnpack <peer> <threads> <seconds> [<workload> ...]
 *
 * A network is one operator for each layer, which adds the bias and clamps at 0
 * for ReLU. An operator packs its weights when it is made, before the time is
 * measured, and never sees that they change.
 */
/* This declares clock_gettime and aligned_alloc. */
#define _POSIX_C_SOURCE 200809L

#include "peer.h"

#include <math.h>
#include <xnnpack.h>

enum { LAYERS = 3, MARGIN = XNN_EXTRA_BYTES / sizeof(float) };

typedef struct task {
    const char *name;
    size_t widths[LAYERS + 1];
    size_t rows;
} task;

/* A network, and its activations: layer l reads a[l - 1] and writes a[l]. */
typedef struct network {
    xnn_operator_t layer[LAYERS + 1];
    float *a[LAYERS + 1];
    size_t rows;
} network;

static void expect(enum xnn_status status)
{
    if (status != xnn_status_success) {
        (void)fprintf(stderr, "XNNPACK: status %d\n", (int)status);
        exit(1);
    }
}

static float *numbers(size_t n, double size)
{
    float *x = peer_memory(n + MARGIN, sizeof *x);
    for (size_t i = 0; i < n + MARGIN; i++) {
        x[i] = (float)(size * ((double)rand() / RAND_MAX - 0.5));
    }
    return x;
}

static network make(const task *t)
{
    network net = {.rows = t->rows, .a = {numbers(t->rows * t->widths[0], 2)}};
    for (size_t l = 1; l <= LAYERS; l++) {
        size_t n_prev = t->widths[l - 1];
        size_t n = t->widths[l];
        float *W = numbers(n * n_prev, 2 / sqrt((double)n_prev));
        float *b = numbers(n, 0.1);
        expect(xnn_create_fully_connected_nc_f32(n_prev, n, n_prev, n, W, b,
                                                 l < LAYERS ? 0.0F : -INFINITY,
                                                 INFINITY, 0, &net.layer[l]));
        net.a[l] = numbers(t->rows * n, 0);
        free(W);
        free(b);
    }
    return net;
}

/* The set-up, which takes the addresses, is a part of each call: a caller has
 * other rows each time. */
static void predict(void *state, long calls)
{
    const network *net = state;
    for (long i = 0; i < calls; i++) {
        for (size_t l = 1; l <= LAYERS; l++) {
            expect(xnn_setup_fully_connected_nc_f32(
                net->layer[l], net->rows, net->a[l - 1], net->a[l], NULL));
            expect(xnn_run_operator(net->layer[l], NULL));
        }
    }
}

static void measure(const peer *p, const task *t)
{
    if (!peer_wants(p, t->name)) {
        return;
    }
    double times[2];
    network net = make(t);
    peer_time(p, predict, &net, times);
    if (t->rows == 1) {
        peer_print_time(p, t->name, times, 1e9, "ns/call");
    } else {
        peer_print_rate(p, t->name, times, (double)t->rows, "rows/s");
    }
    for (size_t l = 0; l <= LAYERS; l++) {
        if (l > 0) {
            expect(xnn_delete_operator(net.layer[l]));
        }
        free(net.a[l]);
    }
}

int main(int argc, char **argv)
{
    static const task tasks[] = {
        {"W6-2-16-8-1", {2, 16, 8, 1}, 1},
        {"W6-64-128-64-10", {64, 128, 64, 10}, 1},
        {"W6-784-512-512-10", {784, 512, 512, 10}, 1},
        {"W7", {784, 512, 512, 10}, 10000},
        {"W7-784-512-512-10-16", {784, 512, 512, 10}, 16},
        {"W7-784-512-512-10-1000", {784, 512, 512, 10}, 1000},
        {"W7-64-128-64-10-16", {64, 128, 64, 10}, 16},
        {"W7-64-128-64-10-1000", {64, 128, 64, 10}, 1000},
    };
    peer p = peer_of(argc, argv);
    expect(xnn_initialize(NULL));
    for (size_t i = 0; i < sizeof tasks / sizeof tasks[0]; i++) {
        measure(&p, &tasks[i]);
    }
    return 0;
}
