/* SPDX-License-Identifier: MIT */
/*
 * Valid tables and recipes, and what must hold if one loads.
 *
 * If the bytes load, their last column must give a recipe, by which the table
 * encodes, and which comes back from a network's metadata. Loaded again with
 * the recipe, the same bytes must give the same inputs. The last byte of the
 * input chooses options; LF, with which most files end, stands for the
 * defaults. A recipe must encode a table that has its columns.
 */
#include "fuzz/tables.h"

#include "mlp_data.h"

/* ---------------------------------------------------------------------------
 * Building
 */

static void put_cell(fuzz_file *f, fuzz_draw *d, bool is_word)
{
    static const char *const words[] = {"a",   "b",        "\"c \"\"d\"\"\"",
                                        "x y", "\xc3\xa9", "\"y\nz\""};
    static const char *const empty[] = {"", "NA", "?", "null", "\"\""};
    if (fuzz_once_in(d, 8)) {
        fuzz_print(f, "%s", empty[fuzz_below(d, 5)]);
    } else if (is_word) {
        fuzz_print(f, "%s", words[fuzz_below(d, 6)]);
    } else {
        double x = ((double)fuzz_below(d, 2001) - 1000) / 8;
        fuzz_print(f, fuzz_once_in(d, 2) ? "%g" : "%.17e", x);
    }
}

void fuzz_build_csv(fuzz_file *f, fuzz_draw *d)
{
    size_t rows = 1 + fuzz_below(d, 6);
    size_t cols = 1 + fuzz_below(d, 4);
    size_t words = fuzz_below(d, 16); /* bit j: column j holds words */
    char separator = ",;\t|"[fuzz_below(d, 4)];
    const char *end = fuzz_once_in(d, 4) ? "\r\n" : "\n";
    if (fuzz_once_in(d, 8)) {
        fuzz_print(f, "\xef\xbb\xbf");
    }
    for (size_t j = 0; j < cols && !fuzz_once_in(d, 5); j++) {
        fuzz_print(f, j + 1 < cols ? "n%zu%c" : "n%zu", j, separator);
        if (j + 1 == cols) {
            fuzz_print(f, "%s", end);
        }
    }
    for (size_t i = 0; i < rows; i++) {
        for (size_t j = 0; j < cols; j++) {
            put_cell(f, d, words >> j & 1);
            if (j + 1 < cols) {
                fuzz_append(f, &separator, 1);
            }
        }
        fuzz_print(f, "%s", end);
    }
}

void fuzz_end_table(fuzz_file *f, fuzz_draw *d)
{
    unsigned char options =
        fuzz_once_in(d, 4) ? (unsigned char)fuzz_below(d, 256) : '\n';
    fuzz_append(f, &options, 1);
}

void fuzz_lie_in_table(fuzz_file *f, fuzz_draw *d)
{
    (void)fuzz_lie_in_text(f, d, 0, f->size - 1);
}

/* ---------------------------------------------------------------------------
 * Checking
 */

static void *need_block(size_t count, size_t size)
{
    void *block = malloc(count * size + 1);
    NEED(block != NULL);
    return block;
}

/* The outputs are those that the classes need. */
static mlp_net *any_net(size_t classes)
{
    mlp_layer layer = {.width = classes > 2 ? classes : 1};
    mlp_config config = mlp_config_defaults();
    config.inputs = 1, config.layers = &layer, config.n_layers = 1;
    config.hooks = fuzz_hooks();
    mlp_net *net = NULL;
    NEED(mlp_net_create(&config, &net) == MLP_OK);
    return net;
}

/* Encodes the inputs. The caller frees them. */
static double *encode(const mlp_data_recipe *recipe, const mlp_data *data)
{
    size_t m = mlp_data_rows(data);
    size_t n = mlp_data_recipe_inputs(recipe);
    double *X = need_block(m * n, sizeof *X);
    NEED(fuzz_succeeded(
        mlp_data_recipe_encode(recipe, data, mlp_view_f64(X, m, n))));
    for (size_t i = 0; i < m * n; i++) {
        NEED(X[i] == X[i]);
    }
    return X;
}

/* Encodes the targets, which succeeds exactly if none is empty. */
static void encode_target(const mlp_data_recipe *recipe, const mlp_data *data)
{
    size_t m = mlp_data_rows(data);
    size_t last = mlp_data_find(data, mlp_data_recipe_target(recipe));
    double *y = need_block(m, sizeof *y);
    int32_t *k = need_block(m, sizeof *k);
    mlp_view Y = mlp_data_recipe_classes(recipe) ? mlp_view_i32(k, m, 1)
                                                 : mlp_view_f64(y, m, 1);
    bool encodes =
        fuzz_succeeded(mlp_data_recipe_encode_target(recipe, data, Y));
    NEED(encodes == (mlp_data_empty_cells(data, last) == 0));
    free(y);
    free(k);
}

/* Each column of a recipe begins where the one before ends. */
static void check_columns(const mlp_data_recipe *recipe)
{
    size_t first = 0;
    for (size_t i = 0; i < mlp_data_recipe_columns(recipe); i++) {
        const mlp_data_column *column = mlp_data_recipe_column(recipe, i);
        NEED(column->first_input == first && column->name != NULL);
        first += column->n_inputs;
    }
    NEED(first == mlp_data_recipe_inputs(recipe) && first > 0);
}

/* The records lie one after the other in the text, which ends with them or with
 * blank lines. */
static void check_records(const mlp_data *data)
{
    const char *before = NULL;
    size_t line = 0;
    for (size_t i = 0; i < mlp_data_rows(data); i++) {
        size_t size = 0;
        const char *text = mlp_data_record(data, i, &size);
        NEED(mlp_data_line(data, i) > line && text && size > 0);
        NEED(!before || text > before);
        NEED(text[size - 1] != '\n');
        line = mlp_data_line(data, i);
        before = text + size;
    }
}

/* Loads the bytes again with the recipe, and compares the inputs. */
static void load_again(const char *bytes, size_t size,
                       const mlp_data_options *options,
                       const mlp_data_recipe *recipe, const double *X)
{
    mlp_hooks hooks = fuzz_hooks();
    mlp_data *data = NULL;
    mlp_data_options with_recipe = *options;
    with_recipe.recipe = recipe;
    NEED(fuzz_succeeded(mlp_data_load_memory(bytes, size, "bytes", &with_recipe,
                                             &hooks, &data)));
    double *again = encode(recipe, data);
    NEED(memcmp(X, again,
                mlp_data_rows(data) * mlp_data_recipe_inputs(recipe) *
                    sizeof *X) == 0);
    free(again);
    encode_target(recipe, data);
    mlp_data_free(data);
}

static void use(const char *bytes, size_t size, const mlp_data_options *options,
                const mlp_data *data)
{
    mlp_hooks hooks = fuzz_hooks();
    size_t last = mlp_data_cols(data) - 1;
    mlp_data_recipe *recipe = NULL;
    mlp_data_recipe *again = NULL;
    if (mlp_data_separator(data) && options->keep_text) {
        check_records(data);
    }
    if (!fuzz_succeeded(mlp_data_recipe_make(data, mlp_data_name(data, last),
                                             NULL, 0, &recipe))) {
        return;
    }
    check_columns(recipe);
    double *X = encode(recipe, data);
    load_again(bytes, size, options, recipe, X);
    free(X);
    size_t classes = mlp_data_recipe_classes(recipe);
    mlp_net *net = any_net(classes);
    if (classes != 1) {
        NEED(mlp_data_recipe_save(recipe, net) == MLP_OK);
        NEED(mlp_data_recipe_load(net, &hooks, &again) == MLP_OK);
        check_columns(again);
        free(encode(again, data));
        encode_target(again, data);
    }
    mlp_data_recipe_free(again);
    mlp_data_recipe_free(recipe);
    mlp_net_free(net);
}

static mlp_data_options options_of(unsigned char bits)
{
    mlp_data_options options = mlp_data_defaults();
    options.keep_text = bits & 1;
    options.decimal_comma = bits & 4;
    options.header = bits & 16   ? MLP_DATA_HEADER_YES
                     : bits & 32 ? MLP_DATA_HEADER_NO
                                 : MLP_DATA_HEADER_AUTO;
    return options;
}

/* Loads, and if the bits say so, once more with the first column as a category
 * or ignored. */
static void load(const char *bytes, size_t size, unsigned char bits)
{
    mlp_hooks hooks = fuzz_hooks();
    mlp_data *data = NULL;
    mlp_data *other = NULL;
    mlp_data_options options = options_of(bits);
    if (!fuzz_succeeded(mlp_data_load_memory(bytes, size, "bytes", &options,
                                             &hooks, &data))) {
        NEED(!data);
        return;
    }
    fuzz_accept();
    NEED(mlp_data_rows(data) > 0 && mlp_data_cols(data) > 0);
    use(bytes, size, &options, data);
    const char *name = mlp_data_name(data, 0);
    options.categories = options.ignored = &name;
    options.n_categories = bits & 64 ? 1 : 0;
    options.n_ignored = bits & 128 ? 1 : 0;
    if (fuzz_succeeded(mlp_data_load_memory(bytes, size, "bytes", &options,
                                            &hooks, &other))) {
        use(bytes, size, &options, other);
    }
    mlp_data_free(other);
    mlp_data_free(data);
}

/* Writes the names of the columns in quotes, and a row of empty cells. */
static char *table_of(const mlp_data_recipe *recipe, size_t size)
{
    char *text = need_block(3, 2 * size + 16);
    size_t cols = mlp_data_recipe_columns(recipe);
    size_t n = 0;
    for (size_t i = 0; i < cols; i++) {
        text[n++] = '"';
        for (const char *s = mlp_data_recipe_column(recipe, i)->name; *s; s++) {
            text[n++] = *s;
            if (*s == '"') {
                text[n++] = '"';
            }
        }
        text[n++] = '"';
        text[n++] = i + 1 < cols ? ',' : '\n';
    }
    for (size_t i = 0; i < cols; i++) {
        memcpy(text + n, "\"\",", 3);
        n += 3;
    }
    text[n - 1] = '\0';
    return text;
}

void fuzz_check_table(const unsigned char *bytes, size_t size)
{
    if (size > 1) {
        /* In a block of exactly this size, a read past the end is seen. */
        char *copy = fuzz_copy(bytes, size - 1);
        load(copy, size - 1, bytes[size - 1] ^ '\n');
        free(copy);
    }
}

/* Encodes a table that has the columns of the recipe. A name that is empty or
 * stands twice cannot be that of a column. */
static void encode_empty(const mlp_data_recipe *recipe, size_t size)
{
    mlp_hooks hooks = fuzz_hooks();
    mlp_data *data = NULL;
    char *table = table_of(recipe, size);
    mlp_data_options options = mlp_data_defaults();
    options.recipe = recipe;
    options.header = MLP_DATA_HEADER_YES;
    bool is_named = true;
    for (size_t i = 0; i < mlp_data_recipe_columns(recipe); i++) {
        is_named = is_named && *mlp_data_recipe_column(recipe, i)->name;
    }
    if (fuzz_succeeded(mlp_data_load_memory(table, strlen(table), "table",
                                            &options, &hooks, &data)) &&
        is_named) {
        free(encode(recipe, data));
    }
    mlp_data_free(data);
    free(table);
}

void fuzz_check_recipe(const unsigned char *bytes, size_t size)
{
    mlp_net *net = any_net(0);
    mlp_hooks hooks = fuzz_hooks();
    mlp_data_recipe *recipe = NULL;
    char *text = need_block(size, 1);
    if (size > 0) {
        memcpy(text, bytes, size);
    }
    text[size] = '\0';
    if (fuzz_succeeded(mlp_net_set_metadata(net, "data.recipe", text))) {
        if (fuzz_succeeded(mlp_data_recipe_load(net, &hooks, &recipe))) {
            fuzz_accept();
            check_columns(recipe);
            encode_empty(recipe, size);
        }
    }
    mlp_data_recipe_free(recipe);
    mlp_net_free(net);
    free(text);
}

/* ---------------------------------------------------------------------------
 * Recipes of tables
 */

void fuzz_build_recipe(fuzz_file *f, fuzz_draw *d)
{
    mlp_hooks hooks = fuzz_hooks();
    const char *text = NULL;
    while (!text) {
        unsigned char bytes[1024];
        fuzz_file table = {bytes, 0, sizeof bytes};
        mlp_data *data = NULL;
        mlp_data_recipe *recipe = NULL;
        mlp_net *net = NULL;
        fuzz_build_csv(&table, d);
        if (mlp_data_load_memory(bytes, table.size, "table", NULL, &hooks,
                                 &data) == MLP_OK &&
            mlp_data_recipe_make(data, mlp_data_name(data, 0), NULL, 0,
                                 &recipe) == MLP_OK) {
            net = any_net(mlp_data_recipe_classes(recipe));
            if (mlp_data_recipe_save(recipe, net) == MLP_OK) {
                text = mlp_net_metadata(net, "data.recipe");
                fuzz_append(f, text, strlen(text));
            }
        }
        mlp_net_free(net);
        mlp_data_recipe_free(recipe);
        mlp_data_free(data);
        (void)fuzz_messages();
    }
}
