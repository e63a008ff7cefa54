/* SPDX-License-Identifier: MIT */
/*
 * Writes C. A float needs 9 significant digits to be read back exactly, a
 * double 17 (IEEE 754, section 5.12.2). The C library's printf has them right,
 * but puts the locale's decimal point between them. So a number is printed with
 * an exponent, its digits are collected, whatever stands between them, and they
 * are put together again with C's own point:
 *
 *     0.1f  --printf-->  "1,00000001e-01"  -->  digits 100000001, exponent 0
 *           -->  0.100000001f        |x| = 0.d1 d2 d3 ... 10^exponent
 */
#include "formats/c/c_writer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    MAX_TEXT = 1024, /* bytes that are formatted at once, with a closing 0 */
    LINE = 80,       /* columns of the longest line */
    INDENT = 4,
    FLOAT_DIGITS = 9,
    DOUBLE_DIGITS = 17
};

/* Formatted text goes through a buffer, because a writer may only measure. */
static void put_arguments(mlpi_writer *to, const char *format,
                          va_list arguments)
    __attribute__((format(printf, 2, 0)));

static void put_arguments(mlpi_writer *to, const char *format,
                          va_list arguments)
{
    char text[MAX_TEXT];
    (void)vsnprintf(text, sizeof text, format, arguments);
    mlpi_put_bytes(to, strlen(text), text);
}

/* Longer text would be cut, which no caller risks: names are at most 63 bytes,
 * and what is unbounded (a path, a class name) is written by other functions or
 * is a file's name, at most 255 bytes. */
void mlpi_put_text(mlpi_writer *to, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    put_arguments(to, format, arguments);
    va_end(arguments);
}

/* ---------------------------------------------------------------------------
 * Numbers
 */

/* Formats one number. The longest is a double with 17 digits, a sign, a point
 * and an exponent of three digits: 24 characters, which MLPI_REAL_SIZE
 * holds. */
static void format_number(char *text, size_t size, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void format_number(char *text, size_t size, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, size, format, arguments);
    va_end(arguments);
}

/* Splits |x| into digits and an exponent. Returns the number of digits, at
 * least 1; zeros at the end do not count. */
static int split_decimal(int precision, double x, char *digits, int *exponent)
{
    /* For example "-1.00000001e-01", or with another mark for the point. */
    char text[MLPI_REAL_SIZE];
    int n = 0;
    format_number(text, sizeof text, "%.*e", precision - 1, x);
    const char *at = text;
    for (; *at && *at != 'e'; at++) {
        if (*at >= '0' && *at <= '9' && n < precision) {
            digits[n++] = *at;
        }
    }
    /* The exponent of printf counts from the first digit, d1.d2 d3 ...; the one
     * that is returned counts from the point before it, 0.d1 d2 d3 ... */
    int value = 0;
    bool negative = at[0] == 'e' && at[1] == '-';
    for (at += *at ? 2 : 0; *at >= '0' && *at <= '9'; at++) {
        value = 10 * value + (*at - '0');
    }
    *exponent = (negative ? -value : value) + 1;
    while (n > 1 && digits[n - 1] == '0') {
        n--;
    }
    return n;
}

/* Copies n characters, without a closing 0, and returns the place behind
 * them. */
static char *put_run(char *to, const char *from, int n)
{
    memcpy(to, from, (size_t)n);
    return to + n;
}

/* Writes digits with a point before, among or behind them: 0.00d1d2, d1.d2 or
 * d1d200.0. The exponent is small enough for the zeros. */
static char *put_decimal(char *to, const char *digits, int n, int exponent)
{
    static const char zeros[] = "0000000000";
    if (exponent <= 0) {
        to = put_run(to, "0.", 2);
        to = put_run(to, zeros, -exponent);
        return put_run(to, digits, n);
    }
    int whole = exponent < n ? exponent : n;
    to = put_run(to, digits, whole);
    to = put_run(to, zeros, exponent - whole);
    *to++ = '.';
    return n > whole ? put_run(to, digits + whole, n - whole)
                     : put_run(to, "0", 1);
}

/* Zeros at the end are left out, so that short numbers stay short: 0.5, 16.0. A
 * decimal point is always there, since 16f is not C. Numbers with an exponent
 * have one digit before the point: 1.5e-9f. */
void mlpi_real_text(mlp_dtype dtype, double x, char text[MLPI_REAL_SIZE])
{
    /* Numbers from 0.0001 to 10^7 are written without an exponent. */
    enum { MIN_PLAIN = -3, MAX_PLAIN = 7 };
    char digits[DOUBLE_DIGITS];
    int exponent = 0;
    int n = split_decimal(dtype == MLP_F32 ? FLOAT_DIGITS : DOUBLE_DIGITS, x,
                          digits, &exponent);
    char *at = text;
    /* The reciprocal tells -0.0 from 0.0. */
    if (x < 0 || (x == 0 && 1 / x < 0)) {
        *at++ = '-';
    }
    if (x == 0) {
        at = put_run(at, "0.0", 3);
    } else if (exponent >= MIN_PLAIN && exponent <= MAX_PLAIN) {
        at = put_decimal(at, digits, n, exponent);
    } else {
        at = put_decimal(at, digits, n, 1);
        format_number(at, MLPI_REAL_SIZE - (size_t)(at - text), "e%d",
                      exponent - 1);
        at += strlen(at);
    }
    at = put_run(at, dtype == MLP_F32 ? "f" : "", dtype == MLP_F32);
    *at = '\0';
}

/* ---------------------------------------------------------------------------
 * Lists and strings
 */

/* A macro's definition goes on behind a backslash, which `end` then holds. */
void mlpi_list_break(mlpi_list *list)
{
    if (list->column > 0) {
        mlpi_put_text(list->to, "%s", list->end ? list->end : "\n");
        list->column = 0;
    }
}

/* The items follow in lines of their own. */
mlpi_list mlpi_list_open(mlpi_writer *to, const char *declaration, ...)
{
    va_list arguments;
    va_start(arguments, declaration);
    put_arguments(to, declaration, arguments);
    va_end(arguments);
    mlpi_put_text(to, " = {\n");
    return (mlpi_list){to, 0, NULL};
}

void mlpi_list_close(mlpi_list *list)
{
    mlpi_list_break(list);
    mlpi_put_text(list->to, "};\n");
}

/* A line is broken before an item that would pass the last column; the comma
 * behind an item and the blank before it count. */
void mlpi_list_put(mlpi_list *list, const char *item)
{
    size_t n = strlen(item);
    if (list->column + 1 + n + 1 > LINE) {
        mlpi_list_break(list);
    }
    if (list->column == 0) {
        mlpi_put_bytes(list->to, INDENT, "    ");
        list->column = INDENT;
    } else {
        mlpi_put_bytes(list->to, 1, " ");
        list->column++;
    }
    mlpi_put_bytes(list->to, n, item);
    mlpi_put_bytes(list->to, 1, ",");
    list->column += n + 1;
}

/* A number is formatted first, so that its length is known before the line is
 * broken. */
void mlpi_list_put_real(mlpi_list *list, mlp_dtype dtype, double x)
{
    char text[MLPI_REAL_SIZE];
    mlpi_real_text(dtype, x, text);
    mlpi_list_put(list, text);
}

void mlpi_list_put_number(mlpi_list *list, int64_t x)
{
    char text[MLPI_REAL_SIZE];
    format_number(text, sizeof text, "%lld", (long long)x);
    mlpi_list_put(list, text);
}

/* Other characters are written as octal escapes, which end after three digits;
 * hexadecimal ones would take digits of the text that follows. A question mark
 * is escaped, too, because two begin a trigraph. */
void mlpi_put_literal(mlpi_writer *to, const char *utf8)
{
    mlpi_put_text(to, "\"");
    for (; *utf8; utf8++) {
        unsigned char c = (unsigned char)*utf8;
        if (c >= ' ' && c <= '~' && !strchr("\"\\?", c)) {
            mlpi_put_bytes(to, 1, utf8);
        } else {
            mlpi_put_text(to, "\\%03o", (unsigned)c);
        }
    }
    mlpi_put_text(to, "\"");
}
