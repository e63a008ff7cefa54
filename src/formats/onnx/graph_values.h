/* SPDX-License-Identifier: MIT */
/*
 * What a value of a graph is: a copy of another value, a constant, a number, or
 * the output that the network shall have.
 *
 * A value is either computed from the graph input or constant. Exporters put
 * nodes between a constant and its use (a Transpose of the weights, a Cast of a
 * double), and nodes that do nothing between layers. The functions below see
 * through both.
 *
 * Most of them answer a question of a caller who tries a pattern, such as
 * whether a value is the number 1. If the file cannot be read there, the answer
 * is no, and the failure stays in the arena, where it has been logged;
 * mlpi_graph_unsupported returns it. So a call that fails has one message.
 */
#ifndef MLPI_FORMATS_ONNX_GRAPH_VALUES_H
#define MLPI_FORMATS_ONNX_GRAPH_VALUES_H

#include "formats/onnx/graph_reader.h"

/* Returns the value that `name` is a copy of: passes the nodes that change
 * nothing in a prediction, which are Identity, Cast between types of real
 * numbers, and Dropout. */
const char *mlpi_graph_skip_identities(const mlpi_graph_reader *r,
                                       const char *name);

/* Returns true if the value is a constant: an initializer or a Constant node,
 * possibly followed by Transpose, Identity and Cast. */
bool mlpi_graph_is_constant(const mlpi_graph_reader *r, const char *name);

/* Gets a constant. Transpose and Cast are applied when its elements are read.
 * MLP_ERR_UNSUPPORTED: the value is not a constant. Fails also like
 * mlpi_constant_from_tensor. */
mlp_status mlpi_graph_get_constant(const mlpi_graph_reader *r, const char *name,
                                   mlpi_constant *constant);

/* Like mlpi_graph_get_constant, but returns false if the value is not a
 * constant or cannot be read. */
bool mlpi_graph_try_constant(const mlpi_graph_reader *r, const char *name,
                             mlpi_constant *constant);

/* Gets the number of a real constant of one element and at most two dimensions,
 * with which an operator keeps the dimensions of a matrix. Returns false if the
 * value is anything else. */
bool mlpi_graph_get_number(const mlpi_graph_reader *r, const char *name,
                           double *x);

/* Returns true if the value is such a number that equals `number`, which is
 * above 0, within 1e-6 of it. */
bool mlpi_graph_is_number(const mlpi_graph_reader *r, const char *name,
                          double number);

/* ---------------------------------------------------------------------------
 * The output of the network
 *
 * A network has one output, a matrix of real numbers. Graphs have others beside
 * it: labels, which are integers or strings; the numbers before and after a
 * softmax; the value of a state beside the scores of the actions. Where the
 * choice is not clear the caller makes it, by name.
 *
 * Two forms of scikit-learn's converter are read as well: a ZipMap, which only
 * names the classes, and the two columns 1 - p and p of a binary classifier, of
 * which the network computes p.
 */

/* The most graph outputs. Each of them is followed to its node, and so their
 * number bounds the time. */
enum { MLPI_MAX_OUTPUTS = 64 };

typedef struct mlpi_graph_output {
    const char *value;           /* the value that the network computes */
    const onnx_node *zip_map;    /* holds the names of the classes, or NULL */
    const onnx_node *complement; /* the Concat of 1 - p and p, or NULL; then its
                                    axis must hold one column of `value` */
} mlpi_graph_output;

/* Finds the graph output `name`. NULL means the only one of real numbers or, if
 * one of two is the softmax or sigmoid of the other, that one.
 * MLP_ERR_ARGUMENT: there is no output of this name. MLP_ERR_UNSUPPORTED: there
 * is none of real numbers, or several, which the message lists. */
mlp_status mlpi_graph_find_output(const mlpi_graph_reader *r, const char *name,
                                  mlpi_graph_output *output);

#endif
