/* SPDX-License-Identifier: MIT */
/*
 * The options of a fit: their defaults and their checks, as far as they are the
 * same for rows in memory and for rows in chunks.
 *
 * Checks come in two phases, because a fit must fail early and change nothing.
 * First everything is checked that costs no time: numbers, shapes, types. Then
 * the fit allocates its memory, and only then reads all values of the rows, to
 * see that they are finite.
 */
#ifndef MLPI_TRAIN_TRAIN_OPTIONS_H
#define MLPI_TRAIN_TRAIN_OPTIONS_H

#include "model/data_check.h"

/* Checks the options of the first phase; the validation rows among them.
 * MLP_ERR_ARGUMENT, MLP_ERR_SHAPE, MLP_ERR_DTYPE, MLP_ERR_NULL, MLP_ERR_LIMIT.
 */
mlp_status mlpi_train_options_check(const mlp_net *net,
                                    const mlp_train_options *options);

/* True if the caller brings validation rows, instead of a fraction of the rows
 * to train on. */
bool mlpi_has_validation_set(const mlp_train_options *options);

/* Applies a check, of shapes or of values, to the options' validation rows, if
 * there are any. Messages begin with "validation: ", to tell these rows from
 * those to train on. */
mlp_status mlpi_validation_set_check(const mlp_net *net,
                                     const mlp_train_options *options,
                                     mlpi_data_check *check);

#endif
