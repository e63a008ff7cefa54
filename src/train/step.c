/* SPDX-License-Identifier: MIT */
#include "train/step.h"

#include <math.h>
#include <string.h>

#include "model/batch_norm.h"
#include "model/loss.h"

/* This member's share of whether all gradients are finite: all are there. */
static void look_at_gradients(mlp_trainer *t, const mlpi_thread *self,
                              mlpi_step *step)
{
    mlpi_update_context descent = mlpi_update_context_of(t);
    if (mlpi_gradient_is_not_finite(&descent, self)) {
        step->gradient_not_finite = true;
    }
}

static bool updates(const mlpi_step *step)
{
    return isfinite(step->loss) && !step->no_update &&
           !step->gradient_not_finite;
}

/* Can each part of the gradients be used up when it has been made, and do they
 * not fit into a cache together? */
static bool is_fusible(const mlp_trainer *t, const mlpi_step *step)
{
    enum { MANY_PARAMETERS = 1 << 16 };
    return step->discard_Z && !step->no_update && t->net->layout.running == 0 &&
           !t->optimizer.penalises && !t->optimizer.clips &&
           t->net->layout.parameters >= MANY_PARAMETERS;
}

/* Of this member's rows: are numbers so large that gradients may not be finite?
 * Who fuses does not learn of one before others have been used up. */
static void look_at_factors(mlp_trainer *t, mlpi_step *step, size_t first,
                            size_t m)
{
    const mlpi_kernels *kernels = t->net->kernels;
    for (size_t l = 1; l <= t->net->layout.L; l++) {
        size_t n = t->net->layout.layer[l].width;
        size_t n_prev = t->net->layout.layer[l - 1].width;
        const void *A_prev = mlpi_row_of(t, t->D[l - 1], n_prev, first);
        const void *dZ = mlpi_row_of(t, t->dZ[l], n, first);
        if (!kernels->products_stay_finite(m * n_prev, step->m, A_prev) ||
            !kernels->products_stay_finite(m * n, step->m, dZ)) {
            step->may_overflow = true;
        }
    }
}

static void do_step(const mlpi_thread *self, void *context)
{
    const mlpi_task *all = context;
    mlp_trainer *t = all->trainer;
    mlpi_step *step = all->step;
    mlpi_plan own;
    const mlpi_plan *plan = mlpi_worker_plan(t, self, step, &own);
    if (!step->rows_loaded) {
        mlpi_worker_load_inputs(t, step, plan->first, plan->m);
        mlpi_worker_load_targets(t, step, plan->first, plan->m);
    }
    mlpi_worker_forward(t, self, plan);
    mlpi_worker_penalty(t, self);
    /* Alone, a member has the rows of all: then logarithms go beside what else
     * waits for sigmoids. */
    const bool is_alone = self->count == 1;
    if (is_alone) {
        step->loss = mlpi_batch_loss(t, step->m);
    }
    mlpi_worker_backward(t, self, plan);
    const bool may_fuse = is_fusible(t, step);
    mlpi_barrier(self);
    if (!is_alone && self->index == 0) {
        step->loss = mlpi_batch_loss(t, step->m);
    }
    if (may_fuse) {
        look_at_factors(t, step, plan->first, plan->m);
        mlpi_barrier(self); /* the loss is known, and all factors */
    }
    if (may_fuse && !step->may_overflow) {
        if (updates(step)) {
            mlpi_worker_gradients(t, self, plan, step);
        }
        return;
    }
    mlpi_worker_gradients(t, self, plan, NULL);
    mlpi_barrier(self);
    look_at_gradients(t, self, step);
    mlpi_barrier(self);
    if (updates(step)) {
        mlpi_worker_update(t, self, step->alpha, step->backup);
    }
}

void mlpi_batch_load_weights(mlp_trainer *trainer, const mlpi_step *step)
{
    trainer->has_sample_weights = step->weights != NULL;
    for (size_t i = 0; trainer->has_sample_weights && i < step->m; i++) {
        trainer->weight[i] = step->weights[step->order ? step->order[i] : i];
    }
    trainer->total = mlpi_sum_row_weights(
        step->m, trainer->has_sample_weights ? trainer->weight : NULL);
}

bool mlpi_step_is_busy(const mlp_trainer *trainer, size_t m)
{
    return mlpi_pays_for_threads(m, trainer->net->layout.parameters);
}

void mlpi_step_run(mlp_trainer *t, size_t m, mlpi_work *work, mlpi_step *step)
{
    mlpi_task all = {t, step};
    mlpi_team_run(mlpi_step_is_busy(t, m) ? t->team : NULL, work, &all);
}

void mlpi_step_track(mlp_trainer *t, const mlpi_step *step)
{
    mlp_net *net = t->net;
    const mlpi_layout *layout = &net->layout;
    if (layout->running > 0) {
        if (step->backup) {
            memcpy(mlpi_at(net->kernels, step->backup, layout->parameters),
                   net->running, layout->running * net->kernels->real_size);
        }
        mlpi_batch_norm_track(net, step->m, t->moments);
    }
}

void mlpi_step_train(mlp_trainer *trainer, mlpi_step *step)
{
    trainer->draw++;
    mlpi_step_run(trainer, step->m, do_step, step);
    if (updates(step)) {
        mlpi_optimizer_advance(&trainer->optimizer);
        mlpi_step_track(trainer, step);
    }
}

/* The parts of a step, one by one: for those who take it by hand, or have a
 * batch in pieces. */
static void do_forward(const mlpi_thread *self, void *context)
{
    const mlpi_task *all = context;
    mlpi_plan own;
    const mlpi_plan *plan =
        mlpi_worker_plan(all->trainer, self, all->step, &own);
    mlpi_worker_load_inputs(all->trainer, all->step, plan->first, plan->m);
    mlpi_worker_forward(all->trainer, self, plan);
}

static void do_backward(const mlpi_thread *self, void *context)
{
    const mlpi_task *all = context;
    mlp_trainer *t = all->trainer;
    mlpi_plan own;
    const mlpi_plan *plan = mlpi_worker_plan(t, self, all->step, &own);
    mlpi_worker_load_targets(t, all->step, plan->first, plan->m);
    mlpi_worker_backward(t, self, plan);
    mlpi_barrier(self);
    mlpi_worker_gradients(t, self, plan, NULL);
}

static void do_update(const mlpi_thread *self, void *context)
{
    const mlpi_task *all = context;
    mlpi_worker_update(all->trainer, self, all->step->alpha, NULL);
}

void mlpi_batch_load(mlp_trainer *trainer, const mlpi_step *step)
{
    mlpi_worker_load_inputs(trainer, step, 0, step->m);
    mlpi_worker_load_targets(trainer, step, 0, step->m);
}

void mlpi_step_forward(mlp_trainer *trainer, mlpi_step *step)
{
    trainer->draw++;
    mlpi_step_run(trainer, step->m, do_forward, step);
    if (!step->no_update) {
        mlpi_step_track(trainer, step);
    }
}

void mlpi_step_loss(mlp_trainer *trainer, mlpi_step *step)
{
    mlpi_worker_load_targets(trainer, step, 0, step->m);
    mlpi_worker_penalty(trainer, &(mlpi_thread){NULL, 0, 1});
    step->loss = mlpi_batch_loss(trainer, step->m);
}

void mlpi_step_backward(mlp_trainer *trainer, mlpi_step *step)
{
    mlpi_step_run(trainer, step->m, do_backward, step);
}

void mlpi_step_update(mlp_trainer *trainer, mlpi_step *step)
{
    mlpi_step_run(trainer, trainer->m, do_update, step);
    mlpi_optimizer_advance(&trainer->optimizer);
}
