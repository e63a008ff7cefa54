/* SPDX-License-Identifier: MIT */
/*
 * One training step, and the function that does each line of it. A batch has m
 * rows, layer l has n[l] neurons, W[l] is (n[l], n[l-1]), b[l] is (n[l]).
 *
 *   A[0] = rows of X                   (m, n[0])      mlpi_worker_load_inputs
 *   Y    = their targets               (m, n[L])      mlpi_worker_load_targets
 *
 *   for l = 1..L                                      mlpi_worker_forward
 *       Z[l] = A[l-1] W[l]^T + b[l]    (m, n[l])        planned gemm `forward`
 *       batch norm: Z[l] = scale[l] X_hat[l] + b[l]     batch_norm_forward
 *       A[l] = act(Z[l])               (m, n[l])        kernels->activate
 *       dropout: A[l] = A[l] mask[l] / (1 - p)          drop_rows
 *   J = loss(A[L], Y) + penalty(W)                    mlpi_batch_loss
 *
 *   dZ[L] = dJ/dZ[L]                   (m, n[L])      mlpi_worker_backward
 *   for l = L..2
 *       dA[l-1] = dZ[l] W[l]           (m, n[l-1])      planned gemm `backward`
 *       dZ[l-1] = dA[l-1] act'(Z[l-1])                  activate_backward
 *       dropout: dZ[l-1] = dZ[l-1] mask[l-1] / (1 - p)  drop_rows
 *       batch norm: dJ/dZ becomes dJ/d(A W^T)           batch_norm_backward
 *   for l = L..1                                      mlpi_worker_gradients
 *       dW[l] = dZ[l]^T A[l-1]         (n[l], n[l-1])   planned gemm `gradient`
 *       db[l] = sum of the rows of dZ[l]                kernels->column_sums
 *       dW[l] = dW[l] + (l2 W + l1 sign W) / weight     mlpi_penalty_gradient
 *   clip all dW and db by their norm                  mlpi_worker_update
 *   W, b = optimizer(W, b, dW, db)                      mlpi_update_parameters
 *
 * A thread does each line for a part of the rows or of the weights. Which part
 * that is, and which kernel does it, stands in its plan (step_plan.h). Where
 * the activation is ReLU it has no line of its own: the product before it
 * applies it, or its derivative, on the way to memory. A after dropout is an
 * array of its own, A_dropped, because act' may be computed from A.
 */
#include "train/step_worker.h"

#include "model/batch_norm.h"
#include "model/dropout.h"
#include "model/loss.h"

/* The memory of another thread begins with its layer plans; scratch follows. */
const mlpi_plan *mlpi_worker_plan(mlp_trainer *t, const mlpi_thread *self,
                                  mlpi_plan *own)
{
    const mlpi_batch *batch = &t->batch;
    mlpi_plan *plan = &t->plan;
    if (self->index > 0) {
        unsigned char *memory = mlpi_team_scratch(self);
        *own = (mlpi_plan){.layer = (void *)memory,
                           .scratch = memory + mlpi_plan_size(t->net)};
        plan = own;
    }
    if (plan->batch_rows != batch->m || plan->threads != self->count ||
        plan->discard_Z != batch->discard_Z) {
        mlpi_plan_make(t->net, self, batch, plan);
    }
    return plan;
}

/* ---------------------------------------------------------------------------
 * Rows into the batch
 */

/* One kernel selects the rows, scales them, and makes them dense. */
void mlpi_worker_load_inputs(mlp_trainer *t, const mlpi_step_args *args,
                             size_t first, size_t m)
{
    const mlp_net *net = t->net;
    size_t n = args->X.cols;
    mlpi_operand X = mlpi_operand_of(args->X);
    if (!args->order) {
        X.data = mlpi_const_at(net->kernels, X.data, first * X.row_stride);
    }
    net->kernels->load_rows(&(mlpi_load_rows){
        .m = m,
        .n = n,
        .X = X,
        .order = args->order ? args->order + first : NULL,
        .prefetch_ahead = args->prefetch_ahead,
        .mean = net->in.scales ? net->in.mean : NULL,
        .std = net->in.scales ? net->in.std : NULL,
        .out = mlpi_row_of(t, t->batch.A[0], n, args->batch_row + first)});
}

/* Targets become what the last layer should yield: numbers in its scale, or a
 * row with a 1 at the class, smoothed if the network's options say so. */
void mlpi_worker_load_targets(mlp_trainer *t, const mlpi_step_args *args,
                              size_t first, size_t m)
{
    mlp_cview Y = args->Y;
    if (!args->order) {
        mlpi_cut_rows(&Y, first, m);
    }
    void *targets = mlpi_row_of(t, t->batch.Y, mlpi_net_outputs(t->net),
                                args->batch_row + first);
    mlpi_loss_targets(
        t->net,
        &(mlpi_targets){.m = m,
                        .Y = &Y,
                        .order = args->order ? args->order + first : NULL,
                        .prefetch_ahead = args->prefetch_ahead},
        targets);
    mlpi_loss_smooth(t->net, m, targets);
}

/* ---------------------------------------------------------------------------
 * Forward
 */

/* Computes out = mask * in / (1 - p) for this thread's rows of layer l. The
 * mask is a function of the seed and the number of the forward pass, so the
 * backward pass computes the same one again and nobody stores it. */
static void drop_rows(const mlp_trainer *t, const mlpi_plan *plan, size_t l,
                      void *const *in, void *const *out)
{
    size_t n = t->net->layout.layer[l].width;
    mlpi_dropout_apply(
        t->net,
        &(mlpi_dropout_args){.l = l,
                             .seed = t->seed,
                             .draw = t->draw,
                             .first = plan->first,
                             .m = plan->m,
                             .in = mlpi_row_of(t, in[l], n, plan->first),
                             .out = mlpi_row_of(t, out[l], n, plan->first)});
}

/* Batch norm of layer l, forward. For the backward pass Z is dZ instead. */
static mlpi_batch_norm_args norm_of(const mlp_trainer *t, const mlpi_plan *plan,
                                    size_t l)
{
    return (mlpi_batch_norm_args){.l = l,
                                  .batch = plan->batch_rows,
                                  .first = plan->first,
                                  .m = plan->m,
                                  .X_hat = t->batch.X_hat[l],
                                  .Z = t->batch.Z[l],
                                  .moments = t->batch.moments,
                                  .gradients = t->batch.gradients};
}

/* The barrier before a product makes sure that A of the layer before is
 * complete, as far as this product reads it. The one after it stands where the
 * product wrote columns, and elementwise work reads rows. */
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
            t->net->kernels->activate(&p->activation, p->Z, p->A);
        }
        if (layout->layer[l].dropout > 0.0) {
            drop_rows(t, plan, l, t->batch.A, t->batch.A_dropped);
        }
    }
}

/* The terms of all rows are added by one thread, in the order of the rows, so
 * that the loss does not depend on the number of threads. */
double mlpi_batch_loss(mlp_trainer *t)
{
    size_t L = t->net->layout.L;
    mlpi_loss_args args = {.m = t->batch.m,
                           .Z = t->batch.Z[L],
                           .A = t->batch.A[L],
                           .Y = t->batch.Y,
                           .row_weights =
                               t->has_row_weights ? t->row_weights : NULL};
    mlpi_loss_sum sum = {.total = 0};
    mlpi_loss_add(&sum, t->net, &args);
    double loss = mlpi_loss_mean(&sum);
    if (t->optimizer.penalises) {
        mlpi_update_context context = mlpi_update_context_of(t);
        loss += mlpi_penalty(&context, t->total_weight);
    }
    return loss;
}

/* ---------------------------------------------------------------------------
 * Backward
 */

/* Takes dZ of layer l back through dropout and batch norm. Dropout comes after
 * the activation, whose derivative is in dZ already; both multiply each element
 * by a factor, so their order does not matter. Afterwards dZ is the derivative
 * by what the product of layer l computes. */
static inline void backward_layer(mlp_trainer *t, const mlpi_thread *self,
                                  const mlpi_plan *plan, size_t l)
{
    const mlpi_layer_layout *layer = &t->net->layout.layer[l];
    if (layer->dropout > 0.0) {
        drop_rows(t, plan, l, t->batch.dZ, t->batch.dZ);
    }
    if (layer->batch_norm) {
        mlpi_batch_norm_args norm = norm_of(t, plan, l);
        norm.Z = t->batch.dZ[l];
        mlpi_batch_norm_backward(t->net, self, &norm);
    }
}

/* plan->layer[l].backward yields dA of layer l - 1, so what follows the product
 * is planned in layer l - 1. Barriers stand as in the forward pass. */
void mlpi_worker_backward(mlp_trainer *t, const mlpi_thread *self,
                          const mlpi_plan *plan)
{
    size_t L = t->net->layout.L;
    mlpi_loss_args args = plan->loss_args;
    args.row_weights = t->has_row_weights ? t->row_weights + plan->first : NULL;
    mlpi_loss_gradient(t->net, &args, t->total_weight, plan->layer[L].dZ);
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
            t->net->kernels->activate_backward(&before->activation, before->Z,
                                               before->A, before->dZ);
        }
        backward_layer(t, self, plan, l - 1);
    }
}

/* ---------------------------------------------------------------------------
 * Gradients
 */

/* Each gradient is a sum of plan->batch_rows products a dz. The kernel checks a
 * bound for the factors, which is such that no sum of that length overflows. */
void mlpi_worker_check_overflow(mlp_trainer *t, const mlpi_plan *plan,
                                mlpi_step_result *result)
{
    const mlpi_kernels *kernels = t->net->kernels;
    size_t first = plan->first;
    size_t m = plan->m;
    for (size_t l = 1; l <= t->net->layout.L; l++) {
        size_t n = t->net->layout.layer[l].width;
        size_t n_prev = t->net->layout.layer[l - 1].width;
        const void *A_prev =
            mlpi_row_of(t, t->batch.A_dropped[l - 1], n_prev, first);
        const void *dZ = mlpi_row_of(t, t->batch.dZ[l], n, first);
        if (!kernels->products_stay_finite(m * n_prev, plan->batch_rows,
                                           A_prev) ||
            !kernels->products_stay_finite(m * n, plan->batch_rows, dZ)) {
            result->may_overflow = true;
        }
    }
}

/* dW of this thread's part of layer l. If `fused`, the product updates the
 * weights with each tile of dW, and dW itself is not kept. */
static void weight_gradients(mlp_trainer *t, const mlpi_layer_plan *p,
                             const mlpi_step_args *fused, size_t l)
{
    if (fused) {
        mlpi_update_context context = mlpi_update_context_of(t);
        mlpi_optimizer_step update = mlpi_fused_update(
            &context, fused->learning_rate, p->dW_offset, true);
        mlpi_gemm_args product = p->gradient.args;
        product.update = &update;
        t->net->kernels->gemm(&product);
    } else {
        mlpi_run_planned(&p->gradient);
    }
    if (t->optimizer.penalises) {
        mlpi_update_context context = mlpi_update_context_of(t);
        size_t n = t->net->layout.layer[l].width;
        for (size_t i = 0; i < p->dW_runs; i++) {
            mlpi_penalty_gradient(&context, t->total_weight,
                                  p->dW_offset + i * n, p->dW_run);
        }
    }
}

/* db of layer l. The backward pass of batch norm computes db and dscale itself;
 * such a layer is never fused. */
static void bias_gradients(mlp_trainer *t, size_t m,
                           const mlpi_step_args *fused, size_t l)
{
    const mlpi_kernels *kernels = t->net->kernels;
    const mlpi_layer_layout *layer = &t->net->layout.layer[l];
    size_t n = layer->width;
    if (!layer->batch_norm) {
        kernels->column_sums(
            m, n, t->batch.dZ[l],
            mlpi_at(kernels, t->batch.gradients, layer->b_offset));
    }
    if (fused) {
        mlpi_update_context context = mlpi_update_context_of(t);
        mlpi_optimizer_step update = mlpi_fused_update(
            &context, fused->learning_rate, layer->b_offset, false);
        update.n = n;
        kernels->optimizer_step(&update);
    }
}

/* All dZ are complete, so the layers do not depend on each other any more, and
 * no barrier stands between them. Layer l's biases go to thread l mod threads:
 * they are too little work to divide. */
void mlpi_worker_gradients(mlp_trainer *t, const mlpi_thread *self,
                           const mlpi_plan *plan, const mlpi_step_args *fused)
{
    if (fused && fused->backup) {
        mlpi_backup_part(t->net, self, fused->backup);
        mlpi_barrier(self); /* parts of the backup are cut in another way */
    }
    for (size_t l = t->net->layout.L; l >= 1; l--) {
        weight_gradients(t, &plan->layer[l], fused, l);
        if (l % self->count == self->index) {
            bias_gradients(t, plan->batch_rows, fused, l);
        }
    }
}
