/* SPDX-License-Identifier: MIT */
/*
 * One member's shares of a step, and the steps that they make up.
 */
#include "step.h"

#include <math.h>
#include <string.h>

#include "batch_norm.h"
#include "descent.h"
#include "dropout.h"
#include "loss.h"

/* What this member does in the step: the others' plans, which are in their rooms,
 * are made anew each time. */
static const mlpi_plan *plan_of(mlp_trainer *t, const mlpi_member *self,
                                const mlpi_step *step, mlpi_plan *own)
{
    mlpi_plan *plan = &t->plan;
    void *scratch = t->scratch;
    if (self->index > 0) {
        void *room = mlpi_team_room(self);
        *own = (mlpi_plan){.layer = room};
        plan = own;
        scratch = (unsigned char *)room + mlpi_plan_room(t->net);
    }
    if (plan->batch != step->m || plan->members != self->count ||
        plan->hides_Z != step->hides_Z) {
        mlpi_plan_make(t->net, self,
                       &(mlpi_batch){.Z = t->Z,
                                     .A = t->A,
                                     .dZ = t->dZ,
                                     .D = t->D,
                                     .X = t->X,
                                     .Y = t->Y,
                                     .gradients = t->gradients,
                                     .scratch = scratch,
                                     .m = step->m,
                                     .hides_Z = step->hides_Z},
                       plan);
    }
    return plan;
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
    size_t n = step->X.cols;
    mlpi_operand X = mlpi_operand_of(step->X);
    if (!step->order) {
        X.data = mlpi_const_at(net->ops, X.data, first * X.row_stride);
    }
    net->ops->gather(
        &(mlpi_gather){.m = m,
                       .n = n,
                       .X = X,
                       .order = step->order ? step->order + first : NULL,
                       .ahead = step->ahead,
                       .mean = net->in.scales ? net->in.mean : NULL,
                       .std = net->in.scales ? net->in.std : NULL,
                       .out = row_of(t, t->A[0], n, step->to_row + first)});
}

static void take_targets(mlp_trainer *t, const mlpi_step *step, size_t first,
                         size_t m)
{
    mlp_cview Y = step->Y;
    if (!step->order) {
        mlpi_cut_rows(&Y, first, m);
    }
    void *targets =
        row_of(t, t->Y, mlpi_net_outputs(t->net), step->to_row + first);
    mlpi_loss_targets(
        t->net,
        &(mlpi_targets){.m = m,
                        .Y = &Y,
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

static mlpi_batch_norm norm_of(const mlp_trainer *t, const mlpi_plan *plan,
                               size_t l)
{
    return (mlpi_batch_norm){.l = l,
                             .batch = plan->batch,
                             .first = plan->first,
                             .m = plan->m,
                             .X = t->X[l],
                             .Z = t->Z[l],
                             .moments = t->moments,
                             .gradients = t->gradients};
}

static void forward_rows(mlp_trainer *t, const mlpi_member *self,
                         const mlpi_plan *plan)
{
    const mlpi_layout *layout = &t->net->layout;
    for (size_t l = 1; l <= layout->L; l++) {
        const mlpi_layer_plan *p = &plan->layer[l];
        mlpi_do(&p->forward);
        if (layout->layer[l].batch_norm) {
            mlpi_batch_norm norm = norm_of(t, plan, l);
            mlpi_batch_norm_forward(t->net, self, &norm);
        }
        if (p->activates) {
            t->net->ops->activate(&p->how, p->Z, p->A);
        }
        if (layout->layer[l].dropout > 0.0) {
            drop_rows(t, l, plan->first, plan->m, t->A, t->D);
        }
    }
}

/* Of the whole batch. */
static mlpi_outputs all_outputs(const mlp_trainer *t, size_t m)
{
    size_t L = t->net->layout.L;
    return (mlpi_outputs){.m = m,
                          .Z = t->Z[L],
                          .A = t->A[L],
                          .Y = t->Y,
                          .weight = t->weighs ? t->weight : NULL};
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
    mlpi_outputs outputs = all_outputs(t, m);
    mlpi_loss_sum sum = {.total = 0};
    mlpi_loss_add(&sum, t->net, &outputs);
    double loss = mlpi_loss_mean(&sum);
    if (t->optimizer.penalises) {
        mlpi_descent descent = descent_of(t);
        loss += mlpi_penalty(&descent, t->total);
    }
    return loss;
}

/* From dA * activation' of layer l, where A is what the next layer got, to what
 * came out of its product. */
static inline void backward_layer(mlp_trainer *t, const mlpi_member *self,
                                  const mlpi_plan *plan, size_t l)
{
    const mlpi_shape *shape = &t->net->layout.layer[l];
    if (shape->dropout > 0.0) {
        drop_rows(t, l, plan->first, plan->m, t->dZ, t->dZ);
    }
    if (shape->batch_norm) {
        mlpi_batch_norm norm = norm_of(t, plan, l);
        norm.Z = t->dZ[l];
        mlpi_batch_norm_backward(t->net, self, &norm);
    }
}

/* dZ of some rows of a batch, from the last layer to the first. */
static void backward_rows(mlp_trainer *t, const mlpi_member *self,
                          const mlpi_plan *plan)
{
    size_t L = t->net->layout.L;
    mlpi_outputs outputs = plan->outputs;
    outputs.weight = t->weighs ? t->weight + plan->first : NULL;
    mlpi_loss_gradient(t->net, &outputs, t->total, plan->layer[L].dZ);
    backward_layer(t, self, plan, L);
    for (size_t l = L; l >= 2; l--) {
        const mlpi_layer_plan *before = &plan->layer[l - 1];
        mlpi_do(&plan->layer[l].backward);
        if (before->activates_back) {
            t->net->ops->activate_backward(&before->how, before->Z, before->A,
                                           before->dZ);
        }
        backward_layer(t, self, plan, l - 1);
    }
}

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

/* Of the member's inputs of layer l. If `fused`, that step is to update the
 * parameters at once. */
static void weight_gradients(mlp_trainer *t, const mlpi_layer_plan *p,
                             const mlpi_step *fused, size_t l)
{
    const mlpi_shape *shape = &t->net->layout.layer[l];
    if (fused) {
        mlpi_update update =
            fused_update(t, fused, shape->W + p->first * shape->width,
                         p->count * shape->width, true);
        mlpi_product product = p->gradient.is;
        product.update = &update;
        t->net->ops->product(&product);
    } else {
        mlpi_do(&p->gradient);
    }
    if (t->optimizer.penalises) {
        mlpi_descent descent = descent_of(t);
        mlpi_penalty_gradient(&descent, t->total, l, p->first, p->count);
    }
}

/* Those of what is not a weight. Batch norm has made its own already, and is
 * never fused. */
static void other_gradients(mlp_trainer *t, size_t m, const mlpi_step *fused,
                            size_t l)
{
    const mlpi_ops *ops = t->net->ops;
    const mlpi_shape *shape = &t->net->layout.layer[l];
    size_t n = shape->width;
    if (!shape->batch_norm) {
        ops->column_sums(m, n, t->dZ[l], mlpi_at(ops, t->gradients, shape->b));
    }
    if (fused) {
        mlpi_update update = fused_update(t, fused, shape->b, n, false);
        ops->update(&update);
    }
}

/* The gradients of this member's weights, from all rows. Others go round. */
static void gradients_of(mlp_trainer *t, const mlpi_member *self,
                         const mlpi_plan *plan, const mlpi_step *fused)
{
    for (size_t l = t->net->layout.L; l >= 1; l--) {
        weight_gradients(t, &plan->layer[l], fused, l);
        if (l % self->count == self->index) {
            other_gradients(t, plan->batch, fused, l);
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
    mlpi_plan own;
    const mlpi_plan *plan = plan_of(all->trainer, self, all->step, &own);
    take_inputs(all->trainer, all->step, plan->first, plan->m);
    forward_rows(all->trainer, self, plan);
}

static void do_backward(const mlpi_member *self, void *context)
{
    const task *all = context;
    mlp_trainer *t = all->trainer;
    mlpi_plan own;
    const mlpi_plan *plan = plan_of(t, self, all->step, &own);
    take_targets(t, all->step, plan->first, plan->m);
    backward_rows(t, self, plan);
    mlpi_barrier(self);
    gradients_of(t, self, plan, NULL);
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
    mlpi_plan own;
    const mlpi_plan *plan = plan_of(t, self, step, &own);
    if (!step->has_rows) {
        take_inputs(t, step, plan->first, plan->m);
        take_targets(t, step, plan->first, plan->m);
    }
    forward_rows(t, self, plan);
    penalty_share(t, self);
    /* Alone, a member has the rows of all: then logarithms go beside what else
     * waits for sigmoids. */
    const bool is_alone = self->count == 1;
    if (is_alone) {
        step->loss = loss_of(t, step->m);
    }
    backward_rows(t, self, plan);
    const bool may_fuse = is_fusible(t, step);
    if (may_fuse) {
        look_at_factors(t, step, plan->first, plan->m);
    }
    mlpi_barrier(self);
    if (!is_alone && self->index == 0) {
        step->loss = loss_of(t, step->m);
    }
    if (may_fuse && !step->large_factors) {
        mlpi_barrier(self); /* the loss is known */
        if (updates(step)) {
            gradients_of(t, self, plan, step);
        }
        return;
    }
    gradients_of(t, self, plan, NULL);
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
