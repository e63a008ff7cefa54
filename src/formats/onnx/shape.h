/* SPDX-License-Identifier: MIT */
/*
 * The shape of a value, and how it is a matrix of rows.
 *
 * In this library every value is a matrix (N, n), one row for each sample. In a
 * graph it may have other dimensions: an image is (N, 1, 28, 28), a constant of
 * three dimensions makes (1, N, n) of a matrix, and x.squeeze() makes (N) of a
 * column. All these hold the same numbers in the same order as a matrix, as
 * long as
 *
 *     every dimension before the rows is 1,
 *
 * and then n is the product of the dimensions behind the rows. layer_chain.c
 * follows the shape from the graph input to the output. A node that would break
 * the rule is refused, and so is one for which it matters how many columns lie
 * in which dimension, and the file does not tell.
 *
 * The first dimension of the graph input is the rows, even if the file has a
 * number for it.
 */
#ifndef MLPI_FORMATS_ONNX_SHAPE_H
#define MLPI_FORMATS_ONNX_SHAPE_H

#include "formats/onnx/graph_reader.h"

/* A dimension that is the rows, and one that the file does not tell. */
enum { MLPI_DIM_ROWS = -1, MLPI_DIM_UNKNOWN = 0 };

typedef struct mlpi_shape {
    size_t rank;
    int64_t dim[MLPI_MAX_RANK]; /* exactly one of them is MLPI_DIM_ROWS */
    int64_t batch; /* the rows for which the file was exported, 0 for any */
} mlpi_shape;

/* Gets the shape of the graph input; without one in the file, a matrix.
 * MLP_ERR_UNSUPPORTED: the input has no dimension beside the rows, or more than
 * MLPI_MAX_RANK dimensions. */
mlp_status mlpi_shape_of_input(const mlpi_graph_reader *r, mlpi_shape *shape);

/* Returns the index of the rows. */
size_t mlpi_shape_rows(const mlpi_shape *shape);

/* Returns n, the number of columns; 0 if it is not known. */
size_t mlpi_shape_width(const mlpi_shape *shape);

/* Returns true if every dimension before the rows is 1. */
bool mlpi_shape_keeps_rows(const mlpi_shape *shape);

/* Checks that dimension `axis`, which may count from the end if it is negative,
 * holds all columns: it is not the rows, and the others are 1. Then column j is
 * its element j. */
bool mlpi_shape_has_columns_at(const mlpi_shape *shape, int64_t axis);

/* Makes the last dimension `width`, as `node` requires it. MLP_ERR_UNSUPPORTED:
 * the last dimension does not hold all columns. MLP_ERR_SHAPE: it is
 * another number. */
mlp_status mlpi_shape_require(const mlpi_graph_reader *r, const onnx_node *node,
                              mlpi_shape *shape, size_t width);

/* Changes the shape to that of the value combined with a constant, element by
 * element, and sets c->repeat, so that mlpi_constant_broadcast returns what
 * each column meets. ONNX aligns the last dimensions, and a dimension of 1
 * meets any other. MLP_ERR_UNSUPPORTED: the constant has a number for each row,
 * or another pattern than blocks of equal columns. MLP_ERR_SHAPE: the
 * dimensions differ. */
mlp_status mlpi_shape_broadcast(const mlpi_graph_reader *r,
                                const onnx_node *node, mlpi_shape *shape,
                                mlpi_constant *c);

/* Like mlpi_shape_broadcast, but for a constant of batch norm, which has a
 * number for each element of the dimension behind the rows. */
mlp_status mlpi_shape_channels(const mlpi_graph_reader *r,
                               const onnx_node *node, mlpi_shape *shape,
                               mlpi_constant *c);

#endif
