/* SPDX-License-Identifier: MIT */
/*
 * mlp train: learns a column of a table, scores the network on the fifth of the
 * rows that it has not seen, and writes this network.
 *
 * The network's metadata tell how it was made: train.table, train.rows and
 * train.held_out (numbers of rows), train.options, which make it again,
 * train.epochs and train.scores, a text. There is no date and no folder, so
 * that equal commands write equal bytes.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mlp_show.h"
#include "tool/learn.h"
#include "tool/talk.h"
#include "tool/tune.h"

/* What train works on. */
typedef struct session {
    const tool_options *options;
    tool_model from; /* the network to go on from; closed if there is none */
    tool_table table;
    size_t *order; /* training rows, then the rows held out */
    tool_split split;
    tool_plan plan;
    tool_result result;
    char path[512];     /* of the network to write */
    char command[1024]; /* the options that make the network again */
    /* The scores of the folds: accuracy and log loss, or R2 and mean absolute
     * error; mean and deviation of each. */
    double cv_mean[2], cv_deviation[2];
} session;

/* ---------------------------------------------------------------------------
 * Names
 */

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* Chooses the network's path: the table's name, in this folder, with .mlp
 * instead of .csv or .csv.gz. */
static int choose_path(session *s)
{
    const char *name = base_name(s->options->operands[0]);
    size_t length = strlen(name);
    if (length > 3 && strcmp(name + length - 3, ".gz") == 0) {
        length -= 3;
    }
    size_t stem = length;
    while (stem > 0 && name[stem] != '.') {
        stem--;
    }
    stem = stem > 0 ? stem : length;
    int n = s->options->output
                ? snprintf(s->path, sizeof s->path, "%s", s->options->output)
                : snprintf(s->path, sizeof s->path, "%.*s.mlp", (int)stem,
                           name);
    if (n < 0 || (size_t)n >= sizeof s->path) {
        mlpi_tool_complain("the path to write is longer than %zu bytes",
                           sizeof s->path - 1);
        return TOOL_MISUSED;
    }
    FILE *old = fopen(s->path, "rb");
    FILE *file = fopen(s->path, "ab"); /* better now than after an hour */
    if (!file) {
        perror("mlp"); 
    }
    return TOOL_DONE;
}
