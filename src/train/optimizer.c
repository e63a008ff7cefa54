/* SPDX-License-Identifier: MIT */
#include "train/optimizer.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "base/error.h"

enum { MOST_PAIRS = 1000 };

/* ---------------------------------------------------------------------------
 * What is asked for
 */

mlp_optimizer mlp_optimizer_defaults(mlp_optimizer_kind kind)
{
    return (mlp_optimizer){.kind = kind,
                           .momentum = 0.9,
                           .beta1 = 0.9,
                           .beta2 = 0.999,
                           .rho = 0.99,
                           .epsilon = 1e-8,
                           .weight_decay =
                               kind == MLP_OPTIMIZER_ADAMW ? 0.01 : 0.0,
                           .clip_norm = INFINITY,
                           .clip_value = INFINITY,
                           .rprop_grow = 1.2,
                           .rprop_shrink = 0.5,
                           .rprop_min = 1e-6,
                           .rprop_max = 50.0,
                           .lbfgs_history = 10};
}

/* What fields may be: from 0 or 1 to 1 or infinity, ends included or not. */
typedef struct range {
    char text[31];
    bool from_1, to_1, with_low, with_high;
} range;

enum { SHARE, AMOUNT, POSITIVE, LIMIT, GROWTH, SHRINKAGE };

static const range ranges[] = {
    [SHARE] = {"from 0 to below 1", .to_1 = true, .with_low = true},
    [AMOUNT] = {"that is finite and not below 0", .with_low = true},
    [POSITIVE] = {"that is finite and above 0", .to_1 = false},
    [LIMIT] = {"above 0", .with_high = true},
    [GROWTH] = {"that is finite and not below 1", .from_1 = true,
                .with_low = true},
    [SHRINKAGE] = {"above 0 and at most 1", .to_1 = true, .with_high = true},
};

#define FIELD(name) #name, offsetof(mlp_optimizer, name)

static const struct {
    char name[14];
    uint16_t offset;
    uint16_t range;
} fields[] = {
    {FIELD(momentum), SHARE},     {FIELD(beta1), SHARE},
    {FIELD(beta2), SHARE},        {FIELD(rho), SHARE},
    {FIELD(epsilon), POSITIVE},   {FIELD(weight_decay), AMOUNT},
    {FIELD(l1), AMOUNT},          {FIELD(l2), AMOUNT},
    {FIELD(clip_norm), LIMIT},    {FIELD(clip_value), LIMIT},
    {FIELD(rprop_grow), GROWTH},  {FIELD(rprop_shrink), SHRINKAGE},
    {FIELD(rprop_min), POSITIVE},
};

static mlp_status refuse(const mlp_net *net, const char *name, const char *text,
                         double value)
{
    return mlpi_error(&net->hooks, MLP_ERR_ARGUMENT,
                      "optimizer, %s: expects a %s %s, got %g", name,
                      mlp_dtype_name(net->kernels->dtype), text, value);
}

/* A number is what it is in the network's precision. */
static mlp_status check_fields(const mlp_net *net, const mlp_optimizer *is)
{
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        const range *r = &ranges[fields[i].range];
        double value = 0.0;
        memcpy(&value, (const unsigned char *)is + fields[i].offset,
               sizeof value);
        double x = net->kernels->scalar->round(value);
        double low = r->from_1 ? 1.0 : 0.0;
        double high = r->to_1 ? 1.0 : (double)INFINITY;
        bool above = r->with_low ? x >= low : x > low;
        bool below = r->with_high ? x <= high : x < high;
        if (!above || !below) {
            return refuse(net, fields[i].name, r->text, value);
        }
    }
    double most = net->kernels->scalar->round(is->rprop_max);
    if (!isfinite(most) || most < net->kernels->scalar->round(is->rprop_min)) {
        return refuse(net, "rprop_max", "from rprop_min on, finite",
                      is->rprop_max);
    }
    return MLP_OK;
}

/* The loss along a line must be all there is, and the same each time. */
static mlp_status check_lbfgs(const mlp_net *net, const mlp_optimizer *is)
{
    if (is->weight_decay > 0.0 || isfinite(is->clip_norm) ||
        isfinite(is->clip_value)) {
        return mlpi_error(&net->hooks, MLP_ERR_ARGUMENT,
                          "optimizer: lbfgs expects no weight_decay, "
                          "clip_norm or clip_value, got %g, %g and %g",
                          is->weight_decay, is->clip_norm, is->clip_value);
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

mlp_status mlpi_optimizer_check(const mlp_net *net, const mlp_optimizer *is)
{
    if (!mlp_optimizer_name(is->kind)) {
        return mlpi_error(&net->hooks, MLP_ERR_ARGUMENT,
                          "optimizer, kind: expects one of the kinds, got %d",
                          (int)is->kind);
    }
    TRY(check_fields(net, is));
    if (is->lbfgs_history == 0 || is->lbfgs_history > MOST_PAIRS) {
        return mlpi_error(&net->hooks, MLP_ERR_ARGUMENT,
                          "optimizer, lbfgs_history: expects 1 to %d, got %zu",
                          MOST_PAIRS, is->lbfgs_history);
    }
    return is->kind == MLP_OPTIMIZER_LBFGS ? check_lbfgs(net, is) : MLP_OK;
}

/* ---------------------------------------------------------------------------
 * Memory
 */

size_t mlpi_optimizer_states(const mlp_optimizer *is)
{
    switch (is->kind) {
    case MLP_OPTIMIZER_SGD:
        return 0;
    case MLP_OPTIMIZER_MOMENTUM:
    case MLP_OPTIMIZER_TUTORIAL_MOMENTUM:
    case MLP_OPTIMIZER_NESTEROV:
    case MLP_OPTIMIZER_RMSPROP:
        return 1;
    case MLP_OPTIMIZER_ADAM:
    case MLP_OPTIMIZER_ADAMW:
    case MLP_OPTIMIZER_RPROP:
        return 2;
    case MLP_OPTIMIZER_LBFGS:
        return 2 * is->lbfgs_history;
    }
    return 0;
}

/* Of all weights, and of all parameters: each layer may end within one. */
static size_t most_chunks(const mlp_net *net)
{
    return mlpi_sum_chunks(net->layout.parameters) + net->layout.L;
}

static void lay_out(const mlp_net *net, mlpi_optimizer *o, mlpi_cursor *cursor)
{
    o->state = mlpi_take(cursor, o->n_states, sizeof *o->state);
    for (size_t k = 0; k < o->n_states; k++) {
        void *state =
            mlpi_take(cursor, net->layout.parameters, net->kernels->real_size);
        if (o->state) {
            o->state[k] = state;
        }
    }
    if (o->options.kind == MLP_OPTIMIZER_LBFGS) {
        o->lbfgs.kernels = net->kernels;
        o->lbfgs.n = net->layout.parameters;
        o->lbfgs.memory = o->options.lbfgs_history;
        o->lbfgs.S = o->state;
        o->lbfgs.Y = o->state ? o->state + o->lbfgs.memory : NULL;
        mlpi_lbfgs_lay_out(&o->lbfgs, cursor);
    }
    if (o->penalises || o->clips) {
        o->sums = mlpi_take(cursor, most_chunks(net), sizeof *o->sums);
    }
}

static mlpi_optimizer described(const mlp_optimizer *is)
{
    mlpi_optimizer made = {.options = *is,
                           .penalises = is->l1 > 0.0 || is->l2 > 0.0,
                           .clips = is->clip_norm < (double)INFINITY,
                           .n_states = mlpi_optimizer_states(is),
                           .power = {1.0, 1.0}};
    made.is_plain = is->kind == MLP_OPTIMIZER_SGD && is->weight_decay <= 0.0 &&
                    !made.clips && !(is->clip_value < (double)INFINITY);
    return made;
}

mlp_status mlpi_optimizer_make(const mlp_net *net, const mlp_hooks *hooks,
                               const mlp_optimizer *is,
                               mlpi_optimizer *optimizer)
{
    mlpi_optimizer made = described(is);
    mlpi_cursor measure = {0};
    lay_out(net, &made, &measure);
    if (measure.used > 0 || measure.overflow) {
        TRY(mlpi_allocate(hooks, &measure, "an optimizer", &made.block));
        memset(made.block, 0, measure.used);
        mlpi_cursor carve = {.base = made.block};
        lay_out(net, &made, &carve);
    }
    mlpi_optimizer_release(hooks, optimizer);
    *optimizer = made;
    return MLP_OK;
}

void mlpi_optimizer_forget(const mlp_net *net, mlpi_optimizer *optimizer)
{
    for (size_t k = 0; k < optimizer->n_states; k++) {
        memset(optimizer->state[k], 0,
               net->layout.parameters * net->kernels->real_size);
    }
    optimizer->steps = 0;
    optimizer->power[0] = optimizer->power[1] = 1.0;
}

void mlpi_optimizer_release(const mlp_hooks *hooks, mlpi_optimizer *optimizer)
{
    mlpi_release(hooks, optimizer->block);
    *optimizer = (mlpi_optimizer){.block = NULL};
}
