/* SPDX-License-Identifier: MIT */
/*
 * Training on rows in memory: mlp_fit and mlp_trainer_fit. This data source
 * (see training_loop.h) splits the rows into training and validation rows,
 * computes row weights, and shuffles. It moves no rows: an order is an array of
 * indices into X and Y.
 *
 *     split_order   | training rows, ascending | validation rows, ascending |
 *     epoch_order   | training rows, shuffled  |
 *
 * Batch i of an epoch has the batch_size rows from i * batch_size on. The rows
 * are those of epoch_order if rows are shuffled; else those of the first part
 * of split_order if there is a split; else those of X.
 *
 * All random numbers here come from one generator, in this order:
 *
 *     1. the split, if there are validation rows: one permutation of all rows
 *     2. for each epoch, if rows are shuffled and there is more than one
 *        batch: one permutation of the training rows
 *
 * The split is drawn first, so it depends only on seed and targets. A later fit
 * with the same trainer and seed draws the same split again. It then goes on
 * shuffling where the earlier fit stopped. mlp_validation_split draws the same
 * split without training. Dropout has its own random numbers, so it does not
 * change the split or the orders.
 *
 * All memory is allocated before the first epoch, and everything is checked
 * before anything changes.
 */
#include "base/error.h"
#include "base/memory.h"
#include "model/data_check.h"
#include "model/scaling.h"
#include "train/lbfgs_step.h"
#include "train/sample_weights.h"
#include "train/train_options.h"
#include "train/training_loop.h"
#include "train/validation_split.h"

/* The training and validation rows of one fit. */
typedef struct mlpi_dataset {
    mlp_cview X, Y;
    mlp_train_options options; /* resolved: see train_options.h */
    size_t m;                  /* number of training rows */
    size_t validation_rows;    /* number of validation rows: X.rows - m */
    size_t batch_count;        /* batches of an epoch */
    mlpi_step_args all_rows;   /* the batch, if there is only one */
    bool scales_X, scales_Y;   /* this fit has set the network's scaling */

    void *block;         /* memory of the arrays below */
    size_t *split_order; /* [X.rows]; NULL: no validation rows */
    size_t *epoch_order; /* [m]; NULL: rows are not shuffled */
    double *row_weights; /* [X.rows], by row of X; NULL: all are 1 */

    /* The training rows whose weight is not 0, ascending: n_counted rows of X,
     * which `counted` names; NULL: those of split_order, or the first ones. */
    size_t *counted; /* [m] */
    size_t n_counted;
} mlpi_dataset;

static mlpi_sample_weights sample_weights_of(const mlpi_dataset *data)
{
    return (mlpi_sample_weights){data->options.class_weights,
                                 data->options.row_weights, data->Y};
}

/* ---------------------------------------------------------------------------
 * Memory
 */

/* Takes the arrays that this fit needs from the block (see memory.h). */
static void lay_out(void *object, mlpi_cursor *cursor)
{
    mlpi_dataset *data = object;
    mlpi_sample_weights w = sample_weights_of(data);
    if (mlpi_has_sample_weights(&w)) {
        data->row_weights =
            mlpi_take(cursor, data->X.rows, sizeof *data->row_weights);
        data->counted = mlpi_take(cursor, data->m, sizeof *data->counted);
    }
    if (data->validation_rows > 0) {
        data->split_order =
            mlpi_take(cursor, data->X.rows, sizeof *data->split_order);
    }
    if (data->options.shuffle && data->batch_count > 1) {
        data->epoch_order =
            mlpi_take(cursor, data->m, sizeof *data->epoch_order);
    }
}

/* Allocates the arrays, or nothing if none is needed. */
static mlp_status allocate(const mlp_hooks *hooks, mlpi_dataset *data)
{
    mlpi_cursor measure = {0};
    lay_out(data, &measure);
    if (measure.used == 0 && !measure.overflow) {
        return MLP_OK;
    }
    return mlpi_allocate_layout(hooks, lay_out, data,
                                "orders and weights of rows", &data->block);
}

/* ---------------------------------------------------------------------------
 * An epoch
 */

/* Draws a new order of the training rows. Each epoch shuffles the ascending
 * order again, so the new order depends only on the state of the generator, and
 * a checkpoint need not store the old one. */
static mlp_status shuffle(mlpi_dataset *data, mlp_rng *rng)
{
    for (size_t i = 0; i < data->m; i++) {
        data->epoch_order[i] = data->split_order ? data->split_order[i] : i;
    }
    return mlp_rng_shuffle(rng, data->epoch_order, data->m,
                           sizeof *data->epoch_order);
}

/* Returns the arguments of the step for the batch that begins at element
 * `first` of `order`, or at row `first` of X if `order` is NULL. While the rows
 * of a batch are copied, those of the next batch are prefetched, because the
 * CPU cannot predict a random order. */
static mlpi_step_args batch_args(const mlpi_dataset *data, const size_t *order,
                                 size_t first)
{
    size_t left = data->m - first;
    size_t batch_size = data->options.batch_size;
    mlpi_step_args args = {
        .m = mlpi_min_size(left, batch_size), .X = data->X, .Y = data->Y};
    if (order) {
        args.order = order + first;
        args.row_weights = data->row_weights;
        args.prefetch_ahead = left >= 2 * batch_size ? batch_size : 0;
    } else {
        mlpi_cut_rows(&args.X, first, args.m);
        mlpi_cut_rows(&args.Y, first, args.m);
        args.row_weights = data->row_weights ? data->row_weights + first : NULL;
    }
    return args;
}

/* Trains on all rows as one batch. They are copied into the trainer in the
 * first epoch only, and stay there unless they are taken in micro-batches. */
static mlp_status feed_all_rows(mlpi_loop *loop, mlpi_dataset *data)
{
    mlpi_step_args *args = &data->all_rows;
    if (loop->epochs_done == 0) {
        *args = batch_args(data, data->split_order, 0);
        mlpi_batch_weigh(loop->trainer, args);
    } else {
        args->rows_loaded = true;
    }
    return mlpi_loop_train_batch(loop, args);
}

/* Trains on all batches of an epoch. */
static mlp_status feed_epoch(mlpi_loop *loop, void *source)
{
    mlpi_dataset *data = source;
    const size_t *order = data->split_order;
    if (data->batch_count == 1) {
        return feed_all_rows(loop, data);
    }
    if (data->epoch_order) {
        TRY(shuffle(data, &loop->trainer->epoch_state.rng));
        order = data->epoch_order;
    }
    for (size_t i = 0; i < data->batch_count && !loop->stopped; i++) {
        mlpi_step_args args =
            batch_args(data, order, i * data->options.batch_size);
        mlpi_batch_weigh(loop->trainer, &args);
        TRY(mlpi_loop_train_batch(loop, &args));
    }
    return MLP_OK;
}

/* ---------------------------------------------------------------------------
 * Before the first epoch
 */

/* Checks options and shapes, and sets the numbers of rows and batches, for an
 * optimizer of this kind and a trainer for batches of max_rows rows. */
static mlp_status plan_dataset(const mlp_net *net, mlp_optimizer_kind kind,
                               size_t max_rows, mlpi_dataset *data)
{
    mlp_train_options *options = &data->options;
    TRY(mlpi_train_options_check(net, options));
    TRY(mlpi_check_shapes(net, &net->hooks, &data->X, &data->Y));
    TRY(mlpi_row_weights_check(net, &net->hooks, &options->row_weights,
                               data->X.rows));
    TRY(mlpi_validation_rows(&net->hooks, options->validation_fraction,
                             data->X.rows, &data->validation_rows));
    data->m = data->X.rows - data->validation_rows;
    mlpi_train_options_resolve_counts(options, kind, data->m, max_rows);
    options->optimizer =
        mlpi_optimizer_for_rows(net, &options->optimizer, data->m);
    data->batch_count = mlpi_divide_up(data->m, options->batch_size);
    return MLP_OK;
}

/* Draws the split, if there are validation rows. Afterwards `rng` is the
 * generator with which a new trainer shuffles its first epoch. */
static mlp_status draw_split(const mlp_net *net, mlpi_dataset *data,
                             mlp_rng *rng)
{
    *rng = mlp_rng_seeded(data->options.seed);
    return data->validation_rows > 0
               ? mlpi_validation_split(net, &data->Y, data->validation_rows,
                                       rng, data->split_order)
               : MLP_OK;
}

/* Computes the weights of all rows, and lists the training rows that have one.
 * The sum over the training rows must be
 * above 0. It can be 0 even if the sum over all rows is not, if all rows with
 * weight are validation rows. */
static mlp_status fill_row_weights(const mlp_net *net, mlpi_dataset *data)
{
    mlpi_sample_weights w = sample_weights_of(data);
    data->n_counted = data->m;
    if (!data->row_weights) {
        return MLP_OK;
    }
    TRY(mlpi_sample_weights_check(net, &net->hooks, &w));
    mlpi_sample_weights_fill(net, &w, data->row_weights);
    double sum = 0.0;
    data->n_counted = 0;
    for (size_t i = 0; i < data->m; i++) {
        size_t row = data->split_order ? data->split_order[i] : i;
        sum += data->row_weights[row];
        if (data->row_weights[row] > 0.0) {
            data->counted[data->n_counted++] = row;
        }
    }
    return mlpi_sample_weights_check_sum(&net->hooks, sum);
}

/* Lets a new network standardise, with the moments of the training rows
 * alone: those of validation rows would tell the network about them, and
 * rows of weight 0 may hold anything, such as -999 for a number that is
 * missing. Targets are scaled only where the last layer can give every
 * number. Once there have been updates the scaling must stay, because the
 * weights belong to it. */
static void standardise(mlp_net *net, mlpi_dataset *data)
{
    const mlp_train_options *options = &data->options;
    if (!options->standardise || options->epochs == 0 || net->is_trained) {
        return;
    }
    const size_t *order = data->counted ? data->counted : data->split_order;
    data->scales_X = !net->in.scales;
    data->scales_Y =
        !net->out.scales && mlpi_may_scale(net->loss) &&
        net->layout.layer[net->layout.L].activation == MLP_ACT_IDENTITY;
    if (data->scales_X) {
        mlpi_scaling_learn(net, &net->in, data->X, order, data->n_counted);
    }
    if (data->scales_Y) {
        mlpi_scaling_learn(net, &net->out, data->Y, order, data->n_counted);
    }
}

/* Takes back the scaling that this fit has set, because its weights are gone,
 * too. The next fit then standardises by its own rows. */
static void forget_scaling(mlp_net *net, const mlpi_dataset *data)
{
    net->in.scales = net->in.scales && !data->scales_X;
    net->out.scales = net->out.scales && !data->scales_Y;
}

/* Gives the hints about rows and batches. A caller who fits one epoch after the
 * other with the same trainer gets them in the first fit only. */
static void give_hints(const mlp_net *net, const mlpi_dataset *data)
{
    mlpi_hint_about_rows(net, data->X, data->Y,
                         data->counted ? data->counted : data->split_order,
                         data->n_counted);
    mlpi_hint_about_batches(net, data->m, data->options.batch_size);
}

/* Prepares everything and runs the epochs. Memory is allocated before values
 * are checked, so a call with absurdly many rows fails at once. Before
 * mlpi_loop_seed_trainer the trainer gets at most memory for the best weights;
 * after that only training itself can fail. */
static mlp_status prepare_and_run(mlpi_loop *loop, mlpi_dataset *data,
                                  mlp_history **history)
{
    mlp_trainer *trainer = loop->trainer;
    const mlp_net *net = trainer->net;
    if (data->batch_count > 1) {
        TRY(mlpi_refuse_lbfgs(trainer, "several batches"));
    }
    TRY(mlpi_loop_prepare(loop, history != NULL));
    TRY(allocate(&trainer->hooks, data));
    TRY(mlpi_check_values(net, &net->hooks, &data->X, &data->Y));
    mlp_rng rng;
    TRY(draw_split(net, data, &rng));
    TRY(fill_row_weights(net, data));
    standardise(trainer->net, data);
    if (!trainer->epoch_state.begun) {
        give_hints(net, data);
    }
    bool is_new = mlpi_loop_seed_trainer(trainer, loop->options);
    if (data->validation_rows > 0) {
        loop->validation.order = data->split_order + data->m;
        if (is_new) {
            trainer->epoch_state.rng = rng;
        }
    }
    mlp_status status = mlpi_loop_run(loop, history);
    if (loop->is_undone) {
        forget_scaling(trainer->net, data);
    }
    return status;
}

/* Trains. The caller has checked the options and the shapes. */
static mlp_status fit(mlp_trainer *trainer, mlpi_dataset *data,
                      mlp_history **history)
{
    mlpi_loop loop = {
        .trainer = trainer,
        .options = &data->options,
        .feed_epoch = feed_epoch,
        .source = data,
        .validation = {data->validation_rows, data->X, data->Y, NULL}};
    mlp_status status = prepare_and_run(&loop, data, history);
    mlpi_release(&trainer->hooks, data->block);
    mlpi_loop_release(&loop);
    return status;
}

/* ---------------------------------------------------------------------------
 * Public functions
 */

mlp_status mlp_trainer_fit(mlp_trainer *trainer, mlp_cview X, mlp_cview Y,
                           const mlp_train_options *options,
                           mlp_history **history)
{
    if (!trainer) {
        return MLP_ERR_NULL;
    }
    mlp_optimizer_kind kind = trainer->optimizer.options.kind;
    mlpi_dataset data = {
        .X = X, .Y = Y, .options = mlpi_train_options_resolve(options, kind)};
    TRY(plan_dataset(trainer->net, kind, trainer->max_rows, &data));
    TRY(mlpi_loop_check_batch(trainer, data.options.batch_size));
    return fit(trainer, &data, history);
}

mlp_status mlp_fit(mlp_net *net, mlp_cview X, mlp_cview Y,
                   const mlp_train_options *options, mlp_history **history)
{
    if (!net) {
        return MLP_ERR_NULL;
    }
    mlp_optimizer_kind kind =
        options ? options->optimizer.kind : mlp_train_defaults().optimizer.kind;
    mlpi_dataset data = {
        .X = X, .Y = Y, .options = mlpi_train_options_resolve(options, kind)};
    TRY(plan_dataset(net, kind, SIZE_MAX, &data));
    mlp_trainer *trainer = NULL;
    TRY(mlpi_loop_create_trainer(net, data.options.batch_size, true,
                                 &data.options, &trainer));
    mlp_status status = fit(trainer, &data, history);
    mlp_trainer_free(trainer);
    return status;
}
