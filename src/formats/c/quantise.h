/* SPDX-License-Identifier: MIT */
/*
 * A network in int8 (after B. Jacob et al., "Quantization and Training of
 * Neural Networks for Efficient Integer-Arithmetic-Only Inference", 2018), from
 * the ranges that its numbers have on rows of the caller's:
 *
 *   inputs   x[k] = center[k] + step[k] q[k], of each column its own, scaling
 *            of inputs included
 *   weights  W[j][k] step[k] = s[j] w[j][k], w from -127 to 127
 *   sums     z[j] = s[j] (bias[j] + sum of w[j][k] q[k])
 *   outputs  a[j] = step (q[j] - zero), by a table for all but identity, ReLU
 *            and softmax; of softmax the z stay
 */
#ifndef MLPI_FORMATS_C_QUANTISE_H
#define MLPI_FORMATS_C_QUANTISE_H

#include "formats/c/runtime/int8.h"
#include "model/net.h"

typedef struct mlpi_int8_layer {
    layer_numbers numbers;
    int8_t *w;         /* [outputs][inputs] */
    int32_t *channels; /* [outputs][2]: bias and multiplier */
    int8_t *table; /* [256]: from sums to outputs; NULL: they are the same */
    double step;   /* of the outputs, */
    int zero;      /* and theirs */
} mlpi_int8_layer;

typedef struct mlpi_int8 {
    size_t L;
    mlpi_int8_layer *layer; /* [L + 1], the first unused */
    float *in, *out; /* [n[0]][2] and [n[L]][2]: center and step of each */
    int8_t *hidden[2];
} mlpi_int8;

/* A sigmoid's outputs are step 1/256 and zero -128. */
static inline bool mlpi_int8_looks_up(mlp_activation f)
{
    return f != MLP_ACT_IDENTITY && f != MLP_ACT_RELU && f != MLP_ACT_SOFTMAX;
}

/* Of a network without batch norm, from m >= 1 finite rows X. Allocates *made,
 * one block. MLP_ERR_LIMIT: more inputs of a layer than sums have bits for. */
mlp_status mlpi_quantise(const mlp_net *net, mlp_cview X, mlpi_int8 **made);

/* Outputs of a row of inputs. */
void mlpi_int8_run(const mlpi_int8 *net, const int8_t *x, int8_t *y);

#endif
