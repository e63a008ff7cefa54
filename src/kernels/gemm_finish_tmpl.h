/* SPDX-License-Identifier: MIT */
/*
 * The operands of a matrix product as strided arrays of reals, and what happens
 * to a micro-tile of sums when its chains are complete: bias, ReLU and its
 * mask, or the update of the weights. gemm_tmpl.h calls these functions between
 * micro-kernels.
 * Parameters: the vocabulary of vec_portable.h, above all VLEN; loops_tmpl.h,
 * gemm_pack_tmpl.h, gemm_microkernel_tmpl.h (NR), optimizer_step_tmpl.h and
 * elementary_tmpl.h (vrelu).
 */
enum {
    L1_B_REALS = 32768 / sizeof(real), /* a B that L1 holds: 32 KB */
    L2_B_REALS = 2 * L1_B_REALS        /* a B that L2 delivers in time */
};

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
