/* SPDX-License-Identifier: MIT */
/*
 * mlp train: learns a column of a table, scores the network on the fifth of the
 * rows that it has not seen, and writes this network.
 *
 * The network's metadata tell how it was made: train.table, train.rows and
 * train.held_out (numbers of rows), train.epochs, train.options, with which
 * train makes it again, and train.scores, a text. There is no date and no
 * folder, so that equal commands write equal bytes. The talk of a run is
 *
 *     iris.csv: 150 rows; 4 numbers; species: 3 classes
 *     120 rows to train on, 30 held out (seed 42)
 *     4-100-3: 500 epochs, loss 0.0548, 0.022 s
 *     held out: accuracy 1.000, log loss 0.034  (always "setosa": 0.333)
 *     iris.mlp written, 7.8 kB, weights 3422a359
 *
 * The network that is written is the one that was scored: to train it again on
 * all rows would give a network of which nobody knows how good it is. --cv
 * trains other networks for its scores, and leaves this one as it is. --tune
 * compares networks on a part of the training rows, so that the rows held out
 * are seen once, at the end.
 */
/* This declares access. NOLINTNEXTLINE(bugprone-reserved-identifier) */
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tool/learn.h"

/* A fifth of the rows is held out, but not more than these. */
enum { MOST_HELD_OUT = 10000 };

/* What train works on. */
typedef struct session {
    tool_model from;    /* the network to go on from; closed if there is none */
    tool_table table;   /* all rows */
    tool_split split;   /* which of them are held out */
    tool_plan plan;     /* of the network to write; a search changes it */
    tool_result result; /* the network to write, and its scores */
    char *path;         /* of the network to write */
    char *command;      /* the options that make the network again */
    double cv[4]; /* the folds' mean and deviation of accuracy or R2, then those
                     of log loss or mean absolute error */
} session;

/* ---------------------------------------------------------------------------
 * Before the training
 */

/* Refuses options that do not go together. A network to go on from has seen
 * rows that folds or a search would score it on. */
static void check_options(const tool_options *o)
{
    const char *complaint =
        strcmp(o->operands[0], "-") == 0
            ? "train reads its table more than once: give it a file, not -"
        : o->folds > 0 && o->tune_seconds > 0
            ? "--cv and --tune exclude each other: add --cv to the command "
              "that --tune prints"
        : o->from && (o->folds > 0 || o->tune_seconds > 0)
            ? "--from excludes --cv and --tune, which make new networks"
        : o->loss && o->task == TOOL_TASK_CLASSES
            ? "--loss is for numbers, and --task says classes"
            : NULL;
    if (complaint) {
        TOOL_REFUSE("%s", complaint);
    }
    if (mlpi_tool_loss(o, 0) == MLP_LOSS_BCE) {
        TOOL_REFUSE("--loss expects mse, mae, huber, quantile, poisson or "
                    "gaussian_nll, got \"%s\"",
                    o->loss);
    }
}

/* Opens the network of --from. The weights of a safetensors file of others go
 * into a network that is made as always. */
static void open_from(session *s)
{
    const tool_options *o = &s->plan.options;
    mlp_net *ours = NULL;
    if (!o->from) {
        return;
    }
    if (mlpi_tool_ends_with(o->from, ".safetensors") &&
        mlp_net_load(o->from, NULL, &ours) != MLP_OK) {
        s->plan.weights = o->from;
        return;
    }
    mlp_net_free(ours);
    if (o->n_hidden > 0 || o->dropout != MLP_AUTO || o->loss) {
        TOOL_REFUSE("%s has its layers and its loss already: leave out "
                    "--layers, --dropout and --loss",
                    o->from);
    }
    s->from = mlpi_tool_open(o->from);
    s->plan.from = &s->from;
}

/* Checks that the network to go on from answers what the table asks. If it has
 * a recipe, the table may lack some of its classes. */
static void check_from(const tool_model *from, const tool_table *t)
{
    if (from->recipe && strcmp(from->target, t->target) != 0) {
        TOOL_REFUSE("%s answers %s, not %s", from->path, from->target,
                    t->target);
    }
    bool fits = from->recipe ? (from->classes > 0) == (t->classes > 0)
                             : from->classes == t->classes;
    if (!fits || (t->classes == 0 && !mlpi_tool_has_one_target(from->net))) {
        TOOL_FAIL("%s has %zu outputs for %zu classes, and %s of %s has %zu "
                  "(0: it is a number)",
                  from->path, mlp_net_outputs(from->net), from->classes,
                  t->target, t->path, t->classes);
    }
}

/* Returns the network's path: that of --output, or the table's name, in this
 * folder, with .mlp instead of .csv or .csv.gz. */
static char *choose_path(const tool_options *o)
{
    const char *name = mlpi_tool_base_name(o->operands[0]);
    size_t size = strlen(name) + (o->output ? strlen(o->output) : 0) + 5;
    char *path = mlpi_tool_memory(size, 1);
    (void)snprintf(path, size, "%s", o->output ? o->output : name);
    if (o->output) {
        return path;
    }
    if (mlpi_tool_ends_with(path, ".gz")) {
        path[strlen(path) - 3] = '\0';
    }
    char *dot = strrchr(path, '.');
    size_t stem = dot && dot > path ? (size_t)(dot - path) : strlen(path);
    (void)snprintf(path + stem, size - stem, ".mlp");
    return path;
}

/* Tries to write the network: a folder that is missing is better told now than
 * after an hour of training. What stands there stays, links included. If the
 * system cannot tell whether something is there, it counts as there. A file that
 * fopen created is removed, even if fopen then failed. */
static void try_path(const char *path)
{
    struct stat there;
    bool is_new = lstat(path, &there) != 0 && errno == ENOENT;
    FILE *file = fopen(path, "ab");
    bool is_written = file && fclose(file) == 0;
    int error = errno;
    if (is_new) {
        (void)remove(path);
    }
    if (!is_written) {
        TOOL_FAIL("%s: cannot be written: %s", path, strerror(error));
    }
}

/* Says what the table holds, in parts of one line. A column that is empty in
 * all rows, or ignored, which makes it empty, does not count: the recipe leaves
 * it out. */
static void say_table(const tool_table *t)
{
    static const char *const words[2][2] = {{"number", "numbers"},
                                            {"category", "categories"}};
    size_t counts[2] = {0, 0}; /* one for each kind of column */
    size_t rows = mlp_data_rows(t->data);
    for (size_t j = 0; j < mlp_data_cols(t->data); j++) {
        if (mlp_data_empty_cells(t->data, j) < rows &&
            strcmp(mlp_data_name(t->data, j), t->target) != 0) {
            counts[mlp_data_kind_of(t->data, j) == MLP_DATA_CATEGORY]++;
        }
    }
    (void)fprintf(stderr, "%s: %zu rows; ", mlpi_tool_base_name(t->path), rows);
    for (size_t k = 0; k < 2; k++) {
        if (counts[k] > 0) {
            (void)fprintf(stderr, "%zu %s; ", counts[k],
                          words[k][counts[k] > 1]);
        }
    }
    if (t->classes > 0) {
        mlpi_tool_say("%s: %zu classes", t->target, t->classes);
    } else {
        mlpi_tool_say("%s: a number", t->target);
    }
}

/* Splits rows with the targets Y: by the test fraction of the options if the
 * fold is SIZE_MAX, else as a fold of --cv. The caller frees the order. */
static tool_split split_rows(mlp_view Y, double fraction, const tool_options *o,
                             size_t fold)
{
    tool_split split = {.order = mlpi_tool_memory(Y.rows, sizeof(size_t))};
    mlp_split_options options = mlp_split_defaults();
    options.test_fraction = fraction;
    options.folds = o->folds;
    options.seed = (uint32_t)o->seed;
    options.hooks = mlp_hooks_stderr();
    mlpi_tool_check(fold == SIZE_MAX
                        ? mlp_train_test_split(mlp_view_const(Y), &options,
                                               split.order, &split.n_test)
                        : mlp_k_fold(mlp_view_const(Y), &options, fold,
                                     split.order, &split.n_test));
    split.n_train = Y.rows - split.n_test;
    return split;
}

/* ---------------------------------------------------------------------------
 * The search of --tune. Random search finds good settings sooner than a grid
 * does: Bergstra and Bengio, "Random Search for Hyper-Parameter Optimization"
 * (2012). Networks are trained on four fifths of the training rows and scored
 * on the fifth; the rows that train holds out take no part. The first network
 * is the one that train would make without a search. Rates have two digits, so
 * that the command that makes the winner again is short.
 */

/* Writes the options --layers, --rate and --dropout of a plan. Eight widths of
 * at most eight digits need 80 bytes, so 200 hold it all. */
enum { PLAN_SIZE = 200 };
static void write_plan(const tool_options *plan, char text[PLAN_SIZE])
{
    char rate[TOOL_NUMBER_SIZE];
    char dropout[TOOL_NUMBER_SIZE];
    int n = snprintf(text, PLAN_SIZE, "--layers");
    for (size_t l = 0; l < plan->n_hidden; l++) {
        n += snprintf(text + n, PLAN_SIZE - (size_t)n, "%c%zu",
                      l > 0 ? ',' : ' ', plan->hidden[l]);
    }
    (void)snprintf(text + n, PLAN_SIZE - (size_t)n, " --rate %s --dropout %s",
                   mlpi_tool_decimals(plan->rate, MLP_F64, rate),
                   mlpi_tool_decimals(plan->dropout, MLP_F64, dropout));
}

/* Draws one to three hidden layers of 16 to 256 neurons, none wider than the
 * one before; a rate from 0.0002 to 0.02; and dropout 0, 0.1, ... 0.5, where 0
 * is as likely as all others. */
static void draw_plan(mlp_rng *rng, tool_options *plan)
{
    double log_width = mlp_rng_uniform(rng, 4, 8.5);
    plan->n_hidden = 1 + (size_t)mlp_rng_uniform(rng, 0, 3);
    for (size_t l = 0; l < plan->n_hidden; l++) {
        plan->hidden[l] = (size_t)1 << (size_t)log_width;
        log_width = mlp_rng_uniform(rng, 4, log_width);
    }
    char text[32];
    (void)snprintf(text, sizeof text, "%.1e",
                   0.0002 * pow(100, mlp_rng_random_sample(rng)));
    plan->rate = strtod(text, NULL);
    double tenths = floor(mlp_rng_uniform(rng, -5, 6));
    plan->dropout = tenths > 0 ? tenths / 10 : 0;
}

/* Splits the training rows again. The order that comes out has indices into the
 * whole table, like that of the split that goes in. */
static tool_split split_again(const session *s)
{
    mlp_hooks hooks = mlp_hooks_stderr();
    const size_t *outer = s->split.order;
    mlp_view Y = mlpi_tool_view(s->table.Y.dtype, s->split.n_train, 1);
    mlpi_tool_check(
        mlp_gather_rows(mlp_view_const(s->table.Y), outer, &hooks, Y));
    tool_split inner = split_rows(Y, 0.2, &s->plan.options, SIZE_MAX);
    for (size_t i = 0; i < Y.rows; i++) {
        inner.order[i] = outer[inner.order[i]];
    }
    free(Y.data);
    return inner;
}

/* Searches for `seconds`, and sets layers, rate and dropout of the plan to
 * those of the best network: that of the least log loss, or for numbers of the
 * highest R2. Tells each improvement. A network does not count if it diverged,
 * which the library tells, or if the time, or Ctrl-C, ended it: that ends the
 * search, too. */
static void search(session *s, double seconds)
{
    tool_plan plan = s->plan;
    mlp_rng rng = mlp_rng_seeded((uint32_t)plan.options.seed);
    tool_split inner = split_again(s);
    double least = INFINITY;
    size_t tried = 0;
    bool is_over = false;
    mlpi_tool_say("searching for %g s: networks learn %zu of these rows and "
                  "are scored on %zu",
                  seconds, inner.n_train, inner.n_test);
    plan.deadline = mlpi_tool_now() + seconds;
    while (mlpi_tool_now() < plan.deadline && !is_over) {
        tool_result r = mlpi_tool_learn(&s->table, &plan, &inner);
        bool is_classes = r.scores.is_classes;
        double loss = is_classes ? r.scores.bad : -r.scores.good;
        is_over = r.is_stopped;
        tried += r.status == MLP_OK && !is_over;
        if (r.status == MLP_OK && !is_over && loss < least) {
            char text[PLAN_SIZE];
            least = loss;
            s->plan.options = plan.options;
            write_plan(&plan.options, text);
            mlpi_tool_say("  network %zu: %s %.4f  %s", tried,
                          is_classes ? "log loss"
                                     : mlpi_tool_score_names(r.net)->good,
                          is_classes ? loss : -loss, text);
        }
        mlpi_tool_free_result(&r);
        draw_plan(&rng, &plan.options);
    }
    mlpi_tool_say("%zu network%s tried; the best one now learns all %zu rows",
                  tried, tried == 1 ? "" : "s", s->split.n_train);
    free(inner.order);
}

/* ---------------------------------------------------------------------------
 * The network
 */

/* Returns a name as a shell reads it: in quotes, and with '\'' for a quote. A
 * file may have any name, and people paste the command. The caller frees it. */
static char *quote(const char *name)
{
    char *quoted = mlpi_tool_memory(4 * strlen(name) + 3, 1);
    char *to = quoted;
    *to++ = '\'';
    for (; *name; name++) {
        to = stpcpy(to, *name == '\'' ? "'\\''" : (char[]){*name, '\0'});
    }
    *to = '\'';
    return quoted;
}

/* Returns the options that make the network again. All that the table's size
 * decided is named, so that they do so whatever the defaults of later versions
 * are. A network to go on from has its layers and dropout already. */
static char *write_command(const session *s)
{
    const tool_options *o = &s->plan.options;
    char *from = quote(o->from ? mlpi_tool_base_name(o->from) : "");
    char *ignore = quote(o->ignore ? o->ignore : "");
    size_t size = PLAN_SIZE + 220 + strlen(ignore) + strlen(from);
    char *text = mlpi_tool_memory(size, 1);
    char plan[PLAN_SIZE];
    char rate[TOOL_NUMBER_SIZE];
    write_plan(o, plan);
    if (s->plan.from) {
        (void)snprintf(plan, sizeof plan, "--rate %s",
                       mlpi_tool_decimals(o->rate, MLP_F64, rate));
    }
    (void)snprintf(text, size, "%s --epochs %zu --seed %zu%s%s%s%s%s%s%s", plan,
                   mlp_history_epochs(s->result.history), o->seed,
                   o->loss ? " --loss " : "", o->loss ? o->loss : "",
                   o->task == TOOL_TASK_AUTO ? ""
                   : s->table.classes > 0    ? " --task classes"
                                             : " --task numbers",
                   o->ignore ? " --ignore " : "", o->ignore ? ignore : "",
                   o->from ? " --from " : "", o->from ? from : "");
    free(from);
    free(ignore);
    return text;
}

/* Puts what train did into the network's metadata, for mlp info and for whoever
 * finds the file in ten years. The texts are those of the talk, but a name that
 * is no UTF-8 gets '?' there. */
static void describe(const session *s)
{
    char rows[24], held[24], epochs[48], scores[TOOL_SCORES_SIZE];
    mlp_net *net = s->result.net;
    (void)snprintf(rows, sizeof rows, "%zu", s->split.n_train);
    (void)snprintf(held, sizeof held, "%zu", s->split.n_test);
    (void)snprintf(epochs, sizeof epochs, "%zu%s",
                   mlp_history_epochs(s->result.history),
                   s->result.is_stopped ? " (stopped)" : "");
    mlpi_tool_write_scores(net, &s->result.scores, scores);
    const char *const pairs[][2] = {
        {"train.table", mlpi_tool_base_name(s->table.path)},
        {"train.rows", rows},
        {"train.held_out", held},
        {"train.epochs", epochs},
        {"train.options", s->command},
        {"train.scores", scores}};
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        char *text = mlpi_tool_utf8(pairs[i][1]);
        mlpi_tool_check(mlp_net_set_metadata(net, pairs[i][0], text));
        free(text);
    }
}

/* Says what was trained: the widths of all layers, epochs, loss and time. The
 * loss is that of the last epoch, with dropout; the time is that of the epochs
 * alone, without reading the table, and has two digits or more. */
static void say_training(const tool_result *result)
{
    const mlp_net *net = result->net;
    const mlp_history *history = result->history;
    size_t epochs = mlp_history_epochs(history);
    double seconds = 0;
    for (size_t i = 0; i < epochs; i++) {
        seconds += mlp_history_seconds(history)[i];
    }
    int decimals = seconds < 0.095 ? 3 : seconds < 0.95 ? 2 : seconds < 9.5;
    (void)fprintf(stderr, "%zu", mlp_net_inputs(net));
    for (size_t l = 1; l <= mlp_net_layer_count(net); l++) {
        mlp_layer layer = {.width = 0};
        mlpi_tool_check(mlp_net_layer(net, l, &layer));
        (void)fprintf(stderr, "-%zu", layer.width);
    }
    mlpi_tool_say(": %zu epoch%s%s, loss %.4f, %.*f s", epochs,
                  epochs == 1 ? "" : "s",
                  result->is_stopped ? " (stopped)" : "",
                  epochs > 0 ? mlp_history_losses(history)[epochs - 1] : NAN,
                  decimals, seconds);
}

/* Trains, scores and writes the network, and tells it. The file is the last
 * thing that can go wrong, so a failure leaves none. */
static void make(session *s)
{
    char text[TOOL_SCORES_SIZE];
    s->result = mlpi_tool_learn(&s->table, &s->plan, &s->split);
    mlpi_tool_check(s->result.status);
    const mlp_net *net = s->result.net;
    say_training(&s->result);
    s->command = write_command(s);
    mlpi_tool_write_scores(net, &s->result.scores, text);
    mlpi_tool_say("held out: %s", text);
    describe(s);
    mlpi_tool_check(mlp_net_save(net, s->path));
    mlpi_tool_say("%s written, %.1f kB, weights %s", s->path,
                  (double)mlp_net_save_size(net) / 1000,
                  mlpi_tool_hash(net, text));
}

/* ---------------------------------------------------------------------------
 * After the training
 */

/* Trains and scores a network for each of the folds of --cv, with the plan of
 * the network that is already written. Each row is scored once, by a network
 * that has not seen it. */
static void score_folds(session *s)
{
    size_t k = s->plan.options.folds;
    for (size_t fold = 0; fold < k; fold++) {
        tool_split split = split_rows(s->table.Y, 0.2, &s->plan.options, fold);
        tool_result r = mlpi_tool_learn(&s->table, &s->plan, &split);
        mlpi_tool_check(r.status);
        if (r.is_stopped) {
            TOOL_FAIL("--cv was stopped in fold %zu of %zu", fold + 1, k);
        }
        const double both[2] = {r.scores.good, r.scores.bad};
        for (size_t i = 0; i < 2; i++) {
            s->cv[2 * i] += both[i] / (double)k;
            s->cv[2 * i + 1] += both[i] * both[i] / (double)k;
        }
        mlpi_tool_free_result(&r);
        free(split.order);
    }
    for (size_t i = 0; i < 4; i += 2) {
        s->cv[i + 1] = sqrt(fmax(0, s->cv[i + 1] - s->cv[i] * s->cv[i]));
    }
    const tool_score_names *names = mlpi_tool_score_names(s->result.net);
    mlpi_tool_say("%zu folds: %s %.3f +- %.3f, %s %.4g +- %.2g", k, names->good,
                  s->cv[0], s->cv[1], names->bad, s->cv[2], s->cv[3]);
}

/* Draws the losses of the epochs, on a logarithmic axis unless the loss may be
 * negative. */
static void draw_losses(const session *s)
{
    mlp_loss loss = mlp_net_loss(s->result.net);
    bool may_be_negative =
        loss == MLP_LOSS_POISSON || loss == MLP_LOSS_GAUSSIAN_NLL;
    mlp_picture *picture = mlpi_tool_picture();
    mlp_axes axes = {.title = mlpi_tool_base_name(s->path),
                     .log_y = !may_be_negative};
    mlpi_tool_check(mlp_picture_losses(picture, &axes, s->result.history, 0));
    mlpi_tool_draw(picture, s->plan.options.plot);
}

/* Prints as one JSON object what the talk says. No member tells a time, so
 * equal commands print equal objects. */
static void print_json(const session *s)
{
    char hash[TOOL_HASH_SIZE];
    mlpi_tool_json("{'model': %s, 'table': %s, 'target': %s, 'options': %s, "
                   "'weights': %s, 'train_rows': %zu, 'held_out': {",
                   s->path, s->table.path, s->table.target, s->command,
                   mlpi_tool_hash(s->result.net, hash), s->split.n_train);
    mlpi_tool_print_scores(s->result.net, &s->result.scores);
    if (s->plan.options.folds > 0) {
        mlpi_tool_json("}, 'cv': {'folds': %zu, %s: %g, 'deviation': %g",
                       s->plan.options.folds,
                       mlpi_tool_score_names(s->result.net)->json_good,
                       s->cv[0], s->cv[1]);
    }
    (void)fputs("}}\n", stdout);
}

/* Reads the table, and plans the training. With 10,000 rows a score is known to
 * half a percent, so more of them are better used for training. */
static void prepare(session *s)
{
    const tool_options *o = &s->plan.options;
    open_from(s);
    s->table = mlpi_tool_open_table(o, &s->from);
    size_t n = s->table.Y.rows;
    if (s->from.net) {
        check_from(&s->from, &s->table);
    }
    if (o->folds > n) {
        TOOL_REFUSE("--cv expects at most %zu folds, one for each row, got %zu",
                    n, o->folds);
    }
    s->path = choose_path(o);
    try_path(s->path);
    say_table(&s->table);
    s->split = split_rows(s->table.Y, fmin(0.2, MOST_HELD_OUT / (double)n), o,
                          SIZE_MAX);
    mlpi_tool_complete(&s->plan, s->split.n_train);
    mlpi_tool_say("%zu rows to train on, %zu held out (seed %zu)",
                  s->split.n_train, s->split.n_test, o->seed);
}

/* Whatever was asked wrongly is told before anything is trained. */
static void train(const tool_options *o)
{
    session s = {.plan = {.options = *o, .deadline = INFINITY}};
    check_options(o);
    if (o->loss) { /* counts look like numbers of classes */
        s.plan.options.task = TOOL_TASK_NUMBERS;
    }
    prepare(&s);
    if (o->tune_seconds > 0) {
        search(&s, o->tune_seconds);
    }
    make(&s);
    if (o->tune_seconds > 0) {
        char *table = quote(o->operands[0]);
        char *target = quote(o->operands[1]);
        mlpi_tool_say("the same again: mlp train %s %s %s", table, target,
                      s.command);
        free(table);
        free(target);
    }
    if (o->folds > 0) {
        score_folds(&s);
    }
    if (o->plot) {
        draw_losses(&s);
    }
    if (o->json) {
        print_json(&s);
    }
    mlpi_tool_free_result(&s.result);
    mlpi_tool_close_table(&s.table);
    mlpi_tool_close(&s.from);
    free(s.split.order);
    free(s.path);
    free(s.command);
}

const tool_verb mlpi_tool_train = {
    "train", "TABLE TARGET", "learn the column TARGET from the others", 2,
    2,       train};
