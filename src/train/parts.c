/* SPDX-License-Identifier: MIT */
/*
 * Sums over the parts of a batch, and a step with them.
 *
 * Gradients. The parts of this process are computed one after the other, in the
 * same array. A binary counter adds them as a tree, with one array for each
 * level, which holds the sum of 2^level parts until its neighbour is ready:
 *
 *     part   0     1         2     3                 (own = 4)
 *     level  0 = g           0 = g
 *                  1 = 0 + g       gradients = 1 + (0 + g)
 *
 * After part p its trailing ones in binary say how many levels are added. The
 * last part adds all, and the result stays in the trainer's gradients. Memory
 * is that of log2(own) + 1 gradients, whatever the number of rows is.
 *
 * Losses and weights are single numbers. Those of all own parts are kept in an
 * array, and added when all are there.
 *
 * An exchange goes on in the same way. With two ranks of four parts each, the
 * gradients of a rank are those of the root of its subtree:
 *
 *     rank 0    (0 + 1) + (2 + 3)  \
 *                                    +     the exchange adds these two
 *     rank 1    (4 + 5) + (6 + 7)  /
 *
 * and with eight ranks of one part each, the exchange adds all. A sum of two
 * floating-point numbers does not depend on their order, so only the shape of
 * the tree must be the same, and it is.
 *
 * Moments. A tree needs sums, so mean and variance of a column are combined
 * from those of the parts (m_p rows, mean_p, std_p) by three sums:
 *
 *     m        = sum of m_p
 *     mean     = origin + sum of m_p / m (mean_p - origin)
 *     variance = sum of m_p / m (std_p^2 + (mean_p - mean)^2)
 *
 * Example: the column 1, 2, 3, 6 in two parts of two rows. Their means are 1.5
 * and 4.5, their std 0.5 and 1.5, and each m_p / m is 1 / 2.
 *
 *     mean     = 1.5 + 1/2 (1.5 - 1.5) + 1/2 (4.5 - 1.5)            = 3
 *     variance = 1/2 (0.25 + 2.25) + 1/2 (2.25 + 2.25)              = 3.5
 *
 * as model/scaling.h has for the whole column.
 *
 * The origin is the mean of the first part that has rows: rows of weight 0 do
 * not count, so it may be another than part 0. With it the mean of a column of
 * equal numbers is exactly that number. Columns of huge or tiny numbers are
 * scaled by a power of two, so that no square overflows or vanishes.
 */
#include "train/parts.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "model/scaling.h"
#include "train/optimizer.h"
#include "train/sample_weights.h"

/* ---------------------------------------------------------------------------
 * Blocks
 */

/* One rank with an exchange has all parts, and needs no exchange. */
mlp_status mlpi_parts_choose(const mlp_net *net,
                             const mlp_train_options *options,
                             mlpi_parts *parts)
{
    const mlp_exchange *exchange = options->exchange;
    *parts = (mlpi_parts){.count = 1, .own = 1, .hooks = net->hooks};
    TRY(mlpi_exchange_check(&net->hooks, exchange, options->parts));
    parts->count = parts->own = options->parts;
    if (exchange && exchange->ranks > 1) {
        parts->exchange = exchange;
        parts->own = parts->count / exchange->ranks;
        parts->first = exchange->rank * parts->own;
    }
    return MLP_OK;
}

/* Refuses what needs all rows of a batch together. */
static mlp_status check_combination(const mlp_net *net, mlp_optimizer_kind kind,
                                    size_t parts)
{
    const char *refused = kind == MLP_OPTIMIZER_LBFGS     ? "lbfgs"
                          : net->layout.running_count > 0 ? "batch norm"
                                                          : NULL;
    if (parts > 1 && refused) {
        return mlpi_error(&net->hooks, MLP_ERR_ARGUMENT,
                          "parts: expects 1 with %s, which needs all rows of a "
                          "batch together, got %zu",
                          refused, parts);
    }
    return MLP_OK;
}

/* parts = 0 is refused later, by mlpi_parts_choose. */
mlp_status mlpi_parts_check(const mlp_net *net,
                            const mlp_train_options *options,
                            mlp_optimizer_kind kind)
{
    TRY(check_combination(net, kind, options->parts));
    if (options->batch_size != MLP_AUTO_COUNT && options->parts > 0 &&
        options->batch_size % options->parts != 0) {
        return mlpi_error(&net->hooks, MLP_ERR_ARGUMENT,
                          "batch_size: expects a multiple of the %zu parts, "
                          "got %zu",
                          options->parts, options->batch_size);
    }
    return MLP_OK;
}

/* p rows / P without overflow: rows = q P + r, so that it is p q + p r / P. */
size_t mlpi_block_begin(const mlpi_parts *parts, size_t rows, size_t p)
{
    size_t q = rows / parts->count;
    size_t r = rows % parts->count;
    return p * q + p * r / parts->count;
}

/* Members are hashed one after the other, because a struct has gaps between
 * them that may hold anything. Data, weights and callbacks may differ, and so
 * may the number of threads. The optimizer is the trainer's. */
mlp_status mlpi_parts_agree_options(const mlpi_parts *parts,
                                    const mlp_train_options *options,
                                    mlp_status status)
{
    if (!parts->exchange) {
        return status;
    }
    const mlp_train_options *o = options;
    const mlp_schedule *rate = &o->schedule;
    bool validates = o->X_validation.rows > 0 || o->Y_validation.rows > 0;
    const size_t sizes[] = {o->epochs,
                            o->batch_size,
                            o->parts,
                            o->seed,
                            o->patience,
                            rate->every,
                            rate->warm_up,
                            rate->epochs,
                            rate->patience,
                            validates,
                            o->standardise,
                            o->shuffle,
                            rate->kind,
                            o->restore_best,
                            o->row_weights.rows > 0,
                            o->class_weights != NULL};
    const double numbers[] = {
        o->learning_rate, o->min_delta,    o->validation_fraction, rate->decay,
        rate->factor,     rate->min_delta, rate->min_rate};
    uint32_t hash = mlpi_hash(MLPI_HASH_BEGIN, sizes, sizeof sizes);
    hash = mlpi_hash(hash, numbers, sizeof numbers);
    return mlpi_agree_equal(parts->exchange, &parts->hooks, status, hash,
                            "options");
}

/* Adds the settings of an optimizer to a hash. */
static uint32_t hash_optimizer(uint32_t hash, const mlp_optimizer *by)
{
    const double numbers[] = {
        (double)by->kind, by->momentum,   by->beta1,      by->beta2,
        by->rho,          by->epsilon,    by->rprop_grow, by->rprop_shrink,
        by->rprop_min,    by->rprop_max,  by->l2,         by->l1,
        by->weight_decay, by->clip_value, by->clip_norm};
    return mlpi_hash(hash, numbers, sizeof numbers);
}

/* Adds to a hash what a network is, but for its numbers. */
static uint32_t hash_net(uint32_t hash, const mlp_net *net)
{
    const mlpi_layout *layout = &net->layout;
    const double numbers[] = {(double)net->kernels->dtype,
                              (double)net->loss,
                              net->huber_delta,
                              net->label_smoothing,
                              net->norm_momentum,
                              net->norm_epsilon,
                              net->in.scales,
                              net->out.scales,
                              net->is_trained,
                              net->quantiles != NULL,
                              (double)layout->L};
    hash = mlpi_hash(hash, numbers, sizeof numbers);
    for (size_t l = 0; l <= layout->L; l++) {
        const mlpi_layer_layout *layer = &layout->layer[l];
        const double of_layer[] = {(double)layer->width, layer->batch_norm,
                                   (double)layer->activation, layer->slope,
                                   layer->dropout};
        hash = mlpi_hash(hash, of_layer, sizeof of_layer);
    }
    if (net->quantiles) {
        hash = mlpi_hash(hash, net->quantiles,
                         mlpi_net_outputs(net) * sizeof *net->quantiles);
    }
    return hash;
}

/* The optimizer's states are not hashed: they come from the same steps as the
 * parameters. */
mlp_status mlpi_parts_agree_trainer(const mlpi_parts *parts,
                                    const mlp_trainer *trainer,
                                    const double *class_weights,
                                    mlp_status status)
{
    if (!parts->exchange) {
        return status;
    }
    const mlp_net *net = trainer->net;
    const mlpi_epoch_state *e = &trainer->epoch_state;
    mlp_cview state = mlpi_net_state(net);
    const double numbers[] = {e->begun, e->begun ? (double)e->epochs : 0.0,
                              e->begun ? (double)e->bad_epochs : 0.0,
                              (double)trainer->forward_count};
    uint32_t hash = mlpi_hash(MLPI_HASH_BEGIN, numbers, sizeof numbers);
    hash = hash_net(hash, net);
    hash = hash_optimizer(hash, &trainer->optimizer.options);
    hash = mlpi_hash(hash, state.data, state.cols * net->kernels->real_size);
    if (e->begun) {
        hash = mlpi_hash(hash, e->rng.key, sizeof e->rng.key);
    }
    if (class_weights && status == MLP_OK) {
        hash = mlpi_hash(hash, class_weights,
                         mlpi_class_weights_count(net) * sizeof *class_weights);
    }
    return mlpi_agree_equal(parts->exchange, &parts->hooks, status, hash,
                            "network and trainer");
}

/* Counts are exact as doubles: no memory holds 2^53 rows. */
mlp_status mlpi_parts_count(const mlpi_parts *parts, size_t own,
                            const char *what, size_t *all)
{
    double sum = (double)own;
    mlp_status status = MLP_OK;
    TRY(mlpi_exchange_sum(parts->exchange, &sum, 1, MLP_F64));
    *all = (size_t)sum;
    size_t expected = mlpi_block_begin(parts, *all, parts->first + parts->own) -
                      mlpi_block_begin(parts, *all, parts->first);
    if (*all < parts->count) {
        status = mlpi_error(&parts->hooks, MLP_ERR_SHAPE,
                            "%s: expects a row for each of %zu parts, got %zu "
                            "row%s",
                            what, parts->count, *all, mlpi_plural(*all));
    } else if (own != expected) {
        status = mlpi_error(&parts->hooks, MLP_ERR_SHAPE,
                            "%s: expects %zu of the %zu rows of all ranks on "
                            "rank %zu, got %zu",
                            what, expected, *all, parts->exchange->rank, own);
    }
    return mlpi_agree(parts->exchange, &parts->hooks, status, NULL, 0);
}

/* ---------------------------------------------------------------------------
 * Sums
 */

/* Memory that sums over parts need is allocated once for a fit, so that no step
 * allocates. What lay_out needs: the length of an array of gradients comes from
 * the network, and the pointers go to the parts. */
typedef struct memory {
    const mlp_net *net;
    mlpi_parts *parts;
} memory;

/* Takes the arrays from the block (see memory.h). With n own parts the tree has
 * log2(n) levels below its top. */
static void lay_out(void *object, mlpi_cursor *cursor)
{
    const memory *m = object;
    mlpi_parts *parts = m->parts;
    size_t real_size = m->net->kernels->real_size;
    parts->sums = mlpi_take(cursor, parts->own, sizeof *parts->sums);
    parts->moments = mlpi_take(cursor, parts->own * MLPI_PART_MOMENTS,
                               sizeof *parts->moments);
    for (size_t k = 0; (size_t)1 << k < parts->own; k++) {
        parts->levels[k] =
            mlpi_take(cursor, m->net->layout.parameters, real_size);
    }
}

/* With one own part there are no levels, and the gradients of the part go to
 * the exchange as they are. */
mlp_status mlpi_parts_prepare(const mlp_net *net, mlpi_parts *parts)
{
    memory m = {net, parts};
    return mlpi_allocate_layout(&net->hooks, lay_out, &m,
                                "the parts of a batch", &parts->block);
}

void mlpi_parts_release(mlpi_parts *parts)
{
    mlpi_release(&parts->hooks, parts->block);
}

/* After the round with distance d, every number p that is a multiple of 2 d
 * holds the sum of the 2 d parts from p on. */
void mlpi_parts_add(const mlpi_parts *parts, double *numbers, size_t stride,
                    size_t width)
{
    for (size_t distance = 1; distance < parts->own; distance *= 2) {
        for (size_t p = 0; p < parts->own; p += 2 * distance) {
            for (size_t j = 0; j < width; j++) {
                numbers[p * stride + j] += numbers[(p + distance) * stride + j];
            }
        }
    }
}

/* ---------------------------------------------------------------------------
 * Moments of columns
 */

/* Some columns of the rows of all own parts. */
typedef struct columns {
    mlp_cview X;
    const size_t *order, *begin; /* as in mlpi_parts_scale */
} columns;

/* What is known about these columns. */
typedef struct column_sums {
    double rows;        /* m, over all parts */
    size_t origin_part; /* the own part that has the origin, or `own` */
    double origin[MLPI_MOMENT_COLUMNS], scale[MLPI_MOMENT_COLUMNS];
    double mean[MLPI_MOMENT_COLUMNS], std[MLPI_MOMENT_COLUMNS];
} column_sums;

/* Mean and std of one column in one part, and the part's m_p / m. */
typedef struct part_moments {
    double mean, std, share;
    bool has_origin;
} part_moments;

/* Returns what a part adds to a sum about column j. */
typedef double moment_term(const column_sums *s, const part_moments *of,
                           size_t j);

/* Only one part adds something, so that the sum is its mean. */
static double origin_term(const column_sums *s, const part_moments *of,
                          size_t j)
{
    (void)s;
    (void)j;
    return of->has_origin ? of->mean : 0.0;
}

/* No number of the part is much larger than this, and one is about as large. */
static double magnitude_term(const column_sums *s, const part_moments *of,
                             size_t j)
{
    (void)s;
    (void)j;
    return fabs(of->mean) + of->std;
}

/* The difference is small for numbers that vary little, so it loses no digits;
 * it is 0 in a column of equal numbers. */
static double mean_term(const column_sums *s, const part_moments *of, size_t j)
{
    return of->share * (of->mean * s->scale[j] - s->origin[j] * s->scale[j]);
}

/* The mean square of the deviations from the mean of all rows is that from the
 * part's own mean, plus the square of the distance of the means. */
static double variance_term(const column_sums *s, const part_moments *of,
                            size_t j)
{
    double std = of->std * s->scale[j];
    double d = of->mean * s->scale[j] - s->mean[j];
    return of->share * (std * std + d * d);
}

/* Sets sums[j] to the sum of the terms over all parts. */
static mlp_status sum_terms(const mlpi_parts *parts, const columns *c,
                            const column_sums *s, moment_term *term,
                            double *sums)
{
    enum { STD = MLPI_MOMENT_COLUMNS, TERM = 2 * MLPI_MOMENT_COLUMNS };
    for (size_t p = 0; p < parts->own; p++) {
        double *numbers = parts->moments + p * MLPI_PART_MOMENTS;
        part_moments of = {.share = (double)(c->begin[p + 1] - c->begin[p]) /
                                    s->rows,
                           .has_origin = p == s->origin_part};
        for (size_t j = 0; j < c->X.cols; j++) {
            of.mean = numbers[j];
            of.std = numbers[STD + j];
            numbers[TERM + j] = term(s, &of, j);
        }
    }
    mlpi_parts_add(parts, parts->moments + TERM, MLPI_PART_MOMENTS, c->X.cols);
    memcpy(sums, parts->moments + TERM, c->X.cols * sizeof *sums);
    return mlpi_exchange_sum(parts->exchange, sums, c->X.cols, MLP_F64);
}

/* Computes mean and std of these columns in each own part; 0 in one that has
 * no rows. */
static void find_part_moments(const mlpi_parts *parts, const mlp_net *net,
                              const columns *c)
{
    memset(parts->moments, 0,
           parts->own * MLPI_PART_MOMENTS * sizeof *parts->moments);
    for (size_t p = 0; p < parts->own; p++) {
        size_t begin = c->begin[p];
        size_t m = c->begin[p + 1] - begin;
        double *mean = parts->moments + p * MLPI_PART_MOMENTS;
        if (m > 0) {
            net->kernels->scalar->column_moments(
                c->order ? c->X : mlp_cview_rows(c->X, begin, m),
                c->order ? c->order + begin : NULL, m, mean,
                mean + MLPI_MOMENT_COLUMNS);
        }
    }
}

/* Squares of numbers above 2^512 overflow, and those of numbers below 2^-511
 * lose digits, so that there is some room on either side of the limits.
 * Returns the power of two by which a column of this magnitude is multiplied:
 * 1 unless squares of its numbers may overflow or vanish. */
static double column_scale(double magnitude)
{
    return magnitude > 0x1p480    ? 0x1p-600
           : magnitude < 0x1p-400 ? 0x1p600
                                  : 1.0;
}

/* Finds the first part that has rows. If it is one of another rank's, *found is
 * the number of own parts. */
static mlp_status find_origin(const mlpi_parts *parts, const size_t *begin,
                              size_t *found)
{
    size_t p = 0;
    size_t rank = 0;
    while (p < parts->own && begin[p + 1] == begin[p]) {
        p++;
    }
    *found = p;
    if (parts->exchange) {
        TRY(mlpi_exchange_find(parts->exchange, p < parts->own, &rank));
        *found = rank == parts->exchange->rank ? p : parts->own;
    }
    return MLP_OK;
}

/* Computes mean and std of these columns over all parts, by four sums over the
 * parts: magnitudes and origins, from which follows how a column is scaled and
 * shifted, then the two sums of the file's head. */
static mlp_status find_moments(const mlpi_parts *parts, const columns *c,
                               column_sums *s)
{
    TRY(sum_terms(parts, c, s, magnitude_term, s->scale));
    TRY(sum_terms(parts, c, s, origin_term, s->origin));
    for (size_t j = 0; j < c->X.cols; j++) {
        s->scale[j] = column_scale(s->scale[j]);
    }
    TRY(sum_terms(parts, c, s, mean_term, s->mean));
    for (size_t j = 0; j < c->X.cols; j++) {
        s->mean[j] += s->origin[j] * s->scale[j];
    }
    TRY(sum_terms(parts, c, s, variance_term, s->std));
    for (size_t j = 0; j < c->X.cols; j++) {
        s->mean[j] /= s->scale[j];
        s->std[j] = sqrt(s->std[j]) / s->scale[j];
    }
    return MLP_OK;
}

/* Moments are combined for as many columns at a time as a kernel takes. All
 * ranks make the same exchanges, because they have the same columns. */
mlp_status mlpi_parts_scale(const mlpi_parts *parts, const mlp_net *net,
                            mlpi_scaling *to, mlp_cview rows,
                            const size_t *order, const size_t *begin)
{
    column_sums s = {.rows = (double)begin[parts->own]};
    bool hinted = parts->first > 0; /* rank 0 gives hints */
    TRY(mlpi_exchange_sum(parts->exchange, &s.rows, 1, MLP_F64));
    TRY(find_origin(parts, begin, &s.origin_part));
    for (size_t first = 0; first < rows.cols; first += MLPI_MOMENT_COLUMNS) {
        columns c = {mlpi_scaling_columns(net, rows, first), order, begin};
        find_part_moments(parts, net, &c);
        TRY(find_moments(parts, &c, &s));
        mlpi_scaling_set(net, to, first, c.X.cols, s.mean, s.std, &hinted);
    }
    return MLP_OK;
}

/* ---------------------------------------------------------------------------
 * Scores
 */

/* The numbers of rows and of right labels are whole, so that their sums are
 * exact in any order. The sum of the losses is made as a tree. */
mlp_status mlpi_parts_evaluate(const mlpi_parts *parts, const mlp_net *net,
                               const mlp_workspace *workspace,
                               const mlpi_eval_rows *rows, const size_t *begin,
                               bool *stops, mlp_scores *scores)
{
    double all[] = {*stops, 0.0, 0.0, 0.0};
    mlpi_score_sums sums = {0.0, 0.0, 0.0};
    for (size_t p = 0; begin && p < parts->own; p++) {
        mlpi_score_sums of_part = {0.0, 0.0, 0.0};
        mlpi_eval_rows of = *rows;
        mlpi_eval_rows_select(&of, begin[p], begin[p + 1] - begin[p]);
        mlpi_evaluate_sums(net, workspace, &of, &of_part);
        parts->sums[p] = of_part.loss;
        sums.rows += of_part.rows;
        sums.correct += of_part.correct;
    }
    if (begin) {
        mlpi_parts_add(parts, parts->sums, 1, 1);
        all[1] = parts->sums[0];
    }
    all[2] = sums.rows;
    all[3] = sums.correct;
    TRY(mlpi_agree(parts->exchange, &parts->hooks, MLP_OK, all, 4));
    *stops = all[0] > 0.0;
    if (begin && !*stops) {
        sums = (mlpi_score_sums){all[1], all[2], all[3]};
        mlpi_scores_of(net, &sums, scores);
    }
    return MLP_OK;
}

/* ---------------------------------------------------------------------------
 * A step
 */

/* Returns where the gradients of own part p go: the file's head shows it. As in
 * a binary counter, part p fills the level of its lowest bit that is 0, with
 * the levels below it, which it empties. The last part has no such bit below
 * the number of levels. */
static mlpi_merge merge_of(const mlpi_parts *parts, const mlp_trainer *t,
                           size_t p)
{
    mlpi_merge merge = {.n = 0};
    for (; p >> merge.n & 1; merge.n++) {
        merge.sums[merge.n] = parts->levels[merge.n];
    }
    merge.to =
        p + 1 == parts->own ? t->batch.gradients : parts->levels[merge.n];
    return merge;
}

/* Adds the loss of all ranks, and agrees whether there shall be a step. The
 * gradients are looked at before they are added, because afterwards nobody
 * could tell whose were bad. */
static mlp_status agree_on_step(const mlp_trainer *t, mlpi_part_batch *batch,
                                mlpi_step_result *result)
{
    const mlpi_parts *parts = batch->parts;
    bool is_bad = !isfinite(result->loss) ||
                  !t->net->kernels->is_finite(t->net->layout.parameters,
                                              t->batch.gradients);
    double all[] = {batch->stops, is_bad, result->loss};
    TRY(mlpi_agree(parts->exchange, &parts->hooks, MLP_OK, all, 3));
    batch->stopped = all[0] > 0.0;
    result->loss = all[2];
    if (all[1] > 0.0 && !batch->stopped) {
        batch->is_bad = true;
        return mlpi_exchange_find(parts->exchange, is_bad, &batch->bad_rank);
    }
    return MLP_OK;
}

/* The exchange has two sums in a step: a short one, for all that must be known
 * before the update, and that of the gradients. If a rank wants to stop there
 * is no second, and the forward pass has not been. Penalties depend on the
 * weights, which are the same on all ranks, so they are added afterwards. */
mlp_status mlpi_parts_step(mlp_trainer *trainer, const mlpi_step_args *args,
                           mlpi_part_batch *batch, mlpi_step_result *result)
{
    const mlpi_parts *parts = batch->parts;
    mlpi_step_begin(trainer);
    for (size_t p = 0; p < parts->own; p++) {
        mlpi_step_args rows = {.discard_Z_and_dW = true};
        mlpi_step_result of_part = {.loss = 0.0};
        mlpi_merge merge = merge_of(parts, trainer, p);
        batch->take(trainer, batch->source, parts->first + p, &rows);
        mlpi_step_part(trainer, &rows, (parts->first + p) * parts->rows, &merge,
                       &of_part);
        parts->sums[p] = of_part.loss;
    }
    mlpi_parts_add(parts, parts->sums, 1, 1);
    result->loss = parts->sums[0];
    if (parts->exchange) {
        TRY(agree_on_step(trainer, batch, result));
        if (batch->stopped) {
            trainer->forward_count--; /* as if it had not begun */
            return MLP_OK;
        }
        TRY(mlpi_exchange_sum(parts->exchange, trainer->batch.gradients,
                              trainer->net->layout.parameters,
                              trainer->net->kernels->dtype));
    }
    mlpi_step_finish(trainer, args, result);
    return MLP_OK;
}
