/* SPDX-License-Identifier: MIT */
/*
 * Recognises nodes that change the shape of a value and keep its rows: Flatten,
 * Reshape and Squeeze.
 *
 * In this library every value is a matrix (N, n), one row for each sample. An
 * exporter flattens images to rows before the first layer, writes a Reshape
 * where the Python code said view(x.size(0), -1), and drops the last dimension
 * of a single output. As long as each row keeps its numbers in their order,
 * such a node does nothing here.
 */
#ifndef MLPI_FORMATS_ONNX_RESHAPE_H
#define MLPI_FORMATS_ONNX_RESHAPE_H

#include "formats/onnx/graph_reader.h"

typedef struct mlpi_reshape_match {
    bool found;        /* false if the node is none; then ignore the rest */
    bool is_squeeze;   /* true if the result is (N), of a value (N, 1) */
    size_t width;      /* columns of the result, 0 if the file does not tell */
    const char *input; /* name of the value that changes its shape */
} mlpi_reshape_match;

/* Finds out whether a node changes the shape only. MLP_ERR_UNSUPPORTED: the
 * node does so, but it does not keep the rows, or its shape is not known from
 * the file. */
mlp_status mlpi_match_reshape(const mlpi_graph_reader *r, const onnx_node *node,
                              mlpi_reshape_match *match);

#endif
