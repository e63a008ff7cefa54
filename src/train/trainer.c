/* SPDX-License-Identifier: MIT */
/* Trainers: their memory, and what they are told; steps.c has what they do. */
#include "train/trainer.h"

#include "base/memory.h"
#include "model/layer.h"
#include "base/error.h"
#include "train/snapshot.h"

/* max_rows * width reals; a product that is no size_t the cursor catches. */
static void *take_matrix(const mlp_trainer *t, size_t width,
                         mlpi_cursor *cursor)
{
    size_t row_size = width * t->net->kernels->real_size;
    return mlpi_take(cursor, t->max_rows, row_size);
}

static void lay_out(mlp_trainer *t, mlpi_cursor *cursor)
{
    const mlpi_layout *layout = &t->net->layout;
    size_t size = t->net->kernels->real_size;
    (void)mlpi_take(cursor, 1, sizeof *t);
    t->Z = mlpi_take(cursor, layout->L + 1, sizeof *t->Z);
    t->A = mlpi_take(cursor, layout->L + 1, sizeof *t->A);
    t->dZ = mlpi_take(cursor, layout->L + 1, sizeof *t->dZ);
    t->D = mlpi_take(cursor, layout->L + 1, sizeof *t->D);
    t->X = mlpi_take(cursor, layout->L + 1, sizeof *t->X);
    for (size_t l = 0; l <= layout->L; l++) {
        size_t width = layout->layer[l].width;
        void *A = take_matrix(t, width, cursor);
        void *Z = l > 0 ? take_matrix(t, width, cursor) : NULL;
        void *dZ = l > 0 ? take_matrix(t, width, cursor) : NULL;
        void *D =
            layout->layer[l].dropout > 0 ? take_matrix(t, width, cursor) : A;
        void *X =
            layout->layer[l].batch_norm ? take_matrix(t, width, cursor) : NULL;
        if (t->X) {
            t->A[l] = A;
            t->Z[l] = Z;
            t->dZ[l] = dZ;
            t->D[l] = D;
            t->X[l] = X;
        }
    }
    t->moments = mlpi_take(cursor, layout->running, size);
    t->Y = take_matrix(t, mlpi_net_outputs(t->net), cursor);
    t->weight = mlpi_take(cursor, t->max_rows, sizeof *t->weight);
    t->gradients = mlpi_take(cursor, layout->parameters, size);
    t->plan.layer = mlpi_take(cursor, layout->L + 1, sizeof *t->plan.layer);
    t->scratch_size = mlpi_pass_scratch(t->net, t->max_rows);
    t->scratch = mlpi_take(cursor, t->scratch_size, size);
}

mlp_status mlp_trainer_create(mlp_net *net, size_t max_rows,
                              mlp_trainer **trainer)
{
    if (!net) {
        return MLP_ERR_NULL;
    }
    if (!trainer) {
        return mlpi_error(&net->hooks, MLP_ERR_NULL,
                          "the place for the trainer is NULL");
    }
    if (max_rows == 0) {
        return mlpi_error(&net->hooks, MLP_ERR_ARGUMENT,
                          "max_rows: expects 1 or more, got 0");
    }
    mlp_trainer made = {
        .hooks = net->hooks, .net = net, .max_rows = max_rows, .seed = 42};
    mlpi_cursor measure = {0};
    lay_out(&made, &measure);
    void *block = NULL;
    TRY(mlpi_allocate(&net->hooks, &measure, "a trainer", &block));
    mlpi_cursor carve = {.base = block};
    lay_out(&made, &carve);
    /* Plain descent remembers nothing: this cannot fail. */
    mlp_optimizer sgd = mlp_optimizer_defaults(MLP_OPTIMIZER_SGD);
    (void)mlpi_optimizer_make(net, &net->hooks, &sgd, &made.optimizer);
    *trainer = block;
    **trainer = made;
    return MLP_OK;
}

void mlp_trainer_free(mlp_trainer *trainer)
{
    if (trainer) {
        mlp_hooks hooks = trainer->hooks;
        mlpi_team_free(trainer->team);
        mlpi_release(&hooks, trainer->best);
        mlpi_optimizer_release(&hooks, &trainer->optimizer);
        mlpi_release(&hooks, trainer);
    }
}

mlp_status mlpi_trainer_keep_best(mlp_trainer *trainer)
{
    const mlp_net *net = trainer->net;
    return trainer->best
               ? MLP_OK
               : mlpi_snapshot_make(net, "the best weights", &trainer->best);
}

mlp_status mlpi_trainer_create_team(mlp_trainer *trainer,
                                    const mlp_hooks *hooks, size_t threads)
{
    /* Not too large a number: the trainer holds as much already. */
    size_t room = mlpi_plan_room(trainer->net) +
                  trainer->scratch_size * trainer->net->kernels->real_size;
    return mlpi_team_create(hooks, threads, room, &trainer->team);
}

mlp_status mlp_trainer_set_threads(mlp_trainer *trainer, size_t threads)
{
    if (!trainer) {
        return MLP_ERR_NULL;
    }
    return mlpi_trainer_create_team(trainer, &trainer->hooks, threads);
}

mlp_status mlp_trainer_set_seed(mlp_trainer *trainer, uint32_t seed)
{
    if (!trainer) {
        return MLP_ERR_NULL;
    }
    trainer->seed = seed;
    trainer->draw = 0;
    return MLP_OK;
}

mlp_status mlp_trainer_set_optimizer(mlp_trainer *trainer,
                                     const mlp_optimizer *optimizer)
{
    if (!trainer) {
        return MLP_ERR_NULL;
    }
    if (!optimizer) {
        return mlpi_error(&trainer->hooks, MLP_ERR_NULL,
                          "the optimizer is NULL");
    }
    TRY(mlpi_optimizer_check(trainer->net, optimizer));
    return mlpi_optimizer_make(trainer->net, &trainer->hooks, optimizer,
                               &trainer->optimizer);
}
