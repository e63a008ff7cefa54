/* SPDX-License-Identifier: MIT */
#include "model/dropout.h"

/* SplitMix64's output for that state: one to one, and every bit of the state
 * changes about half of the result's. */
static uint64_t mixed(uint64_t z)
{
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

/* A layer's key in a step. The three parts are mixed in one after the other:
 * their sum would give the first step of one seed the key of another's second.
 * The constant keeps 0 from being mixed to 0. */
static uint64_t key_of(const mlpi_dropout_args *rows)
{
    const uint64_t golden = UINT64_C(0x9e3779b97f4a7c15);
    uint64_t key = mixed(rows->seed + golden);
    key = mixed(key + rows->step);
    return mixed(key + rows->l);
}

void mlpi_dropout_apply(const mlp_net *net, const mlpi_dropout_args *rows)
{
    size_t n = net->layout.layer[rows->l].width;
    net->kernels->dropout(
        &(mlpi_dropout){.key = key_of(rows),
                        .p = net->layout.layer[rows->l].dropout,
                        .first = rows->first * n,
                        .n = rows->m * n,
                        .in = rows->in,
                        .out = rows->out});
}
