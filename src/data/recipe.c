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
    mlpi_pool pool; /* all that the recipe owns, itself included */
    char *text;     /* as it is saved, and behind it the copy */
    const char **words;
    mlp_data_column *columns; /* column 0 is the target */
    size_t n_columns;
    size_t inputs;
};

/* Characters that cannot stand in a word, and what stands for them behind a
 * backslash. */
static const char special[] = "\t\n\r\\";
static const char letters[] = "tnr\\";

/* ---------------------------------------------------------------------------
 * Reading the text
 */

/* Replaces what stands for other characters, in place. The text never gets
 * longer by that. A backslash at the end of a word stays. */
static void unescape(char *s)
{
    char *to = s;
    for (; *s; s++) {
        if (s[0] == '\\' && s[1]) {
            const char *e = strchr(letters, *++s);
            *to++ = e ? special[e - letters] : *s;
        } else {
            *to++ = *s;
        }
    }
    *to = '\0';
}

/* Cuts a line into words. Returns their number. A line without a tab is one
 * word, and an empty word is a word. */
static size_t cut_line(char *line, const char **words)
{
    size_t n = 0;
    for (char *next = line; next; n++) {
        words[n] = next;
        next = strchr(next, '\t');
        if (next) {
            *next++ = '\0';
        }
        unescape((char *)words[n]);
    }
    return n;
}

/* Sets a column from the n words of its line. Returns false if they say no
 * column. */
static bool set_column(mlp_data_column *column, const char **words, size_t n,
                       bool is_target)
{
    size_t head = is_target ? 2 : 3;
    if (n < head) {
        return false;
    }
    size_t rest = n - head; /* words: a mean or categories */
    bool is_number = strcmp(words[0], "number") == 0;
    bool has_flag = !is_target && strcmp(words[2], "1") == 0;
    bool is_right = (is_number || strcmp(words[0], "category") == 0) &&
                    (is_target || has_flag || strcmp(words[2], "0") == 0) &&
                    (is_number ? rest == (is_target ? 0 : 1) : rest > 0);
    *column = (mlp_data_column){.name = words[1], .has_flag = has_flag};
    column->n_inputs = is_target ? 0 : rest + has_flag;
    if (!is_number) {
        column->kind = MLP_DATA_CATEGORY;
        column->categories = words + head;
        column->n_categories = rest;
    } else if (is_right && !is_target) {
        const char *end = words[3] + strlen(words[3]);
        is_right =
            mlpi_decimal_read(words[3], end, '.', &column->mean) == end &&
            isfinite(column->mean);
    }
    return is_right;
}

/* Reads the copy of the text. Returns false if it is no recipe: it must have
 * the title, a target, an input column, and LF at its end, by which a cut text
 * is found out. */
static bool read_text(mlp_data_recipe *r, char *next)
{
    const char **words = r->words;
    size_t title = strlen(TITLE "\n");
    if (strncmp(next, TITLE "\n", title) != 0) {
        return false;
    }
    for (next += title; *next;) {
        char *line = next;
        next = strchr(line, '\n');
        if (!next) {
            return false;
        }
        *next++ = '\0';
        mlp_data_column *column = &r->columns[r->n_columns];
        size_t n = cut_line(line, words);
        if (!set_column(column, words, n, r->n_columns++ == 0)) {
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
static mlp_status fill(mlp_data_recipe *r, const char *text, size_t size)
{
    size_t lines = 1;
    size_t words = 1;
    for (size_t i = 0; i < size; i++) {
        lines += text[i] == '\n';
        words += text[i] == '\n' || text[i] == '\t';
    }
    TRY(ALLOCATE(&r->pool, 2 * (size + 1), &r->text));
    TRY(ALLOCATE(&r->pool, words, &r->words));
    TRY(ALLOCATE(&r->pool, lines, &r->columns));
    memcpy(r->text, text, size + 1);
    memcpy(r->text + size + 1, text, size + 1);
    if (!read_text(r, r->text + size + 1)) {
        return mlpi_data_error(&r->pool, MLP_ERR_FORMAT, 0,
                               "expects a recipe of mlp_data_recipe_save, got "
                               "a text that is cut or damaged");
    }
    if (r->inputs > MLP_MAX_WIDTH) {
        return mlpi_data_error(&r->pool, MLP_ERR_LIMIT, 0,
                               "expects at most %d inputs, got %zu (does a "
                               "column hold a category for each row?)",
                               (int)MLP_MAX_WIDTH, r->inputs);
    }
    return MLP_OK;
}

/* Makes a recipe from a text of `size` bytes and a 0. `where` begins messages.
 */
static mlp_status create(const mlp_hooks *hooks, const char *text, size_t size,
                         const char *where, mlp_data_recipe **recipe)
{
    mlpi_pool pool;
    mlp_data_recipe *r = NULL;
    TRY(mlpi_data_begin(hooks, where, &pool));
    TRY(ALLOCATE(&pool, 1, &r));
    *r = (mlp_data_recipe){.pool = pool};
    mlp_status status = fill(r, text, size);
    if (status == MLP_OK) {
        *recipe = r;
    } else {
        mlp_data_recipe_free(r);
    }
    return status;
}

/* A recipe lies in its own pool, as a table does. */
void mlp_data_recipe_free(mlp_data_recipe *recipe)
{
    if (recipe) {
        mlpi_pool pool = recipe->pool;
        mlpi_data_end(&pool);
    }
}

/* ---------------------------------------------------------------------------
 * Making the text
 */

/* What the rows say of one column. */
typedef struct summary {
    size_t count;  /* cells that are not empty */
    double sum;    /* 2^-64 of the sum of the finite cells */
    bool *is_used; /* which categories occur */
} summary;

/* A text that grows, and the rows of the table that count. */
typedef struct writer {
    const mlp_data *data;
    const size_t *rows;
    size_t n_rows;
    mlpi_pool pool;
    char *text;
    size_t n, capacity;
} writer;

/* Appends a word and the tab or LF behind it. A character takes up to two
 * bytes. */
static mlp_status put(writer *w, const char *word, char end)
{
    TRY(RESERVE(&w->pool, w->n + 2 * strlen(word) + 2, &w->capacity, &w->text));
    for (; *word; word++) {
        const char *e = strchr(special, *word);
        if (e) {
            w->text[w->n++] = '\\';
        }
        w->text[w->n++] = e ? letters[e - special] : *word;
    }
    w->text[w->n++] = end;
    w->text[w->n] = '\0';
    return MLP_OK;
}

/* Sums up the cells of column j. A sum of the largest doubles overflows, so
 * 2^-64 of it is taken, which is exact but for cells below 1e-288. */
static mlp_status summarise(writer *w, size_t j, summary *s)
{
    const mlpi_column *column = &w->data->columns[j];
    *s = (summary){.count = 0};
    TRY(ALLOCATE(&w->pool, column->categories.n, &s->is_used));
    memset(s->is_used, 0, column->categories.n);
    for (size_t i = 0; i < w->n_rows; i++) {
        double x = mlpi_table_cell(w->data, w->rows ? w->rows[i] : i, j);
        s->count += isnan(x) ? 0 : 1;
        if (column->kind == MLP_DATA_CATEGORY && !isnan(x)) {
            s->is_used[(size_t)x] = true;
        } else if (isfinite(x)) {
            s->sum += x * 0x1p-64;
        }
    }
    return MLP_OK;
}

/* Appends the line of column j. A column that is empty in all rows has no mean
 * and no categories, so nothing is made of it. Categories that no row has are
 * left out: a network that never saw a category has no use for an input that
 * was always 0. A target has neither a flag nor a mean, and keeps all its
 * classes. The mean is finite even if all cells are the largest double: the sum
 * of n of them is exact if n is a power of two, and else rounded down. */
static mlp_status put_column(writer *w, size_t j, bool is_target)
{
    const mlpi_column *column = &w->data->columns[j];
    bool is_number = column->kind == MLP_DATA_NUMBER;
    summary s;
    TRY(summarise(w, j, &s));
    if (s.count == 0 && !is_target) {
        return MLP_OK;
    }
    TRY(put(w, is_number ? "number" : "category", '\t'));
    TRY(put(w, mlp_data_name(w->data, j), '\t'));
    if (!is_target) {
        TRY(put(w, s.count < w->n_rows ? "1" : "0", '\t'));
    }
    if (is_number && !is_target) {
        char text[MLPI_DECIMAL_SIZE];
        mlpi_decimal_write(s.sum / (double)s.count * 0x1p64, text);
        TRY(put(w, text, '\t'));
    }
    for (size_t k = 0; k < column->categories.n; k++) {
        if (is_target || s.is_used[k]) {
            TRY(put(w, column->categories.texts[k], '\t'));
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
               : mlpi_data_error(&data->pool, MLP_ERR_ARGUMENT, 0,
                                 "expects columns beside the target, got none "
                                 "that is not empty");
}

/* Checks the target and the rows. */
static mlp_status check_choice(const mlp_data *data, size_t target,
                               const size_t *rows, size_t n)
{
    if (data->columns[target].n_empty == data->values.rows) {
        return mlpi_data_error(&data->pool, MLP_ERR_ARGUMENT, 0,
                               "%s: expects targets, got only empty cells",
                               mlpi_table_place(data, target).text);
    }
    for (size_t i = 0; rows && i < n; i++) {
        if (rows[i] >= data->values.rows) {
            return mlpi_data_error(&data->pool, MLP_ERR_ARGUMENT, 0,
                                   "rows[%zu]: expects a row below %zu, got "
                                   "%zu",
                                   i, data->values.rows, rows[i]);
        }
    }
    return MLP_OK;
}

/* The recipe is written as its text and read back from that, so that there is
 * only one way to make one: what a network keeps cannot differ from what was
 * used in its training. */
mlp_status mlp_data_recipe_make(const mlp_data *data, const char *target,
                                const size_t *rows, size_t n,
                                mlp_data_recipe **recipe)
{
    if (!data) {
        return MLP_ERR_NULL;
    }
    const mlp_hooks *hooks = &data->pool.hooks;
    TRY(mlpi_data_need(hooks, target, "target"));
    TRY(mlpi_data_need(hooks, recipe, "the place for the recipe"));
    TRY(mlpi_data_need(hooks, n > 0 ? rows : (const void *)target, "rows"));
    size_t j = 0;
    TRY(mlpi_table_find(data, target, MLP_ERR_ARGUMENT, "is to be the target",
                        &j));
    TRY(check_choice(data, j, rows, n));
    writer w = {.data = data,
                .rows = rows,
                .n_rows = rows ? n : data->values.rows,
                .pool = {*hooks, data->pool.path, NULL}};
    mlp_status status = write_text(&w, j);
    if (status == MLP_OK) {
        status = create(hooks, w.text, w.n, data->pool.path, recipe);
    }
    mlpi_data_end(&w.pool);
    return status;
}

/* ---------------------------------------------------------------------------
 * Metadata, and what callers ask
 */

/* Whoever predicts without this library still finds the names of the classes
 * in the network. They are set first, because they can be refused. */
mlp_status mlp_data_recipe_save(const mlp_data_recipe *recipe, mlp_net *net)
{
    if (!recipe) {
        return MLP_ERR_NULL;
    }
    TRY(mlpi_data_need(&recipe->pool.hooks, net, "net"));
    const mlp_data_column *target = &recipe->columns[0];
    if (target->kind == MLP_DATA_CATEGORY) {
        TRY(mlp_net_set_class_names(net, target->categories,
                                    target->n_categories));
    }
    return mlp_net_set_metadata(net, "data.recipe", recipe->text);
}

/* The text may come from a file that somebody has changed, so create checks it
 * like any other input. */
mlp_status mlp_data_recipe_load(const mlp_net *net, const mlp_hooks *hooks,
                                mlp_data_recipe **recipe)
{
    mlpi_pool pool;
    TRY(mlpi_data_need(hooks, net, "net"));
    TRY(mlpi_data_need(hooks, recipe, "the place for the recipe"));
    TRY(mlpi_data_begin(hooks, "the network", &pool));
    const char *text = mlp_net_metadata(net, "data.recipe");
    if (!text) {
        return mlpi_data_error(&pool, MLP_ERR_FORMAT, 0,
                               "expects a recipe, got none (was it saved with "
                               "mlp_data_recipe_save?)");
    }
    return create(hooks, text, strlen(text), "the network's recipe", recipe);
}

/* NULL has no inputs and no columns, so that callers may ask before they check
 * what a call has returned. */
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
