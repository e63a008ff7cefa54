/* SPDX-License-Identifier: MIT */
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
#include <math.h>

#include "train/lbfgs_step.h"
#include "base/error.h"
#include "train/step.h"
#include "base/view.h"
#include "train/sample_weights.h"

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
    mlpi_step step = {.m = X.rows, .X = X};
    mlpi_batch_load_weights(trainer, &step);
    mlpi_step_forward(trainer, &step);
    trainer->m = step.m;
    trainer->has_gradients = false;
    return MLP_OK;
}

static mlp_status check_forward(const mlp_trainer *trainer)
{
    if (trainer->m == 0) {
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
    size_t m = trainer->m;
    TRY(mlpi_row_weights_check(net, &weights, m));
    mlpi_sample_weights w = {.rows = weights, .Y = {.rows = m}};
    TRY(mlpi_sample_weights_check(net, &w));
    double sum = mlpi_sample_weights_sum(net, &w);
    TRY(mlpi_sample_weights_check_sum(&trainer->hooks, sum));
    mlpi_sample_weights_make(net, &w, trainer->weight);
    trainer->has_sample_weights = mlpi_has_sample_weights(&w);
    trainer->total = sum;
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
    TRY(mlpi_check_targets(trainer->net, &Y, trainer->m));
    mlpi_step step = {.m = trainer->m, .Y = Y};
    mlpi_step_loss(trainer, &step);
    *loss = step.loss;
    return MLP_OK;
}

mlp_status mlp_trainer_backward(mlp_trainer *trainer, mlp_cview Y)
{
    if (!trainer) {
        return MLP_ERR_NULL;
    }
    TRY(check_forward(trainer));
    TRY(mlpi_check_targets(trainer->net, &Y, trainer->m));
    mlpi_step step = {.m = trainer->m, .Y = Y};
    mlpi_step_backward(trainer, &step);
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
    mlpi_step step = {.alpha = alpha};
    mlpi_step_update(trainer, &step);
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
    mlpi_step step = {.m = X.rows, .X = X, .Y = Y, .alpha = alpha};
    mlpi_batch_load_weights(trainer, &step);
    mlpi_step_train(trainer, &step);
    trainer->m = step.m;
    trainer->has_gradients = true;
    if (!isfinite(step.loss) || step.gradient_not_finite) {
        return mlpi_error(&trainer->hooks, MLP_ERR_DIVERGED,
                          "step: expects a finite loss and finite gradients, "
                          "got a loss of %g",
                          step.loss);
    }
    if (loss) {
        *loss = step.loss;
    }
    return MLP_OK;
}

static mlp_view batch_view(const mlp_trainer *trainer, size_t l, void *data)
{
    size_t width = trainer->net->layout.layer[l].width;
    return (mlp_view){
        trainer->net->kernels->dtype, trainer->m, width, width, 1, data};
}

static mlp_status batch_tensor(mlp_trainer *trainer, mlp_tensor which, size_t l,
                               mlp_view *view)
{
    TRY(mlpi_net_check_layer(trainer->net, l, which == MLP_Z ? 1 : 0));
    TRY(check_forward(trainer));
    void **matrices = which == MLP_Z   ? trainer->Z
                      : which == MLP_A ? trainer->A
                                       : trainer->D;
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
                ? mlpi_net_weights_in(net, trainer->gradients, l)
                : mlpi_net_row_in(net, trainer->gradients, l,
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
