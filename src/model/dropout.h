/* SPDX-License-Identifier: MIT */
/*
 * Dropout (Srivastava et al., "Dropout: a simple way to prevent neural networks
 * from overfitting", 2014), inverted: in training an output is dropped with
 * probability p, and those that stay are divided by 1 - p, so that what the
 * next layer expects to get stays the same, and predicting needs nothing.
 *
 *     D = mask * A / (1 - p)          dA = mask * dD / (1 - p)
 *
 * The mask of a layer is a function of a seed, the number of the step, the
 * layer, and the element's place in the batch; so it does not depend on who
 * computes it, and the way back finds it again. Chances are multiples of 2^-32.
 */
#ifndef MLPI_MODEL_DROPOUT_H
#define MLPI_MODEL_DROPOUT_H

#include "model/net.h"

/* Rows [first, first + m) of a batch, behind layer l. */
typedef struct mlpi_dropout_args {
    size_t l;
    uint64_t seed, step;
    size_t first, m;
    const void *in; /* real (m, n[l]), dense */
    void *out;      /* likewise; may be `in` */
} mlpi_dropout_args;

/* out = mask * in / (1 - p), both ways. */
void mlpi_dropout_apply(const mlp_net *net, const mlpi_dropout_args *rows);

#endif
