/* SPDX-License-Identifier: MIT */
/*
 * mlp test: scores on rows whose targets are known. The first line is what
 * train prints of the rows that it has held out. For classes there follow the
 * confusion matrix and the scores of each class, as mlp_show writes them:
 *
 *     more.csv: 150 rows: accuracy 0.987, log loss 0.045  (always ...)
 *
 *     true \ predicted      setosa  versicolor   virginica
 *     setosa                    50           .           .
 *     ...
 *     class          precision  recall     f1       rows
 *     setosa             1.000   1.000  1.000         50
 *     ...
 *
 * JSON has the same facts in one line: the members of mlpi_tool_print_scores,
 * and for classes two members more:
 *
 *     "classes": [{"name": "setosa", "rows": 50, "precision": 1, ...}, ...],
 *     "confusion": [[50, 0, 0], ...]
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tool/model.h"
#include "tool/scoring.h"
#include "tool/talk.h"

/* Counts in `counts` (k, k) how often rows of each class are predicted as each
 * class. A count beside the diagonal is an error of the network. */
static mlp_status count_classes(const tool_model *model, const tool_rows *rows,
                                mlp_view counts)
{
    mlp_hooks hooks = mlp_hooks_stderr();
    size_t m = rows->X.rows;
    int32_t *memory = malloc(m * sizeof *memory);
    if (!memory || !counts.data) {
        free(memory);
        return MLP_ERR_MEMORY;
    }
    mlp_view labels = mlp_view_i32(memory, m, 1);
    mlp_status status =
        mlp_classify(model->net, mlp_view_const(rows->X), 0.5, labels);
    if (status == MLP_OK) {
        status = mlp_confusion(mlp_view_const(rows->Y), mlp_view_const(labels),
                               &hooks, counts);
    }
    free(memory);
    return status;
}

/* Prints the members of JSON that only classes have: names and scores of each,
 * and the matrix. */
static mlp_status print_classes(const tool_model *model, mlp_cview counts)
{
    size_t k = model->classes;
    mlp_hooks hooks = mlp_hooks_stderr();
    mlp_class_scores *each = malloc(k * sizeof *each);
    mlp_status status = each ? MLP_OK : MLP_ERR_MEMORY;
    if (status == MLP_OK) {
        status = mlp_score_classes(counts, &hooks, each, NULL, NULL);
    }
    for (size_t i = 0; status == MLP_OK && i < k; i++) {
        (void)fputs(i > 0 ? ", {\"name\": " : ", \"classes\": [{\"name\": ",
                    stdout);
        mlpi_tool_json_text(model->names[i]);
        mlpi_tool_json_number(", rows", (double)each[i].support);
        mlpi_tool_json_number(", precision", each[i].precision);
        mlpi_tool_json_number(", recall", each[i].recall);
        mlpi_tool_json_number(", f1", each[i].f1);
        (void)putchar('}');
    }
    (void)fputs(status == MLP_OK ? "], \"confusion\": [" : "", stdout);
    for (size_t i = 0; status == MLP_OK && i < k * k; i++) {
        printf("%s%.0f",
               i % k > 0 ? ", "
               : i > 0   ? "], ["
                         : "[",
               mlp_cview_at(counts, i / k, i % k));
    }
    (void)fputs(status == MLP_OK ? "]]" : "", stdout);
    free(each);
    return status;
}

/* Draws predictions over targets, with the line on which both are equal. */
static mlp_status draw_numbers(const tool_model *model, const tool_rows *rows,
                               const mlp_axes *axes, mlp_picture *picture)
{
    size_t m = rows->Y.rows;
    double ends[2] = {INFINITY, -INFINITY};
    double *x = malloc(2 * m * sizeof *x);
    if (!x) {
        return MLP_ERR_MEMORY;
    }
    mlp_status status =
        mlp_predict(model->net, mlp_view_const(rows->X), rows->A);
    for (size_t i = 0; i < m; i++) {
        x[i] = mlp_cview_at(mlp_view_const(rows->Y), i, 0);
        x[m + i] = mlp_cview_at(mlp_view_const(rows->A), i, 0);
        ends[0] = fmin(ends[0], x[i]);
        ends[1] = fmax(ends[1], x[i]);
    }
    const mlp_curve curves[] = {{"rows", x, x + m, m, true},
                                {"predicted as it is", ends, ends, 2, false}};
    if (status == MLP_OK) {
        status = mlp_picture_curves(picture, axes, curves, 2);
    }
    free(x);
    return status;
}

/* Draws the confusion matrix, or for numbers the points. */
static mlp_status draw(const tool_model *model, const tool_rows *rows,
                       mlp_cview counts, const char *path)
{
    mlp_axes axes = {.title = model->target, .x = "true", .y = "predicted"};
    mlp_picture *picture = mlpi_tool_picture();
    mlp_status status =
        model->classes > 0
            ? mlp_picture_confusion(picture, &axes, counts, model->names)
            : draw_numbers(model, rows, &axes, picture);
    return mlpi_tool_draw(picture, status, path);
}

/* Prints scores, and what classes have beside them, as text or as JSON. The
 * main function tells if the standard output cannot be written. */
static mlp_status print(const tool_model *model, mlp_cview counts,
                        const tool_scores *scores, const tool_options *options)
{
    char text[160];
    mlp_status status = MLP_OK;
    if (options->json) {
        (void)putchar('{');
        mlpi_tool_print_scores(scores);
        status = model->classes > 0 ? print_classes(model, counts) : MLP_OK;
        (void)fputs("}\n", stdout);
        return status;
    }
    mlpi_tool_write_scores(model->net, scores, text, sizeof text);
    printf("%s: %zu rows: %s\n", options->operands[1], scores->rows, text);
    if (model->classes > 0) {
        (void)putchar('\n');
        status = mlp_show_confusion(counts, model->names, stdout);
        (void)putchar('\n');
    }
    if (model->classes > 0 && status == MLP_OK) {
        status = mlp_show_class_scores(counts, model->names, stdout);
    }
    return status == MLP_ERR_IO ? MLP_OK : status;
}

/* Scores the rows and tells what is wanted. Each call tells its failure, except
 * that there is no memory. */
static int score(const tool_model *model, const tool_rows *rows,
                 const tool_options *options)
{
    size_t k = model->classes;
    const char *path = options->operands[1];
    tool_scores scores = {.rows = 0};
    if (!rows->Y.data) {
        mlpi_tool_complain("%s: no column \"%s\", which holds what %s shall "
                           "answer",
                           path, model->target, model->path);
        return TOOL_MISUSED;
    }
    if (rows->Y.rows == 0) {
        mlpi_tool_complain("%s: expects rows to score, got none", path);
        return TOOL_FAILED;
    }
    mlp_view counts =
        mlp_view_i32(k > 0 ? calloc(k * k, sizeof(int32_t)) : NULL, k, k);
    mlp_status status = k > 0 ? count_classes(model, rows, counts) : MLP_OK;
    if (status == MLP_OK) {
        status = mlpi_tool_score(model->net, mlp_view_const(rows->X),
                                 mlp_view_const(rows->Y), &scores);
    }
    if (status == MLP_OK) {
        status = print(model, mlp_view_const(counts), &scores, options);
    }
    if (status == MLP_OK && options->plot) {
        status = draw(model, rows, mlp_view_const(counts), options->plot);
    }
    free(counts.data);
    if (status == MLP_ERR_MEMORY) {
        mlpi_tool_complain("no memory for the scores");
    }
    return status == MLP_OK ? TOOL_DONE : TOOL_FAILED;
}

static int run_test(const tool_options *options)
{
    return mlpi_tool_use(options, options->operands[1], TOOL_TARGETS, score);
}

const tool_verb mlpi_tool_test = {"test",
                                  TOOL_TEST,
                                  2,
                                  3,
                                  run_test,
                                  "MODEL TABLE [LABELS]",
                                  "score the model on another table"};
