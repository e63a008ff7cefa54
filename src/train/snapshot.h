/* SPDX-License-Identifier: MIT */
/*
 * Copies of all that training changes in a network: to go back to the weights
 * before a divergence, or to the best ones.
 */
#ifndef MLPI_TRAIN_SNAPSHOT_H
#define MLPI_TRAIN_SNAPSHOT_H

#include "model/net.h"

/* How many reals a snapshot has; it begins with the parameters. */
size_t mlpi_snapshot_size(const mlp_net *net);

/* Room for one, to be released; `what` is for the message. MLP_ERR_MEMORY. */
mlp_status mlpi_snapshot_make(const mlp_net *net, const char *what,
                              void **snapshot);

void mlpi_snapshot_take(const mlp_net *net, void *snapshot);
void mlpi_snapshot_restore(mlp_net *net, const void *snapshot);

#endif
