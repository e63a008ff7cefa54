/* SPDX-License-Identifier: MIT */
/*
 * Scores of predicted classes, by scikit-learn's definitions. Of the m rows,
 * C[i][j] counts those of class i that were predicted as class j.
 *
 *     confusion_matrix  C
 *     precision_score   C[c][c] / sum over i of C[i][c]
 *     recall_score      C[c][c] / sum over j of C[c][j]
 *     f1_score          2 C[c][c] / (both sums), the harmonic mean of the two
 *     accuracy_score    sum over c of C[c][c] / m
 *
 * Rows of C are the true classes, columns the predicted ones, as in
 * scikit-learn. For the class 1 of three:
 *
 *                  predicted
 *                  0     1     2
 *     true   0     .     c     .      precision = C[1][1] / (sum of column 1)
 *            1     r   C[1][1] r      recall    = C[1][1] / (sum of row 1)
 *            2     .     c     .      support   = sum of row 1
 *
 * Counts are integers, so only the last division rounds.
 */
#include "predict/metric_checks.h"

/* Checks that a confusion matrix is square, with a class at least. `expected`
 * is set to what the check of the view needs, which checks the type as well. */
static mlp_status check_square(const mlp_hooks *hooks, mlp_cview counts,
                               mlpi_expected *expected)
{
    *expected = (mlpi_expected){.name = "counts",
                                .dtype = MLP_I32,
                                .rows = counts.cols,
                                .cols = counts.cols};
    if (counts.dtype == MLP_I32 &&
        (counts.rows != counts.cols || counts.rows == 0)) {
        return mlpi_error(hooks, MLP_ERR_SHAPE,
                          "counts: expects a row and a column for each class, "
                          "got %zu row%s and %zu column%s",
                          counts.rows, mlpi_plural(counts.rows), counts.cols,
                          mlpi_plural(counts.cols));
    }
    return MLP_OK;
}

/* Returns the address of element (i, j), in any strides. */
static int32_t *count_at(mlp_view counts, size_t i, size_t j)
{
    return (int32_t *)counts.data + i * counts.row_stride +
           j * counts.col_stride;
}

/* All labels are checked before the first count is written, so that an error
 * leaves the matrix untouched. */
mlp_status mlp_confusion(mlp_cview labels, mlp_cview predicted,
                         const mlp_hooks *hooks, mlp_view counts)
{
    mlp_hooks used;
    mlpi_expected expected;
    TRY(mlpi_metric_hooks(hooks, &used));
    TRY(check_square(&used, mlp_view_const(counts), &expected));
    TRY(mlpi_check_writable(&used, &counts, &expected));
    size_t k = counts.rows;
    /* With more rows an element might overflow. */
    TRY(mlpi_metric_check_column(&used, "labels", labels, MLPI_ANY_ROWS,
                                 INT32_MAX));
    TRY(mlpi_metric_check_column(&used, "predicted", predicted, labels.rows,
                                 INT32_MAX));
    TRY(mlpi_metric_check_labels(&used, "labels", labels, k));
    TRY(mlpi_metric_check_labels(&used, "predicted", predicted, k));
    for (size_t i = 0; i < k; i++) {
        for (size_t j = 0; j < k; j++) {
            *count_at(counts, i, j) = 0;
        }
    }
    for (size_t i = 0; i < labels.rows; i++) {
        ++*count_at(counts, mlpi_label_of(labels, i),
                    mlpi_label_of(predicted, i));
    }
    return MLP_OK;
}

/* Returns part / whole, or 0 if both are 0: scikit-learn's zero_division=0. */
static double ratio(double part, double whole)
{
    return whole > 0.0 ? part / whole : 0.0;
}

/* Returns the scores of class c, from its row and column of the matrix. Counts
 * are int32, so a double holds the sum of up to 2^22 of them exactly. */
static mlp_class_scores scores_of(mlp_cview counts, size_t c)
{
    double correct = mlp_cview_at(counts, c, c);
    double rows = 0.0;
    double predicted = 0.0;
    for (size_t i = 0; i < counts.rows; i++) {
        rows += mlp_cview_at(counts, c, i);
        predicted += mlp_cview_at(counts, i, c);
    }
    return (mlp_class_scores){.precision = ratio(correct, predicted),
                              .recall = ratio(correct, rows),
                              .f1 = ratio(2.0 * correct, rows + predicted),
                              .support = (size_t)rows};
}

/* Computes the sum of the diagonal and the sum of all counts. MLP_ERR_ARGUMENT:
 * a count is negative, or all are 0. */
static mlp_status sum_counts(const mlp_hooks *hooks, mlp_cview counts,
                             double *correct, double *rows)
{
    for (size_t i = 0; i < counts.rows; i++) {
        for (size_t j = 0; j < counts.cols; j++) {
            double count = mlp_cview_at(counts, i, j);
            if (count < 0.0) {
                return mlpi_error(hooks, MLP_ERR_ARGUMENT,
                                  "counts: expects 0 or more, got %.0f in row "
                                  "%zu, column %zu",
                                  count, i, j);
            }
            *rows += count;
            *correct += i == j ? count : 0.0;
        }
    }
    if (*rows == 0.0) {
        return mlpi_error(hooks, MLP_ERR_ARGUMENT,
                          "counts: expects a count above 0, got only zeros "
                          "(mlp_confusion fills the matrix)");
    }
    return MLP_OK;
}

/* The macro average is the plain mean over classes, in which a rare class
 * counts as much as a frequent one. */
mlp_status mlp_score_classes(mlp_cview counts, const mlp_hooks *hooks,
                             mlp_class_scores *each, mlp_class_scores *macro,
                             double *accuracy)
{
    mlp_hooks used;
    mlpi_expected expected;
    TRY(mlpi_metric_hooks(hooks, &used));
    TRY(check_square(&used, counts, &expected));
    TRY(mlpi_check_view(&used, &counts, &expected));
    double correct = 0.0;
    double rows = 0.0;
    TRY(sum_counts(&used, counts, &correct, &rows));
    /* The averages need all classes, so they are summed up on the way. */
    mlpi_sum precision = {.count = 0};
    mlpi_sum recall = {.count = 0};
    mlpi_sum f1 = {.count = 0};
    for (size_t c = 0; c < counts.rows; c++) {
        mlp_class_scores scores = scores_of(counts, c);
        mlpi_sum_add(&precision, scores.precision);
        mlpi_sum_add(&recall, scores.recall);
        mlpi_sum_add(&f1, scores.f1);
        if (each) {
            each[c] = scores;
        }
    }
    if (macro) {
        *macro = (mlp_class_scores){mlpi_sum_mean(&precision),
                                    mlpi_sum_mean(&recall), mlpi_sum_mean(&f1),
                                    (size_t)rows};
    }
    if (accuracy) {
        *accuracy = correct / rows;
    }
    return MLP_OK;
}
