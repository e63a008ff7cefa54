/* SPDX-License-Identifier: MIT */
/*
 * Fuzzing of the readers of tables with libFuzzer. If the bytes load, their
 * last column must give a recipe, by which the table encodes, and which comes
 * back from a network's metadata. The same bytes are also read as a recipe.
 */
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

static mlp_net *any_net(void)
{
    mlp_layer layer = {.width = 1};
    mlp_config config = mlp_config_defaults();
    config.inputs = 1, config.layers = &layer, config.n_layers = 1;
    mlp_net *net = NULL;
    need(mlp_net_create(&config, &net) == MLP_OK);
    return net;
}

/* Encodes the inputs and, if none is empty, the targets. */
static void encode(const mlp_data_recipe *recipe, const mlp_data *data)
{
    size_t m = mlp_data_rows(data);
    size_t n = mlp_data_recipe_inputs(recipe);
    double *X = malloc(m * n * sizeof *X);
    double *y = malloc(m * sizeof *y);
    int32_t *k = malloc(m * sizeof *k);
    need(X && y && k);
    need(mlp_data_recipe_encode(recipe, data, mlp_view_f64(X, m, n)) == MLP_OK);
    for (size_t i = 0; i < m * n; i++) {
        need(X[i] == X[i]);
    }
    size_t last = mlp_data_cols(data) - 1;
    mlp_view Y = mlp_data_recipe_classes(recipe) ? mlp_view_i32(k, m, 1)
                                                 : mlp_view_f64(y, m, 1);
    bool encodes = mlp_data_recipe_encode_target(recipe, data, Y) == MLP_OK;
    need(encodes == (mlp_data_empty_cells(data, last) == 0));
    free(X);
    free(y);
    free(k);
}

static void use(const mlp_data *data)
{
    size_t last = mlp_data_cols(data) - 1;
    mlp_data_recipe *recipe = NULL;
    mlp_data_recipe *again = NULL;
    if (mlp_data_recipe_make(data, mlp_data_name(data, last), NULL, 0,
                             &recipe) != MLP_OK) {
        return;
    }
    mlp_net *net = any_net();
    need(mlp_data_recipe_save(recipe, net) == MLP_OK);
    need(mlp_data_recipe_load(net, NULL, &again) == MLP_OK);
    need(mlp_data_recipe_inputs(again) == mlp_data_recipe_inputs(recipe));
    encode(again, data);
    mlp_data_recipe_free(again);
    mlp_data_recipe_free(recipe);
    mlp_net_free(net);
}

/* A text that is not UTF-8 does not get into the metadata. */
static void read_as_recipe(const char *text)
{
    mlp_net *net = any_net();
    mlp_data_recipe *recipe = NULL;
    if (mlp_net_set_metadata(net, "data.recipe", text) == MLP_OK &&
        mlp_data_recipe_load(net, NULL, &recipe) == MLP_OK) {
        need(mlp_data_recipe_inputs(recipe) > 0);
    }
    mlp_data_recipe_free(recipe);
    mlp_net_free(net);
}

/* NOLINTNEXTLINE(readability-identifier-naming) */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    /* In a block of exactly this size, a read past the end is seen. */
    char *copy = malloc(size ? size : 1);
    char *text = malloc(size + 1);
    mlp_data *data = NULL;
    need(copy && text);
    if (size > 0) {
        memcpy(copy, bytes, size);
        memcpy(text, bytes, size);
    }
    text[size] = '\0';
    if (mlp_data_load_memory(copy, size, "bytes", NULL, NULL, &data) ==
        MLP_OK) {
        need(mlp_data_rows(data) > 0 && mlp_data_cols(data) > 0);
        use(data);
    }
    mlp_data_free(data);
    read_as_recipe(text);
    free(copy);
    free(text);
    return 0;
}
