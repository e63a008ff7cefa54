/* SPDX-License-Identifier: MIT */
/*
 * Between the caller's arrays and the library's dense ones, and questions
 * about the caller's data. Parameters: `real` and REAL_BITS alone; these are
 * plain loops, in the order that the comments of ops.h promise.
 */
#include <math.h>
#include <string.h>

static const real *element(const void *data, size_t row_stride, size_t i)
{
    return (const real *)data + i * row_stride;
}

static void gather(const mlpi_gather *g)
{
    real *out = g->out;
    const real *mean = g->mean;
    const real *std = g->std;
    size_t step = g->X.col_stride;
    for (size_t i = 0; i < g->m; i++, out += g->n) {
        const real *x =
            element(g->X.data, g->X.row_stride, g->order ? g->order[i] : i);
        if (mean) {
            for (size_t j = 0; j < g->n; j++) {
                out[j] = (x[j * step] - mean[j]) / std[j];
            }
        } else if (step == 1) {
            memcpy(out, x, g->n * sizeof(real));
        } else {
            for (size_t j = 0; j < g->n; j++) {
                out[j] = x[j * step];
            }
        }
    }
}

static void scatter(size_t m, size_t n, const void *dense, mlp_view out)
{
    const real *x = dense;
    for (size_t i = 0; i < m; i++, x += n) {
        real *row = (real *)out.data + i * out.row_stride;
        for (size_t j = 0; j < n; j++) {
            row[j * out.col_stride] = x[j];
        }
    }
}

static void widen(size_t n, const void *x_in, double *out)
{
    const real *x = x_in;
    for (size_t i = 0; i < n; i++) {
        out[i] = (double)x[i];
    }
}

static void narrow(size_t n, const double *x, void *out_void)
{
    real *out = out_void;
    for (size_t i = 0; i < n; i++) {
        out[i] = (real)x[i];
    }
}

static bool is_not_finite(real x)
{
    return !isfinite(x);
}

static bool is_not_unit(real x)
{
    return !(x >= R(0.0) && x <= R(1.0));
}

static inline ALWAYS_INLINE bool find(bool (*wrong)(real), mlp_cview X,
                                      size_t *row, size_t *col)
{
    for (size_t i = 0; i < X.rows; i++) {
        const real *x = element(X.data, X.row_stride, i);
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

static bool find_not_finite(mlp_cview X, size_t *row, size_t *col)
{
    return find(is_not_finite, X, row, col);
}

static bool find_not_unit(mlp_cview X, size_t *row, size_t *col)
{
    return find(is_not_unit, X, row, col);
}

/* Row after row, as NumPy's mean and std over axis 0 add them up. A column of
 * equal values has exactly that mean, and std 0, which sums may just miss. */
static void column_moments(mlp_cview X, double *mean, double *std)
{
    const double m = (double)X.rows;
    const real *first = element(X.data, X.row_stride, 0);
    for (size_t j = 0; j < X.cols; j++) {
        mean[j] = 0.0;
        std[j] = 0.0;
    }
    for (size_t i = 0; i < X.rows; i++) {
        const real *x = element(X.data, X.row_stride, i);
        for (size_t j = 0; j < X.cols; j++) {
            mean[j] += (double)x[j * X.col_stride];
            std[j] += x[j * X.col_stride] != first[j * X.col_stride];
        }
    }
    for (size_t j = 0; j < X.cols; j++) {
        bool varies = std[j] > 0.0;
        mean[j] = varies ? mean[j] / m : (double)first[j * X.col_stride];
        std[j] = 0.0;
    }
    for (size_t i = 0; i < X.rows; i++) {
        const real *x = element(X.data, X.row_stride, i);
        for (size_t j = 0; j < X.cols; j++) {
            double d = (double)x[j * X.col_stride] - mean[j];
            std[j] += d * d;
        }
    }
    for (size_t j = 0; j < X.cols; j++) {
        std[j] = sqrt(std[j] / m);
    }
}

static void label(size_t m, size_t n, double threshold, const void *a_in,
                  mlp_view labels)
{
    const real *a = a_in;
    for (size_t i = 0; i < m; i++, a += n) {
        int32_t *row = (int32_t *)labels.data + i * labels.row_stride;
        for (size_t j = 0; j < n; j++) {
            int32_t yes = (double)a[j] >= threshold;
            row[j * labels.col_stride] = isnan(a[j]) ? -1 : yes;
        }
    }
}

static size_t count_hits(size_t n, const void *a_in, const void *y_in)
{
    const real *a = a_in;
    const real *y = y_in;
    size_t hits = 0;
    for (size_t i = 0; i < n; i++) {
        real predicted = a[i] >= R(0.5) ? R(1.0) : R(0.0);
        hits += predicted == y[i] && !isnan(a[i]);
    }
    return hits;
}
