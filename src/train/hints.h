/* SPDX-License-Identifier: MIT */
/*
 * Hints: one line through the log hook, with the status MLP_OK, about what is
 * allowed but seldom meant. A hint names what was seen, and what would help. It
 * never changes a number and never makes a call fail.
 *
 * Before the first epoch of a fit:
 *
 *     inputs of a network that does not scale whose size or spread makes
 *       training slow or impossible, and such targets of a regression
 *     targets that the last activation cannot reach: 5 behind a sigmoid
 *     batches of one row under batch norm, which teach nothing
 *
 * After the last one:
 *
 *     a layer of ReLUs that are all dead: 0 for every row of the last epoch, so
 *       that no gradient passes through the layer any more
 *     a loss that is higher than it was at the beginning
 *
 * (Two more hints are given where a scaling is set: model/scaling.c.)
 *
 * Whoever has no log hook pays nothing: no function here reads a number without
 * one. The limits are chosen so that healthy trainings give no hint: see
 * tests/train/test_hints.c.
 */
#ifndef MLPI_TRAIN_HINTS_H
#define MLPI_TRAIN_HINTS_H

#include "train/trainer_state.h"

/* What is watched during a fit. Before the fit all members are 0. */
typedef struct mlpi_watch {
    bool is_on;        /* the trainer has a log hook */
    bool is_new;       /* the network was new when the fit began */
    bool has_batch;    /* a batch has been trained on */
    double batch_loss; /* of the first batch */
    double first_loss; /* of the first epoch */
    double last_loss;  /* of the last epoch */
    double spread;     /* standard deviation of its batches' losses */
    size_t epochs;     /* epochs that have finished */
    bool in_epoch;     /* an epoch has begun and not finished */
    /* How many batches the epoch has had, and the sums of their losses. */
    size_t batches;
    double sum, sum_of_squares;
    /* True for a layer in which an output was not 0 in the last epoch that has
     * begun. */
    bool is_alive[MLP_MAX_LAYERS + 1];
} mlpi_watch;

/* Examines the rows X and Y that a fit trains on: the m rows that `order` names
 * or, if it is NULL, the first m. They have been checked. */
void mlpi_hint_about_rows(const mlp_net *net, mlp_cview X, mlp_cview Y,
                          const size_t *order, size_t m);

/* Examines how m rows are divided into batches. */
void mlpi_hint_about_batches(const mlp_net *net, size_t m, size_t batch_size);

/* Begins to watch a fit. The caller does this before the network counts as
 * trained. */
void mlpi_watch_begin(mlpi_watch *watch, const mlp_trainer *trainer);

/* The training loop calls these three before an epoch, after each batch, and
 * after the epoch. */
void mlpi_watch_begin_epoch(mlpi_watch *watch);
void mlpi_watch_batch(mlpi_watch *watch, const mlp_trainer *trainer,
                      double loss);
void mlpi_watch_end_epoch(mlpi_watch *watch, double loss);

/* Gives the hints after a fit. `restored` is true if the network got the
 * weights of an earlier epoch back, to which the last loss does not belong. */
void mlpi_watch_end(const mlpi_watch *watch, const mlp_trainer *trainer,
                    bool restored);

#endif
