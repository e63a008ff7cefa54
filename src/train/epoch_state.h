/* SPDX-License-Identifier: MIT */
/*
 * Where a trainer stands in its epochs: all that training needs to go on as if
 * it had never stopped, besides the parameters and the optimizer's state.
 */
#ifndef MLPI_TRAIN_EPOCH_STATE_H
#define MLPI_TRAIN_EPOCH_STATE_H

#include "train/schedule.h"

typedef struct mlpi_course {
    bool begun;        /* the rest means something */
    mlp_rng rng;       /* of the shuffling */
    size_t epochs;     /* that are over */
    bool validates;    /* what is watched is the loss of validation */
    size_t best_epoch; /* the first with the least watched loss, */
    double best_loss;  /* which is this */
    double mark;       /* the loss that an improvement must fall below */
    size_t waited;     /* epochs since the last improvement */
    mlpi_plateau plateau;
} mlpi_course;

/* Before the first epoch. */
mlpi_course mlpi_course_begin(uint32_t seed);

/* From now on this is the loss that is watched; if it was the other one, the
 * best so far means nothing. */
void mlpi_course_watch(mlpi_course *course, bool validates);

/* Takes note of the watched loss of an epoch, which is over then. An
 * improvement is a fall by more than `min_change`; the best is the best by
 * however little, and true is the answer if this one is. */
bool mlpi_course_note(mlpi_course *course, double loss, double min_change);

/* Has there been an epoch since the watching began? */
bool mlpi_course_has_best(const mlpi_course *course);

#endif
