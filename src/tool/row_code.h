/* SPDX-License-Identifier: MIT */
/*
 * A recipe as C code, which goes along with an exported network:
 *
 *     typedef struct iris_row {       a field for each column of the table
 *         double petal_width;
 *         const char *colour;
 *     } iris_row;
 *     void iris_encode(const iris_row *row, double *x);
 *
 * A program sets the fields by their names, so that nobody feeds columns in
 * another order, and iris_encode makes what iris_predict takes.
 */
#ifndef MLPI_TOOL_ROW_CODE_H
#define MLPI_TOOL_ROW_CODE_H

#include "mlp_data.h"

/* Declarations for the header and definitions for the code, which the caller
 * frees. */
typedef struct tool_row_code {
    char *header, *code;
} tool_row_code;

/* Writes the code for names that begin with `prefix`. `type` is that of the
 * inputs, "float" or "double". The code is compiled only if the macro `only_if`
 * is defined; NULL: always. Returns false if there is no memory. */
bool mlpi_tool_row_code(const mlp_data_recipe *recipe, const char *prefix,
                        const char *type, const char *only_if,
                        tool_row_code *code);

#endif
