/* SPDX-License-Identifier: MIT */
/* The parts of a step, one by one: for those who take it by hand, or have a
 * batch in pieces. */
#include "train/step.h"

static void do_forward(const mlpi_member *self, void *context)
{
    const mlpi_task *all = context;
    mlpi_plan own;
    const mlpi_plan *plan =
        mlpi_worker_plan(all->trainer, self, all->step, &own);
    mlpi_worker_load_inputs(all->trainer, all->step, plan->first, plan->m);
    mlpi_worker_forward(all->trainer, self, plan);
}

static void do_backward(const mlpi_member *self, void *context)
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

static void do_update(const mlpi_member *self, void *context)
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
    mlpi_worker_penalty(trainer, &(mlpi_member){NULL, 0, 1});
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
