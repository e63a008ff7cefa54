/* SPDX-License-Identifier: MIT */
/*
 * The random bits of dropout's mask. Each layer has a 64-bit key in each step,
 * made here; the kernel hashes the key with the number of the element, counted
 * through the whole batch, so that rows can be computed in any order.
 */
#include "model/dropout.h"

/* The output function of SplitMix64 (Steele, Lea and Flood, "Fast splittable
 * pseudorandom number generators", 2014): a bijection of 64-bit numbers in
 * which each bit of the input changes about half of the output's bits. */
static uint64_t mix(uint64_t z)
{
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

/* Returns the key of a layer in a step. Seed, step and layer are mixed in one
 * after another: with their plain sum, step 2 of seed 1 would have the masks of
 * step 1 of seed 2. The constant, 2^64 over the golden ratio, is there because
 * mix(0) is 0. */
static uint64_t layer_key(const mlpi_dropout_args *args)
{
    const uint64_t golden = UINT64_C(0x9e3779b97f4a7c15);
    uint64_t key = mix(args->seed + golden);
    key = mix(key + args->step);
    return mix(key + args->l);
}

void mlpi_dropout_apply(const mlp_net *net, const mlpi_dropout_args *args)
{
    size_t n = net->layout.layer[args->l].width;
    net->kernels->dropout(
        &(mlpi_dropout){.key = layer_key(args),
                        .p = net->layout.layer[args->l].dropout,
                        .first = args->first * n,
                        .n = args->m * n,
                        .in = args->in,
                        .out = args->out});
}
