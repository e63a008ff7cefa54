/* SPDX-License-Identifier: MIT */
/*
 * Dropout (Srivastava et al., "Dropout: a simple way to prevent neural networks
 * from overfitting", 2014) after a layer, in its inverted form: in training
 * each output of the layer is set to 0 (dropped) with probability p, and all
 * other outputs are divided by 1 - p. So the mean input of the next layer does
 * not change, and prediction needs no dropout at all. D is the dropped A:
 *
 *     forward     D  = mask * A  / (1 - p)        mask is 0 or 1, elementwise
 *     backward    dA = mask * dD / (1 - p)
 *
 * The mask is not stored. It is computed from a seed, the number of the forward
 * pass, the layer, and the position of the element in the batch. So the
 * backward pass computes the same mask again, and the mask does not depend on
 * which thread computes it. This file makes a 64-bit key for each layer and
 * pass. The kernel `dropout` (a function of kernels/kernels.h) hashes the key
 * with the number of each element in the batch. It rounds p to a multiple of
 * 2^-32.
 */
#ifndef MLPI_MODEL_DROPOUT_H
#define MLPI_MODEL_DROPOUT_H

#include "model/net.h"

/* Describes dropout after layer l, for rows [first, first + m) of a batch. */
typedef struct mlpi_dropout_args {
    size_t l;
    uint64_t seed;          /* of the trainer */
    uint64_t forward_count; /* number of the forward pass */
    size_t first, m;
    const void *in; /* real (m, n[l]), dense: A forward, dD backward */
    void *out;      /* real (m, n[l]), dense: D or dA; may be `in` */
} mlpi_dropout_args;

/* The output function of SplitMix64 (Steele, Lea and Flood, "Fast splittable
 * pseudorandom number generators", 2014): a bijection of 64-bit numbers in
 * which each bit of the input changes about half of the output's bits. */
static inline uint64_t mlpi_dropout_mix(uint64_t z)
{
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

/* Returns the key of a layer in a forward pass. Seed, pass and layer are mixed
 * in one after another. If their sum was mixed instead, pass 2 of seed 1 would
 * have the masks of pass 1 of seed 2. The constant is 2^64 divided by the
 * golden ratio, as in SplitMix64; without it, seed 0 would be mixed to 0. */
static inline uint64_t mlpi_dropout_key(const mlpi_dropout_args *args)
{
    const uint64_t golden = UINT64_C(0x9e3779b97f4a7c15);
    uint64_t key = mlpi_dropout_mix(args->seed + golden);
    key = mlpi_dropout_mix(key + args->forward_count);
    return mlpi_dropout_mix(key + args->l);
}

/* Computes out = mask * in / (1 - p). Forward and backward are the same. */
static inline void mlpi_dropout_apply(const mlp_net *net,
                                      const mlpi_dropout_args *args)
{
    size_t n = net->layout.layer[args->l].width;
    net->kernels->dropout(
        &(mlpi_dropout_kernel_args){.key = mlpi_dropout_key(args),
                                    .p = net->layout.layer[args->l].dropout,
                                    .first = args->first * n,
                                    .n = args->m * n,
                                    .in = args->in,
                                    .out = args->out});
}

#endif
