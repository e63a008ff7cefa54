/* SPDX-License-Identifier: MIT */
/*
 * A split divides the rows of a data set into training rows and test rows, by
 * their targets alone: it needs no network.
 *
 * If the targets are classes, the split is stratified: test rows have each
 * class in the same proportion as all rows. So a score does not depend on how
 * many rows of a rare class chance has chosen. Rows are random: one permutation
 * of all rows is drawn, and both kinds of split take rows from it.
 *
 * A fraction of the rows. Let m be the number of rows, m[c] the number of rows
 * of class c, and H the number of test rows. The number of test rows of class c
 * is
 *
 *     quota[c] = H m[c] / m, rounded down or up, with sum of quota[c] = H
 *
 * where the largest remainders are rounded up (Hamilton's method, by which
 * seats of a parliament are distributed). The first quota[c] rows of class c in
 * the permutation become test rows. Example: m = 100 rows, H = 15 test rows.
 *
 *     class             0       1       2
 *     rows m[c]         60      33      7
 *     H m[c] / m        9       4.95    1.05
 *     rounded down      9       4       1      sum 14, so one row is missing
 *     quota[c]          9       5       1      class 1: largest remainder
 *
 * One of k folds. The rows are dealt like cards: sorted by class, and within a
 * class in the order of the permutation, row number t goes to fold t mod k. The
 * rows of a class follow each other, as do all rows, so neither the rows of a
 * class nor all rows of two folds differ by more than one. Example: k = 3.
 *
 *     class    0 0 0 0 0 0 0   1 1 1 1   2 2
 *     number   0 1 2 3 4 5 6   7 8 9 10  11 12
 *     fold     0 1 2 0 1 2 0   1 2 0 1   2 0     sizes 5, 4 and 4
 */
#ifndef MLPI_MODEL_SPLIT_H
#define MLPI_MODEL_SPLIT_H

#include "mlp.h"

/* Which rows become test rows. */
typedef struct mlpi_split_args {
    const mlp_cview *Y; /* (m, n), has been checked; m is not 0 */
    bool stratify;      /* by the classes in Y, if it holds any */
    size_t test_rows;   /* 0 to m - 1 */
    size_t folds; /* 2 to m: the test rows are one fold of so many; 0: they
                           are a fraction of the rows */
    size_t fold;  /* below `folds`; its size is test_rows */
} mlpi_split_args;

/* Sets order[m] to the indices of the training rows, followed by those of the
 * test rows, each part ascending. One permutation of m is drawn from `rng`,
 * whatever the targets are. MLP_ERR_LIMIT, MLP_ERR_MEMORY: `order` and `rng`
 * are as before. */
mlp_status mlpi_split(const mlp_hooks *hooks, const mlpi_split_args *args,
                      mlp_rng *rng, size_t *order);

/* Returns fraction * m, rounded to the nearest, but at most m. The fraction is
 * in [0, 1). */
size_t mlpi_rows_of_fraction(double fraction, size_t m);

#endif
