/* SPDX-License-Identifier: MIT */
/*
 * Between the caller's arrays and the library's dense ones, as far as vectors
 * help; plain_tmpl.h has the rest. Parameters: the vocabulary, loop_tmpl.h,
 * pack_tmpl.h, plain.h and lent.h.
 */
static inline const real *row_of(const void *data, size_t row_stride, size_t i)
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
        if (g->prefetch_ahead > 0) {
            prefetch(g->X.data,
                     g->order[g->prefetch_ahead + i] * g->X.row_stride, g->n);
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

/* Eight at a time, as GNU C's vectors: the vocabulary has no doubles here. */
static void to_double(size_t n, const void *x_in, double *out)
{
    enum { EIGHT = 8 };
    typedef __attribute__((vector_size(EIGHT * sizeof(real)))) real reals;
    typedef __attribute__((vector_size(EIGHT * sizeof(double)))) double doubles;
    const real *x = x_in;
    size_t i = 0;
    for (; REAL_BITS == 32 && VLEN > 1 && i + EIGHT <= n; i += EIGHT) {
        reals in;
        memcpy(&in, x + i, sizeof in);
        doubles wide = __builtin_convertvector(in, doubles);
        memcpy(out + i, &wide, sizeof wide);
    }
    for (; i < n; i++) {
        out[i] = (double)x[i];
    }
}

/* x - x is 0 for finite numbers and NaN for others: are all n finite, even
 * times `scale`? */
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
    return SCALAR_KERNELS.scan_not_finite(X, row, col);
}

static bool is_finite(size_t n, const void *x)
{
    return all_finite(n, x, 1.0);
}

/* With |x| <= sqrt(largest / (8 terms)) sums stay below largest / 8. */
static bool products_stay_finite(size_t n, size_t terms, const void *x)
{
    const double largest = REAL_BITS == 32 ? (double)FLT_MAX : DBL_MAX;
    return all_finite(n, x, sqrt(8.0 * (double)terms) * sqrt(largest));
}
