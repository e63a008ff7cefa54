/* SPDX-License-Identifier: MIT */
/*
 * The tiles of a matrix product. Parameters: the vocabulary, loop_tmpl.h and
 * pack_tmpl.h.
 *
 * C is computed in tiles of up to TILE_ROWS rows by TILE_VECS vectors, whose
 * accumulators stay in registers while k runs:
 *
 *                  B  k |  [ b b ]          one row of the panel: TILE_VECS
 *                       |  [ b b ]          vectors, shared by all tile rows
 *        A   k             -------
 *      [ a a a a ]         [ s s ]          s = fma(a, b, s), a broadcast
 *      [ a a a a ]         [ s s ]
 *
 * Tiles know whole vectors and a chain only. What is narrower goes to a room of
 * its own, and gemm_tmpl.h does the rest.
 */
enum {
    PANEL = TILE_VECS * VLEN, /* columns of a tile */
    ROW_VECS = 8, /* of a single row: chains enough to hide fma's latency */
    TALL_COLUMNS = 10, /* which ten classes have: see tall_tile */
    FEW_ROWS = 4,      /* so many chains take the time of fewer */
    MIDDLE_ROWS = TILE_ROWS > 8 ? 8 : FEW_ROWS
};

typedef struct tile {
    size_t k;
    const real *a;
    size_t a_row, a_k; /* strides of A by row and by k */
    const real *b;
    size_t b_k;       /* stride of B by k; columns are contiguous */
    real *panel;      /* receives the rows of B, PANEL apart; or NULL */
    const real *from; /* what the sums start from, C; or NULL: from 0 */
    size_t from_row;
    real *c;
    size_t c_row;
    size_t rows; /* the tile's; of one of FEW_ROWS perhaps fewer */
} tile;

/* `rows`, `vecs` and `packs` are constants at each call, so that the loops over
 * them unroll and s lives in registers. Rows of A are reached from every third
 * of them, or not all addresses would be in registers; a tile of few has its
 * last row more than once if C has not so many. */
static inline ALWAYS_INLINE void run_tile(const tile *t, size_t rows,
                                          size_t vecs, bool packs)
{
    const size_t group = rows == FEW_ROWS ? 1 : 3;
    const size_t last = t->rows - 1;
    /* Copies, for the compiler cannot know that C is not the tile itself. */
    const size_t a_row = t->a_row;
    const size_t a_k = t->a_k;
    const size_t b_k = t->b_k;
    const real *a[TILE_ROWS];
    const real *b = t->b;
    real *panel = t->panel;
    vec s[TILE_ROWS][TILE_VECS];
    UNROLL
    for (size_t i = 0; i < rows; i++) {
        const size_t row = group == 1 ? least(i, last) : i;
        a[i] = t->a + row * a_row;
        UNROLL
        for (size_t v = 0; v < vecs; v++) {
            s[i][v] = t->from ? vload(t->from + row * t->from_row + v * VLEN)
                              : vzero();
        }
    }
    for (size_t k = t->k; k > 0; k--, b += b_k) {
        vec row[TILE_VECS];
        UNROLL
        for (size_t v = 0; v < vecs; v++) {
            row[v] = vload(b + v * VLEN);
            if (packs) {
                vstore(panel + v * VLEN, row[v]);
            }
        }
        if (packs) {
            prefetch(b, AHEAD * b_k, PANEL);
            panel += PANEL;
        }
        UNROLL
        for (size_t i = 0; i < rows; i++) {
            vec x = vset1(a[i / group * group][i % group * a_row]);
            UNROLL
            for (size_t v = 0; v < vecs; v++) {
                s[i][v] = vfma(x, row[v], s[i][v]);
            }
        }
        UNROLL
        for (size_t i = 0; i < rows; i += group) {
            a[i] += a_k;
        }
    }
    real *c = t->c;
    const size_t c_row = t->c_row;
    UNROLL
    for (size_t i = 0; i < rows; i++, c += c_row) {
        if (group > 1 || i <= last) {
            UNROLL
            for (size_t v = 0; v < vecs; v++) {
                vstore(c + v * VLEN, s[i][v]);
            }
        }
    }
}

static HOT void full_rows(const tile *t)
{
    run_tile(t, TILE_ROWS, TILE_VECS, false);
}

static HOT void full_rows_packing(const tile *t)
{
    run_tile(t, TILE_ROWS, TILE_VECS, true);
}

static HOT void full_rows_by_one(const tile *t)
{
    run_tile(t, TILE_ROWS, 1, false);
}

static HOT void middle_rows(const tile *t)
{
    run_tile(t, MIDDLE_ROWS, TILE_VECS, false);
}

static HOT void middle_rows_by_one(const tile *t)
{
    run_tile(t, MIDDLE_ROWS, 1, false);
}

static HOT void few_rows(const tile *t)
{
    run_tile(t, FEW_ROWS, TILE_VECS, false);
}

static HOT void few_rows_by_one(const tile *t)
{
    run_tile(t, FEW_ROWS, 1, false);
}

/* Rows of the first tile of so many. Tiles of few rows are slow, since they
 * wait for their own sums, so two of middle size are better than a full one and
 * what it leaves. */
static size_t tile_rows(size_t rows)
{
    if (rows >= MIDDLE_ROWS &&
        (rows < TILE_ROWS ||
         (rows >= 2 * MIDDLE_ROWS && rows < TILE_ROWS + MIDDLE_ROWS))) {
        return MIDDLE_ROWS;
    }
    return rows >= TILE_ROWS ? TILE_ROWS : least(rows, FEW_ROWS);
}

/* A tile of as many rows as tile_rows says, by one vector of columns or by all.
 */
static void run_rows(const tile *t, bool by_one)
{
    if (t->panel) {
        full_rows_packing(t);
    } else if (t->rows == TILE_ROWS) {
        by_one ? full_rows_by_one(t) : full_rows(t);
    } else if (t->rows == MIDDLE_ROWS && MIDDLE_ROWS > FEW_ROWS) {
        by_one ? middle_rows_by_one(t) : middle_rows(t);
    } else {
        by_one ? few_rows_by_one(t) : few_rows(t);
    }
}

/* C^T of TALL_COLUMNS columns, and VLEN rows of A, which are the lanes: they
 * are transposed as they are loaded, SIDE elements at a time, of which k is a
 * multiple. B is dense. */
static HOT void tall_tile(const tile *t)
{
    const real *row[VLEN];
    const real *b = t->b;
    vec s[TALL_COLUMNS];
    for (size_t r = 0; r < VLEN; r++) {
        row[r] = t->a + r * t->a_row;
    }
    UNROLL
    for (size_t j = 0; j < TALL_COLUMNS; j++) {
        s[j] = vzero();
    }
    for (size_t k = 0; k < t->k; k += SIDE) {
        vec x[SIDE];
        vload_columns(row, k, x);
        UNROLL
        for (size_t i = 0; i < SIDE; i++, b += TALL_COLUMNS) {
            UNROLL
            for (size_t j = 0; j < TALL_COLUMNS; j++) {
                s[j] = vfma(x[i], vset1(b[j]), s[j]);
            }
        }
    }
    UNROLL
    for (size_t j = 0; j < TALL_COLUMNS; j++) {
        vstore(t->c + j * VLEN, s[j]);
    }
}

/* A row of A by as many columns as keep the units of fma busy. B is read where
 * it lies, and its last vector may be a part of one. */
static inline ALWAYS_INLINE void run_row_tile(const tile *t, size_t vecs,
                                              bool part, size_t last)
{
    vec s[ROW_VECS];
    const real *a = t->a;
    const real *b = t->b;
    UNROLL
    for (size_t v = 0; v < vecs; v++) {
        s[v] = vzero();
    }
    for (size_t k = t->k; k > 0; k--, a += t->a_k, b += t->b_k) {
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

static HOT void row_by_eight(const tile *t)
{
    run_row_tile(t, 8, false, 0);
}

static HOT void row_by_four(const tile *t)
{
    run_row_tile(t, 4, false, 0);
}

static HOT void row_by_two(const tile *t, size_t last)
{
    run_row_tile(t, 2, true, last);
}

static HOT void row_by_one(const tile *t, size_t last)
{
    run_row_tile(t, 1, true, last);
}

/* The first of `left` columns; returns how many. */
static size_t run_row_of(const tile *t, size_t left)
{
    if (left >= 8 * VLEN) {
        row_by_eight(t);
        return 8 * VLEN;
    }
    if (left >= 4 * VLEN) {
        row_by_four(t);
        return 4 * VLEN;
    }
    if (left > VLEN) {
        row_by_two(t, least(left - VLEN, VLEN));
        return least(left, 2 * VLEN);
    }
    row_by_one(t, left);
    return left;
}
