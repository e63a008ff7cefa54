/* SPDX-License-Identifier: MIT */
/*
 * Predicting: rows go through the layers chunk by chunk (see workspace.h).
 * Whatever is wanted of the outputs (a copy, classes, scores) is taken from
 * each chunk while it is at hand.
 */
#ifndef MLPI_PREDICT_PREDICT_H
#define MLPI_PREDICT_PREDICT_H

#include "predict/workspace.h"

/* What the layers make of rows order[0..m-1] of X, or of its first m if that is
 * NULL: buffers->Z and buffers->A. */
void mlpi_predict_chunk(const mlp_net *net, const mlpi_predict_buffers *buffers,
                        const mlp_cview *X, const size_t *order, size_t m);

/* Outputs of m rows, dense, become what targets are to the caller. */
static inline void mlpi_unscale_outputs(const mlp_net *net, size_t m, void *A)
{
    if (net->out.scales) {
        net->kernels->scalar->unscale(m, net->out.n, net->out.mean,
                                      net->out.std, A);
    }
}

/* mlp_predict: what its data must be; and all of it after that, without
 * allocating. */
mlp_status mlpi_predict_check(const mlp_net *net, const mlp_cview *X,
                              const mlp_view *A);
void mlpi_predict(const mlp_net *net, const mlp_workspace *workspace,
                  const mlp_cview *X, const mlp_view *A);

/* What stands in the columns of labels: a class for each output, or one. */
static inline size_t mlpi_label_columns(const mlp_net *net)
{
    return net->loss == MLP_LOSS_CCE ? 1 : mlpi_net_outputs(net);
}

#endif
