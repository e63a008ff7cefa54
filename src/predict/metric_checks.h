/* SPDX-License-Identifier: MIT */
/*
 * What all metrics have in common: sums, and checks of predictions and labels.
 *
 * Sums are in double, whatever the views hold, and have the order that mlp.h
 * states: eight lanes, which are joined by halves. So each sum is the same to
 * the last bit on every machine, and with a vector unit it is fast.
 *
 * A metric has no object. Its messages and its memory go through hooks that the
 * caller may pass; with NULL there are no messages, and memory comes from
 * malloc.
 */
#ifndef MLPI_PREDICT_METRIC_CHECKS_H
#define MLPI_PREDICT_METRIC_CHECKS_H

#include "base/error.h"
#include "base/memory.h"
#include "base/view.h"
#include "kernels/kernels.h"

/* ---------------------------------------------------------------------------
 * Sums
 */

/* A sum in eight lanes: term i is added to lane i mod MLPI_LANES. */
typedef struct mlpi_sum {
    double lanes[MLPI_LANES];
    size_t count; /* terms so far */
} mlpi_sum;

static inline void mlpi_sum_add(mlpi_sum *s, double term)
{
    s->lanes[s->count++ % MLPI_LANES] += term;
}

/* Returns the sum, by joining the lanes in halves. */
static inline double mlpi_sum_total(const mlpi_sum *s)
{
    return mlpi_join_lanes(s->lanes);
}

/* Returns the sum divided by the number of terms, which is not 0. */
static inline double mlpi_sum_mean(const mlpi_sum *s)
{
    return mlpi_sum_total(s) / (double)s->count;
}

/* ---------------------------------------------------------------------------
 * Checks. Each fails with a message that begins with `name`.
 */

/* Sets *used to the caller's hooks, or to none if `hooks` is NULL. Fails with
 * MLP_ERR_ARGUMENT if only one of `allocate` and `release` is there. Every
 * metric begins with this call, so it also checks the floating-point
 * environment: MLP_ERR_UNSUPPORTED. */
mlp_status mlpi_metric_hooks(const mlp_hooks *hooks, mlp_hooks *used);

/* Checks that a view holds finite numbers of either precision, in (rows, cols)
 * with at least one row and one column. `rows` may be MLPI_ANY_ROWS.
 * MLP_ERR_DTYPE, MLP_ERR_SHAPE, MLP_ERR_NULL, MLP_ERR_NOT_FINITE. */
mlp_status mlpi_metric_check_reals(const mlp_hooks *hooks, const char *name,
                                   mlp_cview view, size_t rows, size_t cols);

/* Checks the shape of a column of labels, which may have any type: predicted
 * labels are int32, but labels from a file are often float. There are at most
 * `max_rows` rows. MLP_ERR_DTYPE, MLP_ERR_SHAPE, MLP_ERR_NULL; MLP_ERR_LIMIT:
 * more rows. */
mlp_status mlpi_metric_check_column(const mlp_hooks *hooks, const char *name,
                                    mlp_cview labels, size_t rows,
                                    size_t max_rows);

/* Checks that a column of labels, whose shape has been checked, holds whole
 * numbers from 0 to k - 1. MLP_ERR_ARGUMENT. */
mlp_status mlpi_metric_check_labels(const mlp_hooks *hooks, const char *name,
                                    mlp_cview labels, size_t k);

/* Returns the label of row i, where labels have been checked. */
static inline size_t mlpi_label_of(mlp_cview labels, size_t i)
{
    return (size_t)mlp_cview_at(labels, i, 0);
}

#endif
