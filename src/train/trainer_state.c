/* SPDX-License-Identifier: MIT */
/*
 * The memory of a trainer. Its block begins with the trainer itself; then come
 * the arrays in the order in which lay_out takes them:
 *
 *     | trainer | Z A dZ A_dropped X_hat db_lanes: [L + 1] pointers each |
 *     | the matrices of layer 0 | of layer 1 | ... | of layer L |
 *     | moments | Y | row weights | gradients | plan | scratch |
 *
 * All matrices have array_rows rows, and a smaller batch uses the first rows of
 * each. So training allocates nothing after it has begun. Memory that a trainer
 * may need later, or in another size, has blocks of its own: the optimizer's
 * states, the best weights, dX, and the threads with their memory.
 */
#include "train/trainer_state.h"

#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "model/layer.h"

/* Takes a matrix of array_rows rows of `width` reals (float or double) from the
 * block. The cursor (see memory.h) notices if the size overflows. */
static void *take_matrix(const mlp_trainer *t, size_t width,
                         mlpi_cursor *cursor)
{
    size_t row_size = width * t->net->kernels->real_size;
    return mlpi_take(cursor, t->array_rows, row_size);
}

/* Takes the matrices of layer l. Layer 0 holds the inputs, and has only A.
 * Without dropout A_dropped is the same matrix as A. */
static void lay_out_layer(mlp_trainer *t, size_t l, mlpi_cursor *cursor)
{
    const mlpi_layer_layout *layer = &t->net->layout.layer[l];
    size_t width = layer->width;
    size_t real_size = t->net->kernels->real_size;
    void *A = take_matrix(t, width, cursor);
    void *Z = l > 0 ? take_matrix(t, width, cursor) : NULL;
    void *dZ = l > 0 ? take_matrix(t, width, cursor) : NULL;
    void *dropped = layer->dropout > 0 ? take_matrix(t, width, cursor) : A;
    void *X_hat = layer->batch_norm ? take_matrix(t, width, cursor) : NULL;
    void *db_lanes =
        l > 0 ? mlpi_take(cursor, MLPI_LANES * width, real_size) : NULL;
    if (cursor->base) {
        t->batch.A[l] = A;
        t->batch.Z[l] = Z;
        t->batch.dZ[l] = dZ;
        t->batch.A_dropped[l] = dropped;
        t->batch.X_hat[l] = X_hat;
        t->batch.db_lanes[l] = db_lanes;
    }
}

/* Takes the block's arrays in the order of the drawing above. The first call
 * measures them, the second one sets the pointers (see memory.h). */
static void lay_out(void *object, mlpi_cursor *cursor)
{
    mlp_trainer *t = object;
    const mlpi_layout *layout = &t->net->layout;
    size_t size = t->net->kernels->real_size;
    size_t layers = layout->L + 1;
    (void)mlpi_take(cursor, 1, sizeof *t);
    t->batch.Z = mlpi_take(cursor, layers, sizeof *t->batch.Z);
    t->batch.A = mlpi_take(cursor, layers, sizeof *t->batch.A);
    t->batch.dZ = mlpi_take(cursor, layers, sizeof *t->batch.dZ);
    t->batch.A_dropped = mlpi_take(cursor, layers, sizeof *t->batch.A_dropped);
    t->batch.X_hat = mlpi_take(cursor, layers, sizeof *t->batch.X_hat);
    t->batch.db_lanes = mlpi_take(cursor, layers, sizeof *t->batch.db_lanes);
    t->batch.has_output =
        mlpi_take(cursor, layers, sizeof *t->batch.has_output);
    for (size_t l = 0; l < layers; l++) {
        lay_out_layer(t, l, cursor);
    }
    t->batch.moments = mlpi_take(cursor, layout->running_count, size);
    t->batch.Y = take_matrix(t, mlpi_net_targets(t->net), cursor);
    t->row_weights = mlpi_take(cursor, t->array_rows, sizeof *t->row_weights);
    t->batch.gradients = mlpi_take(cursor, layout->parameters, size);
    t->plan.layer = mlpi_take(cursor, layers, sizeof *t->plan.layer);
    t->scratch_size = mlpi_training_scratch(t->net, t->array_rows);
    t->plan.scratch = mlpi_take(cursor, t->scratch_size, size);
}

/* The trainer is made in a local variable and copied into its block at the end,
 * so a failure leaves nothing behind. The seed is that of
 * mlp_train_defaults. */
mlp_status mlpi_trainer_make(mlp_net *net, size_t max_rows, size_t array_rows,
                             mlp_trainer **trainer)
{
    TRY(mlpi_check_rounding(&net->hooks));
    mlp_trainer made = {.hooks = net->hooks,
                        .net = net,
                        .max_rows = max_rows,
                        .array_rows = array_rows,
                        .seed = 42};
    void *block = NULL;
    /* MLP_ERR_LIMIT if max_rows is so large that a size overflows. */
    TRY(mlpi_allocate_layout(&net->hooks, lay_out, &made, "a trainer", &block));
    /* Plain gradient descent allocates nothing, so this cannot fail. */
    mlp_optimizer sgd = mlp_optimizer_defaults(MLP_OPTIMIZER_SGD);
    (void)mlpi_optimizer_make(net, &net->hooks, &sgd, &made.optimizer);
    *trainer = block;
    **trainer = made;
    return MLP_OK;
}

mlp_status mlp_trainer_create(mlp_net *net, size_t max_rows,
                              mlp_trainer **trainer)
{
    if (!net) {
        return MLP_ERR_NULL;
    }
    TRY(mlpi_check_pointer(&net->hooks, trainer, "the place for the trainer"));
    if (max_rows == 0) {
        return mlpi_error(&net->hooks, MLP_ERR_ARGUMENT,
                          "max_rows: expects 1 or more, got 0");
    }
    return mlpi_trainer_make(net, max_rows, max_rows, trainer);
}

/* Copies the hooks first, because they lie in the block that they release. The
 * team is freed before the memory that its threads use. */
void mlp_trainer_free(mlp_trainer *trainer)
{
    if (trainer) {
        mlp_hooks hooks = trainer->hooks;
        mlpi_team_free(trainer->team);
        mlpi_release(&hooks, trainer->best);
        mlpi_release(&hooks, trainer->batch.dX);
        mlpi_optimizer_release(&hooks, &trainer->optimizer);
        mlpi_release(&hooks, trainer);
    }
}

/* Each thread except the calling one gets memory for a plan and for scratch;
 * the calling thread has both in the trainer's block. */
mlp_status mlpi_trainer_replace_team(mlp_trainer *trainer,
                                     const mlp_hooks *hooks, size_t threads)
{
    /* The sum does not overflow, because the trainer holds as much already. */
    size_t memory = mlpi_plan_size(trainer->net) +
                    trainer->scratch_size * trainer->net->kernels->real_size;
    return mlpi_team_replace(hooks, threads, memory, &trainer->team);
}

/* Only training with validation needs the best weights, so they have their own
 * block, which is kept for the next fit. */
mlp_status mlpi_trainer_keep_best(mlp_trainer *trainer)
{
    return trainer->best ? MLP_OK
                         : mlpi_snapshot_make(trainer->net, "the best weights",
                                              &trainer->best);
}

/* The number of elements does not overflow, because A[0], which lies in the
 * trainer's block, has only one row fewer. */
mlp_status mlpi_trainer_keep_dX(mlp_trainer *trainer)
{
    if (trainer->batch.dX) {
        return MLP_OK;
    }
    size_t n = mlpi_net_inputs(trainer->net);
    size_t rows = trainer->array_rows;
    size_t size = trainer->net->kernels->real_size;
    void *dX = NULL;
    TRY(mlpi_allocate_array(&trainer->hooks, (rows + 1) * n, size, "dX", &dX));
    memset(mlpi_at(trainer->net->kernels, dX, rows * n), 0, n * size);
    trainer->batch.dX = dX;
    return MLP_OK;
}

/* ---------------------------------------------------------------------------
 * Snapshots. Batch norm's running moments lie right behind the parameters, so
 * each copy is one memcpy.
 */

size_t mlpi_snapshot_size(const mlp_net *net)
{
    return mlpi_net_state(net).cols;
}

mlp_status mlpi_snapshot_make(const mlp_net *net, const char *what,
                              void **snapshot)
{
    return mlpi_allocate_array(&net->hooks, mlpi_snapshot_size(net),
                               net->kernels->real_size, what, snapshot);
}

void mlpi_snapshot_take(const mlp_net *net, void *snapshot)
{
    memcpy(snapshot, net->parameters,
           mlpi_snapshot_size(net) * net->kernels->real_size);
}

/* The optimizer is not part of a snapshot. After a divergence the training loop
 * resets it, too. */
void mlpi_snapshot_restore(mlp_net *net, const void *snapshot)
{
    memcpy(net->parameters, snapshot,
           mlpi_snapshot_size(net) * net->kernels->real_size);
}
