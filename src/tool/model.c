/* SPDX-License-Identifier: MIT */
/*
 * Opening networks of every kind, and reading the tables that they need.
 *
 * A table passes through three hands. mlp_data reads the file; it knows from
 * the recipe which columns hold numbers. Here the columns that the network
 * needs are looked for, so that the message can name the network. Then the
 * recipe encodes them:
 *
 *     file    -> mlp_data -> X (m, n[0])  inputs, in the network's order
 *     columns    cells    -> Y            the targets, for test and export
 *
 * A network without a recipe takes the cells as they stand. All views are
 * dense, and have the precision of the network, so that a verb passes them to
 * the library as they are.
 */
#include "tool/model.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#ifdef MLPI_TOOL_ONNX
#include "mlp_onnx.h"
#endif
#ifdef MLPI_TOOL_FOREIGN
#include "mlp_foreign.h"
#endif

/* ---------------------------------------------------------------------------
 * Models
 */

/* Returns the kind of a file. A file of ours has a '{' as its ninth byte, ONNX
 * begins with the field 1, and genann writes numbers as text. */
static const char *kind_of(const char *path)
{
    char head[9] = {0};
    FILE *file = fopen(path, "rb");
    bool is_read = file && fread(head, 1, sizeof head, file) > 0;
    if (file) {
        (void)fclose(file);
    }
    return mlpi_tool_ends_with(path, ".onnx") ? "ONNX"
           : !is_read || head[8] == '{'       ? "libmlp"
           : head[0] == 8                     ? "ONNX"
           : memcmp(head, "FANN_", 5) == 0    ? "FANN"
           : head[0] >= '0' && head[0] <= '9' ? "genann"
                                              : "libmlp";
}

/* Loads the network of a model by the reader of its kind. A safetensors file of
 * another program tells no layers and no activations, so it is refused: only
 * `mlp train --from` can use its weights. genann does not save activations
 * either; its defaults are taken. */
static mlp_status load_net(tool_model *model)
{
    mlp_hooks hooks = mlp_hooks_stderr();
    if (strcmp(model->kind, "libmlp") == 0) {
        return mlp_net_load(model->path, &hooks, &model->net);
    }
#ifdef MLPI_TOOL_ONNX
    if (strcmp(model->kind, "ONNX") == 0) {
        return mlp_onnx_load(model->path, &hooks, &model->net);
    }
#endif
#ifdef MLPI_TOOL_FOREIGN
    mlp_foreign_options options = mlp_foreign_defaults();
    options.hooks = hooks;
    if (strcmp(model->kind, "FANN") == 0) {
        return mlp_fann_load(model->path, &options, &model->net);
    }
    if (strcmp(model->kind, "genann") == 0) {
        return mlp_genann_load(model->path, &options, &model->net);
    }
#endif
    TOOL_FAIL("%s: this mlp was built without the reader of %s files",
              model->path, model->kind);
}

/* Quantiles may be of several targets, too, but then the network has no recipe,
 * which is made for one target. */
bool mlpi_tool_has_one_target(const mlp_net *net)
{
    return mlp_net_targets(net) == 1 || mlp_net_quantiles(net);
}

/* Loads the recipe, if there is one. That of another network may have come into
 * the file, by mistake or not. Without this check its inputs, or its classes,
 * would not fit the views that are made for the network. */
static void load_recipe(tool_model *model)
{
    mlp_hooks hooks = mlp_hooks_stderr();
    if (!mlp_net_metadata(model->net, "data.recipe")) {
        return;
    }
    mlpi_tool_check(mlp_data_recipe_load(model->net, &hooks, &model->recipe));
    size_t inputs = mlp_net_inputs(model->net);
    size_t classes = mlpi_tool_classes(model->net);
    size_t found = mlp_data_recipe_classes(model->recipe);
    if (inputs != mlp_data_recipe_inputs(model->recipe) ||
        (found == 0 ? !mlpi_tool_has_one_target(model->net)
                    : found != classes)) {
        TOOL_FAIL("%s: expects a recipe for %zu inputs and %zu classes (0: a "
                  "number), got one for %zu and %zu",
                  model->path, inputs, classes,
                  mlp_data_recipe_inputs(model->recipe), found);
    }
}

size_t mlpi_tool_classes(const mlp_net *net)
{
    mlp_loss loss = mlp_net_loss(net);
    size_t outputs = mlp_net_outputs(net);
    return loss == MLP_LOSS_CCE                   ? outputs
           : loss == MLP_LOSS_BCE && outputs == 1 ? 2
                                                  : 0;
}

/* Sets the target and the names of the classes. Numbers as names lie behind the
 * array. */
static void name_classes(tool_model *model)
{
    enum { DIGITS = 24 };
    size_t n = model->recipe ? mlp_data_recipe_classes(model->recipe)
                             : mlpi_tool_classes(model->net);
    model->target = model->recipe ? mlp_data_recipe_target(model->recipe)
                    : n > 0       ? "class"
                                  : "y";
    model->classes = n;
    model->names = mlpi_tool_memory(n, sizeof *model->names + DIGITS);
    for (size_t k = 0; k < n; k++) {
        char *digits = (char *)(model->names + n) + k * DIGITS;
        (void)snprintf(digits, DIGITS, "%zu", k);
        const char *name = mlp_data_recipe_class(model->recipe, k);
        name = name ? name : mlp_net_class_name(model->net, k);
        model->names[k] = name ? name : digits;
    }
}

tool_model mlpi_tool_open(const char *path)
{
    tool_model model = {.path = path, .kind = kind_of(path)};
    mlpi_tool_check(load_net(&model));
    load_recipe(&model);
    name_classes(&model);
    return model;
}

void mlpi_tool_close(tool_model *model)
{
    free((void *)model->names);
    mlp_data_recipe_free(model->recipe);
    mlp_net_free(model->net);
}

/* ---------------------------------------------------------------------------
 * Tables
 */

/* Finds the columns of the recipe, whose column 0 is the target, and returns
 * whether the table has that: whether it must is for the verb to say. The
 * library would find a missing column too, but it does not know the name of the
 * network, which the user looks for in the message. */
static bool check_columns(const tool_model *model, const char *path,
                          const mlp_data *data)
{
    for (size_t i = 1; i < mlp_data_recipe_columns(model->recipe); i++) {
        const char *name = mlp_data_recipe_column(model->recipe, i)->name;
        if (mlp_data_find(data, name) == SIZE_MAX) {
            TOOL_REFUSE("%s: no column \"%s\", which %s needs", path, name,
                        model->path);
        }
    }
    return mlp_data_find(data, model->target) != SIZE_MAX;
}

/* Like check_columns, but for a network without a recipe: the columns must be
 * as many as its inputs, or its inputs and targets, and hold numbers. */
static bool check_plain(const tool_model *model, const char *path,
                        const mlp_data *data)
{
    size_t inputs = mlp_net_inputs(model->net);
    size_t all = inputs + (model->classes ? 1 : mlp_net_targets(model->net));
    size_t cols = mlp_data_cols(data);
    if (cols != inputs && cols != all) {
        TOOL_REFUSE("%s: expects %zu columns, the inputs of %s in their order, "
                    "or %zu, with targets behind them, got %zu",
                    path, inputs, model->path, all, cols);
    }
    for (size_t j = 0; j < cols; j++) {
        if (mlp_data_kind_of(data, j) != MLP_DATA_NUMBER ||
            mlp_data_empty_cells(data, j) > 0) {
            TOOL_FAIL("%s: column %zu (%s): expects numbers in all rows, since "
                      "%s has no recipe for others",
                      path, j + 1, mlp_data_name(data, j), model->path);
        }
    }
    return cols == all;
}

/* Copies columns of the cells, from `first` on. A class number must be one: an
 * int32 would lose a fraction. */
static void copy_cells(const char *path, const mlp_data *data, size_t first,
                       mlp_view to)
{
    for (size_t i = 0; i < to.rows * to.cols; i++) {
        size_t row = i / to.cols;
        size_t j = i % to.cols;
        double x = mlp_cview_at(mlp_data_values(data), row, first + j);
        bool is_set = mlp_view_set(to, row, j, x);
        if (!is_set || (to.dtype == MLP_I32 &&
                        mlp_cview_at(mlp_view_const(to), row, j) != x)) {
            TOOL_FAIL("%s:%zu: column %zu (%s): expects a class number, got %g",
                      path, mlp_data_line(data, row), first + j + 1,
                      mlp_data_name(data, first + j), x);
        }
    }
}

/* Tells how many cells hold a category that the recipe does not know: they are
 * not empty, and became only zeros. That is no error, because new words come up
 * in every long-lived table; but many of them show that something is wrong. */
static void tell_unknown(const tool_model *model, const char *path,
                         const tool_rows *rows)
{
    size_t count = 0;
    mlp_cview X = mlp_view_const(rows->X);
    mlp_cview cells = mlp_data_values(rows->data);
    for (size_t i = 1; i < mlp_data_recipe_columns(model->recipe); i++) {
        const mlp_data_column *c = mlp_data_recipe_column(model->recipe, i);
        size_t j = mlp_data_find(rows->data, c->name);
        for (size_t r = 0; c->n_categories > 0 && r < X.rows; r++) {
            size_t k = 0;
            while (k < c->n_categories &&
                   mlp_cview_at(X, r, c->first_input + k) == 0) {
                k++;
            }
            count += k == c->n_categories && !isnan(mlp_cview_at(cells, r, j));
        }
    }
    if (count > 0) {
        mlpi_tool_say("%s: %zu cell%s a category that %s does not know", path,
                      count, count == 1 ? " holds" : "s hold", model->path);
    }
}

/* Loads a table. Columns that the recipe does not know are ignored, so that
 * nothing there is an error. The columns are checked before the views are made:
 * if they are wrong, a table of any size is refused at once. */
static tool_rows read_rows(const tool_model *model, const char *path,
                           const mlp_data_options *options)
{
    const mlp_data_recipe *recipe = model->recipe;
    mlp_dtype precision = mlp_net_precision(model->net);
    mlp_hooks hooks = mlp_hooks_stderr();
    tool_rows rows = {.data = NULL};
    mlpi_tool_check(mlp_data_load(path, options, &hooks, &rows.data));
    size_t m = mlp_data_rows(rows.data);
    bool has_targets =
        (recipe ? check_columns : check_plain)(model, path, rows.data);
    rows.X = mlpi_tool_view(precision, m, mlp_net_inputs(model->net));
    if (has_targets && !options->keep_text) {
        rows.Y = model->classes
                     ? mlpi_tool_view(MLP_I32, m, 1)
                     : mlpi_tool_view(precision, m,
                                      recipe ? 1 : mlp_net_targets(model->net));
    }
    if (!recipe) {
        copy_cells(path, rows.data, 0, rows.X);
        copy_cells(path, rows.data, rows.X.cols, rows.Y);
        return rows;
    }
    mlpi_tool_check(mlp_data_recipe_encode(recipe, rows.data, rows.X));
    if (rows.Y.data) {
        mlpi_tool_check(
            mlp_data_recipe_encode_target(recipe, rows.data, rows.Y));
    }
    tell_unknown(model, path, &rows);
    return rows;
}

tool_rows mlpi_tool_read(const tool_model *model, const char *path,
                         const char *targets)
{
    mlp_data_options options = mlp_data_defaults();
    options.recipe = model->recipe;
    options.targets = targets;
    return read_rows(model, path, &options);
}

/* Nothing in the target's column is an error, because nobody looks at it. */
tool_rows mlpi_tool_read_text(const tool_model *model, const char *path)
{
    mlp_data_options options = mlp_data_defaults();
    options.recipe = model->recipe;
    options.keep_text = true;
    options.ignored = &model->target;
    options.n_ignored = model->recipe ? 1 : 0;
    return read_rows(model, path, &options);
}

/* A column stride of 0 makes every column of a view the same one. */
mlp_cview mlpi_tool_spread(const mlp_net *net, mlp_view Y)
{
    mlp_cview spread = mlp_view_const(Y);
    if (mlp_net_quantiles(net) && Y.cols == 1) {
        spread.cols = mlp_net_targets(net);
        spread.col_stride = 0;
    }
    return spread;
}

void mlpi_tool_free_rows(tool_rows *rows)
{
    free(rows->X.data);
    free(rows->Y.data);
    mlp_data_free(rows->data);
}

/* ---------------------------------------------------------------------------
 * Answers
 */

tool_answers mlpi_tool_answer(const mlp_net *net, mlp_cview X)
{
    tool_answers answers = {.A = mlpi_tool_view(mlp_net_precision(net), X.rows,
                                                mlp_net_outputs(net))};
    mlpi_tool_check(mlp_predict(net, X, answers.A));
    if (mlpi_tool_classes(net) > 0) {
        answers.labels = mlpi_tool_view(MLP_I32, X.rows, 1);
        mlpi_tool_check(mlp_classify(net, X, 0.5, answers.labels));
    }
    return answers;
}

void mlpi_tool_free_answers(tool_answers *answers)
{
    free(answers->A.data);
    free(answers->labels.data);
}
