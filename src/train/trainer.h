/* SPDX-License-Identifier: MIT */
/* Trainers, for those who own one without showing it to their callers. */
#ifndef MLPI_TRAIN_TRAINER_H
#define MLPI_TRAIN_TRAINER_H

#include "train/step.h"

/* mlp_trainer_set_threads, which tells failures to these hooks. */
mlp_status mlpi_trainer_create_team(mlp_trainer *trainer,
                                    const mlp_hooks *hooks, size_t threads);

/* Makes room for the best weights, unless there is. */
mlp_status mlpi_trainer_keep_best(mlp_trainer *trainer);

#endif
