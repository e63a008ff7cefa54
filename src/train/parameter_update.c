/* SPDX-License-Identifier: MIT */
#include "train/parameter_update.h"

#include <math.h>
#include <string.h>

/* Shares of the parameters are whole multiples of this. */
enum { PARAMETERS_GRAIN = 64 };

/* What the rule's constants are in this step. */
static void set_constants(mlpi_optimizer_step *u, const mlpi_optimizer *o,
                          double alpha)
{
    const mlp_optimizer *is = &o->options;
    switch (is->kind) {
    case MLP_OPTIMIZER_SGD:
        break;
    case MLP_OPTIMIZER_MOMENTUM:
    case MLP_OPTIMIZER_NESTEROV:
        u->decay[0] = is->momentum;
        u->gain[0] = 1.0;
        break;
    case MLP_OPTIMIZER_TUTORIAL_MOMENTUM:
        u->decay[0] = is->momentum;
        u->gain[0] = 1.0 - is->momentum;
        break;
    case MLP_OPTIMIZER_RMSPROP:
        u->decay[0] = is->rho;
        u->gain[0] = 1.0 - is->rho;
        break;
    case MLP_OPTIMIZER_ADAM:
    case MLP_OPTIMIZER_ADAMW:
        u->decay[0] = is->beta1;
        u->gain[0] = 1.0 - is->beta1;
        u->decay[1] = is->beta2;
        u->gain[1] = 1.0 - is->beta2;
        /* The averages began at 0, and this much of them is there. */
        u->alpha = alpha / (1.0 - o->power[0] * is->beta1);
        u->root_factor = 1.0 / sqrt(1.0 - o->power[1] * is->beta2);
        break;
    case MLP_OPTIMIZER_RPROP:
        u->rprop_grow = is->rprop_grow;
        u->rprop_shrink = is->rprop_shrink;
        u->rprop_min = is->rprop_min;
        u->rprop_max = is->rprop_max;
        break;
    case MLP_OPTIMIZER_LBFGS: /* is not done here */
        break;
    }
}

static mlpi_optimizer_step update_of(const mlpi_update_context *d, double alpha)
{
    const mlpi_optimizer *o = d->optimizer;
    mlpi_optimizer_step u = {.kind = o->options.kind,
                             .limit = o->options.clip_value,
                             .scale = mlpi_clip_scale(d),
                             .weight_factor = 1.0,
                             .alpha = alpha,
                             .epsilon = o->options.epsilon};
    set_constants(&u, o, alpha);
    return u;
}

/* Where an update finds the parameters from the first on. */
static void place(const mlpi_update_context *d, mlpi_optimizer_step *u,
                  size_t first)
{
    const mlpi_kernels *kernels = d->net->kernels;
    u->dw = mlpi_const_at(kernels, d->gradients, first);
    u->w = mlpi_at(kernels, d->net->parameters, first);
    for (size_t k = 0; k < d->optimizer->n_states; k++) {
        u->state[k] = mlpi_at(kernels, d->optimizer->state[k], first);
    }
}

/* Updates those of the parameters [first, end) that are in [from, to). */
static void update_part(const mlpi_update_context *d, mlpi_optimizer_step *u,
                        size_t first, size_t end, size_t from, size_t to)
{
    size_t start = first > from ? first : from;
    size_t stop = end < to ? end : to;
    if (start >= stop) {
        return;
    }
    u->n = stop - start;
    place(d, u, start);
    d->net->kernels->optimizer_step(u);
}

/* Weights decay, and what is between them does not. */
static void update_decaying(const mlpi_update_context *d,
                            mlpi_optimizer_step *u, double keep, size_t first,
                            size_t end)
{
    const mlpi_layout *layout = &d->net->layout;
    size_t at = 0;
    for (size_t l = 1; l <= layout->L; l++) {
        size_t W = layout->layer[l].W;
        u->weight_factor = 1.0;
        update_part(d, u, first, end, at, W);
        at = W + mlpi_layout_weights(layout, l);
        u->weight_factor = keep;
        update_part(d, u, first, end, W, at);
    }
    u->weight_factor = 1.0;
    update_part(d, u, first, end, at, layout->parameters);
}

bool mlpi_gradient_is_not_finite(const mlpi_update_context *d,
                                 const mlpi_thread *self)
{
    const mlpi_kernels *kernels = d->net->kernels;
    size_t first = 0;
    size_t count = 0;
    mlpi_partition(self, d->net->layout.parameters, PARAMETERS_GRAIN, &first,
                   &count);
    return !kernels->is_finite(count,
                               mlpi_const_at(kernels, d->gradients, first));
}

void mlpi_backup_part(const mlp_net *net, const mlpi_thread *self, void *backup)
{
    const mlpi_kernels *kernels = net->kernels;
    size_t first = 0;
    size_t count = 0;
    mlpi_partition(self, net->layout.parameters, PARAMETERS_GRAIN, &first,
                   &count);
    memcpy(mlpi_at(kernels, backup, first),
           mlpi_at(kernels, net->parameters, first),
           count * kernels->real_size);
}

void mlpi_update_parameters(const mlpi_update_context *d,
                            const mlpi_thread *self, double alpha, void *backup)
{
    const mlpi_optimizer *o = d->optimizer;
    const mlpi_kernels *kernels = d->net->kernels;
    size_t n = d->net->layout.parameters;
    size_t first = 0;
    size_t count = 0;
    mlpi_partition(self, n, PARAMETERS_GRAIN, &first, &count);
    if (backup) {
        mlpi_backup_part(d->net, self, backup);
    }
    if (o->is_plain) {
        kernels->sgd_step(count, alpha,
                          mlpi_const_at(kernels, d->gradients, first),
                          mlpi_at(kernels, d->net->parameters, first));
        return;
    }
    mlpi_optimizer_step u = update_of(d, alpha);
    if (o->options.weight_decay > 0.0) {
        double kept = 1.0 - alpha * o->options.weight_decay;
        update_decaying(d, &u, kept, first, first + count);
    } else {
        update_part(d, &u, first, first + count, 0, n);
    }
}

mlpi_optimizer_step mlpi_fused_update(const mlpi_update_context *d,
                                      double alpha, size_t first,
                                      bool is_weight)
{
    mlpi_optimizer_step u = update_of(d, alpha);
    if (is_weight && d->optimizer->options.weight_decay > 0.0) {
        u.weight_factor = 1.0 - alpha * d->optimizer->options.weight_decay;
    }
    place(d, &u, first);
    return u;
}

void mlpi_optimizer_advance(mlpi_optimizer *optimizer)
{
    optimizer->steps++;
    optimizer->power[0] *= optimizer->options.beta1;
    optimizer->power[1] *= optimizer->options.beta2;
}

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

void mlpi_penalty_sums(const mlpi_update_context *d, const mlpi_thread *self)
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

void mlpi_norm_sums(const mlpi_update_context *d, const mlpi_thread *self)
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
