/* SPDX-License-Identifier: MIT */
/*
 * mlp export: the network in another form, which the suffix of the file names.
 * What the recipe does to columns goes along: in C as a function that encodes a
 * row (row_code.h), in the other files as the recipe's text among the metadata,
 * with which mlp itself can use them.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tool/model.h"
#include "tool/row_code.h"
#include "tool/talk.h"

#ifdef MLPI_TOOL_ONNX
#include "mlp_onnx.h"
#endif

/* Writes C code. Its names begin with the name of the file, which
 * mlp_export_c checks. */
static mlp_status write_code(const tool_model *model, const tool_rows *rows,
                             bool int8, const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;
    char prefix[80];
    tool_row_code code = {NULL, NULL};
    mlp_export_report report;
    mlp_export_options options = mlp_export_defaults();
    bool is_single = int8 || mlp_net_precision(model->net) == MLP_F32;
    (void)snprintf(prefix, sizeof prefix, "%.*s", (int)strlen(name) - 2, name);
    if (model->recipe &&
        !mlpi_tool_row_code(model->recipe, prefix,
                            is_single ? "float" : "double", &code)) {
        return MLP_ERR_MEMORY;
    }
    options.prefix = prefix;
    options.int8 = int8;
    options.header_text = code.header;
    options.code_text = code.code;
    if (rows->X.data) {
        options.X = mlp_view_const(rows->X);
    }
    /* Class numbers are targets of a network that has an output for each. */
    if (int8 && rows->Y.data && (!model->classes || rows->A.cols > 1)) {
        options.Y = mlp_view_const(rows->Y);
    }
    mlp_status status = mlp_export_c(model->net, path, &options, &report);
    if (status == MLP_OK) {
        mlpi_tool_say("%s and %s.h written: %zu bytes of constants%s%s%s", path,
                      prefix, report.constant_bytes, model->recipe ? "; " : "",
                      model->recipe ? prefix : "",
                      model->recipe ? "_encode makes inputs of a row" : "");
    }
    if (status == MLP_OK && !isnan(report.score_before)) {
        mlpi_tool_say("score on these rows: %.3f, as integers %.3f",
                      report.score_before, report.score_after);
    }
    free(code.header);
    free(code.code);
    return status;
}

static mlp_status write_onnx(const tool_model *model, const char *path)
{
#ifdef MLPI_TOOL_ONNX
    return mlp_onnx_save(model->net, path);
#else
    mlpi_tool_complain("%s: the mlp that reads %s was built without ONNX", path,
                       model->path);
    return MLP_ERR_UNSUPPORTED;
#endif
}

static bool ends_with(const char *path, const char *suffix)
{
    size_t n = strlen(path);
    size_t length = strlen(suffix);
    return n > length && strcmp(path + n - length, suffix) == 0;
}

/* Writes the file. A .mlp file is a safetensors file. */
static int write_file(const tool_model *model, const tool_rows *rows,
                      const tool_options *options)
{
    const char *path = options->operands[1];
    bool is_code = ends_with(path, ".c");
    mlp_status status = is_code ? write_code(model, rows, options->int8, path)
                        : ends_with(path, ".onnx")
                            ? write_onnx(model, path)
                            : mlp_net_save(model->net, path);
    if (status == MLP_OK && !is_code) {
        mlpi_tool_say("%s written", path);
    }
    return status == MLP_OK ? TOOL_DONE : TOOL_FAILED;
}

int mlpi_tool_export(const tool_options *options)
{
    const char *path = options->operands[1];
    bool is_code = ends_with(path, ".c");
    if (!is_code && !ends_with(path, ".onnx") &&
        !ends_with(path, ".safetensors") && !ends_with(path, ".mlp")) {
        mlpi_tool_complain("%s: expects a name that ends in .c, .onnx, "
                           ".safetensors or .mlp, which tells what to write",
                           path);
        return TOOL_MISUSED;
    }
    if (is_code ? options->int8 && !options->rows
                : options->int8 || options->rows) {
        mlpi_tool_complain(
            "%s: %s", path,
            is_code ? "--int8 needs --rows TABLE: typical rows, from which it "
                      "takes the ranges of numbers"
                    : "--int8 and --rows are for C code, in a file that ends "
                      "in .c");
        return TOOL_MISUSED;
    }
    return mlpi_tool_use(options, options->rows, TOOL_TARGETS, write_file);
}
