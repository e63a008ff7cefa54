/* SPDX-License-Identifier: MIT */
/*
 * Doubles as text without any rounding, whatever the locale: the hexadecimal
 * form of C's %a and of Python's float.hex, where 0.1 is
 * 0x1.999999999999ap-4. printf and strtod would do, but for the decimal comma
 * of some locales and the freedom that C leaves to %a.
 */
#ifndef MLPI_BASE_HEXFLOAT_H
#define MLPI_BASE_HEXFLOAT_H

#include "mlp.h"

#define MLPI_HEXFLOAT_SIZE 25 /* bytes of the longest text and its zero */

/* Writes x, which must be finite, as Python's float.hex does. */
void mlpi_hexfloat_write(double x, char text[MLPI_HEXFLOAT_SIZE]);

/* Reads the number that n bytes of text stand for: [-]0x, up to 16 digits with
 * or without a point, p, and the binary exponent in decimal. Returns false, and
 * writes nothing, if the text has another form, or if no double is exactly that
 * number. */
bool mlpi_hexfloat_read(const char *text, size_t n, double *x);

#endif
