/* SPDX-License-Identifier: MIT */
/*
 * The rows of a fit in memory: which of them train, which are held out for
 * validation, and what each counts. No row is moved: an order is an array of
 * indices into X and Y.
 *
 *     split_order   | training rows, ascending | validation rows, ascending |
 *     epoch_order   | training rows, shuffled  |
 *
 * All random numbers here come from one generator, in this order:
 *
 *     1. the split, if there are validation rows: one permutation of all rows
 *     2. for each epoch, if rows are shuffled and there is more than one
 *        batch: one permutation of the training rows
 *
 * The split is drawn first, so it depends only on seed and targets. A later fit
 * with the same trainer and seed draws the same split again. It then goes on
 * shuffling where the earlier fit stopped. mlp_validation_split draws the same
 * split without training. Dropout has its own random numbers, so it does not
 * change the split or the orders.
 *
 * Parts. If batches have parts (see parts.h), "all rows" above are those of a
 * block: each block is split and shuffled by itself, one after the other. The
 * rows of block p are then a segment of each array:
 *
 *     split_order   | training rows of blocks 0, 1, ... | validation rows of
 *                     blocks 0, 1, ... |                   both ascending
 *     epoch_order   | training rows of block 0, shuffled | of block 1 | ...
 *
 * A process that has only some of the blocks draws the numbers of the others,
 * too, and does without the rows.
 */
#ifndef MLPI_TRAIN_DATASET_H
#define MLPI_TRAIN_DATASET_H

#include "train/parts.h"

/* The training and validation rows of one fit. In a fit of several processes
 * all numbers of rows are those of this process, unless a comment says so. */
typedef struct mlpi_dataset {
    mlp_cview X, Y;
    mlp_train_options options; /* resolved: see train_options.h */
    mlpi_parts parts;          /* count 1: one block, and no parts */
    size_t m;                  /* number of training rows */
    size_t validation_rows;    /* number of validation rows: X.rows - m */
    size_t batch_count;        /* batches of an epoch */
    bool scales_X, scales_Y;   /* this fit has set the network's scaling */

    /* Rows of all processes. */
    size_t all_rows, all_m;
    size_t all_validation_rows; /* of X_validation */
    size_t held[2];             /* validation rows of a block that has
                                   all_rows / P rows, and of one that has one
                                   row more */

    void *block;           /* memory of the arrays below */
    size_t *split_order;   /* [X.rows]; NULL: no validation rows */
    size_t *epoch_order;   /* [m]; NULL: rows are not shuffled */
    double *row_weights;   /* [X.rows], by row of X; NULL: all are 1 */
    double *batch_weights; /* [batch_count]: sums over batches, for parts */
    size_t *scratch;       /* [rows of a block] */

    /* Where own block p begins: its training rows in the orders, its validation
     * rows behind the training rows of split_order or in X_validation, and its
     * rows in `counted`. Each has own + 1 elements. */
    size_t *begin, *validation_begin, *counted_begin;
    size_t whole[3][2]; /* memory of these three if there is one block */

    /* The training rows whose weight is not 0, ascending: n_counted rows of X,
     * which `counted` names; NULL: those of split_order, or the first ones. */
    size_t *counted; /* [m] */
    size_t n_counted;
} mlpi_dataset;

/* Checks options and shapes, and sets the numbers of rows and batches, for an
 * optimizer of this kind and a trainer for batches of max_rows rows. All
 * processes return the same status. */
mlp_status mlpi_dataset_plan(const mlp_net *net, mlp_optimizer_kind kind,
                             size_t max_rows, mlpi_dataset *data);

/* Allocates the arrays, or nothing if none is needed. */
mlp_status mlpi_dataset_allocate(const mlp_hooks *hooks, mlpi_dataset *data);
void mlpi_dataset_release(const mlp_hooks *hooks, mlpi_dataset *data);

/* Draws the split, if there are validation rows, and sets where blocks begin.
 * Afterwards `rng` is the generator with which a new trainer shuffles its first
 * epoch. */
mlp_status mlpi_dataset_split(const mlp_net *net, mlpi_dataset *data,
                              mlp_rng *rng);

/* Computes the weights of all rows, and lists the training rows that have one.
 */
mlp_status mlpi_dataset_weigh(const mlp_net *net, mlpi_dataset *data);

/* Checks that the sum of the weights of the training rows of all processes is
 * above 0. It can be 0 even if the sum over all rows is not, if all rows with
 * weight are validation rows. */
mlp_status mlpi_dataset_check_weights(const mlp_net *net,
                                      const mlpi_dataset *data);

/* Some rows of an order. */
typedef struct mlpi_segment {
    size_t first, m;
} mlpi_segment;

/* Returns which training rows are own part p of a batch; m may be 0. */
mlpi_segment mlpi_dataset_segment(const mlpi_dataset *data, size_t p,
                                  size_t batch);

/* Returns how many rows a batch has, over all processes. */
size_t mlpi_dataset_batch_rows(const mlpi_dataset *data, size_t batch);

/* Sets batch_weights for an epoch with this order, NULL: that of X. */
mlp_status mlpi_dataset_weigh_batches(mlpi_dataset *data, const size_t *order);

/* Lets a new network standardise, with the moments of the training rows
 * alone: those of validation rows would tell the network about them, and
 * rows of weight 0 may hold anything, such as -999 for a number that is
 * missing. Targets are scaled only where the last layer can give every
 * number. Once there have been updates the scaling must stay, because the
 * weights belong to it. */
mlp_status mlpi_dataset_standardise(mlp_net *net, mlpi_dataset *data);

/* Takes back the scaling that this fit has set, because its weights are gone,
 * too. The next fit then standardises by its own rows. */
void mlpi_dataset_forget_scaling(mlp_net *net, const mlpi_dataset *data);

/* Draws the order of the training rows for an epoch. Each epoch shuffles the
 * ascending order again, so the new order depends only on the state of the
 * generator, and a checkpoint need not store the old one. */
mlp_status mlpi_dataset_shuffle(mlpi_dataset *data, mlp_rng *rng);

#endif
