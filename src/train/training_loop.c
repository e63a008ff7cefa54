/* SPDX-License-Identifier: MIT */
/*
 * The epochs of a fit, in pseudo-code, with the function that does each part:
 *
 *     repeat, until all epochs are done, patience is over, or a callback stops:
 *         learning_rate = schedule(epoch)                  set_learning_rate
 *         for each batch that the source feeds:        mlpi_loop_train_batch
 *             J = loss of the batch; parameters -= update
 *             loss_sum += J * weight of the batch              finish_batch
 *         loss = loss_sum / total weight                          run_epoch
 *         validation_loss = J of the validation rows               validate
 *         record the epoch; if it is the best, copy its weights  finish_epoch
 *     if asked for, restore the weights of the best epoch     mlpi_loop_run
 *
 * Divergence. Training must never end with weights that are NaN or infinite, so
 * these are checked:
 *
 *     the weights, before the first update of each epoch and after the last
 *       epoch: a saturated output can hide an infinite weight from the loss
 *     the loss and the gradients, in each step before its update
 *     the validation loss, after each epoch
 *
 * The loss of a step is computed before the step's update. If it is not finite,
 * the weights have been spoilt already, by an update before. So there is a
 * backup of the network as it was when the epoch began. It is written in the
 * first step of the epoch, when weights, loss and gradients are known to be
 * finite, just before the update: a backup thus always holds good weights. On
 * an error mlpi_loop_run restores it, and resets what the optimizer remembers,
 * which the bad gradients may have spoilt as well.
 */
#include "train/training_loop.h"

#include <math.h>

#include "base/clock.h"
#include "model/data_check.h"
#include "train/history.h"
#include "train/lbfgs_step.h"
#include "base/memory.h"
#include "base/error.h"
#include "train/sample_weights.h"
#include "train/train_options.h"

/* ---------------------------------------------------------------------------
 * Preparation
 */

mlp_status mlpi_loop_check_batch(const mlp_trainer *trainer, size_t rows)
{
    if (rows > trainer->max_rows) {
        return mlpi_error(&trainer->hooks, MLP_ERR_SHAPE,
                          "batch: expects at most %zu rows, got %zu",
                          trainer->max_rows, rows);
    }
    return MLP_OK;
}

/* Small networks get no threads: each of their steps would take longer with
 * them. */
mlp_status mlpi_loop_create_trainer(mlp_net *net, size_t max_rows,
                                    const mlp_train_options *options,
                                    mlp_trainer **trainer)
{
    mlp_trainer *made = NULL;
    TRY(mlp_trainer_create(net, max_rows, &made));
    if (mlpi_step_pays_for_threads(made, max_rows)) {
        /* Training works with one thread, too, so it is no error if there is no
         * memory for more, and no message is logged. */
        mlp_hooks silent = net->hooks;
        silent.log = NULL;
        (void)mlpi_trainer_create_team(made, &silent, options->threads);
    }
    mlp_status status = mlp_trainer_set_optimizer(made, &options->optimizer);
    if (status != MLP_OK) {
        mlp_trainer_free(made);
        return status;
    }
    *trainer = made;
    return MLP_OK;
}

/* A trainer that was loaded from a checkpoint has begun if the saved one had:
 * that is how training resumes with the same random numbers. */
bool mlpi_loop_seed_trainer(mlp_trainer *trainer,
                            const mlp_train_options *options)
{
    if (trainer->epoch_state.begun) {
        return false;
    }
    trainer->epoch_state = mlpi_epoch_state_begin(options->seed);
    trainer->seed = options->seed;
    trainer->forward_count = 0;
    return true;
}

/* Memory comes first: with absurdly many epochs or rows this fails before all
 * values have been read. */
mlp_status mlpi_loop_prepare(mlpi_loop *loop, bool with_history)
{
    mlp_trainer *t = loop->trainer;
    if (with_history) {
        TRY(mlpi_history_make(&t->hooks, loop->options->epochs,
                              &loop->history));
    }
    TRY(mlpi_snapshot_make(t->net, "a copy of the weights",
                           &loop->epoch_backup));
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

/* What a failed mlpi_loop_prepare has not allocated is NULL. */
void mlpi_loop_release(mlpi_loop *loop)
{
    mlp_history_free(loop->history);
    mlp_workspace_free(loop->workspace);
    mlpi_release(&loop->trainer->hooks, loop->epoch_backup);
}

/* ---------------------------------------------------------------------------
 * Divergence
 */

/* Returns the words for a number that is not finite, for messages. */
static const char *not_finite_name(double x)
{
    return isnan(x) ? "not a number" : "infinite";
}

/* Returns the end of a message. Before the first update the cause cannot be the
 * learning rate: the network, or its data, came so. */
static const char *advice(const mlpi_loop *loop)
{
    return loop->has_backup ? "a smaller learning rate may help"
                            : "so it was before the first update";
}

/* True if a weight, or a running moment of batch norm, is not finite. This
 * reads all parameters, so it is done once for each epoch, not for each batch.
 */
static bool has_bad_weights(const mlpi_loop *loop)
{
    const mlp_net *net = loop->trainer->net;
    return !net->kernels->is_finite(
        net->layout.parameters + net->layout.running, net->parameters);
}

/* Fails with the value of the first bad weight. */
static mlp_status weights_diverged(const mlpi_loop *loop, size_t epoch)
{
    mlp_cview all = mlpi_net_state(loop->trainer->net);
    size_t row = 0;
    size_t col = 0;
    (void)loop->trainer->net->kernels->find_not_finite(all, &row, &col);
    return mlpi_error(&loop->trainer->hooks, MLP_ERR_DIVERGED,
                      "epoch %zu: a weight is %s; %s", epoch,
                      not_finite_name(mlp_cview_at(all, row, col)),
                      advice(loop));
}

/* Fails with the value of the first bad gradient. With lbfgs all of them may be
 * finite, but their squares not. There was no update, so in the first batch of
 * an epoch the network still has the weights that the epoch began with. They
 * are good, and the backup, which is of the epoch before, is renewed. */
static mlp_status gradient_diverged(mlpi_loop *loop, size_t epoch)
{
    mlp_trainer *t = loop->trainer;
    const char *what = advice(loop);
    size_t row = 0;
    size_t col = 0;
    size_t n = t->net->layout.parameters;
    mlp_cview all = {t->net->kernels->dtype, 1, n, n, 1, t->batch.gradients};
    bool found = t->net->kernels->find_not_finite(all, &row, &col);
    if (loop->total_weight <= 0.0) {
        mlpi_snapshot_take(t->net, loop->epoch_backup);
        loop->has_backup = true;
    }
    return mlpi_error(&t->hooks, MLP_ERR_DIVERGED,
                      "epoch %zu, batch %zu: the gradient is %s; %s", epoch,
                      loop->batches_done,
                      found ? not_finite_name(mlp_cview_at(all, row, col))
                            : "too large",
                      what);
}

/* ---------------------------------------------------------------------------
 * A batch
 */

/* Adds a batch to the sums of its epoch, and calls on_batch. */
static void finish_batch(mlpi_loop *loop, const mlpi_step_args *args,
                         double loss)
{
    const mlp_train_options *options = loop->options;
    mlp_batch_progress progress = {.epoch = loop->trainer->epoch_state.epochs,
                                   .batch = loop->batches_done,
                                   .rows = args->m,
                                   .loss = loss,
                                   .rate = args->learning_rate,
                                   .net = loop->trainer->net};
    loop->batches_done++;
    loop->total_weight += loop->trainer->total_weight;
    loop->loss_sum += loss * loop->trainer->total_weight;
    loop->last_loss = loss;
    loop->stopped =
        options->on_batch && !options->on_batch(&progress, options->user);
}

/* A batch whose rows all have the weight 0 has no mean loss and no gradients,
 * so it is passed over, with the loss 0. The backup is written in the first
 * batch of an epoch that is not passed over. */
mlp_status mlpi_loop_train_batch(mlpi_loop *loop, mlpi_step_args *args)
{
    double weight = loop->trainer->total_weight;
    size_t epoch = loop->trainer->epoch_state.epochs;
    mlpi_step_result result = {.loss = 0.0};
    args->learning_rate = loop->learning_rate;
    if (weight <= 0.0) {
        finish_batch(loop, args, 0.0);
        return MLP_OK;
    }
    /* In the first batch of an epoch the weights are checked and backed up. If
     * they are bad, the step still computes the loss, for the message. */
    if (loop->total_weight <= 0.0) {
        args->no_update = has_bad_weights(loop);
        args->backup = loop->epoch_backup;
    }
    args->discard_Z = true;
    if (loop->trainer->optimizer.options.kind == MLP_OPTIMIZER_LBFGS) {
        mlpi_lbfgs_step(loop->trainer, args, &result);
    } else {
        mlpi_step_train(loop->trainer, args, &result);
    }
    if (!isfinite(result.loss)) {
        return mlpi_error(&loop->trainer->hooks, MLP_ERR_DIVERGED,
                          "epoch %zu, batch %zu: the loss is %s; %s", epoch,
                          loop->batches_done, not_finite_name(result.loss),
                          advice(loop));
    }
    if (args->no_update) {
        return weights_diverged(loop, epoch);
    }
    if (result.gradient_not_finite) {
        return gradient_diverged(loop, epoch);
    }
    loop->has_backup = true;
    finish_batch(loop, args, result.loss);
    return MLP_OK;
}

/* ---------------------------------------------------------------------------
 * An epoch
 */

/* Computes the scores of the validation rows, or NaN if there are none. */
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
                          t->epoch_state.epochs, not_finite_name(scores->loss),
                          advice(loop));
    }
    return MLP_OK;
}

/* Returns the number of epochs that the trainer will have had after this fit,
 * those of earlier fits included. The epochs of schedules are counted so. */
static size_t total_epochs(const mlpi_loop *loop)
{
    return loop->trainer->epoch_state.epochs +
           (loop->options->epochs - loop->epochs_done);
}

/* Asks the schedule for the rate of the epoch. A custom schedule may return
 * anything, and a rate that is finite as a double may be too large for float.
 */
static mlp_status set_learning_rate(mlpi_loop *loop)
{
    const mlp_trainer *t = loop->trainer;
    const mlp_train_options *options = loop->options;
    loop->learning_rate = mlpi_schedule_rate(
        &options->schedule, &t->epoch_state.plateau, options->learning_rate,
        t->epoch_state.epochs, total_epochs(loop));
    double rounded = t->net->kernels->scalar->round(loop->learning_rate);
    if (!(rounded >= 0.0) || !isfinite(rounded)) {
        return mlpi_error(&t->hooks, MLP_ERR_ARGUMENT,
                          "epoch %zu: expects of the schedule a finite %s, 0 "
                          "or more, got %g",
                          t->epoch_state.epochs,
                          mlp_dtype_name(t->net->kernels->dtype),
                          loop->learning_rate);
    }
    return MLP_OK;
}

/* Reads the clock and gives each epoch since the last reading the same part of
 * the time between, which it returns. In a tiny network a reading takes a large
 * part of the time of an epoch. So if epochs are shorter than short_epoch, in
 * seconds, the clock is read after every EPOCHS_PER_CLOCK only, unless on_epoch
 * wants to know the time of each. */
static double read_clock(mlpi_loop *loop)
{
    enum { EPOCHS_PER_CLOCK = 16 };
    const double short_epoch = 2e-6;
    double now = mlpi_seconds();
    double seconds = (now - loop->clock) / (double)loop->untimed_epochs;
    bool wants_each = loop->options->on_epoch;
    mlpi_history_set_seconds(loop->history, loop->untimed_epochs, seconds);
    loop->epochs_per_clock =
        seconds < short_epoch && !wants_each ? EPOCHS_PER_CLOCK : 1;
    loop->untimed_epochs = 0;
    loop->clock = now;
    return seconds;
}

/* Records a finished epoch in the epoch state, the plateau schedule and the
 * history, copies its weights if it is the best so far, and calls on_epoch.
 * Returns false if training is to end. Without validation no weights are
 * copied, since restore_best is about validation only. */
static bool finish_epoch(mlpi_loop *loop, const mlpi_record *record)
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
    mlpi_plateau_advance(&t->epoch_state.plateau, &options->schedule, watched);
    loop->epochs_done++;
    mlpi_history_add(loop->history, record, t->epoch_state.best_epoch);
    loop->untimed_epochs++;
    double seconds =
        loop->untimed_epochs < loop->epochs_per_clock ? 0.0 : read_clock(loop);
    mlp_epoch_progress progress = {.epoch = epoch,
                                   .epochs = total_epochs(loop),
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
        loop->clock = mlpi_seconds(); /* the callback's time is not counted */
    }
    return go_on && t->epoch_state.bad_epochs < options->patience;
}

/* Runs one epoch. Sets *go_on to false if training is to end after it. */
static mlp_status run_epoch(mlpi_loop *loop, bool *go_on)
{
    loop->batches_done = 0;
    loop->total_weight = loop->loss_sum = 0.0;
    TRY(set_learning_rate(loop));
    TRY(loop->feed_epoch(loop, loop->source));
    if (loop->stopped) {
        *go_on = false;
        return MLP_OK;
    }
    /* Rows in memory have been checked before; chunks may all have weight 0. */
    TRY(mlpi_sample_weights_check_sum(&loop->trainer->hooks,
                                      loop->total_weight));
    mlp_scores scores;
    TRY(validate(loop, &scores));
    /* With a single batch the mean is its loss. It is not computed as (J * m)
     * / m, which may round. */
    mlpi_record record = {.loss = loop->batches_done > 1
                                      ? loop->loss_sum / loop->total_weight
                                      : loop->last_loss,
                          .validation_loss = scores.loss,
                          .validation_accuracy = scores.accuracy,
                          .rate = loop->learning_rate};
    *go_on = finish_epoch(loop, &record);
    return MLP_OK;
}

/* ---------------------------------------------------------------------------
 * All epochs
 */

/* Runs all epochs. The weights are checked once more in the end, because no
 * loss has been computed after the last update. */
static mlp_status run_epochs(mlpi_loop *loop)
{
    bool go_on = true;
    loop->clock = mlpi_seconds();
    while (go_on && loop->epochs_done < loop->options->epochs) {
        TRY(run_epoch(loop, &go_on));
    }
    if (loop->untimed_epochs > 0) {
        (void)read_clock(loop);
    }
    return loop->has_backup && has_bad_weights(loop)
               ? weights_diverged(loop, loop->trainer->epoch_state.epochs -
                                            (loop->stopped ? 0 : 1))
               : MLP_OK;
}

/* True if the current epoch failed before it changed the weights, and they are
 * good: a chunk could not be had, say, or the schedule gave no rate. Then they
 * are newer than the backup, and stay. */
static bool has_good_weights(const mlpi_loop *loop, mlp_status status)
{
    return status != MLP_ERR_DIVERGED && loop->total_weight <= 0.0 &&
           !has_bad_weights(loop);
}

/* Sets aside what the caller did with the trainer step by step: its batch is
 * overwritten. Early stopping starts anew if the fit before watched the other
 * loss. */
mlp_status mlpi_loop_run(mlpi_loop *loop, mlp_history **history)
{
    mlp_trainer *t = loop->trainer;
    bool validates = loop->validation.m > 0;
    t->has_forward = false; /* the batch's arrays will be overwritten */
    t->has_gradients = false;
    mlpi_epoch_state_watch(&t->epoch_state, validates);
    mlp_status status = run_epochs(loop);
    /* The optimizer's moments belong to the weights that are given up. */
    if (status != MLP_OK) {
        if (loop->has_backup && !has_good_weights(loop, status)) {
            mlpi_snapshot_restore(t->net, loop->epoch_backup);
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
