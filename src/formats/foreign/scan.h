/* SPDX-License-Identifier: MIT */
/*
 * A scanner of text files: reads numbers and words from front to back.
 *
 * The functions of the C library do not serve here. strtod depends on the
 * locale, needs a terminating zero, and accepts forms such as "nan" and "0x1".
 * These functions stop at the end of the text that the scanner has, and accept
 * only what they describe.
 *
 * Each function that reads a word or a number skips blanks first: spaces, tabs
 * and ends of lines. If the text continues as the function expects, it moves
 * the scanner behind that and returns true. Otherwise it returns false, and the
 * position of the scanner is of no further use (mlpi_scan_word excepted).
 *
 * The results are meant to be joined by &&, so that the first difference ends
 * the reading. A pair such as "(0, -1.2e-01)" is read by
 *
 *     mlpi_scan_word(&s, "(") && mlpi_scan_count(&s, &n) &&
 *     mlpi_scan_word(&s, ",") && mlpi_scan_real(&s, &x) &&
 *     mlpi_scan_word(&s, ")")
 */
#ifndef MLPI_FORMATS_FOREIGN_SCAN_H
#define MLPI_FORMATS_FOREIGN_SCAN_H

#include "mlp.h"

/* A scanner is a value of two pointers. A copy of it remembers the position, so
 * that the same text can be read again. */
typedef struct mlpi_scanner {
    const char *next, *end; /* next character, and the end of the text */
} mlpi_scanner;

/* Reads the characters of `word`. If the text continues with something else,
 * the scanner stays before it, and another word can be tried. */
bool mlpi_scan_word(mlpi_scanner *s, const char *word);

/* Reads an integer without sign, such as a number of neurons. Returns false
 * also if the integer is not a size_t. */
bool mlpi_scan_count(mlpi_scanner *s, size_t *n);

/* Reads a decimal number such as -1.5e-3 or -1,5e-3. A digit must stand before
 * the point or comma, which is read only if a digit follows it. Returns false
 * also if the number is too large for a double.
 *
 * The result is the nearest double, unless the number lies within 1/16 of a
 * unit in the last place of the middle between two doubles. So a double that
 * was printed with 18 digits or more is read back with the same bits. */
bool mlpi_scan_real(mlpi_scanner *s, double *x);

/* Returns true if only blanks are left. A loader calls this last, so that a
 * text with surplus numbers is refused. */
bool mlpi_scan_end(mlpi_scanner *s);

/* Skips lines until one begins with `key`, such as "num_layers=", and moves the
 * scanner behind the key. The search begins with the next line. Returns
 * false, with the scanner at the end of the text, if no later line begins with
 * the key. */
bool mlpi_scan_line(mlpi_scanner *s, const char *key);

#endif
