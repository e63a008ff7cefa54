/* SPDX-License-Identifier: MIT */
/*
 * Matrix product C = A B + bias by blocks, as in BLIS. C is (m, n), A (m, k), B
 * (k, n). Parameters: the vocabulary of vec_portable.h, above all MR, NR_VECS,
 * KC, DEEP_KC and MC; and loops_tmpl.h, gemm_small_tmpl.h, gemm_pack_tmpl.h,
 * gemm_microkernel_tmpl.h, gemm_finish_tmpl.h and gemm_lanes_tmpl.h.
 *
 * kernels.h defines the chain that an element of C is. If k is divided into
 * blocks, a chain goes through memory: C holds the accumulator between two
 * blocks of k, which is exact. So blocks, tiles and packing change no bit.
 * A caller that has the terms of a chain in several parts divides k in the same
 * way: a product that `resumes` begins with the sums in C.
 *
 *                    k by KC              j by NR               j by NR
 *                   +---+---+           +--+--+--+            +--+--+--+
 *                   |   |   |   k by KC |##|  |  |            |  |  |  |
 *          i by MC  +---+---+           +--+--+--+   i by MC  +--+--+--+
 *                   |###|   |           |  |  |  |            |##|  |  |
 *                   +---+---+           +--+--+--+            +--+--+--+
 *                       A                    B                     C
 *
 *     for k in steps of KC        the chains of C advance by up to KC terms
 *       for j in steps of NC      B (KC, NC) is packed as micro-panels of B
 *         for i in steps of MC    A (MC, KC) is packed into micro-panels of A,
 *                                 (MR, KC) each, and stays in L2
 *           for j in steps of NR  a micro-panel of B, (KC, NR), is kept in L1
 *                                 or L2: see vec_<isa>.h
 *             for i in steps of MR    the micro-kernel computes a micro-tile of
 *                                     C, (MR, NR), in registers
 *
 * BLIS calls the loops over NC, MC and NR jc, ic and jr. A micro-panel of B is
 * packed inside the loop over NR by the first block of rows, and if possible by
 * the first micro-kernel that reads it. A product of one block of rows has no
 * loop over NC and keeps only one micro-panel of B at a time. With more blocks
 * of rows, all micro-panels of B are kept, and KC is DEEP_KC.
 *
 *   K. Goto and R. A. van de Geijn, "Anatomy of High-Performance Matrix
 *   Multiplication", ACM TOMS 34(3), 2008.
 *   F. G. Van Zee and R. A. van de Geijn, "BLIS: A Framework for Rapidly
 *   Instantiating BLAS Functionality", ACM TOMS 41(3), 2015.
 *
 * B is read in place if it is row-major, its rows are whole vectors, and it
 * fits a cache or is read by a few rows only (b_stays_in_cache, choose_b). A is
 * read in place, whatever its strides are, if C has few columns and is not
 * computed as C^T (packs_a), or if B stays in a cache.
 *
 * A narrow C would leave lanes of the vectors empty. If A is column-major, C^T
 * is computed instead (`transposed`) for a single column, and for up to
 * NARROW_COLUMNS columns that do not fill whole vectors, if C has at least VLEN
 * rows and no bias, ReLU or relu_mask. Ten columns are those of
 * gemm_lanes_tmpl.h, and the smallest products those of gemm_small_tmpl.h.
 */
#include <assert.h>

enum {
    PACK_A_MIN_COLUMNS = 4 * NR, /* packing A pays if C has more columns */
    NC = 1024, /* columns of the packed micro-panels of B that are kept */
    DEEP_MC = MC * KC / DEEP_KC / MR * MR, /* rows of a block of DEEP_KC */
    PANELS = 5,                /* micro-panels of A that are packed together */
    SHORT_K = 16,              /* up to here the product is bound by stores */
    NARROW_COLUMNS = 12,       /* most columns of C for which C^T pays */
    SHORT_K_ROWS = 4 * MR,     /* rows of a block if k <= SHORT_K */
    EDGE_TILE_REALS = MR * NR, /* a micro-tile outside of C */
    /* gemm_small_tmpl.h packs B or stores C^T in this much scratch. */
    SMALL_SCRATCH = SMALL_REALS > 4 * VLEN *VLEN ? SMALL_REALS : 4 * VLEN *VLEN
};

_Static_assert(KC % VLEN == 0 && MC % MR == 0,
               "blocks hold whole vectors and micro-tiles");
_Static_assert((int)DEEP_MC > 2 * MR,
               "the first of several blocks has more rows than a micro-tile");
_Static_assert((int)NARROW_COLUMNS < (int)MLPI_GEMM_MIN_STRIDED_COLUMNS,
               "C^T is computed for a dense C only");
_Static_assert((int)EDGE_TILE_REALS >= ROW_VECS * VLEN,
               "the edge tile holds the sums of a single row");

/* True if A is packed when B does not stay in a cache: always for C^T, whose
 * last micro-panel is zero-padded to MR, and otherwise if each micro-panel of A
 * is read for many micro-panels of B. */
static bool packs_a(const strided_gemm *p)
{
    return p->n > PACK_A_MIN_COLUMNS || p->cs_c != 1;
}

/* Returns the rows of the next micro-tile if `left` rows are left. A micro-tile
 * of C^T may have more rows than are left, because one nearly full micro-tile
 * is faster than two. Its micro-panel of A is zero-padded, and its sums go to
 * the edge tile. */
static size_t tile_height(const strided_gemm *p, size_t left)
{
    const bool is_nearly_whole = left > MIDDLE_ROWS && left < MR;
    return p->cs_c != 1 && is_nearly_whole ? MR : rows_of_next_tile(left);
}

/* True if micro-kernels can read B in place: it is row-major, and its rows are
 * whole vectors. */
static bool b_is_usable_in_place(const strided_gemm *p)
{
    return p->cs_b == 1 && p->n % VLEN == 0;
}

/* True if all of B stays in a cache, so that it needs neither micro-panels nor
 * blocks of k. A B that is not usable in place is packed as a whole first. That
 * pays if it is a single micro-panel anyhow, or if the chains are so short that
 * C is written a few rows at a time. For C^T, also that of a single column, B
 * is the caller's A, for which gemm_scratch has no space as a whole. */
static bool b_stays_in_cache(const strided_gemm *p)
{
    const size_t size = p->k * round_up_to_vec(p->n);
    if (!p->bias_is_row) { /* C^T */
        return false;
    }
    return b_is_usable_in_place(p)
               ? size <= L1_B_REALS
               : size <= L2_B_REALS && (p->n <= NR || p->k <= SHORT_K);
}

/* One iteration of the loop over MC: rows [i, i + m) of A and terms [k, k +
 * kc).
 *
 * Assumptions: i is a multiple of MR and k of VLEN, as MC and KC are; the
 * buffers are parts of the scratch, in this order, and need no alignment. */
typedef struct block {
    size_t i, m, k, kc;
    real *edge_tile; /* [MR][NR] */
    bool keeps_b;    /* packed_b has all micro-panels of B, not only one */
    size_t j, n;     /* columns [j, j + n) of C and B */
    real *packed_b;  /* micro-panels, [kc][NR] each; NULL: B is read in place */
    real *packed_a;  /* micro-panels, m kc reals (for C^T m is
                        rounded up to MR); NULL: A is read in place */
} block;

/* Packs PANELS micro-panels of MR rows of a column-major A together, so that
 * whole cache lines of A are read at a time. */
static HOT void pack_full_panels(size_t kc, const real *a, size_t cs_a,
                                 real *to)
{
    for (size_t k = 0; k < kc; k++, a += cs_a, to += MR) {
        prefetch(a, PREFETCH_ROWS / 2 * cs_a, (size_t)PANELS * MR);
        UNROLL
        for (size_t panel = 0; panel < PANELS; panel++) {
            copy_row(MR, a + panel * MR, to + panel * MR * kc);
        }
    }
}

/* Packs the rows of a block of A into micro-panels. A micro-panel of `height`
 * rows is stored as real [kc][height], so that the micro-kernel reads A in the
 * order of memory. */
static COLD void pack_a(const strided_gemm *p, const block *b)
{
    real *to = b->packed_a;
    const real *a = p->a + b->i * p->rs_a + b->k * p->cs_a;
    for (size_t left = b->m, rows = 0; left > 0; left -= rows) {
        size_t height = tile_height(p, left);
        rows = min_size(left, height);
        if (p->rs_a == 1 && left >= PANELS * MR &&
            rows_of_next_tile(left - (PANELS - 1) * MR) == MR) {
            height = rows = PANELS * MR;
            pack_full_panels(b->kc, a, p->cs_a, to);
        } else {
            mlpi_operand from = {a, p->cs_a, p->rs_a};
            pack_padded(b->kc, rows, from, to, height);
        }
        a += rows * p->rs_a;
        to += height * b->kc;
    }
}

/* Chooses where the micro-kernel reads columns [j, j + cols) of B: in the
 * packed micro-panel, which an earlier block of rows may have packed; in B
 * itself, while the first micro-kernel also packs the micro-panel; or in B
 * itself without packing, if a cache holds all of B or the block has at most MR
 * rows, so that too few micro-kernels would read the micro-panel. */
static void choose_b(const strided_gemm *p, const block *b, size_t j,
                     size_t cols, micro_tile *t)
{
    real *packed = b->packed_b;
    if (b->keeps_b) {
        packed += (j - b->j) * b->kc;
    }
    if (b->keeps_b && b->i > 0) {
        t->b = packed;
        t->rs_b = NR;
        return;
    }
    t->b = p->b + b->k * p->rs_b + j * p->cs_b;
    t->rs_b = p->rs_b;
    const bool is_whole = cols % VLEN == 0;
    if (!b->packed_b || (p->cs_b == 1 && is_whole && b->m <= MR)) {
        return;
    }
    if (p->cs_b == 1 && cols == NR) {
        t->pack_to = packed;
        return;
    }
    mlpi_operand from = {t->b, p->rs_b, p->cs_b};
    pack_padded(b->kc, cols, from, packed, NR);
    t->b = packed;
    t->rs_b = NR;
}

/* Lets the micro-kernel continue the sums of the earlier blocks of k, and
 * prefetch the micro-tile below if both are a part of C. */
static HOT void prepare_tile(const strided_gemm *p, const block *b,
                             const tile_area *area, micro_tile *t)
{
    const bool in_c = t->c != b->edge_tile;
    if (b->k > 0 || p->resumes) {
        t->c_in = t->c;
        t->rs_c_in = t->rs_c;
        if (!in_c) {
            load_edge_tile(p, area);
        }
    }
    if (in_c) {
        const size_t below = b->i + b->m - (area->i + area->rows);
        t->next_rows = min_size(below, t->rows);
    }
}

/* Computes rows [i, i + m) of the block by columns [j, j + cols), tile after
 * tile, which share a micro-panel of B. Five flags hold for all of them:
 *
 *   resumes       terms came before: the sums start from C, not from 0
 *   is_last       no block of k comes after: the chains are complete
 *   updates       is_last, and the optimizer takes the sums as dW
 *   in_c          the micro-kernel stores to C itself, not to the edge tile
 *   needs_finish  finish_tile is called after the micro-kernel
 *
 * They occur in these combinations:
 *
 *   edge of C, C^T    in_c is false: C is copied to the edge tile if `resumes`
 *                     is true, and finish_tile moves the sums back
 *   whole vectors     in_c is true, and finish_tile is called only if is_last
 *                     with a bias, a relu_mask, a ReLU or an update to apply
 *   updates alone     in_c is false although the vectors are whole: C is never
 *                     written, because only the weights are wanted
 *   updates, resumes  as in the first two cases: C held the partial sums
 *                     of the earlier blocks */
static NEVER_INLINE void run_micro_panel(const strided_gemm *p, const block *b,
                                         size_t j, size_t cols)
{
    const bool resumes = b->k > 0 || p->resumes;
    const bool is_long = b->kc > PART_K;
    const bool is_last = b->k + b->kc == p->k;
    const bool updates = is_last && p->update;
    const bool in_c =
        cols % VLEN == 0 && p->cs_c == 1 && !(updates && !resumes);
    const bool needs_finish =
        !in_c || updates || (is_last && (p->bias || p->relu_mask || p->relu));
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
        const tile_area area = {b->i + i, j, rows, cols, t.c, t.rs_c};
        if (resumes || is_long) {
            prepare_tile(p, b, &area, &t);
        }
        if (updates) {
            prefetch_update(p, &area);
        }
        run_tile(&t, cols <= VLEN);
        if (needs_finish) {
            finish_tile(p, &area, is_last);
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

/* Packs all of a B that is small but not usable in place. */
static COLD void pack_small_b(strided_gemm *p, real *to)
{
    const size_t n = round_up_to_vec(p->n);
    pack_padded(p->k, p->n, (mlpi_operand){p->b, p->rs_b, p->cs_b}, to, n);
    p->b = to;
    p->rs_b = n;
    p->cs_b = 1;
}

/* The sizes of the blocks that run_blocks takes. */
typedef struct block_sizes {
    size_t kc, rows, cols;
    bool is_small; /* B stays in a cache and is not packed by panels */
    bool keeps_b;  /* several blocks of rows share packed micro-panels of B */
} block_sizes;

/* A product of more than MC rows has deep blocks: fewer rows, but longer
 * chains, so that C is written less often. Its micro-panels of B are packed
 * once for all blocks of rows.
 *
 * A product with short chains is bound by stores to C. The rows of C can lie
 * pages apart, and more than SHORT_K_ROWS of them at a time overflow the TLB,
 * so blocks are kept that small. */
static block_sizes choose_sizes(const strided_gemm *p)
{
    const bool is_small = b_stays_in_cache(p);
    const bool is_short = is_small && p->k <= SHORT_K;
    const bool is_deep = p->m > MC && p->k > KC;
    const size_t rows = is_short ? SHORT_K_ROWS : is_deep ? DEEP_MC : MC;
    size_t kc = KC;
    if (is_deep) {
        kc = DEEP_KC;
    }
    block_sizes s = {.kc = is_small ? p->k : block_size(p->k, kc, VLEN),
                     .rows = block_size(p->m, rows, MR),
                     .is_small = is_small};
    s.keeps_b = !is_small && p->m > s.rows;
    s.cols = s.keeps_b ? block_size(p->n, NC, NR) : p->n;
    return s;
}

/* Computes one block, of rows [b->i, b->i + b->m). */
static HOT void run_block(const strided_gemm *p, block *b)
{
    if (b->packed_b && packs_a(p)) {
        const size_t n = b->keeps_b ? (b->n + NR - 1) / NR * NR : NR;
        b->packed_a = b->packed_b + b->kc * n + VLEN;
        pack_a(p, b);
    }
    for (size_t j = 0; j < b->n; j += NR) {
        run_micro_panel(p, b, b->j + j, min_size(NR, b->n - j));
    }
}

/* Runs the loops over k, j by NC, and i. */
static HOT void run_blocks(strided_gemm *p, real *scratch)
{
    const block_sizes s = choose_sizes(p);
    real *packed = scratch + EDGE_TILE_REALS;
    if (s.is_small && !b_is_usable_in_place(p)) {
        pack_small_b(p, packed);
    }
    for (size_t k = 0; k < p->k; k += s.kc) {
        for (size_t j = 0; j < p->n; j += s.cols) {
            for (size_t i = 0; i < p->m; i += s.rows) {
                block b = {.i = i,
                           .m = min_size(s.rows, p->m - i),
                           .j = j,
                           .n = min_size(s.cols, p->n - j),
                           .k = k,
                           .kc = min_size(s.kc, p->k - k),
                           .keeps_b = s.keeps_b,
                           .edge_tile = scratch,
                           .packed_b = s.is_small ? NULL : packed};
                run_block(p, &b);
            }
        }
    }
}

/* Computes a single row of C. B is read once, so packing and blocks would only
 * cost time. Many columns advance together to hide the latency of fma. */
static void run_single_row(const strided_gemm *p, real *scratch)
{
    micro_tile t = {
        .k = p->k, .a = p->a, .cs_a = p->cs_a, .rs_b = p->rs_b, .c = scratch};
    for (size_t j = 0, cols = 0; j < p->n; j += cols) {
        t.b = p->b + j;
        cols = run_row_columns(&t, p->n - j);
        finish_tile(p, &(tile_area){0, j, 1, cols, scratch, 0}, true);
    }
}

/* Returns a bound on the scratch, in reals, that never shrinks as m, n or k
 * grows: the edge tile, and either a small B that is packed or the packed
 * blocks. The blocks take kc * (columns of B that are kept + NARROW_COLUMNS for
 * A of C^T), and A if it is packed. Only one of the two forms of A is needed;
 * their sum keeps the bound simple. A deep block of A is not larger than one of
 * KC by MC. */
static size_t gemm_scratch(size_t m, size_t n, size_t k)
{
    size_t kc = min_size(k, KC);
    if (m > MC) {
        kc = min_size(k, DEEP_KC);
    }
    size_t cols = m > MC ? (min_size(n, NC) + NR - 1) / NR * NR : NR;
    size_t a = n > PACK_A_MIN_COLUMNS ? min_size(k, KC) * min_size(m, MC) : 0;
    size_t blocks = kc * (cols + NARROW_COLUMNS) + a;
    size_t small = min_size(k * round_up_to_vec(n), L2_B_REALS);
    size_t blocked =
        (blocks > small ? blocks : small) + EDGE_TILE_REALS + (size_t)2 * VLEN;
    return blocked > SMALL_SCRATCH ? blocked : SMALL_SCRATCH;
}

/* Returns the product C^T = B^T A^T, whose chains are the same. */
static strided_gemm transposed(const mlpi_gemm_args *p)
{
    strided_gemm product = args_of(p);
    product.m = p->n;
    product.n = p->m;
    product.a = p->B.data;
    product.rs_a = p->B.col_stride;
    product.cs_a = p->B.row_stride;
    product.b = p->A.data;
    product.rs_b = p->A.col_stride;
    product.cs_b = p->A.row_stride;
    product.rs_c = 1;
    product.cs_c = p->n;
    product.bias_is_row = false;
    return product;
}

/* Computes a product that is not small. Returns true if the update is done,
 * too. The function is COLD, although every large product passes through it,
 * because it runs once for each product and only chooses; the functions that it
 * calls are HOT where they do the work. */
static COLD bool multiply(const mlpi_gemm_args *p)
{
    /* If A is column-major (unit row stride), vectors over the rows of C fill
     * more lanes than vectors over its columns if these are few. */
    bool is_column = p->n == 1;
    bool is_narrow = p->n <= NARROW_COLUMNS && p->n % VLEN != 0 &&
                     p->m >= VLEN && !p->bias && !p->relu && !p->relu_mask;
    strided_gemm product = p->A.row_stride == 1 && (is_column || is_narrow)
                               ? transposed(p)
                               : args_of(p);
    if (product.m == 1 && product.cs_b == 1 && !product.resumes) {
        run_single_row(&product, p->scratch);
        return false;
    }
    step_constants c;
    if (p->update && product.cs_c == 1) {
        c = step_constants_of(p->update);
        product.update = p->update;
        product.constants = &c;
    }
    run_blocks(&product, p->scratch);
    return product.update;
}

/* Updates the weights in a pass of its own, for products without the fused
 * update. Their C is dense: a single row always is, and small products, empty
 * products and products by C^T occur with width 0 only. */
static void update_after(const mlpi_gemm_args *p)
{
    if (p->update) {
        mlpi_optimizer_step_args u = *p->update;
        u.n = p->m * p->n;
        u.dw = p->C;
        optimizer_step(&u);
    }
}

/* Computes a product that select_small does not take. */
static void gemm_blocked(const mlpi_gemm_args *p)
{
    if (!multiply(p)) {
        update_after(p);
    }
}

static void gemm_small_then_update(const mlpi_gemm_args *p)
{
    suits_rows_as_lanes(p) ? gemm_rows_as_lanes(p) : select_small(p)(p);
    update_after(p);
}

static void gemm_empty(const mlpi_gemm_args *p)
{
    SCALAR_KERNELS.empty_product(p);
    update_after(p);
}

static mlpi_gemm_function *gemm_select(const mlpi_gemm_args *p)
{
    assert(p->width == 0 ||
           (p->n >= MLPI_GEMM_MIN_STRIDED_COLUMNS && p->k > 0));
    assert(!p->resumes || p->k > 0);
    if (p->m == 0 || p->n == 0 || p->k == 0) {
        return gemm_empty;
    }
    mlpi_gemm_function *small =
        suits_rows_as_lanes(p) ? gemm_rows_as_lanes : select_small(p);
    if (!small) {
        return gemm_blocked;
    }
    return p->update ? gemm_small_then_update : small;
}

/* Few rows by few columns take less time than the choice of a function among
 * all, so the commonest of these products go straight to theirs. */
static void gemm(const mlpi_gemm_args *p)
{
    const bool is_tiny = p->n > 1 && p->n < VLEN && p->n >= p->m && p->m > 0 &&
                         p->k > 0 && p->k <= SHORT_K && p->m <= SMALL_ROWS &&
                         p->B.col_stride == 1 && !p->relu && !p->update &&
                         !p->resumes;
    if (is_tiny) {
        few_1vec_edge(p);
    } else {
        gemm_select(p)(p);
    }
}
