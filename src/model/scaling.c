/* SPDX-License-Identifier: MIT */
/*
 * Sets mean and standard deviation of inputs and targets: from data, or as the
 * caller names them. scaling.h says what they are for. Columns are done in
 * blocks, so that mean and std of a block fit on the stack.
 */
#include "model/scaling.h"

#include <math.h>

#include "base/error.h"
#include "model/data_check.h"

/* How many columns are done in one pass over the rows. */
enum { BLOCK = MLPI_MOMENT_COLUMNS };

mlp_cview mlpi_scaling_columns(const mlp_net *net, mlp_cview rows, size_t first)
{
    rows.data = mlpi_const_at(net->kernels, rows.data, first * rows.col_stride);
    rows.cols = mlpi_min_size(BLOCK, rows.cols - first);
    return rows;
}

/* Returns the distance of two neighbouring numbers of the network's precision
 * at the size of x (of the smaller power of two, so at most twice as much). */
static double unit_at(const mlp_net *net, double x)
{
    return fabs(x) * (net->kernels->dtype == MLP_F32 ? 0x1p-23 : 0x1p-52);
}

/* Rounds mean and std of a column to the network's precision, and makes 1 of a
 * std that is not above the rounding of the column's numbers: two units, by
 * which sums that should be equal differ. Returns true if the column varies,
 * but by fewer than 1000 units, so that hardly three digits of its numbers
 * differ. */
static bool round_moments(const mlp_net *net, double *mean, double *std)
{
    const mlpi_scalar_kernels *scalar = net->kernels->scalar;
    double unit = unit_at(net, *mean);
    bool is_constant = *std <= 2.0 * unit;
    bool has_few_digits = *std > 0.0 && *std < 1000.0 * unit;
    *mean = scalar->round_to_real(*mean);
    *std = scalar->round_to_real(*std);
    /* A std that is above 0 as a double may be 0 as a float. */
    if (is_constant || *std == 0.0) {
        *std = 1.0;
    }
    return has_few_digits;
}

double mlpi_scaled_target(const mlp_net *net, size_t j, double y)
{
    const mlpi_kernels *kernels = net->kernels;
    double mean = 0.0;
    double std = 1.0;
    if (net->out.scales) {
        kernels->to_double(1, mlpi_at(kernels, net->out.mean, j), &mean);
        kernels->to_double(1, mlpi_at(kernels, net->out.std, j), &std);
    }
    return (y - mean) / std;
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

/* Returns how many columns a caller sets: one for each input or target. */
static size_t columns_of(const mlp_net *net, const mlpi_scaling *scaling)
{
    return scaling == &net->out ? mlpi_net_targets(net) : scaling->n;
}

/* Sets how the logarithms s of variances are scaled, once the first half of the
 * columns, those of the means, has been set: s std' + mean' is s + 2 log(std)
 * with std' = 1 and mean' = 2 log(std). */
static void complete_log_variances(const mlp_net *net, mlpi_scaling *to)
{
    const mlpi_kernels *kernels = net->kernels;
    size_t k = columns_of(net, to);
    double one[BLOCK];
    double logs[BLOCK];
    /* Without logarithms of variances k is all columns, and nothing is done. */
    for (size_t first = 0; first < k && k < to->n; first += BLOCK) {
        size_t n = mlpi_min_size(BLOCK, k - first);
        kernels->to_double(n, mlpi_at(kernels, to->std, first), logs);
        kernels->f64->map(MLPI_MAP_LOG, n, logs, logs);
        for (size_t j = 0; j < n; j++) {
            logs[j] *= 2.0;
            one[j] = 1.0;
        }
        set_columns(net, to, k + first, n, logs, one);
    }
}

/* Checks that the targets may be scaled, that is, that they are no
 * probabilities, no classes and no counts. */
static mlp_status check_scalable(const mlp_net *net)
{
    if (!mlpi_may_scale(net->loss)) {
        return mlpi_error(&net->hooks, MLP_ERR_ARGUMENT,
                          "targets: expects the loss " MLPI_SCALING_LOSSES
                          " where they are scaled, got %s",
                          mlp_loss_name(net->loss));
    }
    return MLP_OK;
}

/* ---------------------------------------------------------------------------
 * From data
 */

void mlpi_scaling_set(const mlp_net *net, mlpi_scaling *to, size_t first,
                      size_t n, double *mean, double *std, bool *hinted)
{
    for (size_t j = 0; j < n; j++) {
        if (round_moments(net, &mean[j], &std[j]) && !*hinted) {
            mlpi_hint(&net->hooks,
                      "%s, column %zu varies so little beside its mean of %.4g "
                      "that few digits of a %s differ: subtract a constant "
                      "from the column before you pass it",
                      to == &net->in ? "X" : "Y", first + j, mean[j],
                      mlp_dtype_name(net->kernels->dtype));
            *hinted = true;
        }
    }
    set_columns(net, to, first, n, mean, std);
    if (first + n == columns_of(net, to)) {
        complete_log_variances(net, to);
    }
}

void mlpi_scaling_learn(const mlp_net *net, mlpi_scaling *to, mlp_cview rows,
                        const size_t *order, size_t m)
{
    double mean[BLOCK];
    double std[BLOCK];
    bool hinted = false; /* one hint is enough */
    for (size_t first = 0; first < rows.cols; first += BLOCK) {
        mlp_cview block = mlpi_scaling_columns(net, rows, first);
        net->kernels->scalar->column_moments(block, order, m, mean, std);
        mlpi_scaling_set(net, to, first, block.cols, mean, std, &hinted);
    }
}

/* Gives a hint if the weights of the network belong to the scaling that is
 * about to be replaced. Whoever standardises the rows to predict, too, as one
 * must with other libraries, loses what the network has learnt. */
static void hint_about_trained(const mlp_net *net, const mlpi_scaling *scaling)
{
    if (net->is_trained && scaling->scales) {
        mlpi_hint(&net->hooks,
                  "the network has been trained with the scaling that this "
                  "call replaces, and will predict other numbers; pass rows to "
                  "mlp_predict as they are");
    }
}

/* The std of a column is sqrt(sum of (x - mean)^2 / m), as NumPy's std. */
mlp_status mlp_net_standardise(mlp_net *net, mlp_cview X)
{
    if (!net) {
        return MLP_ERR_NULL;
    }
    TRY(mlpi_check_inputs(net, &net->hooks, &X, 1));
    TRY(mlpi_check_finite(net, &net->hooks, "X", X));
    TRY(mlpi_check_rounding(&net->hooks));
    hint_about_trained(net, &net->in);
    mlpi_scaling_learn(net, &net->in, X, NULL, X.rows);
    return MLP_OK;
}

/* Y must have a column for each target. mlpi_check_targets is not used here,
 * because it also allows a column of classes. */
mlp_status mlp_net_standardise_targets(mlp_net *net, mlp_cview Y)
{
    if (!net) {
        return MLP_ERR_NULL;
    }
    TRY(check_scalable(net));
    mlpi_expected expected = {.name = "Y",
                              .dtype = net->kernels->dtype,
                              .rows = MLPI_ANY_ROWS,
                              .cols = mlpi_net_targets(net),
                              .min_rows = 1};
    TRY(mlpi_check_view(&net->hooks, &Y, &expected));
    TRY(mlpi_check_finite(net, &net->hooks, "Y", Y));
    TRY(mlpi_check_rounding(&net->hooks));
    hint_about_trained(net, &net->out);
    mlpi_scaling_learn(net, &net->out, Y, NULL, Y.rows);
    return MLP_OK;
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
    TRY(mlpi_check_rounding(&net->hooks));
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
    size_t n = columns_of(net, to);
    TRY(check_moments(net, column, n, mean, std));
    set_columns(net, to, 0, n, mean, std);
    complete_log_variances(net, to);
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
    TRY(check_scalable(net));
    return set(net, &net->out, "target", mean, std);
}

/* Copies the first n mean and std of a scaling to the caller. Without scaling
 * they are 0 and 1, which change nothing. */
static mlp_status get(const mlp_net *net, const mlpi_scaling *from, size_t n,
                      double *mean, double *std)
{
    if (!mean || !std) {
        return mlpi_error(&net->hooks, MLP_ERR_NULL, "the place for %s is NULL",
                          mean ? "std" : "mean");
    }
    if (from->scales) { /* to_double is exact: every float is a double */
        net->kernels->to_double(n, from->mean, mean);
        net->kernels->to_double(n, from->std, std);
        return MLP_OK;
    }
    for (size_t j = 0; j < n; j++) {
        mean[j] = 0.0;
        std[j] = 1.0;
    }
    return MLP_OK;
}

mlp_status mlp_net_scaling(const mlp_net *net, double *mean, double *std)
{
    return net ? get(net, &net->in, net->in.n, mean, std) : MLP_ERR_NULL;
}

mlp_status mlp_net_target_scaling(const mlp_net *net, double *mean, double *std)
{
    return net ? get(net, &net->out, mlpi_net_targets(net), mean, std)
               : MLP_ERR_NULL;
}

/* The scaling of outputs is kept as it is applied. */
mlp_status mlp_net_output_scaling(const mlp_net *net, double *mean, double *std)
{
    return net ? get(net, &net->out, net->out.n, mean, std) : MLP_ERR_NULL;
}
