/* SPDX-License-Identifier: MIT */
#include "model/layer.h"

#include "model/batch_norm.h"

static size_t largest(size_t a, size_t b)
{
    return a > b ? a : b;
}

size_t mlpi_forward_scratch(const mlp_net *net, size_t m)
{
    size_t most = 0;
    for (size_t l = 1; l <= net->layout.L; l++) {
        size_t n = net->layout.layer[l].width;
        size_t n_prev = net->layout.layer[l - 1].width;
        most = largest(most, net->kernels->gemm_scratch(m, n, n_prev));
    }
    return most;
}

size_t mlpi_training_scratch(const mlp_net *net, size_t m)
{
    size_t most = mlpi_forward_scratch(net, m);
    for (size_t l = 1; l <= net->layout.L; l++) {
        size_t n = net->layout.layer[l].width;
        size_t n_prev = net->layout.layer[l - 1].width;
        most = largest(most, net->kernels->gemm_scratch(n_prev, n, m));
        most = largest(most, net->kernels->gemm_scratch(m, n_prev, n));
    }
    return most;
}

mlpi_gemm_args mlpi_forward_gemm(const mlp_net *net,
                                 const mlpi_forward_args *step)
{
    const mlpi_kernels *kernels = net->kernels;
    const mlpi_shape *shape = &net->layout.layer[step->l];
    size_t n = shape->width;
    return (mlpi_gemm_args){
        .m = step->m,
        .n = n,
        .k = net->layout.layer[step->l - 1].width,
        .A = step->A_prev,
        .B = {mlpi_at(kernels, net->parameters, shape->W), n, 1},
        .bias = shape->batch_norm ? NULL
                                  : mlpi_at(kernels, net->parameters, shape->b),
        .C = step->Z,
        .relu = mlpi_has_relu(net, step->l) ? step->A : NULL,
        .scratch = step->scratch};
}

void mlpi_forward(const mlp_net *net, const mlpi_forward_args *step)
{
    mlpi_gemm_args product = mlpi_forward_gemm(net, step);
    net->kernels->gemm(&product);
    if (net->layout.layer[step->l].batch_norm) {
        mlpi_batch_norm_predict(net, step->l, step->m, step->Z, step->Z);
    }
    if (!mlpi_has_relu(net, step->l)) {
        mlpi_activation how = mlpi_net_activation(net, step->l, step->m);
        net->kernels->activate(&how, step->Z, step->A);
    }
}

mlpi_gemm_args mlpi_backward_gemm(const mlp_net *net,
                                  const mlpi_backward_args *step)
{
    const mlpi_shape *shape = &net->layout.layer[step->l];
    const mlpi_shape *before = &net->layout.layer[step->l - 1];
    size_t n = shape->width;
    bool is_relu = before->activation == MLP_ACT_RELU;
    return (mlpi_gemm_args){
        .m = step->m,
        .n = before->width,
        .k = n,
        .A = {step->dZ, n, 1},
        .B = {mlpi_at(net->kernels, net->parameters, shape->W), 1, n},
        .gate = is_relu ? step->A_prev : NULL, /* Z > 0 if A is */
        .C = step->dA_prev,
        .scratch = step->scratch};
}

mlpi_gemm_args mlpi_gradient_gemm(const mlp_net *net,
                                  const mlpi_gradient_args *step)
{
    size_t n = net->layout.layer[step->l].width;
    size_t n_prev = net->layout.layer[step->l - 1].width;
    return (mlpi_gemm_args){.m = step->count,
                            .n = n,
                            .k = step->m,
                            .A = {step->A_prev, 1, n_prev},
                            .B = {step->dZ, n, 1},
                            .C = step->dW,
                            .scratch = step->scratch};
}
