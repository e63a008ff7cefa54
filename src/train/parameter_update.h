/* SPDX-License-Identifier: MIT */
/*
 * From gradients to new parameters: members of a team take shares of the flat
 * arrays, and no element knows another.
 *
 * Two sums over all: of the weights, for what l1 and l2 add to the loss, and of
 * the gradients, for the norm that they are clipped by.
 *
 *     J := J + (l2 / 2 sum w^2 + l1 sum |w|) / rows
 *     dw := dw + (l2 w + l1 sign(w)) / rows
 *
 * They are made in chunks of MLPI_SUM_CHUNK elements, eight lanes in each, of
 * which members of a team take shares, and the chunks are added in order. So
 * they are the same for every number of members.
 */
#ifndef MLPI_TRAIN_PARAMETER_UPDATE_H
#define MLPI_TRAIN_PARAMETER_UPDATE_H

#include "base/thread_team.h"
#include "train/optimizer.h"

/* Is one of this member's share of the gradients not finite? It is the share
 * that it will update with. */
bool mlpi_gradient_is_not_finite(const mlpi_update_context *d,
                                 const mlpi_thread *self);

/* One update. If the optimizer clips, mlpi_norm_sums comes before. Then each
 * member's share of the parameters, which are copied to `backup` before, unless
 * it is NULL. When all are done, one of them notes the step. */
void mlpi_update_parameters(const mlpi_update_context *d,
                            const mlpi_thread *self, double alpha,
                            void *backup);
/* The copy alone, of the same share. */
void mlpi_backup_part(const mlp_net *net, const mlpi_thread *self,
                      void *backup);
/* Or, if the optimizer does not clip by norm, parameters in parts: an update
 * that begins with the first, of weights or others, and has no n yet. */
mlpi_optimizer_step mlpi_fused_update(const mlpi_update_context *d,
                                      double alpha, size_t first,
                                      bool is_weight);
void mlpi_optimizer_advance(mlpi_optimizer *optimizer);

/* Penalties (l1, l2) of a batch that counts as `rows` rows. First each member's
 * share of the sums; when all are done, what is added to the loss. */
void mlpi_penalty_sums(const mlpi_update_context *d, const mlpi_thread *self);
double mlpi_penalty(const mlpi_update_context *d, double rows);
/* Adds to the gradients of parameters [first, first + count), all weights. */
void mlpi_penalty_gradient(const mlpi_update_context *d, double rows,
                           size_t first, size_t count);

/* If the optimizer clips, each member's share of the sums; when all are done,
 * what gradients are multiplied by, as torch.nn.utils.clip_grad_norm_ does: 1
 * if it does not. */
void mlpi_norm_sums(const mlpi_update_context *d, const mlpi_thread *self);
double mlpi_clip_scale(const mlpi_update_context *d);

#endif
