/* SPDX-License-Identifier: MIT */
/*
 * The options of a fit: their defaults and their checks, as far as they are the
 * same for rows in memory and for rows in chunks.
 *
 * A fit checks in two phases, because it should fail early, and an error must
 * change nothing. The first phase checks numbers, shapes and types, which takes
 * no time. Then the fit allocates its memory. The second phase reads all values
 * of the rows, and checks that they are finite.
 *
 * Before the first phase a fit resolves the options, that is, it replaces each
 * MLP_AUTO and MLP_AUTO_COUNT by a number. What the number depends on is known
 * at different times:
 *
 *     option                  depends on                 resolved by
 *     learning_rate           the optimizer's kind       _resolve
 *     batch_size              kind, rows, trainer        _resolve_counts
 *     epochs                  kind, batches of an epoch  _resolve_counts
 *     optimizer.weight_decay  kind, rows, parameters     optimizer.c
 *     schedule.factor         the schedule's kind        schedule.c, when used
 *
 * The fit keeps the resolved copy; the caller's options stay as they are. For
 * example, 90 rows make 3 batches of 32, and 667 epochs of 3 batches make the
 * 2000 updates that a default fit has at least, and a network of 36 parameters
 * gets a weight decay of 0.05 * 36 / 90 = 0.02.
 */
#ifndef MLPI_TRAIN_TRAIN_OPTIONS_H
#define MLPI_TRAIN_TRAIN_OPTIONS_H

#include "model/data_check.h"

/* Returns the options, or the defaults if `given` is NULL, with a number in the
 * place of each MLP_AUTO that depends on the kind of the optimizer alone. */
mlp_train_options mlpi_train_options_resolve(const mlp_train_options *given,
                                             mlp_optimizer_kind kind);

/* Resolves batch_size and epochs for m training rows, 1 or more, and a trainer
 * for batches of max_rows rows. Afterwards batch_size is from 1 to m. */
void mlpi_train_options_resolve_counts(mlp_train_options *options,
                                       mlp_optimizer_kind kind, size_t m,
                                       size_t max_rows);

/* Checks all options as far as the first phase goes, also the validation rows.
 * MLP_ERR_ARGUMENT, MLP_ERR_SHAPE, MLP_ERR_DTYPE, MLP_ERR_NULL, MLP_ERR_LIMIT.
 */
mlp_status mlpi_train_options_check(const mlp_net *net,
                                    const mlp_train_options *options);

/* True if the options contain validation rows of their own, not a fraction of
 * the other rows. */
bool mlpi_has_validation_set(const mlp_train_options *options);

/* Calls a check, of shapes or of values, for the options' validation rows, if
 * there are any. Messages begin with "validation: ", to distinguish these rows
 * from the training rows. */
mlp_status mlpi_validation_set_check(const mlp_net *net,
                                     const mlp_train_options *options,
                                     mlpi_data_check *check);

#endif
