/* SPDX-License-Identifier: MIT */
/*
 * The loss of a network and its derivative (chapters 3.1 and 3.3), over dense
 * batches. The formulas are in ops/loss_tmpl.h and ops/softmax_tmpl.h.
 *
 * Rows may have weights w[i]: J = sum of w[i] J[i] / sum of w[i], where J[i] is
 * the loss of row i. Without weights they are all 1.
 */
#ifndef MLPI_MODEL_LOSS_H
#define MLPI_MODEL_LOSS_H

#include "model/net.h"

/* Rows of the caller's checked targets, on their way into a network. */
typedef struct mlpi_targets {
    size_t m;
    const mlp_cview *Y; /* rows order[0..m-1], or 0..m-1 if that is NULL */
    const size_t *order;
    size_t prefetch_ahead; /* as in mlpi_gather */
} mlpi_targets;

/* out, real (m, n[L]) dense = what the outputs should be: Y, scaled if the
 * network does, or its classes as rows with a 1 at the class. A class that
 * there is not gives a row of NaN. */
void mlpi_loss_targets(const mlp_net *net, const mlpi_targets *targets,
                       void *out);

/* Smooths the labels of m rows of such targets, as in training. */
void mlpi_loss_smooth(const mlp_net *net, size_t m, void *targets);

/* A sum of terms in eight lanes; terms are outputs, or rows after softmax with
 * cce. J is their sum divided by `total`. */
typedef struct mlpi_loss_sum {
    double lanes[MLPI_LANES];
    double total;
} mlpi_loss_sum;

/* The last layer for m rows, and their targets: real (m, n[L]), dense. */
typedef struct mlpi_outputs {
    size_t m;
    const void *Z, *A, *Y;
    const double *row_weights; /* [m], or NULL: all 1 */
} mlpi_outputs;

/* Adds the terms of some rows. Each call but the last must add a multiple of
 * MLPI_LANES rows, so that lanes do not depend on the calls. */
void mlpi_loss_add(mlpi_loss_sum *sum, const mlp_net *net,
                   const mlpi_outputs *outputs);

/* J, the mean of the terms. */
double mlpi_loss_mean(const mlpi_loss_sum *sum);

/* The sum of m weights, one after another; m if there are none. */
double mlpi_sum_row_weights(size_t m, const double *weight);

/* dZ = dJ/dZ of the last layer for these rows, of a batch whose rows' weights
 * have the sum `batch`. */
void mlpi_loss_gradient(const mlp_net *net, const mlpi_outputs *outputs,
                        double batch, void *dZ);

#endif
