/* SPDX-License-Identifier: MIT */
/*
 * The graph of an ONNX file while it is written, node after node.
 *
 * mlpi_graph_begin starts a graph; mlpi_graph_add_node and
 * mlpi_graph_add_tensor extend it and return the name of the value that they
 * add, which later nodes take as input; mlpi_graph_end declares input and
 * output. A node with attributes or a third input is completed by the calls
 * that follow mlpi_graph_add_node:
 *
 *     const char *z = mlpi_graph_add_node(w, "Gemm", x, W);
 *     mlpi_graph_add_input(w, b);
 *     mlpi_graph_set_int(w, "transB", 1);
 *     const char *a = mlpi_graph_add_node(w, "Relu", z, NULL);
 *
 * No call returns a status. The first failure stays in w->arena.status; every
 * later call returns NULL and adds nothing, and accepts the NULL of an earlier
 * one. The caller checks the status once, at the end.
 */
#ifndef MLPI_FORMATS_ONNX_GRAPH_WRITER_H
#define MLPI_FORMATS_ONNX_GRAPH_WRITER_H

#include "formats/onnx/arena.h"
#include "formats/onnx/proto.h"

typedef struct mlpi_graph_writer {
    mlpi_arena arena;              /* holds the whole message */
    onnx_graph *graph;             /* the message so far */
    size_t max_nodes, max_tensors; /* capacities of the graph's lists */
    mlp_dtype dtype;               /* element type of all tensors */
    bool only_measure;             /* true: tensors get a size but no data */
} mlpi_graph_writer;

/* Begins a graph for at most `nodes` nodes and `tensors` initializers. The
 * caller has set `arena.hooks`, `dtype` and `only_measure`. */
void mlpi_graph_begin(mlpi_graph_writer *w, size_t nodes, size_t tensors);

/* Adds a node of operator `op` with the input a and, unless b is NULL, the
 * input b. Returns the name of its output. */
const char *mlpi_graph_add_node(mlpi_graph_writer *w, const char *op,
                                const char *a, const char *b);

/* Adds an input to the last node, which can have three. */
void mlpi_graph_add_input(mlpi_graph_writer *w, const char *input);

/* Add an attribute to the last node, which can have two. `name` must be a
 * literal. A float attribute is a float in every ONNX file. */
void mlpi_graph_set_int(mlpi_graph_writer *w, const char *name, int64_t value);
void mlpi_graph_set_float(mlpi_graph_writer *w, const char *name, double value);

/* Adds an initializer with the elements of a view, and returns its name. With
 * `dims` 2 it has the shape (rows, cols), with 1 the shape (cols) of a view of
 * one row, with 0 no dimension, for a view of one element. */
const char *mlpi_graph_add_tensor(mlpi_graph_writer *w, const char *name,
                                  mlp_cview view, size_t dims);

/* Adds an initializer of one element. If there is one of this name already,
 * that one is used again. */
const char *mlpi_graph_add_constant(mlpi_graph_writer *w, const char *name,
                                    double value);

/* Ends the graph: declares the graph input "input" (N, inputs) and the graph
 * output "output" (N, outputs), which is the output of the last node. */
void mlpi_graph_end(mlpi_graph_writer *w, size_t inputs, size_t outputs);

#endif
