/* SPDX-License-Identifier: MIT */
/*
 * Between the caller's arrays and the library's dense ones, and questions
 * about the caller's data. Parameters: the vocabulary and loop_tmpl.h; these are
 * plain loops, in the order that the comments of ops.h promise.
 */
static const real *row_of(const void *data, size_t row_stride, size_t i)
{
    return (const real *)data + i * row_stride;
}

/* n elements that lie apart, or are the same: rows are short, so that a call
 * would cost more than it copies. */
static inline ALWAYS_INLINE void copy_row(size_t n, const real *x, real *out)
{
    size_t j = 0;
    for (; j + VLEN <= n; j += VLEN) {
        vstore(out + j, vload(x + j));
    }
    if (j < n) {
        vstore_part(out + j, vload_part(x + j, n - j), n - j);
    }
}

/* Rows in a drawn order may be anywhere in memory, and no processor guesses
 * where: the next batch's are asked for while this one's are copied. */
static void gather(const mlpi_gather *g)
{
    real *out = g->out;
    const real *mean = g->mean;
    const real *std = g->std;
    size_t step = g->X.col_stride;
    for (size_t i = 0; i < g->m; i++, out += g->n) {
        const real *x =
            row_of(g->X.data, g->X.row_stride, g->order ? g->order[i] : i);
        if (g->ahead > 0) {
            prefetch(g->X.data, g->order[g->ahead + i] * g->X.row_stride, g->n);
        }
        if (mean) {
            for (size_t j = 0; j < g->n; j++) {
                out[j] = (x[j * step] - mean[j]) / std[j];
            }
        } else if (step == 1) {
            copy_row(g->n, x, out);
        } else {
            for (size_t j = 0; j < g->n; j++) {
                out[j] = x[j * step];
            }
        }
    }
}

static void one_hot(const mlpi_gather *g)
{
    const int32_t *classes = g->X.data;
    real *out = g->out;
    for (size_t i = 0; i < g->m; i++, out += g->n) {
        size_t row = g->order ? g->order[i] : i;
        int32_t class = classes[row * g->X.row_stride];
        bool known = class >= 0 && (size_t) class < g->n;
        for (size_t j = 0; j < g->n; j++) {
            out[j] = known ? R(0.0) : R(NAN);
        }
        if (known) {
            out[class] = R(1.0);
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

static void unscale(size_t m, size_t n, const void *mean_in, const void *std_in,
                    void *a_inout)
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

static double round_to_real(double x)
{
    return (double)(real)x;
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

/* x - x is 0 for finite numbers and NaN for others: are all n finite, even times
 * `scale`? */
static bool all_finite(size_t n, const real *x, double scale)
{
    const vec by = vset1((real)scale);
    vec sum = vzero();
    size_t i = 0;
    for (; i + VLEN <= n; i += VLEN) {
        vec v = vmul(by, vload(x + i));
        sum = vadd(sum, vsub(v, v));
    }
    if (i < n) {
        vec v = vmul(by, vload_part(x + i, n - i));
        sum = vadd(sum, vsub(v, v));
    }
    return vall(vle(sum, vzero()));
}

static bool find_not_finite(mlp_cview X, size_t *row, size_t *col)
{
    bool is_dense =
        X.col_stride == 1 && (X.rows == 1 || X.row_stride == X.cols);
    if (is_dense && all_finite(X.rows * X.cols, X.data, 1.0)) {
        return false;
    }
    return find(is_not_finite, X, row, col);
}

/* With |x| <= sqrt(largest / (8 terms)) sums stay below largest / 8. */
static bool is_moderate(size_t n, size_t terms, const void *x)
{
    const double largest = REAL_BITS == 32 ? (double)FLT_MAX : DBL_MAX;
    return all_finite(n, x, sqrt(8.0 * (double)terms) * sqrt(largest));
}

static bool find_not_unit(mlp_cview X, size_t *row, size_t *col)
{
    return find(is_not_unit, X, row, col);
}

static bool find_not_whole(mlp_cview X, size_t *row, double *sum)
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

/* A power of two that keeps squares of numbers up to `largest`, and of their
 * differences, within the range of a double; 1, which changes nothing, for all
 * but huge and tiny ones. 0 if there is no difference. */
static double moment_scale(double largest, double differences)
{
    if (differences == 0.0) {
        return 0.0;
    }
    return largest > 0x1p480 ? 0x1p-600 : largest < 0x1p-400 ? 0x1p600 : 1.0;
}

/* Row after row, as NumPy's mean and std over axis 0 add them up. A column of
 * equal values has exactly that mean, and std 0, which sums may just miss. */
static void column_moments(mlp_cview X, double *mean, double *std)
{
    const double m = (double)X.rows;
    const real *first = row_of(X.data, X.row_stride, 0);
    double scale[MLPI_MOMENT_COLUMNS];
    /* For now, mean is the largest size, and std counts the differences. */
    for (size_t j = 0; j < X.cols; j++) {
        mean[j] = std[j] = 0.0;
    }
    for (size_t i = 0; i < X.rows; i++) {
        const real *x = row_of(X.data, X.row_stride, i);
        for (size_t j = 0; j < X.cols; j++) {
            double size = fabs((double)x[j * X.col_stride]);
            mean[j] = size > mean[j] ? size : mean[j];
            std[j] += x[j * X.col_stride] != first[j * X.col_stride];
        }
    }
    for (size_t j = 0; j < X.cols; j++) {
        scale[j] = moment_scale(mean[j], std[j]);
        mean[j] = std[j] = 0.0;
    }
    for (size_t i = 0; i < X.rows; i++) {
        const real *x = row_of(X.data, X.row_stride, i);
        for (size_t j = 0; j < X.cols; j++) {
            mean[j] += (double)x[j * X.col_stride] * scale[j];
        }
    }
    for (size_t j = 0; j < X.cols; j++) {
        mean[j] /= m;
    }
    for (size_t i = 0; i < X.rows; i++) {
        const real *x = row_of(X.data, X.row_stride, i);
        for (size_t j = 0; j < X.cols; j++) {
            double d = (double)x[j * X.col_stride] * scale[j] - mean[j];
            std[j] += d * d;
        }
    }
    for (size_t j = 0; j < X.cols; j++) {
        bool varies = scale[j] > 0.0;
        mean[j] = varies ? mean[j] / scale[j] : (double)first[j * X.col_stride];
        std[j] = varies ? sqrt(std[j] / m) / scale[j] : 0.0;
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

/* The first of the largest, n if there is a NaN. */
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

static void label_rows(size_t m, size_t n, const void *a_in, mlp_view labels)
{
    const real *a = a_in;
    for (size_t i = 0; i < m; i++, a += n) {
        size_t j = first_largest(n, a);
        ((int32_t *)labels.data)[i * labels.row_stride] =
            j < n ? (int32_t)j : -1;
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

static size_t count_row_hits(size_t m, size_t n, const void *a_in,
                             const void *y_in)
{
    const real *a = a_in;
    const real *y = y_in;
    size_t hits = 0;
    for (size_t i = 0; i < m; i++, a += n, y += n) {
        size_t predicted = first_largest(n, a);
        hits += predicted < n && predicted == first_largest(n, y);
    }
    return hits;
}
