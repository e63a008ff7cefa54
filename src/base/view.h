/* SPDX-License-Identifier: MIT */
/*
 * Views, the matrices that callers hand over: checks of a view against what a
 * function expects, and rows of a checked view.
 *
 * Element (i, j) of a view is data[i * row_stride + j * col_stride]. A view
 * describes memory of the caller's and is never trusted: rows, columns and
 * strides can be any numbers. After mlpi_check_view every element has an
 * address that can be computed without overflow; whether the memory is there,
 * only the caller can know.
 */
#ifndef MLPI_BASE_VIEW_H
#define MLPI_BASE_VIEW_H

#include "base/memory.h"
#include "mlp.h"

/* A value of `rows` below: any number of rows is right. */
#define MLPI_ANY_ROWS SIZE_MAX

/* What a view must be. */
typedef struct mlpi_expected {
    const char *name; /* of the argument, for the message */
    mlp_dtype dtype;
    size_t rows;        /* or MLPI_ANY_ROWS */
    size_t cols;        /* at least 1, as every layer has */
    size_t min_rows;    /* 1: the function cannot work without rows */
    const char *reason; /* words that the message puts behind the type, or
                           NULL */
} mlpi_expected;

/* True if a view is what callers nearly always pass: a dense matrix of this
 * type and number of columns, not empty. mlpi_check_view would accept it if any
 * number of rows were right; this test is inline and saves the call. */
static inline bool mlpi_is_dense(const mlp_cview *view, mlp_dtype dtype,
                                 size_t cols)
{
    size_t count = 0;
    return view->dtype == dtype && view->cols == cols && view->rows > 0 &&
           view->data && view->col_stride == 1 &&
           (view->row_stride == cols || view->rows == 1) &&
           mlpi_size_mul(view->rows, cols, &count) &&
           count <= PTRDIFF_MAX / sizeof(double);
}

/* ---------------------------------------------------------------------------
 * Rows of a checked view, without the checks of the public functions
 */

/* Changes a checked view to its rows [first, first + count), which must
 * exist. */
void mlpi_cut_rows(mlp_cview *view, size_t first, size_t count);

/* Returns rows [first, first + count) of a writable view, which must exist. Its
 * elements have `size` bytes. */
static inline mlp_view mlpi_view_rows(mlp_view view, size_t size, size_t first,
                                      size_t count)
{
    view.data = (unsigned char *)view.data + first * view.row_stride * size;
    view.rows = count;
    return view;
}

/* ---------------------------------------------------------------------------
 * Checks
 */

/* Checks a view that is read. MLP_ERR_DTYPE, MLP_ERR_SHAPE (rows, columns, or
 * more elements than an address space has), MLP_ERR_NULL (rows, but no data),
 * each with a message of what was expected and what came. */
mlp_status mlpi_check_view(const mlp_hooks *hooks, const mlp_cview *view,
                           const mlpi_expected *expected);

/* Checks a view of any type and shape that is read; it needs a column. Fails
 * like mlpi_check_view. */
mlp_status mlpi_check_any_view(const mlp_hooks *hooks, const mlp_cview *view,
                               const char *name);

/* Like mlpi_check_view, for a view that is written: no two elements may share
 * memory either, else the last write would decide. */
mlp_status mlpi_check_writable(const mlp_hooks *hooks, const mlp_view *view,
                               const mlpi_expected *expected);

#endif
