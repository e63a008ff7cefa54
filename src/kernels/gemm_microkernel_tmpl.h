/* SPDX-License-Identifier: MIT */
/*
 * The tiles of a matrix product. Parameters: the vocabulary, loop_tmpl.h and
 * pack_tmpl.h.
 *
 * C is computed in tiles of up to MR rows by NR_VECS vectors, whose
 * accumulators stay in registers while k runs:
 *
 *                  B  k |  [ b b ]          one row of the panel: NR_VECS
 *                       |  [ b b ]          vectors, shared by all tile rows
 *        A   k             -------
 *      [ a a a a ]         [ s s ]          s = fma(a, b, s), a broadcast
 *      [ a a a a ]         [ s s ]
 *
 * Tiles know whole vectors and a chain only. What is narrower goes to a room of
 * its own, and gemm_tmpl.h does the rest.
 */
enum {
    NR = NR_VECS * VLEN, /* columns of a tile */
    ROW_VECS = 8, /* of a single row: chains enough to hide fma's latency */
    LANES_COLUMNS = 10, /* which ten classes have: see tall_tile */
    MIDDLE_ROWS = MR > 8 ? 8 : SMALL_ROWS
};

typedef struct micro_tile {
    size_t k;
    const real *a;
    size_t rs_a, cs_a; /* strides of A by row and by k */
    const real *b;
    size_t rs_b;      /* stride of B by k; columns are contiguous */
    real *pack_to;    /* receives the rows of B, NR apart; or NULL */
    const real *c_in; /* what the sums start from, C; or NULL: from 0 */
    size_t rs_c_in;
    real *c;
    size_t rs_c;
    size_t rows; /* the tile's; of one of SMALL_ROWS perhaps fewer */
} micro_tile;

/* `rows`, `vecs` and `packs` are constants at each call, so that the loops over
 * them unroll and s lives in registers. Rows of A are reached from every third
 * of them, or not all addresses would be in registers; a tile of few has its
 * last row more than once if C has not so many. */
static inline ALWAYS_INLINE void microkernel(const micro_tile *t, size_t rows,
                                             size_t vecs, bool packs)
{
    const size_t group = rows == SMALL_ROWS ? 1 : 3;
    const size_t last = t->rows - 1;
    /* Copies, for the compiler cannot know that C is not the tile itself. */
    const size_t rs_a = t->rs_a;
    const size_t cs_a = t->cs_a;
    const size_t rs_b = t->rs_b;
    const real *a[MR];
    const real *b = t->b;
    real *packed = t->pack_to;
    vec s[MR][NR_VECS];
    UNROLL
    for (size_t i = 0; i < rows; i++) {
        const size_t row = group == 1 ? min_size(i, last) : i;
        a[i] = t->a + row * rs_a;
        UNROLL
        for (size_t v = 0; v < vecs; v++) {
            s[i][v] = t->c_in ? vload(t->c_in + row * t->rs_c_in + v * VLEN)
                              : vzero();
        }
    }
    for (size_t k = t->k; k > 0; k--, b += rs_b) {
        vec row[NR_VECS];
        UNROLL
        for (size_t v = 0; v < vecs; v++) {
            row[v] = vload(b + v * VLEN);
            if (packs) {
                vstore(packed + v * VLEN, row[v]);
            }
        }
        if (packs) {
            prefetch(b, PREFETCH_ROWS * rs_b, NR);
            packed += NR;
        }
        UNROLL
        for (size_t i = 0; i < rows; i++) {
            vec x = vset1(a[i / group * group][i % group * rs_a]);
            UNROLL
            for (size_t v = 0; v < vecs; v++) {
                s[i][v] = vfma(x, row[v], s[i][v]);
            }
        }
        UNROLL
        for (size_t i = 0; i < rows; i += group) {
            a[i] += cs_a;
        }
    }
    real *c = t->c;
    const size_t rs_c = t->rs_c;
    UNROLL
    for (size_t i = 0; i < rows; i++, c += rs_c) {
        if (group > 1 || i <= last) {
            UNROLL
            for (size_t v = 0; v < vecs; v++) {
                vstore(c + v * VLEN, s[i][v]);
            }
        }
    }
}

static HOT void full_tile(const micro_tile *t)
{
    microkernel(t, MR, NR_VECS, false);
}

static HOT void full_tile_packing_b(const micro_tile *t)
{
    microkernel(t, MR, NR_VECS, true);
}

static HOT void full_tile_one_vec(const micro_tile *t)
{
    microkernel(t, MR, 1, false);
}

static HOT void middle_tile(const micro_tile *t)
{
    microkernel(t, MIDDLE_ROWS, NR_VECS, false);
}

static HOT void middle_tile_one_vec(const micro_tile *t)
{
    microkernel(t, MIDDLE_ROWS, 1, false);
}

static HOT void low_tile(const micro_tile *t)
{
    microkernel(t, SMALL_ROWS, NR_VECS, false);
}

static HOT void low_tile_one_vec(const micro_tile *t)
{
    microkernel(t, SMALL_ROWS, 1, false);
}

/* Rows of the first tile of so many. Tiles of few rows are slow, since they
 * wait for their own sums, so two of middle size are better than a full one and
 * what it leaves. */
static size_t rows_of_next_tile(size_t rows)
{
    if (rows >= MIDDLE_ROWS &&
        (rows < MR || (rows >= 2 * MIDDLE_ROWS && rows < MR + MIDDLE_ROWS))) {
        return MIDDLE_ROWS;
    }
    return rows >= MR ? MR : min_size(rows, SMALL_ROWS);
}

/* A tile of as many rows as tile_rows says, by one vector of columns or by all.
 */
static void run_tile(const micro_tile *t, bool one_vec)
{
    if (t->pack_to) {
        full_tile_packing_b(t);
    } else if (t->rows == MR) {
        one_vec ? full_tile_one_vec(t) : full_tile(t);
    } else if (t->rows == MIDDLE_ROWS && (int)MIDDLE_ROWS > (int)SMALL_ROWS) {
        one_vec ? middle_tile_one_vec(t) : middle_tile(t);
    } else {
        one_vec ? low_tile_one_vec(t) : low_tile(t);
    }
}

/* C^T of LANES_COLUMNS columns, and VLEN rows of A, which are the lanes: they
 * are transposed as they are loaded, TRANSPOSE_ROWS elements at a time, of which k is a
 * multiple. B is dense. */
static HOT void rows_as_lanes_tile(const micro_tile *t)
{
    const real *row[VLEN];
    const real *b = t->b;
    vec s[LANES_COLUMNS];
    for (size_t r = 0; r < VLEN; r++) {
        row[r] = t->a + r * t->rs_a;
    }
    UNROLL
    for (size_t j = 0; j < LANES_COLUMNS; j++) {
        s[j] = vzero();
    }
    for (size_t k = 0; k < t->k; k += TRANSPOSE_ROWS) {
        vec x[TRANSPOSE_ROWS];
        vload_columns(row, k, x);
        UNROLL
        for (size_t i = 0; i < TRANSPOSE_ROWS; i++, b += LANES_COLUMNS) {
            UNROLL
            for (size_t j = 0; j < LANES_COLUMNS; j++) {
                s[j] = vfma(x[i], vset1(b[j]), s[j]);
            }
        }
    }
    UNROLL
    for (size_t j = 0; j < LANES_COLUMNS; j++) {
        vstore(t->c + j * VLEN, s[j]);
    }
}

/* A row of A by as many columns as keep the units of fma busy. B is read where
 * it lies, and its last vector may be a part of one. */
static inline ALWAYS_INLINE void
row_microkernel(const micro_tile *t, size_t vecs, bool part, size_t last)
{
    vec s[ROW_VECS];
    const real *a = t->a;
    const real *b = t->b;
    UNROLL
    for (size_t v = 0; v < vecs; v++) {
        s[v] = vzero();
    }
    for (size_t k = t->k; k > 0; k--, a += t->cs_a, b += t->rs_b) {
        vec x = vset1(*a);
        UNROLL
        for (size_t v = 0; v < vecs; v++) {
            s[v] = vfma(
                x, load_lanes(b + v * VLEN, part && v + 1 == vecs, last), s[v]);
        }
    }
    UNROLL
    for (size_t v = 0; v < vecs; v++) {
        vstore(t->c + v * VLEN, s[v]);
    }
}

static HOT void row_eight_vecs(const micro_tile *t)
{
    row_microkernel(t, 8, false, 0);
}

static HOT void row_four_vecs(const micro_tile *t)
{
    row_microkernel(t, 4, false, 0);
}

static HOT void row_two_vecs(const micro_tile *t, size_t last)
{
    row_microkernel(t, 2, true, last);
}

static HOT void row_one_vec(const micro_tile *t, size_t last)
{
    row_microkernel(t, 1, true, last);
}

/* The first of `left` columns; returns how many. */
static size_t run_row_columns(const micro_tile *t, size_t left)
{
    if (left >= 8 * VLEN) {
        row_eight_vecs(t);
        return 8 * VLEN;
    }
    if (left >= 4 * VLEN) {
        row_four_vecs(t);
        return 4 * VLEN;
    }
    if (left > VLEN) {
        row_two_vecs(t, min_size(left - VLEN, VLEN));
        return min_size(left, 2 * VLEN);
    }
    row_one_vec(t, left);
    return left;
}
