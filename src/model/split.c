/* SPDX-License-Identifier: MIT */
/*
 * Splits by targets, as split.h defines them, in four passes:
 *
 *     find the classes: their least number and how many there are
 *     count the rows of each class                            size[c]
 *     visit the rows in random order, and mark test rows      is_test[i]
 *     list the training rows, then the test rows              order
 *
 * The last pass lists rows in ascending order. So training without shuffling
 * visits the rows in the caller's order, and memory is read forward.
 *
 * A class is a number: an int32, 0 or 1, or the column of the 1 in a one-hot
 * row. Arrays are indexed by the class minus the least class. If classes lie
 * far apart, such as postal codes, there would be more elements than rows; the
 * index is then the rank of the class among all that occur.
 */
#include "model/split.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/sort.h"
#include "base/view.h"

/* ---------------------------------------------------------------------------
 * Classes
 */

/* Returns the column of the only 1 in a row of zeros, or NaN if the row is not
 * one-hot: it may hold probabilities. */
static double one_hot_class(const mlp_cview *Y, size_t row)
{
    double class = (double)NAN;
    for (size_t j = 0; j < Y->cols; j++) {
        double y = mlp_cview_at(*Y, row, j);
        if (y != 0.0 && (y != 1.0 || !isnan(class))) {
            return (double)NAN;
        }
        class = y == 1.0 ? (double)j : class;
    }
    return class;
}

/* Returns the class of a row, or NaN if it has none. */
static double class_of(const mlp_cview *Y, size_t row)
{
    if (Y->cols > 1) {
        return one_hot_class(Y, row);
    }
    double y = mlp_cview_at(*Y, row, 0);
    return Y->dtype == MLP_I32 || y == 0.0 || y == 1.0 ? y : (double)NAN;
}

typedef struct split {
    const mlp_cview *Y;
    size_t m;
    double least;      /* the least class */
    size_t classes;    /* length of the arrays of classes; 1: not stratified */
    bool is_sparse;    /* classes have ranks */
    size_t n_ranked;   /* classes in `ranked` */
    double *ranked;    /* [m] if is_sparse: the classes, ascending */
    size_t *size;      /* [classes]: rows of the class */
    size_t *next;      /* [classes]: test rows to choose; or the number of the
                           next row of the class when rows are dealt */
    double *remainder; /* [classes]: exact share minus the quota */
    unsigned char *is_test; /* [m]: 1 for a test row, else 0 */
} split;

/* Sets the least class and the length of the arrays. If a row has no class, all
 * rows count as one. */
static void find_classes(split *s)
{
    double least = INFINITY;
    double largest = -INFINITY;
    for (size_t i = 0; i < s->m; i++) {
        double class = class_of(s->Y, i);
        if (isnan(class)) {
            return;
        }
        least = mlpi_min(class, least);
        largest = mlpi_max(class, largest);
    }
    s->least = least;
    s->is_sparse = largest - least >= (double)s->m;
    s->classes = s->is_sparse ? s->m : (size_t)(largest - least) + 1;
}

static bool is_less(const void *a, const void *b)
{
    return *(const double *)a < *(const double *)b;
}

/* Lists the classes that occur, each once. */
static void rank_classes(split *s)
{
    for (size_t i = 0; i < s->m; i++) {
        s->ranked[i] = class_of(s->Y, i);
    }
    mlpi_sort(s->ranked, s->m, sizeof *s->ranked, is_less);
    for (size_t i = 0; i < s->m; i++) {
        if (i == 0 || s->ranked[i] > s->ranked[s->n_ranked - 1]) {
            s->ranked[s->n_ranked++] = s->ranked[i];
        }
    }
}

/* Returns the rank of a class that occurs, by bisection. */
static size_t rank_of(const split *s, double class)
{
    size_t low = 0;
    size_t high = s->n_ranked;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (s->ranked[middle] <= class) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return low;
}

/* Returns the index of a row's class: 0 if the split is not stratified. */
static size_t stratum_of(const split *s, size_t row)
{
    if (s->classes == 1) {
        return 0;
    }
    double class = class_of(s->Y, row);
    return s->is_sparse ? rank_of(s, class) : (size_t)(class - s->least);
}

/* Sets the number of rows of each class. */
static void count_rows(split *s)
{
    memset(s->size, 0, s->classes * sizeof *s->size);
    for (size_t i = 0; i < s->m; i++) {
        s->size[stratum_of(s, i)]++;
    }
}

/* ---------------------------------------------------------------------------
 * A fraction of the rows
 */

/* Returns the class with the largest remainder among the classes whose quota is
 * below their size; the first one if several are equal. Such a class exists,
 * because there are fewer test rows than rows. */
static size_t largest_remainder(const split *s)
{
    size_t best = s->classes;
    for (size_t c = 0; c < s->classes; c++) {
        if (s->next[c] < s->size[c] &&
            (best == s->classes || s->remainder[c] > s->remainder[best])) {
            best = c;
        }
    }
    return best;
}

/* Sets the quotas. Each class first gets its exact share rounded down. The
 * classes with the largest remainders then get one row more each, until the
 * sum is right. */
static void set_quotas(split *s, size_t test_rows)
{
    size_t given = 0;
    for (size_t c = 0; c < s->classes; c++) {
        double exact = (double)test_rows * (double)s->size[c] / (double)s->m;
        s->next[c] = mlpi_min_size((size_t)exact, test_rows - given);
        s->remainder[c] = exact - (double)s->next[c];
        given += s->next[c];
    }
    for (; given < test_rows; given++) {
        size_t c = largest_remainder(s);
        s->next[c]++;
        s->remainder[c] -= 1.0;
    }
}

/* Marks a row as a test row while the quota of its class lasts. Rows are
 * visited in the order of the permutation `order`. */
static void take_quotas(split *s, const size_t *order)
{
    for (size_t i = 0; i < s->m; i++) {
        size_t c = stratum_of(s, order[i]);
        if (s->next[c] > 0) {
            s->next[c]--;
            s->is_test[order[i]] = 1;
        }
    }
}

/* ---------------------------------------------------------------------------
 * Folds
 */

/* Deals the rows to the folds and marks those of one fold. A row's number among
 * the rows sorted by class is the number of rows of lower classes, plus the
 * number of rows of its class that were visited before. */
static void deal_rows(split *s, const mlpi_split_args *args,
                      const size_t *order)
{
    size_t below = 0;
    for (size_t c = 0; c < s->classes; c++) {
        s->next[c] = below;
        below += s->size[c];
    }
    for (size_t i = 0; i < s->m; i++) {
        size_t number = s->next[stratum_of(s, order[i])]++;
        s->is_test[order[i]] = number % args->folds == args->fold;
    }
}

/* ---------------------------------------------------------------------------
 * The split
 */

/* Lays out the arrays of a split, which live for one call. */
static void lay_out(void *object, mlpi_cursor *cursor)
{
    split *s = object;
    s->ranked = mlpi_take(cursor, s->is_sparse ? s->m : 0, sizeof *s->ranked);
    s->size = mlpi_take(cursor, s->classes, sizeof *s->size);
    s->next = mlpi_take(cursor, s->classes, sizeof *s->next);
    s->remainder = mlpi_take(cursor, s->classes, sizeof *s->remainder);
    s->is_test = mlpi_take(cursor, s->m, sizeof *s->is_test);
}

/* Lists the training rows, then the test rows, each part ascending. */
static void list_rows(const split *s, size_t test_rows, size_t *order)
{
    size_t next[2] = {0, s->m - test_rows};
    for (size_t i = 0; i < s->m; i++) {
        order[next[s->is_test[i]]++] = i;
    }
}

/* Marks the test rows and lists all rows. The permutation is in `order`, which
 * saves an array: the last pass overwrites it. */
static void divide(split *s, const mlpi_split_args *args, size_t *order)
{
    if (s->is_sparse) {
        rank_classes(s);
    }
    count_rows(s);
    memset(s->is_test, 0, s->m * sizeof *s->is_test);
    if (args->folds > 0) {
        deal_rows(s, args, order);
    } else {
        set_quotas(s, args->test_rows);
        take_quotas(s, order);
    }
    list_rows(s, args->test_rows, order);
}

mlp_status mlpi_split(const mlp_hooks *hooks, const mlpi_split_args *args,
                      mlp_rng *rng, size_t *order)
{
    split s = {.Y = args->Y, .m = args->Y->rows, .classes = 1};
    if (args->stratify) {
        find_classes(&s);
    }
    void *block = NULL;
    TRY(mlpi_allocate_layout(hooks, lay_out, &s, "a split", &block));
    mlp_status status = mlp_rng_permutation(rng, s.m, order);
    if (status == MLP_OK) {
        divide(&s, args, order);
    }
    mlpi_release(hooks, block);
    return status;
}

/* (double)m may be rounded up, so the count is limited to m before it is
 * converted: a conversion that overflows is undefined. */
size_t mlpi_rows_of_fraction(double fraction, size_t m)
{
    double wanted = fraction * (double)m + 0.5;
    return wanted < (double)m ? (size_t)wanted : m;
}

/* ---------------------------------------------------------------------------
 * Splits without a network
 */

mlp_split_options mlp_split_defaults(void)
{
    return (mlp_split_options){
        .test_fraction = 0.25, .folds = 5, .stratify = true, .seed = 42};
}

/* Checks what both functions need. */
static mlp_status check_common(const mlp_cview *Y,
                               const mlp_split_options *options,
                               const size_t *order, const size_t *test_rows)
{
    TRY(mlpi_check_hooks(&options->hooks));
    TRY(CHECK_RESERVED(&options->hooks, "split options", options));
    TRY(mlpi_check_rounding(&options->hooks));
    TRY(mlpi_check_pointer(&options->hooks, order, "order"));
    TRY(mlpi_check_pointer(&options->hooks, test_rows, "test_rows"));
    TRY(mlpi_check_any_view(&options->hooks, Y, "Y"));
    if (Y->rows < 2) {
        return mlpi_error(&options->hooks, MLP_ERR_ARGUMENT,
                          "Y: expects 2 or more rows to split, got %zu",
                          Y->rows);
    }
    return MLP_OK;
}

/* Draws the split and reports its number of test rows. */
static mlp_status draw(const mlp_split_options *options,
                       const mlpi_split_args *args, size_t *order,
                       size_t *test_rows)
{
    mlp_rng rng = mlp_rng_seeded(options->seed);
    TRY(mlpi_split(&options->hooks, args, &rng, order));
    *test_rows = args->test_rows;
    return MLP_OK;
}

mlp_status mlp_train_test_split(mlp_cview Y, const mlp_split_options *options,
                                size_t *order, size_t *test_rows)
{
    mlp_split_options o = options ? *options : mlp_split_defaults();
    TRY(check_common(&Y, &o, order, test_rows));
    if (!(o.test_fraction > 0.0 && o.test_fraction < 1.0)) {
        return mlpi_error(&o.hooks, MLP_ERR_ARGUMENT,
                          "test_fraction: expects more than 0 and less than "
                          "1, got %g",
                          o.test_fraction);
    }
    const mlpi_split_args args = {
        .Y = &Y,
        .stratify = o.stratify,
        .test_rows = mlpi_rows_of_fraction(o.test_fraction, Y.rows)};
    if (args.test_rows == 0 || args.test_rows == Y.rows) {
        return mlpi_error(&o.hooks, MLP_ERR_ARGUMENT,
                          "test_fraction: %g of %zu rows leaves none to %s",
                          o.test_fraction, Y.rows,
                          args.test_rows == 0 ? "test with" : "train");
    }
    return draw(&o, &args, order, test_rows);
}

mlp_status mlp_k_fold(mlp_cview Y, const mlp_split_options *options,
                      size_t fold, size_t *order, size_t *test_rows)
{
    mlp_split_options o = options ? *options : mlp_split_defaults();
    TRY(check_common(&Y, &o, order, test_rows));
    if (o.folds < 2 || o.folds > Y.rows) {
        return mlpi_error(&o.hooks, MLP_ERR_ARGUMENT,
                          "folds: expects 2 to %zu, the rows of Y, got %zu",
                          Y.rows, o.folds);
    }
    if (fold >= o.folds) {
        return mlpi_error(&o.hooks, MLP_ERR_ARGUMENT,
                          "fold: expects 0 to %zu, as there are %zu folds, "
                          "got %zu",
                          o.folds - 1, o.folds, fold);
    }
    const mlpi_split_args args = {.Y = &Y,
                                  .stratify = o.stratify,
                                  .test_rows = Y.rows / o.folds +
                                               (fold < Y.rows % o.folds),
                                  .folds = o.folds,
                                  .fold = fold};
    return draw(&o, &args, order, test_rows);
}
