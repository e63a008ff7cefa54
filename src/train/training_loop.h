/* SPDX-License-Identifier: MIT */
/*
 * The epochs of a training run: what is done around and between batches,
 * wherever their rows come from.
 *
 * A loss that is not finite means that the weights are spoilt already, by an
 * update before it. So the weights that an epoch begins with are kept as soon
 * as they and their first loss are known to be finite, and put back when a
 * later one is not, or a gradient is not: that gradient has spoilt nothing yet.
 */
#ifndef MLPI_TRAIN_TRAINING_LOOP_H
#define MLPI_TRAIN_TRAINING_LOOP_H

#include "predict/evaluate.h"
#include "train/step.h"

typedef struct mlpi_loop mlpi_loop;

/* Hands all rows of an epoch to mlpi_loop_batch, batch by batch, until one
 * fails or `stopped` is set. */
typedef mlp_status mlpi_epoch(mlpi_loop *loop, void *source);

struct mlpi_loop {
    mlp_trainer *trainer;
    const mlp_train_options *options;
    mlpi_epoch *run_epoch;
    void *source;              /* handed to it */
    mlpi_eval_rows validation; /* rows held out; m = 0: the options', or none */

    /* The loop's own. */
    mlp_history *history;
    mlp_workspace *workspace; /* for validating */
    void *good;               /* snapshot of what an epoch began with */
    bool has_good;
    size_t rounds;  /* epochs of this run that are over */
    double clock;   /* when the first untimed epoch began */
    size_t untimed; /* epochs since the clock was looked at */
    size_t at_once; /* of them before the next look */

    /* The epoch that is under way. */
    double rate;
    size_t batches; /* that are over */
    double weight;  /* of their rows */
    double sum;     /* of their losses, times weight */
    double loss;    /* of the last */
    bool stopped;   /* by on_batch */
};

/* MLP_ERR_SHAPE if a batch has more rows than the trainer's. */
mlp_status mlpi_loop_check_batch(const mlp_trainer *trainer, size_t rows);

/* A trainer for one fit, as the options want it. */
mlp_status mlpi_loop_trainer(mlp_net *net, size_t max_rows,
                             const mlp_train_options *options,
                             mlp_trainer **trainer);

/* Allocates the loop's own, with a history if asked for, and looks at the
 * options' validation rows. To be released, also after a failure. */
mlp_status mlpi_loop_make(mlpi_loop *loop, bool with_history);
void mlpi_loop_release(mlpi_loop *loop);

/* Seeds a trainer that has not begun; false if it has. */
bool mlpi_loop_begin(mlp_trainer *trainer, const mlp_train_options *options);

/* Runs the epochs and gives the history away, if `history` is not NULL. After
 * a failure the network has the good weights. */
mlp_status mlpi_loop_run(mlpi_loop *loop, mlp_history **history);

/* One batch, whose rows are weighed: the step says which, the loop the rest. */
mlp_status mlpi_loop_batch(mlpi_loop *loop, mlpi_step_args *args);

#endif
