/* SPDX-License-Identifier: MIT */
/*
 * The choice of activations: what a configuration leaves open, and which loss
 * is meant for which activation of the last layer.
 *
 * A layer of mlp_config may leave its activation open (MLP_ACT_AUTO) and its
 * slope (0). mlp_net_create closes both before it makes the network, so that no
 * other module ever meets MLP_ACT_AUTO:
 *
 *     activation auto   before the last layer           relu
 *                       in the last layer, by the loss
 *                           bce                         sigmoid
 *                           cce                         softmax
 *                           mse, mae, huber             identity
 *     slope 0           of leaky_relu                   MLP_SLOPE_LEAKY_RELU
 *                       of elu                          MLP_SLOPE_ELU
 *
 * The 55 pairs of a loss and an activation of the last layer:
 *
 *                     bce      mse, mae, huber             cce
 *     identity        refused  meant: any targets          refused
 *     sigmoid         meant    meant: targets in [0, 1]    refused
 *     tanh            refused  meant: targets in [-1, 1]   refused
 *     relu, softplus  refused  meant: targets from 0 on    refused
 *     leaky_relu, elu, gelu, gelu_tanh, silu
 *                     refused  meant: targets of which     refused
 *                              most are above 0
 *     softmax         refused  meant: shares of a whole,   meant
 *                              the Brier score
 *
 * The losses bce and cce take the logarithm of an output as that of a
 * probability, and clip what is none to [1e-15, 1 - 1e-15]. There the
 * derivative is 0 or far too large, so the outputs that the table refuses do
 * not learn:
 *
 *     identity, tanh, relu ...  are below 0 or above 1 for many z
 *     sigmoid with cce          loses nothing if all outputs are 1, because cce
 *                               is -log of the right class only
 *     softmax with bce          has the sum 1, but bce judges each output by
 *                               itself and has no z of its own to start from:
 *                               its logarithms are clipped where those of cce
 *                               are exact
 *     softmax of 1 neuron       is always 1, with every loss
 *     cce with 1 output         has only one class
 *
 * Model files may have any pair, and a slope of 0 as it is, because version 0.1
 * allowed both. Their networks are made by mlpi_net_create_saved (net.h), which
 * asks nothing of this module.
 */
#ifndef MLPI_MODEL_ACTIVATION_CHOICE_H
#define MLPI_MODEL_ACTIVATION_CHOICE_H

#include "mlp.h"

/* Copies config->n_layers layers to `layers`, with the activations and slopes
 * that the configuration leaves open. The loss and the number of layers must
 * have been checked. */
void mlpi_choose_activations(const mlp_config *config, mlp_layer *layers);

/* Checks that the loss is meant for the last layer of a configuration whose
 * activations have been chosen. Fails with MLP_ERR_ARGUMENT; the message names
 * what to set instead. */
mlp_status mlpi_check_outputs(const mlp_config *config);

#endif
