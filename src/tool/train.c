/* SPDX-License-Identifier: MIT */
/*
 * mlp train: learns a column of a table, scores the network on the fifth of the
 * rows that it has not seen, and writes this network.
 *
 * The network's metadata tell how it was made: train.table, train.rows and
 * train.held_out (numbers of rows), train.options, which make it again,
 * train.epochs and train.scores, a text. There is no date and no folder, so
 * that equal commands write equal bytes.
 */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mlp_show.h"
#include "tool/learn.h"
#include "tool/talk.h"
#include "tool/tune.h"

/* What train works on. */
typedef struct session {
    const tool_options *options;
    tool_model from; /* the network to go on from; closed if there is none */
    tool_table table;
    size_t *order; /* training rows, then the rows held out */
    tool_split split;
    tool_plan plan;
    tool_result result;
    char path[512];     /* of the network to write */
    char command[1024]; /* the options that make the network again */
    /* Means and deviations of the folds' scores: accuracy and log loss, or R2
     * and mean absolute error. */
    double cv_mean[2], cv_deviation[2];
} session;

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* Chooses the network's path: the table's name, in this folder, with .mlp
 * instead of .csv or .csv.gz. Tries to write there: better now than after an
 * hour of training. */
static int choose_path(session *s)
{
    const char *name = base_name(s->options->operands[0]);
    size_t length = strlen(name);
    length -= length > 3 && strcmp(name + length - 3, ".gz") == 0 ? 3 : 0;
    size_t stem = length;
    while (stem > 0 && name[stem] != '.') {
        stem--;
    }
    if (s->options->output) {
        (void)snprintf(s->path, sizeof s->path, "%s", s->options->output);
    } else {
        (void)snprintf(s->path, sizeof s->path, "%.*s.mlp",
                       (int)(stem > 0 ? stem : length), name);
    }
    FILE *old = fopen(s->path, "rb");
    FILE *file = fopen(s->path, "ab");
    if (!file) {
        mlpi_tool_complain("%s cannot be written: %s", s->path,
                           strerror(errno));
    } else if (fclose(file) == 0 && !old) {
        (void)remove(s->path);
    }
    if (old) {
        (void)fclose(old);
    }
    return file ? TOOL_DONE : TOOL_FAILED;
}

/* ---------------------------------------------------------------------------
 * Before the training
 */

/* Refuses options that exclude each other. */
static int check_options(const tool_options *o)
{
    const char *with = o->folds > 0 ? "--cv" : "--tune";
    if (o->folds > 0 && o->tune_seconds > 0) {
        mlpi_tool_complain("--cv and --tune exclude each other: give --cv to "
                           "the command that --tune prints");
        return TOOL_MISUSED;
    }
    if (o->from && (o->folds > 0 || o->tune_seconds > 0)) {
        mlpi_tool_complain("--from and %s exclude each other", with);
        return TOOL_MISUSED;
    }
    if (strcmp(o->operands[0], "-") == 0) {
        mlpi_tool_complain("train reads its table twice, so it needs a file, "
                           "not the standard input");
        return TOOL_MISUSED;
    }
    return TOOL_DONE;
}

/* Opens the network of --from. The weights of a safetensors file go into a
 * network that is made as always. */
static int open_from(session *s)
{
    const char *path = s->options->from;
    size_t length = path ? strlen(path) : 0;
    if (!path) {
        return TOOL_DONE;
    }
    if (length > 12 && strcmp(path + length - 12, ".safetensors") == 0) {
        s->plan.weights = path;
        return TOOL_DONE;
    }
    if (s->options->n_hidden > 0 || s->options->dropout != MLP_AUTO) {
        mlpi_tool_complain("--from: %s has layers already, so --layers and "
                           "--dropout must go",
                           path);
        return TOOL_MISUSED;
    }
    return mlpi_tool_open(path, &s->from);
}

/* Checks that the answers of the network to go on from are the table's. */
static int check_from(const session *s)
{
    const tool_table *t = &s->table;
    if (!s->from.net) {
        return TOOL_DONE;
    }
    size_t classes = s->from.classes;
    const char *target = s->from.target;
    if (s->from.recipe && strcmp(target, t->target) != 0) {
        mlpi_tool_complain("%s answers \"%s\", not \"%s\"", s->from.path,
                           target, t->target);
        return TOOL_MISUSED;
    }
    bool fits = s->from.recipe ? (classes > 0) == (t->classes > 0)
                               : classes == t->classes;
    if (!fits || (classes == 0 && mlp_net_outputs(s->from.net) != 1)) {
        mlpi_tool_complain("%s has %zu outputs and %zu classes (0: it answers "
                           "with numbers), and %s of %s has %zu classes",
                           s->from.path, mlp_net_outputs(s->from.net), classes,
                           t->target, t->path, t->classes);
        return TOOL_FAILED;
    }
    return TOOL_DONE;
}

/* Says what the table holds. Empty columns do not count. */
static void say_table(const tool_table *t)
{
    size_t numbers = 0;
    size_t categories = 0;
    size_t rows = mlp_data_rows(t->data);
    for (size_t j = 0; j < mlp_data_cols(t->data); j++) {
        bool is_used = mlp_data_empty_cells(t->data, j) < rows &&
                       strcmp(mlp_data_name(t->data, j), t->target) != 0;
        bool is_number = mlp_data_kind_of(t->data, j) == MLP_DATA_NUMBER;
        numbers += is_used && is_number;
        categories += is_used && !is_number;
    }
    char kinds[80] = "";
    size_t used = 0;
    if (numbers > 0) {
        used = (size_t)snprintf(kinds, sizeof kinds, "; %zu number%s", numbers,
                                numbers == 1 ? "" : "s");
    }
    if (categories > 0) {
        (void)snprintf(kinds + used, sizeof kinds - used, "; %zu categor%s",
                       categories, categories == 1 ? "y" : "ies");
    }
    char answer[40] = "a number";
    if (t->classes > 0) {
        (void)snprintf(answer, sizeof answer, "%zu classes", t->classes);
    }
    mlpi_tool_say("%s: %zu rows%s; %s: %s", base_name(t->path), rows, kinds,
                  t->target, answer);
}

/* Holds a fifth of the rows out. */
static int split_rows(session *s)
{
    size_t n = s->table.n;
    mlp_split_options options = mlp_split_defaults();
    options.test_fraction = 0.2;
    options.seed = s->plan.seed;
    options.hooks = mlp_hooks_stderr();
    s->order = malloc(n * sizeof *s->order);
    s->split.order = s->order;
    if (!s->order ||
        mlp_train_test_split(mlp_view_const(s->table.Y), &options, s->order,
                             &s->split.n_test) != MLP_OK) {
        return TOOL_FAILED;
    }
    s->split.n_train = n - s->split.n_test;
    mlpi_tool_say("%zu rows to train on, %zu held out (seed %u)",
                  s->split.n_train, s->split.n_test, (unsigned)s->plan.seed);
    return TOOL_DONE;
}

/* ---------------------------------------------------------------------------
 * After the training
 */

static size_t epochs_of(const session *s)
{
    return mlp_history_epochs(s->result.history);
}

static double seconds_of(const session *s)
{
    double sum = 0;
    for (size_t i = 0; i < epochs_of(s); i++) {
        sum += mlp_history_seconds(s->result.history)[i];
    }
    return sum;
}

/* Writes the widths of all layers: 4-100-3. */
static void write_shape(const mlp_net *net, char *text, size_t size)
{
    size_t used = (size_t)snprintf(text, size, "%zu", mlp_net_inputs(net));
    for (size_t l = 1; l <= mlp_net_layer_count(net) && used < size; l++) {
        mlp_layer layer = {0};
        (void)!mlp_net_layer(net, l, &layer);
        used += (size_t)snprintf(text + used, size - used, "-%zu", layer.width);
    }
}

/* Appends a word to a command, in quotes if the shell needs them. */
static void append_word(char *command, size_t size, const char *word)
{
    bool is_plain = word[strspn(word, "abcdefghijklmnopqrstuvwxyz"
                                      "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                      "0123456789_-+=./,:@%")] == '\0';
    size_t used = strlen(command);
    if (used + 3 < size) {
        (void)snprintf(command + used, size - used,
                       is_plain && *word ? " %s" : " '%s'", word);
    }
}

static void append_option(session *s, const char *name, const char *value)
{
    append_word(s->command, sizeof s->command, name);
    append_word(s->command, sizeof s->command, value);
}

static void append_number(session *s, const char *name, double value)
{
    char text[TOOL_NUMBER_SIZE];
    append_option(s, name, mlpi_tool_decimals(value, MLP_F64, text));
}

/* Writes the options that make the network again, whatever the defaults of
 * later versions. */
static void write_command(session *s)
{
    const tool_options *o = s->options;
    char layers[128];
    mlpi_tool_write_layers(&s->plan, layers, sizeof layers);
    if (!s->from.net) {
        append_option(s, "--layers", layers);
        append_number(s, "--dropout", s->plan.dropout);
    }
    append_number(s, "--epochs", (double)epochs_of(s));
    append_number(s, "--rate", s->plan.rate);
    append_number(s, "--seed", s->plan.seed);
    if (o->task != TOOL_TASK_AUTO) {
        append_option(s, "--task", s->table.classes ? "classes" : "numbers");
    }
    if (o->ignore) {
        append_option(s, "--ignore", o->ignore);
    }
    if (o->from) {
        append_option(s, "--from", base_name(o->from));
    }
}

/* Puts what train did into the network's metadata. */
static mlp_status describe(const session *s)
{
    char rows[24], held[24], epochs[48], scores[400];
    mlp_net *net = s->result.net;
    (void)snprintf(rows, sizeof rows, "%zu", s->split.n_train);
    (void)snprintf(held, sizeof held, "%zu", s->split.n_test);
    (void)snprintf(epochs, sizeof epochs, "%zu%s", epochs_of(s),
                   s->result.is_stopped ? " (stopped)" : "");
    mlpi_tool_write_scores(net, &s->result.scores, scores, sizeof scores);
    const char *const pairs[][2] = {{"train.table", base_name(s->table.path)},
                                    {"train.rows", rows},
                                    {"train.held_out", held},
                                    {"train.epochs", epochs},
                                    {"train.options", s->command + 1},
                                    {"train.scores", scores}};
    mlp_status status = MLP_OK;
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs && !status; i++) {
        status = mlp_net_set_metadata(net, pairs[i][0], pairs[i][1]);
    }
    return status;
}

/* Trains, scores and writes the network, and tells it. */
static int train(session *s)
{
    char shape[200];
    if (mlpi_tool_learn(&s->table, &s->plan, s->split, &s->result) != MLP_OK) {
        return TOOL_FAILED;
    }
    const mlp_net *net = s->result.net;
    write_command(s);
    write_shape(net, shape, sizeof shape);
    mlpi_tool_say(
        "%s: %zu epoch%s%s, loss %.4g, %.1f s", shape, epochs_of(s),
        epochs_of(s) == 1 ? "" : "s", s->result.is_stopped ? " (stopped)" : "",
        epochs_of(s) ? mlp_history_losses(s->result.history)[epochs_of(s) - 1]
                     : NAN,
        seconds_of(s));
    mlpi_tool_say_scores("held out", net, &s->result.scores);
    if (describe(s) != MLP_OK || mlp_net_save(net, s->path) != MLP_OK) {
        return TOOL_FAILED;
    }
    mlpi_tool_say("%s written, %.1f kB, weights %08x", s->path,
                  (double)mlp_net_save_size(net) / 1000,
                  (unsigned)mlpi_tool_hash(net));
    return TOOL_DONE;
}

/* Scores --cv networks, each on another part of the rows. */
static int validate(session *s)
{
    size_t k = s->options->folds;
    double sums[2] = {0, 0}, squares[2] = {0, 0};
    mlp_split_options options = mlp_split_defaults();
    options.folds = k;
    options.seed = s->plan.seed;
    options.hooks = mlp_hooks_stderr();
    for (size_t fold = 0; fold < k; fold++) {
        tool_split split = {.order = s->order};
        tool_result r = {.net = NULL};
        if (mlp_k_fold(mlp_view_const(s->table.Y), &options, fold, s->order,
                       &split.n_test) != MLP_OK) {
            return TOOL_FAILED;
        }
        split.n_train = s->table.n - split.n_test;
        if (mlpi_tool_is_interrupted() ||
            mlpi_tool_learn(&s->table, &s->plan, split, &r) != MLP_OK) {
            return TOOL_FAILED;
        }
        const double scores[2] = {
            r.scores.is_classes ? r.scores.accuracy : r.scores.r2,
            r.scores.is_classes ? r.scores.log_loss : r.scores.mae};
        for (size_t i = 0; i < 2; i++) {
            sums[i] += scores[i];
            squares[i] += scores[i] * scores[i];
        }
        mlpi_tool_free_result(&r);
    }
    for (size_t i = 0; i < 2; i++) {
        s->cv_mean[i] = sums[i] / (double)k;
        s->cv_deviation[i] = sqrt(
            fmax(0, squares[i] / (double)k - s->cv_mean[i] * s->cv_mean[i]));
    }
    mlpi_tool_say("%zu folds: %s %.3f +- %.3f, %s %.4g +- %.2g", k,
                  s->table.classes ? "accuracy" : "R2", s->cv_mean[0],
                  s->cv_deviation[0],
                  s->table.classes ? "log loss" : "mean absolute error",
                  s->cv_mean[1], s->cv_deviation[1]);
    return TOOL_DONE;
}

/* Draws the losses of the epochs; "-" stands for the terminal. */
static int draw(const session *s)
{
    const char *path = s->options->plot;
    mlp_picture_options options = mlp_picture_defaults();
    mlp_picture *picture = NULL;
    mlp_axes axes = {.title = base_name(s->path), .log_y = true};
    options.hooks = mlp_hooks_stderr();
    mlp_status status = mlp_picture_create(&options, &picture);
    if (!status) {
        status = mlp_picture_losses(picture, &axes, s->result.history, 0);
    }
    if (!status) {
        status =
            mlp_picture_write(picture, strcmp(path, "-") == 0 ? NULL : path);
    }
    mlp_picture_free(picture);
    return status == MLP_OK ? TOOL_DONE : TOOL_FAILED;
}

/* Prints what the talk says as one JSON object. */
static void print_json(const session *s)
{
    const mlp_net *net = s->result.net;
    char shape[200];
    write_shape(net, shape, sizeof shape);
    (void)fputs("{\"table\": ", stdout);
    mlpi_tool_json_text(s->table.path);
    (void)fputs(", \"target\": ", stdout);
    mlpi_tool_json_text(s->table.target);
    mlpi_tool_json_number(", train_rows", (double)s->split.n_train);
    mlpi_tool_json_number(", classes", (double)s->table.classes);
    printf(", \"layers\": \"%s\", \"options\": ", shape);
    mlpi_tool_json_text(s->command + 1);
    mlpi_tool_json_number(", seconds", seconds_of(s));
    (void)fputs(", \"held_out\": {", stdout);
    mlpi_tool_print_scores(&s->result.scores);
    if (s->options->folds > 0) {
        bool is_classes = s->table.classes > 0;
        mlpi_tool_json_number("}, \"cv\": {\"folds", (double)s->options->folds);
        mlpi_tool_json_number(is_classes ? ", accuracy" : ", r2",
                              s->cv_mean[0]);
        mlpi_tool_json_number(", deviation", s->cv_deviation[0]);
    }
    (void)fputs("}, \"model\": ", stdout);
    mlpi_tool_json_text(s->path);
    mlpi_tool_json_number(", bytes", (double)mlp_net_save_size(net));
    printf(", \"weights\": \"%08x\"}\n", (unsigned)mlpi_tool_hash(net));
}

static int run(session *s)
{
    const tool_options *o = s->options;
    int status = check_options(o);
    if (!status) {
        status = open_from(s);
    }
    if (!status) {
        status = mlpi_tool_open_table(o, s->from.recipe, &s->table);
    }
    if (!status) {
        status = check_from(s);
    }
    if (!status) {
        status = choose_path(s);
    }
    if (status) {
        return status;
    }
    say_table(&s->table);
    if (o->folds > s->table.n) {
        mlpi_tool_complain("--cv %zu: there are only %zu rows", o->folds,
                           s->table.n);
        return TOOL_MISUSED;
    }
    const char *weights = s->plan.weights;
    s->plan = mlpi_tool_plan(o, s->table.n - s->table.n / 5);
    s->plan.weights = weights;
    s->plan.from = s->from.net ? &s->from : NULL;
    status = split_rows(s);
    if (!status && o->tune_seconds > 0) {
        status = mlpi_tool_tune(&s->table, s->split, o->tune_seconds, &s->plan)
                     ? TOOL_FAILED
                     : TOOL_DONE;
    }
    if (!status) {
        status = train(s);
    }
    if (!status && o->tune_seconds > 0) {
        char command[400] = "mlp train";
        append_word(command, sizeof command, o->operands[0]);
        append_word(command, sizeof command, o->operands[1]);
        mlpi_tool_say("this makes it again: %s%s", command, s->command);
    }
    if (!status && o->folds > 0) {
        status = validate(s);
    }
    if (!status && o->plot) {
        status = draw(s);
    }
    if (!status && o->json) {
        print_json(s);
    }
    return status;
}

int mlpi_tool_train(const tool_options *options)
{
    session s = {.options = options};
    int status = run(&s);
    mlpi_tool_free_result(&s.result);
    mlpi_tool_close_table(&s.table);
    mlpi_tool_close(&s.from);
    free(s.order);
    return status;
}
