/* SPDX-License-Identifier: MIT */
/*
 * A network in int8 (after B. Jacob et al., "Quantization and Training of
 * Neural Networks for Efficient Integer-Arithmetic-Only Inference", 2018).
 *
 * Every number x is represented by an integer q of 8 bits, x = scale (q -
 * zero), where scale and zero follow from the range that the number has on the
 * rows X of the caller. With q for a layer's input and w for its weights:
 *
 *   inputs   x[k] = center[k] + scale[k] q[k], for each column k; the network's
 *            own scaling of inputs is part of it
 *   weights  W[j][k] scale[k] = s[j] w[j][k], w from -127 to 127
 *   sums     z[j] = s[j] (bias[j] + sum over k of w[j][k] q[k])
 *   outputs  a[j] = scale (q[j] - zero); of the network, center[j] + scale[j]
 *            q[j], with a scale for each unless they are compared as classes
 *
 * The sums become outputs in integers: a multiplication by s[j] / scale, which
 * is an integer multiplier and a shift, and for an activation other than
 * identity and ReLU a table of 256 outputs. Softmax is left out: the outputs
 * are then its arguments z, whose largest names the same class.
 */
#ifndef MLPI_FORMATS_C_QUANTISE_H
#define MLPI_FORMATS_C_QUANTISE_H

#include "formats/c/runtime/int8.h"
#include "model/net.h"

typedef struct mlpi_int8_layer {
    layer_numbers numbers;
    int8_t *w;         /* [outputs][inputs] */
    int32_t *channels; /* [outputs][2]: bias and multiplier */
    int8_t *table;     /* [tables][256]: from the q of z to the q of a */
    size_t tables;     /* 0: a is z; 1: for all neurons; else one for each */
    double scale; /* of the outputs of a hidden layer: a = scale (q - zero) */
    int zero;
} mlpi_int8_layer;

typedef struct mlpi_int8 {
    size_t L;
    mlpi_int8_layer *layer; /* [L + 1], the first unused */
    float *in;              /* [n[0]][2]: center and scale of each input */
    float *out;             /* [n[L]][2]: center and scale of each output */
    int8_t *hidden[2];      /* outputs of hidden layers, by turns */
} mlpi_int8;

/* True if a table takes the q of z to the q of a. A sigmoid's outputs always
 * have the scale 1/256 and the zero -128, so that they reach 0 and nearly 1. */
static inline bool mlpi_int8_has_table(mlp_activation f)
{
    return f != MLP_ACT_IDENTITY && f != MLP_ACT_RELU && f != MLP_ACT_SOFTMAX;
}

/* True if each output of the network has a unit of its own, since outputs may
 * be quantities of any size. Classes are found by comparing the q of outputs,
 * which must have one unit then; and sigmoid has the same range for all. */
static inline bool mlpi_int8_has_own_units(const mlp_net *net)
{
    mlp_activation f = net->layout.layer[net->layout.L].activation;
    return f != MLP_ACT_SIGMOID && f != MLP_ACT_SOFTMAX &&
           net->loss != MLP_LOSS_CCE && net->loss != MLP_LOSS_BCE &&
           net->class_names.count == 0;
}

/* Quantises a network without batch norm, with ranges from m >= 1 finite rows
 * X. Allocates *made as one block, to be released by mlpi_release.
 * MLP_ERR_LIMIT: a layer has more inputs than a sum of 32 bits can take.
 * MLP_ERR_NOT_FINITE: a sum, or a scale as a float, is not finite. */
mlp_status mlpi_quantise(const mlp_net *net, mlp_cview X, mlpi_int8 **made);

/* Computes the outputs y[n[L]] of a row of inputs x[n[0]]. */
void mlpi_int8_run(const mlpi_int8 *net, const int8_t *x, int8_t *y);

#endif
