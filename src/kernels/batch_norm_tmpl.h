/* SPDX-License-Identifier: MIT */
/*
 * Batch normalisation of columns (Ioffe and Szegedy, 2015). For each column of
 * the m rows of a batch,
 *
 *   mean = 1/m sum U          variance = 1/m sum (U - mean)^2
 *   X_hat = (U - mean) r      r = 1 / sqrt(variance + epsilon)
 *   Z = scale X_hat + shift
 *
 *   dscale = sum dZ X_hat     dshift = sum dZ
 *   dU = scale r (dZ - dshift/m - X_hat dscale/m)
 *
 * (model/batch_norm.h says when each is computed.) A vector holds VLEN
 * neighbouring columns, and a loop goes down the rows, so no value crosses
 * lanes. The last columns of a matrix use the first lanes of a vector only.
 * A sum consists of eight vectors of partial sums, as in column_sums (kernels.h
 * calls these lanes, too): row i is added to partial sum i mod 8, and a product
 * is fused with its addition.
 *
 * The elementwise kernels, normalise and normalise_backward, are described by
 * two functions: one computes what all rows share, the other one vector of
 * elements. compute_columns applies them column by column, compute_narrow to
 * matrices that are narrower than a vector. Both are inlined into the kernel.
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

/* Returns one of the eight partial sums over the rows, after a row of x and y
 * is added to it. */
typedef vec add_row(vec sum, vec x, vec y, vec mean);

/* A term is x. */
static inline vec add_element(vec sum, vec x, vec y, vec mean)
{
    (void)y;
    (void)mean;
    return vadd(sum, x);
}

/* A term is (x - mean)^2. */
static inline vec add_square(vec sum, vec x, vec y, vec mean)
{
    (void)y;
    vec difference = vsub(x, mean);
    return vfma(difference, difference, sum);
}

/* A term is x y. */
static inline vec add_row_product(vec sum, vec x, vec y, vec mean)
{
    (void)mean;
    return vfma(x, y, sum);
}

/* Adds all rows of x and y. `part` is a constant at each call, so the loop has
 * no branch and keeps the mask of a part in a register. */
static inline ALWAYS_INLINE vec sum_lanes(add_row *add, const columns *c,
                                          const real *x, const real *y,
                                          vec mean, bool part)
{
    const size_t cols = c->cols;
    const size_t stride = c->stride;
    size_t m = c->rows;
    vec s[MLPI_LANES];
    UNROLL
    for (size_t r = 0; r < MLPI_LANES; r++) {
        s[r] = vzero();
    }
    for (; m >= MLPI_LANES; m -= MLPI_LANES) {
        UNROLL
        for (size_t r = 0; r < MLPI_LANES; r++) {
            s[r] = add(s[r], load_lanes(x, part, cols),
                       load_lanes(y, part, cols), mean);
            x += stride;
            y += stride;
        }
    }
    /* This loop is unrolled, so that s stays in registers. */
    UNROLL
    for (size_t r = 0; r < MLPI_LANES; r++) {
        if (r < m) {
            s[r] = add(s[r], load_lanes(x, part, cols),
                       load_lanes(y, part, cols), mean);
            x += stride;
            y += stride;
        }
    }
    return vadd(vadd(vadd(s[0], s[4]), vadd(s[2], s[6])),
                vadd(vadd(s[1], s[5]), vadd(s[3], s[7])));
}

/* Returns the sums over all rows, for the columns of one vector. */
static inline ALWAYS_INLINE vec sum_columns(add_row *add, const columns *c,
                                            const real *x, const real *y,
                                            vec mean)
{
    return c->part ? sum_lanes(add, c, x, y, mean, true)
                   : sum_lanes(add, c, x, y, mean, false);
}

/* Both moments and normalise_sums call this one copy of the loop. */
static COLD vec sum_elements(const columns *c, const real *x)
{
    return sum_columns(add_element, c, x, x, vzero());
}

/* A second pass sums squared deviations from the mean. The difference of two
 * sums, E[x^2] - E[x]^2, would need one pass but lose digits by
 * cancellation. */
static COLD void moments(const mlpi_moments_args *b)
{
    const vec rows = vset1((real)b->m);
    for (size_t j = 0; j < b->n; j += VLEN) {
        columns c = columns_at(j, b->n, b->m, b->stride);
        const real *x = (const real *)b->U + j;
        vec mean = vdiv(sum_elements(&c, x), rows);
        vec squares = sum_columns(add_square, &c, x, x, mean);
        store_columns(b->mean, j, mean, &c);
        store_columns(b->variance, j, vdiv(squares, rows), &c);
    }
}

/* Returns r = 1 / sqrt(variance + epsilon). */
static inline vec inverse_deviation(vec variance, double epsilon)
{
    vec deviation = vsqrt(vadd(variance, vset1((real)epsilon)));
    return vdiv(vset1(R(1.0)), deviation);
}

/* The elementwise kernels compute one vector of elements after the other, from
 * at most CONSTANTS vectors that depend on the columns only. */
enum { CONSTANTS = 4 };

/* Sets the constants of the columns c, which begin with column j. `kernel`
 * points to the kernel's arguments. */
typedef void set_constants(const void *kernel, size_t j, const columns *c,
                           vec k[CONSTANTS]);

/* Computes the vector that begins with element `at` of the matrices. */
typedef void compute_vector(const void *kernel, size_t at, const columns *c,
                            const vec k[CONSTANTS]);

/* Computes all columns of matrices (m, n), whose rows are `stride` apart. */
static inline ALWAYS_INLINE void compute_columns(const void *kernel, size_t m,
                                                 size_t n, size_t stride,
                                                 set_constants *set,
                                                 compute_vector *compute)
{
    for (size_t j = 0; j < n; j += VLEN) {
        columns c = columns_at(j, n, m, stride);
        vec k[CONSTANTS];
        set(kernel, j, &c, k);
        for (size_t i = 0; i < m; i++) {
            compute(kernel, i * stride + j, &c, k);
        }
    }
}

/* Returns true if the matrices are dense and their rows shorter than a vector,
 * so that compute_narrow is faster for a kernel that works in place. */
static inline bool is_narrow(size_t m, size_t n, size_t stride)
{
    return m > 1 && n > 0 && n < VLEN && stride == n;
}

/* Writes n < VLEN columns to each of `rows` dense rows of n numbers. Every row
 * is stored as a whole vector, whose last lanes the next row overwrites; so
 * `out` must hold VLEN numbers from the last row on. */
static inline void repeat_columns(size_t rows, size_t n, vec a, real *out)
{
    for (size_t r = 0; r < rows; r++) {
        vstore(out + r * n, a);
    }
}

/* Computes dense matrices with n < VLEN columns as flat arrays: VLEN rows are n
 * whole vectors, and the constants are repeated for VLEN rows.
 *
 * If each row were a vector of its own, the load of a row would begin within
 * the bytes that the masked store of the previous row covers. CPUs delay such a
 * load until the store has reached the cache, which makes a kernel in place
 * five to ten times slower (measured on Zen 5 for 64 rows of floats in vectors
 * of 16: 490 ns; as flat arrays 35 ns with 3 columns and 80 ns with 10). */
static inline ALWAYS_INLINE void compute_narrow(const void *kernel, size_t m,
                                                size_t n, size_t needed,
                                                set_constants *set,
                                                compute_vector *compute)
{
    _Alignas(64) real repeated[CONSTANTS][VLEN * VLEN];
    columns c = columns_at(0, n, m, n);
    vec k[CONSTANTS];
    set(kernel, 0, &c, k);
    UNROLL
    for (size_t i = 0; i < needed; i++) {
        repeat_columns(min_size(m, VLEN), n, k[i], repeated[i]);
    }
    for (size_t at = 0, j = 0; at < m * n; at += VLEN) {
        c = columns_at(at, m * n, 1, 0);
        UNROLL
        for (size_t i = 0; i < needed; i++) {
            k[i] = load_columns(repeated[i], j, &c);
        }
        compute(kernel, at, &c, k);
        j = j + VLEN < n * VLEN ? j + VLEN : 0;
    }
}

/* normalise has these constants. */
enum { MEAN, INVERSE, SCALE, SHIFT, FORWARD_CONSTANTS };

static inline ALWAYS_INLINE void
normalise_constants(const void *kernel, size_t j, const columns *c, vec *k)
{
    const mlpi_normalise_args *b = kernel;
    k[MEAN] = load_columns(b->mean, j, c);
    k[INVERSE] = inverse_deviation(load_columns(b->variance, j, c), b->epsilon);
    k[SCALE] = load_columns(b->scale, j, c);
    k[SHIFT] = load_columns(b->shift, j, c);
}

/* X_hat and Z may be the array U itself: each element is read before it is
 * written. */
static inline ALWAYS_INLINE void
normalise_vector(const void *kernel, size_t at, const columns *c, const vec *k)
{
    const mlpi_normalise_args *b = kernel;
    vec u = load_columns(b->U, at, c);
    vec x = vmul(vsub(u, k[MEAN]), k[INVERSE]);
    if (b->X_hat) {
        store_columns(b->X_hat, at, x, c);
    }
    store_columns(b->Z, at, vfma(k[SCALE], x, k[SHIFT]), c);
}

static COLD void normalise_narrow(const mlpi_normalise_args *b)
{
    compute_narrow(b, b->m, b->n, FORWARD_CONSTANTS, normalise_constants,
                   normalise_vector);
}

/* Compilers must assume that the store of a vector may change the arguments, so
 * they would read them again for each vector. The members of a copy that
 * nothing else points to stay in registers (measured: half the time). */
static NEVER_INLINE void normalise(const mlpi_normalise_args *b)
{
    const bool in_place = b->X_hat == b->U || b->Z == b->U;
    if (in_place && is_narrow(b->m, b->n, b->n)) {
        normalise_narrow(b);
        return;
    }
    const mlpi_normalise_args copy = *b;
    compute_columns(&copy, copy.m, copy.n, copy.n, normalise_constants,
                    normalise_vector);
}

static COLD void normalise_sums(const mlpi_normalise_backward_args *b)
{
    for (size_t j = 0; j < b->n; j += VLEN) {
        columns c = columns_at(j, b->n, b->m, b->stride);
        const real *x = (const real *)b->X_hat + j;
        const real *dz = (const real *)b->dZ + j;
        vec products = sum_columns(add_row_product, &c, x, dz, vzero());
        vec terms = sum_elements(&c, dz);
        store_columns(b->dscale, j, products, &c);
        store_columns(b->dshift, j, terms, &c);
    }
}

/* normalise_backward has these constants. */
enum { FACTOR, MEAN_SHIFT, MEAN_SCALE, BACKWARD_CONSTANTS };

/* The rows may be a part of the batch: the means come from the whole of it. */
static inline ALWAYS_INLINE void
backward_constants(const void *kernel, size_t j, const columns *c, vec *k)
{
    const mlpi_normalise_backward_args *b = kernel;
    const vec rows = vset1((real)b->batch);
    vec inverse =
        inverse_deviation(load_columns(b->variance, j, c), b->epsilon);
    k[FACTOR] = vmul(load_columns(b->scale, j, c), inverse);
    k[MEAN_SHIFT] = vdiv(load_columns(b->dshift, j, c), rows);
    k[MEAN_SCALE] = vdiv(load_columns(b->dscale, j, c), rows);
}

static inline ALWAYS_INLINE void backward_vector(const void *kernel, size_t at,
                                                 const columns *c, const vec *k)
{
    const mlpi_normalise_backward_args *b = kernel;
    vec d = vsub(load_columns(b->dZ, at, c), k[MEAN_SHIFT]);
    d = vfnma(load_columns(b->X_hat, at, c), k[MEAN_SCALE], d);
    store_columns(b->dZ, at, vmul(d, k[FACTOR]), c);
}

static COLD void backward_narrow(const mlpi_normalise_backward_args *b)
{
    compute_narrow(b, b->m, b->n, BACKWARD_CONSTANTS, backward_constants,
                   backward_vector);
}

/* The arguments are copied for the same reason as in normalise. */
static NEVER_INLINE void
normalise_backward(const mlpi_normalise_backward_args *b)
{
    if (is_narrow(b->m, b->n, b->stride)) {
        backward_narrow(b);
        return;
    }
    const mlpi_normalise_backward_args copy = *b;
    compute_columns(&copy, copy.m, copy.n, copy.stride, backward_constants,
                    backward_vector);
}
