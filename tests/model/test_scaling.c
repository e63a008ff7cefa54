/* SPDX-License-Identifier: MIT */
/*
 * Networks take mean and std from rows, also from columns that are hard to
 * scale, and raw rows then give what rows scaled by hand give.
 */
#include <float.h>

#include "support/training.h"

/* Returns the raw training rows of chapter 5: rows of moons_X in the order of
 * the split. */
static mlp_view raw_moons(mlp_dtype dtype)
{
    enum { ROWS = 500, TEST_ROWS = 100 };
    vector rows = read_vector("moons_X");
    mlp_rng rng = mlp_rng_seeded(42);
    size_t order[ROWS];
    assert_int_equal(mlp_rng_permutation(&rng, ROWS, order), MLP_OK);
    mlp_view X = new_matrix(dtype, ROWS - TEST_ROWS, 2, NULL);
    for (size_t i = 0; i < X.rows; i++) {
        put(X, i, 0, rows.data[2 * order[TEST_ROWS + i]]);
        put(X, i, 1, rows.data[2 * order[TEST_ROWS + i] + 1]);
    }
    free(rows.data);
    return X;
}

/* Returns a network with `columns` inputs and one output. */
static mlp_net *net_with(size_t columns, mlp_dtype dtype, hook_record *record)
{
    model m = xor_model;
    m.inputs = columns;
    return new_net(&m, dtype, record);
}

/* Standardises by one column of numbers, and reads its mean and std. */
static mlp_status standardise_column(mlp_dtype dtype, const double *values,
                                     size_t n, double *mean, double *std)
{
    mlp_net *net = net_with(1, dtype, NULL);
    mlp_view X = new_matrix(dtype, n, 1, values);
    mlp_status status = mlp_net_standardise(net, ro(X));
    assert_int_equal(mlp_net_scaling(net, mean, std), MLP_OK);
    free(X.data);
    mlp_net_free(net);
    return status;
}

/* ---------------------------------------------------------------------------
 * Taking it from rows
 */

static void standardise_takes_numpys_mean_and_std(void **state)
{
    (void)state;
    vector expected = read_vector("moons_mean_std");
    FOR_EACH_PRECISION(p)
    {
        double relative = p == MLP_F64 ? 1e-15 : 2e-7;
        mlp_net *net = new_net(&moons_model, p, NULL);
        mlp_view X = raw_moons(p);
        double mean[2];
        double std[2];
        assert_int_equal(mlp_net_standardise(net, ro(X)), MLP_OK);
        assert_int_equal(mlp_net_scaling(net, mean, std), MLP_OK);
        for (size_t j = 0; j < 2; j++) {
            assert_relative(mean[j], expected.data[j], relative);
            assert_relative(std[j], expected.data[2 + j], relative);
        }
        free(X.data);
        mlp_net_free(net);
    }
    free(expected.data);
}

static void standardise_reads_any_strides(void **state)
{
    (void)state;
    FOR_EACH_PRECISION(p)
    {
        mlp_net *net = net_with(3, p, NULL);
        mlp_view X = random_matrix(p, 40, 3, -5, 9);
        mlp_view sideways = new_matrix(p, 6, 40, NULL);
        fill(sideways, (double)NAN);
        for (size_t i = 0; i < 120; i++) {
            put(sideways, i % 3 * 2, i / 3, at(X, i / 3, i % 3));
        }
        mlp_cview every_other = mlp_cview_transpose(ro(sideways));
        every_other.cols = 3;
        every_other.col_stride *= 2;
        assert_int_equal(mlp_net_standardise(net, ro(X)), MLP_OK);
        mlp_net *other = net_with(3, p, NULL);
        assert_int_equal(mlp_net_standardise(other, every_other), MLP_OK);
        assert_same_net(other, net);
        mlp_net_free(other);
        free(sideways.data);
        free(X.data);
        mlp_net_free(net);
    }
}

static void standardise_leaves_constant_columns_at_one(void **state)
{
    (void)state;
    static const double constants[] = {0.0,    0.1,  1.0 / 3.0, -7.7,
                                       1e-300, 1e15, 3.3e300};
    FOR_EACH_PRECISION(p)
    {
        for (size_t c = 0; c < COUNT(constants); c++) {
            double column[13];
            for (size_t m = 1; m <= 13; m++) {
                column[m - 1] =
                    p == MLP_F32 ? (double)(float)constants[c] : constants[c];
                double mean = -1.0;
                double std = -1.0;
                if (!isfinite(column[m - 1])) {
                    break;
                }
                assert_int_equal(standardise_column(p, column, m, &mean, &std),
                                 MLP_OK);
                assert_true(std == 1.0);
                assert_relative(mean, column[0], 1e-15);
            }
        }
    }
}

static void assert_moments(mlp_dtype dtype, double a, double b, double mean,
                           double std)
{
    double column[2] = {a, b};
    double got_mean = 0;
    double got_std = 0;
    assert_int_equal(standardise_column(dtype, column, 2, &got_mean, &got_std),
                     MLP_OK);
    assert_relative(got_mean, mean, 2e-16);
    assert_relative(got_std, std, dtype == MLP_F64 ? 2e-16 : 1e-7);
}

static void standardise_keeps_the_digits_of_far_columns(void **state)
{
    (void)state;
    assert_moments(MLP_F64, 1e9, 1e9 + 2.0, 1e9 + 1.0, 1.0);
    assert_moments(MLP_F32, 8388608.0, 8388610.0, 8388609.0, 1.0);
    assert_moments(MLP_F32, 3e38, -3e38, 0.0, 3e38);
}

/* Mean and std are finite although the squares of the deviations, or the sum,
 * overflow the precision. */
static void standardise_survives_huge_and_tiny_columns(void **state)
{
    (void)state;
    assert_moments(MLP_F64, 1e200, -1e200, 0.0, 1e200);
    assert_moments(MLP_F64, 1e-200, 3e-200, 2e-200, 1e-200);
    assert_moments(MLP_F64, 0x1.8p1023, 0x1.ap1023, 0x1.9p1023, 0x1p1019);
}

/* The standard deviation of a finite column is never above the largest
 * number. */
static void standardise_bears_the_largest_numbers(void **state)
{
    (void)state;
    assert_moments(MLP_F64, DBL_MAX, -DBL_MAX, 0.0, DBL_MAX);
    assert_moments(MLP_F64, DBL_MAX, 0.0, DBL_MAX / 2, DBL_MAX / 2);
    assert_moments(MLP_F32, (double)FLT_MAX, (double)-FLT_MAX, 0.0,
                   (double)FLT_MAX);
    assert_moments(MLP_F64, 0.0, 0x1p-1073, 0x1p-1074, 0x1p-1074);
}

/* Numbers from one end of the range to the other, and all but one at one end:
 * sums that are rounded up must not become infinite. */
static void standardise_takes_the_whole_range(void **state)
{
    (void)state;
    enum { MOST = 100 };
    double ends[MOST];
    double upper[MOST];
    FOR_EACH_PRECISION(p)
    {
        double largest = p == MLP_F32 ? (double)FLT_MAX : DBL_MAX;
        for (size_t m = 0; m < MOST; m++) {
            ends[m] = m % 2 ? -largest : largest;
            upper[m] = m == 0 ? 0.5 * largest : largest;
            double mean = NAN;
            double std = NAN;
            assert_int_equal(standardise_column(p, ends, m + 1, &mean, &std),
                             MLP_OK);
            if (m % 2 == 1) {
                assert_absolute(mean, 0.0, 1e-14 * largest);
                assert_relative(std, largest, p == MLP_F32 ? 1e-7 : 1e-14);
            }
            assert_int_equal(standardise_column(p, upper, m + 1, &mean, &std),
                             MLP_OK);
            assert_true(mean >= 0.5 * largest && mean <= largest);
            assert_true(std > 0.0 && std <= largest);
        }
    }
}

static void standardise_names_what_is_not_finite(void **state)
{
    (void)state;
    static const double not_finite[] = {NAN, INFINITY, -INFINITY};
    FOR_EACH_PRECISION(p)
    {
        hook_record record = {0};
        mlp_net *net = net_with(7, p, &record);
        mlp_view X = random_matrix(p, 40, 7, -1, 1);
        assert_int_equal(mlp_net_standardise(net, ro(X)), MLP_OK);
        mlp_net *before = clone_of(net);
        put(X, 31, 6, (double)INFINITY);
        for (size_t i = 0; i < COUNT(not_finite); i++) {
            put(X, 13, 5, not_finite[i]);
            assert_told(&record, mlp_net_standardise(net, ro(X)),
                        MLP_ERR_NOT_FINITE, "row 13");
            assert_said(&record, "column 5");
        }
        assert_same_net(net, before);
        mlp_net_free(before);
        free(X.data);
        mlp_net_free(net);
        assert_int_equal(record.live, 0);
    }
}

static void standardise_refuses_what_does_not_fit(void **state)
{
    (void)state;
    hook_record record = {0};
    mlp_net *net = new_net(&xor_model, MLP_F64, &record);
    mlp_net *before = clone_of(net);
    double rows[12] = {1, 2, 3, 4};
    float singles[4] = {1, 2, 3, 4};
    assert_told(&record, mlp_net_standardise(net, mlp_cview_f64(rows, 4, 3)),
                MLP_ERR_SHAPE, "2");
    assert_said(&record, "3");
    assert_told(&record, mlp_net_standardise(net, mlp_cview_f64(rows, 0, 2)),
                MLP_ERR_SHAPE, "1");
    assert_said(&record, "0");
    assert_told(&record, mlp_net_standardise(net, mlp_cview_f32(singles, 2, 2)),
                MLP_ERR_DTYPE, "float64");
    assert_said(&record, "float32");
    assert_told(&record, mlp_net_standardise(net, mlp_cview_f64(NULL, 2, 2)),
                MLP_ERR_NULL, "NULL");
    assert_told(&record,
                mlp_net_standardise(net, mlp_cview_f64(rows, SIZE_MAX, 2)),
                MLP_ERR_SHAPE, "");
    assert_int_equal(mlp_net_standardise(NULL, mlp_cview_f64(rows, 2, 2)),
                     MLP_ERR_NULL);
    assert_same_net(net, before);
    mlp_net_free(before);
    mlp_net_free(net);
}

/* ---------------------------------------------------------------------------
 * Setting and reading
 */

static void scaling_is_what_was_set(void **state)
{
    (void)state;
    static const double mean[2] = {0.5, -1e30};
    static const double std[2] = {0.25, 1e30};
    FOR_EACH_PRECISION(p)
    {
        mlp_net *net = new_net(&xor_model, p, NULL);
        double got[4] = {9, 9, 9, 9};
        assert_int_equal(mlp_net_scaling(net, got, got + 2), MLP_OK);
        assert_true(got[0] == 0 && got[1] == 0 && got[2] == 1 && got[3] == 1);
        assert_int_equal(mlp_net_set_scaling(net, mean, std), MLP_OK);
        assert_int_equal(mlp_net_scaling(net, got, got + 2), MLP_OK);
        for (size_t j = 0; j < 2; j++) {
            assert_relative(got[j], mean[j], p == MLP_F64 ? 0 : 1e-7);
            assert_relative(got[2 + j], std[j], p == MLP_F64 ? 0 : 1e-7);
        }
        assert_int_equal(mlp_net_set_scaling(net, NULL, NULL), MLP_OK);
        assert_int_equal(mlp_net_scaling(net, got, got + 2), MLP_OK);
        assert_true(got[0] == 0 && got[1] == 0 && got[2] == 1 && got[3] == 1);
        mlp_net_free(net);
    }
}

static void set_scaling_refuses_what_cannot_scale(void **state)
{
    (void)state;
    static const struct {
        mlp_dtype dtype;
        double mean, std;
        const char *part;
    } wrong[] = {
        {MLP_F64, 0, 0, "0"},        {MLP_F64, 0, -2.5, "-2.5"},
        {MLP_F64, 0, NAN, "nan"},    {MLP_F64, 0, INFINITY, "inf"},
        {MLP_F64, NAN, 1, "nan"},    {MLP_F64, -INFINITY, 1, "-inf"},
        {MLP_F32, 0, 1e300, "e+"},   {MLP_F32, 0, 1e-300, "e-"},
        {MLP_F32, 1e300, 1.0, "e+"},
    };
    for (size_t i = 0; i < COUNT(wrong); i++) {
        hook_record record = {0};
        mlp_net *net = new_net(&xor_model, wrong[i].dtype, &record);
        double mean[2] = {3, 4};
        double std[2] = {5, 6};
        assert_int_equal(mlp_net_set_scaling(net, mean, std), MLP_OK);
        mlp_net *before = clone_of(net);
        mean[0] = 7; /* the good column must not be set alone */
        mean[1] = wrong[i].mean;
        std[1] = wrong[i].std;
        assert_told(&record, mlp_net_set_scaling(net, mean, std),
                    MLP_ERR_ARGUMENT, wrong[i].part);
        assert_said(&record, "1"); /* the number of the column */
        assert_same_net(net, before);
        mlp_net_free(before);
        mlp_net_free(net);
    }
}

static void set_scaling_refuses_one_without_the_other(void **state)
{
    (void)state;
    hook_record record = {0};
    mlp_net *net = new_net(&xor_model, MLP_F64, &record);
    double two[2] = {3, 4};
    assert_int_equal(mlp_net_set_scaling(net, two, two), MLP_OK);
    mlp_net *before = clone_of(net);
    assert_told(&record, mlp_net_set_scaling(net, two, NULL), MLP_ERR_ARGUMENT,
                "std");
    assert_told(&record, mlp_net_set_scaling(net, NULL, two), MLP_ERR_ARGUMENT,
                "mean");
    assert_same_net(net, before);
    assert_int_equal(mlp_net_set_scaling(NULL, two, two), MLP_ERR_NULL);
    mlp_net_free(before);
    mlp_net_free(net);
}

static void scaling_refuses_null(void **state)
{
    (void)state;
    hook_record record = {0};
    mlp_net *net = new_net(&xor_model, MLP_F64, &record);
    double two[2] = {3, 4};
    assert_told(&record, mlp_net_scaling(net, two, NULL), MLP_ERR_NULL, "");
    assert_told(&record, mlp_net_scaling(net, NULL, two), MLP_ERR_NULL, "");
    assert_int_equal(mlp_net_scaling(NULL, two, two), MLP_ERR_NULL);
    assert_true(two[0] == 3 && two[1] == 4);
    mlp_net_free(net);
}

/* ---------------------------------------------------------------------------
 * Using it
 */

/* Returns (x - mean) / std, rounded to the precision after each operation. */
static mlp_view scaled_by_hand(mlp_view X, const double *mean,
                               const double *std)
{
    mlp_view scaled = new_matrix(X.dtype, X.rows, X.cols, NULL);
    for (size_t i = 0; i < X.rows; i++) {
        for (size_t j = 0; j < X.cols; j++) {
            double x = at(X, i, j);
            double by_hand =
                X.dtype == MLP_F32
                    ? (double)(((float)x - (float)mean[j]) / (float)std[j])
                    : (x - mean[j]) / std[j];
            put(scaled, i, j, by_hand);
        }
    }
    return scaled;
}

static void raw_rows_predict_as_rows_scaled_by_hand(void **state)
{
    (void)state;
    FOR_EACH_PRECISION(p)
    {
        mlp_net *plain = new_net(&moons_model, p, NULL);
        mlp_net *scaling = clone_of(plain);
        mlp_view X = raw_moons(p);
        double mean[2];
        double std[2];
        assert_int_equal(mlp_net_standardise(scaling, ro(X)), MLP_OK);
        assert_int_equal(mlp_net_scaling(scaling, mean, std), MLP_OK);
        mlp_view scaled = scaled_by_hand(X, mean, std);
        mlp_view expected = new_matrix(p, X.rows, 1, NULL);
        mlp_view A = new_matrix(p, X.rows, 1, NULL);
        assert_int_equal(mlp_predict(plain, ro(scaled), expected), MLP_OK);
        assert_int_equal(mlp_predict(scaling, ro(X), A), MLP_OK);
        assert_same(ro(A), ro(expected));
        assert_int_equal(mlp_net_set_scaling(plain, mean, std), MLP_OK);
        assert_int_equal(mlp_predict(plain, ro(X), A), MLP_OK);
        assert_same(ro(A), ro(expected));
        free(A.data);
        free(expected.data);
        free(scaled.data);
        free(X.data);
        mlp_net_free(scaling);
        mlp_net_free(plain);
    }
}

static void raw_rows_train_as_rows_scaled_by_hand(void **state)
{
    (void)state;
    mlp_train_options options = tutorial_options();
    options.epochs = 20;
    options.batch_size = 48;
    FOR_EACH_PRECISION(p)
    {
        mlp_net *plain = new_net(&moons_model, p, NULL);
        mlp_net *scaling = clone_of(plain);
        mlp_view X = raw_moons(p);
        mlp_view Y = new_matrix(p, X.rows, 1, NULL);
        for (size_t i = 0; i < X.rows; i++) {
            put(Y, i, 0, at(X, i, 1) > 0.3);
        }
        double mean[2];
        double std[2];
        assert_int_equal(mlp_net_standardise(scaling, ro(X)), MLP_OK);
        assert_int_equal(mlp_net_scaling(scaling, mean, std), MLP_OK);
        mlp_view scaled = scaled_by_hand(X, mean, std);
        assert_int_equal(mlp_fit(scaling, ro(X), ro(Y), &options, NULL),
                         MLP_OK);
        assert_int_equal(mlp_fit(plain, ro(scaled), ro(Y), &options, NULL),
                         MLP_OK);
        assert_int_equal(mlp_net_set_scaling(plain, mean, std), MLP_OK);
        assert_same_net(scaling, plain);
        free(scaled.data);
        free(Y.data);
        free(X.data);
        mlp_net_free(scaling);
        mlp_net_free(plain);
    }
}

/* 0.3 and 0.1 + 0.2 differ in the last bit. Such a column is one of equal
 * numbers: a std of 3e-17 would make 1e13 of a later 0.3001. */
static void rounding_errors_are_no_variation(void **state)
{
    (void)state;
    FOR_EACH_PRECISION(p)
    {
        mlp_net *net = new_net(&xor_model, p, NULL);
        mlp_view X = new_matrix(p, 100, 2, NULL);
        double unit =
            p == MLP_F32 ? 0x1p-25 : 0x1p-54; /* the last bit of 0.3 */
        for (size_t i = 0; i < 100; i++) {
            put(X, i, 0, 0.3 + (double)(i % 2) * unit);
            put(X, i, 1, 0.3 + (double)(i % 2) * 64 * unit);
        }
        assert_true(at(X, 0, 0) != at(X, 1, 0));
        assert_int_equal(mlp_net_standardise(net, ro(X)), MLP_OK);
        double mean[2];
        double std[2];
        assert_int_equal(mlp_net_scaling(net, mean, std), MLP_OK);
        assert_true(std[0] == 1);
        assert_true(std[1] > 0 && std[1] < 1e-5); /* this one does vary */
        mlp_net_free(net);
        free(X.data);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rounding_errors_are_no_variation),
        cmocka_unit_test(standardise_takes_numpys_mean_and_std),
        cmocka_unit_test(standardise_reads_any_strides),
        cmocka_unit_test(standardise_leaves_constant_columns_at_one),
        cmocka_unit_test(standardise_keeps_the_digits_of_far_columns),
        cmocka_unit_test(standardise_survives_huge_and_tiny_columns),
        cmocka_unit_test(standardise_bears_the_largest_numbers),
        cmocka_unit_test(standardise_takes_the_whole_range),
        cmocka_unit_test(standardise_names_what_is_not_finite),
        cmocka_unit_test(standardise_refuses_what_does_not_fit),
        cmocka_unit_test(scaling_is_what_was_set),
        cmocka_unit_test(set_scaling_refuses_what_cannot_scale),
        cmocka_unit_test(set_scaling_refuses_one_without_the_other),
        cmocka_unit_test(scaling_refuses_null),
        cmocka_unit_test(raw_rows_predict_as_rows_scaled_by_hand),
        cmocka_unit_test(raw_rows_train_as_rows_scaled_by_hand),
    };
    return cmocka_run_group_tests_name("scaling", tests, NULL, NULL);
}
