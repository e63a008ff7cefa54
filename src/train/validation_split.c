/* SPDX-License-Identifier: MIT */
/*
 * The stratified split that validation_split.h defines, in four passes:
 *
 *     count the rows of each class                            size[c]
 *     distribute the validation rows among the classes        quota[c]
 *     visit the rows in random order: a row becomes a         is_validation[i]
 *       validation row while the quota of its class lasts
 *     list the training rows, then the validation rows        order
 *
 * The last pass lists rows in ascending order. So training without shuffling
 * visits the rows in the caller's order, and memory is read forward.
 */
#include "train/validation_split.h"

#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "model/data_check.h"

mlp_status mlpi_split_size(const mlp_hooks *hooks, double fraction, size_t m,
                           size_t *validation_rows)
{
    *validation_rows = 0;
    if (fraction == 0.0) {
        return MLP_OK;
    }
    if (!(fraction > 0.0 && fraction < 1.0)) {
        return mlpi_error(hooks, MLP_ERR_ARGUMENT,
                          "validation_fraction: expects 0 or more and less "
                          "than 1, got %g",
                          fraction);
    }
    /* (double)m may be rounded up, so the count is limited to m before it is
     * converted: a conversion that overflows is undefined. */
    double wanted = fraction * (double)m + 0.5;
    size_t count = wanted < (double)m ? (size_t)wanted : m;
    if (count == 0 || count == m) {
        return mlpi_error(hooks, MLP_ERR_ARGUMENT,
                          "validation_fraction: %g of %zu rows leaves none "
                          "to %s",
                          fraction, m, count == 0 ? "validate with" : "train");
    }
    *validation_rows = count;
    return MLP_OK;
}

/* ---------------------------------------------------------------------------
 * Classes
 */

enum { NO_CLASS = -1 };

/* Returns the column of the only 1 in a row of zeros, or NO_CLASS if the row is
 * not one-hot: it may hold probabilities. */
static double one_hot_class(const mlp_cview *Y, size_t row)
{
    double class = NO_CLASS;
    for (size_t j = 0; j < Y->cols; j++) {
        double y = mlp_cview_at(*Y, row, j);
        if (y != 0.0 && (y != 1.0 || class >= 0.0)) {
            return NO_CLASS;
        }
        class = y == 1.0 ? (double)j : class;
    }
    return class;
}

/* Returns the class of a row. If the row has none, the result is a number that
 * is no class: negative, not whole, or too large. */
static double class_of(const mlp_cview *Y, size_t row)
{
    return Y->cols == 1 ? mlp_cview_at(*Y, row, 0) : one_hot_class(Y, row);
}

/* Returns the number of classes to stratify by, or 1 if the split must not be
 * stratified because the loss has no classes or some row is of none. */
static size_t count_classes(const mlp_net *net, const mlp_cview *Y)
{
    size_t n = mlpi_net_outputs(net);
    bool is_binary = net->loss == MLP_LOSS_BCE && n == 1;
    bool has_classes = is_binary || net->loss == MLP_LOSS_CCE;
    size_t classes = is_binary ? 2 : n;
    for (size_t i = 0; i < Y->rows && has_classes; i++) {
        double class = class_of(Y, i);
        has_classes = class >= 0.0 && class < (double)classes &&
                      class == (double)(size_t) class;
    }
    return has_classes ? classes : 1;
}

/* ---------------------------------------------------------------------------
 * Quotas
 */

typedef struct split {
    size_t m;
    size_t classes;
    size_t *size;                 /* [classes]: rows of the class */
    size_t *quota;                /* [classes]: validation rows to choose */
    double *remainder;            /* [classes]: exact share minus the quota */
    unsigned char *is_validation; /* [m]: 1 for a validation row, else 0 */
} split;

/* Lays out the arrays of a split, which live for one call. */
static void lay_out(void *object, mlpi_cursor *cursor)
{
    split *s = object;
    s->quota = mlpi_take(cursor, s->classes, sizeof *s->quota);
    s->size = mlpi_take(cursor, s->classes, sizeof *s->size);
    s->remainder = mlpi_take(cursor, s->classes, sizeof *s->remainder);
    s->is_validation = mlpi_take(cursor, s->m, sizeof *s->is_validation);
}

/* Returns the class of a row, or 0 if the split is not stratified. */
static size_t stratum_of(const split *s, const mlp_cview *Y, size_t row)
{
    return s->classes > 1 ? (size_t)class_of(Y, row) : 0;
}

/* Returns the class with the largest remainder among the classes whose quota is
 * below their size; the first one if several are equal. Such a class exists,
 * because there are fewer validation rows than rows. */
static size_t largest_remainder(const split *s)
{
    size_t best = s->classes;
    for (size_t c = 0; c < s->classes; c++) {
        if (s->quota[c] < s->size[c] &&
            (best == s->classes || s->remainder[c] > s->remainder[best])) {
            best = c;
        }
    }
    return best;
}

/* Sets the quotas. Each class first gets its exact share rounded down. The
 * classes with the largest remainders then get one row more each, until the
 * sum is right. */
static void set_quotas(split *s, size_t validation_rows)
{
    size_t given = 0;
    for (size_t c = 0; c < s->classes; c++) {
        double exact =
            (double)validation_rows * (double)s->size[c] / (double)s->m;
        s->quota[c] = mlpi_min_size((size_t)exact, validation_rows - given);
        s->remainder[c] = exact - (double)s->quota[c];
        given += s->quota[c];
    }
    for (; given < validation_rows; given++) {
        size_t c = largest_remainder(s);
        s->quota[c]++;
        s->remainder[c] -= 1.0;
    }
}

/* ---------------------------------------------------------------------------
 * The split
 */

/* Sets the number of rows of each class. */
static void count_rows(split *s, const mlp_cview *Y)
{
    memset(s->size, 0, s->classes * sizeof *s->size);
    for (size_t i = 0; i < s->m; i++) {
        s->size[stratum_of(s, Y, i)]++;
    }
}

/* Marks the validation rows. Rows are visited in the order of the permutation
 * `order`. */
static void choose_rows(split *s, const mlp_cview *Y, const size_t *order)
{
    memset(s->is_validation, 0, s->m * sizeof *s->is_validation);
    for (size_t i = 0; i < s->m; i++) {
        size_t c = stratum_of(s, Y, order[i]);
        if (s->quota[c] > 0) {
            s->quota[c]--;
            s->is_validation[order[i]] = 1;
        }
    }
}

/* Lists the training rows, then the validation rows, each part ascending. */
static void list_rows(const split *s, size_t validation_rows, size_t *order)
{
    size_t next[2] = {0, s->m - validation_rows};
    for (size_t i = 0; i < s->m; i++) {
        order[next[s->is_validation[i]]++] = i;
    }
}

/* The permutation is written to `order` itself, which saves an array: the last
 * pass overwrites it. */
mlp_status mlpi_split(const mlp_net *net, const mlp_cview *Y,
                      size_t validation_rows, mlp_rng *rng, size_t *order)
{
    split s = {.m = Y->rows, .classes = count_classes(net, Y)};
    void *block = NULL;
    TRY(mlpi_allocate_layout(&net->hooks, lay_out, &s, "a split", &block));
    mlp_status status = mlp_rng_permutation(rng, s.m, order);
    if (status == MLP_OK) {
        count_rows(&s, Y);
        set_quotas(&s, validation_rows);
        choose_rows(&s, Y, order);
        list_rows(&s, validation_rows, order);
    }
    mlpi_release(&net->hooks, block);
    return status;
}

/* Draws the same split as a fit with the same options, because a fit draws the
 * split before any other random number (see fit.c). */
mlp_status mlp_split(const mlp_net *net, mlp_cview Y,
                     const mlp_train_options *options, size_t *order,
                     size_t *held)
{
    if (!net) {
        return MLP_ERR_NULL;
    }
    if (!options || !order || !held) {
        return mlpi_error(&net->hooks, MLP_ERR_NULL,
                          "options, order or held is NULL");
    }
    TRY(mlpi_check_targets(net, &net->hooks, &Y, MLPI_ANY_ROWS));
    size_t validation_rows = 0;
    TRY(mlpi_split_size(&net->hooks, options->validation_fraction, Y.rows,
                        &validation_rows));
    mlp_rng rng = mlp_rng_seeded(options->seed);
    TRY(mlpi_split(net, &Y, validation_rows, &rng, order));
    *held = validation_rows;
    return MLP_OK;
}
