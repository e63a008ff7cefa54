/* SPDX-License-Identifier: MIT */
/*
 * From rows to a network:
 *
 *     table --recipe--> all rows, encoded --gather--> X, Y  rows to train on
 *                                                           rows to score
 *
 * The recipe is made from the training rows only: a mean or a category that the
 * other rows bring would let the network know something about them. Then the
 * network is made, fitted and scored.
 *
 * What the user leaves open depends on the number of rows. Few rows learn best
 * with one hidden layer and many passes; a large table with two layers, dropout
 * and batches of 128, and a number of passes that bounds the time. Both were
 * chosen by measuring (tests/bench/tool_learning.py): early stopping helped one
 * of ten tables and hurt three, so there is none.
 */
#include "tool/learn.h"

#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Small and large tables, and how many epochs a large one gets: so many that
 * the network sees ROWS_TO_SEE rows. A small table needs its 2000 updates or
 * 200 epochs, which mlp_fit chooses; for 60,000 rows that would take minutes
 * and bring nothing. */
enum { MANY_ROWS = 10000, ROWS_TO_SEE = 1200000, LEAST = 10, MOST = 100 };

/* The header has the table of these numbers. Whether a table is large is
 * decided by its training rows, so the folds of a table near the limit may be
 * planned as the whole is; they get its plan. */
void mlpi_tool_complete(tool_plan *plan, size_t rows)
{
    tool_options *o = &plan->options;
    bool is_large = rows >= MANY_ROWS;
    plan->batch = is_large ? 128 : MLP_AUTO_COUNT;
    if (o->n_hidden == 0) {
        o->n_hidden = is_large ? 2 : 1;
        o->hidden[0] = is_large ? 256 : 100;
        o->hidden[1] = 128;
    }
    if (o->epochs == MLP_AUTO_COUNT && is_large) {
        size_t epochs = ROWS_TO_SEE / rows;
        o->epochs = epochs < LEAST ? LEAST : epochs > MOST ? MOST : epochs;
    }
    if (o->rate == MLP_AUTO) {
        o->rate = is_large ? 0.002 : 0.001;
    }
    if (o->dropout == MLP_AUTO) {
        o->dropout = is_large ? 0.2 : 0;
    }
}

/* ---------------------------------------------------------------------------
 * Networks
 */

/* BCE stands for an unknown name, because no network that is made here has it:
 * two classes get two outputs and cce. */
mlp_loss mlpi_tool_loss(const tool_options *options, size_t classes)
{
    const char *name = options->loss ? options->loss : "mse";
    if (classes > 0) {
        return MLP_LOSS_CCE;
    }
    for (mlp_loss loss = 0; mlp_loss_name(loss); loss++) {
        if (loss != MLP_LOSS_CCE && strcmp(mlp_loss_name(loss), name) == 0) {
            return loss;
        }
    }
    return MLP_LOSS_BCE;
}

/* The quantiles of --loss quantile: the middle, and the ends of an interval
 * that holds nine of ten targets. */
enum { QUANTILES = 3 };
static const double quantiles[QUANTILES] = {0.05, 0.5, 0.95};

/* Makes a new network: hidden layers of ReLU, then softmax for classes, also if
 * there are only two, or the outputs that the loss has for a number. An array
 * of float32 or of bytes makes a network of float32. A large one, such as
 * images, begins with PyTorch's weights: on Fashion-MNIST they bring 89.9 % of
 * the test images, and the library's own 89.8 % (means of three seeds). */
static mlp_net *make_net(const tool_table *table, const tool_plan *plan,
                         size_t inputs)
{
    const tool_options *o = &plan->options;
    bool is_short = mlp_data_values(table->data).dtype == MLP_F32;
    mlp_net *net = NULL;
    mlp_layer layers[TOOL_MAX_HIDDEN + 1] = {{0}};
    for (size_t l = 0; l < o->n_hidden; l++) {
        layers[l].width = o->hidden[l];
        layers[l].dropout = o->dropout;
    }
    mlp_loss loss = mlpi_tool_loss(o, table->classes);
    layers[o->n_hidden].width = loss == MLP_LOSS_CCE            ? table->classes
                                : loss == MLP_LOSS_QUANTILE     ? QUANTILES
                                : loss == MLP_LOSS_GAUSSIAN_NLL ? 2
                                                                : 1;
    mlp_config config = mlp_config_defaults();
    config.inputs = inputs;
    config.layers = layers;
    config.n_layers = o->n_hidden + 1;
    config.loss = loss;
    config.quantiles = loss == MLP_LOSS_QUANTILE ? quantiles : NULL;
    config.precision = is_short ? MLP_F32 : MLP_F64;
    config.seed = (uint32_t)o->seed;
    if (is_short && plan->batch != MLP_AUTO_COUNT) {
        config.init = MLP_INIT_TORCH;
    }
    config.hooks = mlp_hooks_stderr();
    mlpi_tool_check(mlp_net_create(&config, &net));
    if (plan->weights) {
        mlpi_tool_check(mlp_net_import(net, plan->weights));
    }
    return net;
}

/* Returns a copy of the network to go on from. Its scaling stays, because it
 * has learnt with it. */
static mlp_net *copy_net(const tool_table *table, const tool_model *from,
                         size_t inputs)
{
    mlp_net *net = NULL;
    if (mlp_net_inputs(from->net) != inputs) {
        TOOL_FAIL("%s has %zu inputs, and the columns of %s become %zu",
                  from->path, mlp_net_inputs(from->net), table->path, inputs);
    }
    mlpi_tool_check(mlp_net_clone(from->net, &net));
    return net;
}

/* If all inputs of the training rows X are bytes, gives them the mean and the
 * deviation of all these bytes. X is dense and of float32, as an array is, and
 * the sums are exact, so the order does not matter. If all bytes are equal,
 * nothing is divided. */
static void share_scaling(mlp_net *net, mlp_cview X)
{
    const float *x = X.data;
    double n = (double)X.rows * (double)X.cols;
    double sum = 0;
    double squares = 0;
    for (size_t i = 0; i < X.rows * X.cols; i++) {
        if (!(x[i] >= 0 && x[i] <= 255 && (float)(int)x[i] == x[i])) {
            return;
        }
        sum += (double)x[i];
        squares += (double)x[i] * (double)x[i];
    }
    double variance = squares / n - sum / n * (sum / n);
    double *mean = mlpi_tool_memory(2 * X.cols, sizeof *mean);
    for (size_t j = 0; j < X.cols; j++) {
        mean[j] = sum / n;
        mean[X.cols + j] = variance > 0 ? sqrt(variance) : 1;
    }
    mlpi_tool_check(mlp_net_set_scaling(net, mean, mean + X.cols));
    free(mean);
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
static void fit(const tool_plan *plan, mlp_cview X, mlp_cview Y,
                tool_result *result)
{
    watch eyes = {.line = mlp_show_progress_on(stderr),
                  .deadline = plan->deadline};
    mlp_train_options options = mlp_train_defaults();
    options.epochs = plan->options.epochs;
    options.batch_size = plan->batch;
    options.learning_rate = plan->options.rate;
    options.schedule.kind = MLP_SCHEDULE_COSINE;
    options.seed = (uint32_t)plan->options.seed;
    options.on_epoch = watch_epoch;
    options.user = &eyes;
    if (!interrupted) {
        (void)signal(SIGINT, note_interrupt);
    }
    result->status = mlp_fit(result->net, X, Y, &options, &result->history);
    mlp_show_progress_end(&eyes.line);
    interrupted = 0; /* what comes next may run */
    result->is_stopped = eyes.is_stopped;
}

/* ---------------------------------------------------------------------------
 * The whole
 */

/* Returns the inputs of n rows of the table. A recipe encodes whole tables, so
 * memory holds all rows once more for a moment. */
static mlp_view take_inputs(const tool_table *table,
                            const mlp_data_recipe *recipe, mlp_dtype precision,
                            const size_t *rows, size_t n)
{
    mlp_hooks hooks = mlp_hooks_stderr();
    size_t inputs = mlp_data_recipe_inputs(recipe);
    mlp_view all =
        mlpi_tool_view(precision, mlp_data_rows(table->data), inputs);
    mlp_view X = mlpi_tool_view(precision, n, inputs);
    mlpi_tool_check(mlp_data_recipe_encode(recipe, table->data, all));
    mlpi_tool_check(mlp_gather_rows(mlp_view_const(all), rows, &hooks, X));
    free(all.data);
    return X;
}

/* Returns the targets of the rows of a split, of the type that suits the
 * network. */
static mlp_view take_targets(const tool_table *table, const tool_split *split,
                             const mlp_net *net)
{
    size_t n = split->n_train + split->n_test;
    bool is_cce = mlp_net_loss(net) == MLP_LOSS_CCE;
    mlp_view Y =
        mlpi_tool_view(is_cce ? MLP_I32 : mlp_net_precision(net), n, 1);
    for (size_t i = 0; i < n; i++) {
        (void)mlp_view_set(
            Y, i, 0,
            mlp_cview_at(mlp_view_const(table->Y), split->order[i], 0));
    }
    return Y;
}

/* Scores the last n rows of X and Y. */
static tool_scores score(const mlp_net *net, mlp_cview X, mlp_cview Y, size_t n)
{
    tool_answers answers =
        mlpi_tool_answer(net, mlp_cview_rows(X, X.rows - n, n));
    tool_scores scores =
        mlpi_tool_score(net, &answers, mlp_cview_rows(Y, X.rows - n, n));
    mlpi_tool_free_answers(&answers);
    return scores;
}

tool_result mlpi_tool_learn(const tool_table *table, const tool_plan *plan,
                            const tool_split *split)
{
    tool_result r = {.net = NULL};
    size_t train = split->n_train;
    size_t n = train + split->n_test;
    size_t *rows = mlpi_tool_memory(n, sizeof *rows);
    for (size_t i = 0; i < n; i++) {
        rows[i] = table->rows[split->order[i]];
    }
    mlp_data_recipe *made = NULL;
    const mlp_data_recipe *recipe = plan->from ? plan->from->recipe : NULL;
    if (!recipe) {
        mlpi_tool_check(mlp_data_recipe_make(table->data, table->target, rows,
                                             train, &made));
        recipe = made;
    }
    size_t inputs = mlp_data_recipe_inputs(recipe);
    r.net = plan->from ? copy_net(table, plan->from, inputs)
                       : make_net(table, plan, inputs);
    mlp_dtype precision = mlp_net_precision(r.net);
    mlp_view encoded = take_inputs(table, recipe, precision, rows, n);
    mlp_view targets = take_targets(table, split, r.net);
    mlp_cview X = mlp_view_const(encoded);
    mlp_cview Y = mlpi_tool_spread(r.net, targets);
    if (precision == MLP_F32 && !plan->from && !plan->weights) {
        share_scaling(r.net, mlp_cview_rows(X, 0, train));
    }
    fit(plan, mlp_cview_rows(X, 0, train), mlp_cview_rows(Y, 0, train), &r);
    if (r.status == MLP_OK) {
        mlpi_tool_check(mlp_data_recipe_save(recipe, r.net));
        r.scores = score(r.net, X, Y, split->n_test);
    }
    free(encoded.data);
    free(targets.data);
    free(rows);
    mlp_data_recipe_free(made);
    return r;
}

void mlpi_tool_free_result(tool_result *result)
{
    mlp_net_free(result->net);
    mlp_history_free(result->history);
}
