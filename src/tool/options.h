/* SPDX-License-Identifier: MIT */
/*
 * The command line of mlp: a verb, its operands, and options, which may stand
 * anywhere after the verb. main.c parses it, and calls the verb. A field of an
 * option that another verb takes keeps its default, so a verb may pass all of
 * them on.
 */
#ifndef MLPI_TOOL_OPTIONS_H
#define MLPI_TOOL_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mlp.h"
#include "tool/talk.h"

enum { TOOL_MAX_OPERANDS = 3, TOOL_MAX_HIDDEN = 8 };

typedef enum tool_task {
    TOOL_TASK_AUTO, /* the target's column tells */
    TOOL_TASK_CLASSES,
    TOOL_TASK_NUMBERS
} tool_task;

typedef struct tool_options {
    const char *operands[TOOL_MAX_OPERANDS]; /* what stands after the verb and
                                                is no option; else NULL */
    const char *output;             /* default NULL: the verb chooses */
    size_t hidden[TOOL_MAX_HIDDEN]; /* widths of the hidden layers */
    size_t n_hidden;                /* default 0: the verb chooses */
    size_t epochs;                  /* default MLP_AUTO_COUNT */
    double rate;                    /* learning rate; default MLP_AUTO */
    double dropout;                 /* default MLP_AUTO */
    size_t seed;                    /* fits a uint32_t; default 42 */
    tool_task task;                 /* default TOOL_TASK_AUTO */
    const char *loss;               /* of numbers; default NULL: mse */
    const char *ignore;             /* names with commas; default NULL */
    size_t folds;                   /* --cv; default 0: none */
    double tune_seconds;            /* --tune; default 0: none */
    const char *from;               /* default NULL */
    const char *plot;               /* default NULL */
    const char *rows;               /* of export --int8; default NULL */
    bool int8, jacobian;            /* of export */
    bool json;
} tool_options;

/* A verb takes from `least` to `most` operands. --help prints its usage, and
 * says what it does. Its function ends the program if anything fails; if it
 * returns, all is done but the closing of the standard output. */
typedef struct tool_verb {
    const char *name, *usage, *help;
    size_t least, most;
    void (*run)(const tool_options *options);
} tool_verb;

/* Each verb is defined in the file of its name. */
extern const tool_verb mlpi_tool_train, mlpi_tool_test, mlpi_tool_predict,
    mlpi_tool_info, mlpi_tool_export;

#endif
