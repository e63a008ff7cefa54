/* SPDX-License-Identifier: MIT */
/*
 * Checks of training and test data. The loss decides which targets are allowed:
 *
 *     mse, mae, huber, quantile, gaussian_nll
 *                       any finite number
 *     poisson           counts, 0 or more
 *     bce               probabilities in [0, 1]
 *     cce               rows of probabilities with the sum 1, or the number of
 *                       the right class of each row
 *
 * With other targets, bce and cce would have no minimum, so training would
 * diverge, and the user would not know why.
 *
 * Kernels (functions of kernels/kernels.h) search the data and return where the
 * first bad number is. mlp_cview_at reads that number for the message. TRY
 * (base/error.h) returns from the function if a check fails.
 */
#include "model/data_check.h"

#include <math.h>

#include "base/error.h"

/* The message about data of another precision says where that is set. */
static const char precision_reason[] = " (config.precision of the network)";

/* Inputs must have the network's precision. A view of another precision is an
 * error; it is never converted silently. */
mlp_status mlpi_check_input_view(const mlp_net *net, const mlp_hooks *hooks,
                                 const mlp_cview *X, size_t min_rows)
{
    mlpi_expected expected = {.name = "X",
                              .dtype = net->kernels->dtype,
                              .rows = MLPI_ANY_ROWS,
                              .cols = mlpi_net_inputs(net),
                              .min_rows = min_rows,
                              .reason = precision_reason};
    return mlpi_check_view(hooks, X, &expected);
}

/* True if Y holds the class of each row, not a number for each output. */
static bool is_classes(const mlp_net *net, const mlp_cview *Y)
{
    return net->loss == MLP_LOSS_CCE && Y->dtype == MLP_I32;
}

/* Checks the form of targets of cce: one-hot rows, or a column of class numbers
 * of type int32. A column of doubles, or several columns of int32, are most
 * likely class numbers in the wrong form, so the message names both forms. */
static mlp_status check_form(const mlp_net *net, const mlp_hooks *hooks,
                             const mlp_cview *Y)
{
    size_t n = mlpi_net_outputs(net);
    bool is_i32 = Y->dtype == MLP_I32;
    bool is_column = Y->cols == 1;
    if (net->loss != MLP_LOSS_CCE || (is_i32 ? is_column : !is_column) ||
        n == 1) {
        return MLP_OK;
    }
    const char *precision = mlp_dtype_name(net->kernels->dtype);
    const char *type = mlp_dtype_name(Y->dtype);
    bool is_known = is_i32 || Y->dtype == net->kernels->dtype;
    return mlpi_error(hooks, is_known ? MLP_ERR_SHAPE : MLP_ERR_DTYPE,
                      "Y: expects %zu columns of %s (one-hot rows) or 1 column "
                      "of class numbers of type MLP_I32, got %zu column%s of "
                      "%s",
                      n, precision, Y->cols, mlpi_plural(Y->cols),
                      type ? type : "an unknown type");
}

mlp_status mlpi_check_target_view(const mlp_net *net, const mlp_hooks *hooks,
                                  const mlp_cview *Y, size_t rows)
{
    TRY(check_form(net, hooks, Y));
    /* An int32 view for any other loss is reported as the wrong type. */
    bool classes = is_classes(net, Y);
    const char *reason = Y->dtype == MLP_I32
                             ? " (only cce takes class numbers of type MLP_I32)"
                             : precision_reason;
    mlpi_expected expected = {.name = "Y",
                              .dtype = classes ? MLP_I32 : net->kernels->dtype,
                              .rows = rows,
                              .cols = classes ? 1 : mlpi_net_targets(net),
                              .reason = reason};
    return mlpi_check_view(hooks, Y, &expected);
}

/* Y must have as many rows as X has, so X is checked first. */
mlp_status mlpi_check_shapes(const mlp_net *net, const mlp_hooks *hooks,
                             const mlp_cview *X, const mlp_cview *Y)
{
    TRY(mlpi_check_inputs(net, hooks, X, 1));
    return mlpi_check_targets(net, hooks, Y, X->rows);
}

/* A NaN makes every later sum NaN. Here the message can still say in which row
 * and column it is. */
mlp_status mlpi_check_finite_by(const mlpi_kernels *kernels,
                                const mlp_hooks *hooks, const char *name,
                                mlp_cview view)
{
    size_t row = 0;
    size_t col = 0;
    if (!kernels->find_not_finite(view, &row, &col)) {
        return MLP_OK;
    }
    return mlpi_error(
        hooks, MLP_ERR_NOT_FINITE,
        "%s: expects finite numbers, got %s in row %zu, column %zu", name,
        isnan(mlp_cview_at(view, row, col)) ? "NaN" : "an infinity", row, col);
}

mlp_status mlpi_check_finite(const mlp_net *net, const mlp_hooks *hooks,
                             const char *name, mlp_cview view)
{
    return mlpi_check_finite_by(net->kernels, hooks, name, view);
}

mlp_status mlpi_check_classes(const mlp_net *net, const mlp_hooks *hooks,
                              const mlp_cview *Y)
{
    if (!is_classes(net, Y)) {
        return MLP_OK;
    }
    size_t n = mlpi_net_outputs(net);
    for (size_t i = 0; i < Y->rows; i++) {
        int32_t class = ((const int32_t *)Y->data)[i * Y->row_stride];
        if (class < 0 || (size_t) class >= n) {
            return mlpi_error(hooks, MLP_ERR_ARGUMENT,
                              "Y: expects class numbers from 0 to %zu, got %ld "
                              "in row %zu%s",
                              n - 1, (long)class, i,
                              class > 0 && (size_t) class == n
                                  ? " (the first class is 0)"
                                  : "");
        }
    }
    return MLP_OK;
}

/* Checks that each target is a probability. */
static mlp_status check_unit_interval(const mlp_net *net,
                                      const mlp_hooks *hooks,
                                      const mlp_cview *Y)
{
    size_t row = 0;
    size_t col = 0;
    if (!net->kernels->scalar->find_not_unit(*Y, &row, &col)) {
        return MLP_OK;
    }
    return mlpi_error(hooks, MLP_ERR_ARGUMENT,
                      "Y: %s expects targets from 0 to 1, got %g in row "
                      "%zu, column %zu",
                      mlp_loss_name(net->loss), mlp_cview_at(*Y, row, col), row,
                      col);
}

/* Checks that each target may be a count. */
static mlp_status check_counts(const mlp_hooks *hooks, const mlp_cview *Y)
{
    for (size_t i = 0; i < Y->rows; i++) {
        for (size_t j = 0; j < Y->cols; j++) {
            double y = mlp_cview_at(*Y, i, j);
            if (y < 0.0) {
                return mlpi_error(hooks, MLP_ERR_ARGUMENT,
                                  "Y: poisson expects counts, 0 or more, got "
                                  "%g in row %zu, column %zu",
                                  y, i, j);
            }
        }
    }
    return MLP_OK;
}

/* Checks that the sum of each row is 1, up to 1e-6 for rounding. */
static mlp_status check_row_sums(const mlp_net *net, const mlp_hooks *hooks,
                                 const mlp_cview *Y)
{
    size_t row = 0;
    double sum = 0;
    if (!net->kernels->scalar->find_bad_row_sum(*Y, &row, &sum)) {
        return MLP_OK;
    }
    return mlpi_error(hooks, MLP_ERR_ARGUMENT,
                      "Y: cce expects rows whose sum is 1, got %.9g in row "
                      "%zu",
                      sum, row);
}

/* NaN is searched first, because the later checks compare numbers, and every
 * comparison with NaN is false. */
mlp_status mlpi_check_values(const mlp_net *net, const mlp_hooks *hooks,
                             const mlp_cview *X, const mlp_cview *Y)
{
    TRY(mlpi_check_finite(net, hooks, "X", *X));
    if (is_classes(net, Y)) {
        return mlpi_check_classes(net, hooks, Y);
    }
    TRY(mlpi_check_finite(net, hooks, "Y", *Y));
    if (net->loss == MLP_LOSS_BCE || net->loss == MLP_LOSS_CCE) {
        TRY(check_unit_interval(net, hooks, Y));
    }
    if (net->loss == MLP_LOSS_POISSON) {
        TRY(check_counts(hooks, Y));
    }
    return net->loss == MLP_LOSS_CCE ? check_row_sums(net, hooks, Y) : MLP_OK;
}
