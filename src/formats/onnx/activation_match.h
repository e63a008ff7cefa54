/* SPDX-License-Identifier: MIT */
/*
 * Activations as graphs have them: one operator, or a product of several that
 * is known by its factors, in whatever order and pairs they are multiplied:
 *
 *     silu       x sigmoid(x)
 *     gelu       1/2 x (1 + erf(x / sqrt(2)))
 *     gelu_tanh  1/2 x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3)))
 */
#ifndef MLPI_FORMATS_ONNX_ACTIVATION_MATCH_H
#define MLPI_FORMATS_ONNX_ACTIVATION_MATCH_H

#include "formats/onnx/graph_reader.h"

typedef struct mlpi_activation_match {
    bool found;
    mlp_activation activation;
    double slope;
    double factor;     /* what the activation is multiplied by, mostly 1 */
    const char *value; /* what goes into it */
} mlpi_activation_match;

/* Which activation ends with this node? MLP_ERR_UNSUPPORTED: one that the
 * library has, but of another axis. */
mlp_status mlpi_match_activation(const mlpi_graph_reader *r,
                                 const onnx_node *node,
                                 mlpi_activation_match *gate);

#endif
