/* SPDX-License-Identifier: MIT */
/* Views are made, cut, read and written, and checks refuse views that are
 * wrong. */
#include "support/support.h"

#include "base/view.h"

static void constructors_describe_dense_rows(void **state)
{
    (void)state;
    static float f32[6];
    static double f64[6];
    static int32_t i32[6];
    mlp_cview c32 = mlp_cview_f32(f32, 2, 3);
    mlp_cview c64 = mlp_cview_f64(f64, 2, 3);
    mlp_cview views[] = {c32,
                         c64,
                         mlp_cview_i32(i32, 2, 3),
                         mlp_view_const(mlp_view_f32(f32, 2, 3)),
                         mlp_view_const(mlp_view_f64(f64, 2, 3)),
                         mlp_view_const(mlp_view_i32(i32, 2, 3))};
    static const mlp_dtype dtypes[] = {MLP_F32, MLP_F64, MLP_I32,
                                       MLP_F32, MLP_F64, MLP_I32};
    const void *data[] = {f32, f64, i32, f32, f64, i32};
    for (size_t i = 0; i < COUNT(views); i++) {
        assert_int_equal(views[i].dtype, dtypes[i]);
        assert_int_equal(views[i].rows, 2);
        assert_int_equal(views[i].cols, 3);
        assert_int_equal(views[i].row_stride, 3);
        assert_int_equal(views[i].col_stride, 1);
        assert_ptr_equal(views[i].data, data[i]);
    }
}

static void transpose_exchanges_rows_and_columns(void **state)
{
    (void)state;
    static const double data[6] = {1, 2, 3, 4, 5, 6};
    mlp_cview t = mlp_cview_transpose(mlp_cview_f64(data, 2, 3));
    assert_int_equal(t.rows, 3);
    assert_int_equal(t.cols, 2);
    assert_true(mlp_cview_at(t, 2, 0) == 3 && mlp_cview_at(t, 0, 1) == 4);
}

static void rows_are_clipped(void **state)
{
    (void)state;
    static const double data[6] = {1, 2, 3, 4, 5, 6};
    mlp_cview view = mlp_cview_f64(data, 3, 2);
    mlp_cview middle = mlp_cview_rows(view, 1, 1);
    assert_int_equal(middle.rows, 1);
    assert_true(mlp_cview_at(middle, 0, 1) == 4);
    assert_int_equal(mlp_cview_rows(view, 1, SIZE_MAX).rows, 2);
    assert_int_equal(mlp_cview_rows(view, 3, 1).rows, 0);
    assert_int_equal(mlp_cview_rows(view, SIZE_MAX, SIZE_MAX).rows, 0);
    assert_int_equal(mlp_cview_rows(view, 0, 0).rows, 0);
    /* The data of an empty view must not move: it could leave the array. */
    assert_ptr_equal(mlp_cview_rows(view, 3, 1).data, data);
    view.data = NULL;
    assert_null(mlp_cview_rows(view, 1, 1).data);
}

static void at_is_nan_where_there_is_nothing(void **state)
{
    (void)state;
    static const float f32[2] = {1.5f, 2.5f};
    static int32_t i32[2] = {-7, 8};
    mlp_cview view = mlp_cview_f32(f32, 1, 2);
    assert_true(mlp_cview_at(view, 0, 1) == 2.5);
    assert_true(mlp_cview_at(mlp_cview_i32(i32, 1, 2), 0, 0) == -7);
    assert_true(isnan(mlp_cview_at(view, 1, 0)) != 0);
    assert_true(isnan(mlp_cview_at(view, 0, 2)) != 0);
    assert_true(isnan(mlp_cview_at(view, SIZE_MAX, SIZE_MAX)) != 0);
    view.dtype = (mlp_dtype)99;
    assert_true(isnan(mlp_cview_at(view, 0, 0)) != 0);
    assert_true(isnan(mlp_cview_at(mlp_cview_f32(NULL, 1, 2), 0, 0)) != 0);
}

static void rows_stay_in_the_address_space(void **state)
{
    (void)state;
    static const double data[6];
    mlp_cview view = {MLP_F64, 3, 2, SIZE_MAX, 1, data};
    assert_int_equal(mlp_cview_rows(view, 1, 1).rows, 0);
    assert_ptr_equal(mlp_cview_rows(view, 1, 1).data, data);
    view.row_stride = SIZE_MAX / 8 + 1;
    assert_int_equal(mlp_cview_rows(view, 1, 1).rows, 0);
    assert_int_equal(mlp_cview_rows(view, 0, 1).rows, 1);
    view.row_stride =
        SIZE_MAX / 8; /* the bytes fit a size_t, but no object is that large */
    assert_int_equal(mlp_cview_rows(view, 1, 1).rows, 0);
    assert_true(isnan(mlp_cview_at(view, 1, 0)) != 0);
    double out[2] = {0, 0};
    mlp_view writable = {MLP_F64, 2, 2, SIZE_MAX / 8 + 1, 1, out};
    assert_false(mlp_view_set(writable, 1, 0, 1.0));
    assert_true(out[0] == 0.0);
}

static void set_writes_what_at_reads(void **state)
{
    (void)state;
    float f32[4] = {0};
    double f64[4] = {0};
    int32_t i32[4] = {0};
    mlp_view views[] = {mlp_view_f32(f32, 2, 2), mlp_view_f64(f64, 2, 2),
                        mlp_view_i32(i32, 2, 2)};
    for (size_t v = 0; v < COUNT(views); v++) {
        assert_true(mlp_view_set(views[v], 1, 0, -3.0));
        assert_true(mlp_cview_at(mlp_view_const(views[v]), 1, 0) == -3.0);
        assert_true(mlp_cview_at(mlp_view_const(views[v]), 0, 1) == 0.0);
        assert_false(mlp_view_set(views[v], 2, 0, 1.0));
        assert_false(mlp_view_set(views[v], 0, 2, 1.0));
        views[v].data = NULL;
        assert_false(mlp_view_set(views[v], 0, 0, 1.0));
    }
    mlp_view labels = mlp_view_i32(i32, 2, 2);
    assert_true(mlp_view_set(labels, 0, 0, INT32_MIN));
    assert_true(mlp_view_set(labels, 0, 1, INT32_MAX));
    assert_false(mlp_view_set(labels, 0, 0, 2147483648.0));
    assert_false(mlp_view_set(labels, 0, 0, (double)NAN));
    assert_int_equal(i32[0], INT32_MIN);
    assert_int_equal(i32[1], INT32_MAX);
    labels.dtype = (mlp_dtype)99;
    assert_false(mlp_view_set(labels, 0, 0, 1.0));
}

/* mlpi_cut_rows agrees with mlp_cview_rows for all strides and types, and does
 * not move the data of an empty view. */
static void cut_rows_are_those_that_rows_gives(void **state)
{
    (void)state;
    static const float f32[12];
    static const int32_t i32[12];
    const mlp_cview views[] = {mlp_cview_f32(f32, 6, 2),
                               mlp_cview_transpose(mlp_cview_f32(f32, 2, 6)),
                               mlp_cview_i32(i32, 6, 2)};
    for (size_t v = 0; v < COUNT(views); v++) {
        for (size_t first = 0; first <= 6; first++) {
            for (size_t count = 0; count <= 6 - first; count++) {
                mlp_cview cut = views[v];
                mlpi_cut_rows(&cut, first, count);
                mlp_cview rows = mlp_cview_rows(views[v], first, count);
                assert_int_equal(cut.rows, count);
                assert_ptr_equal(cut.data, rows.data);
            }
        }
    }
    mlp_cview nothing = mlp_cview_f64(NULL, 0, 2);
    mlpi_cut_rows(&nothing, 0, 0);
    assert_null(nothing.data);
}

/* Expects a view X of float64 with two columns and at least one row. */
static const mlpi_expected expected = {"X", MLP_F64, MLPI_ANY_ROWS, 2, 1};

static void check_view_says_what_is_wrong(void **state)
{
    (void)state;
    static const double data[6];
    hook_record record = {0};
    mlp_hooks hooks = recording_hooks(&record);
    mlp_cview good = mlp_cview_f64(data, 3, 2);
    assert_int_equal(mlpi_check_view(&hooks, &good, &expected), MLP_OK);

    mlp_cview bad = good;
    bad.dtype = MLP_F32;
    assert_told(&record, mlpi_check_view(&hooks, &bad, &expected),
                MLP_ERR_DTYPE, "X: expects float64, got float32");
    bad.dtype = (mlp_dtype)-3;
    assert_told(&record, mlpi_check_view(&hooks, &bad, &expected),
                MLP_ERR_DTYPE, "got an unknown type");
    bad = good;
    bad.cols = 3;
    assert_told(&record, mlpi_check_view(&hooks, &bad, &expected),
                MLP_ERR_SHAPE, "X: expects 2 columns, got 3");
    bad = good;
    bad.rows = 0;
    assert_told(&record, mlpi_check_view(&hooks, &bad, &expected),
                MLP_ERR_SHAPE, "X: expects at least 1 row, got 0");
    bad = good;
    bad.data = NULL;
    assert_told(&record, mlpi_check_view(&hooks, &bad, &expected), MLP_ERR_NULL,
                "X: expects data, got NULL");
    mlpi_expected other = expected;
    other.rows = 4;
    assert_told(&record, mlpi_check_view(&hooks, &good, &other), MLP_ERR_SHAPE,
                "expects 4 rows, got 3");
    other.rows = 1;
    assert_told(&record, mlpi_check_view(&hooks, &good, &other), MLP_ERR_SHAPE,
                "expects 1 row, got 3");
    other.cols = 1;
    assert_told(&record, mlpi_check_view(&hooks, &good, &other), MLP_ERR_SHAPE,
                "expects 1 column, got 2");
    other.dtype = MLP_I32;
    other.reason = " (for a reason)";
    assert_told(&record, mlpi_check_view(&hooks, &good, &other), MLP_ERR_DTYPE,
                "X: expects int32 (for a reason), got float64");
}

static void check_view_refuses_what_leaves_the_address_space(void **state)
{
    (void)state;
    static const double data[2];
    hook_record record = {0};
    mlp_hooks hooks = recording_hooks(&record);
    static const size_t strides[][3] = {{SIZE_MAX, 2, 1},
                                        {2, SIZE_MAX, 1},
                                        {2, 1, SIZE_MAX},
                                        {SIZE_MAX / 8, 8, 1},
                                        {SIZE_MAX / 16, 1, 1}};
    for (size_t i = 0; i < COUNT(strides); i++) {
        mlp_cview view = {MLP_F64,       strides[i][0], 2,
                          strides[i][1], strides[i][2], data};
        if (i == 4) {
            view.row_stride = 2;
        }
        assert_told(&record, mlpi_check_view(&hooks, &view, &expected),
                    MLP_ERR_SHAPE, "exceed the address space");
    }
    mlpi_expected three = expected;
    three.cols = 3; /* the extent of the columns alone would overflow to 0 */
    mlp_cview wide = {MLP_F64, 1, 3, 1, SIZE_MAX / 2 + 1, data};
    assert_told(&record, mlpi_check_view(&hooks, &wide, &three), MLP_ERR_SHAPE,
                "exceed the address space");
}

static void check_view_accepts_what_just_fits(void **state)
{
    (void)state;
    static const double data[2];
    hook_record record = {0};
    mlp_hooks hooks = recording_hooks(&record);
    const size_t most = PTRDIFF_MAX / sizeof(double); /* doubles */
    mlp_cview view = {MLP_F64, 2, 2, most - 2, 1, data};
    assert_int_equal(mlpi_check_view(&hooks, &view, &expected), MLP_OK);
    view.row_stride++;
    assert_told(&record, mlpi_check_view(&hooks, &view, &expected),
                MLP_ERR_SHAPE, "exceed the address space");
}

static void no_rows_need_no_data(void **state)
{
    (void)state;
    mlp_hooks none = {NULL, NULL, NULL, NULL};
    mlpi_expected any = expected;
    any.min_rows = 0;
    mlp_cview nothing = mlp_cview_f64(NULL, 0, 2);
    mlp_view nowhere = mlp_view_f64(NULL, 0, 2);
    assert_int_equal(mlpi_check_view(&none, &nothing, &any), MLP_OK);
    assert_int_equal(mlpi_check_writable(&none, &nowhere, &any), MLP_OK);
}

static void check_writable_refuses_overlap(void **state)
{
    (void)state;
    static double data[64];
    hook_record record = {0};
    mlp_hooks hooks = recording_hooks(&record);
    static const struct {
        size_t rows, row_stride, col_stride;
        bool apart;
    } cases[] = {
        {3, 2, 1, true},  {3, 1, 3, true},  {3, 5, 2, true},  {1, 0, 1, true},
        {3, 1, 1, false}, {3, 0, 1, false}, {3, 2, 0, false}, {1, 0, 0, false},
        {3, 1, 2, false}, {3, 2, 2, false}, {3, 3, 2, true},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        mlp_view view = {
            MLP_F64, cases[i].rows, 2, cases[i].row_stride, cases[i].col_stride,
            data};
        if (cases[i].apart) {
            assert_int_equal(mlpi_check_writable(&hooks, &view, &expected),
                             MLP_OK);
        } else {
            assert_told(&record, mlpi_check_writable(&hooks, &view, &expected),
                        MLP_ERR_SHAPE, "rows that lie one after another");
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(constructors_describe_dense_rows),
        cmocka_unit_test(transpose_exchanges_rows_and_columns),
        cmocka_unit_test(rows_are_clipped),
        cmocka_unit_test(rows_stay_in_the_address_space),
        cmocka_unit_test(at_is_nan_where_there_is_nothing),
        cmocka_unit_test(set_writes_what_at_reads),
        cmocka_unit_test(cut_rows_are_those_that_rows_gives),
        cmocka_unit_test(check_view_says_what_is_wrong),
        cmocka_unit_test(check_view_refuses_what_leaves_the_address_space),
        cmocka_unit_test(check_view_accepts_what_just_fits),
        cmocka_unit_test(no_rows_need_no_data),
        cmocka_unit_test(check_writable_refuses_overlap),
    };
    return cmocka_run_group_tests_name("view", tests, NULL, NULL);
}
