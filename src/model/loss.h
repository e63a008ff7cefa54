/* SPDX-License-Identifier: MIT */
/*
 * The loss of a network and its derivative (chapters 3.1 and 3.3) for a batch
 * of m rows with n = n[L] outputs. The loss J is the mean of terms. A term is
 * what one output adds to the sum; for cce, what one row adds.
 *
 *     bce    -(y log a + (1 - y) log(1 - a))      one term for each output
 *     mse    (a - y)^2                            one term for each output
 *     mae    |a - y|                              one term for each output
 *     huber  mse / 2 near 0, mae farther away     one term for each output
 *     cce    -sum over j of y[j] log a[j]         one term for each row
 *     quantile  |a - y| with a factor for each    one term for each output
 *               side, which depends on the column
 *     poisson   a - y log a                       one term for each output
 *     gaussian_nll  -log of a normal density      one term for each two outputs
 *
 * kernels/loss_tmpl.h has the formula and the derivative of each term in full,
 * and says what is done where a logarithm would be infinite.
 *
 * Rows may have weights w[i]. Let J[i] be the mean of the terms of row i. Then
 *
 *     J = (sum of w[i] J[i]) / (sum of w[i])
 *
 * which is the plain mean if all w[i] are 1. The backward pass starts from
 *
 *     dZ[i] = dJ/dZ[i] = w[i] / (W_sum T) * dterm/dZ[i]
 *
 * where W_sum = sum of w, and T = terms in a row: 1 for cce, n / 2 for
 * gaussian_nll, n otherwise.
 *
 * The tutorial has dZ = A - Y and divides dW and db by m. Here dZ already has
 * the divisor of J: m n, or m for cce. So dW and db are plain sums. With one
 * output that divisor is the tutorial's m. Without row weights,
 *
 *     bce with sigmoid    dZ[L] = (A - Y) / (m n)
 *     cce with softmax    dZ[L] = (A - Y) / m
 */
#ifndef MLPI_MODEL_LOSS_H
#define MLPI_MODEL_LOSS_H

#include "model/net.h"

/* Names m rows of the caller's targets, which have been checked. */
typedef struct mlpi_targets {
    size_t m;
    const mlp_cview *Y;
    const size_t *order;   /* rows order[0..m-1] of Y; NULL: rows 0..m-1 */
    size_t prefetch_ahead; /* how far ahead in `order` the next batch begins,
                              to fetch it into the cache; 0: no fetch */
} mlpi_targets;

/* Writes the targets to `out`, real (m, mlpi_net_targets), dense. These are
 * the rows of Y, standardised if the network scales its targets. If Y holds
 * classes, each row of `out` has a 1 in the column of its class and 0 elsewhere
 * (one-hot); a class that is not in [0, n[L]) gives a row of NaN. "Real" is
 * float or double, the precision of the network; "dense" means that each row
 * directly follows the one before. */
void mlpi_loss_targets(const mlp_net *net, const mlpi_targets *targets,
                       void *out);

/* Smooths the labels in m rows of targets that mlpi_loss_targets has written.
 * Training uses smoothed labels, so that it does not push the outputs towards
 * exactly 0 and 1 (Szegedy et al., "Rethinking the inception architecture for
 * computer vision", 2016). With s = label_smoothing,
 *
 *     y = (1 - s) y + s / k,   k = 2 classes for bce, n classes for cce
 */
void mlpi_loss_smooth(const mlp_net *net, size_t m, void *targets);

/* The sum of the terms so far, each multiplied by the weight of its row. It is
 * kept in eight partial sums (lanes): term i goes to lane i mod 8; see
 * kernels.h. J is the sum of the lanes divided by `weight` and by the number of
 * terms in a row. */
typedef struct mlpi_loss_sum {
    double lanes[MLPI_LANES];
    double weight; /* sum of the row weights: the number of rows if all count
                      1 */
} mlpi_loss_sum;

/* What the loss of m rows is computed from: Z and A of the last layer, and the
 * targets Y. Each matrix is real (m, n[L]) or, Y, (m, mlpi_net_targets); all
 * are dense. */
typedef struct mlpi_loss_args {
    size_t m;
    const void *Z, *A, *Y;
    const double *row_weights; /* [m]; NULL: all 1 */
} mlpi_loss_args;

/* Adds the terms of args->m rows. The rows of a batch may be added in several
 * calls. Each call except the last must add a multiple of MLPI_LANES rows. Then
 * each term goes to the same lane as in a single call, so J has the same bits,
 * however the rows are divided among the calls. */
void mlpi_loss_add(mlpi_loss_sum *sum, const mlp_net *net,
                   const mlpi_loss_args *args);

/* Returns J, the mean of the terms that have been added. */
double mlpi_loss_mean(const mlp_net *net, const mlpi_loss_sum *sum);

/* Returns `sum` with m row weights added, in the order of the rows. Without row
 * weights (NULL) each row counts 1. */
double mlpi_add_row_weights(double sum, size_t m, const double *row_weights);

/* Writes dZ = dJ/dZ of the last layer for args->m rows, which may be a part of
 * a batch. total_weight is the sum of the row weights of the whole batch
 * (W_sum). dZ is the derivative with respect to the input of the last
 * activation, which is the output of batch norm if the last layer has it. */
void mlpi_loss_gradient(const mlp_net *net, const mlpi_loss_args *args,
                        double total_weight, void *dZ);

#endif
