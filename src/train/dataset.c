/* SPDX-License-Identifier: MIT */
/*
 * The rows of a fit in memory. dataset.h shows their orders. All memory is
 * allocated before the first epoch, and everything is checked before anything
 * changes.
 *
 * The number of rows of a block is one of two, all_rows / P or one more, so
 * that what is said about a block is computed for these two only. Example: 10
 * rows in P = 4 blocks, of which a half is held out, and batches of 4 rows.
 *
 *     rows               0 1 | 2 3 4 | 5 6 | 7 8 9
 *     held[0] = 1 of 2,  held[1] = 2 of 3
 *     split_order        0 | 2 | 5 | 8    and then 1 | 3 4 | 6 | 7 9
 *     begin              0   1   2   3   4
 *     validation_begin   0   1   3   4   6
 *
 * (Which rows of a block are held out is random.) Here each part has one row,
 * and an epoch has one batch.
 *
 * Another example, of batches: 50 rows in P = 4 blocks of 12, 13, 12 and 13
 * rows, none held out, and batches of 16 rows. A part has 4 rows, and the last
 * batch has what is left:
 *
 *     block      0    1    2    3     rows of the batch
 *     batch 0    4    4    4    4     16
 *     batch 1    4    4    4    4     16
 *     batch 2    4    4    4    4     16
 *     batch 3    0    1    0    1      2
 *
 * Parts 0 and 2 of batch 3 have no rows. Their gradients are 0, and are added
 * as all others are.
 *
 * In the first example, rank 1 of two has blocks 2 and 3. Its X are the rows 5
 * to 9, which it calls 0 to 4; its begin is 0 1 2, and its split_order 0 3,
 * then 1 2 4.
 */
#include "train/dataset.h"

#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "model/data_check.h"
#include "train/sample_weights.h"
#include "train/train_options.h"
#include "train/validation_split.h"

/* Returns the two factors of the weights of all own rows. */
static mlpi_sample_weights sample_weights_of(const mlpi_dataset *data)
{
    return (mlpi_sample_weights){data->options.class_weights,
                                 data->options.row_weights, data->Y};
}

/* ---------------------------------------------------------------------------
 * Blocks
 */

/* Returns the rows of block p, one of all. */
static size_t block_rows(const mlpi_dataset *data, size_t p)
{
    return mlpi_block_begin(&data->parts, data->all_rows, p + 1) -
           mlpi_block_begin(&data->parts, data->all_rows, p);
}

/* Returns how many rows of block p are held out, which depends on its size
 * alone: data->held has a number for each of the two sizes. */
static size_t held_rows(const mlpi_dataset *data, size_t p)
{
    size_t smaller = data->all_rows / data->parts.count;
    return data->held[block_rows(data, p) > smaller];
}

/* Returns the training rows of block p. */
static size_t training_rows(const mlpi_dataset *data, size_t p)
{
    return block_rows(data, p) - held_rows(data, p);
}

/* True if this process has block p. */
static bool is_own(const mlpi_parts *parts, size_t p)
{
    return p >= parts->first && p - parts->first < parts->own;
}

/* Returns the first row of own block p, counted from 0, in X. */
static size_t own_begin(const mlpi_dataset *data, size_t p)
{
    const mlpi_parts *parts = &data->parts;
    return mlpi_block_begin(parts, data->all_rows, parts->first + p) -
           mlpi_block_begin(parts, data->all_rows, parts->first);
}

/* ---------------------------------------------------------------------------
 * The plan
 */

/* Checks what this process can check by itself. Whether there are enough rows
 * depends on those of the other processes, too, and is found out later. */
static mlp_status check_arguments(const mlp_net *net, mlp_optimizer_kind kind,
                                  const mlpi_dataset *data)
{
    const mlp_train_options *options = &data->options;
    TRY(mlpi_train_options_check(net, options));
    TRY(mlpi_check_shapes(net, &net->hooks, &data->X, &data->Y));
    TRY(mlpi_row_weights_check(net, &net->hooks, &options->row_weights,
                               data->X.rows));
    return mlpi_parts_check(net, options, kind);
}

/* Finds out how many rows all processes have. Before that, all agree that they
 * have the same options, because the sums that follow depend on them. */
static mlp_status count_all_rows(mlpi_dataset *data, mlp_status status)
{
    const mlpi_parts *parts = &data->parts;
    const mlp_train_options *options = &data->options;
    data->all_rows = data->X.rows;
    if (parts->count == 1) {
        return status;
    }
    TRY(mlpi_parts_agree_options(parts, options, status));
    TRY(mlpi_parts_count(parts, data->X.rows, "X", &data->all_rows));
    if (mlpi_has_validation_set(options)) {
        TRY(mlpi_parts_count(parts, options->X_validation.rows, "X_validation",
                             &data->all_validation_rows));
    }
    return MLP_OK;
}

/* Sets the numbers of training and validation rows: of all processes, and of
 * this one. Of P blocks, `larger` have one row more than the others. */
static mlp_status divide_rows(const mlp_net *net, mlpi_dataset *data)
{
    const mlpi_parts *parts = &data->parts;
    double fraction = data->options.validation_fraction;
    size_t smaller = data->all_rows / parts->count;
    size_t larger = data->all_rows % parts->count;
    TRY(mlpi_validation_rows(&net->hooks, fraction, smaller, &data->held[0]));
    if (larger > 0) {
        TRY(mlpi_validation_rows(&net->hooks, fraction, smaller + 1,
                                 &data->held[1]));
    }
    data->all_m = data->all_rows - larger * data->held[1] -
                  (parts->count - larger) * data->held[0];
    data->m = 0;
    for (size_t p = 0; p < parts->own; p++) {
        data->m += training_rows(data, parts->first + p);
    }
    data->validation_rows = data->X.rows - data->m;
    return MLP_OK;
}

/* Sets batch_size, epochs and batch_count. With parts batch_size becomes a
 * multiple of them, and may then be a little above the number of rows. Example:
 * of 10 rows in blocks of 2, 3, 2 and 3 none is held out.
 *
 *     batch_size    rows of a part    batches
 *     4             1                 3, of 4, 4 and 2 rows
 *     8             2                 2, of 8 and 2 rows
 *     0 (all)       3                 1, of 10 rows; batch_size becomes 12
 */
static void divide_batches(mlpi_dataset *data, mlp_optimizer_kind kind,
                           size_t max_rows)
{
    mlp_train_options *options = &data->options;
    mlpi_parts *parts = &data->parts;
    size_t longest = 0; /* training rows of a block */
    for (size_t p = 0; p < parts->count; p++) {
        longest = mlpi_max_size(longest, training_rows(data, p));
    }
    if (parts->count > 1 && options->batch_size == 0) {
        options->batch_size = data->all_m;
    }
    mlpi_train_options_resolve_counts(options, kind, data->all_m, max_rows);
    size_t most = mlpi_divide_up(options->batch_size, parts->count);
    parts->rows = mlpi_max_size(mlpi_min_size(most, longest), 1);
    options->batch_size = parts->rows * parts->count;
    data->batch_count = mlpi_divide_up(longest, parts->rows);
}

/* A fit with parts is planned by the rows of all ranks, so that all come to the
 * same plan. After count_all_rows nothing depends on the rank but m and
 * validation_rows, and what fails, fails on all ranks. */
mlp_status mlpi_dataset_plan(const mlp_net *net, mlp_optimizer_kind kind,
                             size_t max_rows, mlpi_dataset *data)
{
    mlp_train_options *options = &data->options;
    mlp_status status = check_arguments(net, kind, data);
    if (!options->exchange) {
        TRY(status); /* else the others must hear of it first */
    }
    TRY(mlpi_parts_choose(net, options, &data->parts));
    TRY(count_all_rows(data, status));
    TRY(divide_rows(net, data));
    divide_batches(data, kind, max_rows);
    options->optimizer =
        mlpi_optimizer_for_rows(net, &options->optimizer, data->all_m);
    return MLP_OK;
}

/* ---------------------------------------------------------------------------
 * Memory
 */

/* Takes the arrays that this fit needs from the block (see memory.h). Each is
 * there only if something in the options asks for it, so that a small fit of
 * all rows allocates nothing here. With parts some small arrays are always
 * there, and `scratch` has two uses: a block's split is drawn into it before
 * its rows go to their places, and the numbers of other processes' blocks
 * shuffle its bytes. */
static void lay_out(void *object, mlpi_cursor *cursor)
{
    mlpi_dataset *data = object;
    const mlpi_parts *parts = &data->parts;
    mlpi_sample_weights w = sample_weights_of(data);
    bool is_weighted = mlpi_has_sample_weights(&w);
    bool is_shuffled = data->options.shuffle && data->batch_count > 1;
    if (is_weighted) {
        data->row_weights =
            mlpi_take(cursor, data->X.rows, sizeof *data->row_weights);
        data->counted = mlpi_take(cursor, data->m, sizeof *data->counted);
    }
    if (data->validation_rows > 0) {
        data->split_order =
            mlpi_take(cursor, data->X.rows, sizeof *data->split_order);
    }
    if (is_shuffled) {
        data->epoch_order =
            mlpi_take(cursor, data->m, sizeof *data->epoch_order);
    }
    if (parts->count == 1) {
        data->begin = data->whole[0];
        data->validation_begin = data->whole[1];
        data->counted_begin = data->whole[2];
        return;
    }
    size_t n = parts->own + 1;
    data->begin = mlpi_take(cursor, n, sizeof *data->begin);
    data->validation_begin =
        mlpi_take(cursor, n, sizeof *data->validation_begin);
    data->counted_begin = mlpi_take(cursor, n, sizeof *data->counted_begin);
    data->scratch = mlpi_take(cursor, data->all_rows / parts->count + 1,
                              sizeof *data->scratch);
    if (is_weighted) {
        data->batch_weights =
            mlpi_take(cursor, data->batch_count, sizeof *data->batch_weights);
    }
}

/* A fit without weights, validation rows, shuffling and parts needs no array;
 * the first call of lay_out has then set all that there is to set. */
mlp_status mlpi_dataset_allocate(const mlp_hooks *hooks, mlpi_dataset *data)
{
    mlpi_cursor measure = {0};
    lay_out(data, &measure);
    if (measure.used == 0 && !measure.overflow) {
        return MLP_OK;
    }
    return mlpi_allocate_layout(hooks, lay_out, data,
                                "orders and weights of rows", &data->block);
}

void mlpi_dataset_release(const mlp_hooks *hooks, mlpi_dataset *data)
{
    mlpi_release(hooks, data->block);
    mlpi_parts_release(&data->parts);
}

/* ---------------------------------------------------------------------------
 * Split and orders
 */

/* Draws the numbers of a permutation of n rows that other processes have, and
 * shuffles bytes with them, because that is faster than row numbers. */
static mlp_status skip_permutation(const mlpi_dataset *data, mlp_rng *rng,
                                   size_t n)
{
    return mlp_rng_shuffle(rng, data->scratch, n, 1);
}

/* Sets where the own blocks begin in the orders and in X_validation. The rows
 * of X_validation are cut into blocks as those of X are, and all of a block
 * count as held out. */
static void set_begins(mlpi_dataset *data)
{
    const mlpi_parts *parts = &data->parts;
    data->begin[0] = data->validation_begin[0] = 0;
    for (size_t p = 0; p < parts->own; p++) {
        size_t block = parts->first + p;
        size_t held =
            mlpi_has_validation_set(&data->options)
                ? mlpi_block_begin(parts, data->all_validation_rows,
                                   block + 1) -
                      mlpi_block_begin(parts, data->all_validation_rows, block)
                : held_rows(data, block);
        data->begin[p + 1] = data->begin[p] + training_rows(data, block);
        data->validation_begin[p + 1] = data->validation_begin[p] + held;
    }
}

/* Splits own block p, and puts its rows where they belong. A split names rows
 * of the block from 0 on; the orders name rows of X, so the block's first row
 * is added. The only block of a fit without parts is split in place. */
static mlp_status split_block(const mlp_net *net, mlpi_dataset *data, size_t p,
                              mlp_rng *rng)
{
    size_t first = own_begin(data, p);
    size_t held = data->validation_begin[p + 1] - data->validation_begin[p];
    size_t n = data->begin[p + 1] - data->begin[p];
    size_t *training = data->split_order + data->begin[p];
    size_t *validation =
        data->split_order + data->m + data->validation_begin[p];
    if (data->parts.count == 1) {
        return mlpi_validation_split(net, &data->Y, held, rng, training);
    }
    mlp_cview Y = mlp_cview_rows(data->Y, first, n + held);
    TRY(mlpi_validation_split(net, &Y, held, rng, data->scratch));
    for (size_t i = 0; i < n + held; i++) {
        *(i < n ? training + i : validation + (i - n)) =
            first + data->scratch[i];
    }
    return MLP_OK;
}

/* The blocks are split in their order, whoever has them, because the numbers of
 * one follow those of the other in the generator's stream. */
mlp_status mlpi_dataset_split(const mlp_net *net, mlpi_dataset *data,
                              mlp_rng *rng)
{
    const mlpi_parts *parts = &data->parts;
    *rng = mlp_rng_seeded(data->options.seed);
    set_begins(data);
    for (size_t p = 0; p < parts->count && data->validation_rows > 0; p++) {
        TRY(is_own(parts, p)
                ? split_block(net, data, p - parts->first, rng)
                : skip_permutation(data, rng, block_rows(data, p)));
    }
    return MLP_OK;
}

/* Each block is shuffled by itself, in the order of the blocks. The state of
 * the generator afterwards is the same on all ranks. */
mlp_status mlpi_dataset_shuffle(mlpi_dataset *data, mlp_rng *rng)
{
    const mlpi_parts *parts = &data->parts;
    for (size_t i = 0; i < data->m; i++) {
        data->epoch_order[i] = data->split_order ? data->split_order[i] : i;
    }
    for (size_t p = 0; p < parts->count; p++) {
        size_t n = training_rows(data, p);
        TRY(is_own(parts, p)
                ? mlp_rng_shuffle(
                      rng, data->epoch_order + data->begin[p - parts->first], n,
                      sizeof *data->epoch_order)
                : skip_permutation(data, rng, n));
    }
    return MLP_OK;
}

/* ---------------------------------------------------------------------------
 * Weights
 */

/* Returns row number i of the training rows, which are in ascending order. */
static size_t training_row(const mlpi_dataset *data, size_t i)
{
    return data->split_order ? data->split_order[i] : i;
}

/* Only the own rows are looked at, so the status may differ from rank to rank;
 * the caller agrees on it. */
mlp_status mlpi_dataset_weigh(const mlp_net *net, mlpi_dataset *data)
{
    mlpi_sample_weights w = sample_weights_of(data);
    data->n_counted = data->m;
    if (!data->row_weights) {
        return MLP_OK;
    }
    TRY(mlpi_sample_weights_check(net, &net->hooks, &w));
    mlpi_sample_weights_fill(net, &w, data->row_weights);
    data->n_counted = 0;
    data->counted_begin[0] = 0;
    for (size_t p = 0; p < data->parts.own; p++) {
        for (size_t i = data->begin[p]; i < data->begin[p + 1]; i++) {
            size_t row = training_row(data, i);
            if (data->row_weights[row] > 0.0) {
                data->counted[data->n_counted++] = row;
            }
        }
        data->counted_begin[p + 1] = data->n_counted;
    }
    return MLP_OK;
}

/* Returns the sum of the weights of m rows: those of the order from its element
 * `first` on, or, if `order` is NULL, those of X from row `first` on. */
static double add_weights(const mlpi_dataset *data, const size_t *order,
                          size_t first, size_t m)
{
    double sum = 0.0;
    for (size_t i = first; i < first + m; i++) {
        sum += data->row_weights[order ? order[i] : i];
    }
    return sum;
}

/* The sum is made as all sums are, by parts. Without parts it is a plain sum in
 * the order of the rows. */
mlp_status mlpi_dataset_check_weights(const mlp_net *net,
                                      const mlpi_dataset *data)
{
    const mlpi_parts *parts = &data->parts;
    double one = 0.0; /* the only part, for which no memory is allocated */
    double *sums = parts->count == 1 ? &one : parts->sums;
    if (!data->row_weights) {
        return MLP_OK;
    }
    for (size_t p = 0; p < parts->own; p++) {
        sums[p] = add_weights(data, data->split_order, data->begin[p],
                              data->begin[p + 1] - data->begin[p]);
    }
    mlpi_parts_add(parts, sums, 1, 1);
    double sum = sums[0];
    TRY(mlpi_exchange_sum(parts->exchange, &sum, 1, MLP_F64));
    return mlpi_sample_weights_check_sum(&net->hooks, sum);
}

/* The last batch of a block that has fewer batches than the longest one, or a
 * shorter last batch, has few rows of it or none. */
mlpi_segment mlpi_dataset_segment(const mlpi_dataset *data, size_t p,
                                  size_t batch)
{
    size_t first = data->begin[p] + batch * data->parts.rows;
    size_t end = data->begin[p + 1];
    return first < end ? (mlpi_segment){first, mlpi_min_size(end - first,
                                                             data->parts.rows)}
                       : (mlpi_segment){end, 0};
}

/* Each process can compute this, because the sizes of all blocks follow from
 * the number of all rows. */
size_t mlpi_dataset_batch_rows(const mlpi_dataset *data, size_t batch)
{
    size_t rows = 0;
    for (size_t p = 0; p < data->parts.count; p++) {
        size_t n = training_rows(data, p);
        size_t done = mlpi_min_size(batch * data->parts.rows, n);
        rows += mlpi_min_size(n - done, data->parts.rows);
    }
    return rows;
}

/* Every part divides its gradients by the sum of the weights of the whole batch
 * (W_sum in model/loss.h), whose rows are on all ranks. One exchange for all
 * batches of an epoch is faster than one for each. */
mlp_status mlpi_dataset_weigh_batches(mlpi_dataset *data, const size_t *order)
{
    const mlpi_parts *parts = &data->parts;
    for (size_t i = 0; i < data->batch_count; i++) {
        for (size_t p = 0; p < parts->own; p++) {
            mlpi_segment rows = mlpi_dataset_segment(data, p, i);
            parts->sums[p] = add_weights(data, order, rows.first, rows.m);
        }
        mlpi_parts_add(parts, parts->sums, 1, 1);
        data->batch_weights[i] = parts->sums[0];
    }
    return mlpi_exchange_sum(parts->exchange, data->batch_weights,
                             data->batch_count, MLP_F64);
}

/* ---------------------------------------------------------------------------
 * Scaling
 */

/* Sets a scaling from the training rows that count: a row whose weight is 0
 * must not change what a network learns. With parts the mean and the variance
 * are made of sums over parts. */
static mlp_status learn_scaling(const mlp_net *net, mlpi_scaling *to,
                                mlp_cview rows, const mlpi_dataset *data)
{
    const size_t *order = data->counted ? data->counted : data->split_order;
    if (data->parts.count > 1) {
        return mlpi_parts_scale(&data->parts, net, to, rows, order,
                                data->counted ? data->counted_begin
                                              : data->begin);
    }
    mlpi_scaling_learn(net, to, rows, order, data->n_counted);
    return MLP_OK;
}

/* The decision is the same on all ranks, because it depends on options and
 * network alone. The sums over rows need the other ranks, which may fail. */
mlp_status mlpi_dataset_standardise(mlp_net *net, mlpi_dataset *data)
{
    const mlp_train_options *options = &data->options;
    if (!options->standardise || options->epochs == 0 || net->is_trained) {
        return MLP_OK;
    }
    bool scales_X = !net->in.scales;
    bool scales_Y =
        !net->out.scales && mlpi_may_scale(net->loss) &&
        net->layout.layer[net->layout.L].activation == MLP_ACT_IDENTITY;
    if (scales_X) {
        data->scales_X = true;
        TRY(learn_scaling(net, &net->in, data->X, data));
    }
    if (scales_Y) {
        data->scales_Y = true;
        TRY(learn_scaling(net, &net->out, data->Y, data));
    }
    return MLP_OK;
}

void mlpi_dataset_forget_scaling(mlp_net *net, const mlpi_dataset *data)
{
    net->in.scales = net->in.scales && !data->scales_X;
    net->out.scales = net->out.scales && !data->scales_Y;
}

/* ---------------------------------------------------------------------------
 * The split, for callers who want to know it
 */

/* Draws the split of `data`, whose Y and options are set. The caller's array is
 * not used, because a later block can fail when earlier ones have been split. */
static mlp_status split_rows(const mlp_net *net, mlpi_dataset *data)
{
    mlp_rng rng;
    TRY(divide_rows(net, data));
    TRY(mlpi_dataset_allocate(&net->hooks, data));
    return mlpi_dataset_split(net, data, &rng);
}

/* Draws the same split as a fit with the same options, because a fit draws the
 * split before any other random number. Only what that needs is allocated. */
mlp_status mlp_validation_split(const mlp_net *net, mlp_cview Y,
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
    TRY(CHECK_RESERVED(&net->hooks, "options", options));
    TRY(mlpi_check_targets(net, &net->hooks, &Y, MLPI_ANY_ROWS));
    mlpi_dataset data = {.X = {.rows = Y.rows}, .Y = Y, .all_rows = Y.rows};
    data.options = mlp_train_defaults();
    data.options.parts = options->parts;
    data.options.seed = options->seed;
    data.options.validation_fraction = options->validation_fraction;
    TRY(mlpi_parts_choose(net, &data.options, &data.parts));
    mlp_status status = split_rows(net, &data);
    for (size_t i = 0; i < Y.rows && status == MLP_OK; i++) {
        order[i] = training_row(&data, i);
    }
    if (status == MLP_OK) {
        *held = data.validation_rows;
    }
    mlpi_dataset_release(&net->hooks, &data);
    return status;
}
