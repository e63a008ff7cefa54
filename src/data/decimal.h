/* SPDX-License-Identifier: MIT */
/*
 * Decimal numbers, read and written whatever the locale, and right to the last
 * bit: the double that is nearest to the decimal number.
 *
 * A number is D 10^k with an integer D. Nearly all numbers of a table have a D
 * of at most 19 digits, which fits into 64 bits, and a |k| of at most 22, whose
 * power of ten is an exact double. Let D = hi + lo with two doubles. For k < 0
 *
 *     q = hi / 10^-k            rounded
 *     r = hi - q 10^-k          exact, by fma
 *     D 10^k = q + (r + lo) / 10^-k
 *
 * and for k > 0 the product and its rounding error take the place of q and r.
 * The second term is at most a few units in the last place of q, and its own
 * rounding errors are below 2^-102 of q. If q plus the second term rounds to
 * the same double with 2^-98 of q added and subtracted, it is the right one
 * (Ziv's test). Otherwise, one time in 2^40, and for other D and k, strtod
 * decides. It gets the number as an integer and an exponent, because what
 * strtod takes for a decimal point depends on the locale.
 *
 * What is a number, and what is only the begin of one, with the point '.':
 *
 *     text           is read      value
 *     12             all          12
 *     -.5e+3         all          -500
 *     7.             all          7
 *     1e400          all          infinity
 *     1e-400         all          0
 *     12e+           12           12, since the exponent has no digits
 *     1,5            1            1
 *     0x10           0            0
 *     inf, nan       nothing
 *     - . e5         nothing
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
