/* SPDX-License-Identifier: MIT */
/*
 * Dropout (Srivastava et al., "Dropout: a simple way to prevent neural networks
 * from overfitting", 2014) behind a layer, in its inverted form: in training
 * each output is dropped with probability p, and an output that stays is
 * divided by 1 - p. So the expected input of the next layer does not change,
 * and prediction does nothing at all.
 *
 *     forward     D  = mask * A  / (1 - p)        mask is 0 or 1, elementwise
 *     backward    dA = mask * dD / (1 - p)
 *
 * The mask is not stored. It is a function of a seed, the number of the forward
 * pass, the layer, and the element's place in the batch; so the backward pass
 * computes the same mask again, and the mask does not depend on which thread
 * computes it. Each layer has a 64-bit key in each pass, made here; the kernel
 * hashes the key with the number of the element, counted through the whole
 * batch. Probabilities are multiples of 2^-32.
 */
#ifndef MLPI_MODEL_DROPOUT_H
#define MLPI_MODEL_DROPOUT_H

#include "model/net.h"

/* Describes rows [first, first + m) of a batch, behind layer l. */
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
 * in one after another: with their plain sum, pass 2 of seed 1 would have the
 * masks of pass 1 of seed 2. The constant, 2^64 over the golden ratio, is there
 * because mix(0) is 0. */
static inline uint64_t mlpi_dropout_key(const mlpi_dropout_args *args)
{
    const uint64_t golden = UINT64_C(0x9e3779b97f4a7c15);
    uint64_t key = mlpi_dropout_mix(args->seed + golden);
    key = mlpi_dropout_mix(key + args->forward_count);
    return mlpi_dropout_mix(key + args->l);
}

/* Computes out = mask * in / (1 - p): the same map forward and backward. */
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
