/* SPDX-License-Identifier: MIT */
/*
 * The handwritten digits of problem 1: 1797 images of 8 x 8 pixels, which
 * belong to ten classes. data/README.md says where they are from.
 */
#ifndef LIBMLP_EXAMPLE_DIGITS_H
#define LIBMLP_EXAMPLE_DIGITS_H

#include "example.h"
#include "flags.h"

#include <mlp_data.h>

#ifndef DIGITS_CSV
#define DIGITS_CSV "examples/data/digits.csv"
#endif

enum { ROWS = 1797, PIXELS = 64, CLASSES = 10 };

/* Allocates n images X and their digits Y. free_samples frees them. */
static inline samples new_digits(mlp_dtype precision, size_t n)
{
    samples digits = {.X = new_array(precision, n, PIXELS),
                      .Y = new_array(MLP_F64, n, 1)};
    digits.Y = mlp_view_i32(digits.Y.data, n, 1);
    return digits;
}

/* Reads the file. A line holds 64 pixels from 0 (white) to 16 (black) and the
 * digit. In X black becomes `black`. */
static inline samples read_digits(const char *path, mlp_dtype precision,
                                  double black)
{
    mlp_data *data = NULL;
    mlp_hooks hooks = mlp_hooks_stderr();
    check(mlp_data_load(path, NULL, &hooks, &data));
    mlp_cview values = mlp_data_values(data);
    if (values.rows != ROWS || values.cols != PIXELS + 1) {
        refuse(path, "1797 rows of 64 pixels and a digit", "other data");
    }
    samples all = new_digits(precision, ROWS);
    for (size_t i = 0; i < ROWS; i++) {
        for (size_t j = 0; j < PIXELS; j++) {
            mlp_view_set(all.X, i, j, mlp_cview_at(values, i, j) / 16 * black);
        }
        mlp_view_set(all.Y, i, 0, mlp_cview_at(values, i, PIXELS));
    }
    mlp_data_free(data);
    return all;
}

/* Returns copies of images order[0..n-1] and their digits. */
static inline samples take_digits(samples all, const size_t *order, size_t n)
{
    samples taken = new_digits(all.X.dtype, n);
    check(mlp_gather_rows(mlp_view_const(all.X), order, NULL, taken.X));
    check(mlp_gather_rows(mlp_view_const(all.Y), order, NULL, taken.Y));
    return taken;
}

#endif
