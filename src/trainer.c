/* SPDX-License-Identifier: MIT */
/*
 * The four steps of gradient descent (chapters 2.2, 3.1 and 3.3):
 *
 *   forward   A[0] = X, then Z[l], A[l] for l = 1..L
 *   loss      J of A[L] against Y
 *   backward  dZ[L..1], then dW[l], db[l]
 *   update    W := W - alpha dW, b := b - alpha db
 *
 * each a function of one member's share, put together as one step, or alone.
 */
#include "trainer.h"

#include <math.h>
#include <string.h>

#include "loss.h"
#include "memory.h"
#include "pass.h"
#include "report.h"
#include "view.h"

/* Rows, and weights, that members share are whole multiples of these. */
enum { ROWS_GRAIN = 4, INPUTS_GRAIN = 12, PARAMETERS_GRAIN = 64 };

/* max_rows * width reals; a product that is no size_t the cursor catches. */
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
    t->dZ = mlpi_take(cursor, layout->L + 1, sizeof *t->dZ);
    for (size_t l = 0; l <= layout->L; l++) {
        size_t width = layout->layer[l].width;
        void *A = take_matrix(t, width, cursor);
        void *Z = l > 0 ? take_matrix(t, width, cursor) : NULL;
        void *dZ = l > 0 ? take_matrix(t, width, cursor) : NULL;
        if (t->dZ) {
            t->A[l] = A;
            t->Z[l] = Z;
            t->dZ[l] = dZ;
        }
    }
    t->Y = take_matrix(t, mlp_net_outputs(t->net), cursor);
    t->gradients = mlpi_take(cursor, layout->parameters, size);
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
        mlpi_team_free(trainer->team);
        mlpi_release(&hooks, trainer);
    }
}

mlp_status mlpi_trainer_hire(mlp_trainer *trainer, const mlp_hooks *hooks,
                             size_t threads)
{
    /* Not too large a product: the trainer holds as much already. */
    size_t room = trainer->scratch_size * trainer->net->ops->real_size;
    return mlpi_team_hire(hooks, threads, room, &trainer->team);
}

mlp_status mlp_trainer_set_threads(mlp_trainer *trainer, size_t threads)
{
    if (!trainer) {
        return MLP_ERR_NULL;
    }
    return mlpi_trainer_hire(trainer, &trainer->hooks, threads);
}

/* ---------------------------------------------------------------------------
 * Shares of the steps
 */

static void *scratch_of(const mlp_trainer *t, const mlpi_member *self)
{
    return self->index == 0 ? t->scratch : mlpi_team_room(self);
}

/* Row `first` of one of the trainer's matrices. */
static void *row_of(const mlp_trainer *t, void *matrix, size_t width,
                    size_t first)
{
    return mlpi_at(t->net->ops, matrix, first * width);
}

/* Rows [first, first + m) of the batch become A[0] and Y. */
static void take_inputs(mlp_trainer *t, const mlpi_step *step, size_t first,
                        size_t m)
{
    const mlp_net *net = t->net;
    mlp_cview X = step->order ? step->X : mlp_cview_rows(step->X, first, m);
    net->ops->gather(
        &(mlpi_gather){.m = m,
                       .n = X.cols,
                       .X = mlpi_operand_of(X),
                       .order = step->order ? step->order + first : NULL,
                       .mean = net->scales ? net->mean : NULL,
                       .std = net->scales ? net->std : NULL,
                       .out = row_of(t, t->A[0], X.cols, first)});
}

static void take_targets(mlp_trainer *t, const mlpi_step *step, size_t first,
                         size_t m)
{
    mlp_cview Y = step->order ? step->Y : mlp_cview_rows(step->Y, first, m);
    t->net->ops->gather(
        &(mlpi_gather){.m = m,
                       .n = Y.cols,
                       .X = mlpi_operand_of(Y),
                       .order = step->order ? step->order + first : NULL,
                       .out = row_of(t, t->Y, Y.cols, first)});
}

static void forward_rows(mlp_trainer *t, const mlpi_member *self, size_t first,
                         size_t m)
{
    const mlpi_layout *layout = &t->net->layout;
    for (size_t l = 1; l <= layout->L; l++) {
        size_t n = layout->layer[l].width;
        size_t n_prev = layout->layer[l - 1].width;
        const void *A_prev = row_of(t, t->A[l - 1], n_prev, first);
        mlpi_forward(t->net,
                     &(mlpi_forward_step){.l = l,
                                          .m = m,
                                          .A_prev = {A_prev, n_prev, 1},
                                          .Z = row_of(t, t->Z[l], n, first),
                                          .A = row_of(t, t->A[l], n, first),
                                          .scratch = scratch_of(t, self)});
    }
}

static mlpi_outputs outputs_of(const mlp_trainer *t, size_t first, size_t m)
{
    size_t L = t->net->layout.L;
    size_t n = t->net->layout.layer[L].width;
    return (mlpi_outputs){m, row_of(t, t->Z[L], n, first),
                          row_of(t, t->A[L], n, first),
                          row_of(t, t->Y, n, first)};
}

static double loss_of(const mlp_trainer *t, size_t m)
{
    mlpi_outputs outputs = outputs_of(t, 0, m);
    mlpi_loss_sum sum = {.count = 0};
    mlpi_loss_add(&sum, t->net, &outputs);
    return mlpi_loss_mean(&sum);
}

/* dZ of some rows of a batch, from the last layer to the first. */
static void backward_rows(mlp_trainer *t, const mlpi_member *self, size_t batch,
                          size_t first, size_t m)
{
    const mlpi_layout *layout = &t->net->layout;
    size_t L = layout->L;
    mlpi_outputs outputs = outputs_of(t, first, m);
    mlpi_loss_gradient(t->net, &outputs, batch,
                       row_of(t, t->dZ[L], layout->layer[L].width, first));
    for (size_t l = L; l >= 2; l--) {
        size_t n = layout->layer[l].width;
        size_t n_prev = layout->layer[l - 1].width;
        mlpi_backward(t->net,
                      &(mlpi_backward_step){
                          .l = l,
                          .m = m,
                          .dZ = row_of(t, t->dZ[l], n, first),
                          .Z_prev = row_of(t, t->Z[l - 1], n_prev, first),
                          .A_prev = row_of(t, t->A[l - 1], n_prev, first),
                          .dZ_prev = row_of(t, t->dZ[l - 1], n_prev, first),
                          .scratch = scratch_of(t, self)});
    }
}

/* The gradients of this member's weights, from all rows. Biases go round. */
static void gradients_of(mlp_trainer *t, const mlpi_member *self, size_t m)
{
    const mlpi_layout *layout = &t->net->layout;
    for (size_t l = layout->L; l >= 1; l--) {
        size_t first = 0;
        size_t count = 0;
        mlpi_share(self, layout->layer[l - 1].width, INPUTS_GRAIN, &first,
                   &count);
        mlpi_gradient(t->net,
                      &(mlpi_gradient_step){.l = l,
                                            .m = m,
                                            .dZ = t->dZ[l],
                                            .A_prev = t->A[l - 1],
                                            .first = first,
                                            .count = count,
                                            .gradients = t->gradients,
                                            .scratch = scratch_of(t, self)});
        if (l % self->count == self->index) {
            mlpi_bias_gradient(t->net, l, m, t->dZ[l], t->gradients);
        }
    }
}

static void update_share(mlp_trainer *t, const mlpi_member *self, double alpha,
                         void *keep)
{
    const mlp_net *net = t->net;
    const mlpi_ops *ops = net->ops;
    size_t first = 0;
    size_t count = 0;
    mlpi_share(self, net->layout.parameters, PARAMETERS_GRAIN, &first, &count);
    void *parameters = mlpi_at(ops, net->parameters, first);
    if (keep) {
        memcpy(mlpi_at(ops, keep, first), parameters, count * ops->real_size);
    }
    ops->descend(count, alpha, mlpi_at(ops, t->gradients, first), parameters);
}

/* ---------------------------------------------------------------------------
 * The steps, as the team does them
 */

typedef struct task {
    mlp_trainer *trainer;
    mlpi_step *step;
} task;

bool mlpi_trainer_is_busy(const mlp_trainer *trainer, size_t m)
{
    return mlpi_is_worth_a_team(m, trainer->net->layout.parameters);
}

static void run(mlp_trainer *t, size_t m, mlpi_work *work, mlpi_step *step)
{
    task all = {t, step};
    mlpi_team_run(mlpi_trainer_is_busy(t, m) ? t->team : NULL, work, &all);
}

static void do_forward(const mlpi_member *self, void *context)
{
    const task *all = context;
    size_t first = 0;
    size_t m = 0;
    mlpi_share(self, all->step->m, ROWS_GRAIN, &first, &m);
    take_inputs(all->trainer, all->step, first, m);
    forward_rows(all->trainer, self, first, m);
}

static void do_backward(const mlpi_member *self, void *context)
{
    const task *all = context;
    mlp_trainer *t = all->trainer;
    size_t batch = all->step->m;
    size_t first = 0;
    size_t m = 0;
    mlpi_share(self, batch, ROWS_GRAIN, &first, &m);
    take_targets(t, all->step, first, m);
    backward_rows(t, self, batch, first, m);
    mlpi_barrier(self);
    gradients_of(t, self, batch);
}

static void do_update(const mlpi_member *self, void *context)
{
    const task *all = context;
    update_share(all->trainer, self, all->step->alpha, NULL);
}

static void do_step(const mlpi_member *self, void *context)
{
    const task *all = context;
    mlp_trainer *t = all->trainer;
    mlpi_step *step = all->step;
    size_t first = 0;
    size_t m = 0;
    mlpi_share(self, step->m, ROWS_GRAIN, &first, &m);
    if (!step->has_rows) {
        take_inputs(t, step, first, m);
        take_targets(t, step, first, m);
    }
    forward_rows(t, self, first, m);
    backward_rows(t, self, step->m, first, m);
    mlpi_barrier(self);
    if (self->index == 0) {
        step->loss = loss_of(t, step->m);
    }
    gradients_of(t, self, step->m);
    mlpi_barrier(self);
    if (isfinite(step->loss) && !step->only_look) {
        update_share(t, self, step->alpha, step->keep);
    }
}

void mlpi_trainer_step(mlp_trainer *trainer, mlpi_step *step)
{
    run(trainer, step->m, do_step, step);
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
    mlpi_step step = {.m = X.rows, .X = X};
    run(trainer, step.m, do_forward, &step);
    trainer->m = step.m;
    trainer->has_gradients = false;
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
    mlpi_step step = {.m = trainer->m, .Y = Y};
    take_targets(trainer, &step, 0, step.m);
    *loss = loss_of(trainer, step.m);
    return MLP_OK;
}

mlp_status mlp_trainer_backward(mlp_trainer *trainer, mlp_cview Y)
{
    if (!trainer) {
        return MLP_ERR_NULL;
    }
    TRY(check_forward(trainer));
    TRY(mlpi_net_check_Y(trainer->net, Y, trainer->m));
    mlpi_step step = {.m = trainer->m, .Y = Y};
    run(trainer, step.m, do_backward, &step);
    trainer->has_gradients = true;
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
    mlpi_step step = {.alpha = alpha};
    run(trainer, trainer->m, do_update, &step);
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
