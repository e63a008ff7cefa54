/* SPDX-License-Identifier: MIT */
/*
 * The standardisation that a network keeps: x' = (x - mean) / std (chapter
 * 5.1). It is applied where rows enter, by ops->gather.
 */
#include <math.h>

#include "net.h"
#include "report.h"

enum { BLOCK = MLPI_MOMENT_COLUMNS };

static mlp_cview columns(const mlp_net *net, mlp_cview X, size_t first)
{
    size_t left = X.cols - first;
    X.data = mlpi_const_at(net->ops, X.data, first * X.col_stride);
    X.cols = left < BLOCK ? left : BLOCK;
    return X;
}

/* Moments as they will be kept: rounded, and 1 where nothing varies. */
static void block_moments(const mlp_net *net, mlp_cview X, double mean[BLOCK],
                          double std[BLOCK])
{
    net->ops->column_moments(X, mean, std);
    for (size_t j = 0; j < X.cols; j++) {
        mean[j] = net->ops->round(mean[j]);
        std[j] = net->ops->round(std[j]);
        if (std[j] == 0.0) {
            std[j] = 1.0;
        }
    }
}

static void keep(mlp_net *net, size_t first, size_t n, const double *mean,
                 const double *std)
{
    const mlpi_ops *ops = net->ops;
    ops->narrow(n, mean, mlpi_at(ops, net->mean, first));
    ops->narrow(n, std, mlpi_at(ops, net->std, first));
    net->scales = true;
}

mlp_status mlp_net_standardise(mlp_net *net, mlp_cview X)
{
    if (!net) {
        return MLP_ERR_NULL;
    }
    TRY(mlpi_net_check_X(net, X, 1));
    TRY(mlpi_net_check_finite(net, "X", X));
    double mean[BLOCK];
    double std[BLOCK];
    for (size_t first = 0; first < X.cols; first += BLOCK) {
        mlp_cview block = columns(net, X, first);
        block_moments(net, block, mean, std);
        keep(net, first, block.cols, mean, std);
    }
    return MLP_OK;
}

mlp_status mlp_net_set_scaling(mlp_net *net, const double *mean,
                               const double *std)
{
    if (!net) {
        return MLP_ERR_NULL;
    }
    if (!mean && !std) {
        net->scales = false;
        return MLP_OK;
    }
    if (!mean || !std) {
        return mlpi_report(&net->hooks, MLP_ERR_ARGUMENT,
                           "expects mean and std together, got no %s",
                           mean ? "std" : "mean");
    }
    size_t inputs = mlp_net_inputs(net);
    for (size_t j = 0; j < inputs; j++) {
        double rounded = net->ops->round(std[j]);
        if (!isfinite(net->ops->round(mean[j])) || !isfinite(rounded) ||
            !(rounded > 0.0)) {
            return mlpi_report(&net->hooks, MLP_ERR_ARGUMENT,
                               "input %zu: expects a finite mean and a finite "
                               "std above 0 in %s, got %g and %g",
                               j, mlp_dtype_name(net->ops->dtype), mean[j],
                               std[j]);
        }
    }
    keep(net, 0, inputs, mean, std);
    return MLP_OK;
}

mlp_status mlp_net_scaling(const mlp_net *net, double *mean, double *std)
{
    if (!net) {
        return MLP_ERR_NULL;
    }
    if (!mean || !std) {
        return mlpi_report(&net->hooks, MLP_ERR_NULL,
                           "the place for %s is NULL", mean ? "std" : "mean");
    }
    size_t inputs = mlp_net_inputs(net);
    if (net->scales) {
        net->ops->widen(inputs, net->mean, mean);
        net->ops->widen(inputs, net->std, std);
        return MLP_OK;
    }
    for (size_t j = 0; j < inputs; j++) {
        mean[j] = 0.0;
        std[j] = 1.0;
    }
    return MLP_OK;
}
