/* SPDX-License-Identifier: MIT */
/*
 * The training loop ("the loop" in names and comments): the epochs of one fit.
 * It does everything around the batches: the learning rate of the epoch, the
 * mean loss, validation, early stopping, the history, callbacks, and the
 * recovery from divergence. Where the rows come from is the business of a *data
 * source*: fit.c has rows in memory, fit_stream.c has chunks from the caller.
 * The source cuts the rows of an epoch into batches and hands them to the loop:
 *
 *     loop:    mlpi_loop_run -> feed_epoch                 once for each epoch
 *     source:                   feed_epoch -> mlpi_loop_train_batch, for each
 *                                             batch of the epoch
 *
 * A fit owns its loop for the time of one call. What must outlive the call is
 * in the trainer: see epoch_state.h.
 */
#ifndef MLPI_TRAIN_TRAINING_LOOP_H
#define MLPI_TRAIN_TRAINING_LOOP_H

#include "predict/evaluate.h"
#include "train/step.h"

typedef struct mlpi_loop mlpi_loop;

/* Hands all rows of an epoch to mlpi_loop_train_batch, batch by batch, until
 * there is an error, which it returns, or `stopped` is set. */
typedef mlp_status mlpi_feed_epoch(mlpi_loop *loop, void *source);

struct mlpi_loop {
    /* Set by the fit. */
    mlp_trainer *trainer;
    const mlp_train_options *options;
    mlpi_feed_epoch *feed_epoch;
    void *source;              /* the argument of feed_epoch */
    mlpi_eval_rows validation; /* rows held out by the fit; m = 0: none, or
                                  those of the options */

    /* Allocated by mlpi_loop_prepare. */
    mlp_history *history;     /* NULL: not wanted */
    mlp_workspace *workspace; /* for validation; NULL: there is none */
    void *epoch_backup;       /* snapshot of the network before the first update
                                 of the current epoch */
    bool has_backup;          /* epoch_backup holds finite weights */

    /* Progress of this fit. */
    size_t epochs_done;
    double clock;            /* when the first untimed epoch began, seconds */
    size_t untimed_epochs;   /* epochs that have finished since then */
    size_t epochs_per_clock; /* epochs to finish before the clock is read */

    /* What the current epoch adds up. */
    double learning_rate;
    size_t batches_done;
    double total_weight; /* of the rows of those batches */
    double loss_sum;     /* sum of batch loss * batch weight */
    double last_loss;    /* loss of the last batch */
    bool stopped;        /* on_batch has ended the training */
};

/* MLP_ERR_SHAPE if batches of `rows` rows do not fit into the trainer. */
mlp_status mlpi_loop_check_batch(const mlp_trainer *trainer, size_t rows);

/* Creates a trainer for one fit, with the threads and the optimizer that the
 * options ask for. MLP_ERR_MEMORY and errors of the optimizer's options:
 * *trainer is untouched. */
mlp_status mlpi_loop_create_trainer(mlp_net *net, size_t max_rows,
                                    const mlp_train_options *options,
                                    mlp_trainer **trainer);

/* Allocates everything that the epochs will need, and checks the values of the
 * options' validation rows. The trainer and the network do not change. The loop
 * must be released, also after an error. */
mlp_status mlpi_loop_prepare(mlpi_loop *loop, bool with_history);
void mlpi_loop_release(mlpi_loop *loop);

/* Sets a new trainer's random generators from the seed. Returns false, and does
 * nothing, if an earlier fit has done so: then training goes on with the random
 * numbers that follow. */
bool mlpi_loop_seed_trainer(mlp_trainer *trainer,
                            const mlp_train_options *options);

/* Runs the epochs. If `history` is not NULL, it receives the history, which the
 * caller frees. After an error the network has the last weights that are known
 * to be good: those that the failed epoch began with. */
mlp_status mlpi_loop_run(mlpi_loop *loop, mlp_history **history);

/* Trains on one batch. The source has set which rows those are, and loaded
 * their row weights into the trainer; the loop sets the other arguments of the
 * step. MLP_ERR_DIVERGED. */
mlp_status mlpi_loop_train_batch(mlpi_loop *loop, mlpi_step_args *args);

#endif
