/* SPDX-License-Identifier: MIT */
/*
 * The table that train learns from: which column is the target, whether it
 * holds classes or numbers, and which rows have one.
 *
 * The target becomes classes if its column holds categories, or if its numbers
 * are classes by all appearances: 0 and 1 only; or the whole numbers 0 to k -
 * 1, or 1 to k, none of them missing, where k is at most 100, each stands in
 * five rows or more, and there are 10 k rows. --task decides otherwise.
 */
#ifndef MLPI_TOOL_TABLE_H
#define MLPI_TOOL_TABLE_H

#include "tool/model.h"
#include "tool/options.h"

typedef struct tool_table {
    const char *path; /* borrowed */
    mlp_data *data;
    const char *target; /* the column's name, which `data` owns */
    size_t classes;     /* 0: the target is a number */
    size_t *rows;       /* [Y.rows]: the rows that have a target */
    mlp_view Y; /* (n, 1): their targets: class numbers of MLP_I32, those
                           of the network to go on from if that has a recipe, or
                           numbers of MLP_F64 */
} tool_table;

/* Loads the table of a command line of train. `from` is the network to go on
 * from; it is closed if there is none. */
tool_table mlpi_tool_open_table(const tool_options *options,
                                const tool_model *from);
void mlpi_tool_close_table(tool_table *table);

#endif
