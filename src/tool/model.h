/* SPDX-License-Identifier: MIT */
/*
 * A network from a file with its recipe, tables as it reads them, and what it
 * answers.
 *
 * A network that mlp train wrote has a recipe, which finds columns by their
 * names. Any other network takes tables of numbers whose columns are its inputs
 * in order. Behind them may stand the targets: one column of class numbers, or
 * a column for each output.
 */
#ifndef MLPI_TOOL_MODEL_H
#define MLPI_TOOL_MODEL_H

#include "mlp_data.h"
#include "tool/talk.h"

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
tool_model mlpi_tool_open(const char *path);
void mlpi_tool_close(tool_model *model);

/* A table, and what the network reads of it. */
typedef struct tool_rows {
    mlp_data *data;
    mlp_view X; /* inputs (m, n[0]), in the network's precision */
    mlp_view Y; /* targets: class numbers (m, 1) of MLP_I32, or numbers, (m, 1)
                   with a recipe and else (m, mlp_net_targets); its data is NULL
                   if the table has none */
} tool_rows;

/* Loads a table; "-" is the standard input. The targets may stand in a second
 * file; NULL: they do not. */
tool_rows mlpi_tool_read(const tool_model *model, const char *path,
                         const char *targets);

/* Like mlpi_tool_read, but leaves the targets out, and keeps the text of the
 * rows. */
tool_rows mlpi_tool_read_text(const tool_model *model, const char *path);
void mlpi_tool_free_rows(tool_rows *rows);

/* Returns a view of targets in the shape that the network takes: several
 * quantiles share one column. */
mlp_cview mlpi_tool_spread(const mlp_net *net, mlp_view Y);

/* True if the outputs are of one number: itself, its quantiles, or its mean and
 * variance. */
bool mlpi_tool_has_one_target(const mlp_net *net);

/* What a network answers to the rows X. */
typedef struct tool_answers {
    mlp_view A;      /* outputs (m, n[L]) */
    mlp_view labels; /* classes (m, 1) of MLP_I32, -1 where an output is NaN;
                        only of a network of classes */
} tool_answers;

tool_answers mlpi_tool_answer(const mlp_net *net, mlp_cview X);
void mlpi_tool_free_answers(tool_answers *answers);

/* Returns how many classes the outputs of a network tell, or 0 if they are
 * numbers. The loss tells: cce has a class for each output, and bce two, if
 * there is one output. Several outputs of bce do not exclude each other. */
size_t mlpi_tool_classes(const mlp_net *net);

#endif
