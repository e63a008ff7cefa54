/* SPDX-License-Identifier: MIT */
#include "train/rows.h"

#include "base/error.h"

/* Draws an order of the rows to train on. */
static mlp_status shuffle(mlpi_dataset *r, mlp_rng *rng)
{
    for (size_t i = 0; i < r->m; i++) {
        r->order[i] = r->split ? r->split[i] : i;
    }
    return mlp_rng_shuffle(rng, r->order, r->m, sizeof *r->order);
}

mlp_status mlpi_dataset_epoch(mlpi_loop *loop, void *source)
{
    mlpi_dataset *r = source;
    const size_t *order = r->split;
    if (r->order) {
        TRY(shuffle(r, &loop->trainer->epoch_state.rng));
        order = r->order;
    }
    for (size_t i = 0; i < r->batches && !loop->stopped; i++) {
        size_t first = i * r->batch;
        size_t left = r->m - first;
        mlpi_step step = {.m = left < r->batch ? left : r->batch,
                          /* One batch of all rows stays where it is. */
                          .rows_loaded = r->batches == 1 && loop->rounds > 0};
        if (!step.rows_loaded) {
            step.X = r->X;
            step.Y = r->Y;
        }
        if (order) {
            step.order = order + first;
            step.weights = r->weights;
            step.prefetch_ahead = left >= 2 * r->batch ? r->batch : 0;
        } else if (!step.rows_loaded) {
            mlpi_cut_rows(&step.X, first, step.m);
            mlpi_cut_rows(&step.Y, first, step.m);
            step.weights = r->weights ? r->weights + first : NULL;
        }
        if (!step.rows_loaded) {
            mlpi_batch_load_weights(loop->trainer, &step);
        }
        TRY(mlpi_loop_batch(loop, &step));
    }
    return MLP_OK;
}
