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

/* Sums that a binary tree of MLP_MAX_PARTS parts holds at a time. */
enum { MLPI_TREE_LEVELS = 11 };

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

/* A step whose batch has parts (see parts.h) is begun once, makes a call for
 * each part, and is finished once:
 *
 *     mlpi_step_begin      counts a forward pass
 *     mlpi_step_part       gradients of one part, added to sums of others
 *     mlpi_step_finish     penalties, check, update
 */
void mlpi_step_begin(mlp_trainer *trainer);

/* Where the gradients of a part go: *to = sums[n - 1] + ... + (sums[0] +
 * gradients), number by number. All are arrays as long as the parameters. */
typedef struct mlpi_merge {
    size_t n;
    const void *sums[MLPI_TREE_LEVELS];
    void *to; /* may be the trainer's gradients or one of the sums */
} mlpi_merge;

/* Computes the gradients of a part of args->m rows, 0 or more, which begins at
 * row `first` of the batch, and merges them. The trainer knows the sum of
 * the weights of the whole batch. result->loss becomes the sum of the weighted
 * loss terms of these rows. */
void mlpi_step_part(mlp_trainer *trainer, const mlpi_step_args *args,
                    size_t first, const mlpi_merge *merge,
                    mlpi_step_result *result);

/* Ends the step: the gradients of the trainer are those of the whole batch, and
 * result->loss is the sum of its loss terms; it becomes the loss. args has the
 * rows of the batch in m, no_update, learning_rate and backup. */
void mlpi_step_finish(mlp_trainer *trainer, const mlpi_step_args *args,
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
