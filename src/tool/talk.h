/* SPDX-License-Identifier: MIT */
/*
 * What the program prints. Talk goes to the standard error stream, and data to
 * the standard output.
 */
#ifndef MLPI_TOOL_TALK_H
#define MLPI_TOOL_TALK_H

#include <stdbool.h>
#include <stdio.h>

#include "mlp_show.h"

/* The exit statuses of the program: done; what was asked could not be done; it
 * was asked wrongly. */
enum { TOOL_DONE = 0, TOOL_FAILED = 1, TOOL_MISUSED = 2 };

/* Returns from the calling function, with the same status, unless it is 0. */
#define TRY(call)                                                              \
    do {                                                                       \
        int try_status = (int)(call);                                          \
        if (try_status != 0) {                                                 \
            return try_status;                                                 \
        }                                                                      \
    } while (0)

/* Returns TOOL_FAILED from the calling function unless the call returns MLP_OK.
 */
#define TRY_MLP(call) TRY((call) == MLP_OK ? TOOL_DONE : TOOL_FAILED)

/* Writes a text, which may come from a hostile file, with '?' for control
 * characters: they could change what a terminal shows. */
void mlpi_tool_put(const char *text, FILE *to);

/* Print a line to the standard error stream: the text as it is, or "mlp: " and
 * the text. They add the line end. */
void mlpi_tool_say(const char *format, ...)
    __attribute__((format(printf, 1, 2)));
void mlpi_tool_complain(const char *format, ...)
    __attribute__((format(printf, 1, 2)));

/* Returns n zeroed elements of a size, 1 or more, for the caller to free; or
 * NULL, which is told. */
void *mlpi_tool_memory(size_t n, size_t size);

/* Writes the shortest decimals that give back a number of the precision,
 * MLP_F32 or MLP_F64, and returns `text`. A NaN is "nan". */
enum { TOOL_NUMBER_SIZE = 32 };
const char *mlpi_tool_decimals(double x, mlp_dtype precision,
                               char text[TOOL_NUMBER_SIZE]);

/* Print to the standard output: a text as a JSON string, with its quotes (null
 * for NULL); and a member of a JSON object, `"name": 0.967`. A name may begin
 * with ", ", which then stands before the member. A number that is not finite
 * is null. */
void mlpi_tool_json_text(const char *text);
void mlpi_tool_json_number(const char *name, double value);

/* Return a picture without panels, and draw and free it: into the file `path`,
 * or for "-" onto the standard output. The first returns NULL, which panels
 * refuse, if there is no memory. The second does not draw after a status that
 * is no success, and returns it. */
mlp_picture *mlpi_tool_picture(void);
mlp_status mlpi_tool_draw(mlp_picture *picture, mlp_status status,
                          const char *path);

#endif
