/* SPDX-License-Identifier: MIT */
/*
 * The validation split divides the rows of a data set into training rows and
 * validation rows, which are held out of training. It is the split of a
 * fraction of the rows that model/split.h defines, with validation rows as test
 * rows. Two things depend on the network and on the options of training:
 *
 * - The fraction may be 0, which means that no rows are held out.
 * - The loss decides whether targets are classes, so whether the split is
 *   stratified: with cce, class numbers of the network or one-hot rows; with
 *   bce and one output, 0 and 1. With mse, a column of 0 and 1 holds numbers,
 *   and the split does not depend on them.
 *
 * Validation happens after each epoch: rows are scored that never change a
 * weight. The split is drawn once for a fit, before anything else is drawn from
 * its random numbers.
 */
#ifndef MLPI_TRAIN_VALIDATION_SPLIT_H
#define MLPI_TRAIN_VALIDATION_SPLIT_H

#include "model/net.h"

/* Computes the number of validation rows among m rows: fraction * m rounded to
 * the nearest, and 0 for the fraction 0. MLP_ERR_ARGUMENT: the fraction is not
 * in [0, 1), or there would be no validation row or no training row. */
mlp_status mlpi_validation_rows(const mlp_hooks *hooks, double fraction,
                                size_t m, size_t *validation_rows);

/* Sets order[Y.rows] to the indices of the training rows, followed by those of
 * the validation rows, each part ascending. Y has been checked. One permutation
 * of Y.rows is drawn from `rng`, whatever the targets are.
 * MLP_ERR_MEMORY: `order` and `rng` are as before. */
mlp_status mlpi_validation_split(const mlp_net *net, const mlp_cview *Y,
                                 size_t validation_rows, mlp_rng *rng,
                                 size_t *order);

#endif
