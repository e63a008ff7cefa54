/* SPDX-License-Identifier: MIT */
/*
 * Rows held out of training to validate with.
 *
 * A permutation says in which turn rows are asked; a class gives rows until
 * its quota is full. Quotas share the rows to be held out among the classes as
 * they are among all rows, by largest remainders.
 */
#ifndef MLPI_TRAIN_VALIDATION_SPLIT_H
#define MLPI_TRAIN_VALIDATION_SPLIT_H

#include "model/net.h"

/* How many of m rows a fraction holds out; 0 for fraction 0.
 * MLP_ERR_ARGUMENT: not in [0, 1), or no row is held out or none is left. */
mlp_status mlpi_split_size(const mlp_hooks *hooks, double fraction, size_t m,
                           size_t *held);

/* order[Y.rows] = the rows that are left, then the `held` rows held out, each
 * ascending; Y is checked. Draws a permutation of all rows from `rng`.
 * MLP_ERR_MEMORY. */
mlp_status mlpi_split(const mlp_net *net, const mlp_cview *Y, size_t held,
                      mlp_rng *rng, size_t *order);

#endif
