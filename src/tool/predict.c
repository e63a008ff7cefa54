/* SPDX-License-Identifier: MIT */
/*
 * mlp predict: the table as it stands, with the answers as new columns.
 *
 *     sepal_length,...,name             sepal_length,...,name,species,p_setosa,...
 *     5.1,...,"a flower"         ->     5.1,...,"a flower",setosa,0.98,...
 *
 * The new columns of classes are the class and the probability of each; those
 * of numbers are the outputs. Rows of CSV are copied byte by byte, with their
 * separator and line ends. Tables that are no text (NPY, IDX) have only the new
 * columns. With --json each row is an object of the new columns, in a line of
 * its own.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tool/model.h"
#include "tool/talk.h"

/* What is printed for each row. */
typedef struct answers {
    const tool_model *model;
    const mlp_data *data;
    mlp_cview A, labels; /* labels (m, 1) only if there are classes */
    size_t classes, n;   /* n new columns */
    char **names;        /* of the new columns */
    char separator;
    const char *line_end;
} answers;

/* ---------------------------------------------------------------------------
 * Names
 */

/* Returns the name of new column j before the table's own names count. The
 * caller frees it. NULL: no memory. */
static char *plain_name(const answers *a, size_t j)
{
    const char *target = mlpi_tool_target(a->model);
    const char *class_name = mlp_net_class_name(a->model->net, j);
    char room[24];
    char number[24];
    (void)snprintf(number, sizeof number, "%zu", j + 1);
    bool is_p = a->classes ? j > 0 : class_name && a->n > 1;
    const char *rest = !is_p        ? target
                       : a->classes ? mlpi_tool_class(a->model, j - 1, room)
                                    : class_name;
    bool has_number = !is_p && !a->classes && a->n > 1;
    size_t size = strlen(rest) + sizeof number + sizeof "p_";
    char *name = malloc(size);
    if (name) {
        (void)snprintf(name, size, "%s%s%s", is_p ? "p_" : "", rest,
                       has_number ? number : "");
    }
    return name;
}

/* Puts "predicted_" before a name as long as the table has a column of that
 * name: the target itself, or what an earlier predict has added. */
static char *free_name(const mlp_data *data, char *name)
{
    while (name && mlp_data_find(data, name) != SIZE_MAX) {
        size_t size = strlen(name) + sizeof "predicted_";
        char *longer = malloc(size);
        if (longer) {
            (void)snprintf(longer, size, "predicted_%s", name);
        }
        free(name);
        name = longer;
    }
    return name;
}

/* ---------------------------------------------------------------------------
 * Cells
 */

/* Prints a name as a cell, in quotes if a reader would take it for something
 * else: for two cells, for an empty one, or for another text. */
static void print_text(const char *text, char separator)
{
    static const char *const empty[] = {"NA",   "N/A",  "NaN", "nan",
                                        "null", "NULL", "?"};
    size_t n = strlen(text);
    bool needs_quotes = n == 0 || strchr(text, separator) ||
                        strpbrk(text, "\"\r\n") || strchr(" \t", text[0]) ||
                        strchr(" \t", text[n - 1]);
    for (size_t i = 0; i < sizeof empty / sizeof *empty; i++) {
        needs_quotes = needs_quotes || strcmp(text, empty[i]) == 0;
    }
    if (!needs_quotes) {
        (void)fputs(text, stdout);
        return;
    }
    (void)putchar('"');
    for (; *text; text++) {
        if (*text == '"') {
            (void)putchar('"');
        }
        (void)putchar(*text);
    }
    (void)putchar('"');
}

/* Prints an output. What is not finite is null in JSON. */
static void print_real(double x, mlp_dtype precision, bool is_json)
{
    char text[TOOL_NUMBER_SIZE];
    (void)fputs(is_json && !isfinite(x)
                    ? "null"
                    : mlpi_tool_decimals(x, precision, text),
                stdout);
}

/* Returns the probability of class k in row i. A single output is that of class
 * 1. */
static double probability(const answers *a, size_t i, size_t k)
{
    if (a->A.cols > 1) {
        return mlp_cview_at(a->A, i, k);
    }
    double p = mlp_cview_at(a->A, i, 0);
    return k == 1 ? p : 1 - p;
}

/* Prints new column j of row i. A row whose outputs are no numbers has no
 * class. */
static void print_answer(const answers *a, size_t i, size_t j, bool is_json)
{
    char room[24];
    if (!a->classes || j > 0) {
        double x =
            a->classes ? probability(a, i, j - 1) : mlp_cview_at(a->A, i, j);
        print_real(x, a->A.dtype, is_json);
        return;
    }
    double label = mlp_cview_at(a->labels, i, 0);
    const char *name =
        label >= 0 ? mlpi_tool_class(a->model, (size_t)label, room) : NULL;
    if (is_json) {
        mlpi_tool_json_text(name);
    } else if (name) {
        print_text(name, a->separator);
    }
}

/* ---------------------------------------------------------------------------
 * Rows
 */

static void print_json(const answers *a)
{
    for (size_t i = 0; i < a->A.rows; i++) {
        for (size_t j = 0; j < a->n; j++) {
            (void)fputs(j == 0 ? "{" : ", ", stdout);
            mlpi_tool_json_text(a->names[j]);
            (void)fputs(": ", stdout);
            print_answer(a, i, j, true);
        }
        (void)fputs("}\n", stdout);
    }
}

/* Prints a record of the table, or its names if a CSV file has no line of them.
 * Returns whether anything was printed. */
static bool print_record(const answers *a, size_t row)
{
    size_t size = 0;
    const char *text = mlp_data_record(a->data, row, &size);
    if (text) {
        (void)fwrite(text, 1, size, stdout);
        return true;
    }
    bool is_csv = mlp_data_record(a->data, 0, &size) != NULL;
    for (size_t j = 0; is_csv && j < mlp_data_cols(a->data); j++) {
        if (j > 0) {
            (void)putchar(a->separator);
        }
        print_text(mlp_data_name(a->data, j), a->separator);
    }
    return is_csv;
}

static void print_csv(const answers *a)
{
    bool has_record = print_record(a, MLP_DATA_NAMES);
    for (size_t j = 0; j < a->n; j++) {
        if (j > 0 || has_record) {
            (void)putchar(a->separator);
        }
        print_text(a->names[j], a->separator);
    }
    (void)fputs(a->line_end, stdout);
    for (size_t i = 0; i < a->A.rows; i++) {
        has_record = has_record && print_record(a, i);
        for (size_t j = 0; j < a->n; j++) {
            if (j > 0 || has_record) {
                (void)putchar(a->separator);
            }
            print_answer(a, i, j, false);
        }
        (void)fputs(a->line_end, stdout);
    }
}

/* Returns the line end of the table. It stands behind a record that is not the
 * last of the kept text. */
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

/* Computes the outputs, and the labels if there are classes. */
static bool compute(const tool_model *model, const tool_rows *rows,
                    size_t classes, mlp_view labels)
{
    mlp_cview X = mlp_view_const(rows->X);
    return mlp_predict(model->net, X, rows->A) == MLP_OK &&
           (classes == 0 || mlp_classify(model->net, X, 0.5, labels) == MLP_OK);
}

/* Names the new columns and prints everything. */
static int print_all(answers *a, bool is_json)
{
    int status = TOOL_DONE;
    a->names = calloc(a->n, sizeof *a->names);
    for (size_t j = 0; status == TOOL_DONE && j < a->n; j++) {
        char *name = a->names ? free_name(a->data, plain_name(a, j)) : NULL;
        if (!name) {
            mlpi_tool_complain("no memory for %zu columns", a->n);
            status = TOOL_FAILED;
        } else {
            a->names[j] = name;
        }
    }
    if (status == TOOL_DONE) {
        (is_json ? print_json : print_csv)(a);
    }
    for (size_t j = 0; a->names && j < a->n; j++) {
        free(a->names[j]);
    }
    free(a->names);
    return status;
}

static int answer(const tool_model *model, const tool_rows *rows, bool is_json)
{
    size_t m = rows->X.rows;
    size_t classes = mlpi_tool_classes(model);
    int32_t *numbers = calloc(m + 1, sizeof *numbers);
    mlp_view labels = mlp_view_i32(numbers, m, 1);
    int status = TOOL_FAILED;
    if (!numbers) {
        mlpi_tool_complain("no memory for the classes of %zu rows", m);
    } else if (compute(model, rows, classes, labels)) {
        char separator = mlp_data_separator(rows->data);
        answers a = {.model = model,
                     .data = rows->data,
                     .A = mlp_view_const(rows->A),
                     .labels = mlp_view_const(labels),
                     .classes = classes,
                     .n = classes ? 1 + classes : rows->A.cols,
                     .separator = separator ? separator : ',',
                     .line_end = line_end_of(rows->data)};
        status = print_all(&a, is_json);
    }
    free(numbers);
    return status;
}

int mlpi_tool_predict(const tool_options *options)
{
    tool_model model = {.path = NULL};
    tool_rows rows = {.data = NULL};
    int status = mlpi_tool_open(options->operands[0], &model);
    if (status == TOOL_DONE) {
        status = mlpi_tool_load(&model, options->operands[1], NULL, ROWS_TEXT,
                                &rows);
    }
    if (status == TOOL_DONE) {
        status = answer(&model, &rows, options->json);
    }
    mlpi_tool_unload(&rows);
    mlpi_tool_close(&model);
    return status;
}
