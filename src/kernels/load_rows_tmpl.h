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
 * (vec, VLEN, vload_part, vdiv, vall), copy_row of loops_tmpl.h, prefetch of
 * gemm_pack_tmpl.h, and SCALAR_KERNELS of table_tmpl.h. scalar_tmpl.h has the
 * conversions that gain nothing from vectors.
 */
static inline const real *row_of(const void *data, size_t row_stride, size_t i)
{
    return (const real *)data + i * row_stride;
}

/* Means and standard deviations of the columns that one vector holds. */
typedef struct column_vec {
    vec mean, std;
} column_vec;

/* Returns the moments for a vector of columns that begins with column j. After
 * the last column the first one follows if `repeats` is true. Otherwise the
 * lanes after it have std 1, so that nothing is divided by 0. */
static column_vec columns_of(const mlpi_load_rows_args *args, size_t j,
                             bool repeats)
{
    real mean[VLEN];
    real std[VLEN];
    for (size_t r = 0; r < VLEN; r++) {
        const size_t column = repeats ? (j + r) % args->n : j + r;
        const bool is_on = column < args->n;
        mean[r] = is_on ? ((const real *)args->mean)[column] : R(0.0);
        std[r] = is_on ? ((const real *)args->std)[column] : R(1.0);
    }
    return (column_vec){vload(mean), vload(std)};
}

/* Standardises n numbers, the last vector of which may be a part, whose columns
 * are `last`. All vectors have these columns if `repeats` is true. */
static inline ALWAYS_INLINE void
standardise_row(const mlpi_load_rows_args *args, size_t n, const real *x,
                const column_vec *last, bool repeats, real *out)
{
    const real *mean = args->mean;
    const real *std = args->std;
    size_t j = 0;
    for (; j + VLEN <= n; j += VLEN) {
        vec from = repeats ? last->mean : vload(mean + j);
        vec by = repeats ? last->std : vload(std + j);
        vstore(out + j, vdiv(vsub(vload(x + j), from), by));
    }
    if (j < n) {
        vec centred = vsub(vload_part(x + j, n - j), last->mean);
        vstore_part(out + j, vdiv(centred, last->std), n - j);
    }
}

/* Loads dense rows in their order as one long row. If they are standardised, a
 * vector holds whole rows. */
static void load_as_one_row(const mlpi_load_rows_args *args)
{
    const size_t n = args->m * args->n;
    if (args->mean) {
        const column_vec columns = columns_of(args, 0, true);
        standardise_row(args, n, args->X.data, &columns, true, args->out);
    } else {
        copy_row(n, args->X.data, args->out);
    }
}

/* Rows in shuffled order lie anywhere in memory, and hardware prefetchers
 * cannot predict where. So the rows of the next batch are prefetched while the
 * rows of this batch are copied. */
static void load_row_by_row(const mlpi_load_rows_args *args)
{
    real *out = args->out;
    const real *mean = args->mean;
    const real *std = args->std;
    const size_t stride = args->X.col_stride;
    const bool by_vectors = mean && stride == 1;
    column_vec last;
    if (by_vectors) {
        last = columns_of(args, args->n / VLEN * VLEN, false);
    }
    for (size_t i = 0; i < args->m; i++, out += args->n) {
        const real *x = row_of(args->X.data, args->X.row_stride,
                               args->order ? args->order[i] : i);
        if (args->prefetch_ahead > 0) {
            prefetch(args->X.data,
                     args->order[args->prefetch_ahead + i] * args->X.row_stride,
                     args->n);
        }
        if (by_vectors) {
            standardise_row(args, args->n, x, &last, false, out);
        } else if (stride == 1) {
            copy_row(args->n, x, out);
        } else {
            for (size_t j = 0; j < args->n; j++) {
                real value = x[j * stride];
                out[j] = mean ? (value - mean[j]) / std[j] : value;
            }
        }
    }
}

static void load_rows(const mlpi_load_rows_args *args)
{
    const bool is_dense = !args->order && args->m > 1 && args->n > 0 &&
                          args->X.col_stride == 1 &&
                          args->X.row_stride == args->n;
    if (is_dense && (!args->mean || VLEN % args->n == 0)) {
        load_as_one_row(args);
    } else {
        load_row_by_row(args);
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
