/* SPDX-License-Identifier: MIT */
/*
 * The body of the fuzz targets of the readers of tables and recipes. A target
 * defines MARK, the bytes that begin each of its inputs, and IS_RECIPE, and
 * includes this file.
 *
 * If the bytes load, their last column must give a recipe, by which the table
 * encodes, and which comes back from a network's metadata. Loaded again with
 * the recipe, the same bytes must give the same inputs. The last byte of the
 * input chooses options; LF, with which most files end, stands for the
 * defaults. A recipe must encode a table that has its columns.
 */
#ifndef TESTS_FUZZ_TABLE_H
#define TESTS_FUZZ_TABLE_H

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "mlp_data.h"

/* libFuzzer calls the function by this name. */
/* NOLINTNEXTLINE(readability-identifier-naming) */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

/* Ends the program where the library is wrong. */
static void need(bool holds)
{
    if (!holds) {
        abort();
    }
}

static void *need_block(size_t count, size_t size)
{
    void *block = malloc(count * size + 1);
    need(block != NULL);
    return block;
}

/* The outputs are those that the classes need. */
static mlp_net *any_net(size_t classes)
{
    mlp_layer layer = {.width = classes > 2 ? classes : 1};
    mlp_config config = mlp_config_defaults();
    config.inputs = 1, config.layers = &layer, config.n_layers = 1;
    mlp_net *net = NULL;
    need(mlp_net_create(&config, &net) == MLP_OK);
    return net;
}

/* Encodes the inputs. The caller frees them. */
static double *encode(const mlp_data_recipe *recipe, const mlp_data *data)
{
    size_t m = mlp_data_rows(data);
    size_t n = mlp_data_recipe_inputs(recipe);
    double *X = need_block(m * n, sizeof *X);
    need(mlp_data_recipe_encode(recipe, data, mlp_view_f64(X, m, n)) == MLP_OK);
    for (size_t i = 0; i < m * n; i++) {
        need(X[i] == X[i]);
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
    bool encodes = mlp_data_recipe_encode_target(recipe, data, Y) == MLP_OK;
    need(encodes == (mlp_data_empty_cells(data, last) == 0));
    free(y);
    free(k);
}

/* Each column of a recipe begins where the one before ends. */
static void check_columns(const mlp_data_recipe *recipe)
{
    size_t first = 0;
    for (size_t i = 0; i < mlp_data_recipe_columns(recipe); i++) {
        const mlp_data_column *column = mlp_data_recipe_column(recipe, i);
        need(column->first_input == first && column->name != NULL);
        first += column->n_inputs;
    }
    need(first == mlp_data_recipe_inputs(recipe) && first > 0);
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
        need(mlp_data_line(data, i) > line && text && size > 0);
        need(!before || text > before);
        need(text[size - 1] != '\n');
        line = mlp_data_line(data, i);
        before = text + size;
    }
}

/* Loads the bytes again with the recipe, and compares the inputs. */
static void load_again(const char *bytes, size_t size,
                       const mlp_data_options *options,
                       const mlp_data_recipe *recipe, const double *X)
{
    mlp_data *data = NULL;
    mlp_data_options with_recipe = *options;
    with_recipe.recipe = recipe;
    need(mlp_data_load_memory(bytes, size, "bytes", &with_recipe, NULL,
                              &data) == MLP_OK);
    double *again = encode(recipe, data);
    need(memcmp(X, again,
                mlp_data_rows(data) * mlp_data_recipe_inputs(recipe) *
                    sizeof *X) == 0);
    free(again);
    encode_target(recipe, data);
    mlp_data_free(data);
}

static void use(const char *bytes, size_t size, const mlp_data_options *options,
                const mlp_data *data)
{
    size_t last = mlp_data_cols(data) - 1;
    mlp_data_recipe *recipe = NULL;
    mlp_data_recipe *again = NULL;
    if (mlp_data_separator(data) && options->keep_text) {
        check_records(data);
    }
    if (mlp_data_recipe_make(data, mlp_data_name(data, last), NULL, 0,
                             &recipe) != MLP_OK) {
        return;
    }
    check_columns(recipe);
    double *X = encode(recipe, data);
    load_again(bytes, size, options, recipe, X);
    free(X);
    size_t classes = mlp_data_recipe_classes(recipe);
    mlp_net *net = any_net(classes);
    if (classes != 1) {
        need(mlp_data_recipe_save(recipe, net) == MLP_OK);
        need(mlp_data_recipe_load(net, NULL, &again) == MLP_OK);
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
    mlp_data *data = NULL;
    mlp_data *other = NULL;
    mlp_data_options options = options_of(bits);
    if (mlp_data_load_memory(bytes, size, "bytes", &options, NULL, &data) !=
        MLP_OK) {
        return;
    }
    need(mlp_data_rows(data) > 0 && mlp_data_cols(data) > 0);
    use(bytes, size, &options, data);
    const char *name = mlp_data_name(data, 0);
    options.categories = options.ignored = &name;
    options.n_categories = bits & 64 ? 1 : 0;
    options.n_ignored = bits & 128 ? 1 : 0;
    if (mlp_data_load_memory(bytes, size, "bytes", &options, NULL, &other) ==
        MLP_OK) {
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

/* A name that is empty or stands twice cannot be that of a column. */
static void read_recipe(const char *text, size_t size)
{
    mlp_net *net = any_net(0);
    mlp_data_recipe *recipe = NULL;
    mlp_data *data = NULL;
    if (mlp_net_set_metadata(net, "data.recipe", text) == MLP_OK &&
        mlp_data_recipe_load(net, NULL, &recipe) == MLP_OK) {
        check_columns(recipe);
        char *table = table_of(recipe, size);
        mlp_data_options options = mlp_data_defaults();
        options.recipe = recipe;
        options.header = MLP_DATA_HEADER_YES;
        bool is_named = true;
        for (size_t i = 0; i < mlp_data_recipe_columns(recipe); i++) {
            is_named = is_named && *mlp_data_recipe_column(recipe, i)->name;
        }
        if (mlp_data_load_memory(table, strlen(table), "table", &options, NULL,
                                 &data) == MLP_OK &&
            is_named) {
            free(encode(recipe, data));
        }
        free(table);
    }
    mlp_data_free(data);
    mlp_data_recipe_free(recipe);
    mlp_net_free(net);
}

/* NOLINTNEXTLINE(readability-identifier-naming) */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static const char mark[] = MARK;
    if (size < sizeof mark) {
        return 0;
    }
    /* In a block of exactly this size, a read past the end is seen. */
    char *copy = malloc(size - (IS_RECIPE ? 0 : 1));
    if (size == 1 || !copy) {
        free(copy);
        return 0;
    }
    memcpy(copy, bytes, size - 1);
    memcpy(copy, mark, sizeof mark - 1);
    if (IS_RECIPE) {
        copy[size - 1] = '\0';
        read_recipe(copy, size);
    } else {
        load(copy, size - 1, bytes[size - 1] ^ '\n');
    }
    free(copy);
    return 0;
}

#endif
