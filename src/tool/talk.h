/* SPDX-License-Identifier: MIT */
/*
 * What the program prints, and how it fails. Talk goes to the standard error
 * stream, and data to the standard output.
 *
 * The first failure ends the program: what went wrong is told where it is
 * found, and the system takes the memory back. So no function here returns a
 * status, and none of the program's functions goes on after a failure. Files
 * are written by the libraries, each as a whole or not at all.
 */
#ifndef MLPI_TOOL_TALK_H
#define MLPI_TOOL_TALK_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "mlp_show.h"

/* The exit statuses of the program beside 0: what was asked could not be done;
 * it was asked wrongly. */
enum { TOOL_FAILED = 1, TOOL_MISUSED = 2 };

/* Lets the compiler compare a format with what follows it. */
#define TOOL_FORMAT(i) __attribute__((format(printf, i, i + 1)))

/* Prints a line to the standard error stream; it adds the line end. */
TOOL_FORMAT(1) void mlpi_tool_say(const char *format, ...);

/* Say what is wrong, after "mlp: ", and end the program: it could not do what
 * it should, or it was asked wrongly. The format must be a string constant. */
#define TOOL_FAIL(...) TOOL_END(TOOL_FAILED, __VA_ARGS__)
#define TOOL_REFUSE(...) TOOL_END(TOOL_MISUSED, __VA_ARGS__)
#define TOOL_END(status, ...) (mlpi_tool_say("mlp: " __VA_ARGS__), exit(status))

/* Ends the program with TOOL_FAILED if a call of a library has failed. What
 * went wrong is told already, by the log of mlp_hooks_stderr. */
void mlpi_tool_check(mlp_status status);

/* Return n zeroed elements of a size, and a dense view of zeroed memory. The
 * caller frees the block, or the view's data. They end the program if there is
 * no memory. */
void *mlpi_tool_memory(size_t n, size_t size);
mlp_view mlpi_tool_view(mlp_dtype dtype, size_t rows, size_t cols);

/* Returns a path without its folders. */
const char *mlpi_tool_base_name(const char *path);

/* Returns whether a path ends with a suffix, and has something before it. */
bool mlpi_tool_ends_with(const char *path, const char *suffix);

/* Returns a copy of a text, for the caller to free, with '?' for each byte that
 * is no UTF-8: metadata cannot hold such a byte, but a file's name can. */
char *mlpi_tool_utf8(const char *text);

/* Writes a text, which may come from a hostile file, with '?' for control
 * characters, and for bytes that are no UTF-8: they could change what a
 * terminal shows. */
void mlpi_tool_put(const char *text, FILE *to);

/* Writes the shortest decimals that give back a number of the precision,
 * MLP_F32 or MLP_F64, and returns `text`. A NaN is "nan". */
enum { TOOL_NUMBER_SIZE = 32 };
const char *mlpi_tool_decimals(double x, mlp_dtype precision,
                               char text[TOOL_NUMBER_SIZE]);

/* Prints JSON to the standard output, as printf does, with three differences:
 * %s is a string of JSON with its quotes, or null for NULL; %g has all digits,
 * or is null if it is not finite; and ' stands for ". Only %zu is allowed
 * besides. For example:
 *     mlpi_tool_json("{'name': %s, 'rows': %zu, 'f1': %g}", name, rows, f1); */
TOOL_FORMAT(1) void mlpi_tool_json(const char *format, ...);

/* Return a picture without panels, and draw and free it: into the file `path`,
 * or for "-" onto the standard output. */
mlp_picture *mlpi_tool_picture(void);
void mlpi_tool_draw(mlp_picture *picture, const char *path);

#endif
