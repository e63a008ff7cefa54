/* SPDX-License-Identifier: MIT */
/*
 * Scores of probabilities, by scikit-learn's definitions:
 *
 *     log_loss       mean over rows of -log p[i][class of row i]
 *     roc_auc_score  (pairs in order + pairs of equal scores / 2) / pairs,
 *                    over all pairs of a row of class 0 and one of class 1; a
 *                    pair is in order if class 1 has the higher score
 *
 * Example of pairs: class 0 has the scores 1, 3, 3 and class 1 has 2, 3. Of the
 * six pairs, (1, 2) and (1, 3) are in order and twice (3, 3) is equal, so the
 * area is (2 + 2 / 2) / 6 = 0.5. Pairs are counted in integers, so only the
 * last division rounds.
 *
 * For the area under the ROC curve as a count of pairs see Hanley and McNeil,
 * "The Meaning and Use of the Area under a Receiver Operating Characteristic
 * (ROC) Curve" (1982).
 */
#include "predict/metric_checks.h"

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
        size_t place = mlpi_label_of(labels, i) == 0 ? front++ : --back;
        out[place] = mlp_cview_at(scores, i, 0);
    }
    return front;
}

/* Sorting each class by itself and merging takes m log m comparisons, instead
 * of one for each of up to m^2 / 4 pairs. */
mlp_status mlp_roc_auc(mlp_cview scores, mlp_cview labels,
                       const mlp_hooks *hooks, double *auc)
{
    mlp_hooks used;
    TRY(mlpi_metric_hooks(hooks, &used));
    TRY(mlpi_check_pointer(&used, auc, "the place for the area"));
    size_t m = labels.rows;
    /* With more rows, twice the number of pairs might exceed 64 bits. */
    TRY(mlpi_metric_check_column(&used, "labels", labels, MLPI_ANY_ROWS,
                                 UINT32_MAX));
    TRY(mlpi_metric_check_reals(&used, "scores", scores, m, 1));
    TRY(mlpi_metric_check_labels(&used, "labels", labels, 2));
    void *block = NULL;
    TRY(mlpi_allocate_array(&used, m, sizeof(double), "sorted scores", &block));
    double *sorted = block;
    /* Each class has its own sorted half: sorted[0..zeros), then the ones. */
    size_t zeros = separate_classes(scores, labels, sorted);
    size_t ones = m - zeros;
    sort(sorted, zeros);
    sort(sorted + zeros, ones);
    uint64_t pairs = count_pairs(sorted + zeros, ones, sorted, zeros);
    mlpi_release(&used, block);
    if (zeros == 0 || ones == 0) { /* there are no pairs */
        return mlpi_error(&used, MLP_ERR_ARGUMENT,
                          "labels: expects rows of both classes, got only "
                          "class %d",
                          zeros == 0);
    }
    *auc = (double)pairs / (2.0 * (double)zeros * (double)ones);
    return MLP_OK;
}

/* Returns the probability that row i gives to its own class, but at least
 * 1e-15, so that its logarithm is finite. A single column holds the probability
 * of class 1, of two classes. */
static double probability_of(mlp_cview P, mlp_cview labels, size_t i)
{
    size_t label = mlpi_label_of(labels, i);
    double p = mlp_cview_at(P, i, P.cols > 1 ? label : 0);
    if (P.cols == 1 && label == 0) {
        p = 1.0 - p;
    }
    return p < 1e-15 ? 1e-15 : p;
}

/* Checks that each probability is from 0 to 1. */
static mlp_status check_unit(const mlp_hooks *hooks, mlp_cview P)
{
    size_t row = 0;
    size_t col = 0;
    if (!mlpi_kernels_get(P.dtype, 0)->scalar->find_not_unit(P, &row, &col)) {
        return MLP_OK;
    }
    return mlpi_error(hooks, MLP_ERR_ARGUMENT,
                      "probabilities: expects numbers from 0 to 1, got %g in "
                      "row %zu, column %zu",
                      mlp_cview_at(P, row, col), row, col);
}

/* Logarithms are taken BLOCK at a time by the portable kernel for double, whose
 * bits are those of every other kernel. */
mlp_status mlp_log_loss(mlp_cview probabilities, mlp_cview labels,
                        const mlp_hooks *hooks, double *loss)
{
    enum { BLOCK = 64 };
    mlp_hooks used;
    mlp_cview P = probabilities;
    TRY(mlpi_metric_hooks(hooks, &used));
    TRY(mlpi_check_pointer(&used, loss, "the place for the loss"));
    TRY(mlpi_metric_check_reals(&used, "probabilities", P, MLPI_ANY_ROWS,
                                P.cols));
    TRY(mlpi_metric_check_column(&used, "labels", labels, P.rows, SIZE_MAX));
    TRY(mlpi_metric_check_labels(&used, "labels", labels,
                                 P.cols > 1 ? P.cols : 2));
    TRY(check_unit(&used, P));
    mlpi_sum logs = {.count = 0};
    for (size_t i = 0, n = 0; i < P.rows; i += n) {
        double p[BLOCK];
        n = mlpi_min_size(P.rows - i, BLOCK);
        for (size_t j = 0; j < n; j++) {
            p[j] = probability_of(P, labels, i + j);
        }
        mlpi_kernels_get(MLP_F64, 0)->map(MLPI_MAP_LOG, n, p, p);
        for (size_t j = 0; j < n; j++) {
            mlpi_sum_add(&logs, p[j]);
        }
    }
    *loss =
        0.0 - mlpi_sum_mean(&logs); /* a perfect prediction has +0, not -0 */
    return MLP_OK;
}
