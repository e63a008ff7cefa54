/* SPDX-License-Identifier: MIT */
/*
 * One layer, forward and backward (chapters 2.2 and 3.3 of the tutorial), for a
 * batch of m samples. A sample is a row; n = n[l] neurons read n_prev = n[l-1]
 * inputs, the outputs A_prev of layer l - 1.
 *
 *   forward     Z (m, n)           = A_prev (m, n_prev)  W^T (n_prev, n)  + b
 *               A (m, n)           = activation(Z)
 *
 *   backward    dZ (m, n)          = dA (m, n) * activation'(Z), elementwise
 *               dA_prev (m, n_prev) = dZ (m, n)  W (n, n_prev)
 *
 *   gradients   dW (n, n_prev)     = dZ^T (n, m)  A_prev (m, n_prev)
 *               db (n)             = the sums of dZ's columns
 *
 * Each of the three products costs 2 m n n_prev operations, and together they
 * are nearly all of the work of training. Memory holds W input-major, that is
 * as W^T (n_prev, n), and dW as dW^T (n_prev, n) = A_prev^T dZ; layout.h says
 * why. So the three products are one kernel, C (m, n) = A (m, k) B (k, n), on
 * three sets of operands:
 *
 *               C          A            B                C's (m, n), k
 *   forward     Z          A_prev       W^T as stored    (m, n)        n_prev
 *   backward    dA_prev    dZ           W^T transposed   (m, n_prev)   n
 *   gradient    dW^T       A_prev^T     dZ               (n_prev, n)   m
 *
 * A transposed operand is the same memory with its two strides exchanged.
 *
 * The functions that end in _gemm only describe a product. Training describes
 * each product once and runs it in every step (step_plan.h); mlpi_forward runs
 * it at once, for prediction. All matrices but the operand A_prev of the
 * forward product are dense.
 */
#ifndef MLPI_MODEL_LAYER_H
#define MLPI_MODEL_LAYER_H

#include "model/net.h"

/* ---------------------------------------------------------------------------
 * Forward: from A of layer l - 1 to Z and A of layer l
 */

typedef struct mlpi_forward_args {
    size_t l, m;         /* layer, 1 to L; rows */
    mlpi_operand A_prev; /* real (m, n[l-1]) */
    void *Z, *A;   /* real (m, n[l]); one array if Z is not needed later */
    void *scratch; /* mlpi_forward_scratch(net, m) reals */
} mlpi_forward_args;

/* Computes Z and A of layer l as prediction needs them: batch norm uses its
 * running mean and variance, and there is no dropout. */
void mlpi_forward(const mlp_net *net, const mlpi_forward_args *args);

/* Describes the product Z = A_prev W^T + b. Where mlpi_has_relu is true the
 * product also writes A = max(0, Z). With batch norm Z receives U = A_prev W^T
 * instead, without a bias, because batch norm adds its own shift. */
mlpi_gemm_args mlpi_forward_gemm(const mlp_net *net,
                                 const mlpi_forward_args *args);

/* True if the product of layer l applies the activation itself. ReLU is the
 * most frequent activation and costs nothing while Z is in registers; batch
 * norm comes between the product and the activation, so it rules that out. */
static inline bool mlpi_has_relu(const mlp_net *net, size_t l)
{
    const mlpi_shape *shape = &net->layout.layer[l];
    return shape->activation == MLP_ACT_RELU && !shape->batch_norm;
}

/* ---------------------------------------------------------------------------
 * Backward: from dZ of layer l to dA of layer l - 1
 */

typedef struct mlpi_backward_args {
    size_t l, m;        /* layer, 2 to L: dX is never needed; rows */
    const void *dZ;     /* real (m, n[l]) */
    const void *A_prev; /* real (m, n[l-1]) */
    void *dA_prev;      /* real (m, n[l-1]) */
    void *scratch;      /* mlpi_training_scratch(net, m) reals */
} mlpi_backward_args;

/* Describes the product dA_prev = dZ W. If layer l - 1 is ReLU, the product
 * also multiplies by relu'(Z_prev), which is 1 where A_prev > 0 and 0
 * elsewhere, so that its result is dZ of layer l - 1 (of its batch norm's
 * output, if it has one). */
mlpi_gemm_args mlpi_backward_gemm(const mlp_net *net,
                                  const mlpi_backward_args *args);

/* ---------------------------------------------------------------------------
 * Gradients: from dZ and A_prev to dW
 */

typedef struct mlpi_gradient_args {
    size_t l, m;        /* layer, 1 to L; rows */
    const void *dZ;     /* real (m, n[l]) */
    const void *A_prev; /* real (m, n[l-1]), from the first of the inputs on */
    size_t count;       /* how many of the n[l-1] inputs */
    void *dW;           /* real (count, n[l]): these rows of dW^T */
    void *scratch;      /* mlpi_training_scratch(net, m) reals */
} mlpi_gradient_args;

/* Describes the product dW^T = A_prev^T dZ for `count` inputs of the layer, so
 * that threads can split the rows of dW^T. */
mlpi_gemm_args mlpi_gradient_gemm(const mlp_net *net,
                                  const mlpi_gradient_args *args);

/* ---------------------------------------------------------------------------
 * Scratch: reals that any layer's product needs for up to m rows
 */

size_t mlpi_forward_scratch(const mlp_net *net, size_t m);  /* forward only */
size_t mlpi_training_scratch(const mlp_net *net, size_t m); /* all three */

#endif
