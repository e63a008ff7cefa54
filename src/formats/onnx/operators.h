/* SPDX-License-Identifier: MIT */
/*
 * The operators of ONNX that compute an activation, for reading and for
 * writing. operators.c has the table:
 *
 *     Relu, Sigmoid, Tanh, Softplus    without attributes
 *     LeakyRelu, Elu                   the attribute alpha is the slope
 *     Softmax                          the attribute axis names the columns
 *     PRelu, Selu, Celu, Gelu,         read, but not written: a network writes
 *     LogSoftmax                       them in another form
 *
 * An activation without an operator in the opset that is written is a product
 * of other nodes. save.c writes the products and activation_match.c recognises
 * them, with the constants below:
 *
 *     silu       z sigmoid(z)
 *     gelu       1/2 z (1 + erf(z / sqrt(2)))
 *     gelu_tanh  1/2 z (1 + tanh(sqrt(2 / pi) (z + 0.044715 z^3)))
 */
#ifndef MLPI_FORMATS_ONNX_OPERATORS_H
#define MLPI_FORMATS_ONNX_OPERATORS_H

#include "mlp.h"

/* The numbers in gelu and gelu_tanh. */
#define MLPI_GELU_SQRT_2 1.4142135623730951
#define MLPI_GELU_SQRT_2_OVER_PI 0.7978845608028654
#define MLPI_GELU_CUBIC 0.044715

typedef struct mlpi_operator {
    const char *op; /* such as "Relu" */
    mlp_activation activation;
    bool is_written; /* false if files only contain it when others write them */
    bool has_axis;   /* true if it normalises along the attribute axis */
    double alpha;    /* default of the attribute alpha, 0 without one */
    double gamma;    /* default of the attribute gamma, 0 without one */
} mlpi_operator;

/* Returns the operator of this name; NULL if no activation has it. */
const mlpi_operator *mlpi_operator_named(const char *op);

/* Returns the operator that is written for an activation; NULL if it is written
 * as a product, or if it is the identity. */
const mlpi_operator *mlpi_operator_of(mlp_activation activation);

#endif
