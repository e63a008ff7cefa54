/* SPDX-License-Identifier: MIT */
#include "model/batch_norm.h"

enum { COLUMNS_GRAIN = 16 }; /* columns that members share: whole vectors */

/* Column `first` of a layer, or its row, in each of the arrays. */
static const void *parameter(const mlp_net *net, size_t offset, size_t first)
{
    return mlpi_const_at(net->kernels, net->parameters, offset + first);
}

/* What the kernels need for rows and columns that begin at this element. */
static mlpi_normalise_back back_of(const mlp_net *net,
                                   const mlpi_batch_norm *norm, size_t row,
                                   size_t column)
{
    const mlpi_kernels *kernels = net->kernels;
    const mlpi_shape *shape = &net->layout.layer[norm->l];
    size_t at = row * shape->width + column;
    return (mlpi_normalise_back){
        .stride = shape->width,
        .batch = norm->batch,
        .epsilon = net->norm_epsilon,
        .variance =
            mlpi_const_at(kernels, norm->moments, shape->variance + column),
        .scale = parameter(net, shape->scale, column),
        .X = mlpi_const_at(kernels, norm->X, at),
        .dZ = mlpi_at(kernels, norm->Z, at),
        .dscale = mlpi_at(kernels, norm->gradients, shape->scale + column),
        .dshift = mlpi_at(kernels, norm->gradients, shape->b + column)};
}

void mlpi_batch_norm_forward(const mlp_net *net, const mlpi_member *self,
                             const mlpi_batch_norm *norm)
{
    const mlpi_kernels *kernels = net->kernels;
    const mlpi_shape *shape = &net->layout.layer[norm->l];
    size_t column = 0;
    size_t columns = 0;
    mlpi_partition(self, shape->width, COLUMNS_GRAIN, &column, &columns);
    mlpi_barrier(self);
    kernels->moments(&(mlpi_moments){
        .m = norm->batch,
        .n = columns,
        .stride = shape->width,
        .X = mlpi_const_at(kernels, norm->X, column),
        .mean = mlpi_at(kernels, norm->moments, shape->mean + column),
        .variance = mlpi_at(kernels, norm->moments, shape->variance + column)});
    mlpi_barrier(self);
    size_t at = norm->first * shape->width;
    kernels->normalise(&(mlpi_normalise){
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

void mlpi_batch_norm_backward(const mlp_net *net, const mlpi_member *self,
                              const mlpi_batch_norm *norm)
{
    const mlpi_kernels *kernels = net->kernels;
    size_t width = net->layout.layer[norm->l].width;
    size_t column = 0;
    size_t columns = 0;
    mlpi_partition(self, width, COLUMNS_GRAIN, &column, &columns);
    mlpi_barrier(self);
    mlpi_normalise_back sums = back_of(net, norm, 0, column);
    sums.m = norm->batch;
    sums.n = columns;
    kernels->normalise_sums(&sums);
    mlpi_barrier(self);
    mlpi_normalise_back rows = back_of(net, norm, norm->first, 0);
    rows.m = norm->m;
    rows.n = width;
    kernels->normalise_backward(&rows);
}

void mlpi_batch_norm_predict(const mlp_net *net, size_t l, size_t m,
                             const void *U, void *Z)
{
    const mlpi_kernels *kernels = net->kernels;
    const mlpi_shape *shape = &net->layout.layer[l];
    kernels->normalise(&(mlpi_normalise){
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

void mlpi_batch_norm_track(mlp_net *net, size_t m, const void *moments)
{
    const mlpi_kernels *kernels = net->kernels;
    const double weight = net->norm_momentum;
    for (size_t l = 1; l <= net->layout.L; l++) {
        const mlpi_shape *shape = &net->layout.layer[l];
        if (!shape->batch_norm) {
            continue;
        }
        kernels->scalar->running_average(
            shape->width, 1.0 - weight, weight,
            mlpi_const_at(kernels, moments, shape->mean),
            mlpi_at(kernels, net->running, shape->mean));
        if (m > 1) {
            double unbiased = (double)m / (double)(m - 1);
            kernels->scalar->running_average(
                shape->width, 1.0 - weight, weight * unbiased,
                mlpi_const_at(kernels, moments, shape->variance),
                mlpi_at(kernels, net->running, shape->variance));
        }
    }
}
