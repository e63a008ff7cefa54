/* SPDX-License-Identifier: MIT */
/*
 * Batch normalisation (Ioffe and Szegedy, "Batch normalization: accelerating
 * deep network training by reducing internal covariate shift", 2015). It comes
 * between the product of a layer, U = A_prev W^T (m, n[l]), and the activation,
 * and works on each column (each neuron) separately:
 *
 *     X_hat = (U - mean) / sqrt(variance + epsilon)     Z = scale * X_hat + b
 *
 * In training, mean and variance (called the moments) are those of the batch;
 * the variance is divided by m, the number of rows. In prediction they are
 * running averages (the running moments), which each batch updates:
 *
 *     running = (1 - momentum) * running + momentum * moment of the batch
 *
 * For this update the variance is the unbiased one, divided by m - 1, as in
 * PyTorch. With s = scale / sqrt(variance + epsilon), the gradients are
 *
 *     dscale[j] = sum over i of dZ[i][j] X_hat[i][j]
 *     db[j]     = sum over i of dZ[i][j]
 *     dU        = s (dZ - db / m - X_hat dscale / m)
 *
 * The last two terms of dU exist because mean and variance depend on every row.
 *
 * In training, threads split the rows of the batch, but the sums of a column
 * need all rows. So all threads of a team call the function together. They wait
 * until all rows of U (or dZ) are complete, split the columns to compute the
 * sums, and wait again; then each thread continues with its own rows.
 */
#ifndef MLPI_MODEL_BATCH_NORM_H
#define MLPI_MODEL_BATCH_NORM_H

#include "base/thread_team.h"
#include "model/net.h"

/* One layer with batch norm in a training step. The arrays hold the whole
 * batch; `first` and `m` say which rows this thread works on. */
typedef struct mlpi_batch_norm_args {
    size_t l;
    size_t batch_rows; /* rows of the whole batch */
    size_t first, m;   /* this thread's rows: [first, first + m) */
    void *X_hat;       /* real [batch][n[l]]; holds U before the forward pass */
    void *Z;           /* real [batch][n[l]]: written by the forward pass */
    void *dZ;          /* real [batch][n[l]]: becomes dU in the backward pass */
    void *moments;     /* real, laid out as net->running: mean and variance */
    void *gradients;   /* real, laid out as the parameters: gets dscale, db */
} mlpi_batch_norm_args;

/* Computes the moments of the batch, then X_hat and Z from U. All threads of
 * the team call this function. */
void mlpi_batch_norm_forward(const mlp_net *net, const mlpi_thread *thread,
                             const mlpi_batch_norm_args *norm);

/* Computes dscale, db and dU from dZ and X_hat. All threads of the team call
 * this function. */
void mlpi_batch_norm_backward(const mlp_net *net, const mlpi_thread *thread,
                              const mlpi_batch_norm_args *norm);

/* Computes Z from U with the running moments of layer l. Both are real
 * [m][n[l]], and Z may be U. */
void mlpi_batch_norm_predict(const mlp_net *net, size_t l, size_t m,
                             const void *U, void *Z);

/* Updates the running moments of all layers with the moments of a batch of m
 * rows. One row has no unbiased variance, so for m = 1 the running variances do
 * not change. */
void mlpi_batch_norm_track(mlp_net *net, size_t m, const void *moments);

#endif
