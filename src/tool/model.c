/* SPDX-License-Identifier: MIT */
/*
 * Opening networks of every kind, and reading the tables that they need.
 *
 * The kind of a model file is found out from its first bytes:
 *
 *     08 ...              ONNX, which begins with the field "version of the IR"
 *     FANN_...            FANN
 *     a digit             genann, a list of numbers
 *     anything else       ours, whose reader says what is wrong
 */
#include "tool/model.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

/* Returns the kind of a file. The ninth byte of a file of ours is a '{', and the
 * bytes before it may be any. */
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

/* Loads the network of a model by the reader of its kind. */
static mlp_status load_net(tool_model *model)
{
    mlp_hooks hooks = mlp_hooks_stderr();
    model->kind = kind_of(model->path);
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

/* A recipe of another network may have come into the file, by mistake or not.
 * Two classes may share one output. */
static bool fits(const mlp_net *net, const mlp_data_recipe *recipe)
{
    size_t classes = mlp_data_recipe_classes(recipe);
    size_t outputs = mlp_net_outputs(net);
    bool is_single = classes <= 2 && classes != 1 && outputs == 1;
    return mlp_data_recipe_inputs(recipe) == mlp_net_inputs(net) &&
           (is_single || classes == outputs);
}

int mlpi_tool_open(const char *path, tool_model *model)
{
    mlp_hooks hooks = mlp_hooks_stderr();
    tool_model fresh = {.path = path};
    if (load_net(&fresh) != MLP_OK) {
        return TOOL_FAILED;
    }
    bool is_good = true;
    if (mlp_net_metadata(fresh.net, "data.recipe")) {
        is_good =
            mlp_data_recipe_load(fresh.net, &hooks, &fresh.recipe) == MLP_OK;
        if (is_good && !fits(fresh.net, fresh.recipe)) {
            mlpi_tool_complain(
                "%s: its recipe is that of another network: it makes %zu "
                "inputs and knows %zu classes, and the network has %zu inputs "
                "and %zu outputs",
                path, mlp_data_recipe_inputs(fresh.recipe),
                mlp_data_recipe_classes(fresh.recipe),
                mlp_net_inputs(fresh.net), mlp_net_outputs(fresh.net));
            is_good = false;
        }
    }
    if (!is_good) {
        mlpi_tool_close(&fresh);
        return TOOL_FAILED;
    }
    *model = fresh;
    return TOOL_DONE;
}

void mlpi_tool_close(tool_model *model)
{
    mlp_data_recipe_free(model->recipe);
    mlp_net_free(model->net);
    *model = (tool_model){.path = NULL};
}

/* Without a recipe, the loss tells what the outputs are. Several outputs of
 * binary cross-entropy are no classes that exclude each other. */
size_t mlpi_tool_classes(const tool_model *model)
{
    size_t outputs = mlp_net_outputs(model->net);
    mlp_loss loss = mlp_net_loss(model->net);
    if (model->recipe) {
        return mlp_data_recipe_classes(model->recipe);
    }
    return loss == MLP_LOSS_CCE                   ? outputs
           : loss == MLP_LOSS_BCE && outputs == 1 ? 2
                                                  : 0;
}

const char *mlpi_tool_class(const tool_model *model, size_t k, char room[24])
{
    const char *name = mlp_data_recipe_class(model->recipe, k);
    name = name ? name : mlp_net_class_name(model->net, k);
    (void)snprintf(room, 24, "%zu", k);
    return name ? name : room;
}

const char *mlpi_tool_target(const tool_model *model)
{
    return model->recipe              ? mlp_data_recipe_target(model->recipe)
           : mlpi_tool_classes(model) ? "class"
                                      : "y";
}

/* ---------------------------------------------------------------------------
 * Tables
 */

/* Returns a dense view of fresh memory. Its data is NULL if there is none. */
static mlp_view make_view(mlp_dtype dtype, size_t rows, size_t cols)
{
    size_t size = dtype == MLP_F64 ? 8 : 4;
    bool is_possible = rows < SIZE_MAX / 16 / (cols + 1);
    void *data = is_possible ? calloc(rows * cols + 1, size) : NULL;
    return (mlp_view){dtype, rows, cols, cols, 1, data};
}

/* Without a recipe: complains unless the table has exactly the columns of the
 * network, all of numbers. */
static int check_plain(const tool_model *model, const char *path,
                       const mlp_data *data, size_t targets)
{
    size_t inputs = mlp_net_inputs(model->net);
    size_t cols = mlp_data_cols(data);
    if (cols != inputs + targets) {
        mlpi_tool_complain("%s: expects %zu column%s (inputs%s, in the order "
                           "of %s, which has no names of columns), got %zu",
                           path, inputs + targets,
                           inputs + targets == 1 ? "" : "s",
                           targets ? ", then targets" : "", model->path, cols);
        return TOOL_MISUSED;
    }
    for (size_t j = 0; j < cols; j++) {
        if (mlp_data_kind_of(data, j) != MLP_DATA_NUMBER ||
            mlp_data_empty_cells(data, j) > 0) {
            mlpi_tool_complain("%s: column %zu (%s): expects numbers, because "
                               "%s says nothing of %s",
                               path, j + 1, mlp_data_name(data, j), model->path,
                               mlp_data_empty_cells(data, j) > 0
                                   ? "empty cells"
                                   : "categories");
            return TOOL_FAILED;
        }
    }
    return TOOL_DONE;
}

/* Complains unless the table has all columns of the recipe. The target is
 * column 0. */
static int check_columns(const tool_model *model, const char *path,
                         const mlp_data *data, bool wants_target)
{
    size_t n = mlp_data_recipe_columns(model->recipe);
    for (size_t i = wants_target ? 0 : 1; i < n; i++) {
        const mlp_data_column *column =
            mlp_data_recipe_column(model->recipe, i);
        if (mlp_data_find(data, column->name) == SIZE_MAX) {
            mlpi_tool_complain("%s: no column \"%s\", which %s needs", path,
                               column->name, model->path);
            return TOOL_MISUSED;
        }
    }
    return TOOL_DONE;
}

/* Counts cells that are not empty and became only zeros. */
static size_t count_unknown(const tool_model *model, const tool_rows *rows)
{
    mlp_cview cells = mlp_data_values(rows->data);
    size_t count = 0;
    for (size_t i = 1; i < mlp_data_recipe_columns(model->recipe); i++) {
        const mlp_data_column *column =
            mlp_data_recipe_column(model->recipe, i);
        if (column->kind != MLP_DATA_CATEGORY) {
            continue;
        }
        size_t j = mlp_data_find(rows->data, column->name);
        for (size_t r = 0; r < rows->X.rows; r++) {
            double sum = 0;
            for (size_t k = 0; k < column->n_categories; k++) {
                sum += mlp_cview_at(mlp_view_const(rows->X), r,
                                    column->first_input + k);
            }
            count += sum == 0 && !isnan(mlp_cview_at(cells, r, j));
        }
    }
    return count;
}

/* Copies columns [first, first + to.cols) of the cells. */
static void copy_cells(mlp_cview cells, size_t first, mlp_view to)
{
    for (size_t i = 0; i < to.rows; i++) {
        for (size_t j = 0; j < to.cols; j++) {
            (void)mlp_view_set(to, i, j, mlp_cview_at(cells, i, first + j));
        }
    }
}

/* Allocates X, A and, if wanted, Y. */
static bool make_views(const tool_model *model, bool wants_target,
                       tool_rows *rows)
{
    mlp_dtype precision = mlp_net_precision(model->net);
    size_t m = mlp_data_rows(rows->data);
    size_t outputs = mlp_net_outputs(model->net);
    bool has_classes = mlpi_tool_classes(model) > 0;
    rows->X = make_view(precision, m, mlp_net_inputs(model->net));
    rows->A = make_view(precision, m, outputs);
    rows->Y = wants_target ? make_view(has_classes ? MLP_I32 : precision, m,
                                       has_classes ? 1 : outputs)
                           : (mlp_view){.data = NULL};
    bool is_there =
        rows->X.data && rows->A.data && (!wants_target || rows->Y.data);
    if (!is_there) {
        mlpi_tool_complain("no memory for %zu rows of %zu inputs", m,
                           rows->X.cols);
    }
    return is_there;
}

/* Fills X and Y by the recipe, or from the columns as they stand. */
static int encode(const tool_model *model, const char *path, bool wants_target,
                  tool_rows *rows)
{
    if (!model->recipe) {
        mlp_cview cells = mlp_data_values(rows->data);
        size_t targets = wants_target ? rows->Y.cols : 0;
        int status = check_plain(model, path, rows->data, targets);
        if (status == TOOL_DONE) {
            copy_cells(cells, 0, rows->X);
            copy_cells(cells, rows->X.cols, rows->Y);
        }
        return status;
    }
    int status = check_columns(model, path, rows->data, wants_target);
    if (status != TOOL_DONE) {
        return status;
    }
    if (mlp_data_recipe_encode(model->recipe, rows->data, rows->X) != MLP_OK ||
        (wants_target && mlp_data_recipe_encode_target(
                             model->recipe, rows->data, rows->Y) != MLP_OK)) {
        return TOOL_FAILED;
    }
    rows->unknown = count_unknown(model, rows);
    return TOOL_DONE;
}

/* Returns whether a table holds targets, as far as its columns tell. */
static bool has_target(const tool_model *model, const mlp_data *data)
{
    return model->recipe
               ? mlp_data_find(data, mlp_data_recipe_target(model->recipe)) !=
                     SIZE_MAX
               : mlp_data_cols(data) > mlp_net_inputs(model->net);
}

int mlpi_tool_load(const tool_model *model, const char *path,
                   const char *targets, tool_wanted wanted, tool_rows *rows)
{
    mlp_data_options options = mlp_data_defaults();
    tool_rows fresh = {.data = NULL};
    options.recipe = model->recipe;
    options.targets = targets;
    options.keep_text = wanted == ROWS_TEXT;
    mlp_hooks hooks = mlp_hooks_stderr();
    int status = mlp_data_load(path, &options, &hooks, &fresh.data) == MLP_OK
                     ? TOOL_DONE
                     : TOOL_FAILED;
    if (status == TOOL_DONE) {
        bool wants_target =
            wanted == ROWS_TARGETS ||
            (wanted == ROWS_BOTH && has_target(model, fresh.data));
        status = make_views(model, wants_target, &fresh)
                     ? encode(model, path, wants_target, &fresh)
                     : TOOL_FAILED;
    }
    if (status == TOOL_DONE && fresh.unknown > 0) {
        mlpi_tool_say("%s: %zu cell%s a category that %s does not know", path,
                      fresh.unknown, fresh.unknown == 1 ? " holds" : "s hold",
                      model->path);
    }
    if (status != TOOL_DONE) {
        mlpi_tool_unload(&fresh);
        return status;
    }
    *rows = fresh;
    return TOOL_DONE;
}

void mlpi_tool_unload(tool_rows *rows)
{
    free(rows->X.data);
    free(rows->Y.data);
    free(rows->A.data);
    mlp_data_free(rows->data);
    *rows = (tool_rows){.data = NULL};
}

void mlpi_tool_choose(mlp_cview A, mlp_view labels)
{
    for (size_t i = 0; i < A.rows; i++) {
        size_t best = 0;
        double first = mlp_cview_at(A, i, 0);
        bool has_nan = isnan(first);
        for (size_t j = 1; j < A.cols; j++) {
            double x = mlp_cview_at(A, i, j);
            has_nan = has_nan || isnan(x);
            best = x > mlp_cview_at(A, i, best) ? j : best;
        }
        best = A.cols == 1 ? first >= 0.5 : best;
        (void)mlp_view_set(labels, i, 0, has_nan ? -1 : (double)best);
    }
}
