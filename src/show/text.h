/* SPDX-License-Identifier: MIT */
/*
 * Numbers as text that does not depend on the locale, texts of UTF-8 by their
 * columns on a terminal, and the checks that tables and pictures share.
 */
#ifndef LIBMLP_SHOW_TEXT_H
#define LIBMLP_SHOW_TEXT_H

#include <stdio.h>

#include "mlp.h"

/* Leaves a function whose call fails. */
#define TRY(call)                                                              \
    do {                                                                       \
        mlp_status try_status = (call);                                        \
        if (try_status != MLP_OK) {                                            \
            return try_status;                                                 \
        }                                                                      \
    } while (0)

/* MLPI_NUMBER_SIZE: the room of a number; MLPI_COUNT_SIZE: that of a count. */
enum { MLPI_NUMBER_SIZE = 352, MLPI_COUNT_SIZE = 32 };

/* Write a number into `text` and return it. The first has `decimals` digits
 * after the point; the second at most `digits` digits in all, or if that is 0,
 * as many as are needed to read back the same bits; a NaN or an infinity is
 * "NaN", which gnuplot takes for a gap. */
char *mlpi_text_fixed(double x, int decimals, char text[MLPI_NUMBER_SIZE]);
char *mlpi_text_number(double x, int digits, char text[MLPI_NUMBER_SIZE]);

/* Writes a count with commas between thousands, and returns it. */
char *mlpi_text_count(size_t n, char text[MLPI_COUNT_SIZE]);

/* Returns the next character of a text, and moves *text past it. In place of a
 * control character, and of a byte that is not UTF-8, this is '?'. *length
 * receives how many bytes it has, and *columns how many columns a terminal
 * gives it: 0 to 2. At the end of the text, *length is 0. */
const char *mlpi_text_next(const char **text, size_t *length, size_t *columns);

/* Returns the columns of a whole text. */
size_t mlpi_text_columns(const char *text);

/* Writes a text of at most `width` columns, then blanks up to this width, or
 * with `right` the blanks first. A longer text ends in "..." instead. */
void mlpi_text_put(FILE *to, const char *text, size_t width, bool right);

/* Sends a failure to the log of the hooks, and returns its status. */
mlp_status mlpi_refuse(const mlp_hooks *hooks, mlp_status status,
                       const char *format, ...);

/* Checks a confusion matrix, and that there is a name for each class. */
mlp_status mlpi_check_counts(const mlp_hooks *hooks, mlp_cview counts,
                             const char *const *names);

#endif
