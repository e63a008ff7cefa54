/* SPDX-License-Identifier: MIT */
/*
 * Options of optimizers (defaults and checks), and the memory of an optimizer.
 * The arithmetic is elsewhere: parameter_update.c sets the constants of a step,
 * kernels/optimizer_step_tmpl.h has the formulas, and lbfgs.c has L-BFGS, which
 * is more than a formula for each parameter.
 *
 * Each kind remembers for each parameter:
 *
 *     sgd                 nothing
 *     momentum, nesterov  a sum of gradients in which old ones fade out
 *     tutorial_momentum   a running average of gradients
 *     rmsprop             a running average of squared gradients
 *     adam, adamw         both averages
 *     rprop               the last gradient, and the length of the last change
 *     lbfgs               s and y of each pair
 *
 * The memory is one block, if the kind needs any:
 *
 *     | state: [n_states] pointers | state[0]: one real for each parameter |
 *     | state[1] ... | arrays of L-BFGS | sums |
 */
#include "train/optimizer.h"

#include <math.h>
#include <string.h>

#include "base/arithmetic.h"
#include "base/error.h"
#include "base/memory.h"

enum { MAX_PAIRS = 1000 }; /* of L-BFGS: 2000 copies of the parameters */
#define AUTO_DECAY 0.05    /* of auto, for a parameter for each row */

/* ---------------------------------------------------------------------------
 * Options
 */

/* Most values are PyTorch's. Fields that the kind does not use have defaults,
 * too, because all fields are checked. No value depends on the kind, so that a
 * caller may change the kind alone: the one constant that kinds do not share,
 * the decay, is MLP_AUTO until it is used. */
mlp_optimizer mlp_optimizer_defaults(mlp_optimizer_kind kind)
{
    return (mlp_optimizer){.kind = kind,
                           .momentum = 0.9,
                           .beta1 = 0.9,
                           .beta2 = 0.999,
                           .rho = 0.99,
                           .epsilon = 1e-8,
                           .weight_decay = MLP_AUTO,
                           .clip_norm = INFINITY,
                           .clip_value = INFINITY,
                           .rprop_grow = 1.2,
                           .rprop_shrink = 0.5,
                           .rprop_min = 1e-6,
                           .rprop_max = 50.0,
                           .lbfgs_history = 10};
}

/* Returns the weight decay that a kind has by itself. It is what makes adamw of
 * adam; 0.01 is PyTorch's. Auto's is that of a network with as many parameters
 * as rows, because the rows are not known here. */
static double usual_decay(mlp_optimizer_kind kind)
{
    return kind == MLP_OPTIMIZER_AUTO    ? AUTO_DECAY
           : kind == MLP_OPTIMIZER_ADAMW ? 0.01
                                         : 0.0;
}

/* Returns the options with a number in the place of MLP_AUTO, and a kind that
 * has formulas in the place of auto. */
static mlp_optimizer resolve(const mlp_optimizer *options)
{
    mlp_optimizer resolved = *options;
    if (options->weight_decay == MLP_AUTO) {
        resolved.weight_decay = usual_decay(options->kind);
    }
    if (options->kind == MLP_OPTIMIZER_AUTO) {
        resolved.kind = MLP_OPTIMIZER_ADAMW;
    }
    return resolved;
}

/* A network can learn noise by heart if it has more parameters than rows, and
 * decay is what keeps its weights small; with many rows the same decay would
 * keep it from learning what is there. R2 of scikit-learn's diabetes data (350
 * rows for 1201 parameters) and accuracy of tests/bench/learning.py's spirals
 * (800 rows for 401), means of 5 folds with 5 seeds, here of the seeds from 100
 * on:
 *
 *                                      diabetes  spirals
 *     0.05                               .424      .901
 *     0.05 parameters / rows             .441      .910
 *     PyTorch's Adam, 200 rows a batch   .452      .858
 *
 * The limit is for networks of millions. */
mlp_optimizer mlpi_optimizer_for_rows(const mlp_net *net,
                                      const mlp_optimizer *options, size_t m)
{
    const double max_decay = 0.2;
    mlp_optimizer chosen = *options;
    if (chosen.kind == MLP_OPTIMIZER_AUTO && chosen.weight_decay == MLP_AUTO) {
        double ratio = (double)net->layout.parameters / (double)m;
        chosen.weight_decay = mlpi_min(AUTO_DECAY * ratio, max_decay);
    }
    return chosen;
}

double mlpi_optimizer_usual_rate(mlp_optimizer_kind kind)
{
    switch (kind) {
    case MLP_OPTIMIZER_AUTO:
    case MLP_OPTIMIZER_RMSPROP:
    case MLP_OPTIMIZER_ADAM:
    case MLP_OPTIMIZER_ADAMW:
        return 0.001;
    case MLP_OPTIMIZER_LBFGS:
        return 1.0;
    case MLP_OPTIMIZER_SGD:
    case MLP_OPTIMIZER_MOMENTUM:
    case MLP_OPTIMIZER_TUTORIAL_MOMENTUM:
    case MLP_OPTIMIZER_NESTEROV:
    case MLP_OPTIMIZER_RPROP:
        break;
    }
    return 0.01;
}

bool mlpi_optimizer_needs_all_rows(mlp_optimizer_kind kind)
{
    return kind == MLP_OPTIMIZER_RPROP || kind == MLP_OPTIMIZER_LBFGS;
}

/* The allowed range of a number: from `low` to `high`. */
typedef struct range {
    double low, high;
    bool has_low, has_high; /* true if that end itself is allowed */
    const char *text;       /* for the message */
} range;

/* The ranges that fields have; INFINITY stands for no limit at all. */
static const range below_1 = {0.0, 1.0, true, false,
                              "that is 0 or more and less than 1"};
static const range not_negative = {0.0, (double)INFINITY, true, false,
                                   "that is finite and not below 0"};
static const range positive = {0.0, (double)INFINITY, false, false,
                               "that is finite and above 0"};
static const range any_limit = {0.0, (double)INFINITY, false, true, "above 0"};
static const range from_1 = {1.0, (double)INFINITY, true, false,
                             "that is finite and not below 1"};
static const range up_to_1 = {0.0, 1.0, false, true, "above 0 and at most 1"};

/* The name of a field, for messages, and its offset. */
#define FIELD(name) #name, offsetof(mlp_optimizer, name)

/* All these fields are checked in this order, for every kind. rprop_max is
 * missing, because its range depends on another field. */
static const struct {
    const char *name;
    size_t offset; /* of a double in mlp_optimizer */
    const range *range;
} fields[] = {
    {FIELD(momentum), &below_1},    {FIELD(beta1), &below_1},
    {FIELD(beta2), &below_1},       {FIELD(rho), &below_1},
    {FIELD(epsilon), &positive},    {FIELD(weight_decay), &not_negative},
    {FIELD(l1), &not_negative},     {FIELD(l2), &not_negative},
    {FIELD(clip_norm), &any_limit}, {FIELD(clip_value), &any_limit},
    {FIELD(rprop_grow), &from_1},   {FIELD(rprop_shrink), &up_to_1},
    {FIELD(rprop_min), &positive},
};

/* Returns what a message about the value 0 ends with, where 0 is out of range:
 * most likely the struct was not begun with the defaults. */
static const char *advice_for_zero(bool is_zero)
{
    return is_zero ? " (start from mlp_optimizer_defaults())" : "";
}

/* Returns the error for a field that is outside its range. */
static mlp_status refuse(const mlp_net *net, const char *name, const char *text,
                         double value)
{
    return mlpi_error(&net->hooks, MLP_ERR_ARGUMENT,
                      "optimizer, %s: expects a %s %s, got %g%s", name,
                      mlp_dtype_name(net->kernels->dtype), text, value,
                      advice_for_zero(value == 0.0));
}

/* True if x is in the range; NaN never is, because each comparison with it is
 * false. */
static bool is_within(double x, const range *r)
{
    bool above = r->has_low ? x >= r->low : x > r->low;
    bool below = r->has_high ? x <= r->high : x < r->high;
    return above && below;
}

/* Checks each number twice, as it is and as it is in the network's precision,
 * because the kernels round it and a checkpoint does not: 1e-50 is above 0 as a
 * double, and 0 as a float; -1e-50 is below 0 as a double, and not as a
 * float. */
static mlp_status check_fields(const mlp_net *net, const mlp_optimizer *options)
{
    const mlpi_kernels *kernels = net->kernels;
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        double value = 0.0;
        memcpy(&value, (const unsigned char *)options + fields[i].offset,
               sizeof value);
        if (!is_within(value, fields[i].range) ||
            !is_within(kernels->scalar->round_to_real(value),
                       fields[i].range)) {
            return refuse(net, fields[i].name, fields[i].range->text, value);
        }
    }
    /* NaN fails the test of isfinite, so the comparison never meets one. */
    double max = kernels->scalar->round_to_real(options->rprop_max);
    if (!isfinite(max) || options->rprop_max < options->rprop_min) {
        return refuse(net, "rprop_max",
                      "that is finite and not below rprop_min",
                      options->rprop_max);
    }
    return MLP_OK;
}

/* Refuses options that L-BFGS cannot have. Its line search compares losses, so
 * the loss must be a function of the parameters alone: dropout makes it random.
 * The gradient must be the derivative of the loss: decay and clipping change
 * the gradient, but not the loss. */
static mlp_status check_lbfgs(const mlp_net *net, const mlp_optimizer *options)
{
    if (options->weight_decay > 0.0 || isfinite(options->clip_norm) ||
        isfinite(options->clip_value)) {
        return mlpi_error(&net->hooks, MLP_ERR_ARGUMENT,
                          "optimizer: lbfgs expects no weight_decay, "
                          "clip_norm or clip_value, got %g, %g and %g",
                          options->weight_decay, options->clip_norm,
                          options->clip_value);
    }
    for (size_t l = 1; l <= net->layout.L; l++) {
        if (net->layout.layer[l].dropout > 0.0) {
            return mlpi_error(&net->hooks, MLP_ERR_ARGUMENT,
                              "optimizer: lbfgs expects no dropout, got %g "
                              "in layer %zu",
                              net->layout.layer[l].dropout, l);
        }
    }
    return MLP_OK;
}

/* Checks all fields, also those that the kind does not use. A value outside its
 * range is a mistake, which the caller should learn before the kind changes. */
mlp_status mlpi_optimizer_check(const mlp_net *net, const mlp_optimizer *given)
{
    const mlp_optimizer resolved = resolve(given);
    const mlp_optimizer *options = &resolved;
    TRY(CHECK_RESERVED(&net->hooks, "optimizer", options));
    if (!mlp_optimizer_name(options->kind)) {
        return mlpi_error(
            &net->hooks, MLP_ERR_ARGUMENT,
            "optimizer, kind: expects one of MLP_OPTIMIZER_LIST, got "
            "number %d",
            (int)options->kind);
    }
    TRY(check_fields(net, options));
    if (options->lbfgs_history == 0 || options->lbfgs_history > MAX_PAIRS) {
        return mlpi_error(
            &net->hooks, MLP_ERR_ARGUMENT,
            "optimizer, lbfgs_history: expects 1 to %d, got %zu%s", MAX_PAIRS,
            options->lbfgs_history,
            advice_for_zero(options->lbfgs_history == 0));
    }
    return options->kind == MLP_OPTIMIZER_LBFGS ? check_lbfgs(net, options)
                                                : MLP_OK;
}

/* ---------------------------------------------------------------------------
 * Memory
 */

/* There is no default case, so that the compiler warns if a kind is missing. */
size_t mlpi_optimizer_states(const mlp_optimizer *options)
{
    switch (options->kind) {
    case MLP_OPTIMIZER_SGD:
        break;
    case MLP_OPTIMIZER_MOMENTUM:
    case MLP_OPTIMIZER_TUTORIAL_MOMENTUM:
    case MLP_OPTIMIZER_NESTEROV:
    case MLP_OPTIMIZER_RMSPROP:
        return 1;
    case MLP_OPTIMIZER_AUTO:
    case MLP_OPTIMIZER_ADAM:
    case MLP_OPTIMIZER_ADAMW:
    case MLP_OPTIMIZER_RPROP:
        return 2;
    case MLP_OPTIMIZER_LBFGS:
        return 2 * options->lbfgs_history;
    }
    return 0;
}

/* Returns how many sums a step has at most: one for each chunk of the
 * parameters, and one more for each layer, because the last chunk of a layer's
 * weights may be short. */
static size_t max_chunks(const mlp_net *net)
{
    return mlpi_sum_chunks(net->layout.parameters) + net->layout.L;
}

/* The arguments of lay_out: an optimizer that is being made, and its network.
 */
typedef struct construction {
    const mlp_net *net;
    mlpi_optimizer *optimizer;
} construction;

/* Takes the arrays in the order of the drawing above. L-BFGS gets the pointers
 * of its pairs from `state`: first all s, then all y. */
static void lay_out(void *object, mlpi_cursor *cursor)
{
    const mlp_net *net = ((construction *)object)->net;
    mlpi_optimizer *optimizer = ((construction *)object)->optimizer;
    optimizer->state =
        mlpi_take(cursor, optimizer->n_states, sizeof *optimizer->state);
    for (size_t k = 0; k < optimizer->n_states; k++) {
        void *state =
            mlpi_take(cursor, net->layout.parameters, net->kernels->real_size);
        if (optimizer->state) {
            optimizer->state[k] = state;
        }
    }
    if (optimizer->options.kind == MLP_OPTIMIZER_LBFGS) {
        optimizer->lbfgs.kernels = net->kernels;
        optimizer->lbfgs.n = net->layout.parameters;
        optimizer->lbfgs.max_pairs = optimizer->options.lbfgs_history;
        optimizer->lbfgs.S = optimizer->state;
        optimizer->lbfgs.Y = optimizer->state
                                 ? optimizer->state + optimizer->lbfgs.max_pairs
                                 : NULL;
        mlpi_lbfgs_lay_out(&optimizer->lbfgs, cursor);
    }
    if (optimizer->penalises || optimizer->clips_norm) {
        optimizer->sums =
            mlpi_take(cursor, max_chunks(net), sizeof *optimizer->sums);
    }
}

/* Returns an optimizer with these options and the members that follow from
 * them. is_plain is true if the update is w = w - alpha dw and nothing else.
 * The arrays do not exist yet. */
static mlpi_optimizer derive(const mlp_optimizer *given)
{
    const mlp_optimizer resolved = resolve(given);
    const mlp_optimizer *options = &resolved;
    bool penalises = options->l1 > 0.0 || options->l2 > 0.0;
    bool clips_norm = options->clip_norm < (double)INFINITY;
    bool is_plain = options->kind == MLP_OPTIMIZER_SGD &&
                    options->weight_decay <= 0.0 && !clips_norm &&
                    !(options->clip_value < (double)INFINITY);
    return (mlpi_optimizer){.options = *options,
                            .is_plain = is_plain,
                            .penalises = penalises,
                            .clips_norm = clips_norm,
                            .n_states = mlpi_optimizer_states(options)};
}

/* The new optimizer is complete before the old one is released, so a failure
 * changes nothing. */
mlp_status mlpi_optimizer_make(const mlp_net *net, const mlp_hooks *hooks,
                               const mlp_optimizer *options,
                               mlpi_optimizer *optimizer)
{
    mlpi_optimizer made = derive(options);
    if (made.n_states > 0 || made.penalises || made.clips_norm) {
        construction c = {net, &made};
        TRY(mlpi_allocate_layout(hooks, lay_out, &c, "an optimizer",
                                 &made.block));
    }
    /* The memory of a new block is not zero, so a new optimizer is reset. */
    mlpi_optimizer_forget(net, &made);
    mlpi_optimizer_release(hooks, optimizer);
    *optimizer = made;
    return MLP_OK;
}

/* All averages begin at 0. Rprop's lengths begin at the learning rate, and 0
 * stands for that. L-BFGS has no pairs if there were no steps. */
void mlpi_optimizer_forget(const mlp_net *net, mlpi_optimizer *optimizer)
{
    for (size_t k = 0; k < optimizer->n_states; k++) {
        memset(optimizer->state[k], 0,
               net->layout.parameters * net->kernels->real_size);
    }
    optimizer->steps = 0;
    optimizer->power[0] = optimizer->power[1] = 1.0;
}

/* Each step multiplies the powers once more, which is cheaper than pow and has
 * the same bits everywhere. So a checkpoint must store the powers. */
void mlpi_optimizer_advance(mlpi_optimizer *optimizer)
{
    optimizer->steps++;
    optimizer->power[0] *= optimizer->options.beta1;
    optimizer->power[1] *= optimizer->options.beta2;
}

/* An optimizer that is all zero has no memory, and may be released again. */
void mlpi_optimizer_release(const mlp_hooks *hooks, mlpi_optimizer *optimizer)
{
    mlpi_release(hooks, optimizer->block);
    *optimizer = (mlpi_optimizer){.block = NULL};
}
