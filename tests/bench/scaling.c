/* SPDX-License-Identifier: MIT */
/*
 * Measures how the time of a training step grows with the number of parameters,
 * for networks W-W-W-10 at 64 rows (and for 1-2-3-1, which has 17 parameters),
 * and how it grows with the number of rows, for three networks. Sizes are a
 * quarter of an octave apart, so only few of them are multiples of a tile. The
 * names are scaling-parameters-<parameters> and scaling-<network>-<rows>;
 * scaling.sh draws the curves.
 */
#include "bench.h"

#include <stdio.h>

enum { BATCH = 64, MOST_ROWS = 4096, MOST_WIDTH = 4096 };

static size_t parameters_of(const size_t *widths)
{
    size_t n = 0;
    for (size_t l = 1; l <= BENCH_LAYERS; l++) {
        n += (widths[l - 1] + 1) * widths[l];
    }
    return n;
}

/* Returns the steps of an epoch, so that it has about 2^27 multiply-adds, which
 * take some milliseconds. Large steps make it longer. */
static size_t steps_of(const size_t *widths, size_t batch)
{
    enum { LEAST = 4, MOST = 2000, EPOCH = 1 << 27 };
    size_t steps = EPOCH / (3 * parameters_of(widths) * batch);
    return steps < LEAST ? LEAST : steps > MOST ? MOST : steps;
}

/* Returns the next size: a quarter of an octave larger, rounded to an integer,
 * but at least 1 larger. The last size is `most`. */
static size_t next(size_t size, size_t most)
{
    double larger = (double)size * 1.189207115002721;
    size_t rounded = (size_t)(larger + 0.5);
    size_t after = rounded > size ? rounded : size + 1;
    return size < most && after > most ? most : after;
}

static void measure(bench *b, stepping s)
{
    s.kind = MLP_OPTIMIZER_SGD;
    s.steps = steps_of(s.widths, s.batch);
    s.classes = true;
    if (b->count == 0 && mlp_bench_chooses(b, s.name)) {
        mlp_bench_stepping(b, &s);
    }
}

static void parameters(bench *b, const size_t *w)
{
    char name[64];
    (void)snprintf(name, sizeof name, "scaling-parameters-%zu",
                   parameters_of(w));
    measure(b, (stepping){.name = name,
                          .widths = {w[0], w[1], w[2], w[3]},
                          .batch = BATCH});
}

static void batches(bench *b, const size_t *w)
{
    for (size_t rows = 1; rows <= MOST_ROWS; rows = next(rows, MOST_ROWS)) {
        char name[64];
        (void)snprintf(name, sizeof name, "scaling-%zu-%zu-%zu-%zu-%zu", w[0],
                       w[1], w[2], w[3], rows);
        measure(b, (stepping){.name = name,
                              .widths = {w[0], w[1], w[2], w[3]},
                              .batch = rows});
    }
}

void mlp_bench_scaling(bench *b)
{
    parameters(b, (size_t[]){1, 2, 3, 1});
    for (size_t w = 1; w <= MOST_WIDTH; w = next(w, MOST_WIDTH)) {
        parameters(b, (size_t[]){w, w, w, 10});
    }
    batches(b, (size_t[]){2, 16, 8, 1});
    batches(b, (size_t[]){64, 128, 64, 10});
    batches(b, (size_t[]){784, 512, 512, 10});
}
