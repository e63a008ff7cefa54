/* SPDX-License-Identifier: MIT */
/*
 * Views: making and cutting them, reading and writing single elements, copying
 * rows, and checking views.
 *
 * The public functions of this file have a defined result for any arguments.
 * Offsets go through checked arithmetic in find_element, whatever rows and
 * strides a caller has written into the struct. An element that does not exist
 * reads as NaN and is not written. The limit of an offset is PTRDIFF_MAX bytes,
 * beyond which C does not define the difference of two pointers.
 */
#include "base/view.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"

/* ---------------------------------------------------------------------------
 * Making views
 */

/* In a dense view rows follow each other without a gap. */
static mlp_cview dense_view(mlp_dtype dtype, const void *data, size_t rows,
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
    return dense_view(MLP_F32, data, rows, cols);
}

mlp_cview mlp_cview_f64(const double *data, size_t rows, size_t cols)
{
    return dense_view(MLP_F64, data, rows, cols);
}

mlp_cview mlp_cview_i32(const int32_t *data, size_t rows, size_t cols)
{
    return dense_view(MLP_I32, data, rows, cols);
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

static mlp_view transpose_writable(mlp_view view)
{
    return (mlp_view){view.dtype,      view.cols,       view.rows,
                      view.col_stride, view.row_stride, view.data};
}

/* ---------------------------------------------------------------------------
 * Elements, rows and columns
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

/* Limits a view to rows [first, first + count) and returns the number of bytes
 * by which its data has to move. Rows beyond the view are left out, so a loop
 * over blocks of rows needs no special case for the last block. The data of an
 * empty view stays: its first element may not exist. */
static size_t limit_rows(mlp_cview *view, size_t first, size_t count)
{
    size_t start = mlpi_min_size(first, view->rows);
    size_t offset = 0;
    bool exists = find_element(*view, start, 0, &offset);
    view->rows = exists ? mlpi_min_size(count, view->rows - start) : 0;
    bool moves = view->data && view->rows > 0 && view->cols > 0;
    return moves ? offset * element_size(view->dtype) : 0;
}

mlp_cview mlp_cview_rows(mlp_cview view, size_t first, size_t count)
{
    size_t bytes = limit_rows(&view, first, count);
    if (bytes > 0) {
        view.data = (const char *)view.data + bytes;
    }
    return view;
}

mlp_view mlp_view_rows(mlp_view view, size_t first, size_t count)
{
    mlp_cview limited = mlp_view_const(view);
    size_t bytes = limit_rows(&limited, first, count);
    view.rows = limited.rows;
    if (bytes > 0) {
        view.data = (char *)view.data + bytes;
    }
    return view;
}

/* Columns are the rows of the transpose. */
mlp_cview mlp_cview_cols(mlp_cview view, size_t first, size_t count)
{
    mlp_cview columns = mlp_cview_transpose(view);
    return mlp_cview_transpose(mlp_cview_rows(columns, first, count));
}

mlp_view mlp_view_cols(mlp_view view, size_t first, size_t count)
{
    mlp_view columns = transpose_writable(view);
    return transpose_writable(mlp_view_rows(columns, first, count));
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

mlp_status mlpi_check_any_view(const mlp_hooks *hooks, const mlp_cview *view,
                               const char *name)
{
    if (!mlp_dtype_name(view->dtype)) {
        return mlpi_error(hooks, MLP_ERR_DTYPE,
                          "%s: expects float32, float64 or int32, got an "
                          "unknown type",
                          name);
    }
    if (view->cols == 0) {
        return mlpi_error(hooks, MLP_ERR_SHAPE,
                          "%s: expects at least 1 column, got 0", name);
    }
    const mlpi_expected expected = {.name = name,
                                    .dtype = view->dtype,
                                    .rows = MLPI_ANY_ROWS,
                                    .cols = view->cols};
    return mlpi_check_view(hooks, view, &expected);
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

/* ---------------------------------------------------------------------------
 * Copying rows
 */

/* Checks that each order[i] is a row of `from`. Nothing has been written yet,
 * so a number that is wrong leaves `to` as it was. */
static mlp_status check_order(const mlp_hooks *hooks, const mlp_cview *from,
                              const size_t *order, size_t rows)
{
    for (size_t i = 0; i < rows; i++) {
        if (order[i] >= from->rows) {
            return mlpi_error(
                hooks, MLP_ERR_ARGUMENT,
                "order[%zu]: expects a row below from.rows = %zu, "
                "got %zu",
                i, from->rows, order[i]);
        }
    }
    return MLP_OK;
}

/* Copies n elements of `size` bytes. The strides are in bytes. Elements that
 * follow each other in both arrays are copied together. */
static void copy_elements(size_t n, size_t size, const char *from,
                          size_t from_stride, char *to, size_t to_stride)
{
    if (n == 1 || (from_stride == size && to_stride == size)) {
        memcpy(to, from, n * size);
        return;
    }
    for (size_t j = 0; j < n; j++) {
        memcpy(to + j * to_stride, from + j * from_stride, size);
    }
}

mlp_status mlp_gather_rows(mlp_cview from, const size_t *order,
                           const mlp_hooks *hooks, mlp_view to)
{
    mlp_hooks used;
    TRY(mlpi_use_hooks(hooks, &used));
    hooks = &used;
    TRY(mlpi_check_any_view(hooks, &from, "from"));
    const mlpi_expected expected = {.name = "to",
                                    .dtype = from.dtype,
                                    .rows = MLPI_ANY_ROWS,
                                    .cols = from.cols};
    TRY(mlpi_check_writable(hooks, &to, &expected));
    if (to.rows == 0) { /* no order is needed */
        return MLP_OK;
    }
    TRY(mlpi_check_pointer(hooks, order, "order"));
    TRY(check_order(hooks, &from, order, to.rows));
    size_t size = element_size(from.dtype);
    for (size_t i = 0; i < to.rows; i++) {
        copy_elements(
            from.cols, size,
            (const char *)from.data + order[i] * from.row_stride * size,
            from.col_stride * size, (char *)to.data + i * to.row_stride * size,
            to.col_stride * size);
    }
    return MLP_OK;
}
