/* SPDX-License-Identifier: MIT */
/*
 * The validation split divides the rows of a data set into training rows and
 * validation rows, which are held out of training.
 *
 * If the targets are classes, the split is stratified: validation rows have
 * each class in the same proportion as all rows. So the validation accuracy
 * does not depend on how many rows of a rare class chance has chosen. Let m be
 * the number of rows, m[c] the number of rows of class c, and H the number of
 * validation rows. The number of validation rows of class c is
 *
 *     quota[c] = H m[c] / m, rounded down or up, with sum of quota[c] = H
 *
 * where the largest remainders are rounded up (Hamilton's method, by which
 * seats of a parliament are distributed). The rows themselves are random: a
 * permutation of all rows is drawn, and the first quota[c] rows of class c in
 * this permutation become validation rows. With other targets all rows count as
 * one class.
 *
 * Example: m = 100 rows, H = 15 validation rows.
 *
 *     class             0       1       2
 *     rows m[c]         60      33      7
 *     H m[c] / m        9       4.95    1.05
 *     rounded down      9       4       1      sum 14, so one row is missing
 *     quota[c]          9       5       1      class 1: largest remainder
 */
#ifndef MLPI_TRAIN_VALIDATION_SPLIT_H
#define MLPI_TRAIN_VALIDATION_SPLIT_H

#include "model/net.h"

/* Computes the number of validation rows among m rows: fraction * m rounded to
 * the nearest, and 0 for the fraction 0. MLP_ERR_ARGUMENT: the fraction is not
 * in [0, 1), or there would be no validation row or no training row. */
mlp_status mlpi_split_size(const mlp_hooks *hooks, double fraction, size_t m,
                           size_t *validation_rows);

/* Sets order[Y.rows] to the indices of the training rows, followed by those of
 * the validation rows, each part ascending. Y has been checked. One permutation
 * of Y.rows is drawn from `rng`, whatever the targets are.
 * MLP_ERR_MEMORY: `order` and `rng` are as before. */
mlp_status mlpi_split(const mlp_net *net, const mlp_cview *Y,
                      size_t validation_rows, mlp_rng *rng, size_t *order);

#endif
