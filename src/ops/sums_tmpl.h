/* SPDX-License-Identifier: MIT */
/* Sums of columns, in eight lanes. Parameters: the vocabulary and loop_tmpl.h. */

/* A single column lies in memory as the lanes do: a vector of lanes. */
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
    /* Unrolled, so that s stays in registers. */
    UNROLL
    for (size_t r = 0; r < MLPI_LANES; r++) {
        if (i + r < m) {
            s[r] += x[i + r];
        }
    }
    return ((s[0] + s[4]) + (s[2] + s[6])) + ((s[1] + s[5]) + (s[3] + s[7]));
}

/* Eight rows at a time, one for each lane. */
static void column_sums(size_t m, size_t n, const void *X, void *sums)
{
    const real *x = X;
    real *out = sums;
    if (n == 1) {
        out[0] = sum_of(m, x);
        return;
    }
    for (size_t j = 0; j < n; j += VLEN) {
        size_t cols = least(VLEN, n - j);
        bool part = cols < VLEN;
        vec s[MLPI_LANES];
        UNROLL
        for (size_t r = 0; r < MLPI_LANES; r++) {
            s[r] = vzero();
        }
        size_t i = 0;
        for (; i + MLPI_LANES <= m; i += MLPI_LANES) {
            UNROLL
            for (size_t r = 0; r < MLPI_LANES; r++) {
                s[r] = vadd(s[r], load_lanes(x + (i + r) * n + j, part, cols));
            }
        }
        UNROLL
        for (size_t r = 0; r < MLPI_LANES; r++) {
            if (i + r < m) {
                s[r] = vadd(s[r], load_lanes(x + (i + r) * n + j, part, cols));
            }
        }
        vec even = vadd(vadd(s[0], s[4]), vadd(s[2], s[6]));
        vec odd = vadd(vadd(s[1], s[5]), vadd(s[3], s[7]));
        store_lanes(out + j, vadd(even, odd), part, cols);
    }
}
