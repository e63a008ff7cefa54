/* SPDX-License-Identifier: MIT */
/*
 * What tables and pictures share: numbers as text that does not depend on the
 * locale, texts of UTF-8 by their columns on a terminal, what a terminal can
 * show, memory, and checks.
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

/* MLPI_NUMBER_SIZE is the room of a number as text. */
enum { MLPI_NUMBER_SIZE = 32 };

/* Write a number into `text` and return it. The first has `digits` digits at
 * most, or if that is 0, as many as are needed to read back the same bits; a
 * NaN or an infinity is "NaN", which gnuplot takes for a gap. The second has 3
 * decimals, for scores. The third has commas between thousands. */
char *mlpi_text_number(double x, int digits, char text[MLPI_NUMBER_SIZE]);
char *mlpi_text_score(double x, char text[MLPI_NUMBER_SIZE]);
char *mlpi_text_count(size_t n, char text[MLPI_NUMBER_SIZE]);

/* Returns the name of class i, or where `names` is NULL, its number. */
const char *mlpi_text_name(const char *const *names, size_t i,
                           char text[MLPI_NUMBER_SIZE]);

/* A character: its bytes, and how many columns a terminal gives it, 0 to 2. */
typedef struct mlpi_character {
    const char *bytes; /* [length] */
    size_t length;     /* 0: the text has ended */
    size_t columns;
} mlpi_character;

/* Returns the next character of a text, and moves *text past it. In place of a
 * control character, and of a byte that is not UTF-8, this is '?'. */
mlpi_character mlpi_text_next(const char **text);

/* Returns the columns of a whole text. */
size_t mlpi_text_columns(const char *text);

/* Writes a text, then blanks up to this width, or with `right` the blanks
 * first. */
void mlpi_text_put(FILE *to, const char *text, size_t width, bool right);

/* What a stream can show. A stream that is no terminal has 80 columns and 25
 * rows, and terminals that do not tell their size have, too. */
typedef struct mlpi_terminal {
    bool is_terminal;
    bool is_dumb;  /* TERM is missing or "dumb": nothing can be erased */
    bool is_plain; /* NO_COLOR is set */
    int columns, rows;
} mlpi_terminal;

mlpi_terminal mlpi_terminal_of(int descriptor);

/* Take memory from the hooks, or where these have none from malloc, and give it
 * back; NULL is allowed. Without memory the first sends a message, in which
 * `what` needs it, and returns NULL. */
void *mlpi_show_allocate(const mlp_hooks *hooks, size_t bytes,
                         const char *what);
void mlpi_show_release(const mlp_hooks *hooks, void *block);

/* Sends a failure to the log of the hooks, and returns its status. */
mlp_status mlpi_refuse(const mlp_hooks *hooks, mlp_status status,
                       const char *format, ...);

/* Refuses a struct, called `what`, that holds something else than 0 in the n
 * words which it reserves for later versions. MLP_ERR_ARGUMENT. */
mlp_status mlpi_show_check_reserved(const mlp_hooks *hooks, const char *what,
                                    const uint64_t *reserved, size_t n);

/* Does so for the struct that `object` points to. */
#define SHOW_CHECK_RESERVED(hooks, what, object)                               \
    mlpi_show_check_reserved(hooks, what, (object)->reserved,                  \
                             sizeof(object)->reserved / sizeof(uint64_t))

/* What numbers a view must hold. */
typedef enum mlpi_numbers {
    MLPI_FINITE,
    MLPI_LABELS, /* whole numbers from 0 to 99 */
    MLPI_COUNTS  /* MLP_I32 from 0 on */
} mlpi_numbers;

/* Checks that X has this shape, without a 0 in it, and holds such numbers.
 * `what` names it in messages. */
mlp_status mlpi_check_numbers(const mlp_hooks *hooks, const char *what,
                              mlp_cview X, size_t rows, size_t cols,
                              mlpi_numbers kind);

/* Checks that none of n names is NULL. Where there are none, this is fine. */
mlp_status mlpi_check_names(const mlp_hooks *hooks, const char *what,
                            const char *const *names, size_t n);

/* Checks a confusion matrix, and that there is a name for each class. */
mlp_status mlpi_check_counts(const mlp_hooks *hooks, mlp_cview counts,
                             const char *const *names);

#endif
