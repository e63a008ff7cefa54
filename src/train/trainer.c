/* SPDX-License-Identifier: MIT */
/*
 * The public functions of a trainer: its settings, the four parts of a training
 * step (chapters 2.2, 3.1 and 3.3 of the tutorial), and views of its arrays.
 *
 *     forward    A[0] = X, then Z[l] and A[l] for l = 1..L
 *     loss       J of A[L] against Y
 *     backward   dZ[l], dW[l], db[l] for l = L..1
 *     update     W = W - alpha dW, b = b - alpha db, or what else the
 *                optimizer makes of the gradients
 *
 * Here the arguments are checked, and the order of the calls: loss and backward
 * need a forward, update needs a backward after it. step.c does the work.
 */
#include <math.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/view.h"
#include "model/layer.h"
#include "train/lbfgs_step.h"
#include "train/sample_weights.h"
#include "train/step.h"

/* ---------------------------------------------------------------------------
 * Settings
 */

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

/* ---------------------------------------------------------------------------
 * The parts of a step
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
    TRY(mlpi_check_inputs(trainer->net, &X, 1));
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
    TRY(mlpi_row_weights_check(net, &weights, m));
    mlpi_sample_weights w = {.rows = weights, .Y = {.rows = m}};
    TRY(mlpi_sample_weights_check(net, &w));
    double sum = mlpi_sample_weights_sum(net, &w);
    TRY(mlpi_sample_weights_check_sum(&trainer->hooks, sum));
    mlpi_sample_weights_make(net, &w, trainer->row_weights);
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
    TRY(mlpi_check_targets(trainer->net, &Y, trainer->batch.m));
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
    TRY(mlpi_check_targets(trainer->net, &Y, trainer->batch.m));
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
    if (!isfinite(trainer->net->kernels->round(alpha))) {
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
    TRY(mlpi_check_shapes(trainer->net, &X, &Y));
    TRY(check_rows(trainer, X.rows));
    TRY(mlpi_check_values(trainer->net, &X, &Y));
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

/* ---------------------------------------------------------------------------
 * Views of the arrays
 */

/* A view of one of the batch's matrices (m, n[l]). */
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
