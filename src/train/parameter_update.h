/* SPDX-License-Identifier: MIT */
/*
 * Computes new parameters from gradients. total_weight is the sum of the row
 * weights of the batch, or m if all rows count 1; alpha is the learning rate.
 * Sums over W run over all weights, sums over w over all parameters:
 *
 *   penalty    J  = J + (l2 / 2 sum W^2 + l1 sum |W|) / total_weight
 *              dW = dW + (l2 W + l1 sign(W)) / total_weight
 *
 *   clipping   scale = min(1, clip_norm / (norm + 1e-6)), norm^2 = sum dw^2
 *              dw    = min(max(dw, -clip_value), clip_value)
 *              g     = scale dw
 *
 *   decay      W = W - alpha weight_decay W
 *
 *   update     w = w - step(alpha, g), as the optimizer defines step
 *              (see kernels/optimizer_step_tmpl.h)
 *
 * Biases and batch norm's scales have neither penalty nor decay. The factor of
 * the norm is that of torch.nn.utils.clip_grad_norm_.
 *
 * No parameter depends on another in the update, so threads divide the flat
 * arrays. A sum over all parameters is computed in chunks of MLPI_SUM_CHUNK
 * elements, and threads divide the chunks. Within a chunk there are eight
 * partial sums (lanes, see kernels.h), which are added in a fixed order. Then
 * the sums of the chunks are added in their order. So a sum has the same bits
 * for every number of threads.
 *
 * In comments real is the network's number type, float or double.
 */
#ifndef MLPI_TRAIN_PARAMETER_UPDATE_H
#define MLPI_TRAIN_PARAMETER_UPDATE_H

#include "base/thread_team.h"
#include "train/optimizer.h"

/* The network, its optimizer and the gradients of an update. */
typedef struct mlpi_update_context {
    mlp_net *net;
    const mlpi_optimizer *optimizer;
    void *gradients; /* real, laid out as the parameters */
} mlpi_update_context;

/* True if this thread's part of the gradients holds a number that is not
 * finite. The threads have the same parts in mlpi_update_parameters. */
bool mlpi_gradient_is_not_finite(const mlpi_update_context *context,
                                 const mlpi_thread *thread);

/* Updates this thread's part of the parameters from the gradients. With
 * clipping by norm, all threads must have called mlpi_norm_sums first, because
 * the scale depends on all gradients. If `backup` is not NULL, the old
 * parameters are copied there first. After all threads have returned, one of
 * them calls mlpi_optimizer_advance. */
void mlpi_update_parameters(const mlpi_update_context *context,
                            const mlpi_thread *thread, double learning_rate,
                            void *backup);

/* Copies this thread's part of the parameters to `backup`, without an
 * update. */
void mlpi_backup_part(const mlp_net *net, const mlpi_thread *thread,
                      void *backup);

/* Returns the arguments of an update while the gradients are computed (see
 * step.c). The parameters begin with number `first`, and are all weights or all
 * biases. A matrix product updates weights block by block and ignores n; for
 * biases the caller sets n and calls optimizer_step. The optimizer must not
 * clip by norm. */
mlpi_optimizer_step_args mlpi_fused_update(const mlpi_update_context *context,
                                           double learning_rate, size_t first,
                                           bool is_weight);

/* Computes this thread's chunks of the sums over weights. */
void mlpi_penalty_sums(const mlpi_update_context *context,
                       const mlpi_thread *thread);

/* Returns the penalty that is added to the loss of a batch with this sum of row
 * weights. All threads must have called mlpi_penalty_sums. */
double mlpi_penalty(const mlpi_update_context *context, double total_weight);

/* Adds the derivative of the penalty to the gradients of parameters [first,
 * first + count), which are all weights. */
void mlpi_penalty_gradient(const mlpi_update_context *context,
                           double total_weight, size_t first, size_t count);

/* Computes this thread's chunks of the sum over squared gradients. */
void mlpi_norm_sums(const mlpi_update_context *context,
                    const mlpi_thread *thread);

/* Returns the factor of clipping by norm, or 1 if the optimizer does not clip.
 * All threads must have called mlpi_norm_sums. */
double mlpi_clip_scale(const mlpi_update_context *context);

#endif
