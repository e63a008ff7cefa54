/* SPDX-License-Identifier: MIT */
/*
 * The epochs of a fit, in pseudo-code, with the function that does each part:
 *
 *     repeat, until all epochs are done, early stopping ends the training, or a
 *     callback returns false:
 *         learning_rate = schedule(epoch)                  set_learning_rate
 *         for each batch of the data source:           mlpi_loop_train_batch
 *             J = loss of the batch; parameters -= update
 *             loss_sum += J * weight of the batch              finish_batch
 *         loss = loss_sum / total weight                          run_epoch
 *         validation_loss = J of the validation rows               validate
 *         record the epoch; if its validation loss is the best,
 *             copy the weights                                 finish_epoch
 *     if asked for, restore the weights of the best epoch     mlpi_loop_run
 *
 * training_loop.h says what a data source is. A snapshot is a copy of the
 * network's parameters and running moments (see trainer_state.h); that of the
 * current epoch is called its *backup*.
 *
 * Divergence. Training must never end with weights that are NaN or infinite, so
 * these are checked:
 *
 *     the weights, before the first update of each epoch and after the last
 *       epoch: an output that stays at 0 or 1 can hide an infinite weight
 *       from the loss
 *     the loss and the gradients, in each step before its update (in a fused
 *       step A and dZ instead of the gradients: step.c)
 *     the validation loss, after each epoch
 *
 * If the loss of a step is not finite, an earlier update has already made the
 * weights bad. So each epoch has a backup. It is copied in the first step,
 * after weights, loss and gradients were found finite and before the update. So
 * a backup always holds good weights. After an error mlpi_loop_run restores the
 * backup and resets the optimizer, which remembers gradients of the discarded
 * weights; unless the epoch failed before its first update and the weights are
 * good (has_good_weights). If that undoes the first update of the fit, the
 * network is as before the call (undo), and fit.c takes back the scaling that
 * it has set.
 */
#include "train/training_loop.h"

#include <math.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/memory.h"
#include "model/data_check.h"
#include "train/history.h"
#include "train/lbfgs_step.h"
#include "train/sample_weights.h"
#include "train/train_options.h"

/* ---------------------------------------------------------------------------
 * Preparation
 */

mlp_status mlpi_loop_check_batch(const mlp_trainer *trainer, size_t rows)
{
    if (rows > trainer->max_rows) {
        return mlpi_error(
            &trainer->hooks, MLP_ERR_SHAPE,
            "batch: expects at most %zu row%s, got %zu (max_rows of the "
            "trainer)",
            trainer->max_rows, mlpi_plural(trainer->max_rows), rows);
    }
    return MLP_OK;
}

/* Small networks get no team of threads, because with several threads each step
 * would take longer. */
mlp_status mlpi_loop_create_trainer(mlp_net *net, size_t max_rows,
                                    bool from_source,
                                    const mlp_train_options *options,
                                    mlp_trainer **trainer)
{
    size_t threads = options->threads > 0 ? options->threads : mlpi_cores();
    size_t array_rows = max_rows;
    if (from_source && mlpi_has_micro_batches(net)) {
        array_rows =
            mlpi_min_size(max_rows, mlpi_micro_batch_rows(net, threads));
    }
    mlp_trainer *made = NULL;
    TRY(mlpi_trainer_make(net, max_rows, array_rows, &made));
    if (mlpi_step_pays_for_threads(made, max_rows)) {
        /* Training works with one thread, too, so it is no error if there is no
         * memory for more, and no message is logged. */
        mlp_hooks silent = net->hooks;
        silent.log = NULL;
        (void)mlpi_trainer_replace_team(made, &silent, options->threads);
    }
    mlp_status status = mlp_trainer_set_optimizer(made, &options->optimizer);
    if (status != MLP_OK) {
        mlp_trainer_free(made);
        return status;
    }
    *trainer = made;
    return MLP_OK;
}

/* A trainer from a checkpoint is not new if the saved trainer had been used in
 * a fit. Then the generators stay as they were saved, so training resumes with
 * the same random numbers. */
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

/* Memory is allocated before the values of the rows are read, so a call with
 * absurdly many epochs or rows fails at once. */
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

/* If mlpi_loop_prepare failed, the pointers that it did not set are NULL, and
 * nothing is released for them. */
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
 * learning rate: the network or the data were bad from the beginning. */
static const char *advice(const mlpi_loop *loop)
{
    return loop->has_backup ? "a smaller learning rate may help"
                            : "it was not finite before the first update";
}

/* True if a weight, or a running mean or variance of batch norm, is not finite.
 * The function reads all parameters, so it is called once for each epoch, not
 * for each batch. */
static bool has_bad_weights(const mlpi_loop *loop)
{
    const mlp_net *net = loop->trainer->net;
    return !net->kernels->is_finite(
        net->layout.parameters + net->layout.running_count, net->parameters);
}

/* True if no step of the current epoch has been done. Batches in which all rows
 * have the weight 0 are skipped, and do not count. */
static bool is_first_batch(const mlpi_loop *loop)
{
    return loop->total_weight <= 0.0;
}

/* Notes that the network has just been copied to the backup. */
static void note_backup(mlpi_loop *loop)
{
    loop->has_backup = true;
    loop->backup_epoch = loop->epochs_done;
}

/* Returns the error for weights that are not finite, with a message about the
 * first of them. */
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

/* Returns ", rank 2" if the loss or a gradient of that process was the first
 * that is not finite, else "". */
enum { WHERE_SIZE = 32 };
static const char *name_rank(const mlpi_step_args *args, char where[WHERE_SIZE])
{
    where[0] = '\0';
    if (args->parts && args->parts->is_bad) {
        (void)snprintf(where, WHERE_SIZE, ", rank %zu", args->parts->bad_rank);
    }
    return where;
}

/* Returns the error for gradients that are not finite, with a message about the
 * first of them. With lbfgs all gradients may be finite, and still the sum of
 * their squares is too large. If this is the first batch of the epoch, the
 * weights are still those of its start, and good. So they become the backup. */
static mlp_status gradient_diverged(mlpi_loop *loop, const mlpi_step_args *args,
                                    size_t epoch)
{
    char where[WHERE_SIZE];
    mlp_trainer *t = loop->trainer;
    const char *ending = advice(loop); /* as it is before has_backup changes */
    size_t row = 0;
    size_t col = 0;
    size_t n = t->net->layout.parameters;
    mlp_cview all = {t->net->kernels->dtype, 1, n, n, 1, t->batch.gradients};
    bool found = t->net->kernels->find_not_finite(all, &row, &col);
    if (is_first_batch(loop)) {
        mlpi_snapshot_take(t->net, loop->epoch_backup);
        note_backup(loop);
    }
    return mlpi_error(&t->hooks, MLP_ERR_DIVERGED,
                      "epoch %zu, batch %zu%s: the gradient is %s; %s", epoch,
                      loop->batches_done, name_rank(args, where),
                      found ? not_finite_name(mlp_cview_at(all, row, col))
                            : "too large",
                      ending);
}

/* ---------------------------------------------------------------------------
 * A batch
 */

/* Adds the loss and the weight of a batch to the sums of the epoch, and calls
 * on_batch. */
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
    loop->wants_stop =
        (options->on_batch && !options->on_batch(&progress, options->user)) ||
        loop->wants_stop;
    loop->stopped = loop->wants_stop && !loop->parts->exchange;
}

/* Trains on the batch, if its weights are above 0, and finds what
 * mlpi_loop_train_batch needs to know. */
static mlp_status step(mlpi_loop *loop, const mlpi_step_args *args,
                       mlpi_step_result *result)
{
    mlp_trainer *t = loop->trainer;
    if (args->parts) {
        args->parts->stops = loop->wants_stop;
        TRY(mlpi_parts_step(t, args, args->parts, result));
        loop->stopped = args->parts->stopped;
    } else if (t->optimizer.options.kind == MLP_OPTIMIZER_LBFGS) {
        mlpi_lbfgs_step(t, args, result);
    } else {
        mlpi_step_train(t, args, result);
    }
    return MLP_OK;
}

/* A batch in which all rows have the weight 0 has no mean loss and no
 * gradients. So there is no step, and its loss counts as 0. */
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
    if (is_first_batch(loop)) {
        args->no_update = has_bad_weights(loop);
        args->backup = loop->epoch_backup;
    }
    args->discard_Z_and_dW = true;
    TRY(step(loop, args, &result));
    if (loop->stopped) {
        return MLP_OK;
    }
    if (!isfinite(result.loss)) {
        char where[WHERE_SIZE];
        return mlpi_error(&loop->trainer->hooks, MLP_ERR_DIVERGED,
                          "epoch %zu, batch %zu%s: the loss is %s; %s", epoch,
                          loop->batches_done, name_rank(args, where),
                          not_finite_name(result.loss), advice(loop));
    }
    if (args->no_update) {
        return weights_diverged(loop, epoch);
    }
    if (result.gradient_not_finite) {
        return gradient_diverged(loop, args, epoch);
    }
    if (is_first_batch(loop)) {
        note_backup(loop);
    }
    mlpi_watch_batch(&loop->watch, loop->trainer, result.loss);
    finish_batch(loop, args, result.loss);
    return MLP_OK;
}

/* ---------------------------------------------------------------------------
 * An epoch
 */

/* Computes the scores of the validation rows, or NaN if there are none. If
 * on_batch has ended the training in another process, `stopped` becomes
 * true. */
static mlp_status validate(mlpi_loop *loop, mlp_scores *scores)
{
    mlp_trainer *t = loop->trainer;
    const mlpi_parts *parts = loop->parts;
    bool validates = loop->validation.m > 0;
    *scores = (mlp_scores){.loss = (double)NAN, .accuracy = (double)NAN};
    if (parts->count > 1) {
        TRY(mlpi_parts_evaluate(parts, t->net, loop->workspace,
                                &loop->validation,
                                validates ? loop->validation_begin : NULL,
                                &loop->wants_stop, scores));
        loop->stopped = loop->wants_stop;
    } else if (validates) {
        mlpi_evaluate(t->net, loop->workspace, &loop->validation, scores);
    }
    if (validates && !loop->stopped && !isfinite(scores->loss)) {
        return mlpi_error(&t->hooks, MLP_ERR_DIVERGED,
                          "epoch %zu: the validation loss is %s; %s",
                          t->epoch_state.epochs, not_finite_name(scores->loss),
                          advice(loop));
    }
    return MLP_OK;
}

/* Returns the number of epochs that the trainer will have done after this fit,
 * together with its earlier fits. Schedules count epochs over all fits, too. */
static size_t total_epochs(const mlpi_loop *loop)
{
    return loop->trainer->epoch_state.epochs +
           (loop->options->epochs - loop->epochs_done);
}

/* Sets the learning rate of the epoch from the schedule, unless training ends
 * before it. The rate is checked in the network's precision: a custom schedule
 * may return any number, and a finite double may be too large for float. */
static mlp_status set_learning_rate(mlpi_loop *loop)
{
    const mlp_trainer *t = loop->trainer;
    const mlp_train_options *options = loop->options;
    loop->learning_rate = mlpi_schedule_rate(
        &options->schedule, &t->epoch_state.plateau, options->learning_rate,
        t->epoch_state.epochs, total_epochs(loop));
    double rounded =
        t->net->kernels->scalar->round_to_real(loop->learning_rate);
    if (!(loop->learning_rate >= 0.0) || !isfinite(rounded)) {
        return mlpi_error(&t->hooks, MLP_ERR_ARGUMENT,
                          "epoch %zu: expects a schedule whose rate is finite "
                          "as %s, 0 or more, got %g",
                          t->epoch_state.epochs,
                          mlp_dtype_name(t->net->kernels->dtype),
                          loop->learning_rate);
    }
    return MLP_OK;
}

/* Divides the time since the last reading equally among the epochs since then,
 * and returns one share. Reading the clock takes a large part of an epoch in a
 * tiny network. So if epochs are shorter than short_epoch (seconds), the clock
 * is read only once in EPOCHS_PER_CLOCK epochs. If on_epoch is set, every epoch
 * is timed by itself, because the callback gets its duration. */
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
 * history, and calls on_epoch. `watched` is the loss that early stopping
 * watches (see epoch_state.h). If it is the validation loss and the epoch is
 * the best so far, the weights are copied for restore_best. Returns false if
 * training must end. */
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

/* Sets the learning rate of an epoch, and asks the other processes whether they
 * go on; *go_on says whether this one does. A schedule of the caller's own must
 * give the same rate to all. */
static mlp_status begin_epoch(mlpi_loop *loop, bool *go_on)
{
    const mlp_exchange *exchange = loop->parts->exchange;
    const mlp_hooks *hooks = &loop->trainer->hooks;
    loop->batches_done = 0;
    loop->total_weight = loop->loss_sum = 0.0;
    mlp_status status = *go_on ? set_learning_rate(loop) : MLP_OK;
    double stops = *go_on ? 0.0 : 1.0;
    if (!exchange) {
        return status;
    }
    TRY(mlpi_agree(exchange, hooks, status, &stops, 1));
    *go_on = stops == 0.0;
    if (*go_on && loop->options->schedule.kind == MLP_SCHEDULE_CUSTOM) {
        TRY(mlpi_agree_equal(exchange, hooks, MLP_OK,
                             mlpi_hash(MLPI_HASH_BEGIN, &loop->learning_rate,
                                       sizeof loop->learning_rate),
                             "learning rate"));
    }
    return MLP_OK;
}

/* Runs one epoch. Sets *go_on to false if training must end after it, unless
 * on_batch has stopped it. */
static mlp_status run_epoch(mlpi_loop *loop, bool *go_on)
{
    mlpi_watch_begin_epoch(&loop->watch);
    TRY(loop->feed_epoch(loop, loop->source));
    if (loop->stopped) {
        return MLP_OK;
    }
    /* fit.c has checked this sum before; with fit_stream.c all rows of all
     * chunks may have the weight 0. */
    TRY(mlpi_sample_weights_check_sum(&loop->trainer->hooks,
                                      loop->total_weight));
    mlp_scores scores;
    TRY(validate(loop, &scores));
    if (loop->stopped) {
        return MLP_OK;
    }
    /* The mean over a single batch is the loss J of that batch. It is not
     * computed as (J * m) / m, which may round. */
    mlpi_record record = {.loss = loop->batches_done > 1
                                      ? loop->loss_sum / loop->total_weight
                                      : loop->last_loss,
                          .validation_loss = scores.loss,
                          .validation_accuracy = scores.accuracy,
                          .rate = loop->learning_rate};
    mlpi_watch_end_epoch(&loop->watch, record.loss);
    *go_on = finish_epoch(loop, &record);
    return MLP_OK;
}

/* ---------------------------------------------------------------------------
 * All epochs
 */

/* Runs all epochs. The weights are checked once more at the end, because no
 * loss is computed after the last update. */
static mlp_status run_epochs(mlpi_loop *loop)
{
    bool go_on = true;
    loop->clock = mlpi_seconds();
    while (loop->epochs_done < loop->options->epochs && !loop->stopped) {
        TRY(begin_epoch(loop, &go_on));
        if (!go_on) {
            break;
        }
        TRY(run_epoch(loop, &go_on));
    }
    if (loop->untimed_epochs > 0) {
        (void)read_clock(loop);
    }
    /* The last finished epoch, or the one that on_batch has cut short. */
    size_t epoch = loop->trainer->epoch_state.epochs - (loop->stopped ? 0 : 1);
    return loop->has_backup && has_bad_weights(loop)
               ? weights_diverged(loop, epoch)
               : MLP_OK;
}

/* True if the current epoch failed before its first update, and the weights are
 * good. For example, the next chunk could not be read. These weights are newer
 * than the backup, so they are kept. */
static bool has_good_weights(const mlpi_loop *loop, mlp_status status)
{
    return status != MLP_ERR_DIVERGED && is_first_batch(loop) &&
           !has_bad_weights(loop);
}

/* After an error, restores the backup if there are no better weights. The
 * optimizer remembers gradients of weights that are discarded, so it is reset.
 * A fit of which nothing is left may not count as training: the next one must
 * find the network as new as it was. */
static void undo(mlpi_loop *loop, mlp_status status, bool was_trained)
{
    mlp_trainer *t = loop->trainer;
    bool restores = loop->has_backup && !has_good_weights(loop, status);
    if (restores) {
        mlpi_snapshot_restore(t->net, loop->epoch_backup);
        mlpi_optimizer_forget(t->net, &t->optimizer);
    }
    loop->is_undone = restores ? loop->backup_epoch == 0 : !loop->has_backup;
    if (loop->is_undone) {
        t->net->is_trained = was_trained;
    }
}

/* Runs all epochs, then restores the best weights or, after an error, the
 * backup. Z and A of an earlier mlp_trainer_forward are overwritten. If the
 * last fit watched the training loss and this one watches the validation loss,
 * or the other way round, the best epoch and the patience start again. */
mlp_status mlpi_loop_run(mlpi_loop *loop, mlp_history **history)
{
    mlp_trainer *t = loop->trainer;
    bool validates = loop->validation.m > 0;
    t->has_forward = false; /* the batch's arrays will be overwritten */
    mlpi_watch_begin(&loop->watch, t);
    bool was_trained = t->net->is_trained;
    t->net->is_trained = was_trained || loop->options->epochs > 0;
    t->has_gradients = false;
    mlpi_epoch_state_watch(&t->epoch_state, validates);
    mlp_status status = run_epochs(loop);
    if (status != MLP_OK) {
        undo(loop, status, was_trained);
        return status;
    }
    bool restores = validates && loop->options->restore_best &&
                    mlpi_epoch_state_has_best(&t->epoch_state);
    if (restores) {
        mlpi_snapshot_restore(t->net, t->best);
    }
    mlpi_watch_end(&loop->watch, t, restores);
    if (history) {
        *history = loop->history;
        loop->history = NULL;
    }
    return MLP_OK;
}
