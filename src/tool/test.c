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
#include "tool/table.h"
#include "tool/talk.h"

/* Prints the members of JSON that only classes have: names and scores of each,
 * and the matrix. */
static int print_classes(const tool_model *model, mlp_cview counts)
{
    size_t k = model->classes;
    mlp_hooks hooks = mlp_hooks_stderr();
    mlp_class_scores *each = mlpi_tool_memory(k, sizeof *each);
    if (!each ||
        mlp_score_classes(counts, &hooks, each, NULL, NULL) != MLP_OK) {
        free(each);
        return TOOL_FAILED;
    }
    for (size_t i = 0; i < k; i++) {
        (void)fputs(i > 0 ? ", {\"name\": " : ", \"classes\": [{\"name\": ",
                    stdout);
        mlpi_tool_json_text(model->names[i]);
        mlpi_tool_json_number(", rows", (double)each[i].support);
        mlpi_tool_json_number(", precision", each[i].precision);
        mlpi_tool_json_number(", recall", each[i].recall);
        mlpi_tool_json_number(", f1", each[i].f1);
        (void)putchar('}');
    }
    (void)fputs("], \"confusion\": [", stdout);
    for (size_t i = 0; i < k * k; i++) {
        (void)fputs(i % k > 0 ? ", " : i > 0 ? "], [" : "[", stdout);
        printf("%.0f", mlp_cview_at(counts, i / k, i % k));
    }
    (void)fputs("]]", stdout);
    free(each);
    return TOOL_DONE;
}

/* Draws predictions over targets, with the line on which both are equal. Points
 * that leave the line all at one end show what a single score hides. */
static mlp_status draw_numbers(const tool_model *model, const tool_rows *rows,
                               const mlp_axes *axes, mlp_picture *picture)
{
    size_t m = rows->Y.rows;
    double ends[2] = {INFINITY, -INFINITY};
    double *x = mlpi_tool_memory(2 * m, sizeof *x);
    mlp_status status =
        x ? mlp_predict(model->net, mlp_view_const(rows->X), rows->A)
          : MLP_ERR_MEMORY;
    for (size_t i = 0; x && i < m; i++) {
        x[i] = mlp_cview_at(mlp_view_const(rows->Y), i, 0);
        x[m + i] = mlp_cview_at(mlp_view_const(rows->A), i, 0);
        ends[0] = fmin(ends[0], x[i]);
        ends[1] = fmax(ends[1], x[i]);
    }
    if (status == MLP_OK) {
        const mlp_curve curves[] = {
            {"rows", x, x + m, m, true},
            {"predicted as it is", ends, ends, 2, false}};
        status = mlp_picture_curves(picture, axes, curves, 2);
    }
    free(x);
    return status;
}

/* Draws the confusion matrix, or for numbers the points. */
static mlp_status draw(const tool_model *model, const tool_rows *rows,
                       mlp_cview counts, const char *path)
{
    bool has_classes = model->classes > 0;
    mlp_axes axes = {.title = model->target,
                     .x = has_classes ? "predicted" : "true",
                     .y = has_classes ? "true" : "predicted"};
    mlp_picture *picture = mlpi_tool_picture();
    mlp_status status =
        has_classes
            ? mlp_picture_confusion(picture, &axes, counts, model->names)
            : draw_numbers(model, rows, &axes, picture);
    return mlpi_tool_draw(picture, status, path);
}

/* Prints scores, and what classes have beside them, as text or as JSON. The
 * main function tells if the standard output cannot be written, so here that is
 * no failure. */
static int print(const tool_model *model, mlp_cview counts,
                 const tool_scores *scores, const tool_options *options)
{
    char text[160];
    int status = TOOL_DONE;
    if (options->json) {
        (void)putchar('{');
        mlpi_tool_print_scores(scores);
        status = model->classes > 0 ? print_classes(model, counts) : TOOL_DONE;
        (void)fputs("}\n", stdout);
        return status;
    }
    mlpi_tool_write_scores(model->net, scores, text, sizeof text);
    printf("%s: %zu rows: %s\n", options->operands[1], scores->rows, text);
    if (model->classes > 0) {
        (void)putchar('\n');
        (void)!mlp_show_confusion(counts, model->names, stdout);
        (void)putchar('\n');
        (void)!mlp_show_class_scores(counts, model->names, stdout);
    }
    return TOOL_DONE;
}

/* Counts in `counts` (k, k) how often rows of each class are predicted as each
 * class, scores the rows, and tells what is wanted. */
static int score(const tool_model *model, const tool_rows *rows,
                 const tool_options *options, mlp_view counts)
{
    mlp_hooks hooks = mlp_hooks_stderr();
    mlp_cview X = mlp_view_const(rows->X);
    mlp_cview Y = mlp_view_const(rows->Y);
    tool_scores scores = {.rows = 0};
    if (model->classes > 0) {
        TRY_MLP(mlp_classify(model->net, X, 0.5, rows->labels));
        TRY_MLP(mlp_confusion(Y, mlp_view_const(rows->labels), &hooks, counts));
    }
    TRY_MLP(mlpi_tool_score(model->net, X, Y, &scores));
    TRY(print(model, mlp_view_const(counts), &scores, options));
    if (options->plot) {
        TRY_MLP(draw(model, rows, mlp_view_const(counts), options->plot));
    }
    return TOOL_DONE;
}

/* Checks that there are targets, and scores. A table without them is a question
 * that has no answer, and one without rows has no score. */
static int test(const tool_model *model, const tool_rows *rows,
                const tool_options *options)
{
    const char *path = options->operands[1];
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
    mlp_view counts = mlpi_tool_view(MLP_I32, model->classes, model->classes);
    int status =
        counts.data ? score(model, rows, options, counts) : TOOL_FAILED;
    free(counts.data);
    return status;
}

static int run_test(const tool_options *options)
{
    return mlpi_tool_use(options, options->operands[1], TOOL_TARGETS, test);
}

const tool_verb mlpi_tool_test = {"test",
                                  TOOL_TEST,
                                  2,
                                  3,
                                  run_test,
                                  "MODEL TABLE [LABELS]",
                                  "score the model on another table"};
