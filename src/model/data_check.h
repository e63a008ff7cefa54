/* SPDX-License-Identifier: MIT */
/*
 * Checks of the data that a caller hands to a network: first shapes and types,
 * which cost nothing, then the values, which cost a pass over the data.
 *
 * Every check takes the hooks that hear its messages beside the network. Most
 * callers pass &net->hooks; a caller that must say where the data comes from
 * (the validation rows, chunk 3 of epoch 2) passes hooks whose log function
 * puts that before the message.
 *
 * The inline functions answer the usual case, a dense matrix of the right type
 * and width, without a call: training on small batches checks every batch.
 */
#ifndef MLPI_MODEL_DATA_CHECK_H
#define MLPI_MODEL_DATA_CHECK_H

#include "model/net.h"

/* Checks that X is a view of (m, n[0]) inputs with m >= min_rows.
 * MLP_ERR_DTYPE, MLP_ERR_SHAPE, MLP_ERR_NULL. */
mlp_status mlpi_check_input_view(const mlp_net *net, const mlp_hooks *hooks,
                                 const mlp_cview *X, size_t min_rows);

/* Checks that Y is a view of (rows, n[L]) targets, or for cce of (rows, 1)
 * classes of type MLP_I32. MLPI_ANY_ROWS allows any number of rows.
 * MLP_ERR_DTYPE, MLP_ERR_SHAPE, MLP_ERR_NULL. */
mlp_status mlpi_check_target_view(const mlp_net *net, const mlp_hooks *hooks,
                                  const mlp_cview *Y, size_t rows);

/* Like mlpi_check_input_view, but faster in the usual case. */
static inline mlp_status mlpi_check_inputs(const mlp_net *net,
                                           const mlp_hooks *hooks,
                                           const mlp_cview *X, size_t min_rows)
{
    return mlpi_is_dense(X, net->kernels->dtype, mlpi_net_inputs(net)) &&
                   X->rows >= min_rows
               ? MLP_OK
               : mlpi_check_input_view(net, hooks, X, min_rows);
}

/* Like mlpi_check_target_view, but faster in the usual case. */
static inline mlp_status mlpi_check_targets(const mlp_net *net,
                                            const mlp_hooks *hooks,
                                            const mlp_cview *Y, size_t rows)
{
    return mlpi_is_dense(Y, net->kernels->dtype, mlpi_net_outputs(net)) &&
                   Y->rows == rows
               ? MLP_OK
               : mlpi_check_target_view(net, hooks, Y, rows);
}

/* A check of inputs X and their targets Y. */
typedef mlp_status mlpi_data_check(const mlp_net *net, const mlp_hooks *hooks,
                                   const mlp_cview *X, const mlp_cview *Y);

/* Checks that X and Y are inputs and targets of the same number of rows, at
 * least one: what training and evaluation need. Errors are those of the two
 * functions above. */
mlp_status mlpi_check_shapes(const mlp_net *net, const mlp_hooks *hooks,
                             const mlp_cview *X, const mlp_cview *Y);

/* Checks the values of X and Y, whose shapes have been checked. All numbers
 * must be finite (else MLP_ERR_NOT_FINITE). The targets of bce and cce must
 * lie in [0, 1], each row of cce's must have the sum 1, and classes must be
 * below n[L] (else MLP_ERR_ARGUMENT). */
mlp_status mlpi_check_values(const mlp_net *net, const mlp_hooks *hooks,
                             const mlp_cview *X, const mlp_cview *Y);

/* Checks that a view of the network's precision, whose shape has been checked,
 * holds no NaN and no infinity; `name` begins the message.
 * MLP_ERR_NOT_FINITE. */
mlp_status mlpi_check_finite(const mlp_net *net, const mlp_hooks *hooks,
                             const char *name, mlp_cview view);

#endif
