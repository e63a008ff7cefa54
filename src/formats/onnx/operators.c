/* SPDX-License-Identifier: MIT */
/*
 * The operators that are read only are other forms of those that are written:
 *
 *     PRelu  leaky_relu, whose slope is an input instead of an attribute
 *     Selu   gamma elu(z), with the slope alpha
 *     Celu   alpha elu(z / alpha), with the slope 1
 *     Gelu   gelu or, by its attribute, gelu_tanh; an operator since opset 20
 *     LogSoftmax   the logarithm of what the network computes
 *
 * activation_match.c reads their attributes. A new activation of the library
 * needs a row here or, if no operator of ONNX computes it, a product in save.c
 * and in activation_match.c.
 */
#include "formats/onnx/operators.h"

#include <string.h>

/* The defaults are those of ONNX; those of Selu are floats. A slope of 0, with
 * which LeakyRelu and Elu are Relu, is told from a missing one by the table: an
 * operator that has the attribute has a default that is not 0. */
static const mlpi_operator operators[] = {
    {"Relu", MLP_ACT_RELU, true, false, 0, 0},
    {"Sigmoid", MLP_ACT_SIGMOID, true, false, 0, 0},
    {"Tanh", MLP_ACT_TANH, true, false, 0, 0},
    {"Softplus", MLP_ACT_SOFTPLUS, true, false, 0, 0},
    {"Exp", MLP_ACT_EXP, true, false, 0, 0},
    {"LeakyRelu", MLP_ACT_LEAKY_RELU, true, false, 0.01, 0},
    {"Elu", MLP_ACT_ELU, true, false, 1, 0},
    {"Softmax", MLP_ACT_SOFTMAX, true, true, 0, 0},
    {"PRelu", MLP_ACT_LEAKY_RELU, false, false, 0, 0},
    {"Selu", MLP_ACT_ELU, false, false, 1.67326319217681884765625,
     1.05070102214813232421875},
    {"Celu", MLP_ACT_ELU, false, false, 1, 0},
    {"Gelu", MLP_ACT_GELU, false, false, 0, 0},
    {"LogSoftmax", MLP_ACT_SOFTMAX, false, true, 0, 0},
};

enum { OPERATORS = sizeof operators / sizeof operators[0] };

/* The table is short, so it is searched from front to back. */
const mlpi_operator *mlpi_operator_named(const char *op)
{
    for (size_t i = 0; i < OPERATORS; i++) {
        if (strcmp(operators[i].op, op) == 0) {
            return &operators[i];
        }
    }
    return NULL;
}

/* At most one operator of an activation is written. */
const mlpi_operator *mlpi_operator_of(mlp_activation activation)
{
    for (size_t i = 0; i < OPERATORS; i++) {
        if (operators[i].activation == activation && operators[i].is_written) {
            return &operators[i];
        }
    }
    return NULL;
}
