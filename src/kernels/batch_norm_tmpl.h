/* SPDX-License-Identifier: MIT */
/*
 * Batch normalisation of columns (src/batch_norm.h has the formulas).
 * Parameters: the vocabulary, loop_tmpl.h and lent.h.
 *
 * A vector holds neighbouring columns and goes down the rows. Sums are those of
 * column_sums: row i into lane i mod 8, then mlpi_join_lanes; a product that is
 * summed up is fused with the addition.
 */
typedef struct columns {
    size_t rows, stride;
    bool part; /* are there fewer columns than lanes? */
    size_t cols;
} columns;

/* Column j of n, and its neighbours in a vector. */
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

/* A factor of each row: x - offset, where rows of x are `stride` apart. */
typedef struct shifted {
    const real *x;
    size_t stride;
    vec offset;
} shifted;

/* The sums of products over all rows, each product fused with its addition. All
 * sums here are such, so that their code is there once. */
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
    vec t[MLPI_LANES]; /* s is in registers, which have no numbers */
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

/* x * 1 is x, so this adds up the rows of x. */
static vec sum_rows(const columns *c, const real *x)
{
    real ones[VLEN];
    vstore(ones, vset1(R(1.0)));
    return sum_columns(c, &(shifted){x, c->stride, vzero()},
                       &(shifted){ones, 0, vzero()});
}

COLD void LENT(moments)(const mlpi_moments *b)
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

COLD void LENT(normalise)(const mlpi_normalise *b)
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

COLD void LENT(normalise_sums)(const mlpi_normalise_back *b)
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

COLD void LENT(normalise_backward)(const mlpi_normalise_back *b)
{
    const vec rows = vset1((real)b->batch);
    for (size_t j = 0; j < b->n; j += VLEN) {
        columns c = columns_at(j, b->n, b->m, b->stride);
        vec inverse =
            inverse_deviation(load_columns(b->variance, j, &c), b->epsilon);
        vec factor = vmul(load_columns(b->scale, j, &c), inverse);
        vec shift_share = vdiv(load_columns(b->dshift, j, &c), rows);
        vec scale_share = vdiv(load_columns(b->dscale, j, &c), rows);
        for (size_t i = 0; i < b->m; i++) {
            size_t at = i * b->stride + j;
            vec d = vsub(load_columns(b->dZ, at, &c), shift_share);
            d = vfnma(load_columns(b->X, at, &c), scale_share, d);
            store_columns(b->dZ, at, vmul(d, factor), &c);
        }
    }
}
