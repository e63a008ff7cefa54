/* SPDX-License-Identifier: MIT */
/*
 * A network from a file with its recipe, and tables as it reads them.
 *
 * A network that mlp train wrote has a recipe, which finds columns by their
 * names. Any other network takes tables of numbers whose columns are its inputs
 * in order. Behind them may stand the targets: one column of class numbers, or
 * a column for each output.
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
    const char *target;      /* the recipe's, else "class" or "y" */
    /* Of the classes: those of the recipe, else of the network, else numbers.
     * NULL if the answers are numbers. */
    const char **names;
    size_t classes;
} tool_model;

/* Opens a network. Its first bytes, or the suffix .onnx, tell the kind of the
 * file. A model of zeros is a closed one. */
int mlpi_tool_open(const char *path, tool_model *model);
void mlpi_tool_close(tool_model *model);

/* A table, and what the network reads of it. */
typedef struct tool_rows {
    mlp_data *data;
    mlp_view X; /* inputs (m, n[0]), in the network's precision */
    mlp_view A; /* room for outputs (m, n[L]) */
    mlp_view Y; /* targets: class numbers (m, 1) of MLP_I32, or numbers
                   (m, n[L]); its data is NULL if the table has none */
} tool_rows;

/* Loads the table `path`, or the standard input if that is "-". The targets may
 * stand in a second file, or be NULL. To predict, the text of the rows is kept,
 * and targets are not looked at. */
int mlpi_tool_load(const tool_model *model, const char *path,
                   const char *targets, bool to_predict, tool_rows *rows);
void mlpi_tool_unload(tool_rows *rows);

#endif
