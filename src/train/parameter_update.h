/* SPDX-License-Identifier: MIT */
/*
 * From gradients to new parameters. With `total` the sum of the row weights of
 * the batch (its number of rows, without weights), alpha the learning rate, and
 * sums over all weights W or over all parameters w:
 *
 *   penalty    J  = J + (l2 / 2 sum W^2 + l1 sum |W|) / total
 *              dW = dW + (l2 W + l1 sign(W)) / total
 *
 *   clipping   scale = min(1, clip_norm / (norm + 1e-6)), norm^2 = sum dw^2
 *              g     = scale dw, where dw is held in [-clip_value, clip_value]
 *                      first
 *
 *   decay      W = W - alpha weight_decay W
 *
 *   update     w = w - what the optimizer makes of alpha and g: see
 *              kernels/optimizer_step_tmpl.h
 *
 * Biases and batch norm's scales have neither penalty nor decay. The factor of
 * the norm is that of torch.nn.utils.clip_grad_norm_.
 *
 * No parameter depends on another in the update, so threads divide the flat
 * arrays. The sums over all parameters are made of chunks of MLPI_SUM_CHUNK
 * elements. Threads divide the chunks; within a chunk eight lanes are added in
 * a fixed order, and the chunks are added in theirs. So a sum has the same bits
 * for every number of threads.
 */
#ifndef MLPI_TRAIN_PARAMETER_UPDATE_H
#define MLPI_TRAIN_PARAMETER_UPDATE_H

#include "base/thread_team.h"
#include "train/optimizer.h"

/* What an update works on. */
typedef struct mlpi_update_context {
    mlp_net *net;
    const mlpi_optimizer *optimizer;
    void *gradients; /* real, laid out as the parameters */
} mlpi_update_context;

/* True if this thread's part of the gradients holds a number that is not
 * finite. The parts are those of mlpi_update_parameters. */
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

/* The arguments of an update that a matrix product does with its own tiles:
 * parameters from number `first` on, all of them weights or none. The caller
 * sets how many they are. The optimizer must not clip by norm. */
mlpi_optimizer_step mlpi_fused_update(const mlpi_update_context *context,
                                      double learning_rate, size_t first,
                                      bool is_weight);

/* Counts a step that all threads have done. */
void mlpi_optimizer_advance(mlpi_optimizer *optimizer);

/* Computes this thread's chunks of the sums over weights. */
void mlpi_penalty_sums(const mlpi_update_context *context,
                       const mlpi_thread *thread);

/* What penalties add to the loss of a batch with that sum of row weights. All
 * threads must have called mlpi_penalty_sums. */
double mlpi_penalty(const mlpi_update_context *context, double total_weight);

/* Adds the penalties' part to the gradients of parameters [first, first +
 * count), which are all weights. */
void mlpi_penalty_gradient(const mlpi_update_context *context,
                           double total_weight, size_t first, size_t count);

/* Computes this thread's chunks of the sum over squared gradients. */
void mlpi_norm_sums(const mlpi_update_context *context,
                    const mlpi_thread *thread);

/* The factor of clipping by norm, or 1 if the optimizer does not clip. All
 * threads must have called mlpi_norm_sums. */
double mlpi_clip_scale(const mlpi_update_context *context);

#endif
