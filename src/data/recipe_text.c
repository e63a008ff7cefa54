/* SPDX-License-Identifier: MIT */
/*
 * Reading the text of a recipe, which recipe_text.h describes, and keeping it
 * in a network's metadata.
 *
 * A recipe holds two copies of its text. One stays as it is, to be saved again.
 * In the other each tab and LF becomes the 0 at the end of a word, so that a
 * word needs no memory of its own:
 *
 *     number \t age \t 1 \t 38.5 \n     as it is saved
 *     number  0 age  0 1  0 38.5  0     with a 0 behind each word
 */
#include "data/recipe_text.h"

#include <math.h>
#include <string.h>

#include "data/decimal.h"

/* ---------------------------------------------------------------------------
 * Reading the text
 */

/* Replaces what stands for other characters, in place. The text never gets
 * longer by that. A backslash at the end of a word stays. */
static void unescape(char *s)
{
    char *to = s;
    for (; *s; s++) {
        char c = *s;
        if (c == '\\' && s[1]) {
            s++;
            c = *s == 't' ? '\t' : *s == 'n' ? '\n' : *s == 'r' ? '\r' : *s;
        }
        *to++ = c;
    }
    *to = '\0';
}

/* Cuts a line into words. Returns their number. A line without a tab is one
 * word, and an empty word is a word. */
static size_t cut_line(char *line, char **words)
{
    size_t n = 0;
    for (char *next = line; next; n++) {
        words[n] = next;
        next = strchr(next, '\t');
        if (next) {
            *next++ = '\0';
        }
        unescape(words[n]);
    }
    return n;
}

/* Sets an ingredient from the n words of its line. Returns false if they are no
 * ingredient. */
static bool set_ingredient(mlpi_ingredient *column, char **words, size_t n,
                           bool is_target)
{
    size_t head = is_target ? 2 : 3;
    bool is_number = strcmp(words[0], "number") == 0;
    if (n < head || (!is_number && strcmp(words[0], "category") != 0)) {
        return false;
    }
    *column = (mlpi_ingredient){is_number ? MLP_DATA_NUMBER : MLP_DATA_CATEGORY,
                                words[1],
                                !is_target && strcmp(words[2], "1") == 0,
                                0.0,
                                words + head,
                                n - head};
    if (!is_target && !column->has_flag && strcmp(words[2], "0") != 0) {
        return false;
    }
    if (!is_number) {
        return column->n_words > 0;
    }
    column->n_words = 0;
    if (is_target) {
        return n == head;
    }
    const char *end = n == 4 ? words[3] + strlen(words[3]) : NULL;
    return end && mlpi_decimal_read(words[3], end, '.', &column->mean) == end &&
           isfinite(column->mean);
}

/* The flag is one more input. */
size_t mlpi_inputs_of(const mlpi_ingredient *column)
{
    return (column->kind == MLP_DATA_NUMBER ? 1 : column->n_words) +
           column->has_flag;
}

/* Reads the copy of the text. Returns false if it is no recipe: it must have
 * the title, a target, an input column, and LF at its end, by which a cut text
 * is found out. */
static bool read_text(mlp_data_recipe *recipe)
{
    char **words = recipe->words;
    char *next = recipe->copy;
    for (size_t line = 0; *next; line++) {
        char *begin = next;
        next = strchr(begin, '\n');
        if (!next) {
            return false;
        }
        *next++ = '\0';
        if (line == 0) {
            if (strcmp(begin, MLPI_RECIPE_TITLE) != 0) {
                return false;
            }
            continue;
        }
        mlpi_ingredient *column = &recipe->columns[recipe->n_columns];
        size_t n = cut_line(begin, words);
        if (!set_ingredient(column, words, n, line == 1)) {
            return false;
        }
        words += n;
        recipe->n_columns++;
        recipe->inputs += line > 1 ? mlpi_inputs_of(column) : 0;
    }
    return recipe->n_columns > 1;
}

/* Each word ends with a tab or LF, so the number of words is known. */
mlp_status mlpi_recipe_create(const mlp_hooks *hooks, const char *text,
                              size_t size, const char *where,
                              mlp_data_recipe **recipe)
{
    size_t lines = 0;
    size_t words = 0;
    for (size_t i = 0; i < size; i++) {
        lines += text[i] == '\n';
        words += text[i] == '\t';
    }
    mlp_data_recipe *r = NULL;
    TRY(mlpi_data_allocate(hooks, 1, sizeof *r, (void *)&r));
    *r = (mlp_data_recipe){.hooks = *hooks};
    mlp_status s = mlpi_data_allocate(hooks, size + 1, 1, (void *)&r->text);
    if (s == MLP_OK) {
        s = mlpi_data_allocate(hooks, size + 1, 1, (void *)&r->copy);
    }
    if (s == MLP_OK) {
        s = mlpi_data_allocate(hooks, words + lines + 1, sizeof *r->words,
                               (void *)&r->words);
    }
    if (s == MLP_OK) {
        s = mlpi_data_allocate(hooks, lines + 1, sizeof *r->columns,
                               (void *)&r->columns);
    }
    if (s == MLP_OK) {
        memcpy(r->text, text, size + 1);
        memcpy(r->copy, text, size + 1);
        s = read_text(r) ? MLP_OK
                         : mlpi_data_error(hooks, MLP_ERR_FORMAT,
                                           "%s: expects a recipe of "
                                           "mlp_data_recipe_save, got a text "
                                           "that is cut or damaged",
                                           where);
    }
    if (s == MLP_OK && r->inputs > MLP_MAX_WIDTH) {
        s = mlpi_data_error(hooks, MLP_ERR_LIMIT,
                            "%s: expects at most %d inputs, got %zu (does a "
                            "column hold a category for each row?)",
                            where, (int)MLP_MAX_WIDTH, r->inputs);
    }
    if (s != MLP_OK) {
        mlp_data_recipe_free(r);
        return s;
    }
    *recipe = r;
    return MLP_OK;
}

void mlp_data_recipe_free(mlp_data_recipe *recipe)
{
    if (!recipe) {
        return;
    }
    mlp_hooks hooks = recipe->hooks;
    mlpi_data_release(&hooks, recipe->text);
    mlpi_data_release(&hooks, recipe->copy);
    mlpi_data_release(&hooks, (void *)recipe->words);
    mlpi_data_release(&hooks, recipe->columns);
    mlpi_data_release(&hooks, recipe);
}

/* A recipe has few columns, and this is asked once for each column of a table,
 * so a search through all is quick enough. */
bool mlpi_recipe_kind(const mlp_data_recipe *recipe, const char *name,
                      mlp_data_kind *kind)
{
    for (size_t i = 0; recipe && i < recipe->n_columns; i++) {
        if (strcmp(recipe->columns[i].name, name) == 0) {
            *kind = recipe->columns[i].kind;
            return true;
        }
    }
    return false;
}

/* ---------------------------------------------------------------------------
 * Metadata, and what callers ask
 */

mlp_status mlp_data_recipe_save(const mlp_data_recipe *recipe, mlp_net *net)
{
    return recipe ? mlp_net_set_metadata(net, "data.recipe", recipe->text)
                  : MLP_ERR_NULL;
}

mlp_status mlp_data_recipe_load(const mlp_net *net, const mlp_hooks *hooks,
                                mlp_data_recipe **recipe)
{
    mlp_hooks used = hooks ? *hooks : (mlp_hooks){.allocate = NULL};
    if (!net || !recipe) {
        return mlpi_data_error(&used, MLP_ERR_NULL, "%s is NULL",
                               net ? "the place for the recipe" : "net");
    }
    if ((used.allocate == NULL) != (used.release == NULL)) {
        return mlpi_data_error(&used, MLP_ERR_ARGUMENT,
                               "hooks: expects allocate and release together, "
                               "got one of them");
    }
    const char *text = mlp_net_metadata(net, "data.recipe");
    if (!text) {
        return mlpi_data_error(&used, MLP_ERR_FORMAT,
                               "the network: expects a recipe, got none (was "
                               "it saved with mlp_data_recipe_save?)");
    }
    return mlpi_recipe_create(&used, text, strlen(text), "the network's recipe",
                              recipe);
}

size_t mlp_data_recipe_inputs(const mlp_data_recipe *recipe)
{
    return recipe ? recipe->inputs : 0;
}

const char *mlp_data_recipe_target(const mlp_data_recipe *recipe)
{
    return recipe ? recipe->columns[0].name : NULL;
}

size_t mlp_data_recipe_classes(const mlp_data_recipe *recipe)
{
    return recipe ? recipe->columns[0].n_words : 0;
}

const char *mlp_data_recipe_class(const mlp_data_recipe *recipe, size_t k)
{
    return k < mlp_data_recipe_classes(recipe) ? recipe->columns[0].words[k]
                                               : NULL;
}
