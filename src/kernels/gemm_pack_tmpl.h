/* SPDX-License-Identifier: MIT */
/*
 * Packing: parts of strided matrices become dense rows, in the order in which
 * a tile reads them. Parameters: the vocabulary and loop_tmpl.h.
 *
 * Rows that are contiguous are copied by whole vectors; columns that are, are
 * transposed in registers, TRANSPOSE_ROWS rows of VLEN at a time.
 */
enum {
    PREFETCH_ROWS = 16, /* rows by which copying asks for memory early */
    CACHE_LINE = 64
};

/* Asks for `count` reals from x[offset] on, which need not exist. */
static inline void prefetch(const real *x, size_t offset, size_t count)
{
    uintptr_t at = (uintptr_t)x + offset * sizeof(real);
    for (size_t i = 0; i < count * sizeof(real); i += CACHE_LINE) {
        /* Not an offset of x, since it may lie outside of x's object.
         * NOLINTNEXTLINE(performance-no-int-to-ptr) */
        __builtin_prefetch((const void *)(at + i));
    }
}

/* Likewise, to write there: other cores let go of it. */
static inline void prefetch_to_write(const real *x, size_t offset, size_t count)
{
    uintptr_t at = (uintptr_t)x + offset * sizeof(real);
    for (size_t i = 0; i < count * sizeof(real); i += CACHE_LINE) {
        /* NOLINTNEXTLINE(performance-no-int-to-ptr) */
        __builtin_prefetch((const void *)(at + i), 1);
    }
}

/* m rows of n elements that are neighbours. */
static void pack_rows(size_t m, size_t n, const real *from, size_t stride,
                      real *to, size_t width)
{
    for (size_t i = 0; i < m; i++, from += stride, to += width) {
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

/* m rows of n <= VLEN elements, column j being from[j stride] and on. The last
 * rows are TRANSPOSE_ROWS, too, if need be some of those before once more. */
static HOT void pack_stripe(size_t m, size_t n, const real *from, size_t stride,
                            real *to, size_t width)
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
            store_lanes(to + (i + r) * width, rows[r], n < VLEN, n);
        }
    }
}

/* m >= TRANSPOSE_ROWS rows whose columns are contiguous. */
static void pack_columns(size_t m, size_t n, const real *from, size_t stride,
                         real *to, size_t width)
{
    for (size_t j = 0; j < n; j += VLEN) {
        pack_stripe(m, min_size(VLEN, n - j), from + j * stride, stride, to + j,
                    width);
    }
}

/* m x n elements, n <= width, as rows of `width`. */
static HOT void pack(size_t m, size_t n, mlpi_operand from, real *to,
                     size_t width)
{
    const real *x = from.data;
    if (from.col_stride == 1) {
        pack_rows(m, n, x, from.row_stride, to, width);
    } else if (from.row_stride == 1 && m >= TRANSPOSE_ROWS) {
        pack_columns(m, n, x, from.col_stride, to, width);
    } else {
        for (size_t j = 0; j < n; j++) {
            for (size_t i = 0; i < m; i++) {
                to[i * width + j] =
                    x[i * from.row_stride + j * from.col_stride];
            }
        }
    }
}
