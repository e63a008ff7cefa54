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
    /* Names of the classes: those of the recipe, else of the network, else
     * numbers. */
    const char **names;
    size_t classes; /* 0: the answers are numbers */
} tool_model;

/* Opens a network. Its first bytes, or the suffix .onnx, tell the kind of the
 * file. A model of zeros is a closed one. */
int mlpi_tool_open(const char *path, tool_model *model);
void mlpi_tool_close(tool_model *model);

/* A table, and what the network reads of it. */
typedef struct tool_rows {
    mlp_data *data;
    mlp_view X;      /* inputs (m, n[0]), in the network's precision */
    mlp_view A;      /* room for outputs (m, n[L]) */
    mlp_view labels; /* room for predicted classes (m, 1) of MLP_I32 */
    mlp_view Y;      /* targets: class numbers (m, 1) of MLP_I32, or numbers
                   (m, n[L]); its data is NULL if the table has none */
} tool_rows;

/* What a verb does with a network and, if it asked for one, a table. */
typedef int tool_work(const tool_model *model, const tool_rows *rows,
                      const tool_options *options);

/* How a verb reads its table. */
typedef enum tool_reading {
    TOOL_TARGETS, /* with its targets, if it has them */
    TOOL_TEXT     /* without them, but keeping the text of the rows */
} tool_reading;

/* Opens the network that the first operand names, loads the table `path` (NULL:
 * none; "-": the standard input), and works with them. The targets may stand in
 * a second file, the third operand. */
int mlpi_tool_use(const tool_options *options, const char *path,
                  tool_reading reading, tool_work *work);

#endif
