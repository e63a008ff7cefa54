/* SPDX-License-Identifier: MIT */
/* What happened in each epoch: written by a fit, read by its caller. */
#ifndef MLPI_TRAIN_HISTORY_H
#define MLPI_TRAIN_HISTORY_H

#include "mlp.h"

struct mlp_history {
    mlp_hooks hooks;
    size_t epochs, best_epoch;
    double *losses, *validation_losses, *validation_accuracies; /* [epochs] */
    double *rates, *seconds;
};

/* What is kept of an epoch; NaN where there is no validation. */
typedef struct mlpi_record {
    double loss, validation_loss, validation_accuracy, rate;
} mlpi_record;

/* An empty history with room for so many epochs.
 * MLP_ERR_LIMIT, MLP_ERR_MEMORY. */
mlp_status mlpi_history_make(const mlp_hooks *hooks, size_t epochs,
                             mlp_history **history);

/* Adds an epoch, for which there must be room, and says which is the best so
 * far. NULL is allowed. */
void mlpi_history_add(mlp_history *history, const mlpi_record *record,
                      size_t best_epoch);

/* Says how long each of the last `count` epochs took. NULL is allowed. */
void mlpi_history_time(mlp_history *history, size_t count, double seconds);

#endif
