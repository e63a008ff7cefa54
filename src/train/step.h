/* SPDX-License-Identifier: MIT */
/*
 * The steps of gradient descent, shared by a team of threads (steps.c has their
 * public side).
 *
 * Rows do not know each other on the way forward and on the way back to dZ;
 * weights do not know each other in their gradients. So a step has three parts
 * with barriers between: each member takes its rows as far as all dZ; then, for
 * all rows, the gradients of its weights; then it updates its parameters. (In
 * wide layers it takes its outputs of all rows instead, with more barriers: see
 * plan.h.) Large networks have the last two in one: the gradients of a tile of
 * weights are used up before they leave the nearest cache.
 */
#ifndef MLPI_TRAIN_STEP_H
#define MLPI_TRAIN_STEP_H

#include "train/step_worker.h"

/* Takes the m rows of X and Y into the batch, where they are rows batch_row and
 * following: for a step that rows_loaded. */
void mlpi_batch_load(mlp_trainer *trainer, const mlpi_step *step);

/* Takes the weights of the m rows into the batch, before any part of a step. */
void mlpi_batch_load_weights(mlp_trainer *trainer, const mlpi_step *step);

/* The parts of a step, and all of it: forward needs m, X and order; loss and
 * backward m, Y and order; update alpha. */
void mlpi_step_forward(mlp_trainer *trainer, mlpi_step *step);
void mlpi_step_loss(mlp_trainer *trainer, mlpi_step *step);
void mlpi_step_backward(mlp_trainer *trainer, mlpi_step *step);
void mlpi_step_update(mlp_trainer *trainer, mlpi_step *step);
void mlpi_step_train(mlp_trainer *trainer, mlpi_step *step);

/* Do m rows make enough work for several threads? */
bool mlpi_step_is_busy(const mlp_trainer *trainer, size_t m);

/* For step_parts.c. The team, if m rows keep it busy, does the work of a step,
 * whose context is a task. */
typedef struct mlpi_task {
    mlp_trainer *trainer;
    mlpi_step *step;
} mlpi_task;

void mlpi_step_run(mlp_trainer *trainer, size_t m, mlpi_work *work,
                   mlpi_step *step);

/* The running moments learn of a batch, and are kept before. */
void mlpi_step_track(mlp_trainer *trainer, const mlpi_step *step);

#endif
