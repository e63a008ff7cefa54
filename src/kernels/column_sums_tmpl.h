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

/* Returns the sum of m numbers in eight lanes. */
static real sum_of(size_t m, const real *x)
{
    real s[MLPI_LANES] = {0};
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

/* Adds the rows of a vector of columns, or of the first `cols` columns, where
 * rows are n apart. Eight vectors hold the eight lanes of each column. */
static inline ALWAYS_INLINE void vector_sums(size_t m, size_t n, const real *x,
                                             real *sums, bool part, size_t cols)
{
    vec s[MLPI_LANES];
    UNROLL
    for (size_t r = 0; r < MLPI_LANES; r++) {
        s[r] = vzero();
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
    /* In the order of mlpi_join_lanes. */
    vec even = vadd(vadd(s[0], s[4]), vadd(s[2], s[6]));
    vec odd = vadd(vadd(s[1], s[5]), vadd(s[3], s[7]));
    store_lanes(sums, vadd(even, odd), part, cols);
}

/* Sets sums[j] to the sum of column j of X (m, n). A single column is
 * contiguous, so its lanes are those of vectors of rows. */
static void column_sums(size_t m, size_t n, const void *X, void *sums)
{
    const real *x = X;
    real *out = sums;
    if (n == 1) {
        out[0] = sum_of(m, x);
        return;
    }
    size_t j = 0;
    for (; j + VLEN <= n; j += VLEN) {
        vector_sums(m, n, x + j, out + j, false, VLEN);
    }
    if (j < n) {
        vector_sums(m, n, x + j, out + j, true, n - j);
    }
}
