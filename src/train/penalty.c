/* SPDX-License-Identifier: MIT */
#include "train/penalty.h"

#include <math.h>

enum { BLOCK = 512 }; /* elements that are widened at once */

_Static_assert(MLPI_SUM_CHUNK % BLOCK == 0, "chunks are whole blocks");
_Static_assert(BLOCK % MLPI_LANES == 0, "a block begins with lane 0");

typedef struct lanes {
    double squares[MLPI_LANES], magnitudes[MLPI_LANES];
} lanes;

/* Adds n terms, the first of which belongs to lane 0. Either may be unwanted,
 * and is skipped. */
static void add_terms(lanes *s, const mlpi_kernels *kernels, size_t n,
                      const void *x, const mlpi_optimizer *wanted)
{
    double wide[BLOCK];
    for (size_t i = 0; i < n; i += BLOCK) {
        size_t part = n - i < BLOCK ? n - i : BLOCK;
        kernels->to_double(part, mlpi_const_at(kernels, x, i), wide);
        if (!wanted || wanted->options.l2 > 0.0) {
            kernels->f64->add_products(part, wide, wide, s->squares);
        }
        if (wanted && wanted->options.l1 > 0.0) {
            kernels->f64->add_magnitudes(part, wide, s->magnitudes);
        }
    }
}

/* J's part without 1 / rows, of a chunk of weights. */
static double chunk_penalty(const mlpi_update_context *d, size_t n,
                            const void *w)
{
    lanes s = {{0.0}, {0.0}};
    add_terms(&s, d->net->kernels, n, w, d->optimizer);
    return d->optimizer->options.l2 * 0.5 * mlpi_join_lanes(s.squares) +
           d->optimizer->options.l1 * mlpi_join_lanes(s.magnitudes);
}

static size_t weight_chunks(const mlp_net *net)
{
    size_t chunks = 0;
    for (size_t l = 1; l <= net->layout.L; l++) {
        chunks += mlpi_sum_chunks(mlpi_layout_weights(&net->layout, l));
    }
    return chunks;
}

void mlpi_penalty_sums(const mlpi_update_context *d, const mlpi_member *self)
{
    const mlp_net *net = d->net;
    size_t first = 0;
    size_t count = 0;
    mlpi_partition(self, weight_chunks(net), 1, &first, &count);
    size_t chunk = 0;
    for (size_t l = 1; l <= net->layout.L; l++) {
        size_t n = mlpi_layout_weights(&net->layout, l);
        for (size_t i = 0; i < n; i += MLPI_SUM_CHUNK, chunk++) {
            if (chunk >= first && chunk - first < count) {
                size_t part = n - i < MLPI_SUM_CHUNK ? n - i : MLPI_SUM_CHUNK;
                const void *w = mlpi_const_at(net->kernels, net->parameters,
                                              net->layout.layer[l].W + i);
                d->optimizer->sums[chunk] = chunk_penalty(d, part, w);
            }
        }
    }
}

static double add_sums(const mlpi_optimizer *optimizer, size_t chunks)
{
    double sum = 0.0;
    for (size_t i = 0; i < chunks; i++) {
        sum += optimizer->sums[i];
    }
    return sum;
}

double mlpi_penalty(const mlpi_update_context *d, double rows)
{
    return add_sums(d->optimizer, weight_chunks(d->net)) / rows;
}

void mlpi_penalty_gradient(const mlpi_update_context *d, double rows,
                           size_t first, size_t count)
{
    const mlpi_kernels *kernels = d->net->kernels;
    kernels->penalise(count, d->optimizer->options.l2 / rows,
                      d->optimizer->options.l1 / rows,
                      mlpi_const_at(kernels, d->net->parameters, first),
                      mlpi_at(kernels, d->gradients, first));
}

void mlpi_norm_sums(const mlpi_update_context *d, const mlpi_member *self)
{
    const mlpi_kernels *kernels = d->net->kernels;
    size_t n = d->net->layout.parameters;
    size_t first = 0;
    size_t count = 0;
    mlpi_partition(self, mlpi_sum_chunks(n), 1, &first, &count);
    for (size_t chunk = first; chunk < first + count; chunk++) {
        size_t i = chunk * MLPI_SUM_CHUNK;
        size_t part = n - i < MLPI_SUM_CHUNK ? n - i : MLPI_SUM_CHUNK;
        lanes s = {{0.0}, {0.0}};
        add_terms(&s, kernels, part, mlpi_const_at(kernels, d->gradients, i),
                  NULL);
        d->optimizer->sums[chunk] = mlpi_join_lanes(s.squares);
    }
}

double mlpi_clip_scale(const mlpi_update_context *d)
{
    if (!d->optimizer->clips) {
        return 1.0;
    }
    double norm = sqrt(
        add_sums(d->optimizer, mlpi_sum_chunks(d->net->layout.parameters)));
    double scale = d->optimizer->options.clip_norm / (norm + 1e-6);
    return scale > 1.0 ? 1.0 : scale;
}
