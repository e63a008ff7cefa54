/* SPDX-License-Identifier: MIT */
/*
 * Batch normalisation (Ioffe and Szegedy, "Batch normalization: accelerating
 * deep network training by reducing internal covariate shift", 2015) of a
 * layer's pre-activations U = A_prev W^T (m, n[l]), column by column:
 *
 *     X = (U - mean) / sqrt(variance + epsilon)      Z = scale * X + b
 *
 * Training takes the mean and the variance (divided by m) from the batch.
 * Prediction takes running averages, which each batch of m rows updates:
 *
 *     running = (1 - momentum) * running + momentum * batch's
 *
 * where the variance is the unbiased one, divided by m - 1, as in PyTorch. With
 * s = scale / sqrt(variance + epsilon), and sums over the rows of the batch,
 * the gradients are
 *
 *     dscale = sum dZ X     db = sum dZ     dU = s (dZ - db / m - X dscale / m)
 *
 * The last two terms of dU exist because mean and variance depend on every row.
 *
 * In training, threads split the rows of the batch, but a column's sums need
 * all rows. So all threads of a team call the function together: they wait
 * until every row is there, split the columns for the sums, and wait again
 * before each of them goes on with its own rows.
 */
#ifndef MLPI_MODEL_BATCH_NORM_H
#define MLPI_MODEL_BATCH_NORM_H

#include "base/thread_team.h"
#include "model/net.h"

/* One layer with batch norm in a training step. The arrays hold the whole
 * batch; `first` and `m` say which rows this thread works on. */
typedef struct mlpi_batch_norm_args {
    size_t l;
    size_t batch;    /* rows of the whole batch */
    size_t first, m; /* this thread's rows: [first, first + m) */
    void *X;         /* real [batch][n[l]]; holds U before the forward pass */
    void *Z;         /* real [batch][n[l]]: written by the forward pass */
    void *dZ;        /* real [batch][n[l]]: becomes dU in the backward pass */
    void *moments;   /* real, laid out as net->running: mean and variance */
    void *gradients; /* real, laid out as the parameters: gets dscale, db */
} mlpi_batch_norm_args;

/* Computes the batch's moments, and X and Z from U. All threads of the team
 * call it. */
void mlpi_batch_norm_forward(const mlp_net *net, const mlpi_thread *self,
                             const mlpi_batch_norm_args *norm);

/* Computes dscale, db and dU from dZ and X. All threads of the team call it. */
void mlpi_batch_norm_backward(const mlp_net *net, const mlpi_thread *self,
                              const mlpi_batch_norm_args *norm);

/* Computes Z from U, m dense rows, with the running moments of layer l. Z may
 * be U. */
void mlpi_batch_norm_predict(const mlp_net *net, size_t l, size_t m,
                             const void *U, void *Z);

/* Updates the running moments of all layers with those of a batch of m rows.
 * One row has no unbiased variance: then the running variances stay. */
void mlpi_batch_norm_track(mlp_net *net, size_t m, const void *moments);

#endif
