/* SPDX-License-Identifier: MIT */
/*
 * mlp test: scores on rows whose targets are known. For classes there are also
 * the confusion matrix and the scores of each class.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mlp_show.h"
#include "tool/model.h"
#include "tool/scoring.h"
#include "tool/talk.h"

/* What is known about the rows. */
typedef struct result {
    const tool_model *model;
    const tool_rows *rows;
    tool_scores scores;
    size_t classes;     /* 0: the targets are numbers */
    mlp_view counts;    /* the confusion matrix (k, k), if there are classes */
    const char **names; /* of the classes */
    char (*rooms)[24];  /* for names that are numbers */
    mlp_class_scores *each;
} result;

/* ---------------------------------------------------------------------------
 * Computing
 */

/* Counts the classes, whose labels are put into `labels`. */
static mlp_status count_classes(result *r, mlp_view labels)
{
    mlp_hooks hooks = mlp_hooks_stderr();
    mlp_status status =
        mlp_classify(r->model->net, mlp_view_const(r->rows->X), 0.5, labels);
    if (status == MLP_OK) {
        status = mlp_confusion(mlp_view_const(r->rows->Y),
                               mlp_view_const(labels), &hooks, r->counts);
    }
    if (status == MLP_OK) {
        status = mlp_score_classes(mlp_view_const(r->counts), &hooks, r->each,
                                   NULL, NULL);
    }
    return status;
}

/* Allocates what classes need, which free_result frees, and counts. */
static mlp_status take_classes(result *r)
{
    size_t k = r->classes;
    size_t m = r->rows->X.rows;
    int32_t *labels = malloc(m * sizeof *labels);
    r->counts = mlp_view_i32(calloc(k * k, sizeof(int32_t)), k, k);
    r->names = malloc(k * sizeof *r->names);
    r->rooms = malloc(k * sizeof *r->rooms);
    r->each = malloc(k * sizeof *r->each);
    mlp_status status = MLP_ERR_MEMORY;
    if (labels && r->counts.data && r->names && r->rooms && r->each) {
        for (size_t i = 0; i < k; i++) {
            r->names[i] = mlpi_tool_class(r->model, i, r->rooms[i]);
        }
        status = count_classes(r, mlp_view_i32(labels, m, 1));
    }
    free(labels);
    return status;
}

static void free_result(result *r)
{
    free(r->counts.data);
    free((void *)r->names);
    free(r->rooms);
    free(r->each);
}

/* ---------------------------------------------------------------------------
 * Telling
 */

/* Prints an object of names and scores for each class, and the matrix. */
static void print_classes(const result *r)
{
    for (size_t i = 0; i < r->classes; i++) {
        const mlp_class_scores *scores = &r->each[i];
        (void)fputs(i > 0 ? ", {\"name\": " : ", \"classes\": [{\"name\": ",
                    stdout);
        mlpi_tool_json_text(r->names[i]);
        mlpi_tool_json_number(", rows", (double)scores->support);
        mlpi_tool_json_number(", precision", scores->precision);
        mlpi_tool_json_number(", recall", scores->recall);
        mlpi_tool_json_number(", f1", scores->f1);
        (void)putchar('}');
    }
    (void)fputs("], \"confusion\": [", stdout);
    for (size_t i = 0; i < r->classes; i++) {
        for (size_t j = 0; j < r->classes; j++) {
            printf("%s%.0f",
                   j > 0   ? ", "
                   : i > 0 ? "], ["
                           : "[",
                   mlp_cview_at(mlp_view_const(r->counts), i, j));
        }
    }
    (void)fputs("]]", stdout);
}

static void print_json(const result *r)
{
    (void)putchar('{');
    mlpi_tool_print_scores(&r->scores);
    if (r->classes > 0) {
        print_classes(r);
    }
    (void)fputs("}\n", stdout);
}

/* Draws predictions over targets, with the line on which both are equal. */
static mlp_status draw_numbers(const result *r, const mlp_axes *axes,
                               mlp_picture *picture)
{
    size_t m = r->rows->Y.rows;
    double ends[2] = {0, 0};
    double *x = malloc(2 * m * sizeof *x);
    if (!x) {
        return MLP_ERR_MEMORY;
    }
    mlp_status status =
        mlp_predict(r->model->net, mlp_view_const(r->rows->X), r->rows->A);
    for (size_t i = 0; i < m; i++) {
        x[i] = mlp_cview_at(mlp_view_const(r->rows->Y), i, 0);
        x[m + i] = mlp_cview_at(mlp_view_const(r->rows->A), i, 0);
        ends[0] = i == 0 || x[i] < ends[0] ? x[i] : ends[0];
        ends[1] = i == 0 || x[i] > ends[1] ? x[i] : ends[1];
    }
    const mlp_curve curves[] = {{"rows", x, x + m, m, true},
                                {"predicted = true", ends, ends, 2, false}};
    if (status == MLP_OK) {
        status = mlp_picture_curves(picture, axes, curves, 2);
    }
    free(x);
    return status;
}

/* Draws into the file, or for "-" onto the standard output. */
static mlp_status draw(const result *r, const char *path)
{
    mlp_picture_options options = mlp_picture_defaults();
    mlp_picture *picture = NULL;
    mlp_axes axes = {
        .title = mlpi_tool_target(r->model), .x = "true", .y = "predicted"};
    options.hooks = mlp_hooks_stderr();
    mlp_status status = mlp_picture_create(&options, &picture);
    if (status == MLP_OK) {
        status = r->classes > 0
                     ? mlp_picture_confusion(
                           picture, &axes, mlp_view_const(r->counts), r->names)
                     : draw_numbers(r, &axes, picture);
    }
    if (status == MLP_OK) {
        status = mlp_picture_write(picture, strcmp(path, "-") ? path : NULL);
    }
    mlp_picture_free(picture);
    return status;
}

/* Prints everything as text. */
static mlp_status print_text(const result *r)
{
    mlp_cview counts = mlp_view_const(r->counts);
    if (r->classes == 0) {
        return MLP_OK;
    }
    mlp_status status = mlp_show_confusion(counts, r->names, stdout);
    (void)putchar('\n');
    return status == MLP_OK ? mlp_show_class_scores(counts, r->names, stdout)
                            : status;
}

/* Scores the rows and tells what is wanted. */
static int tell(result *r, const tool_options *options)
{
    mlp_cview X = mlp_view_const(r->rows->X);
    mlp_cview Y = mlp_view_const(r->rows->Y);
    if (X.rows == 0) {
        mlpi_tool_complain("%s: expects rows, got none", options->operands[1]);
        return TOOL_FAILED;
    }
    mlp_status status = r->classes ? take_classes(r) : MLP_OK;
    if (status == MLP_OK) {
        status = mlpi_tool_score(r->model->net, X, Y, &r->scores);
    }
    if (status == MLP_OK && options->json) {
        print_json(r);
    } else if (status == MLP_OK) {
        mlpi_tool_say_scores(options->operands[1], r->model->net, &r->scores);
        status = print_text(r);
    }
    if (status == MLP_OK && options->plot) {
        status = draw(r, options->plot);
    }
    /* Each call has told its failure, except that there is no memory. */
    if (status == MLP_ERR_MEMORY) {
        mlpi_tool_complain("no memory for the scores of %zu rows", X.rows);
    }
    return status == MLP_OK ? TOOL_DONE : TOOL_FAILED;
}

int mlpi_tool_test(const tool_options *options)
{
    tool_model model = {.path = NULL};
    tool_rows rows = {.data = NULL};
    int status = mlpi_tool_open(options->operands[0], &model);
    if (status == TOOL_DONE) {
        status = mlpi_tool_load(&model, options->operands[1],
                                options->operands[2], ROWS_TARGETS, &rows);
    }
    if (status == TOOL_DONE) {
        result r = {.model = &model,
                    .rows = &rows,
                    .classes = mlpi_tool_classes(&model)};
        status = tell(&r, options);
        free_result(&r);
    }
    mlpi_tool_unload(&rows);
    mlpi_tool_close(&model);
    return status;
}
