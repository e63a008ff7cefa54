/* SPDX-License-Identifier: MIT */
/*
 * Training on rows that come in chunks. The trainer's batch is filled from one
 * chunk after another, and trained on when it is full; so batches are the same
 * however the rows are cut.
 */
#include <math.h>

#include "train/lbfgs_step.h"
#include "train/training_loop.h"
#include "model/data_check.h"
#include "model/loss.h"
#include "base/error.h"
#include "train/sample_weights.h"
#include "train/train_options.h"

/* Where the rows come from, and how far the batch is filled. */
typedef struct chunks {
    mlp_next_chunk *next;
    void *user;
    size_t batch;  /* rows of a batch, at most */
    size_t filled; /* of the next one */
} chunks;

/* Which chunk a message is about, and who is told. */
typedef struct teller {
    const mlp_hooks *hooks;
    size_t epoch, chunk;
} teller;

static void tell(mlp_status status, const char *message, void *user)
{
    const teller *t = user;
    (void)mlpi_error(t->hooks, status, "epoch %zu, chunk %zu: %s", t->epoch,
                     t->chunk, message);
}

static mlp_status check_piece(const mlp_net *net, const double *classes,
                              const mlp_chunk *chunk, teller *where)
{
    const mlp_hooks hooks = {.log = tell, .user = where};
    TRY(mlpi_check_shapes(net, &hooks, &chunk->X, &chunk->Y));
    TRY(mlpi_row_weights_check(net, &hooks, &chunk->row_weights,
                               chunk->X.rows));
    TRY(mlpi_check_values(net, &hooks, &chunk->X, &chunk->Y));
    mlpi_sample_weights w = {classes, chunk->row_weights, chunk->Y};
    return mlpi_sample_weights_check(net, &hooks, &w);
}

/* Weighs rows that come into a batch. The first of its chunks that has weights
 * tells that those before count 1. */
static void weigh(mlp_trainer *t, const mlpi_sample_weights *w, size_t filled)
{
    if (filled == 0) {
        t->has_sample_weights = false;
    }
    if (mlpi_has_sample_weights(w) && !t->has_sample_weights) {
        for (size_t i = 0; i < filled; i++) {
            t->weight[i] = 1.0;
        }
        t->has_sample_weights = true;
    }
    if (t->has_sample_weights) {
        mlpi_sample_weights_make(t->net, w, t->weight + filled);
    }
}

/* Trains on the rows that have come. */
static mlp_status train(mlpi_loop *loop, chunks *p)
{
    mlp_trainer *t = loop->trainer;
    mlpi_step step = {.m = p->filled, .rows_loaded = true};
    t->total = mlpi_sum_row_weights(p->filled,
                                    t->has_sample_weights ? t->weight : NULL);
    p->filled = 0;
    if (!isfinite(t->total)) {
        return mlpi_sample_weights_check_sum(&t->hooks, t->total);
    }
    return mlpi_loop_batch(loop, &step);
}

static mlp_status take(mlpi_loop *loop, chunks *p, const mlp_chunk *chunk)
{
    for (size_t i = 0, m = 0; i < chunk->X.rows && !loop->stopped; i += m) {
        size_t room = p->batch - p->filled;
        size_t left = chunk->X.rows - i;
        m = left < room ? left : room;
        mlpi_step rows = {.m = m,
                          .X = mlp_cview_rows(chunk->X, i, m),
                          .Y = mlp_cview_rows(chunk->Y, i, m),
                          .batch_row = p->filled};
        mlpi_sample_weights w = {loop->options->class_weights,
                                 mlp_cview_rows(chunk->row_weights, i, m),
                                 rows.Y};
        mlpi_batch_load(loop->trainer, &rows);
        weigh(loop->trainer, &w, p->filled);
        p->filled += m;
        if (p->filled == p->batch) {
            TRY(train(loop, p));
        }
    }
    return MLP_OK;
}

static mlp_status next_piece(const chunks *p, teller *where, mlp_chunk *chunk)
{
    *chunk = (mlp_chunk){.X = {.rows = 0}};
    mlp_status status = p->next(where->epoch, where->chunk, chunk, p->user);
    if (status != MLP_OK) {
        tell(status, "the caller has none", where);
    }
    return status;
}

static mlp_status run_epoch(mlpi_loop *loop, void *source)
{
    chunks *p = source;
    const mlp_trainer *t = loop->trainer;
    teller where = {.hooks = &t->hooks, .epoch = t->epoch_state.epochs};
    p->filled = 0;
    for (; !loop->stopped; where.chunk++) {
        mlp_chunk chunk;
        TRY(next_piece(p, &where, &chunk));
        if (chunk.X.rows == 0) {
            break;
        }
        TRY(check_piece(t->net, loop->options->class_weights, &chunk, &where));
        TRY(take(loop, p, &chunk));
    }
    if (p->filled > 0 && !loop->stopped) {
        TRY(train(loop, p));
    }
    if (loop->batches == 0) {
        return mlpi_error(&t->hooks, MLP_ERR_SHAPE,
                          "epoch %zu: expects chunks with rows, got none",
                          where.epoch);
    }
    return MLP_OK;
}

static mlp_status check(const mlp_net *net, mlp_next_chunk *next,
                        const mlp_train_options *options)
{
    if (!next) {
        return mlpi_error(&net->hooks, MLP_ERR_NULL, "next is NULL");
    }
    TRY(mlpi_train_options_check(net, options));
    if (options->batch_size == 0) {
        return mlpi_error(&net->hooks, MLP_ERR_ARGUMENT,
                          "batch_size: expects 1 or more for chunks, got 0");
    }
    if (options->validation_fraction != 0.0) {
        return mlpi_error(&net->hooks, MLP_ERR_ARGUMENT,
                          "validation_fraction: expects 0 for chunks, got %g",
                          options->validation_fraction);
    }
    if (options->row_weights.rows > 0) {
        return mlpi_error(&net->hooks, MLP_ERR_ARGUMENT,
                          "row_weights: expects none for chunks, which bring "
                          "their own, got %zu",
                          options->row_weights.rows);
    }
    return MLP_OK;
}

static mlp_status fit(mlp_trainer *trainer, chunks *p,
                      const mlp_train_options *options, mlp_history **history)
{
    TRY(mlpi_lbfgs_refuse(trainer, "chunks"));
    mlpi_loop loop = {.trainer = trainer,
                      .options = options,
                      .run_epoch = run_epoch,
                      .source = p};
    mlp_status status = mlpi_loop_make(&loop, history != NULL);
    if (status == MLP_OK) {
        mlpi_loop_begin(trainer, options);
        status = mlpi_loop_run(&loop, history);
    }
    mlpi_loop_release(&loop);
    return status;
}

mlp_status mlp_trainer_fit_stream(mlp_trainer *trainer, mlp_next_chunk *next,
                                  void *user, const mlp_train_options *options,
                                  mlp_history **history)
{
    if (!trainer) {
        return MLP_ERR_NULL;
    }
    const mlp_train_options defaults = mlp_train_defaults();
    options = options ? options : &defaults;
    TRY(check(trainer->net, next, options));
    TRY(mlpi_loop_check_batch(trainer, options->batch_size));
    chunks p = {.next = next, .user = user, .batch = options->batch_size};
    return fit(trainer, &p, options, history);
}

mlp_status mlp_fit_stream(mlp_net *net, mlp_next_chunk *next, void *user,
                          const mlp_train_options *options,
                          mlp_history **history)
{
    if (!net) {
        return MLP_ERR_NULL;
    }
    const mlp_train_options defaults = mlp_train_defaults();
    options = options ? options : &defaults;
    TRY(check(net, next, options));
    chunks p = {.next = next, .user = user, .batch = options->batch_size};
    mlp_trainer *trainer = NULL;
    TRY(mlpi_loop_trainer(net, p.batch, options, &trainer));
    mlp_status status = fit(trainer, &p, options, history);
    mlp_trainer_free(trainer);
    return status;
}
