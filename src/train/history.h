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
 * Functions that write take NULL and then do nothing, because a fit whose
 * caller asks for no history has none.
 */
#ifndef MLPI_TRAIN_HISTORY_H
#define MLPI_TRAIN_HISTORY_H

#include "mlp.h"

struct mlp_history {
    mlp_hooks hooks;
    size_t capacity;   /* epochs that the arrays have memory for */
    size_t epochs;     /* epochs that are recorded */
    size_t best_epoch; /* counted over all fits of the trainer, as callbacks
                          count: it may be an epoch of an earlier fit */

    /* Element i is of the i-th epoch of this fit. */
    double *losses; /* [capacity]: weighted mean over the rows to train on, each
                       before the update of its batch */
    double *validation_losses;     /* [capacity]: after the epoch */
    double *validation_accuracies; /* [capacity]: of the same rows */
    double *rates;                 /* [capacity]: learning rates */
    double *seconds;               /* [capacity]: durations */
};

/* What is recorded of an epoch. Validation loss and accuracy are NaN where
 * there are no validation rows. */
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

/* Sets the duration of each of the last `count` epochs, in seconds. Durations
 * come later than records, because several short epochs are timed together;
 * each of them gets their mean. `count` is at most the number of recorded
 * epochs. */
void mlpi_history_set_seconds(mlp_history *history, size_t count,
                              double seconds);

#endif
