/* SPDX-License-Identifier: MIT */
/*
 * The first values of a network's parameters.
 *
 * Weights must be random: if two neurons of a layer started with equal weights
 * and biases, they would get equal gradients and stay equal for ever. Biases
 * are random or 0, as the init says. The variance of the weights is chosen so
 * that the variance of the activations, or of the gradients, stays about the
 * same from layer to layer. With a smaller variance the activations of a deep
 * network become smaller with each layer; with a larger one they overflow, or
 * sigmoids saturate. init.c has the formulas; mlp.h, at MLP_INIT_LIST, names
 * the papers.
 */
#ifndef MLPI_MODEL_INIT_H
#define MLPI_MODEL_INIT_H

#include "kernels/kernels.h"
#include "model/layout.h"

/* Sets all parameters, and the running moments of batch norm, to their first
 * values. `parameters` is one array, real [layout->parameters +
 * layout->running_count], in the order of layout.h; "real" is float or double,
 * as the kernels say. The same seed gives the same numbers in both precisions,
 * up to rounding. */
void mlpi_init_parameters(const mlpi_kernels *kernels,
                          const mlpi_layout *layout, mlp_weight_init init,
                          uint32_t seed, void *parameters);

#endif
