/* SPDX-License-Identifier: MIT */
#ifndef MLPI_MODEL_INIT_H
#define MLPI_MODEL_INIT_H

#include "model/layout.h"
#include "kernels/kernels.h"

/* Sets parameters [layout->parameters] to their first values, W as mlp_weight_init
 * says; and the running moments, which stand behind them. */
void mlpi_init_parameters(const mlpi_kernels *kernels,
                          const mlpi_layout *layout, mlp_weight_init init,
                          uint32_t seed, void *parameters);

#endif
