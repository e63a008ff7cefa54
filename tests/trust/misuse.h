/* SPDX-License-Identifier: MIT */
/*
 * What the calls of misuse.py need. For each function of the public headers and
 * each bad value of each parameter the script writes one call:
 *
 *     case 3: X.dtype = (mlp_dtype)99; break;
 *
 * Each call works on a world of its own, with a valid object of every kind, and
 * gets valid arguments but one. misuse.c makes the world and checks afterwards
 * what mlp.h promises: after a failure the outputs are untouched and the
 * objects as before; what a call only reads is never changed; nothing leaks;
 * nothing is printed; a failure has one message.
 */
#ifndef TESTS_TRUST_MISUSE_H
#define TESTS_TRUST_MISUSE_H

#include <float.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "mlp.h"
#ifdef MISUSE_DATA
#include "mlp_data.h"
#endif
#ifdef MISUSE_FOREIGN
#include "mlp_foreign.h"
#endif
#ifdef MISUSE_MPI
#include "mlp_mpi.h"
#endif
#ifdef MISUSE_ONNX
#include "mlp_onnx.h"
#endif
#ifdef MISUSE_SHOW
#include "mlp_show.h"
#endif

enum { ROWS = 6, SPARE = 64, TEXT = 100000 };

/* Everything that a call may write, except the objects. It is filled with a
 * pattern before each call. */
typedef struct outputs {
    mlp_net *net;
    mlp_trainer *trainer;
    mlp_workspace *workspace;
    mlp_history *history;
    double A[SPARE];
    double loss, mean[SPARE], std[SPARE];
    int32_t labels[SPARE];
    int64_t drawn;
    size_t order[SPARE], count;
    mlp_scores scores;
    mlp_class_scores each[SPARE], macro;
    mlp_regression_scores columns[SPARE], average;
    mlp_gradient_check check;
    mlp_layer layer;
    mlp_view view;
    mlp_cview cview;
    unsigned char bytes[1 << 16];
#ifdef MISUSE_DATA
    mlp_data *data;
    mlp_data_recipe *recipe;
#endif
#ifdef MISUSE_SHOW
    mlp_picture *picture;
#endif
} outputs;

/* A file or its bytes, as one of the formats. */
typedef struct saved {
    char path[256];
    unsigned char bytes[1 << 14];
    size_t size;
} saved;

/* The same numbers in both precisions. */
typedef struct numbers {
    double wide[SPARE];
    float narrow[SPARE];
} numbers;

/* The objects and arguments of a call. */
typedef struct world {
    mlp_dtype precision;
    size_t live, messages; /* counted by the hooks */
    mlp_status told;       /* the status of the last message */
    mlp_hooks hooks;
    mlp_layer layers[2];
    mlp_config config;
    mlp_net *net;       /* two classes */
    mlp_net *line;      /* a regression */
    mlp_net *other_net; /* one that the call may free */
    mlp_trainer *trainer, *other_trainer;
    mlp_workspace *workspace, *other_workspace;
    mlp_history *history, *other_history;
    numbers X, Y, weights;
    double bad[SPARE], means[2], stds[2];
    int32_t labels[SPARE];
    size_t order[SPARE];
    mlp_rng rng;
    mlp_optimizer optimizer;
    mlp_schedule schedule;
    mlp_train_options options, stream_options, plain_options;
    mlp_split_options split;
    mlp_export_options export;
    mlp_export_report report;
    mlp_epoch_progress progress;
    const char *names[4], *modules[4];
    FILE *to;
    long written; /* where the stream `to` stood before the call */
#ifdef MISUSE_DATA
    mlp_data *data, *other_data;
    mlp_data_recipe *recipe, *other_recipe;
    mlp_data_options data_options;
    mlp_data_points points;
#endif
#ifdef MISUSE_FOREIGN
    mlp_foreign_options foreign;
#endif
#ifdef MISUSE_MPI
    mlp_mpi_options mpi;
#endif
#ifdef MISUSE_ONNX
    mlp_onnx_options onnx;
#endif
#ifdef MISUSE_SHOW
    mlp_picture *picture, *other_picture;
    mlp_picture_options picture_options;
    mlp_axes axes;
    mlp_curve curve;
    mlp_show_progress line_of_progress;
#endif
    outputs out;
} world;

/* Files, and texts that no function can like; the same for all worlds. */
extern saved model, checkpoint, tensors, fann, genann, onnx, csv;
extern char out_path[256], script_path[256], code_path[256];
extern char long_text[TEXT + 1];

/* What a bad value leads to. */
typedef enum outcome {
    PASSES,   /* the arguments are valid: MLP_OK, or no harmless value */
    FAILS,    /* a status other than MLP_OK, or the harmless value of a NULL */
    MAY_FAIL, /* the value is bad for some other arguments */
} outcome;

typedef struct misuse {
    const char *text; /* "X.dtype = 99" */
    outcome outcome;
} misuse;

/* What a function can be told by, and does to the objects if it succeeds. */
enum {
    HAS_STATUS = 1,
    HAS_VALUE = 2, /* no status, but another result */
    CHANGES = 4,   /* the networks or the trainer */
    PRINTS = 8,    /* writes to a stream of the caller */
    REPORTS = 16,  /* writes an output although it fails: see mlp.h */
    DRAWS = 32,    /* random numbers */
    SHUFFLES = 64, /* the array `order` */
    DRAWS_PANELS = 128,
};

typedef struct function {
    const char *name;
    void (*call)(world *w, size_t bad);
    const misuse *cases;
    size_t n_cases;
    const char *speaker; /* the argument with the hooks; "" if there is none */
    unsigned flags;
} function;

/* Written by misuse.py. */
extern const function functions[];
extern const size_t n_functions;

/* The names below are short, because the table of arguments is full of them.
 * NOLINTBEGIN(readability-identifier-naming) */

/* Before the call: lends it the arrays of the world, or one of the structs that
 * it gets a pointer to. What is lent must be the same after the call. */
void lend_inputs(const world *w);
void lend(const void *input, size_t size);

/* A call ends with one of these, which records what it returned. The second
 * takes true if the value is what mlp.h names for NULL. */
void returned_status(mlp_status status);
void returned_value(bool is_harmless);

/* Views in the precision of the world: of numbers, and of an output. */
mlp_cview in(const world *w, const numbers *n, size_t rows, size_t cols);
mlp_view out(world *w, size_t rows, size_t cols);

/* Returns the other precision. */
mlp_dtype other(const world *w);

/* Returns a copy of a view's numbers with the last one replaced. */
const void *with_number(world *w, mlp_cview view, double number);

/* The caller's functions. */
mlp_status some_rows(size_t epoch, size_t number, mlp_chunk *chunk, void *user);

/* NOLINTEND(readability-identifier-naming) */

#endif
