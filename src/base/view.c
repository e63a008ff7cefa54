/* SPDX-License-Identifier: MIT */
/*
 * Views: making them, reading and writing single elements, and checking them.
 *
 * The public functions of this file have a defined result for any arguments.
 * Offsets go through checked arithmetic in find_element, whatever rows and
 * strides a caller has written into the struct. An element that does not exist
 * reads as NaN and is not written. The limit of an offset is PTRDIFF_MAX bytes,
 * beyond which C does not define the difference of two pointers.
 */
#include "base/view.h"

#include <math.h>

#include "base/error.h"
#include "base/memory.h"

/* ---------------------------------------------------------------------------
 * Making views
 */

/* In a dense view rows follow each other without a gap. */
static mlp_cview dense(mlp_dtype dtype, const void *data, size_t rows,
                       size_t cols)
{
    return (mlp_cview){dtype, rows, cols, cols, 1, data};
}

/* C has no conversion between the two structs, so both kinds are made here. */
static mlp_view dense_writable(mlp_dtype dtype, void *data, size_t rows,
                               size_t cols)
{
    return (mlp_view){dtype, rows, cols, cols, 1, data};
}

mlp_cview mlp_cview_f32(const float *data, size_t rows, size_t cols)
{
    return dense(MLP_F32, data, rows, cols);
}

mlp_cview mlp_cview_f64(const double *data, size_t rows, size_t cols)
{
    return dense(MLP_F64, data, rows, cols);
}

mlp_cview mlp_cview_i32(const int32_t *data, size_t rows, size_t cols)
{
    return dense(MLP_I32, data, rows, cols);
}

mlp_view mlp_view_f32(float *data, size_t rows, size_t cols)
{
    return dense_writable(MLP_F32, data, rows, cols);
}

mlp_view mlp_view_f64(double *data, size_t rows, size_t cols)
{
    return dense_writable(MLP_F64, data, rows, cols);
}

mlp_view mlp_view_i32(int32_t *data, size_t rows, size_t cols)
{
    return dense_writable(MLP_I32, data, rows, cols);
}

/* Every writable view can be read; there is no way back. */
mlp_cview mlp_view_const(mlp_view view)
{
    return (mlp_cview){view.dtype,      view.rows,       view.cols,
                       view.row_stride, view.col_stride, view.data};
}

/* A transposed view is the same memory with rows and columns exchanged. */
mlp_cview mlp_cview_transpose(mlp_cview view)
{
    return (mlp_cview){view.dtype,      view.cols,       view.rows,
                       view.col_stride, view.row_stride, view.data};
}

/* ---------------------------------------------------------------------------
 * Elements and rows
 */

/* Returns the bytes of an element; 0 for a type that does not exist. */
static size_t element_size(mlp_dtype dtype)
{
    switch (dtype) {
    case MLP_F32:
        return sizeof(float);
    case MLP_F64:
        return sizeof(double);
    case MLP_I32:
        return sizeof(int32_t);
    }
    return 0;
}

/* Computes how many elements it is from data to element (row, col). Returns
 * false if that is no address, whatever memory the caller has. */
static bool find_element(mlp_cview view, size_t row, size_t col, size_t *offset)
{
    size_t down = 0;  /* elements to the row */
    size_t right = 0; /* elements to the column */
    size_t end = 0;   /* elements with this one */
    size_t bytes = 0;
    return mlpi_size_mul(row, view.row_stride, &down) &&
           mlpi_size_mul(col, view.col_stride, &right) &&
           mlpi_size_add(down, right, offset) &&
           mlpi_size_add(*offset, 1, &end) &&
           mlpi_size_mul(end, element_size(view.dtype), &bytes) &&
           bytes <= PTRDIFF_MAX;
}

/* Rows beyond the view are left out, so a loop over blocks of rows needs no
 * special case for the last block. */
mlp_cview mlp_cview_rows(mlp_cview view, size_t first, size_t count)
{
    size_t start = mlpi_min_size(first, view.rows);
    size_t left = view.rows - start;
    size_t offset = 0;
    view.rows = mlpi_min_size(count, left);
    if (!find_element(view, start, 0, &offset)) {
        view.rows = 0;
    }
    /* The data of an empty view stays: its first row may not exist. */
    if (view.data && view.rows > 0) {
        view.data = (const char *)view.data + offset * element_size(view.dtype);
    }
    return view;
}

/* The view has been checked, so the offset cannot overflow. */
void mlpi_cut_rows(mlp_cview *view, size_t first, size_t count)
{
    view->rows = count;
    if (count > 0) {
        view->data = (const char *)view->data +
                     first * view->row_stride * element_size(view->dtype);
    }
}

/* Every type fits a double exactly, so NaN is the only value that can stand for
 * "no such element". */
double mlp_cview_at(mlp_cview view, size_t row, size_t col)
{
    size_t at = 0;
    if (!view.data || row >= view.rows || col >= view.cols ||
        !find_element(view, row, col, &at)) {
        return (double)NAN;
    }
    switch (view.dtype) {
    case MLP_F32:
        return (double)((const float *)view.data)[at];
    case MLP_F64:
        return ((const double *)view.data)[at];
    case MLP_I32:
        return ((const int32_t *)view.data)[at];
    }
    return (double)NAN;
}

/* A value outside of int32_t is refused, because its conversion is undefined. A
 * fraction is cut off, and a float is rounded, as C does it. */
bool mlp_view_set(mlp_view view, size_t row, size_t col, double value)
{
    size_t at = 0;
    if (!view.data || row >= view.rows || col >= view.cols ||
        !find_element(mlp_view_const(view), row, col, &at)) {
        return false;
    }
    switch (view.dtype) {
    case MLP_F32:
        ((float *)view.data)[at] = (float)value;
        return true;
    case MLP_F64:
        ((double *)view.data)[at] = value;
        return true;
    case MLP_I32:
        if (!(value >= INT32_MIN && value <= INT32_MAX)) { /* or NaN */
            return false;
        }
        ((int32_t *)view.data)[at] = (int32_t)value;
        return true;
    }
    return false;
}

/* ---------------------------------------------------------------------------
 * Checks
 */

/* Returns the name of a type for a message, whatever number it is. */
static const char *name_of(mlp_dtype dtype)
{
    const char *name = mlp_dtype_name(dtype);
    return name ? name : "an unknown type";
}

/* True if the elements fit into an address space, both where they are and as a
 * dense copy. The second differs when a stride is 0: a view can repeat one row
 * more often than memory could hold it. */
static bool fits_memory(const mlp_cview *view)
{
    size_t last = 0;
    size_t count = 0;
    size_t bytes = 0;
    return find_element(*view, view->rows - 1, view->cols - 1, &last) &&
           mlpi_size_mul(view->rows, view->cols, &count) &&
           mlpi_size_mul(count, element_size(view->dtype), &bytes) &&
           bytes <= PTRDIFF_MAX;
}

/* An empty view needs no data, and its strides do not matter. */
mlp_status mlpi_check_view(const mlp_hooks *hooks, const mlp_cview *view,
                           const mlpi_expected *expected)
{
    const char *name = expected->name;
    if (view->dtype != expected->dtype) {
        return mlpi_error(hooks, MLP_ERR_DTYPE, "%s: expects %s%s, got %s",
                          name, name_of(expected->dtype),
                          expected->reason ? expected->reason : "",
                          name_of(view->dtype));
    }
    if (view->cols != expected->cols) {
        return mlpi_error(
            hooks, MLP_ERR_SHAPE, "%s: expects %zu column%s, got %zu", name,
            expected->cols, mlpi_plural(expected->cols), view->cols);
    }
    if (expected->rows != MLPI_ANY_ROWS && view->rows != expected->rows) {
        return mlpi_error(
            hooks, MLP_ERR_SHAPE, "%s: expects %zu row%s, got %zu", name,
            expected->rows, mlpi_plural(expected->rows), view->rows);
    }
    if (view->rows < expected->min_rows) {
        return mlpi_error(hooks, MLP_ERR_SHAPE,
                          "%s: expects at least %zu row%s, got %zu", name,
                          expected->min_rows, mlpi_plural(expected->min_rows),
                          view->rows);
    }
    if (view->rows == 0) { /* no element will be touched */
        return MLP_OK;
    }
    if (!view->data) {
        return mlpi_error(hooks, MLP_ERR_NULL, "%s: expects data, got NULL",
                          name);
    }
    if (!fits_memory(view)) {
        return mlpi_error(hooks, MLP_ERR_SHAPE,
                          "%s: %zu x %zu elements with strides %zu and %zu "
                          "exceed the address space",
                          name, view->rows, view->cols, view->row_stride,
                          view->col_stride);
    }
    return MLP_OK;
}

/* True if no two elements share memory: either each row ends before the next
 * begins, or each column does. Other layouts without overlap exist, such as
 * interleaved ones, but deciding about any strides is a problem of number
 * theory, and nobody writes to such a view. */
static bool elements_are_apart(const mlp_view *view)
{
    if (view->rows == 0) {
        return true;
    }
    /* Elements from the first to the last of a row, and of a column. */
    size_t row_extent = (view->cols - 1) * view->col_stride + 1;
    size_t col_extent = (view->rows - 1) * view->row_stride + 1;
    bool rows_apart = view->rows == 1 || view->row_stride >= row_extent;
    bool cols_apart = view->cols == 1 || view->col_stride >= col_extent;
    /* A stride of 0 repeats an element. */
    bool no_zero = (view->rows == 1 || view->row_stride > 0) &&
                   (view->cols == 1 || view->col_stride > 0);
    return no_zero && (rows_apart || cols_apart);
}

/* The extents cannot overflow after mlpi_check_view: the last element has an
 * address. */
mlp_status mlpi_check_writable(const mlp_hooks *hooks, const mlp_view *view,
                               const mlpi_expected *expected)
{
    const mlp_cview same = mlp_view_const(*view);
    TRY(mlpi_check_view(hooks, &same, expected));
    if (!elements_are_apart(view)) {
        return mlpi_error(hooks, MLP_ERR_SHAPE,
                          "%s: expects rows that lie one after another, or "
                          "columns that do, got strides %zu and %zu",
                          expected->name, view->row_stride, view->col_stride);
    }
    return MLP_OK;
}
