/* SPDX-License-Identifier: MIT */
/*
 * Builds a network from a chain of layers.
 *
 * A network has no affine maps between its layers. So each map of the chain
 * becomes one of these, the first that fits:
 *
 *     input map                       scaling of the inputs
 *     one batch norm after a layer    batch norm of that layer
 *     output map                      scaling of the targets
 *     any other                       a part of W and b of the dense layer
 *                                     beside it
 *
 * With s and t of the map after a layer, S and T of the map before it, the last
 * case is
 *
 *     s (W (S x + T) + b) + t = (s W S) x + s (W T + b) + t
 *
 * The right side is computed in double and rounded once. If the maps are empty,
 * W and b keep their values.
 */
#ifndef MLPI_FORMATS_ONNX_NET_BUILDER_H
#define MLPI_FORMATS_ONNX_NET_BUILDER_H

#include "formats/onnx/layer_chain.h"

/* Creates the network of a chain, whose maps it rearranges. The hooks of the
 * reader's arena become those of the network; *net is the caller's, and is
 * untouched on failure. The precision is that of the weights; the loss is the
 * one that goes with the last activation.
 * MLP_ERR_UNSUPPORTED: the output map is no scaling, a variance is negative, or
 * too many layers have the same weights. MLP_ERR_NOT_FINITE: a parameter is
 * finite in the file and not in the network. Fails also like mlp_net_create. */
mlp_status mlpi_build_net(const mlpi_graph_reader *r, mlpi_layer_chain *chain,
                          mlp_net **net);

#endif
