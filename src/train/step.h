/* SPDX-License-Identifier: MIT */
/*
 * A training step: one update of the parameters from one batch, in one call or
 * in four. The threads of the trainer's team share the work; the head of step.c
 * shows how.
 *
 * An mlpi_step_args says what the step shall do, and an mlpi_step_result tells
 * what came out (both in step_worker.h). A caller sets the members that the
 * function's comment names, and leaves the rest 0:
 *
 *     mlpi_step_args args = {.m = m, .X = X, .Y = Y, .learning_rate = 0.1};
 *     mlpi_step_result result = {.loss = 0.0};
 *     mlpi_batch_weigh(trainer, &args);
 *     mlpi_step_train(trainer, &args, &result);
 *     if (!isfinite(result.loss) || result.gradient_not_finite) {
 *         the training diverged
 *     }
 *
 * One call gives the same bits as the four parts, called one after another. No
 * function here can fail: public functions check shapes and values before.
 */
#ifndef MLPI_TRAIN_STEP_H
#define MLPI_TRAIN_STEP_H

#include "train/step_worker.h"

/* Returns the most rows of a micro-batch that `threads` threads share (see
 * step.c), a multiple of MLPI_LANES. */
size_t mlpi_micro_batch_rows(const mlp_net *net, size_t threads);

/* True if steps of this network may take their rows in micro-batches. */
bool mlpi_has_micro_batches(const mlp_net *net);

/* Copies m rows of X and Y into the trainer's batch, where they begin at row
 * batch_row. A later step then sets rows_loaded. */
void mlpi_batch_load(mlp_trainer *trainer, const mlpi_step_args *args);

/* Tells the trainer the sum of the weights of the m rows, or that each counts
 * 1. Callers do this before any part of a step, because loss and gradients
 * depend on the sum. */
void mlpi_batch_weigh(mlp_trainer *trainer, const mlpi_step_args *args);

/* Makes a whole step: forward, loss, backward, and the update with
 * args->learning_rate. If the loss or a gradient is not finite, or if
 * args->no_update is true, there is no update and the network does not change.
 * The caller passes *result with all members 0. */
void mlpi_step_train(mlp_trainer *trainer, const mlpi_step_args *args,
                     mlpi_step_result *result);

/* Computes Z and A of all layers from m, X and order. It also updates batch
 * norm's running mean and variance, unless no_update is true. */
void mlpi_step_forward(mlp_trainer *trainer, const mlpi_step_args *args);

/* Computes result->loss from m, Y and order, after mlpi_step_forward. */
void mlpi_step_loss(mlp_trainer *trainer, const mlpi_step_args *args,
                    mlpi_step_result *result);

/* Computes all gradients from m, Y, content and order, after mlpi_step_forward.
 * A derivative in Y has no order. */
void mlpi_step_backward(mlp_trainer *trainer, const mlpi_step_args *args);

/* Computes dJ/dX of the last backward pass in the trainer's dX, which
 * mlpi_trainer_keep_dX has allocated. */
void mlpi_step_input_gradient(mlp_trainer *trainer);

/* Updates the parameters from the gradients. It reads m and learning_rate. */
void mlpi_step_update(mlp_trainer *trainer, const mlpi_step_args *args);

/* True if m rows are enough work for several threads: waking them takes longer
 * than a small step. */
bool mlpi_step_pays_for_threads(const mlp_trainer *trainer, size_t m);

#endif
