/* SPDX-License-Identifier: MIT */
/* A step of L-BFGS: what a batch's loss is for a trainer's network. */
#ifndef MLPI_TRAIN_LBFGS_STEP_H
#define MLPI_TRAIN_LBFGS_STEP_H

#include "train/step.h"

/* Like mlpi_step_train, for a trainer whose rule is lbfgs: one iteration. The
 * loss is that before it; gradient_not_finite is for a gradient whose square is not
 * finite, too. */
void mlpi_lbfgs_step(mlp_trainer *trainer, const mlpi_step_args *args,
                     mlpi_step_result *result);

/* MLP_ERR_ARGUMENT if the rule is lbfgs, which cannot do what `what` names. */
mlp_status mlpi_lbfgs_refuse(const mlp_trainer *trainer, const char *what);

#endif
