/* SPDX-License-Identifier: MIT */
/*
 * Fits whose batches have parts, for the tests of the library, where threads
 * stand for processes, and for the tests with MPI. A case is a network, rows
 * and options; each shows another thing that must not depend on the number of
 * processes. The header uses mlp.h and the standard library alone.
 */
#ifndef TESTS_PARTS_H
#define TESTS_PARTS_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mlp.h"

/* The blocks of eight parts have 25 or 26 training rows, so that a part of five
 * rows leaves none or one for the last batch. */
enum {
    CASE_ROWS = 203,
    CASE_VALIDATION = 61,
    CASE_INPUTS = 7,
    CASE_CLASSES = 5,
    CASE_PARTS = 8
};

typedef struct parts_case {
    const char *name;
    mlp_dtype precision;
    mlp_config config;
    mlp_layer layers[3];
    mlp_train_options options; /* parts is set, exchange is not */
    bool streams;              /* rows come in chunks */

    /* The rows of all processes. */
    mlp_cview X, Y, X_validation, Y_validation, row_weights;
} parts_case;

typedef struct parts_rows {
    double X64[CASE_ROWS * CASE_INPUTS], Y64[CASE_ROWS * CASE_CLASSES];
    double V64[CASE_VALIDATION * CASE_INPUTS],
        T64[CASE_VALIDATION * CASE_CLASSES];
    float X32[CASE_ROWS * CASE_INPUTS], Y32[CASE_ROWS * CASE_CLASSES];
    float V32[CASE_VALIDATION * CASE_INPUTS],
        T32[CASE_VALIDATION * CASE_CLASSES];
    int32_t classes[CASE_ROWS], validation_classes[CASE_VALIDATION];
    double weights[CASE_ROWS];
} parts_rows;

/* Inputs have another mean and size in each column and block, so that scaling
 * and weights make a difference. */
static inline void fill_rows(mlp_rng *rng, size_t rows, double *X, double *Y,
                             int32_t *classes)
{
    for (size_t i = 0; i < rows; i++) {
        double *x = X + i * CASE_INPUTS;
        double *y = Y + i * CASE_CLASSES;
        size_t best = 0;
        for (size_t j = 0; j < CASE_INPUTS; j++) {
            x[j] = (double)(j + 1) * (mlp_rng_randn(rng) + 0.01 * (double)i);
        }
        x[CASE_INPUTS - 1] = 0.1; /* a column of equal numbers */
        for (size_t k = 0; k < CASE_CLASSES; k++) {
            y[k] = x[k] - 0.5 * x[k + 1] + 0.3 * mlp_rng_randn(rng);
            best = y[k] > y[best] ? k : best;
        }
        classes[i] = (int32_t)best;
    }
}

static inline parts_rows *new_parts_rows(void)
{
    parts_rows *r = calloc(1, sizeof *r);
    if (!r) {
        abort();
    }
    mlp_rng rng = mlp_rng_seeded(11);
    fill_rows(&rng, CASE_ROWS, r->X64, r->Y64, r->classes);
    fill_rows(&rng, CASE_VALIDATION, r->V64, r->T64, r->validation_classes);
    for (size_t i = 0; i < CASE_ROWS; i++) {
        r->weights[i] = i % 9 == 4 ? 0.0 : mlp_rng_uniform(&rng, 0.1, 3.0);
    }
    for (size_t i = 0; i < CASE_ROWS * CASE_INPUTS; i++) {
        r->X32[i] = (float)r->X64[i];
    }
    for (size_t i = 0; i < CASE_ROWS * CASE_CLASSES; i++) {
        r->Y32[i] = (float)r->Y64[i];
    }
    for (size_t i = 0; i < CASE_VALIDATION * CASE_INPUTS; i++) {
        r->V32[i] = (float)r->V64[i];
    }
    for (size_t i = 0; i < CASE_VALIDATION * CASE_CLASSES; i++) {
        r->T32[i] = (float)r->T64[i];
    }
    return r;
}

/* What a case is made of. */
typedef struct parts_plan {
    const char *name;
    mlp_dtype precision;
    mlp_optimizer_kind kind;
    mlp_loss loss;
    size_t batch_size, epochs, patience;
    double dropout, clip_norm, l2, fraction;
    bool has_row_weights, has_class_weights, has_validation, no_shuffle;
    bool streams;
} parts_plan;

static const double case_class_weights[CASE_CLASSES] = {1, 0.5, 2, 1.5, 0.1};

static const parts_plan parts_plans[] = {
    {"adam", MLP_F64, MLP_OPTIMIZER_ADAM, MLP_LOSS_MSE, 40, 4},
    {"momentum", MLP_F32, MLP_OPTIMIZER_MOMENTUM, MLP_LOSS_CCE, 40, 4},
    {"adamw clipped", MLP_F32, MLP_OPTIMIZER_ADAMW, MLP_LOSS_MSE, 40, 4,
     .clip_norm = 0.05, .l2 = 0.3},
    {"dropout", MLP_F64, MLP_OPTIMIZER_SGD, MLP_LOSS_CCE, 24, 3,
     .dropout = 0.4},
    {"row weights", MLP_F32, MLP_OPTIMIZER_ADAM, MLP_LOSS_MAE, 40, 3,
     .has_row_weights = true},
    {"class weights", MLP_F64, MLP_OPTIMIZER_ADAM, MLP_LOSS_CCE, 16, 3,
     .has_row_weights = true, .has_class_weights = true},
    {"held out", MLP_F64, MLP_OPTIMIZER_ADAM, MLP_LOSS_CCE, 40, 30,
     .patience = 2, .fraction = 0.2},
    {"validation", MLP_F32, MLP_OPTIMIZER_ADAM, MLP_LOSS_MSE, 40, 30,
     .patience = 2, .has_validation = true},
    {"all rows", MLP_F64, MLP_OPTIMIZER_RPROP, MLP_LOSS_MSE, 0, 5,
     .has_row_weights = true},
    {"in order", MLP_F32, MLP_OPTIMIZER_SGD, MLP_LOSS_HUBER, 8, 2,
     .no_shuffle = true, .has_validation = true},
    {"stream", MLP_F32, MLP_OPTIMIZER_ADAM, MLP_LOSS_CCE, 24, 3, .dropout = 0.2,
     .has_class_weights = true, .streams = true, .has_validation = true},
    {"weighted stream", MLP_F64, MLP_OPTIMIZER_ADAM, MLP_LOSS_MSE, 16, 3,
     .has_row_weights = true, .streams = true},
    {"auto", MLP_F64, MLP_OPTIMIZER_AUTO, MLP_LOSS_MSE, 40, 3},
};

enum { PARTS_CASES = sizeof parts_plans / sizeof parts_plans[0] };

/* Sets *c to case number i, whose views show *rows. */
static inline void set_parts_case(size_t i, const parts_rows *rows,
                                  parts_case *c)
{
    const parts_plan *p = &parts_plans[i];
    bool wide = p->precision == MLP_F64;
    bool classes = p->loss == MLP_LOSS_CCE;
    *c = (parts_case){.name = p->name,
                      .precision = p->precision,
                      .streams = p->streams,
                      .config = mlp_config_defaults(),
                      .options = mlp_train_defaults()};
    c->layers[0] = (mlp_layer){.width = 19, .activation = MLP_ACT_RELU};
    c->layers[0].dropout = p->dropout;
    c->layers[1] = (mlp_layer){.width = 11, .activation = MLP_ACT_TANH};
    c->layers[2] = (mlp_layer){.width = CASE_CLASSES};
    c->config.inputs = CASE_INPUTS;
    c->config.layers = c->layers; /* of this case: it must not move */
    c->config.n_layers = 3;
    c->config.loss = p->loss;
    c->config.precision = p->precision;
    c->options.optimizer = mlp_optimizer_defaults(p->kind);
    c->options.optimizer.l2 = p->l2;
    if (p->clip_norm > 0) {
        c->options.optimizer.clip_norm = p->clip_norm;
    }
    c->options.parts = CASE_PARTS;
    c->options.threads = 1;
    c->options.epochs = p->epochs;
    c->options.batch_size = p->batch_size;
    c->options.shuffle = !p->no_shuffle;
    c->options.learning_rate = p->patience > 0 ? 0.1 : 0.01;
    c->options.patience = p->patience > 0 ? p->patience : SIZE_MAX;
    c->options.validation_fraction = p->fraction;
    c->options.class_weights = p->has_class_weights ? case_class_weights : NULL;
    c->X = wide ? mlp_cview_f64(rows->X64, CASE_ROWS, CASE_INPUTS)
                : mlp_cview_f32(rows->X32, CASE_ROWS, CASE_INPUTS);
    c->Y = classes ? mlp_cview_i32(rows->classes, CASE_ROWS, 1)
           : wide  ? mlp_cview_f64(rows->Y64, CASE_ROWS, CASE_CLASSES)
                   : mlp_cview_f32(rows->Y32, CASE_ROWS, CASE_CLASSES);
    if (p->has_row_weights) {
        c->row_weights = mlp_cview_f64(rows->weights, CASE_ROWS, 1);
    }
    if (p->has_validation) {
        size_t n = CASE_VALIDATION;
        c->X_validation = wide ? mlp_cview_f64(rows->V64, n, CASE_INPUTS)
                               : mlp_cview_f32(rows->V32, n, CASE_INPUTS);
        c->Y_validation = classes
                              ? mlp_cview_i32(rows->validation_classes, n, 1)
                          : wide ? mlp_cview_f64(rows->T64, n, CASE_CLASSES)
                                 : mlp_cview_f32(rows->T32, n, CASE_CLASSES);
    }
}

/* Sets *c to the case of this name. */
static inline void find_case(const char *name, const parts_rows *rows,
                             parts_case *c)
{
    for (size_t i = 0; i < PARTS_CASES; i++) {
        if (strcmp(parts_plans[i].name, name) == 0) {
            set_parts_case(i, rows, c);
            return;
        }
    }
    (void)fprintf(stderr, "there is no case %s\n", name);
    abort();
}

/* The rows in chunks of a size that differs: an mlp_next_chunk, whose `user` is
 * the case. Some of the chunks have no weights. */
static inline mlp_status next_parts_chunk(size_t epoch, size_t number,
                                          mlp_chunk *chunk, void *user)
{
    const parts_case *c = user;
    size_t first = 0;
    size_t m = 0;
    (void)epoch;
    for (size_t i = 0; i <= number; i++) {
        first += m;
        m = 1 + i * 5 % 13;
    }
    if (first < CASE_ROWS) {
        chunk->X = mlp_cview_rows(c->X, first, m);
        chunk->Y = mlp_cview_rows(c->Y, first, m);
        if (number % 3 != 1) {
            chunk->row_weights = mlp_cview_rows(c->row_weights, first, m);
        }
    }
    return MLP_OK;
}

/* Returns the hash with n bytes added to it (FNV-1a). */
static inline uint64_t hash_bytes(uint64_t hash, const void *bytes, size_t n)
{
    const unsigned char *b = bytes;
    for (size_t i = 0; i < n; i++) {
        hash = (hash ^ b[i]) * UINT64_C(1099511628211);
    }
    return hash;
}

/* Returns a hash of what a fit has made: weights, scaling, predictions, and the
 * numbers of the history. */
static inline uint64_t hash_of_fit(const mlp_net *net,
                                   const mlp_history *history, mlp_cview X)
{
    enum { MOST = 100000 };
    static _Thread_local unsigned char bytes[MOST];
    static _Thread_local double outputs[CASE_ROWS * CASE_CLASSES];
    size_t size = mlp_net_save_size(net);
    uint64_t hash = UINT64_C(14695981039346656037);
    if (size > MOST || mlp_net_save_memory(net, bytes, size) != MLP_OK) {
        abort();
    }
    hash = hash_bytes(hash, bytes, size);
    mlp_view A =
        mlp_net_precision(net) == MLP_F64
            ? mlp_view_f64(outputs, X.rows, CASE_CLASSES)
            : mlp_view_f32((float *)(void *)outputs, X.rows, CASE_CLASSES);
    if (mlp_predict(net, X, A) != MLP_OK) {
        abort();
    }
    hash = hash_bytes(hash, outputs,
                      X.rows * CASE_CLASSES * (A.dtype == MLP_F64 ? 8 : 4));
    size_t n = mlp_history_epochs(history);
    const double *of[] = {
        mlp_history_losses(history), mlp_history_validation_losses(history),
        mlp_history_validation_accuracies(history), mlp_history_rates(history)};
    for (size_t k = 0; k < 4; k++) {
        for (size_t e = 0; e < n; e++) {
            double x = of[k][e] == of[k][e] ? of[k][e] : -1.0; /* NaN */
            hash = hash_bytes(hash, &x, sizeof x);
        }
    }
    size_t best = mlp_history_best_epoch(history);
    return hash_bytes(hash, &best, sizeof best);
}

/* Fits the case in this process alone, and returns the hash. It shows the
 * predictions for as many rows as hash_of_fit has room for. */
static inline uint64_t hash_alone(const parts_case *given)
{
    parts_case c = *given;
    mlp_net *net = NULL;
    mlp_history *history = NULL;
    c.config.layers = c.layers;
    c.options.X_validation = c.X_validation;
    c.options.Y_validation = c.Y_validation;
    c.options.row_weights = c.streams ? (mlp_cview){.rows = 0} : c.row_weights;
    mlp_status status = mlp_net_create(&c.config, &net);
    if (status == MLP_OK) {
        status = c.streams ? mlp_fit_stream(net, next_parts_chunk, &c,
                                            &c.options, &history)
                           : mlp_fit(net, c.X, c.Y, &c.options, &history);
    }
    if (status != MLP_OK) {
        (void)fprintf(stderr, "%s: one process fails: %s\n", c.name,
                      mlp_status_text(status));
        abort();
    }
    uint64_t hash =
        hash_of_fit(net, history, mlp_cview_rows(c.X, 0, CASE_ROWS));
    mlp_history_free(history);
    mlp_net_free(net);
    return hash;
}

#endif
