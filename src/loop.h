/* SPDX-License-Identifier: MIT */
/*
 * The epochs of a training run: what is done around and between batches,
 * wherever their rows come from.
 *
 * A loss that is not finite means that the weights are spoilt already, by an
 * update before it. So the weights that an epoch begins with are kept as soon
 * as they and their first loss are known to be finite, and put back when a
 * later one is not.
 */
#ifndef MLPI_LOOP_H
#define MLPI_LOOP_H

#include "predict.h"
#include "step.h"

typedef struct mlpi_loop mlpi_loop;

/* Hands all rows of an epoch to mlpi_loop_batch, batch by batch, until one
 * fails or `stopped` is set. */
typedef mlp_status mlpi_epoch(mlpi_loop *loop, void *source);

struct mlpi_loop {
    mlp_trainer *trainer;
    const mlp_train_options *options;
    mlpi_epoch *run_epoch;
    void *source;           /* handed to it */
    mlpi_scored validation; /* m = 0: none */

    /* The loop's own. */
    mlp_history *history;
    mlp_workspace *workspace; /* for validating */
    void *good;               /* snapshot of what an epoch began with */
    bool has_good;
    size_t rounds; /* epochs of this run that are over */

    /* The epoch that is under way. */
    size_t batches; /* that are over */
    double rows;    /* in them */
    double sum;     /* of their losses, times rows */
    double loss;    /* of the last */
    bool stopped;   /* by on_batch */
};

/* Checks the options that every loop has. */
mlp_status mlpi_loop_check(const mlp_net *net,
                           const mlp_train_options *options);

/* Allocates the loop's own, with a history if asked for. To be released, also
 * after a failure. */
mlp_status mlpi_loop_make(mlpi_loop *loop, bool with_history);
void mlpi_loop_release(mlpi_loop *loop);

/* Runs the epochs. After a failure the network has the good weights. */
mlp_status mlpi_loop_run(mlpi_loop *loop);

/* One batch: the step says which rows, the loop the rest. */
mlp_status mlpi_loop_batch(mlpi_loop *loop, mlpi_step *step);

#endif
