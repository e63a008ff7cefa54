/* SPDX-License-Identifier: MIT */
/*
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
#ifndef MLPI_TRAIN_PENALTY_H
#define MLPI_TRAIN_PENALTY_H

#include "train/optimizer.h"
#include "base/thread_team.h"

/* Penalties (l1, l2) of a batch that counts as `rows` rows. First each member's
 * share of the sums; when all are done, what is added to the loss. */
void mlpi_penalty_sums(const mlpi_update_context *d, const mlpi_member *self);
double mlpi_penalty(const mlpi_update_context *d, double rows);
/* Adds to the gradients of parameters [first, first + count), all weights. */
void mlpi_penalty_gradient(const mlpi_update_context *d, double rows,
                           size_t first, size_t count);

/* If the optimizer clips, each member's share of the sums; when all are done,
 * what gradients are multiplied by, as torch.nn.utils.clip_grad_norm_ does: 1
 * if it does not. */
void mlpi_norm_sums(const mlpi_update_context *d, const mlpi_member *self);
double mlpi_clip_scale(const mlpi_update_context *d);

#endif
