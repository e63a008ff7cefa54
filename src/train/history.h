/* SPDX-License-Identifier: MIT */
/*
 * The history of a fit: one record for each epoch, as Keras' History. The
 * training loop writes it; callers read it through the functions of mlp.h.
 *
 * Its size is known before the first epoch, so all arrays are allocated then,
 * in one block, and no epoch allocates:
 *
 *     | mlp_history | losses | validation_losses | validation_accuracies |
 *     rates | seconds |             each array is double [capacity]
 *
 * If the caller of a fit does not ask for a history, it is NULL. Functions that
 * write into NULL do nothing.
 */
#ifndef MLPI_TRAIN_HISTORY_H
#define MLPI_TRAIN_HISTORY_H

#include "mlp.h"

struct mlp_history {
    mlp_hooks hooks;
    size_t capacity;   /* epochs that the arrays have memory for */
    size_t epochs;     /* epochs that are recorded */
    size_t best_epoch; /* counted over all fits of the trainer, as in callbacks;
                          it may belong to an earlier fit */

    /* Element i belongs to epoch i of this fit, counted from 0. */
    double *losses; /* [capacity]: weighted mean over the training rows, each
                       before the update of its batch */
    double *validation_losses;     /* [capacity]: after the epoch */
    double *validation_accuracies; /* [capacity]: of the same rows */
    double *rates;                 /* [capacity]: learning rates */
    double *seconds;               /* [capacity]: durations */
};

/* The record of an epoch. Validation loss and accuracy are NaN if there are no
 * validation rows. */
typedef struct mlpi_record {
    double loss, validation_loss, validation_accuracy;
    double rate; /* learning rate */
} mlpi_record;

/* Allocates an empty history for at most `capacity` epochs. MLP_ERR_LIMIT,
 * MLP_ERR_MEMORY: *history is untouched. */
mlp_status mlpi_history_make(const mlp_hooks *hooks, size_t capacity,
                             mlp_history **history);

/* Adds the record of an epoch and sets the best epoch so far. There must be
 * fewer than `capacity` epochs. */
void mlpi_history_add(mlp_history *history, const mlpi_record *record,
                      size_t best_epoch);

/* Sets the duration of each of the last `count` epochs, in seconds. Several
 * short epochs may be timed together, so durations come later than records, and
 * each of these epochs gets the mean. `count` is at most the number of recorded
 * epochs. */
void mlpi_history_set_seconds(mlp_history *history, size_t count,
                              double seconds);

#endif
