/* SPDX-License-Identifier: MIT */
/*
 * A training step: one update of the parameters from one batch, whole or in
 * its four parts. The threads of the trainer's team do it together; step.c
 * opens with how they share it.
 *
 * What a step is asked to do is an mlpi_step_args, what it finds out is an
 * mlpi_step_result (step_worker.h). A caller sets the members that a function
 * names, and leaves the others 0. Nothing here can fail: shapes and values are
 * checked before, by those who get them from outside.
 */
#ifndef MLPI_TRAIN_STEP_H
#define MLPI_TRAIN_STEP_H

#include "train/step_worker.h"

/* Copies m rows of X and Y into the trainer's batch, from row batch_row on, for
 * a later step with rows_loaded. */
void mlpi_batch_load(mlp_trainer *trainer, const mlpi_step_args *args);

/* Copies the row weights of the m rows into the trainer's batch. It comes
 * before any part of a step, because loss and gradients depend on their sum. */
void mlpi_batch_load_weights(mlp_trainer *trainer, const mlpi_step_args *args);

/* Does a whole step: forward, loss, backward, and the update with
 * args->learning_rate. There is no update if the loss or a gradient is not
 * finite, or if args->no_update asks for none; then the network stays as it
 * was. The result must be zero before. */
void mlpi_step_train(mlp_trainer *trainer, const mlpi_step_args *args,
                     mlpi_step_result *result);

/* Z and A of all layers from m, X and order. Batch norm's running moments move,
 * unless no_update is set. */
void mlpi_step_forward(mlp_trainer *trainer, const mlpi_step_args *args);

/* result->loss from m, Y and order. */
void mlpi_step_loss(mlp_trainer *trainer, const mlpi_step_args *args,
                    mlpi_step_result *result);

/* All gradients from m, Y and order. */
void mlpi_step_backward(mlp_trainer *trainer, const mlpi_step_args *args);

/* New parameters from the gradients, m and learning_rate. */
void mlpi_step_update(mlp_trainer *trainer, const mlpi_step_args *args);

/* True if m rows are enough work for several threads: waking them takes longer
 * than a small step. */
bool mlpi_step_pays_for_threads(const mlp_trainer *trainer, size_t m);

#endif
