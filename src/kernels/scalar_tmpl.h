/* SPDX-License-Identifier: MIT */
/*
 * Kernels that gain little from vectors, because they are called once for each
 * network, batch or prediction, or because they are bound by strided memory.
 * They are plain loops in the order that kernels.h promises, compiled once for
 * each precision, in portable_f32.c and portable_f64.c, and every table points
 * to them by its member `scalar`.
 *
 * This file is a template. Its parameters are `real` (float or double), R and
 * ALWAYS_INLINE of loops_tmpl.h, row_of of load_rows_tmpl.h, and
 * SCALAR_KERNELS, the name of the struct at the end, which table_tmpl.h
 * defines.
 */

/* ---------------------------------------------------------------------------
 * Products and data
 */

/* Only gemm calls this. The sum of no products is 0, so C is the bias. The sum
 * 0 + bias is computed nevertheless, because it turns a bias of -0 into 0, as
 * in a longer product. */
static void empty_product(const mlpi_gemm_args *p)
{
    real *c = p->C;
    const real *bias = p->bias;
    const real *relu_mask = p->relu_mask;
    for (size_t i = 0; i < p->m; i++) {
        for (size_t j = 0; j < p->n; j++) {
            real z = bias ? R(0.0) + bias[j] : R(0.0);
            z = relu_mask && relu_mask[i * p->n + j] <= R(0.0) ? R(0.0) : z;
            c[i * p->n + j] = z;
            if (p->relu) {
                ((real *)p->relu)[i * p->n + j] = z <= R(0.0) ? R(0.0) : z;
            }
        }
    }
}

/* An unknown class makes the whole row NaN instead of 0, so that the loss of
 * such a row is NaN and the mistake shows. */
static void one_hot(const mlpi_load_rows_args *args)
{
    const int32_t *classes = args->X.data;
    real *out = args->out;
    for (size_t i = 0; i < args->m; i++, out += args->n) {
        size_t row = args->order ? args->order[i] : i;
        int32_t class = classes[row * args->X.row_stride];
        bool known = class >= 0 && (size_t) class < args->n;
        for (size_t j = 0; j < args->n; j++) {
            out[j] = known ? R(0.0) : R(NAN);
        }
        if (known) {
            out[class] = R(1.0);
        }
    }
}

/* Memory between the columns and between the rows of `out` stays untouched. */
static void copy_out(size_t m, size_t n, const void *dense, mlp_view out)
{
    const real *x = dense;
    for (size_t i = 0; i < m; i++, x += n) {
        real *row = (real *)out.data + i * out.row_stride;
        for (size_t j = 0; j < n; j++) {
            row[j * out.col_stride] = x[j];
        }
    }
}

/* Without contraction this is a product and a sum, as in NumPy. */
static void inverse_standardise(size_t m, size_t n, const void *mean_in,
                                const void *std_in, void *a_inout)
{
    const real *mean = mean_in;
    const real *std = std_in;
    real *a = a_inout;
    for (size_t i = 0; i < m; i++, a += n) {
        for (size_t j = 0; j < n; j++) {
            a[j] = a[j] * std[j] + mean[j];
        }
    }
}

static void from_double(size_t n, const double *x, void *out_void)
{
    real *out = out_void;
    for (size_t i = 0; i < n; i++) {
        out[i] = (real)x[i];
    }
}

/* Options are doubles. A check of one for an f32 network must test the number
 * that the kernels will use, which may have overflowed to infinity. */
static double round_to_real(double x)
{
    return (double)(real)x;
}

/* ---------------------------------------------------------------------------
 * Questions about data
 */

static bool is_not_finite(real x)
{
    return !isfinite(x);
}

/* The negation makes this true for NaN. */
static bool is_not_unit(real x)
{
    return !(x >= R(0.0) && x <= R(1.0));
}

/* Searches row by row for the first element that is wrong. */
static inline ALWAYS_INLINE bool find(bool (*wrong)(real), mlp_cview X,
                                      size_t *row, size_t *col)
{
    for (size_t i = 0; i < X.rows; i++) {
        const real *x = row_of(X.data, X.row_stride, i);
        for (size_t j = 0; j < X.cols; j++) {
            if (wrong(x[j * X.col_stride])) {
                *row = i;
                *col = j;
                return true;
            }
        }
    }
    return false;
}

static bool scan_not_finite(mlp_cview X, size_t *row, size_t *col)
{
    return find(is_not_finite, X, row, col);
}

static bool find_not_unit(mlp_cview X, size_t *row, size_t *col)
{
    return find(is_not_unit, X, row, col);
}

/* The comparison is negated so that a sum that is NaN is found too. */
static bool find_bad_row_sum(mlp_cview X, size_t *row, double *sum)
{
    for (size_t i = 0; i < X.rows; i++) {
        const real *x = row_of(X.data, X.row_stride, i);
        double s = 0.0;
        for (size_t j = 0; j < X.cols; j++) {
            s += (double)x[j * X.col_stride];
        }
        if (!(fabs(s - 1.0) <= 1e-6)) {
            *row = i;
            *sum = s;
            return true;
        }
    }
    return false;
}

/* ---------------------------------------------------------------------------
 * Statistics
 */

/* Returns a power of two by which a column with this largest magnitude is
 * multiplied while its moments are computed, so that squares of its numbers and
 * of their differences neither overflow nor underflow in double. It is 1 for
 * all but huge and tiny numbers, and then changes nothing. */
static double moment_scale(double max)
{
    return max > 0x1p480 ? 0x1p-600 : max < 0x1p-400 ? 0x1p600 : 1.0;
}

/* Returns the i-th of the rows that column_moments visits. */
static const real *moment_row(mlp_cview X, const size_t *order, size_t i)
{
    return row_of(X.data, X.row_stride, order ? order[i] : i);
}

/* Adds row after row, as NumPy's mean and std over axis 0 do. A column of equal
 * values gets exactly its value and 0, which rounded sums could miss. Three
 * passes over the rows find the scales, the means, and the deviations.
 *
 * The mean of large numbers that vary little is a rounded sum of m large
 * numbers, and may be farther from them than they are from each other (times
 * in microseconds since 1970 are). The deviations d from it are exact, so their
 * mean corrects it: mean + mean of d, and variance = mean of d^2 - (mean of
 * d)^2 (Chan, Golub and LeVeque, "Algorithms for Computing the Sample
 * Variance", 1983). For other columns the correction is too small to change
 * anything. */
static void column_moments(mlp_cview X, const size_t *order, size_t rows,
                           double *mean, double *std)
{
    const double m = (double)rows;
    const real *first = moment_row(X, order, 0);
    double scale[MLPI_MOMENT_COLUMNS];
    double drift[MLPI_MOMENT_COLUMNS]; /* sum of d */
    bool is_constant[MLPI_MOMENT_COLUMNS];
    /* Until the scales are known, mean[j] holds the largest magnitude of a
     * column, and std[j] the number of rows that differ from the first. */
    for (size_t j = 0; j < X.cols; j++) {
        mean[j] = std[j] = 0.0;
    }
    for (size_t i = 0; i < rows; i++) {
        const real *x = moment_row(X, order, i);
        for (size_t j = 0; j < X.cols; j++) {
            double magnitude = fabs((double)x[j * X.col_stride]);
            mean[j] = magnitude > mean[j] ? magnitude : mean[j];
            std[j] += x[j * X.col_stride] != first[j * X.col_stride];
        }
    }
    /* The second pass sums scaled numbers; the third sums deviations from the
     * scaled mean, and their squares. */
    for (size_t j = 0; j < X.cols; j++) {
        scale[j] = moment_scale(mean[j]);
        is_constant[j] = std[j] == 0.0;
        mean[j] = std[j] = drift[j] = 0.0;
    }
    for (size_t i = 0; i < rows; i++) {
        const real *x = moment_row(X, order, i);
        for (size_t j = 0; j < X.cols; j++) {
            mean[j] += (double)x[j * X.col_stride] * scale[j];
        }
    }
    for (size_t j = 0; j < X.cols; j++) {
        mean[j] /= m;
    }
    for (size_t i = 0; i < rows; i++) {
        const real *x = moment_row(X, order, i);
        for (size_t j = 0; j < X.cols; j++) {
            double d = (double)x[j * X.col_stride] * scale[j] - mean[j];
            drift[j] += d;
            std[j] += d * d;
        }
    }
    for (size_t j = 0; j < X.cols; j++) {
        double shift = drift[j] / m;
        double variance = std[j] / m - shift * shift;
        mean[j] = is_constant[j] ? (double)first[j * X.col_stride]
                                 : (mean[j] + shift) / scale[j];
        std[j] = is_constant[j] || !(variance > 0.0)
                     ? 0.0
                     : sqrt(variance) / scale[j];
    }
}

/* The two products and their sum are rounded one by one, as in NumPy. */
static void running_average(size_t n, double decay, double gain,
                            const void *x_in, void *y_in)
{
    const real *x = x_in;
    real *y = y_in;
    for (size_t i = 0; i < n; i++) {
        y[i] = R(decay) * y[i] + R(gain) * x[i];
    }
}

/* ---------------------------------------------------------------------------
 * Labels
 */

/* A comparison with NaN is false, so NaN needs a test of its own. */
static void threshold_labels(size_t m, size_t n, double threshold,
                             const void *a_in, mlp_view labels)
{
    const real *a = a_in;
    for (size_t i = 0; i < m; i++, a += n) {
        int32_t *row = (int32_t *)labels.data + i * labels.row_stride;
        for (size_t j = 0; j < n; j++) {
            int32_t label = (double)a[j] >= threshold;
            row[j * labels.col_stride] = isnan(a[j]) ? -1 : label;
        }
    }
}

/* Returns the index of the first of the largest elements, or n if there is a
 * NaN. */
static size_t first_largest(size_t n, const real *x)
{
    size_t first = 0;
    for (size_t j = 0; j < n; j++) {
        if (isnan(x[j])) {
            return n;
        }
        first = x[first] < x[j] ? j : first;
    }
    return first;
}

static void argmax_labels(size_t m, size_t n, const void *a_in, mlp_view labels)
{
    const real *a = a_in;
    for (size_t i = 0; i < m; i++, a += n) {
        size_t j = first_largest(n, a);
        ((int32_t *)labels.data)[i * labels.row_stride] =
            j < n ? (int32_t)j : -1;
    }
}

/* An output of NaN predicts 0 by the comparison, but must not count. A target
 * that is neither 0 nor 1 equals no prediction. */
static size_t count_correct(size_t n, const void *a_in, const void *y_in)
{
    const real *a = a_in;
    const real *y = y_in;
    size_t count = 0;
    for (size_t i = 0; i < n; i++) {
        real predicted = a[i] >= R(0.5) ? R(1.0) : R(0.0);
        count += predicted == y[i] && !isnan(a[i]);
    }
    return count;
}

/* first_largest returns n for a row with a NaN, which is no column. */
static size_t count_correct_rows(size_t m, size_t n, const void *a_in,
                                 const void *y_in)
{
    const real *a = a_in;
    const real *y = y_in;
    size_t count = 0;
    for (size_t i = 0; i < m; i++, a += n, y += n) {
        size_t predicted = first_largest(n, a);
        count += predicted < n && predicted == first_largest(n, y);
    }
    return count;
}

const mlpi_scalar_kernels SCALAR_KERNELS = {
    .empty_product = empty_product,
    .scan_not_finite = scan_not_finite,
    .one_hot = one_hot,
    .copy_out = copy_out,
    .inverse_standardise = inverse_standardise,
    .from_double = from_double,
    .round_to_real = round_to_real,
    .find_not_unit = find_not_unit,
    .find_bad_row_sum = find_bad_row_sum,
    .column_moments = column_moments,
    .threshold_labels = threshold_labels,
    .argmax_labels = argmax_labels,
    .count_correct = count_correct,
    .count_correct_rows = count_correct_rows,
    .running_average = running_average,
};
