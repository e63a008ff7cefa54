/* SPDX-License-Identifier: MIT */
/*
 * Views of tensors. The table in tensors.h says in which array each tensor is.
 *
 * Users see W as in the formulas, W (n[l], n[l-1]), but memory holds W^T,
 * n[l-1] rows of n[l] numbers. So in the view of W the next row (the next
 * neuron) is 1 element further, and the next column (the next input) is n[l]
 * elements further: the row stride is 1 and the column stride n[l]. Nothing is
 * copied. A user who writes through a view changes the network itself.
 */
#include "model/tensors.h"

#include "base/error.h"

/* ---------------------------------------------------------------------------
 * Views of checked tensors
 */

mlp_view mlpi_net_all_in(const mlp_net *net, void *reals)
{
    size_t n = net->layout.parameters;
    return (mlp_view){net->kernels->dtype, 1, n, n, 1, reals};
}

mlp_view mlpi_net_weights_in(const mlp_net *net, void *reals, size_t l)
{
    const mlpi_layer_layout *layer = &net->layout.layer[l];
    return (mlp_view){net->kernels->dtype,
                      layer->width,
                      net->layout.layer[l - 1].width,
                      1,
                      layer->width,
                      mlpi_at(net->kernels, reals, layer->W_offset)};
}

/* The numbers of a row are neighbours: the column stride is 1. */
mlp_view mlpi_net_row_in(const mlp_net *net, void *reals, size_t l,
                         size_t offset)
{
    size_t n = net->layout.layer[l].width;
    return (mlp_view){
        net->kernels->dtype, 1, n, n, 1, mlpi_at(net->kernels, reals, offset)};
}

/* b is one row of n[l] numbers. */
mlp_view mlpi_net_biases_in(const mlp_net *net, void *reals, size_t l)
{
    return mlpi_net_row_in(net, reals, l, net->layout.layer[l].b_offset);
}

mlp_status mlpi_net_check_norm(const mlp_net *net, size_t l)
{
    if (!net->layout.layer[l].batch_norm) {
        return mlpi_error(
            &net->hooks, MLP_ERR_ARGUMENT,
            "layer %zu: expects batch norm for this tensor, got a "
            "layer without",
            l);
    }
    return MLP_OK;
}

/* `which` is one of five tensors, so the fifth, MLP_VARIANCE, is the
 * default. */
mlp_view mlpi_net_tensor(const mlp_net *net, mlp_tensor which, size_t l)
{
    const mlpi_layer_layout *layer = &net->layout.layer[l];
    switch (which) {
    case MLP_W:
        return mlpi_net_weights_in(net, net->parameters, l);
    case MLP_B:
        return mlpi_net_biases_in(net, net->parameters, l);
    case MLP_SCALE:
        return mlpi_net_row_in(net, net->parameters, l, layer->scale_offset);
    case MLP_MEAN:
        return mlpi_net_row_in(net, net->running, l, layer->mean_offset);
    default:
        return mlpi_net_row_in(net, net->running, l, layer->variance_offset);
    }
}

/* ---------------------------------------------------------------------------
 * Views for users
 */

/* Makes the view for the two public functions, after checking that the tensor
 * and the layer exist. */
static mlp_status checked_tensor(const mlp_net *net, mlp_tensor which, size_t l,
                                 mlp_view *view)
{
    /* Only trainers have the rest of mlp_tensor's tensors, such as Z and dW. */
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

/* The view is valid as long as the network exists, because the network's arrays
 * never move. The caller may set the weights through it at any later time, so
 * they count as set. */
mlp_status mlp_net_tensor(mlp_net *net, mlp_tensor which, size_t l,
                          mlp_view *view)
{
    if (!net) {
        return MLP_ERR_NULL;
    }
    TRY(mlpi_check_pointer(&net->hooks, view, "the place for the view"));
    TRY(checked_tensor(net, which, l, view));
    net->is_trained = true;
    return MLP_OK;
}

mlp_status mlp_net_ctensor(const mlp_net *net, mlp_tensor which, size_t l,
                           mlp_cview *view)
{
    if (!net) {
        return MLP_ERR_NULL;
    }
    TRY(mlpi_check_pointer(&net->hooks, view, "the place for the view"));
    /* `net` is const for the caller, who gets a view for reading only. */
    mlp_view writable = {.data = NULL};
    TRY(checked_tensor(net, which, l, &writable));
    *view = mlp_view_const(writable);
    return MLP_OK;
}

/* The parameters are one array already. As with a single tensor, they count as
 * set if the caller may set them. */
mlp_status mlp_net_parameters(mlp_net *net, mlp_view *view)
{
    if (!net) {
        return MLP_ERR_NULL;
    }
    TRY(mlpi_check_pointer(&net->hooks, view, "the place for the view"));
    *view = mlpi_net_all_in(net, net->parameters);
    net->is_trained = true;
    return MLP_OK;
}

mlp_status mlp_net_cparameters(const mlp_net *net, mlp_cview *view)
{
    if (!net) {
        return MLP_ERR_NULL;
    }
    TRY(mlpi_check_pointer(&net->hooks, view, "the place for the view"));
    *view = mlp_view_const(mlpi_net_all_in(net, net->parameters));
    return MLP_OK;
}
