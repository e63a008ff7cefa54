/* SPDX-License-Identifier: MIT */
#include "snapshot.h"

#include <string.h>

size_t mlpi_snapshot_size(const mlp_net *net)
{
    return mlpi_net_state(net).cols;
}

void mlpi_snapshot_take(const mlp_net *net, void *snapshot)
{
    memcpy(snapshot, net->parameters,
           mlpi_snapshot_size(net) * net->ops->real_size);
}

void mlpi_snapshot_restore(mlp_net *net, const void *snapshot)
{
    memcpy(net->parameters, snapshot,
           mlpi_snapshot_size(net) * net->ops->real_size);
}
