/* SPDX-License-Identifier: MIT */
/*
 * The four steps of gradient descent (chapters 2.2, 3.1 and 3.3):
 *
 *   forward   A[0] = X, then Z[l], A[l] for l = 1..L
 *   loss      J of A[L] against Y
 *   backward  dZ[L], then dW[l], db[l] and dZ[l - 1] for l = L..1
 *   update    W := W - alpha dW, b := b - alpha db
 */
#include "trainer.h"

#include <math.h>

#include "loss.h"
#include "memory.h"
#include "pass.h"
#include "report.h"
#include "view.h"

/* rows * width reals; a product that is no size_t is caught by the cursor. */
static void *take_matrix(const mlp_trainer *t, size_t width,
                         mlpi_cursor *cursor)
{
    size_t row_size = width * t->net->ops->real_size;
    return mlpi_take(cursor, t->max_rows, row_size);
}

static void lay_out(mlp_trainer *t, mlpi_cursor *cursor)
{
    const mlpi_layout *layout = &t->net->layout;
    size_t size = t->net->ops->real_size;
    (void)mlpi_take(cursor, 1, sizeof *t);
    t->Z = mlpi_take(cursor, layout->L + 1, sizeof *t->Z);
    t->A = mlpi_take(cursor, layout->L + 1, sizeof *t->A);
    for (size_t l = 0; l <= layout->L; l++) {
        size_t width = layout->layer[l].width;
        void *Z = l > 0 ? take_matrix(t, width, cursor) : NULL;
        void *A = take_matrix(t, width, cursor);
        if (t->Z && t->A) {
            t->Z[l] = Z;
            t->A[l] = A;
        }
    }
    t->dZ[0] = take_matrix(t, layout->widest, cursor);
    t->dZ[1] = take_matrix(t, layout->widest, cursor);
    t->Y = take_matrix(t, mlp_net_outputs(t->net), cursor);
    t->gradients = mlpi_take(cursor, layout->parameters, size);
    t->scratch =
        mlpi_take(cursor, mlpi_pass_scratch(t->net, t->max_rows), size);
}

mlp_status mlp_trainer_create(mlp_net *net, size_t max_rows,
                              mlp_trainer **trainer)
{
    if (!net) {
        return MLP_ERR_NULL;
    }
    if (!trainer) {
        return mlpi_report(&net->hooks, MLP_ERR_NULL,
                           "the place for the trainer is NULL");
    }
    if (max_rows == 0) {
        return mlpi_report(&net->hooks, MLP_ERR_ARGUMENT,
                           "max_rows: expects 1 or more, got 0");
    }
    mlp_trainer made = {.hooks = net->hooks, .net = net, .max_rows = max_rows};
    mlpi_cursor measure = {0};
    lay_out(&made, &measure);
    void *block = NULL;
    TRY(mlpi_allocate(&net->hooks, &measure, "a trainer", &block));
    mlpi_cursor carve = {.base = block};
    lay_out(&made, &carve);
    *trainer = block;
    **trainer = made;
    return MLP_OK;
}

void mlp_trainer_free(mlp_trainer *trainer)
{
    if (trainer) {
        mlp_hooks hooks = trainer->hooks;
        mlpi_release(&hooks, trainer);
    }
}

void mlpi_trainer_take_X(mlp_trainer *trainer, mlp_cview X, const size_t *order,
                         size_t m)
{
    const mlp_net *net = trainer->net;
    net->ops->gather(&(mlpi_gather){.m = m,
                                    .n = X.cols,
                                    .X = mlpi_operand_of(X),
                                    .order = order,
                                    .mean = net->scales ? net->mean : NULL,
                                    .std = net->scales ? net->std : NULL,
                                    .out = trainer->A[0]});
}

void mlpi_trainer_take_Y(mlp_trainer *trainer, mlp_cview Y, const size_t *order,
                         size_t m)
{
    trainer->net->ops->gather(&(mlpi_gather){.m = m,
                                             .n = Y.cols,
                                             .X = mlpi_operand_of(Y),
                                             .order = order,
                                             .out = trainer->Y});
}

void mlpi_trainer_forward(mlp_trainer *trainer, size_t m)
{
    const mlpi_layout *layout = &trainer->net->layout;
    for (size_t l = 1; l <= layout->L; l++) {
        size_t n_prev = layout->layer[l - 1].width;
        mlpi_forward(trainer->net, &(mlpi_forward_step){
                                       .l = l,
                                       .m = m,
                                       .A_prev = {trainer->A[l - 1], n_prev, 1},
                                       .Z = trainer->Z[l],
                                       .A = trainer->A[l],
                                       .scratch = trainer->scratch});
    }
    trainer->m = m;
    trainer->has_gradients = false;
}

static mlpi_outputs outputs_of(const mlp_trainer *trainer)
{
    size_t L = trainer->net->layout.L;
    return (mlpi_outputs){trainer->m, trainer->Z[L], trainer->A[L], trainer->Y};
}

double mlpi_trainer_loss(const mlp_trainer *trainer)
{
    mlpi_outputs outputs = outputs_of(trainer);
    mlpi_loss_sum sum = {.count = 0};
    mlpi_loss_add(&sum, trainer->net, &outputs);
    return mlpi_loss_mean(&sum);
}

void mlpi_trainer_backward(mlp_trainer *trainer)
{
    const mlp_net *net = trainer->net;
    size_t L = net->layout.L;
    mlpi_outputs outputs = outputs_of(trainer);
    mlpi_loss_gradient(net, &outputs, trainer->dZ[L % 2]);
    for (size_t l = L; l >= 1; l--) {
        mlpi_backward(net,
                      &(mlpi_backward_step){.l = l,
                                            .m = trainer->m,
                                            .dZ = trainer->dZ[l % 2],
                                            .Z_prev = trainer->Z[l - 1],
                                            .A_prev = trainer->A[l - 1],
                                            .gradients = trainer->gradients,
                                            .dZ_prev = trainer->dZ[(l - 1) % 2],
                                            .scratch = trainer->scratch});
    }
    trainer->has_gradients = true;
}

void mlpi_trainer_update(mlp_trainer *trainer, double alpha)
{
    mlp_net *net = trainer->net;
    net->ops->descend(net->layout.parameters, alpha, trainer->gradients,
                      net->parameters);
}

mlp_status mlp_trainer_forward(mlp_trainer *trainer, mlp_cview X)
{
    if (!trainer) {
        return MLP_ERR_NULL;
    }
    TRY(mlpi_net_check_X(trainer->net, X, 1));
    if (X.rows > trainer->max_rows) {
        return mlpi_report(&trainer->hooks, MLP_ERR_SHAPE,
                           "X: expects at most %zu rows, got %zu",
                           trainer->max_rows, X.rows);
    }
    mlpi_trainer_take_X(trainer, X, NULL, X.rows);
    mlpi_trainer_forward(trainer, X.rows);
    return MLP_OK;
}

static mlp_status check_forward(const mlp_trainer *trainer)
{
    if (trainer->m == 0) {
        return mlpi_report(&trainer->hooks, MLP_ERR_ORDER,
                           "expects a forward before this step, got none");
    }
    return MLP_OK;
}

static mlp_status check_backward(const mlp_trainer *trainer)
{
    if (!trainer->has_gradients) {
        return mlpi_report(&trainer->hooks, MLP_ERR_ORDER,
                           "expects a backward since the last forward, got "
                           "none");
    }
    return MLP_OK;
}

mlp_status mlp_trainer_loss(mlp_trainer *trainer, mlp_cview Y, double *loss)
{
    if (!trainer) {
        return MLP_ERR_NULL;
    }
    if (!loss) {
        return mlpi_report(&trainer->hooks, MLP_ERR_NULL,
                           "the place for the loss is NULL");
    }
    TRY(check_forward(trainer));
    TRY(mlpi_net_check_Y(trainer->net, Y, trainer->m));
    mlpi_trainer_take_Y(trainer, Y, NULL, trainer->m);
    *loss = mlpi_trainer_loss(trainer);
    return MLP_OK;
}

mlp_status mlp_trainer_backward(mlp_trainer *trainer, mlp_cview Y)
{
    if (!trainer) {
        return MLP_ERR_NULL;
    }
    TRY(check_forward(trainer));
    TRY(mlpi_net_check_Y(trainer->net, Y, trainer->m));
    mlpi_trainer_take_Y(trainer, Y, NULL, trainer->m);
    mlpi_trainer_backward(trainer);
    return MLP_OK;
}

mlp_status mlp_trainer_update(mlp_trainer *trainer, double alpha)
{
    if (!trainer) {
        return MLP_ERR_NULL;
    }
    if (!isfinite(trainer->net->ops->round(alpha))) {
        return mlpi_report(&trainer->hooks, MLP_ERR_ARGUMENT,
                           "alpha: expects a finite %s, got %g",
                           mlp_dtype_name(trainer->net->ops->dtype), alpha);
    }
    TRY(check_backward(trainer));
    mlpi_trainer_update(trainer, alpha);
    return MLP_OK;
}

static mlp_view batch_view(const mlp_trainer *trainer, size_t l, void *data)
{
    size_t width = trainer->net->layout.layer[l].width;
    return (mlp_view){
        trainer->net->ops->dtype, trainer->m, width, width, 1, data};
}

static mlp_status batch_tensor(mlp_trainer *trainer, mlp_tensor which, size_t l,
                               mlp_view *view)
{
    TRY(mlpi_net_check_layer(trainer->net, l, which == MLP_A ? 0 : 1));
    TRY(check_forward(trainer));
    *view =
        batch_view(trainer, l, which == MLP_A ? trainer->A[l] : trainer->Z[l]);
    return MLP_OK;
}

static mlp_status gradient_tensor(mlp_trainer *trainer, mlp_tensor which,
                                  size_t l, mlp_view *view)
{
    TRY(mlpi_net_check_layer(trainer->net, l, 1));
    TRY(check_backward(trainer));
    *view = which == MLP_DW
                ? mlpi_net_weights_in(trainer->net, trainer->gradients, l)
                : mlpi_net_biases_in(trainer->net, trainer->gradients, l);
    return MLP_OK;
}

mlp_status mlp_trainer_tensor(mlp_trainer *trainer, mlp_tensor which, size_t l,
                              mlp_view *view)
{
    if (!trainer) {
        return MLP_ERR_NULL;
    }
    if (!view) {
        return mlpi_report(&trainer->hooks, MLP_ERR_NULL,
                           "the place for the view is NULL");
    }
    switch (which) {
    case MLP_W:
    case MLP_B:
        return mlp_net_tensor(trainer->net, which, l, view);
    case MLP_Z:
    case MLP_A:
        return batch_tensor(trainer, which, l, view);
    case MLP_DW:
    case MLP_DB:
        return gradient_tensor(trainer, which, l, view);
    }
    return mlpi_report(&trainer->hooks, MLP_ERR_ARGUMENT,
                       "expects one of the tensors, got %d", (int)which);
}
