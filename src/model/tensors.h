/* SPDX-License-Identifier: MIT */
/*
 * Views of a network's tensors, layer by layer. The network's numbers lie in
 * two flat arrays (layout.h); here stands which part of which array a tensor
 * is:
 *
 *     tensor of layer l   shape            array        begins at
 *     MLP_W               n[l] x n[l-1]    parameters   shape.W
 *     MLP_B               1 x n[l]         parameters   shape.b
 *     MLP_SCALE           1 x n[l]         parameters   shape.scale
 *     MLP_MEAN            1 x n[l]         running      shape.mean
 *     MLP_VARIANCE        1 x n[l]         running      shape.variance
 *
 * W is stored input-major, as n[l-1] rows of n[l] numbers. Its view has the
 * shape of the formulas, n[l] x n[l-1], by its strides: element (i, j) is the
 * number at shape.W + j n[l] + i of the array.
 */
#ifndef MLPI_MODEL_TENSORS_H
#define MLPI_MODEL_TENSORS_H

#include "model/net.h"

/* Returns a view of the tensor `which` of layer l in the network's own arrays.
 * The caller has checked that 1 <= l <= L, that `which` is one of the five
 * tensors of the table, and that the layer has it: scale, mean and variance
 * exist with batch norm only. The view can be written to, even though `net` is
 * const here; a caller that only reads passes it through mlp_view_const. */
mlp_view mlpi_net_tensor(const mlp_net *net, mlp_tensor which, size_t l);

/* Return views of W and b of layer l in any array that is laid out as the
 * parameters are. In an array of gradients these are dW and db. */
mlp_view mlpi_net_weights_in(const mlp_net *net, void *reals, size_t l);
mlp_view mlpi_net_biases_in(const mlp_net *net, void *reals, size_t l);

/* Returns a view of one row of n[l] numbers that begins at element `offset`. */
mlp_view mlpi_net_row_in(const mlp_net *net, void *reals, size_t l,
                         size_t offset);

/* Checks that layer l, which must exist, has batch norm. MLP_ERR_ARGUMENT. */
mlp_status mlpi_net_check_norm(const mlp_net *net, size_t l);

#endif
