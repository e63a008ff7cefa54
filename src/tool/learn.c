/* SPDX-License-Identifier: MIT */
/*
 * From rows to a network:
 *
 *     table --recipe--> all rows, encoded --gather--> X[0], Y[0]  to train on
 *                                                     X[1], Y[1]  to score
 *
 * The recipe is made from the training rows only: a mean or a category that the
 * other rows bring would let the network know something about them. Then the
 * network is made, fitted and scored.
 */
#include "tool/learn.h"

#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "mlp_show.h"
#include "tool/talk.h"

/* Small and large tables, and how many epochs a large one gets: so many that
 * the network sees ROWS_TO_SEE rows. A small table needs its 2000 updates or
 * 200 epochs, which mlp_fit chooses; for 60,000 rows that would take minutes
 * and bring nothing. */
enum { MANY_ROWS = 10000, ROWS_TO_SEE = 1200000, LEAST = 10, MOST = 100 };

/* The header has the table of these numbers. Whether a table is large is
 * decided by its training rows, so the folds of a table near the limit may be
 * planned as the whole is; they get its plan. */
tool_plan mlpi_tool_plan(const tool_options *options, size_t rows)
{
    bool is_large = rows >= MANY_ROWS;
    tool_plan plan = {.n_hidden = options->n_hidden,
                      .epochs = options->epochs,
                      .batch = is_large ? 128 : MLP_AUTO_COUNT,
                      .rate = options->rate,
                      .dropout = options->dropout,
                      .seed = (uint32_t)options->seed,
                      .deadline = INFINITY};
    memcpy(plan.hidden, options->hidden, sizeof plan.hidden);
    if (plan.n_hidden == 0) {
        plan.n_hidden = is_large ? 2 : 1;
        plan.hidden[0] = is_large ? 256 : 100;
        plan.hidden[1] = 128;
    }
    if (plan.epochs == MLP_AUTO_COUNT && is_large) {
        size_t epochs = ROWS_TO_SEE / rows;
        plan.epochs = epochs < LEAST ? LEAST : epochs > MOST ? MOST : epochs;
    }
    if (plan.rate == MLP_AUTO) {
        plan.rate = is_large ? 0.002 : 0.001;
    }
    if (plan.dropout == MLP_AUTO) {
        plan.dropout = is_large ? 0.2 : 0;
    }
    return plan;
}

/* What a network is made of. */
typedef struct work {
    const tool_table *table;
    const tool_plan *plan;
    tool_split split;
    mlp_data_recipe *made; /* unless the network to go on from has a recipe */
    const mlp_data_recipe *recipe;
    size_t *rows;        /* of the whole table: split.order is of table->rows */
    mlp_view all;        /* all rows of the table, encoded */
    mlp_view X[2], Y[2]; /* the training rows, and those to score */
    tool_result result;
} work;

/* ---------------------------------------------------------------------------
 * Rows
 */

/* Returns the number that the recipe gives to the class k of the table, or
 * SIZE_MAX if it does not know that class. */
static size_t class_of(const work *w, size_t k)
{
    const mlp_data *data = w->table->data;
    size_t column = mlp_data_find(data, w->table->target);
    const char *name = mlp_data_category(data, column, k);
    size_t n = mlp_data_recipe_classes(w->recipe);
    for (size_t i = 0; i < n; i++) {
        size_t at = (k + i) % n; /* usually it is k itself */
        if (strcmp(mlp_data_recipe_class(w->recipe, at), name) == 0) {
            return at;
        }
    }
    mlpi_tool_complain("%s: the class \"%s\" is not known to %s",
                       w->table->path, name, w->plan->from->path);
    return SIZE_MAX;
}

/* Gathers the inputs and targets of part k, whose rows begin at `first`. */
static int take_part(work *w, size_t k, size_t first, size_t n)
{
    const tool_table *t = w->table;
    const mlp_net *net = w->result.net;
    mlp_hooks hooks = mlp_hooks_stderr();
    bool is_cce = mlp_net_loss(net) == MLP_LOSS_CCE;
    mlp_dtype precision = mlp_net_precision(net);
    w->X[k] = mlpi_tool_view(precision, n, w->all.cols);
    w->Y[k] = mlpi_tool_view(is_cce ? MLP_I32 : precision, n, 1);
    if (!w->X[k].data || !w->Y[k].data) {
        return TOOL_FAILED;
    }
    for (size_t i = 0; i < n; i++) {
        double y =
            mlp_cview_at(mlp_view_const(t->Y), w->split.order[first + i], 0);
        size_t class_number = t->classes > 0 ? class_of(w, (size_t)y) : 0;
        if (class_number == SIZE_MAX) {
            return TOOL_FAILED;
        }
        (void)mlp_view_set(w->Y[k], i, 0,
                           t->classes > 0 ? (double)class_number : y);
    }
    TRY_MLP(mlp_gather_rows(mlp_view_const(w->all), w->rows + first, &hooks,
                            w->X[k]));
    return TOOL_DONE;
}

/* Encodes all rows, because a recipe encodes whole tables, and keeps those of
 * the two parts. The encoded table is as large as both, so it is freed before
 * the training. */
static int take_parts(work *w)
{
    size_t train = w->split.n_train;
    const mlp_net *net = w->result.net;
    w->all = mlpi_tool_view(mlp_net_precision(net),
                            mlp_data_rows(w->table->data), mlp_net_inputs(net));
    if (!w->all.data) {
        return TOOL_FAILED;
    }
    TRY_MLP(mlp_data_recipe_encode(w->recipe, w->table->data, w->all));
    TRY(take_part(w, 0, 0, train));
    TRY(take_part(w, 1, train, w->split.n_test));
    free(w->all.data);
    w->all.data = NULL;
    return TOOL_DONE;
}

/* ---------------------------------------------------------------------------
 * Networks
 */

/* Makes a new network: hidden layers of ReLU, then softmax for classes, also if
 * there are only two, or one output for a number. */
static int make_net(work *w)
{
    const tool_plan *plan = w->plan;
    size_t classes = w->table->classes;
    mlp_layer layers[TOOL_MAX_HIDDEN + 1] = {{0}};
    for (size_t l = 0; l < plan->n_hidden; l++) {
        layers[l].width = plan->hidden[l];
        layers[l].dropout = plan->dropout;
    }
    layers[plan->n_hidden].width = classes > 0 ? classes : 1;
    mlp_config config = mlp_config_defaults();
    config.inputs = mlp_data_recipe_inputs(w->recipe);
    config.layers = layers;
    config.n_layers = plan->n_hidden + 1;
    config.loss = classes > 0 ? MLP_LOSS_CCE : MLP_LOSS_MSE;
    config.precision = w->table->precision;
    config.seed = plan->seed;
    config.hooks = mlp_hooks_stderr();
    TRY_MLP(mlp_net_create(&config, &w->result.net));
    if (plan->weights) {
        TRY_MLP(mlp_net_import(w->result.net, plan->weights));
    }
    return TOOL_DONE;
}

/* Takes a copy of the network to go on from. Its scaling stays, because it has
 * learnt with it. */
static int take_net(work *w)
{
    const tool_model *from = w->plan->from;
    size_t inputs = mlp_data_recipe_inputs(w->recipe);
    if (mlp_net_inputs(from->net) != inputs) {
        mlpi_tool_complain("%s has %zu inputs, and the columns of %s become "
                           "%zu",
                           from->path, mlp_net_inputs(from->net),
                           w->table->path, inputs);
        return TOOL_FAILED;
    }
    TRY_MLP(mlp_net_clone(from->net, &w->result.net));
    return TOOL_DONE;
}

/* Gives all inputs the mean and the deviation of all bytes in the training
 * rows. They are floats here, row by row, and their sums are exact, so the
 * order does not matter. If all bytes are equal, nothing is divided. */
static int share_scaling(work *w)
{
    mlp_cview X = mlp_view_const(w->X[0]);
    const float *x = X.data;
    double n = (double)X.rows * (double)X.cols;
    double sum = 0;
    double squares = 0;
    for (size_t i = 0; i < X.rows * X.cols; i++) {
        sum += (double)x[i];
        squares += (double)x[i] * (double)x[i];
    }
    double variance = squares / n - sum / n * (sum / n);
    double *mean = mlpi_tool_memory(2 * X.cols, sizeof *mean);
    if (!mean) {
        return TOOL_FAILED;
    }
    for (size_t j = 0; j < X.cols; j++) {
        mean[j] = sum / n;
        mean[X.cols + j] = variance > 0 ? sqrt(variance) : 1;
    }
    mlp_status status = mlp_net_set_scaling(w->result.net, mean, mean + X.cols);
    free(mean);
    return status == MLP_OK ? TOOL_DONE : TOOL_FAILED;
}

/* ---------------------------------------------------------------------------
 * Training
 */

/* Whether Ctrl-C was pressed. A signal handler can tell it in no other way. */
static volatile sig_atomic_t interrupted;

/* A second Ctrl-C finds the signal's usual action, which ends the program. */
static void note_interrupt(int number)
{
    interrupted = 1;
    (void)signal(number, SIG_DFL);
}

double mlpi_tool_now(void)
{
    struct timespec now = {0};
    (void)timespec_get(&now, TIME_UTC);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* What watches a training run. */
typedef struct watch {
    mlp_show_progress line;
    double deadline;
    bool is_stopped;
} watch;

/* Serves as on_epoch. The last epoch needs no stop. */
static bool watch_epoch(const mlp_epoch_progress *progress, void *user)
{
    watch *w = user;
    (void)mlp_show_epoch(progress, &w->line);
    w->is_stopped = progress->epoch + 1 < progress->epochs &&
                    (interrupted || mlpi_tool_now() > w->deadline);
    return !w->is_stopped;
}

/* Fits the network to the training rows. What only the options of mlp_fit say
 * stays at its default: adamw, whose weight decay suits the numbers of rows and
 * parameters, and the scaling of inputs and targets. */
static int fit(work *w)
{
    const tool_plan *plan = w->plan;
    watch eyes = {.line = mlp_show_progress_on(stderr),
                  .deadline = plan->deadline};
    mlp_train_options options = mlp_train_defaults();
    options.epochs = plan->epochs;
    options.batch_size = plan->batch;
    options.learning_rate = plan->rate;
    options.schedule.kind = MLP_SCHEDULE_COSINE;
    options.seed = plan->seed;
    options.on_epoch = watch_epoch;
    options.user = &eyes;
    if (!interrupted) {
        (void)signal(SIGINT, note_interrupt);
    }
    mlp_status status =
        mlp_fit(w->result.net, mlp_view_const(w->X[0]), mlp_view_const(w->Y[0]),
                &options, &w->result.history);
    mlp_show_progress_end(&eyes.line);
    interrupted = 0; /* what comes next may run */
    w->result.is_stopped = eyes.is_stopped;
    return status == MLP_OK ? TOOL_DONE : TOOL_FAILED;
}

/* ---------------------------------------------------------------------------
 * The whole
 */

/* Makes, trains and scores; mlpi_tool_learn frees what is left. */
static int learn(work *w)
{
    const tool_plan *plan = w->plan;
    size_t n = w->split.n_train + w->split.n_test;
    w->rows = mlpi_tool_memory(n, sizeof *w->rows);
    if (!w->rows) {
        return TOOL_FAILED;
    }
    for (size_t i = 0; i < n; i++) {
        w->rows[i] = w->table->rows[w->split.order[i]];
    }
    w->recipe = plan->from ? plan->from->recipe : NULL;
    if (!w->recipe) {
        TRY_MLP(mlp_data_recipe_make(w->table->data, w->table->target, w->rows,
                                     w->split.n_train, &w->made));
        w->recipe = w->made;
    }
    TRY(plan->from ? take_net(w) : make_net(w));
    TRY(take_parts(w));
    if (w->table->is_bytes && !plan->from && !plan->weights) {
        TRY(share_scaling(w));
    }
    TRY(fit(w));
    TRY_MLP(mlp_data_recipe_save(w->recipe, w->result.net));
    TRY_MLP(mlpi_tool_score(w->result.net, mlp_view_const(w->X[1]),
                            mlp_view_const(w->Y[1]), &w->result.scores));
    return TOOL_DONE;
}

int mlpi_tool_learn(const tool_table *table, const tool_plan *plan,
                    tool_split split, tool_result *result)
{
    work w = {.table = table, .plan = plan, .split = split};
    int status = learn(&w);
    for (size_t k = 0; k < 2; k++) {
        free(w.X[k].data);
        free(w.Y[k].data);
    }
    free(w.all.data);
    free(w.rows);
    mlp_data_recipe_free(w.made);
    if (status != TOOL_DONE) {
        mlpi_tool_free_result(&w.result);
    }
    *result = w.result;
    return status;
}

void mlpi_tool_free_result(tool_result *result)
{
    mlp_net_free(result->net);
    mlp_history_free(result->history);
    *result = (tool_result){.net = NULL};
}
