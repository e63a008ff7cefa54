/* SPDX-License-Identifier: MIT */
/*
 * One layer forward and backward (chapters 2.2 and 3.3), over dense batches of
 * m rows. All three products are ops->product on views of the same arrays:
 *
 *   forward    Z  (m, n)       = A_prev (m, n_prev)    W^T (n_prev, n)  + b
 *   weights    dW^T (n_prev, n) = A_prev^T (n_prev, m)  dZ (m, n)
 *   previous   dA_prev (m, n_prev) = dZ (m, n)          W (n, n_prev)
 *
 * where n = n[l], n_prev = n[l-1], and W^T is what lies in memory.
 */
#ifndef MLPI_PASS_H
#define MLPI_PASS_H

#include "net.h"

/* Reals of scratch that up to m rows need in any layer, forward alone or in all
 * three products. */
size_t mlpi_forward_scratch(const mlp_net *net, size_t m);
size_t mlpi_pass_scratch(const mlp_net *net, size_t m);

/* What a layer reads and writes on the way forward. */
typedef struct mlpi_forward_step {
    size_t l, m;
    mlpi_operand A_prev; /* A of layer l - 1 */
    void *Z, *A;         /* receive Z and A of layer l; may be one array, if Z
                            is not needed after */
    void *scratch;
} mlpi_forward_step;

/* With batch norm as in predicting, by the running moments. */
void mlpi_forward(const mlp_net *net, const mlpi_forward_step *step);

/* Its parts: U = A_prev W^T alone, into Z; and A = activation(Z), m rows. */
void mlpi_forward_linear(const mlp_net *net, const mlpi_forward_step *step);
void mlpi_activate(const mlp_net *net, size_t l, size_t m, const void *Z,
                   void *A);

/* And backward: dZ of layer l - 1 from dZ of layer l, l >= 2. */
typedef struct mlpi_backward_step {
    size_t l, m;
    const void *dZ;
    const void *Z_prev, *A_prev;
    void *dZ_prev;
    void *scratch;
} mlpi_backward_step;

void mlpi_backward(const mlp_net *net, const mlpi_backward_step *step);

/* The gradient of layer l by the weights of inputs [first, first + count). */
typedef struct mlpi_gradient_step {
    size_t l, m;
    const void *dZ, *A_prev;
    size_t first, count;
    void *gradients;           /* of the network: receives these of dW, or, */
    const mlpi_update *update; /* unless NULL, is room for this step's */
    void *scratch;
} mlpi_gradient_step;

void mlpi_gradient(const mlp_net *net, const mlpi_gradient_step *step);

/* db of layer l into the network's gradients. */
void mlpi_bias_gradient(const mlp_net *net, size_t l, size_t m, const void *dZ,
                        void *gradients);

#endif
