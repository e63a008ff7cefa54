/* SPDX-License-Identifier: MIT */
/*
 * Batch norm in the order of a training step: the forward pass, the backward
 * pass, and the update of the running moments; batch_norm.h has the formulas.
 *
 * Matrices are dense with rows of n[l] numbers. The sums of a column run over
 * all rows in the eight lanes of the canonical order, whichever thread owns the
 * column, so the bits do not depend on the number of threads.
 */
#include "model/batch_norm.h"

/* Threads split the columns in whole vectors: 16 floats are 64 bytes, so that
 * no two threads write to one cache line. */
enum { COLUMNS_GRAIN = 16 };

/* Returns element `first` of a row of n[l] parameters. */
static const void *parameter(const mlp_net *net, size_t offset, size_t first)
{
    return mlpi_const_at(net->kernels, net->parameters, offset + first);
}

/* Returns the operands of the backward kernels for the rows from `row` on and
 * the columns from `column` on; the caller adds how many. */
static mlpi_normalise_backward_args
backward_operands(const mlp_net *net, const mlpi_batch_norm_args *norm,
                  size_t row, size_t column)
{
    const mlpi_kernels *kernels = net->kernels;
    const mlpi_shape *shape = &net->layout.layer[norm->l];
    size_t at = row * shape->width + column;
    return (mlpi_normalise_backward_args){
        .stride = shape->width,
        .batch = norm->batch,
        .epsilon = net->norm_epsilon,
        .variance =
            mlpi_const_at(kernels, norm->moments, shape->variance + column),
        .scale = parameter(net, shape->scale, column),
        .X = mlpi_const_at(kernels, norm->X, at),
        .dZ = mlpi_at(kernels, norm->dZ, at),
        .dscale = mlpi_at(kernels, norm->gradients, shape->scale + column),
        .dshift = mlpi_at(kernels, norm->gradients, shape->b + column)};
}

/* U and X are one array: the moments are computed from U, and then each row of
 * U is replaced by X, which the backward pass needs. */
void mlpi_batch_norm_forward(const mlp_net *net, const mlpi_thread *self,
                             const mlpi_batch_norm_args *norm)
{
    const mlpi_kernels *kernels = net->kernels;
    const mlpi_shape *shape = &net->layout.layer[norm->l];
    size_t column = 0;
    size_t columns = 0;
    mlpi_partition(self, shape->width, COLUMNS_GRAIN, &column, &columns);
    mlpi_barrier(self); /* U is complete */
    /* The moments need all rows; this thread has some of the columns. */
    kernels->moments(&(mlpi_moments_args){
        .m = norm->batch,
        .n = columns,
        .stride = shape->width,
        .X = mlpi_const_at(kernels, norm->X, column),
        .mean = mlpi_at(kernels, norm->moments, shape->mean + column),
        .variance = mlpi_at(kernels, norm->moments, shape->variance + column)});
    mlpi_barrier(self); /* the moments of all columns are complete */
    /* X and Z are computed for this thread's rows, all columns. */
    size_t at = norm->first * shape->width;
    kernels->normalise(&(mlpi_normalise_args){
        .m = norm->m,
        .n = shape->width,
        .epsilon = net->norm_epsilon,
        .mean = mlpi_const_at(kernels, norm->moments, shape->mean),
        .variance = mlpi_const_at(kernels, norm->moments, shape->variance),
        .scale = parameter(net, shape->scale, 0),
        .shift = parameter(net, shape->b, 0),
        .U = mlpi_const_at(kernels, norm->X, at),
        .X = mlpi_at(kernels, norm->X, at),
        .Z = mlpi_at(kernels, norm->Z, at)});
}

/* The sums run over all rows of the thread's columns; dU is then computed for
 * the thread's rows, in place of dZ, from the sums of all columns. */
void mlpi_batch_norm_backward(const mlp_net *net, const mlpi_thread *self,
                              const mlpi_batch_norm_args *norm)
{
    const mlpi_kernels *kernels = net->kernels;
    size_t width = net->layout.layer[norm->l].width;
    size_t column = 0;
    size_t columns = 0;
    mlpi_partition(self, width, COLUMNS_GRAIN, &column, &columns);
    mlpi_barrier(self); /* dZ is complete */
    /* The sums need all rows; this thread has some of the columns. */
    mlpi_normalise_backward_args sums = backward_operands(net, norm, 0, column);
    sums.m = norm->batch;
    sums.n = columns;
    kernels->normalise_sums(&sums);
    mlpi_barrier(self); /* dscale and db of all columns are complete */
    /* dU is computed for this thread's rows, all columns. */
    mlpi_normalise_backward_args rows =
        backward_operands(net, norm, norm->first, 0);
    rows.m = norm->m;
    rows.n = width;
    kernels->normalise_backward(&rows);
}

/* With constant moments every row is on its own, so no thread has to wait. */
void mlpi_batch_norm_predict(const mlp_net *net, size_t l, size_t m,
                             const void *U, void *Z)
{
    const mlpi_kernels *kernels = net->kernels;
    const mlpi_shape *shape = &net->layout.layer[l];
    kernels->normalise(&(mlpi_normalise_args){
        .m = m,
        .n = shape->width,
        .epsilon = net->norm_epsilon,
        .mean = mlpi_const_at(kernels, net->running, shape->mean),
        .variance = mlpi_const_at(kernels, net->running, shape->variance),
        .scale = parameter(net, shape->scale, 0),
        .shift = parameter(net, shape->b, 0),
        .U = U,
        .Z = Z});
}

/* The kernels leave the biased variance, divided by m, in `moments`; the factor
 * m / (m - 1) makes it the unbiased one on its way into the average. */
void mlpi_batch_norm_track(mlp_net *net, size_t m, const void *moments)
{
    const mlpi_kernels *kernels = net->kernels;
    const double momentum = net->norm_momentum;
    for (size_t l = 1; l <= net->layout.L; l++) {
        const mlpi_shape *shape = &net->layout.layer[l];
        if (!shape->batch_norm) {
            continue;
        }
        kernels->scalar->running_average(
            shape->width, 1.0 - momentum, momentum,
            mlpi_const_at(kernels, moments, shape->mean),
            mlpi_at(kernels, net->running, shape->mean));
        if (m > 1) { /* else there is no unbiased variance */
            double unbiased = (double)m / (double)(m - 1);
            kernels->scalar->running_average(
                shape->width, 1.0 - momentum, momentum * unbiased,
                mlpi_const_at(kernels, moments, shape->variance),
                mlpi_at(kernels, net->running, shape->variance));
        }
    }
}
