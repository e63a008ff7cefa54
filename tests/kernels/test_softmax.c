/* SPDX-License-Identifier: MIT */
/*
 * Softmax forward and backward, the sums of categorical cross-entropy, one-hot
 * rows, labels, and checks of rows. Every kernel table is compared, bit for
 * bit, with formulas that are written out here.
 */
#include "support/numbers.h"

enum { MOST_ROWS = 37, MOST_COLUMNS = 41 };

/* Returns an elementary function of a single number, as the kernels compute
 * it. */
static double mapped(const mlpi_kernels *kernels, mlpi_elementary f, double x)
{
    double in[1];
    double out[1];
    set(kernels->dtype, in, 0, x);
    kernels->map(f, 1, in, out);
    return get(kernels->dtype, out, 0);
}

/* Returns the sum of n numbers in eight lanes, as canonical arithmetic defines
 * it. */
static double lane_sum(mlp_dtype dtype, size_t n, const double *x)
{
    double s[MLPI_LANES] = {0};
    for (size_t i = 0; i < n; i++) {
        s[i % MLPI_LANES] = rounded(dtype, s[i % MLPI_LANES] + x[i]);
    }
    for (size_t half = MLPI_LANES / 2; half > 0; half /= 2) {
        for (size_t i = 0; i < half; i++) {
            s[i] = rounded(dtype, s[i] + s[i + half]);
        }
    }
    return s[0];
}

/* Returns the largest of n numbers by a plain loop. */
static double largest_of(mlp_dtype dtype, size_t n, const void *z)
{
    double max = -(double)INFINITY;
    for (size_t j = 0; j < n; j++) {
        max = get(dtype, z, j) > max ? get(dtype, z, j) : max;
    }
    return max;
}

/* Compares the softmax of one row with its formula, whose sums have eight
 * lanes. */
static void check_row(const mlpi_kernels *kernels, size_t n, const void *z,
                      const void *a)
{
    mlp_dtype dtype = kernels->dtype;
    double power[MOST_COLUMNS];
    double max = largest_of(dtype, n, z);
    for (size_t j = 0; j < n; j++) {
        double d = rounded(dtype, get(dtype, z, j) - max);
        power[j] = mapped(kernels, MLPI_MAP_EXP, d);
    }
    double sum = lane_sum(dtype, n, power);
    for (size_t j = 0; j < n; j++) {
        assert_true(same(get(dtype, a, j), rounded(dtype, power[j] / sum)));
    }
}

/* Compares the derivative by z of one row, a (da - sum of a da), with its
 * formula, rounded after each operation. */
static void check_row_back(mlp_dtype dtype, size_t n, const void *a,
                           const void *da, const void *dz)
{
    double product[MOST_COLUMNS];
    for (size_t j = 0; j < n; j++) {
        product[j] = rounded(dtype, get(dtype, a, j) * get(dtype, da, j));
    }
    double sum = lane_sum(dtype, n, product);
    for (size_t j = 0; j < n; j++) {
        assert_true(same(get(dtype, dz, j),
                         fma_of(dtype, -get(dtype, a, j), sum, product[j])));
    }
}

static const void *row(mlp_dtype dtype, const void *reals, size_t i)
{
    return (const unsigned char *)reals + i * size_of(dtype);
}

/* Checks m rows of n outputs forward and backward, in guarded memory. */
static void check_softmax(const mlpi_kernels *kernels, size_t m, size_t n)
{
    mlp_dtype dtype = kernels->dtype;
    mlp_rng rng = mlp_rng_seeded((uint32_t)(m * 100 + n));
    void *z = random_reals(dtype, &rng, m * n, -9, 9);
    void *da = random_reals(dtype, &rng, m * n, -1, 1);
    void *a = guarded_alloc(m * n * size_of(dtype));
    void *dz = guarded_alloc(m * n * size_of(dtype));
    mlpi_activation_args how = {.f = MLP_ACT_SOFTMAX, .m = m, .n = n};
    kernels->activate(&how, z, a);
    memcpy(dz, da, m * n * size_of(dtype));
    kernels->activate_backward(&how, z, a, dz);
    for (size_t i = 0; i < m * n; i += n) {
        check_row(kernels, n, row(dtype, z, i), row(dtype, a, i));
        check_row_back(dtype, n, row(dtype, a, i), row(dtype, da, i),
                       row(dtype, dz, i));
    }
    kernels->activate(&how, z, z);
    assert_memory_equal(z, a, m * n * size_of(dtype));
    guarded_free(dz);
    guarded_free(a);
    guarded_free(da);
    guarded_free(z);
}

static void softmax_follows_its_formulas_both_ways(void **state)
{
    (void)state;
    FOR_EACH_TABLE(dtype, kernels)
    {
        for (size_t n = 1; n < MOST_COLUMNS; n++) {
            check_softmax(kernels, 3, n);
        }
        for (size_t m = 0; m < MOST_ROWS; m++) {
            check_softmax(kernels, m, 10);
        }
    }
}

/* The largest number is found at every position, and softmax does not overflow
 * for numbers whose exponentials do. */
static void softmax_is_finite_for_every_finite_row(void **state)
{
    (void)state;
    FOR_EACH_TABLE(dtype, kernels)
    {
        for (size_t n = 2; n < MOST_COLUMNS; n++) {
            for (size_t k = 0; k < n; k++) {
                void *z = guarded_alloc(n * size_of(dtype));
                for (size_t j = 0; j < n; j++) {
                    set(dtype, z, j, j == k ? 3e38 : -3e38);
                }
                mlpi_activation_args how = {
                    .f = MLP_ACT_SOFTMAX, .m = 1, .n = n};
                kernels->activate(&how, z, z);
                for (size_t j = 0; j < n; j++) {
                    assert_true(get(dtype, z, j) == (j == k ? 1 : 0));
                }
                guarded_free(z);
            }
        }
    }
}

/* A NaN in one row of a batch leaves the other rows as they are. */
static void a_nan_makes_its_row_nan(void **state)
{
    (void)state;
    static const double bad[] = {(double)NAN, (double)INFINITY};
    FOR_EACH_TABLE(dtype, kernels)
    {
        for (size_t k = 0; k < 2 * 19; k++) {
            void *z = guarded_alloc(3 * 19 * size_of(dtype));
            for (size_t i = 0; i < 3 * 19; i++) {
                set(dtype, z, i, (double)i);
            }
            set(dtype, z, 19 + k % 19, bad[k / 19]);
            mlpi_activation_args how = {.f = MLP_ACT_SOFTMAX, .m = 3, .n = 19};
            kernels->activate(&how, z, z);
            for (size_t i = 0; i < 3 * 19; i++) {
                assert_true((isnan(get(dtype, z, i)) != 0) == (i / 19 == 1));
            }
            guarded_free(z);
        }
    }
}

/* Checks the three sums of one row, given as doubles. */
static void check_cce_row(const mlpi_kernels *kernels, size_t n,
                          const double *z, const double *y,
                          const double sums[3])
{
    double terms[3][MOST_COLUMNS];
    double shift = largest_of(MLP_F64, n, z);
    for (size_t j = 0; j < n; j++) {
        double d = z[j] - shift;
        terms[0][j] = mapped(kernels, MLPI_MAP_EXP, d);
        terms[1][j] = y[j];
        terms[2][j] = y[j] == 0 ? 0 : y[j] * d;
    }
    for (size_t k = 0; k < 3; k++) {
        assert_true(same(sums[k], lane_sum(MLP_F64, n, terms[k])));
    }
}

static void check_cce_sums(const mlpi_kernels *kernels, mlp_dtype dtype,
                           size_t m, size_t n)
{
    double sums[3][MOST_ROWS];
    mlp_rng rng = mlp_rng_seeded((uint32_t)(m * 100 + n));
    void *z = random_reals(dtype, &rng, m * n, -9, 9);
    void *y = random_reals(dtype, &rng, m * n, 0, 1);
    for (size_t i = 5; i < m * n; i += 7) { /* targets of 0, outputs of 0 */
        set(dtype, y, i, 0);
        set(dtype, z, i, i % 2 ? -(double)INFINITY : -3);
    }
    kernels->cce_sums(
        &(mlpi_cce_rows){
            .m = m, .n = n, .is_float = dtype == MLP_F32, .z = z, .y = y},
        sums[0], sums[1], sums[2]);
    for (size_t i = 0; i < m; i++) {
        double z_row[MOST_COLUMNS];
        double y_row[MOST_COLUMNS];
        for (size_t j = 0; j < n; j++) {
            z_row[j] = get(dtype, z, i * n + j);
            y_row[j] = get(dtype, y, i * n + j);
        }
        const double of_row[3] = {sums[0][i], sums[1][i], sums[2][i]};
        check_cce_row(kernels, n, z_row, y_row, of_row);
    }
    guarded_free(y);
    guarded_free(z);
}

static void cce_sums_are_the_sums_of_rows(void **state)
{
    (void)state;
    const mlpi_kernels *kernels = NULL;
    for (size_t t = 0; (kernels = mlpi_kernels_get(MLP_F64, t)) != NULL; t++) {
        for (size_t n = 2; n < MOST_COLUMNS; n++) {
            check_cce_sums(kernels, MLP_F64, 4, n);
            check_cce_sums(kernels, MLP_F32, 4, n);
        }
        for (size_t m = 0; m < MOST_ROWS; m++) {
            check_cce_sums(kernels, MLP_F64, m, 10);
            check_cce_sums(kernels, MLP_F32, m, 10);
        }
    }
}

static void check_slopes(const mlpi_kernels *kernels, size_t n, bool whole)
{
    enum { ROWS = 3 };
    mlp_dtype dtype = kernels->dtype;
    mlp_rng rng = mlp_rng_seeded((uint32_t)n);
    void *a = random_reals(dtype, &rng, ROWS * n, 0, 1);
    void *y = random_reals(dtype, &rng, ROWS * n, 0, 1);
    void *d = guarded_alloc(ROWS * n * size_of(dtype));
    for (size_t i = 0; i < ROWS * n && whole; i++) {
        set(dtype, y, i, i % n == n / 2);
    }
    mlpi_activation_args how = {.f = MLP_ACT_SOFTMAX, .m = ROWS, .n = n};
    kernels->cce_gradient(&how, 0.3, a, y, d);
    for (size_t i = 0; i < ROWS * n; i++) {
        double targets[MOST_COLUMNS];
        for (size_t j = 0; j < n; j++) {
            targets[j] = get(dtype, y, i / n * n + j);
        }
        double sum = lane_sum(dtype, n, targets);
        double e = fma_of(dtype, get(dtype, a, i), sum, -get(dtype, y, i));
        assert_true(!whole ||
                    e == rounded(dtype, get(dtype, a, i) - get(dtype, y, i)));
        assert_true(
            same(get(dtype, d, i), rounded(dtype, e * rounded(dtype, 0.3))));
    }
    guarded_free(d);
    guarded_free(y);
    guarded_free(a);
}

/* The derivatives of the loss and of softmax cancel to this difference. */
static void cce_gradient_is_a_minus_y(void **state)
{
    (void)state;
    FOR_EACH_TABLE(dtype, kernels)
    {
        for (size_t n = 1; n < MOST_COLUMNS; n++) {
            check_slopes(kernels, n, true);
            check_slopes(kernels, n, false);
        }
    }
}

static void one_hot_rows_follow_order_and_stride(void **state)
{
    (void)state;
    static const int32_t classes[10] = {0, 9, 3, 9, -1, 9, 2, 9, 4, 9};
    static const size_t order[] = {3, 0, 0, 1, 2, 4};
    FOR_EACH_TABLE(dtype, kernels)
    {
        void *out = guarded_alloc(6 * 4 * size_of(dtype));
        mlpi_load_rows_args args = {
            .m = 6, .n = 4, .X = {classes, 2, 1}, .order = order, .out = out};
        kernels->scalar->one_hot(&args);
        for (size_t i = 0; i < 6; i++) {
            int32_t class = classes[2 * order[i]];
            for (size_t j = 0; j < 4; j++) {
                double y = get(dtype, out, i * 4 + j);
                bool known = class >= 0 && class < 4;
                assert_true(known ? y == ((size_t) class == j) : isnan(y));
            }
        }
        args = (mlpi_load_rows_args){
            .m = 5, .n = 4, .X = {classes, 2, 1}, .out = out};
        kernels->scalar->one_hot(&args);
        assert_true(get(dtype, out, 0) == 1 && get(dtype, out, 4 + 3) == 1);
        assert_true(isnan(get(dtype, out, 8)) && get(dtype, out, 14) == 1);
        guarded_free(out);
    }
}

static void smooth_rounds_product_and_sum(void **state)
{
    (void)state;
    FOR_EACH_TABLE(dtype, kernels)
    {
        for (size_t n = 0; n < MOST_COLUMNS; n++) {
            mlp_rng rng = mlp_rng_seeded((uint32_t)n);
            void *y = random_reals(dtype, &rng, n, 0, 1);
            void *kept = guarded_alloc(n * size_of(dtype));
            memcpy(kept, y, n * size_of(dtype));
            kernels->scale_and_shift(n, 0.9, 0.1 / 3, y);
            for (size_t i = 0; i < n; i++) {
                double product =
                    rounded(dtype, get(dtype, kept, i) * rounded(dtype, 0.9));
                assert_true(get(dtype, y, i) ==
                            rounded(dtype, product + rounded(dtype, 0.1 / 3)));
            }
            guarded_free(kept);
            guarded_free(y);
        }
    }
}

/* The first one of equal outputs counts, as in np.argmax. */
static void rows_are_labelled_by_their_first_largest(void **state)
{
    (void)state;
    enum { ROWS = 5 };
    static const double a[ROWS][3] = {{1, 2, 3},
                                      {5, 5, 4},
                                      {-1, (double)NAN, 7},
                                      {0, -0.0, 0},
                                      {-(double)INFINITY, -2, -1}};
    static const double y[ROWS][3] = {
        {0, 0, 1}, {0.4, 0.3, 0.3}, {0, 0, 1}, {0, 1, 0}, {0, 0, 1}};
    static const int32_t expected[2 * ROWS] = {2, 7, 0, 7, -1, 7, 0, 7, 2, 7};
    FOR_EACH_TABLE(dtype, kernels)
    {
        double outputs[ROWS * 3];
        double targets[ROWS * 3];
        for (size_t i = 0; i < (size_t)ROWS * 3; i++) {
            set(dtype, outputs, i, a[i / 3][i % 3]);
            set(dtype, targets, i, y[i / 3][i % 3]);
        }
        int32_t labels[2 * ROWS] = {7, 7, 7, 7, 7, 7, 7, 7, 7, 7};
        kernels->scalar->argmax_labels(
            ROWS, 3, outputs, (mlp_view){MLP_I32, ROWS, 1, 2, 1, labels});
        assert_memory_equal(labels, expected, sizeof expected);
        assert_int_equal(
            kernels->scalar->count_correct_rows(ROWS, 3, outputs, targets), 3);
        /* A row of targets with a NaN is never predicted correctly. */
        assert_int_equal(
            kernels->scalar->count_correct_rows(ROWS, 3, outputs, outputs), 4);
    }
}

/* A row of probabilities has the sum 1, up to rounding. */
static void rows_that_are_not_whole_are_found(void **state)
{
    (void)state;
    FOR_EACH_TABLE(dtype, kernels)
    {
        double reals[12];
        for (size_t i = 0; i < 12; i++) { /* odd columns are padding */
            set(dtype, reals, i, i % 2 ? 99 : 0.5);
        }
        mlp_cview view = {dtype, 3, 2, 4, 2, reals};
        size_t where = 99;
        double sum = 0;
        assert_false(kernels->scalar->find_bad_row_sum(view, &where, &sum));
        set(dtype, reals, 4, 0.5 + 0.9e-6);
        assert_false(kernels->scalar->find_bad_row_sum(view, &where, &sum));
        set(dtype, reals, 8, 0.5 - 1.2e-6);
        assert_true(kernels->scalar->find_bad_row_sum(view, &where, &sum));
        assert_int_equal(where, 2);
        assert_true(sum < 1);
        set(dtype, reals, 4, (double)NAN);
        assert_true(kernels->scalar->find_bad_row_sum(view, &where, &sum));
        assert_int_equal(where, 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(softmax_follows_its_formulas_both_ways),
        cmocka_unit_test(softmax_is_finite_for_every_finite_row),
        cmocka_unit_test(a_nan_makes_its_row_nan),
        cmocka_unit_test(cce_sums_are_the_sums_of_rows),
        cmocka_unit_test(cce_gradient_is_a_minus_y),
        cmocka_unit_test(one_hot_rows_follow_order_and_stride),
        cmocka_unit_test(smooth_rounds_product_and_sum),
        cmocka_unit_test(rows_are_labelled_by_their_first_largest),
        cmocka_unit_test(rows_that_are_not_whole_are_found),
    };
    return cmocka_run_group_tests_name("softmax", tests, NULL, NULL);
}
