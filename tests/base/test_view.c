/* SPDX-License-Identifier: MIT */
/* Views are made, cut, read and written, rows are gathered, and checks refuse
 * views that are wrong. */
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

static void columns_are_clipped(void **state)
{
    (void)state;
    static const double data[6] = {1, 2, 3, 4, 5, 6};
    mlp_cview view = mlp_cview_f64(data, 2, 3);
    mlp_cview last = mlp_cview_cols(view, 1, 2);
    assert_int_equal(last.rows, 2);
    assert_int_equal(last.cols, 2);
    assert_int_equal(last.row_stride, 3);
    assert_true(mlp_cview_at(last, 0, 0) == 2 && mlp_cview_at(last, 1, 1) == 6);
    assert_true(isnan(mlp_cview_at(last, 0, 2)) != 0);
    assert_int_equal(mlp_cview_cols(view, 2, SIZE_MAX).cols, 1);
    assert_int_equal(mlp_cview_cols(view, 3, 1).cols, 0);
    assert_ptr_equal(mlp_cview_cols(view, 3, 1).data, data);
    assert_int_equal(mlp_cview_cols(view, SIZE_MAX, SIZE_MAX).cols, 0);
    assert_int_equal(mlp_cview_cols(view, 0, 0).cols, 0);
    view.col_stride = SIZE_MAX;
    assert_int_equal(mlp_cview_cols(view, 1, 1).cols, 0);
    assert_ptr_equal(mlp_cview_cols(view, 1, 1).data, data);
    /* A view without elements stays where it is, whatever part is cut. */
    mlp_cview no_rows = mlp_cview_f64(data, 0, 3);
    assert_ptr_equal(mlp_cview_cols(no_rows, 1, 1).data, data);
    mlp_cview no_cols = {MLP_F64, 3, 0, 2, 1, data};
    assert_ptr_equal(mlp_cview_rows(no_cols, 1, 1).data, data);
    assert_null(mlp_cview_cols(mlp_cview_f64(NULL, 2, 3), 1, 1).data);
}

/* The writable forms cut as the others do, for all types and strides. */
static void writable_parts_are_the_read_only_ones(void **state)
{
    (void)state;
    static double data[24];
    const mlp_view views[] = {
        mlp_view_f32((float *)(void *)data, 4, 5),
        mlp_view_f64(data, 4, 5),
        mlp_view_i32((int32_t *)(void *)data, 4, 5),
        {MLP_F64, 4, 5, 1, 4, data},
        {MLP_F64, 4, 5, SIZE_MAX / 2, 1, data},
        {MLP_F64, 4, 5, 5, SIZE_MAX / 2, data},
        mlp_view_f64(NULL, 4, 5),
    };
    for (size_t v = 0; v < COUNT(views); v++) {
        mlp_cview same = mlp_view_const(views[v]);
        for (size_t first = 0; first <= 6; first++) {
            for (size_t count = 0; count <= 6; count++) {
                mlp_cview cut[2] = {mlp_cview_rows(same, first, count),
                                    mlp_cview_cols(same, first, count)};
                mlp_view got[2] = {mlp_view_rows(views[v], first, count),
                                   mlp_view_cols(views[v], first, count)};
                for (size_t i = 0; i < 2; i++) {
                    assert_int_equal(got[i].dtype, cut[i].dtype);
                    assert_int_equal(got[i].rows, cut[i].rows);
                    assert_int_equal(got[i].cols, cut[i].cols);
                    assert_int_equal(got[i].row_stride, cut[i].row_stride);
                    assert_int_equal(got[i].col_stride, cut[i].col_stride);
                    assert_ptr_equal(got[i].data, cut[i].data);
                }
            }
        }
    }
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
    /* Only the sum of the two distances is none. */
    view.row_stride = view.col_stride = SIZE_MAX / 2 + 1;
    assert_true(isnan(mlp_cview_at(view, 1, 1)) != 0);
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
    /* One row may stand for any number, but not for more than a copy of them
     * could hold. */
    mlp_cview repeated = {MLP_F64, SIZE_MAX / 16, 2, 0, 1, data};
    assert_told(&record, mlpi_check_view(&hooks, &repeated, &expected),
                MLP_ERR_SHAPE, "exceed the address space");
    repeated.rows = SIZE_MAX / 2 + 1;
    assert_told(&record, mlpi_check_view(&hooks, &repeated, &expected),
                MLP_ERR_SHAPE, "exceed the address space");
    repeated.rows = PTRDIFF_MAX / 16;
    assert_int_equal(mlpi_check_view(&hooks, &repeated, &expected), MLP_OK);
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

/* ---------------------------------------------------------------------------
 * Gathered rows
 */

enum { FROM_ROWS = 4, TO_ROWS = 6, COLS = 3 };

static const size_t gather_order[TO_ROWS] = {3, 0, 0, 2, 3, 1};

/* The layouts of a matrix: dense, a transpose, wide rows, every second column,
 * and columns of a wide transpose. Strides are for at most TO_ROWS rows. */
static const struct {
    size_t row_stride, col_stride;
} layouts[] = {{COLS, 1}, {1, TO_ROWS}, {7, 1}, {9, 2}, {2, 2 * TO_ROWS + 1}};

static mlp_view laid_out(mlp_dtype dtype, size_t rows, size_t layout,
                         double *memory)
{
    return (mlp_view){dtype,
                      rows,
                      COLS,
                      layouts[layout].row_stride,
                      layouts[layout].col_stride,
                      memory};
}

/* All types and layouts give row order[i] of `from` in row i of `to`, and leave
 * the memory between the elements as it was. */
static void gathered_rows_are_those_of_the_order(void **state)
{
    (void)state;
    enum { SPACE = 60 };
    for (mlp_dtype dtype = MLP_F32; mlp_dtype_name(dtype); dtype++) {
        for (size_t i = 0; i < COUNT(layouts) * COUNT(layouts); i++) {
            double memory[2][SPACE] = {{0}, {0}};
            double wanted[SPACE] = {0};
            size_t other = i / COUNT(layouts);
            mlp_view from =
                laid_out(dtype, FROM_ROWS, i % COUNT(layouts), memory[0]);
            mlp_view to = laid_out(dtype, TO_ROWS, other, memory[1]);
            mlp_view want = laid_out(dtype, TO_ROWS, other, wanted);
            for (size_t r = 0; r < FROM_ROWS * COLS; r++) {
                assert_true(
                    mlp_view_set(from, r / COLS, r % COLS, (double)(r + 1)));
            }
            for (size_t r = 0; r < TO_ROWS * COLS; r++) {
                size_t taken = gather_order[r / COLS] * COLS + r % COLS;
                assert_true(mlp_view_set(want, r / COLS, r % COLS,
                                         (double)(taken + 1)));
            }
            assert_int_equal(
                mlp_gather_rows(mlp_view_const(from), gather_order, NULL, to),
                MLP_OK);
            assert_memory_equal(memory[1], wanted, sizeof wanted);
        }
    }
}

/* A row or a column that a stride of 0 repeats can be read, and bits are copied
 * as they are: -0.0 and NaN stay. */
static void gathered_rows_may_repeat(void **state)
{
    (void)state;
    const double row[2] = {-0.0, (double)NAN};
    double to[4] = {1, 1, 1, 1};
    const size_t order[2] = {8, 0};
    mlp_cview from = {MLP_F64, 9, 2, 0, 1, row};
    assert_int_equal(mlp_gather_rows(from, order, NULL, mlp_view_f64(to, 2, 2)),
                     MLP_OK);
    assert_memory_equal(to, row, sizeof row);
    assert_memory_equal(to + 2, row, sizeof row);
}

static void gather_refuses_before_it_writes(void **state)
{
    (void)state;
    static const double data[6] = {1, 2, 3, 4, 5, 6};
    hook_record record = {0};
    mlp_hooks hooks = recording_hooks(&record);
    mlp_cview from = mlp_cview_f64(data, 3, 2);
    double out[4] = {0};
    mlp_view to = mlp_view_f64(out, 2, 2);
    size_t order[2] = {0, 3};
#define REFUSED(status, part)                                                  \
    assert_told(&record, mlp_gather_rows(from, order, &hooks, to), status,     \
                part);                                                         \
    assert_true(out[0] == 0 && out[1] == 0 && out[2] == 0 && out[3] == 0)
    REFUSED(MLP_ERR_ARGUMENT, "order[1]: expects a row below from.rows = 3");
    assert_int_equal(mlp_gather_rows(from, order, NULL, to), MLP_ERR_ARGUMENT);
    order[1] = SIZE_MAX;
    REFUSED(MLP_ERR_ARGUMENT, "order[1]: expects a row below from.rows = 3");
    order[1] = 2;
    to.cols = 1;
    REFUSED(MLP_ERR_SHAPE, "to: expects 2 columns, got 1");
    to = mlp_view_f32((float *)(void *)out, 2, 2);
    REFUSED(MLP_ERR_DTYPE, "to: expects float64, got float32");
    to = mlp_view_f64(out, 2, 2);
    to.row_stride = 0;
    REFUSED(MLP_ERR_SHAPE, "to: expects rows that lie one after another");
    to = mlp_view_f64(NULL, 2, 2);
    REFUSED(MLP_ERR_NULL, "to: expects data, got NULL");
    to = mlp_view_f64(out, 2, 2);
    from.rows = 0;
    REFUSED(MLP_ERR_ARGUMENT, "order[0]: expects a row below from.rows = 0");
    from = mlp_cview_f64(NULL, 3, 2);
    REFUSED(MLP_ERR_NULL, "from: expects data, got NULL");
    from = mlp_cview_f64(data, 3, 0);
    REFUSED(MLP_ERR_SHAPE, "from: expects at least 1 column, got 0");
    from = mlp_cview_f64(data, 3, 2);
    from.dtype = (mlp_dtype)9;
    REFUSED(MLP_ERR_DTYPE, "from: expects float32, float64 or int32");
    from.dtype = MLP_F64;
#undef REFUSED
    assert_told(&record, mlp_gather_rows(from, NULL, &hooks, to), MLP_ERR_NULL,
                "order is NULL");
    to.rows = 0;
    assert_int_equal(mlp_gather_rows(from, NULL, &hooks, to), MLP_OK);
    to.rows = 2;
    assert_int_equal(mlp_gather_rows(from, order, &hooks, to), MLP_OK);
    assert_true(out[0] == 1 && out[1] == 2 && out[2] == 5 && out[3] == 6);
    assert_int_equal(record.allocations, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(constructors_describe_dense_rows),
        cmocka_unit_test(transpose_exchanges_rows_and_columns),
        cmocka_unit_test(rows_are_clipped),
        cmocka_unit_test(columns_are_clipped),
        cmocka_unit_test(writable_parts_are_the_read_only_ones),
        cmocka_unit_test(rows_stay_in_the_address_space),
        cmocka_unit_test(at_is_nan_where_there_is_nothing),
        cmocka_unit_test(set_writes_what_at_reads),
        cmocka_unit_test(cut_rows_are_those_that_rows_gives),
        cmocka_unit_test(check_view_says_what_is_wrong),
        cmocka_unit_test(check_view_refuses_what_leaves_the_address_space),
        cmocka_unit_test(check_view_accepts_what_just_fits),
        cmocka_unit_test(no_rows_need_no_data),
        cmocka_unit_test(check_writable_refuses_overlap),
        cmocka_unit_test(gathered_rows_are_those_of_the_order),
        cmocka_unit_test(gathered_rows_may_repeat),
        cmocka_unit_test(gather_refuses_before_it_writes),
    };
    return cmocka_run_group_tests_name("view", tests, NULL, NULL);
}
