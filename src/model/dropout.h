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
 * The mask is not stored. It is a function of a seed, the number of the
 * training step, the layer, and the element's place in the batch; so the
 * backward pass computes the same mask again, and the mask does not depend on
 * which thread computes it. Probabilities are multiples of 2^-32.
 */
#ifndef MLPI_MODEL_DROPOUT_H
#define MLPI_MODEL_DROPOUT_H

#include "model/net.h"

/* Rows [first, first + m) of a batch, behind layer l. */
typedef struct mlpi_dropout_args {
    size_t l;
    uint64_t seed, step; /* of the trainer; number of the training step */
    size_t first, m;
    const void *in; /* real (m, n[l]), dense: A forward, dD backward */
    void *out;      /* real (m, n[l]), dense: D or dA; may be `in` */
} mlpi_dropout_args;

/* Computes out = mask * in / (1 - p): the same map forward and backward. */
void mlpi_dropout_apply(const mlp_net *net, const mlpi_dropout_args *args);

#endif
