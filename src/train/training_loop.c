/* SPDX-License-Identifier: MIT */
#include "train/training_loop.h"

#include <math.h>

#include "base/clock.h"
#include "train/history.h"
#include "train/lbfgs_step.h"
#include "base/memory.h"
#include "base/error.h"
#include "model/data_check.h"
#include "train/snapshot.h"
#include "train/trainer.h"
#include "train/sample_weights.h"
#include "train/train_options.h"

mlp_status mlpi_loop_check_batch(const mlp_trainer *trainer, size_t rows)
{
    if (rows > trainer->max_rows) {
        return mlpi_error(&trainer->hooks, MLP_ERR_SHAPE,
                          "batch: expects at most %zu rows, got %zu",
                          trainer->max_rows, rows);
    }
    return MLP_OK;
}

mlp_status mlpi_loop_trainer(mlp_net *net, size_t max_rows,
                             const mlp_train_options *options,
                             mlp_trainer **trainer)
{
    mlp_trainer *made = NULL;
    TRY(mlp_trainer_create(net, max_rows, &made));
    if (mlpi_step_is_busy(made, max_rows)) {
        /* Nobody is told of threads that there is no memory for: one will
         * do. */
        mlp_hooks quiet = net->hooks;
        quiet.log = NULL;
        (void)mlpi_trainer_create_team(made, &quiet, options->threads);
    }
    mlp_status status = mlp_trainer_set_optimizer(made, &options->optimizer);
    if (status != MLP_OK) {
        mlp_trainer_free(made);
        return status;
    }
    *trainer = made;
    return MLP_OK;
}

/* ---------------------------------------------------------------------------
 * Memory
 */

mlp_status mlpi_loop_make(mlpi_loop *loop, bool with_history)
{
    mlp_trainer *t = loop->trainer;
    if (with_history) {
        TRY(mlpi_history_make(&t->hooks, loop->options->epochs,
                              &loop->history));
    }
    TRY(mlpi_snapshot_make(t->net, "a copy of the weights", &loop->good));
    TRY(mlpi_validation_set_check(t->net, loop->options, mlpi_check_values));
    if (mlpi_has_validation_set(loop->options)) {
        loop->validation = (mlpi_eval_rows){loop->options->X_validation.rows,
                                            loop->options->X_validation,
                                            loop->options->Y_validation, NULL};
    }
    if (loop->validation.m > 0) {
        TRY(mlpi_workspace_make(t->net, loop->validation.m, &loop->workspace));
        TRY(mlpi_trainer_keep_best(t));
    }
    return MLP_OK;
}

void mlpi_loop_release(mlpi_loop *loop)
{
    mlp_history_free(loop->history);
    mlp_workspace_free(loop->workspace);
    mlpi_release(&loop->trainer->hooks, loop->good);
}

/* ---------------------------------------------------------------------------
 * Divergence
 */

static const char *kind_of(double x)
{
    return isnan(x) ? "not a number" : "infinite";
}

static const char *advice(const mlpi_loop *loop)
{
    return loop->has_good ? "a smaller learning rate may help"
                          : "so it was before the first update";
}

/* Running moments count as weights. */
static mlp_cview all_parameters(const mlpi_loop *loop)
{
    return mlpi_net_state(loop->trainer->net);
}

/* A loss can be finite where weights are not: a saturated output hides them. */
static bool has_bad_weight(const mlpi_loop *loop)
{
    const mlp_net *net = loop->trainer->net;
    return !net->kernels->is_finite(
        net->layout.parameters + net->layout.running, net->parameters);
}

static mlp_status report_weight(const mlpi_loop *loop, size_t epoch)
{
    mlp_cview all = all_parameters(loop);
    size_t row = 0;
    size_t col = 0;
    (void)loop->trainer->net->kernels->find_not_finite(all, &row, &col);
    return mlpi_error(&loop->trainer->hooks, MLP_ERR_DIVERGED,
                      "epoch %zu: a weight is %s; %s", epoch,
                      kind_of(mlp_cview_at(all, row, col)), advice(loop));
}

/* There was no update; so if this was the first batch of an epoch, the network
 * is as good as it began with. lbfgs needs the gradient's square, too. */
static mlp_status report_gradient(mlpi_loop *loop, size_t epoch)
{
    mlp_trainer *t = loop->trainer;
    const char *what = advice(loop);
    size_t row = 0;
    size_t col = 0;
    size_t n = t->net->layout.parameters;
    mlp_cview all = {t->net->kernels->dtype, 1, n, n, 1, t->gradients};
    bool found = t->net->kernels->find_not_finite(all, &row, &col);
    if (loop->weight <= 0.0) {
        mlpi_snapshot_take(t->net, loop->good);
        loop->has_good = true;
    }
    return mlpi_error(
        &t->hooks, MLP_ERR_DIVERGED,
        "epoch %zu, batch %zu: the gradient is %s; %s", epoch, loop->batches,
        found ? kind_of(mlp_cview_at(all, row, col)) : "too large", what);
}

/* ---------------------------------------------------------------------------
 * A batch
 */

/* Adds a batch to its epoch and tells on_batch. */
static void note_batch(mlpi_loop *loop, const mlpi_step *step)
{
    const mlp_train_options *options = loop->options;
    mlp_batch_progress progress = {.epoch = loop->trainer->epoch_state.epochs,
                                   .batch = loop->batches,
                                   .rows = step->m,
                                   .loss = step->loss,
                                   .rate = step->alpha,
                                   .net = loop->trainer->net};
    loop->batches++;
    loop->weight += loop->trainer->total;
    loop->sum += step->loss * loop->trainer->total;
    loop->loss = step->loss;
    loop->stopped =
        options->on_batch && !options->on_batch(&progress, options->user);
}

/* A batch of no weight has nothing to say, and its loss counts as 0. */
mlp_status mlpi_loop_batch(mlpi_loop *loop, mlpi_step *step)
{
    double weight = loop->trainer->total;
    size_t epoch = loop->trainer->epoch_state.epochs;
    step->alpha = loop->rate;
    if (weight <= 0.0) {
        note_batch(loop, step);
        return MLP_OK;
    }
    if (loop->weight <= 0.0) {
        step->no_update = has_bad_weight(loop);
        step->backup = loop->good;
    }
    step->discard_Z = true;
    if (loop->trainer->optimizer.options.kind == MLP_OPTIMIZER_LBFGS) {
        mlpi_lbfgs_step(loop->trainer, step);
    } else {
        mlpi_step_train(loop->trainer, step);
    }
    if (!isfinite(step->loss)) {
        return mlpi_error(&loop->trainer->hooks, MLP_ERR_DIVERGED,
                          "epoch %zu, batch %zu: the loss is %s; %s", epoch,
                          loop->batches, kind_of(step->loss), advice(loop));
    }
    if (step->no_update) {
        return report_weight(loop, epoch);
    }
    if (step->gradient_not_finite) {
        return report_gradient(loop, epoch);
    }
    loop->has_good = true;
    note_batch(loop, step);
    return MLP_OK;
}

/* ---------------------------------------------------------------------------
 * An epoch
 */

static mlp_status validate(mlpi_loop *loop, mlp_scores *scores)
{
    *scores = (mlp_scores){(double)NAN, (double)NAN};
    if (loop->validation.m == 0) {
        return MLP_OK;
    }
    mlp_trainer *t = loop->trainer;
    mlpi_evaluate(t->net, loop->workspace, &loop->validation, scores);
    if (!isfinite(scores->loss)) {
        return mlpi_error(&t->hooks, MLP_ERR_DIVERGED,
                          "epoch %zu: the validation loss is %s; %s",
                          t->epoch_state.epochs, kind_of(scores->loss),
                          advice(loop));
    }
    return MLP_OK;
}

/* How many epochs there will be: those of former runs, and of this one. */
static size_t epochs_of(const mlpi_loop *loop)
{
    return loop->trainer->epoch_state.epochs +
           (loop->options->epochs - loop->rounds);
}

static mlp_status choose_rate(mlpi_loop *loop)
{
    const mlp_trainer *t = loop->trainer;
    const mlp_train_options *options = loop->options;
    loop->rate = mlpi_schedule_rate(&options->schedule, &t->epoch_state.plateau,
                                    options->learning_rate,
                                    t->epoch_state.epochs, epochs_of(loop));
    double rounded = t->net->kernels->scalar->round(loop->rate);
    if (!(rounded >= 0.0) || !isfinite(rounded)) {
        return mlpi_error(&t->hooks, MLP_ERR_ARGUMENT,
                          "epoch %zu: expects of the schedule a finite %s, 0 "
                          "or more, got %g",
                          t->epoch_state.epochs,
                          mlp_dtype_name(t->net->kernels->dtype), loop->rate);
    }
    return MLP_OK;
}

/* For tiny networks a look at the clock is a large part of an epoch. So short
 * ones share a look and its time, unless the caller is told of each. */
static double look_at_clock(mlpi_loop *loop)
{
    enum { MANY = 16 };
    const double is_short = 2e-6;
    double now = mlpi_seconds();
    double seconds = (now - loop->clock) / (double)loop->untimed;
    bool is_told = loop->options->on_epoch;
    mlpi_history_time(loop->history, loop->untimed, seconds);
    loop->at_once = seconds < is_short && !is_told ? MANY : 1;
    loop->untimed = 0;
    loop->clock = now;
    return seconds;
}

/* Whether to go on after an epoch. */
static bool note_epoch(mlpi_loop *loop, const mlpi_record *record)
{
    mlp_trainer *t = loop->trainer;
    const mlp_train_options *options = loop->options;
    bool validates = loop->validation.m > 0;
    size_t epoch = t->epoch_state.epochs;
    double watched = validates ? record->validation_loss : record->loss;
    if (mlpi_epoch_state_advance(&t->epoch_state, watched,
                                 options->min_delta) &&
        validates) {
        mlpi_snapshot_take(t->net, t->best);
    }
    mlpi_plateau_note(&t->epoch_state.plateau, &options->schedule, watched);
    loop->rounds++;
    mlpi_history_add(loop->history, record, t->epoch_state.best_epoch);
    loop->untimed++;
    double seconds = loop->untimed < loop->at_once ? 0.0 : look_at_clock(loop);
    mlp_epoch_progress progress = {.epoch = epoch,
                                   .epochs = epochs_of(loop),
                                   .loss = record->loss,
                                   .validation_loss = record->validation_loss,
                                   .validation_accuracy =
                                       record->validation_accuracy,
                                   .best_epoch = t->epoch_state.best_epoch,
                                   .rate = record->rate,
                                   .seconds = seconds,
                                   .net = t->net,
                                   .trainer = t};
    bool go_on = true;
    if (options->on_epoch) {
        go_on = options->on_epoch(&progress, options->user);
        loop->clock = mlpi_seconds(); /* that was the caller's time */
    }
    return go_on && t->epoch_state.bad_epochs < options->patience;
}

static mlp_status run_epoch(mlpi_loop *loop, bool *go_on)
{
    loop->batches = 0;
    loop->weight = loop->sum = 0.0;
    TRY(choose_rate(loop));
    TRY(loop->run_epoch(loop, loop->source));
    if (loop->stopped) {
        *go_on = false;
        return MLP_OK;
    }
    TRY(mlpi_sample_weights_check_sum(&loop->trainer->hooks, loop->weight));
    mlp_scores scores;
    TRY(validate(loop, &scores));
    /* The loss of a single batch as it is: m times it, over m, may differ. */
    mlpi_record record = {.loss = loop->batches > 1 ? loop->sum / loop->weight
                                                    : loop->loss,
                          .validation_loss = scores.loss,
                          .validation_accuracy = scores.accuracy,
                          .rate = loop->rate};
    *go_on = note_epoch(loop, &record);
    return MLP_OK;
}

static mlp_status run_epochs(mlpi_loop *loop)
{
    bool go_on = true;
    loop->clock = mlpi_seconds();
    while (go_on && loop->rounds < loop->options->epochs) {
        TRY(run_epoch(loop, &go_on));
    }
    if (loop->untimed > 0) {
        (void)look_at_clock(loop);
    }
    /* No loss will tell of the last update. */
    return loop->has_good && has_bad_weight(loop)
               ? report_weight(loop, loop->trainer->epoch_state.epochs -
                                         (loop->stopped ? 0 : 1))
               : MLP_OK;
}

bool mlpi_loop_begin(mlp_trainer *trainer, const mlp_train_options *options)
{
    if (trainer->epoch_state.begun) {
        return false;
    }
    trainer->epoch_state = mlpi_epoch_state_begin(options->seed);
    trainer->seed = options->seed;
    trainer->draw = 0;
    return true;
}

/* Has this epoch, which failed, left good weights as they were? So it is when
 * there were no rows to be had for it. */
static bool is_untouched(const mlpi_loop *loop, mlp_status status)
{
    return status != MLP_ERR_DIVERGED && loop->weight <= 0.0 &&
           !has_bad_weight(loop);
}

mlp_status mlpi_loop_run(mlpi_loop *loop, mlp_history **history)
{
    mlp_trainer *t = loop->trainer;
    bool validates = loop->validation.m > 0;
    t->m = 0; /* the batch of the last forward will be gone */
    t->has_gradients = false;
    mlpi_epoch_state_watch(&t->epoch_state, validates);
    mlp_status status = run_epochs(loop);
    if (status != MLP_OK) {
        if (loop->has_good && !is_untouched(loop, status)) {
            mlpi_snapshot_restore(t->net, loop->good);
            mlpi_optimizer_forget(t->net, &t->optimizer);
        }
        return status;
    }
    if (validates && loop->options->restore_best &&
        mlpi_epoch_state_has_best(&t->epoch_state)) {
        mlpi_snapshot_restore(t->net, t->best);
    }
    if (history) {
        *history = loop->history;
        loop->history = NULL;
    }
    return MLP_OK;
}
