/* SPDX-License-Identifier: MIT */
/*
 * One layer forward and backward (chapters 2.2 and 3.3), over dense batches of
 * m rows. All three products are kernels->gemm on views of the same arrays:
 *
 *   forward    Z  (m, n)       = A_prev (m, n_prev)    W^T (n_prev, n)  + b
 *   weights    dW^T (n_prev, n) = A_prev^T (n_prev, m)  dZ (m, n)
 *   previous   dA_prev (m, n_prev) = dZ (m, n)          W (n, n_prev)
 *
 * where n = n[l], n_prev = n[l-1], and W^T is what lies in memory.
 */
#ifndef MLPI_MODEL_LAYER_H
#define MLPI_MODEL_LAYER_H

#include "model/net.h"

/* Reals of scratch that up to m rows need in any layer, forward alone or in all
 * three products. */
size_t mlpi_forward_scratch(const mlp_net *net, size_t m);
size_t mlpi_training_scratch(const mlp_net *net, size_t m);

/* What a layer reads and writes on the way forward. */
typedef struct mlpi_forward_args {
    size_t l, m;
    mlpi_operand A_prev; /* A of layer l - 1 */
    void *Z, *A;         /* receive Z and A of layer l; may be one array, if Z
                            is not needed after */
    void *scratch;
} mlpi_forward_args;

/* With batch norm as in predicting, by the running moments. */
void mlpi_forward(const mlp_net *net, const mlpi_forward_args *step);

/* Its product alone: U = A_prev W^T into Z if the layer normalises; else Z, and
 * A too where it is the product's, as mlpi_has_relu says. */
mlpi_gemm_args mlpi_forward_gemm(const mlp_net *net,
                                 const mlpi_forward_args *step);

/* The most frequent activation costs no pass of its own, either way. */
static inline bool mlpi_has_relu(const mlp_net *net, size_t l)
{
    const mlpi_shape *shape = &net->layout.layer[l];
    return shape->activation == MLP_ACT_RELU && !shape->batch_norm;
}

/* And back: dA of layer l - 1 from dZ of layer l, l >= 2; dZ of it if its
 * activation is ReLU. */
typedef struct mlpi_backward_args {
    size_t l, m;
    const void *dZ;
    const void *A_prev;
    void *dA_prev;
    void *scratch;
} mlpi_backward_args;

mlpi_gemm_args mlpi_backward_gemm(const mlp_net *net,
                                  const mlpi_backward_args *step);

/* The gradient of layer l by the weights of `count` inputs. */
typedef struct mlpi_gradient_args {
    size_t l, m;
    const void *dZ, *A_prev; /* A_prev from the first of the inputs on */
    size_t count;
    void *dW; /* receives these */
    void *scratch;
} mlpi_gradient_args;

mlpi_gemm_args mlpi_gradient_gemm(const mlp_net *net,
                                  const mlpi_gradient_args *step);

#endif
