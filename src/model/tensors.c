/* SPDX-License-Identifier: MIT */
/*
 * What a network is: its numbers, its layers, and views of their tensors. W is
 * shown as it is written, (n[l], n[l-1]), though it lies input-major: by its
 * strides.
 */
#include "model/net.h"
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

/* A tensor of layer l that batch norm has. */
static mlp_status norm_view(const mlp_net *net, mlp_tensor which, size_t l,
                            mlp_view *view)
{
    TRY(mlpi_net_check_norm(net, l));
    const mlpi_shape *shape = &net->layout.layer[l];
    if (which == MLP_SCALE) {
        *view = mlpi_net_row_in(net, net->parameters, l, shape->scale);
    } else {
        *view =
            mlpi_net_row_in(net, net->running, l,
                            which == MLP_MEAN ? shape->mean : shape->variance);
    }
    return MLP_OK;
}

static mlp_status parameter_view(const mlp_net *net, mlp_tensor which, size_t l,
                                 mlp_view *view)
{
    bool is_norm =
        which == MLP_SCALE || which == MLP_MEAN || which == MLP_VARIANCE;
    if (which != MLP_W && which != MLP_B && !is_norm) {
        const char *name = mlp_tensor_name(which);
        return mlpi_error(&net->hooks, MLP_ERR_ARGUMENT,
                          "expects the tensor W, b, scale, mean or variance, "
                          "got %s (%d)",
                          name ? name : "an unknown one", (int)which);
    }
    TRY(mlpi_net_check_layer(net, l, 1));
    if (is_norm) {
        return norm_view(net, which, l, view);
    }
    *view = which == MLP_W ? mlpi_net_weights_in(net, net->parameters, l)
                           : mlpi_net_biases_in(net, net->parameters, l);
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
    return parameter_view(net, which, l, view);
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
    TRY(parameter_view(net, which, l, &writable));
    *view = mlp_view_const(writable);
    return MLP_OK;
}
