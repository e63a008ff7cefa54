/* SPDX-License-Identifier: MIT */
/*
 * The trainer: everything that exists while a network is trained, in one place.
 * It owns
 *
 *   - the batch: activations, their derivatives, and the gradients
 *     (mlpi_batch in step_plan.h), together with the row weights;
 *   - the optimizer with what it remembers from step to step;
 *   - the state that goes from epoch to epoch, and the best weights so far;
 *   - the threads that share a step (a team, see base/thread_team.h), and their
 *     plans (see step_plan.h).
 *
 * The network itself belongs to the caller. All arrays but the optimizer's, the
 * best weights, dX and the threads' own scratch lie in the trainer's block,
 * which is allocated once, for array_rows rows. So no step allocates. A trainer
 * that the caller has made keeps all max_rows rows of a batch, because the
 * caller may look at them. One that mlp_fit has made needs only the rows of a
 * micro-batch (see step.c).
 */
#ifndef MLPI_TRAIN_TRAINER_STATE_H
#define MLPI_TRAIN_TRAINER_STATE_H

#include "train/epoch_state.h"
#include "train/optimizer.h"
#include "train/step_plan.h"

struct mlp_trainer {
    mlp_hooks hooks;
    mlp_net *net;      /* the caller's */
    size_t max_rows;   /* rows that a batch may have */
    size_t array_rows; /* rows that its arrays have space for */

    /* The batch that is being trained on; step_plan.h has its struct. */
    mlpi_batch batch;
    bool has_forward;   /* true if the batch holds Z and A of the caller's
                             mlp_trainer_forward */
    bool has_gradients; /* true if it also holds the gradients of that batch */
    bool has_dX;        /* true if batch.dX belongs to these gradients */
    bool has_updated;   /* true if an update came after these gradients, so that
                           the weights are no longer theirs */
    bool has_row_weights; /* false: every row counts 1 */
    double *row_weights;  /* [array_rows]: weight of each row */
    double total_weight;  /* sum of the weights of the whole batch, or m */

    /* Dropout. Seed and forward_count decide which outputs are dropped. */
    uint64_t seed;
    uint64_t forward_count; /* forward passes since the seed was set */

    mlpi_optimizer optimizer;

    /* Epochs. */
    mlpi_epoch_state epoch_state;
    void *best; /* snapshot of epoch_state.best_epoch; NULL: not needed yet */

    /* Threads. */
    size_t scratch_size; /* scratch that each thread needs, in reals (numbers
                            of the network's type, float or double) */
    mlpi_plan plan;      /* what the calling thread does in a step */
    mlpi_team *team;     /* NULL: one thread. The memory of each other thread
                            holds its mlpi_layer_plan array, then its scratch */
};

/* ---------------------------------------------------------------------------
 * Memory that a trainer gets after it was made
 */

/* Makes a trainer as mlp_trainer_create does, whose arrays have `array_rows`
 * rows: max_rows, or mlpi_micro_batch_rows (step.h) for a trainer that always
 * gets its rows by X and Y in mlpi_step_args. Both are 1 or more. */
mlp_status mlpi_trainer_make(mlp_net *net, size_t max_rows, size_t array_rows,
                             mlp_trainer **trainer);

/* Replaces the trainer's team by one of `threads` threads (see
 * mlpi_team_replace). Messages about failures go to `hooks`, which may have no
 * log hook where the trainer's have one. */
mlp_status mlpi_trainer_replace_team(mlp_trainer *trainer,
                                     const mlp_hooks *hooks, size_t threads);

/* Allocates trainer->best, unless it was allocated before. */
mlp_status mlpi_trainer_keep_best(mlp_trainer *trainer);

/* Allocates batch.dX, unless it was allocated before. */
mlp_status mlpi_trainer_keep_dX(mlp_trainer *trainer);

/* ---------------------------------------------------------------------------
 * Snapshots: a snapshot is a copy of everything that training changes in a
 * network. These are its parameters and, behind them, batch norm's running
 * moments (means and variances). Training restores a snapshot after a
 * divergence, and at the end if it has the best weights.
 */

/* Returns the size of a snapshot, in reals. */
size_t mlpi_snapshot_size(const mlp_net *net);

/* Allocates a snapshot, which the caller releases; its contents are not set.
 * `what` names it in the message. MLP_ERR_MEMORY, MLP_ERR_LIMIT. */
mlp_status mlpi_snapshot_make(const mlp_net *net, const char *what,
                              void **snapshot);

/* Copy the network into the snapshot, and the snapshot into the network. */
void mlpi_snapshot_take(const mlp_net *net, void *snapshot);
void mlpi_snapshot_restore(mlp_net *net, const void *snapshot);

#endif
