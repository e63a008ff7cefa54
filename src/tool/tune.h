/* SPDX-License-Identifier: MIT */
/*
 * The search of train --tune. Networks with random layers, rates and dropouts
 * are trained on four fifths of the training rows and scored on the fifth, until
 * the time is over. The rows that train holds out take no part. The first
 * network that is tried is the one that train would make without a search.
 */
#ifndef MLPI_TOOL_TUNE_H
#define MLPI_TOOL_TUNE_H

#include "tool/learn.h"

/* Searches for `seconds`, and sets layers, rate and dropout of *plan to those
 * of the best network: that of the least log loss, or for numbers of the
 * highest R2. `split` is that of train. Tells each improvement. Returns an exit
 * status of the program. */
int mlpi_tool_tune(const tool_table *table, tool_split split, double seconds,
                   tool_plan *plan);

/* Writes the options --layers, --rate and --dropout of a plan. */
void mlpi_tool_write_plan(const tool_plan *plan, char *text, size_t size);

#endif
