/* SPDX-License-Identifier: MIT */
/* Checks of the caller's views against what a function expects. */
#ifndef MLPI_BASE_VIEW_H
#define MLPI_BASE_VIEW_H

#include "base/memory.h"
#include "mlp.h"

#define MLPI_ANY_ROWS SIZE_MAX

typedef struct mlpi_expected {
    const char *name; /* of the argument, for the message */
    mlp_dtype dtype;
    size_t rows; /* MLPI_ANY_ROWS: as many as there are */
    size_t cols;
    size_t min_rows;
} mlpi_expected;

/* The usual case, told without a call: a dense matrix, not empty, of this type
 * and so many columns. No check of a view would refuse it, but for its rows. */
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

/* A checked view becomes one of its rows [first, first + count), which there
 * are. */
void mlpi_cut_rows(mlp_cview *view, size_t first, size_t count);

/* Such rows of a writable one, with elements of that size. */
static inline mlp_view mlpi_view_rows(mlp_view view, size_t size, size_t first,
                                      size_t count)
{
    view.data = (unsigned char *)view.data + first * view.row_stride * size;
    view.rows = count;
    return view;
}

/* MLP_ERR_DTYPE, MLP_ERR_SHAPE or MLP_ERR_NULL (no data), with a message of
 * what was expected and what came. */
mlp_status mlpi_check_view(const mlp_hooks *hooks, const mlp_cview *view,
                           const mlpi_expected *expected);

/* Like mlpi_check_view, but no two elements may share memory either. */
mlp_status mlpi_check_writable(const mlp_hooks *hooks, const mlp_view *view,
                               const mlpi_expected *expected);

#endif
