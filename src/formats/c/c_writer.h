/* SPDX-License-Identifier: MIT */
/*
 * C as text: numbers that read back to themselves in every locale, lists that
 * are broken into lines, strings.
 */
#ifndef MLPI_FORMATS_C_C_WRITER_H
#define MLPI_FORMATS_C_C_WRITER_H

#include "base/bytes.h"

/* As printf, which is not to be given floating-point numbers. At most 1023
 * bytes at once. */
void mlpi_put_text(mlpi_writer *to, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

enum { MLPI_REAL_SIZE = 32 }; /* of the longest, with its closing 0 */

/* A finite number as a constant of type float or double. */
void mlpi_real_text(mlp_dtype dtype, double x, char text[MLPI_REAL_SIZE]);

/* A list between braces, in lines of at most 80 columns. */
typedef struct mlpi_list {
    mlpi_writer *to;
    size_t column;   /* 0: nothing in this line yet */
    const char *end; /* of lines; NULL: newline */
} mlpi_list;

/* Begins the definition of an array, whose declaration is a printf format, and
 * ends it after the last item. */
mlpi_list mlpi_list_open(mlpi_writer *to, const char *declaration, ...)
    __attribute__((format(printf, 2, 3)));
void mlpi_list_close(mlpi_list *list);

void mlpi_list_put(mlpi_list *list, const char *item);
void mlpi_list_put_real(mlpi_list *list, mlp_dtype dtype, double x);
void mlpi_list_put_number(mlpi_list *list, int64_t x);
/* What comes next begins a line. */
void mlpi_list_break(mlpi_list *list);

/* UTF-8 as a string constant of ASCII. */
void mlpi_put_literal(mlpi_writer *to, const char *utf8);

#endif
