/* SPDX-License-Identifier: MIT */
/*
 * From gradients to new parameters, and what changes a gradient before.
 *
 * Members of a team take shares of the flat arrays; no element knows another,
 * but for two sums over all of them, the penalty and the norm of the gradients:
 * those are made in chunks of MLPI_SUM_CHUNK elements, eight lanes in each, and
 * the chunks are added in order. So they are the same for every number of
 * members, too.
 */
#ifndef MLPI_DESCENT_H
#define MLPI_DESCENT_H

#include "optimizer.h"
#include "team.h"

/* Where an optimizer works. */
typedef struct mlpi_descent {
    mlp_net *net;
    const mlpi_optimizer *optimizer;
    void *gradients; /* real, laid out as the parameters */
} mlpi_descent;

/* Penalties (l1, l2) of a batch that counts as `rows` rows. First each member's
 * share of the sums; when all are done, what is added to the loss. */
void mlpi_penalty_sums(const mlpi_descent *d, const mlpi_member *self);
double mlpi_penalty(const mlpi_descent *d, double rows);
/* Adds to the gradients of W[l], those of inputs [first, first + count). */
void mlpi_penalty_gradient(const mlpi_descent *d, double rows, size_t l,
                           size_t first, size_t count);

/* Is one of this member's share of the gradients not finite? It is the share that
 * it will update with. */
bool mlpi_gradient_is_bad(const mlpi_descent *d, const mlpi_member *self);

/* One update. If the optimizer clips, first each member's share of the sums;
 * when all are done, its share of the parameters, which are copied to `keep`
 * before, unless it is NULL. When all are done, one of them notes the step. */
void mlpi_norm_sums(const mlpi_descent *d, const mlpi_member *self);
void mlpi_descend(const mlpi_descent *d, const mlpi_member *self, double alpha,
                  void *keep);
/* Or, if the optimizer does not clip by norm, parameters in parts: an update
 * that begins with the first, of weights or others, and has no n yet. */
mlpi_update mlpi_update_at(const mlpi_descent *d, double alpha, size_t first,
                           bool is_weight);
void mlpi_optimizer_note_step(mlpi_optimizer *optimizer);

#endif
