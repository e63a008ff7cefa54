/* SPDX-License-Identifier: MIT */
/*
 * The loss of a network and its derivative (chapters 3.1 and 3.3) for a batch
 * of m rows with n = n[L] outputs. The loss is a mean of terms:
 *
 *     bce    -(y log a + (1 - y) log(1 - a))      one term for each output
 *     mse    (a - y)^2                            one term for each output
 *     mae    |a - y|                              one term for each output
 *     huber  mse / 2 near 0, mae farther away     one term for each output
 *     cce    -sum over j of y[j] log a[j]         one term for each row
 *
 * kernels/loss_tmpl.h has each term's formula and derivative in full, with what
 * it does where a logarithm would be infinite.
 *
 * Rows may have weights w[i]. Then, with J[i] the mean of row i's terms,
 *
 *     J = sum of w[i] J[i] / sum of w[i]
 *
 * which is the plain mean if all w[i] are 1. The backward pass starts from
 *
 *     dZ[i] = dJ/dZ[i] = w[i] / (sum of w * terms of a row) * dterm/dZ[i]
 */
#ifndef MLPI_MODEL_LOSS_H
#define MLPI_MODEL_LOSS_H

#include "model/net.h"

/* Rows of the caller's targets, which have been checked. */
typedef struct mlpi_targets {
    size_t m;
    const mlp_cview *Y;
    const size_t *order;   /* rows order[0..m-1] of Y; NULL: rows 0..m-1 */
    size_t prefetch_ahead; /* as in mlpi_gather */
} mlpi_targets;

/* Writes what the outputs should be to `out`, real (m, n[L]), dense: the rows
 * of Y, standardised if the network scales its targets; or, if Y holds classes,
 * rows of zeros with a 1 at the class. A class outside of the network's gives a
 * row of NaN. */
void mlpi_loss_targets(const mlp_net *net, const mlpi_targets *targets,
                       void *out);

/* Smooths the labels of m rows of such targets, as training does it: the
 * network need not be sure of any class (Szegedy et al., "Rethinking the
 * inception architecture for computer vision", 2016). With s = label_smoothing,
 *
 *     y = (1 - s) y + s / n for cce,   y = (1 - s) y + s / 2 for bce
 */
void mlpi_loss_smooth(const mlp_net *net, size_t m, void *targets);

/* The sum of the terms so far, in the eight lanes of the canonical order of
 * summation. J is the sum divided by `total`. */
typedef struct mlpi_loss_sum {
    double lanes[MLPI_LANES];
    double total; /* terms, each counting as its row's weight */
} mlpi_loss_sum;

/* The last layer of m rows, and their targets: real (m, n[L]), dense. */
typedef struct mlpi_outputs {
    size_t m;
    const void *Z, *A, *Y;
    const double *row_weights; /* [m]; NULL: all 1 */
} mlpi_outputs;

/* Adds the terms of some rows. Each call but the last must add a multiple of
 * MLPI_LANES rows: then every term goes to the same lane, and J has the same
 * bits, however the rows are divided among the calls. */
void mlpi_loss_add(mlpi_loss_sum *sum, const mlp_net *net,
                   const mlpi_outputs *outputs);

/* Returns J, the mean of the terms. */
double mlpi_loss_mean(const mlpi_loss_sum *sum);

/* Returns the sum of m row weights, added one after another; m for NULL. */
double mlpi_sum_row_weights(size_t m, const double *row_weights);

/* Writes dZ = dJ/dZ of the last layer for these rows, which may be a part of a
 * batch; `batch` is the sum of the row weights of the whole batch. The last
 * layer's activation is included; its batch norm, if it has one, is not. */
void mlpi_loss_gradient(const mlp_net *net, const mlpi_outputs *outputs,
                        double batch, void *dZ);

#endif
