/* SPDX-License-Identifier: MIT */
/*
 * A network from a file with its recipe, and tables as it reads them.
 *
 * A network that mlp train wrote has a recipe, which finds its columns by their
 * names and encodes them. Any other network takes tables of numbers whose
 * columns are its inputs in order; for scores its targets follow: one column of
 * class numbers, or a column for each output.
 *
 * Functions that return an int return an exit status of the program
 * (options.h), after they have told what went wrong.
 */
#ifndef MLPI_TOOL_MODEL_H
#define MLPI_TOOL_MODEL_H

#include "mlp_data.h"
#include "tool/options.h"

typedef struct tool_model {
    const char *path; /* borrowed */
    const char *kind; /* of the file: "libmlp", "ONNX", "FANN", "genann" */
    mlp_net *net;
    mlp_data_recipe *recipe; /* NULL: the network has none */
} tool_model;

/* Opens a network: a file of ours, of ONNX, of FANN or of genann, which its
 * first bytes or the suffix .onnx tell. All zeros is a closed model. */
int mlpi_tool_open(const char *path, tool_model *model);
void mlpi_tool_close(tool_model *model);

/* Return the number of classes, 0 if the answers are numbers, and the name of
 * class k: that of the recipe, else of the network, else its number, which is
 * written into `room`. */
size_t mlpi_tool_classes(const tool_model *model);
const char *mlpi_tool_class(const tool_model *model, size_t k, char room[24]);

/* Returns the name of the target: that of the recipe, else "class" or "y". */
const char *mlpi_tool_target(const tool_model *model);

/* A table, and what the network reads of it. */
typedef struct tool_rows {
    mlp_data *data;
    mlp_view X;     /* inputs (m, n[0]), in the network's precision */
    mlp_view Y;     /* targets, if they are wanted: class numbers (m, 1) of
                       MLP_I32, or numbers (m, n[L]) of the precision */
    mlp_view A;     /* room for outputs (m, n[L]) */
    size_t unknown; /* categories that the recipe does not know: how many cells
                       of the table hold one */
} tool_rows;

/* What mlpi_tool_load shall do beside filling X. */
typedef enum tool_wanted {
    ROWS_INPUTS,  /* nothing */
    ROWS_TARGETS, /* fill Y; the column must be there */
    ROWS_BOTH,    /* fill Y if the column is there; else its data is NULL */
    ROWS_TEXT     /* keep the text of each row, to pass it through */
} tool_wanted;

/* Loads the table `path`, or the standard input if that is "-". `targets` is
 * the path of a second file, which holds the targets, or NULL. */
int mlpi_tool_load(const tool_model *model, const char *path,
                   const char *targets, tool_wanted wanted, tool_rows *rows);
void mlpi_tool_unload(tool_rows *rows);

/* Sets class numbers (m, 1) of MLP_I32: the class with the largest probability,
 * or for one output A the class 1 where it is 0.5 or more; -1 for a NaN. */
void mlpi_tool_choose(mlp_cview A, mlp_view labels);

#endif
