/* SPDX-License-Identifier: MIT */
/*
 * Batch norm in the order of a training step: the forward pass, the backward
 * pass, and the update of the running moments; batch_norm.h has the formulas.
 *
 * Matrices are dense: each row of n[l] numbers directly follows the one before.
 * One thread sums a whole column, in eight partial sums (lanes; see kernels.h).
 * So the bits of a sum do not depend on the number of threads.
 */
#include "model/batch_norm.h"

/* Each thread's columns are a multiple of 16. 16 floats are 64 bytes, a cache
 * line, so no two threads write to the same cache line. */
enum { COLUMNS_GRAIN = 16 };

/* Returns element `first` of the row of parameters that begins at `offset`. */
static const void *parameter(const mlp_net *net, size_t offset, size_t first)
{
    return mlpi_const_at(net->kernels, net->parameters, offset + first);
}

/* Returns the arguments of the backward kernels (functions of kernels.h) for a
 * part of the matrices that begins at `row` and `column`. The caller sets the
 * numbers of rows and columns, .m and .n. */
static mlpi_normalise_backward_args
backward_args(const mlp_net *net, const mlpi_batch_norm_args *norm, size_t row,
              size_t column)
{
    const mlpi_kernels *kernels = net->kernels;
    const mlpi_layer_layout *layer = &net->layout.layer[norm->l];
    size_t offset = row * layer->width + column;
    return (mlpi_normalise_backward_args){
        .stride = layer->width,
        .batch = norm->batch_rows,
        .epsilon = net->norm_epsilon,
        .variance = mlpi_const_at(kernels, norm->moments,
                                  layer->variance_offset + column),
        .scale = parameter(net, layer->scale_offset, column),
        .X_hat = mlpi_const_at(kernels, norm->X_hat, offset),
        .dZ = mlpi_at(kernels, norm->dZ, offset),
        .dscale =
            mlpi_at(kernels, norm->gradients, layer->scale_offset + column),
        .dshift = mlpi_at(kernels, norm->gradients, layer->b_offset + column)};
}

/* U and X_hat are one array: the moments are computed from U, and then each row
 * of U is replaced by X_hat, which the backward pass needs. */
void mlpi_batch_norm_forward(const mlp_net *net, const mlpi_thread *thread,
                             const mlpi_batch_norm_args *norm)
{
    const mlpi_kernels *kernels = net->kernels;
    const mlpi_layer_layout *layer = &net->layout.layer[norm->l];
    size_t column = 0;
    size_t columns = 0;
    mlpi_partition(thread, layer->width, COLUMNS_GRAIN, &column, &columns);
    mlpi_barrier(thread); /* U is complete */
    /* This thread computes the moments of its columns from all rows. */
    kernels->moments(&(mlpi_moments_args){
        .m = norm->batch_rows,
        .n = columns,
        .stride = layer->width,
        .U = mlpi_const_at(kernels, norm->X_hat, column),
        .mean = mlpi_at(kernels, norm->moments, layer->mean_offset + column),
        .variance =
            mlpi_at(kernels, norm->moments, layer->variance_offset + column)});
    mlpi_barrier(thread); /* the moments of all columns are complete */
    /* This thread computes X_hat and Z in its rows, all columns. */
    size_t offset = norm->first * layer->width;
    kernels->normalise(&(mlpi_normalise_args){
        .m = norm->m,
        .n = layer->width,
        .epsilon = net->norm_epsilon,
        .mean = mlpi_const_at(kernels, norm->moments, layer->mean_offset),
        .variance =
            mlpi_const_at(kernels, norm->moments, layer->variance_offset),
        .scale = parameter(net, layer->scale_offset, 0),
        .shift = parameter(net, layer->b_offset, 0),
        .U = mlpi_const_at(kernels, norm->X_hat, offset),
        .X_hat = mlpi_at(kernels, norm->X_hat, offset),
        .Z = mlpi_at(kernels, norm->Z, offset)});
}

/* After the sums, dU needs dscale and db of all columns. It replaces dZ. */
void mlpi_batch_norm_backward(const mlp_net *net, const mlpi_thread *thread,
                              const mlpi_batch_norm_args *norm)
{
    const mlpi_kernels *kernels = net->kernels;
    size_t width = net->layout.layer[norm->l].width;
    size_t column = 0;
    size_t columns = 0;
    mlpi_partition(thread, width, COLUMNS_GRAIN, &column, &columns);
    mlpi_barrier(thread); /* dZ is complete */
    /* This thread computes dscale and db of its columns from all rows. */
    mlpi_normalise_backward_args sums = backward_args(net, norm, 0, column);
    sums.m = norm->batch_rows;
    sums.n = columns;
    kernels->normalise_sums(&sums);
    mlpi_barrier(thread); /* dscale and db of all columns are complete */
    /* This thread computes dU in its rows, all columns. */
    mlpi_normalise_backward_args rows =
        backward_args(net, norm, norm->first, 0);
    rows.m = norm->m;
    rows.n = width;
    kernels->normalise_backward(&rows);
}

/* The running moments are constants, so each row can be computed without the
 * other rows, and no thread waits for another. */
void mlpi_batch_norm_predict(const mlp_net *net, size_t l, size_t m,
                             const void *U, void *Z)
{
    const mlpi_kernels *kernels = net->kernels;
    const mlpi_layer_layout *layer = &net->layout.layer[l];
    kernels->normalise(&(mlpi_normalise_args){
        .m = m,
        .n = layer->width,
        .epsilon = net->norm_epsilon,
        .mean = mlpi_const_at(kernels, net->running, layer->mean_offset),
        .variance =
            mlpi_const_at(kernels, net->running, layer->variance_offset),
        .scale = parameter(net, layer->scale_offset, 0),
        .shift = parameter(net, layer->b_offset, 0),
        .U = U,
        .Z = Z});
}

/* The variances in `moments` are the biased ones, divided by m; the factor
 * m / (m - 1) makes them unbiased. */
void mlpi_batch_norm_track(mlp_net *net, size_t m, const void *moments)
{
    const mlpi_kernels *kernels = net->kernels;
    const double momentum = net->norm_momentum;
    for (size_t l = 1; l <= net->layout.L; l++) {
        const mlpi_layer_layout *layer = &net->layout.layer[l];
        if (!layer->batch_norm) {
            continue;
        }
        kernels->scalar->running_average(
            layer->width, 1.0 - momentum, momentum,
            mlpi_const_at(kernels, moments, layer->mean_offset),
            mlpi_at(kernels, net->running, layer->mean_offset));
        if (m > 1) { /* with m = 1 there is no unbiased variance */
            double unbiased = (double)m / (double)(m - 1);
            kernels->scalar->running_average(
                layer->width, 1.0 - momentum, momentum * unbiased,
                mlpi_const_at(kernels, moments, layer->variance_offset),
                mlpi_at(kernels, net->running, layer->variance_offset));
        }
    }
}
