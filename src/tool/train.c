/* SPDX-License-Identifier: MIT */
/*
 * mlp train: learns a column of a table, scores the network on the fifth of the
 * rows that it has not seen, and writes this network.
 *
 * The network's metadata tell how it was made: train.table, train.rows and
 * train.held_out (numbers of rows), train.epochs, train.options, with which
 * train makes it again, and train.scores, a text. There is no date and no
 * folder, so that equal commands write equal bytes.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tool/learn.h"

/* A fifth of the rows is held out, but not more than these. */
enum { MOST_HELD_OUT = 10000 };

/* What train works on. */
typedef struct session {
    const tool_options *options;
    tool_model from;    /* the network to go on from; closed if there is none */
    tool_table table;   /* all rows */
    size_t *order;      /* training rows, then the rows held out */
    tool_split split;   /* which of these are which */
    tool_plan plan;     /* of the network to write; a search changes it */
    tool_result result; /* the network to write, and its scores */
    char path[512];     /* of the network to write */
    char command[5000]; /* the options that make the network again */
    double cv[4]; /* the folds' mean and deviation of accuracy or R2, then those
                     of log loss or mean absolute error */
} session;

/* Returns a path without its folders. */
static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* ---------------------------------------------------------------------------
 * Before the training
 */

/* Refuses options that do not go together. A network to go on from has seen
 * rows that folds or a search would score it on. */
static int check_options(const tool_options *o)
{
    const char *complaint =
        strcmp(o->operands[0], "-") == 0
            ? "train reads its table more than once: give it a file, not -"
        : o->folds > 0 && o->tune_seconds > 0
            ? "--cv and --tune exclude each other: add --cv to the command "
              "that --tune prints"
        : o->from && o->folds + (size_t)ceil(o->tune_seconds) > 0
            ? "--from excludes --cv and --tune, which make new networks"
        : o->ignore && strlen(o->ignore) > 4000
            ? "--ignore expects at most 4000 bytes of names"
            : NULL;
    if (complaint) {
        mlpi_tool_complain("%s", complaint);
    }
    return complaint ? TOOL_MISUSED : TOOL_DONE;
}

/* Opens the network of --from. The weights of a safetensors file of others go
 * into a network that is made as always. */
static int open_from(session *s)
{
    const char *path = s->options->from;
    size_t length = path ? strlen(path) : 0;
    if (length > 12 && strcmp(path + length - 12, ".safetensors") == 0) {
        mlp_net *ours = NULL;
        if (mlp_net_load(path, NULL, &ours) != MLP_OK) {
            s->plan.weights = path;
            return TOOL_DONE;
        }
        mlp_net_free(ours);
    }
    if (path && (s->options->n_hidden > 0 || s->options->dropout != MLP_AUTO)) {
        mlpi_tool_complain("%s has its layers already: leave out --layers and "
                           "--dropout",
                           path);
        return TOOL_MISUSED;
    }
    return path ? mlpi_tool_open(path, &s->from) : TOOL_DONE;
}

/* Checks that the network to go on from answers what the table asks. If it has
 * a recipe, the table may lack some of its classes. */
static int check_from(const session *s)
{
    const tool_table *t = &s->table;
    const tool_model *from = &s->from;
    if (!from->net) {
        return TOOL_DONE;
    }
    if (from->recipe && strcmp(from->target, t->target) != 0) {
        mlpi_tool_complain("%s answers %s, not %s", from->path, from->target,
                           t->target);
        return TOOL_MISUSED;
    }
    bool fits = from->recipe ? (from->classes > 0) == (t->classes > 0)
                             : from->classes == t->classes;
    if (!fits || (t->classes == 0 && mlp_net_outputs(from->net) != 1)) {
        mlpi_tool_complain("%s has %zu outputs for %zu classes, and %s of %s "
                           "has %zu (0: it is a number)",
                           from->path, mlp_net_outputs(from->net),
                           from->classes, t->target, t->path, t->classes);
        return TOOL_FAILED;
    }
    return TOOL_DONE;
}

/* Chooses the network's path: the table's name, in this folder, with .mlp
 * instead of .csv or .csv.gz. Tries to write there: a folder that is missing is
 * better told now than after an hour of training. What stood there stays. */
static int choose_path(session *s)
{
    const char *name = base_name(s->options->operands[0]);
    size_t length = strlen(name);
    length -= length > 3 && strcmp(name + length - 3, ".gz") == 0 ? 3 : 0;
    size_t stem = length;
    while (stem > 0 && name[stem] != '.') {
        stem--;
    }
    stem = stem > 0 ? stem : length;
    int n =
        s->options->output
            ? snprintf(s->path, sizeof s->path, "%s", s->options->output)
            : snprintf(s->path, sizeof s->path, "%.*s.mlp", (int)stem, name);
    FILE *old = fopen(s->path, "rb");
    FILE *file =
        n < (int)sizeof s->path ? fopen(s->path, "ab") : (errno = 0, NULL);
    if (!file) {
        mlpi_tool_complain("%s: cannot be written%s%s", s->path,
                           errno ? ": " : "", errno ? strerror(errno) : "");
    } else if (fclose(file) == 0 && !old) {
        (void)remove(s->path);
    }
    if (old) {
        (void)fclose(old);
    }
    return file ? TOOL_DONE : TOOL_FAILED;
}

/* Says what the table holds, in parts of one line. A column that is empty in
 * all rows, or ignored, which makes it empty, does not count: the recipe leaves
 * it out. */
static void say_table(const tool_table *t)
{
    size_t counts[2] = {0, 0}; /* numbers and categories */
    size_t rows = mlp_data_rows(t->data);
    for (size_t j = 0; j < mlp_data_cols(t->data); j++) {
        if (mlp_data_empty_cells(t->data, j) < rows &&
            strcmp(mlp_data_name(t->data, j), t->target) != 0) {
            counts[mlp_data_kind_of(t->data, j) == MLP_DATA_CATEGORY]++;
        }
    }
    (void)fprintf(stderr, "%s: %zu rows; ", base_name(t->path), rows);
    if (counts[0] > 0) {
        (void)fprintf(stderr, "%zu number%s; ", counts[0],
                      counts[0] == 1 ? "" : "s");
    }
    if (counts[1] > 0) {
        (void)fprintf(stderr, "%zu categor%s; ", counts[1],
                      counts[1] == 1 ? "y" : "ies");
    }
    if (t->classes > 0) {
        mlpi_tool_say("%s: %zu classes", t->target, t->classes);
    } else {
        mlpi_tool_say("%s: a number", t->target);
    }
}

/* Holds a fifth of the rows out, and plans the training with the others. With
 * 10,000 rows a score is known to half a percent, so more of them are better
 * used for training. */
static int split_rows(session *s)
{
    double n = (double)s->table.n;
    const char *weights = s->plan.weights;
    mlp_split_options options = mlp_split_defaults();
    options.test_fraction = fmin(0.2, MOST_HELD_OUT / n);
    options.seed = (uint32_t)s->options->seed;
    options.hooks = mlp_hooks_stderr();
    s->order = mlpi_tool_memory(s->table.n, sizeof *s->order);
    if (!s->order) {
        return TOOL_FAILED;
    }
    TRY_MLP(mlp_train_test_split(mlp_view_const(s->table.Y), &options, s->order,
                                 &s->split.n_test));
    s->split.order = s->order;
    s->split.n_train = s->table.n - s->split.n_test;
    s->plan = mlpi_tool_plan(s->options, s->split.n_train);
    s->plan.weights = weights;
    s->plan.from = s->from.net ? &s->from : NULL;
    mlpi_tool_say("%zu rows to train on, %zu held out (seed %zu)",
                  s->split.n_train, s->split.n_test, s->options->seed);
    return TOOL_DONE;
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
static void write_plan(const tool_plan *plan, char *text, size_t size)
{
    char rate[TOOL_NUMBER_SIZE];
    char dropout[TOOL_NUMBER_SIZE];
    int n = snprintf(text, size, "--layers");
    for (size_t l = 0; l < plan->n_hidden; l++) {
        n += snprintf(text + n, size - (size_t)n, "%c%zu", l > 0 ? ',' : ' ',
                      plan->hidden[l]);
    }
    (void)snprintf(text + n, size - (size_t)n, " --rate %s --dropout %s",
                   mlpi_tool_decimals(plan->rate, MLP_F64, rate),
                   mlpi_tool_decimals(plan->dropout, MLP_F64, dropout));
}

/* Draws one to three hidden layers of 16 to 256 neurons, none wider than the
 * one before; a rate from 0.0002 to 0.02; and dropout 0, 0.1, ... 0.5, where 0
 * is as likely as all others. */
static void draw_plan(mlp_rng *rng, tool_plan *plan)
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

/* Splits the training rows again, into order[n_train]: the indices that come
 * out are those of the whole table, like split.order. */
static int split_again(const tool_table *table, tool_split split, uint32_t seed,
                       size_t *order, tool_split *inner)
{
    mlp_split_options options = mlp_split_defaults();
    options.test_fraction = 0.2;
    options.seed = seed;
    options.hooks = mlp_hooks_stderr();
    mlp_view Y = mlpi_tool_view(table->Y.dtype, split.n_train, 1);
    mlp_status status =
        Y.data ? mlp_gather_rows(mlp_view_const(table->Y), split.order, NULL, Y)
               : MLP_ERR_MEMORY;
    if (!status) {
        status = mlp_train_test_split(mlp_view_const(Y), &options, order,
                                      &inner->n_test);
    }
    free(Y.data);
    TRY_MLP(status);
    for (size_t i = 0; i < split.n_train; i++) {
        order[i] = split.order[order[i]];
    }
    inner->order = order;
    inner->n_train = split.n_train - inner->n_test;
    return TOOL_DONE;
}

/* What the search has found so far. */
typedef struct found {
    size_t tried;
    double least; /* the loss of the best network */
    tool_plan best;
} found;

/* Trains one network, and keeps its plan if its loss is the least so far. A
 * network does not count if the time was over before its last epoch, or if it
 * diverged, which the library tells. Returns whether the search goes on: the
 * time, or Ctrl-C, ends it with its network. */
static bool try_plan(const tool_table *table, tool_split split,
                     const tool_plan *plan, found *f)
{
    char text[200];
    tool_result r;
    if (mlpi_tool_learn(table, plan, split, &r) == TOOL_DONE && !r.is_stopped) {
        double score = r.scores.is_classes ? r.scores.log_loss : r.scores.r2;
        double loss = r.scores.is_classes ? score : -score;
        f->tried++;
        if (loss < f->least) {
            f->least = loss;
            f->best = *plan;
            write_plan(plan, text, sizeof text);
            mlpi_tool_say("  network %zu: %s %.4f  %s", f->tried,
                          r.scores.is_classes ? "log loss" : "R2", score, text);
        }
    }
    bool goes_on = !r.is_stopped;
    mlpi_tool_free_result(&r);
    return goes_on;
}

/* Searches for `seconds`, and sets layers, rate and dropout of *plan to those
 * of the best network: that of the least log loss, or for numbers of the
 * highest R2. Tells each improvement. */
static int search(const tool_table *table, tool_split split, double seconds,
                  tool_plan *plan)
{
    mlp_rng rng = mlp_rng_seeded(plan->seed);
    tool_split inner;
    found f = {.least = INFINITY, .best = *plan};
    size_t *order = mlpi_tool_memory(split.n_train, sizeof *order);
    int status = order ? split_again(table, split, plan->seed, order, &inner)
                       : TOOL_FAILED;
    if (status == TOOL_DONE) {
        mlpi_tool_say("searching for %g s: networks learn %zu of these rows "
                      "and are scored on %zu",
                      seconds, inner.n_train, inner.n_test);
        plan->deadline = mlpi_tool_now() + seconds;
        while (mlpi_tool_now() < plan->deadline &&
               try_plan(table, inner, plan, &f)) {
            draw_plan(&rng, plan);
        }
        *plan = f.best;
        plan->deadline = INFINITY;
        mlpi_tool_say("%zu network%s tried; the best one now learns all %zu "
                      "rows",
                      f.tried, f.tried == 1 ? "" : "s", split.n_train);
    }
    free(order);
    return status;
}

/* ---------------------------------------------------------------------------
 * The network
 */

/* Writes the options that make the network again. All that the table's size
 * decided is named, so that they do so whatever the defaults of later versions
 * are. A network to go on from has its layers and dropout already. */
static void write_command(session *s)
{
    const tool_options *o = s->options;
    char plan[300];
    char rate[TOOL_NUMBER_SIZE];
    write_plan(&s->plan, plan, sizeof plan);
    (void)snprintf(rate, sizeof rate, "--rate %g", s->plan.rate);
    (void)snprintf(s->command, sizeof s->command,
                   "%s --epochs %zu --seed %zu%s%s%s%s%s%s%s",
                   s->from.net ? rate : plan,
                   mlp_history_epochs(s->result.history), o->seed,
                   o->task == TOOL_TASK_AUTO ? "" : " --task ",
                   o->task == TOOL_TASK_AUTO ? ""
                   : s->table.classes > 0    ? "classes"
                                             : "numbers",
                   o->ignore ? " --ignore '" : "", o->ignore ? o->ignore : "",
                   o->ignore ? "'" : "", o->from ? " --from " : "",
                   o->from ? base_name(o->from) : "");
}

/* Puts what train did into the network's metadata, for mlp info and for whoever
 * finds the file in ten years. The texts are those of the talk. */
static mlp_status describe(const session *s)
{
    char rows[24], held[24], epochs[48], scores[400];
    mlp_net *net = s->result.net;
    (void)snprintf(rows, sizeof rows, "%zu", s->split.n_train);
    (void)snprintf(held, sizeof held, "%zu", s->split.n_test);
    (void)snprintf(epochs, sizeof epochs, "%zu%s",
                   mlp_history_epochs(s->result.history),
                   s->result.is_stopped ? " (stopped)" : "");
    mlpi_tool_write_scores(net, &s->result.scores, scores, sizeof scores);
    const char *const pairs[][2] = {{"train.table", base_name(s->table.path)},
                                    {"train.rows", rows},
                                    {"train.held_out", held},
                                    {"train.epochs", epochs},
                                    {"train.options", s->command},
                                    {"train.scores", scores}};
    mlp_status status = MLP_OK;
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs && !status; i++) {
        status = mlp_net_set_metadata(net, pairs[i][0], pairs[i][1]);
    }
    return status;
}

/* Says what was trained: the widths of all layers, epochs, loss and time. The
 * loss is that of the last epoch, with dropout; the time is that of the epochs
 * alone, without reading the table. */
static void say_training(const session *s)
{
    const mlp_net *net = s->result.net;
    const mlp_history *history = s->result.history;
    size_t epochs = mlp_history_epochs(history);
    double seconds = 0;
    for (size_t i = 0; i < epochs; i++) {
        seconds += mlp_history_seconds(history)[i];
    }
    (void)fprintf(stderr, "%zu", mlp_net_inputs(net));
    for (size_t l = 1; l <= mlp_net_layer_count(net); l++) {
        mlp_layer layer = {.width = 0};
        (void)!mlp_net_layer(net, l, &layer);
        (void)fprintf(stderr, "-%zu", layer.width);
    }
    mlpi_tool_say(
        ": %zu epoch%s%s, loss %.4f, %.1f s", epochs, epochs == 1 ? "" : "s",
        s->result.is_stopped ? " (stopped)" : "",
        epochs > 0 ? mlp_history_losses(history)[epochs - 1] : NAN, seconds);
}

/* Trains, scores and writes the network, and tells it. The file is the last
 * thing that can go wrong, so a failure leaves none. */
static int train(session *s)
{
    TRY(mlpi_tool_learn(&s->table, &s->plan, s->split, &s->result));
    const mlp_net *net = s->result.net;
    say_training(s);
    write_command(s);
    mlpi_tool_say_scores("held out", net, &s->result.scores);
    TRY_MLP(describe(s));
    TRY_MLP(mlp_net_save(net, s->path));
    mlpi_tool_say("%s written, %.1f kB, weights %08x", s->path,
                  (double)mlp_net_save_size(net) / 1000,
                  (unsigned)mlpi_tool_hash(net));
    return TOOL_DONE;
}

/* ---------------------------------------------------------------------------
 * After the training
 */

/* Trains and scores a network for each of the folds of --cv, with the plan of
 * the network that is already written. Each row is scored once, by a network
 * that has not seen it. */
static int score_folds(session *s)
{
    size_t k = s->options->folds;
    mlp_split_options options = mlp_split_defaults();
    options.folds = k;
    options.seed = s->plan.seed;
    options.hooks = mlp_hooks_stderr();
    for (size_t fold = 0; fold < k; fold++) {
        tool_split split = {.order = s->order};
        tool_result r = {.net = NULL};
        TRY_MLP(mlp_k_fold(mlp_view_const(s->table.Y), &options, fold, s->order,
                           &split.n_test));
        split.n_train = s->table.n - split.n_test;
        TRY(mlpi_tool_learn(&s->table, &s->plan, split, &r));
        bool is_stopped = r.is_stopped;
        const tool_scores *scores = &r.scores;
        const double both[2] = {
            scores->is_classes ? scores->accuracy : scores->r2,
            scores->is_classes ? scores->log_loss : scores->mae};
        for (size_t i = 0; i < 2; i++) {
            s->cv[2 * i] += both[i] / (double)k;
            s->cv[2 * i + 1] += both[i] * both[i] / (double)k;
        }
        mlpi_tool_free_result(&r);
        if (is_stopped) {
            mlpi_tool_complain("--cv was stopped in fold %zu of %zu", fold + 1,
                               k);
            return TOOL_FAILED;
        }
    }
    for (size_t i = 0; i < 4; i += 2) {
        s->cv[i + 1] = sqrt(fmax(0, s->cv[i + 1] - s->cv[i] * s->cv[i]));
    }
    bool is_classes = s->table.classes > 0;
    mlpi_tool_say("%zu folds: %s %.3f +- %.3f, %s %.4g +- %.2g", k,
                  is_classes ? "accuracy" : "R2", s->cv[0], s->cv[1],
                  is_classes ? "log loss" : "mean absolute error", s->cv[2],
                  s->cv[3]);
    return TOOL_DONE;
}

/* Draws the losses of the epochs, on a logarithmic axis. */
static int draw_losses(const session *s)
{
    mlp_picture *picture = mlpi_tool_picture();
    mlp_axes axes = {.title = base_name(s->path), .log_y = true};
    mlp_status status =
        picture ? mlp_picture_losses(picture, &axes, s->result.history, 0)
                : MLP_ERR_MEMORY;
    TRY_MLP(mlpi_tool_draw(picture, status, s->options->plot));
    return TOOL_DONE;
}

/* Prints as one JSON object what the talk says. No member tells a time, so
 * equal commands print equal objects. */
static void print_json(const session *s)
{
    const char *const texts[][2] = {{"{\"model\": ", s->path},
                                    {", \"table\": ", s->table.path},
                                    {", \"target\": ", s->table.target},
                                    {", \"options\": ", s->command}};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        (void)fputs(texts[i][0], stdout);
        mlpi_tool_json_text(texts[i][1]);
    }
    printf(", \"weights\": \"%08x\", \"train_rows\": %zu, \"held_out\": {",
           (unsigned)mlpi_tool_hash(s->result.net), s->split.n_train);
    mlpi_tool_print_scores(&s->result.scores);
    if (s->options->folds > 0) {
        printf("}, \"cv\": {\"folds\": %zu", s->options->folds);
        mlpi_tool_json_number(s->table.classes > 0 ? ", accuracy" : ", r2",
                              s->cv[0]);
        mlpi_tool_json_number(", deviation", s->cv[1]);
    }
    (void)fputs("}}\n", stdout);
}

/* Runs train; run_train frees what is left. Whatever was asked
 * wrongly is told before anything is trained. */
static int run(session *s)
{
    const tool_options *o = s->options;
    TRY(check_options(o));
    TRY(open_from(s));
    TRY(mlpi_tool_open_table(o, s->from.recipe, &s->table));
    TRY(check_from(s));
    if (o->folds > s->table.n) {
        mlpi_tool_complain("--cv expects at most %zu folds, one for each row, "
                           "got %zu",
                           s->table.n, o->folds);
        return TOOL_MISUSED;
    }
    TRY(choose_path(s));
    say_table(&s->table);
    TRY(split_rows(s));
    if (o->tune_seconds > 0) {
        TRY(search(&s->table, s->split, o->tune_seconds, &s->plan));
    }
    TRY(train(s));
    if (o->tune_seconds > 0) {
        mlpi_tool_say("the same again: mlp train '%s' '%s' %s", o->operands[0],
                      o->operands[1], s->command);
    }
    TRY(o->folds > 0 ? score_folds(s) : TOOL_DONE);
    TRY(o->plot ? draw_losses(s) : TOOL_DONE);
    if (o->json) {
        print_json(s);
    }
    return TOOL_DONE;
}

static int run_train(const tool_options *options)
{
    session s = {.options = options};
    int status = run(&s);
    mlpi_tool_free_result(&s.result);
    mlpi_tool_close_table(&s.table);
    mlpi_tool_close(&s.from);
    free(s.order);
    return status;
}

const tool_verb mlpi_tool_train = {"train",
                                   TOOL_TRAIN,
                                   2,
                                   2,
                                   run_train,
                                   "TABLE TARGET",
                                   "learn the column TARGET from the others"};
