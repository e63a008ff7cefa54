/* SPDX-License-Identifier: MIT */
/*
 * Opening networks of every kind, and reading the tables that they need.
 *
 * A table passes through three hands. mlp_data reads the file; it knows from
 * the recipe which columns hold numbers. Here the columns that the network
 * needs are looked for, so that the message can name the network. Then the
 * recipe encodes them:
 *
 *     file    -> mlp_data -> X (m, n[0])                      A (m, n[L])
 *     columns    cells       inputs, in the network's order   room for outputs
 *                         -> Y: the targets, for test and export
 *
 * A network without a recipe takes the cells as they stand. All views are
 * dense, and have the precision of the network, so that a verb passes them to
 * the library as they are.
 */
#include "tool/model.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tool/table.h"
#include "tool/talk.h"

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
    size_t n = strlen(path);
    FILE *file = fopen(path, "rb");
    bool is_read = file && fread(head, 1, sizeof head, file) > 0;
    bool is_onnx = n > 5 && strcmp(path + n - 5, ".onnx") == 0;
    if (file) {
        (void)fclose(file);
    }
    return is_onnx                            ? "ONNX"
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
    mlpi_tool_complain("%s: this mlp was built without the reader of %s files",
                       model->path, model->kind);
    return MLP_ERR_UNSUPPORTED;
}

/* Loads the recipe, if there is one. That of another network may have come into
 * the file, by mistake or not. Without this check its inputs, or its classes,
 * would not fit the views that are made for the network. Two classes may share
 * one output. */
static bool load_recipe(tool_model *model)
{
    mlp_hooks hooks = mlp_hooks_stderr();
    if (!mlp_net_metadata(model->net, "data.recipe")) {
        return true;
    }
    if (mlp_data_recipe_load(model->net, &hooks, &model->recipe) != MLP_OK) {
        return false;
    }
    size_t inputs = mlp_data_recipe_inputs(model->recipe);
    size_t classes = mlp_data_recipe_classes(model->recipe);
    size_t outputs = mlp_net_outputs(model->net);
    bool fits = inputs == mlp_net_inputs(model->net) &&
                (classes == outputs ||
                 (outputs == 1 && (classes == 0 || classes == 2)));
    if (!fits) {
        mlpi_tool_complain("%s: expects a recipe for %zu inputs and %zu "
                           "outputs, got one for %zu inputs and %zu classes",
                           model->path, mlp_net_inputs(model->net), outputs,
                           inputs, classes);
    }
    return fits;
}

/* Sets the target and the names of the classes. Without a recipe the loss tells
 * what the outputs are; several outputs of binary cross-entropy are no classes
 * that exclude each other. Numbers as names lie behind the array. */
static bool name_classes(tool_model *model)
{
    enum { DIGITS = 24 };
    mlp_loss loss = mlp_net_loss(model->net);
    size_t outputs = mlp_net_outputs(model->net);
    size_t n = model->recipe          ? mlp_data_recipe_classes(model->recipe)
               : loss == MLP_LOSS_CCE ? outputs
               : loss == MLP_LOSS_BCE && outputs == 1 ? 2
                                                      : 0;
    model->target = model->recipe ? mlp_data_recipe_target(model->recipe)
                    : n > 0       ? "class"
                                  : "y";
    model->classes = n;
    model->names = mlpi_tool_memory(n, sizeof *model->names + DIGITS);
    for (size_t k = 0; model->names && k < n; k++) {
        char *digits = (char *)(model->names + n) + k * DIGITS;
        (void)snprintf(digits, DIGITS, "%zu", k);
        const char *name = mlp_data_recipe_class(model->recipe, k);
        name = name ? name : mlp_net_class_name(model->net, k);
        model->names[k] = name ? name : digits;
    }
    return model->names != NULL;
}

/* Nothing is put into *model before all is there. What a failed step leaves
 * behind is closed with the rest. */
int mlpi_tool_open(const char *path, tool_model *model)
{
    tool_model fresh = {.path = path, .kind = kind_of(path)};
    if (load_net(&fresh) == MLP_OK && load_recipe(&fresh) &&
        name_classes(&fresh)) {
        *model = fresh;
        return TOOL_DONE;
    }
    mlpi_tool_close(&fresh);
    return TOOL_FAILED;
}

void mlpi_tool_close(tool_model *model)
{
    free((void *)model->names);
    mlp_data_recipe_free(model->recipe);
    mlp_net_free(model->net);
    *model = (tool_model){.path = NULL};
}

/* ---------------------------------------------------------------------------
 * Tables
 */

/* Finds the columns of the recipe, whose column 0 is the target. A missing
 * target leaves *has_targets false; whether it is needed is for the verb to
 * say. The library would find a missing column too, but it does not know the
 * name of the network, which the user looks for in the message. */
static int check_columns(const tool_model *model, const char *path,
                         const mlp_data *data, bool *has_targets)
{
    *has_targets = mlp_data_find(data, model->target) != SIZE_MAX;
    for (size_t i = 1; i < mlp_data_recipe_columns(model->recipe); i++) {
        const char *name = mlp_data_recipe_column(model->recipe, i)->name;
        if (mlp_data_find(data, name) == SIZE_MAX) {
            mlpi_tool_complain("%s: no column \"%s\", which %s needs", path,
                               name, model->path);
            return TOOL_MISUSED;
        }
    }
    return TOOL_DONE;
}

/* Like check_columns, but for a network without a recipe: the columns must be
 * as many as its inputs, or its inputs and targets, and hold numbers. */
static int check_plain(const tool_model *model, const char *path,
                       const mlp_data *data, bool *has_targets)
{
    size_t inputs = mlp_net_inputs(model->net);
    size_t targets = model->classes ? 1 : mlp_net_outputs(model->net);
    size_t cols = mlp_data_cols(data);
    *has_targets = cols == inputs + targets;
    if (cols != inputs && !*has_targets) {
        mlpi_tool_complain("%s: expects %zu columns, the inputs of %s in their "
                           "order, or %zu, with targets behind them, got %zu",
                           path, inputs, model->path, inputs + targets, cols);
        return TOOL_MISUSED;
    }
    for (size_t j = 0; j < cols; j++) {
        if (mlp_data_kind_of(data, j) != MLP_DATA_NUMBER ||
            mlp_data_empty_cells(data, j) > 0) {
            mlpi_tool_complain("%s: column %zu (%s): expects numbers in all "
                               "rows, since %s has no recipe for others",
                               path, j + 1, mlp_data_name(data, j),
                               model->path);
            return TOOL_FAILED;
        }
    }
    return TOOL_DONE;
}

/* Copies columns of the cells, from `first` on. A class number must be one: an
 * int32 would lose a fraction. */
static bool copy_cells(const char *path, const mlp_data *data, size_t first,
                       mlp_view to)
{
    for (size_t i = 0; i < to.rows * to.cols; i++) {
        size_t row = i / to.cols;
        size_t j = i % to.cols;
        double x = mlp_cview_at(mlp_data_values(data), row, first + j);
        bool is_set = mlp_view_set(to, row, j, x);
        if (!is_set || (to.dtype == MLP_I32 &&
                        mlp_cview_at(mlp_view_const(to), row, j) != x)) {
            mlpi_tool_complain("%s:%zu: column %zu (%s): expects a class "
                               "number, got %g",
                               path, mlp_data_line(data, row), first + j + 1,
                               mlp_data_name(data, first + j), x);
            return false;
        }
    }
    return true;
}

/* Fills X and, if it has data, Y. */
static bool encode(const tool_model *model, const char *path, tool_rows *rows)
{
    bool has_Y = rows->Y.data != NULL;
    if (!model->recipe) {
        return copy_cells(path, rows->data, 0, rows->X) &&
               (!has_Y || copy_cells(path, rows->data, rows->X.cols, rows->Y));
    }
    return mlp_data_recipe_encode(model->recipe, rows->data, rows->X) ==
               MLP_OK &&
           (!has_Y || mlp_data_recipe_encode_target(model->recipe, rows->data,
                                                    rows->Y) == MLP_OK);
}

/* Tells how many cells hold a category that the recipe does not know: they are
 * not empty, and became only zeros. That is no error, because new words come up
 * in every long-lived table; but many of them show that something is wrong. */
static void tell_unknown(const tool_model *model, const char *path,
                         const tool_rows *rows)
{
    size_t count = 0;
    size_t n = model->recipe ? mlp_data_recipe_columns(model->recipe) : 0;
    for (size_t i = 1; i < n; i++) {
        const mlp_data_column *column =
            mlp_data_recipe_column(model->recipe, i);
        size_t j = mlp_data_find(rows->data, column->name);
        size_t categories = column->n_categories;
        for (size_t r = 0; categories > 0 && r < rows->X.rows; r++) {
            double sum = 0;
            for (size_t k = 0; k < categories; k++) {
                sum += mlp_cview_at(mlp_view_const(rows->X), r,
                                    column->first_input + k);
            }
            double cell = mlp_cview_at(mlp_data_values(rows->data), r, j);
            count += sum == 0 && !isnan(cell);
        }
    }
    if (count > 0) {
        mlpi_tool_say("%s: %zu cell%s a category that %s does not know", path,
                      count, count == 1 ? " holds" : "s hold", model->path);
    }
}

/* Checks the columns of a table that was loaded, and allocates and fills the
 * views. The columns come first: if they are wrong, a table of any size is
 * refused at once. */
static int read_rows(const tool_model *model, const char *path,
                     tool_reading reading, tool_rows *rows)
{
    mlp_dtype precision = mlp_net_precision(model->net);
    size_t m = mlp_data_rows(rows->data);
    size_t outputs = mlp_net_outputs(model->net);
    bool has_targets = false;
    TRY((model->recipe ? check_columns : check_plain)(model, path, rows->data,
                                                      &has_targets));
    rows->X = mlpi_tool_view(precision, m, mlp_net_inputs(model->net));
    rows->A = mlpi_tool_view(precision, m, outputs);
    rows->labels = mlpi_tool_view(MLP_I32, m, 1);
    has_targets = has_targets && reading == TOOL_TARGETS;
    if (has_targets) {
        rows->Y = mlpi_tool_view(model->classes ? MLP_I32 : precision, m,
                                 model->classes ? 1 : outputs);
    }
    if (!rows->X.data || !rows->A.data || !rows->labels.data ||
        (has_targets && !rows->Y.data) || !encode(model, path, rows)) {
        return TOOL_FAILED;
    }
    tell_unknown(model, path, rows);
    return TOOL_DONE;
}

/* Loads a table, whose memory mlpi_tool_use frees, also after a failure.
 * Columns that the recipe does not know are ignored, so that nothing there is
 * an error; neither is anything in the target's, if it is not looked at. */
static int load_rows(const tool_model *model, const char *path,
                     const char *targets, tool_reading reading, tool_rows *rows)
{
    mlp_hooks hooks = mlp_hooks_stderr();
    mlp_data_options options = mlp_data_defaults();
    options.recipe = model->recipe;
    options.targets = targets;
    options.keep_text = reading == TOOL_TEXT;
    if (reading == TOOL_TEXT && model->recipe) {
        options.ignored = &model->target;
        options.n_ignored = 1;
    }
    TRY_MLP(mlp_data_load(path, &options, &hooks, &rows->data));
    return read_rows(model, path, reading, rows);
}

/* Whatever fails on the way, all is freed here. So the functions above, and the
 * verbs, return at their first failure. */
int mlpi_tool_use(const tool_options *options, const char *path,
                  tool_reading reading, tool_work *work)
{
    tool_model model = {.path = NULL};
    tool_rows rows = {.data = NULL};
    int status = mlpi_tool_open(options->operands[0], &model);
    if (status == TOOL_DONE && path) {
        status = load_rows(&model, path, options->operands[2], reading, &rows);
    }
    if (status == TOOL_DONE) {
        status = work(&model, &rows, options);
    }
    free(rows.X.data);
    free(rows.A.data);
    free(rows.labels.data);
    free(rows.Y.data);
    mlp_data_free(rows.data);
    mlpi_tool_close(&model);
    return status;
}
