/* SPDX-License-Identifier: MIT */
#include "pass.h"

#include "batch_norm.h"

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
        most = largest(most, net->ops->product_scratch(m, n, n_prev));
    }
    return most;
}

size_t mlpi_pass_scratch(const mlp_net *net, size_t m)
{
    size_t most = mlpi_forward_scratch(net, m);
    for (size_t l = 1; l <= net->layout.L; l++) {
        size_t n = net->layout.layer[l].width;
        size_t n_prev = net->layout.layer[l - 1].width;
        most = largest(most, net->ops->product_scratch(n_prev, n, m));
        most = largest(most, net->ops->product_scratch(m, n_prev, n));
    }
    return most;
}

void mlpi_activate(const mlp_net *net, size_t l, size_t m, const void *Z,
                   void *A)
{
    mlpi_activation how = mlpi_net_activation(net, l, m);
    net->ops->activate(&how, Z, A);
}

void mlpi_forward_linear(const mlp_net *net, const mlpi_forward_step *step)
{
    const mlpi_ops *ops = net->ops;
    const mlpi_shape *shape = &net->layout.layer[step->l];
    size_t n = shape->width;
    ops->product(
        &(mlpi_product){.m = step->m,
                        .n = n,
                        .k = net->layout.layer[step->l - 1].width,
                        .A = step->A_prev,
                        .B = {mlpi_at(ops, net->parameters, shape->W), n, 1},
                        .C = step->Z,
                        .scratch = step->scratch});
}

void mlpi_forward(const mlp_net *net, const mlpi_forward_step *step)
{
    const mlpi_ops *ops = net->ops;
    const mlpi_shape *shape = &net->layout.layer[step->l];
    if (shape->batch_norm) {
        mlpi_forward_linear(net, step);
        mlpi_batch_norm_predict(net, step->l, step->m, step->Z, step->Z);
        mlpi_activate(net, step->l, step->m, step->Z, step->A);
        return;
    }
    size_t m = step->m;
    size_t n = shape->width;
    /* The most frequent activation costs no pass of its own. */
    bool is_relu = shape->activation == MLP_ACT_RELU;
    ops->product(
        &(mlpi_product){.m = m,
                        .n = n,
                        .k = net->layout.layer[step->l - 1].width,
                        .A = step->A_prev,
                        .B = {mlpi_at(ops, net->parameters, shape->W), n, 1},
                        .bias = mlpi_at(ops, net->parameters, shape->b),
                        .C = step->Z,
                        .relu = is_relu ? step->A : NULL,
                        .scratch = step->scratch});
    if (!is_relu) {
        mlpi_activate(net, step->l, m, step->Z, step->A);
    }
}

void mlpi_backward(const mlp_net *net, const mlpi_backward_step *step)
{
    const mlpi_ops *ops = net->ops;
    const mlpi_shape *shape = &net->layout.layer[step->l];
    const mlpi_shape *before = &net->layout.layer[step->l - 1];
    size_t n = shape->width;
    bool is_relu = before->activation == MLP_ACT_RELU;
    ops->product(&(mlpi_product){
        .m = step->m,
        .n = before->width,
        .k = n,
        .A = {step->dZ, n, 1},
        .B = {mlpi_at(ops, net->parameters, shape->W), 1, n},
        .gate = is_relu ? step->A_prev : NULL, /* Z > 0 if A is */
        .C = step->dZ_prev,
        .scratch = step->scratch});
    if (!is_relu) {
        mlpi_activation how = mlpi_net_activation(net, step->l - 1, step->m);
        ops->activate_backward(&how, step->Z_prev, step->A_prev, step->dZ_prev);
    }
}

void mlpi_gradient(const mlp_net *net, const mlpi_gradient_step *step)
{
    const mlpi_ops *ops = net->ops;
    const mlpi_shape *shape = &net->layout.layer[step->l];
    size_t n = shape->width;
    size_t n_prev = net->layout.layer[step->l - 1].width;
    ops->product(&(mlpi_product){
        .m = step->count,
        .n = n,
        .k = step->m,
        .A = {mlpi_const_at(ops, step->A_prev, step->first), 1, n_prev},
        .B = {step->dZ, n, 1},
        .C = mlpi_at(ops, step->gradients, shape->W + step->first * n),
        .update = step->update,
        .scratch = step->scratch});
}

void mlpi_bias_gradient(const mlp_net *net, size_t l, size_t m, const void *dZ,
                        void *gradients)
{
    const mlpi_shape *shape = &net->layout.layer[l];
    net->ops->column_sums(m, shape->width, dZ,
                          mlpi_at(net->ops, gradients, shape->b));
}
