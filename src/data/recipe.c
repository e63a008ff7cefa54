/* SPDX-License-Identifier: MIT */
/*
 * Recipes: making one from a table, and its text.
 *
 * A recipe is a text, which is made from a table or taken from a network's
 * metadata, and read in the same way in both cases:
 *
 *     libmlp data recipe 1
 *     category <name> <class> <class> ...             the target
 *     number <name> <flag> <mean>                     an input column
 *     category <name> <flag> <category> <category> ...
 *
 * The target is the first column, and may be a number too: "number <name>". A
 * flag is 1 if the column had empty cells, else 0. Lines end with LF. Words are
 * separated by tabs; in a word \t, \n, \r and \\ stand for a tab, LF, CR and a
 * backslash. All words are UTF-8, as metadata must be.
 *
 * The text may come from a hostile file, so each line is checked when it is
 * read. A name that occurs twice is allowed: both lines take the same column of
 * a table.
 */
#include <float.h>
#include <math.h>
#include <string.h>

#include "data/decimal.h"
#include "data/table.h"

/* The first line names the format and its version. */
#define TITLE "libmlp data recipe 1"

/* In the copy of the text each tab and LF becomes the 0 at the end of a word,
 * so that a word needs no memory of its own:
 *
 *     number \t age \t 1 \t 38.5 \n     as it is saved
 *     number  0 age  0 1  0 38.5  0     with a 0 behind each word */
struct mlp_data_recipe {
    mlp_hooks hooks;
    char *text; /* as it is saved, and behind it the copy */
    const char **words;
    mlp_data_column *columns; /* column 0 is the target */
    size_t n_columns;
    size_t inputs;
};

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
static size_t cut_line(char *line, const char **words)
{
    size_t n = 0;
    for (char *next = line; next; n++) {
        char *word = next;
        next = strchr(next, '\t');
        if (next) {
            *next++ = '\0';
        }
        unescape(word);
        words[n] = word;
    }
    return n;
}

/* Sets a column from the n words of its line. Returns false if they say no
 * column. */
static bool set_column(mlp_data_column *column, const char **words, size_t n,
                       bool is_target)
{
    size_t head = is_target ? 2 : 3;
    bool is_number = strcmp(words[0], "number") == 0;
    if (n < head || (!is_number && strcmp(words[0], "category") != 0)) {
        return false;
    }
    *column = (mlp_data_column){.name = words[1]};
    if (!is_target) {
        column->has_flag = strcmp(words[2], "1") == 0;
        column->n_inputs = is_number ? 1 : n - head;
        column->n_inputs += column->has_flag;
        if (!column->has_flag && strcmp(words[2], "0") != 0) {
            return false;
        }
    }
    if (!is_number) {
        column->kind = MLP_DATA_CATEGORY;
        column->categories = words + head;
        column->n_categories = n - head;
        return n > head;
    }
    if (is_target || n != 4) {
        return is_target && n == head;
    }
    const char *end = words[3] + strlen(words[3]);
    return mlpi_decimal_read(words[3], end, '.', &column->mean) == end &&
           *words[3] && isfinite(column->mean);
}

/* Reads the copy of the text. Returns false if it is no recipe: it must have
 * the title, a target, an input column, and LF at its end, by which a cut text
 * is found out. */
static bool read_text(mlp_data_recipe *r, char *next)
{
    const char **words = r->words;
    for (size_t line = 0; *next; line++) {
        char *begin = next;
        next = strchr(begin, '\n');
        if (!next) {
            return false;
        }
        *next++ = '\0';
        if (line == 0) {
            if (strcmp(begin, TITLE) != 0) {
                return false;
            }
            continue;
        }
        mlp_data_column *column = &r->columns[r->n_columns++];
        size_t n = cut_line(begin, words);
        if (!set_column(column, words, n, line == 1)) {
            return false;
        }
        words += n;
        column->first_input = r->inputs;
        r->inputs += column->n_inputs;
    }
    return r->n_columns > 1;
}

/* Allocates what the text needs, and reads it. Each word ends with a tab or LF,
 * so the number of words is known. */
static mlp_status fill(mlp_data_recipe *r, const char *text, size_t size,
                       const char *where)
{
    size_t lines = 1;
    size_t words = 1;
    for (size_t i = 0; i < size; i++) {
        lines += text[i] == '\n';
        words += text[i] == '\n' || text[i] == '\t';
    }
    TRY(mlpi_data_allocate(&r->hooks, size + 1, 2, (void *)&r->text));
    TRY(mlpi_data_allocate(&r->hooks, words, sizeof *r->words,
                           (void *)&r->words));
    TRY(mlpi_data_allocate(&r->hooks, lines, sizeof *r->columns,
                           (void *)&r->columns));
    memcpy(r->text, text, size + 1);
    memcpy(r->text + size + 1, text, size + 1);
    if (!read_text(r, r->text + size + 1)) {
        return mlpi_data_error(&r->hooks, MLP_ERR_FORMAT,
                               "%s: expects a recipe of mlp_data_recipe_save, "
                               "got a text that is cut or damaged",
                               where);
    }
    if (r->inputs > MLP_MAX_WIDTH) {
        return mlpi_data_error(&r->hooks, MLP_ERR_LIMIT,
                               "%s: expects at most %d inputs, got %zu (does a "
                               "column hold a category for each row?)",
                               where, (int)MLP_MAX_WIDTH, r->inputs);
    }
    return MLP_OK;
}

/* Makes a recipe from a text of `size` bytes and a 0. `where` begins messages.
 */
static mlp_status create(const mlp_hooks *hooks, const char *text, size_t size,
                         const char *where, mlp_data_recipe **recipe)
{
    mlp_data_recipe *r = NULL;
    TRY(mlpi_data_allocate(hooks, 1, sizeof *r, (void *)&r));
    /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference) */
    *r = (mlp_data_recipe){.hooks = *hooks};
    mlp_status status = fill(r, text, size, where);
    if (status != MLP_OK) {
        mlp_data_recipe_free(r);
        return status;
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
    mlpi_data_release(&hooks, (void *)recipe->words);
    mlpi_data_release(&hooks, recipe->columns);
    mlpi_data_release(&hooks, recipe);
}

/* ---------------------------------------------------------------------------
 * Making the text
 */

/* What the rows say of one column. */
typedef struct summary {
    size_t count;  /* cells that are not empty */
    double sum;    /* of the finite cells */
    double scaled; /* 2^-64 of the sum, which cannot overflow */
} summary;

/* A text that grows, and the rows of the table that count. */
typedef struct writer {
    const mlp_data *data;
    const size_t *rows;
    size_t n_rows;
    bool *is_used; /* which categories of a column occur in these rows */
    char *text;
    size_t n, capacity;
} writer;

/* Appends a word and the tab or LF behind it. A character takes up to two
 * bytes. */
static mlp_status put(writer *w, const char *word, char end)
{
    size_t room = w->n + 2 * strlen(word) + 2;
    TRY(mlpi_data_reserve(&w->data->hooks, room, 1, &w->capacity,
                          (void *)&w->text));
    for (; *word; word++) {
        char c = *word;
        char e = c == '\t'   ? 't'
                 : c == '\n' ? 'n'
                 : c == '\r' ? 'r'
                 : c == '\\' ? '\\'
                             : '\0';
        if (e) {
            w->text[w->n++] = '\\';
        }
        w->text[w->n++] = e ? e : c;
    }
    w->text[w->n++] = end;
    w->text[w->n] = '\0';
    return MLP_OK;
}

/* Sums up the cells of column j. */
static summary summarise(writer *w, size_t j)
{
    summary s = {0, 0.0, 0.0};
    bool is_number = w->data->columns[j].kind == MLP_DATA_NUMBER;
    memset(w->is_used, 0, w->data->columns[j].categories.n);
    for (size_t i = 0; i < w->n_rows; i++) {
        double x = mlp_cview_at(w->data->values, w->rows ? w->rows[i] : i, j);
        s.count += isnan(x) ? 0 : 1;
        if (is_number && isfinite(x)) {
            s.sum += x;
            s.scaled += x * 0x1p-64;
        } else if (!is_number && !isnan(x)) {
            w->is_used[(size_t)x] = true;
        }
    }
    return s;
}

/* Returns the mean of the cells that are not empty. Rounding may take the mean
 * of the largest doubles beyond these, so it is limited. */
static double mean_of(const summary *column)
{
    double n = (double)column->count;
    double mean = column->sum / n;
    if (!isfinite(mean)) {
        mean = column->scaled / n * 0x1p64;
    }
    return isfinite(mean) ? mean : copysign(DBL_MAX, column->scaled);
}

/* Appends the line of column j. A column that is empty in all rows has no mean
 * and no categories, so nothing is made of it. Categories that no row has are
 * left out: a network that never saw a category has no use for an input that
 * was always 0. A target has neither a flag nor a mean, and keeps all its
 * classes. */
static mlp_status put_column(writer *w, size_t j, bool is_target)
{
    summary s = summarise(w, j);
    if (s.count == 0 && !is_target) {
        return MLP_OK;
    }
    bool is_number = w->data->columns[j].kind == MLP_DATA_NUMBER;
    TRY(put(w, is_number ? "number" : "category", '\t'));
    TRY(put(w, mlp_data_name(w->data, j), '\t'));
    if (!is_target) {
        TRY(put(w, s.count < w->n_rows ? "1" : "0", '\t'));
    }
    if (is_number && !is_target) {
        char mean[MLPI_DECIMAL_SIZE];
        mlpi_decimal_write(mean_of(&s), mean);
        TRY(put(w, mean, '\t'));
    }
    for (size_t k = 0; k < mlp_data_n_categories(w->data, j); k++) {
        if (is_target || w->is_used[k]) {
            TRY(put(w, mlp_data_category(w->data, j, k), '\t'));
        }
    }
    w->text[w->n - 1] = '\n'; /* instead of the last tab */
    return MLP_OK;
}

/* Appends all lines: the title, the target, and the other columns in the order
 * of the table. */
static mlp_status write_text(writer *w, size_t target)
{
    const mlp_data *data = w->data;
    size_t longest = 0;
    for (size_t j = 0; j < data->names.n; j++) {
        size_t n = data->columns[j].categories.n;
        longest = n > longest ? n : longest;
    }
    TRY(mlpi_data_allocate(&data->hooks, longest, sizeof *w->is_used,
                           (void *)&w->is_used));
    TRY(put(w, TITLE, '\n'));
    TRY(put_column(w, target, true));
    size_t head = w->n;
    for (size_t j = 0; j < data->names.n; j++) {
        if (j != target && !data->columns[j].is_ignored) {
            TRY(put_column(w, j, false));
        }
    }
    return w->n > head
               ? MLP_OK
               : mlpi_table_error(data, MLP_ERR_ARGUMENT, 0,
                                  "expects columns beside the target, got none "
                                  "that is not empty");
}

/* Checks the target and the rows. */
static mlp_status check_choice(const mlp_data *data, size_t target,
                               const char *name, const size_t *rows, size_t n)
{
    if (target == SIZE_MAX) {
        return mlpi_table_error(data, MLP_ERR_ARGUMENT, 0,
                                "there is no column \"%s\"", name);
    }
    if (data->columns[target].n_empty == data->values.rows) {
        char place[MLPI_PLACE_SIZE];
        return mlpi_table_error(data, MLP_ERR_ARGUMENT, 0,
                                "%s: expects targets, got only empty cells",
                                mlpi_table_place(data, target, place));
    }
    for (size_t i = 0; rows && i < n; i++) {
        if (rows[i] >= data->values.rows) {
            return mlpi_data_error(&data->hooks, MLP_ERR_ARGUMENT,
                                   "rows[%zu]: expects a row below %zu, got "
                                   "%zu",
                                   i, data->values.rows, rows[i]);
        }
    }
    return MLP_OK;
}

mlp_status mlp_data_recipe_make(const mlp_data *data, const char *target,
                                const size_t *rows, size_t n,
                                mlp_data_recipe **recipe)
{
    if (!data) {
        return MLP_ERR_NULL;
    }
    if (!target || !recipe || (!rows && n > 0)) {
        return mlpi_data_error(&data->hooks, MLP_ERR_NULL, "%s is NULL",
                               !target   ? "target"
                               : !recipe ? "the place for the recipe"
                                         : "rows");
    }
    size_t j = mlp_data_find(data, target);
    TRY(check_choice(data, j, target, rows, n));
    writer w = {
        .data = data, .rows = rows, .n_rows = rows ? n : data->values.rows};
    mlp_status status = write_text(&w, j);
    if (status == MLP_OK) {
        status = create(&data->hooks, w.text, w.n, data->path, recipe);
    }
    mlpi_data_release(&data->hooks, w.is_used);
    mlpi_data_release(&data->hooks, w.text);
    return status;
}

/* ---------------------------------------------------------------------------
 * Metadata, and what callers ask
 */

mlp_status mlp_data_recipe_save(const mlp_data_recipe *recipe, mlp_net *net)
{
    if (!recipe) {
        return MLP_ERR_NULL;
    }
    const mlp_data_column *target = &recipe->columns[0];
    if (target->kind == MLP_DATA_CATEGORY) {
        TRY(mlp_net_set_class_names(net, target->categories,
                                    target->n_categories));
    }
    return mlp_net_set_metadata(net, "data.recipe", recipe->text);
}

mlp_status mlp_data_recipe_load(const mlp_net *net, const mlp_hooks *hooks,
                                mlp_data_recipe **recipe)
{
    mlp_hooks used;
    TRY(mlpi_data_use_hooks(hooks, &used));
    if (!net || !recipe) {
        return mlpi_data_error(&used, MLP_ERR_NULL, "%s is NULL",
                               net ? "the place for the recipe" : "net");
    }
    const char *text = mlp_net_metadata(net, "data.recipe");
    if (!text) {
        return mlpi_data_error(&used, MLP_ERR_FORMAT,
                               "the network: expects a recipe, got none (was "
                               "it saved with mlp_data_recipe_save?)");
    }
    return create(&used, text, strlen(text), "the network's recipe", recipe);
}

size_t mlp_data_recipe_inputs(const mlp_data_recipe *recipe)
{
    return recipe ? recipe->inputs : 0;
}

size_t mlp_data_recipe_columns(const mlp_data_recipe *recipe)
{
    return recipe ? recipe->n_columns : 0;
}

const mlp_data_column *mlp_data_recipe_column(const mlp_data_recipe *recipe,
                                              size_t i)
{
    return i < mlp_data_recipe_columns(recipe) ? &recipe->columns[i] : NULL;
}

const char *mlp_data_recipe_target(const mlp_data_recipe *recipe)
{
    return recipe ? recipe->columns[0].name : NULL;
}

size_t mlp_data_recipe_classes(const mlp_data_recipe *recipe)
{
    return recipe ? recipe->columns[0].n_categories : 0;
}

const char *mlp_data_recipe_class(const mlp_data_recipe *recipe, size_t k)
{
    return k < mlp_data_recipe_classes(recipe)
               ? recipe->columns[0].categories[k]
               : NULL;
}
