/* SPDX-License-Identifier: MIT */
/*
 * Numbers as text, the same whatever the locale. printf and strtod would do,
 * but for the decimal comma of some locales and the freedom that C leaves to
 * %a.
 *
 *     mlpi_put_decimal   1234                   a whole number
 *     mlpi_put_hex32     0f3a9c02               a checksum, eight digits
 *     mlpi_hexfloat_...  0x1.999999999999ap-4   0.1, without any rounding: the
 *                                               form of Python's float.hex
 */
#ifndef MLPI_BASE_NUMBER_TEXT_H
#define MLPI_BASE_NUMBER_TEXT_H

#include "mlp.h"

/* Writes 32 bits as eight hexadecimal digits in lower case, without a closing
 * zero; reading accepts exactly that, and returns false, and writes nothing,
 * for any other text. */
enum { MLPI_HEX32_DIGITS = 8 };
void mlpi_put_hex32(uint32_t value, char digits[MLPI_HEX32_DIGITS]);
bool mlpi_get_hex32(const char digits[MLPI_HEX32_DIGITS], uint32_t *value);

/* Writes a number in decimal, without a closing zero, and returns the place
 * behind its last digit. There are at most MLPI_DECIMAL_DIGITS. */
enum { MLPI_DECIMAL_DIGITS = 20 };
char *mlpi_put_decimal(uint64_t value, char *digits);

#define MLPI_HEXFLOAT_SIZE 25 /* bytes of the longest text and its zero */

/* Writes x, which must be finite, as Python's float.hex does. */
void mlpi_hexfloat_write(double x, char text[MLPI_HEXFLOAT_SIZE]);

/* Reads the number that n bytes of text stand for: [-]0x, up to 16 digits with
 * or without a point, p, and the binary exponent in decimal. Returns false, and
 * writes nothing, if the text has another form, or if no double is exactly that
 * number. */
bool mlpi_hexfloat_read(const char *text, size_t n, double *x);

#endif
