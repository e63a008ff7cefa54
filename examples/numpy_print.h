/* SPDX-License-Identifier: MIT */
/*
 * Prints arrays as NumPy does: [0.5 1. ], with all decimal points aligned.
 */
#ifndef LIBMLP_EXAMPLE_NUMPY_PRINT_H
#define LIBMLP_EXAMPLE_NUMPY_PRINT_H

#include <mlp.h>
#include <stdio.h>
#include <string.h>

/* Formats a number with at most `digits` decimals and no zeros at the end.
 * digits = 0 is for integers, which have no point. */
static inline void number_text(char text[64], double value, int digits)
{
    (void)snprintf(text, 64, "%.*f", digits, value);
    size_t length = strlen(text);
    while (strchr(text, '.') != NULL && text[length - 1] == '0') {
        text[--length] = '\0';
    }
}

static inline void print_row(mlp_cview array, size_t row, int digits)
{
    char text[64];
    size_t before = 0, after = 0; /* characters left and right of the point */
    for (size_t i = 0; i < array.rows * array.cols; i++) {
        number_text(text, mlp_cview_at(array, i / array.cols, i % array.cols),
                    digits);
        size_t left = strcspn(text, "."), right = strlen(text) - left;
        before = left > before ? left : before;
        after = right > after ? right : after;
    }
    for (size_t j = 0; j < array.cols; j++) {
        number_text(text, mlp_cview_at(array, row, j), digits);
        size_t left = strcspn(text, ".");
        printf("%s%*s%.*s%-*s", j == 0 ? "[" : " ", (int)(before - left), "",
               (int)left, text, (int)after, text + left);
    }
    printf("]");
}

/* Prints an array of one row as print(f"{before}{array.flatten()}") does,
 * without the newline. */
static inline void print_vector(const char *before, mlp_cview array, int digits)
{
    printf("%s", before);
    print_row(array, 0, digits);
}

/* Prints an array as print(f"{before}{array}") does, without the newline. */
static inline void print_matrix(const char *before, mlp_cview array, int digits)
{
    printf("%s[", before);
    for (size_t i = 0; i < array.rows; i++) {
        printf("%s", i == 0 ? "" : "\n ");
        print_row(array, i, digits);
    }
    printf("]");
}

#endif
