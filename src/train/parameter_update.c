/* SPDX-License-Identifier: MIT */
/*
 * Updates and sums over the flat array of parameters. Threads cut it into parts
 * without regard to layers. Only weight decay and penalties depend on layers,
 * because they concern the weights W[l] alone, and so skip the biases and
 * scales between them.
 *
 *     | W[1] | b[1] | W[2] | b[2] scale[2] | W[3] | b[3] |
 *     |--- thread 0 ---|--- thread 1 ---|--- thread 2 ---|
 *
 * Sums over all parameters, or over all weights, go in two stages:
 *
 *     | chunk 0: 4096 numbers | chunk 1 | ... | last chunk, maybe shorter |
 *          |                       |                   |
 *       sums[0]                 sums[1]             sums[last]
 *
 * First each thread computes the sums of some chunks; after a barrier every
 * thread that needs the total adds all sums in their order.
 *
 * The same parts serve the check, the backup and the update, so each thread
 * backs up what it is about to change, and needs no barrier in between.
 */
#include "train/parameter_update.h"

#include <math.h>
#include <string.h>

/* Parts of the parameters are whole multiples of this number, so that no two
 * threads write to the same cache line, and few vectors are not whole. */
enum { PARAMETERS_GRAIN = 64 };

/* ---------------------------------------------------------------------------
 * The update
 */

/* Sets the constants that the optimizer's kind needs in this step. Averages
 * have the form v = decay v + gain g:
 *
 *     momentum, nesterov   decay = momentum   gain = 1
 *     tutorial's momentum  decay = momentum   gain = 1 - momentum
 *     rmsprop              decay = rho        gain = 1 - rho
 *     adam, adamw          decay = beta       gain = 1 - beta, two of them
 *
 * Adam's averages begin at 0, and are too small by 1 - beta^t in step t. The
 * correction is part of the constants: alpha is divided by that of the first
 * average, and `root` is 1 / sqrt of that of the second one. power[k] is
 * beta^(t - 1). */
static void set_constants(mlpi_optimizer_step *u, const mlpi_optimizer *o,
                          double learning_rate)
{
    const mlp_optimizer *options = &o->options;
    switch (options->kind) {
    case MLP_OPTIMIZER_SGD:
        break;
    case MLP_OPTIMIZER_MOMENTUM:
    case MLP_OPTIMIZER_NESTEROV:
        u->decay[0] = options->momentum;
        u->gain[0] = 1.0;
        break;
    case MLP_OPTIMIZER_TUTORIAL_MOMENTUM:
        u->decay[0] = options->momentum;
        u->gain[0] = 1.0 - options->momentum;
        break;
    case MLP_OPTIMIZER_RMSPROP:
        u->decay[0] = options->rho;
        u->gain[0] = 1.0 - options->rho;
        break;
    case MLP_OPTIMIZER_ADAM:
    case MLP_OPTIMIZER_ADAMW:
        u->decay[0] = options->beta1;
        u->gain[0] = 1.0 - options->beta1;
        u->decay[1] = options->beta2;
        u->gain[1] = 1.0 - options->beta2;
        u->alpha = learning_rate / (1.0 - o->power[0] * options->beta1);
        u->root_factor = 1.0 / sqrt(1.0 - o->power[1] * options->beta2);
        break;
    case MLP_OPTIMIZER_RPROP:
        u->rprop_grow = options->rprop_grow;
        u->rprop_shrink = options->rprop_shrink;
        u->rprop_min = options->rprop_min;
        u->rprop_max = options->rprop_max;
        break;
    case MLP_OPTIMIZER_LBFGS: /* has no update of this form: see lbfgs.h */
        break;
    }
}

/* Fills in the arguments of an update, but for the parameters that it concerns.
 * With clipping by norm, the factor comes from the sums of mlpi_norm_sums. */
static mlpi_optimizer_step begin_update(const mlpi_update_context *context,
                                        double learning_rate)
{
    const mlpi_optimizer *o = context->optimizer;
    mlpi_optimizer_step u = {.kind = o->options.kind,
                             .limit = o->options.clip_value,
                             .scale = mlpi_clip_scale(context),
                             .weight_factor = 1.0,
                             .alpha = learning_rate,
                             .epsilon = o->options.epsilon};
    set_constants(&u, o, learning_rate);
    return u;
}

/* Points the update to parameter number `first`, its gradient and its
 * states. */
static void point_to(const mlpi_update_context *context, mlpi_optimizer_step *u,
                     size_t first)
{
    const mlpi_kernels *kernels = context->net->kernels;
    u->dw = mlpi_const_at(kernels, context->gradients, first);
    u->w = mlpi_at(kernels, context->net->parameters, first);
    for (size_t k = 0; k < context->optimizer->n_states; k++) {
        u->state[k] = mlpi_at(kernels, context->optimizer->state[k], first);
    }
}

/* Updates the parameters that lie in [first, end), this thread's part, and in
 * [from, to), for which the constants hold. There may be none. */
static void update_range(const mlpi_update_context *context,
                         mlpi_optimizer_step *u, size_t first, size_t end,
                         size_t from, size_t to)
{
    size_t start = first > from ? first : from;
    size_t stop = end < to ? end : to;
    if (start >= stop) {
        return;
    }
    u->n = stop - start;
    point_to(context, u, start);
    context->net->kernels->optimizer_step(u);
}

/* Updates parameters [first, end) with weight decay: weights are multiplied by
 * `keep` first, and what lies between them is not. */
static void update_decaying(const mlpi_update_context *context,
                            mlpi_optimizer_step *u, double keep, size_t first,
                            size_t end)
{
    const mlpi_layout *layout = &context->net->layout;
    size_t done = 0; /* end of the weights of the layer before */
    for (size_t l = 1; l <= layout->L; l++) {
        size_t W = layout->layer[l].W_offset;
        u->weight_factor = 1.0;
        update_range(context, u, first, end, done, W);
        done = W + mlpi_layout_weights(layout, l);
        u->weight_factor = keep;
        update_range(context, u, first, end, W, done);
    }
    u->weight_factor = 1.0;
    update_range(context, u, first, end, done, layout->parameters);
}

/* One pass over the gradients that only tests exponents: it costs far less than
 * to find the weights spoilt later. */
bool mlpi_gradient_is_not_finite(const mlpi_update_context *context,
                                 const mlpi_thread *self)
{
    const mlp_net *net = context->net;
    size_t first = 0;
    size_t count = 0;
    mlpi_partition(self, net->layout.parameters, PARAMETERS_GRAIN, &first,
                   &count);
    return !net->kernels->is_finite(
        count, mlpi_const_at(net->kernels, context->gradients, first));
}

/* The backup has the parameters at its beginning, as a snapshot does. */
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

/* Plain gradient descent has a kernel of its own, so that a small network need
 * not pay for the constants of a general update. Without weight decay the whole
 * part is one range; with it, layers divide it into ranges of weights and of
 * other parameters. */
void mlpi_update_parameters(const mlpi_update_context *context,
                            const mlpi_thread *self, double learning_rate,
                            void *backup)
{
    const mlpi_optimizer *o = context->optimizer;
    const mlpi_kernels *kernels = context->net->kernels;
    size_t n = context->net->layout.parameters;
    size_t first = 0;
    size_t count = 0;
    mlpi_partition(self, n, PARAMETERS_GRAIN, &first, &count);
    if (backup) {
        mlpi_backup_part(context->net, self, backup);
    }
    if (o->is_plain) {
        kernels->sgd_step(count, learning_rate,
                          mlpi_const_at(kernels, context->gradients, first),
                          mlpi_at(kernels, context->net->parameters, first));
        return;
    }
    mlpi_optimizer_step u = begin_update(context, learning_rate);
    if (o->options.weight_decay > 0.0) {
        double keep = 1.0 - learning_rate * o->options.weight_decay;
        update_decaying(context, &u, keep, first, first + count);
    } else {
        update_range(context, &u, first, first + count, 0, n);
    }
}

/* A part of W or of b needs no ranges: the caller says which of them it is. */
mlpi_optimizer_step mlpi_fused_update(const mlpi_update_context *context,
                                      double learning_rate, size_t first,
                                      bool is_weight)
{
    mlpi_optimizer_step u = begin_update(context, learning_rate);
    double weight_decay = context->optimizer->options.weight_decay;
    if (is_weight && weight_decay > 0.0) {
        u.weight_factor = 1.0 - learning_rate * weight_decay;
    }
    point_to(context, &u, first);
    return u;
}

/* The powers are multiplied step by step, which is cheaper than pow and has the
 * same bits everywhere. A checkpoint stores them for that reason. */
void mlpi_optimizer_advance(mlpi_optimizer *optimizer)
{
    optimizer->steps++;
    optimizer->power[0] *= optimizer->options.beta1;
    optimizer->power[1] *= optimizer->options.beta2;
}

/* ---------------------------------------------------------------------------
 * Sums, in double whatever the network's precision is: a sum of a million
 * squares would lose three digits of a float.
 */

/* Numbers that are converted to double at once: 4 KiB, a small part of the
 * nearest cache. */
enum { BLOCK = 512 };

_Static_assert(MLPI_SUM_CHUNK % BLOCK == 0, "chunks are whole blocks");
_Static_assert(BLOCK % MLPI_LANES == 0, "a block begins with lane 0");

/* Sums of x^2 and of |x|, in eight lanes each: element i belongs to lane i mod
 * 8. A sum that nobody needs stays 0. */
typedef struct lanes {
    double squares[MLPI_LANES], magnitudes[MLPI_LANES];
} lanes;

/* Adds the terms of n numbers, the first of which belongs to lane 0. The
 * kernels are those for double: the numbers are converted, exactly, before. */
static void add_terms(lanes *s, const mlpi_kernels *kernels, size_t n,
                      const void *x, bool squares, bool magnitudes)
{
    double block[BLOCK];
    for (size_t i = 0; i < n; i += BLOCK) {
        size_t part = mlpi_min_size(n - i, BLOCK);
        kernels->to_double(part, mlpi_const_at(kernels, x, i), block);
        if (squares) {
            kernels->f64->add_products(part, block, block, s->squares);
        }
        if (magnitudes) {
            kernels->f64->add_magnitudes(part, block, s->magnitudes);
        }
    }
}

/* l2 / 2 sum w^2 + l1 sum |w| over a chunk of weights. */
static double chunk_penalty(const mlpi_update_context *context, size_t n,
                            const void *w)
{
    lanes s = {{0.0}, {0.0}};
    double l2 = context->optimizer->options.l2;
    double l1 = context->optimizer->options.l1;
    add_terms(&s, context->net->kernels, n, w, l2 > 0.0, l1 > 0.0);
    return l2 * 0.5 * mlpi_join_lanes(s.squares) +
           l1 * mlpi_join_lanes(s.magnitudes);
}

/* Chunks of all weights. Each layer's weights begin a chunk. */
static size_t weight_chunks(const mlp_net *net)
{
    size_t chunks = 0;
    for (size_t l = 1; l <= net->layout.L; l++) {
        chunks += mlpi_sum_chunks(mlpi_layout_weights(&net->layout, l));
    }
    return chunks;
}

/* Threads divide the chunks of all layers, numbered through. Each thread counts
 * through all chunks and computes its own: the counting costs nothing beside a
 * chunk of 4096 numbers. */
void mlpi_penalty_sums(const mlpi_update_context *context,
                       const mlpi_thread *self)
{
    const mlp_net *net = context->net;
    size_t first = 0;
    size_t count = 0;
    mlpi_partition(self, weight_chunks(net), 1, &first, &count);
    size_t chunk = 0;
    for (size_t l = 1; l <= net->layout.L; l++) {
        size_t n = mlpi_layout_weights(&net->layout, l);
        for (size_t i = 0; i < n; i += MLPI_SUM_CHUNK, chunk++) {
            if (chunk >= first && chunk - first < count) {
                const void *w =
                    mlpi_const_at(net->kernels, net->parameters,
                                  net->layout.layer[l].W_offset + i);
                context->optimizer->sums[chunk] = chunk_penalty(
                    context, mlpi_min_size(n - i, MLPI_SUM_CHUNK), w);
            }
        }
    }
}

/* Adds the sums of chunks in their order. */
static double add_sums(const mlpi_optimizer *optimizer, size_t chunks)
{
    double sum = 0.0;
    for (size_t i = 0; i < chunks; i++) {
        sum += optimizer->sums[i];
    }
    return sum;
}

/* Weights of rows are part of the mean that the loss is, so penalties are
 * divided by their sum too: a batch of twice the weight has half the
 * penalty. */
double mlpi_penalty(const mlpi_update_context *context, double total_weight)
{
    return add_sums(context->optimizer, weight_chunks(context->net)) /
           total_weight;
}

/* The kernel has factors for both penalties, and one of them may be 0. The
 * derivative of |w| at 0 counts as 0. */
void mlpi_penalty_gradient(const mlpi_update_context *context,
                           double total_weight, size_t first, size_t count)
{
    const mlpi_kernels *kernels = context->net->kernels;
    const mlp_optimizer *options = &context->optimizer->options;
    kernels->penalise(count, options->l2 / total_weight,
                      options->l1 / total_weight,
                      mlpi_const_at(kernels, context->net->parameters, first),
                      mlpi_at(kernels, context->gradients, first));
}

/* The norm is that of all gradients together, biases and scales included. */
void mlpi_norm_sums(const mlpi_update_context *context, const mlpi_thread *self)
{
    const mlpi_kernels *kernels = context->net->kernels;
    size_t n = context->net->layout.parameters;
    size_t first = 0;
    size_t count = 0;
    mlpi_partition(self, mlpi_sum_chunks(n), 1, &first, &count);
    for (size_t chunk = first; chunk < first + count; chunk++) {
        size_t i = chunk * MLPI_SUM_CHUNK;
        lanes s = {{0.0}, {0.0}};
        add_terms(&s, kernels, mlpi_min_size(n - i, MLPI_SUM_CHUNK),
                  mlpi_const_at(kernels, context->gradients, i), true, false);
        context->optimizer->sums[chunk] = mlpi_join_lanes(s.squares);
    }
}

/* The small number keeps the quotient finite when all gradients are 0. If a
 * gradient is NaN so is the scale, but then there is no update. */
double mlpi_clip_scale(const mlpi_update_context *context)
{
    const mlpi_optimizer *o = context->optimizer;
    if (!o->clips) {
        return 1.0;
    }
    size_t chunks = mlpi_sum_chunks(context->net->layout.parameters);
    double norm = sqrt(add_sums(o, chunks));
    double scale = o->options.clip_norm / (norm + 1e-6);
    return scale > 1.0 ? 1.0 : scale;
}
