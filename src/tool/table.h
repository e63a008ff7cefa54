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

#include "mlp_data.h"
#include "tool/options.h"

typedef struct tool_table {
    const char *path; /* borrowed */
    mlp_data *data;
    const char *target; /* the column's name, which `data` owns */
    size_t classes;     /* 0: the target is a number */
    size_t *rows;       /* [n]: the rows that have a target */
    size_t n;
    mlp_view Y;          /* (n, 1): their targets: classes of MLP_I32, which are
                            the column's categories, or numbers of MLP_F64 */
    mlp_dtype precision; /* of the network: MLP_F32 for arrays of float32 and of
                            bytes, else MLP_F64 */
    bool is_bytes;       /* all inputs are whole numbers from 0 to 255 in an
                            array: images, say */
} tool_table;

/* Loads the table of a command line of train. `recipe` is that of the network
 * to go on from, or NULL. Returns an exit status of the program, after it has
 * told what is wrong; the table is then empty. */
int mlpi_tool_open_table(const tool_options *options,
                         const mlp_data_recipe *recipe, tool_table *table);
void mlpi_tool_close_table(tool_table *table);

/* Returns a dense view of fresh memory. Its data is NULL if there is not
 * enough, which is told. The caller frees the data. */
mlp_view mlpi_tool_view(mlp_dtype dtype, size_t rows, size_t cols);

#endif
