/* SPDX-License-Identifier: MIT */
/*
 * The network: what it is made of, and its making, copying and freeing.
 *
 * A network is one block of memory: the struct, the layers of its layout, the
 * parameters with the running moments behind them, and the scaling. Only class
 * names and metadata have blocks of their own, because their size changes.
 *
 *     | mlp_net | layer[L + 1] | parameters, running | in.mean | in.std | ...
 *
 * Arrays of numbers are `void *`, because their precision, float or double, is
 * a property of the network. Outside of the kernels nobody reads them: this
 * code computes addresses with mlpi_at and hands them to net->kernels, the
 * table of functions for the network's precision and the machine's CPU.
 */
#ifndef MLPI_MODEL_NET_H
#define MLPI_MODEL_NET_H

#include <string.h>

#include "base/string_list.h"
#include "base/view.h"
#include "kernels/kernels.h"
#include "model/layout.h"

/* Standardisation of n columns: x' = (x - mean) / std. scaling.c sets it; it is
 * applied where rows enter the network, and undone where outputs leave. */
typedef struct mlpi_scaling {
    bool scales; /* false: x' = x */
    size_t n;
    void *mean, *std; /* real [n] */
} mlpi_scaling;

/* The network itself. Only training, loading and the setters of the public
 * interface change it after it was made; everybody else gets it as const, so
 * threads can predict with one network at the same time. */
struct mlp_net {
    mlp_hooks hooks;
    const mlpi_kernels *kernels; /* chosen once, when the network is made */
    mlp_loss loss;
    mlpi_layout layout;
    void *parameters; /* real [layout.parameters] */
    void *running;    /* real [layout.running], directly behind them */
    double huber_delta, label_smoothing;
    double norm_momentum, norm_epsilon; /* of batch norm */
    mlpi_row_layer *row_layers; /* [L], for predict_row; NULL: batch norm */
    mlpi_scaling in, out;       /* of inputs; of targets and outputs */
    mlpi_string_list class_names;
    mlpi_string_list metadata; /* key, value, key, value ...: metadata.c */
};

/* ---------------------------------------------------------------------------
 * Short questions
 */

/* True if the library uses a key of metadata itself in model files: "mlp", or
 * anything that begins with "mlp.". Users cannot set such keys, and a reader of
 * model files does not hand them out as metadata. */
static inline bool mlpi_is_reserved(const char *key)
{
    return strcmp(key, "mlp") == 0 || strncmp(key, "mlp.", 4) == 0;
}

/* Returns n[0], the number of inputs. */
static inline size_t mlpi_net_inputs(const mlp_net *net)
{
    return net->layout.layer[0].width;
}

/* Returns n[L], the number of outputs. */
static inline size_t mlpi_net_outputs(const mlp_net *net)
{
    return net->layout.layer[net->layout.L].width;
}

/* Returns everything that training changes as one row: the parameters and the
 * running moments behind them. A snapshot or a search for NaN is one pass. */
static inline mlp_cview mlpi_net_state(const mlp_net *net)
{
    size_t n = net->layout.parameters + net->layout.running;
    return (mlp_cview){net->kernels->dtype, 1, n, n, 1, net->parameters};
}

/* Returns the activation of layer l as the kernels take it, for m rows of n[l]
 * neurons each. */
static inline mlpi_activation_args mlpi_net_activation(const mlp_net *net,
                                                       size_t l, size_t m)
{
    const mlpi_shape *shape = &net->layout.layer[l];
    return (mlpi_activation_args){.f = shape->activation,
                                  .slope = shape->slope,
                                  .m = m,
                                  .n = shape->width};
}

/* True if targets are quantities, which may be scaled; false if they are
 * probabilities or classes. */
static inline bool mlpi_is_regression(mlp_loss loss)
{
    return loss == MLP_LOSS_MSE || loss == MLP_LOSS_MAE ||
           loss == MLP_LOSS_HUBER;
}

/* ---------------------------------------------------------------------------
 * Checks and copies
 */

/* Checks that a number is finite and above 0 after rounding to the precision of
 * the kernels: 1e-60 is 0 as a float. `name` begins the message.
 * MLP_ERR_ARGUMENT. */
mlp_status mlpi_check_positive(const mlp_hooks *hooks,
                               const mlpi_kernels *kernels, const char *name,
                               double value);

/* Checks that first <= l <= L, for functions whose caller names a layer.
 * MLP_ERR_ARGUMENT. */
mlp_status mlpi_net_check_layer(const mlp_net *net, size_t l, size_t first);

/* Builds the layout of a copy from the layout of the original, by the two runs
 * of layout.h: mlpi_layout_copy or mlpi_layout_fold. */
typedef void mlpi_layout_copier(mlpi_layout *layout, const mlpi_layout *from,
                                mlpi_cursor *cursor);

/* Makes a network like `net` with the layout that `copier` builds. Everything
 * is copied but the parameters and running moments, which the caller must set.
 * MLP_ERR_MEMORY, MLP_ERR_LIMIT: *copy is untouched. */
mlp_status mlpi_net_copy(const mlp_net *net, mlpi_layout_copier *copier,
                         mlp_net **copy);

#endif
