/* SPDX-License-Identifier: MIT */
/* The options of a fit: their defaults and their checks. */
#ifndef MLPI_TRAIN_TRAIN_OPTIONS_H
#define MLPI_TRAIN_TRAIN_OPTIONS_H

#include "model/data_check.h"

/* Checks the options that every fit has. */
mlp_status mlpi_train_options_check(const mlp_net *net,
                                    const mlp_train_options *options);

/* True if the caller brings rows of its own to validate with. */
bool mlpi_has_validation_set(const mlp_train_options *options);

/* Checks shapes, or values, of the options' validation rows. */
mlp_status mlpi_validation_set_check(const mlp_net *net,
                                     const mlp_train_options *options,
                                     mlpi_data_check *check);

#endif
