/* SPDX-License-Identifier: MIT */
/*
 * Reads the arrays of tests/vectors: a first line "# name rows cols", then rows
 * of decimal numbers that read back to the double they were written from.
 */
#ifndef TESTS_DATA_H
#define TESTS_DATA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct vector {
    size_t rows, cols;
    double *data; /* [rows][cols], to be freed */
} vector;

/* Reads the numbers behind the first line; returns false if one is missing. */
static inline bool parse_vector(char *text, vector *v)
{
    char *at = text;
    while (*at != '\0' && (*at == '#' || *at == ' ')) {
        at++;
    }
    while (*at != '\0' && *at != ' ') { /* the name */
        at++;
    }
    v->rows = strtoul(at, &at, 10);
    v->cols = strtoul(at, &at, 10);
    size_t n = v->rows * v->cols;
    v->data = calloc(n + 1, sizeof *v->data);
    char *end = at;
    for (size_t i = 0; v->data && i < n; i++) {
        v->data[i] = strtod(at, &end);
        if (end == at) {
            free(v->data);
            v->data = NULL;
        }
        at = end;
    }
    return v->data != NULL;
}

/* Reads tests/vectors/<name>.txt; returns false if the file is not such an
 * array. */
static inline bool load_vector(const char *name, vector *v)
{
    enum { MOST_BYTES = 1 << 20 };
    char path[1024];
    (void)snprintf(path, sizeof path, "%s/%s.txt", MLP_TEST_VECTORS, name);
    FILE *file = fopen(path, "r");
    char *text = calloc(1, MOST_BYTES);
    bool ok = file && text && fread(text, 1, MOST_BYTES - 1, file) > 0 &&
              parse_vector(text, v);
    if (file) {
        (void)fclose(file);
    }
    free(text);
    return ok;
}

/* Like load_vector, but ends the program without an array of n numbers. */
static inline vector need_vector(const char *name, size_t n)
{
    vector v = {0, 0, NULL};
    if (!load_vector(name, &v) || v.rows * v.cols != n) {
        (void)fprintf(stderr, "%s/%s.txt: not an array of %zu numbers\n",
                      MLP_TEST_VECTORS, name, n);
        exit(1);
    }
    return v;
}

#ifdef MLP_TEST_DIGITS

enum { DIGIT_PIXELS = 64 };

/* Returns the first rows of examples/data/digits.csv: greys from 0 to 16, and
 * the digit. Ends the program if they are missing. */
static inline unsigned char *need_digits(size_t rows)
{
    enum { COLUMNS = DIGIT_PIXELS + 1, LINE = 1024 };
    unsigned char *digits = (unsigned char *)malloc(rows * COLUMNS);
    FILE *file = fopen(MLP_TEST_DIGITS, "r");
    char line[LINE];
    for (size_t i = 0; i < rows; i++) {
        char *at = file && digits ? fgets(line, LINE, file) : NULL;
        for (size_t j = 0; j < COLUMNS; j++) {
            char *end = at;
            long value = at ? strtol(at, &end, 10) : -1;
            if (end == at || value < 0 || value > 16) {
                (void)fprintf(stderr, "cannot read %s\n", MLP_TEST_DIGITS);
                exit(1);
            }
            digits[i * COLUMNS + j] = (unsigned char)value;
            at = *end == ',' ? end + 1 : end;
        }
    }
    (void)fclose(file);
    return digits;
}

#endif

#endif
