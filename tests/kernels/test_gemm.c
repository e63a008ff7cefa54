/* SPDX-License-Identifier: MIT */
/*
 * Matrix products and column sums of every kernel table are compared, bit for
 * bit, with the loops that define them. The sizes are chosen around those of
 * tiles and blocks (MR, NR, KC, MC), and all arrays end at inaccessible pages.
 */
#include "support/numbers.h"
#include "support/ignore.h"

#include <fenv.h>
#include <float.h>

static const size_t edges[] = {0,  1,  2,  3,  4,  5,  6,  7,  8,   9,
                               10, 11, 12, 13, 15, 16, 17, 23, 24,  25,
                               31, 32, 33, 37, 47, 48, 64, 65, 100, 129};
static const size_t depths[] = {0, 1, 2, 3, 5, 8, 17, 64, 255, 256, 257, 521};

static size_t pick(mlp_rng *rng, const size_t *list, size_t n)
{
    int64_t i = 0;
    ignore(mlp_rng_randint(rng, 0, (int64_t)n, &i));
    return list[i];
}

/* A matrix in memory of its own. It is dense, or padded, or stored by
 * columns. */
typedef struct matrix {
    void *reals;
    size_t row_stride, col_stride;
} matrix;

static matrix random_matrix(mlp_dtype dtype, mlp_rng *rng, size_t rows,
                            size_t cols)
{
    int64_t form = 0;
    ignore(mlp_rng_randint(rng, 0, 4, &form));
    size_t pad = form & 1 ? 3 : 0;
    matrix a = {.row_stride = cols + pad, .col_stride = 1};
    size_t n = rows * (cols + pad);
    if (form & 2) {
        a = (matrix){.row_stride = 1, .col_stride = rows + pad};
        n = cols * (rows + pad);
    }
    a.reals = random_reals(dtype, rng, n, -1, 1);
    return a;
}

static double at(mlp_dtype dtype, const matrix *a, size_t i, size_t j)
{
    return get(dtype, a->reals, i * a->row_stride + j * a->col_stride);
}

/* Returns scratch that holds large numbers, as if it had been used before. A
 * kernel that adds what it did not write overflows, which is checked. */
static void *used_scratch(const mlpi_kernels *kernels, size_t m, size_t n,
                          size_t k)
{
    const size_t count = kernels->gemm_scratch(m, n, k);
    const double large = kernels->dtype == MLP_F32 ? FLT_MAX : DBL_MAX;
    void *scratch = guarded_alloc(count * size_of(kernels->dtype));
    for (size_t i = 0; i < count; i++) {
        set(kernels->dtype, scratch, i, i % 2 ? large : -large);
    }
    return scratch;
}

static void check_product(const mlpi_kernels *kernels, mlp_rng *rng, size_t m,
                          size_t n, size_t k)
{
    mlp_dtype dtype = kernels->dtype;
    matrix A = random_matrix(dtype, rng, m, k);
    matrix B = random_matrix(dtype, rng, k, n);
    int64_t with_bias = 0;
    ignore(mlp_rng_randint(rng, 0, 2, &with_bias));
    void *bias = with_bias ? random_reals(dtype, rng, n, -1, 1) : NULL;
    int64_t extras = 0; /* bits: 1: relu in an array of its own; 2: relu == C;
                           4: a relu_mask; 8: rows of C are wider than n;
                           16: the sums go on from those in C */
    ignore(mlp_rng_randint(rng, 0, 32, &extras));
    const bool is_part =
        n >= MLPI_GEMM_MIN_STRIDED_COLUMNS && k > 0 && extras & 8;
    const size_t width = is_part ? n + 7 : n;
    void *relu_mask =
        extras & 4 ? random_reals(dtype, rng, m * width, -1, 1) : NULL;
    void *relu = extras & 1 ? random_reals(dtype, rng, m * width, 7, 7) : NULL;
    const bool resumes = k > 0 && extras & 16;
    void *C = random_reals(dtype, rng, m * width, 7, 7);
    void *earlier = random_reals(dtype, rng, m * width, -1, 1);
    for (size_t i = 0; resumes && i < m * n; i++) {
        const size_t c = i / n * width + i % n;
        set(dtype, C, c, get(dtype, earlier, c));
    }
    void *scratch = used_scratch(kernels, m, n, k);
    (void)feclearexcept(FE_ALL_EXCEPT);
    kernels->gemm(&(mlpi_gemm_args){.m = m,
                                    .n = n,
                                    .k = k,
                                    .width = is_part ? width : 0,
                                    .A = {A.reals, A.row_stride, A.col_stride},
                                    .B = {B.reals, B.row_stride, B.col_stride},
                                    .bias = bias,
                                    .relu_mask = relu_mask,
                                    .C = C,
                                    .resumes = resumes,
                                    .relu = relu         ? relu
                                            : extras & 2 ? C
                                                         : NULL,
                                    .scratch = scratch});
    assert_false(fetestexcept(FE_INVALID | FE_OVERFLOW));
    for (size_t i = 0; i < m; i++) {
        for (size_t j = 0; j < n; j++) {
            const size_t c = i * width + j;
            double s = resumes ? get(dtype, earlier, c) : 0;
            for (size_t p = 0; p < k; p++) {
                s = fma_of(dtype, at(dtype, &A, i, p), at(dtype, &B, p, j), s);
            }
            s = bias ? rounded(dtype, s + get(dtype, bias, j)) : s;
            s = relu_mask && get(dtype, relu_mask, c) <= 0 ? 0 : s;
            double r = s <= 0 ? 0 : s;
            bool replaced = !relu && extras & 2;
            assert_true(same(get(dtype, C, c), replaced ? r : s));
            assert_true(!relu || same(get(dtype, relu, c), r));
        }
        for (size_t j = n; j < width; j++) { /* not columns of C */
            assert_true(get(dtype, C, i * width + j) == 7);
            assert_true(!relu || get(dtype, relu, i * width + j) == 7);
        }
    }
    guarded_free(relu);
    guarded_free(relu_mask);
    guarded_free(scratch);
    guarded_free(earlier);
    guarded_free(C);
    guarded_free(bias);
    guarded_free(B.reals);
    guarded_free(A.reals);
}

static void product_equals_the_triple_loop(void **state)
{
    (void)state;
    FOR_EACH_TABLE(dtype, kernels)
    {
        mlp_rng rng = mlp_rng_seeded(1);
        for (int trial = 0; trial < 400; trial++) {
            size_t m = pick(&rng, edges, COUNT(edges));
            size_t n = pick(&rng, edges, COUNT(edges));
            size_t k = pick(&rng, depths, COUNT(depths));
            check_product(kernels, &rng, m, n, k);
        }
    }
}

/* The sizes have several blocks of rows, enough columns to pack A, several
 * blocks of k, or only one row or column. */
static void product_equals_the_triple_loop_when_large(void **state)
{
    (void)state;
    FOR_EACH_TABLE(dtype, kernels)
    {
        mlp_rng rng = mlp_rng_seeded(2);
        for (int form = 0; form < 4; form++) {
            check_product(kernels, &rng, 29, 300, 300);
            check_product(kernels, &rng, 501, 141, 20);
            check_product(kernels, &rng, 129, 10, 300);
            check_product(kernels, &rng, 33, 1037, 17);
        }
        /* Blocks of rows share the packed B, in one and in two parts of its
         * columns; deep blocks of k; and a last block of a few rows. */
        check_product(kernels, &rng, 500, 140, 270);
        check_product(kernels, &rng, 401, 1061, 20);
        check_product(kernels, &rng, 371, 45, 1100);
        check_product(kernels, &rng, 185, 139, 530);
        check_product(kernels, &rng, 17, 100, 1000);
        check_product(kernels, &rng, 1, 1300, 70);
        check_product(kernels, &rng, 1500, 1, 9);
        check_product(kernels, &rng, 1, 1, 2000);
    }
}

/* Multiplies A (m, k) by one column. The last row of A ends with a page. */
static void check_column(const mlpi_kernels *kernels, mlp_rng *rng, size_t m,
                         size_t k)
{
    mlp_dtype dtype = kernels->dtype;
    const size_t stride = k + 1;
    void *A = random_reals(dtype, rng, m * stride - 1, -1, 1);
    void *b = random_reals(dtype, rng, 2 * k, -1, 1);
    void *bias = random_reals(dtype, rng, 1, -1, 1);
    void *c = guarded_alloc(m * size_of(dtype));
    mlpi_gemm_args p = {.m = m,
                        .n = 1,
                        .k = k,
                        .A = {A, stride, 1},
                        .B = {b, 2, 1},
                        .bias = m % 2 ? bias : NULL,
                        .C = c};
    kernels->gemm(&p);
    for (size_t i = 0; i < m; i++) {
        double s = 0;
        for (size_t j = 0; j < k; j++) {
            s = fma_of(dtype, get(dtype, A, i * stride + j),
                       get(dtype, b, 2 * j), s);
        }
        s = p.bias ? rounded(dtype, s + get(dtype, bias, 0)) : s;
        assert_true(same(get(dtype, c, i), s));
    }
    guarded_free(c);
    guarded_free(bias);
    guarded_free(b);
    guarded_free(A);
}

static void product_by_a_column_equals_the_loop(void **state)
{
    (void)state;
    FOR_EACH_TABLE(dtype, kernels)
    {
        mlp_rng rng = mlp_rng_seeded(7);
        for (size_t m = 1; m < 40; m += 3) {
            check_column(kernels, &rng, m, 1 + m % 5);
            check_column(kernels, &rng, m, 8);
            check_column(kernels, &rng, m + 1, 11 + m % 4);
        }
    }
}

/* Multiplies A (m, k), whose rows (or else columns) are contiguous, by a dense
 * B with few columns, and goes on from these sums with the same product. */
static void check_few_columns(const mlpi_kernels *kernels, mlp_rng *rng,
                              const size_t size[3], bool by_rows)
{
    mlp_dtype dtype = kernels->dtype;
    const size_t m = size[0];
    const size_t n = size[1];
    const size_t k = size[2];
    matrix A = {random_reals(dtype, rng, m * k, -1, 1), by_rows ? k : 1,
                by_rows ? 1 : m};
    matrix B = {random_reals(dtype, rng, k * n, -1, 1), n, 1};
    void *C = guarded_alloc(m * n * size_of(dtype));
    void *scratch =
        guarded_alloc(kernels->gemm_scratch(m, n, k) * size_of(dtype));
    mlpi_gemm_args product = {.m = m,
                              .n = n,
                              .k = k,
                              .A = {A.reals, A.row_stride, A.col_stride},
                              .B = {B.reals, n, 1},
                              .C = C,
                              .scratch = scratch};
    void *sums = random_reals(dtype, rng, m * n, 0, 0);
    for (size_t call = 0; call < 2; call++) {
        product.resumes = call > 0;
        kernels->gemm(&product);
        for (size_t i = 0; i < m * n; i++) {
            double s = get(dtype, sums, i);
            for (size_t p = 0; p < k; p++) {
                s = fma_of(dtype, at(dtype, &A, i / n, p),
                           at(dtype, &B, p, i % n), s);
            }
            assert_true(same(get(dtype, C, i), s));
            set(dtype, sums, i, s);
        }
    }
    guarded_free(sums);
    guarded_free(scratch);
    guarded_free(C);
    guarded_free(B.reals);
    guarded_free(A.reals);
}

static void product_by_few_columns_equals_the_loop(void **state)
{
    (void)state;
    FOR_EACH_TABLE(dtype, kernels)
    {
        mlp_rng rng = mlp_rng_seeded(8);
        for (size_t n = 2; n < 14; n++) {
            check_few_columns(kernels, &rng, (size_t[]){67, n, 64}, false);
            check_few_columns(kernels, &rng, (size_t[]){n + 3, n, 30}, false);
            check_few_columns(kernels, &rng, (size_t[]){16, n, 30}, false);
            check_few_columns(kernels, &rng, (size_t[]){n, 1, 30}, false);
        }
        /* All of A would fit a cache, but not the scratch. */
        check_few_columns(kernels, &rng, (size_t[]){511, 1, 16}, false);
        check_few_columns(kernels, &rng, (size_t[]){67, 10, 300}, false);
        check_few_columns(kernels, &rng, (size_t[]){64, 11, 300}, false);
        check_few_columns(kernels, &rng, (size_t[]){19, 10, 300}, true);
        check_few_columns(kernels, &rng, (size_t[]){19, 10, 301}, true);
        check_few_columns(kernels, &rng, (size_t[]){8, 10, 204}, true);
        for (size_t m = 7; m < 70; m += 3) {
            check_few_columns(kernels, &rng, (size_t[]){m, 10, m % 9}, true);
            check_few_columns(kernels, &rng, (size_t[]){m, 10, m % 9}, false);
            /* Enough to meet a dense B with each of bias, mask and relu. */
            for (int i = 0; i < 40; i++) {
                check_product(kernels, &rng, m, 10, 1 + m % 9);
            }
        }
    }
}

static void *copy_of(mlp_dtype dtype, const void *reals, size_t n)
{
    void *copy = guarded_alloc(n * size_of(dtype));
    memcpy(copy, reals, n * size_of(dtype));
    return copy;
}

/* A product with a fused update gives the bits of a product and an update that
 * follow each other. */
static void check_updating(const mlpi_kernels *kernels, mlp_rng *rng,
                           mlp_optimizer_kind kind, const size_t size[3])
{
    mlp_dtype dtype = kernels->dtype;
    size_t m = size[0];
    size_t n = size[1];
    matrix A = random_matrix(dtype, rng, m, size[2]);
    matrix B = random_matrix(dtype, rng, size[2], n);
    void *before[3]; /* w, state[0], state[1] */
    void *separate[3];
    void *fused[3];
    for (size_t i = 0; i < 3; i++) {
        before[i] = random_reals(dtype, rng, m * n, 0, 1);
        separate[i] = copy_of(dtype, before[i], m * n);
        fused[i] = copy_of(dtype, before[i], m * n);
    }
    size_t states = kind == MLP_OPTIMIZER_SGD    ? 0
                    : kind == MLP_OPTIMIZER_ADAM ? 2
                                                 : 1;
    mlpi_optimizer_step_args u = {.kind = kind,
                                  .n = m * n,
                                  .limit = 0.75,
                                  .scale = 0.5,
                                  .weight_factor = 0.875,
                                  .alpha = 0.3,
                                  .decay = {0.9, 0.99},
                                  .gain = {0.1, 0.01},
                                  .root_factor = 1.5,
                                  .epsilon = 1e-8};
    mlpi_gemm_args p = {.m = m,
                        .n = n,
                        .k = size[2],
                        .A = {A.reals, A.row_stride, A.col_stride},
                        .B = {B.reals, B.row_stride, B.col_stride},
                        .C = guarded_alloc(m * n * size_of(dtype)),
                        .scratch =
                            guarded_alloc(kernels->gemm_scratch(m, n, size[2]) *
                                          size_of(dtype))};
    kernels->gemm(&p);
    u.dw = p.C;
    u.w = separate[0];
    memcpy(u.state, separate + 1, states * sizeof *u.state);
    kernels->optimizer_step(&u);
    u.dw = NULL;
    u.w = fused[0];
    memcpy(u.state, fused + 1, states * sizeof *u.state);
    p.update = &u;
    kernels->gemm(&p);
    for (size_t i = 0; i < 3; i++) {
        assert_memory_equal(separate[i], fused[i], m * n * size_of(dtype));
        guarded_free(fused[i]);
        guarded_free(separate[i]);
        guarded_free(before[i]);
    }
    guarded_free(p.scratch);
    guarded_free(p.C);
    guarded_free(B.reals);
    guarded_free(A.reals);
}

/* The sizes have one block and several, edges of panels and of vectors, few
 * columns, a single row or column, small products, and empty chains. */
static void product_updates_as_update_does(void **state)
{
    (void)state;
    static const size_t sizes[][3] = {
        {501, 141, 20}, {37, 64, 300}, {50, 33, 257}, {129, 10, 300},
        {9, 5, 4},      {1, 300, 40},  {300, 1, 40},  {3, 4, 0}};
    static const mlp_optimizer_kind kinds[] = {
        MLP_OPTIMIZER_SGD, MLP_OPTIMIZER_MOMENTUM, MLP_OPTIMIZER_ADAM};
    FOR_EACH_TABLE(dtype, kernels)
    {
        mlp_rng rng = mlp_rng_seeded(5);
        for (size_t i = 0; i < COUNT(sizes) * COUNT(kinds); i++) {
            check_updating(kernels, &rng, kinds[i % COUNT(kinds)],
                           sizes[i / COUNT(kinds)]);
        }
    }
}

/* A chain starts from +0, so an empty chain without a bias is +0, not -0. */
static void product_of_empty_chains_is_the_bias(void **state)
{
    (void)state;
    FOR_EACH_TABLE(dtype, kernels)
    {
        double bias[3] = {0};
        double C[6] = {0};
        for (size_t j = 0; j < 3; j++) {
            set(dtype, bias, j, (double)j - 1.5);
        }
        mlpi_gemm_args p = {.m = 2, .n = 3, .k = 0, .bias = bias, .C = C};
        kernels->gemm(&p);
        for (size_t i = 0; i < 6; i++) {
            assert_true(get(dtype, C, i) == (double)(i % 3) - 1.5);
        }
        p.bias = NULL;
        kernels->gemm(&p);
        for (size_t i = 0; i < 6; i++) {
            assert_true(same(get(dtype, C, i), 0.0));
        }
    }
}

/* A NaN reaches those elements of C whose chains contain it, and no others. */
static void product_keeps_a_nan_in_its_row(void **state)
{
    (void)state;
    enum { M = 13, N = 37, K = 19 };
    FOR_EACH_TABLE(dtype, kernels)
    {
        mlp_rng rng = mlp_rng_seeded(3);
        void *A = random_reals(dtype, &rng, M * K, -1, 1);
        void *B = random_reals(dtype, &rng, K * N, -1, 1);
        void *C = guarded_alloc(M * N * size_of(dtype));
        void *scratch =
            guarded_alloc(kernels->gemm_scratch(M, N, K) * size_of(dtype));
        set(dtype, A, 5 * K + 7, (double)NAN);
        kernels->gemm(&(mlpi_gemm_args){.m = M,
                                        .n = N,
                                        .k = K,
                                        .A = {A, K, 1},
                                        .B = {B, N, 1},
                                        .C = C,
                                        .scratch = scratch});
        for (size_t i = 0; i < M * N; i++) {
            assert_int_equal(isnan(get(dtype, C, i)) != 0, i / N == 5);
        }
        guarded_free(scratch);
        guarded_free(C);
        guarded_free(B);
        guarded_free(A);
    }
}

/* Sums of X (m, n), whose rows come in two calls if there are lanes to carry
 * the first 16. */
static void sum_in_parts(const mlpi_kernels *kernels,
                         const mlpi_column_sums_args *all)
{
    const size_t m = all->m > 16 ? 16 : all->m;
    mlpi_column_sums_args part = *all;
    part.m = m;
    memset(all->lanes, 0, MLPI_LANES * all->n * kernels->real_size);
    kernels->column_sums(&part);
    part.m = all->m - m;
    part.X = mlpi_const_at(kernels, all->X, m * all->n);
    kernels->column_sums(&part);
}

static void column_sums_use_eight_lanes(void **state)
{
    (void)state;
    static const size_t rows[] = {0, 1, 7, 8, 9, 16, 23, 100};
    FOR_EACH_TABLE(dtype, kernels)
    {
        mlp_rng rng = mlp_rng_seeded(4);
        for (size_t trial = 0; trial < COUNT(rows) * COUNT(edges); trial++) {
            size_t m = rows[trial % COUNT(rows)];
            size_t n = edges[trial / COUNT(rows)];
            void *X = random_reals(dtype, &rng, m * n, -1, 1);
            void *sums = guarded_alloc(n * size_of(dtype));
            void *in_parts = guarded_alloc(n * size_of(dtype));
            void *lanes = guarded_alloc(MLPI_LANES * n * size_of(dtype));
            mlpi_column_sums_args args = {m, n, X, NULL, sums};
            kernels->column_sums(&args);
            args.lanes = lanes;
            args.sums = in_parts;
            sum_in_parts(kernels, &args);
            assert_memory_equal(in_parts, sums, n * size_of(dtype));
            guarded_free(lanes);
            guarded_free(in_parts);
            for (size_t j = 0; j < n; j++) {
                double s[MLPI_LANES] = {0};
                for (size_t i = 0; i < m; i++) {
                    double *lane = &s[i % MLPI_LANES];
                    *lane = rounded(dtype, *lane + get(dtype, X, i * n + j));
                }
                double even = rounded(dtype, rounded(dtype, s[0] + s[4]) +
                                                 rounded(dtype, s[2] + s[6]));
                double odd = rounded(dtype, rounded(dtype, s[1] + s[5]) +
                                                rounded(dtype, s[3] + s[7]));
                assert_true(
                    same(get(dtype, sums, j), rounded(dtype, even + odd)));
            }
            guarded_free(sums);
            guarded_free(X);
        }
    }
}

/* A workspace is sized for a number of rows and then used with fewer as
 * well. */
static void product_scratch_does_not_shrink(void **state)
{
    (void)state;
    FOR_EACH_TABLE(dtype, kernels)
    {
        for (size_t i = 1; i < COUNT(edges); i++) {
            for (size_t j = 1; j < COUNT(depths); j++) {
                size_t m = edges[i];
                size_t k = depths[j];
                size_t scratch = kernels->gemm_scratch(m, m, k);
                assert_true(kernels->gemm_scratch(edges[i - 1], m, k) <=
                            scratch);
                assert_true(kernels->gemm_scratch(m, edges[i - 1], k) <=
                            scratch);
                assert_true(kernels->gemm_scratch(m, m, depths[j - 1]) <=
                            scratch);
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(product_equals_the_triple_loop),
        cmocka_unit_test(product_equals_the_triple_loop_when_large),
        cmocka_unit_test(product_by_a_column_equals_the_loop),
        cmocka_unit_test(product_by_few_columns_equals_the_loop),
        cmocka_unit_test(product_updates_as_update_does),
        cmocka_unit_test(product_of_empty_chains_is_the_bias),
        cmocka_unit_test(product_keeps_a_nan_in_its_row),
        cmocka_unit_test(column_sums_use_eight_lanes),
        cmocka_unit_test(product_scratch_does_not_shrink),
    };
    return cmocka_run_group_tests_name("product", tests, NULL, NULL);
}
