/* SPDX-License-Identifier: MIT */
/*
 * Training on rows that come in chunks: mlp_fit_stream and
 * mlp_trainer_fit_stream, for data that does not fit into memory. This data
 * source (see training_loop.h) calls the caller's `next` for chunk after chunk
 * and copies their rows into the trainer's batch:
 *
 *     chunks    | 0          | 1      | 2             |  of any size
 *     batches   | 0        | 1        | 2        | 3  |  of batch_size rows
 *
 * A step is done when the batch is full, and at the end of the epoch if there
 * are rows left. So batches do not depend on how the caller divides the rows
 * into chunks, and training has the same bits as mlp_fit without shuffling. A
 * chunk is copied before `next` is called again, so the caller may reuse its
 * memory.
 *
 * Chunks are checked when `next` has returned them. After an error in the
 * middle of an epoch the weights are again those at the start of the epoch (see
 * training_loop.c). The message names epoch and chunk.
 */
#include <math.h>

#include "base/error.h"
#include "model/data_check.h"
#include "model/loss.h"
#include "train/lbfgs_step.h"
#include "train/sample_weights.h"
#include "train/train_options.h"
#include "train/training_loop.h"

/* The data source: the caller's function, and how full the next batch is. */
typedef struct stream {
    mlp_next_chunk *next;
    void *user;        /* argument of next */
    size_t batch_size; /* rows of a full batch */
    size_t filled;     /* rows of the next batch that are loaded */
    bool hints;        /* the first chunk may give hints */
} stream;

/* The chunk that is being read, for messages. */
typedef struct chunk_position {
    const mlp_hooks *hooks; /* of the caller */
    size_t epoch, chunk;    /* from 0 */
} chunk_position;

/* A log hook that adds the position of the chunk to a message, and passes it on
 * to the caller's hooks. */
static void log_position(mlp_status status, const char *message, void *user)
{
    const chunk_position *at = user;
    (void)mlpi_error(at->hooks, status, "epoch %zu, chunk %zu: %s", at->epoch,
                     at->chunk, message);
}

/* ---------------------------------------------------------------------------
 * Chunks
 */

/* Asks the caller for the next chunk. A chunk without rows ends the epoch. So a
 * caller that returns MLP_OK and sets nothing ends it, too. */
static mlp_status next_chunk(const stream *s, chunk_position *at,
                             mlp_chunk *chunk)
{
    *chunk = (mlp_chunk){.X = {.rows = 0}};
    mlp_status status = s->next(at->epoch, at->chunk, chunk, s->user);
    if (status != MLP_OK) {
        log_position(status, "the caller has none", at);
    }
    return status;
}

/* Checks shapes and values of a chunk and of its row weights. */
static mlp_status check_chunk(const mlp_net *net, const double *class_weights,
                              const mlp_chunk *chunk, chunk_position *at)
{
    const mlp_hooks hooks = {.log = log_position, .user = at};
    TRY(CHECK_RESERVED(&hooks, "chunk", chunk));
    TRY(mlpi_check_shapes(net, &hooks, &chunk->X, &chunk->Y));
    TRY(mlpi_row_weights_check(net, &hooks, &chunk->row_weights,
                               chunk->X.rows));
    TRY(mlpi_check_values(net, &hooks, &chunk->X, &chunk->Y));
    mlpi_sample_weights w = {class_weights, chunk->row_weights, chunk->Y};
    return mlpi_sample_weights_check(net, &hooks, &w);
}

/* ---------------------------------------------------------------------------
 * Batches
 */

/* Sets the sample weights of rows that are added to the batch after the first
 * `filled` rows. A batch may contain rows of chunks with weights and of chunks
 * without. So when the first chunk with weights is added, all rows before it
 * get the weight 1. A batch without any weights has has_row_weights = false,
 * which is faster. */
static void load_row_weights(mlp_trainer *t, const mlpi_sample_weights *w,
                             size_t filled)
{
    if (filled == 0) {
        t->has_row_weights = false;
    }
    if (mlpi_has_sample_weights(w) && !t->has_row_weights) {
        for (size_t i = 0; i < filled; i++) {
            t->row_weights[i] = 1.0;
        }
        t->has_row_weights = true;
    }
    if (t->has_row_weights) {
        mlpi_sample_weights_fill(t->net, w, t->row_weights + filled);
    }
}

/* Trains on the rows in the trainer's batch, and empties it. The sum of the
 * weights is checked, because it may be infinite although each weight is
 * finite. */
static mlp_status train_batch(mlpi_loop *loop, stream *s)
{
    mlp_trainer *t = loop->trainer;
    mlpi_step_args args = {.m = s->filled, .rows_loaded = true};
    t->total_weight = mlpi_add_row_weights(
        0.0, s->filled, t->has_row_weights ? t->row_weights : NULL);
    s->filled = 0;
    if (!isfinite(t->total_weight)) {
        return mlpi_sample_weights_check_sum(&t->hooks, t->total_weight);
    }
    return mlpi_loop_train_batch(loop, &args);
}

/* Copies the rows of a chunk into the batch, and trains each time the batch is
 * full. */
static mlp_status add_chunk(mlpi_loop *loop, stream *s, const mlp_chunk *chunk)
{
    for (size_t i = 0, m = 0; i < chunk->X.rows && !loop->stopped; i += m) {
        m = mlpi_min_size(chunk->X.rows - i, s->batch_size - s->filled);
        mlpi_step_args rows = {.m = m,
                               .X = mlp_cview_rows(chunk->X, i, m),
                               .Y = mlp_cview_rows(chunk->Y, i, m),
                               .batch_row = s->filled};
        mlpi_sample_weights w = {loop->options->class_weights,
                                 mlp_cview_rows(chunk->row_weights, i, m),
                                 rows.Y};
        mlpi_batch_load(loop->trainer, &rows);
        load_row_weights(loop->trainer, &w, s->filled);
        s->filled += m;
        if (s->filled == s->batch_size) {
            TRY(train_batch(loop, s));
        }
    }
    return MLP_OK;
}

/* Trains on the batches of an epoch, until the caller has no more rows or a
 * callback stops the training. */
static mlp_status feed_epoch(mlpi_loop *loop, void *source)
{
    stream *s = source;
    const mlp_trainer *t = loop->trainer;
    chunk_position at = {.hooks = &t->hooks, .epoch = t->epoch_state.epochs};
    s->filled = 0;
    for (; !loop->stopped; at.chunk++) {
        mlp_chunk chunk;
        TRY(next_chunk(s, &at, &chunk));
        if (chunk.X.rows == 0) {
            break;
        }
        TRY(check_chunk(t->net, loop->options->class_weights, &chunk, &at));
        /* Rows of weight 0, which may hold anything, give no hint. */
        if (s->hints && chunk.row_weights.rows == 0) {
            mlpi_hint_about_rows(t->net, chunk.X, chunk.Y, NULL, chunk.X.rows);
        }
        s->hints = false;
        TRY(add_chunk(loop, s, &chunk));
    }
    if (s->filled > 0 && !loop->stopped) {
        TRY(train_batch(loop, s));
    }
    if (loop->batches_done == 0) {
        return mlpi_error(&t->hooks, MLP_ERR_SHAPE,
                          "epoch %zu: expects chunks with rows, got none",
                          at.epoch);
    }
    return MLP_OK;
}

/* ---------------------------------------------------------------------------
 * The fit
 */

/* Returns the options with a number in the place of each MLP_AUTO and
 * MLP_AUTO_COUNT. Nobody knows how many rows an epoch will have, so the number
 * of epochs cannot depend on it: as many rows as can be are assumed. A batch of
 * all rows stays 0. */
static mlp_train_options resolve(const mlp_train_options *given,
                                 mlp_optimizer_kind kind, size_t max_rows)
{
    mlp_train_options options = mlpi_train_options_resolve(given, kind);
    bool wants_all_rows =
        options.batch_size == 0 || (options.batch_size == MLP_AUTO_COUNT &&
                                    mlpi_optimizer_needs_all_rows(kind));
    mlpi_train_options_resolve_counts(&options, kind, SIZE_MAX, max_rows);
    if (wants_all_rows) {
        options.batch_size = 0;
    }
    return options;
}

/* Checks the arguments. Options that need all rows at once are refused: a batch
 * of all rows, a validation split, and one array of row weights. Chunks cannot
 * be shuffled either, but `shuffle` is true by default, so it is ignored. */
static mlp_status check_arguments(const mlp_net *net, mlp_next_chunk *next,
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
                          "their own, got %zu row%s",
                          options->row_weights.rows,
                          mlpi_plural(options->row_weights.rows));
    }
    return MLP_OK;
}

/* Trains. The caller has checked the arguments. lbfgs is refused, because it
 * needs the same rows in each of its evaluations of the loss. */
static mlp_status fit(mlp_trainer *trainer, stream *s,
                      const mlp_train_options *options, mlp_history **history)
{
    TRY(mlpi_refuse_lbfgs(trainer, "chunks"));
    mlpi_loop loop = {.trainer = trainer,
                      .options = options,
                      .feed_epoch = feed_epoch,
                      .source = s};
    mlp_status status = mlpi_loop_prepare(&loop, history != NULL);
    if (status == MLP_OK) {
        s->hints = !trainer->epoch_state.begun;
        if (s->hints && s->batch_size == 1) {
            mlpi_hint_about_batches(trainer->net, SIZE_MAX, 1);
        }
        mlpi_loop_seed_trainer(trainer, options);
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
    mlp_train_options resolved =
        resolve(options, trainer->optimizer.options.kind, trainer->max_rows);
    TRY(check_arguments(trainer->net, next, &resolved));
    TRY(mlpi_loop_check_batch(trainer, resolved.batch_size));
    stream s = {.next = next, .user = user, .batch_size = resolved.batch_size};
    return fit(trainer, &s, &resolved, history);
}

mlp_status mlp_fit_stream(mlp_net *net, mlp_next_chunk *next, void *user,
                          const mlp_train_options *options,
                          mlp_history **history)
{
    if (!net) {
        return MLP_ERR_NULL;
    }
    mlp_optimizer_kind kind =
        options ? options->optimizer.kind : mlp_train_defaults().optimizer.kind;
    mlp_train_options resolved = resolve(options, kind, SIZE_MAX);
    TRY(check_arguments(net, next, &resolved));
    stream s = {.next = next, .user = user, .batch_size = resolved.batch_size};
    mlp_trainer *trainer = NULL;
    TRY(mlpi_loop_create_trainer(net, s.batch_size, false, &resolved,
                                 &trainer));
    mlp_status status = fit(trainer, &s, &resolved, history);
    mlp_trainer_free(trainer);
    return status;
}
