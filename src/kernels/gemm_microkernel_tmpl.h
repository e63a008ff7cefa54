/* SPDX-License-Identifier: MIT */
/*
 * The micro-kernels of a matrix product: micro-tiles of C stay in registers
 * while k runs. Parameters: the vocabulary of vec_portable.h, above all MR and
 * NR_VECS (the tile), VLEN and TRANSPOSE_ROWS; loops_tmpl.h, gemm_pack_tmpl.h
 * and gemm_small_tmpl.h (SMALL_ROWS).
 *
 * A micro-tile is MR x NR, NR = NR_VECS * VLEN; it may have fewer rows.
 *
 *                  B  k |  [ b b ]          one row of the micro-panel of B:
 *                       |  [ b b ]          NR_VECS vectors, for all rows of C
 *        A   k             -------
 *      [ a a a a ]         [ s s ]          s = fma(a, b, s), a broadcast
 *      [ a a a a ]         [ s s ]
 *
 * MR and NR_VECS use nearly all vector registers, so that the loop over k loads
 * NR_VECS vectors of B and broadcasts MR numbers of A for MR NR_VECS fmas. This
 * is a rank-1 update of the micro-tile, as in BLIS (cited in gemm_tmpl.h). A
 * micro-tile whose columns are not whole vectors of C is computed in the edge
 * tile, from which gemm_tmpl.h copies what belongs to C.
 */
enum {
    NR = NR_VECS * VLEN, /* columns of a micro-tile */
    ROW_VECS = 8,        /* vectors of a single row: enough chains for fma */
    /* The loop over k runs in parts of PART_K terms. Before each part a few
     * rows of C are prefetched; all rows at once would occupy the buffers in
     * which L1 waits for memory, and the micro-kernel would wait for A and B.
     * Rows of C whose distance is a multiple of 4 KB share one set of L1, so
     * that they do not stay there for long. PART_K terms are long enough for
     * the last of them to arrive, and short enough for the first to stay. */
    PART_K = 64,
    ROWS_AHEAD = 3,
    MIDDLE_ROWS = MR > 8 ? 8 : SMALL_ROWS
};

/* A micro-kernel computes c (rows, NR) = c_in + a b with these arguments.
 *
 * Assumptions:
 *   - B: row-major, as in a packed micro-panel (rs_b == NR) or in a matrix with
 *     unit column stride. Whole vectors can be read.
 *   - A: none on rs_a and cs_a. In a packed micro-panel rs_a == 1, and cs_a is
 *     its number of rows, so A is read in the order of memory.
 *   - C: unit column stride, and whole vectors can be stored. Rows of C may be
 *     any stride apart. If c_in is not NULL it may be c.
 *   - k >= 1 and rows >= 1. No pointer needs to be aligned.
 *   - pack_to overlaps neither B nor C. */
typedef struct micro_tile {
    size_t k;
    const real *a;
    size_t rs_a, cs_a; /* strides of A by row and by k */
    const real *b;
    size_t rs_b;      /* stride of B by k */
    real *pack_to;    /* real [k][NR], receives B; or NULL */
    const real *c_in; /* the sums so far; or NULL: they start from 0 */
    size_t rs_c_in;   /* stride of c_in by row */
    real *c;
    size_t rs_c;      /* stride of C by row */
    size_t next_rows; /* of the next micro-tile, below in C, or 0 */
    size_t rows; /* of the tile; here a low tile has 1 to SMALL_ROWS, also 3 */
} micro_tile;

/* Prefetches rows of the next micro-tile, of which `ahead` rows are prefetched
 * already, and returns the new number of rows ahead. */
static inline ALWAYS_INLINE size_t prefetch_ahead(const micro_tile *t,
                                                  size_t ahead)
{
    const size_t end = min_size(ahead + ROWS_AHEAD, t->next_rows);
    for (; ahead < end; ahead++) {
        prefetch_to_write(t->c, (t->rows + ahead) * t->rs_c, NR);
    }
    return ahead;
}

/* What the loop over k of a micro-kernel changes. */
typedef struct micro_sums {
    vec s[MR][NR_VECS];
    const real *a[MR]; /* one pointer serves `group` rows of A */
    const real *b;
    real *packed;
} micro_sums;

/* Adds the next k terms to the sums. All arguments but t and k are constants at
 * each call. */
static inline ALWAYS_INLINE void advance_sums(micro_sums *u,
                                              const micro_tile *t, size_t k,
                                              size_t rows, size_t vecs,
                                              bool packs)
{
    const size_t group = rows == SMALL_ROWS ? 1 : 3;
    const size_t rs_a = t->rs_a;
    const size_t cs_a = t->cs_a;
    const size_t rs_b = t->rs_b;
    for (; k > 0; k--, u->b += rs_b) {
        vec row[NR_VECS];
        UNROLL
        for (size_t v = 0; v < vecs; v++) {
            row[v] = vload(u->b + v * VLEN);
            if (packs) {
                vstore(u->packed + v * VLEN, row[v]);
            }
        }
        if (packs) {
            prefetch(u->b, PREFETCH_ROWS * rs_b, NR);
            u->packed += NR;
        }
        UNROLL
        for (size_t i = 0; i < rows; i++) {
            vec x = vset1(u->a[i / group * group][i % group * rs_a]);
            UNROLL
            for (size_t v = 0; v < vecs; v++) {
                u->s[i][v] = vfma(x, row[v], u->s[i][v]);
            }
        }
        UNROLL
        for (size_t i = 0; i < rows; i += group) {
            u->a[i] += cs_a;
        }
    }
}

/* This is the micro-kernel. `rows`, `vecs`, `packs` and `is_long` are constants
 * at each call, so that the loops over them unroll and the sums stay in
 * registers. One pointer serves three rows of A, since a pointer for each would
 * need more registers than there are. A low tile of fewer than SMALL_ROWS rows
 * computes its last row several times. */
static inline ALWAYS_INLINE void microkernel(const micro_tile *t, size_t rows,
                                             size_t vecs, bool packs,
                                             bool is_long)
{
    const size_t group = rows == SMALL_ROWS ? 1 : 3;
    const size_t last = t->rows - 1;
    micro_sums u = {.b = t->b, .packed = t->pack_to};
    UNROLL
    for (size_t i = 0; i < rows; i++) {
        const size_t row = group == 1 ? min_size(i, last) : i;
        u.a[i] = t->a + row * t->rs_a;
        UNROLL
        for (size_t v = 0; v < vecs; v++) {
            u.s[i][v] = t->c_in ? vload(t->c_in + row * t->rs_c_in + v * VLEN)
                                : vzero();
        }
    }
    size_t k = t->k;
    for (size_t ahead = 0; is_long && k > PART_K; k -= PART_K) {
        ahead = prefetch_ahead(t, ahead);
        advance_sums(&u, t, PART_K, rows, vecs, packs);
    }
    for (size_t i = 0; is_long && i < rows; i++) {
        prefetch_to_write(t->c, i * t->rs_c, NR);
    }
    advance_sums(&u, t, k, rows, vecs, packs);
    /* Stores to C could change *t, as far as the compiler knows, so the stride
     * is copied. */
    real *c = t->c;
    const size_t rs_c = t->rs_c;
    UNROLL
    for (size_t i = 0; i < rows; i++, c += rs_c) {
        if (group > 1 || i <= last) {
            UNROLL
            for (size_t v = 0; v < vecs; v++) {
                vstore(c + v * VLEN, u.s[i][v]);
            }
        }
    }
}

/* Each of the functions below is the micro-kernel for one size: full, middle or
 * low (SMALL_ROWS) by all vectors or by one. */
static HOT void full_tile(const micro_tile *t)
{
    microkernel(t, MR, NR_VECS, false, false);
}

static HOT void long_full_tile(const micro_tile *t)
{
    microkernel(t, MR, NR_VECS, false, true);
}

static HOT void full_tile_packing_b(const micro_tile *t)
{
    microkernel(t, MR, NR_VECS, true, true);
}

static HOT void full_tile_one_vec(const micro_tile *t)
{
    microkernel(t, MR, 1, false, false);
}

static HOT void middle_tile(const micro_tile *t)
{
    microkernel(t, MIDDLE_ROWS, NR_VECS, false, false);
}

static HOT void middle_tile_packing_b(const micro_tile *t)
{
    microkernel(t, MIDDLE_ROWS, NR_VECS, true, true);
}

static HOT void middle_tile_one_vec(const micro_tile *t)
{
    microkernel(t, MIDDLE_ROWS, 1, false, false);
}

static HOT void low_tile(const micro_tile *t)
{
    microkernel(t, SMALL_ROWS, NR_VECS, false, false);
}

static HOT void low_tile_one_vec(const micro_tile *t)
{
    microkernel(t, SMALL_ROWS, 1, false, false);
}

/* Returns the rows of the next tile if `rows` rows are left. A low tile is
 * slow, because each fma waits for the one before in its chain; two middle
 * tiles are faster than a full one and a low rest. */
static size_t rows_of_next_tile(size_t rows)
{
    if (rows >= MIDDLE_ROWS &&
        (rows < MR || (rows >= 2 * MIDDLE_ROWS && rows < MR + MIDDLE_ROWS))) {
        return MIDDLE_ROWS;
    }
    return rows >= MR ? MR : min_size(rows, SMALL_ROWS);
}

/* Runs the micro-kernel for t->rows, which is a number that rows_of_next_tile
 * returns. With one_vec, the micro-tile has at most VLEN
 * columns. */
static void run_tile(const micro_tile *t, bool one_vec)
{
    if (t->pack_to) {
        t->rows == MR ? full_tile_packing_b(t) : middle_tile_packing_b(t);
    } else if (t->rows == MR) {
        one_vec         ? full_tile_one_vec(t)
        : t->k > PART_K ? long_full_tile(t)
                        : full_tile(t);
    } else if (t->rows == MIDDLE_ROWS && (int)MIDDLE_ROWS > (int)SMALL_ROWS) {
        one_vec ? middle_tile_one_vec(t) : middle_tile(t);
    } else {
        one_vec ? low_tile_one_vec(t) : low_tile(t);
    }
}

/* Computes one row of C, `vecs` vectors wide. A single row has no other row to
 * share B with, so B is read in place, and only several vectors side by side
 * keep the fma units busy. If `part`, the last vector has `last` lanes. */
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

/* Computes the first of the `left` columns of a row, as many as one kernel
 * takes, and returns their number. */
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

/* Columns of a micro-tile whose sums are moved to C, one vector or NR_VECS. Each
 * pointer leads to the first row. */
typedef struct finished_columns {
    size_t rows, stride, rs_c; /* ab has this stride, the others rs_c */
    const real *ab;            /* the sums */
    bool has_bias;
    vec bias[NR_VECS];
    const real *relu_mask; /* NULL: none */
    real *c;               /* receives the sums; NULL: only relu does */
    real *relu;            /* receives max(0, sums); NULL: none */
} finished_columns;

/* Moves `cols` columns. `vecs` and the flags are constants at each call that
 * matters, so that the loop has no branch. */
static inline ALWAYS_INLINE void finish_rows(const finished_columns *f,
                                             size_t vecs, size_t cols,
                                             bool has_mask, bool has_c,
                                             bool has_relu)
{
    const bool part = cols < VLEN;
    const bool has_bias = f->has_bias;
    const real *ab = f->ab;
    for (size_t i = 0, at = 0; i < f->rows; i++, at += f->rs_c) {
        UNROLL
        for (size_t v = 0; v < vecs; v++) {
            const size_t j = at + v * VLEN;
            vec s = load_lanes(ab + v * VLEN, part, cols);
            s = has_bias ? vadd(s, f->bias[v]) : s;
            if (has_mask) {
                vec mask_values = load_lanes(f->relu_mask + j, part, cols);
                s = vselect(vle(mask_values, vzero()), vzero(), s);
            }
            if (has_c) {
                store_lanes(f->c + j, s, part, cols);
            }
            if (has_relu) {
                store_lanes(f->relu + j, vrelu(s), part, cols);
            }
        }
        ab += f->stride;
    }
}

/* The cases of whole tiles are those of a step of training: ReLU forward, ReLU
 * backward, and a layer without ReLU. */
static HOT void finish_columns(const finished_columns *given, size_t cols)
{
    const finished_columns f = *given; /* no store changes the copy */
    if (cols == NR && !f.relu_mask && !f.c) {
        finish_rows(&f, NR_VECS, NR, false, false, true);
    } else if (cols == NR && f.relu_mask && !f.relu) {
        finish_rows(&f, NR_VECS, NR, true, true, false);
    } else if (cols == NR && !f.relu_mask && !f.relu) {
        finish_rows(&f, NR_VECS, NR, false, true, false);
    } else {
        const size_t vecs = cols == NR ? NR_VECS : 1;
        finish_rows(&f, vecs, cols, f.relu_mask, f.c, f.relu);
    }
}
