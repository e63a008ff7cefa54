/* SPDX-License-Identifier: MIT */
/*
 * Nodes that change the shape of a value and keep its rows: Flatten, Reshape,
 * Squeeze, Unsqueeze, Transpose, and the Gather or Slice of all that there is.
 *
 * An exporter flattens images to rows before the first layer, writes a Reshape
 * where the Python code said view(x.size(0), -1), and drops the last dimension
 * of a single output. As long as each row keeps its numbers in their order,
 * such a node does nothing here but change the shape of shape.h.
 */
#ifndef MLPI_FORMATS_ONNX_RESHAPE_H
#define MLPI_FORMATS_ONNX_RESHAPE_H

#include "formats/onnx/shape.h"

/* Returns true if the node has one of the operators above. Its first input is
 * the value that changes its shape. */
bool mlpi_is_reshape(const onnx_node *node);

/* Changes the shape of the value to that of the result. MLP_ERR_UNSUPPORTED:
 * the node does not keep the rows, or its result is not known from the file. */
mlp_status mlpi_reshape(const mlpi_graph_reader *r, const onnx_node *node,
                        mlpi_shape *shape);

#endif
