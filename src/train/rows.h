/* SPDX-License-Identifier: MIT */
/* Rows in memory: in which order they come, and how they make batches. */
#ifndef MLPI_TRAIN_ROWS_H
#define MLPI_TRAIN_ROWS_H

#include "train/training_loop.h"

/* The rows of one training run. */
typedef struct mlpi_dataset {
    mlp_cview X, Y;
    size_t m;        /* to train on */
    size_t held;     /* to validate with: X.rows - m */
    size_t batch;    /* rows of a batch, at most */
    size_t batches;  /* in an epoch */
    void *block;     /* holds these: */
    size_t *split;   /* [m + held]: these first, then those; NULL: none held */
    size_t *order;   /* [m]: the rows of this epoch; NULL: as in split */
    double *weights; /* [m + held]: of all rows; NULL: all 1 */
} mlpi_dataset;

/* An epoch of them, which are the loop's source. */
mlp_status mlpi_dataset_epoch(mlpi_loop *loop, void *source);

#endif
