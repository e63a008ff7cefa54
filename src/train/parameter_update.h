/* SPDX-License-Identifier: MIT */
/*
 * From gradients to new parameters: members of a team take shares of the flat
 * arrays, and no element knows another.
 */
#ifndef MLPI_TRAIN_PARAMETER_UPDATE_H
#define MLPI_TRAIN_PARAMETER_UPDATE_H

#include "train/penalty.h"

/* Is one of this member's share of the gradients not finite? It is the share
 * that it will update with. */
bool mlpi_gradient_is_not_finite(const mlpi_update_context *d,
                                 const mlpi_member *self);

/* One update. If the optimizer clips, mlpi_norm_sums comes before. Then each
 * member's share of the parameters, which are copied to `backup` before, unless
 * it is NULL. When all are done, one of them notes the step. */
void mlpi_update_parameters(const mlpi_update_context *d,
                            const mlpi_member *self, double alpha,
                            void *backup);
/* The copy alone, of the same share. */
void mlpi_backup_part(const mlp_net *net, const mlpi_member *self,
                      void *backup);
/* Or, if the optimizer does not clip by norm, parameters in parts: an update
 * that begins with the first, of weights or others, and has no n yet. */
mlpi_optimizer_step mlpi_fused_step_at(const mlpi_update_context *d,
                                       double alpha, size_t first,
                                       bool is_weight);
void mlpi_optimizer_advance(mlpi_optimizer *optimizer);

#endif
