/* SPDX-License-Identifier: MIT */
/*
 * mlp info: what a network is, which columns it reads, and how it was trained.
 *
 *     iris.mlp: libmlp, 7832 bytes, weights 25d4ff3d
 *     (a table of the layers)
 *
 *     answers species: setosa, versicolor, virginica
 *
 *     inputs      kind      if empty      flag  column
 *     1           number    5.81          no    sepal_length
 *     ...
 *     train.rows: 120
 *     ...
 *
 * Inputs count from 1 here, and from 0 in JSON, as in C. The lines at the end
 * are the metadata of the file, whoever has written them; those of train tell
 * how the network was made.
 *
 * All text of the file is printed without control characters, because a hostile
 * file could hold some that change what a terminal shows.
 */
/* NOLINTBEGIN(bugprone-reserved-identifier): these declare stat, also for files
 * above 2 GB. */
#define _POSIX_C_SOURCE 200809L
#define _FILE_OFFSET_BITS 64
/* NOLINTEND(bugprone-reserved-identifier) */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tool/options.h"
#include "tool/scoring.h"

/* How many columns, and words of a list, the text shows. JSON has all. */
enum { MOST_COLUMNS = 40, MOST_WORDS = 12 };

/* Metadata that info shows in another form. */
static const char recipe_key[] = "data.recipe";

/* Returns the bytes of a file. */
static size_t size_of(const char *path)
{
    struct stat file;
    if (stat(path, &file) != 0) {
        TOOL_FAIL("%s: cannot get its size: %s", path, strerror(errno));
    }
    return (size_t)file.st_size;
}

/* ---------------------------------------------------------------------------
 * Text
 */

/* Prints words with commas between them, and how many are left out: a column
 * may have thousands. */
static void print_words(const char *const *words, size_t n)
{
    for (size_t i = 0; i < n && i < MOST_WORDS; i++) {
        (void)fputs(i > 0 ? ", " : "", stdout);
        mlpi_tool_put(words[i], stdout);
    }
    if (n > MOST_WORDS) {
        printf(", and %zu more", n - MOST_WORDS);
    }
}

/* Prints the line of a column. Its name comes last, because it may be as long
 * as it likes. */
static void print_column(const mlp_data_column *column)
{
    char inputs[48];
    char mean[TOOL_NUMBER_SIZE] = "all 0";
    size_t first = column->first_input + 1;
    size_t last = column->first_input + column->n_inputs;
    (void)snprintf(inputs, sizeof inputs, first == last ? "%zu" : "%zu-%zu",
                   first, last);
    if (column->kind == MLP_DATA_NUMBER) {
        (void)snprintf(mean, sizeof mean, "%.6g", column->mean);
    }
    printf("%-10s  %-8s  %-12s  %-4s  ", inputs,
           column->kind == MLP_DATA_NUMBER ? "number" : "category", mean,
           column->has_flag ? "yes" : "no");
    mlpi_tool_put(column->name, stdout);
    (void)fputs(column->n_categories > 0 ? ": " : "", stdout);
    print_words(column->categories, column->n_categories);
    (void)putchar('\n');
}

/* Prints the target, with its classes, and the columns in the order of their
 * inputs. */
static void print_columns(const mlp_data_recipe *recipe)
{
    size_t n = mlp_data_recipe_columns(recipe);
    const mlp_data_column *target = mlp_data_recipe_column(recipe, 0);
    (void)fputs("\nanswers ", stdout);
    mlpi_tool_put(target->name, stdout);
    (void)fputs(target->n_categories > 0 ? ": " : ", a number", stdout);
    print_words(target->categories, target->n_categories);
    printf("\n\n%-10s  %-8s  %-12s  %-4s  %s\n", "inputs", "kind", "if empty",
           "flag", "column");
    for (size_t i = 1; i < n && i <= MOST_COLUMNS; i++) {
        print_column(mlp_data_recipe_column(recipe, i));
    }
    if (n > MOST_COLUMNS + 1) {
        printf("and %zu more columns (--json lists all)\n",
               n - 1 - MOST_COLUMNS);
    }
}

/* Prints everything. If the standard output cannot be written, mlp_show_summary
 * tells it of the text so far, and the main function of what follows. */
static void print_text(const tool_model *model)
{
    char hash[TOOL_HASH_SIZE];
    printf("%s: %s, %zu bytes, weights %s\n", model->path, model->kind,
           size_of(model->path), mlpi_tool_hash(model->net, hash));
    mlpi_tool_check(mlp_show_summary(model->net, stdout));
    if (model->recipe) {
        print_columns(model->recipe);
    }
    const char *before = "\n";
    const char *key = NULL;
    for (size_t i = 0; (key = mlp_net_metadata_key(model->net, i)); i++) {
        if (strcmp(key, recipe_key) != 0) {
            (void)fputs(before, stdout);
            mlpi_tool_put(key, stdout);
            (void)fputs(": ", stdout);
            mlpi_tool_put(mlp_net_metadata(model->net, key), stdout);
            (void)putchar('\n');
            before = "";
        }
    }
}

/* ---------------------------------------------------------------------------
 * JSON
 */

/* Prints a member whose value is a list of texts. */
static void print_list(const char *name, const char *const *words, size_t n)
{
    mlpi_tool_json(", %s: [", name);
    for (size_t i = 0; i < n; i++) {
        (void)fputs(i > 0 ? ", " : "", stdout);
        mlpi_tool_json("%s", words[i]);
    }
    (void)putchar(']');
}

/* Prints what the recipe knows: the target, and each column with the inputs
 * that it becomes. */
static void print_json_columns(const mlp_data_recipe *recipe)
{
    const mlp_data_column *target = mlp_data_recipe_column(recipe, 0);
    mlpi_tool_json(", 'target': %s", target->name);
    print_list("classes", target->categories, target->n_categories);
    mlpi_tool_json(", 'columns': [");
    for (size_t i = 1; i < mlp_data_recipe_columns(recipe); i++) {
        const mlp_data_column *c = mlp_data_recipe_column(recipe, i);
        bool is_number = c->kind == MLP_DATA_NUMBER;
        (void)fputs(i > 1 ? ", " : "", stdout);
        mlpi_tool_json("{'name': %s, 'kind': %s, 'first_input': %zu, "
                       "'inputs': %zu, 'flag': ",
                       c->name, is_number ? "number" : "category",
                       c->first_input, c->n_inputs);
        (void)fputs(c->has_flag ? "true" : "false", stdout);
        if (is_number) {
            mlpi_tool_json(", 'mean': %g", c->mean);
        } else {
            print_list("categories", c->categories, c->n_categories);
        }
        (void)putchar('}');
    }
    (void)putchar(']');
}

/* Prints everything in one line. The metadata hold the text of the recipe,
 * too. */
static void print_json(const tool_model *model)
{
    const mlp_net *net = model->net;
    char hash[TOOL_HASH_SIZE];
    mlpi_tool_json("{'file': %s, 'kind': %s, 'bytes': %zu, 'weights': %s, "
                   "'inputs': %zu, 'parameters': %zu, 'precision': %s, "
                   "'loss': %s",
                   model->path, model->kind, size_of(model->path),
                   mlpi_tool_hash(net, hash), mlp_net_inputs(net),
                   mlp_net_parameter_count(net),
                   mlp_dtype_name(mlp_net_precision(net)),
                   mlp_loss_name(mlp_net_loss(net)));
    if (model->recipe) {
        print_json_columns(model->recipe);
    }
    mlpi_tool_json(", 'metadata': {");
    const char *key = NULL;
    for (size_t i = 0; (key = mlp_net_metadata_key(net, i)); i++) {
        (void)fputs(i > 0 ? ", " : "", stdout);
        mlpi_tool_json("%s: %s", key, mlp_net_metadata(net, key));
    }
    (void)fputs("}}\n", stdout);
}

/* ---------------------------------------------------------------------------
 * The picture
 */

/* Draws the network. Inputs are named by their columns, or by their categories;
 * "?" is the flag of an empty cell. */
static void draw(const tool_model *model, const char *path)
{
    size_t inputs = mlp_net_inputs(model->net);
    const char **names = mlpi_tool_memory(inputs, sizeof *names);
    for (size_t i = 1; i < mlp_data_recipe_columns(model->recipe); i++) {
        const mlp_data_column *c = mlp_data_recipe_column(model->recipe, i);
        for (size_t k = 0; k < c->n_inputs; k++) {
            names[c->first_input + k] = k < c->n_categories ? c->categories[k]
                                        : k == 0            ? c->name
                                                            : "?";
        }
    }
    mlp_picture *picture = mlpi_tool_picture();
    mlpi_tool_check(mlp_picture_network(picture, NULL, model->net,
                                        model->recipe ? names : NULL));
    free((void *)names);
    mlpi_tool_draw(picture, path);
}

static void info(const tool_options *options)
{
    tool_model model = mlpi_tool_open(options->operands[0]);
    (options->json ? print_json : print_text)(&model);
    if (options->plot) {
        draw(&model, options->plot);
    }
    mlpi_tool_close(&model);
}

const tool_verb mlpi_tool_info = {
    "info", "MODEL", "say what the model is and how it was trained",
    1,      1,       info};
