/* SPDX-License-Identifier: MIT */
/*
 * Views of a network's tensors, layer by layer. The network's numbers are in
 * two flat arrays (layout.h). Each tensor is a part of one array, which begins
 * at an offset that mlpi_layer_layout holds:
 *
 *     tensor of layer l   shape            array        begins at
 *     MLP_W               n[l] x n[l-1]    parameters   W_offset
 *     MLP_B               1 x n[l]         parameters   b_offset
 *     MLP_SCALE           1 x n[l]         parameters   scale_offset
 *     MLP_MEAN            1 x n[l]         running      mean_offset
 *     MLP_VARIANCE        1 x n[l]         running      variance_offset
 *
 * W is stored as W^T, that is, as n[l-1] rows of n[l] numbers. The view of W
 * nevertheless has the shape of the formulas, n[l] x n[l-1], because of its
 * strides: its element (i, j) is number W_offset + j n[l] + i of the array.
 */
#ifndef MLPI_MODEL_TENSORS_H
#define MLPI_MODEL_TENSORS_H

#include "model/net.h"

/* Returns a view of the tensor `which` of layer l in the network's own arrays.
 * The caller has checked that 1 <= l <= L, that `which` is one of the five
 * tensors in the table, and that the layer has that tensor: only layers with
 * batch norm have scale, mean and variance. The view is writable, even though
 * `net` is const here; a caller that only reads converts it by
 * mlp_view_const. */
mlp_view mlpi_net_tensor(const mlp_net *net, mlp_tensor which, size_t l);

/* Returns a view of all numbers, one row, of an array with the layout of the
 * parameters: of the parameters themselves, or of the gradients. */
mlp_view mlpi_net_all_in(const mlp_net *net, void *reals);

/* Returns a view of W of layer l in any array with the layout of the
 * parameters. In an array of gradients this is dW. */
mlp_view mlpi_net_weights_in(const mlp_net *net, void *reals, size_t l);

/* Returns a view of b of layer l in such an array; db in one of gradients. */
mlp_view mlpi_net_biases_in(const mlp_net *net, void *reals, size_t l);

/* Returns a view of one row of n[l] numbers that begins at element `offset`. */
mlp_view mlpi_net_row_in(const mlp_net *net, void *reals, size_t l,
                         size_t offset);

/* Checks that layer l, which must exist, has batch norm. Fails with
 * MLP_ERR_ARGUMENT. */
mlp_status mlpi_net_check_norm(const mlp_net *net, size_t l);

#endif
