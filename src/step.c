/* SPDX-License-Identifier: MIT */
/*
 * One member's shares of a step, and the steps that they make up.
 */
#include "step.h"

#include <math.h>
#include <string.h>

#include "batch_norm.h"
#include "dropout.h"
#include "loss.h"
#include "pass.h"

/* Rows, and inputs, that members share are whole multiples of these. */
enum { ROWS_GRAIN = 4, INPUTS_GRAIN = 12 };

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
    net->ops->gather(&(mlpi_gather){
        .m = m,
        .n = X.cols,
        .X = mlpi_operand_of(X),
        .order = step->order ? step->order + first : NULL,
        .ahead = step->ahead,
        .mean = net->scales ? net->mean : NULL,
        .std = net->scales ? net->std : NULL,
        .out = row_of(t, t->A[0], X.cols, step->to_row + first)});
}

static void take_targets(mlp_trainer *t, const mlpi_step *step, size_t first,
                         size_t m)
{
    mlp_cview Y = step->order ? step->Y : mlp_cview_rows(step->Y, first, m);
    void *targets =
        row_of(t, t->Y, mlp_net_outputs(t->net), step->to_row + first);
    mlpi_loss_targets(
        t->net,
        &(mlpi_targets){.m = m,
                        .Y = Y,
                        .order = step->order ? step->order + first : NULL,
                        .ahead = step->ahead},
        targets);
    mlpi_loss_smooth(t->net, m, targets);
}

/* out = mask * in / (1 - p) for some rows of layer l, in this draw. */
static void drop_rows(const mlp_trainer *t, size_t l, size_t first, size_t m,
                      void *const *in, void *const *out)
{
    size_t n = t->net->layout.layer[l].width;
    mlpi_drop(t->net, &(mlpi_drop_rows){.l = l,
                                        .seed = t->seed,
                                        .step = t->draw,
                                        .first = first,
                                        .m = m,
                                        .in = row_of(t, in[l], n, first),
                                        .out = row_of(t, out[l], n, first)});
}

/* Rows of a batch that are a member's. */
typedef struct share {
    size_t batch; /* how many there are in all */
    size_t first, m;
} share;

static mlpi_batch_norm norm_of(const mlp_trainer *t, size_t l, share rows)
{
    return (mlpi_batch_norm){.l = l,
                             .batch = rows.batch,
                             .first = rows.first,
                             .m = rows.m,
                             .X = t->X[l],
                             .Z = t->Z[l],
                             .moments = t->moments,
                             .gradients = t->gradients};
}

/* Z and A of a layer that normalises; step->Z is to receive Z. */
static void forward_normalising(mlp_trainer *t, const mlpi_member *self,
                                const mlpi_forward_step *step,
                                const mlpi_batch_norm *norm)
{
    const mlp_net *net = t->net;
    mlpi_forward_step linear = *step;
    linear.Z =
        row_of(t, norm->X, net->layout.layer[step->l].width, norm->first);
    mlpi_forward_linear(net, &linear);
    mlpi_batch_norm_forward(net, self, norm);
    mlpi_activate(net, step->l, step->m, step->Z, step->A);
}

/* Most derivatives show in A as well as in Z: where nobody else will ask for Z,
 * it is not kept. */
static void forward_rows(mlp_trainer *t, const mlpi_member *self,
                         const mlpi_step *step, size_t first, size_t m)
{
    const mlpi_layout *layout = &t->net->layout;
    for (size_t l = 1; l <= layout->L; l++) {
        const mlpi_shape *shape = &layout->layer[l];
        size_t n = shape->width;
        size_t n_prev = layout->layer[l - 1].width;
        bool needs_Z = !step->hides_Z || l == layout->L ||
                       mlpi_needs_z(shape->activation) || shape->batch_norm;
        void *Z = needs_Z ? t->Z[l] : t->A[l];
        mlpi_forward_step forward = {
            .l = l,
            .m = m,
            .A_prev = {row_of(t, t->D[l - 1], n_prev, first), n_prev, 1},
            .Z = row_of(t, Z, n, first),
            .A = row_of(t, t->A[l], n, first),
            .scratch = scratch_of(t, self)};
        if (shape->batch_norm) {
            mlpi_batch_norm norm = norm_of(t, l, (share){step->m, first, m});
            forward_normalising(t, self, &forward, &norm);
        } else {
            mlpi_forward(t->net, &forward);
        }
        if (shape->dropout > 0.0) {
            drop_rows(t, l, first, m, t->A, t->D);
        }
    }
}

static mlpi_outputs outputs_of(const mlp_trainer *t, size_t first, size_t m)
{
    size_t L = t->net->layout.L;
    size_t n = t->net->layout.layer[L].width;
    return (mlpi_outputs){.m = m,
                          .Z = row_of(t, t->Z[L], n, first),
                          .A = row_of(t, t->A[L], n, first),
                          .Y = row_of(t, t->Y, n, first),
                          .weight = t->weighs ? t->weight + first : NULL};
}

static mlpi_descent descent_of(mlp_trainer *t)
{
    return (mlpi_descent){t->net, &t->optimizer, t->gradients};
}

/* This member's share of what loss_of needs. */
static void penalty_share(mlp_trainer *t, const mlpi_member *self)
{
    if (t->optimizer.penalises) {
        mlpi_descent descent = descent_of(t);
        mlpi_penalty_sums(&descent, self);
    }
}

static double loss_of(mlp_trainer *t, size_t m)
{
    mlpi_outputs outputs = outputs_of(t, 0, m);
    mlpi_loss_sum sum = {.total = 0};
    mlpi_loss_add(&sum, t->net, &outputs);
    double loss = mlpi_loss_mean(&sum);
    if (t->optimizer.penalises) {
        mlpi_descent descent = descent_of(t);
        loss += mlpi_penalty(&descent, t->total);
    }
    return loss;
}

static void backward_normalising(mlp_trainer *t, const mlpi_member *self,
                                 size_t l, share rows)
{
    mlpi_batch_norm norm = norm_of(t, l, rows);
    norm.Z = t->dZ[l];
    mlpi_batch_norm_backward(t->net, self, &norm);
}

/* From dA * activation' of layer l, where A is what the next layer got, to what
 * came out of its product. */
static inline void backward_layer(mlp_trainer *t, const mlpi_member *self,
                                  size_t l, share rows)
{
    const mlpi_shape *shape = &t->net->layout.layer[l];
    if (shape->dropout > 0.0) {
        drop_rows(t, l, rows.first, rows.m, t->dZ, t->dZ);
    }
    if (shape->batch_norm) {
        backward_normalising(t, self, l, rows);
    }
}

/* dZ of some rows of a batch, from the last layer to the first. */
static void backward_rows(mlp_trainer *t, const mlpi_member *self, size_t batch,
                          size_t first, size_t m)
{
    const mlpi_layout *layout = &t->net->layout;
    size_t L = layout->L;
    mlpi_outputs outputs = outputs_of(t, first, m);
    mlpi_loss_gradient(t->net, &outputs, t->total,
                       row_of(t, t->dZ[L], layout->layer[L].width, first));
    backward_layer(t, self, L, (share){batch, first, m});
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
        backward_layer(t, self, l - 1, (share){batch, first, m});
    }
}

/* The part of a step that makes gradients of m rows; of the `step` that is to
 * update the parameters at once, unless NULL. */
typedef struct fusion {
    size_t m;
    const mlpi_step *step;
} fusion;

/* How to update `count` parameters from the first on, which are kept before. */
static mlpi_update fused_update(mlp_trainer *t, const mlpi_step *step,
                                size_t first, size_t count, bool is_weight)
{
    const mlpi_ops *ops = t->net->ops;
    mlpi_descent descent = descent_of(t);
    if (step->keep) {
        memcpy(mlpi_at(ops, step->keep, first),
               mlpi_at(ops, t->net->parameters, first), count * ops->real_size);
    }
    mlpi_update u = mlpi_update_at(&descent, step->alpha, first, is_weight);
    u.n = count;
    return u;
}

/* Of inputs [first, first + count) of layer l. */
static void weight_gradients(mlp_trainer *t, const mlpi_member *self,
                             const fusion *f, size_t l, size_t first,
                             size_t count)
{
    const mlpi_shape *shape = &t->net->layout.layer[l];
    mlpi_gradient_step gradient = {.l = l,
                                   .m = f->m,
                                   .dZ = t->dZ[l],
                                   .A_prev = t->D[l - 1],
                                   .first = first,
                                   .count = count,
                                   .gradients = t->gradients,
                                   .scratch = scratch_of(t, self)};
    mlpi_update update;
    if (f->step) {
        update = fused_update(t, f->step, shape->W + first * shape->width,
                              count * shape->width, true);
        gradient.update = &update;
    }
    mlpi_gradient(t->net, &gradient);
    if (t->optimizer.penalises) {
        mlpi_descent descent = descent_of(t);
        mlpi_penalty_gradient(&descent, t->total, l, first, count);
    }
}

/* Those of what is not a weight. Batch norm has made its own already, and is
 * never fused. */
static void other_gradients(mlp_trainer *t, const fusion *f, size_t l)
{
    const mlpi_shape *shape = &t->net->layout.layer[l];
    size_t n = shape->width;
    if (!shape->batch_norm) {
        mlpi_bias_gradient(t->net, l, f->m, t->dZ[l], t->gradients);
    }
    if (f->step) {
        mlpi_update update = fused_update(t, f->step, shape->b, n, false);
        t->net->ops->update(&update);
    }
}

/* The gradients of this member's weights, from all rows. Others go round. */
static void gradients_of(mlp_trainer *t, const mlpi_member *self,
                         const fusion *f)
{
    const mlpi_layout *layout = &t->net->layout;
    for (size_t l = layout->L; l >= 1; l--) {
        size_t first = 0;
        size_t count = 0;
        mlpi_share(self, layout->layer[l - 1].width, INPUTS_GRAIN, &first,
                   &count);
        weight_gradients(t, self, f, l, first, count);
        if (l % self->count == self->index) {
            other_gradients(t, f, l);
        }
    }
}

/* All gradients must be there. */
static void update_share(mlp_trainer *t, const mlpi_member *self, double alpha,
                         void *keep)
{
    mlpi_descent descent = descent_of(t);
    if (t->optimizer.clips) {
        mlpi_norm_sums(&descent, self);
        mlpi_barrier(self);
    }
    mlpi_descend(&descent, self, alpha, keep);
}

/* ---------------------------------------------------------------------------
 * The steps, as the team does them
 */

typedef struct task {
    mlp_trainer *trainer;
    mlpi_step *step;
} task;

static void do_forward(const mlpi_member *self, void *context)
{
    const task *all = context;
    size_t first = 0;
    size_t m = 0;
    mlpi_share(self, all->step->m, ROWS_GRAIN, &first, &m);
    take_inputs(all->trainer, all->step, first, m);
    forward_rows(all->trainer, self, all->step, first, m);
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
    gradients_of(t, self, &(fusion){batch, NULL});
}

static void do_update(const mlpi_member *self, void *context)
{
    const task *all = context;
    update_share(all->trainer, self, all->step->alpha, NULL);
}

/* This member's share of whether all gradients are finite; they must be there. */
static void look_at_gradients(mlp_trainer *t, const mlpi_member *self,
                              mlpi_step *step)
{
    mlpi_descent descent = descent_of(t);
    if (mlpi_gradient_is_bad(&descent, self)) {
        step->bad_gradient = true;
    }
}

static bool updates(const mlpi_step *step)
{
    return isfinite(step->loss) && !step->only_look && !step->bad_gradient;
}

/* Can each part of the gradients be used up when it has been made, and do they
 * not fit into a cache together? */
static bool is_fusible(const mlp_trainer *t, const mlpi_step *step)
{
    enum { MANY_PARAMETERS = 1 << 16 };
    return step->hides_Z && !step->only_look && t->net->layout.running == 0 &&
           !t->optimizer.penalises && !t->optimizer.clips &&
           t->net->layout.parameters >= MANY_PARAMETERS;
}

/* Of this member's rows: are numbers so large that gradients may not be finite?
 * Who fuses does not learn of one before others have been used up. */
static void look_at_factors(mlp_trainer *t, mlpi_step *step, size_t first,
                            size_t m)
{
    const mlpi_ops *ops = t->net->ops;
    for (size_t l = 1; l <= t->net->layout.L; l++) {
        size_t n = t->net->layout.layer[l].width;
        size_t n_prev = t->net->layout.layer[l - 1].width;
        const void *A_prev = row_of(t, t->D[l - 1], n_prev, first);
        const void *dZ = row_of(t, t->dZ[l], n, first);
        if (!ops->is_moderate(m * n_prev, step->m, A_prev) ||
            !ops->is_moderate(m * n, step->m, dZ)) {
            step->large_factors = true;
        }
    }
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
    forward_rows(t, self, step, first, m);
    backward_rows(t, self, step->m, first, m);
    penalty_share(t, self);
    const bool may_fuse = is_fusible(t, step);
    if (may_fuse) {
        look_at_factors(t, step, first, m);
    }
    mlpi_barrier(self);
    if (self->index == 0) {
        step->loss = loss_of(t, step->m);
    }
    if (may_fuse && !step->large_factors) {
        mlpi_barrier(self); /* the loss is known */
        if (updates(step)) {
            gradients_of(t, self, &(fusion){step->m, step});
        }
        return;
    }
    gradients_of(t, self, &(fusion){step->m, NULL});
    mlpi_barrier(self);
    look_at_gradients(t, self, step);
    mlpi_barrier(self);
    if (updates(step)) {
        update_share(t, self, step->alpha, step->keep);
    }
}

void mlpi_step_take(mlp_trainer *trainer, const mlpi_step *step)
{
    take_inputs(trainer, step, 0, step->m);
    take_targets(trainer, step, 0, step->m);
}

void mlpi_step_weigh(mlp_trainer *trainer, const mlpi_step *step)
{
    trainer->weighs = step->weights != NULL;
    for (size_t i = 0; trainer->weighs && i < step->m; i++) {
        trainer->weight[i] = step->weights[step->order ? step->order[i] : i];
    }
    trainer->total =
        mlpi_loss_weight(step->m, trainer->weighs ? trainer->weight : NULL);
}

bool mlpi_step_is_busy(const mlp_trainer *trainer, size_t m)
{
    return mlpi_is_worth_a_team(m, trainer->net->layout.parameters);
}

static void run(mlp_trainer *t, size_t m, mlpi_work *work, mlpi_step *step)
{
    task all = {t, step};
    mlpi_team_run(mlpi_step_is_busy(t, m) ? t->team : NULL, work, &all);
}

/* The running moments learn of a batch, and are kept before. */
static void track(mlp_trainer *t, const mlpi_step *step)
{
    mlp_net *net = t->net;
    const mlpi_layout *layout = &net->layout;
    if (layout->running > 0) {
        if (step->keep) {
            memcpy(mlpi_at(net->ops, step->keep, layout->parameters),
                   net->running, layout->running * net->ops->real_size);
        }
        mlpi_batch_norm_track(net, step->m, t->moments);
    }
}

void mlpi_step_forward(mlp_trainer *trainer, mlpi_step *step)
{
    trainer->draw++;
    run(trainer, step->m, do_forward, step);
    if (!step->only_look) {
        track(trainer, step);
    }
}

void mlpi_step_loss(mlp_trainer *trainer, mlpi_step *step)
{
    take_targets(trainer, step, 0, step->m);
    penalty_share(trainer, &(mlpi_member){NULL, 0, 1});
    step->loss = loss_of(trainer, step->m);
}

void mlpi_step_backward(mlp_trainer *trainer, mlpi_step *step)
{
    run(trainer, step->m, do_backward, step);
}

void mlpi_step_update(mlp_trainer *trainer, mlpi_step *step)
{
    run(trainer, trainer->m, do_update, step);
    mlpi_optimizer_note_step(&trainer->optimizer);
}

void mlpi_step_whole(mlp_trainer *trainer, mlpi_step *step)
{
    trainer->draw++;
    run(trainer, step->m, do_step, step);
    if (updates(step)) {
        mlpi_optimizer_note_step(&trainer->optimizer);
        track(trainer, step);
    }
}
