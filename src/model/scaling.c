/* SPDX-License-Identifier: MIT */
/*
 * Standardisation as a part of the network (chapter 5.1), column by column,
 * with mean and std (standard deviation) of the training data:
 *
 *     x' = (x - mean) / std         inputs and targets
 *     a  = a' * std + mean          outputs
 *
 * This file only sets mean and std. The formulas are applied elsewhere:
 *
 *     inputs     the kernel load_rows (kernels/load_rows_tmpl.h), which copies
 *                rows of the caller's data and standardises them on the way;
 *                called by train/step_worker.c and predict/predict.c
 *     targets    the same kernel, called by model/loss.c
 *     outputs    the kernel inverse_standardise (kernels/scalar_tmpl.h), called
 *                by mlpi_unscale_outputs (predict/predict.h)
 *
 * (A kernel is a function of kernels/kernels.h.) The network holds mean and
 * std, and model files contain them, so a saved model is always used with the
 * right scaling. Without scaling, a column of large numbers would dominate the
 * gradients.
 *
 * Mean and std are rounded to the network's precision when they are set, and
 * the getters return the rounded numbers. A column of equal numbers gets std 1,
 * so that it becomes 0 instead of NaN.
 */
#include <math.h>

#include "base/error.h"
#include "model/data_check.h"

/* How many columns are done in one pass over the rows. */
enum { BLOCK = MLPI_MOMENT_COLUMNS };

/* Returns the columns of `rows` from `first` on, at most BLOCK of them. */
static mlp_cview columns(const mlp_net *net, mlp_cview rows, size_t first)
{
    rows.data = mlpi_const_at(net->kernels, rows.data, first * rows.col_stride);
    rows.cols = mlpi_min_size(BLOCK, rows.cols - first);
    return rows;
}

/* Computes mean and std of each column, rounded to the network's precision; a
 * std of 0 becomes 1. Rounding comes first, because a std that is above 0 as a
 * double may be 0 as a float. */
static void block_moments(const mlp_net *net, mlp_cview rows,
                          double mean[BLOCK], double std[BLOCK])
{
    net->kernels->scalar->column_moments(rows, mean, std);
    for (size_t j = 0; j < rows.cols; j++) {
        mean[j] = net->kernels->scalar->round_to_real(mean[j]);
        std[j] = net->kernels->scalar->round_to_real(std[j]);
        if (std[j] == 0.0) {
            std[j] = 1.0;
        }
    }
}

/* Sets mean and std of columns [first, first + n) in the network. */
static void set_columns(const mlp_net *net, mlpi_scaling *to, size_t first,
                        size_t n, const double *mean, const double *std)
{
    const mlpi_kernels *kernels = net->kernels;
    kernels->scalar->from_double(n, mean, mlpi_at(kernels, to->mean, first));
    kernels->scalar->from_double(n, std, mlpi_at(kernels, to->std, first));
    to->scales = true;
}

/* Checks that the targets may be scaled, that is, that they are no
 * probabilities and no classes. */
static mlp_status check_regression(const mlp_net *net)
{
    if (!mlpi_is_regression(net->loss)) {
        return mlpi_error(&net->hooks, MLP_ERR_ARGUMENT,
                          "targets: expects the loss mse, mae or huber where "
                          "they are scaled, got %s",
                          mlp_loss_name(net->loss));
    }
    return MLP_OK;
}

/* Sets the scaling from rows whose shape has been checked. All numbers are
 * checked before anything is set, so a failure does not change the network. */
static mlp_status standardise(const mlp_net *net, mlpi_scaling *to,
                              const char *name, mlp_cview rows)
{
    TRY(mlpi_check_finite(net, &net->hooks, name, rows));
    TRY(mlpi_check_arithmetic(&net->hooks));
    double mean[BLOCK];
    double std[BLOCK];
    /* The loop does BLOCK columns at a time, so mean and std fit on the
     * stack. */
    for (size_t first = 0; first < rows.cols; first += BLOCK) {
        mlp_cview block = columns(net, rows, first);
        block_moments(net, block, mean, std);
        set_columns(net, to, first, block.cols, mean, std);
    }
    return MLP_OK;
}

/* ---------------------------------------------------------------------------
 * From data
 */

/* The std of a column is sqrt(sum of (x - mean)^2 / m), as NumPy's std. */
mlp_status mlp_net_standardise(mlp_net *net, mlp_cview X)
{
    if (!net) {
        return MLP_ERR_NULL;
    }
    TRY(mlpi_check_inputs(net, &net->hooks, &X, 1));
    return standardise(net, &net->in, "X", X);
}

/* Y must have a column for each output. mlpi_check_targets is not used here,
 * because it also allows a column of classes. */
mlp_status mlp_net_standardise_targets(mlp_net *net, mlp_cview Y)
{
    if (!net) {
        return MLP_ERR_NULL;
    }
    TRY(check_regression(net));
    mlpi_expected expected = {.name = "Y",
                              .dtype = net->kernels->dtype,
                              .rows = MLPI_ANY_ROWS,
                              .cols = net->out.n,
                              .min_rows = 1};
    TRY(mlpi_check_view(&net->hooks, &Y, &expected));
    return standardise(net, &net->out, "Y", Y);
}

/* ---------------------------------------------------------------------------
 * From the caller's mean and std, and back
 */

/* Checks that each mean is finite and each std is finite and above 0, in the
 * network's precision. The message begins with `column`, "input" or
 * "target". */
static mlp_status check_moments(const mlp_net *net, const char *column,
                                size_t n, const double *mean, const double *std)
{
    TRY(mlpi_check_arithmetic(&net->hooks));
    for (size_t j = 0; j < n; j++) {
        /* A std of 1e-60 is above 0 as a double, and 0 as a float. */
        double rounded = net->kernels->scalar->round_to_real(std[j]);
        if (!isfinite(net->kernels->scalar->round_to_real(mean[j])) ||
            !isfinite(rounded) || !(rounded > 0.0)) {
            return mlpi_error(&net->hooks, MLP_ERR_ARGUMENT,
                              "%s %zu: expects a finite mean and a finite "
                              "std above 0 in %s, got %g and %g",
                              column, j, mlp_dtype_name(net->kernels->dtype),
                              mean[j], std[j]);
        }
    }
    return MLP_OK;
}

/* Sets the scaling of inputs or of targets. If both mean and std are NULL, the
 * scaling is switched off. */
static mlp_status set(const mlp_net *net, mlpi_scaling *to, const char *column,
                      const double *mean, const double *std)
{
    if (!mean && !std) {
        to->scales = false;
        return MLP_OK;
    }
    if (!mean || !std) {
        return mlpi_error(&net->hooks, MLP_ERR_ARGUMENT,
                          "expects mean and std together, got no %s",
                          mean ? "std" : "mean");
    }
    TRY(check_moments(net, column, to->n, mean, std));
    set_columns(net, to, 0, to->n, mean, std);
    return MLP_OK;
}

mlp_status mlp_net_set_scaling(mlp_net *net, const double *mean,
                               const double *std)
{
    return net ? set(net, &net->in, "input", mean, std) : MLP_ERR_NULL;
}

/* The loss is checked even if the scaling is switched off, so that the status
 * does not depend on mean and std. */
mlp_status mlp_net_set_target_scaling(mlp_net *net, const double *mean,
                                      const double *std)
{
    if (!net) {
        return MLP_ERR_NULL;
    }
    TRY(check_regression(net));
    return set(net, &net->out, "target", mean, std);
}

/* Copies mean and std of inputs or of targets to the caller. Without scaling
 * they are 0 and 1, which change nothing. */
static mlp_status get(const mlp_net *net, const mlpi_scaling *from,
                      double *mean, double *std)
{
    if (!mean || !std) {
        return mlpi_error(&net->hooks, MLP_ERR_NULL, "the place for %s is NULL",
                          mean ? "std" : "mean");
    }
    if (from->scales) { /* to_double is exact: every float is a double */
        net->kernels->to_double(from->n, from->mean, mean);
        net->kernels->to_double(from->n, from->std, std);
        return MLP_OK;
    }
    for (size_t j = 0; j < from->n; j++) {
        mean[j] = 0.0;
        std[j] = 1.0;
    }
    return MLP_OK;
}

mlp_status mlp_net_scaling(const mlp_net *net, double *mean, double *std)
{
    return net ? get(net, &net->in, mean, std) : MLP_ERR_NULL;
}

mlp_status mlp_net_target_scaling(const mlp_net *net, double *mean, double *std)
{
    return net ? get(net, &net->out, mean, std) : MLP_ERR_NULL;
}
