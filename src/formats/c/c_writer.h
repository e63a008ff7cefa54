/* SPDX-License-Identifier: MIT */
/*
 * C as text: numbers that are read back as themselves and do not depend on the
 * locale, arrays that are broken into lines, and string constants.
 */
#ifndef MLPI_FORMATS_C_C_WRITER_H
#define MLPI_FORMATS_C_C_WRITER_H

#include "base/bytes.h"

/* Writes text like printf, at most 1023 bytes at once. It must not be given
 * floating-point numbers, which printf writes as the locale demands. */
void mlpi_put_text(mlpi_writer *to, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

enum { MLPI_REAL_SIZE = 32 }; /* bytes of the longest, with its closing 0 */

/* Writes a finite number as a constant of type float or double, with as many
 * digits as it takes to read the same number back: 0.1 becomes 0.100000001f as
 * a float. The text has at least one decimal point, and never a comma. */
void mlpi_real_text(mlp_dtype dtype, double x, char text[MLPI_REAL_SIZE]);

/* A list of items between braces, in lines of at most 80 columns. So
 *
 *     mlpi_list list = mlpi_list_open(to, "static const float w[%zu]", n);
 *     for (size_t i = 0; i < n; i++) {
 *         mlpi_list_put_real(&list, MLP_F32, w[i]);
 *     }
 *     mlpi_list_close(&list);
 *
 * writes
 *
 *     static const float w[2] = {
 *         0.5f, -1.25f,
 *     };
 */
typedef struct mlpi_list {
    mlpi_writer *to;
    size_t column;   /* 0 if nothing stands in this line yet */
    const char *end; /* of lines; NULL: newline */
} mlpi_list;

/* Begins the definition of an array. The format gives its declaration, such as
 * "static const int x[%zu]". mlpi_list_close ends it after the last item. */
mlpi_list mlpi_list_open(mlpi_writer *to, const char *declaration, ...)
    __attribute__((format(printf, 2, 3)));
void mlpi_list_close(mlpi_list *list);

/* Adds an item: text, a real number or a whole number. */
void mlpi_list_put(mlpi_list *list, const char *item);
void mlpi_list_put_real(mlpi_list *list, mlp_dtype dtype, double x);
void mlpi_list_put_number(mlpi_list *list, int64_t x);

/* Ends the line, so that the next item begins another one. Does nothing at the
 * beginning of a line. */
void mlpi_list_break(mlpi_list *list);

/* Writes UTF-8 as a string constant of ASCII characters alone. */
void mlpi_put_literal(mlpi_writer *to, const char *utf8);

#endif
