/* SPDX-License-Identifier: MIT */
/*
 * Checks of the data that a caller gives to a network: first shapes and types,
 * which takes no time, then the values, which takes a pass over the data.
 *
 * Each check gets hooks, whose log function receives the message. Most callers
 * pass &net->hooks. A caller whose message must say where the data comes from
 * (the validation rows, chunk 3 of epoch 2) passes hooks with a log function
 * that puts this before the message. These hooks need no allocator, because
 * checks do not allocate.
 *
 * The inline functions decide the usual case without a call: a dense matrix
 * (each row directly follows the one before) of the right type and width. This
 * saves time in training on small batches, where each batch is checked.
 */
#ifndef MLPI_MODEL_DATA_CHECK_H
#define MLPI_MODEL_DATA_CHECK_H

#include "model/net.h"

/* ---------------------------------------------------------------------------
 * Shapes and types
 */

/* Checks that X is a view of (m, n[0]) inputs with m >= min_rows. Fails with
 * MLP_ERR_DTYPE, MLP_ERR_SHAPE or MLP_ERR_NULL. */
mlp_status mlpi_check_input_view(const mlp_net *net, const mlp_hooks *hooks,
                                 const mlp_cview *X, size_t min_rows);

/* Checks that Y is a view of targets (rows, mlpi_net_targets), or for cce of
 * (rows, 1) classes of type MLP_I32. MLPI_ANY_ROWS allows any number of rows.
 * Fails with MLP_ERR_DTYPE, MLP_ERR_SHAPE or MLP_ERR_NULL. */
mlp_status mlpi_check_target_view(const mlp_net *net, const mlp_hooks *hooks,
                                  const mlp_cview *Y, size_t rows);

/* Like mlpi_check_input_view, but faster in the usual case. All callers use
 * this function. */
static inline mlp_status mlpi_check_inputs(const mlp_net *net,
                                           const mlp_hooks *hooks,
                                           const mlp_cview *X, size_t min_rows)
{
    return mlpi_is_dense(X, net->kernels->dtype, mlpi_net_inputs(net)) &&
                   X->rows >= min_rows
               ? MLP_OK
               : mlpi_check_input_view(net, hooks, X, min_rows);
}

/* Like mlpi_check_target_view, but faster in the usual case. A view of classes
 * is not the usual case, because its type is MLP_I32. */
static inline mlp_status mlpi_check_targets(const mlp_net *net,
                                            const mlp_hooks *hooks,
                                            const mlp_cview *Y, size_t rows)
{
    return mlpi_is_dense(Y, net->kernels->dtype, mlpi_net_targets(net)) &&
                   Y->rows == rows
               ? MLP_OK
               : mlpi_check_target_view(net, hooks, Y, rows);
}

/* A function that checks inputs X and their targets Y. */
typedef mlp_status mlpi_data_check(const mlp_net *net, const mlp_hooks *hooks,
                                   const mlp_cview *X, const mlp_cview *Y);

/* Checks that X and Y are inputs and targets with the same number of rows, at
 * least one, as training and evaluation need them. Fails with MLP_ERR_DTYPE,
 * MLP_ERR_SHAPE or MLP_ERR_NULL. */
mlp_status mlpi_check_shapes(const mlp_net *net, const mlp_hooks *hooks,
                             const mlp_cview *X, const mlp_cview *Y);

/* ---------------------------------------------------------------------------
 * Values
 */

/* Checks the values of X and Y, whose shapes have been checked. Fails with
 * MLP_ERR_NOT_FINITE if a number is NaN or infinite, and with MLP_ERR_ARGUMENT
 * if a target of bce or cce is not in [0, 1] or one of poisson below 0, if the
 * sum of a row of targets of cce is not 1, or if a class is not in
 * [0, n[L]). */
mlp_status mlpi_check_values(const mlp_net *net, const mlp_hooks *hooks,
                             const mlp_cview *X, const mlp_cview *Y);

/* Checks that class numbers are from 0 to n[L] - 1. Y is a checked view of
 * targets; if it holds no class numbers, nothing is checked. The steps of a
 * trainer call this function and leave other values unchecked: a pass over
 * integers, one for each row, costs far less than the step. Fails with
 * MLP_ERR_ARGUMENT. */
mlp_status mlpi_check_classes(const mlp_net *net, const mlp_hooks *hooks,
                              const mlp_cview *Y);

/* Checks that a view holds no NaN and no infinity. It has the network's
 * precision, and its shape has been checked. The message begins with `name`.
 * Fails with MLP_ERR_NOT_FINITE. */
mlp_status mlpi_check_finite(const mlp_net *net, const mlp_hooks *hooks,
                             const char *name, mlp_cview view);

/* Like mlpi_check_finite, but without a network: `kernels` have the precision
 * of the view. */
mlp_status mlpi_check_finite_by(const mlpi_kernels *kernels,
                                const mlp_hooks *hooks, const char *name,
                                mlp_cview view);

#endif
