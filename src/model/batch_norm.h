/* SPDX-License-Identifier: MIT */
/*
 * Batch normalisation (Ioffe and Szegedy, "Batch normalization: accelerating
 * deep network training by reducing internal covariate shift", 2015) of a
 * layer's pre-activations U = A_prev W^T, column by column:
 *
 *     X = (U - mean) / sqrt(variance + epsilon)      Z = scale * X + b
 *
 * Training takes mean and variance (1 / m) from the batch; predicting takes
 * running ones, which each batch moves by `momentum`, its variance being that
 * by 1 / (m - 1). With s = scale / sqrt(variance + epsilon), and sums over the
 * batch's rows,
 *
 *     dscale = sum dZ X     db = sum dZ     dU = s (dZ - db / m - X dscale / m)
 *
 * Rows know each other here: so members of a team, who have taken their rows
 * as far as U or dZ, meet, share the columns for the sums, and meet again.
 */
#ifndef MLPI_MODEL_BATCH_NORM_H
#define MLPI_MODEL_BATCH_NORM_H

#include "model/net.h"
#include "base/thread_team.h"

/* A batch in a layer that normalises; arrays are those of the whole batch. */
typedef struct mlpi_batch_norm_args {
    size_t l;
    size_t batch;    /* its rows; this member's are */
    size_t first, m; /* rows [first, first + m) */
    void *X;         /* real [batch][n[l]]; holds U before the way forward */
    void *Z;         /* likewise; dZ on the way back, which becomes dU */
    void *moments;   /* real, laid out as net->running: mean and variance */
    void *gradients; /* of the network: receives dscale and db */
} mlpi_batch_norm_args;

/* Z and X from U. All members do it together. */
void mlpi_batch_norm_forward(const mlp_net *net, const mlpi_thread *self,
                             const mlpi_batch_norm_args *norm);

/* dU, dscale and db from dZ and X; likewise. */
void mlpi_batch_norm_backward(const mlp_net *net, const mlpi_thread *self,
                              const mlpi_batch_norm_args *norm);

/* Z from U, m dense rows, by the running moments; Z may be U. */
void mlpi_batch_norm_predict(const mlp_net *net, size_t l, size_t m,
                             const void *U, void *Z);

/* Moves the running moments of all layers by those of a batch of m rows. One
 * row has no variance as 1 / (m - 1): then that stays. */
void mlpi_batch_norm_track(mlp_net *net, size_t m, const void *moments);

#endif
