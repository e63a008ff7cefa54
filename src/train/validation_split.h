/* SPDX-License-Identifier: MIT */
/*
 * The validation split: which rows of a data set are held out of training, to
 * validate with.
 *
 * The split is stratified where targets are classes: each class is held out in
 * the same proportion as all rows, so that the validation accuracy does not
 * depend on how many rows of a rare class chance has chosen. Of m rows, of
 * which m[c] are of class c, H are held out in total, and of class c
 *
 *     quota[c] = H m[c] / m, rounded down or up, with sum of quota[c] = H
 *
 * where the largest remainders are rounded up (Hamilton's method, by which
 * seats of a parliament are distributed). Which rows of a class these are is
 * random: a permutation of all rows is drawn, and the first quota[c] rows of
 * class c in its order are held out. With other targets all rows are one class.
 *
 * Example: of m = 100 rows H = 15 are held out.
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

/* Computes how many of m rows a fraction holds out: fraction * m rounded to the
 * nearest, and 0 for the fraction 0. MLP_ERR_ARGUMENT: the fraction is not in
 * [0, 1), or it leaves no row to validate with or none to train on. */
mlp_status mlpi_split_size(const mlp_hooks *hooks, double fraction, size_t m,
                           size_t *validation_rows);

/* Sets order[Y.rows] to the indices of the rows to train on, followed by those
 * of the `held_out` rows, each part ascending. Y has been checked. One
 * permutation of Y.rows is drawn from `rng`, whatever the targets are.
 * MLP_ERR_MEMORY: `order` and `rng` are as before. */
mlp_status mlpi_split(const mlp_net *net, const mlp_cview *Y,
                      size_t validation_rows, mlp_rng *rng, size_t *order);

#endif
