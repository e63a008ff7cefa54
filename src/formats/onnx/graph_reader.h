/* SPDX-License-Identifier: MIT */
/*
 * A graph while it is read: which node computes a value, and which inputs and
 * attributes a node has.
 *
 * mlpi_graph_open checks the graph once. Afterwards these hold, and the
 * functions below rely on them:
 *
 *   - Exactly one graph input is not an initializer.
 *   - Every value has one definition: the graph input, an initializer, or an
 *     output of one node.
 *   - Every input of a node is defined somewhere, and no node depends on its
 *     own output. So a walk from a node to the nodes that compute its inputs
 *     ends.
 *   - Attributes that are read have the type that ONNX gives them.
 *
 * The reader uses the message in place. Names that functions return belong to
 * the message.
 */
#ifndef MLPI_FORMATS_ONNX_GRAPH_READER_H
#define MLPI_FORMATS_ONNX_GRAPH_READER_H

#include "formats/onnx/constant.h"

typedef struct mlpi_graph_reader {
    mlpi_arena *arena;
    const char *path; /* of the file, or NULL if it is in memory */
    onnx_graph *graph;
    int64_t opset;                       /* version of ONNX's own operators */
    struct mlpi_definition *definitions; /* [count], sorted by name */
    size_t count;
    const onnx_value *input; /* the graph input that is not an initializer */
} mlpi_graph_reader;

/* Opens the graph of a model; `arena` and `path` are set, all else is 0.
 * MLP_ERR_FORMAT: there is no graph, or it breaks a rule of the head of this
 * file. MLP_ERR_UNSUPPORTED: there are several inputs, or the opset is below 7.
 * MLP_ERR_MEMORY. */
mlp_status mlpi_graph_open(mlpi_graph_reader *r, const onnx_model *model);

/* ---------------------------------------------------------------------------
 * Nodes
 */

/* Returns the node that computes a value, NULL for the graph input, an
 * initializer, or a value that does not exist. */
const onnx_node *mlpi_graph_producer(const mlpi_graph_reader *r,
                                     const char *name);

/* Returns the initializer of this name, NULL if the value is anything else. */
onnx_tensor *mlpi_graph_initializer(const mlpi_graph_reader *r,
                                    const char *name);

/* Returns true if the value is the graph input. */
bool mlpi_graph_is_input(const mlpi_graph_reader *r, const char *name);

/* Returns the shape of the graph input, NULL if the file does not tell it. */
const onnx_shape *mlpi_graph_input_shape(const mlpi_graph_reader *r);

/* Returns dimension i of the graph input, 0 if the file does not tell it, has a
 * name for it, or has a number below 1, which some exporters write for "any
 * size". */
int64_t mlpi_graph_input_dim(const mlpi_graph_reader *r, size_t i);

/* Returns the i-th input of a node, "" if the node does not have it. */
const char *mlpi_node_input(const onnx_node *node, size_t i);

/* Return true if the node has the operator `op`: the first function of ONNX's
 * own domain, the second of the domain ai.onnx.ml, which scikit-learn's
 * converter uses. */
bool mlpi_node_is_op(const onnx_node *node, const char *op);
bool mlpi_node_is_ml_op(const onnx_node *node, const char *op);

/* Returns an attribute by its name, NULL if the node does not have it. */
const onnx_attribute *mlpi_node_attribute(const onnx_node *node,
                                          const char *name);

/* Return the number of an attribute, `absent` if the node does not have it. */
int64_t mlpi_node_get_int(const onnx_node *node, const char *name,
                          int64_t absent);
double mlpi_node_get_float(const onnx_node *node, const char *name,
                           double absent);

/* Logs "unsupported operator Conv (node conv1)", followed by ": " and `why`
 * unless that is NULL. Returns MLP_ERR_UNSUPPORTED. If the arena has a failure
 * already, that one is the reason and has been logged: then returns its
 * status. */
mlp_status mlpi_graph_unsupported(const mlpi_graph_reader *r,
                                  const onnx_node *node, const char *why);

/* Logs "node fc1: expects a width of 4, got 3". Returns MLP_ERR_SHAPE. */
mlp_status mlpi_graph_wrong_width(const mlpi_graph_reader *r,
                                  const onnx_node *node, size_t expected,
                                  size_t got);

#endif
