/* SPDX-License-Identifier: MIT */
/*
 * Encoding tables by a recipe.
 *
 * All columns are found and checked first, so that a failure leaves the inputs
 * untouched. The categories of a table have numbers of their own, so for each
 * column a map is made from these to the numbers of the recipe:
 *
 *     table    blue 0, green 1, red 2
 *     recipe   red 0, blue 1
 *     map      1, SIZE_MAX, 0
 *
 * Cells are encoded in blocks of rows, column by column: the cells of a block
 * fit into the cache, whether the rows or the columns of the table lie
 * together.
 */
#include <math.h>
#include <string.h>

#include "data/table.h"

/* A block has so many rows. */
enum { BLOCK = 64 };

/* Where the cells of a column of the recipe are, and what becomes of their
 * categories. */
typedef struct source {
    size_t j;
    size_t *map;
} source;

/* Finds the column of the table that the recipe needs, and checks its kind. A
 * column that is empty fits both kinds. */
static mlp_status find_column(const mlp_data_column *column,
                              const mlp_data *data, size_t *j)
{
    TRY(mlpi_table_find(data, column->name, MLP_ERR_FORMAT, "the recipe needs",
                        j));
    const mlpi_column *found = &data->columns[*j];
    if (found->kind == column->kind || found->n_empty == data->values.rows) {
        return MLP_OK;
    }
    bool needs_number = column->kind == MLP_DATA_NUMBER;
    return mlpi_data_error(
        &data->pool, MLP_ERR_FORMAT, 0,
        "%s: expects %s, got %s (was the table loaded with this recipe?)",
        mlpi_table_place(data, *j).text,
        needs_number ? "numbers" : "categories",
        needs_number ? "categories" : "numbers");
}

/* Finds the n columns from `first` on, and makes their maps. */
static mlp_status find_sources(const mlp_data_column *first, size_t n,
                               const mlp_data *data, mlpi_pool *pool,
                               source **sources)
{
    TRY(ALLOCATE(pool, n, sources));
    for (size_t i = 0; i < n; i++) {
        source *s = &(*sources)[i];
        TRY(find_column(&first[i], data, &s->j));
        const mlpi_dictionary *d = &data->columns[s->j].categories;
        TRY(ALLOCATE(pool, d->n, &s->map));
        for (size_t k = 0; k < d->n; k++) {
            s->map[k] = SIZE_MAX;
        }
        for (size_t k = 0; k < first[i].n_categories; k++) {
            const char *text = first[i].categories[k];
            size_t number = mlpi_dictionary_find(d, text, strlen(text));
            if (number != SIZE_MAX) {
                s->map[number] = k;
            }
        }
    }
    return MLP_OK;
}

/* Bounds and type were checked once for the whole view; mlp_view_set would
 * check them for each of what may be a billion numbers. */
static void set_input(const mlp_view *X, size_t i, size_t j, double x)
{
    size_t at = i * X->row_stride + j * X->col_stride;
    if (X->dtype == MLP_F64) {
        ((double *)X->data)[at] = x;
    } else {
        ((float *)X->data)[at] = (float)x;
    }
}

/* Fills the inputs of one column in a block of rows. A category that the recipe
 * does not know is SIZE_MAX in the map, which no input equals. */
static void encode_column(const mlp_data_column *column, const source *from,
                          const mlp_data *data, const mlp_view *X, size_t first)
{
    size_t end = first + BLOCK < X->rows ? first + BLOCK : X->rows;
    size_t input = column->first_input;
    for (size_t i = first; i < end; i++) {
        double x = mlpi_table_cell(data, i, from->j);
        bool is_empty = isnan(x);
        if (column->kind == MLP_DATA_NUMBER) {
            set_input(X, i, input, is_empty ? column->mean : x);
        }
        size_t k = is_empty || column->n_categories == 0 ? SIZE_MAX
                                                         : from->map[(size_t)x];
        for (size_t l = 0; l < column->n_categories; l++) {
            set_input(X, i, input + l, l == k);
        }
        if (column->has_flag) {
            set_input(X, i, input + column->n_inputs - 1, is_empty);
        }
    }
}

/* True if no two elements share memory: each row ends before the next one
 * begins, or each column does. Rows and columns of the view are not 0. A view
 * of one row or one column counts as the first case. The products cannot
 * overflow, because the last element has an address: otherwise the views below
 * would be empty. */
static bool has_own_elements(mlp_view v)
{
    mlp_view last =
        mlp_view_cols(mlp_view_rows(v, v.rows - 1, 1), v.cols - 1, 1);
    if (last.rows == 0 || last.cols == 0) {
        return false;
    }
    size_t row = (v.cols - 1) * v.col_stride;
    size_t col = (v.rows - 1) * v.row_stride;
    return ((v.rows == 1 || v.row_stride > row) &&
            (v.cols == 1 || v.col_stride > 0)) ||
           (v.col_stride > col && v.row_stride > 0);
}

/* Checks what both kinds of encoding need. */
static mlp_status check_view(const mlp_data *data, const char *what,
                             mlp_view view, size_t cols, bool is_i32)
{
    if (view.rows != data->values.rows || view.cols != cols) {
        return mlpi_data_error(&data->pool, MLP_ERR_SHAPE, 0,
                               "%s: expects the shape (%zu, %zu), got (%zu, "
                               "%zu)",
                               what, data->values.rows, cols, view.rows,
                               view.cols);
    }
    if (is_i32 ? view.dtype != MLP_I32
               : view.dtype != MLP_F64 && view.dtype != MLP_F32) {
        return mlpi_data_error(
            &data->pool, MLP_ERR_DTYPE, 0, "%s: expects %s", what,
            is_i32 ? "int32, for class numbers" : "float64 or float32");
    }
    if (!view.data && view.rows > 0) {
        return mlpi_data_error(&data->pool, MLP_ERR_NULL, 0,
                               "%s: its data is NULL", what);
    }
    return view.rows == 0 || has_own_elements(view)
               ? MLP_OK
               : mlpi_data_error(&data->pool, MLP_ERR_SHAPE, 0,
                                 "%s: expects strides that give each element "
                                 "a place of its own, got %zu and %zu",
                                 what, view.row_stride, view.col_stride);
}

/* Everything that can fail comes before the first number is written, so X is
 * untouched after a failure. The rows are taken in blocks, column by column:
 * the table lies by columns and X by rows, and a block of both stays in the
 * cache. */
mlp_status mlp_data_recipe_encode(const mlp_data_recipe *recipe,
                                  const mlp_data *data, mlp_view X)
{
    source *sources = NULL;
    if (!data) {
        return MLP_ERR_NULL;
    }
    TRY(mlpi_data_need(&data->pool.hooks, recipe, "the recipe"));
    TRY(check_view(data, "X", X, mlp_data_recipe_inputs(recipe), false));
    size_t n = mlp_data_recipe_columns(recipe) - 1;
    const mlp_data_column *columns = mlp_data_recipe_column(recipe, 1);
    mlpi_pool pool = {data->pool.hooks, data->pool.path, NULL};
    mlp_status status = find_sources(columns, n, data, &pool, &sources);
    for (size_t first = 0; status == MLP_OK && first < X.rows; first += BLOCK) {
        for (size_t i = 0; i < n; i++) {
            encode_column(&columns[i], &sources[i], data, &X, first);
        }
    }
    mlpi_data_end(&pool);
    return status;
}

/* Returns MLP_ERR_FORMAT for a target, in row i of column j, that is none. */
static mlp_status refuse_target(const mlp_data *data, size_t i, size_t j,
                                double x)
{
    size_t line = data->lines ? data->lines[i] : i + 1;
    if (isnan(x)) {
        return mlpi_data_error(&data->pool, MLP_ERR_FORMAT, line,
                               "%s: expects a target, got an empty cell",
                               mlpi_table_place(data, j).text);
    }
    const char *text = mlp_data_category(data, j, (size_t)x);
    return mlpi_data_error(
        &data->pool, MLP_ERR_FORMAT, line,
        "%s: expects a class that the recipe knows, got \"%s\"",
        mlpi_table_place(data, j).text,
        mlpi_data_quote(text, strlen(text)).text);
}

/* Checks all targets before the first one is set, so that a failure leaves Y
 * untouched. */
static mlp_status encode_targets(const mlp_data *data, const source *from,
                                 bool has_classes, mlp_view Y)
{
    size_t rows = data->values.rows;
    for (int pass = 0; pass < 2; pass++) {
        for (size_t i = 0; i < rows; i++) {
            double x = mlpi_table_cell(data, i, from->j);
            size_t k = has_classes && !isnan(x) ? from->map[(size_t)x] : 0;
            if (isnan(x) || k == SIZE_MAX) {
                return refuse_target(data, i, from->j, x);
            }
            if (pass == 1) {
                (void)mlp_view_set(Y, i, 0, has_classes ? (double)k : x);
            }
        }
    }
    return MLP_OK;
}

/* The target is a column like the others, except that an empty cell is no mean
 * here but a mistake: there is nothing to learn from such a row. */
mlp_status mlp_data_recipe_encode_target(const mlp_data_recipe *recipe,
                                         const mlp_data *data, mlp_view Y)
{
    source *target = NULL;
    if (!data) {
        return MLP_ERR_NULL;
    }
    TRY(mlpi_data_need(&data->pool.hooks, recipe, "the recipe"));
    const mlp_data_column *column = mlp_data_recipe_column(recipe, 0);
    bool has_classes = column->kind == MLP_DATA_CATEGORY;
    TRY(check_view(data, "Y", Y, 1, has_classes));
    mlpi_pool pool = {data->pool.hooks, data->pool.path, NULL};
    mlp_status status = find_sources(column, 1, data, &pool, &target);
    if (status == MLP_OK) {
        status = encode_targets(data, target, has_classes, Y);
    }
    mlpi_data_end(&pool);
    return status;
}
