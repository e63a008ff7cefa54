/* SPDX-License-Identifier: MIT */
/*
 * Text that is read from front to back, whatever the locale. Each reader passes
 * by blanks (spaces, tabs, ends of lines), takes what it names and answers
 * true, or answers false where something else stands.
 */
#ifndef MLPI_FORMATS_FOREIGN_SCAN_H
#define MLPI_FORMATS_FOREIGN_SCAN_H

#include "mlp.h"

typedef struct mlpi_scanner {
    const char *at, *end;
} mlpi_scanner;

/* These characters. */
bool mlpi_scan_word(mlpi_scanner *s, const char *word);

/* A whole number, 0 or more, that a size_t holds. */
bool mlpi_scan_count(mlpi_scanner *s, size_t *n);

/* A decimal number, such as -1.5e-3 or -1,5e-3, that is finite as a double. It
 * is rounded to the nearest one, but for 1/64 of its unit in the last place: so
 * what was printed with 18 digits or more comes back as it was. */
bool mlpi_scan_real(mlpi_scanner *s, double *x);

/* Only blanks are left. */
bool mlpi_scan_end(mlpi_scanner *s);

/* Goes on to behind `key` at the beginning of a line. */
bool mlpi_scan_line(mlpi_scanner *s, const char *key);

#endif
