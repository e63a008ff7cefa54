/* SPDX-License-Identifier: MIT */
/*
 * Scores of predictions that are made already. They look at views alone, in
 * double, whatever the views hold; a sum is one of ops.h, in eight lanes.
 *
 * The area under the ROC curve is a share of pairs: of a row of class 1 and one
 * of class 0 the first has the higher score, or as high a one, which counts
 * half (Hanley and McNeil, "The Meaning and Use of the Area under a Receiver
 * Operating Characteristic (ROC) Curve", 1982). Pairs are counted in integers,
 * so only the last division rounds.
 */
#include "base/memory.h"
#include "kernels/kernels.h"
#include "base/error.h"
#include "base/view.h"

static const mlp_hooks no_hooks = {0}; /* there is no object that has some */

/* ---------------------------------------------------------------------------
 * Sums and checks
 */

typedef struct sum {
    double lanes[MLPI_LANES];
    size_t count;
} sum;

static void add(sum *s, double term)
{
    s->lanes[s->count++ % MLPI_LANES] += term;
}

static double total(const sum *s)
{
    return mlpi_join_lanes(s->lanes);
}

static double mean(const sum *s)
{
    return total(s) / (double)s->count;
}

static mlp_status check_shape(mlp_cview view, size_t rows, size_t cols)
{
    mlpi_expected expected = {.name = "an argument",
                              .dtype = view.dtype,
                              .rows = rows,
                              .cols = cols,
                              .min_rows = 1};
    return mlpi_check_view(&no_hooks, &view, &expected);
}

/* Finite numbers of either precision, one at least. */
static mlp_status check_reals(mlp_cview view, size_t rows, size_t cols)
{
    if (view.dtype != MLP_F32 && view.dtype != MLP_F64) {
        return MLP_ERR_DTYPE;
    }
    if (view.cols == 0) {
        return MLP_ERR_SHAPE;
    }
    TRY(check_shape(view, rows, cols));
    size_t row = 0;
    size_t col = 0;
    return mlpi_kernels_get(view.dtype, 0)->find_not_finite(view, &row, &col)
               ? MLP_ERR_NOT_FINITE
               : MLP_OK;
}

/* *label = the class of row i; false if it is none of k. */
static bool class_at(mlp_cview labels, size_t i, size_t k, size_t *label)
{
    double x = mlp_cview_at(labels, i, 0);
    if (!(x >= 0.0 && x < (double)k)) {
        return false;
    }
    *label = (size_t)x;
    return (double)*label == x;
}

/* The class of row i of checked labels. */
static size_t class_of(mlp_cview labels, size_t i)
{
    return (size_t)mlp_cview_at(labels, i, 0);
}

static mlp_status check_labels(mlp_cview labels, size_t rows, size_t k)
{
    if (!mlp_dtype_name(labels.dtype)) {
        return MLP_ERR_DTYPE;
    }
    TRY(check_shape(labels, rows, 1));
    for (size_t i = 0, label = 0; i < labels.rows; i++) {
        if (!class_at(labels, i, k, &label)) {
            return MLP_ERR_ARGUMENT;
        }
    }
    return MLP_OK;
}

/* ---------------------------------------------------------------------------
 * Classes
 */

static mlp_status check_counts(mlp_view counts)
{
    mlpi_expected expected = {.name = "counts",
                              .dtype = MLP_I32,
                              .rows = counts.cols,
                              .cols = counts.cols,
                              .min_rows = 1};
    return mlpi_check_writable(&no_hooks, &counts, &expected);
}

static int32_t *count_at(mlp_view counts, size_t i, size_t j)
{
    return (int32_t *)counts.data + i * counts.row_stride +
           j * counts.col_stride;
}

mlp_status mlp_confusion(mlp_cview labels, mlp_cview predicted, mlp_view counts)
{
    TRY(check_counts(counts));
    size_t k = counts.rows;
    TRY(check_labels(labels, MLPI_ANY_ROWS, k));
    TRY(check_labels(predicted, labels.rows, k));
    if (labels.rows > INT32_MAX) {
        return MLP_ERR_LIMIT;
    }
    for (size_t i = 0; i < k; i++) {
        for (size_t j = 0; j < k; j++) {
            *count_at(counts, i, j) = 0;
        }
    }
    for (size_t i = 0; i < labels.rows; i++) {
        ++*count_at(counts, class_of(labels, i), class_of(predicted, i));
    }
    return MLP_OK;
}

/* Nothing of nothing is 0. */
static double share(double part, double whole)
{
    return whole > 0.0 ? part / whole : 0.0;
}

/* Row and column of a class; all counts are exact. */
static mlp_class_scores scores_of(mlp_cview counts, size_t c)
{
    double hits = mlp_cview_at(counts, c, c);
    double rows = 0.0;
    double predicted = 0.0;
    for (size_t i = 0; i < counts.rows; i++) {
        rows += mlp_cview_at(counts, c, i);
        predicted += mlp_cview_at(counts, i, c);
    }
    return (mlp_class_scores){.precision = share(hits, predicted),
                              .recall = share(hits, rows),
                              .f1 = share(2.0 * hits, rows + predicted),
                              .support = (size_t)rows};
}

/* *hits = how many rows are on the diagonal, *rows = how many there are. */
static mlp_status take_counts(mlp_cview counts, double *hits, double *rows)
{
    for (size_t i = 0; i < counts.rows; i++) {
        for (size_t j = 0; j < counts.cols; j++) {
            double count = mlp_cview_at(counts, i, j);
            if (count < 0.0) {
                return MLP_ERR_ARGUMENT;
            }
            *rows += count;
            *hits += i == j ? count : 0.0;
        }
    }
    return *rows > 0.0 ? MLP_OK : MLP_ERR_ARGUMENT;
}

mlp_status mlp_score_classes(mlp_cview counts, mlp_class_scores *each,
                             mlp_class_scores *macro, double *accuracy)
{
    if (counts.dtype != MLP_I32) {
        return MLP_ERR_DTYPE;
    }
    TRY(check_shape(counts, counts.cols, counts.cols));
    double hits = 0.0;
    double rows = 0.0;
    TRY(take_counts(counts, &hits, &rows));
    sum precision = {.count = 0};
    sum recall = {.count = 0};
    sum f1 = {.count = 0};
    for (size_t c = 0; c < counts.rows; c++) {
        mlp_class_scores scores = scores_of(counts, c);
        add(&precision, scores.precision);
        add(&recall, scores.recall);
        add(&f1, scores.f1);
        if (each) {
            each[c] = scores;
        }
    }
    if (macro) {
        *macro = (mlp_class_scores){mean(&precision), mean(&recall), mean(&f1),
                                    (size_t)rows};
    }
    if (accuracy) {
        *accuracy = hits / rows;
    }
    return MLP_OK;
}

/* ---------------------------------------------------------------------------
 * Scores and probabilities
 */

/* Lets x[start] sink in the heap x[0..n), where x[i] >= x[2i + 1], x[2i + 2].
 */
static void sink(double *x, size_t start, size_t n)
{
    double value = x[start];
    size_t at = start;
    while (2 * at + 1 < n) {
        size_t child = 2 * at + 1;
        if (child + 1 < n && x[child] < x[child + 1]) {
            child++;
        }
        if (x[child] <= value) {
            break;
        }
        x[at] = x[child];
        at = child;
    }
    x[at] = value;
}

/* Ascending, in place, in n log n steps whatever x holds: a heap. */
static void sort(double *x, size_t n)
{
    for (size_t i = n / 2; i > 0; i--) {
        sink(x, i - 1, n);
    }
    for (size_t left = n; left > 1; left--) {
        double largest = x[0];
        x[0] = x[left - 1];
        x[left - 1] = largest;
        sink(x, 0, left - 1);
    }
}

/* Twice the pairs (i, j) with a[i] > b[j], and once those with a[i] = b[j];
 * both ascending. */
static uint64_t count_pairs(const double *a, size_t n_a, const double *b,
                            size_t n_b)
{
    uint64_t pairs = 0;
    size_t below = 0;
    size_t not_above = 0;
    for (size_t i = 0; i < n_a; i++) {
        while (below < n_b && b[below] < a[i]) {
            below++;
        }
        while (not_above < n_b && b[not_above] <= a[i]) {
            not_above++;
        }
        pairs += (uint64_t)below + not_above;
    }
    return pairs;
}

/* The scores of class 0, then those of class 1; returns how many of class 0. */
static size_t part_scores(mlp_cview scores, mlp_cview labels, double *out)
{
    size_t front = 0;
    size_t back = scores.rows;
    for (size_t i = 0; i < scores.rows; i++) {
        size_t place = class_of(labels, i) == 0 ? front++ : --back;
        out[place] = mlp_cview_at(scores, i, 0);
    }
    return front;
}

mlp_status mlp_roc_auc(mlp_cview scores, mlp_cview labels, double *auc)
{
    if (!auc) {
        return MLP_ERR_NULL;
    }
    TRY(check_reals(scores, MLPI_ANY_ROWS, 1));
    TRY(check_labels(labels, scores.rows, 2));
    size_t m = scores.rows;
    if (m > UINT32_MAX) {
        return MLP_ERR_LIMIT; /* more pairs than 64 bits count */
    }
    mlpi_cursor measure = {0};
    (void)mlpi_take(&measure, m, sizeof(double));
    void *block = NULL;
    TRY(mlpi_allocate(&no_hooks, &measure, "sorted scores", &block));
    double *sorted = block;
    size_t zeros = part_scores(scores, labels, sorted);
    size_t ones = m - zeros;
    sort(sorted, zeros);
    sort(sorted + zeros, ones);
    uint64_t pairs = count_pairs(sorted + zeros, ones, sorted, zeros);
    mlpi_release(&no_hooks, block);
    if (zeros == 0 || ones == 0) {
        return MLP_ERR_ARGUMENT;
    }
    *auc = (double)pairs / (2.0 * (double)zeros * (double)ones);
    return MLP_OK;
}

/* What row i gives its class; a single column is that of class 1. */
static double probability_of(mlp_cview P, mlp_cview labels, size_t i)
{
    size_t label = class_of(labels, i);
    double p = mlp_cview_at(P, i, P.cols > 1 ? label : 0);
    if (P.cols == 1 && label == 0) {
        p = 1.0 - p;
    }
    return p < 1e-15 ? 1e-15 : p;
}

mlp_status mlp_log_loss(mlp_cview probabilities, mlp_cview labels, double *loss)
{
    enum { BLOCK = 64 };
    if (!loss) {
        return MLP_ERR_NULL;
    }
    mlp_cview P = probabilities;
    TRY(check_reals(P, MLPI_ANY_ROWS, P.cols));
    TRY(check_labels(labels, P.rows, P.cols > 1 ? P.cols : 2));
    size_t row = 0;
    size_t col = 0;
    if (mlpi_kernels_get(P.dtype, 0)->scalar->find_not_unit(P, &row, &col)) {
        return MLP_ERR_ARGUMENT;
    }
    sum logs = {.count = 0};
    for (size_t i = 0, n = 0; i < P.rows; i += n) {
        double p[BLOCK];
        n = P.rows - i < BLOCK ? P.rows - i : BLOCK;
        for (size_t j = 0; j < n; j++) {
            p[j] = probability_of(P, labels, i + j);
        }
        mlpi_kernels_get(MLP_F64, 0)->map(MLPI_MAP_LOG, n, p, p);
        for (size_t j = 0; j < n; j++) {
            add(&logs, p[j]);
        }
    }
    *loss = 0.0 - mean(&logs); /* and not -0 */
    return MLP_OK;
}

/* ---------------------------------------------------------------------------
 * Numbers
 */

static double absolute(double x)
{
    return x < 0.0 ? -x : x;
}

/* 1 - (squared errors) / (squared distances from the mean). The mean is taken
 * from the first value on, so that of equal values it is that value. */
static double r2_of(mlp_cview Y, size_t j, double squared_errors)
{
    double first = mlp_cview_at(Y, 0, j);
    sum from_first = {.count = 0};
    for (size_t i = 0; i < Y.rows; i++) {
        add(&from_first, mlp_cview_at(Y, i, j) - first);
    }
    double center = first + mean(&from_first);
    sum squares = {.count = 0};
    for (size_t i = 0; i < Y.rows; i++) {
        double d = mlp_cview_at(Y, i, j) - center;
        add(&squares, d * d);
    }
    if (total(&squares) == 0.0) {
        return squared_errors == 0.0 ? 1.0 : 0.0;
    }
    return 1.0 - squared_errors / total(&squares);
}

mlp_status mlp_score_regression(mlp_cview Y, mlp_cview predicted,
                                mlp_regression_scores *scores)
{
    if (!scores) {
        return MLP_ERR_NULL;
    }
    TRY(check_reals(Y, MLPI_ANY_ROWS, Y.cols));
    TRY(check_reals(predicted, Y.rows, Y.cols));
    sum mse = {.count = 0};
    sum mae = {.count = 0};
    sum r2 = {.count = 0};
    for (size_t j = 0; j < Y.cols; j++) {
        sum squares = {.count = 0};
        sum sizes = {.count = 0};
        for (size_t i = 0; i < Y.rows; i++) {
            double d = mlp_cview_at(predicted, i, j) - mlp_cview_at(Y, i, j);
            add(&squares, d * d);
            add(&sizes, absolute(d));
        }
        add(&mse, mean(&squares));
        add(&mae, mean(&sizes));
        add(&r2, r2_of(Y, j, total(&squares)));
    }
    *scores = (mlp_regression_scores){mean(&mse), mean(&mae), mean(&r2)};
    return MLP_OK;
}
