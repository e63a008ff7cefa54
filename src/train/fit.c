/* SPDX-License-Identifier: MIT */
/*
 * Training on rows in memory: mlp_fit and mlp_trainer_fit. This data source
 * (see training_loop.h) takes the batches of an epoch from the rows of a data
 * set, in the order that dataset.h describes:
 *
 *     batch i       rows i * batch_size to (i + 1) * batch_size - 1
 *     with parts    part p of batch i has those rows of block p, with the rows
 *                   of a part in the place of batch_size (see parts.h)
 *
 * The rows are those of epoch_order if rows are shuffled; else those of the
 * first part of split_order if there is a split; else those of X.
 *
 * The rows of a part follow each other in the order, so that a part is given to
 * the step as a batch without parts would be: by a pointer into the order.
 *
 * The processes of a fit with an exchange must fail together. So what one of
 * them finds wrong before the first epoch becomes the status of all in the
 * calls of mlpi_agree and mlpi_parts_agree_... below.
 */
#include "base/error.h"
#include "model/data_check.h"
#include "train/dataset.h"
#include "train/lbfgs_step.h"
#include "train/train_options.h"
#include "train/training_loop.h"

/* An epoch of a data set, as its batches are taken. */
typedef struct epoch_rows {
    mlpi_dataset *data;
    const size_t *order;     /* of the training rows; NULL: that of X */
    size_t batch;            /* which batch of the epoch */
    mlpi_step_args all_rows; /* the batch, if there is only one */
} epoch_rows;

/* ---------------------------------------------------------------------------
 * An epoch
 */

/* Sets the rows of a batch, or of a part of one, which begin at element `first`
 * of `order`, or at row `first` of X if `order` is NULL. While the rows of a
 * batch are copied, those of the next batch, batch_size further on, are
 * prefetched, because the CPU cannot predict a random order; `left` is how many
 * rows follow from `first` on. */
static void set_rows(const mlpi_dataset *data, const size_t *order,
                     mlpi_segment rows, size_t left, mlpi_step_args *args)
{
    size_t batch_size = data->parts.rows;
    args->m = rows.m;
    args->X = data->X;
    args->Y = data->Y;
    if (order) {
        args->order = order + rows.first;
        args->row_weights = data->row_weights;
        args->prefetch_ahead = left >= 2 * batch_size ? batch_size : 0;
    } else {
        mlpi_cut_rows(&args->X, rows.first, args->m);
        mlpi_cut_rows(&args->Y, rows.first, args->m);
        args->row_weights =
            data->row_weights ? data->row_weights + rows.first : NULL;
    }
}

/* Returns the arguments of the step for a batch without parts. */
static mlpi_step_args batch_args(const mlpi_dataset *data, const size_t *order,
                                 size_t batch)
{
    mlpi_step_args args = {.m = 0};
    mlpi_segment rows = mlpi_dataset_segment(data, 0, batch);
    set_rows(data, order, rows, data->m - rows.first, &args);
    return args;
}

/* Trains on all rows as one batch. They are copied into the trainer in the
 * first epoch only, and stay there unless they are taken in micro-batches. */
static mlp_status feed_all_rows(mlpi_loop *loop, epoch_rows *rows)
{
    mlpi_step_args *args = &rows->all_rows;
    if (loop->epochs_done == 0) {
        *args = batch_args(rows->data, rows->data->split_order, 0);
        mlpi_batch_weigh(loop->trainer, args);
    } else {
        args->rows_loaded = true;
    }
    return mlpi_loop_train_batch(loop, args);
}

/* Sets the rows of part p of the batch: an mlpi_take_part. While they are
 * copied, the same part of the next batch is prefetched. */
static void take_part(mlp_trainer *trainer, void *source, size_t p,
                      mlpi_step_args *args)
{
    const epoch_rows *rows = source;
    const mlpi_dataset *data = rows->data;
    size_t own = p - data->parts.first;
    mlpi_segment segment = mlpi_dataset_segment(data, own, rows->batch);
    (void)trainer;
    set_rows(data, rows->order, segment, data->begin[own + 1] - segment.first,
             args);
}

/* Trains on all batches of an epoch, which have parts. The sums of the weights
 * of all batches are exchanged at once. */
static mlp_status feed_parts(mlpi_loop *loop, epoch_rows *rows)
{
    mlpi_dataset *data = rows->data;
    mlp_trainer *t = loop->trainer;
    t->has_row_weights = data->row_weights != NULL;
    if (data->row_weights) {
        TRY(mlpi_dataset_weigh_batches(data, rows->order));
    }
    for (size_t i = 0; i < data->batch_count && !loop->stopped; i++) {
        mlpi_part_batch batch = {
            .parts = &data->parts, .take = take_part, .source = rows};
        mlpi_step_args args = {.m = mlpi_dataset_batch_rows(data, i),
                               .parts = &batch};
        rows->batch = i;
        t->total_weight =
            data->row_weights ? data->batch_weights[i] : (double)args.m;
        TRY(mlpi_loop_train_batch(loop, &args));
    }
    return MLP_OK;
}

/* Trains on all batches of an epoch. */
static mlp_status feed_epoch(mlpi_loop *loop, void *source)
{
    epoch_rows *rows = source;
    mlpi_dataset *data = rows->data;
    bool has_parts = data->parts.count > 1;
    if (data->batch_count == 1 && !has_parts) {
        return feed_all_rows(loop, rows);
    }
    rows->order = data->split_order;
    if (data->epoch_order) {
        TRY(mlpi_dataset_shuffle(data, &loop->trainer->epoch_state.rng));
        rows->order = data->epoch_order;
    }
    if (has_parts) {
        return feed_parts(loop, rows);
    }
    for (size_t i = 0; i < data->batch_count && !loop->stopped; i++) {
        mlpi_step_args args = batch_args(data, rows->order, i);
        mlpi_batch_weigh(loop->trainer, &args);
        TRY(mlpi_loop_train_batch(loop, &args));
    }
    return MLP_OK;
}

/* ---------------------------------------------------------------------------
 * Before the first epoch
 */

/* Gives the hints about rows and batches. A caller who fits one epoch after the
 * other with the same trainer gets them in the first fit only. */
static void give_hints(const mlp_net *net, const mlpi_dataset *data)
{
    mlpi_hint_about_rows(net, data->X, data->Y,
                         data->counted ? data->counted : data->split_order,
                         data->n_counted);
    mlpi_hint_about_batches(net, data->all_m, data->options.batch_size);
}

/* Allocates and computes what this process can by itself. Memory is allocated
 * before values are checked, so a call with absurdly many rows fails at once.
 * The trainer gets at most memory for the best weights. */
static mlp_status prepare(mlpi_loop *loop, mlpi_dataset *data,
                          bool with_history, mlp_rng *rng)
{
    mlp_trainer *trainer = loop->trainer;
    const mlp_net *net = trainer->net;
    if (data->batch_count > 1) {
        TRY(mlpi_refuse_lbfgs(trainer, "several batches"));
    }
    TRY(mlpi_loop_prepare(loop, with_history));
    TRY(mlpi_dataset_allocate(&trainer->hooks, data));
    if (data->parts.count > 1) {
        TRY(mlpi_parts_prepare(net, &data->parts));
    }
    TRY(mlpi_check_values(net, &net->hooks, &data->X, &data->Y));
    TRY(mlpi_dataset_split(net, data, rng));
    return mlpi_dataset_weigh(net, data);
}

/* Prepares everything and runs the epochs. After mlpi_loop_seed_trainer only
 * training itself can fail. */
static mlp_status prepare_and_run(mlpi_loop *loop, mlpi_dataset *data,
                                  mlp_history **history)
{
    mlp_trainer *trainer = loop->trainer;
    const mlp_net *net = trainer->net;
    mlp_rng rng;
    TRY(mlpi_parts_agree_trainer(&data->parts, trainer,
                                 loop->options->class_weights,
                                 prepare(loop, data, history != NULL, &rng)));
    TRY(mlpi_dataset_check_weights(net, data));
    mlp_status status = mlpi_dataset_standardise(trainer->net, data);
    if (status != MLP_OK) {
        mlpi_dataset_forget_scaling(trainer->net, data);
        return status;
    }
    if (!trainer->epoch_state.begun && data->parts.first == 0) {
        give_hints(net, data);
    }
    bool is_new = mlpi_loop_seed_trainer(trainer, loop->options);
    loop->validation_begin = data->validation_begin;
    if (data->validation_rows > 0) {
        loop->validation.order = data->split_order + data->m;
        if (is_new) {
            trainer->epoch_state.rng = rng;
        }
    }
    status = mlpi_loop_run(loop, history);
    if (loop->is_undone) {
        mlpi_dataset_forget_scaling(trainer->net, data);
    }
    return status;
}

/* Trains. The caller has checked the options and the shapes. */
static mlp_status fit(mlp_trainer *trainer, mlpi_dataset *data,
                      mlp_history **history)
{
    epoch_rows rows = {.data = data};
    mlpi_loop loop = {
        .trainer = trainer,
        .options = &data->options,
        .parts = &data->parts,
        .feed_epoch = feed_epoch,
        .source = &rows,
        .validation = {data->validation_rows, data->X, data->Y, NULL}};
    mlp_status status = prepare_and_run(&loop, data, history);
    mlpi_dataset_release(&trainer->hooks, data);
    mlpi_loop_release(&loop);
    return status;
}

/* ---------------------------------------------------------------------------
 * Public functions
 */

/* A trainer need not hold more than a part, because one part is computed after
 * the other. */
mlp_status mlp_trainer_fit(mlp_trainer *trainer, mlp_cview X, mlp_cview Y,
                           const mlp_train_options *options,
                           mlp_history **history)
{
    if (!trainer) {
        return MLP_ERR_NULL;
    }
    mlp_optimizer_kind kind = trainer->optimizer.options.kind;
    mlpi_dataset data = {
        .X = X, .Y = Y, .options = mlpi_train_options_resolve(options, kind)};
    TRY(mlpi_dataset_plan(trainer->net, kind, trainer->max_rows, &data));
    TRY(mlpi_agree(data.parts.exchange, &trainer->hooks,
                   mlpi_loop_check_batch(trainer, data.parts.rows), NULL, 0));
    return fit(trainer, &data, history);
}

mlp_status mlp_fit(mlp_net *net, mlp_cview X, mlp_cview Y,
                   const mlp_train_options *options, mlp_history **history)
{
    if (!net) {
        return MLP_ERR_NULL;
    }
    mlp_optimizer_kind kind =
        options ? options->optimizer.kind : mlp_train_defaults().optimizer.kind;
    mlpi_dataset data = {
        .X = X, .Y = Y, .options = mlpi_train_options_resolve(options, kind)};
    TRY(mlpi_dataset_plan(net, kind, SIZE_MAX, &data));
    mlp_trainer *trainer = NULL;
    mlp_status status = mlpi_loop_create_trainer(net, data.parts.rows, true,
                                                 &data.options, &trainer);
    status = mlpi_agree(data.parts.exchange, &net->hooks, status, NULL, 0);
    if (status == MLP_OK) {
        status = fit(trainer, &data, history);
    }
    mlp_trainer_free(trainer);
    return status;
}
