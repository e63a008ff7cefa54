/* SPDX-License-Identifier: MIT */
#include "train/step_worker.h"

#include "model/batch_norm.h"
#include "model/dropout.h"
#include "model/loss.h"

const mlpi_plan *mlpi_worker_plan(mlp_trainer *t, const mlpi_thread *self,
                                  const mlpi_step *step, mlpi_plan *own)
{
    mlpi_plan *plan = &t->plan;
    void *scratch = t->scratch;
    if (self->index > 0) {
        void *room = mlpi_team_scratch(self);
        *own = (mlpi_plan){.layer = room};
        plan = own;
        scratch = (unsigned char *)room + mlpi_plan_room(t->net);
    }
    if (plan->batch != step->m || plan->members != self->count ||
        plan->discard_Z != step->discard_Z) {
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
                                     .discard_Z = step->discard_Z},
                       plan);
    }
    return plan;
}

void mlpi_worker_load_inputs(mlp_trainer *t, const mlpi_step *step,
                             size_t first, size_t m)
{
    const mlp_net *net = t->net;
    size_t n = step->X.cols;
    mlpi_operand X = mlpi_operand_of(step->X);
    if (!step->order) {
        X.data = mlpi_const_at(net->kernels, X.data, first * X.row_stride);
    }
    net->kernels->gather(&(mlpi_gather){
        .m = m,
        .n = n,
        .X = X,
        .order = step->order ? step->order + first : NULL,
        .prefetch_ahead = step->prefetch_ahead,
        .mean = net->in.scales ? net->in.mean : NULL,
        .std = net->in.scales ? net->in.std : NULL,
        .out = mlpi_row_of(t, t->A[0], n, step->batch_row + first)});
}

void mlpi_worker_load_targets(mlp_trainer *t, const mlpi_step *step,
                              size_t first, size_t m)
{
    mlp_cview Y = step->Y;
    if (!step->order) {
        mlpi_cut_rows(&Y, first, m);
    }
    void *targets =
        mlpi_row_of(t, t->Y, mlpi_net_outputs(t->net), step->batch_row + first);
    mlpi_loss_targets(
        t->net,
        &(mlpi_targets){.m = m,
                        .Y = &Y,
                        .order = step->order ? step->order + first : NULL,
                        .prefetch_ahead = step->prefetch_ahead},
        targets);
    mlpi_loss_smooth(t->net, m, targets);
}

/* out = mask * in / (1 - p) for some rows of layer l, in this draw. */
static void drop_rows(const mlp_trainer *t, size_t l, size_t first, size_t m,
                      void *const *in, void *const *out)
{
    size_t n = t->net->layout.layer[l].width;
    mlpi_dropout_apply(
        t->net, &(mlpi_dropout_args){.l = l,
                                     .seed = t->seed,
                                     .step = t->draw,
                                     .first = first,
                                     .m = m,
                                     .in = mlpi_row_of(t, in[l], n, first),
                                     .out = mlpi_row_of(t, out[l], n, first)});
}

static mlpi_batch_norm_args norm_of(const mlp_trainer *t, const mlpi_plan *plan,
                                    size_t l)
{
    return (mlpi_batch_norm_args){.l = l,
                                  .batch = plan->batch,
                                  .first = plan->first,
                                  .m = plan->m,
                                  .X = t->X[l],
                                  .Z = t->Z[l],
                                  .moments = t->moments,
                                  .gradients = t->gradients};
}

void mlpi_worker_forward(mlp_trainer *t, const mlpi_thread *self,
                         const mlpi_plan *plan)
{
    const mlpi_layout *layout = &t->net->layout;
    for (size_t l = 1; l <= layout->L; l++) {
        const mlpi_layer_plan *p = &plan->layer[l];
        if (p->needs_barrier) {
            mlpi_barrier(self);
        }
        mlpi_run_planned(&p->forward);
        if (p->by_outputs && p->has_elementwise) {
            mlpi_barrier(self);
        }
        if (layout->layer[l].batch_norm) {
            mlpi_batch_norm_args norm = norm_of(t, plan, l);
            mlpi_batch_norm_forward(t->net, self, &norm);
        }
        if (p->activates) {
            t->net->kernels->activate(&p->how, p->Z, p->A);
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
                          .row_weights =
                              t->has_sample_weights ? t->weight : NULL};
}

double mlpi_batch_loss(mlp_trainer *t, size_t m)
{
    mlpi_outputs outputs = all_outputs(t, m);
    mlpi_loss_sum sum = {.total = 0};
    mlpi_loss_add(&sum, t->net, &outputs);
    double loss = mlpi_loss_mean(&sum);
    if (t->optimizer.penalises) {
        mlpi_update_context descent = mlpi_update_context_of(t);
        loss += mlpi_penalty(&descent, t->total);
    }
    return loss;
}

/* From dA * activation' of layer l, where A is what the next layer got, to what
 * came out of its product. */
static inline void backward_layer(mlp_trainer *t, const mlpi_thread *self,
                                  const mlpi_plan *plan, size_t l)
{
    const mlpi_shape *shape = &t->net->layout.layer[l];
    if (shape->dropout > 0.0) {
        drop_rows(t, l, plan->first, plan->m, t->dZ, t->dZ);
    }
    if (shape->batch_norm) {
        mlpi_batch_norm_args norm = norm_of(t, plan, l);
        norm.Z = t->dZ[l];
        mlpi_batch_norm_backward(t->net, self, &norm);
    }
}

void mlpi_worker_backward(mlp_trainer *t, const mlpi_thread *self,
                          const mlpi_plan *plan)
{
    size_t L = t->net->layout.L;
    mlpi_outputs outputs = plan->outputs;
    outputs.row_weights =
        t->has_sample_weights ? t->weight + plan->first : NULL;
    mlpi_loss_gradient(t->net, &outputs, t->total, plan->layer[L].dZ);
    backward_layer(t, self, plan, L);
    for (size_t l = L; l >= 2; l--) {
        const mlpi_layer_plan *before = &plan->layer[l - 1];
        if (plan->layer[l].needs_barrier) {
            mlpi_barrier(self);
        }
        mlpi_run_planned(&plan->layer[l].backward);
        if (before->by_outputs && before->has_elementwise_back) {
            mlpi_barrier(self);
        }
        if (before->activates_back) {
            t->net->kernels->activate_backward(&before->how, before->Z,
                                               before->A, before->dZ);
        }
        backward_layer(t, self, plan, l - 1);
    }
}

/* This member's of layer l. If `fused`, that step is to update the parameters
 * at once. */
static void weight_gradients(mlp_trainer *t, const mlpi_layer_plan *p,
                             const mlpi_step *fused, size_t l)
{
    if (fused) {
        mlpi_update_context descent = mlpi_update_context_of(t);
        mlpi_optimizer_step update =
            mlpi_fused_step_at(&descent, fused->alpha, p->dW_offset, true);
        mlpi_gemm_args product = p->gradient.args;
        product.update = &update;
        t->net->kernels->gemm(&product);
    } else {
        mlpi_run_planned(&p->gradient);
    }
    if (t->optimizer.penalises) {
        mlpi_update_context descent = mlpi_update_context_of(t);
        size_t n = t->net->layout.layer[l].width;
        for (size_t i = 0; i < p->dW_runs; i++) {
            mlpi_penalty_gradient(&descent, t->total, p->dW_offset + i * n,
                                  p->dW_run);
        }
    }
}

/* Those of what is not a weight. Batch norm has made its own already, and is
 * never fused. */
static void other_gradients(mlp_trainer *t, size_t m, const mlpi_step *fused,
                            size_t l)
{
    const mlpi_kernels *kernels = t->net->kernels;
    const mlpi_shape *shape = &t->net->layout.layer[l];
    size_t n = shape->width;
    if (!shape->batch_norm) {
        kernels->column_sums(m, n, t->dZ[l],
                             mlpi_at(kernels, t->gradients, shape->b));
    }
    if (fused) {
        mlpi_update_context descent = mlpi_update_context_of(t);
        mlpi_optimizer_step update =
            mlpi_fused_step_at(&descent, fused->alpha, shape->b, false);
        update.n = n;
        kernels->optimizer_step(&update);
    }
}

void mlpi_worker_gradients(mlp_trainer *t, const mlpi_thread *self,
                           const mlpi_plan *plan, const mlpi_step *fused)
{
    if (fused && fused->backup) {
        mlpi_backup_part(t->net, self, fused->backup);
        mlpi_barrier(self);
    }
    for (size_t l = t->net->layout.L; l >= 1; l--) {
        weight_gradients(t, &plan->layer[l], fused, l);
        if (l % self->count == self->index) {
            other_gradients(t, plan->batch, fused, l);
        }
    }
}
