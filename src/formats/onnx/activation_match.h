/* SPDX-License-Identifier: MIT */
/*
 * Recognises the activation that a node computes.
 *
 * Most activations are one operator, such as Relu. silu and both kinds of gelu
 * have no operator in older opsets; exporters write them as products:
 *
 *     silu       z sigmoid(z)
 *     gelu       1/2 z (1 + erf(z / sqrt(2)))
 *     gelu_tanh  1/2 z (1 + tanh(sqrt(2 / pi) (z + 0.044715 z^3)))
 *
 * Exporters differ in the order and the grouping of the factors. So a product
 * is expanded into its factors first, and recognised by them.
 */
#ifndef MLPI_FORMATS_ONNX_ACTIVATION_MATCH_H
#define MLPI_FORMATS_ONNX_ACTIVATION_MATCH_H

#include "formats/onnx/graph_reader.h"

/* The node computes factor activation(input). */
typedef struct mlpi_activation_match {
    bool found; /* false if the node is no activation; then ignore the rest */
    mlp_activation activation;
    double slope;      /* of leaky_relu and elu, else 0 */
    double factor;     /* 1 for an operator; for a product any number */
    const char *input; /* name of the value z */
} mlpi_activation_match;

/* Finds the activation whose last node is `node`. MLP_ERR_UNSUPPORTED: a
 * softmax over another axis than the columns. */
mlp_status mlpi_match_activation(const mlpi_graph_reader *r,
                                 const onnx_node *node,
                                 mlpi_activation_match *match);

#endif
