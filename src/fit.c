/* SPDX-License-Identifier: MIT */
/*
 * Training in one call: epochs, batches, shuffling, history. All memory is
 * allocated before the first epoch.
 *
 * A loss that is not finite means that the weights are spoilt already, by an
 * update before it. So the weights that an epoch begins with are kept as soon
 * as they and their first loss are known to be finite, and put back when a
 * later one is not.
 */
#include <math.h>
#include <string.h>

#include "memory.h"
#include "report.h"
#include "trainer.h"
#include "view.h"

struct mlp_history {
    mlp_hooks hooks;
    size_t epochs;
    double *losses; /* [epochs] */
};

mlp_train_options mlp_train_defaults(void)
{
    return (mlp_train_options){.epochs = 1000,
                               .batch_size = 0,
                               .learning_rate = 0.01,
                               .shuffle = true,
                               .seed = 42};
}

static void lay_out_history(mlp_history *history, size_t epochs,
                            mlpi_cursor *cursor)
{
    (void)mlpi_take(cursor, 1, sizeof *history);
    history->losses = mlpi_take(cursor, epochs, sizeof *history->losses);
}

static mlp_status make_history(const mlp_hooks *hooks, size_t epochs,
                               mlp_history **history)
{
    mlp_history made = {.hooks = *hooks};
    mlpi_cursor measure = {0};
    lay_out_history(&made, epochs, &measure);
    void *block = NULL;
    TRY(mlpi_allocate(hooks, &measure, "a history", &block));
    mlpi_cursor carve = {.base = block};
    lay_out_history(&made, epochs, &carve);
    *history = block;
    **history = made;
    return MLP_OK;
}

size_t mlp_history_epochs(const mlp_history *history)
{
    return history ? history->epochs : 0;
}

const double *mlp_history_losses(const mlp_history *history)
{
    return history ? history->losses : NULL;
}

void mlp_history_free(mlp_history *history)
{
    if (history) {
        mlp_hooks hooks = history->hooks;
        mlpi_release(&hooks, history);
    }
}

/* One training run. */
typedef struct run {
    mlp_net *net;
    mlp_cview X, Y;
    mlp_train_options options;
    size_t batch;   /* rows of a batch, at most */
    size_t batches; /* in an epoch */
    mlp_trainer *trainer;
    mlp_history *history; /* or NULL */
    void *block;          /* holds order and good */
    size_t *order;        /* [m]: the rows of this epoch, or NULL */
    void *good;           /* real: parameters that an epoch began with */
    bool has_good;
} run;

static void lay_out(run *r, mlpi_cursor *cursor)
{
    const mlp_net *net = r->net;
    r->good = mlpi_take(cursor, net->layout.parameters, net->ops->real_size);
    if (r->batches > 1 && r->options.shuffle) {
        r->order = mlpi_take(cursor, r->X.rows, sizeof *r->order);
    }
}

/* Makes what is missing; release() frees what there is. */
static mlp_status allocate(run *r, bool with_history)
{
    const mlp_hooks *hooks = &r->net->hooks;
    if (with_history) {
        TRY(make_history(hooks, r->options.epochs, &r->history));
    }
    TRY(mlp_trainer_create(r->net, r->batch, &r->trainer));
    TRY(mlp_trainer_set_seed(r->trainer, r->options.seed));
    if (mlpi_step_is_busy(r->trainer, r->batch)) {
        /* Nobody is told of threads that there is no memory for: one will do. */
        mlp_hooks quiet = *hooks;
        quiet.log = NULL;
        (void)mlpi_trainer_hire(r->trainer, &quiet, r->options.threads);
    }
    mlpi_cursor measure = {0};
    lay_out(r, &measure);
    TRY(mlpi_allocate(hooks, &measure, "a training run", &r->block));
    mlpi_cursor carve = {.base = r->block};
    lay_out(r, &carve);
    return MLP_OK;
}

static void release(run *r)
{
    mlp_trainer_free(r->trainer);
    mlp_history_free(r->history);
    mlpi_release(&r->net->hooks, r->block);
}

static const char *kind_of(double x)
{
    return isnan(x) ? "not a number" : "infinite";
}

static const char *advice(const run *r)
{
    return r->has_good ? "a smaller learning rate may help"
                       : "so it was before the first update";
}

static mlp_cview all_parameters(const run *r)
{
    const mlp_net *net = r->net;
    size_t n = net->layout.parameters;
    return (mlp_cview){net->ops->dtype, 1, n, n, 1, net->parameters};
}

/* A loss can be finite though weights are not: a saturated output hides them. */
static bool has_bad_weight(const run *r)
{
    size_t row = 0;
    size_t col = 0;
    return r->net->ops->find_not_finite(all_parameters(r), &row, &col);
}

static mlp_status report_weight(const run *r, size_t epoch)
{
    size_t row = 0;
    size_t col = 0;
    (void)r->net->ops->find_not_finite(all_parameters(r), &row, &col);
    return mlpi_report(
        &r->net->hooks, MLP_ERR_DIVERGED, "epoch %zu: a weight is %s; %s",
        epoch, kind_of(mlp_cview_at(all_parameters(r), row, col)), advice(r));
}

static void restore_good(run *r)
{
    mlp_net *net = r->net;
    if (r->has_good) {
        memcpy(net->parameters, r->good,
               net->layout.parameters * net->ops->real_size);
    }
}

static mlp_status train_batch(run *r, size_t epoch, size_t batch, size_t rows,
                              double *loss)
{
    size_t first = batch * r->batch;
    mlpi_step step = {.m = rows,
                      .alpha = r->options.learning_rate,
                      /* One batch of all rows stays where it is. */
                      .has_rows = r->batches == 1 && epoch > 0};
    if (r->order) {
        step.X = r->X;
        step.Y = r->Y;
        step.order = r->order + first;
    } else if (!step.has_rows) {
        step.X = mlp_cview_rows(r->X, first, rows);
        step.Y = mlp_cview_rows(r->Y, first, rows);
    }
    if (batch == 0) {
        step.only_look = has_bad_weight(r);
        step.keep = r->good;
    }
    mlpi_step_whole(r->trainer, &step);
    *loss = step.loss;
    if (!isfinite(step.loss)) {
        return mlpi_report(&r->net->hooks, MLP_ERR_DIVERGED,
                           "epoch %zu, batch %zu: the loss is %s; %s", epoch,
                           batch, kind_of(step.loss), advice(r));
    }
    if (step.only_look) {
        return report_weight(r, epoch);
    }
    r->has_good = true;
    return MLP_OK;
}

static mlp_status train_epoch(run *r, size_t epoch, mlp_rng *rng, double *loss)
{
    size_t m = r->X.rows;
    if (r->order) {
        TRY(mlp_rng_permutation(rng, m, r->order));
    }
    double sum = 0.0;
    for (size_t batch = 0; batch < r->batches; batch++) {
        size_t left = m - batch * r->batch;
        size_t rows = left < r->batch ? left : r->batch;
        double batch_loss = 0.0;
        TRY(train_batch(r, epoch, batch, rows, &batch_loss));
        sum += batch_loss * (double)rows;
        *loss = batch_loss;
    }
    /* The loss of a single batch as it is: m times it, over m, may differ. */
    if (r->batches > 1) {
        *loss = sum / (double)m;
    }
    return MLP_OK;
}

/* Whether to go on after an epoch. */
static bool note_epoch(run *r, size_t epoch, double loss)
{
    if (r->history) {
        r->history->losses[epoch] = loss;
        r->history->epochs = epoch + 1;
    }
    mlp_progress progress = {.epoch = epoch,
                             .epochs = r->options.epochs,
                             .loss = loss,
                             .net = r->net};
    return !r->options.on_epoch ||
           r->options.on_epoch(&progress, r->options.user);
}

static mlp_status train(run *r)
{
    mlp_rng rng = mlp_rng_seeded(r->options.seed);
    bool go_on = true;
    size_t epoch = 0;
    for (; go_on && epoch < r->options.epochs; epoch++) {
        double loss = 0.0;
        TRY(train_epoch(r, epoch, &rng, &loss));
        go_on = note_epoch(r, epoch, loss);
    }
    /* No loss will tell of the last update. */
    return epoch > 0 && has_bad_weight(r) ? report_weight(r, epoch - 1)
                                          : MLP_OK;
}

static mlp_status check_options(const mlp_net *net,
                                const mlp_train_options *options)
{
    double rate = net->ops->round(options->learning_rate);
    if (!(rate > 0.0) || !isfinite(rate)) {
        return mlpi_report(&net->hooks, MLP_ERR_ARGUMENT,
                           "learning_rate: expects a finite %s above 0, got "
                           "%g",
                           mlp_dtype_name(net->ops->dtype),
                           options->learning_rate);
    }
    return mlpi_team_check(&net->hooks, options->threads);
}

mlp_status mlp_fit(mlp_net *net, mlp_cview X, mlp_cview Y,
                   const mlp_train_options *options, mlp_history **history)
{
    if (!net) {
        return MLP_ERR_NULL;
    }
    run r = {.net = net, .X = X, .Y = Y};
    r.options = options ? *options : mlp_train_defaults();
    TRY(check_options(net, &r.options));
    TRY(mlpi_net_check_shapes(net, X, Y));
    size_t asked = r.options.batch_size;
    r.batch = asked == 0 || asked > X.rows ? X.rows : asked;
    r.batches = X.rows / r.batch + (X.rows % r.batch > 0);
    /* Absurdly many rows fail here, before all of them are looked at. */
    mlp_status status = allocate(&r, history != NULL);
    if (status == MLP_OK) {
        status = mlpi_net_check_values(net, X, Y);
    }
    if (status == MLP_OK) {
        status = train(&r);
        if (status != MLP_OK) {
            restore_good(&r);
        }
    }
    if (status == MLP_OK && history) {
        *history = r.history;
        r.history = NULL;
    }
    release(&r);
    return status;
}
