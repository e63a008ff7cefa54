/* SPDX-License-Identifier: MIT */
/*
 * Decimal numbers, read and written whatever the locale, and right to the last
 * bit. decimal.c has the formulas and the bounds of their errors.
 *
 * The caller decides what may stand behind a number. In a CSV file that is a
 * separator or the end of a cell, so 12e+ and 0x10 are texts there; in a recipe
 * it is the end of the word. The sign + is read too, and written never.
 */
#ifndef MLPI_DATA_DECIMAL_H
#define MLPI_DATA_DECIMAL_H

/* The digits of a number, with its point, are at most so many. The longest
 * number that lies in the middle between two doubles has 767 digits. */
enum { MLPI_DECIMAL_MAX = 1000 };

/* Reads the number at `text`: a sign, digits with one `point` among them, an
 * exponent. Only the digits are needed. Returns where it ends, or NULL if there
 * is no number. The number may be infinite: 1e400. */
const char *mlpi_decimal_read(const char *text, const char *end, char point,
                              double *value);

/* The bytes that a written number takes, with the 0 at its end. */
enum { MLPI_DECIMAL_SIZE = 32 };

/* Writes a finite number with 17 digits, from which it is read with the same
 * bits. */
void mlpi_decimal_write(double value, char text[MLPI_DECIMAL_SIZE]);

#endif
