/* SPDX-License-Identifier: MIT */
/*
 * Packing: parts of strided matrices become dense rows, in the order in which
 * a tile reads them. Parameters: the vocabulary and loop_tmpl.h.
 *
 * Rows that are contiguous are copied by whole vectors; columns that are, are
 * transposed in registers, VLEN x VLEN at a time. Either way a vector may reach
 * beyond its row, into elements that are written after it: rows are made from
 * the first to the last, and what follows the last must have room for VLEN.
 */
enum {
    AHEAD = 8, /* rows by which copying asks for memory early */
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

/* m rows of n elements that are neighbours. */
static inline ALWAYS_INLINE void pack_rows(size_t m, size_t n, const real *from,
                                           size_t stride, real *to,
                                           size_t width)
{
    for (size_t i = 0; i < m; i++, from += stride, to += width) {
        prefetch(from, AHEAD * stride, n);
        size_t j = 0;
        UNROLL
        for (; j + VLEN <= n; j += VLEN) {
            vstore(to + j, vload(from + j));
        }
        if (j < n) {
            vstore(to + j, vload_part(from + j, n - j));
        }
    }
}

/* VLEN rows of n <= VLEN elements, column j being from[j stride] and on. */
static inline ALWAYS_INLINE void
pack_square(size_t n, const real *from, size_t stride, real *to, size_t width)
{
    vec rows[VLEN];
    vload_columns(from, stride, n, rows);
    UNROLL
    for (size_t i = 0; i < VLEN; i++) {
        vstore(to + i * width, rows[i]);
    }
}

static NEVER_INLINE void pack_few_columns(size_t n, const real *from,
                                          size_t stride, real *to, size_t width)
{
    pack_square(n, from, stride, to, width);
}

/* m rows whose columns are contiguous. The last rows are VLEN, too, if need be
 * some of those before once more. The last columns come first, for they reach
 * into the next row's first. */
static inline ALWAYS_INLINE void pack_columns(size_t m, size_t n,
                                              const real *from, size_t stride,
                                              real *to, size_t width)
{
    const size_t whole = n / VLEN * VLEN;
    for (size_t done = 0; done < m; done += VLEN) {
        size_t i = done + VLEN <= m ? done : m - VLEN;
        if (whole < n) {
            pack_few_columns(n - whole, from + i + whole * stride, stride,
                             to + i * width + whole, width);
        }
        UNROLL
        for (size_t j = 0; j < whole; j += VLEN) {
            pack_square(VLEN, from + i + j * stride, stride, to + i * width + j,
                        width);
        }
    }
}

/* m x n elements, n <= width, as rows of `width`. */
static inline ALWAYS_INLINE void pack(size_t m, size_t n, mlpi_operand from,
                                      real *to, size_t width)
{
    const real *x = from.data;
    if (from.col_stride == 1) {
        pack_rows(m, n, x, from.row_stride, to, width);
    } else if (from.row_stride == 1 && m >= VLEN) {
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
