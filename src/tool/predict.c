/* SPDX-License-Identifier: MIT */
/*
 * mlp predict: the table as it stands, with the answers as new columns.
 *
 *     petal_width,name                petal_width,name,species,p_setosa,...
 *     0.2,"a flower"            ->    0.2,"a flower",setosa,0.98,...
 *
 * The new columns of classes are the class and the probability of each; those
 * of numbers are the outputs. Rows of CSV are copied byte by byte, with their
 * separator and line ends. A table that is no text (NPY, IDX) has only the new
 * columns. With --json each row is an object of the new columns.
 */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tool/model.h"
#include "tool/options.h"

/* What is printed for each row. */
typedef struct answers {
    const tool_model *model;
    const mlp_data *data;
    mlp_cview A, labels; /* labels (m, 1) only if there are classes */
    size_t n;            /* new columns */
    char **names;
    char separator;
    const char *line_end;
} answers;

/* ---------------------------------------------------------------------------
 * Cells
 */

/* Returns the name of new column j, which the caller frees: "species",
 * "p_setosa"; "y", or "y1", "y2" if there are several outputs; "y_0.05" for a
 * quantile; "y_mean" and "y_log_variance". If the table has a column of that
 * name, "predicted_" comes before it, or "predicted_2_" and so on. */
static char *new_name(const answers *a, size_t j)
{
    bool is_class = a->model->classes > 0 && j > 0;
    bool is_numbered = a->model->classes == 0 && a->n > 1;
    /* Outputs of the losses quantile and gaussian_nll are told apart by words,
     * which say more than numbers. */
    const double *tau = mlp_net_quantiles(a->model->net);
    bool has_pairs = mlp_net_loss(a->model->net) == MLP_LOSS_GAUSSIAN_NLL;
    const char *word = is_class ? a->model->names[j - 1] : a->model->target;
    size_t size = strlen(word) + 80;
    char *name = mlpi_tool_memory(size, 1);
    for (size_t i = 0;; i++) {
        int n = i == 0 ? 0
                       : snprintf(name, size,
                                  i == 1 ? "predicted_" : "predicted_%zu_", i);
        n += snprintf(name + n, size - (size_t)n, "%s%s", is_class ? "p_" : "",
                      word);
        if (is_numbered && tau) {
            (void)snprintf(name + n, size - (size_t)n, "_%g", tau[j]);
        } else if (has_pairs && a->n == 2) {
            (void)snprintf(name + n, size - (size_t)n, "%s",
                           j == 0 ? "_mean" : "_log_variance");
        } else if (is_numbered) {
            (void)snprintf(name + n, size - (size_t)n, "%zu", j + 1);
        }
        if (mlp_data_find(a->data, name) == SIZE_MAX) {
            return name;
        }
    }
}

/* Prints a text as a cell, in quotes if a reader would take it for something
 * else: for two cells, for another text, because blanks around a cell do not
 * count, or for an empty cell, by the words that mlp_data.h lists. */
static void print_text(const char *text, char separator)
{
    static const char *const empty[] = {"",    "NA",   "N/A",  "NaN",
                                        "nan", "null", "NULL", "?"};
    bool is_plain = !strchr(text, separator) && !strpbrk(text, "\"\r\n") &&
                    !strchr(" \t", text[0]) &&
                    !strchr(" \t", text[strlen(text) - 1]);
    for (size_t k = 0; k < sizeof empty / sizeof *empty; k++) {
        is_plain = is_plain && strcmp(text, empty[k]) != 0;
    }
    if (is_plain) {
        (void)fputs(text, stdout);
        return;
    }
    (void)putchar('"');
    for (; *text; text++) {
        (void)fputs(*text == '"' ? "\"" : "", stdout);
        (void)putchar(*text);
    }
    (void)putchar('"');
}

/* Prints new column j of row i. A row whose outputs are NaN has no class. A
 * single output is the probability of class 1. */
static void print_answer(const answers *a, size_t i, size_t j, bool is_json)
{
    char text[TOOL_NUMBER_SIZE];
    if (a->model->classes > 0 && j == 0) {
        double label = mlp_cview_at(a->labels, i, 0);
        const char *name = label >= 0 ? a->model->names[(size_t)label] : NULL;
        if (is_json) {
            mlpi_tool_json("%s", name);
        } else if (name) {
            print_text(name, a->separator);
        }
        return;
    }
    size_t output = a->model->classes > 0 ? j - 1 : j;
    bool is_single = a->model->classes == 2 && a->A.cols == 1;
    double x = mlp_cview_at(a->A, i, is_single ? 0 : output);
    x = is_single && output == 0 ? 1 - x : x;
    (void)fputs(is_json && !isfinite(x)
                    ? "null"
                    : mlpi_tool_decimals(x, a->A.dtype, text),
                stdout);
}

/* ---------------------------------------------------------------------------
 * Rows
 */

/* Prints the new columns of row i as an object in a line of its own, so that a
 * program can read one line after the other. */
static void print_json(const answers *a, size_t i)
{
    for (size_t j = 0; j < a->n; j++) {
        (void)fputs(j == 0 ? "{" : ", ", stdout);
        mlpi_tool_json("%s: ", a->names[j]);
        print_answer(a, i, j, true);
    }
    (void)fputs("}\n", stdout);
}

/* Prints a row, or for MLP_DATA_NAMES the names of the columns. If a CSV file
 * has no line of names, those that were invented are printed. */
static void print_row(const answers *a, size_t i)
{
    size_t size = 0;
    const char *text = mlp_data_record(a->data, i, &size);
    bool is_csv = text || mlp_data_record(a->data, 0, &size);
    if (text) {
        (void)fwrite(text, 1, size, stdout);
    }
    for (size_t j = 0; is_csv && !text && j < mlp_data_cols(a->data); j++) {
        if (j > 0) {
            (void)putchar(a->separator);
        }
        print_text(mlp_data_name(a->data, j), a->separator);
    }
    for (size_t j = 0; j < a->n; j++) {
        if (is_csv || j > 0) {
            (void)putchar(a->separator);
        }
        if (i == MLP_DATA_NAMES) {
            print_text(a->names[j], a->separator);
        } else {
            print_answer(a, i, j, false);
        }
    }
    (void)fputs(a->line_end, stdout);
}

/* Returns the line end of the table: that of its first line. A record goes
 * without its line end, but if another one follows, the text that is kept has
 * the bytes between them. */
static const char *line_end_of(const mlp_data *data)
{
    size_t size = 0;
    size_t rows = mlp_data_rows(data);
    const char *text = mlp_data_record(data, MLP_DATA_NAMES, &size);
    if (!text && rows > 1) {
        text = mlp_data_record(data, 0, &size);
    }
    return text && rows > 0 && text[size] == '\r' ? "\r\n" : "\n";
}

/* Prints the names of the new columns, and all rows. */
static void print_all(const answers *a, bool is_json)
{
    for (size_t j = 0; j < a->n; j++) {
        a->names[j] = new_name(a, j);
    }
    if (!is_json) {
        print_row(a, MLP_DATA_NAMES);
    }
    for (size_t i = 0; i < a->A.rows; i++) {
        (is_json ? print_json : print_row)(a, i);
    }
    for (size_t j = 0; j < a->n; j++) {
        free(a->names[j]);
    }
    free(a->names);
}

/* Nothing is printed before all is computed, so that a failure leaves the
 * standard output empty. */
static void predict(const tool_options *options)
{
    tool_model model = mlpi_tool_open(options->operands[0]);
    tool_rows rows = mlpi_tool_read_text(&model, options->operands[1]);
    tool_answers computed = mlpi_tool_answer(model.net, mlp_view_const(rows.X));
    char separator = mlp_data_separator(rows.data);
    size_t n = model.classes > 0 ? 1 + model.classes : computed.A.cols;
    answers a = {.model = &model,
                 .data = rows.data,
                 .A = mlp_view_const(computed.A),
                 .labels = mlp_view_const(computed.labels),
                 .n = n,
                 .names = mlpi_tool_memory(n, sizeof *a.names),
                 .separator = separator ? separator : ',',
                 .line_end = line_end_of(rows.data)};
    print_all(&a, options->json);
    mlpi_tool_free_answers(&computed);
    mlpi_tool_free_rows(&rows);
    mlpi_tool_close(&model);
}

const tool_verb mlpi_tool_predict = {
    "predict",
    "MODEL TABLE|-",
    "print TABLE with the answers as new columns",
    2,
    2,
    predict};
