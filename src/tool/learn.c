/* SPDX-License-Identifier: MIT */
/*
 * From rows to a network: a recipe is made from the training rows only, encodes
 * all rows, and the rows of each part are gathered. Then the network is made,
 * fitted and scored.
 */
#include "tool/learn.h"

#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "mlp_show.h"
#include "tool/talk.h"

/* From this number of training rows on, a table is a large one. */
enum { MANY_ROWS = 10000, ROWS_TO_SEE = 1200000, LEAST = 10, MOST = 100 };

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

/* ---------------------------------------------------------------------------
 * Rows
 */

/* The two parts of a table, as the network reads them. */
typedef struct parts {
    mlp_view X[2], Y[2]; /* training rows and rows to score */
} parts;

static void free_parts(parts *p)
{
    for (size_t k = 0; k < 2; k++) {
        free(p->X[k].data);
        free(p->Y[k].data);
    }
}

/* Returns the number that the recipe gives the class k of the table, or -1 if
 * it does not know that. */
static double class_of(const tool_table *t, const mlp_data_recipe *recipe,
                       double k)
{
    size_t column = mlp_data_find(t->data, t->target);
    const char *name = mlp_data_category(t->data, column, (size_t)k);
    size_t n = mlp_data_recipe_classes(recipe);
    for (size_t i = 0; i < n; i++) {
        size_t at = ((size_t)k + i) % n; /* usually it is k itself */
        if (strcmp(mlp_data_recipe_class(recipe, at), name) == 0) {
            return (double)at;
        }
    }
    mlpi_tool_complain("%s: the network to go on from does not know the class "
                       "\"%s\"",
                       t->path, name);
    return -1;
}

static mlp_status take_targets(const tool_table *t,
                               const mlp_data_recipe *recipe,
                               const size_t *order, mlp_view Y)
{
    for (size_t i = 0; i < Y.rows; i++) {
        double y = mlp_cview_at(mlp_view_const(t->Y), order[i], 0);
        y = t->classes > 0 && recipe ? class_of(t, recipe, y) : y;
        if (t->classes > 0 && y < 0) {
            return MLP_ERR_FORMAT;
        }
        (void)mlp_view_set(Y, i, 0, y);
    }
    return MLP_OK;
}

/* Copies the rows order[0..] of the table from all its encoded rows. */
static mlp_status take_inputs(const tool_table *t, mlp_view all,
                              const size_t *order, mlp_view X)
{
    mlp_hooks hooks = mlp_hooks_stderr();
    size_t *rows = malloc((X.rows + 1) * sizeof *rows);
    if (!rows) {
        return MLP_ERR_MEMORY;
    }
    for (size_t i = 0; i < X.rows; i++) {
        rows[i] = t->rows[order[i]];
    }
    mlp_status s = mlp_gather_rows(mlp_view_const(all), rows, &hooks, X);
    free(rows);
    return s;
}

/* Fills the parts with what the recipe makes of the table, or without one with
 * the columns as they stand. */
static mlp_status make_parts(const tool_table *t, const mlp_net *net,
                             const mlp_data_recipe *recipe, tool_split split,
                             parts *p)
{
    mlp_dtype precision = mlp_net_precision(net);
    bool is_cce = mlp_net_loss(net) == MLP_LOSS_CCE;
    size_t inputs = mlp_net_inputs(net);
    mlp_view all = mlpi_tool_view(precision, mlp_data_rows(t->data), inputs);
    mlp_status s = all.data ? mlp_data_recipe_encode(recipe, t->data, all)
                            : MLP_ERR_MEMORY;
    for (size_t k = 0; k < 2 && !s; k++) {
        size_t n = k == 0 ? split.n_train : split.n_test;
        const size_t *order = split.order + (k == 0 ? 0 : split.n_train);
        p->X[k] = mlpi_tool_view(precision, n, inputs);
        p->Y[k] = mlpi_tool_view(is_cce ? MLP_I32 : precision, n, 1);
        s = p->X[k].data && p->Y[k].data ? MLP_OK : MLP_ERR_MEMORY;
        if (!s) {
            s = take_inputs(t, all, order, p->X[k]);
        }
        if (!s) {
            s = take_targets(t, recipe, order, p->Y[k]);
        }
    }
    free(all.data);
    return s;
}

/* Makes a recipe from the training rows. */
static mlp_status make_recipe(const tool_table *t, tool_split split,
                              mlp_data_recipe **recipe)
{
    size_t *rows = malloc(split.n_train * sizeof *rows);
    if (!rows) {
        return MLP_ERR_MEMORY;
    }
    for (size_t i = 0; i < split.n_train; i++) {
        rows[i] = t->rows[split.order[i]];
    }
    mlp_status s =
        mlp_data_recipe_make(t->data, t->target, rows, split.n_train, recipe);
    free(rows);
    return s;
}

/* ---------------------------------------------------------------------------
 * Networks
 */

static mlp_status make_net(const tool_table *t, const tool_plan *plan,
                           size_t inputs, mlp_net **net)
{
    mlp_layer layers[TOOL_MAX_HIDDEN + 1] = {{0}};
    for (size_t l = 0; l < plan->n_hidden; l++) {
        layers[l].width = plan->hidden[l];
        layers[l].dropout = plan->dropout;
    }
    layers[plan->n_hidden].width = t->classes > 0 ? t->classes : 1;
    mlp_config config = mlp_config_defaults();
    config.inputs = inputs;
    config.layers = layers;
    config.n_layers = plan->n_hidden + 1;
    config.loss = t->classes > 0 ? MLP_LOSS_CCE : MLP_LOSS_MSE;
    config.precision = t->precision;
    config.seed = plan->seed;
    config.hooks = mlp_hooks_stderr();
    mlp_status s = mlp_net_create(&config, net);
    if (!s && plan->weights) {
        s = mlp_net_import(*net, plan->weights);
    }
    return s;
}

/* Gives all inputs the mean and the deviation of all numbers in X. */
static mlp_status share_scaling(mlp_net *net, mlp_cview X)
{
    size_t n = X.rows * X.cols;
    double sum = 0;
    double squares = 0;
    for (size_t i = 0; i < n; i++) {
        double x = mlp_cview_at(X, i / X.cols, i % X.cols);
        sum += x;
        squares += x * x;
    }
    double mean = sum / (double)n;
    double variance = squares / (double)n - mean * mean;
    double *numbers = malloc(2 * X.cols * sizeof *numbers);
    if (!numbers) {
        return MLP_ERR_MEMORY;
    }
    for (size_t j = 0; j < X.cols; j++) {
        numbers[j] = mean;
        numbers[X.cols + j] = variance > 0 ? sqrt(variance) : 1;
    }
    mlp_status s = mlp_net_set_scaling(net, numbers, numbers + X.cols);
    free(numbers);
    return s;
}

/* ---------------------------------------------------------------------------
 * Training
 */

static volatile sig_atomic_t interrupted;

/* A second Ctrl-C finds the signal's usual action, which ends the program. */
static void note_interrupt(int number)
{
    interrupted = 1;
    (void)signal(number, SIG_DFL);
}

bool mlpi_tool_is_interrupted(void)
{
    return interrupted != 0;
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

static bool watch_epoch(const mlp_epoch_progress *progress, void *user)
{
    watch *w = user;
    (void)mlp_show_epoch(progress, &w->line);
    w->is_stopped = progress->epoch + 1 < progress->epochs &&
                    (interrupted || mlpi_tool_now() > w->deadline);
    return !w->is_stopped;
}

static mlp_status fit(const tool_plan *plan, const parts *p, tool_result *r)
{
    watch w = {.line = mlp_show_progress_on(stderr),
               .deadline = plan->deadline};
    if (!interrupted) {
        (void)signal(SIGINT, note_interrupt);
    }
    mlp_train_options options = mlp_train_defaults();
    options.epochs = plan->epochs;
    options.batch_size = plan->batch;
    options.learning_rate = plan->rate;
    options.schedule.kind = MLP_SCHEDULE_COSINE;
    options.seed = plan->seed;
    options.on_epoch = watch_epoch;
    options.user = &w;
    mlp_status s = mlp_fit(r->net, mlp_view_const(p->X[0]),
                           mlp_view_const(p->Y[0]), &options, &r->history);
    mlp_show_progress_end(&w.line);
    r->is_stopped = w.is_stopped;
    return s;
}

mlp_status mlpi_tool_learn(const tool_table *table, const tool_plan *plan,
                           tool_split split, tool_result *result)
{
    const tool_model *from = plan->from;
    tool_result r = {.net = NULL};
    parts p = {.X = {{0}}};
    mlp_data_recipe *made = NULL;
    const mlp_data_recipe *recipe = from ? from->recipe : NULL;
    mlp_status s = MLP_OK;
    if (!recipe) {
        s = make_recipe(table, split, &made);
        recipe = made;
    }
    if (!s && from &&
        mlp_net_inputs(from->net) != mlp_data_recipe_inputs(recipe)) {
        mlpi_tool_complain("%s has %zu inputs, and the columns of %s become "
                           "%zu",
                           from->path, mlp_net_inputs(from->net), table->path,
                           mlp_data_recipe_inputs(recipe));
        s = MLP_ERR_SHAPE;
    }
    if (!s) {
        s = from
                ? mlp_net_clone(from->net, &r.net)
                : make_net(table, plan, mlp_data_recipe_inputs(recipe), &r.net);
    }
    if (!s) {
        s = make_parts(table, r.net, recipe, split, &p);
    }
    if (!s && table->is_bytes && !from && !plan->weights) {
        s = share_scaling(r.net, mlp_view_const(p.X[0]));
    }
    if (!s) {
        s = fit(plan, &p, &r);
    }
    if (!s) {
        s = mlpi_tool_score(r.net, mlp_view_const(p.X[1]),
                            mlp_view_const(p.Y[1]), &r.scores);
    }
    if (!s) {
        s = mlp_data_recipe_save(recipe, r.net);
    }
    free_parts(&p);
    mlp_data_recipe_free(made);
    if (s) {
        mlpi_tool_free_result(&r);
        return s;
    }
    *result = r;
    return MLP_OK;
}

void mlpi_tool_free_result(tool_result *result)
{
    mlp_net_free(result->net);
    mlp_history_free(result->history);
    *result = (tool_result){.net = NULL};
}
