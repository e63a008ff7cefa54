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

enum { MLPI_MAX_AFFINE = 8 }; /* of one map */

/* y from v, with c(j) for each column j, or one for all:
 *   y = v + c, v - c, c - v, v c, v / c, or v factor;
 *   y = c0 (v - c2) / sqrt(c3 + epsilon) + c1 of batch norm */
typedef enum mlpi_affine_kind {
    MLPI_AFFINE_ADD,
    MLPI_AFFINE_SUB,
    MLPI_AFFINE_SUB_FROM,
    MLPI_AFFINE_MUL,
    MLPI_AFFINE_DIV,
    MLPI_AFFINE_FACTOR,
    MLPI_AFFINE_NORM
} mlpi_affine_kind;

typedef struct mlpi_affine_operation {
    mlpi_affine_kind kind;
    mlpi_constant c[4]; /* one, or the four of batch norm */
    double number;      /* factor or epsilon */
    const onnx_node *node;
} mlpi_affine_operation;

/* The last step first, as they are found. */
typedef struct mlpi_affine {
    mlpi_affine_operation *step;
    size_t n;
} mlpi_affine;

/* y = s v + t in column j. */
void mlpi_affine_at(const mlpi_affine *map, size_t j, double *s, double *t);

/* activation(behind(alpha before(x) W + beta C)) */
typedef struct mlpi_dense {
    mlpi_constant W, C; /* W (n_in, n_out); C of one row, if has_C */
    bool has_C;
    double alpha, beta;
    size_t inputs, outputs;
    mlpi_affine before, behind;
    mlp_activation activation;
    double slope;
    const onnx_node *node;
} mlpi_dense;

typedef struct mlpi_layer_chain {
    mlpi_dense *dense; /* [L], the last one first */
    size_t L;
    mlpi_affine input, output; /* before and behind all */
    const onnx_node *names;    /* a ZipMap with names of classes, or NULL */
} mlpi_layer_chain;

/* MLP_ERR_UNSUPPORTED: an operator that is named; MLP_ERR_FORMAT;
 * MLP_ERR_SHAPE: sizes that do not fit one another. */
mlp_status mlpi_find_layer_chain(const mlpi_graph_reader *r,
                                 mlpi_layer_chain *chain);

#endif
