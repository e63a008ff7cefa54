/* SPDX-License-Identifier: MIT */
/*
 * A training step of L-BFGS applies lbfgs.h to the network and the batch of a
 * trainer. One step is one iteration, which evaluates the loss and its gradient
 * several times, and each evaluation needs the same rows. So all rows must be
 * in one batch. Other optimizers evaluate once in a step (see step.h).
 */
#ifndef MLPI_TRAIN_LBFGS_STEP_H
#define MLPI_TRAIN_LBFGS_STEP_H

#include "train/step.h"

/* Trains as mlpi_step_train does, for a trainer whose optimizer is lbfgs. The
 * loss in the result is that before the iteration. gradient_not_finite is also
 * set if the square of the gradient's norm is not finite. */
void mlpi_lbfgs_step(mlp_trainer *trainer, const mlpi_step_args *args,
                     mlpi_step_result *result);

/* Refuses something that lbfgs cannot do. MLP_ERR_ARGUMENT if the trainer's
 * optimizer is lbfgs; `what` says in the message what the caller asked for. */
mlp_status mlpi_refuse_lbfgs(const mlp_trainer *trainer, const char *what);

#endif
