/* SPDX-License-Identifier: MIT */
/*
 * Making a recipe from a table, and encoding tables by it.
 *
 * When a recipe is made, each input column is read twice: to count its empty
 * cells, and for its mean or its categories.
 *
 * To encode, all columns are found and checked first, so that a failure leaves
 * the inputs untouched. The categories of a table have numbers of their own, so
 * for each column a map is made from these to the numbers of the recipe:
 *
 *     table    blue 0, green 1, red 2
 *     recipe   red 0, blue 1
 *     map      1, SIZE_MAX, 0
 */
#include <math.h>
#include <string.h>

#include "data/decimal.h"
#include "data/recipe_text.h"

/* ---------------------------------------------------------------------------
 * Making the text
 */

/* A text that grows, and the rows of the table that count. */
typedef struct writer {
    const mlp_data *data;
    const size_t *rows;
    size_t n_rows;
    char *text;
    size_t n, capacity;
} writer;

/* Returns the number in the table of training row i. */
static size_t row_at(const writer *w, size_t i)
{
    return w->rows ? w->rows[i] : i;
}

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

/* Returns the mean of the cells of column j that are not empty. If their sum
 * overflows, each is divided instead. */
static double mean_of(const writer *w, size_t j, size_t count)
{
    mlp_cview values = mlp_data_values(w->data);
    double sum = 0.0;
    double mean = 0.0;
    for (size_t i = 0; i < w->n_rows; i++) {
        double x = mlp_cview_at(values, row_at(w, i), j);
        sum += isnan(x) ? 0.0 : x;
        mean += isnan(x) ? 0.0 : x / (double)count;
    }
    return isfinite(sum) ? sum / (double)count : mean;
}

/* Appends the categories of column j that some row has. Others are left out: a
 * network that never saw a category has no use for an input that was always
 * 0. */
static mlp_status put_categories(writer *w, size_t j)
{
    mlp_cview values = mlp_data_values(w->data);
    size_t n = mlp_data_n_categories(w->data, j);
    bool *is_used = NULL;
    TRY(mlpi_data_allocate(&w->data->hooks, n, sizeof *is_used,
                           (void *)&is_used));
    memset(is_used, 0, n * sizeof *is_used);
    for (size_t i = 0; i < w->n_rows; i++) {
        double x = mlp_cview_at(values, row_at(w, i), j);
        if (!isnan(x)) {
            is_used[(size_t)x] = true;
        }
    }
    mlp_status status = MLP_OK;
    for (size_t k = 0; status == MLP_OK && k < n; k++) {
        if (is_used[k]) {
            status = put(w, mlp_data_category(w->data, j, k), '\t');
        }
    }
    mlpi_data_release(&w->data->hooks, is_used);
    w->text[w->n - 1] = '\n'; /* instead of the last tab */
    return status;
}

/* Appends the line of an input column, unless it is empty in all rows. Such a
 * column has no mean and no categories, so nothing could be made of it. */
static mlp_status put_column(writer *w, size_t j)
{
    mlp_cview values = mlp_data_values(w->data);
    size_t count = 0;
    for (size_t i = 0; i < w->n_rows; i++) {
        bool is_empty = isnan(mlp_cview_at(values, row_at(w, i), j));
        count += !is_empty;
    }
    if (count == 0) {
        return MLP_OK;
    }
    bool is_number = mlp_data_kind_of(w->data, j) == MLP_DATA_NUMBER;
    TRY(put(w, is_number ? "number" : "category", '\t'));
    TRY(put(w, mlp_data_name(w->data, j), '\t'));
    TRY(put(w, count < w->n_rows ? "1" : "0", '\t'));
    if (!is_number) {
        return put_categories(w, j);
    }
    char mean[MLPI_DECIMAL_SIZE];
    mlpi_decimal_write(mean_of(w, j, count), mean);
    return put(w, mean, '\n');
}

/* Appends the line of the target, with all its classes. */
static mlp_status put_target(writer *w, size_t j)
{
    bool is_number = mlp_data_kind_of(w->data, j) == MLP_DATA_NUMBER;
    TRY(put(w, MLPI_RECIPE_TITLE, '\n'));
    TRY(put(w, is_number ? "number" : "category", '\t'));
    TRY(put(w, mlp_data_name(w->data, j), '\t'));
    for (size_t k = 0; k < mlp_data_n_categories(w->data, j); k++) {
        TRY(put(w, mlp_data_category(w->data, j, k), '\t'));
    }
    w->text[w->n - 1] = '\n';
    return MLP_OK;
}

/* Appends all lines: the title, the target, and the other columns in the order
 * of the table. */
static mlp_status write_text(writer *w, size_t target)
{
    TRY(put_target(w, target));
    size_t head = w->n;
    for (size_t j = 0; j < mlp_data_cols(w->data); j++) {
        if (j != target) {
            TRY(put_column(w, j));
        }
    }
    if (w->n == head) {
        return mlpi_data_error(&w->data->hooks, MLP_ERR_ARGUMENT,
                               "%s: expects columns beside the target, got "
                               "none that is not empty",
                               w->data->path);
    }
    return MLP_OK;
}

/* Checks the target and the rows. */
static mlp_status check_choice(const mlp_data *data, size_t target,
                               const char *name, const size_t *rows, size_t n)
{
    if (target == SIZE_MAX) {
        return mlpi_data_error(&data->hooks, MLP_ERR_ARGUMENT,
                               "%s: there is no column \"%s\"", data->path,
                               name);
    }
    if (data->columns[target].n_empty == data->values.rows) {
        return mlpi_data_error(&data->hooks, MLP_ERR_ARGUMENT,
                               "%s: column %zu (%s): expects targets, got only "
                               "empty cells",
                               data->path, target + 1, name);
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
        status =
            mlpi_recipe_create(&data->hooks, w.text, w.n, data->path, recipe);
    }
    mlpi_data_release(&data->hooks, w.text);
    return status;
}

/* ---------------------------------------------------------------------------
 * Encoding
 */

/* Finds the column of the table that an ingredient needs, and checks its kind.
 * A column that is empty fits both kinds. */
static mlp_status find_column(const mlpi_ingredient *column,
                              const mlp_data *data, size_t *j)
{
    *j = mlp_data_find(data, column->name);
    if (*j == SIZE_MAX) {
        return mlpi_data_error(&data->hooks, MLP_ERR_FORMAT,
                               "%s: there is no column \"%s\", which the "
                               "recipe needs",
                               data->path, column->name);
    }
    const mlpi_column *found = &data->columns[*j];
    if (found->kind != column->kind && found->n_empty < data->values.rows) {
        bool needs_number = column->kind == MLP_DATA_NUMBER;
        return mlpi_data_error(
            &data->hooks, MLP_ERR_FORMAT,
            "%s: column %zu (%s): expects %s, got %s (was the table loaded "
            "with this recipe?)",
            data->path, *j + 1, column->name,
            needs_number ? "numbers" : "categories",
            needs_number ? "categories" : "numbers");
    }
    return MLP_OK;
}

/* Sets map[k] to the number in the recipe of category k of column j, or to
 * SIZE_MAX if the recipe does not know it. */
static void map_categories(const mlpi_ingredient *column, const mlp_data *data,
                           size_t j, size_t *map)
{
    const mlpi_dictionary *categories = &data->columns[j].categories;
    for (size_t k = 0; k < categories->n; k++) {
        map[k] = SIZE_MAX;
    }
    for (size_t i = 0; i < column->n_words; i++) {
        size_t k = mlpi_dictionary_find(categories, column->words[i],
                                        strlen(column->words[i]));
        if (k != SIZE_MAX) {
            map[k] = i;
        }
    }
}

/* Fills the inputs of one column, from `first` on. The view of the cells has
 * one column. A category that the recipe does not know is SIZE_MAX in the map,
 * which no input equals. */
static void encode_column(const mlpi_ingredient *column, mlp_cview cells,
                          const size_t *map, mlp_view X, size_t first)
{
    size_t flag = first + mlpi_inputs_of(column) - 1;
    for (size_t i = 0; i < cells.rows; i++) {
        double x = mlp_cview_at(cells, i, 0);
        bool is_empty = isnan(x);
        if (column->kind == MLP_DATA_NUMBER) {
            (void)mlp_view_set(X, i, first, is_empty ? column->mean : x);
        } else {
            size_t k = is_empty ? SIZE_MAX : map[(size_t)x];
            for (size_t l = 0; l < column->n_words; l++) {
                (void)mlp_view_set(X, i, first + l, l == k);
            }
        }
        if (column->has_flag) {
            (void)mlp_view_set(X, i, flag, is_empty);
        }
    }
}

/* Checks what both kinds of encoding need. */
static mlp_status check_view(const mlp_data *data, const char *what,
                             mlp_view view, size_t cols, bool is_i32)
{
    if (view.rows != data->values.rows || view.cols != cols) {
        return mlpi_data_error(&data->hooks, MLP_ERR_SHAPE,
                               "%s: expects the shape (%zu, %zu), got (%zu, "
                               "%zu)",
                               what, data->values.rows, cols, view.rows,
                               view.cols);
    }
    if (is_i32 ? view.dtype != MLP_I32
               : view.dtype != MLP_F64 && view.dtype != MLP_F32) {
        return mlpi_data_error(
            &data->hooks, MLP_ERR_DTYPE, "%s: expects %s", what,
            is_i32 ? "int32, for class numbers" : "float64 or float32");
    }
    return view.data ? MLP_OK
                     : mlpi_data_error(&data->hooks, MLP_ERR_NULL,
                                       "%s: its data is NULL", what);
}

mlp_status mlp_data_recipe_encode(const mlp_data_recipe *recipe,
                                  const mlp_data *data, mlp_view X)
{
    size_t longest = 0;
    size_t *map = NULL;
    size_t j = 0;
    if (!recipe || !data) {
        return MLP_ERR_NULL;
    }
    TRY(check_view(data, "X", X, recipe->inputs, false));
    for (size_t i = 1; i < recipe->n_columns; i++) {
        TRY(find_column(&recipe->columns[i], data, &j));
        size_t n = mlp_data_n_categories(data, j);
        longest = n > longest ? n : longest;
    }
    TRY(mlpi_data_allocate(&data->hooks, longest, sizeof *map, (void *)&map));
    size_t first = 0;
    for (size_t i = 1; i < recipe->n_columns; i++) {
        const mlpi_ingredient *column = &recipe->columns[i];
        j = mlp_data_find(data, column->name);
        map_categories(column, data, j, map);
        encode_column(column, mlp_cview_cols(data->values, j, 1), map, X,
                      first);
        first += mlpi_inputs_of(column);
    }
    mlpi_data_release(&data->hooks, map);
    return MLP_OK;
}

/* Returns MLP_ERR_FORMAT for a target, in row i of column j, that is none. */
static mlp_status refuse_target(const mlp_data *data, size_t i, size_t j,
                                double x)
{
    char quote[MLPI_QUOTE_SIZE] = "an empty cell";
    bool is_empty = isnan(x);
    if (!is_empty) {
        const char *text = mlp_data_category(data, j, (size_t)x);
        (void)mlpi_data_quote(text, strlen(text), quote);
    }
    const char *mark = is_empty ? "" : "\"";
    return mlpi_data_error(
        &data->hooks, MLP_ERR_FORMAT,
        "%s:%zu: column %zu (%s): expects a %s, got %s%s%s", data->path,
        data->lines ? data->lines[i] : i + 1, j + 1, mlp_data_name(data, j),
        is_empty ? "target" : "class that the recipe knows", mark, quote, mark);
}

/* Checks all targets, or sets them. The caller passes twice, without Y and with
 * it, so that a failure leaves Y untouched. */
static mlp_status pass_targets(const mlp_data *data, size_t j,
                               const size_t *map, const mlp_view *Y)
{
    bool has_classes = data->columns[j].kind == MLP_DATA_CATEGORY;
    for (size_t i = 0; i < data->values.rows; i++) {
        double x = mlp_cview_at(data->values, i, j);
        size_t k = has_classes && !isnan(x) ? map[(size_t)x] : 0;
        if (isnan(x) || k == SIZE_MAX) {
            return refuse_target(data, i, j, x);
        }
        if (Y) {
            (void)mlp_view_set(*Y, i, 0, has_classes ? (double)k : x);
        }
    }
    return MLP_OK;
}

mlp_status mlp_data_recipe_encode_target(const mlp_data_recipe *recipe,
                                         const mlp_data *data, mlp_view Y)
{
    size_t j = 0;
    size_t *map = NULL;
    if (!recipe || !data) {
        return MLP_ERR_NULL;
    }
    const mlpi_ingredient *target = &recipe->columns[0];
    TRY(check_view(data, "Y", Y, 1, target->kind == MLP_DATA_CATEGORY));
    TRY(find_column(target, data, &j));
    TRY(mlpi_data_allocate(&data->hooks, mlp_data_n_categories(data, j),
                           sizeof *map, (void *)&map));
    map_categories(target, data, j, map);
    mlp_status status = pass_targets(data, j, map, NULL);
    if (status == MLP_OK) {
        status = pass_targets(data, j, map, &Y);
    }
    mlpi_data_release(&data->hooks, map);
    return status;
}
