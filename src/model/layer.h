/* SPDX-License-Identifier: MIT */
/*
 * One layer, forward and backward (chapters 2.2 and 3.3 of the tutorial), for a
 * batch of m samples. Layer l has n = n[l] neurons. They read A_prev, the
 * n_prev = n[l-1] outputs of layer l - 1. A sample is a row of each matrix; in
 * the tutorial it is a column, so the tutorial's products are transposed here.
 *
 *   forward     Z (m, n)            = A_prev (m, n_prev)  W^T (n_prev, n)  + b
 *               A (m, n)            = activation(Z)
 *
 *   backward    dZ (m, n)           = dA (m, n) * activation'(Z), elementwise
 *               dA_prev (m, n_prev) = dZ (m, n)  W (n, n_prev)
 *
 *   gradients   dW (n, n_prev)      = dZ^T (n, m)  A_prev (m, n_prev)
 *               db[j]               = sum over i of dZ[i][j]
 *
 * The tutorial divides dW and db by m. Here dZ already has the divisor of J
 * (see loss.h), so dW and db are plain sums.
 *
 * This file has the three products. It has no function for db, in which each
 * column of dZ is summed over the rows: train/step_worker.c calls the kernel
 * column_sums for it. (A kernel is a function of kernels/kernels.h.)
 *
 * Each product costs 2 m n n_prev floating-point operations, and the three
 * together are nearly all of the work of training. They are one kernel, gemm
 * (general matrix multiply, the name in BLAS), which computes C = A B for three
 * sets of operands, that is, of matrices to multiply. In the table, A and B are
 * the operands, and .m, .n and .k the members of mlpi_gemm_args: C is
 * (.m, .n), A is (.m, .k) and B is (.k, .n). The other names are the layer's.
 *
 *               C          A            B        .m       .n       .k
 *   forward     Z          A_prev       W^T      m        n        n_prev
 *   backward    dA_prev    dZ           W        m        n_prev   n
 *   gradient    dW^T       A_prev^T     dZ       n_prev   n        m
 *
 * Memory holds W^T, row by row, and dW^T in the same order; layout.h says why.
 * To transpose an operand, the code exchanges its two strides and leaves the
 * memory as it is. All matrices are dense (each row directly follows the one
 * before), except the operand A_prev of the forward product, which may be the
 * caller's own array.
 *
 * "Real" is float or double, the precision of the network.
 *
 * Functions whose names end in _gemm only fill in the arguments of a product.
 * Training fills them in once and runs the product in every step
 * (train/step_plan.h); for prediction, mlpi_forward runs it at once.
 */
#ifndef MLPI_MODEL_LAYER_H
#define MLPI_MODEL_LAYER_H

#include "model/net.h"

/* ---------------------------------------------------------------------------
 * Forward: from A of layer l - 1 to Z and A of layer l
 */

typedef struct mlpi_forward_args {
    size_t l;            /* layer, 1 to L */
    size_t m;            /* rows */
    mlpi_operand A_prev; /* real (m, n[l-1]) */
    void *Z;             /* real (m, n[l]) */
    void *A;             /* real (m, n[l]); may be Z if Z is not needed later */
    void *scratch;       /* mlpi_forward_scratch(net, m) reals */
} mlpi_forward_args;

/* Computes Z and A of layer l for prediction: batch norm uses its running mean
 * and variance, and there is no dropout. */
void mlpi_forward(const mlp_net *net, const mlpi_forward_args *args);

/* Returns the arguments of the product Z = A_prev W^T + b. If
 * mlpi_product_applies_relu is true, the product also writes A = max(0, Z). If
 * the layer has batch norm, the product is U = A_prev W^T, without b, and is
 * written to args->Z; batch norm adds b later (see batch_norm.h). */
mlpi_gemm_args mlpi_forward_gemm(const mlp_net *net,
                                 const mlpi_forward_args *args);

/* True if the forward product of layer l applies the activation, ReLU, itself.
 * ReLU is the most frequent activation and costs nothing while Z is in
 * registers. In a layer with batch norm the product cannot apply it, because
 * batch norm comes between the product and the activation. */
static inline bool mlpi_product_applies_relu(const mlp_net *net, size_t l)
{
    const mlpi_layer_layout *layer = &net->layout.layer[l];
    return layer->activation == MLP_ACT_RELU && !layer->batch_norm;
}

/* ---------------------------------------------------------------------------
 * Backward: from dZ of layer l to dA of layer l - 1
 */

typedef struct mlpi_backward_args {
    size_t l;           /* layer, 1 to L; A_prev of layer 1 is not read */
    size_t m;           /* rows */
    const void *dZ;     /* real (m, n[l]) */
    const void *A_prev; /* real (m, n[l-1]) */
    void *dA_prev;      /* real (m, n[l-1]) */
    void *scratch;      /* mlpi_training_scratch(net, m) reals */
} mlpi_backward_args;

/* Returns the arguments of the product dA_prev = dZ W. If the activation of
 * layer l - 1 is ReLU, the product also multiplies by relu'(Z[l-1]), which is 1
 * where A_prev > 0 and 0 elsewhere. Then the result is dZ[l-1]. If layer l - 1
 * has batch norm, this is the derivative by the output of batch norm. */
mlpi_gemm_args mlpi_backward_gemm(const mlp_net *net,
                                  const mlpi_backward_args *args);

/* ---------------------------------------------------------------------------
 * Gradients: from dZ and A_prev to dW
 */

typedef struct mlpi_gradient_args {
    size_t l;       /* layer, 1 to L */
    size_t m;       /* rows */
    const void *dZ; /* real (m, n[l]) */
    size_t count;   /* how many of the n[l-1] inputs to do */
    const void
        *A_prev;   /* element (0, first input) of A_prev, real (m, n[l-1]) */
    void *dW;      /* real (count, n[l]): the `count` rows of dW^T that
                           belong to these inputs */
    void *scratch; /* mlpi_training_scratch(net, m) reals */
} mlpi_gradient_args;

/* Returns the arguments of the product dW^T = A_prev^T dZ for `count` inputs of
 * the layer, so that threads can split the rows of dW^T. */
mlpi_gemm_args mlpi_gradient_gemm(const mlp_net *net,
                                  const mlpi_gradient_args *args);

/* ---------------------------------------------------------------------------
 * Scratch: the reals that are enough for the product of any layer, with up to m
 * rows.
 */

/* Returns the scratch of the forward product. */
size_t mlpi_forward_scratch(const mlp_net *net, size_t m);

/* Returns the scratch of all three products. */
size_t mlpi_training_scratch(const mlp_net *net, size_t m);

#endif
