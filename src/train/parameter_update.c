/* SPDX-License-Identifier: MIT */
/*
 * Updates and sums over the flat array of parameters. Threads divide it into
 * parts without regard to layers. Only weight decay and penalties depend on
 * layers: they apply to the weights W[l], and skip the biases and scales that
 * lie between the weights.
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
 * First each thread computes the sums of some chunks. After a barrier every
 * thread that needs the total adds all sums in their order.
 *
 * In mlpi_update_parameters a thread has the same part of the parameters as in
 * the check and in the backup. So it backs up what it will change, and no
 * barrier is needed between backup and update. In a fused step (step.c) the
 * parts differ, so mlpi_worker_gradients has a barrier after the backup.
 */
#include "train/parameter_update.h"

#include <math.h>
#include <string.h>

/* Parts of the parameters are whole multiples of this number (the grain of
 * mlpi_partition), so that no two threads write to the same cache line, and
 * each part but the last consists of whole SIMD vectors. */
enum { PARAMETERS_GRAIN = 64 };

/* ---------------------------------------------------------------------------
 * The update
 */

/* Sets the constants that the optimizer's kind needs in this step. The
 * optimizer's averages have the form v = decay v + gain g:
 *
 *     momentum, nesterov   decay = momentum   gain = 1
 *     tutorial's momentum  decay = momentum   gain = 1 - momentum
 *     rmsprop              decay = rho        gain = 1 - rho
 *     adam, adamw          decay = beta       gain = 1 - beta, two of them
 *
 * Adam's averages begin at 0, so after step t they are too small by the factor
 * 1 - beta^t. The constants correct this: alpha is divided by 1 - beta1^t, and
 * root_factor is 1 / sqrt(1 - beta2^t). power[0] is beta1^(t - 1), and power[1]
 * is beta2^(t - 1). */
static void set_constants(mlpi_optimizer_step_args *step,
                          const mlpi_optimizer *optimizer, double learning_rate)
{
    const mlp_optimizer *options = &optimizer->options;
    switch (options->kind) {
    case MLP_OPTIMIZER_SGD:
    case MLP_OPTIMIZER_LBFGS: /* has no update of this form: see lbfgs.h */
        break;
    case MLP_OPTIMIZER_MOMENTUM:
    case MLP_OPTIMIZER_NESTEROV:
        step->decay[0] = options->momentum;
        step->gain[0] = 1.0;
        break;
    case MLP_OPTIMIZER_TUTORIAL_MOMENTUM:
        step->decay[0] = options->momentum;
        step->gain[0] = 1.0 - options->momentum;
        break;
    case MLP_OPTIMIZER_RMSPROP:
        step->decay[0] = options->rho;
        step->gain[0] = 1.0 - options->rho;
        break;
    case MLP_OPTIMIZER_AUTO: /* no trainer has it */
    case MLP_OPTIMIZER_ADAM:
    case MLP_OPTIMIZER_ADAMW:
        step->decay[0] = options->beta1;
        step->gain[0] = 1.0 - options->beta1;
        step->decay[1] = options->beta2;
        step->gain[1] = 1.0 - options->beta2;
        step->alpha =
            learning_rate / (1.0 - optimizer->power[0] * options->beta1);
        step->root_factor =
            1.0 / sqrt(1.0 - optimizer->power[1] * options->beta2);
        break;
    case MLP_OPTIMIZER_RPROP:
        step->rprop_grow = options->rprop_grow;
        step->rprop_shrink = options->rprop_shrink;
        step->rprop_min = options->rprop_min;
        step->rprop_max = options->rprop_max;
        break;
    }
}

/* Returns the arguments of an update, without pointers to parameters. With
 * clipping by norm, the factor comes from the sums of mlpi_norm_sums. */
static mlpi_optimizer_step_args begin_update(const mlpi_update_context *context,
                                             double learning_rate)
{
    const mlpi_optimizer *optimizer = context->optimizer;
    mlpi_optimizer_step_args step = {.kind = optimizer->options.kind,
                                     .limit = optimizer->options.clip_value,
                                     .scale = mlpi_clip_scale(context),
                                     .weight_factor = 1.0,
                                     .alpha = learning_rate,
                                     .epsilon = optimizer->options.epsilon};
    set_constants(&step, optimizer, learning_rate);
    return step;
}

/* Sets the pointers of the update to parameter number `first`, to its gradient
 * and to its states. */
static void point_to(const mlpi_update_context *context,
                     mlpi_optimizer_step_args *step, size_t first)
{
    const mlpi_kernels *kernels = context->net->kernels;
    step->dw = mlpi_const_at(kernels, context->gradients, first);
    step->w = mlpi_at(kernels, context->net->parameters, first);
    for (size_t k = 0; k < context->optimizer->n_states; k++) {
        step->state[k] = mlpi_at(kernels, context->optimizer->state[k], first);
    }
}

/* Updates the parameters that lie both in [part_begin, part_end), this thread's
 * part, and in [range_begin, range_end), for which the constants are valid.
 * There may be none. */
static void update_range(const mlpi_update_context *context,
                         mlpi_optimizer_step_args *step, size_t part_begin,
                         size_t part_end, size_t range_begin, size_t range_end)
{
    size_t begin = mlpi_max_size(part_begin, range_begin);
    size_t end = mlpi_min_size(part_end, range_end);
    if (begin >= end) {
        return;
    }
    step->n = end - begin;
    point_to(context, step, begin);
    context->net->kernels->optimizer_step(step);
}

/* Returns what weight decay multiplies W by: 1 without decay. */
static double decay_factor(const mlpi_optimizer *optimizer,
                           double learning_rate)
{
    double weight_decay = optimizer->options.weight_decay;
    return weight_decay > 0.0 ? 1.0 - learning_rate * weight_decay : 1.0;
}

/* Updates this thread's part, [begin, end), with weight decay: weights are
 * first multiplied by the factor; biases and scales are not. */
static void update_decaying(const mlpi_update_context *context,
                            mlpi_optimizer_step_args *step, double factor,
                            size_t begin, size_t end)
{
    const mlpi_layout *layout = &context->net->layout;
    size_t done = 0; /* end of the weights of the previous layer */
    for (size_t l = 1; l <= layout->L; l++) {
        size_t W_offset = layout->layer[l].W_offset;
        step->weight_factor = 1.0;
        update_range(context, step, begin, end, done, W_offset);
        done = W_offset + mlpi_layout_weights(layout, l);
        step->weight_factor = factor;
        update_range(context, step, begin, end, W_offset, done);
    }
    step->weight_factor = 1.0;
    update_range(context, step, begin, end, done, layout->parameters);
}

/* The kernel makes one pass that sums g - g, which is NaN if any g is not
 * finite. */
bool mlpi_gradient_is_not_finite(const mlpi_update_context *context,
                                 const mlpi_thread *thread)
{
    const mlp_net *net = context->net;
    size_t first = 0;
    size_t count = 0;
    mlpi_partition(thread, net->layout.parameters, PARAMETERS_GRAIN, &first,
                   &count);
    return !net->kernels->is_finite(
        count, mlpi_const_at(net->kernels, context->gradients, first));
}

/* A backup is a snapshot (see trainer_state.h): it begins with the
 * parameters. */
void mlpi_backup_part(const mlp_net *net, const mlpi_thread *thread,
                      void *backup)
{
    const mlpi_kernels *kernels = net->kernels;
    size_t first = 0;
    size_t count = 0;
    mlpi_partition(thread, net->layout.parameters, PARAMETERS_GRAIN, &first,
                   &count);
    memcpy(mlpi_at(kernels, backup, first),
           mlpi_at(kernels, net->parameters, first),
           count * kernels->real_size);
}

/* Plain gradient descent has its own kernel, because in a small network setting
 * the constants of a general update would take long beside the update. Without
 * weight decay the thread's part is one range. With it there are ranges of
 * weights and ranges of other parameters. */
void mlpi_update_parameters(const mlpi_update_context *context,
                            const mlpi_thread *thread, double learning_rate,
                            void *backup)
{
    const mlpi_optimizer *optimizer = context->optimizer;
    const mlpi_kernels *kernels = context->net->kernels;
    size_t n = context->net->layout.parameters;
    size_t first = 0;
    size_t count = 0;
    mlpi_partition(thread, n, PARAMETERS_GRAIN, &first, &count);
    if (backup) {
        mlpi_backup_part(context->net, thread, backup);
    }
    if (optimizer->is_plain) {
        kernels->sgd_step(count, learning_rate,
                          mlpi_const_at(kernels, context->gradients, first),
                          mlpi_at(kernels, context->net->parameters, first));
        return;
    }
    mlpi_optimizer_step_args step = begin_update(context, learning_rate);
    if (optimizer->options.weight_decay > 0.0) {
        update_decaying(context, &step, decay_factor(optimizer, learning_rate),
                        first, first + count);
    } else {
        update_range(context, &step, first, first + count, 0, n);
    }
}

/* The parameters are a part of one W or one b, so they are one range. */
mlpi_optimizer_step_args mlpi_fused_update(const mlpi_update_context *context,
                                           double learning_rate, size_t first,
                                           bool is_weight)
{
    mlpi_optimizer_step_args step = begin_update(context, learning_rate);
    if (is_weight) {
        step.weight_factor = decay_factor(context->optimizer, learning_rate);
    }
    point_to(context, &step, first);
    return step;
}

/* ---------------------------------------------------------------------------
 * Sums are in double, whatever the network's precision is: in float a sum of a
 * million squares would lose three digits.
 */

/* How many numbers are converted to double at once: 4 KiB, a small part of the
 * L1 cache. */
enum { BLOCK = 512 };

_Static_assert(MLPI_SUM_CHUNK % BLOCK == 0, "chunks are whole blocks");
_Static_assert(BLOCK % MLPI_LANES == 0, "a block begins with lane 0");

/* Sums of x^2 and of |x|, each in eight partial sums (lanes): element i is
 * added to lane i mod 8. A sum that is not needed stays 0. */
typedef struct lanes {
    double squares[MLPI_LANES], magnitudes[MLPI_LANES];
} lanes;

/* What a sum takes of the numbers. */
typedef struct terms {
    bool squares, magnitudes;
    double limit; /* numbers beyond it count as +-limit; INFINITY: none do */
} terms;

/* Holds n numbers in [-limit, limit]. A NaN stays a NaN. */
static void clamp(size_t n, double limit, double *x)
{
    for (size_t i = 0; i < n; i++) {
        x[i] = x[i] > limit ? limit : x[i] < -limit ? -limit : x[i];
    }
}

/* Adds the terms of n numbers, the first one to lane 0. The numbers are first
 * converted to double, which is exact, and then the kernels for double add
 * them. */
static void add_terms(lanes *s, const mlpi_kernels *kernels, terms of, size_t n,
                      const void *x)
{
    double block[BLOCK];
    for (size_t i = 0; i < n; i += BLOCK) {
        size_t part = mlpi_min_size(n - i, BLOCK);
        kernels->to_double(part, mlpi_const_at(kernels, x, i), block);
        if (of.limit < (double)INFINITY) {
            clamp(part, of.limit, block);
        }
        if (of.squares) {
            kernels->f64->add_products(part, block, block, s->squares);
        }
        if (of.magnitudes) {
            kernels->f64->add_magnitudes(part, block, s->magnitudes);
        }
    }
}

/* Returns l2 / 2 sum w^2 + l1 sum |w| over a chunk of weights. */
static double chunk_penalty(const mlpi_update_context *context, size_t n,
                            const void *w)
{
    lanes s = {{0.0}, {0.0}};
    double l2 = context->optimizer->options.l2;
    double l1 = context->optimizer->options.l1;
    const terms of = {l2 > 0.0, l1 > 0.0, (double)INFINITY};
    add_terms(&s, context->net->kernels, of, n, w);
    return l2 * 0.5 * mlpi_join_lanes(s.squares) +
           l1 * mlpi_join_lanes(s.magnitudes);
}

/* Returns how many chunks all weights have. The weights of each layer begin a
 * new chunk. */
static size_t weight_chunks(const mlp_net *net)
{
    size_t chunks = 0;
    for (size_t l = 1; l <= net->layout.L; l++) {
        chunks += mlpi_sum_chunks(mlpi_layout_weights(&net->layout, l));
    }
    return chunks;
}

/* The chunks of all layers have consecutive numbers, and threads divide these
 * numbers. Each thread counts all chunks and computes its own; counting costs
 * nothing beside the sum of 4096 numbers. */
void mlpi_penalty_sums(const mlpi_update_context *context,
                       const mlpi_thread *thread)
{
    const mlp_net *net = context->net;
    size_t first = 0;
    size_t count = 0;
    mlpi_partition(thread, weight_chunks(net), 1, &first, &count);
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

/* The loss is a weighted mean; the penalty is divided by the same sum of sample
 * weights. */
double mlpi_penalty(const mlpi_update_context *context, double total_weight)
{
    return add_sums(context->optimizer, weight_chunks(context->net)) /
           total_weight;
}

/* The kernel takes a factor for l2 and one for l1, and either may be 0. The
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

/* The norm is taken over all gradients together, those of biases and scales
 * included, as they are after clipping by value, which comes first. The limit
 * is the one that the update's kernel has: in the network's precision. */
void mlpi_norm_sums(const mlpi_update_context *context,
                    const mlpi_thread *thread)
{
    const mlpi_kernels *kernels = context->net->kernels;
    size_t n = context->net->layout.parameters;
    size_t first = 0;
    size_t count = 0;
    mlpi_partition(thread, mlpi_sum_chunks(n), 1, &first, &count);
    const terms of = {.squares = true,
                      .limit = kernels->scalar->round_to_real(
                          context->optimizer->options.clip_value)};
    for (size_t chunk = first; chunk < first + count; chunk++) {
        size_t i = chunk * MLPI_SUM_CHUNK;
        lanes s = {{0.0}, {0.0}};
        add_terms(&s, kernels, of, mlpi_min_size(n - i, MLPI_SUM_CHUNK),
                  mlpi_const_at(kernels, context->gradients, i));
        context->optimizer->sums[chunk] = mlpi_join_lanes(s.squares);
    }
}

/* Adding 1e-6 keeps the quotient finite if all gradients are 0. If a gradient
 * is NaN the scale is NaN, too. A whole step then makes no update;
 * mlp_trainer_update does not check, and makes all parameters NaN. */
double mlpi_clip_scale(const mlpi_update_context *context)
{
    const mlpi_optimizer *optimizer = context->optimizer;
    if (!optimizer->clips_norm) {
        return 1.0;
    }
    size_t chunks = mlpi_sum_chunks(context->net->layout.parameters);
    double norm = sqrt(add_sums(optimizer, chunks));
    double scale = optimizer->options.clip_norm / (norm + 1e-6);
    return scale > 1.0 ? 1.0 : scale;
}
