/* SPDX-License-Identifier: MIT */
/*
 * Doubles as text, exactly and whatever the locale: the hexadecimal form of C's
 * %a and of Python's float.hex, 0x1.999999999999ap-4 for 0.1.
 */
#ifndef MLPI_BASE_HEXFLOAT_H
#define MLPI_BASE_HEXFLOAT_H

#include "mlp.h"

#define MLPI_HEXFLOAT_SIZE 25 /* of the longest, with its closing 0 */

/* As float.hex of Python writes it. x is finite. */
void mlpi_hexfloat_write(double x, char text[MLPI_HEXFLOAT_SIZE]);

/* The number that n bytes of text stand for: [-]0x, digits with a point or
 * without, p and the binary exponent. False if they are no such text, or of no
 * double, to the last bit. */
bool mlpi_hexfloat_read(const char *text, size_t n, double *x);

#endif
