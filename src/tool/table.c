/* SPDX-License-Identifier: MIT */
/*
 * Loading what train learns from. A first look at the table may show that it
 * must be read in another way: the target is in a second file, its numbers are
 * classes, or a column holds another word in each row. Then the table is loaded
 * again with other options, until a look shows nothing new.
 */
#include "tool/table.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* The header says what makes numbers classes. */
enum { MOST_CLASSES = 100, LEAST_ROWS_OF_CLASS = 5 };

/* How the table is loaded, as far as that is known. */
typedef struct look {
    mlp_data_options options;
    const char *target; /* the column's name */
    char **ignored;     /* copies, because a table that is loaded again is freed
                           before */
} look;

/* ---------------------------------------------------------------------------
 * The target
 */

/* Says that there is no such column, and which there are, at most ten: the name
 * is often only misspelt. */
_Noreturn static void refuse_target(const mlp_data *data, const char *path,
                                    const char *target)
{
    char list[400] = "";
    size_t used = 0;
    size_t cols = mlp_data_cols(data);
    for (size_t j = 0; j < cols && j < 10 && used < sizeof list; j++) {
        used += (size_t)snprintf(list + used, sizeof list - used, "%s%.60s",
                                 j > 0 ? ", " : "", mlp_data_name(data, j));
    }
    TOOL_REFUSE("%s: no column \"%s\", and no such file; the columns are %s%s",
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
    for (size_t i = 0; i < cells.rows; i++) {
        double x = mlp_cview_at(cells, i, j);
        if (isnan(x)) {
            continue;
        }
        if (!(x >= 0 && x <= MOST_CLASSES) || x != floor(x)) {
            return 0;
        }
        counts[(size_t)x]++;
        rows++;
    }
    size_t first = counts[0] == 0;
    size_t end = MOST_CLASSES + 1;
    while (end > first && counts[end - 1] == 0) {
        end--;
    }
    size_t classes = end - first;
    if (first == 0 && classes == 2) {
        return 2;
    }
    for (size_t k = first; k < end; k++) {
        if (counts[k] < LEAST_ROWS_OF_CLASS) {
            return 0;
        }
    }
    return classes >= 2 && rows >= 10 * classes ? classes : 0;
}

/* Returns whether a file can be opened to read. */
static bool file_exists(const char *path)
{
    FILE *file = fopen(path, "rb");
    return file && fclose(file) == 0;
}

/* ---------------------------------------------------------------------------
 * Ignored columns
 */

/* Adds a column to those that are ignored. */
static void ignore(look *l, const char *name, size_t length)
{
    size_t n = l->options.n_ignored++;
    char **more = realloc(l->ignored, (n + 1) * sizeof *more);
    if (!more) {
        TOOL_FAIL("there is no memory for %zu names", n + 1);
    }
    more[n] = mlpi_tool_memory(length + 1, 1);
    memcpy(more[n], name, length);
    l->ignored = more;
    l->options.ignored = (const char *const *)more;
}

/* Ignores columns in which each word stands in one row only: names, say. The
 * input that such a word would become is 0 in every other row. An ignored
 * column has no words any more, so it is found only once. Returns whether there
 * are any. */
static bool ignore_identifiers(const mlp_data *data, size_t target, look *l)
{
    bool is_new = false;
    for (size_t j = 0; j < mlp_data_cols(data); j++) {
        size_t words = mlp_data_n_categories(data, j);
        const char *name = mlp_data_name(data, j);
        if (j != target && words >= 10 &&
            words + mlp_data_empty_cells(data, j) == mlp_data_rows(data)) {
            ignore(l, name, strlen(name));
            mlpi_tool_say("%s is left out: it differs in every row", name);
            is_new = true;
        }
    }
    return is_new;
}

/* ---------------------------------------------------------------------------
 * Loading
 */

/* Looks at a table, whose target is in column `target`. Returns whether it must
 * be loaded again, with what *l then says. A network to go on from has a
 * recipe, which knows what the columns are and needs no guesses. */
static bool look_at(const mlp_data *data, size_t target,
                    const tool_options *options, look *l)
{
    bool is_number = mlp_data_kind_of(data, target) == MLP_DATA_NUMBER;
    if (!is_number && options->task == TOOL_TASK_NUMBERS) {
        TOOL_REFUSE("%s: %s holds words such as \"%s\", not numbers",
                    options->operands[0], l->target,
                    mlp_data_category(data, target, 0));
    }
    if (l->options.recipe) {
        return false;
    }
    size_t classes = is_number && options->task == TOOL_TASK_AUTO
                         ? apparent_classes(data, target)
                         : 0;
    if (classes > 0) {
        mlpi_tool_say("%s holds %zu whole numbers, which are taken as classes; "
                      "--task numbers learns them as numbers",
                      l->target, classes);
    }
    bool is_new =
        classes > 0 || (is_number && options->task == TOOL_TASK_CLASSES);
    if (is_new) {
        l->options.categories = &l->target;
        l->options.n_categories = 1;
    }
    return ignore_identifiers(data, target, l) || is_new;
}

/* Loads the table until a look shows nothing new. What a look finds it finds
 * only once, so there are four loads at most. */
static mlp_data *load(const tool_options *options, look *l)
{
    const char *path = options->operands[0];
    mlp_hooks hooks = mlp_hooks_stderr();
    for (;;) {
        mlp_data *data = NULL;
        mlp_status status = mlp_data_load(path, &l->options, &hooks, &data);
        if (status == MLP_ERR_ARGUMENT) { /* no such column to ignore */
            exit(TOOL_MISUSED);
        }
        mlpi_tool_check(status);
        size_t target = mlp_data_find(data, l->target);
        bool again = target == SIZE_MAX;
        if (!again) {
            again = look_at(data, target, options, l);
        } else if (!l->options.targets && file_exists(l->target)) {
            l->options.targets = l->target;
            l->target = "target";
        } else {
            refuse_target(data, path, l->target);
        }
        if (!again) {
            return data;
        }
        mlp_data_free(data);
    }
}

/* ---------------------------------------------------------------------------
 * Rows
 */

/* Returns the number that a recipe gives to a class. */
static double class_of(const char *name, const tool_table *t,
                       const tool_model *from)
{
    for (size_t k = 0; k < from->classes; k++) {
        if (strcmp(from->names[k], name) == 0) {
            return (double)k;
        }
    }
    TOOL_FAIL("%s: the class \"%s\" is not known to %s", t->path, name,
              from->path);
}

/* Fills rows and Y with the rows that have a target. Others teach nothing, and
 * cannot be scored. */
static void take_rows(tool_table *t, size_t column, const tool_model *from)
{
    mlp_cview cells = mlp_data_values(t->data);
    size_t n = 0;
    t->rows = mlpi_tool_memory(cells.rows, sizeof *t->rows);
    t->Y = mlpi_tool_view(t->classes ? MLP_I32 : MLP_F64, cells.rows, 1);
    for (size_t i = 0; i < cells.rows; i++) {
        double y = mlp_cview_at(cells, i, column);
        if (isnan(y)) {
            continue;
        }
        if (t->classes > 0 && from->recipe) {
            y = class_of(mlp_data_category(t->data, column, (size_t)y), t,
                         from);
        }
        (void)mlp_view_set(t->Y, n, 0, y);
        t->rows[n++] = i;
    }
    t->Y.rows = n;
}

/* Tells what was left out, and refuses what nobody can learn: a few rows, a
 * target that never varies, or classes of which hardly any stands in two rows,
 * such as measured numbers. */
static void check_rows(const tool_table *t, const tool_model *from)
{
    size_t n = t->Y.rows;
    size_t all = mlp_data_rows(t->data);
    mlp_cview Y = mlp_view_const(t->Y);
    size_t i = 1;
    while (i < n && mlp_cview_at(Y, i, 0) == mlp_cview_at(Y, 0, 0)) {
        i++;
    }
    if (n < all) {
        mlpi_tool_say("rows without %s are left out: %zu of %zu", t->target,
                      all - n, all);
    }
    if (n < 3) {
        TOOL_FAIL("%s: expects 3 rows or more with a value for %s, got %zu",
                  t->path, t->target, n);
    }
    if (i == n) {
        TOOL_FAIL(
            "%s: %s is the same in all %zu rows: there is nothing to learn",
            t->path, t->target, n);
    }
    if (!from->recipe && t->classes > 2 && t->classes > n / 2) {
        TOOL_FAIL("%s: expects classes that stand in several rows each, got "
                  "%zu for the %zu rows of %s",
                  t->path, t->classes, n, t->target);
    }
}

tool_table mlpi_tool_open_table(const tool_options *options,
                                const tool_model *from)
{
    tool_table t = {.path = options->operands[0]};
    look l = {.options = mlp_data_defaults(), .target = options->operands[1]};
    l.options.recipe = from->recipe;
    for (const char *at = options->ignore; at && *at != '\0';) {
        size_t length = strcspn(at, ",");
        ignore(&l, at, length);
        at += length + (at[length] == ',');
    }
    t.data = load(options, &l);
    size_t column = mlp_data_find(t.data, l.target);
    t.target = mlp_data_name(t.data, column);
    t.classes = mlp_data_n_categories(t.data, column);
    take_rows(&t, column, from);
    check_rows(&t, from);
    for (size_t i = 0; i < l.options.n_ignored; i++) {
        free(l.ignored[i]);
    }
    free(l.ignored);
    return t;
}

void mlpi_tool_close_table(tool_table *table)
{
    free(table->rows);
    free(table->Y.data);
    mlp_data_free(table->data);
}
