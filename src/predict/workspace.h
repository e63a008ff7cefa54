/* SPDX-License-Identifier: MIT */
/*
 * Scratch memory for predicting.
 *
 * Rows go through the layers in chunks. A chunk is small enough for its
 * activations to stay in the L2 cache from one layer to the next, and large
 * enough for the matrix products to be efficient. So the memory of a workspace
 * depends on the network alone, not on the number of rows to predict.
 *
 * With threads, each thread predicts chunks of its own rows and needs buffers
 * of its own. Those of the calling thread are part of the workspace's block;
 * those of the other threads are the scratch memory of the team.
 *
 * A workspace does not point into its network: it keeps a copy of the layout
 * and serves every network of the same layers, precision and kernels. Nothing
 * is carried from one prediction to the next, so that a workspace needs no
 * reset, and results do not depend on what it was used for before.
 *
 * A Jacobian (jacobian.c) is computed in the buffers of the calling thread. It
 * needs an array for the derivatives of all layers, too, which only a workspace
 * of mlp_workspace_create has.
 */
#ifndef MLPI_PREDICT_WORKSPACE_H
#define MLPI_PREDICT_WORKSPACE_H

#include "model/net.h"
#include "base/thread_team.h"

/* The arrays that one thread needs to take a chunk through the layers; `rows`
 * is the number of rows that a chunk has at most. */
typedef struct mlpi_predict_buffers {
    void *X;         /* real [rows][n[0]]: the inputs that load_rows wrote */
    void *hidden[2]; /* real [rows][widest]: A[l - 1] and A[l] alternate */
    void *Z, *A;     /* real [rows][n[L]]: of the last layer */
    void *Y;         /* real [rows][n[L]]: targets, for scores */
    void *scratch;   /* real [scratch_size]: for the matrix products */
} mlpi_predict_buffers;

struct mlp_workspace {
    mlp_hooks hooks;
    const mlpi_kernels *kernels;
    mlpi_layout layout;           /* a copy of the network's */
    size_t rows;                  /* maximum of a chunk */
    size_t scratch_size;          /* in reals */
    mlpi_predict_buffers buffers; /* of the calling thread */
    /* real [n[0] + ... + n[L]]: the diagonals of jacobian.c; empty unless
     * mlp_workspace_create has made the workspace. */
    void *derivatives;
    mlpi_team *team; /* NULL: the calling thread alone */
};

/* True if Jacobians of networks of this layout are computed in forward mode,
 * which has n[0] columns, false for reverse mode, which has n[L]. */
static inline bool mlpi_jacobian_is_forward(const mlpi_layout *layout)
{
    return layout->layer[0].width < layout->layer[layout->L].width;
}

/* Returns how many columns go through the layers for a Jacobian. */
static inline size_t mlpi_jacobian_columns(const mlpi_layout *layout)
{
    return mlpi_min_size(layout->layer[0].width,
                         layout->layer[layout->L].width);
}

/* Allocates a workspace for chunks of at most m rows, or of fewer if m rows
 * would not fit the cache. It has no threads yet. MLP_ERR_LIMIT,
 * MLP_ERR_MEMORY: *workspace is untouched. */
mlp_status mlpi_workspace_make(const mlp_net *net, size_t m,
                               mlp_workspace **workspace);

/* Returns the buffers of `thread`. A thread that is not the caller
 * finds them at the start of its scratch memory. */
static inline const mlpi_predict_buffers *
mlpi_predict_buffers_of(const mlp_workspace *workspace,
                        const mlpi_thread *thread)
{
    return thread->index == 0 ? &workspace->buffers : mlpi_team_scratch(thread);
}

#endif
