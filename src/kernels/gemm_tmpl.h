/* SPDX-License-Identifier: MIT */
/*
 * Matrix product C = A B + bias by blocks, as in BLIS. C is (m, n), A (m, k), B
 * (k, n). Parameters: the vocabulary of vec_portable.h, above all MR, NR_VECS,
 * KC and MC; and loops_tmpl.h, gemm_small_tmpl.h, gemm_pack_tmpl.h,
 * gemm_microkernel_tmpl.h, optimizer_step_tmpl.h and elementary_tmpl.h (vrelu).
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
 *       for i in steps of MC      A (MC, KC) is packed into micro-panels of A,
 *                                 (MR, KC) each, and stays in L2
 *         for j in steps of NR    B (KC, NR) is packed as one micro-panel of B
 *                                 and kept in L1 or L2: see vec_<isa>.h
 *           for i in steps of MR  the micro-kernel computes a micro-tile of C,
 *                                 (MR, NR), in registers
 *
 * BLIS has one more, outermost loop, over NC columns of B; here NC = n. (BLIS
 * calls the loops over NC, MC and NR jc, ic and jr.) A micro-panel of B is
 * packed inside the loop over NR, if possible by the first micro-kernel that
 * reads it, and again for each block of MC rows.
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
 * rows and no bias, ReLU or relu_mask. If C has ten columns and A is row-major,
 * the lanes hold rows of C (suits_rows_as_lanes has the conditions). The
 * smallest products are those of gemm_small_tmpl.h.
 */
#include <assert.h>

enum {
    PACK_A_MIN_COLUMNS = 4 * NR, /* packing A pays if C has more columns */
    L1_B_REALS = 32768 / sizeof(real), /* a B that L1 holds: 32 KB */
    L2_B_REALS = 2 * L1_B_REALS,       /* a B that L2 delivers in time */
    SHORT_K = 16,              /* up to here the product is bound by stores */
    NARROW_COLUMNS = 12,       /* most columns of C for which C^T pays */
    SHORT_K_ROWS = 4 * MR,     /* rows of a block if k <= SHORT_K */
    EDGE_TILE_REALS = MR * NR, /* a micro-tile outside of C */
    /* gemm_small_tmpl.h packs B or stores C^T in this much scratch. */
    SMALL_SCRATCH = SMALL_REALS > 4 * VLEN *VLEN ? SMALL_REALS : 4 * VLEN *VLEN
};

_Static_assert(KC % VLEN == 0 && MC % MR == 0,
               "blocks hold whole vectors and micro-tiles");
_Static_assert((int)NARROW_COLUMNS < (int)MLPI_GEMM_MIN_STRIDED_COLUMNS,
               "C^T is computed for a dense C only");
_Static_assert((int)EDGE_TILE_REALS >= ROW_VECS * VLEN,
               "the edge tile holds the sums of a single row");

/* The operands as arrays of reals, with BLIS's names for the strides: element
 * (i, j) of X is x[i rs_x + j cs_x].
 *
 * Assumptions:
 *   - A and B: none on strides or alignment. Where neither stride is 1, packing
 *     moves one number at a time.
 *   - C: cs_c == 1; or rs_c == 1, for C^T, and then bias, relu, relu_mask and
 *     update are NULL. C overlaps neither A nor B.
 *   - relu and relu_mask have the strides of C. If relu == c, the array ends
 *     with max(0, C).
 *   - m, n, k >= 1, and no multiples of MR, NR, KC or VLEN are required. */
typedef struct strided_gemm {
    size_t m, n, k;
    bool resumes; /* the chains begin with the sums in C */
    const real *a;
    size_t rs_a, cs_a;
    const real *b;
    size_t rs_b, cs_b;
    real *c;
    size_t rs_c, cs_c;
    const real *bias;
    bool bias_is_row; /* true: bias[n]; false: one number for all columns */
    real *relu;
    const real *relu_mask;
    const mlpi_optimizer_step_args *update; /* or NULL */
    const step_constants *constants;        /* of the update, as vectors */
} strided_gemm;

/* The sums of rows [i, i + rows) and columns [j, j + cols) of C, which are a
 * part of the product A B. They lie in C itself or in the edge tile: a buffer
 * of MR rows of NR reals for micro-tiles that do not fit C, because the
 * micro-kernel stores whole vectors only.
 *
 * Assumption: rows of the edge tile have space for whole vectors. Their lanes
 * beyond `cols` may hold anything and are never stored to C. */
typedef struct tile_area {
    size_t i, j, rows, cols;
    real *ab; /* element (i, j) is ab[0] */
    size_t stride;
} tile_area;

/* Copies what the earlier blocks of k left in C to the edge tile. */
static HOT void load_edge_tile(const strided_gemm *p, const tile_area *t)
{
    const real *c = p->c + t->i * p->rs_c + t->j * p->cs_c;
    mlpi_operand from = {c, p->rs_c, p->cs_c};
    copy_strided(t->rows, t->cols, from, t->ab, t->stride);
}

/* Prefetches the sums that the next micro-tile, below this one, continues. It
 * has at most `left` rows. */
static HOT void prefetch_next_tile(const strided_gemm *p, const tile_area *t,
                                   size_t left)
{
    const real *c = p->c + t->i * p->rs_c + t->j * p->cs_c;
    for (size_t i = 0; i < min_size(left, t->rows); i++) {
        prefetch(c, (t->rows + i) * p->rs_c, NR);
    }
}

/* Updates the weights with the sums as their gradient dW. The fused update
 * reads dW while it is in L1, which saves a pass over memory. */
static void apply_update(const strided_gemm *p, const tile_area *t)
{
    const mlpi_optimizer_step_args *u = p->update;
    const size_t at = t->i * p->rs_c + t->j;
    parameter_block s = {.rows = t->rows,
                         .n = t->cols,
                         .dw = t->ab,
                         .dw_stride = t->stride,
                         .w = (real *)u->w + at,
                         .w_stride = p->rs_c};
    for (size_t k = 0; k < 2 && u->state[k]; k++) {
        s.state[k] = (real *)u->state[k] + at;
    }
    update_block(u, p->constants, &s);
}

/* Prefetches the weights and the optimizer's state that apply_update will read
 * and write, so that they arrive while the micro-kernel works. */
static void prefetch_update(const strided_gemm *p, const tile_area *t)
{
    const mlpi_optimizer_step_args *u = p->update;
    for (size_t i = 0; i < t->rows; i++) {
        const size_t at = (t->i + i) * p->rs_c + t->j;
        prefetch_to_write(u->w, at, NR);
        for (size_t k = 0; k < 2 && u->state[k]; k++) {
            prefetch_to_write(u->state[k], at, NR);
        }
    }
}

/* Moves the sums of a tile to C. After the last block of k the chains are
 * complete: then this also adds the bias, applies relu_mask and ReLU, or
 * updates the weights. */
static HOT void finish_tile(const strided_gemm *p, const tile_area *t,
                            bool is_last)
{
    if (p->cs_c != 1) {
        mlpi_operand from = {t->ab, 1, t->stride};
        real *c = p->c + t->i + t->j * p->cs_c;
        copy_strided(t->cols, t->rows, from, c, p->cs_c);
        return;
    }
    if (is_last && p->update) {
        apply_update(p, t);
        return;
    }
    finished_columns f = {.rows = t->rows,
                          .stride = t->stride,
                          .rs_c = p->rs_c,
                          .has_bias = is_last && p->bias};
    for (size_t j = 0, cols = 0; j < t->cols; j += cols) {
        const size_t at = t->i * p->rs_c + t->j + j;
        cols = t->cols == NR ? NR : min_size(VLEN, t->cols - j);
        f.ab = t->ab + j;
        for (size_t v = 0; f.has_bias && v * VLEN < cols; v++) {
            f.bias[v] = p->bias_is_row
                            ? load_lanes(p->bias + t->j + j + v * VLEN,
                                         cols < VLEN, cols)
                            : vset1(*p->bias);
        }
        f.relu_mask = is_last && p->relu_mask ? p->relu_mask + at : NULL;
        f.relu = is_last && p->relu ? p->relu + at : NULL;
        f.c = is_last && p->c == p->relu ? NULL : p->c + at;
        finish_columns(&f, cols);
    }
}

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
 * C is written a few rows at a time. */
static bool b_stays_in_cache(const strided_gemm *p)
{
    const size_t size = p->k * round_up_to_vec(p->n);
    if (p->cs_c != 1) {
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
    real *packed_b;  /* a micro-panel, [kc][NR]; NULL: B is read in place */
    real *packed_a;  /* micro-panels, m kc reals (for C^T m is
                        rounded up to MR); NULL: A is read in place */
} block;

/* Packs the rows of a block of A into micro-panels. A micro-panel of `height`
 * rows is stored as real [kc][height], so that the micro-kernel reads A in the
 * order of memory. */
static COLD void pack_a(const strided_gemm *p, const block *b)
{
    real *to = b->packed_a;
    const real *a = p->a + b->i * p->rs_a + b->k * p->cs_a;
    for (size_t left = b->m, rows = 0; left > 0; left -= rows) {
        const size_t height = tile_height(p, left);
        rows = min_size(left, height);
        mlpi_operand from = {a, p->cs_a, p->rs_a};
        pack_padded(b->kc, rows, from, to, height);
        a += rows * p->rs_a;
        to += height * b->kc;
    }
}

/* Chooses where the micro-kernel reads columns [j, j + cols) of B: in the
 * packed micro-panel; in B itself, while the first micro-kernel also packs the
 * micro-panel; or in B itself without packing, if a cache holds all of B or
 * the block has at most MR rows, so that too few micro-kernels would read the
 * micro-panel. */
static void choose_b(const strided_gemm *p, const block *b, size_t j,
                     size_t cols, micro_tile *t)
{
    t->b = p->b + b->k * p->rs_b + j * p->cs_b;
    t->rs_b = p->rs_b;
    const bool is_whole = cols % VLEN == 0;
    if (!b->packed_b || (p->cs_b == 1 && is_whole && b->m <= MR)) {
        return;
    }
    if (p->cs_b == 1 && cols == NR) {
        t->pack_to = b->packed_b;
        return;
    }
    mlpi_operand from = {t->b, p->rs_b, p->cs_b};
    pack_padded(b->kc, cols, from, b->packed_b, NR);
    t->b = b->packed_b;
    t->rs_b = NR;
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
        if (resumes) {
            t.c_in = t.c;
            t.rs_c_in = t.rs_c;
            if (in_c) {
                prefetch_next_tile(p, &area, b->m - i - t.rows);
            } else {
                load_edge_tile(p, &area);
            }
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

/* True if rows_as_lanes_tile computes the product. In vectors of eight lanes
 * ten columns would leave six of sixteen lanes empty; rows leave none. */
static bool suits_rows_as_lanes(const strided_gemm *p)
{
    return VLEN == 8 && MR > LANES_COLUMNS && p->n == LANES_COLUMNS &&
           p->rs_b == p->n && p->cs_b == 1 && p->cs_a == 1 &&
           p->k % TRANSPOSE_ROWS == 0 && p->m >= VLEN && !p->update &&
           !p->resumes;
}

/* Computes VLEN rows of C at a time. The last strip overlaps the one before if
 * m is no multiple of VLEN; both store the same sums. */
static HOT void run_rows_as_lanes(const strided_gemm *p, real *scratch)
{
    micro_tile t = {.k = p->k, .rs_a = p->rs_a, .b = p->b};
    t.c = scratch;
    for (size_t done = 0; done < p->m; done += VLEN) {
        const size_t i = min_size(done, p->m - VLEN);
        const tile_area area = {i, 0, VLEN, p->n, p->c + i * p->rs_c, p->rs_c};
        t.a = p->a + i * p->rs_a;
        rows_as_lanes_tile(&t);
        copy_strided(VLEN, p->n, (mlpi_operand){scratch, 1, VLEN}, area.ab,
                     p->rs_c);
        finish_tile(p, &area, true);
    }
}

/* Runs the loops over k, i and j. A product with short chains is bound by
 * stores to C. The rows of C can lie pages apart, and more than SHORT_K_ROWS of
 * them at a time overflow the TLB, so blocks are kept that small. */
static HOT void run_blocks(strided_gemm *p, real *scratch)
{
    const bool small = b_stays_in_cache(p);
    if (small && suits_rows_as_lanes(p)) {
        run_rows_as_lanes(p, scratch);
        return;
    }
    const bool is_short = small && p->k <= SHORT_K;
    const size_t kc = small ? p->k : block_size(p->k, KC, VLEN);
    const size_t rows = block_size(p->m, is_short ? SHORT_K_ROWS : MC, MR);
    real *packed = scratch + EDGE_TILE_REALS;
    if (small && !b_is_usable_in_place(p)) {
        pack_small_b(p, packed);
    }
    for (size_t k = 0; k < p->k; k += kc) {
        for (size_t i = 0; i < p->m; i += rows) {
            block b = {.i = i,
                       .m = min_size(rows, p->m - i),
                       .k = k,
                       .kc = min_size(kc, p->k - k),
                       .edge_tile = scratch,
                       .packed_b = small ? NULL : packed};
            if (packs_a(p) && !small) {
                b.packed_a = b.packed_b + b.kc * NR + VLEN;
                pack_a(p, &b);
            }
            for (size_t j = 0; j < p->n; j += NR) {
                run_micro_panel(p, &b, j, min_size(NR, p->n - j));
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
 * blocks. The blocks take kc * (NR for B + rows for A, if packed, +
 * NARROW_COLUMNS for A of C^T). Only one of the two numbers for A is needed;
 * their sum keeps the bound simple. */
static size_t gemm_scratch(size_t m, size_t n, size_t k)
{
    size_t kc = min_size(k, KC);
    size_t rows = n > PACK_A_MIN_COLUMNS ? min_size(m, MC) : 0;
    size_t blocks = kc * (NR + rows + NARROW_COLUMNS);
    size_t small = min_size(k * round_up_to_vec(n), L2_B_REALS);
    size_t blocked =
        (blocks > small ? blocks : small) + EDGE_TILE_REALS + (size_t)2 * VLEN;
    return blocked > SMALL_SCRATCH ? blocked : SMALL_SCRATCH;
}

static strided_gemm args_of(const mlpi_gemm_args *p)
{
    return (strided_gemm){.m = p->m,
                          .n = p->n,
                          .k = p->k,
                          .resumes = p->resumes,
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
                          .bias_is_row = true,
                          .relu = p->relu,
                          .relu_mask = p->relu_mask};
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
    assert(p->width == 0 ||
           (p->n >= MLPI_GEMM_MIN_STRIDED_COLUMNS && p->k > 0));
    assert(!p->resumes || p->k > 0);
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
