/* SPDX-License-Identifier: MIT */
/* What a network is made of. One block holds all of it but names. */
#ifndef MLPI_MODEL_NET_H
#define MLPI_MODEL_NET_H

#include "model/layout.h"
#include "kernels/kernels.h"
#include "base/string_list.h"
#include "base/view.h"

/* x' = (x - mean) / std for n columns, if they are scaled. */
typedef struct mlpi_scaling {
    bool scales;
    size_t n;
    void *mean, *std; /* real [n] */
} mlpi_scaling;

struct mlp_net {
    mlp_hooks hooks;
    const mlpi_kernels *kernels; /* the kernels, chosen once */
    mlp_loss loss;
    mlpi_layout layout;
    void *parameters; /* real [layout.parameters] */
    void *running;    /* real [layout.running], just behind them */
    double huber_delta, label_smoothing;
    double norm_momentum, norm_epsilon;
    mlpi_row_layer *row_layers; /* [L]; NULL with batch norm: see mlpi_row */
    mlpi_scaling in, out;       /* of inputs; of targets, and outputs back */
    /* Blocks of their own; of metadata key, value, key, value ... */
    mlpi_string_list class_names, metadata;
};

/* n[0] and n[L]. */
static inline size_t mlpi_net_inputs(const mlp_net *net)
{
    return net->layout.layer[0].width;
}

static inline size_t mlpi_net_outputs(const mlp_net *net)
{
    return net->layout.layer[net->layout.L].width;
}

/* All that training changes: the parameters and what stands behind them. */
static inline mlp_cview mlpi_net_state(const mlp_net *net)
{
    size_t n = net->layout.parameters + net->layout.running;
    return (mlp_cview){net->kernels->dtype, 1, n, n, 1, net->parameters};
}

/* Are targets numbers, which may be scaled? */
static inline bool mlpi_is_regression(mlp_loss loss)
{
    return loss == MLP_LOSS_MSE || loss == MLP_LOSS_MAE ||
           loss == MLP_LOSS_HUBER;
}

/* Takes the arrays of a network whose layout has been taken, or measured:
 * parameters, running moments, scaling, and the way of a row through them. */
void mlpi_net_take_arrays(mlp_net *net, size_t inputs, size_t outputs,
                          mlpi_cursor *cursor);

/* Gives the blocks of class names and metadata back. */
void mlpi_net_release_names(mlp_net *net);

/* Makes a network whose layout the copier makes of another's (without batch
 * norm, or the same), and which is like it but for parameters and running
 * moments: they are not set. Allocates. */
typedef void mlpi_layout_copier(mlpi_layout *layout, const mlpi_layout *from,
                                mlpi_cursor *cursor);
mlp_status mlpi_net_copy(const mlp_net *net, mlpi_layout_copier *copier,
                         mlp_net **copy);

/* A view of W and b, or dW and db, of layer l in an array laid out as the
 * parameters are; and of a row of n[l] numbers that begins at `offset`. */
mlp_view mlpi_net_weights_in(const mlp_net *net, void *reals, size_t l);
mlp_view mlpi_net_biases_in(const mlp_net *net, void *reals, size_t l);
mlp_view mlpi_net_row_in(const mlp_net *net, void *reals, size_t l,
                         size_t offset);

/* Is a key of metadata the library's own? */
bool mlpi_is_reserved(const char *key);

/* MLP_ERR_ARGUMENT if layer l, which there is, does not normalise. */
mlp_status mlpi_net_check_norm(const mlp_net *net, size_t l);

/* How layer l activates m rows. */
static inline mlpi_activation mlpi_net_activation(const mlp_net *net, size_t l,
                                                  size_t m)
{
    const mlpi_shape *shape = &net->layout.layer[l];
    return (mlpi_activation){.f = shape->activation,
                             .slope = shape->slope,
                             .m = m,
                             .n = shape->width};
}

/* MLP_ERR_ARGUMENT unless first <= l <= L. */
mlp_status mlpi_net_check_layer(const mlp_net *net, size_t l, size_t first);

/* MLP_ERR_ARGUMENT unless a number is finite and above 0 in that precision. */
mlp_status mlpi_check_positive(const mlp_hooks *hooks,
                               const mlpi_kernels *kernels, const char *name,
                               double value);

#endif
