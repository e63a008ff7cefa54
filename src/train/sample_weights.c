/* SPDX-License-Identifier: MIT */
/*
 * Sample weights, row by row; sample_weights.h has the formula. Each check
 * relies on those before it: first the class weights are checked, then the
 * shape of the row weights, and then, when the targets have been checked, the
 * products. A product may be infinite although its factors are finite, so the
 * products are checked, not the factors.
 *
 * Example: with two classes and class_weights {1, 3}, a row of class 1 counts
 * 3; with the row weight 2 it counts 6. A row with the target 0.5, halfway
 * between the classes, counts (1 - 0.5) * 1 + 0.5 * 3 = 2.
 */
#include "train/sample_weights.h"

#include <math.h>

#include "base/error.h"
#include "base/view.h"

size_t mlpi_class_weights_count(const mlp_net *net)
{
    size_t n = mlpi_net_outputs(net);
    if (net->loss == MLP_LOSS_CCE) {
        return n;
    }
    return net->loss == MLP_LOSS_BCE && n == 1 ? 2 : 0;
}

/* A loss without classes, such as mse, cannot use class weights. They are an
 * error, because ignoring them would hide a mistake of the caller. */
mlp_status mlpi_class_weights_check(const mlp_net *net, const double *classes)
{
    size_t n = mlpi_class_weights_count(net);
    if (!classes) {
        return MLP_OK;
    }
    if (n == 0) {
        return mlpi_error(&net->hooks, MLP_ERR_ARGUMENT,
                          "class_weights: expects cce, or bce with one "
                          "output, got %s with %zu output%s",
                          mlp_loss_name(net->loss), mlpi_net_outputs(net),
                          mlpi_plural(mlpi_net_outputs(net)));
    }
    for (size_t c = 0; c < n; c++) {
        if (!(classes[c] >= 0.0) || !isfinite(classes[c])) {
            return mlpi_error(&net->hooks, MLP_ERR_ARGUMENT,
                              "class_weights: expects finite numbers, 0 or "
                              "more, got %g for class %zu",
                              classes[c], c);
        }
    }
    return MLP_OK;
}

/* Row weights may be double although the network is float, because callers
 * often compute them in double. */
mlp_status mlpi_row_weights_check(const mlp_net *net, const mlp_hooks *hooks,
                                  const mlp_cview *rows, size_t m)
{
    if (rows->rows == 0) {
        return MLP_OK;
    }
    bool is_double = rows->dtype == MLP_F64;
    mlpi_expected expected = {.name = "row_weights",
                              .dtype =
                                  is_double ? MLP_F64 : net->kernels->dtype,
                              .rows = m,
                              .cols = 1};
    return mlpi_check_view(hooks, rows, &expected);
}

/* Returns the class weight of a row. If Y contains classes as int32, it is the
 * weight of that class. For bce it follows from y, the probability of class 1.
 * Otherwise it is the sum over all classes of probability times weight; in a
 * one-hot row only one probability is not 0. */
static double class_weight(const mlpi_sample_weights *w, const mlp_net *net,
                           size_t row)
{
    if (w->Y.dtype == MLP_I32) {
        return w->classes[(size_t)mlp_cview_at(w->Y, row, 0)];
    }
    if (net->loss == MLP_LOSS_BCE) {
        double y = mlp_cview_at(w->Y, row, 0);
        return (1.0 - y) * w->classes[0] + y * w->classes[1];
    }
    double sum = 0.0;
    for (size_t j = 0; j < w->Y.cols; j++) {
        sum += mlp_cview_at(w->Y, row, j) * w->classes[j];
    }
    return sum;
}

/* Returns the caller's weight of a row, or 1 if there are none. */
static double row_weight(const mlpi_sample_weights *w, size_t row)
{
    return w->rows.rows > 0 ? mlp_cview_at(w->rows, row, 0) : 1.0;
}

/* Returns what a row counts: the product of its two weights. */
static double sample_weight(const mlp_net *net, const mlpi_sample_weights *w,
                            size_t row)
{
    double of_row = row_weight(w, row);
    return w->classes ? of_row * class_weight(w, net, row) : of_row;
}

/* A negative infinity must be reported as not finite, so that is tested before
 * the sign. */
mlp_status mlpi_sample_weights_check(const mlp_net *net, const mlp_hooks *hooks,
                                     const mlpi_sample_weights *w)
{
    /* Without weights the loop ends at once. */
    for (size_t i = 0; i < w->Y.rows && mlpi_has_sample_weights(w); i++) {
        double of_row = row_weight(w, i);
        double weight = sample_weight(net, w, i);
        if (!isfinite(weight)) {
            return mlpi_error(hooks, MLP_ERR_NOT_FINITE,
                              "row_weights: expects finite numbers, got %g in "
                              "row %zu",
                              weight, i);
        }
        if (of_row < 0.0) {
            return mlpi_error(hooks, MLP_ERR_ARGUMENT,
                              "row_weights: expects 0 or more, got %g in row "
                              "%zu",
                              of_row, i);
        }
    }
    return MLP_OK;
}

/* The order of the addition decides about the last bits of the sum, and the
 * batch's loss is divided by the sum. So the order must not change. */
double mlpi_sample_weights_sum(const mlp_net *net, const mlpi_sample_weights *w)
{
    double sum = 0.0;
    for (size_t i = 0; i < w->Y.rows; i++) {
        sum += sample_weight(net, w, i);
    }
    return sum;
}

/* The weights are computed once for each fit or chunk, not in every epoch. */
void mlpi_sample_weights_fill(const mlp_net *net, const mlpi_sample_weights *w,
                              double *weights)
{
    for (size_t i = 0; i < w->Y.rows; i++) {
        weights[i] = sample_weight(net, w, i);
    }
}

/* The comparison is written so that NaN fails it. */
mlp_status mlpi_sample_weights_check_sum(const mlp_hooks *hooks, double sum)
{
    if (!(sum > 0.0) || !isfinite(sum)) {
        return mlpi_error(
            hooks, MLP_ERR_ARGUMENT,
            "row and class weights: expects a finite sum above 0, "
            "got %g",
            sum);
    }
    return MLP_OK;
}
