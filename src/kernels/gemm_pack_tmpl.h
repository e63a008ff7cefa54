/* SPDX-License-Identifier: MIT */
/*
 * Copies of strided matrices into rows. Packing is one use: a part of an
 * operand becomes dense rows, in the order in which a micro-kernel reads them
 * (gemm_tmpl.h says what is packed and when). Another is to move sums between C
 * and the edge tile, or C^T to C. As in BLAS, ld is the leading dimension of
 * the result: its rows begin ld reals apart. The sizes of blocks are chosen
 * here, too.
 *
 * Parameters: the vocabulary of vec_portable.h, above all VLEN, vload_part,
 * vload_columns and TRANSPOSE_ROWS; and loops_tmpl.h.
 *
 * A row-major matrix (unit column stride) is copied by whole vectors. A
 * column-major matrix (unit row stride) is transposed in registers,
 * TRANSPOSE_ROWS rows of VLEN numbers at a time:
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

/* Returns the size of equal blocks of n that have at most `max_size` elements
 * and are multiples of `multiple`. Equal blocks avoid a last one that is
 * tiny. */
static size_t block_size(size_t n, size_t max_size, size_t multiple)
{
    size_t blocks = (n + max_size - 1) / max_size;
    return ((n + blocks - 1) / blocks + multiple - 1) / multiple * multiple;
}

/* Prefetches `count` reals from x[offset] on. They need not exist: a prefetch
 * never fails, so loops may ask for rows beyond the last. */
static inline void prefetch(const real *x, size_t offset, size_t count)
{
    /* Computed as an integer: pointer arithmetic beyond the array would be
     * undefined. */
    uintptr_t at = (uintptr_t)x + offset * sizeof(real);
    for (size_t i = 0; i < count * sizeof(real); i += CACHE_LINE) {
        /* NOLINTNEXTLINE(performance-no-int-to-ptr) */
        __builtin_prefetch((const void *)(at + i));
    }
}

/* Prefetches for writing: other cores give up their copies of the cache lines
 * before the store needs them. This is a function of its own, not an argument
 * of prefetch, because the compiler demands a literal second argument of the
 * builtin (clang 14 crashes on a parameter, even a constant one). */
static inline void prefetch_to_write(const real *x, size_t offset, size_t count)
{
    uintptr_t at = (uintptr_t)x + offset * sizeof(real);
    for (size_t i = 0; i < count * sizeof(real); i += CACHE_LINE) {
        /* NOLINTNEXTLINE(performance-no-int-to-ptr) */
        __builtin_prefetch((const void *)(at + i), 1);
    }
}

/* Copies m rows of a row-major matrix, `stride` apart. */
static void copy_rows(size_t m, size_t n, const real *from, size_t stride,
                      real *to, size_t ld)
{
    for (size_t i = 0; i < m; i++, from += stride, to += ld) {
        prefetch(from, PREFETCH_ROWS * stride, n);
        copy_row(n, from, to);
    }
}

/* Copies m rows of n <= VLEN elements, where column j starts at from[j stride]
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

/* Copies m >= TRANSPOSE_ROWS rows of a column-major matrix. */
static void copy_columns(size_t m, size_t n, const real *from, size_t stride,
                         real *to, size_t ld)
{
    for (size_t j = 0; j < n; j += VLEN) {
        copy_stripe(m, min_size(VLEN, n - j), from + j * stride, stride, to + j,
                    ld);
    }
}

/* Copies (m, n) elements with any strides to rows that begin ld >= n reals
 * apart. Reals between the rows stay untouched. */
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

/* Packs m rows of n elements into rows of ld >= n. The padding is zeroed,
 * because stale memory could hold subnormals, which are slow, or signalling
 * values, which raise exceptions; the products with it are not used. Up to VLEN
 * reals beyond the last row may be written. */
static COLD void pack_padded(size_t m, size_t n, mlpi_operand from, real *to,
                             size_t ld)
{
    for (size_t j = n / VLEN * VLEN; n < ld && j < ld; j += VLEN) {
        for (size_t i = 0; i < m; i++) {
            vstore(to + i * ld + j, vzero());
        }
    }
    copy_strided(m, n, from, to, ld);
}
