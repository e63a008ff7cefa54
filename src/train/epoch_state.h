/* SPDX-License-Identifier: MIT */
/*
 * Where a trainer stands in its epochs: all that training needs to go on as if
 * it had never stopped, besides the parameters and the optimizer's state.
 */
#ifndef MLPI_TRAIN_EPOCH_STATE_H
#define MLPI_TRAIN_EPOCH_STATE_H

#include "train/schedule.h"

typedef struct mlpi_epoch_state {
    bool begun;        /* the rest means something */
    mlp_rng rng;       /* of the shuffling */
    size_t epochs;     /* that are over */
    bool validates;    /* what is watched is the loss of validation */
    size_t best_epoch; /* the first with the least watched loss, */
    double best_loss;  /* which is this */
    double threshold;  /* the loss that an improvement must fall below */
    size_t bad_epochs; /* epochs since the last improvement */
    mlpi_plateau plateau;
} mlpi_epoch_state;

/* Before the first epoch. */
mlpi_epoch_state mlpi_epoch_state_begin(uint32_t seed);

/* From now on this is the loss that is watched; if it was the other one, the
 * best so far means nothing. */
void mlpi_epoch_state_watch(mlpi_epoch_state *state, bool validates);

/* Takes note of the watched loss of an epoch, which is over then. An
 * improvement is a fall by more than `min_delta`; the best is the best by
 * however little, and true is the answer if this one is. */
bool mlpi_epoch_state_advance(mlpi_epoch_state *state, double loss,
                              double min_delta);

/* Has there been an epoch since the watching began? */
bool mlpi_epoch_state_has_best(const mlpi_epoch_state *state);

#endif
