/* SPDX-License-Identifier: MIT */
/*
 * Views of tensors; tensors.h has the table of which array each tensor is in.
 *
 * A view makes W look as it stands in the formulas, W (n[l], n[l-1]), while
 * memory holds W^T, n[l-1] rows of n[l] numbers: element (i, j) of the view is
 * 1 element further for the next i, and n[l] elements further for the next j.
 * So the row stride is 1 and the column stride n[l]. Nothing is copied, and a
 * user who writes through a view changes the network itself.
 */
#include "model/tensors.h"

#include "base/error.h"

/* ---------------------------------------------------------------------------
 * Views of checked tensors
 */

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

/* A row is dense, so scale, mean and variance look like b. */
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

/* Callers have excluded every tensor but the five, so the last case needs no
 * test. */
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

/* ---------------------------------------------------------------------------
 * Views for users
 */

/* Checks what a caller of the public functions asks for, then makes the
 * view. */
static mlp_status checked_tensor(const mlp_net *net, mlp_tensor which, size_t l,
                                 mlp_view *view)
{
    /* Trainers have more tensors, such as Z and dW; a network does not. */
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

/* The view is valid as long as the network, whose arrays never move. */
mlp_status mlp_net_tensor(mlp_net *net, mlp_tensor which, size_t l,
                          mlp_view *view)
{
    if (!net) {
        return MLP_ERR_NULL;
    }
    TRY(mlpi_check_pointer(&net->hooks, view, "the place for the view"));
    return checked_tensor(net, which, l, view);
}

mlp_status mlp_net_ctensor(const mlp_net *net, mlp_tensor which, size_t l,
                           mlp_cview *view)
{
    if (!net) {
        return MLP_ERR_NULL;
    }
    TRY(mlpi_check_pointer(&net->hooks, view, "the place for the view"));
    /* The writable view stays in here: `net` is const for the caller. */
    mlp_view writable = {.data = NULL};
    TRY(checked_tensor(net, which, l, &writable));
    *view = mlp_view_const(writable);
    return MLP_OK;
}
