/* SPDX-License-Identifier: MIT */
/*
 * The loss of a network and its derivative (chapters 3.1 and 3.3), over dense
 * batches. The formulas are in ops/loss_tmpl.h.
 */
#ifndef MLPI_LOSS_H
#define MLPI_LOSS_H

#include "net.h"

/* A sum of terms in eight lanes, and how many there are. */
typedef struct mlpi_loss_sum {
    double lanes[MLPI_LANES];
    size_t count;
} mlpi_loss_sum;

/* The last layer for m rows, and their targets: real (m, n[L]), dense. */
typedef struct mlpi_outputs {
    size_t m;
    const void *Z, *A, *Y;
} mlpi_outputs;

/* Adds the terms of some rows. Each call but the last must add a multiple of
 * MLPI_LANES terms, so that lanes do not depend on the calls. */
void mlpi_loss_add(mlpi_loss_sum *sum, const mlp_net *net,
                   const mlpi_outputs *outputs);

/* J, the mean of the terms. */
double mlpi_loss_mean(const mlpi_loss_sum *sum);

/* dZ = dJ/dZ of the last layer for these rows, of the `batch` that J is of. */
void mlpi_loss_gradient(const mlp_net *net, const mlpi_outputs *outputs,
                        size_t batch, void *dZ);

#endif
