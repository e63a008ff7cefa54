/* SPDX-License-Identifier: MIT */
/*
 * Training on rows that come in pieces. The trainer's batch is filled from one
 * piece after another, and trained on when it is full; so batches are the same
 * however the rows are cut.
 */
#include <math.h>

#include "train/lbfgs_step.h"
#include "train/training_loop.h"
#include "model/loss.h"
#include "base/error.h"
#include "train/sample_weights.h"

/* Where the rows come from, and how far the batch is filled. */
typedef struct pieces {
    mlp_next_piece *next;
    void *user;
    size_t batch;  /* rows of a batch, at most */
    size_t filled; /* of the next one */
} pieces;

/* Which piece a message is about, and who is told. */
typedef struct teller {
    const mlp_hooks *hooks;
    size_t epoch, piece;
} teller;

static void tell(mlp_status status, const char *message, void *user)
{
    const teller *t = user;
    (void)mlpi_error(t->hooks, status, "epoch %zu, piece %zu: %s", t->epoch,
                     t->piece, message);
}

static mlp_status check_piece(const mlp_net *net, const double *classes,
                              const mlp_piece *piece, teller *where)
{
    mlp_net speaking = *net; /* the same, but for its log */
    speaking.hooks.log = tell;
    speaking.hooks.user = where;
    TRY(mlpi_check_shapes(&speaking, &piece->X, &piece->Y));
    TRY(mlpi_row_weights_check(&speaking, &piece->row_weights, piece->X.rows));
    TRY(mlpi_check_values(&speaking, &piece->X, &piece->Y));
    mlpi_sample_weights w = {classes, piece->row_weights, piece->Y};
    return mlpi_sample_weights_check(&speaking, &w);
}

/* Weighs rows that come into a batch. The first of its pieces that has weights
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
static mlp_status train(mlpi_loop *loop, pieces *p)
{
    mlp_trainer *t = loop->trainer;
    mlpi_step step = {.m = p->filled, .rows_loaded = true};
    t->total =
        mlpi_loss_weight(p->filled, t->has_sample_weights ? t->weight : NULL);
    p->filled = 0;
    if (!isfinite(t->total)) {
        return mlpi_sample_weights_check_sum(&t->hooks, t->total);
    }
    return mlpi_loop_batch(loop, &step);
}

static mlp_status take(mlpi_loop *loop, pieces *p, const mlp_piece *piece)
{
    for (size_t i = 0, m = 0; i < piece->X.rows && !loop->stopped; i += m) {
        size_t room = p->batch - p->filled;
        size_t left = piece->X.rows - i;
        m = left < room ? left : room;
        mlpi_step rows = {.m = m,
                          .X = mlp_cview_rows(piece->X, i, m),
                          .Y = mlp_cview_rows(piece->Y, i, m),
                          .batch_row = p->filled};
        mlpi_sample_weights w = {loop->options->class_weights,
                                 mlp_cview_rows(piece->row_weights, i, m),
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

static mlp_status next_piece(const pieces *p, teller *where, mlp_piece *piece)
{
    *piece = (mlp_piece){.X = {.rows = 0}};
    mlp_status status = p->next(where->epoch, where->piece, piece, p->user);
    if (status != MLP_OK) {
        tell(status, "the caller has none", where);
    }
    return status;
}

static mlp_status run_epoch(mlpi_loop *loop, void *source)
{
    pieces *p = source;
    const mlp_trainer *t = loop->trainer;
    teller where = {.hooks = &t->hooks, .epoch = t->epoch_state.epochs};
    p->filled = 0;
    for (; !loop->stopped; where.piece++) {
        mlp_piece piece;
        TRY(next_piece(p, &where, &piece));
        if (piece.X.rows == 0) {
            break;
        }
        TRY(check_piece(t->net, loop->options->class_weights, &piece, &where));
        TRY(take(loop, p, &piece));
    }
    if (p->filled > 0 && !loop->stopped) {
        TRY(train(loop, p));
    }
    if (loop->batches == 0) {
        return mlpi_error(&t->hooks, MLP_ERR_SHAPE,
                          "epoch %zu: expects pieces with rows, got none",
                          where.epoch);
    }
    return MLP_OK;
}

static mlp_status check(const mlp_net *net, mlp_next_piece *next,
                        const mlp_train_options *options)
{
    if (!next) {
        return mlpi_error(&net->hooks, MLP_ERR_NULL, "next is NULL");
    }
    TRY(mlpi_loop_check(net, options));
    if (options->batch_size == 0) {
        return mlpi_error(&net->hooks, MLP_ERR_ARGUMENT,
                          "batch_size: expects 1 or more for pieces, got 0");
    }
    if (options->validation_fraction != 0.0) {
        return mlpi_error(&net->hooks, MLP_ERR_ARGUMENT,
                          "validation_fraction: expects 0 for pieces, got %g",
                          options->validation_fraction);
    }
    if (options->row_weights.rows > 0) {
        return mlpi_error(&net->hooks, MLP_ERR_ARGUMENT,
                          "row_weights: expects none for pieces, which bring "
                          "their own, got %zu",
                          options->row_weights.rows);
    }
    return MLP_OK;
}

static mlp_status fit(mlp_trainer *trainer, pieces *p,
                      const mlp_train_options *options, mlp_history **history)
{
    TRY(mlpi_lbfgs_refuse(trainer, "pieces"));
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

mlp_status mlp_trainer_fit_pieces(mlp_trainer *trainer, mlp_next_piece *next,
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
    pieces p = {.next = next, .user = user, .batch = options->batch_size};
    return fit(trainer, &p, options, history);
}

mlp_status mlp_fit_pieces(mlp_net *net, mlp_next_piece *next, void *user,
                          const mlp_train_options *options,
                          mlp_history **history)
{
    if (!net) {
        return MLP_ERR_NULL;
    }
    const mlp_train_options defaults = mlp_train_defaults();
    options = options ? options : &defaults;
    TRY(check(net, next, options));
    pieces p = {.next = next, .user = user, .batch = options->batch_size};
    mlp_trainer *trainer = NULL;
    TRY(mlpi_loop_trainer(net, p.batch, options, &trainer));
    mlp_status status = fit(trainer, &p, options, history);
    mlp_trainer_free(trainer);
    return status;
}
