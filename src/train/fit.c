/* SPDX-License-Identifier: MIT */
/*
 * Training on rows in memory: which of them are held out, and what they count.
 * All memory is allocated before the first epoch.
 */
#include "base/error.h"
#include "base/memory.h"
#include "model/data_check.h"
#include "train/lbfgs_step.h"
#include "train/training_loop.h"
#include "train/sample_weights.h"
#include "train/train_options.h"
#include "train/validation_split.h"

/* The rows of one training run. */
typedef struct mlpi_dataset {
    mlp_cview X, Y;
    size_t m;        /* to train on */
    size_t held;     /* to validate with: X.rows - m */
    size_t batch;    /* rows of a batch, at most */
    size_t batches;  /* in an epoch */
    void *block;     /* holds these: */
    size_t *split;   /* [m + held]: these first, then those; NULL: none held */
    size_t *order;   /* [m]: the rows of this epoch; NULL: as in split */
    double *weights; /* [m + held]: of all rows; NULL: all 1 */
} mlpi_dataset;

static mlpi_sample_weights weighing_of(const mlpi_dataset *r,
                                       const mlp_train_options *options)
{
    return (mlpi_sample_weights){options->class_weights, options->row_weights,
                                 r->Y};
}

static void lay_out(mlpi_dataset *r, const mlp_train_options *options,
                    mlpi_cursor *cursor)
{
    mlpi_sample_weights w = weighing_of(r, options);
    if (mlpi_has_sample_weights(&w)) {
        r->weights = mlpi_take(cursor, r->X.rows, sizeof *r->weights);
    }
    if (r->held > 0) {
        r->split = mlpi_take(cursor, r->X.rows, sizeof *r->split);
    }
    if (options->shuffle && r->batches > 1) {
        r->order = mlpi_take(cursor, r->m, sizeof *r->order);
    }
}

static mlp_status allocate(const mlp_hooks *hooks,
                           const mlp_train_options *options, mlpi_dataset *r)
{
    mlpi_cursor measure = {0};
    lay_out(r, options, &measure);
    if (measure.used > 0 || measure.overflow) {
        TRY(mlpi_allocate(hooks, &measure, "orders and weights of rows",
                          &r->block));
        mlpi_cursor carve = {.base = r->block};
        lay_out(r, options, &carve);
    }
    return MLP_OK;
}

/* ---------------------------------------------------------------------------
 * An epoch
 */

/* Draws an order of the rows to train on. */
static mlp_status shuffle(mlpi_dataset *r, mlp_rng *rng)
{
    for (size_t i = 0; i < r->m; i++) {
        r->order[i] = r->split ? r->split[i] : i;
    }
    return mlp_rng_shuffle(rng, r->order, r->m, sizeof *r->order);
}

static mlp_status run_epoch(mlpi_loop *loop, void *source)
{
    mlpi_dataset *r = source;
    const size_t *order = r->split;
    if (r->order) {
        TRY(shuffle(r, &loop->trainer->epoch_state.rng));
        order = r->order;
    }
    for (size_t i = 0; i < r->batches && !loop->stopped; i++) {
        size_t first = i * r->batch;
        size_t left = r->m - first;
        mlpi_step step = {.m = left < r->batch ? left : r->batch,
                          /* One batch of all rows stays where it is. */
                          .rows_loaded = r->batches == 1 && loop->rounds > 0};
        if (!step.rows_loaded) {
            step.X = r->X;
            step.Y = r->Y;
        }
        if (order) {
            step.order = order + first;
            step.weights = r->weights;
            step.prefetch_ahead = left >= 2 * r->batch ? r->batch : 0;
        } else if (!step.rows_loaded) {
            mlpi_cut_rows(&step.X, first, step.m);
            mlpi_cut_rows(&step.Y, first, step.m);
            step.weights = r->weights ? r->weights + first : NULL;
        }
        if (!step.rows_loaded) {
            mlpi_batch_load_weights(loop->trainer, &step);
        }
        TRY(mlpi_loop_batch(loop, &step));
    }
    return MLP_OK;
}

/* ---------------------------------------------------------------------------
 * Before the first epoch
 */

/* The split is the first thing that is drawn of the seed, also when the trainer
 * goes on with later draws. */
static mlp_status hold_out(const mlp_trainer *trainer,
                           const mlp_train_options *options, mlpi_dataset *r,
                           mlp_rng *rng)
{
    *rng = mlp_rng_seeded(options->seed);
    return r->held > 0 ? mlpi_split(trainer->net, &r->Y, r->held, rng, r->split)
                       : MLP_OK;
}

/* What all rows count; those to train on must count something. */
static mlp_status weigh(const mlp_trainer *trainer,
                        const mlp_train_options *options, mlpi_dataset *r)
{
    mlpi_sample_weights w = weighing_of(r, options);
    if (!r->weights) {
        return MLP_OK;
    }
    TRY(mlpi_sample_weights_check(trainer->net, &trainer->hooks, &w));
    mlpi_sample_weights_make(trainer->net, &w, r->weights);
    double sum = 0.0;
    for (size_t i = 0; i < r->m; i++) {
        sum += r->weights[r->split ? r->split[i] : i];
    }
    return mlpi_sample_weights_check_sum(&trainer->hooks, sum);
}

static mlp_status run(mlpi_loop *loop, mlpi_dataset *r, mlp_history **history)
{
    const mlp_trainer *trainer = loop->trainer;
    if (r->batches > 1) {
        TRY(mlpi_lbfgs_refuse(trainer, "several batches"));
    }
    /* Absurdly many rows fail here, before all of them are looked at. */
    TRY(mlpi_loop_make(loop, history != NULL));
    TRY(allocate(&trainer->hooks, loop->options, r));
    TRY(mlpi_check_values(trainer->net, &trainer->hooks, &r->X, &r->Y));
    mlp_rng rng;
    TRY(hold_out(trainer, loop->options, r, &rng));
    TRY(weigh(trainer, loop->options, r));
    /* From here on the trainer changes. */
    bool begins = mlpi_loop_begin(loop->trainer, loop->options);
    if (r->held > 0) {
        loop->validation.order = r->split + r->m;
        if (begins) {
            loop->trainer->epoch_state.rng = rng;
        }
    }
    return mlpi_loop_run(loop, history);
}

/* Training, when options and shapes are checked. */
static mlp_status fit(mlp_trainer *trainer, const mlp_train_options *options,
                      mlpi_dataset *r, mlp_history **history)
{
    mlpi_loop loop = {.trainer = trainer,
                      .options = options,
                      .run_epoch = run_epoch,
                      .source = r,
                      .validation = {r->held, r->X, r->Y, NULL}};
    mlp_status status = run(&loop, r, history);
    mlpi_release(&trainer->hooks, r->block);
    mlpi_loop_release(&loop);
    return status;
}

/* Options, shapes, and how many rows are for what. */
static mlp_status measure(const mlp_net *net, const mlp_train_options *options,
                          mlpi_dataset *r)
{
    TRY(mlpi_train_options_check(net, options));
    TRY(mlpi_check_shapes(net, &net->hooks, &r->X, &r->Y));
    TRY(mlpi_row_weights_check(net, &net->hooks, &options->row_weights,
                               r->X.rows));
    TRY(mlpi_split_size(&net->hooks, options->validation_fraction, r->X.rows,
                        &r->held));
    r->m = r->X.rows - r->held;
    size_t asked = options->batch_size;
    r->batch = asked == 0 || asked > r->m ? r->m : asked;
    r->batches = r->m / r->batch + (r->m % r->batch > 0);
    return MLP_OK;
}

mlp_status mlp_trainer_fit(mlp_trainer *trainer, mlp_cview X, mlp_cview Y,
                           const mlp_train_options *options,
                           mlp_history **history)
{
    if (!trainer) {
        return MLP_ERR_NULL;
    }
    const mlp_train_options defaults = mlp_train_defaults();
    options = options ? options : &defaults;
    mlpi_dataset r = {.X = X, .Y = Y};
    TRY(measure(trainer->net, options, &r));
    TRY(mlpi_loop_check_batch(trainer, r.batch));
    return fit(trainer, options, &r, history);
}

mlp_status mlp_fit(mlp_net *net, mlp_cview X, mlp_cview Y,
                   const mlp_train_options *options, mlp_history **history)
{
    if (!net) {
        return MLP_ERR_NULL;
    }
    const mlp_train_options defaults = mlp_train_defaults();
    options = options ? options : &defaults;
    mlpi_dataset r = {.X = X, .Y = Y};
    TRY(measure(net, options, &r));
    mlp_trainer *trainer = NULL;
    TRY(mlpi_loop_trainer(net, r.batch, options, &trainer));
    mlp_status status = fit(trainer, options, &r, history);
    mlp_trainer_free(trainer);
    return status;
}
