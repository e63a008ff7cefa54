/* SPDX-License-Identifier: MIT */
/*
 * A graph while it is read: who makes a value, whether it is a constant, what
 * attributes a node has. Before anything is asked, the graph has been seen to
 * be one: every value is made once, and before it is used. So whoever goes from
 * a node to one that makes its input comes to an end.
 */
#ifndef MLPI_FORMATS_ONNX_GRAPH_READER_H
#define MLPI_FORMATS_ONNX_GRAPH_READER_H

#include "formats/onnx/constant.h"

typedef struct mlpi_graph_reader {
    mlpi_arena *arena;
    const char *path; /* of the file, or NULL */
    onnx_graph *graph;
    int64_t opset;             /* of ONNX's own operators */
    struct mlpi_maker *makers; /* of each value, by name */
    size_t count;
    const onnx_value *input; /* the only one that is no constant */
} mlpi_graph_reader;

/* MLP_ERR_FORMAT: no graph; MLP_ERR_UNSUPPORTED: several inputs, or an opset
 * below 7. */
mlp_status mlpi_graph_open(mlpi_graph_reader *r, const onnx_model *model);

/* The node that makes a value; NULL: it is the input or a constant. */
const onnx_node *mlpi_graph_producer(const mlpi_graph_reader *r,
                                     const char *name);
bool mlpi_graph_is_input(const mlpi_graph_reader *r, const char *name);

/* The i-th input of a node; "" where it is left out. */
const char *mlpi_node_input(const onnx_node *node, size_t i);

/* Is it this operator, of ONNX itself or of its part for classical learning? */
bool mlpi_node_is_op(const onnx_node *node, const char *op);
bool mlpi_node_is_ml_op(const onnx_node *node, const char *op);

const onnx_attribute *mlpi_node_attribute(const onnx_node *node,
                                          const char *name);
int64_t mlpi_node_get_int(const onnx_node *node, const char *name,
                          int64_t other);
double mlpi_node_get_float(const onnx_node *node, const char *name,
                           double other);

/* Is a value known without the input? If so, what is it? */
bool mlpi_graph_is_constant(const mlpi_graph_reader *r, const char *name);
mlp_status mlpi_graph_get_constant(const mlpi_graph_reader *r, const char *name,
                                   mlpi_constant *constant);

/* A constant of one element? And is it near `value`, which is above 0? */
bool mlpi_graph_get_number(const mlpi_graph_reader *r, const char *name,
                           double *x);
bool mlpi_graph_is_number(const mlpi_graph_reader *r, const char *name,
                          double value);

/* Behind nodes that change nothing but the type of floating point: Identity,
 * Cast, and Dropout, which is for training. */
const char *mlpi_graph_skip_identities(const mlpi_graph_reader *r,
                                       const char *name);

/* "unsupported operator Conv (node conv1)", and why, unless `why` is NULL. */
mlp_status mlpi_graph_unsupported(const mlpi_graph_reader *r,
                                  const onnx_node *node, const char *why);

#endif
