/* SPDX-License-Identifier: MIT */
/*
 * Loading what train learns from. A first look at the table may show that it
 * must be read in another way: the target is in a second file, its numbers are
 * classes, or a column holds another word in each row. Then the table is loaded
 * again with other options, until a look shows nothing new.
 */
#include "tool/table.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tool/talk.h"

/* The header says what makes numbers classes. Nobody types the names of more
 * than 64 columns. */
enum { MOST_CLASSES = 100, LEAST_ROWS_OF_CLASS = 5, MOST_IGNORED = 64 };

/* How the table is loaded, as far as that is known. Names are copied, because a
 * table that is loaded again is freed before. */
typedef struct look {
    mlp_data_options options;
    const char *target; /* the column's name */
    const char *ignored[MOST_IGNORED];
    char names[4096]; /* of the ignored columns, each with a 0 at its end */
    size_t used;      /* of `names` */
} look;

/* ---------------------------------------------------------------------------
 * The target
 */

/* Says that there is no such column, and which there are, at most ten: the name
 * is often only misspelt. */
static void complain_of_target(const mlp_data *data, const char *path,
                               const char *target)
{
    char list[400] = "";
    size_t used = 0;
    size_t cols = mlp_data_cols(data);
    for (size_t j = 0; j < cols && j < 10 && used < sizeof list; j++) {
        used += (size_t)snprintf(list + used, sizeof list - used, "%s%.60s",
                                 j > 0 ? ", " : "", mlp_data_name(data, j));
    }
    mlpi_tool_complain("%s: no column \"%s\", and no such file; the columns "
                       "are %s%s",
                       path, target, list, cols > 10 ? ", ..." : "");
}

/* Returns how many classes the numbers of column j seem to be, or 0 if they are
 * no classes: counts of something, say, or grades that begin with 3. A wrong
 * guess costs little, because it is told, with the option that corrects it. */
static size_t apparent_classes(const mlp_data *data, size_t j)
{
    mlp_cview cells = mlp_data_values(data);
    size_t counts[MOST_CLASSES + 1] = {0};
    size_t rows = 0;
    size_t least = SIZE_MAX;
    size_t most = 0;
    for (size_t i = 0; i < cells.rows; i++) {
        double x = mlp_cview_at(cells, i, j);
        if (isnan(x)) {
            continue;
        }
        if (!(x >= 0 && x <= MOST_CLASSES) || x != floor(x)) {
            return 0;
        }
        size_t k = (size_t)x;
        counts[k]++;
        rows++;
        least = k < least ? k : least;
        most = k > most ? k : most;
    }
    if (rows == 0 || least > 1 || most == least) {
        return 0;
    }
    size_t classes = most - least + 1;
    bool is_binary = least == 0 && most == 1;
    for (size_t k = least; k <= most && !is_binary; k++) {
        if (counts[k] < LEAST_ROWS_OF_CLASS) {
            return 0;
        }
    }
    return is_binary || rows >= 10 * classes ? classes : 0;
}

/* Returns whether a file can be opened to read. */
static bool file_exists(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (file) {
        (void)fclose(file);
    }
    return file != NULL;
}

/* ---------------------------------------------------------------------------
 * Ignored columns
 */

/* Adds a column to those that are ignored. Returns whether that is new; it is
 * not if there is no room, so that no load is repeated for ever. */
static bool ignore(look *l, const char *name, size_t length)
{
    size_t n = l->options.n_ignored;
    char *copy = l->names + l->used;
    if (n == MOST_IGNORED || length >= sizeof l->names - l->used) {
        return false;
    }
    memcpy(copy, name, length);
    copy[length] = '\0';
    for (size_t i = 0; i < n; i++) {
        if (strcmp(l->ignored[i], copy) == 0) {
            return false;
        }
    }
    l->used += length + 1;
    l->ignored[l->options.n_ignored++] = copy;
    return true;
}

/* Ignores columns in which each word stands in one row only: names, say. The
 * input that such a word would become is 0 in every other row. Returns whether
 * there are new ones. */
static bool ignore_identifiers(const mlp_data *data, size_t target, look *l)
{
    bool is_new = false;
    for (size_t j = 0; j < mlp_data_cols(data); j++) {
        size_t words = mlp_data_n_categories(data, j);
        const char *name = mlp_data_name(data, j);
        if (j != target && words >= 10 &&
            words + mlp_data_empty_cells(data, j) == mlp_data_rows(data) &&
            ignore(l, name, strlen(name))) {
            mlpi_tool_say("%s is left out: it differs in every row", name);
            is_new = true;
        }
    }
    return is_new;
}

/* ---------------------------------------------------------------------------
 * Loading
 */

/* Looks at a table. Sets *again if it must be loaded again, with what *l then
 * says. A network to go on from has a recipe, which knows what the columns are
 * and needs no guesses. */
static int look_at(const mlp_data *data, const tool_options *options, look *l,
                   bool *again)
{
    const char *path = options->operands[0];
    size_t target = mlp_data_find(data, l->target);
    *again = true;
    if (target == SIZE_MAX && !l->options.targets && file_exists(l->target)) {
        l->options.targets = l->target;
        l->target = "target";
        return TOOL_DONE;
    }
    if (target == SIZE_MAX) {
        complain_of_target(data, path, l->target);
        return TOOL_MISUSED;
    }
    bool is_number = mlp_data_kind_of(data, target) == MLP_DATA_NUMBER;
    if (!is_number && options->task == TOOL_TASK_NUMBERS) {
        mlpi_tool_complain("%s: %s holds words such as \"%s\", not numbers",
                           path, l->target, mlp_data_category(data, target, 0));
        return TOOL_MISUSED;
    }
    *again = false;
    if (l->options.recipe) {
        return TOOL_DONE;
    }
    size_t classes = is_number && options->task == TOOL_TASK_AUTO
                         ? apparent_classes(data, target)
                         : 0;
    if (classes > 0) {
        mlpi_tool_say("%s holds %zu whole numbers, which are taken as classes; "
                      "--task numbers learns them as numbers",
                      l->target, classes);
    }
    if (classes > 0 || (is_number && options->task == TOOL_TASK_CLASSES)) {
        l->options.categories = &l->target;
        l->options.n_categories = 1;
        *again = true;
    }
    *again |= ignore_identifiers(data, target, l);
    return TOOL_DONE;
}

/* Loads the table until a look shows nothing new. What a look finds it finds
 * only once, so there are four loads at most. */
static int load(const tool_options *options, look *l, mlp_data **data)
{
    mlp_hooks hooks = mlp_hooks_stderr();
    bool again = true;
    while (again) {
        mlp_data_free(*data);
        *data = NULL;
        mlp_status status =
            mlp_data_load(options->operands[0], &l->options, &hooks, data);
        /* No such column to ignore is what ARGUMENT means. */
        TRY(status == MLP_OK             ? TOOL_DONE
            : status == MLP_ERR_ARGUMENT ? TOOL_MISUSED
                                         : TOOL_FAILED);
        TRY(look_at(*data, options, l, &again));
    }
    return TOOL_DONE;
}

/* ---------------------------------------------------------------------------
 * Rows
 */

mlp_view mlpi_tool_view(mlp_dtype dtype, size_t rows, size_t cols)
{
    size_t size = dtype == MLP_F64 ? sizeof(double) : sizeof(float);
    bool fits = cols == 0 || rows < SIZE_MAX / cols;
    void *data = mlpi_tool_memory(fits ? rows * cols : SIZE_MAX, size);
    return (mlp_view){dtype, rows, cols, cols, 1, data};
}

/* Fills rows and Y with the rows that have a target. Others teach nothing, and
 * cannot be scored. A target that never varies is a mistake. */
static int take_rows(tool_table *t, size_t column)
{
    mlp_cview cells = mlp_data_values(t->data);
    t->rows = mlpi_tool_memory(cells.rows, sizeof *t->rows);
    t->Y = mlpi_tool_view(t->classes ? MLP_I32 : MLP_F64, cells.rows, 1);
    if (!t->rows || !t->Y.data) {
        return TOOL_FAILED;
    }
    double first = NAN;
    bool varies = false;
    for (size_t i = 0; i < cells.rows; i++) {
        double y = mlp_cview_at(cells, i, column);
        if (!isnan(y)) {
            first = t->n == 0 ? y : first;
            varies = varies || y != first;
            (void)mlp_view_set(t->Y, t->n, 0, y);
            t->rows[t->n++] = i;
        }
    }
    t->Y.rows = t->n;
    if (t->n < cells.rows) {
        mlpi_tool_say("rows without %s are left out: %zu of %zu", t->target,
                      cells.rows - t->n, cells.rows);
    }
    if (t->n < 3 || !varies) {
        mlpi_tool_complain(
            t->n < 3 ? "%s: expects 3 rows or more with a value for %s, got %zu"
                     : "%s: %s is the same in all %zu rows: there is nothing "
                       "to learn",
            t->path, t->target, t->n);
        return TOOL_FAILED;
    }
    return TOOL_DONE;
}

/* Returns whether the inputs are whole numbers from 0 to 255. The cells are
 * those of an array of float32, millions perhaps, so they are read directly. */
static bool holds_bytes(const tool_table *t, size_t target)
{
    mlp_cview cells = mlp_data_values(t->data);
    for (size_t i = 0; i < cells.rows; i++) {
        const float *row = (const float *)cells.data + i * cells.row_stride;
        for (size_t j = 0; j < cells.cols; j++) {
            float x = row[j * cells.col_stride];
            bool is_byte = x >= 0 && x <= 255 && (float)(int)x == x;
            if (!is_byte && j != target) {
                return false;
            }
        }
    }
    return true;
}

/* Loads and looks; mlpi_tool_open_table cleans up after a failure. */
static int open_table(const tool_options *options, look *l, tool_table *t)
{
    TRY(load(options, l, &t->data));
    size_t column = mlp_data_find(t->data, l->target);
    bool is_short = mlp_data_values(t->data).dtype == MLP_F32;
    t->target = mlp_data_name(t->data, column);
    t->classes = mlp_data_n_categories(t->data, column);
    t->precision = is_short ? MLP_F32 : MLP_F64;
    t->is_bytes = is_short && holds_bytes(t, column);
    return take_rows(t, column);
}

int mlpi_tool_open_table(const tool_options *options,
                         const mlp_data_recipe *recipe, tool_table *table)
{
    look l = {.options = mlp_data_defaults(), .target = options->operands[1]};
    l.options.recipe = recipe;
    l.options.ignored = l.ignored;
    for (const char *at = options->ignore; at && *at != '\0';) {
        size_t length = strcspn(at, ",");
        (void)ignore(&l, at, length);
        at += length + (at[length] == ',');
    }
    *table = (tool_table){.path = options->operands[0]};
    int status = open_table(options, &l, table);
    if (status != TOOL_DONE) {
        mlpi_tool_close_table(table);
    }
    return status;
}

void mlpi_tool_close_table(tool_table *table)
{
    free(table->rows);
    free(table->Y.data);
    mlp_data_free(table->data);
    *table = (tool_table){.path = NULL};
}
