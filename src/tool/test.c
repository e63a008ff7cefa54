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
#include <stdlib.h>

#include "tool/options.h"
#include "tool/scoring.h"

/* What is known when all rows are scored. */
typedef struct report {
    const tool_model *model;
    mlp_cview Y, A;
    mlp_cview counts; /* (k, k): how often rows of each class are predicted as
                         each class; empty for numbers */
    tool_scores scores;
} report;

/* Prints the members of JSON that only classes have: names and scores of each,
 * and the matrix. */
static void print_classes(const report *r)
{
    size_t k = r->model->classes;
    mlp_hooks hooks = mlp_hooks_stderr();
    mlp_class_scores *each = mlpi_tool_memory(k, sizeof *each);
    mlpi_tool_check(mlp_score_classes(r->counts, &hooks, each, NULL, NULL));
    mlpi_tool_json(", 'classes': [");
    for (size_t i = 0; i < k; i++) {
        (void)fputs(i > 0 ? ", " : "", stdout);
        mlpi_tool_json("{'name': %s, 'rows': %zu, 'precision': %g, "
                       "'recall': %g, 'f1': %g}",
                       r->model->names[i], each[i].support, each[i].precision,
                       each[i].recall, each[i].f1);
    }
    mlpi_tool_json("], 'confusion': [");
    for (size_t i = 0; i < k * k; i++) {
        (void)fputs(i % k > 0 ? ", " : i > 0 ? "], [" : "[", stdout);
        printf("%.0f", mlp_cview_at(r->counts, i / k, i % k));
    }
    (void)fputs("]]", stdout);
    free(each);
}

/* Adds a panel of predictions over targets, with the line on which both are
 * equal. Points that leave the line all at one end show what a single score
 * hides. */
static void draw_numbers(const report *r, const mlp_axes *axes,
                         mlp_picture *picture)
{
    size_t m = r->Y.rows;
    double ends[2] = {INFINITY, -INFINITY};
    double *x = mlpi_tool_memory(2 * m, sizeof *x);
    for (size_t i = 0; i < m; i++) {
        x[i] = mlp_cview_at(r->Y, i, 0);
        x[m + i] = mlp_cview_at(r->A, i, 0);
        ends[0] = fmin(ends[0], x[i]);
        ends[1] = fmax(ends[1], x[i]);
    }
    const mlp_curve curves[] = {
        {.name = "rows", .x = x, .y = x + m, .n = m, .points = true},
        {.name = "predicted as it is", .x = ends, .y = ends, .n = 2}};
    mlpi_tool_check(mlp_picture_curves(picture, axes, curves, 2));
    free(x);
}

/* Draws the confusion matrix, or for numbers the points. */
static void draw(const report *r, const char *path)
{
    bool has_classes = r->model->classes > 0;
    mlp_axes axes = {.title = r->model->target,
                     .x = has_classes ? "predicted" : "true",
                     .y = has_classes ? "true" : "predicted"};
    mlp_picture *picture = mlpi_tool_picture();
    if (has_classes) {
        mlpi_tool_check(
            mlp_picture_confusion(picture, &axes, r->counts, r->model->names));
    } else {
        draw_numbers(r, &axes, picture);
    }
    mlpi_tool_draw(picture, path);
}

/* Tables have no log, so the program itself tells that one is missing. The main
 * function tells if the standard output cannot be written. */
static void check_shown(mlp_status status)
{
    if (status != MLP_OK && status != MLP_ERR_IO) {
        TOOL_FAIL("the scores cannot be shown: %s", mlp_status_text(status));
    }
}

/* Prints scores, and what classes have beside them, as text or as JSON. The
 * main function tells if the standard output cannot be written, so here that is
 * no failure. */
static void print(const report *r, const char *path, bool is_json)
{
    char text[TOOL_SCORES_SIZE];
    bool has_classes = r->model->classes > 0;
    if (is_json) {
        (void)putchar('{');
        mlpi_tool_print_scores(r->model->net, &r->scores);
        if (has_classes) {
            print_classes(r);
        }
        (void)fputs("}\n", stdout);
        return;
    }
    mlpi_tool_write_scores(r->model->net, &r->scores, text);
    printf("%s: %zu rows: %s\n", path, r->scores.rows, text);
    if (has_classes) {
        (void)putchar('\n');
        check_shown(mlp_show_confusion(r->counts, r->model->names, stdout));
        (void)putchar('\n');
        check_shown(mlp_show_class_scores(r->counts, r->model->names, stdout));
    }
}

/* Scores rows that have targets, and tells what is wanted. */
static void score(const tool_model *model, const tool_rows *rows,
                  const tool_options *options)
{
    mlp_hooks hooks = mlp_hooks_stderr();
    mlp_view counts = mlpi_tool_view(MLP_I32, model->classes, model->classes);
    tool_answers answers =
        mlpi_tool_answer(model->net, mlp_view_const(rows->X));
    report r = {.model = model,
                .Y = mlpi_tool_spread(model->net, rows->Y),
                .A = mlp_view_const(answers.A),
                .counts = mlp_view_const(counts)};
    r.scores = mlpi_tool_score(model->net, &answers, r.Y);
    if (model->classes > 0) {
        mlpi_tool_check(
            mlp_confusion(r.Y, mlp_view_const(answers.labels), &hooks, counts));
    }
    print(&r, options->operands[1], options->json);
    if (options->plot) {
        draw(&r, options->plot);
    }
    mlpi_tool_free_answers(&answers);
    free(counts.data);
}

/* Checks that there are targets, and scores. A table without them is a question
 * that has no answer, and one without rows has no score. */
static void test(const tool_options *options)
{
    const char *path = options->operands[1];
    tool_model model = mlpi_tool_open(options->operands[0]);
    tool_rows rows = mlpi_tool_read(&model, path, options->operands[2]);
    if (!rows.Y.data) {
        TOOL_REFUSE("%s: no column \"%s\", which holds what %s shall answer",
                    path, model.target, model.path);
    }
    if (rows.Y.rows == 0) {
        TOOL_FAIL("%s: expects rows to score, got none", path);
    }
    score(&model, &rows, options);
    mlpi_tool_free_rows(&rows);
    mlpi_tool_close(&model);
}

const tool_verb mlpi_tool_test = {
    "test", "MODEL TABLE|- [LABELS]", "score the model on another table", 2, 3,
    test};
