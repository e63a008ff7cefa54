/* SPDX-License-Identifier: MIT */
/*
 * The choice of activations: what a configuration leaves open, and which loss
 * is meant for which activation of the last layer.
 *
 * A layer of mlp_config may leave its activation open (MLP_ACT_AUTO) and its
 * slope (0). mlp_net_create chooses both before it makes the network, so that
 * no layer of a network has MLP_ACT_AUTO:
 *
 *     activation auto   before the last layer           relu
 *                       in the last layer, by the loss
 *                           bce                         sigmoid
 *                           cce                         softmax
 *                           poisson                     exp
 *                           all others                  identity
 *     slope 0           of leaky_relu                   MLP_SLOPE_LEAKY_RELU
 *                       of elu                          MLP_SLOPE_ELU
 *
 * The pairs of a loss and an activation of the last layer (poisson is meant for
 * exp alone, and gaussian_nll for identity alone):
 *
 *                     bce      mse, mae, huber, quantile   cce
 *     identity        refused  meant: any targets          refused
 *     sigmoid         meant    meant: targets in [0, 1]    refused
 *     tanh            refused  meant: targets in [-1, 1]   refused
 *     relu, softplus, exp
 *                     refused  meant: targets from 0 on    refused
 *     leaky_relu, elu, gelu, gelu_tanh, silu
 *                     refused  meant: targets of which     refused
 *                              most are above 0
 *     softmax         refused  meant: shares of a whole,   meant
 *                              the Brier score
 *
 * The losses bce and cce take the logarithm of an output, as of a probability.
 * After sigmoid and softmax respectively they compute it from z. After other
 * activations they clip the output to [1e-15, 1 - 1e-15], and beyond these
 * limits its derivative is 0. So the pairs that the table refuses do not learn,
 * or learn something else:
 *
 *     identity, tanh, relu ...  Many outputs are below 0 or above 1, and have
 *                               no derivative there.
 *     sigmoid with cce          The loss is -log of the right class alone, and
 *                               becomes 0 if all outputs are 1.
 *     softmax with bce          The outputs depend on each other, but bce takes
 *                               each by itself; those near 0 and 1 are clipped
 *                               and have no derivative.
 *     softmax of 1 neuron       The output is always 1, with every loss.
 *     cce with 1 output         There is only one class.
 *
 * Poisson takes the logarithm of a rate. With another activation than exp it
 * would be infinite where a rate is 0, and not a number below. Any activation
 * but identity would limit the logarithm of a variance.
 *
 * Model files may have any pair of the first five losses, and a slope of 0 as
 * it is, because MLP_NUMERICS 1 allowed both. Their networks are made by
 * mlpi_net_create_saved (net.h), which does not use this module.
 */
#ifndef MLPI_MODEL_ACTIVATION_CHOICE_H
#define MLPI_MODEL_ACTIVATION_CHOICE_H

#include "mlp.h"

/* Returns the slope that an activation uses if a layer was given this one. */
double mlpi_slope_in_use(mlp_activation f, double given);

/* Copies config->n_layers layers to `layers`, with the activations and slopes
 * that the configuration leaves open. The loss and the number of layers must
 * have been checked. */
void mlpi_choose_activations(const mlp_config *config, mlp_layer *layers);

/* Returns the activation of layer l, which the configuration may leave open. */
mlp_activation mlpi_chosen_activation(const mlp_config *config, size_t l);

/* Checks that the loss is meant for a last layer with the activation f, and for
 * its width in the configuration. Fails with MLP_ERR_ARGUMENT; the message names
 * what to set instead. */
mlp_status mlpi_check_outputs(const mlp_config *config, mlp_activation f);

#endif
