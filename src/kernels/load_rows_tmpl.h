/* SPDX-License-Identifier: MIT */
/*
 * Loading data: load_rows copies rows of the caller's arrays, which may have
 * strides and may be read in any order, into dense arrays, and standardises
 * them on the way. Beside it stand the conversion of reals to doubles and the
 * test whether numbers are finite.
 *
 * The finite test needs no comparison for each element: x - x is 0 for a finite
 * x and NaN otherwise, and a sum that has met a NaN stays NaN. So one addition
 * for each vector and one comparison at the end decide.
 *
 * This file is a template. Its parameters are the vocabulary of vec_portable.h
 * (vec, VLEN, vload_part, vall), copy_row of loops_tmpl.h, prefetch of
 * gemm_pack_tmpl.h, and SCALAR_KERNELS of table_tmpl.h. scalar_tmpl.h has the
 * conversions that gain nothing from vectors.
 */
static inline const real *row_of(const void *data, size_t row_stride, size_t i)
{
    return (const real *)data + i * row_stride;
}

/* Rows in shuffled order lie anywhere in memory, and hardware prefetchers
 * cannot predict where. So the rows of the next batch are prefetched while the
 * rows of this batch are copied. */
static void load_rows(const mlpi_load_rows_args *args)
{
    real *out = args->out;
    const real *mean = args->mean;
    const real *std = args->std;
    const size_t stride = args->X.col_stride;
    for (size_t i = 0; i < args->m; i++, out += args->n) {
        const real *x = row_of(args->X.data, args->X.row_stride,
                               args->order ? args->order[i] : i);
        if (args->prefetch_ahead > 0) {
            prefetch(args->X.data,
                     args->order[args->prefetch_ahead + i] * args->X.row_stride,
                     args->n);
        }
        if (mean) {
            for (size_t j = 0; j < args->n; j++) {
                out[j] = (x[j * stride] - mean[j]) / std[j];
            }
        } else if (stride == 1) {
            copy_row(args->n, x, out);
        } else {
            for (size_t j = 0; j < args->n; j++) {
                out[j] = x[j * stride];
            }
        }
    }
}

/* The vocabulary of an f32 table has no vectors of doubles, so this function
 * uses those of GNU C, which the compiler maps to what the CPU has. */
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

/* Returns true if scale * x[i] is finite for all i. */
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

/* Most data is finite, and if it is dense, one fast pass proves it. Only in
 * other cases the position must be searched element by element. */
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

/* Let M be the largest finite real. If |x| <= sqrt(M / (8 terms)) for all
 * numbers, every product is at most M / (8 terms), so a sum of that many is at
 * most M / 8; the factor 8 is a margin for rounding. The test is that
 * x sqrt(8 terms) sqrt(M) does not overflow. */
static bool products_stay_finite(size_t n, size_t terms, const void *x)
{
    const double max = REAL_BITS == 32 ? (double)FLT_MAX : DBL_MAX;
    return all_finite(n, x, sqrt(8.0 * (double)terms) * sqrt(max));
}
