/* SPDX-License-Identifier: MIT */
/*
 * The network: its members, and functions that check and copy it.
 *
 * A network is one block of memory: the struct, the layers of its layout, the
 * parameters followed by the running moments (of batch norm; see layout.h), the
 * scaling, and what predict_row needs. Only class names and metadata are in
 * blocks of their own, because their size changes.
 *
 *     | mlp_net | layer[L + 1] | parameters, running | in.mean | in.std |
 *     | out.mean | out.std | single_row_layers[L] |
 *
 * "Real" is the type of the network's numbers, float or double. Arrays of reals
 * are `void *`, because the precision is chosen when the network is created.
 * Only kernels read and write the numbers. A kernel is a function in the table
 * net->kernels (kernels/kernels.h), which is made for the precision and the
 * CPU. All other code only computes addresses, with mlpi_at.
 */
#ifndef MLPI_MODEL_NET_H
#define MLPI_MODEL_NET_H

#include <string.h>

#include "base/string_list.h"
#include "base/view.h"
#include "kernels/kernels.h"
#include "model/layout.h"

/* Standardisation of n columns: x' = (x - mean) / std (see scaling.h). */
typedef struct mlpi_scaling {
    bool scales; /* false: x' = x, and mean and std are not set */
    size_t n;
    void *mean, *std; /* real [n] */
} mlpi_scaling;

/* The network. After its creation only training, loading and the public setters
 * change it. All other functions take it as const, so several threads can
 * predict with one network at the same time. */
struct mlp_net {
    mlp_hooks hooks;
    const mlpi_kernels *kernels; /* chosen once, when the network is made */
    mlp_loss loss;
    mlpi_layout layout;
    void *parameters; /* real [layout.parameters] */
    void *running; /* real [layout.running_count], directly after parameters */
    double huber_delta, label_smoothing;
    double *quantiles; /* [n[L]] for MLP_LOSS_QUANTILE, else NULL */
    double norm_momentum, norm_epsilon; /* of batch norm */
    /* [L], for kernels->predict_row; NULL if a layer has batch norm. */
    mlpi_row_layer *single_row_layers;
    mlpi_scaling in, out; /* of inputs; of targets and outputs */
    /* True if the weights are more than initial weights: updated, loaded, or
     * possibly set by the caller. They then belong to the present scaling. */
    bool is_trained;
    mlpi_string_list class_names;
    mlpi_string_list metadata; /* key, value, key, value ...: metadata.c */
};

/* ---------------------------------------------------------------------------
 * Properties of a network
 */

/* True if a key of metadata is reserved for the library, which uses it in model
 * files: "mlp", and every key that begins with "mlp.". Users cannot set these
 * keys, and they are not loaded as metadata from a model file. */
static inline bool mlpi_is_reserved(const char *key)
{
    return strcmp(key, "mlp") == 0 || strncmp(key, "mlp.", 4) == 0;
}

/* True if tau is in (0, 1), also after it has been rounded to the precision of
 * the kernels. */
bool mlpi_is_quantile(const mlpi_kernels *kernels, double tau);

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

/* Returns the number of columns of Y, unless Y holds class numbers. With
 * gaussian_nll the outputs are a mean and the logarithm of a variance for each
 * target. */
static inline size_t mlpi_net_targets(const mlp_net *net)
{
    size_t n = mlpi_net_outputs(net);
    return net->loss == MLP_LOSS_GAUSSIAN_NLL ? n / 2 : n;
}

/* True if m rows through the network are enough work for several threads: more
 * than 2^20 multiply-adds, one for each row and parameter. Measured: below
 * that, waking the threads takes longer than they save. MIN_ROWS rows or fewer
 * are never split, whatever they cost. */
static inline bool mlpi_net_pays_for_threads(const mlp_net *net, size_t m)
{
    enum { MIN_ROWS = 8 };
    return m > MIN_ROWS && m > ((size_t)1 << 20) / net->layout.parameters;
}

/* Returns a view of all numbers that training changes: one row of the
 * parameters and the running moments, which follow them in memory. So a
 * snapshot or a search for NaN is one pass. */
static inline mlp_cview mlpi_net_state(const mlp_net *net)
{
    size_t n = net->layout.parameters + net->layout.running_count;
    return (mlp_cview){net->kernels->dtype, 1, n, n, 1, net->parameters};
}

/* Returns the activation of layer l as an argument for kernels, for m rows of
 * n[l] neurons. */
static inline mlpi_activation_args mlpi_net_activation(const mlp_net *net,
                                                       size_t l, size_t m)
{
    const mlpi_layer_layout *layer = &net->layout.layer[l];
    return (mlpi_activation_args){.f = layer->activation,
                                  .slope = layer->slope,
                                  .m = m,
                                  .n = layer->width};
}

/* True if the targets of a loss are quantities, false if they are probabilities
 * or classes. */
static inline bool mlpi_is_regression(mlp_loss loss)
{
    return loss != MLP_LOSS_BCE && loss != MLP_LOSS_CCE;
}

/* True if the targets of a loss may be scaled. Probabilities, classes and
 * counts may not. */
static inline bool mlpi_may_scale(mlp_loss loss)
{
    return mlpi_is_regression(loss) && loss != MLP_LOSS_POISSON;
}

/* The losses for which mlpi_may_scale is true, for messages. */
#define MLPI_SCALING_LOSSES "mse, mae, huber, quantile or gaussian_nll"

/* ---------------------------------------------------------------------------
 * Creation, checks and copies
 */

/* Like mlp_net_create, but makes the network exactly as described: slopes of 0
 * stay 0, and the last layer may have any activation with any loss. It is for
 * networks that exist already, in a model file or in memory; MLP_NUMERICS 1
 * allowed both (activation_choice.h). No layer may have MLP_ACT_AUTO. */
mlp_status mlpi_net_create_saved(const mlp_config *config, mlp_net **net);

/* Checks that a number is finite and above 0 after it has been rounded to the
 * precision of the kernels. (1e-60 becomes 0 as a float.) The message begins
 * with `name`. Fails with MLP_ERR_ARGUMENT. */
mlp_status mlpi_check_positive(const mlp_hooks *hooks,
                               const mlpi_kernels *kernels, const char *name,
                               double value);

/* Checks that the layer number l, which a caller of the library has passed, is
 * in [first, L]. Fails with
 * MLP_ERR_ARGUMENT. */
mlp_status mlpi_net_check_layer(const mlp_net *net, size_t l, size_t first);

/* A function that builds the layout of a copy from the layout of the original:
 * mlpi_layout_copy or mlpi_layout_fold. */
typedef void mlpi_layout_copier(mlpi_layout *layout, const mlpi_layout *from,
                                mlpi_cursor *cursor);

/* Makes a copy of `net` with the layout that `copier` builds. Everything is
 * copied except the parameters and running moments, which the caller must set.
 * If it fails with MLP_ERR_MEMORY or MLP_ERR_LIMIT, *copy is unchanged. */
mlp_status mlpi_net_copy(const mlp_net *net, mlpi_layout_copier *copier,
                         mlp_net **copy);

#endif
