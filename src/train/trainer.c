/* SPDX-License-Identifier: MIT */
/* Trainers: their memory, and what they are told; steps.c has what they do. */
#include "train/trainer.h"

#include <math.h>

#include "base/error.h"
#include "model/data_check.h"
#include "base/memory.h"
#include "base/view.h"
#include "model/layer.h"
#include "model/tensors.h"
#include "train/lbfgs_step.h"
#include "train/sample_weights.h"
#include "train/snapshot.h"
#include "train/step.h"

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
    t->batch.Z = mlpi_take(cursor, layout->L + 1, sizeof *t->batch.Z);
    t->batch.A = mlpi_take(cursor, layout->L + 1, sizeof *t->batch.A);
    t->batch.dZ = mlpi_take(cursor, layout->L + 1, sizeof *t->batch.dZ);
    t->batch.A_dropped =
        mlpi_take(cursor, layout->L + 1, sizeof *t->batch.A_dropped);
    t->batch.X_hat = mlpi_take(cursor, layout->L + 1, sizeof *t->batch.X_hat);
    for (size_t l = 0; l <= layout->L; l++) {
        size_t width = layout->layer[l].width;
        void *A = take_matrix(t, width, cursor);
        void *Z = l > 0 ? take_matrix(t, width, cursor) : NULL;
        void *dZ = l > 0 ? take_matrix(t, width, cursor) : NULL;
        void *D =
            layout->layer[l].dropout > 0 ? take_matrix(t, width, cursor) : A;
        void *X =
            layout->layer[l].batch_norm ? take_matrix(t, width, cursor) : NULL;
        if (t->batch.X_hat) {
            t->batch.A[l] = A;
            t->batch.Z[l] = Z;
            t->batch.dZ[l] = dZ;
            t->batch.A_dropped[l] = D;
            t->batch.X_hat[l] = X;
        }
    }
    t->batch.moments = mlpi_take(cursor, layout->running, size);
    t->batch.Y = take_matrix(t, mlpi_net_outputs(t->net), cursor);
    t->row_weights = mlpi_take(cursor, t->max_rows, sizeof *t->row_weights);
    t->batch.gradients = mlpi_take(cursor, layout->parameters, size);
    t->plan.layer = mlpi_take(cursor, layout->L + 1, sizeof *t->plan.layer);
    t->scratch_size = mlpi_training_scratch(t->net, t->max_rows);
    t->plan.scratch = mlpi_take(cursor, t->scratch_size, size);
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
    size_t room = mlpi_plan_size(trainer->net) +
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

/*
 * The four steps of gradient descent (chapters 2.2, 3.1 and 3.3):
 *
 *   forward   A[0] = X, then Z[l], A[l] for l = 1..L
 *   loss      J of A[L] against Y
 *   backward  dZ[L..1], then dW[l], db[l]
 *   update    W := W - alpha dW, b := b - alpha db
 *
 * Here are their checks; step.c and step_parts.c do the work.
 */
static mlp_status check_rows(const mlp_trainer *trainer, size_t rows)
{
    if (rows > trainer->max_rows) {
        return mlpi_error(&trainer->hooks, MLP_ERR_SHAPE,
                          "X: expects at most %zu rows, got %zu",
                          trainer->max_rows, rows);
    }
    return MLP_OK;
}

mlp_status mlp_trainer_forward(mlp_trainer *trainer, mlp_cview X)
{
    if (!trainer) {
        return MLP_ERR_NULL;
    }
    TRY(mlpi_check_inputs(trainer->net, &trainer->hooks, &X, 1));
    TRY(check_rows(trainer, X.rows));
    mlpi_step_args args = {.m = X.rows, .X = X};
    mlpi_batch_load_weights(trainer, &args);
    mlpi_step_forward(trainer, &args);
    trainer->has_forward = true;
    trainer->has_gradients = false;
    return MLP_OK;
}

static mlp_status check_forward(const mlp_trainer *trainer)
{
    if (!trainer->has_forward) {
        return mlpi_error(&trainer->hooks, MLP_ERR_ORDER,
                          "expects a forward before this step, got none");
    }
    return MLP_OK;
}

static mlp_status check_backward(const mlp_trainer *trainer)
{
    if (!trainer->has_gradients) {
        return mlpi_error(&trainer->hooks, MLP_ERR_ORDER,
                          "expects a backward since the last forward, got "
                          "none");
    }
    return MLP_OK;
}

mlp_status mlp_trainer_set_row_weights(mlp_trainer *trainer, mlp_cview weights)
{
    if (!trainer) {
        return MLP_ERR_NULL;
    }
    TRY(check_forward(trainer));
    const mlp_net *net = trainer->net;
    size_t m = trainer->batch.m;
    TRY(mlpi_row_weights_check(net, &net->hooks, &weights, m));
    mlpi_sample_weights w = {.rows = weights, .Y = {.rows = m}};
    TRY(mlpi_sample_weights_check(net, &net->hooks, &w));
    double sum = mlpi_sample_weights_sum(net, &w);
    TRY(mlpi_sample_weights_check_sum(&trainer->hooks, sum));
    mlpi_sample_weights_fill(net, &w, trainer->row_weights);
    trainer->has_row_weights = mlpi_has_sample_weights(&w);
    trainer->total_weight = sum;
    trainer->has_gradients = false;
    return MLP_OK;
}

mlp_status mlp_trainer_loss(mlp_trainer *trainer, mlp_cview Y, double *loss)
{
    if (!trainer) {
        return MLP_ERR_NULL;
    }
    if (!loss) {
        return mlpi_error(&trainer->hooks, MLP_ERR_NULL,
                          "the place for the loss is NULL");
    }
    TRY(check_forward(trainer));
    TRY(mlpi_check_targets(trainer->net, &trainer->hooks, &Y,
                           trainer->batch.m));
    mlpi_step_args args = {.m = trainer->batch.m, .Y = Y};
    mlpi_step_result result = {.loss = 0.0};
    mlpi_step_loss(trainer, &args, &result);
    *loss = result.loss;
    return MLP_OK;
}

mlp_status mlp_trainer_backward(mlp_trainer *trainer, mlp_cview Y)
{
    if (!trainer) {
        return MLP_ERR_NULL;
    }
    TRY(check_forward(trainer));
    TRY(mlpi_check_targets(trainer->net, &trainer->hooks, &Y,
                           trainer->batch.m));
    mlpi_step_args args = {.m = trainer->batch.m, .Y = Y};
    mlpi_step_backward(trainer, &args);
    trainer->has_gradients = true;
    return MLP_OK;
}

mlp_status mlp_trainer_update(mlp_trainer *trainer, double alpha)
{
    if (!trainer) {
        return MLP_ERR_NULL;
    }
    if (!isfinite(trainer->net->kernels->scalar->round(alpha))) {
        return mlpi_error(&trainer->hooks, MLP_ERR_ARGUMENT,
                          "alpha: expects a finite %s, got %g",
                          mlp_dtype_name(trainer->net->kernels->dtype), alpha);
    }
    TRY(mlpi_lbfgs_refuse(trainer, "an update"));
    TRY(check_backward(trainer));
    mlpi_step_args args = {.m = trainer->batch.m, .learning_rate = alpha};
    mlpi_step_update(trainer, &args);
    return MLP_OK;
}

mlp_status mlp_trainer_step(mlp_trainer *trainer, mlp_cview X, mlp_cview Y,
                            double alpha, double *loss)
{
    if (!trainer) {
        return MLP_ERR_NULL;
    }
    TRY(mlpi_check_positive(&trainer->hooks, trainer->net->kernels, "alpha",
                            alpha));
    TRY(mlpi_lbfgs_refuse(trainer, "a step"));
    TRY(mlpi_check_shapes(trainer->net, &trainer->hooks, &X, &Y));
    TRY(check_rows(trainer, X.rows));
    TRY(mlpi_check_values(trainer->net, &trainer->hooks, &X, &Y));
    mlpi_step_args args = {.m = X.rows, .X = X, .Y = Y, .learning_rate = alpha};
    mlpi_step_result result = {.loss = 0.0};
    mlpi_batch_load_weights(trainer, &args);
    mlpi_step_train(trainer, &args, &result);
    trainer->has_forward = true;
    trainer->has_gradients = true;
    if (!isfinite(result.loss) || result.gradient_not_finite) {
        return mlpi_error(&trainer->hooks, MLP_ERR_DIVERGED,
                          "step: expects a finite loss and finite gradients, "
                          "got a loss of %g",
                          result.loss);
    }
    if (loss) {
        *loss = result.loss;
    }
    return MLP_OK;
}

static mlp_view batch_view(const mlp_trainer *trainer, size_t l, void *data)
{
    size_t width = trainer->net->layout.layer[l].width;
    return (mlp_view){
        trainer->net->kernels->dtype, trainer->batch.m, width, width, 1, data};
}

static mlp_status batch_tensor(mlp_trainer *trainer, mlp_tensor which, size_t l,
                               mlp_view *view)
{
    TRY(mlpi_net_check_layer(trainer->net, l, which == MLP_Z ? 1 : 0));
    TRY(check_forward(trainer));
    void **matrices = which == MLP_Z   ? trainer->batch.Z
                      : which == MLP_A ? trainer->batch.A
                                       : trainer->batch.A_dropped;
    *view = batch_view(trainer, l, matrices[l]);
    return MLP_OK;
}

static mlp_status gradient_tensor(mlp_trainer *trainer, mlp_tensor which,
                                  size_t l, mlp_view *view)
{
    const mlp_net *net = trainer->net;
    TRY(mlpi_net_check_layer(net, l, 1));
    if (which == MLP_DSCALE) {
        TRY(mlpi_net_check_norm(net, l));
    }
    TRY(check_backward(trainer));
    const mlpi_shape *shape = &net->layout.layer[l];
    *view = which == MLP_DW
                ? mlpi_net_weights_in(net, trainer->batch.gradients, l)
                : mlpi_net_row_in(net, trainer->batch.gradients, l,
                                  which == MLP_DB ? shape->b : shape->scale);
    return MLP_OK;
}

mlp_status mlp_trainer_tensor(mlp_trainer *trainer, mlp_tensor which, size_t l,
                              mlp_view *view)
{
    if (!trainer) {
        return MLP_ERR_NULL;
    }
    if (!view) {
        return mlpi_error(&trainer->hooks, MLP_ERR_NULL,
                          "the place for the view is NULL");
    }
    switch (which) {
    case MLP_W:
    case MLP_B:
    case MLP_SCALE:
    case MLP_MEAN:
    case MLP_VARIANCE:
        return mlp_net_tensor(trainer->net, which, l, view);
    case MLP_Z:
    case MLP_A:
    case MLP_DROPPED:
        return batch_tensor(trainer, which, l, view);
    case MLP_DW:
    case MLP_DB:
    case MLP_DSCALE:
        return gradient_tensor(trainer, which, l, view);
    }
    return mlpi_error(&trainer->hooks, MLP_ERR_ARGUMENT,
                      "expects one of the tensors, got %d", (int)which);
}
