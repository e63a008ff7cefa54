/* SPDX-License-Identifier: MIT */
#include "train/sample_weights.h"

#include <math.h>

#include "base/error.h"
#include "base/view.h"

/* How many classes targets tell of; 0 if they are no classes. */
static size_t classes_of(const mlp_net *net)
{
    size_t n = mlpi_net_outputs(net);
    if (net->loss == MLP_LOSS_CCE) {
        return n;
    }
    return net->loss == MLP_LOSS_BCE && n == 1 ? 2 : 0;
}

mlp_status mlpi_class_weights_check(const mlp_net *net, const double *classes)
{
    size_t n = classes_of(net);
    if (!classes) {
        return MLP_OK;
    }
    if (n == 0) {
        return mlpi_error(&net->hooks, MLP_ERR_ARGUMENT,
                          "class_weights: expects cce, or bce with one "
                          "output, got %s with %zu",
                          mlp_loss_name(net->loss), mlpi_net_outputs(net));
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

static double own_weight(const mlpi_sample_weights *w, size_t row)
{
    return w->rows.rows > 0 ? mlp_cview_at(w->rows, row, 0) : 1.0;
}

static double weight_of(const mlp_net *net, const mlpi_sample_weights *w,
                        size_t row)
{
    double own = own_weight(w, row);
    return w->classes ? own * class_weight(w, net, row) : own;
}

mlp_status mlpi_sample_weights_check(const mlp_net *net, const mlp_hooks *hooks,
                                     const mlpi_sample_weights *w)
{
    for (size_t i = 0; i < w->Y.rows && mlpi_has_sample_weights(w); i++) {
        double own = own_weight(w, i);
        double weight = weight_of(net, w, i);
        if (!isfinite(weight)) {
            return mlpi_error(hooks, MLP_ERR_NOT_FINITE,
                              "row_weights: expects finite numbers, got %g in "
                              "row %zu",
                              weight, i);
        }
        if (own < 0.0) {
            return mlpi_error(hooks, MLP_ERR_ARGUMENT,
                              "row_weights: expects 0 or more, got %g in row "
                              "%zu",
                              own, i);
        }
    }
    return MLP_OK;
}

double mlpi_sample_weights_sum(const mlp_net *net, const mlpi_sample_weights *w)
{
    double sum = 0.0;
    for (size_t i = 0; i < w->Y.rows; i++) {
        sum += weight_of(net, w, i);
    }
    return sum;
}

void mlpi_sample_weights_make(const mlp_net *net, const mlpi_sample_weights *w,
                              double *weights)
{
    for (size_t i = 0; i < w->Y.rows; i++) {
        weights[i] = weight_of(net, w, i);
    }
}

mlp_status mlpi_sample_weights_check_sum(const mlp_hooks *hooks, double sum)
{
    if (!(sum > 0.0) || !isfinite(sum)) {
        return mlpi_error(hooks, MLP_ERR_ARGUMENT,
                          "weights: expects a finite sum above 0, got %g", sum);
    }
    return MLP_OK;
}
