/* SPDX-License-Identifier: MIT */
/*
 * Scores of predictions against the truth, by scikit-learn's definitions. Of
 * the m rows, C[i][j] counts those of class i that were predicted as class j.
 *
 *     confusion_matrix  C
 *     precision_score   C[c][c] / sum over i of C[i][c]
 *     recall_score      C[c][c] / sum over j of C[c][j]
 *     f1_score          2 C[c][c] / (both sums), the harmonic mean of the two
 *     accuracy_score    sum over c of C[c][c] / m
 *     log_loss          mean over rows of -log p[i][class of row i]
 *     roc_auc_score     (pairs in order + pairs of equal scores / 2) / pairs,
 *                       over all pairs of a row of class 0 and one of class 1;
 *                       a pair is in order if class 1 has the higher score
 *     mean_squared_error, mean_absolute_error, r2_score
 *                       mean over columns j of mean (p - y)^2, mean |p - y|,
 *                       1 - sum (p - y)^2 / sum (y - mean y)^2
 *
 * All sums are in double, whatever the views hold, and have the order that
 * mlp.h states: eight lanes, which are joined by halves. Counts of rows and of
 * pairs are integers, so only the last division rounds.
 *
 * For the area under the ROC curve as a count of pairs see Hanley and McNeil,
 * "The Meaning and Use of the Area under a Receiver Operating Characteristic
 * (ROC) Curve" (1982).
 */
#include "base/error.h"
#include "base/memory.h"
#include "base/view.h"
#include "kernels/kernels.h"

/* Metrics have no object, so they have no log hook and allocate with malloc. */
static const mlp_hooks no_hooks = {0};

/* ---------------------------------------------------------------------------
 * Sums and checks
 */

/* A sum in eight lanes: term i is added to lane i mod MLPI_LANES. */
typedef struct sum {
    double lanes[MLPI_LANES];
    size_t count; /* terms so far */
} sum;

static void add(sum *s, double term)
{
    s->lanes[s->count++ % MLPI_LANES] += term;
}

/* Returns the sum, by joining the lanes in halves. */
static double total(const sum *s)
{
    return mlpi_join_lanes(s->lanes);
}

/* Returns the sum divided by the number of terms, which is not 0. */
static double mean(const sum *s)
{
    return total(s) / (double)s->count;
}

/* Checks the shape of a view of any type; it must have a row at least. */
static mlp_status check_shape(mlp_cview view, size_t rows, size_t cols)
{
    mlpi_expected expected = {.name = "an argument",
                              .dtype = view.dtype,
                              .rows = rows,
                              .cols = cols,
                              .min_rows = 1};
    return mlpi_check_view(&no_hooks, &view, &expected);
}

/* Checks that a view holds finite numbers of either precision, at least one
 * row and one column. */
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

/* Sets *label to the label of row i. Returns false if that is not a whole
 * number from 0 to k - 1. */
static bool find_label(mlp_cview labels, size_t i, size_t k, size_t *label)
{
    double x = mlp_cview_at(labels, i, 0);
    if (!(x >= 0.0 && x < (double)k)) {
        return false;
    }
    *label = (size_t)x;
    return (double)*label == x;
}

/* Returns the label of row i, where labels have been checked. */
static size_t label_of(mlp_cview labels, size_t i)
{
    return (size_t)mlp_cview_at(labels, i, 0);
}

/* Checks a column of labels of k classes. Any type may hold them: predicted
 * labels are int32, but labels from a file are often float. */
static mlp_status check_labels(mlp_cview labels, size_t rows, size_t k)
{
    if (!mlp_dtype_name(labels.dtype)) {
        return MLP_ERR_DTYPE;
    }
    TRY(check_shape(labels, rows, 1));
    for (size_t i = 0, label = 0; i < labels.rows; i++) {
        if (!find_label(labels, i, k, &label)) {
            return MLP_ERR_ARGUMENT;
        }
    }
    return MLP_OK;
}

/* ---------------------------------------------------------------------------
 * Classes
 *
 * Rows of the confusion matrix are the true classes, columns the predicted
 * ones, as in scikit-learn. For the class 1 of three:
 *
 *                  predicted
 *                  0     1     2
 *     true   0     .     c     .      precision = C[1][1] / (sum of column 1)
 *            1     r   C[1][1] r      recall    = C[1][1] / (sum of row 1)
 *            2     .     c     .      support   = sum of row 1
 */

/* Checks a confusion matrix that is to be written: square, of int32. */
static mlp_status check_counts(mlp_view counts)
{
    mlpi_expected expected = {.name = "counts",
                              .dtype = MLP_I32,
                              .rows = counts.cols,
                              .cols = counts.cols,
                              .min_rows = 1};
    return mlpi_check_writable(&no_hooks, &counts, &expected);
}

/* Returns the address of element (i, j), in any strides. */
static int32_t *count_at(mlp_view counts, size_t i, size_t j)
{
    return (int32_t *)counts.data + i * counts.row_stride +
           j * counts.col_stride;
}

/* All labels are checked before the first count is written, so that an error
 * leaves the matrix untouched. */
mlp_status mlp_confusion(mlp_cview labels, mlp_cview predicted, mlp_view counts)
{
    TRY(check_counts(counts));
    size_t k = counts.rows;
    TRY(check_labels(labels, MLPI_ANY_ROWS, k));
    TRY(check_labels(predicted, labels.rows, k));
    if (labels.rows > INT32_MAX) {
        return MLP_ERR_LIMIT; /* an element might overflow */
    }
    for (size_t i = 0; i < k; i++) {
        for (size_t j = 0; j < k; j++) {
            *count_at(counts, i, j) = 0;
        }
    }
    for (size_t i = 0; i < labels.rows; i++) {
        ++*count_at(counts, label_of(labels, i), label_of(predicted, i));
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
static mlp_status sum_counts(mlp_cview counts, double *correct, double *rows)
{
    for (size_t i = 0; i < counts.rows; i++) {
        for (size_t j = 0; j < counts.cols; j++) {
            double count = mlp_cview_at(counts, i, j);
            if (count < 0.0) {
                return MLP_ERR_ARGUMENT;
            }
            *rows += count;
            *correct += i == j ? count : 0.0;
        }
    }
    return *rows > 0.0 ? MLP_OK : MLP_ERR_ARGUMENT;
}

/* The macro average is the plain mean over classes, in which a rare class
 * counts as much as a frequent one. */
mlp_status mlp_score_classes(mlp_cview counts, mlp_class_scores *each,
                             mlp_class_scores *macro, double *accuracy)
{
    if (counts.dtype != MLP_I32) {
        return MLP_ERR_DTYPE;
    }
    TRY(check_shape(counts, counts.cols, counts.cols));
    double correct = 0.0;
    double rows = 0.0;
    TRY(sum_counts(counts, &correct, &rows));
    /* The averages need all classes, so they are summed up on the way. */
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
        *accuracy = correct / rows;
    }
    return MLP_OK;
}

/* ---------------------------------------------------------------------------
 * Scores and probabilities
 *
 * Example of pairs: class 0 has the scores 1, 3, 3 and class 1 has 2, 3. Of the
 * six pairs, (1, 2) and (1, 3) are in order and twice (3, 3) is equal, so the
 * area is (2 + 2 / 2) / 6 = 0.5.
 */

/* Restores the heap x[0..n), where x[i] >= x[2i + 1] and x[i] >= x[2i + 2],
 * after x[start] has become smaller: it sinks below its larger children. */
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

/* Sorts ascending, in place, by heapsort. C's qsort promises neither a bound
 * on its time nor that it does not allocate. */
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

/* Counts the pairs (i, j) of two ascending arrays, those with a[i] > b[j]
 * twice and those with a[i] = b[j] once. For ascending a[i] both limits in b
 * only move up, so the time is linear. */
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

/* Copies the scores of class 0 to the front of `out` and those of class 1 to
 * its end. Returns how many rows are of class 0. */
static size_t separate_classes(mlp_cview scores, mlp_cview labels, double *out)
{
    size_t front = 0;
    size_t back = scores.rows;
    for (size_t i = 0; i < scores.rows; i++) {
        size_t place = label_of(labels, i) == 0 ? front++ : --back;
        out[place] = mlp_cview_at(scores, i, 0);
    }
    return front;
}

/* Sorting each class by itself and merging takes m log m comparisons, instead
 * of one for each of up to m^2 / 4 pairs. */
mlp_status mlp_roc_auc(mlp_cview scores, mlp_cview labels, double *auc)
{
    if (!auc) {
        return MLP_ERR_NULL;
    }
    TRY(check_reals(scores, MLPI_ANY_ROWS, 1));
    TRY(check_labels(labels, scores.rows, 2));
    size_t m = scores.rows;
    if (m > UINT32_MAX) {
        return MLP_ERR_LIMIT; /* twice the pairs might exceed 64 bits */
    }
    void *block = NULL;
    TRY(mlpi_allocate_array(&no_hooks, m, sizeof(double), "sorted scores",
                            &block));
    double *sorted = block;
    /* Each class has its own sorted half: sorted[0..zeros), then the ones. */
    size_t zeros = separate_classes(scores, labels, sorted);
    size_t ones = m - zeros;
    sort(sorted, zeros);
    sort(sorted + zeros, ones);
    uint64_t pairs = count_pairs(sorted + zeros, ones, sorted, zeros);
    mlpi_release(&no_hooks, block);
    if (zeros == 0 || ones == 0) {
        return MLP_ERR_ARGUMENT; /* there are no pairs */
    }
    *auc = (double)pairs / (2.0 * (double)zeros * (double)ones);
    return MLP_OK;
}

/* Returns the probability that row i gives to its own class, but at least
 * 1e-15, so that its logarithm is finite. A single column holds the probability
 * of class 1, of two classes. */
static double probability_of(mlp_cview P, mlp_cview labels, size_t i)
{
    size_t label = label_of(labels, i);
    double p = mlp_cview_at(P, i, P.cols > 1 ? label : 0);
    if (P.cols == 1 && label == 0) {
        p = 1.0 - p;
    }
    return p < 1e-15 ? 1e-15 : p;
}

/* Logarithms are taken BLOCK at a time by the portable kernel for double, whose
 * bits are those of every other kernel. */
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
        n = mlpi_min_size(P.rows - i, BLOCK);
        for (size_t j = 0; j < n; j++) {
            p[j] = probability_of(P, labels, i + j);
        }
        mlpi_kernels_get(MLP_F64, 0)->map(MLPI_MAP_LOG, n, p, p);
        for (size_t j = 0; j < n; j++) {
            add(&logs, p[j]);
        }
    }
    *loss = 0.0 - mean(&logs); /* a perfect prediction has +0, not -0 */
    return MLP_OK;
}

/* ---------------------------------------------------------------------------
 * Regression
 */

/* Returns |x| without a call of the C library. */
static double absolute(double x)
{
    return x < 0.0 ? -x : x;
}

/* Returns r2 of column j. The mean of y is computed as y[0] + mean(y - y[0]):
 * where all y are equal, it is exactly that value and the denominator is 0.
 * Then r2 is 1 for a perfect prediction, else 0, as in scikit-learn. */
static double r2_of(mlp_cview Y, size_t j, double squared_errors)
{
    double first = mlp_cview_at(Y, 0, j);
    sum offsets = {.count = 0};
    for (size_t i = 0; i < Y.rows; i++) {
        add(&offsets, mlp_cview_at(Y, i, j) - first);
    }
    double center = first + mean(&offsets);
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

/* Each column is scored by itself; the scores are the plain means over the
 * columns (scikit-learn's multioutput="uniform_average"). */
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
        sum magnitudes = {.count = 0};
        for (size_t i = 0; i < Y.rows; i++) {
            double d = mlp_cview_at(predicted, i, j) - mlp_cview_at(Y, i, j);
            add(&squares, d * d);
            add(&magnitudes, absolute(d));
        }
        add(&mse, mean(&squares));
        add(&mae, mean(&magnitudes));
        add(&r2, r2_of(Y, j, total(&squares)));
    }
    *scores = (mlp_regression_scores){mean(&mse), mean(&mae), mean(&r2)};
    return MLP_OK;
}
