/* SPDX-License-Identifier: MIT */
#include "train/snapshot.h"

#include <string.h>

#include "base/memory.h"

size_t mlpi_snapshot_size(const mlp_net *net)
{
    return mlpi_net_state(net).cols;
}

mlp_status mlpi_snapshot_make(const mlp_net *net, const char *what,
                              void **snapshot)
{
    mlpi_cursor measure = {0};
    (void)mlpi_take(&measure, mlpi_snapshot_size(net), net->kernels->real_size);
    return mlpi_allocate(&net->hooks, &measure, what, snapshot);
}

void mlpi_snapshot_take(const mlp_net *net, void *snapshot)
{
    memcpy(snapshot, net->parameters,
           mlpi_snapshot_size(net) * net->kernels->real_size);
}

void mlpi_snapshot_restore(mlp_net *net, const void *snapshot)
{
    memcpy(net->parameters, snapshot,
           mlpi_snapshot_size(net) * net->kernels->real_size);
}
