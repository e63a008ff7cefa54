/* SPDX-License-Identifier: MIT */
/*
 * Folding batch norm into the weights. When training has ended the running mean
 * and variance are constants, so batch norm is an affine map of each neuron's
 * U = W A_prev, and the composition with W is affine again: with
 * s = scale / sqrt(variance + epsilon),
 *
 *     Z = s (U - mean) + b = (s W) A_prev + (b - s mean) = W' A_prev + b'
 *
 * The folded network predicts the same up to rounding, with fewer operations,
 * and can be exported to formats without batch norm. W' and b' are computed in
 * double from the network's numbers and rounded to its precision once.
 */
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "model/net.h"

/* Neurons that are converted to double at once, on the stack. */
enum { BLOCK = 64 };

/* A block of neurons, [first, first + n) of layer l with n <= BLOCK, of a
 * network and of its folded copy. */
typedef struct neurons {
    const mlp_net *net;
    mlp_net *folded;
    size_t l, first, n;
} neurons;

/* Reads the block's n numbers of the row that begins at `offset`. */
static void read_block(const neurons *block, const void *reals, size_t offset,
                       double *out)
{
    const mlpi_kernels *kernels = block->net->kernels;
    kernels->to_double(
        block->n, mlpi_const_at(kernels, reals, offset + block->first), out);
}

/* Writes the block's n parameters of the folded row that begins at `offset`. */
static void write_block(const neurons *block, const double *x, size_t offset)
{
    const mlpi_kernels *kernels = block->net->kernels;
    kernels->scalar->from_double(
        block->n, x,
        mlpi_at(kernels, block->folded->parameters, offset + block->first));
}

/* Computes b' and the rows of W' for a block of neurons. Memory holds W^T, so
 * the weights of the block's neurons are n neighbours in each of its rows. */
static void fold_neurons(const neurons *block)
{
    const mlp_net *net = block->net;
    const mlpi_shape *from = &net->layout.layer[block->l];
    const mlpi_shape *to = &block->folded->layout.layer[block->l];
    double s[BLOCK]; /* scale, then s of the formula */
    double b[BLOCK]; /* b, then b' */
    double x[BLOCK]; /* variance, mean, and each row of W^T */
    read_block(block, net->parameters, from->scale, s);
    read_block(block, net->running, from->variance, x);
    for (size_t j = 0; j < block->n; j++) {
        s[j] /= sqrt(x[j] + net->norm_epsilon); /* x: variance */
    }
    read_block(block, net->parameters, from->b, b);
    read_block(block, net->running, from->mean, x);
    for (size_t j = 0; j < block->n; j++) {
        b[j] -= s[j] * x[j]; /* x: mean */
    }
    write_block(block, b, to->b);
    for (size_t i = 0; i < net->layout.layer[block->l - 1].width; i++) {
        read_block(block, net->parameters, from->W + i * from->width, x);
        for (size_t j = 0; j < block->n; j++) {
            x[j] *= s[j];
        }
        write_block(block, x, to->W + i * to->width);
    }
}

/* Returns W and b of layer l as one row: they are neighbours in memory. */
static mlp_cview weights_of(const mlp_net *net, size_t l)
{
    const mlpi_shape *shape = &net->layout.layer[l];
    size_t n = shape->b + shape->width - shape->W;
    return (mlp_cview){net->kernels->dtype,
                       1,
                       n,
                       n,
                       1,
                       mlpi_const_at(net->kernels, net->parameters, shape->W)};
}

/* Checks the folded weights of layer l. They can overflow although the network
 * was finite: s is large where a neuron hardly varied in training. */
static mlp_status check_folded(const mlp_net *net, size_t l)
{
    size_t row = 0;
    size_t col = 0;
    if (net->kernels->find_not_finite(weights_of(net, l), &row, &col)) {
        return mlpi_error(&net->hooks, MLP_ERR_NOT_FINITE,
                          "layer %zu: expects weights that are finite with "
                          "batch norm in them, got one that is not",
                          l);
    }
    return MLP_OK;
}

/* Fills the parameters of the folded network, layer by layer. Layers without
 * batch norm are copied. */
static mlp_status fold(const mlp_net *net, mlp_net *folded)
{
    for (size_t l = 1; l <= net->layout.L; l++) {
        size_t width = net->layout.layer[l].width;
        if (!net->layout.layer[l].batch_norm) {
            mlp_cview from = weights_of(net, l);
            size_t at = folded->layout.layer[l].W;
            memcpy(mlpi_at(net->kernels, folded->parameters, at), from.data,
                   from.cols * net->kernels->real_size);
            continue;
        }
        for (size_t j = 0; j < width; j += BLOCK) {
            size_t n = mlpi_min_size(BLOCK, width - j);
            fold_neurons(&(neurons){net, folded, l, j, n});
        }
        TRY(check_folded(folded, l));
    }
    return MLP_OK;
}

/* Class names, metadata, scaling and hooks are copied as by mlp_net_clone. */
mlp_status mlp_net_fold_batch_norm(const mlp_net *net, mlp_net **folded)
{
    if (!net) {
        return MLP_ERR_NULL;
    }
    TRY(mlpi_check_pointer(&net->hooks, folded, "the place for the copy"));
    mlp_net *made = NULL;
    TRY(mlpi_net_copy(net, mlpi_layout_fold, &made));
    mlp_status status = fold(net, made);
    if (status != MLP_OK) {
        mlp_net_free(made);
        return status;
    }
    *folded = made;
    return MLP_OK;
}
