/* SPDX-License-Identifier: MIT */
#include "train/validation_split.h"

#include <string.h>

#include "base/memory.h"
#include "base/error.h"
#include "model/data_check.h"

mlp_status mlpi_split_size(const mlp_hooks *hooks, double fraction, size_t m,
                           size_t *held)
{
    *held = 0;
    if (fraction == 0.0) {
        return MLP_OK;
    }
    if (!(fraction > 0.0 && fraction < 1.0)) {
        return mlpi_error(hooks, MLP_ERR_ARGUMENT,
                          "validation_fraction: expects 0 or more and less "
                          "than 1, got %g",
                          fraction);
    }
    /* To the nearest; m itself may be no double, but nearly. */
    double wanted = fraction * (double)m + 0.5;
    size_t count = wanted < (double)m ? (size_t)wanted : m;
    if (count == 0 || count == m) {
        return mlpi_error(hooks, MLP_ERR_ARGUMENT,
                          "validation_fraction: %g of %zu rows leaves none "
                          "to %s",
                          fraction, m, count == 0 ? "validate with" : "train");
    }
    *held = count;
    return MLP_OK;
}

/* ---------------------------------------------------------------------------
 * Classes
 */

enum { NONE = -1 };

/* Where the row has its 1 among zeros; NONE if it is no such row. */
static double place_of_one(const mlp_cview *Y, size_t row)
{
    double place = NONE;
    for (size_t j = 0; j < Y->cols; j++) {
        double y = mlp_cview_at(*Y, row, j);
        if (y != 0.0 && (y != 1.0 || place >= 0.0)) {
            return NONE;
        }
        place = y == 1.0 ? (double)j : place;
    }
    return place;
}

/* The class of a row; another number if it has none. */
static double class_of(const mlp_cview *Y, size_t row)
{
    return Y->cols == 1 ? mlp_cview_at(*Y, row, 0) : place_of_one(Y, row);
}

/* How many classes there are; 1 if rows are of none, or of more than one. */
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
    size_t classes;
    size_t *quota;      /* [classes]: rows yet to be held out */
    size_t *size;       /* [classes]: rows there are */
    double *remainder;  /* [classes]: of a row, by which the quota is short */
    unsigned char *out; /* [m]: is the row held out? */
} split;

static size_t group_of(const split *s, const mlp_cview *Y, size_t row)
{
    return s->classes > 1 ? (size_t)class_of(Y, row) : 0;
}

static void lay_out(split *s, size_t m, mlpi_cursor *cursor)
{
    s->quota = mlpi_take(cursor, s->classes, sizeof *s->quota);
    s->size = mlpi_take(cursor, s->classes, sizeof *s->size);
    s->remainder = mlpi_take(cursor, s->classes, sizeof *s->remainder);
    s->out = mlpi_take(cursor, m, sizeof *s->out);
}

/* The class that is short of most, the first of them, unless it is used up. */
static size_t neediest(const split *s)
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

static void share_out(split *s, size_t m, size_t held)
{
    size_t given = 0;
    for (size_t c = 0; c < s->classes; c++) {
        double exact = (double)held * (double)s->size[c] / (double)m;
        size_t whole = (size_t)exact;
        size_t left = held - given;
        s->quota[c] = whole < left ? whole : left;
        s->remainder[c] = exact - (double)s->quota[c];
        given += s->quota[c];
    }
    for (; given < held; given++) {
        size_t c = neediest(s);
        s->quota[c]++;
        s->remainder[c] -= 1.0;
    }
}

/* Rows ascending, first those that stay. */
static void sort_out(const split *s, size_t m, size_t held, size_t *order)
{
    size_t next[2] = {0, m - held};
    for (size_t i = 0; i < m; i++) {
        order[next[s->out[i]]++] = i;
    }
}

mlp_status mlpi_split(const mlp_net *net, const mlp_cview *Y, size_t held,
                      mlp_rng *rng, size_t *order)
{
    size_t m = Y->rows;
    split s = {.classes = count_classes(net, Y)};
    mlpi_cursor measure = {0};
    lay_out(&s, m, &measure);
    void *block = NULL;
    TRY(mlpi_allocate(&net->hooks, &measure, "a split", &block));
    mlpi_cursor carve = {.base = block};
    lay_out(&s, m, &carve);
    memset(s.size, 0, s.classes * sizeof *s.size);
    memset(s.out, 0, m * sizeof *s.out);
    mlp_status status = mlp_rng_permutation(rng, m, order);
    if (status == MLP_OK) {
        for (size_t i = 0; i < m; i++) {
            s.size[group_of(&s, Y, i)]++;
        }
        share_out(&s, m, held);
        for (size_t i = 0; i < m; i++) {
            size_t c = group_of(&s, Y, order[i]);
            if (s.quota[c] > 0) {
                s.quota[c]--;
                s.out[order[i]] = 1;
            }
        }
        sort_out(&s, m, held, order);
    }
    mlpi_release(&net->hooks, block);
    return status;
}

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
    size_t count = 0;
    TRY(mlpi_split_size(&net->hooks, options->validation_fraction, Y.rows,
                        &count));
    mlp_rng rng = mlp_rng_seeded(options->seed);
    TRY(mlpi_split(net, &Y, count, &rng, order));
    *held = count;
    return MLP_OK;
}
