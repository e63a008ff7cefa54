/* SPDX-License-Identifier: MIT */
/*
 * Recognises the activation that a node computes.
 *
 * Most activations are one operator, such as Relu; operators.h lists them. silu
 * and both kinds of gelu have no operator in older opsets, and exporters write
 * them as products. Exporters differ in the order and the grouping of the
 * factors. So a product is expanded into its factors first, and recognised by
 * them.
 *
 * Some operators are an activation between two affine maps of all columns. The
 * maps go into the weights beside the activation:
 *
 *     Selu       gamma elu(z)
 *     Celu       alpha elu(z / alpha)
 *     Clip, Max  relu(z - c) + c        from a number c on upwards
 *     Clip, Min  c - relu(c - z)        up to a number c
 *
 * The sums with c round to units of c, so c may be no large number.
 */
#ifndef MLPI_FORMATS_ONNX_ACTIVATION_MATCH_H
#define MLPI_FORMATS_ONNX_ACTIVATION_MATCH_H

#include "formats/onnx/graph_values.h"

/* Since this opset, a softmax normalises over one dimension, by default the
 * last; before, over all from dimension 1 or another on. */
enum { MLPI_SOFTMAX_LAST_AXIS_OPSET = 13 };

/* The map scale v + shift. */
typedef struct mlpi_scale_shift {
    double scale, shift;
} mlpi_scale_shift;

/* The node computes after(activation(before(input))). */
typedef struct mlpi_activation_match {
    bool found; /* false if the node is no activation; then ignore the rest */
    mlp_activation activation;
    double slope;                   /* of leaky_relu and elu, else 0 */
    mlpi_scale_shift before, after; /* 1 and 0 for most operators */
    bool is_log;                    /* true for LogSoftmax */
    bool has_axis;                  /* true for a softmax */
    int64_t axis;                   /* along which a softmax has the sum 1 */
    const char *input;              /* name of the value z */
} mlpi_activation_match;

/* Finds the activation whose last node is `node`. The caller checks that the
 * axis of a softmax is that of the columns. MLP_ERR_UNSUPPORTED: the slope is
 * negative, not finite, or another one for each column. */
mlp_status mlpi_match_activation(const mlpi_graph_reader *r,
                                 const onnx_node *node,
                                 mlpi_activation_match *match);

#endif
