/* SPDX-License-Identifier: MIT */
/*
 * The training loop ("the loop" in names and comments): the epochs of one fit.
 * It does everything around the batches: the learning rate of the epoch, the
 * mean loss, validation, early stopping, the history, callbacks, and the
 * recovery from divergence. The rows come from a *data source*: fit.c has rows
 * in memory, fit_stream.c has chunks from the caller. In each epoch the loop
 * calls the source's function feed_epoch. It divides the rows into batches and
 * calls the loop for each of them (it *feeds* the loop):
 *
 *     loop:    mlpi_loop_run -> feed_epoch                 once for each epoch
 *     source:                   feed_epoch -> mlpi_loop_train_batch, for each
 *                                             batch of the epoch
 *
 * If several processes share the parts of a batch (see parts.h), each runs this
 * loop. They agree at the beginning of an epoch (rate, on_epoch of the epoch
 * before), in each step (loss, on_batch), and at the end of the epoch
 * (validation, on_batch of the last step), so that all come to the same end.
 *
 * An mlpi_loop lives for one call of a fit. State that must outlive the call is
 * in the trainer: see epoch_state.h.
 */
#ifndef MLPI_TRAIN_TRAINING_LOOP_H
#define MLPI_TRAIN_TRAINING_LOOP_H

#include "train/hints.h"
#include "train/parts.h"

typedef struct mlpi_loop mlpi_loop;

/* Calls mlpi_loop_train_batch for each batch of an epoch. It ends early after
 * an error, which it returns, or if `stopped` is true. */
typedef mlp_status mlpi_feed_epoch(mlpi_loop *loop, void *source);

struct mlpi_loop {
    /* Set by the fit. */
    mlp_trainer *trainer;
    const mlp_train_options *options;
    const mlpi_parts *parts; /* of its batches; count 1: they have none */
    mlpi_feed_epoch *feed_epoch;
    void *source; /* the argument of feed_epoch */
    /* Validation rows that fit.c has taken from the data; m = 0: it has taken
     * none, and mlpi_loop_prepare takes those of the options, if there are. */
    mlpi_eval_rows validation;
    const size_t *validation_begin; /* of the own parts, if there are parts */

    /* Allocated by mlpi_loop_prepare. */
    mlp_history *history;     /* NULL: not wanted */
    mlp_workspace *workspace; /* for validation; NULL: there is none */
    void *epoch_backup;  /* snapshot (trainer_state.h) of the network before
                                 the first update of the current epoch */
    bool has_backup;     /* epoch_backup holds finite weights */
    size_t backup_epoch; /* epochs_done when it was copied */

    mlpi_watch watch; /* for the hints after the last epoch */

    /* Progress of this fit. */
    size_t epochs_done;
    double clock;            /* when the first untimed epoch began, seconds */
    size_t untimed_epochs;   /* epochs that have finished since then */
    size_t epochs_per_clock; /* epochs to finish before the clock is read */

    /* Sums over the batches of the current epoch. */
    double learning_rate;
    size_t batches_done;
    double total_weight; /* sum of the row weights of those batches */
    double loss_sum;     /* sum of batch loss * batch weight */
    double last_loss;    /* loss of the last batch */
    bool wants_stop;     /* on_batch has said so in this process */
    bool stopped;        /* on_batch has ended the training */

    /* After an error: the network has the weights with which the fit began. */
    bool is_undone;
};

/* Checks that batches of `rows` rows fit into the trainer. MLP_ERR_SHAPE. */
mlp_status mlpi_loop_check_batch(const mlp_trainer *trainer, size_t rows);

/* Creates a trainer for one fit, with the threads and the optimizer of the
 * options. `from_source` is true if each step reads its rows from X and Y in
 * its arguments, so that the trainer need not hold a whole batch.
 * MLP_ERR_MEMORY, and errors of the optimizer's options: *trainer is
 * untouched. */
mlp_status mlpi_loop_create_trainer(mlp_net *net, size_t max_rows,
                                    bool from_source,
                                    const mlp_train_options *options,
                                    mlp_trainer **trainer);

/* Allocates everything that the epochs will need, and checks the values of the
 * options' validation rows. The trainer gets at most memory for the best
 * weights; nothing else changes. The loop must be released, also after an
 * error. */
mlp_status mlpi_loop_prepare(mlpi_loop *loop, bool with_history);
void mlpi_loop_release(mlpi_loop *loop);

/* Sets a new trainer's random generators from the seed, and returns true. If an
 * earlier fit has done so, it does nothing and returns false: then training
 * continues with the next random numbers of these generators. */
bool mlpi_loop_seed_trainer(mlp_trainer *trainer,
                            const mlp_train_options *options);

/* Runs all epochs, then restores the best weights if the options ask for it. If
 * `history` is not NULL, it receives the history, which the caller frees. After
 * an error the network has the weights with which the failed epoch began or, if
 * these were not finite, those with which the epoch before began. If the fit
 * began with them, the network does not count as trained by it. */
mlp_status mlpi_loop_run(mlpi_loop *loop, mlp_history **history);

/* Trains on one batch. The source has set the rows in *args, and has loaded
 * their row weights into the trainer; the loop sets the other arguments of the
 * step. MLP_ERR_DIVERGED. */
mlp_status mlpi_loop_train_batch(mlpi_loop *loop, mlpi_step_args *args);

#endif
