/* SPDX-License-Identifier: MIT */
#include "descent.h"

#include <math.h>
#include <string.h>

/* Shares of the parameters are whole multiples of this; and so many elements
 * are widened at once. */
enum { PARAMETERS_GRAIN = 64, BLOCK = 512 };

_Static_assert(MLPI_SUM_CHUNK % BLOCK == 0, "chunks are whole blocks");
_Static_assert(BLOCK % MLPI_LANES == 0, "a block begins with lane 0");

static size_t weights_of(const mlp_net *net, size_t l)
{
    const mlpi_shape *layer = net->layout.layer;
    return layer[l].width * layer[l - 1].width;
}

/* ---------------------------------------------------------------------------
 * Sums over all
 */

typedef struct lanes {
    double squares[MLPI_LANES], magnitudes[MLPI_LANES];
} lanes;

/* Adds n terms, the first of which belongs to lane 0. Either may be unwanted,
 * and is skipped. */
static void add_terms(lanes *s, const mlpi_ops *ops, size_t n, const void *x,
                      const mlpi_optimizer *wanted)
{
    double wide[BLOCK];
    for (size_t i = 0; i < n; i += BLOCK) {
        size_t part = n - i < BLOCK ? n - i : BLOCK;
        ops->widen(part, mlpi_const_at(ops, x, i), wide);
        if (!wanted || wanted->is.l2 > 0.0) {
            ops->wide->add_products(part, wide, wide, s->squares);
        }
        if (wanted && wanted->is.l1 > 0.0) {
            ops->wide->add_magnitudes(part, wide, s->magnitudes);
        }
    }
}

/* J's part without 1 / rows, of a chunk of weights. */
static double chunk_penalty(const mlpi_descent *d, size_t n, const void *w)
{
    lanes s = {{0.0}, {0.0}};
    add_terms(&s, d->net->ops, n, w, d->optimizer);
    return d->optimizer->is.l2 * 0.5 * mlpi_join_lanes(s.squares) +
           d->optimizer->is.l1 * mlpi_join_lanes(s.magnitudes);
}

static size_t weight_chunks(const mlp_net *net)
{
    size_t chunks = 0;
    for (size_t l = 1; l <= net->layout.L; l++) {
        chunks += mlpi_sum_chunks(weights_of(net, l));
    }
    return chunks;
}

void mlpi_penalty_sums(const mlpi_descent *d, const mlpi_member *self)
{
    const mlp_net *net = d->net;
    size_t first = 0;
    size_t count = 0;
    mlpi_share(self, weight_chunks(net), 1, &first, &count);
    size_t chunk = 0;
    for (size_t l = 1; l <= net->layout.L; l++) {
        size_t n = weights_of(net, l);
        for (size_t i = 0; i < n; i += MLPI_SUM_CHUNK, chunk++) {
            if (chunk >= first && chunk - first < count) {
                size_t part = n - i < MLPI_SUM_CHUNK ? n - i : MLPI_SUM_CHUNK;
                const void *w = mlpi_const_at(net->ops, net->parameters,
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

double mlpi_penalty(const mlpi_descent *d, double rows)
{
    return add_sums(d->optimizer, weight_chunks(d->net)) / rows;
}

void mlpi_penalty_gradient(const mlpi_descent *d, double rows, size_t l,
                           size_t first, size_t count)
{
    const mlpi_ops *ops = d->net->ops;
    const mlpi_shape *shape = &d->net->layout.layer[l];
    size_t at = shape->W + first * shape->width;
    ops->penalise(count * shape->width, d->optimizer->is.l2 / rows,
                  d->optimizer->is.l1 / rows,
                  mlpi_const_at(ops, d->net->parameters, at),
                  mlpi_at(ops, d->gradients, at));
}

void mlpi_norm_sums(const mlpi_descent *d, const mlpi_member *self)
{
    const mlpi_ops *ops = d->net->ops;
    size_t n = d->net->layout.parameters;
    size_t first = 0;
    size_t count = 0;
    mlpi_share(self, mlpi_sum_chunks(n), 1, &first, &count);
    for (size_t chunk = first; chunk < first + count; chunk++) {
        size_t i = chunk * MLPI_SUM_CHUNK;
        size_t part = n - i < MLPI_SUM_CHUNK ? n - i : MLPI_SUM_CHUNK;
        lanes s = {{0.0}, {0.0}};
        add_terms(&s, ops, part, mlpi_const_at(ops, d->gradients, i), NULL);
        d->optimizer->sums[chunk] = mlpi_join_lanes(s.squares);
    }
}

/* What gradients are multiplied by, as torch.nn.utils.clip_grad_norm_ does. */
static double clip_scale(const mlpi_descent *d)
{
    if (!d->optimizer->clips) {
        return 1.0;
    }
    double norm = sqrt(
        add_sums(d->optimizer, mlpi_sum_chunks(d->net->layout.parameters)));
    double scale = d->optimizer->is.clip_norm / (norm + 1e-6);
    return scale > 1.0 ? 1.0 : scale;
}

/* ---------------------------------------------------------------------------
 * The step
 */

/* What the rule's constants are in this step. */
static void set_constants(mlpi_update *u, const mlpi_optimizer *o, double alpha)
{
    const mlp_optimizer *is = &o->is;
    switch (is->rule) {
    case MLP_RULE_SGD:
        break;
    case MLP_RULE_MOMENTUM:
    case MLP_RULE_NESTEROV:
        u->decay[0] = is->momentum;
        u->gain[0] = 1.0;
        break;
    case MLP_RULE_TUTORIAL_MOMENTUM:
        u->decay[0] = is->momentum;
        u->gain[0] = 1.0 - is->momentum;
        break;
    case MLP_RULE_RMSPROP:
        u->decay[0] = is->rho;
        u->gain[0] = 1.0 - is->rho;
        break;
    case MLP_RULE_ADAM:
    case MLP_RULE_ADAMW:
        u->decay[0] = is->beta1;
        u->gain[0] = 1.0 - is->beta1;
        u->decay[1] = is->beta2;
        u->gain[1] = 1.0 - is->beta2;
        /* The averages began at 0, and this much of them is there. */
        u->alpha = alpha / (1.0 - o->power[0] * is->beta1);
        u->root = 1.0 / sqrt(1.0 - o->power[1] * is->beta2);
        break;
    case MLP_RULE_RPROP:
        u->grow = is->rprop_grow;
        u->shrink = is->rprop_shrink;
        u->least = is->rprop_least;
        u->most = is->rprop_most;
        break;
    case MLP_RULE_LBFGS: /* is not done here */
        break;
    }
}

static mlpi_update update_of(const mlpi_descent *d, double alpha)
{
    const mlpi_optimizer *o = d->optimizer;
    mlpi_update u = {.rule = o->is.rule,
                     .limit = o->is.clip_value,
                     .scale = clip_scale(d),
                     .keep = 1.0,
                     .alpha = alpha,
                     .epsilon = o->is.epsilon};
    set_constants(&u, o, alpha);
    return u;
}

/* Where an update finds the parameters from the first on. */
static void place(const mlpi_descent *d, mlpi_update *u, size_t first)
{
    const mlpi_ops *ops = d->net->ops;
    u->dw = mlpi_const_at(ops, d->gradients, first);
    u->w = mlpi_at(ops, d->net->parameters, first);
    for (size_t k = 0; k < d->optimizer->n_states; k++) {
        u->state[k] = mlpi_at(ops, d->optimizer->state[k], first);
    }
}

/* Updates those of the parameters [first, end) that are in [from, to). */
static void update_part(const mlpi_descent *d, mlpi_update *u, size_t first,
                        size_t end, size_t from, size_t to)
{
    size_t start = first > from ? first : from;
    size_t stop = end < to ? end : to;
    if (start >= stop) {
        return;
    }
    u->n = stop - start;
    place(d, u, start);
    d->net->ops->update(u);
}

/* Weights decay, and what is between them does not. */
static void update_decaying(const mlpi_descent *d, mlpi_update *u, double keep,
                            size_t first, size_t end)
{
    const mlpi_layout *layout = &d->net->layout;
    size_t at = 0;
    for (size_t l = 1; l <= layout->L; l++) {
        size_t W = layout->layer[l].W;
        u->keep = 1.0;
        update_part(d, u, first, end, at, W);
        at = W + weights_of(d->net, l);
        u->keep = keep;
        update_part(d, u, first, end, W, at);
    }
    u->keep = 1.0;
    update_part(d, u, first, end, at, layout->parameters);
}

bool mlpi_gradient_is_bad(const mlpi_descent *d, const mlpi_member *self)
{
    const mlpi_ops *ops = d->net->ops;
    size_t first = 0;
    size_t count = 0;
    mlpi_share(self, d->net->layout.parameters, PARAMETERS_GRAIN, &first,
               &count);
    return !ops->is_finite(count, mlpi_const_at(ops, d->gradients, first));
}

void mlpi_descend(const mlpi_descent *d, const mlpi_member *self, double alpha,
                  void *keep)
{
    const mlpi_optimizer *o = d->optimizer;
    const mlpi_ops *ops = d->net->ops;
    size_t n = d->net->layout.parameters;
    size_t first = 0;
    size_t count = 0;
    mlpi_share(self, n, PARAMETERS_GRAIN, &first, &count);
    void *parameters = mlpi_at(ops, d->net->parameters, first);
    if (keep) {
        memcpy(mlpi_at(ops, keep, first), parameters, count * ops->real_size);
    }
    if (o->is_plain) {
        ops->descend(count, alpha, mlpi_const_at(ops, d->gradients, first),
                     parameters);
        return;
    }
    mlpi_update u = update_of(d, alpha);
    if (o->is.weight_decay > 0.0) {
        double kept = 1.0 - alpha * o->is.weight_decay;
        update_decaying(d, &u, kept, first, first + count);
    } else {
        update_part(d, &u, first, first + count, 0, n);
    }
}

mlpi_update mlpi_update_at(const mlpi_descent *d, double alpha, size_t first,
                           bool is_weight)
{
    mlpi_update u = update_of(d, alpha);
    if (is_weight && d->optimizer->is.weight_decay > 0.0) {
        u.keep = 1.0 - alpha * d->optimizer->is.weight_decay;
    }
    place(d, &u, first);
    return u;
}

void mlpi_optimizer_note_step(mlpi_optimizer *optimizer)
{
    optimizer->steps++;
    optimizer->power[0] *= optimizer->is.beta1;
    optimizer->power[1] *= optimizer->is.beta2;
}
