/* SPDX-License-Identifier: MIT */
/* The parts of a step, one by one: for those who take it by hand, or have a
 * batch in pieces. */
#include "train/step.h"

static void do_forward(const mlpi_member *self, void *context)
{
    const mlpi_task *all = context;
    mlpi_plan own;
    const mlpi_plan *plan =
        mlpi_share_plan(all->trainer, self, all->step, &own);
    mlpi_share_inputs(all->trainer, all->step, plan->first, plan->m);
    mlpi_share_forward(all->trainer, self, plan);
}

static void do_backward(const mlpi_member *self, void *context)
{
    const mlpi_task *all = context;
    mlp_trainer *t = all->trainer;
    mlpi_plan own;
    const mlpi_plan *plan = mlpi_share_plan(t, self, all->step, &own);
    mlpi_share_targets(t, all->step, plan->first, plan->m);
    mlpi_share_backward(t, self, plan);
    mlpi_barrier(self);
    mlpi_share_gradients(t, self, plan, NULL);
}

static void do_update(const mlpi_member *self, void *context)
{
    const mlpi_task *all = context;
    mlpi_share_update(all->trainer, self, all->step->alpha, NULL);
}

void mlpi_step_take(mlp_trainer *trainer, const mlpi_step *step)
{
    mlpi_share_inputs(trainer, step, 0, step->m);
    mlpi_share_targets(trainer, step, 0, step->m);
}

void mlpi_step_forward(mlp_trainer *trainer, mlpi_step *step)
{
    trainer->draw++;
    mlpi_step_run(trainer, step->m, do_forward, step);
    if (!step->only_look) {
        mlpi_step_track(trainer, step);
    }
}

void mlpi_step_loss(mlp_trainer *trainer, mlpi_step *step)
{
    mlpi_share_targets(trainer, step, 0, step->m);
    mlpi_share_penalty(trainer, &(mlpi_member){NULL, 0, 1});
    step->loss = mlpi_batch_loss(trainer, step->m);
}

void mlpi_step_backward(mlp_trainer *trainer, mlpi_step *step)
{
    mlpi_step_run(trainer, step->m, do_backward, step);
}

void mlpi_step_update(mlp_trainer *trainer, mlpi_step *step)
{
    mlpi_step_run(trainer, trainer->m, do_update, step);
    mlpi_optimizer_note_step(&trainer->optimizer);
}
