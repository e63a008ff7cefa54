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
#include <stdio.h>
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

/* Returns the first byte of a file that a reader of its own opens: 8 for ONNX,
 * 'F' for FANN, '0' for genann; else 0. A file of ours has a '{' as its ninth
 * byte, and its first byte is any. */
static int kind_of(const char *path)
{
    unsigned char head[9] = {0};
    size_t n = strlen(path);
    FILE *file = fopen(path, "rb");
    size_t got = file ? fread(head, 1, sizeof head, file) : 0;
    if (file) {
        (void)fclose(file);
    }
    if (n > 5 && strcmp(path + n - 5, ".onnx") == 0) {
        return 8;
    }
    return got == 0 || head[8] == '{'         ? 0
           : memcmp(head, "FANN_", 5) == 0    ? 'F'
           : head[0] >= '0' && head[0] <= '9' ? '0'
           : head[0] == 8                     ? 8
                                              : 0;
}

/* Loads a network by the reader of its kind. */
static mlp_status load_net(const char *path, mlp_net **net)
{
    mlp_hooks hooks = mlp_hooks_stderr();
    int kind = kind_of(path);
#ifdef MLPI_TOOL_ONNX
    if (kind == 8) {
        return mlp_onnx_load(path, &hooks, net);
    }
#endif
#ifdef MLPI_TOOL_FOREIGN
    if (kind == 'F' || kind == '0') {
        mlp_foreign_options options = mlp_foreign_defaults();
        options.hooks = hooks;
        return kind == 'F' ? mlp_fann_load(path, &options, net)
                           : mlp_genann_load(path, &options, net);
    }
#endif
    if (kind != 0) {
        mlpi_tool_complain("%s: this mlp was built without the reader of %s "
                           "files",
                           path, kind == 8 ? "ONNX" : "FANN's and genann's");
        return MLP_ERR_UNSUPPORTED;
    }
    return mlp_net_load(path, &hooks, net);
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
    if (load_net(path, &fresh.net) != MLP_OK) {
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
 * The hash
 */

/* Takes the bytes of a number into the hash, the lowest first. */
static uint32_t hash_number(uint32_t hash, mlp_dtype dtype, double x)
{
    float single = (float)x;
    uint32_t half = 0;
    uint64_t bits = 0;
    if (dtype == MLP_F32) {
        memcpy(&half, &single, sizeof half);
        bits = half;
    } else {
        memcpy(&bits, &x, sizeof bits);
    }
    for (int i = 0; i < (dtype == MLP_F32 ? 4 : 8); i++) {
        hash = (hash ^ (uint32_t)(bits >> 8 * i & 0xff)) * 16777619U;
    }
    return hash;
}

/* Batch norm has three tensors more. */
uint32_t mlpi_tool_hash(const mlp_net *net)
{
    static const mlp_tensor tensors[] = {MLP_W, MLP_B, MLP_SCALE, MLP_MEAN,
                                         MLP_VARIANCE};
    uint32_t hash = 2166136261U;
    for (size_t l = 1; l <= mlp_net_layer_count(net); l++) {
        mlp_layer layer = {.width = 0};
        bool is_known = mlp_net_layer(net, l, &layer) == MLP_OK;
        for (int i = 0; is_known && i < (layer.batch_norm ? 5 : 2); i++) {
            mlp_cview view = {.rows = 0};
            is_known = mlp_net_ctensor(net, tensors[i], l, &view) == MLP_OK;
            for (size_t k = 0; k < view.rows * view.cols; k++) {
                double x = mlp_cview_at(view, k / view.cols, k % view.cols);
                hash = hash_number(hash, view.dtype, x);
            }
        }
    }
    return hash;
}

/* ---------------------------------------------------------------------------
 * Memory
 */

mlp_view mlpi_tool_view(mlp_dtype dtype, size_t rows, size_t cols)
{
    size_t size = dtype == MLP_F64 ? 8 : 4;
    size_t n = cols > 0 && rows > SIZE_MAX / size / cols ? SIZE_MAX
                                                         : rows * cols * size;
    void *data = n < SIZE_MAX ? calloc(n + 1, 1) : NULL;
    if (!data) {
        mlpi_tool_complain("no memory for %zu rows of %zu numbers", rows, cols);
    }
    return (mlp_view){dtype, rows, cols, cols, 1, data};
}

void mlpi_tool_view_free(mlp_view *view)
{
    free(view->data);
    *view = (mlp_view){.data = NULL};
}

/* ---------------------------------------------------------------------------
 * Tables
 */

/* Reads the standard input to its end. The caller frees the block. */
static char *read_input(size_t *size)
{
    size_t capacity = 0;
    char *bytes = NULL;
    *size = 0;
    do {
        if (*size == capacity) {
            capacity = capacity ? 2 * capacity : 1 << 16;
            char *more = realloc(bytes, capacity);
            if (!more) {
                mlpi_tool_complain("-: no memory for more than %zu bytes",
                                   *size);
                free(bytes);
                return NULL;
            }
            bytes = more;
        }
        *size += fread(bytes + *size, 1, capacity - *size, stdin);
    } while (!feof(stdin) && !ferror(stdin));
    if (ferror(stdin)) {
        mlpi_tool_complain("-: the standard input cannot be read");
        free(bytes);
        return NULL;
    }
    return bytes;
}

static int load_table(const char *path, const mlp_data_options *options,
                      mlp_data **data)
{
    mlp_hooks hooks = mlp_hooks_stderr();
    if (strcmp(path, "-") != 0) {
        return mlp_data_load(path, options, &hooks, data) == MLP_OK
                   ? TOOL_DONE
                   : TOOL_FAILED;
    }
    size_t size = 0;
    char *bytes = read_input(&size);
    mlp_status status =
        bytes ? mlp_data_load_memory(bytes, size, path, options, &hooks, data)
              : MLP_ERR_IO;
    free(bytes);
    return status == MLP_OK ? TOOL_DONE : TOOL_FAILED;
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
        mlp_data_column column;
        if (mlp_data_recipe_column(model->recipe, i, &column) != MLP_OK) {
            return TOOL_FAILED;
        }
        if (mlp_data_find(data, column.name) == SIZE_MAX) {
            mlpi_tool_complain("%s: no column \"%s\", which %s needs", path,
                               column.name, model->path);
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
        mlp_data_column column;
        if (mlp_data_recipe_column(model->recipe, i, &column) != MLP_OK ||
            column.kind != MLP_DATA_CATEGORY) {
            continue;
        }
        size_t j = mlp_data_find(rows->data, column.name);
        for (size_t r = 0; r < rows->X.rows; r++) {
            double sum = 0;
            for (size_t k = 0; k < column.n_categories; k++) {
                sum += mlp_cview_at(mlp_view_const(rows->X), r,
                                    column.first_input + k);
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
    rows->X = mlpi_tool_view(precision, m, mlp_net_inputs(model->net));
    rows->A = mlpi_tool_view(precision, m, outputs);
    rows->Y = wants_target ? mlpi_tool_view(has_classes ? MLP_I32 : precision,
                                            m, has_classes ? 1 : outputs)
                           : (mlp_view){.data = NULL};
    return rows->X.data && rows->A.data && (!wants_target || rows->Y.data);
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

int mlpi_tool_load(const tool_model *model, const char *path,
                   const char *targets, tool_wanted wanted, tool_rows *rows)
{
    mlp_data_options options = mlp_data_defaults();
    tool_rows fresh = {.data = NULL};
    options.recipe = model->recipe;
    options.targets = targets;
    options.keep_text = wanted == ROWS_TEXT;
    int status = load_table(path, &options, &fresh.data);
    if (status == TOOL_DONE) {
        bool wants_target = wanted == ROWS_TARGETS;
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
    mlpi_tool_view_free(&rows->X);
    mlpi_tool_view_free(&rows->Y);
    mlpi_tool_view_free(&rows->A);
    mlp_data_free(rows->data);
    rows->data = NULL;
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
