/* SPDX-License-Identifier: MIT */
/*
 * L-BFGS on a network: the objective is the loss of the batch that the trainer
 * holds, penalties included, as a function of the parameters. Each evaluation
 * is a training step without an update, at parameters that lbfgs.c chooses.
 *
 * The last evaluation of an iteration that was accepted is the first one of the
 * next iteration, if nothing else has changed; so loss and gradient are kept
 * between iterations, with the parameters that they belong to.
 */
#include "train/lbfgs_step.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "model/batch_norm.h"
#include "train/snapshot.h"

mlp_status mlpi_lbfgs_refuse(const mlp_trainer *trainer, const char *what)
{
    if (trainer->optimizer.options.kind == MLP_OPTIMIZER_LBFGS) {
        return mlpi_error(&trainer->hooks, MLP_ERR_ARGUMENT,
                          "lbfgs: expects a fit with all rows in one batch, "
                          "got %s",
                          what);
    }
    return MLP_OK;
}

static size_t bytes_of(const mlp_net *net)
{
    return net->layout.parameters * net->kernels->real_size;
}

/* The context of the objective: a batch that the trainer holds. */
typedef struct batch {
    mlp_trainer *trainer;
    size_t m;
} batch;

/* Puts w into the network, returns the loss there, and writes the gradient to
 * g. */
static double objective(void *context, const void *w, void *g)
{
    const batch *b = context;
    mlp_net *net = b->trainer->net;
    memcpy(net->parameters, w, bytes_of(net));
    mlpi_step_args args = {
        .m = b->m, .rows_loaded = true, .discard_Z = true, .no_update = true};
    mlpi_step_result result = {.loss = 0.0};
    mlpi_step_train(b->trainer, &args, &result);
    memcpy(g, b->trainer->batch.gradients, bytes_of(net));
    return result.loss;
}

/* True if the loss and gradient of the last iteration are still valid, so that
 * this one need not compute them again. They are not if the rows or parameters
 * changed, or if the network has batch norm: its moments are those of the last
 * trial point, and the running moments must move by those of this one. */
static bool is_cached(const mlp_trainer *t, const mlpi_step_args *args)
{
    const mlpi_lbfgs *l = &t->optimizer.lbfgs;
    return args->rows_loaded && l->is_cached && t->net->layout.running == 0 &&
           memcmp(l->w, t->net->parameters, bytes_of(t->net)) == 0;
}

/* Computes the loss and gradient of the network as it is: the point that an
 * iteration begins with. */
static void evaluate(mlp_trainer *t, const mlpi_step_args *args)
{
    mlpi_lbfgs *l = &t->optimizer.lbfgs;
    mlpi_step_args here = *args;
    mlpi_step_result result = {.loss = 0.0};
    here.no_update = true;
    mlpi_step_train(t, &here, &result);
    memcpy(l->w, t->net->parameters, bytes_of(t->net));
    memcpy(l->g, t->batch.gradients, bytes_of(t->net));
    l->J = result.loss;
    l->is_cached = true;
    l->failed_rate = 0.0;
}

/* Does an iteration from the point of `evaluate`, and leaves the network at the
 * point that it found. */
static void iterate(mlp_trainer *t, const mlpi_step_args *args)
{
    mlpi_optimizer *o = &t->optimizer;
    if (args->backup) {
        mlpi_snapshot_take(t->net, args->backup);
    }
    mlpi_batch_norm_track(t->net, args->m, t->batch.moments);
    batch all = {t, args->m};
    o->lbfgs.pairs_added = o->steps;
    mlpi_lbfgs_iterate(&o->lbfgs, objective, &all, args->learning_rate);
    o->steps = o->lbfgs.pairs_added;
    memcpy(t->net->parameters, o->lbfgs.w, bytes_of(t->net));
}

void mlpi_lbfgs_step(mlp_trainer *trainer, const mlpi_step_args *args,
                     mlpi_step_result *result)
{
    const mlpi_lbfgs *l = &trainer->optimizer.lbfgs;
    uint64_t draw = trainer->draw;
    if (!is_cached(trainer, args)) {
        evaluate(trainer, args);
    }
    result->loss = l->J;
    result->gradient_not_finite =
        isfinite(l->J) && !isfinite(mlpi_lbfgs_gradient_square(l));
    if (isfinite(l->J) && !result->gradient_not_finite && !args->no_update) {
        iterate(trainer, args);
    }
    /* However many evaluations there were, they are one step. */
    trainer->draw = draw + 1;
}
