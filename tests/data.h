/* SPDX-License-Identifier: MIT */
/*
 * Reads the arrays of tests/vectors, for programs that do without cmocka: a
 * first line "# name rows cols", then rows of decimal numbers that read back to
 * the double they were written from.
 */
#ifndef TESTS_DATA_H
#define TESTS_DATA_H

#include <stdio.h>
#include <stdlib.h>

/* Reads exactly n numbers, or ends the program with a message. */
static inline void read_array(const char *name, double *values, size_t n)
{
    char path[1024];
    (void)snprintf(path, sizeof path, "%s/%s.txt", MLP_TEST_VECTORS, name);
    FILE *file = fopen(path, "r");
    size_t rows = 0;
    size_t cols = 0;
    bool ok = file && fscanf(file, "# %*s %zu %zu", &rows, &cols) == 2 &&
              rows * cols == n;
    for (size_t i = 0; ok && i < n; i++) {
        ok = fscanf(file, "%lf", &values[i]) == 1;
    }
    if (file) {
        (void)fclose(file);
    }
    if (!ok) {
        (void)fprintf(stderr, "%s: not an array of %zu numbers\n", path, n);
        exit(1);
    }
}

#endif
