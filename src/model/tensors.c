/* SPDX-License-Identifier: MIT */
/*
 * What a network is: its numbers, its layers, and views of their tensors. W is
 * shown as it is written, (n[l], n[l-1]), though it lies input-major: by its
 * strides.
 */
#include "model/tensors.h"
#include "base/error.h"

size_t mlp_net_inputs(const mlp_net *net)
{
    return net ? mlpi_net_inputs(net) : 0;
}

size_t mlp_net_outputs(const mlp_net *net)
{
    return net ? mlpi_net_outputs(net) : 0;
}

size_t mlp_net_layer_count(const mlp_net *net)
{
    return net ? net->layout.L : 0;
}

size_t mlp_net_parameter_count(const mlp_net *net)
{
    return net ? net->layout.parameters : 0;
}

mlp_dtype mlp_net_precision(const mlp_net *net)
{
    return net ? net->kernels->dtype : MLP_F32;
}

mlp_loss mlp_net_loss(const mlp_net *net)
{
    return net ? net->loss : MLP_LOSS_BCE;
}

const char *mlp_net_kernels(const mlp_net *net)
{
    return net ? net->kernels->name : "";
}

mlp_hooks mlp_net_hooks(const mlp_net *net)
{
    return net ? net->hooks : (mlp_hooks){.user = NULL};
}

mlp_status mlpi_net_check_layer(const mlp_net *net, size_t l, size_t first)
{
    if (l < first || l > net->layout.L) {
        return mlpi_error(&net->hooks, MLP_ERR_ARGUMENT,
                          "expects a layer from %zu to %zu, got %zu", first,
                          net->layout.L, l);
    }
    return MLP_OK;
}

mlp_status mlp_net_layer(const mlp_net *net, size_t l, mlp_layer *layer)
{
    if (!net) {
        return MLP_ERR_NULL;
    }
    if (!layer) {
        return mlpi_error(&net->hooks, MLP_ERR_NULL,
                          "the place for the layer is NULL");
    }
    TRY(mlpi_net_check_layer(net, l, 1));
    const mlpi_shape *shape = &net->layout.layer[l];
    *layer = (mlp_layer){.width = shape->width,
                         .activation = shape->activation,
                         .slope = shape->slope,
                         .dropout = shape->dropout,
                         .batch_norm = shape->batch_norm};
    return MLP_OK;
}

mlp_view mlpi_net_weights_in(const mlp_net *net, void *reals, size_t l)
{
    const mlpi_shape *shape = &net->layout.layer[l];
    return (mlp_view){net->kernels->dtype,
                      shape->width,
                      net->layout.layer[l - 1].width,
                      1,
                      shape->width,
                      mlpi_at(net->kernels, reals, shape->W)};
}

mlp_view mlpi_net_row_in(const mlp_net *net, void *reals, size_t l,
                         size_t offset)
{
    size_t n = net->layout.layer[l].width;
    return (mlp_view){
        net->kernels->dtype, 1, n, n, 1, mlpi_at(net->kernels, reals, offset)};
}

mlp_view mlpi_net_biases_in(const mlp_net *net, void *reals, size_t l)
{
    return mlpi_net_row_in(net, reals, l, net->layout.layer[l].b);
}

mlp_status mlpi_net_check_norm(const mlp_net *net, size_t l)
{
    if (!net->layout.layer[l].batch_norm) {
        return mlpi_error(&net->hooks, MLP_ERR_ARGUMENT,
                          "expects a layer with batch norm, got layer %zu", l);
    }
    return MLP_OK;
}

mlp_view mlpi_net_tensor(const mlp_net *net, mlp_tensor which, size_t l)
{
    const mlpi_shape *shape = &net->layout.layer[l];
    switch (which) {
    case MLP_W:
        return mlpi_net_weights_in(net, net->parameters, l);
    case MLP_B:
        return mlpi_net_biases_in(net, net->parameters, l);
    case MLP_SCALE:
        return mlpi_net_row_in(net, net->parameters, l, shape->scale);
    case MLP_MEAN:
        return mlpi_net_row_in(net, net->running, l, shape->mean);
    default:
        return mlpi_net_row_in(net, net->running, l, shape->variance);
    }
}

/* Checks what a caller of the public functions asks for, then makes the
 * view. */
static mlp_status checked_tensor(const mlp_net *net, mlp_tensor which, size_t l,
                                 mlp_view *view)
{
    bool needs_norm =
        which == MLP_SCALE || which == MLP_MEAN || which == MLP_VARIANCE;
    if (which != MLP_W && which != MLP_B && !needs_norm) {
        const char *name = mlp_tensor_name(which);
        return mlpi_error(&net->hooks, MLP_ERR_ARGUMENT,
                          "expects the tensor W, b, scale, mean or variance, "
                          "got %s (%d)",
                          name ? name : "an unknown one", (int)which);
    }
    TRY(mlpi_net_check_layer(net, l, 1));
    if (needs_norm) {
        TRY(mlpi_net_check_norm(net, l));
    }
    *view = mlpi_net_tensor(net, which, l);
    return MLP_OK;
}

mlp_status mlp_net_tensor(mlp_net *net, mlp_tensor which, size_t l,
                          mlp_view *view)
{
    if (!net) {
        return MLP_ERR_NULL;
    }
    if (!view) {
        return mlpi_error(&net->hooks, MLP_ERR_NULL,
                          "the place for the view is NULL");
    }
    return checked_tensor(net, which, l, view);
}

mlp_status mlp_net_ctensor(const mlp_net *net, mlp_tensor which, size_t l,
                           mlp_cview *view)
{
    if (!net) {
        return MLP_ERR_NULL;
    }
    if (!view) {
        return mlpi_error(&net->hooks, MLP_ERR_NULL,
                          "the place for the view is NULL");
    }
    mlp_view writable = {.data = NULL};
    TRY(checked_tensor(net, which, l, &writable));
    *view = mlp_view_const(writable);
    return MLP_OK;
}
