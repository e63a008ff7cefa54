/* SPDX-License-Identifier: MIT */
#include "train/lbfgs_step.h"

#include <math.h>
#include <string.h>

#include "model/batch_norm.h"
#include "base/error.h"
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

/* A batch that the trainer holds. */
typedef struct batch {
    mlp_trainer *trainer;
    size_t m;
} batch;

static double objective(void *context, const void *w, void *g)
{
    const batch *b = context;
    mlp_net *net = b->trainer->net;
    memcpy(net->parameters, w, bytes_of(net));
    mlpi_step look = {
        .m = b->m, .rows_loaded = true, .discard_Z = true, .no_update = true};
    mlpi_step_train(b->trainer, &look);
    memcpy(g, b->trainer->gradients, bytes_of(net));
    return look.loss;
}

/* Are J and g known from the iteration before? Not with other rows or weights,
 * nor with batch norm, whose moments are those of the last trial. */
static bool knows(const mlp_trainer *t, const mlpi_step *step)
{
    const mlpi_lbfgs *l = &t->optimizer.lbfgs;
    return step->rows_loaded && l->knows && t->net->layout.running == 0 &&
           memcmp(l->w, t->net->parameters, bytes_of(t->net)) == 0;
}

/* What an iteration begins with, where the network is. */
static void look(mlp_trainer *t, const mlpi_step *step)
{
    mlpi_lbfgs *l = &t->optimizer.lbfgs;
    mlpi_step here = *step;
    here.no_update = true;
    mlpi_step_train(t, &here);
    memcpy(l->w, t->net->parameters, bytes_of(t->net));
    memcpy(l->g, t->gradients, bytes_of(t->net));
    l->J = here.loss;
    l->knows = true;
    l->vain = 0.0;
}

static void iterate(mlp_trainer *t, const mlpi_step *step)
{
    mlpi_optimizer *o = &t->optimizer;
    if (step->backup) {
        mlpi_snapshot_take(t->net, step->backup);
    }
    mlpi_batch_norm_track(t->net, step->m, t->moments);
    batch all = {t, step->m};
    o->lbfgs.taken = o->steps;
    mlpi_lbfgs_iterate(&o->lbfgs, objective, &all, step->alpha);
    o->steps = o->lbfgs.taken;
    memcpy(t->net->parameters, o->lbfgs.w, bytes_of(t->net));
}

void mlpi_lbfgs_step(mlp_trainer *trainer, mlpi_step *step)
{
    const mlpi_lbfgs *l = &trainer->optimizer.lbfgs;
    uint64_t draw = trainer->draw;
    if (!knows(trainer, step)) {
        look(trainer, step);
    }
    step->loss = l->J;
    step->gradient_not_finite =
        isfinite(l->J) && !isfinite(mlpi_lbfgs_square(l));
    if (isfinite(l->J) && !step->gradient_not_finite && !step->no_update) {
        iterate(trainer, step);
    }
    /* However many looks there were, it was one step. */
    trainer->draw = draw + 1;
}
