/* SPDX-License-Identifier: MIT */
/*
 * A training step of L-BFGS: lbfgs.h applied to the network and the batch of a
 * trainer. One step is one iteration, which evaluates the loss and its gradient
 * several times; so it needs all rows in one batch, and no other optimizer has
 * a step of this form.
 */
#ifndef MLPI_TRAIN_LBFGS_STEP_H
#define MLPI_TRAIN_LBFGS_STEP_H

#include "train/step.h"

/* Trains as mlpi_step_train does, for a trainer whose optimizer is lbfgs. The
 * loss in the result is that before the iteration. gradient_not_finite is also
 * set if the square of the gradient's norm is not finite. */
void mlpi_lbfgs_step(mlp_trainer *trainer, const mlpi_step_args *args,
                     mlpi_step_result *result);

/* MLP_ERR_ARGUMENT if the trainer's optimizer is lbfgs, which cannot do what
 * `what` names. */
mlp_status mlpi_lbfgs_refuse(const mlp_trainer *trainer, const char *what);

#endif
