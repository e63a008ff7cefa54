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
    PACK_A_COLUMNS = 4 * PANEL,     /* above which packing A pays */
    SMALL_B = 32768 / sizeof(real), /* B that L1 holds as it is */
    MIDDLE_B = 2 * SMALL_B,         /* and that L2 gives in time */
    SHORT = 16,                     /* chains that end before C is stored */
    NARROW = 12,                    /* columns that had better be rows */
    FEW_TILES = 4 * TILE_ROWS,      /* rows of them */
    ROOM = TILE_ROWS * PANEL,       /* for a tile that is not whole in C */
    /* Scratch of a product of small_tmpl.h: B, or C^T. */
    SMALL_ROOM = SMALL_REALS > 4 * VLEN *VLEN ? SMALL_REALS : 4 * VLEN *VLEN
};

_Static_assert(BLOCK_DEPTH % VLEN == 0 && BLOCK_ROWS % TILE_ROWS == 0,
               "blocks hold whole vectors and tiles");
_Static_assert((int)ROOM >= ROW_VECS * VLEN, "the room holds a single row's");

/* A product whose operands are real. */
typedef struct job {
    size_t m, n, k;
    const real *a;
    size_t a_row, a_k;
    const real *b;
    size_t b_k, b_col;
    real *c;
    size_t c_row, c_col; /* c_col is 1; or c_row is, and the rest is NULL: */
    const real *bias;
    size_t bias_col; /* 1: an element for each column; 0: the same for all */
    real *relu;
    const real *gate;
    const mlpi_optimizer_step *update; /* NULL if c_col is not 1 */
    const constants *constants;        /* its */
} job;

/* Sums of rows [i, i + rows) and columns [j, j + cols). */
typedef struct area {
    size_t i, j, rows, cols;
    real *sums; /* in C, or in the room, where rows are whole vectors */
    size_t stride;
} area;

/* What C has so far, into the room; or, where tiles are in C itself, the next
 * one, of at most `after` rows, towards L1. */
static HOT void prepare(const job *p, const area *t, bool in_c, size_t after)
{
    const real *c = p->c + t->i * p->c_row + t->j * p->c_col;
    if (in_c) {
        for (size_t i = 0; i < least(after, t->rows); i++) {
            prefetch(c, (t->rows + i) * p->c_row, PANEL);
        }
    } else {
        mlpi_operand from = {c, p->c_row, p->c_col};
        pack(t->rows, t->cols, from, t->sums, t->stride);
    }
}

/* The step for which the sums are dw. */
static void descend_by(const job *p, const area *t)
{
    const mlpi_optimizer_step *u = p->update;
    const size_t at = t->i * p->c_row + t->j;
    span s = {.rows = t->rows,
              .n = t->cols,
              .dw = t->sums,
              .dw_stride = t->stride,
              .w = (real *)u->w + at,
              .w_stride = p->c_row};
    for (size_t k = 0; k < 2 && u->state[k]; k++) {
        s.state[k] = (real *)u->state[k] + at;
    }
    update_span(u, p->constants, &s);
}

/* Asks for what descend_by will read and write. */
static void prefetch_updated(const job *p, const area *t)
{
    const mlpi_optimizer_step *u = p->update;
    for (size_t i = 0; i < t->rows; i++) {
        const size_t at = (t->i + i) * p->c_row + t->j;
        prefetch_to_write(u->w, at, PANEL);
        for (size_t k = 0; k < 2 && u->state[k]; k++) {
            prefetch_to_write(u->state[k], at, PANEL);
        }
    }
}

/* Sums into C and, if their chains have ended, what comes after. */
static HOT void finish(const job *p, const area *t, bool ended)
{
    if (p->c_col != 1) {
        mlpi_operand from = {t->sums, 1, t->stride};
        real *c = p->c + t->i + t->j * p->c_col;
        pack(t->cols, t->rows, from, c, p->c_col);
        return;
    }
    if (ended && p->update) {
        descend_by(p, t);
        return;
    }
    for (size_t i = 0; i < t->rows; i++) {
        for (size_t j = 0; j < t->cols; j += VLEN) {
            const size_t at = (t->i + i) * p->c_row + t->j + j;
            const size_t left = least(VLEN, t->cols - j);
            const bool part = left < VLEN;
            vec s = load_lanes(t->sums + i * t->stride + j, part, left);
            if (ended && p->bias) {
                s = vadd(s, p->bias_col
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
static size_t block_size(size_t n, size_t most, size_t grain)
{
    size_t blocks = (n + most - 1) / most;
    return ((n + blocks - 1) / blocks + grain - 1) / grain * grain;
}

static bool packs_a(const job *p)
{
    return p->n > PACK_A_COLUMNS || p->c_col != 1;
}

/* Rows of a tile if so many are left. Those of C^T may be more: they are few,
 * and packed, and the tile goes to the room. */
static size_t height(const job *p, size_t left)
{
    const bool is_nearly_whole = left > MIDDLE_ROWS && left < TILE_ROWS;
    return p->c_col != 1 && is_nearly_whole ? TILE_ROWS : tile_rows(left);
}

/* n, up to whole vectors. */
static size_t whole_vectors(size_t n)
{
    return vectors(n) * VLEN;
}

/* Can B's rows be read where they lie? */
static bool b_is_dense(const job *p)
{
    return p->b_col == 1 && p->n % VLEN == 0;
}

/* Does all of B stay in caches, so that it needs neither panels nor blocks?
 * What does not lie well is packed before, which pays if it is a panel anyhow,
 * or if chains are so short that C's rows are to be few at a time. */
static bool has_small_b(const job *p)
{
    const size_t size = p->k * whole_vectors(p->n);
    if (p->c_col != 1) {
        return false;
    }
    return b_is_dense(p) ? size <= SMALL_B
                         : size <= MIDDLE_B && (p->n <= PANEL || p->k <= SHORT);
}

/* A part of the work: rows [i, i + m) of A in the block [k, k + depth), with
 * room for a tile, for a panel of B unless B is small, and for these rows,
 * packed unless NULL. */
typedef struct block {
    size_t i, m, k, depth;
    real *room, *panel, *rows;
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

static COLD void pack_a(const job *p, const block *b)
{
    real *to = b->rows;
    const real *a = p->a + b->i * p->a_row + b->k * p->a_k;
    for (size_t left = b->m, rows = 0; left > 0; left -= rows) {
        const size_t width = height(p, left);
        rows = least(left, width);
        mlpi_operand from = {a, p->a_k, p->a_row};
        pack_padded(b->depth, rows, from, to, width);
        a += rows * p->a_row;
        to += width * b->depth;
    }
}

/* B's columns [j, j + cols) in the panel, or a first tile that will pack them,
 * or, if that does, B where it is. */
static void take_panel(const job *p, const block *b, size_t j, size_t cols,
                       tile *t)
{
    t->b = p->b + b->k * p->b_k + j * p->b_col;
    t->b_k = p->b_k;
    const bool is_whole = cols % VLEN == 0;
    if (!b->panel || (p->b_col == 1 && is_whole && b->m <= TILE_ROWS)) {
        return;
    }
    if (p->b_col == 1 && cols == PANEL && tile_rows(b->m) == TILE_ROWS) {
        t->panel = b->panel;
        return;
    }
    mlpi_operand from = {t->b, p->b_k, p->b_col};
    pack_padded(b->depth, cols, from, b->panel, PANEL);
    t->b = b->panel;
    t->b_k = PANEL;
}

/* All rows of the block by columns [j, j + cols), tile after tile, with C's
 * next lines on their way meanwhile. */
static NEVER_INLINE void run_panel(const job *p, const block *b, size_t j,
                                   size_t cols)
{
    const bool resumes = b->k > 0;
    const bool ends = b->k + b->depth == p->k;
    const bool updates = ends && p->update;
    const bool in_c =
        cols % VLEN == 0 && p->c_col == 1 && !(updates && !resumes);
    const bool finishes =
        !in_c || updates || (ends && (p->bias || p->gate || p->relu));
    real *c = p->c + b->i * p->c_row + j;
    tile t = {.k = b->depth,
              .a = b->rows ? b->rows : p->a + b->i * p->a_row + b->k * p->a_k,
              .a_row = b->rows ? 1 : p->a_row,
              .a_k = p->a_k,
              .c = in_c ? c : b->room,
              .c_row = in_c ? p->c_row : PANEL};
    take_panel(p, b, j, cols, &t);
    for (size_t i = 0; i < b->m; i += t.rows) {
        t.rows = height(p, b->m - i);
        if (b->rows) {
            t.a_k = t.rows;
        }
        const size_t rows = least(t.rows, b->m - i);
        const area sums = {b->i + i, j, rows, cols, t.c, t.c_row};
        if (resumes) {
            t.from = t.c;
            t.from_row = t.c_row;
            prepare(p, &sums, in_c, b->m - i - t.rows);
        }
        if (updates) {
            prefetch_updated(p, &sums);
        }
        run_rows(&t, cols <= VLEN);
        if (finishes) {
            finish(p, &sums, ends);
        }
        t.a += t.rows * (b->rows ? b->depth : p->a_row);
        t.c += in_c ? t.rows * p->c_row : 0;
        if (t.panel) {
            t.b = t.panel;
            t.b_k = PANEL;
            t.panel = NULL;
        }
    }
}

/* Packs a small B that does not lie well. */
static COLD void pack_b(job *p, real *to)
{
    const size_t n = whole_vectors(p->n);
    pack_padded(p->k, p->n, (mlpi_operand){p->b, p->b_k, p->b_col}, to, n);
    p->b = to;
    p->b_k = n;
    p->b_col = 1;
}

/* Ten columns would leave six lanes of two vectors empty; rows leave none. */
static bool is_tall(const job *p)
{
    return VLEN == 8 && TILE_ROWS > TALL_COLUMNS && p->n == TALL_COLUMNS &&
           p->b_k == p->n && p->b_col == 1 && p->a_k == 1 && p->k % SIDE == 0 &&
           p->m >= VLEN && !p->update;
}

/* VLEN rows at a time, some of the last perhaps twice. */
static HOT void run_rows_as_lanes(const job *p, real *scratch)
{
    tile t = {.k = p->k, .a_row = p->a_row, .b = p->b};
    t.c = scratch;
    for (size_t done = 0; done < p->m; done += VLEN) {
        const size_t i = least(done, p->m - VLEN);
        const area sums = {i, 0, VLEN, p->n, p->c + i * p->c_row, p->c_row};
        t.a = p->a + i * p->a_row;
        tall_tile(&t);
        pack(VLEN, p->n, (mlpi_operand){scratch, 1, VLEN}, sums.sums, p->c_row);
        finish(p, &sums, true);
    }
}

/* Chains that are short write C as fast as it can be, if its rows are few: they
 * may be pages apart, and translations of so many addresses are not at hand. */
static HOT void run_blocks(job *p, real *scratch)
{
    const bool small = has_small_b(p);
    if (small && is_tall(p)) {
        run_rows_as_lanes(p, scratch);
        return;
    }
    const bool is_short = small && p->k <= SHORT;
    const size_t depth = small ? p->k : block_size(p->k, BLOCK_DEPTH, VLEN);
    const size_t rows =
        block_size(p->m, is_short ? FEW_TILES : BLOCK_ROWS, TILE_ROWS);
    real *panel = scratch + ROOM;
    if (small && !b_is_dense(p)) {
        pack_b(p, panel);
    }
    for (size_t k = 0; k < p->k; k += depth) {
        for (size_t i = 0; i < p->m; i += rows) {
            block b = {.i = i,
                       .m = least(rows, p->m - i),
                       .k = k,
                       .depth = least(depth, p->k - k),
                       .room = scratch,
                       .panel = small ? NULL : panel};
            if (packs_a(p) && !small) {
                b.rows = b.panel + b.depth * PANEL + VLEN;
                pack_a(p, &b);
            }
            for (size_t j = 0; j < p->n; j += PANEL) {
                run_panel(p, &b, j, least(PANEL, p->n - j));
            }
        }
    }
}

/* One row: B is read once, so there is nothing to pack or to block either, but
 * there must be many columns at work at once. */
static void run_row(const job *p, real *scratch)
{
    tile t = {.k = p->k, .a = p->a, .a_k = p->a_k, .b_k = p->b_k, .c = scratch};
    for (size_t j = 0, cols = 0; j < p->n; j += cols) {
        t.b = p->b + j;
        cols = run_row_of(&t, p->n - j);
        finish(p, &(area){0, j, 1, cols, scratch, 0}, true);
    }
}

static size_t gemm_scratch(size_t m, size_t n, size_t k)
{
    size_t depth = least(k, BLOCK_DEPTH);
    size_t rows = n > PACK_A_COLUMNS ? least(m, BLOCK_ROWS) : 0;
    size_t blocks = depth * (PANEL + rows + NARROW);
    size_t small = least(k * whole_vectors(n), MIDDLE_B);
    size_t most = (blocks > small ? blocks : small) + ROOM + (size_t)2 * VLEN;
    return most > SMALL_ROOM ? most : SMALL_ROOM;
}

static job job_of(const mlpi_gemm_args *p)
{
    return (job){.m = p->m,
                 .n = p->n,
                 .k = p->k,
                 .a = p->A.data,
                 .a_row = p->A.row_stride,
                 .a_k = p->A.col_stride,
                 .b = p->B.data,
                 .b_k = p->B.row_stride,
                 .b_col = p->B.col_stride,
                 .c = p->C,
                 .c_row = p->width > 0 ? p->width : p->n,
                 .c_col = 1,
                 .bias = p->bias,
                 .bias_col = 1,
                 .relu = p->relu,
                 .gate = p->gate};
}

/* C^T = B^T A^T: a b = b a, so the chains are the same. */
static job transposed(const mlpi_gemm_args *p)
{
    job j = job_of(p);
    j.m = p->n;
    j.n = p->m;
    j.a = p->B.data;
    j.a_row = p->B.col_stride;
    j.a_k = p->B.row_stride;
    j.b = p->A.data;
    j.b_k = p->A.col_stride;
    j.b_col = p->A.row_stride;
    j.c_row = 1;
    j.c_col = p->n;
    j.bias_col = 0;
    return j;
}

/* C of what is not small. Returns whether the update has been done with it. */
static COLD bool multiply(const mlpi_gemm_args *p)
{
    /* Where A's columns are contiguous, those of C^T fill vectors: all, if C is
     * a column, and if there are few, more than those of C would. */
    bool is_column = p->n == 1;
    bool is_narrow = p->n <= NARROW && p->n % VLEN != 0 && p->m >= VLEN &&
                     !p->bias && !p->relu && !p->gate;
    job j = p->A.row_stride == 1 && (is_column || is_narrow) ? transposed(p)
                                                             : job_of(p);
    if (j.m == 1 && j.b_col == 1) {
        run_row(&j, p->scratch);
        return false;
    }
    constants c;
    if (p->update && j.c_col == 1) {
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

static void product_in_blocks(const mlpi_gemm_args *p)
{
    if (!multiply(p)) {
        update_after(p);
    }
}

static void product_then_update(const mlpi_gemm_args *p)
{
    small_way(p)(p);
    update_after(p);
}

static void product_of_nothing(const mlpi_gemm_args *p)
{
    SCALAR_KERNELS.empty_product(p);
    update_after(p);
}

static mlpi_gemm_function *gemm_select(const mlpi_gemm_args *p)
{
    if (p->m == 0 || p->n == 0 || p->k == 0) {
        return product_of_nothing;
    }
    mlpi_gemm_function *small = small_way(p);
    if (!small) {
        return product_in_blocks;
    }
    return p->update ? product_then_update : small;
}

static void gemm(const mlpi_gemm_args *p)
{
    gemm_select(p)(p);
}
