/* SPDX-License-Identifier: MIT */
/*
 * Packing: a part of a strided matrix becomes dense rows, in the order in which
 * a micro-kernel reads them (gemm_tmpl.h says what is packed and when).
 * Parameters: the vocabulary of vec_portable.h, above all VLEN, vload_part,
 * vload_columns and TRANSPOSE_ROWS; and loops_tmpl.h.
 *
 * Contiguous rows are copied by whole vectors. Contiguous columns are
 * transposed in registers, TRANSPOSE_ROWS rows of VLEN numbers at a time:
 *
 *      column 0 -> x x x x            x o + *   row 0
 *      column 1 -> o o o o    --->    x o + *   row 1
 *      column 2 -> + + + +            x o + *   row 2
 *      column 3 -> * * * *            x o + *   row 3
 */
enum {
    PREFETCH_ROWS = 16, /* how many rows ahead copying prefetches */
    CACHE_LINE = 64     /* bytes */
};

/* Prefetches `count` reals from x[offset] on. They need not exist: a prefetch
 * never fails, so loops may ask for rows beyond the last. */
static inline void prefetch(const real *x, size_t offset, size_t count)
{
    uintptr_t at = (uintptr_t)x + offset * sizeof(real);
    for (size_t i = 0; i < count * sizeof(real); i += CACHE_LINE) {
        /* The sum is no pointer into the object of x, where it may not point.
         * NOLINTNEXTLINE(performance-no-int-to-ptr) */
        __builtin_prefetch((const void *)(at + i));
    }
}

/* Prefetches for writing: other cores give up their copies of the cache lines
 * before the store needs them. */
static inline void prefetch_to_write(const real *x, size_t offset, size_t count)
{
    uintptr_t at = (uintptr_t)x + offset * sizeof(real);
    for (size_t i = 0; i < count * sizeof(real); i += CACHE_LINE) {
        /* NOLINTNEXTLINE(performance-no-int-to-ptr) */
        __builtin_prefetch((const void *)(at + i), 1);
    }
}

/* Packs m rows of n contiguous elements into rows of `ld`. */
static void copy_rows(size_t m, size_t n, const real *from, size_t stride,
                      real *to, size_t ld)
{
    for (size_t i = 0; i < m; i++, from += stride, to += ld) {
        prefetch(from, PREFETCH_ROWS * stride, n);
        size_t j = 0;
        for (; j + VLEN <= n; j += VLEN) {
            vstore(to + j, vload(from + j));
        }
        if (j < n) {
            vstore_part(to + j, vload_part(from + j, n - j), n - j);
        }
    }
}

/* Packs m rows of n <= VLEN elements, where column j starts at from[j stride]
 * and is contiguous. If m is no multiple of TRANSPOSE_ROWS, the last rows
 * overlap those before and store the same numbers again. */
static HOT void copy_stripe(size_t m, size_t n, const real *from, size_t stride,
                            real *to, size_t ld)
{
    const real *column[VLEN];
    for (size_t j = 0; j < VLEN; j++) {
        column[j] = from + min_size(j, n - 1) * stride;
    }
    for (size_t done = 0; done < m; done += TRANSPOSE_ROWS) {
        const size_t i = min_size(done, m - TRANSPOSE_ROWS);
        vec rows[TRANSPOSE_ROWS];
        vload_columns(column, i, rows);
        UNROLL
        for (size_t r = 0; r < TRANSPOSE_ROWS; r++) {
            store_lanes(to + (i + r) * ld, rows[r], n < VLEN, n);
        }
    }
}

/* Packs m >= TRANSPOSE_ROWS rows of a matrix whose columns are contiguous. */
static void copy_columns(size_t m, size_t n, const real *from, size_t stride,
                         real *to, size_t ld)
{
    for (size_t j = 0; j < n; j += VLEN) {
        copy_stripe(m, min_size(VLEN, n - j), from + j * stride, stride, to + j,
                    ld);
    }
}

/* Packs (m, n) elements of `from` into rows of `ld` >= n. */
static HOT void copy_strided(size_t m, size_t n, mlpi_operand from, real *to,
                             size_t ld)
{
    const real *x = from.data;
    if (from.col_stride == 1) {
        copy_rows(m, n, x, from.row_stride, to, ld);
    } else if (from.row_stride == 1 && m >= TRANSPOSE_ROWS) {
        copy_columns(m, n, x, from.col_stride, to, ld);
    } else {
        for (size_t j = 0; j < n; j++) {
            for (size_t i = 0; i < m; i++) {
                to[i * ld + j] = x[i * from.row_stride + j * from.col_stride];
            }
        }
    }
}
