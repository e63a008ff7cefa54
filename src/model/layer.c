/* SPDX-License-Identifier: MIT */
/*
 * The products of one layer as arguments of the kernel gemm. The formulas, and
 * the table of the operands of each product, are in layer.h.
 *
 * An operand (mlpi_operand) is written {data, row stride, column stride}. W[l]
 * is stored as n_prev rows of n weights, so element (i, j) of W^T (n_prev, n)
 * is number i n + j of the array: row stride n, column stride 1. The same
 * memory, read with row stride 1 and column stride n, is W (n, n_prev). In the
 * same way, A_prev (m, n_prev) with its strides exchanged is A_prev^T.
 */
#include "model/layer.h"

#include "model/batch_norm.h"

/* ---------------------------------------------------------------------------
 * Forward
 */

mlpi_gemm_args mlpi_forward_gemm(const mlp_net *net,
                                 const mlpi_forward_args *args)
{
    const mlpi_kernels *kernels = net->kernels;
    const mlpi_layer_layout *layer = &net->layout.layer[args->l];
    size_t n = layer->width;
    return (mlpi_gemm_args){
        .m = args->m,
        .n = n,
        .k = net->layout.layer[args->l - 1].width,
        .A = args->A_prev,
        .B = {mlpi_at(kernels, net->parameters, layer->W_offset), n, 1},
        .bias = layer->batch_norm
                    ? NULL
                    : mlpi_at(kernels, net->parameters, layer->b_offset),
        .C = args->Z,
        .relu = mlpi_product_applies_relu(net, args->l) ? args->A : NULL,
        .scratch = args->scratch};
}

/* A layer has three stages: product, batch norm, activation. Batch norm and
 * activation can write over their input, so Z and A may be one array. */
void mlpi_forward(const mlp_net *net, const mlpi_forward_args *args)
{
    mlpi_gemm_args product = mlpi_forward_gemm(net, args);
    net->kernels->gemm(&product);
    if (net->layout.layer[args->l].batch_norm) {
        mlpi_batch_norm_predict(net, args->l, args->m, args->Z, args->Z);
    }
    if (!mlpi_product_applies_relu(net, args->l)) {
        mlpi_activation_args activation =
            mlpi_net_activation(net, args->l, args->m);
        net->kernels->activate(&activation, args->Z, args->A);
    }
}

/* ---------------------------------------------------------------------------
 * Backward and gradients
 */

mlpi_gemm_args mlpi_backward_gemm(const mlp_net *net,
                                  const mlpi_backward_args *args)
{
    const mlpi_layer_layout *layer = &net->layout.layer[args->l];
    const mlpi_layer_layout *previous = &net->layout.layer[args->l - 1];
    size_t n = layer->width;
    /* The derivative of any other activation is a separate pass over dA. */
    bool is_relu = previous->activation == MLP_ACT_RELU;
    return (mlpi_gemm_args){
        .m = args->m,
        .n = previous->width,
        .k = n,
        .A = {args->dZ, n, 1},
        .B = {mlpi_at(net->kernels, net->parameters, layer->W_offset), 1, n},
        /* A_prev = max(0, Z[l-1]) is above 0 exactly where Z[l-1] is. */
        .relu_mask = is_relu ? args->A_prev : NULL,
        .C = args->dA_prev,
        .scratch = args->scratch};
}

mlpi_gemm_args mlpi_gradient_gemm(const mlp_net *net,
                                  const mlpi_gradient_args *args)
{
    size_t n = net->layout.layer[args->l].width;
    size_t n_prev = net->layout.layer[args->l - 1].width;
    return (mlpi_gemm_args){.m = args->count,
                            .n = n,
                            .k = args->m,
                            .A = {args->A_prev, 1, n_prev},
                            .B = {args->dZ, n, 1},
                            .C = args->dW,
                            .scratch = args->scratch};
}

/* ---------------------------------------------------------------------------
 * Scratch
 *
 * gemm_scratch never returns less for a larger product. So the scratch for m
 * rows is enough for every smaller batch, and for a part of the inputs.
 */

size_t mlpi_forward_scratch(const mlp_net *net, size_t m)
{
    size_t reals = 0;
    for (size_t l = 1; l <= net->layout.L; l++) {
        size_t n = net->layout.layer[l].width;
        size_t n_prev = net->layout.layer[l - 1].width;
        size_t forward = net->kernels->gemm_scratch(m, n, n_prev);
        reals = mlpi_max_size(reals, forward);
    }
    return reals;
}

size_t mlpi_training_scratch(const mlp_net *net, size_t m)
{
    size_t reals = mlpi_forward_scratch(net, m);
    for (size_t l = 1; l <= net->layout.L; l++) {
        size_t n = net->layout.layer[l].width;
        size_t n_prev = net->layout.layer[l - 1].width;
        size_t gradient = net->kernels->gemm_scratch(n_prev, n, m);
        size_t backward = net->kernels->gemm_scratch(m, n_prev, n);
        reals = mlpi_max_size(reals, mlpi_max_size(gradient, backward));
    }
    return reals;
}
