/* SPDX-License-Identifier: MIT */
/*
 * mlp export: the network in another form, which the suffix of the file names.
 * What the network knows of its table goes along: in C as a function that
 * encodes a row (row_code.h), in the other files as the recipe's text among the
 * metadata, with which mlp itself can use them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tool/model.h"
#include "tool/row_code.h"
#include "tool/talk.h"

#ifdef MLPI_TOOL_ONNX
#include "mlp_onnx.h"
#endif

/* Names in C have at most 63 characters (mlp_export_options). */
enum { PREFIX_SIZE = 64 };

/* ---------------------------------------------------------------------------
 * C
 */

/* Makes the beginning of all names from the name of the file: net-2.c gives
 * net_2. */
static void make_prefix(const char *path, char prefix[PREFIX_SIZE])
{
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;
    const char *end = strrchr(name, '.');
    size_t n = 0;
    for (; name < end && n < PREFIX_SIZE - 2; name++) {
        bool is_letter =
            (*name >= 'a' && *name <= 'z') || (*name >= 'A' && *name <= 'Z');
        bool is_digit = *name >= '0' && *name <= '9';
        if (n == 0 && !is_letter) {
            prefix[n++] = 'n';
        }
        prefix[n++] = is_letter || is_digit ? *name : '_';
    }
    prefix[n] = '\0';
}

/* Writes the prefix in upper case and "_FLOAT", which the code of integers asks
 * for before it declares functions of real numbers. */
static void make_macro(const char *prefix, char macro[PREFIX_SIZE + 8])
{
    size_t n = 0;
    for (; prefix[n]; n++) {
        char c = prefix[n];
        macro[n] = (char)(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
    }
    memcpy(macro + n, "_FLOAT", sizeof "_FLOAT");
}

/* Turns class numbers into the targets 0 and 1 of a single output, which is
 * what int8 scores it by. Returns false if there is no memory. */
static bool make_binary(const tool_model *model, tool_rows *rows)
{
    if (!rows->Y.data || rows->Y.dtype != MLP_I32 || rows->A.cols > 1) {
        return true;
    }
    mlp_view Y = {mlp_net_precision(model->net), rows->Y.rows, 1, 1, 1, NULL};
    Y.data = calloc(Y.rows + 1, sizeof(double));
    for (size_t i = 0; Y.data && i < Y.rows; i++) {
        (void)mlp_view_set(Y, i, 0,
                           mlp_cview_at(mlp_view_const(rows->Y), i, 0));
    }
    free(rows->Y.data);
    rows->Y = Y;
    return Y.data != NULL;
}

/* Tells what was written and how a program uses it. */
static void tell_code(const tool_options *options, bool has_recipe,
                      const char *prefix, const mlp_export_report *report)
{
    const char *path = options->operands[1];
    mlpi_tool_say("%s and its header written: %zu bytes of constants, %zu of "
                  "scratch",
                  path, report->constant_bytes, report->scratch_bytes);
    mlpi_tool_say("call %s%s%s%s_predict", has_recipe ? prefix : "",
                  has_recipe ? "_encode, " : "",
                  options->int8 ? "quantise, " : "", prefix);
    if (report->score_before == report->score_before) {
        mlpi_tool_say("score on the rows: %.3f, as integers %.3f",
                      report->score_before, report->score_after);
    }
}

static int write_code(const tool_model *model, const tool_options *options,
                      const tool_rows *rows)
{
    const char *path = options->operands[1];
    char prefix[PREFIX_SIZE];
    char macro[PREFIX_SIZE + 8];
    tool_row_code code = {NULL, NULL};
    mlp_export_report report;
    mlp_export_options export_options = mlp_export_defaults();
    bool is_single = mlp_net_precision(model->net) == MLP_F32 || options->int8;
    make_prefix(path, prefix);
    make_macro(prefix, macro);
    if (model->recipe &&
        !mlpi_tool_row_code(model->recipe, prefix,
                            is_single ? "float" : "double",
                            options->int8 ? macro : NULL, &code)) {
        return TOOL_FAILED;
    }
    export_options.prefix = prefix;
    export_options.int8 = options->int8;
    export_options.header_text = code.header;
    export_options.code_text = code.code;
    if (rows->X.data) {
        export_options.X = mlp_view_const(rows->X);
    }
    if (options->int8 && rows->Y.data) {
        export_options.Y = mlp_view_const(rows->Y);
    }
    mlp_status status =
        mlp_export_c(model->net, path, &export_options, &report);
    free(code.header);
    free(code.code);
    if (status == MLP_OK) {
        tell_code(options, model->recipe != NULL, prefix, &report);
    }
    return status == MLP_OK ? TOOL_DONE : TOOL_FAILED;
}

/* Loads the rows that the options name, and writes both files. */
static int export_code(const tool_model *model, const tool_options *options)
{
    tool_rows rows = {.data = NULL};
    int status = TOOL_DONE;
    if (options->int8 && !options->rows) {
        mlpi_tool_complain("--int8 needs --rows TABLE: rows as they will come, "
                           "from which it takes the ranges of all numbers");
        return TOOL_MISUSED;
    }
    if (options->rows) {
        status = mlpi_tool_load(model, options->rows, NULL, ROWS_BOTH, &rows);
        if (status == TOOL_DONE && !make_binary(model, &rows)) {
            mlpi_tool_complain("no memory for the rows of %s", options->rows);
            status = TOOL_FAILED;
        }
    }
    if (status == TOOL_DONE) {
        status = write_code(model, options, &rows);
    }
    mlpi_tool_unload(&rows);
    return status;
}

/* ---------------------------------------------------------------------------
 * Other files
 */

static int tell_file(mlp_status status, const char *path)
{
    if (status == MLP_OK) {
        mlpi_tool_say("%s written", path);
    }
    return status == MLP_OK ? TOOL_DONE : TOOL_FAILED;
}

/* Writes a .mlp file, which is a safetensors file. */
static int export_tensors(const tool_model *model, const tool_options *options)
{
    const char *path = options->operands[1];
    return tell_file(mlp_net_save(model->net, path), path);
}

static int export_onnx(const tool_model *model, const tool_options *options)
{
    const char *path = options->operands[1];
#ifdef MLPI_TOOL_ONNX
    return tell_file(mlp_onnx_save(model->net, path), path);
#else
    (void)model;
    mlpi_tool_complain("%s: this mlp was built without ONNX", path);
    return TOOL_FAILED;
#endif
}

/* The kinds of files, by their suffixes. */
static const struct {
    const char *suffix;
    int (*write)(const tool_model *model, const tool_options *options);
} kinds[] = {{".c", export_code},
             {".onnx", export_onnx},
             {".safetensors", export_tensors},
             {".mlp", export_tensors}};

enum { N_KINDS = sizeof kinds / sizeof *kinds };

int mlpi_tool_export(const tool_options *options)
{
    const char *path = options->operands[1];
    size_t n = strlen(path);
    size_t kind = 0;
    for (; kind < N_KINDS; kind++) {
        size_t length = strlen(kinds[kind].suffix);
        if (n > length && strcmp(path + n - length, kinds[kind].suffix) == 0) {
            break;
        }
    }
    if (kind == N_KINDS) {
        mlpi_tool_complain("%s: expects a name that ends in .c, .onnx, "
                           ".safetensors or .mlp, which tells what to write",
                           path);
        return TOOL_MISUSED;
    }
    if (kind > 0 && (options->int8 || options->rows)) {
        mlpi_tool_complain("%s: --int8 and --rows are for C code, and its file "
                           "ends in .c",
                           path);
        return TOOL_MISUSED;
    }
    tool_model model = {.path = NULL};
    int status = mlpi_tool_open(options->operands[0], &model);
    if (status == TOOL_DONE) {
        status = kinds[kind].write(&model, options);
    }
    mlpi_tool_close(&model);
    return status;
}
