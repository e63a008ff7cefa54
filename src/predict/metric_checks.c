/* SPDX-License-Identifier: MIT */
/*
 * Checks of what a caller gives to a metric. Shapes and types come first, which
 * takes no time, so that too many rows are refused before they are read. Then
 * each value is read, and the message names the row (from 0) of the first one
 * that is wrong.
 */
#include "predict/metric_checks.h"

#include "model/data_check.h"

mlp_status mlpi_metric_hooks(const mlp_hooks *hooks, mlp_hooks *used)
{
    TRY(mlpi_use_hooks(hooks, used));
    return mlpi_check_rounding(used);
}

/* Checks the shape of a view whose type is right; it must have a row. */
static mlp_status check_shape(const mlp_hooks *hooks, const char *name,
                              mlp_cview view, size_t rows, size_t cols)
{
    mlpi_expected expected = {.name = name,
                              .dtype = view.dtype,
                              .rows = rows,
                              .cols = cols,
                              .min_rows = 1};
    return mlpi_check_view(hooks, &view, &expected);
}

mlp_status mlpi_metric_check_reals(const mlp_hooks *hooks, const char *name,
                                   mlp_cview view, size_t rows, size_t cols)
{
    if (view.dtype != MLP_F32 && view.dtype != MLP_F64) {
        const char *type = mlp_dtype_name(view.dtype);
        return mlpi_error(hooks, MLP_ERR_DTYPE,
                          "%s: expects float32 or float64, got %s", name,
                          type ? type : "an unknown type");
    }
    if (view.cols == 0) {
        return mlpi_error(hooks, MLP_ERR_SHAPE,
                          "%s: expects at least 1 column, got 0", name);
    }
    TRY(check_shape(hooks, name, view, rows, cols));
    return mlpi_check_finite_by(mlpi_kernels_get(view.dtype, 0), hooks, name,
                                view);
}

mlp_status mlpi_metric_check_column(const mlp_hooks *hooks, const char *name,
                                    mlp_cview labels, size_t rows,
                                    size_t max_rows)
{
    if (!mlp_dtype_name(labels.dtype)) {
        return mlpi_error(hooks, MLP_ERR_DTYPE,
                          "%s: expects int32, float32 or float64, got an "
                          "unknown type",
                          name);
    }
    if (labels.cols > 1) {
        return mlpi_error(hooks, MLP_ERR_SHAPE,
                          "%s: expects 1 column of class numbers, got %zu "
                          "columns (for one-hot rows, pass the index of the 1)",
                          name, labels.cols);
    }
    TRY(check_shape(hooks, name, labels, rows, 1));
    if (labels.rows > max_rows) {
        return mlpi_error(hooks, MLP_ERR_LIMIT,
                          "%s: expects at most %zu rows, got %zu", name,
                          max_rows, labels.rows);
    }
    return MLP_OK;
}

/* True if x is a whole number from 0 to k - 1. NaN fails the comparisons. */
static bool is_label(double x, size_t k)
{
    return x >= 0.0 && x < (double)k && (double)(size_t)x == x;
}

mlp_status mlpi_metric_check_labels(const mlp_hooks *hooks, const char *name,
                                    mlp_cview labels, size_t k)
{
    for (size_t i = 0; i < labels.rows; i++) {
        double x = mlp_cview_at(labels, i, 0);
        if (!is_label(x, k)) {
            return mlpi_error(hooks, MLP_ERR_ARGUMENT,
                              "%s: expects class numbers from 0 to %zu, got %g "
                              "in row %zu",
                              name, k - 1, x, i);
        }
    }
    return MLP_OK;
}
