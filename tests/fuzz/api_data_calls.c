/* SPDX-License-Identifier: MIT */
/* Calls of mlp_data.h: tables, recipes, and points to try a network on. */
#include "fuzz/api.h"
#include "fuzz/tables.h"

#include <math.h>
#include <stdio.h>

#include "mlp_data.h"

/* Larger tables and recipes would make the calls that follow slow. */
enum { MOST_CELLS = 128, MOST_INPUTS = 24, FILE_BYTES = 2048 };

/* ---------------------------------------------------------------------------
 * Objects
 */

static void put_text(fuzz_file *f, const char *text)
{
    fuzz_append(f, text ? text : "NULL", text ? strlen(text) + 1 : 5);
}

static void put_number(fuzz_file *f, double x)
{
    fuzz_append(f, &x, sizeof x);
}

static void tell_table(const void *object, fuzz_file *f)
{
    const mlp_data *data = object;
    mlp_cview cells = mlp_data_values(data);
    fuzz_print(f, "%zu %zu %d %d ", mlp_data_rows(data), mlp_data_cols(data),
               (int)cells.dtype, mlp_data_separator(data));
    for (size_t j = 0; j < cells.cols; j++) {
        put_text(f, mlp_data_name(data, j));
        fuzz_print(f, "%d %zu ", (int)mlp_data_kind_of(data, j),
                   mlp_data_empty_cells(data, j));
        for (size_t k = 0; k < mlp_data_n_categories(data, j); k++) {
            put_text(f, mlp_data_category(data, j, k));
        }
    }
    for (size_t i = 0; i < cells.rows * cells.cols; i++) {
        put_number(f, mlp_cview_at(cells, i / cells.cols, i % cells.cols));
    }
}

static void tell_recipe(const void *object, fuzz_file *f)
{
    const mlp_data_recipe *recipe = object;
    fuzz_print(f, "%zu ", mlp_data_recipe_inputs(recipe));
    for (size_t i = 0; i < mlp_data_recipe_columns(recipe); i++) {
        const mlp_data_column *column = mlp_data_recipe_column(recipe, i);
        put_text(f, column->name);
        fuzz_print(f, "%d %d %zu %zu ", (int)column->kind, column->has_flag,
                   column->first_input, column->n_inputs);
        put_number(f, column->mean);
        for (size_t k = 0; k < column->n_categories; k++) {
            put_text(f, column->categories[k]);
        }
    }
}

/* A table is a valid file of CSV, or points. */
static void *make_table(fuzz_draw *d)
{
    const mlp_hooks hooks = fuzz_hooks();
    mlp_data *data = NULL;
    mlp_data_points points = {(mlp_data_shape)fuzz_below(d, 5), 5, 0.1, 1};
    mlp_data_options options = mlp_data_defaults();
    options.keep_text = fuzz_once_in(d, 2);
    if (fuzz_once_in(d, 4)) {
        NEED(mlp_data_generate(&points, &hooks, &data) == MLP_OK);
    }
    while (!data) {
        unsigned char bytes[FILE_BYTES];
        fuzz_file f = {bytes, 0, FILE_BYTES};
        fuzz_build_csv(&f, d);
        /* A row of words may be read as the names of columns, and be wrong. */
        (void)!mlp_data_load_memory(bytes, f.size, "made", &options, &hooks,
                                    &data);
    }
    return data;
}

static void free_table(void *object)
{
    mlp_data_free(object);
}

static void free_recipe(void *object)
{
    mlp_data_recipe_free(object);
}

static void *make_recipe(fuzz_draw *d)
{
    mlp_data_recipe *recipe = NULL;
    while (!recipe) {
        mlp_data *data = make_table(d);
        size_t last = mlp_data_cols(data) - 1;
        (void)!mlp_data_recipe_make(data, mlp_data_name(data, last), NULL, 0,
                                    &recipe);
        mlp_data_free(data);
    }
    return recipe;
}

static const api_kind tables = {TABLES, make_table, tell_table, free_table};
static const api_kind recipes = {RECIPES, make_recipe, tell_recipe,
                                 free_recipe};

static void put_table(api *a, mlp_data *data)
{
    if (mlp_data_rows(data) * mlp_data_cols(data) > MOST_CELLS) {
        mlp_data_free(data);
    } else {
        api_put_other(a, &tables, data);
    }
}

static void put_recipe(api *a, mlp_data_recipe *recipe)
{
    if (mlp_data_recipe_inputs(recipe) > MOST_INPUTS) {
        mlp_data_recipe_free(recipe);
    } else {
        api_put_other(a, &recipes, recipe);
    }
}

/* ---------------------------------------------------------------------------
 * Loading
 */

static void build_idx(fuzz_file *f, fuzz_draw *d, size_t rows)
{
    const unsigned char head[] = {0, 0, 8, 1, 0, 0, 0, (unsigned char)rows};
    fuzz_append(f, head, sizeof head);
    for (size_t i = 0; i < rows; i++) {
        unsigned char element = (unsigned char)fuzz_below(d, 3);
        fuzz_append(f, &element, 1);
    }
}

static void build_npy(fuzz_file *f, fuzz_draw *d)
{
    enum { LENGTH = 118 };
    size_t rows = 1 + fuzz_below(d, 4);
    char text[LENGTH];
    (void)snprintf(text, sizeof text,
                   "{'descr': '<f4', 'fortran_order': %s, 'shape': (%zu, 2), }",
                   fuzz_once_in(d, 2) ? "True" : "False", rows);
    fuzz_append(f, "\x93NUMPY\1\0\x76\0", 10);
    fuzz_print(f, "%-*s\n", LENGTH - 1, text);
    for (size_t i = 0; i < rows * 2; i++) {
        float element = (float)fuzz_real(d);
        fuzz_append(f, &element, sizeof element);
    }
}

static void build_fann(fuzz_file *f, fuzz_draw *d)
{
    size_t rows = 1 + fuzz_below(d, 4);
    fuzz_print(f, "%zu 2 1\n", rows);
    for (size_t i = 0; i < rows; i++) {
        fuzz_print(f, "%zu 0.5\n%g\n", i, fuzz_real(d));
    }
}

/* Writes a file of any kind, sometimes with a lie. */
static void build_table(fuzz_file *f, fuzz_draw *d)
{
    size_t kind = fuzz_below(d, 8);
    if (kind == 0) {
        build_idx(f, d, 1 + fuzz_below(d, 6));
    } else if (kind == 1) {
        build_npy(f, d);
    } else if (kind == 2) {
        build_fann(f, d);
    } else {
        fuzz_build_csv(f, d);
    }
    if (fuzz_once_in(d, 8)) {
        (void)fuzz_lie_in_text(f, d, 0, f->size);
    }
}

/* Returns a name that a column may have, or any text. */
static const char *column_name(api *a)
{
    static const char *const names[] = {"n0", "n1", "n2", "c1",
                                        "c2", "x1", "y1", "class"};
    return fuzz_once_in(a->draw, 8) ? api_text(a)
                                    : names[fuzz_below(a->draw, 8)];
}

static const char *const *column_names(api *a)
{
    const char **names = api_in(a, 2, sizeof *names);
    names[0] = column_name(a);
    names[1] = column_name(a);
    return fuzz_once_in(a->draw, 16) ? NULL : names;
}

/* The targets are read from a file, so they are rare. */
static const mlp_data_options *any_options(api *a)
{
    mlp_data_options *o = api_in(a, 1, sizeof *o);
    *o = mlp_data_defaults();
    o->header =
        (mlp_data_header)fuzz_below(a->draw, fuzz_once_in(a->draw, 16) ? 9 : 3);
    o->decimal_comma = fuzz_once_in(a->draw, 8);
    o->keep_text = fuzz_once_in(a->draw, 2);
    if (fuzz_once_in(a->draw, 4)) {
        o->categories = column_names(a);
        o->n_categories = fuzz_below(a->draw, 3);
    }
    if (fuzz_once_in(a->draw, 4)) {
        o->ignored = column_names(a);
        o->n_ignored = fuzz_below(a->draw, 3);
    }
    if (fuzz_once_in(a->draw, 4)) {
        o->recipe = api_other(a, &recipes);
    }
    if (fuzz_once_in(a->draw, 32)) {
        unsigned char bytes[FILE_BYTES];
        fuzz_file f = {bytes, 0, FILE_BYTES};
        build_idx(&f, a->draw, 1 + fuzz_below(a->draw, 6));
        o->targets = api_path(a, "labels");
        api_write(o->targets, &f);
    }
    o->reserved[7] = fuzz_once_in(a->draw, 64) ? 1 : 0;
    return fuzz_once_in(a->draw, 8) ? NULL : o;
}

static void data_load_memory(api *a)
{
    unsigned char room[FILE_BYTES];
    fuzz_file f = {room, 0, FILE_BYTES};
    build_table(&f, a->draw);
    const mlp_data_options *options = any_options(a);
    const char *name = fuzz_once_in(a->draw, 32) ? api_text(a) : "table";
    const mlp_hooks *hooks = api_hooks(a);
    mlp_data **data = api_out(a, 1, sizeof(void *));
    size_t size = fuzz_once_in(a->draw, 64) ? 0 : f.size;
    unsigned char *bytes = fuzz_copy(room, size);
    bool is_null = fuzz_once_in(a->draw, 64);
    api_arm(a);
    if (api_done(a, mlp_data_load_memory(is_null ? NULL : bytes, size, name,
                                         options, hooks, data))) {
        put_table(a, *data);
    }
    free(bytes);
}

/* Loads a file, one time in eight, because the system is slow. */
static void data_load(api *a)
{
    if (!fuzz_once_in(a->draw, 8)) {
        return;
    }
    unsigned char bytes[FILE_BYTES];
    fuzz_file f = {bytes, 0, FILE_BYTES};
    const char *path = api_path(a, "table.csv");
    if (!fuzz_once_in(a->draw, 4)) {
        build_table(&f, a->draw);
        api_write(path, &f);
    }
    const mlp_data_options *options = any_options(a);
    const mlp_hooks *hooks = api_hooks(a);
    mlp_data **data = api_out(a, 1, sizeof(void *));
    api_arm(a);
    if (api_done(a, mlp_data_load(path, options, hooks, data))) {
        put_table(a, *data);
    }
}

static void data_generate(api *a)
{
    mlp_data_points points = {.shape = (mlp_data_shape)fuzz_below(a->draw, 5),
                              .rows = 2 + fuzz_below(a->draw, 9),
                              .noise = api_number(a, 0.1),
                              .seed = (uint32_t)fuzz_word(a->draw)};
    if (fuzz_once_in(a->draw, 16)) {
        size_t rows = api_count(a, 2);
        points.shape = (mlp_data_shape)fuzz_below(a->draw, 9);
        /* What fits into memory takes too long. */
        points.rows = rows > 999 && rows < ((size_t)1 << 24) ? 999 : rows;
    }
    const mlp_hooks *hooks = api_hooks(a);
    mlp_data **data = api_out(a, 1, sizeof(void *));
    const mlp_data_points *given = fuzz_once_in(a->draw, 64) ? NULL : &points;
    api_arm(a);
    if (api_done(a, mlp_data_generate(given, hooks, data))) {
        NEED(mlp_data_rows(*data) == points.rows && mlp_data_cols(*data) == 3);
        put_table(a, *data);
    }
}

static void data_free(api *a)
{
    mlp_data_free(NULL);
    mlp_data_recipe_free(NULL);
    api_drop_other(a, fuzz_once_in(a->draw, 2) ? &tables : &recipes);
}

/* ---------------------------------------------------------------------------
 * Facts
 */

static void data_facts(api *a)
{
    const mlp_data *data = api_other(a, &tables);
    size_t rows = mlp_data_rows(data);
    size_t cols = mlp_data_cols(data);
    size_t j = api_count(a, 6);
    size_t n = mlp_data_n_categories(data, j);
    size_t k = api_count(a, n + 2);
    const char *name = mlp_data_name(data, j);
    mlp_cview values = mlp_data_values(data);
    NEED((data == NULL) == (cols == 0));
    NEED(values.rows == rows && values.cols == cols);
    NEED((name != NULL) == (j < cols));
    NEED(!name || mlp_data_find(data, name) == j);
    NEED(mlp_data_find(data, "no such column") == SIZE_MAX);
    NEED(mlp_data_find(data, NULL) == SIZE_MAX);
    NEED(mlp_data_empty_cells(data, j) <= rows);
    NEED(n == 0 || mlp_data_kind_of(data, j) == MLP_DATA_CATEGORY);
    NEED((mlp_data_category(data, j, k) != NULL) == (j < cols && k < n));
    for (size_t i = 0; name && n > 0 && i < rows; i++) {
        double x = mlp_cview_at(values, i, j);
        NEED(isnan(x) || (x >= 0 && x < (double)n));
    }
}

/* Only a CSV file has lines and, if they were kept, records. */
static void data_records(api *a)
{
    const mlp_data *data = api_other(a, &tables);
    size_t rows = mlp_data_rows(data);
    size_t i = fuzz_once_in(a->draw, 4) ? MLP_DATA_NAMES : api_count(a, 7);
    size_t size = 99;
    bool has_size = !fuzz_once_in(a->draw, 16);
    const char *text = mlp_data_record(data, i, has_size ? &size : NULL);
    bool is_csv = mlp_data_separator(data) != '\0';
    size_t line = mlp_data_line(data, i);
    NEED(is_csv || (!text && line == 0));
    NEED(i < rows || i == MLP_DATA_NAMES || (!text && line == 0));
    NEED(!is_csv || i >= rows || line > 0);
    NEED(!text || (has_size && size > 0 && memchr(text, text[size - 1], size)));
}

static void recipe_facts(api *a)
{
    const mlp_data_recipe *recipe = api_other(a, &recipes);
    size_t inputs = mlp_data_recipe_inputs(recipe);
    size_t columns = mlp_data_recipe_columns(recipe);
    size_t classes = mlp_data_recipe_classes(recipe);
    size_t i = api_count(a, 5);
    size_t k = api_count(a, 5);
    const mlp_data_column *column = mlp_data_recipe_column(recipe, i);
    NEED(!recipe == (inputs == 0) && !recipe == (columns == 0));
    NEED(!recipe == !mlp_data_recipe_target(recipe));
    NEED((mlp_data_recipe_class(recipe, k) != NULL) == (k < classes));
    NEED((column != NULL) == (i < columns));
    if (column) {
        NEED(column->first_input + column->n_inputs <= inputs);
        NEED(column->name && isfinite(column->mean));
        NEED(i > 0 ||
             strcmp(column->name, mlp_data_recipe_target(recipe)) == 0);
        NEED(i > 0 || (column->n_inputs == 0 && !column->has_flag));
    }
}

/* ---------------------------------------------------------------------------
 * Recipes
 */

static void recipe_make(api *a)
{
    const mlp_data *data = api_other(a, &tables);
    size_t cols = mlp_data_cols(data);
    size_t rows[MAX_ROWS];
    for (size_t i = 0; i < MAX_ROWS; i++) {
        rows[i] = api_count(a, mlp_data_rows(data) + 1);
        rows[i] = rows[i] > 0 && rows[i] == mlp_data_rows(data) &&
                          !fuzz_once_in(a->draw, 8)
                      ? rows[i] - 1
                      : rows[i];
    }
    size_t n = fuzz_below(a->draw, MAX_ROWS + 1);
    bool has_rows = fuzz_once_in(a->draw, 2);
    n = has_rows || fuzz_once_in(a->draw, 16) ? n : 0;
    const char *target = cols > 0 && !fuzz_once_in(a->draw, 16)
                             ? mlp_data_name(data, fuzz_below(a->draw, cols))
                             : api_text(a);
    mlp_data_recipe **recipe = api_out(a, 1, sizeof(void *));
    a->logs = data != NULL;
    api_arm(a);
    if (api_done(a, mlp_data_recipe_make(data, target, has_rows ? rows : NULL,
                                         n, recipe))) {
        NEED(strcmp(mlp_data_recipe_target(*recipe), target) == 0);
        put_recipe(a, *recipe);
    }
}

/* Two times in three the recipe is made of the table, which else it rarely
 * fits. */
static void recipe_encode(api *a)
{
    const mlp_data *data = api_other(a, &tables);
    mlp_data_recipe *recipe = NULL;
    mlp_data_recipe *own = NULL;
    size_t rows = mlp_data_rows(data);
    size_t cols = mlp_data_cols(data);
    bool is_target = fuzz_once_in(a->draw, 2);
    if (cols > 0 && !fuzz_once_in(a->draw, 3)) {
        const char *name = mlp_data_name(data, fuzz_below(a->draw, cols));
        (void)!mlp_data_recipe_make(data, name, NULL, 0, &own);
    }
    recipe = own ? own : api_other(a, &recipes);
    size_t inputs = mlp_data_recipe_inputs(recipe);
    bool has_classes = mlp_data_recipe_classes(recipe) > 0;
    mlp_dtype real = fuzz_once_in(a->draw, 2) ? MLP_F32 : MLP_F64;
    if ((rows + 1) * (inputs + 1) * sizeof(double) < OUT_BYTES) {
        mlp_view X = api_view(a, is_target && has_classes ? MLP_I32 : real,
                              rows, is_target ? 1 : inputs);
        a->logs = data != NULL;
        api_arm(a);
        (void)api_done(a, is_target
                              ? mlp_data_recipe_encode_target(recipe, data, X)
                              : mlp_data_recipe_encode(recipe, data, X));
    }
    mlp_data_recipe_free(own);
}

/* Without memory the names of the classes may be set already. */
static void recipe_save(api *a)
{
    const mlp_data_recipe *recipe = api_other(a, &recipes);
    mlp_net *net = api_net(a);
    a->logs = recipe != NULL;
    api_arm(a);
    mlp_status status = mlp_data_recipe_save(recipe, net);
    a->may_train = status == MLP_ERR_MEMORY;
    if (api_done(a, status)) {
        NEED(mlp_net_metadata(net, "data.recipe") != NULL);
    }
}

/* Few networks of the pool have a recipe, so mostly one is saved first. */
static void recipe_load(api *a)
{
    mlp_net *net = api_net(a);
    if (!fuzz_once_in(a->draw, 4)) {
        (void)!mlp_data_recipe_save(api_other(a, &recipes), net);
        a->may_train = true;
    }
    const mlp_hooks *hooks = api_hooks(a);
    mlp_data_recipe **recipe = api_out(a, 1, sizeof(void *));
    api_arm(a);
    if (api_done(a, mlp_data_recipe_load(net, hooks, recipe))) {
        put_recipe(a, *recipe);
    }
}

static api_call *const calls[] = {
    data_load_memory, data_load_memory, data_load,    data_generate,
    data_free,        data_facts,       data_records, recipe_facts,
    recipe_make,      recipe_encode,    recipe_save,  recipe_load};
const api_list api_data_calls = {calls, sizeof calls / sizeof calls[0]};
