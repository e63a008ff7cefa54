/* SPDX-License-Identifier: MIT */
/*
 * The public functions of a trainer: its settings, the four parts of a training
 * step (chapters 2.2, 3.1 and 3.3 of the tutorial), and views of its arrays.
 *
 *     forward    A[0] = X, then Z[l] and A[l] for l = 1..L
 *     loss       J of A[L] against Y
 *     backward   dZ[l], dW[l], db[l] for l = L..1
 *     update     W = W - alpha dW, b = b - alpha db with plain gradient
 *                descent; other optimizers have other formulas
 *
 * This file checks the arguments and the order of the calls; step.c does the
 * work. Two flags record which calls have been made:
 *
 *     has_forward    The batch holds Z and A. Loss, backward, row weights and
 *                    views of Z and A need it. A fit or a loaded checkpoint
 *                    clears it, because they replace the batch.
 *     has_gradients  The gradients belong to this batch. Update and views of
 *                    gradients need it. A forward or new row weights clear it.
 *
 * The first view of dX after a backward computes it, from dZ[1] and W[1]. So
 * no update may come between: has_updated forbids it, and has_dX says that it
 * was computed before.
 *
 * Nothing changes until all checks of a call have passed. If the trainer is
 * NULL, there is no log hook for a message, and the caller gets only the
 * status.
 */
#include <math.h>

#include "base/error.h"
#include "base/view.h"
#include "model/data_check.h"
#include "model/tensors.h"
#include "train/lbfgs_step.h"
#include "train/sample_weights.h"
#include "train/step.h"

/* ---------------------------------------------------------------------------
 * Settings
 */

const mlp_net *mlp_trainer_net(const mlp_trainer *trainer)
{
    return trainer ? trainer->net : NULL;
}

/* The number of threads changes no bit of any result, so it may be set at any
 * time between two calls. */
mlp_status mlp_trainer_set_threads(mlp_trainer *trainer, size_t threads)
{
    if (!trainer) {
        return MLP_ERR_NULL;
    }
    return mlpi_trainer_replace_team(trainer, &trainer->hooks, threads);
}

/* Masks of dropout depend on the seed and on the number of forward passes since
 * it was set. So the same seed repeats the same masks. */
mlp_status mlp_trainer_set_seed(mlp_trainer *trainer, uint32_t seed)
{
    if (!trainer) {
        return MLP_ERR_NULL;
    }
    trainer->seed = seed;
    trainer->forward_count = 0;
    return MLP_OK;
}

/* The new optimizer remembers nothing of the old one, even if it is of the same
 * kind. Existing gradients stay valid. They contain the penalties of the
 * optimizer that was set when they were computed. */
mlp_status mlp_trainer_set_optimizer(mlp_trainer *trainer,
                                     const mlp_optimizer *optimizer)
{
    if (!trainer) {
        return MLP_ERR_NULL;
    }
    TRY(mlpi_check_pointer(&trainer->hooks, optimizer, "the optimizer"));
    /* Both calls leave the old optimizer as it is if they fail. */
    TRY(mlpi_optimizer_check(trainer->net, optimizer));
    return mlpi_optimizer_make(trainer->net, &trainer->hooks, optimizer,
                               &trainer->optimizer);
}

/* ---------------------------------------------------------------------------
 * The parts of a step
 */

/* Checks that the batch fits into the trainer's arrays. */
static mlp_status check_rows(const mlp_trainer *trainer, size_t rows)
{
    if (rows > trainer->max_rows) {
        return mlpi_error(
            &trainer->hooks, MLP_ERR_SHAPE,
            "X: expects at most %zu row%s, got %zu (max_rows of the "
            "trainer)",
            trainer->max_rows, mlpi_plural(trainer->max_rows), rows);
    }
    return MLP_OK;
}

/* Every row counts 1 until mlp_trainer_set_row_weights is called. Values of X
 * are not checked: NaN and infinities go through the layers, as they do when
 * the network predicts. */
mlp_status mlp_trainer_forward(mlp_trainer *trainer, mlp_cview X)
{
    if (!trainer) {
        return MLP_ERR_NULL;
    }
    TRY(mlpi_check_inputs(trainer->net, &trainer->hooks, &X, 1));
    TRY(check_rows(trainer, X.rows));
    mlpi_step_args args = {.m = X.rows, .X = X};
    mlpi_batch_weigh(trainer, &args);
    mlpi_step_forward(trainer, &args);
    trainer->has_forward = true;
    trainer->has_gradients = false;
    return MLP_OK;
}

/* Checks that the batch holds Z and A. */
static mlp_status check_forward(const mlp_trainer *trainer)
{
    if (!trainer->has_forward) {
        return mlpi_error(&trainer->hooks, MLP_ERR_ORDER,
                          "expects mlp_trainer_forward before this call");
    }
    return MLP_OK;
}

/* Checks that the gradients belong to the batch. */
static mlp_status check_backward(const mlp_trainer *trainer)
{
    if (!trainer->has_gradients) {
        return mlpi_error(&trainer->hooks, MLP_ERR_ORDER,
                          "expects mlp_trainer_backward before this call, and "
                          "after the last forward");
    }
    return MLP_OK;
}

/* The forward pass does not depend on row weights, so they may be set after it.
 * Loss and gradients depend on them, so gradients must be computed again. The
 * sum is checked before anything changes, because the loss is divided by it. */
mlp_status mlp_trainer_set_row_weights(mlp_trainer *trainer, mlp_cview weights)
{
    if (!trainer) {
        return MLP_ERR_NULL;
    }
    TRY(check_forward(trainer));
    const mlp_net *net = trainer->net;
    /* Y stands for targets of m rows: only their number counts here. */
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

/* Checks the shape and type of targets, and class numbers: a wrong one would
 * make the loss, and after an update all weights, NaN. */
static mlp_status check_targets(const mlp_trainer *trainer, const mlp_cview *Y)
{
    TRY(mlpi_check_targets(trainer->net, &trainer->hooks, Y, trainer->batch.m));
    return mlpi_check_classes(trainer->net, &trainer->hooks, Y);
}

/* The loss depends on A[L], Y, row weights and penalties. The gradients are
 * neither needed nor changed. */
mlp_status mlp_trainer_loss(mlp_trainer *trainer, mlp_cview Y, double *loss)
{
    if (!trainer) {
        return MLP_ERR_NULL;
    }
    TRY(mlpi_check_pointer(&trainer->hooks, loss, "the place for the loss"));
    TRY(check_forward(trainer));
    TRY(check_targets(trainer, &Y));
    mlpi_step_args args = {.m = trainer->batch.m, .Y = Y};
    mlpi_step_result result = {.loss = 0.0};
    mlpi_step_loss(trainer, &args, &result);
    *loss = result.loss;
    return MLP_OK;
}

/* Computes the gradients from what Y holds. They include the penalties, which
 * are a part of the loss. They are not clipped: clipping is a part of the
 * update. */
static void backward(mlp_trainer *trainer, mlp_cview Y, mlpi_content content)
{
    mlpi_step_args args = {.m = trainer->batch.m, .Y = Y, .content = content};
    mlpi_step_backward(trainer, &args);
    trainer->has_gradients = true;
    trainer->has_dX = false;
    trainer->has_updated = false;
}

mlp_status mlp_trainer_backward(mlp_trainer *trainer, mlp_cview Y)
{
    if (!trainer) {
        return MLP_ERR_NULL;
    }
    TRY(check_forward(trainer));
    TRY(check_targets(trainer, &Y));
    backward(trainer, Y, MLPI_TARGETS);
    return MLP_OK;
}

/* Backward from the caller's derivative. Its message calls it `name`. */
static mlp_status backward_from(mlp_trainer *trainer, mlp_cview derivative,
                                const char *name, mlpi_content content)
{
    if (!trainer) {
        return MLP_ERR_NULL;
    }
    TRY(check_forward(trainer));
    mlpi_expected expected = {.name = name,
                              .dtype = trainer->net->kernels->dtype,
                              .rows = trainer->batch.m,
                              .cols = mlpi_net_outputs(trainer->net)};
    TRY(mlpi_check_view(&trainer->hooks, &derivative, &expected));
    backward(trainer, derivative, content);
    return MLP_OK;
}

/* Both take a derivative as it is, so nothing is checked but its shape and
 * type. */
mlp_status mlp_trainer_backward_from(mlp_trainer *trainer, mlp_cview dA)
{
    return backward_from(trainer, dA, "dA", MLPI_DERIVATIVE_BY_A);
}

mlp_status mlp_trainer_backward_from_dZ(mlp_trainer *trainer, mlp_cview dZ)
{
    return backward_from(trainer, dZ, "dZ", MLPI_DERIVATIVE_BY_Z);
}

/* A negative learning rate is allowed: with it a caller can undo a step of
 * plain gradient descent. */
mlp_status mlp_trainer_update(mlp_trainer *trainer, double alpha)
{
    if (!trainer) {
        return MLP_ERR_NULL;
    }
    /* 1e300 is finite as a double and infinite as a float. */
    if (!isfinite(trainer->net->kernels->scalar->round_to_real(alpha))) {
        return mlpi_error(&trainer->hooks, MLP_ERR_ARGUMENT,
                          "alpha: expects a number that is finite as %s, "
                          "got %g",
                          mlp_dtype_name(trainer->net->kernels->dtype), alpha);
    }
    /* One gradient is not enough for lbfgs, which evaluates several points. */
    TRY(mlpi_refuse_lbfgs(trainer, "an update"));
    TRY(check_backward(trainer));
    mlpi_step_args args = {.m = trainer->batch.m, .learning_rate = alpha};
    mlpi_step_update(trainer, &args);
    trainer->has_updated = true;
    trainer->net->is_trained = true;
    return MLP_OK;
}

/* Makes a whole step, for learning online. It promises that a failure leaves
 * the network as it was. So it checks the values of X and Y, while the four
 * parts of a step do not. Afterwards the trainer's arrays belong to this batch,
 * and views of them are allowed. */
mlp_status mlp_trainer_step(mlp_trainer *trainer, mlp_cview X, mlp_cview Y,
                            double alpha, double *loss)
{
    if (!trainer) {
        return MLP_ERR_NULL;
    }
    TRY(mlpi_check_positive(&trainer->hooks, trainer->net->kernels, "alpha",
                            alpha));
    TRY(mlpi_refuse_lbfgs(trainer, "a step"));
    TRY(mlpi_check_shapes(trainer->net, &trainer->hooks, &X, &Y));
    TRY(check_rows(trainer, X.rows));
    TRY(mlpi_check_values(trainer->net, &trainer->hooks, &X, &Y));
    mlpi_step_args args = {.m = X.rows, .X = X, .Y = Y, .learning_rate = alpha};
    mlpi_step_result result = {.loss = 0.0};
    mlpi_batch_weigh(trainer, &args);
    mlpi_step_train(trainer, &args, &result);
    /* The arrays belong to this batch, also if the loss is not finite. */
    trainer->has_forward = true;
    trainer->has_gradients = true;
    trainer->has_dX = false;
    trainer->has_updated = true;
    /* In these cases there was no update. */
    if (!isfinite(result.loss) || result.gradient_not_finite) {
        return mlpi_error(&trainer->hooks, MLP_ERR_DIVERGED,
                          "step: expects a finite loss and finite gradients, "
                          "got a loss of %g (a smaller alpha may help)",
                          result.loss);
    }
    trainer->net->is_trained = true;
    if (loss) {
        *loss = result.loss;
    }
    return MLP_OK;
}

/* ---------------------------------------------------------------------------
 * Views of the arrays
 */

/* Returns a view of one of the batch's matrices: m rows of n[l] numbers. */
static mlp_view batch_view(const mlp_trainer *trainer, size_t l, void *data)
{
    size_t width = trainer->net->layout.layer[l].width;
    return (mlp_view){
        trainer->net->kernels->dtype, trainer->batch.m, width, width, 1, data};
}

/* Makes a view of Z, A, or A after dropout, of layer l. Layer 0 has A, the
 * inputs, but no Z. */
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

/* Makes a view of dW, db or dscale of layer l in the flat array of gradients.
 * Only a layer with batch norm has a dscale. */
static mlp_status gradient_tensor(mlp_trainer *trainer, mlp_tensor which,
                                  size_t l, mlp_view *view)
{
    const mlp_net *net = trainer->net;
    TRY(mlpi_net_check_layer(net, l, 1));
    if (which == MLP_DSCALE) {
        TRY(mlpi_net_check_norm(net, l));
    }
    TRY(check_backward(trainer));
    const mlpi_layer_layout *layer = &net->layout.layer[l];
    *view = which == MLP_DW
                ? mlpi_net_weights_in(net, trainer->batch.gradients, l)
                : mlpi_net_row_in(net, trainer->batch.gradients, l,
                                  which == MLP_DB ? layer->b_offset
                                                  : layer->scale_offset);
    return MLP_OK;
}

/* Makes a view of dX, and computes it if this is the first one since the
 * backward. Training itself never needs dX, so nobody else pays for it. */
static mlp_status input_gradient_tensor(mlp_trainer *trainer, size_t l,
                                        mlp_view *view)
{
    if (l != 0) {
        return mlpi_error(&trainer->hooks, MLP_ERR_ARGUMENT,
                          "dX: expects layer 0, the inputs, got layer %zu", l);
    }
    TRY(check_backward(trainer));
    if (!trainer->has_dX) {
        if (trainer->has_updated) {
            return mlpi_error(&trainer->hooks, MLP_ERR_ORDER,
                              "dX: expects its first view before the update, "
                              "which has changed the weights that dX is "
                              "computed from");
        }
        TRY(mlpi_trainer_keep_dX(trainer));
        mlpi_step_input_gradient(trainer);
        trainer->has_dX = true;
    }
    *view = batch_view(trainer, 0, trainer->batch.dX);
    return MLP_OK;
}

/* Parameters belong to the network, all other arrays to the trainer. The switch
 * has no default case, so that the compiler warns if a tensor is missing. */
mlp_status mlp_trainer_tensor(mlp_trainer *trainer, mlp_tensor which, size_t l,
                              mlp_view *view)
{
    if (!trainer) {
        return MLP_ERR_NULL;
    }
    TRY(mlpi_check_pointer(&trainer->hooks, view, "the place for the view"));
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
    case MLP_DX:
        return input_gradient_tensor(trainer, l, view);
    }
    return mlpi_error(&trainer->hooks, MLP_ERR_ARGUMENT,
                      "tensor: expects one of MLP_TENSOR_LIST, got number %d",
                      (int)which);
}

/* The gradients are one array, in the order of the parameters. */
mlp_status mlp_trainer_gradients(mlp_trainer *trainer, mlp_view *view)
{
    if (!trainer) {
        return MLP_ERR_NULL;
    }
    TRY(mlpi_check_pointer(&trainer->hooks, view, "the place for the view"));
    TRY(check_backward(trainer));
    *view = mlpi_net_all_in(trainer->net, trainer->batch.gradients);
    return MLP_OK;
}
