/* SPDX-License-Identifier: MIT */
/*
 * Matrix product C = A B + bias. Parameters: the vocabulary, loop_tmpl.h,
 * small_tmpl.h, pack_tmpl.h, tile_tmpl.h, update_tmpl.h and plain.h.
 *
 * Each element is one chain over k ascending; long chains are cut into blocks
 * and the accumulator goes through C in between, which changes no bit. For each
 * block of k, and of rows of A:
 *
 *     A's block is packed, tile by tile, and stays in L2;
 *     for each panel of columns:
 *         B's panel is packed and stays in L1, or as near as vec_<isa>.h says;
 *         each tile of A goes by it.
 *
 * (K. Goto and R. van de Geijn, "Anatomy of High-Performance Matrix
 * Multiplication", ACM TOMS 34, 2008.) What is small enough, or read once, is
 * used where it lies, if it lies well. Few columns leave lanes empty, so there
 * are other ways for some: C^T is computed where A's columns are contiguous
 * (`transposed`), and rows are the lanes where A's rows are (run_rows_as_lanes). Products
 * that are smaller yet are those of small_tmpl.h.
 */
enum {
    PACK_A_MIN_COLUMNS = 4 * NR,       /* above which packing A pays */
    L1_B_REALS = 32768 / sizeof(real), /* B that L1 holds as it is */
    L2_B_REALS = 2 * L1_B_REALS,       /* and that L2 gives in time */
    SHORT_K = 16,                      /* chains that end before C is stored */
    NARROW_COLUMNS = 12,               /* columns that had better be rows */
    SHORT_K_ROWS = 4 * MR,             /* rows of them */
    EDGE_TILE_REALS = MR * NR,         /* for a tile that is not whole in C */
    /* Scratch of a product of small_tmpl.h: B, or C^T. */
    SMALL_SCRATCH = SMALL_REALS > 4 * VLEN *VLEN ? SMALL_REALS : 4 * VLEN *VLEN
};

_Static_assert(KC % VLEN == 0 && MC % MR == 0,
               "blocks hold whole vectors and tiles");
_Static_assert((int)EDGE_TILE_REALS >= ROW_VECS * VLEN,
               "the room holds a single row's");

/* A product whose operands are real. */
typedef struct gemm_args {
    size_t m, n, k;
    const real *a;
    size_t rs_a, cs_a;
    const real *b;
    size_t rs_b, cs_b;
    real *c;
    size_t rs_c, cs_c; /* cs_c is 1; or rs_c is, and the rest is NULL: */
    const real *bias;
    size_t bias_stride; /* 1: an element for each column; 0: the same for all */
    real *relu;
    const real *gate;
    const mlpi_optimizer_step *update; /* NULL if cs_c is not 1 */
    const constants *constants;        /* its */
} gemm_args;

/* Sums of rows [i, i + rows) and columns [j, j + cols). */
typedef struct tile_area {
    size_t i, j, rows, cols;
    real *sums; /* in C, or in the room, where rows are whole vectors */
    size_t stride;
} tile_area;

/* What C has so far, into the room; or, where tiles are in C itself, the next
 * one, of at most `after` rows, towards L1. */
static HOT void fetch_c(const gemm_args *p, const tile_area *t, bool in_c,
                        size_t after)
{
    const real *c = p->c + t->i * p->rs_c + t->j * p->cs_c;
    if (in_c) {
        for (size_t i = 0; i < min_size(after, t->rows); i++) {
            prefetch(c, (t->rows + i) * p->rs_c, NR);
        }
    } else {
        mlpi_operand from = {c, p->rs_c, p->cs_c};
        pack(t->rows, t->cols, from, t->sums, t->stride);
    }
}

/* The step for which the sums are dw. */
static void apply_update(const gemm_args *p, const tile_area *t)
{
    const mlpi_optimizer_step *u = p->update;
    const size_t at = t->i * p->rs_c + t->j;
    span s = {.rows = t->rows,
              .n = t->cols,
              .dw = t->sums,
              .dw_stride = t->stride,
              .w = (real *)u->w + at,
              .w_stride = p->rs_c};
    for (size_t k = 0; k < 2 && u->state[k]; k++) {
        s.state[k] = (real *)u->state[k] + at;
    }
    update_span(u, p->constants, &s);
}

/* Asks for what descend_by will read and write. */
static void prefetch_update(const gemm_args *p, const tile_area *t)
{
    const mlpi_optimizer_step *u = p->update;
    for (size_t i = 0; i < t->rows; i++) {
        const size_t at = (t->i + i) * p->rs_c + t->j;
        prefetch_to_write(u->w, at, NR);
        for (size_t k = 0; k < 2 && u->state[k]; k++) {
            prefetch_to_write(u->state[k], at, NR);
        }
    }
}

/* Sums into C and, if their chains have ended, what comes after. */
static HOT void finish_tile(const gemm_args *p, const tile_area *t, bool ended)
{
    if (p->cs_c != 1) {
        mlpi_operand from = {t->sums, 1, t->stride};
        real *c = p->c + t->i + t->j * p->cs_c;
        pack(t->cols, t->rows, from, c, p->cs_c);
        return;
    }
    if (ended && p->update) {
        apply_update(p, t);
        return;
    }
    for (size_t i = 0; i < t->rows; i++) {
        for (size_t j = 0; j < t->cols; j += VLEN) {
            const size_t at = (t->i + i) * p->rs_c + t->j + j;
            const size_t left = min_size(VLEN, t->cols - j);
            const bool part = left < VLEN;
            vec s = load_lanes(t->sums + i * t->stride + j, part, left);
            if (ended && p->bias) {
                s = vadd(s, p->bias_stride
                                ? load_lanes(p->bias + t->j + j, part, left)
                                : vset1(*p->bias));
            }
            if (ended && p->gate) {
                vec g = load_lanes(p->gate + at, part, left);
                s = vselect(vle(g, vzero()), vzero(), s);
            }
            if (!ended || p->c != p->relu) {
                store_lanes(p->c + at, s, part, left);
            }
            if (ended && p->relu) {
                store_lanes(p->relu + at, vrelu(s), part, left);
            }
        }
    }
}

/* Blocks of equal size, at most `most`, and multiples of `grain`. */
static size_t block_size(size_t n, size_t max_size, size_t multiple)
{
    size_t blocks = (n + max_size - 1) / max_size;
    return ((n + blocks - 1) / blocks + multiple - 1) / multiple * multiple;
}

static bool packs_a(const gemm_args *p)
{
    return p->n > PACK_A_MIN_COLUMNS || p->cs_c != 1;
}

/* Rows of a tile if so many are left. Those of C^T may be more: they are few,
 * and packed, and the tile goes to the room. */
static size_t tile_height(const gemm_args *p, size_t left)
{
    const bool is_nearly_whole = left > MIDDLE_ROWS && left < MR;
    return p->cs_c != 1 && is_nearly_whole ? MR : rows_of_next_tile(left);
}

/* n, up to whole vectors. */
static size_t round_up_to_vec(size_t n)
{
    return vectors(n) * VLEN;
}

/* Can B's rows be read where they lie? */
static bool b_is_dense(const gemm_args *p)
{
    return p->cs_b == 1 && p->n % VLEN == 0;
}

/* Does all of B stay in caches, so that it needs neither panels nor blocks?
 * What does not lie well is packed before, which pays if it is a panel anyhow,
 * or if chains are so short that C's rows are to be few at a time. */
static bool b_stays_in_cache(const gemm_args *p)
{
    const size_t size = p->k * round_up_to_vec(p->n);
    if (p->cs_c != 1) {
        return false;
    }
    return b_is_dense(p)
               ? size <= L1_B_REALS
               : size <= L2_B_REALS && (p->n <= NR || p->k <= SHORT_K);
}

/* A part of the work: rows [i, i + m) of A in the block [k, k + kc), with
 * room for a tile, for a panel of B unless B is small, and for these rows,
 * packed unless NULL. */
typedef struct block {
    size_t i, m, k, kc;
    real *edge_tile, *packed_b, *packed_a;
} block;

/* Packs m rows of n elements with zeros after them, up to `width` at least: they
 * are multiplied like all, though nobody looks, and of what memory held before
 * that could be slow, or raise exceptions. May write VLEN beyond the last row. */
static COLD void pack_padded(size_t m, size_t n, mlpi_operand from, real *to,
                             size_t width)
{
    for (size_t j = n / VLEN * VLEN; n < width && j < width; j += VLEN) {
        for (size_t i = 0; i < m; i++) {
            vstore(to + i * width + j, vzero());
        }
    }
    pack(m, n, from, to, width);
}

static COLD void pack_a(const gemm_args *p, const block *b)
{
    real *to = b->packed_a;
    const real *a = p->a + b->i * p->rs_a + b->k * p->cs_a;
    for (size_t left = b->m, rows = 0; left > 0; left -= rows) {
        const size_t width = tile_height(p, left);
        rows = min_size(left, width);
        mlpi_operand from = {a, p->cs_a, p->rs_a};
        pack_padded(b->kc, rows, from, to, width);
        a += rows * p->rs_a;
        to += width * b->kc;
    }
}

/* B's columns [j, j + cols) in the panel, or a first tile that will pack them,
 * or, if that does, B where it is. */
static void choose_b(const gemm_args *p, const block *b, size_t j, size_t cols,
                     micro_tile *t)
{
    t->b = p->b + b->k * p->rs_b + j * p->cs_b;
    t->rs_b = p->rs_b;
    const bool is_whole = cols % VLEN == 0;
    if (!b->packed_b || (p->cs_b == 1 && is_whole && b->m <= MR)) {
        return;
    }
    if (p->cs_b == 1 && cols == NR && rows_of_next_tile(b->m) == MR) {
        t->pack_to = b->packed_b;
        return;
    }
    mlpi_operand from = {t->b, p->rs_b, p->cs_b};
    pack_padded(b->kc, cols, from, b->packed_b, NR);
    t->b = b->packed_b;
    t->rs_b = NR;
}

/* All rows of the block by columns [j, j + cols), tile after tile, with C's
 * next lines on their way meanwhile. */
static NEVER_INLINE void run_panel(const gemm_args *p, const block *b, size_t j,
                                   size_t cols)
{
    const bool resumes = b->k > 0;
    const bool ends = b->k + b->kc == p->k;
    const bool updates = ends && p->update;
    const bool in_c =
        cols % VLEN == 0 && p->cs_c == 1 && !(updates && !resumes);
    const bool finishes =
        !in_c || updates || (ends && (p->bias || p->gate || p->relu));
    real *c = p->c + b->i * p->rs_c + j;
    micro_tile t = {.k = b->kc,
                    .a = b->packed_a ? b->packed_a
                                     : p->a + b->i * p->rs_a + b->k * p->cs_a,
                    .rs_a = b->packed_a ? 1 : p->rs_a,
                    .cs_a = p->cs_a,
                    .c = in_c ? c : b->edge_tile,
                    .rs_c = in_c ? p->rs_c : NR};
    choose_b(p, b, j, cols, &t);
    for (size_t i = 0; i < b->m; i += t.rows) {
        t.rows = tile_height(p, b->m - i);
        if (b->packed_a) {
            t.cs_a = t.rows;
        }
        const size_t rows = min_size(t.rows, b->m - i);
        const tile_area sums = {b->i + i, j, rows, cols, t.c, t.rs_c};
        if (resumes) {
            t.c_in = t.c;
            t.rs_c_in = t.rs_c;
            fetch_c(p, &sums, in_c, b->m - i - t.rows);
        }
        if (updates) {
            prefetch_update(p, &sums);
        }
        run_tile(&t, cols <= VLEN);
        if (finishes) {
            finish_tile(p, &sums, ends);
        }
        t.a += t.rows * (b->packed_a ? b->kc : p->rs_a);
        t.c += in_c ? t.rows * p->rs_c : 0;
        if (t.pack_to) {
            t.b = t.pack_to;
            t.rs_b = NR;
            t.pack_to = NULL;
        }
    }
}

/* Packs a small B that does not lie well. */
static COLD void pack_small_b(gemm_args *p, real *to)
{
    const size_t n = round_up_to_vec(p->n);
    pack_padded(p->k, p->n, (mlpi_operand){p->b, p->rs_b, p->cs_b}, to, n);
    p->b = to;
    p->rs_b = n;
    p->cs_b = 1;
}

/* Ten columns would leave six lanes of two vectors empty; rows leave none. */
static bool suits_rows_as_lanes(const gemm_args *p)
{
    return VLEN == 8 && MR > LANES_COLUMNS && p->n == LANES_COLUMNS &&
           p->rs_b == p->n && p->cs_b == 1 && p->cs_a == 1 &&
           p->k % TRANSPOSE_ROWS == 0 && p->m >= VLEN && !p->update;
}

/* VLEN rows at a time, some of the last perhaps twice. */
static HOT void run_rows_as_lanes(const gemm_args *p, real *scratch)
{
    micro_tile t = {.k = p->k, .rs_a = p->rs_a, .b = p->b};
    t.c = scratch;
    for (size_t done = 0; done < p->m; done += VLEN) {
        const size_t i = min_size(done, p->m - VLEN);
        const tile_area sums = {i, 0, VLEN, p->n, p->c + i * p->rs_c, p->rs_c};
        t.a = p->a + i * p->rs_a;
        rows_as_lanes_tile(&t);
        pack(VLEN, p->n, (mlpi_operand){scratch, 1, VLEN}, sums.sums, p->rs_c);
        finish_tile(p, &sums, true);
    }
}

/* Chains that are short write C as fast as it can be, if its rows are few: they
 * may be pages apart, and translations of so many addresses are not at hand. */
static HOT void run_blocks(gemm_args *p, real *scratch)
{
    const bool small = b_stays_in_cache(p);
    if (small && suits_rows_as_lanes(p)) {
        run_rows_as_lanes(p, scratch);
        return;
    }
    const bool is_short = small && p->k <= SHORT_K;
    const size_t kc = small ? p->k : block_size(p->k, KC, VLEN);
    const size_t rows = block_size(p->m, is_short ? SHORT_K_ROWS : MC, MR);
    real *panel = scratch + EDGE_TILE_REALS;
    if (small && !b_is_dense(p)) {
        pack_small_b(p, panel);
    }
    for (size_t k = 0; k < p->k; k += kc) {
        for (size_t i = 0; i < p->m; i += rows) {
            block b = {.i = i,
                       .m = min_size(rows, p->m - i),
                       .k = k,
                       .kc = min_size(kc, p->k - k),
                       .edge_tile = scratch,
                       .packed_b = small ? NULL : panel};
            if (packs_a(p) && !small) {
                b.packed_a = b.packed_b + b.kc * NR + VLEN;
                pack_a(p, &b);
            }
            for (size_t j = 0; j < p->n; j += NR) {
                run_panel(p, &b, j, min_size(NR, p->n - j));
            }
        }
    }
}

/* One row: B is read once, so there is nothing to pack or to block either, but
 * there must be many columns at work at once. */
static void run_single_row(const gemm_args *p, real *scratch)
{
    micro_tile t = {
        .k = p->k, .a = p->a, .cs_a = p->cs_a, .rs_b = p->rs_b, .c = scratch};
    for (size_t j = 0, cols = 0; j < p->n; j += cols) {
        t.b = p->b + j;
        cols = run_row_columns(&t, p->n - j);
        finish_tile(p, &(tile_area){0, j, 1, cols, scratch, 0}, true);
    }
}

static size_t gemm_scratch(size_t m, size_t n, size_t k)
{
    size_t kc = min_size(k, KC);
    size_t rows = n > PACK_A_MIN_COLUMNS ? min_size(m, MC) : 0;
    size_t blocks = kc * (NR + rows + NARROW_COLUMNS);
    size_t small = min_size(k * round_up_to_vec(n), L2_B_REALS);
    size_t most =
        (blocks > small ? blocks : small) + EDGE_TILE_REALS + (size_t)2 * VLEN;
    return most > SMALL_SCRATCH ? most : SMALL_SCRATCH;
}

static gemm_args args_of(const mlpi_gemm_args *p)
{
    return (gemm_args){.m = p->m,
                       .n = p->n,
                       .k = p->k,
                       .a = p->A.data,
                       .rs_a = p->A.row_stride,
                       .cs_a = p->A.col_stride,
                       .b = p->B.data,
                       .rs_b = p->B.row_stride,
                       .cs_b = p->B.col_stride,
                       .c = p->C,
                       .rs_c = p->width > 0 ? p->width : p->n,
                       .cs_c = 1,
                       .bias = p->bias,
                       .bias_stride = 1,
                       .relu = p->relu,
                       .gate = p->gate};
}

/* C^T = B^T A^T: a b = b a, so the chains are the same. */
static gemm_args transposed(const mlpi_gemm_args *p)
{
    gemm_args j = args_of(p);
    j.m = p->n;
    j.n = p->m;
    j.a = p->B.data;
    j.rs_a = p->B.col_stride;
    j.cs_a = p->B.row_stride;
    j.b = p->A.data;
    j.rs_b = p->A.col_stride;
    j.cs_b = p->A.row_stride;
    j.rs_c = 1;
    j.cs_c = p->n;
    j.bias_stride = 0;
    return j;
}

/* C of what is not small. Returns whether the update has been done with it. */
static COLD bool multiply(const mlpi_gemm_args *p)
{
    /* Where A's columns are contiguous, those of C^T fill vectors: all, if C is
     * a column, and if there are few, more than those of C would. */
    bool is_column = p->n == 1;
    bool is_narrow = p->n <= NARROW_COLUMNS && p->n % VLEN != 0 &&
                     p->m >= VLEN && !p->bias && !p->relu && !p->gate;
    gemm_args j = p->A.row_stride == 1 && (is_column || is_narrow)
                      ? transposed(p)
                      : args_of(p);
    if (j.m == 1 && j.cs_b == 1) {
        run_single_row(&j, p->scratch);
        return false;
    }
    constants c;
    if (p->update && j.cs_c == 1) {
        c = constants_of(p->update);
        j.update = p->update;
        j.constants = &c;
    }
    run_blocks(&j, p->scratch);
    return j.update;
}

static void update_after(const mlpi_gemm_args *p)
{
    if (p->update) {
        mlpi_optimizer_step u = *p->update;
        u.n = p->m * p->n;
        u.dw = p->C;
        optimizer_step(&u);
    }
}

static void gemm_blocked(const mlpi_gemm_args *p)
{
    if (!multiply(p)) {
        update_after(p);
    }
}

static void gemm_small_then_update(const mlpi_gemm_args *p)
{
    select_small(p)(p);
    update_after(p);
}

static void gemm_empty(const mlpi_gemm_args *p)
{
    SCALAR_KERNELS.empty_product(p);
    update_after(p);
}

static mlpi_gemm_function *gemm_select(const mlpi_gemm_args *p)
{
    if (p->m == 0 || p->n == 0 || p->k == 0) {
        return gemm_empty;
    }
    mlpi_gemm_function *small = select_small(p);
    if (!small) {
        return gemm_blocked;
    }
    return p->update ? gemm_small_then_update : small;
}

static void gemm(const mlpi_gemm_args *p)
{
    gemm_select(p)(p);
}
