/* SPDX-License-Identifier: MIT */
/*
 * The first values of a network's parameters.
 *
 * Biases start at 0. Weights must be random, because neurons of a layer that
 * start equal receive equal gradients and stay equal for ever. Their spread is
 * chosen so that the variance of the activations, or of the gradients, stays
 * about the same from layer to layer; too small, and the signal of a deep
 * network vanishes, too large, and it overflows or saturates the sigmoids. The
 * formulas and their papers stand at MLP_INIT_LIST in mlp.h.
 */
#ifndef MLPI_MODEL_INIT_H
#define MLPI_MODEL_INIT_H

#include "kernels/kernels.h"
#include "model/layout.h"

/* Sets W and b of all layers, and the scale of batch norm, in `parameters`,
 * real [layout->parameters], and the running moments, real [layout->running],
 * that must lie directly behind them. The same seed gives the same numbers in
 * both precisions, up to rounding. */
void mlpi_init_parameters(const mlpi_kernels *kernels,
                          const mlpi_layout *layout, mlp_weight_init init,
                          uint32_t seed, void *parameters);

#endif
