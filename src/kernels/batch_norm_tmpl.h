/* SPDX-License-Identifier: MIT */
/*
 * Batch normalisation of columns (Ioffe and Szegedy, 2015). For each column of
 * the m rows of a batch,
 *
 *   mean = 1/m sum U          variance = 1/m sum (U - mean)^2
 *   X = (U - mean) r          r = 1 / sqrt(variance + epsilon)
 *   Z = scale X + shift
 *
 *   dscale = sum dZ X         dshift = sum dZ
 *   dU = scale r (dZ - dshift/m - X dscale/m)
 *
 * (model/batch_norm.h says when each is computed.) A vector holds VLEN
 * neighbouring columns, and a loop goes down the rows, so no value crosses
 * lanes. The last columns of a matrix use the first lanes of a vector only.
 * Sums have eight lanes as in column_sums: row i is added to sum i mod 8, and a
 * product is fused with its addition.
 *
 * This file is a template. Its parameters are the vocabulary of vec_portable.h
 * (vec, VLEN, vfma, vsqrt) and loops_tmpl.h.
 */

/* Describes the columns of one vector in all rows. */
typedef struct columns {
    size_t rows, stride; /* rows are `stride` apart */
    bool part;           /* true if there are fewer columns than lanes */
    size_t cols;         /* at most VLEN */
} columns;

/* Returns the vector of columns that begins with column j of n. */
static inline columns columns_at(size_t j, size_t n, size_t rows, size_t stride)
{
    size_t cols = min_size(VLEN, n - j);
    return (columns){rows, stride, cols < VLEN, cols};
}

static inline ALWAYS_INLINE vec load_columns(const void *reals, size_t at,
                                             const columns *c)
{
    return load_lanes((const real *)reals + at, c->part, c->cols);
}

static inline ALWAYS_INLINE void store_columns(void *reals, size_t at, vec a,
                                               const columns *c)
{
    store_lanes((real *)reals + at, a, c->part, c->cols);
}

/* A factor in a sum of products: x - offset, where x moves by `stride` from one
 * row to the next. With stride 0 the factor is the same in all rows. */
typedef struct shifted {
    const real *x;
    size_t stride;
    vec offset;
} shifted;

/* The sums over all rows of a * b, for the columns of one vector. Every sum of
 * this file has this form, so that this long loop is compiled once. */
static COLD vec sum_columns(const columns *c, const shifted *a,
                            const shifted *b)
{
    const bool part = c->part;
    const size_t cols = c->cols;
    const vec u = a->offset;
    const vec v = b->offset;
    const real *x = a->x;
    const real *y = b->x;
    vec s[MLPI_LANES];
    UNROLL
    for (size_t r = 0; r < MLPI_LANES; r++) {
        s[r] = vzero();
    }
    size_t m = c->rows;
    for (; m >= MLPI_LANES; m -= MLPI_LANES) {
        UNROLL
        for (size_t r = 0; r < MLPI_LANES; r++) {
            s[r] = vfma(vsub(load_lanes(x, part, cols), u),
                        vsub(load_lanes(y, part, cols), v), s[r]);
            x += a->stride;
            y += b->stride;
        }
    }
    /* The remaining rows index the lanes by a variable. That would force s into
     * memory for the whole loop above, so they work on a copy. */
    vec t[MLPI_LANES];
    memcpy(t, s, sizeof t);
    for (size_t r = 0; r < m; r++) {
        t[r] = vfma(vsub(load_lanes(x, part, cols), u),
                    vsub(load_lanes(y, part, cols), v), t[r]);
        x += a->stride;
        y += b->stride;
    }
    return vadd(vadd(vadd(t[0], t[4]), vadd(t[2], t[6])),
                vadd(vadd(t[1], t[5]), vadd(t[3], t[7])));
}

/* The sums over all rows of x, as those of x * 1, which is exact. */
static vec sum_rows(const columns *c, const real *x)
{
    real ones[VLEN];
    vstore(ones, vset1(R(1.0)));
    return sum_columns(c, &(shifted){x, c->stride, vzero()},
                       &(shifted){ones, 0, vzero()});
}

/* A second pass sums squared deviations from the mean. The difference of two
 * sums, E[x^2] - E[x]^2, would need one pass but lose digits by
 * cancellation. */
static COLD void moments(const mlpi_moments_args *b)
{
    const vec rows = vset1((real)b->m);
    for (size_t j = 0; j < b->n; j += VLEN) {
        columns c = columns_at(j, b->n, b->m, b->stride);
        const real *x = (const real *)b->X + j;
        vec mean = vdiv(sum_rows(&c, x), rows);
        shifted difference = {x, b->stride, mean};
        vec squares = sum_columns(&c, &difference, &difference);
        store_columns(b->mean, j, mean, &c);
        store_columns(b->variance, j, vdiv(squares, rows), &c);
    }
}

static inline vec inverse_deviation(vec variance, double epsilon)
{
    vec deviation = vsqrt(vadd(variance, vset1((real)epsilon)));
    return vdiv(vset1(R(1.0)), deviation);
}

/* X and Z may be the array U itself: each element is read before it is written.
 */
static COLD void normalise(const mlpi_normalise_args *b)
{
    for (size_t j = 0; j < b->n; j += VLEN) {
        columns c = columns_at(j, b->n, b->m, b->n);
        vec mean = load_columns(b->mean, j, &c);
        vec scale = load_columns(b->scale, j, &c);
        vec shift = load_columns(b->shift, j, &c);
        vec inverse =
            inverse_deviation(load_columns(b->variance, j, &c), b->epsilon);
        for (size_t i = 0; i < b->m; i++) {
            size_t at = i * b->n + j;
            vec u = load_columns(b->U, at, &c);
            vec x = vmul(vsub(u, mean), inverse);
            if (b->X) {
                store_columns(b->X, at, x, &c);
            }
            store_columns(b->Z, at, vfma(scale, x, shift), &c);
        }
    }
}

static COLD void normalise_sums(const mlpi_normalise_backward_args *b)
{
    for (size_t j = 0; j < b->n; j += VLEN) {
        columns c = columns_at(j, b->n, b->m, b->stride);
        const real *x = (const real *)b->X + j;
        const real *dz = (const real *)b->dZ + j;
        vec products = sum_columns(&c, &(shifted){x, b->stride, vzero()},
                                   &(shifted){dz, b->stride, vzero()});
        vec terms = sum_rows(&c, dz);
        store_columns(b->dscale, j, products, &c);
        store_columns(b->dshift, j, terms, &c);
    }
}

/* The rows may be a part of the batch: the means come from the whole of it. */
static COLD void normalise_backward(const mlpi_normalise_backward_args *b)
{
    const vec rows = vset1((real)b->batch);
    for (size_t j = 0; j < b->n; j += VLEN) {
        columns c = columns_at(j, b->n, b->m, b->stride);
        vec inverse =
            inverse_deviation(load_columns(b->variance, j, &c), b->epsilon);
        vec factor = vmul(load_columns(b->scale, j, &c), inverse);
        vec mean_shift = vdiv(load_columns(b->dshift, j, &c), rows);
        vec mean_scale = vdiv(load_columns(b->dscale, j, &c), rows);
        for (size_t i = 0; i < b->m; i++) {
            size_t at = i * b->stride + j;
            vec d = vsub(load_columns(b->dZ, at, &c), mean_shift);
            d = vfnma(load_columns(b->X, at, &c), mean_scale, d);
            store_columns(b->dZ, at, vmul(d, factor), &c);
        }
    }
}
