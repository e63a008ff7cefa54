/* SPDX-License-Identifier: MIT */
/*
 * Primitives that wait for memory, or are short beside all else: a table of
 * longer vectors has them from one of shorter, which its CPUs run too, and any
 * other from itself. kernels.h tells what they do; they are in those templates that
 * a table which OPS_BORROWS does without. Parameters: `real`, REAL_BITS, and
 * OPS_LENDER, whose they are: avx2 for the tables of AVX2 and AVX-512.
 */
#define LENT_NAME_(lender, name, bits) mlpi_##lender##_##name##_f##bits
#define LENT_NAME(lender, name, bits) LENT_NAME_(lender, name, bits)
#define LENT(name) LENT_NAME(OPS_LENDER, name, REAL_BITS)

/* Parameters whose gradients lie in rows, those of one row and of the next
 * `dw_stride` and `w_stride` apart. */
typedef struct span {
    size_t rows, n;
    const real *dw;
    size_t dw_stride;
    real *w, *state[2];
    size_t w_stride;
} span;

/* The way of a small product of n columns, which are contiguous in B. */
mlpi_gemm_function *LENT(small_columns)(size_t m, size_t n);
/* The step on elements done to n of each row. */
void LENT(update_rest)(const mlpi_optimizer_step *u, const span *where,
                       size_t done);
void LENT(gather)(const mlpi_gather *g);
void LENT(to_double)(size_t n, const void *x_in, double *out);
bool LENT(find_not_finite)(mlp_cview X, size_t *row, size_t *col);
bool LENT(is_finite)(size_t n, const void *x);
bool LENT(products_stay_finite)(size_t n, size_t terms, const void *x);
void LENT(dropout)(const mlpi_dropout *d);
void LENT(moments)(const mlpi_moments *b);
void LENT(normalise)(const mlpi_normalise *b);
void LENT(normalise_sums)(const mlpi_normalise_back *b);
void LENT(normalise_backward)(const mlpi_normalise_back *b);
void LENT(penalise)(size_t n, double l2, double l1, const void *weights,
                    void *gradients);
void LENT(loss_slopes)(const mlpi_terms *t, double scale, void *d);
void LENT(affine)(size_t n, double keep, double add, void *y);

#if REAL_BITS == 64
void LENT(add_products)(size_t n, const double *x, const double *y,
                        double lanes[MLPI_LANES]);
void LENT(add_magnitudes)(size_t n, const double *x, double lanes[MLPI_LANES]);
/* loss_terms of all losses but bce of logits. */
void LENT(other_terms)(const mlpi_terms *terms, double lanes[MLPI_LANES]);
#endif
