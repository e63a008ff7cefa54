/* SPDX-License-Identifier: MIT */
/*
 * Sample weights say how much each row counts in the loss.
 *
 *     w[i] = row weight of row i * class weight of row i
 *     J    = sum over i of w[i] J[i] / sum over i of w[i]
 *
 * where J[i] is the loss of row i alone. The class weight of a row is
 *
 *     sum over classes c of y[i][c] * class_weights[c]
 *
 * where y[i] is the row's target before label smoothing. If the row is one-hot,
 * this is the weight of its class; if it contains probabilities, it is a mean
 * of class weights. For bce with one output, y[i] is the probability of class
 * 1.
 *
 * Everything is computed in double, also for networks of float, so that sums
 * over millions of rows keep their precision.
 */
#ifndef MLPI_TRAIN_SAMPLE_WEIGHTS_H
#define MLPI_TRAIN_SAMPLE_WEIGHTS_H

#include "model/net.h"

/* The two factors of the sample weights of Y.rows rows. A factor that is not
 * given is 1. */
typedef struct mlpi_sample_weights {
    const double *classes; /* [classes]: class weights, or NULL */
    mlp_cview rows;        /* row weights (m, 1); no rows: none are given */
    mlp_cview Y;           /* targets of the m rows */
} mlpi_sample_weights;

/* True if a row may have a weight other than 1. */
static inline bool mlpi_has_sample_weights(const mlpi_sample_weights *w)
{
    return w->classes || w->rows.rows > 0;
}

/* Returns how many class weights a network needs, or 0 if its targets are not
 * classes. */
size_t mlpi_class_weights_count(const mlp_net *net);

/* Checks that class weights are finite and not negative, and that the loss has
 * classes; NULL passes. MLP_ERR_ARGUMENT. */
mlp_status mlpi_class_weights_check(const mlp_net *net, const double *classes);

/* Checks the shape (m, 1) and the type of row weights; a view without rows
 * passes. MLP_ERR_SHAPE, MLP_ERR_DTYPE, MLP_ERR_NULL. */
mlp_status mlpi_row_weights_check(const mlp_net *net, const mlp_hooks *hooks,
                                  const mlp_cview *rows, size_t m);

/* Checks that each sample weight is finite and each row weight not negative.
 * Class weights, targets, and the shape of row weights have been checked.
 * MLP_ERR_NOT_FINITE, MLP_ERR_ARGUMENT. */
mlp_status mlpi_sample_weights_check(const mlp_net *net, const mlp_hooks *hooks,
                                     const mlpi_sample_weights *w);

/* Checks that a sum of sample weights is finite and above 0, because the loss
 * is divided by it. MLP_ERR_ARGUMENT. */
mlp_status mlpi_sample_weights_check_sum(const mlp_hooks *hooks, double sum);

/* Returns the sum of checked sample weights, added in the order of the rows. If
 * no weights are given, the sum is the number of rows. */
double mlpi_sample_weights_sum(const mlp_net *net,
                               const mlpi_sample_weights *w);

/* Sets weights[Y.rows] to the checked sample weights. */
void mlpi_sample_weights_fill(const mlp_net *net, const mlpi_sample_weights *w,
                              double *weights);

#endif
