/* SPDX-License-Identifier: MIT */
/*
 * Scratch memory for predicting. Rows go through the layers in chunks that fit
 * a cache, so that memory does not grow with their number. Each member of a
 * team has a buffers of its own.
 */
#ifndef MLPI_PREDICT_WORKSPACE_H
#define MLPI_PREDICT_WORKSPACE_H

#include "model/net.h"
#include "base/thread_team.h"

/* Room for a chunk of rows on their way through the layers. */
typedef struct mlpi_predict_buffers {
    void *X;         /* real [rows][n[0]]: scaled inputs */
    void *hidden[2]; /* real [rows][widest]: A[l - 1] and A[l], in turn */
    void *Z, *A, *Y; /* real [rows][n[L]]: of the last layer; targets */
    void *scratch;
} mlpi_predict_buffers;

struct mlp_workspace {
    mlp_hooks hooks;
    const mlpi_kernels *kernels;
    mlpi_layout layout;           /* of the network that it was made for */
    size_t rows;                  /* of a chunk, at most */
    size_t scratch_size;          /* reals */
    mlpi_predict_buffers buffers; /* of member 0 */
    mlpi_team *team; /* NULL: one thread; a room begins with its buffers */
};

/* A workspace for chunks of at most m rows. */
mlp_status mlpi_workspace_make(const mlp_net *net, size_t m,
                               mlp_workspace **workspace);

/* Takes what is on a buffers. */
void mlpi_workspace_lay_out(const mlp_workspace *ws,
                            mlpi_predict_buffers *buffers, mlpi_cursor *cursor);

static inline const mlpi_predict_buffers *
mlpi_predict_buffers_of(const mlp_workspace *workspace, const mlpi_thread *self)
{
    return self->index == 0 ? &workspace->buffers : mlpi_team_scratch(self);
}

#endif
