/* SPDX-License-Identifier: MIT */
/*
 * A graph while it is written: nodes and initializers, one after another. A
 * value is known by its name, which is that of the node it comes from. After a
 * failure, which stays in the arena, nothing more is written, and names are
 * NULL; so one looks once, at the end.
 */
#ifndef MLPI_FORMATS_ONNX_GRAPH_WRITER_H
#define MLPI_FORMATS_ONNX_GRAPH_WRITER_H

#include "formats/onnx/arena.h"
#include "formats/onnx/proto.h"

typedef struct mlpi_graph_writer {
    mlpi_arena arena;
    onnx_graph *graph;
    size_t max_nodes, max_tensors;
    mlp_dtype dtype; /* of all tensors */
    bool measures;   /* tensors have their sizes, but no data */
} mlpi_graph_writer;

/* Begins a graph with places for so many nodes and initializers. */
void mlpi_graph_begin(mlpi_graph_writer *w, size_t nodes, size_t tensors);

/* A node of one or two inputs, and its last, which stays to be completed: by
 * more inputs (three have a place) and attributes (two have). */
const char *mlpi_graph_add_node(mlpi_graph_writer *w, const char *op,
                                const char *a, const char *b);
void mlpi_graph_add_input(mlpi_graph_writer *w, const char *input);
void mlpi_graph_set_int(mlpi_graph_writer *w, const char *name, int64_t value);
void mlpi_graph_set_float(mlpi_graph_writer *w, const char *name, double value);

/* An initializer of the elements of a view, with as many dimensions: 2, 1 (of a
 * single row), or 0 (of one element). */
const char *mlpi_graph_add_tensor(mlpi_graph_writer *w, const char *name,
                                  mlp_cview view, size_t dims);

/* An initializer of one element, which is written once for all who need it. */
const char *mlpi_graph_add_constant(mlpi_graph_writer *w, const char *name,
                                    double value);

/* Gives the value of the last node its name, declares it as the output and
 * `input` as the input, (N, n) each. */
void mlpi_graph_end(mlpi_graph_writer *w, size_t inputs, size_t outputs);

#endif
