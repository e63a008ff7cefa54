/* SPDX-License-Identifier: MIT */
/*
 * Sums of columns in canonical order. Parameters: the vocabulary of
 * vec_portable.h, above all VLEN, vadd and vzero; and loops_tmpl.h.
 *
 * kernels.h says why a sum has eight lanes, and defines their order. A lane is
 * either a number, for a sum of neighbours in memory, or a vector with one lane
 * of VLEN neighbouring columns, for sums of columns. The joins below have the
 * order of mlpi_join_lanes, which is written out because their lanes are reals
 * and vectors, not doubles.
 */

/* Adds m numbers to the eight lanes, and returns the sum of the lanes. */
static inline ALWAYS_INLINE real sum_into_lanes(size_t m, const real *x,
                                                real s[MLPI_LANES])
{
    size_t i = 0;
    for (; i + MLPI_LANES <= m; i += MLPI_LANES) {
        UNROLL
        for (size_t r = 0; r < MLPI_LANES; r++) {
            s[r] += x[i + r];
        }
    }
    /* This loop is unrolled, so that s stays in registers. */
    UNROLL
    for (size_t r = 0; r < MLPI_LANES; r++) {
        if (i + r < m) {
            s[r] += x[i + r];
        }
    }
    /* In the order of mlpi_join_lanes. */
    return ((s[0] + s[4]) + (s[2] + s[6])) + ((s[1] + s[5]) + (s[3] + s[7]));
}

/* Returns the sum of m numbers in eight lanes. */
static real sum_of(size_t m, const real *x)
{
    real s[MLPI_LANES] = {0};
    return sum_into_lanes(m, x, s);
}

/* Sums the vector of columns [j, j + VLEN), or the `cols` columns from j on if
 * `part`. Eight vectors hold the eight lanes of each column. */
static inline ALWAYS_INLINE void vector_sums(const mlpi_column_sums_args *args,
                                             size_t j, bool part, size_t cols)
{
    const size_t n = args->n;
    const real *x = (const real *)args->X + j;
    real *lanes = args->lanes ? (real *)args->lanes + j : NULL;
    size_t m = args->m;
    vec s[MLPI_LANES];
    UNROLL
    for (size_t r = 0; r < MLPI_LANES; r++) {
        s[r] = lanes ? load_lanes(lanes + r * n, part, cols) : vzero();
    }
    for (; m >= MLPI_LANES; m -= MLPI_LANES, x += MLPI_LANES * n) {
        UNROLL
        for (size_t r = 0; r < MLPI_LANES; r++) {
            s[r] = vadd(s[r], load_lanes(x + r * n, part, cols));
        }
    }
    UNROLL
    for (size_t r = 0; r < MLPI_LANES; r++) {
        if (r < m) {
            s[r] = vadd(s[r], load_lanes(x + r * n, part, cols));
        }
    }
    UNROLL
    for (size_t r = 0; lanes && r < MLPI_LANES; r++) {
        store_lanes(lanes + r * n, s[r], part, cols);
    }
    /* In the order of mlpi_join_lanes. */
    vec even = vadd(vadd(s[0], s[4]), vadd(s[2], s[6]));
    vec odd = vadd(vadd(s[1], s[5]), vadd(s[3], s[7]));
    store_lanes((real *)args->sums + j, vadd(even, odd), part, cols);
}

/* A single column is contiguous, so its lanes are those of vectors of rows. */
static void column_sums(const mlpi_column_sums_args *args)
{
    if (args->n == 1) {
        real *sum = args->sums;
        *sum = args->lanes ? sum_into_lanes(args->m, args->X, args->lanes)
                           : sum_of(args->m, args->X);
        return;
    }
    size_t j = 0;
    for (; j + VLEN <= args->n; j += VLEN) {
        vector_sums(args, j, false, VLEN);
    }
    if (j < args->n) {
        vector_sums(args, j, true, args->n - j);
    }
}
