/* SPDX-License-Identifier: MIT */
/*
 * Learning: some rows of a table make a network, and other rows score it. The
 * network that train writes, the networks of its folds, and those that its
 * search tries are all made here.
 *
 * What the command line leaves open depends on the number of rows to train on:
 *
 *     rows              below 10,000      10,000 or more
 *     hidden layers     100               256, 128
 *     dropout           0                 0.2
 *     learning rate     0.001             0.002
 *     rows of a batch   32                128
 *     epochs            mlp_fit's         1,200,000 rows, 10 to 100 epochs
 *
 * The rate falls to 0 along half a cosine. The optimizer is mlp_fit's default.
 * Measured on tests/bench/tool_learning.py's tables and on Fashion-MNIST.
 *
 * Each input is standardised by itself, as mlp_fit does. Only bytes share one
 * mean and one deviation: a pixel that is nearly always 0 would else weigh as
 * much as those that show something.
 */
#ifndef MLPI_TOOL_LEARN_H
#define MLPI_TOOL_LEARN_H

#include "tool/scoring.h"
#include "tool/table.h"

/* How a network is made and trained. */
typedef struct tool_plan {
    tool_options
        options; /* of train; widths, epochs, rate and dropout are set */
    size_t batch;
    const tool_model *from; /* the network to go on from, or NULL */
    const char *weights;    /* a safetensors file to import, or NULL */
    double deadline;        /* when training ends, on mlpi_tool_now's clock, or
                        INFINITY */
} tool_plan;

/* Returns the loss of a network for the table: cce for classes; for numbers the
 * one of --loss, else mse. Returns MLP_LOSS_BCE if --loss names no loss of
 * numbers. */
mlp_loss mlpi_tool_loss(const tool_options *options, size_t classes);

/* Sets what the command line leaves open to what suits a number of rows. */
void mlpi_tool_complete(tool_plan *plan, size_t rows);

/* Which rows of a table are for what: indices into its Y and rows. */
typedef struct tool_split {
    size_t *order; /* rows to train on, then rows to score */
    size_t n_train, n_test;
} tool_split;

typedef struct tool_result {
    mlp_net *net; /* with its recipe and class names */
    mlp_history *history;
    mlp_status status; /* of mlp_fit; if it failed, which is told, the scores
                          are not set */
    tool_scores scores;
    bool is_stopped; /* by the deadline or by Ctrl-C */
} tool_result;

/* Makes, trains and scores a network, and shows the progress on a terminal.
 * Ctrl-C ends this training after its epoch; a second one ends the program. */
tool_result mlpi_tool_learn(const tool_table *table, const tool_plan *plan,
                            const tool_split *split);
void mlpi_tool_free_result(tool_result *result);

/* Returns a time in seconds. */
double mlpi_tool_now(void);

#endif
