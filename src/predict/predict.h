/* SPDX-License-Identifier: MIT */
/*
 * Predicting, for callers that have a workspace. No function here allocates,
 * and only the check can fail: so a fit and mlp_predict_with predict without a
 * chance to run out of memory.
 *
 * What is wanted of the outputs (a copy, classes, or scores) is taken from each
 * chunk of rows while the cache holds it; see workspace.h for chunks. Outputs
 * are first in the network's units, those of the scaled targets that it has
 * learnt. Losses are computed in them; callers get outputs in their own units.
 */
#ifndef MLPI_PREDICT_PREDICT_H
#define MLPI_PREDICT_PREDICT_H

#include "predict/workspace.h"

/* ---------------------------------------------------------------------------
 * Outputs in the caller's units
 */

/* Checks the arguments of mlp_predict: X must be inputs of the network, and A a
 * writable view of X.rows rows of outputs. MLP_ERR_SHAPE, MLP_ERR_DTYPE,
 * MLP_ERR_NULL. */
mlp_status mlpi_predict_check(const mlp_net *net, const mlp_cview *X,
                              const mlp_view *A);

/* Says why a workspace and a network do not fit. MLP_ERR_NULL,
 * MLP_ERR_ARGUMENT. */
mlp_status mlpi_refuse_workspace(const mlp_net *net,
                                 const mlp_workspace *workspace);

/* Checks that neither is NULL, and that the workspace's buffers fit the
 * network. The kernels must be the same, too, because the size of the buffer
 * `scratch` depends on them. The check is inlined, because the prediction of a
 * row may take no longer than ten calls. Fails as mlpi_refuse_workspace. */
static inline mlp_status mlpi_check_workspace(const mlp_net *net,
                                              const mlp_workspace *workspace)
{
    return net && workspace && workspace->kernels == net->kernels &&
                   mlpi_layout_equal(&workspace->layout, &net->layout)
               ? MLP_OK
               : mlpi_refuse_workspace(net, workspace);
}

/* Computes A = network(X), in the caller's units, with all threads of the
 * workspace if there is work enough. The arguments have been checked, and the
 * workspace fits the network. The bits do not depend on the number of threads.
 * MLP_ERR_UNSUPPORTED: the caller's floating-point environment is not that of
 * the other threads; a single thread does not check it. */
mlp_status mlpi_predict(const mlp_net *net, const mlp_workspace *workspace,
                        const mlp_cview *X, const mlp_view *A);

/* ---------------------------------------------------------------------------
 * One chunk, for functions that take something else from the outputs
 */

/* Returns A[0] for rows order[0..m-1] of X, or for the first m rows if `order`
 * is NULL. The result is X itself if the rows need neither an order nor
 * scaling. Otherwise they are copied to buffers->X. */
mlpi_operand mlpi_load_inputs(const mlp_net *net,
                              const mlpi_predict_buffers *buffers,
                              mlpi_operand X, const size_t *order, size_t m);

/* Computes buffers->Z and buffers->A, real [m][n[L]], of rows order[0..m-1] of
 * X, or of its first m rows if `order` is NULL; m is at most the workspace's
 * `rows`. The outputs are in the network's units. */
void mlpi_predict_chunk(const mlp_net *net, const mlpi_predict_buffers *buffers,
                        const mlp_cview *X, const size_t *order, size_t m);

/* Turns m rows of outputs, real [m][n[L]], from the network's units into the
 * caller's: a = a * std + mean if the network scales targets. */
static inline void mlpi_unscale_outputs(const mlp_net *net, size_t m, void *A)
{
    if (net->out.scales) {
        net->kernels->scalar->inverse_standardise(m, net->out.n, net->out.mean,
                                                  net->out.std, A);
    }
}

/* Returns how many labels a row has: with cce it is of one class, with bce each
 * output is a decision between two classes. */
static inline size_t mlpi_label_columns(const mlp_net *net)
{
    return net->loss == MLP_LOSS_CCE ? 1 : mlpi_net_outputs(net);
}

#endif
