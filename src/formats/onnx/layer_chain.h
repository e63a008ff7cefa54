/* SPDX-License-Identifier: MIT */
/*
 * A graph as a chain of layers, found from its output to its input:
 *
 *     input -> map -> dense -> map -> activation -> map -> dense -> ... -> map
 *
 * A map is what is done to each column alone: sums, products and batch norms
 * with constants. It can go into the dense layer before or behind it.
 */
#ifndef MLPI_FORMATS_ONNX_LAYER_CHAIN_H
#define MLPI_FORMATS_ONNX_LAYER_CHAIN_H

#include "formats/onnx/graph_reader.h"

enum { MLPI_STEPS = 8 }; /* of one map */

/* y from v, with c(j) for each column j, or one for all:
 *   y = v + c, v - c, c - v, v c, v / c, or v factor;
 *   y = c0 (v - c2) / sqrt(c3 + epsilon) + c1 of batch norm */
typedef enum mlpi_step_kind {
    MLPI_STEP_ADD,
    MLPI_STEP_SUB,
    MLPI_STEP_SUB_FROM,
    MLPI_STEP_MUL,
    MLPI_STEP_DIV,
    MLPI_STEP_FACTOR,
    MLPI_STEP_NORM
} mlpi_step_kind;

typedef struct mlpi_map_step {
    mlpi_step_kind kind;
    mlpi_constant c[4]; /* one, or the four of batch norm */
    double number;      /* factor or epsilon */
    const onnx_node *node;
} mlpi_map_step;

/* The last step first, as they are found. */
typedef struct mlpi_map {
    mlpi_map_step *step;
    size_t n;
} mlpi_map;

/* y = s v + t in column j. */
void mlpi_map_at(const mlpi_map *map, size_t j, double *s, double *t);

/* activation(behind(alpha before(x) W + beta C)) */
typedef struct mlpi_dense {
    mlpi_constant W, C; /* W (n_in, n_out); C of one row, if has_C */
    bool has_C;
    double alpha, beta;
    size_t inputs, outputs;
    mlpi_map before, behind;
    mlp_activation activation;
    double slope;
    const onnx_node *node;
} mlpi_dense;

typedef struct mlpi_layer_chain {
    mlpi_dense *dense; /* [L], the last one first */
    size_t L;
    mlpi_map input, output; /* before and behind all */
    const onnx_node *names; /* a ZipMap with names of classes, or NULL */
} mlpi_layer_chain;

/* MLP_ERR_UNSUPPORTED: an operator that is named; MLP_ERR_FORMAT;
 * MLP_ERR_SHAPE: sizes that do not fit one another. */
mlp_status mlpi_layer_chain_find(const mlpi_graph_reader *r,
                                 mlpi_layer_chain *chain);

#endif
