/* SPDX-License-Identifier: MIT */
/*
 * L-BFGS on a network: the objective is the loss of the batch that the trainer
 * holds, penalties included, as a function of the parameters. Each evaluation
 * is a training step without an update, at parameters that lbfgs.c chooses.
 *
 * An iteration begins at the point where the last one ended. So loss and
 * gradient are kept between iterations, together with the parameters that they
 * belong to, and are computed again only if something else has changed.
 */
#include "train/lbfgs_step.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "model/batch_norm.h"

mlp_status mlpi_refuse_lbfgs(const mlp_trainer *trainer, const char *what)
{
    if (trainer->optimizer.options.kind == MLP_OPTIMIZER_LBFGS) {
        return mlpi_error(&trainer->hooks, MLP_ERR_ARGUMENT,
                          "lbfgs: expects a fit with all rows in one batch, "
                          "got %s",
                          what);
    }
    return MLP_OK;
}

/* Returns how many bytes the parameters have, and so their gradients. */
static size_t bytes_of(const mlp_net *net)
{
    return net->layout.parameters * net->kernels->real_size;
}

/* The context of the objective: a trainer, and the step whose rows it has. */
typedef struct objective_context {
    mlp_trainer *trainer;
    const mlpi_step_args *args;
} objective_context;

/* Copies w into the network, returns the loss there, and writes the gradient to
 * g. */
static double objective(void *context, const void *w, void *g)
{
    const objective_context *batch = context;
    mlp_net *net = batch->trainer->net;
    memcpy(net->parameters, w, bytes_of(net));
    mlpi_step_args args = *batch->args;
    args.rows_loaded = true;
    args.discard_Z_and_dW = true;
    args.no_update = true;
    mlpi_step_result result = {.loss = 0.0};
    mlpi_step_train(batch->trainer, &args, &result);
    memcpy(g, batch->trainer->batch.gradients, bytes_of(net));
    return result.loss;
}

/* True if the loss and gradient of the last iteration are still valid, so that
 * this iteration need not compute them again. They are invalid if the rows or
 * the parameters have changed. With batch norm they are always computed again,
 * because the batch's means and variances are those of the last trial point,
 * and the running ones must be updated with those of this point. */
static bool is_cached(const mlp_trainer *t, const mlpi_step_args *args)
{
    const mlpi_lbfgs *lbfgs = &t->optimizer.lbfgs;
    return args->rows_loaded && lbfgs->is_cached &&
           t->net->layout.running_count == 0 &&
           memcmp(lbfgs->w, t->net->parameters, bytes_of(t->net)) == 0;
}

/* Computes loss and gradient at the network's parameters, the point from which
 * an iteration starts. */
static void evaluate(mlp_trainer *t, const mlpi_step_args *args)
{
    mlpi_lbfgs *lbfgs = &t->optimizer.lbfgs;
    mlpi_step_args here = *args;
    mlpi_step_result result = {.loss = 0.0};
    here.no_update = true;
    mlpi_step_train(t, &here, &result);
    memcpy(lbfgs->w, t->net->parameters, bytes_of(t->net));
    memcpy(lbfgs->g, t->batch.gradients, bytes_of(t->net));
    lbfgs->J = result.loss;
    lbfgs->is_cached = true;
    lbfgs->failed_rate = 0.0;
}

/* Runs an iteration from the point of `evaluate`, and sets the network to the
 * point that it finds. */
static void iterate(mlp_trainer *t, const mlpi_step_args *args)
{
    mlpi_optimizer *o = &t->optimizer;
    if (args->backup) {
        mlpi_snapshot_take(t->net, args->backup);
    }
    mlpi_batch_norm_track(t->net, args->m, t->batch.moments);
    objective_context batch = {t, args};
    /* The optimizer counts pairs as its steps, because that is what a
     * checkpoint stores. */
    o->lbfgs.pairs_added = o->steps;
    mlpi_lbfgs_iterate(&o->lbfgs, objective, &batch, args->learning_rate);
    o->steps = o->lbfgs.pairs_added;
    memcpy(t->net->parameters, o->lbfgs.w, bytes_of(t->net));
}

/* An iteration needs the loss and the gradient at its start. If they are not
 * finite, there is no iteration, and the network does not change. */
void mlpi_lbfgs_step(mlp_trainer *trainer, const mlpi_step_args *args,
                     mlpi_step_result *result)
{
    const mlpi_lbfgs *lbfgs = &trainer->optimizer.lbfgs;
    uint64_t forward_count = trainer->forward_count;
    if (!is_cached(trainer, args)) {
        evaluate(trainer, args);
    }
    result->loss = lbfgs->J;
    result->gradient_not_finite =
        isfinite(lbfgs->J) && !isfinite(mlpi_lbfgs_gradient_square(lbfgs));
    if (isfinite(lbfgs->J) && !result->gradient_not_finite &&
        !args->no_update) {
        iterate(trainer, args);
    }
    /* All evaluations together count as one forward pass. */
    trainer->forward_count = forward_count + 1;
}
