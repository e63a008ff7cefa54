/* SPDX-License-Identifier: MIT */
/*
 * Tests the kernels of batch normalisation: every table must equal, bit for
 * bit, formulas that are written out here.
 */
#include "support/numbers.h"

/* Returns the term of one row in a sum over a column. */
typedef double term(mlp_dtype dtype, double s, double x, double y);

static double plain(mlp_dtype dtype, double s, double x, double y)
{
    (void)y;
    return rounded(dtype, s + x);
}

static double squared(mlp_dtype dtype, double s, double x, double mean)
{
    double d = rounded(dtype, x - mean);
    return fma_of(dtype, d, d, s);
}

static double multiplied(mlp_dtype dtype, double s, double x, double y)
{
    return fma_of(dtype, x, y, s);
}

/* Adds the rows in eight lanes, which are joined as mlpi_join_lanes does. */
static double sum_of(mlp_dtype dtype, term *add, size_t m, const double *x,
                     const double *y)
{
    double s[8] = {0};
    for (size_t i = 0; i < m; i++) {
        s[i % 8] = add(dtype, s[i % 8], x[i], y[i]);
    }
    for (size_t half = 4; half > 0; half /= 2) {
        for (size_t i = 0; i < half; i++) {
            s[i] = rounded(dtype, s[i] + s[i + half]);
        }
    }
    return s[0];
}

enum { MOST_ROWS = 41, MOST_COLUMNS = 37 };

/* A case has matrices of `stride` columns, of which the kernels get the columns
 * [first, first + n). */
typedef struct kernel_case {
    const mlpi_kernels *kernels;
    size_t m, n, stride, first;
    void *U, *X, *Z, *dZ;        /* real [m][stride] */
    void *row[8];                /* real [stride] */
    double column[4][MOST_ROWS]; /* of U, X, Z, dZ */
    double epsilon;
} kernel_case;

enum { MEAN, VARIANCE, SCALE, SHIFT, DSCALE, DSHIFT, OTHER, ROWS_OF };

static kernel_case case_of(const mlpi_kernels *kernels, size_t m, size_t n,
                           size_t stride, size_t first)
{
    mlp_rng rng = mlp_rng_seeded((uint32_t)(m * 100 + n));
    kernel_case c = {.kernels = kernels,
                     .m = m,
                     .n = n,
                     .stride = stride,
                     .first = first,
                     .epsilon = 1e-5};
    void **matrices[] = {&c.U, &c.X, &c.Z, &c.dZ};
    for (size_t i = 0; i < 4; i++) {
        *matrices[i] = random_reals(kernels->dtype, &rng, m * stride, -2, 2);
    }
    for (size_t i = 0; i < ROWS_OF; i++) {
        c.row[i] = random_reals(kernels->dtype, &rng, stride, 0.1, 2);
    }
    return c;
}

static void free_case(kernel_case *c)
{
    guarded_free(c->U);
    guarded_free(c->X);
    guarded_free(c->Z);
    guarded_free(c->dZ);
    for (size_t i = 0; i < ROWS_OF; i++) {
        guarded_free(c->row[i]);
    }
}

static void *from(const kernel_case *c, void *reals, size_t at)
{
    return (unsigned char *)reals + at * size_of(c->kernels->dtype);
}

/* Copies column `first` + j of a matrix to `out`. */
static void take_column(const kernel_case *c, const void *reals, size_t j,
                        double out[MOST_ROWS])
{
    for (size_t i = 0; i < c->m; i++) {
        out[i] = get(c->kernels->dtype, reals, i * c->stride + c->first + j);
    }
}

static void check_moments(kernel_case *c)
{
    mlp_dtype dtype = c->kernels->dtype;
    c->kernels->moments(
        &(mlpi_moments_args){.m = c->m,
                             .n = c->n,
                             .stride = c->stride,
                             .U = from(c, c->U, c->first),
                             .mean = from(c, c->row[MEAN], c->first),
                             .variance = from(c, c->row[VARIANCE], c->first)});
    for (size_t j = 0; j < c->n; j++) {
        double u[MOST_ROWS];
        double means[MOST_ROWS];
        take_column(c, c->U, j, u);
        double mean =
            rounded(dtype, sum_of(dtype, plain, c->m, u, u) / (double)c->m);
        for (size_t i = 0; i < c->m; i++) {
            means[i] = mean;
        }
        double variance = rounded(
            dtype, sum_of(dtype, squared, c->m, u, means) / (double)c->m);
        assert_true(get(dtype, c->row[MEAN], c->first + j) == mean);
        assert_true(get(dtype, c->row[VARIANCE], c->first + j) == variance);
    }
}

static double inverse_of(const kernel_case *c, size_t j)
{
    mlp_dtype dtype = c->kernels->dtype;
    double variance = get(dtype, c->row[VARIANCE], j);
    double sum = rounded(dtype, variance + rounded(dtype, c->epsilon));
    double root = dtype == MLP_F32 ? (double)sqrtf((float)sum) : sqrt(sum);
    return rounded(dtype, 1 / root);
}

/* Normalises whole rows. Without X, Z is written over U. */
static void check_normalise(kernel_case *c, bool with_X)
{
    mlp_dtype dtype = c->kernels->dtype;
    size_t n = c->stride;
    double *u = calloc(c->m * n + 1, sizeof *u);
    assert_non_null(u);
    for (size_t i = 0; i < c->m * n; i++) {
        u[i] = get(dtype, c->U, i);
    }
    void *Z = with_X ? c->Z : c->U;
    c->kernels->normalise(&(mlpi_normalise_args){.m = c->m,
                                                 .n = n,
                                                 .epsilon = c->epsilon,
                                                 .mean = c->row[MEAN],
                                                 .variance = c->row[VARIANCE],
                                                 .scale = c->row[SCALE],
                                                 .shift = c->row[SHIFT],
                                                 .U = c->U,
                                                 .X_hat = with_X ? c->U : NULL,
                                                 .Z = Z});
    for (size_t i = 0; i < c->m * n; i++) {
        size_t j = i % n;
        double d = rounded(dtype, u[i] - get(dtype, c->row[MEAN], j));
        double x = rounded(dtype, d * inverse_of(c, j));
        double z = fma_of(dtype, get(dtype, c->row[SCALE], j), x,
                          get(dtype, c->row[SHIFT], j));
        assert_true(!with_X || get(dtype, c->U, i) == x);
        assert_true(get(dtype, Z, i) == z);
    }
    free(u);
}

static void check_back(kernel_case *c)
{
    mlp_dtype dtype = c->kernels->dtype;
    size_t first = c->first;
    mlpi_normalise_backward_args back = {
        .m = c->m,
        .n = c->n,
        .stride = c->stride,
        .batch = c->m + 2,
        .epsilon = c->epsilon,
        .variance = from(c, c->row[VARIANCE], first),
        .scale = from(c, c->row[SCALE], first),
        .X_hat = from(c, c->X, first),
        .dZ = from(c, c->dZ, first),
        .dscale = from(c, c->row[DSCALE], first),
        .dshift = from(c, c->row[DSHIFT], first)};
    double x[MOST_COLUMNS][MOST_ROWS];
    double dz[MOST_COLUMNS][MOST_ROWS];
    for (size_t j = 0; j < c->n; j++) {
        take_column(c, c->X, j, x[j]);
        take_column(c, c->dZ, j, dz[j]);
    }
    c->kernels->normalise_sums(&back);
    c->kernels->normalise_backward(&back);
    for (size_t j = 0; j < c->n; j++) {
        double dscale = sum_of(dtype, multiplied, c->m, x[j], dz[j]);
        double dshift = sum_of(dtype, plain, c->m, dz[j], dz[j]);
        assert_true(get(dtype, c->row[DSCALE], first + j) == dscale);
        assert_true(get(dtype, c->row[DSHIFT], first + j) == dshift);
        double rows = (double)(c->m + 2);
        double factor = rounded(dtype, get(dtype, c->row[SCALE], first + j) *
                                           inverse_of(c, first + j));
        for (size_t i = 0; i < c->m; i++) {
            double d = rounded(dtype, dz[j][i] - rounded(dtype, dshift / rows));
            d = fma_of(dtype, -x[j][i], rounded(dtype, dscale / rows), d);
            d = rounded(dtype, d * factor);
            assert_true(get(dtype, c->dZ, i * c->stride + first + j) == d);
        }
    }
}

static void check_blend(kernel_case *c)
{
    mlp_dtype dtype = c->kernels->dtype;
    double before[MOST_COLUMNS];
    for (size_t j = 0; j < c->stride; j++) {
        before[j] = get(dtype, c->row[OTHER], j);
    }
    c->kernels->scalar->running_average(c->stride, 0.9, 0.1, c->row[SHIFT],
                                        c->row[OTHER]);
    for (size_t j = 0; j < c->stride; j++) {
        double kept = rounded(dtype, rounded(dtype, 0.9) * before[j]);
        double moved =
            rounded(dtype, rounded(dtype, 0.1) * get(dtype, c->row[SHIFT], j));
        assert_true(get(dtype, c->row[OTHER], j) ==
                    rounded(dtype, kept + moved));
    }
}

static void kernels_are_the_formulas(void **state)
{
    (void)state;
    static const size_t columns[] = {1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31};
    FOR_EACH_TABLE(dtype, kernels)
    {
        for (size_t m = 1; m < MOST_ROWS; m = m < 18 ? m + 1 : m + 11) {
            /* Each number of columns comes twice: dense, and in wider rows. */
            for (size_t k = 0; k < 2 * COUNT(columns); k++) {
                size_t n = columns[k / 2];
                size_t first = k % 2 * (k % 3);
                kernel_case c =
                    case_of(kernels, m, n, n + first + k % 2, first);
                check_moments(&c);
                check_back(&c);
                check_normalise(&c, k % 4 < 2);
                check_blend(&c);
                free_case(&c);
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kernels_are_the_formulas),
    };
    return cmocka_run_group_tests_name("batch_norm_ops", tests, NULL, NULL);
}
