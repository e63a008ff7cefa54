/* SPDX-License-Identifier: MIT */
/*
 * Scores of predicted quantities, by scikit-learn's definitions. For column j,
 * with sums and means over the rows,
 *
 *     mean_squared_error   mean of (p - y)^2
 *     mean_absolute_error  mean of |p - y|
 *     r2_score             1 - sum of (p - y)^2 / sum of (y - mean of y)^2
 *
 * Each column is scored by itself, because the columns may have different
 * units. The scores of all columns together are the plain means over the
 * columns (scikit-learn's multioutput="uniform_average").
 */
#include "predict/metric_checks.h"

/* Returns |x| without a call of the C library. */
static double absolute(double x)
{
    return x < 0.0 ? -x : x;
}

/* Returns r2 of column j. The mean of y is computed as y[0] + mean(y - y[0]):
 * where all y are equal, it is exactly that value and the denominator is 0.
 * Then r2 is 1 for a perfect prediction, else 0, as in scikit-learn. */
static double r2_of(mlp_cview Y, size_t j, double squared_errors)
{
    double first = mlp_cview_at(Y, 0, j);
    mlpi_sum offsets = {.count = 0};
    for (size_t i = 0; i < Y.rows; i++) {
        mlpi_sum_add(&offsets, mlp_cview_at(Y, i, j) - first);
    }
    double center = first + mlpi_sum_mean(&offsets);
    mlpi_sum squares = {.count = 0};
    for (size_t i = 0; i < Y.rows; i++) {
        double d = mlp_cview_at(Y, i, j) - center;
        mlpi_sum_add(&squares, d * d);
    }
    if (mlpi_sum_total(&squares) == 0.0) {
        return squared_errors == 0.0 ? 1.0 : 0.0;
    }
    return 1.0 - squared_errors / mlpi_sum_total(&squares);
}

static mlp_regression_scores score_column(mlp_cview Y, mlp_cview predicted,
                                          size_t j)
{
    mlpi_sum squares = {.count = 0};
    mlpi_sum magnitudes = {.count = 0};
    for (size_t i = 0; i < Y.rows; i++) {
        double d = mlp_cview_at(predicted, i, j) - mlp_cview_at(Y, i, j);
        mlpi_sum_add(&squares, d * d);
        mlpi_sum_add(&magnitudes, absolute(d));
    }
    return (mlp_regression_scores){.mse = mlpi_sum_mean(&squares),
                                   .mae = mlpi_sum_mean(&magnitudes),
                                   .r2 = r2_of(Y, j, mlpi_sum_total(&squares))};
}

/* The means need all columns, so they are summed up on the way. */
mlp_status mlp_score_regression(mlp_cview Y, mlp_cview predicted,
                                const mlp_hooks *hooks,
                                mlp_regression_scores *each,
                                mlp_regression_scores *mean)
{
    mlp_hooks used;
    TRY(mlpi_metric_hooks(hooks, &used));
    TRY(mlpi_metric_check_reals(&used, "Y", Y, MLPI_ANY_ROWS, Y.cols));
    TRY(mlpi_metric_check_reals(&used, "predicted", predicted, Y.rows, Y.cols));
    mlpi_sum mse = {.count = 0};
    mlpi_sum mae = {.count = 0};
    mlpi_sum r2 = {.count = 0};
    for (size_t j = 0; j < Y.cols; j++) {
        mlp_regression_scores scores = score_column(Y, predicted, j);
        mlpi_sum_add(&mse, scores.mse);
        mlpi_sum_add(&mae, scores.mae);
        mlpi_sum_add(&r2, scores.r2);
        if (each) {
            each[j] = scores;
        }
    }
    if (mean) {
        *mean = (mlp_regression_scores){
            mlpi_sum_mean(&mse), mlpi_sum_mean(&mae), mlpi_sum_mean(&r2)};
    }
    return MLP_OK;
}
