/* SPDX-License-Identifier: MIT */
/*
 * Folding batch norm into W and b. After training the running mean and variance
 * are constants. Then batch norm only multiplies U = W A_prev by a constant and
 * adds a constant, for each neuron, and a layer without batch norm can do the
 * same: with s = scale / sqrt(variance + epsilon),
 *
 *     Z = s (U - mean) + b = (s W) A_prev + (b - s mean) = W' A_prev + b'
 *
 * (The formulas are for one sample, a column.) The folded network has W' and b'
 * as its W and b. It predicts the same up to rounding, with fewer operations,
 * and can be exported to formats without batch norm. W' and b' are computed in
 * double and rounded once to the precision of the network.
 */
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "model/net.h"

/* How many neurons are converted to double at a time, on the stack. */
enum { BLOCK = 64 };

/* A block of neurons: numbers first to first + n - 1 of layer l, n <= BLOCK, in
 * a network and in its folded copy. */
typedef struct neurons {
    const mlp_net *net;
    mlp_net *folded;
    size_t l, first, n;
} neurons;

/* Reads one number for each neuron of the block, as double. The array `reals`
 * has one number for each neuron of the layer, from `offset` on. */
static void read_block(const neurons *block, const void *reals, size_t offset,
                       double *out)
{
    const mlpi_kernels *kernels = block->net->kernels;
    kernels->to_double(
        block->n, mlpi_const_at(kernels, reals, offset + block->first), out);
}

/* Writes one parameter for each neuron of the block to the folded network,
 * whose parameters for all neurons of the layer begin at `offset`. */
static void write_block(const neurons *block, const double *x, size_t offset)
{
    const mlpi_kernels *kernels = block->net->kernels;
    kernels->scalar->from_double(
        block->n, x,
        mlpi_at(kernels, block->folded->parameters, offset + block->first));
}

/* Computes b' and W' of a block of neurons. Memory holds W^T (layout.h), so
 * each row of W^T has one weight for each neuron of the block, next to each
 * other. */
static void fold_neurons(const neurons *block)
{
    const mlp_net *net = block->net;
    const mlpi_layer_layout *from = &net->layout.layer[block->l];
    const mlpi_layer_layout *to = &block->folded->layout.layer[block->l];
    double s[BLOCK]; /* holds scale, then s of the formula */
    double b[BLOCK]; /* holds b, then b' */
    double x[BLOCK]; /* holds variance, mean, and each row of W^T in turn */
    read_block(block, net->parameters, from->scale_offset, s);
    read_block(block, net->running, from->variance_offset, x);
    for (size_t j = 0; j < block->n; j++) {
        s[j] /= sqrt(x[j] + net->norm_epsilon); /* x is the variance */
    }
    read_block(block, net->parameters, from->b_offset, b);
    read_block(block, net->running, from->mean_offset, x);
    for (size_t j = 0; j < block->n; j++) {
        b[j] -= s[j] * x[j]; /* x is the mean */
    }
    write_block(block, b, to->b_offset);
    for (size_t i = 0; i < net->layout.layer[block->l - 1].width; i++) {
        read_block(block, net->parameters, from->W_offset + i * from->width, x);
        for (size_t j = 0; j < block->n; j++) {
            x[j] *= s[j];
        }
        write_block(block, x, to->W_offset + i * to->width);
    }
}

/* Returns a view of W and b of layer l as one row. b follows W in memory. */
static mlp_cview weights_of(const mlp_net *net, size_t l)
{
    const mlpi_layer_layout *layer = &net->layout.layer[l];
    size_t n = layer->b_offset + layer->width - layer->W_offset;
    return (mlp_cview){
        net->kernels->dtype,
        1,
        n,
        n,
        1,
        mlpi_const_at(net->kernels, net->parameters, layer->W_offset)};
}

/* Checks that W' and b' of layer l are finite. They can overflow even though W
 * and b are finite: s is large if the outputs of a neuron hardly varied in
 * training. */
static mlp_status check_folded(const mlp_net *net, size_t l)
{
    size_t row = 0;
    size_t col = 0;
    if (net->kernels->find_not_finite(weights_of(net, l), &row, &col)) {
        return mlpi_error(&net->hooks, MLP_ERR_NOT_FINITE,
                          "layer %zu: expects finite weights after batch norm "
                          "is folded into them, got %s in row %zu, column %zu",
                          l,
                          isnan(mlp_cview_at(weights_of(net, l), row, col))
                              ? "NaN"
                              : "an infinity",
                          row, col);
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
            size_t offset = folded->layout.layer[l].W_offset;
            memcpy(mlpi_at(net->kernels, folded->parameters, offset), from.data,
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

/* Class names, metadata, scaling and hooks are copied, as in mlp_net_clone. */
mlp_status mlp_net_fold_batch_norm(const mlp_net *net, mlp_net **folded)
{
    if (!net) {
        return MLP_ERR_NULL;
    }
    TRY(mlpi_check_pointer(&net->hooks, folded, "the place for the copy"));
    TRY(mlpi_check_rounding(&net->hooks));
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
