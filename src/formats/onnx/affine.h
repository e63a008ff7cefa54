/* SPDX-License-Identifier: MIT */
/*
 * Affine maps of columns: everything in a graph that multiplies each column by
 * a number and adds a number to it,
 *
 *     y_j = s_j v_j + t_j
 *
 * Scaling of inputs and targets, batch norm, and a bias behind a MatMul are
 * such maps. A graph has them as a chain of operations (Sub, Div, Mul, Add,
 * Neg, BatchNormalization); a chain of affine maps is affine again. So a map is
 * kept as the list of its operations, in the order of computation, and s_j and
 * t_j are computed when they are needed.
 */
#ifndef MLPI_FORMATS_ONNX_AFFINE_H
#define MLPI_FORMATS_ONNX_AFFINE_H

#include "formats/onnx/shape.h"

/* The most operations of one map (exporters write at most four), and of one
 * node. */
enum { MLPI_MAX_AFFINE = 16, MLPI_MAX_AFFINE_OF_NODE = 2 };

/* What an operation makes of v, with the constants c0 to c3 of the column. */
typedef enum mlpi_affine_kind {
    MLPI_AFFINE_ADD,      /* v + c0 */
    MLPI_AFFINE_SUB,      /* v - c0 */
    MLPI_AFFINE_SUB_FROM, /* c0 - v */
    MLPI_AFFINE_MUL,      /* v c0 */
    MLPI_AFFINE_DIV,      /* v / c0 */
    MLPI_AFFINE_FACTOR,   /* v number */
    MLPI_AFFINE_SHIFT,    /* v + number */
    MLPI_AFFINE_NORM      /* c0 (v - c2) / sqrt(c3 + number) + c1: batch norm */
} mlpi_affine_kind;

typedef struct mlpi_affine_operation {
    mlpi_affine_kind kind;
    mlpi_constant c[4];    /* the first mlpi_affine_constants(kind) are used */
    double number;         /* factor, shift, or epsilon of batch norm */
    const onnx_node *node; /* for messages */
} mlpi_affine_operation;

/* The operations of a map, the first one first. */
typedef struct mlpi_affine {
    mlpi_affine_operation *operation; /* [count] */
    size_t count;
} mlpi_affine;

/* Computes s and t of column j, in double. */
void mlpi_affine_at(const mlpi_affine *affine, size_t j, double *s, double *t);

/* Returns the number of constants that an operation has: 0, 1 or 4. */
size_t mlpi_affine_constants(mlpi_affine_kind kind);

/* Holds the operations that a node consists of, the first one first. */
typedef struct mlpi_affine_match {
    size_t count; /* 0: the node is not affine; then ignore the rest */
    mlpi_affine_operation operation[MLPI_MAX_AFFINE_OF_NODE];
    const char *input; /* name of the value v */
} mlpi_affine_match;

/* Finds the operations of a node: Add, Sub, Mul, Div and Sum with constants,
 * Neg, BatchNormalization, and the Scaler of scikit-learn's converter.
 * MLP_ERR_UNSUPPORTED: a batch norm in training mode, or a Scaler without its
 * attributes. Fails also like mlpi_graph_get_constant. */
mlp_status mlpi_match_affine(const mlpi_graph_reader *r, const onnx_node *node,
                             mlpi_affine_match *match);

/* Lets the constants of an operation meet the columns of a value, whose shape
 * may change by it; see shape.h. MLP_ERR_UNSUPPORTED: the constants are no real
 * numbers. Fails also like mlpi_shape_broadcast. */
mlp_status mlpi_fit_affine(const mlpi_graph_reader *r,
                           mlpi_affine_operation *operation, mlpi_shape *shape);

#endif
