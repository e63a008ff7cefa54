/* SPDX-License-Identifier: MIT */
/*
 * A graph as a chain of dense layers:
 *
 *     input -> affine -> dense -> affine -> activation
 *           -> affine -> dense -> affine -> activation -> ... -> affine
 *           -> output
 *
 * For example, Linear, BatchNorm1d, ReLU, Linear of PyTorch, with scaled
 * inputs, may be exported as the nodes
 *
 *     Sub, Div, Gemm, BatchNormalization, Relu, Gemm
 *
 * and read as the input map Sub, Div; a layer with the map BatchNormalization
 * after it and the activation relu; and a layer with neither.
 *
 * Each affine map (affine.h) may be empty, and each activation may be the
 * identity. The maps cannot stay where they are, because a network of this
 * library has no such part; net_builder.c makes them scaling or batch norm, or
 * multiplies them into the dense layer beside them.
 */
#ifndef MLPI_FORMATS_ONNX_LAYER_CHAIN_H
#define MLPI_FORMATS_ONNX_LAYER_CHAIN_H

#include "formats/onnx/affine.h"

/* One layer, which computes
 *
 *     a = activation(after(alpha before(x) W + beta C))
 *
 * A map between the activation of one layer and the next dense layer is the
 * `before` of that next layer. */
typedef struct mlpi_dense {
    mlpi_constant W; /* one row for each input, one column for each output: the
                        transpose of the library's W */
    mlpi_constant C; /* for mlpi_constant_broadcast; unused without has_C */
    bool has_C;      /* true if the layer has a bias of its own */
    double alpha, beta; /* factors of a Gemm, else 1 and 0 */
    mlpi_affine before, after;
    mlp_activation activation;
    bool has_activation;   /* false: the activation is the identity */
    double slope;          /* of leaky_relu and elu */
    const onnx_node *node; /* the Gemm or MatMul, for messages */
} mlpi_dense;

typedef struct mlpi_layer_chain {
    mlpi_dense *dense; /* [L]: layer l is dense[l - 1] */
    size_t L;
    mlpi_affine input;        /* between the graph input and layer 1 */
    mlpi_affine output;       /* between layer L and the graph output */
    const onnx_node *zip_map; /* holds the names of the classes, or NULL */
} mlpi_layer_chain;

/* Finds the chain of a graph, in the arena of the reader. `output` is the name
 * of the graph output that the network shall have; NULL means the only one of
 * numbers or, if one of two is the softmax or sigmoid of the other, that one.
 * MLP_ERR_UNSUPPORTED: the graph is another one; the message names the node, if
 * one is at fault, or the outputs to choose from. MLP_ERR_SHAPE: the sizes of
 * neighbours differ. MLP_ERR_ARGUMENT: there is no such output.
 * MLP_ERR_FORMAT, MLP_ERR_IO and MLP_ERR_MEMORY: a constant cannot be read. */
mlp_status mlpi_find_layer_chain(const mlpi_graph_reader *r, const char *output,
                                 mlpi_layer_chain *chain);

#endif
