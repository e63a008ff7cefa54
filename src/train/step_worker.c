/* SPDX-License-Identifier: MIT */
/*
 * One training step, and the function that does each line of it. A batch has m
 * rows, layer l has n[l] neurons, W[l] is (n[l], n[l-1]), b[l] is (n[l]).
 * Dropout drops an output with probability p. A gemm is a product of two
 * matrices (general matrix multiply, the name in BLAS).
 *
 *   A[0] = rows of X                   (m, n[0])      mlpi_worker_load_inputs
 *   Y    = their targets               (m, n[L])      mlpi_worker_load_targets
 *
 *   for l = 1..L                                      mlpi_worker_forward
 *       Z[l] = A[l-1] W[l]^T + b[l]    (m, n[l])        planned gemm `forward`
 *       or, with batch norm:                            batch_norm_forward
 *           U = A[l-1] W[l]^T          (m, n[l])
 *           X_hat = (U - mean) / sqrt(variance + epsilon)
 *           Z[l] = scale X_hat + b[l]
 *       A[l] = act(Z[l])               (m, n[l])        kernels->activate
 *       dropout: A[l] = A[l] mask[l] / (1 - p)          drop_rows
 *   J = loss(A[L], Y) + penalty(W)       mlpi_worker_add_loss, _worker_loss
 *
 *   dZ[L] = dJ/dZ[L]                   (m, n[L])      mlpi_worker_loss_gradient
 *       or, from the caller's dJ/dA[L]:               mlpi_worker_load_gradient
 *           dZ[L] = dA[L] act'(Z[L])                    activate_backward
 *   batch norm: dZ[L] becomes dU                      mlpi_worker_backward
 *   for l = L..2
 *       dA[l-1] = dZ[l] W[l]           (m, n[l-1])      planned gemm `backward`
 *       dZ[l-1] = dA[l-1] act'(Z[l-1])                  activate_backward
 *       dropout: dZ[l-1] = dZ[l-1] mask[l-1] / (1 - p)  drop_rows
 *       batch norm: dZ[l-1] becomes dU                  batch_norm_backward
 *   for l = L..1                                      mlpi_worker_gradients
 *       dW[l] = dZ[l]^T A[l-1]         (n[l], n[l-1])   planned gemm `gradient`
 *       db[j] = sum over i of dZ[i][j]  (n[l])          kernels->column_sums
 *       dW[l] = dW[l] + (l2 W + l1 sign W) / total_weight
 *                                                       mlpi_penalty_gradient
 *   if the caller asks for it:                      mlpi_worker_input_gradient
 *       dX = dZ[1] W[1] / std of X     (m, n[0])        gemm, load_rows
 *   norm of all dW and db, for clipping               mlpi_norm_sums
 *   clip dW and db by value and norm                  mlpi_update_parameters
 *   W = W - alpha weight_decay W
 *   W, b = optimizer(W, b, dW, db)
 *
 * total_weight is the sum of the row weights, or m if all rows count 1. db[j]
 * is for one layer: each column of dZ is summed over the rows.
 *
 * Each thread does each line for a part of the rows or of the weights; but one
 * thread computes J, and one thread for each layer computes db. The
 * thread's plan (step_plan.h) says which part this is and which kernel does it.
 * ReLU usually has no separate pass: the matrix product applies max(0, z), and
 * in the backward pass its derivative, when it writes its result. The
 * exceptions are forward after batch norm, and backward in the last layer. A
 * after dropout is an array of its own, A_dropped, because act' may be computed
 * from A.
 */
#include "train/step_worker.h"

#include <string.h>

#include "model/batch_norm.h"
#include "model/dropout.h"
#include "model/loss.h"

/* Thread 0 uses the trainer's plan. Every other thread has its own memory:
 * first its layer plans, then its scratch. */
const mlpi_plan *mlpi_worker_plan(mlp_trainer *t, const mlpi_thread *thread,
                                  size_t first, size_t m, mlpi_plan *local_plan)
{
    const mlpi_batch *batch = &t->batch;
    mlpi_plan *plan = &t->plan;
    if (thread->index > 0) {
        unsigned char *memory = mlpi_team_scratch(thread);
        plan = local_plan;
        plan->layer = (void *)memory;
        plan->scratch = memory + mlpi_plan_size(t->net);
    }
    if (plan->batch_rows != m || plan->threads != thread->count ||
        plan->discard_Z != batch->discard_Z) {
        mlpi_plan_make(t->net, thread, batch, m, plan);
    }
    plan->offset = first;
    return plan;
}

/* ---------------------------------------------------------------------------
 * Rows into the batch
 */

/* One kernel selects the rows, scales them, and writes them without gaps, each
 * right after the one before (dense). */
void mlpi_worker_load_inputs(mlp_trainer *t, const mlpi_step_args *args,
                             size_t first, size_t m, size_t to)
{
    const mlp_net *net = t->net;
    size_t n = args->X.cols;
    mlpi_operand X = mlpi_operand_of(args->X);
    if (!args->order) {
        X.data = mlpi_const_at(net->kernels, X.data, first * X.row_stride);
    }
    net->kernels->load_rows(&(mlpi_load_rows_args){
        .m = m,
        .n = n,
        .X = X,
        .order = args->order ? args->order + first : NULL,
        .prefetch_ahead = args->prefetch_ahead,
        .mean = net->in.scales ? net->in.mean : NULL,
        .std = net->in.scales ? net->in.std : NULL,
        .out = mlpi_row_of(t, t->batch.A[0], n, to)});
}

/* Y gets what the last layer should yield: numbers in its scale, or a row with
 * a 1 at the class (one-hot), smoothed if the network's options say so. */
void mlpi_worker_load_targets(mlp_trainer *t, const mlpi_step_args *args,
                              size_t first, size_t m, size_t to)
{
    mlp_cview Y = args->Y;
    if (!args->order) {
        mlpi_cut_rows(&Y, first, m);
    }
    void *targets = mlpi_row_of(t, t->batch.Y, mlpi_net_targets(t->net), to);
    mlpi_loss_targets(
        t->net,
        &(mlpi_targets){.m = m,
                        .Y = &Y,
                        .order = args->order ? args->order + first : NULL,
                        .prefetch_ahead = args->prefetch_ahead},
        targets);
    mlpi_loss_smooth(t->net, m, targets);
}

void mlpi_worker_load_weights(mlp_trainer *t, const mlpi_step_args *args,
                              size_t first, size_t m, size_t to)
{
    for (size_t i = 0; args->row_weights && i < m; i++) {
        size_t row = args->order ? args->order[first + i] : first + i;
        t->row_weights[to + i] = args->row_weights[row];
    }
}

/* ---------------------------------------------------------------------------
 * Forward
 */

/* Computes out = mask * in / (1 - p) for this thread's rows of layer l. The
 * mask is a function of the seed, the number of the forward pass, and the row
 * of the whole batch. So it is not stored: the backward pass computes the same
 * mask again. */
static void drop_rows(const mlp_trainer *t, const mlpi_plan *plan, size_t l,
                      void *const *in, void *const *out)
{
    size_t n = t->net->layout.layer[l].width;
    mlpi_dropout_apply(
        t->net, &(mlpi_dropout_args){
                    .l = l,
                    .seed = t->seed,
                    .forward_count = t->forward_count,
                    .first = t->batch.first + plan->offset + plan->first_row,
                    .m = plan->m,
                    .in = mlpi_row_of(t, in[l], n, plan->first_row),
                    .out = mlpi_row_of(t, out[l], n, plan->first_row)});
}

/* Returns the arguments of batch norm in layer l, for both passes. */
static mlpi_batch_norm_args batch_norm_of(const mlp_trainer *t,
                                          const mlpi_plan *plan, size_t l)
{
    return (mlpi_batch_norm_args){.l = l,
                                  .batch_rows = plan->batch_rows,
                                  .first = plan->first_row,
                                  .m = plan->m,
                                  .X_hat = t->batch.X_hat[l],
                                  .Z = t->batch.Z[l],
                                  .dZ = t->batch.dZ[l],
                                  .moments = t->batch.moments,
                                  .gradients = t->batch.gradients};
}

/* The barrier before the product is needed if the product reads outputs of the
 * previous layer that other threads have written. The second barrier is needed
 * if threads divided the product by columns, because the activation is divided
 * by rows. */
void mlpi_worker_forward(mlp_trainer *t, const mlpi_thread *thread,
                         const mlpi_plan *plan)
{
    const mlpi_layout *layout = &t->net->layout;
    for (size_t l = 1; l <= layout->L; l++) {
        const mlpi_layer_plan *layer_plan = &plan->layer[l];
        if (layer_plan->needs_barrier) {
            mlpi_barrier(thread);
        }
        mlpi_run_planned(&layer_plan->forward);
        if (layer_plan->by_outputs && layer_plan->has_elementwise_forward) {
            mlpi_barrier(thread);
        }
        if (layout->layer[l].batch_norm) {
            mlpi_batch_norm_args bn = batch_norm_of(t, plan, l);
            mlpi_batch_norm_forward(t->net, thread, &bn);
        }
        if (layer_plan->activates_forward) {
            t->net->kernels->activate(&layer_plan->activation, layer_plan->Z,
                                      layer_plan->A);
        }
        if (layout->layer[l].dropout > 0.0) {
            drop_rows(t, plan, l, t->batch.A, t->batch.A_dropped);
        }
    }
}

/* One thread adds the terms of all rows, in the order of the rows, so that the
 * loss does not depend on the number of threads. */
void mlpi_worker_add_loss(mlp_trainer *t, size_t m, mlpi_loss_sum *sum)
{
    size_t L = t->net->layout.L;
    mlpi_loss_args args = {.m = m,
                           .Z = t->batch.Z[L],
                           .A = t->batch.A[L],
                           .Y = t->batch.Y,
                           .row_weights =
                               t->has_row_weights ? t->row_weights : NULL};
    mlpi_loss_add(sum, t->net, &args);
}

double mlpi_worker_loss(mlp_trainer *t, const mlpi_loss_sum *sum)
{
    double loss = mlpi_loss_mean(t->net, sum);
    if (t->optimizer.penalises) {
        mlpi_update_context context = mlpi_update_context_of(t);
        loss += mlpi_penalty(&context, t->total_weight);
    }
    return loss;
}

/* True if one of m rows of A[l] has an output that is not 0. In a healthy layer
 * one of the first outputs is, so that the search ends at once. */
static bool has_output(const mlp_trainer *t, size_t l, size_t m)
{
    size_t width = t->net->layout.layer[l].width;
    mlp_cview A = {t->net->kernels->dtype, m, width, width, 1, t->batch.A[l]};
    for (size_t i = 0; i < A.rows; i++) {
        for (size_t j = 0; j < A.cols; j++) {
            if (mlp_cview_at(A, i, j) != 0.0) {
                return true;
            }
        }
    }
    return false;
}

void mlpi_worker_note_outputs(mlp_trainer *t, size_t m)
{
    for (size_t l = 1; l < t->net->layout.L; l++) {
        if (mlpi_is_hidden_relu(t->net, l) && !t->batch.has_output[l]) {
            t->batch.has_output[l] = has_output(t, l, m);
        }
    }
}

/* ---------------------------------------------------------------------------
 * Backward
 */

/* Applies the derivatives of dropout and batch norm to dZ of layer l. The
 * derivative of the activation is already in dZ, although dropout comes after
 * the activation: both multiply each element by a factor, so their order does
 * not matter. Afterwards dZ is the derivative by what the product wrote: U with
 * batch norm, else Z. */
static inline void backward_layer(mlp_trainer *t, const mlpi_thread *thread,
                                  const mlpi_plan *plan, size_t l)
{
    const mlpi_layer_layout *layer = &t->net->layout.layer[l];
    if (layer->dropout > 0.0) {
        drop_rows(t, plan, l, t->batch.dZ, t->batch.dZ);
    }
    if (layer->batch_norm) {
        mlpi_batch_norm_args bn = batch_norm_of(t, plan, l);
        mlpi_batch_norm_backward(t->net, thread, &bn);
    }
}

void mlpi_worker_loss_gradient(mlp_trainer *t, const mlpi_plan *plan)
{
    mlpi_loss_args args = plan->loss_args;
    args.row_weights =
        t->has_row_weights ? t->row_weights + plan->first_row : NULL;
    mlpi_loss_gradient(t->net, &args, t->total_weight,
                       plan->layer[t->net->layout.L].dZ);
}

/* The caller's derivative is that of a loss in which every row counts 1. If J
 * is a mean over the rows, such a loss divides by m where the weighted mean
 * divides by the sum of the weights. So the factor of row i is
 * w[i] m / (sum of w). */
void mlpi_worker_load_gradient(mlp_trainer *t, const mlpi_step_args *args,
                               const mlpi_plan *plan)
{
    const mlpi_kernels *kernels = t->net->kernels;
    const mlpi_layer_plan *last = &plan->layer[t->net->layout.L];
    size_t n = mlpi_net_outputs(t->net);
    mlp_cview rows = args->Y;
    mlpi_cut_rows(&rows, plan->first_row, plan->m);
    kernels->load_rows(&(mlpi_load_rows_args){
        .m = plan->m, .n = n, .X = mlpi_operand_of(rows), .out = last->dZ});
    double scale = (double)args->m / t->total_weight;
    for (size_t i = 0; t->has_row_weights && i < plan->m; i++) {
        double weight = t->row_weights[plan->first_row + i];
        kernels->scale_and_shift(n, weight * scale, 0.0,
                                 mlpi_row_of(t, last->dZ, n, i));
    }
    if (args->content == MLPI_DERIVATIVE_BY_A) {
        kernels->activate_backward(&last->activation, last->Z, last->A,
                                   last->dZ);
    }
}

/* plan->layer[l].backward computes dA of layer l - 1, so the work after the
 * product belongs to the plan of layer l - 1. The barriers have the same
 * reasons as in mlpi_worker_forward. */
void mlpi_worker_backward(mlp_trainer *t, const mlpi_thread *thread,
                          const mlpi_plan *plan)
{
    size_t L = t->net->layout.L;
    backward_layer(t, thread, plan, L);
    for (size_t l = L; l >= 2; l--) {
        const mlpi_layer_plan *previous = &plan->layer[l - 1];
        if (plan->layer[l].needs_barrier) {
            mlpi_barrier(thread);
        }
        mlpi_run_planned(&plan->layer[l].backward);
        if (previous->by_outputs && previous->has_elementwise_backward) {
            mlpi_barrier(thread);
        }
        if (previous->activates_backward) {
            t->net->kernels->activate_backward(
                &previous->activation, previous->Z, previous->A, previous->dZ);
        }
        backward_layer(t, thread, plan, l - 1);
    }
}

/* The chain rule of x' = (x - mean) / std divides by std. The kernel load_rows
 * does that in place, because a row of zeros follows the rows of dX: its
 * means. */
void mlpi_worker_input_gradient(mlp_trainer *t, const mlpi_plan *plan)
{
    const mlp_net *net = t->net;
    size_t n = mlpi_net_inputs(net);
    void *dX = mlpi_row_of(t, t->batch.dX, n, plan->first_row);
    mlpi_gemm_args product = mlpi_backward_gemm(
        net, &(mlpi_backward_args){.l = 1,
                                   .m = plan->m,
                                   .dZ = plan->layer[1].dZ,
                                   .dA_prev = dX,
                                   .scratch = plan->scratch});
    net->kernels->gemm(&product);
    if (net->in.scales) {
        net->kernels->load_rows(&(mlpi_load_rows_args){
            .m = plan->m,
            .n = n,
            .X = {dX, n, 1},
            .mean = mlpi_row_of(t, t->batch.dX, n, t->array_rows),
            .std = net->in.std,
            .out = dX});
    }
}

/* ---------------------------------------------------------------------------
 * Gradients
 */

/* Each gradient is a sum of one product a dz for each row of the whole batch.
 * If all |a| and |dz| are below a bound, no such sum can overflow. The kernel
 * checks that bound. */
void mlpi_worker_check_overflow(mlp_trainer *t, const mlpi_plan *plan,
                                mlpi_step_result *result)
{
    const mlpi_kernels *kernels = t->net->kernels;
    size_t first = plan->first_row;
    size_t m = plan->m;
    for (size_t l = 1; l <= t->net->layout.L; l++) {
        size_t n = t->net->layout.layer[l].width;
        size_t n_prev = t->net->layout.layer[l - 1].width;
        const void *A_prev =
            mlpi_row_of(t, t->batch.A_dropped[l - 1], n_prev, first);
        const void *dZ = mlpi_row_of(t, t->batch.dZ[l], n, first);
        if (!kernels->products_stay_finite(m * n_prev, t->batch.m, A_prev) ||
            !kernels->products_stay_finite(m * n, t->batch.m, dZ)) {
            result->may_overflow = true;
        }
    }
}

/* True if the rows of the plan are the last of the whole batch. */
static bool is_end_of_batch(const mlp_trainer *t, const mlpi_plan *plan)
{
    return plan->offset + plan->batch_rows == t->batch.m;
}

/* Runs the product that computes dW. In the first micro-batch the chains of dW
 * start from 0, in the others they go on from the dW in memory. With
 * `update_args` the product updates the weights with each small block (tile) of
 * dW, and dW itself is not kept. */
static void run_gradient(mlp_trainer *t, const mlpi_plan *plan,
                         const mlpi_step_args *update_args,
                         const mlpi_layer_plan *layer_plan)
{
    mlpi_gemm_args gemm = layer_plan->gradient.args;
    mlpi_optimizer_step_args update;
    gemm.resumes = plan->offset > 0;
    if (update_args) {
        mlpi_update_context context = mlpi_update_context_of(t);
        update = mlpi_fused_update(&context, update_args->learning_rate,
                                   layer_plan->dW_offset, true);
        gemm.update = &update;
    }
    t->net->kernels->gemm(&gemm);
}

/* Computes dW for this thread's part of layer l. If `update_args` is NULL, the
 * gradients are kept and nothing is updated. */
static void weight_gradients(mlp_trainer *t, const mlpi_plan *plan,
                             const mlpi_step_args *update_args, size_t l)
{
    const mlpi_layer_plan *layer_plan = &plan->layer[l];
    if (update_args || plan->offset > 0) {
        run_gradient(t, plan, update_args, layer_plan);
    } else {
        mlpi_run_planned(&layer_plan->gradient);
    }
    if (t->optimizer.penalises && is_end_of_batch(t, plan) &&
        !t->batch.is_part) {
        mlpi_update_context context = mlpi_update_context_of(t);
        size_t n = t->net->layout.layer[l].width;
        for (size_t i = 0; i < layer_plan->dW_run_count; i++) {
            mlpi_penalty_gradient(&context, t->total_weight,
                                  layer_plan->dW_offset + i * n,
                                  layer_plan->dW_run_length);
        }
    }
}

/* Computes db[j] = sum over i of dZ[i][j] of layer l. The eight partial sums
 * (lanes) of each go on from one micro-batch to the next. */
static void sum_columns(mlp_trainer *t, const mlpi_plan *plan, size_t l)
{
    const mlpi_kernels *kernels = t->net->kernels;
    const mlpi_layer_layout *layer = &t->net->layout.layer[l];
    mlpi_column_sums_args args = {
        .m = plan->batch_rows,
        .n = layer->width,
        .X = t->batch.dZ[l],
        .sums = mlpi_at(kernels, t->batch.gradients, layer->b_offset)};
    if (plan->batch_rows < t->batch.m) {
        args.lanes = t->batch.db_lanes[l];
    }
    if (args.lanes && plan->offset == 0) {
        memset(args.lanes, 0, MLPI_LANES * args.n * kernels->real_size);
    }
    kernels->column_sums(&args);
}

/* Computes db of layer l. With batch norm the backward pass has computed db and
 * dscale already, and `update_args` is NULL (see may_fuse in step.c). */
static void bias_gradients(mlp_trainer *t, const mlpi_plan *plan,
                           const mlpi_step_args *update_args, size_t l)
{
    const mlpi_kernels *kernels = t->net->kernels;
    const mlpi_layer_layout *layer = &t->net->layout.layer[l];
    if (!layer->batch_norm) {
        sum_columns(t, plan, l);
    }
    if (update_args) {
        mlpi_update_context context = mlpi_update_context_of(t);
        mlpi_optimizer_step_args update = mlpi_fused_update(
            &context, update_args->learning_rate, layer->b_offset, false);
        update.n = layer->width;
        kernels->optimizer_step(&update);
    }
}

/* All dZ are complete, so the layers do not depend on each other here, and no
 * barrier is needed between them. Thread l mod count computes db of layer l,
 * because that is too little work to divide. */
void mlpi_worker_gradients(mlp_trainer *t, const mlpi_thread *thread,
                           const mlpi_plan *plan,
                           const mlpi_step_args *update_args)
{
    if (update_args && update_args->backup) {
        mlpi_backup_part(t->net, thread, update_args->backup);
        /* A thread backs up other parameters than it updates. */
        mlpi_barrier(thread);
    }
    for (size_t l = t->net->layout.L; l >= 1; l--) {
        weight_gradients(t, plan, update_args, l);
        if (l % thread->count == thread->index) {
            bias_gradients(t, plan, update_args, l);
        }
    }
}
