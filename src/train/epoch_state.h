/* SPDX-License-Identifier: MIT */
/*
 * State that is carried from epoch to epoch: the shuffling generator, the
 * number of finished epochs, and the counters of early stopping and of the
 * plateau schedule. Together with the parameters and the optimizer's state it
 * is everything a checkpoint must hold for training to resume with the same
 * bits.
 *
 * The *watched loss* of an epoch decides about early stopping and about the
 * best weights. It is the validation loss if there are validation rows, and
 * otherwise the mean training loss.
 *
 * Two different comparisons are made with it:
 * - The best epoch is the epoch with the least watched loss, the first one if
 *   several are equal. Any difference counts, however small.
 * - An epoch is an improvement if its watched loss is below that of the last
 *   improvement by more than min_delta. Early stopping counts the epochs since
 *   the last improvement.
 *
 * Example, with min_delta = 0.1:
 *
 *     epoch         0     1     2     3     4
 *     watched loss  1.00  0.95  0.88  0.85  0.90
 *     best_epoch    0     1     2     3     3
 *     threshold     1.00  1.00  0.88  0.88  0.88
 *     bad_epochs    0     1     0     1     2      patience = 2 ends training
 */
#ifndef MLPI_TRAIN_EPOCH_STATE_H
#define MLPI_TRAIN_EPOCH_STATE_H

#include "train/schedule.h"

typedef struct mlpi_epoch_state {
    bool begun;        /* false: no fit has begun, the rest is unset */
    mlp_rng rng;       /* shuffles the rows */
    size_t epochs;     /* number of finished epochs, over all fits */
    bool validates;    /* the watched loss is the validation loss */
    size_t best_epoch; /* first epoch with the least watched loss */
    double best_loss;  /* least watched loss; infinite: none yet */
    double threshold;  /* watched loss at the last improvement */
    size_t bad_epochs; /* epochs since the last improvement */
    mlpi_plateau plateau;
} mlpi_epoch_state;

/* Returns the state before the first epoch. */
mlpi_epoch_state mlpi_epoch_state_begin(uint32_t seed);

/* Chooses the loss that is watched from now on. If the other one was watched
 * before, the best epoch and all counters start again, because the two losses
 * cannot be compared. */
void mlpi_epoch_state_watch(mlpi_epoch_state *state, bool validates);

/* Counts an epoch as finished, with its watched loss. Returns true if this
 * epoch is the best so far. */
bool mlpi_epoch_state_advance(mlpi_epoch_state *state, double loss,
                              double min_delta);

/* True if an epoch with a finite watched loss has finished since the counters
 * last started again. */
bool mlpi_epoch_state_has_best(const mlpi_epoch_state *state);

#endif
