/* SPDX-License-Identifier: MIT */
#include "snapshot.h"

#include <string.h>

size_t mlpi_snapshot_size(const mlp_net *net)
{
    return net->layout.parameters;
}

void mlpi_snapshot_take(const mlp_net *net, void *snapshot)
{
    memcpy(snapshot, net->parameters,
           net->layout.parameters * net->ops->real_size);
}

void mlpi_snapshot_restore(mlp_net *net, const void *snapshot)
{
    memcpy(net->parameters, snapshot,
           net->layout.parameters * net->ops->real_size);
}
