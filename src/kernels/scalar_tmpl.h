/* SPDX-License-Identifier: MIT */
/*
 * Primitives that need no vectors: see plain.h. Parameters: `real`, loop_tmpl.h
 * and convert_tmpl.h; these are plain loops, in the order that the comments of
 * ops.h promise.
 */
/* The empty chain is 0, plus the bias. */
static void empty_product(const mlpi_gemm_args *p)
{
    real *c = p->C;
    const real *bias = p->bias;
    const real *gate = p->gate;
    for (size_t i = 0; i < p->m; i++) {
        for (size_t j = 0; j < p->n; j++) {
            real z = bias ? R(0.0) + bias[j] : R(0.0);
            z = gate && gate[i * p->n + j] <= R(0.0) ? R(0.0) : z;
            c[i * p->n + j] = z;
            if (p->relu) {
                ((real *)p->relu)[i * p->n + j] = z <= R(0.0) ? R(0.0) : z;
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

static void from_double(size_t n, const double *x, void *out_void)
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

static bool scan_not_finite(mlp_cview X, size_t *row, size_t *col)
{
    return find(is_not_finite, X, row, col);
}

static bool find_not_unit(mlp_cview X, size_t *row, size_t *col)
{
    return find(is_not_unit, X, row, col);
}

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

static void threshold_labels(size_t m, size_t n, double threshold,
                             const void *a_in, mlp_view labels)
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

static void argmax_labels(size_t m, size_t n, const void *a_in, mlp_view labels)
{
    const real *a = a_in;
    for (size_t i = 0; i < m; i++, a += n) {
        size_t j = first_largest(n, a);
        ((int32_t *)labels.data)[i * labels.row_stride] =
            j < n ? (int32_t)j : -1;
    }
}

static size_t count_correct(size_t n, const void *a_in, const void *y_in)
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

static size_t count_correct_rows(size_t m, size_t n, const void *a_in,
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

/* Product by product and then the sum, each rounded. */
static void running_average(size_t n, double keep, double weight,
                            const void *x_in, void *y_in)
{
    const real *x = x_in;
    real *y = y_in;
    for (size_t i = 0; i < n; i++) {
        y[i] = R(keep) * y[i] + R(weight) * x[i];
    }
}

const mlpi_scalar_kernels SCALAR_KERNELS = {
    .empty_product = empty_product,
    .one_hot = one_hot,
    .scatter = scatter,
    .unscale = unscale,
    .from_double = from_double,
    .round = round_to_real,
    .scan_not_finite = scan_not_finite,
    .find_not_unit = find_not_unit,
    .find_bad_row_sum = find_bad_row_sum,
    .column_moments = column_moments,
    .threshold_labels = threshold_labels,
    .argmax_labels = argmax_labels,
    .count_correct = count_correct,
    .count_correct_rows = count_correct_rows,
    .running_average = running_average,
};
