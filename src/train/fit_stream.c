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
 * Parts. If batches have parts (see parts.h), chunk number c belongs to part c
 * mod P, and a batch takes batch_size / P rows of each part's chunks. So it
 * needs rows of P chunks at a time, and a chunk stays valid until the next of
 * its part is asked for. The trainer's arrays hold the rows of own part p from
 * row p * batch_size / P on, until the step moves them to the beginning. For P
 * = 2 and batches of 4 rows, with chunks of 3 rows each:
 *
 *     chunk      0      | 1      | 2       | 3        |
 *     rows       a b c  | d e f  | g h i   | j k l    |
 *     part       0      | 1      | 0       | 1        |
 *     batch 0    a b             d e
 *     batch 1    c      g        f          j
 *     batch 2              h i                k l
 *
 * Chunks 0 and 1 are asked for in the first batch, and 2 and 3 in the second.
 * Nobody knows before how many rows a batch has and what they count. So ranks
 * agree on these numbers in each batch, before its step; with rows in memory
 * they need not.
 *
 * Chunks are checked when `next` has returned them. After an error in the
 * middle of an epoch the weights are again those at the start of the epoch (see
 * training_loop.c). The message names epoch and chunk.
 */
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "model/data_check.h"
#include "model/loss.h"
#include "train/lbfgs_step.h"
#include "train/sample_weights.h"
#include "train/train_options.h"
#include "train/training_loop.h"

/* The rows of the next batch, or of an own part of it, that are loaded. */
typedef struct loaded_rows {
    size_t first;         /* where they begin in the trainer's arrays */
    size_t filled;        /* how many there are */
    bool has_row_weights; /* some of them have weights of their own */
} loaded_rows;

/* The chunks of an own part, if batches have parts. */
typedef struct part_stream {
    mlp_chunk chunk; /* from which rows are taken */
    size_t used;     /* rows of it that have been taken */
    size_t number;   /* of the next chunk */
    bool has_ended;  /* there is no next chunk in this epoch */
    loaded_rows rows;
} part_stream;

/* The data source: the caller's function, and how full the next batch is. */
typedef struct stream {
    mlp_next_chunk *next;
    void *user;        /* argument of next */
    size_t batch_size; /* rows of a full batch */
    loaded_rows rows;  /* of a batch without parts */
    bool hints;        /* the first chunk may give hints */

    mlpi_parts parts;
    size_t validation_rows;   /* of all processes */
    void *block;              /* memory of the arrays below */
    part_stream *own;         /* [parts.own]; NULL: batches have no parts */
    size_t *validation_begin; /* [parts.own + 1]: in X_validation */
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

/* Sets the sample weights of rows that are added to the loaded ones. A batch
 * may contain rows of chunks with weights and of chunks without. So when the
 * first chunk with weights is added, all rows before it get the weight 1. A
 * batch without any weights has has_row_weights = false, which is faster. */
static void load_row_weights(mlp_trainer *t, const mlpi_sample_weights *w,
                             loaded_rows *to)
{
    double *weights = t->row_weights + to->first;
    if (mlpi_has_sample_weights(w) && !to->has_row_weights) {
        for (size_t i = 0; i < to->filled; i++) {
            weights[i] = 1.0;
        }
        to->has_row_weights = true;
    }
    if (to->has_row_weights) {
        mlpi_sample_weights_fill(t->net, w, weights + to->filled);
    }
}

/* Copies m rows of a chunk, from row i on, and their weights into the trainer's
 * batch, behind the loaded rows. */
static void load_chunk_rows(const mlpi_loop *loop, const mlp_chunk *chunk,
                            size_t i, size_t m, loaded_rows *to)
{
    mlpi_step_args args = {.m = m,
                           .X = mlp_cview_rows(chunk->X, i, m),
                           .Y = mlp_cview_rows(chunk->Y, i, m),
                           .batch_row = to->first + to->filled};
    mlpi_sample_weights w = {loop->options->class_weights,
                             mlp_cview_rows(chunk->row_weights, i, m), args.Y};
    mlpi_batch_load(loop->trainer, &args);
    load_row_weights(loop->trainer, &w, to);
    to->filled += m;
}

/* Returns the sum of the weights of the loaded rows. */
static double add_loaded_weights(const mlp_trainer *t, const loaded_rows *rows)
{
    return mlpi_add_row_weights(
        0.0, rows->filled,
        rows->has_row_weights ? t->row_weights + rows->first : NULL);
}

/* Trains on the rows in the trainer's batch, and empties it. The sum of the
 * weights is checked, because it may be infinite although each weight is
 * finite. */
static mlp_status train_batch(mlpi_loop *loop, stream *s)
{
    mlp_trainer *t = loop->trainer;
    mlpi_step_args args = {.m = s->rows.filled, .rows_loaded = true};
    t->has_row_weights = s->rows.has_row_weights;
    t->total_weight = add_loaded_weights(t, &s->rows);
    s->rows = (loaded_rows){.filled = 0};
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
        m = mlpi_min_size(chunk->X.rows - i, s->batch_size - s->rows.filled);
        load_chunk_rows(loop, chunk, i, m, &s->rows);
        if (s->rows.filled == s->batch_size) {
            TRY(train_batch(loop, s));
        }
    }
    return MLP_OK;
}

/* Checks a chunk that `next` has returned, and gives hints about the first. */
static mlp_status accept_chunk(const mlpi_loop *loop, stream *s,
                               const mlp_chunk *chunk, chunk_position *at)
{
    const mlp_net *net = loop->trainer->net;
    TRY(check_chunk(net, loop->options->class_weights, chunk, at));
    /* Rows of weight 0, which may hold anything, give no hint. */
    if (s->hints && chunk->row_weights.rows == 0) {
        mlpi_hint_about_rows(net, chunk->X, chunk->Y, NULL, chunk->X.rows);
    }
    s->hints = false;
    return MLP_OK;
}

/* Returns the error for an epoch without rows, or MLP_OK. */
static mlp_status check_epoch(const mlpi_loop *loop)
{
    const mlp_trainer *t = loop->trainer;
    return loop->batches_done > 0 || loop->stopped
               ? MLP_OK
               : mlpi_error(&t->hooks, MLP_ERR_SHAPE,
                            "epoch %zu: expects chunks with rows, got none",
                            t->epoch_state.epochs);
}

/* Trains on the batches of an epoch, until the caller has no more rows or a
 * callback stops the training. */
static mlp_status feed_epoch(mlpi_loop *loop, void *source)
{
    stream *s = source;
    const mlp_trainer *t = loop->trainer;
    chunk_position at = {.hooks = &t->hooks, .epoch = t->epoch_state.epochs};
    s->rows = (loaded_rows){.filled = 0};
    for (; !loop->stopped; at.chunk++) {
        mlp_chunk chunk;
        TRY(next_chunk(s, &at, &chunk));
        if (chunk.X.rows == 0) {
            break;
        }
        TRY(accept_chunk(loop, s, &chunk, &at));
        TRY(add_chunk(loop, s, &chunk));
    }
    if (s->rows.filled > 0) { /* 0 if a callback has stopped the training */
        TRY(train_batch(loop, s));
    }
    return check_epoch(loop);
}

/* ---------------------------------------------------------------------------
 * Batches with parts
 */

/* Gets the next chunk of an own part, when the rows of the last are used up.
 * Until then the last one stays valid, also while chunks of other parts are
 * asked for. The numbers of a part's chunks are P apart. */
static mlp_status renew_chunk(const mlpi_loop *loop, stream *s,
                              part_stream *part)
{
    const mlp_trainer *t = loop->trainer;
    chunk_position at = {&t->hooks, t->epoch_state.epochs, part->number};
    part->used = 0;
    TRY(next_chunk(s, &at, &part->chunk));
    part->number += s->parts.count;
    part->has_ended = part->chunk.X.rows == 0;
    return part->has_ended ? MLP_OK : accept_chunk(loop, s, &part->chunk, &at);
}

/* Loads the rows of own part p of the next batch. There are fewer, or none, at
 * the end of its chunks. */
static mlp_status fill_part(const mlpi_loop *loop, stream *s, size_t p)
{
    part_stream *part = &s->own[p];
    part->rows = (loaded_rows){.first = p * s->parts.rows};
    while (part->rows.filled < s->parts.rows && !part->has_ended) {
        size_t left = part->chunk.X.rows - part->used;
        if (left == 0) {
            TRY(renew_chunk(loop, s, part));
            continue;
        }
        size_t m = mlpi_min_size(left, s->parts.rows - part->rows.filled);
        load_chunk_rows(loop, &part->chunk, part->used, m, &part->rows);
        part->used += m;
    }
    return MLP_OK;
}

/* Moves the rows of part p to the beginning of the trainer's arrays, where
 * those of the part before are no longer needed: an mlpi_take_part. */
static void take_part(mlp_trainer *trainer, void *source, size_t p,
                      mlpi_step_args *args)
{
    const stream *s = source;
    const mlp_net *net = trainer->net;
    const loaded_rows *rows = &s->own[p - s->parts.first].rows;
    size_t m = rows->filled;
    size_t first = rows->first;
    size_t inputs = mlpi_net_inputs(net);
    size_t targets = mlpi_net_targets(net);
    memmove(trainer->batch.A[0],
            mlpi_row_of(trainer, trainer->batch.A[0], inputs, first),
            m * inputs * net->kernels->real_size);
    memmove(trainer->batch.Y,
            mlpi_row_of(trainer, trainer->batch.Y, targets, first),
            m * targets * net->kernels->real_size);
    memmove(trainer->row_weights, trainer->row_weights + first,
            m * sizeof *trainer->row_weights);
    trainer->has_row_weights = rows->has_row_weights;
    args->m = m;
    args->rows_loaded = true;
}

/* Loads the next batch, and agrees with the other processes on its rows and on
 * the sum of their weights. *rows is 0 at the end of the epoch. A rank that
 * wants to stop asks its caller for no more rows, but tells the others so. */
static mlp_status fill_batch(mlpi_loop *loop, stream *s, size_t *rows)
{
    mlp_trainer *t = loop->trainer;
    const mlpi_parts *parts = &s->parts;
    mlp_status status = MLP_OK;
    double all[] = {loop->wants_stop, 0.0, 0.0};
    for (size_t p = 0; p < parts->own && status == MLP_OK && !loop->wants_stop;
         p++) {
        status = fill_part(loop, s, p);
        all[1] += (double)s->own[p].rows.filled;
        parts->sums[p] = add_loaded_weights(t, &s->own[p].rows);
    }
    if (status == MLP_OK && !loop->wants_stop) {
        mlpi_parts_add(parts, parts->sums, 1, 1);
        all[2] = parts->sums[0];
    }
    TRY(mlpi_agree(parts->exchange, &t->hooks, status, all, 3));
    loop->stopped = all[0] > 0.0;
    *rows = (size_t)all[1];
    t->total_weight = all[2];
    return isfinite(all[2]) ? MLP_OK
                            : mlpi_sample_weights_check_sum(&t->hooks, all[2]);
}

/* Like feed_epoch, but for batches with parts. A rank whose chunks have ended
 * goes on with parts without rows until those of all ranks have. */
static mlp_status feed_parts(mlpi_loop *loop, void *source)
{
    stream *s = source;
    size_t rows = 1;
    for (size_t p = 0; p < s->parts.own; p++) {
        s->own[p] = (part_stream){.number = s->parts.first + p};
    }
    while (!loop->stopped) {
        TRY(fill_batch(loop, s, &rows));
        if (loop->stopped || rows == 0) {
            break;
        }
        mlpi_part_batch batch = {
            .parts = &s->parts, .take = take_part, .source = s};
        mlpi_step_args args = {.m = rows, .parts = &batch};
        TRY(mlpi_loop_train_batch(loop, &args));
    }
    return check_epoch(loop);
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
    bool is_auto = options.batch_size == MLP_AUTO_COUNT;
    mlpi_train_options_resolve_counts(&options, kind, SIZE_MAX, max_rows);
    if (is_auto && options.batch_size % mlpi_max_size(options.parts, 1) != 0) {
        options.batch_size = options.parts; /* one that has more than 32 */
    }
    if (wants_all_rows) {
        options.batch_size = 0;
    }
    return options;
}

/* Checks the arguments. Options that need all rows at once are refused: a batch
 * of all rows, a validation split, and one array of row weights. Chunks cannot
 * be shuffled either, but `shuffle` is true by default, so it is ignored.
 * lbfgs is refused, because it needs the same rows in each of its evaluations
 * of the loss. */
static mlp_status check_arguments(const mlp_net *net, mlp_next_chunk *next,
                                  mlp_optimizer_kind kind,
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
    return mlpi_parts_check(net, options, kind);
}

/* Checks the arguments, also between processes, and sets the parts. What this
 * process finds wrong is told to the others in the first agreement, if parts
 * and exchange are such that there can be one. */
static mlp_status plan(const mlp_net *net, mlp_optimizer_kind kind,
                       const mlp_train_options *options, stream *s)
{
    mlp_status status = check_arguments(net, s->next, kind, options);
    if (!options->exchange) {
        TRY(status); /* else the others must hear of it first */
    }
    TRY(mlpi_parts_choose(net, options, &s->parts));
    TRY(mlpi_parts_agree_options(&s->parts, options, status));
    if (s->parts.count > 1 && mlpi_has_validation_set(options)) {
        TRY(mlpi_parts_count(&s->parts, options->X_validation.rows,
                             "X_validation", &s->validation_rows));
    }
    s->batch_size = options->batch_size;
    s->parts.rows = s->batch_size / s->parts.count;
    return MLP_OK;
}

/* Takes the arrays of the stream from its block (see memory.h). */
static void lay_out(void *object, mlpi_cursor *cursor)
{
    stream *s = object;
    s->own = mlpi_take(cursor, s->parts.own, sizeof *s->own);
    s->validation_begin =
        mlpi_take(cursor, s->parts.own + 1, sizeof *s->validation_begin);
}

/* Allocates what the fit needs. */
static mlp_status prepare(mlpi_loop *loop, stream *s, bool with_history)
{
    const mlp_trainer *t = loop->trainer;
    mlpi_parts *parts = &s->parts;
    TRY(mlpi_refuse_lbfgs(t, "chunks"));
    TRY(mlpi_loop_prepare(loop, with_history));
    if (parts->count == 1) {
        return MLP_OK;
    }
    TRY(mlpi_allocate_layout(&t->hooks, lay_out, s, "the chunks of a batch",
                             &s->block));
    TRY(mlpi_parts_prepare(t->net, parts));
    size_t first = mlpi_block_begin(parts, s->validation_rows, parts->first);
    for (size_t p = 0; p <= parts->own; p++) {
        s->validation_begin[p] =
            mlpi_block_begin(parts, s->validation_rows, parts->first + p) -
            first;
    }
    loop->validation_begin = s->validation_begin;
    return MLP_OK;
}

/* Trains. The caller has checked the arguments. */
static mlp_status fit(mlp_trainer *trainer, stream *s,
                      const mlp_train_options *options, mlp_history **history)
{
    mlpi_loop loop = {.trainer = trainer,
                      .options = options,
                      .parts = &s->parts,
                      .feed_epoch =
                          s->parts.count > 1 ? feed_parts : feed_epoch,
                      .source = s};
    mlp_status status =
        mlpi_parts_agree_trainer(&s->parts, trainer, options->class_weights,
                                 prepare(&loop, s, history != NULL));
    if (status == MLP_OK) {
        s->hints = !trainer->epoch_state.begun && s->parts.first == 0;
        if (s->hints && s->batch_size == 1) {
            mlpi_hint_about_batches(trainer->net, SIZE_MAX, 1);
        }
        mlpi_loop_seed_trainer(trainer, options);
        status = mlpi_loop_run(&loop, history);
    }
    mlpi_release(&trainer->hooks, s->block);
    mlpi_parts_release(&s->parts);
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
    mlp_optimizer_kind kind = trainer->optimizer.options.kind;
    mlp_train_options resolved = resolve(options, kind, trainer->max_rows);
    stream s = {.next = next, .user = user};
    TRY(plan(trainer->net, kind, &resolved, &s));
    mlp_status status =
        mlpi_loop_check_batch(trainer, s.parts.own * s.parts.rows);
    TRY(mlpi_agree(s.parts.exchange, &trainer->hooks, status, NULL, 0));
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
    stream s = {.next = next, .user = user};
    TRY(plan(net, kind, &resolved, &s));
    mlp_trainer *trainer = NULL;
    mlp_status status = mlpi_loop_create_trainer(
        net, s.parts.own * s.parts.rows, false, &resolved, &trainer);
    status = mlpi_agree(s.parts.exchange, &net->hooks, status, NULL, 0);
    if (status == MLP_OK) {
        status = fit(trainer, &s, &resolved, history);
    }
    mlp_trainer_free(trainer);
    return status;
}
