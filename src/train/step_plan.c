/* SPDX-License-Identifier: MIT */
/*
 * Making plans. For each layer a plan holds three products as views of the
 * batch's matrices, cut to the part of one thread:
 *
 *                  by rows                   by outputs
 *     forward      its rows of Z[l]          its columns of Z[l]
 *        reads     its rows of A[l-1],       all of A[l-1],
 *                  all of W[l]               its columns of W[l]^T
 *     backward     its rows of dZ[l-1]       its columns of dZ[l-1]
 *        reads     its rows of dZ[l],        all of dZ[l],
 *                  all of W[l]               its columns of W[l]
 *     gradient     dW[l] of its inputs       dW[l] of its outputs
 *        reads     its columns of A[l-1],    all of A[l-1],
 *                  all of dZ[l]              its columns of dZ[l]
 *
 * Whether `backward` goes by rows or by outputs depends on layer l - 1, whose
 * outputs it yields. model/layer.h makes the views of whole matrices; here they
 * are cut, and the kernel for the shape that is left is chosen.
 *
 * What all threads read is W[l], (n[l], n[l-1]), by rows, and A[l-1], (m,
 * n[l-1]), by outputs. So outputs are divided if n[l] >= m, which makes A[l-1]
 * the smaller one.
 */
#include "train/step_plan.h"

#include "base/memory.h"

/* A cursor that measures says the size, so that it is aligned as an array in a
 * block is. */
size_t mlpi_plan_size(const mlp_net *net)
{
    mlpi_cursor measure = {0};
    (void)mlpi_take(&measure, net->layout.L + 1, sizeof(mlpi_layer_plan));
    return measure.used;
}

/* Points to row `first` of a matrix of layer l. */
static void *row_of(const mlp_net *net, size_t l, void *matrix, size_t first)
{
    return mlpi_at(net->kernels, matrix, first * net->layout.layer[l].width);
}

/* True if Z needs a matrix of its own. Most activations have a derivative that
 * is a function of A, and write A over Z where nobody asks for Z; that halves
 * the memory that the forward pass writes. */
static bool keeps_z(const mlp_net *net, const mlpi_batch *batch, size_t l)
{
    const mlpi_layer_layout *layer = &net->layout.layer[l];
    return !batch->discard_Z || l == net->layout.L ||
           mlpi_needs_z(layer->activation) || layer->batch_norm;
}

/* Chooses the partition of layer l, and this thread's part of it. A part of the
 * outputs has more than 32 columns, because gemm takes narrower ones only if
 * they are a whole matrix. */
static void plan_partition(const mlp_net *net, const mlpi_thread *self,
                           const mlpi_plan *plan, size_t l)
{
    enum { MIN_OUTPUTS = 2 * MLPI_OUTPUTS_GRAIN };
    const mlpi_layer_layout *layer = &net->layout.layer[l];
    mlpi_layer_plan *p = &plan->layer[l];
    size_t n = layer->width;
    size_t n_prev = net->layout.layer[l - 1].width;
    /* A thread alone gains nothing from columns, which lie apart in memory. */
    p->by_outputs = self->count > 1 && n >= plan->batch_rows &&
                    n >= self->count * MIN_OUTPUTS;
    p->needs_barrier = p->by_outputs || (l > 1 && p[-1].by_outputs);
    if (p->by_outputs) {
        mlpi_partition(self, n, MLPI_OUTPUTS_GRAIN, &p->first, &p->count);
        /* W is input-major: each input has a run of this thread's outputs. */
        p->dW_offset = layer->W_offset + p->first;
        p->dW_run = p->count;
        p->dW_runs = n_prev;
    } else {
        mlpi_partition(self, n_prev, MLPI_INPUTS_GRAIN, &p->first, &p->count);
        /* Inputs that are neighbours have runs that are neighbours. */
        p->dW_offset = layer->W_offset + p->first * n;
        p->dW_run = p->count * n;
        p->dW_runs = 1;
    }
}

/* Completes a product and chooses its kernel. By outputs, B and the bias are
 * cut to this thread's columns; A stays whole, and the caller has cut C. */
static void plan_kernel(const mlp_net *net, const mlpi_layer_plan *part,
                        mlpi_planned_gemm *planned)
{
    const mlpi_kernels *kernels = net->kernels;
    mlpi_gemm_args *p = &planned->args;
    if (part->by_outputs) {
        p->width = p->n;
        p->n = part->count;
        p->B.data =
            mlpi_const_at(kernels, p->B.data, part->first * p->B.col_stride);
        p->bias = p->bias ? mlpi_const_at(kernels, p->bias, part->first) : NULL;
    }
    planned->run = kernels->gemm_select(p);
}

/* Plans the elementwise work of layer l, on this thread's rows. ReLU needs no
 * pass of its own, because gemm applies it, unless batch norm comes between.
 * Identity needs none if Z and A are one array. Backward, ReLU's derivative is
 * gemm's in any case, because it needs only the sign of A. */
static void plan_rows(const mlp_net *net, const mlpi_batch *batch,
                      const mlpi_plan *plan, size_t l)
{
    const mlpi_layer_layout *layer = &net->layout.layer[l];
    mlpi_layer_plan *p = &plan->layer[l];
    void *Z = keeps_z(net, batch, l) ? batch->Z[l] : batch->A[l];
    p->Z = row_of(net, l, Z, plan->first);
    p->A = row_of(net, l, batch->A[l], plan->first);
    p->dZ = row_of(net, l, batch->dZ[l], plan->first);
    p->activation = mlpi_net_activation(net, l, plan->m);
    bool is_linear = layer->activation == MLP_ACT_IDENTITY;
    p->activates =
        !mlpi_product_applies_relu(net, l) && !(is_linear && p->Z == p->A);
    p->activates_back = layer->activation != MLP_ACT_RELU;
    bool drops = layer->dropout > 0.0;
    p->has_elementwise =
        p->activates || layer->batch_norm || drops || l == net->layout.L;
    p->has_elementwise_back = p->activates_back || layer->batch_norm || drops;
}

/* Points to this thread's part of a matrix of layer l: to its first column if
 * threads divide the outputs, or else to its first row. */
static void *part_of(const mlp_net *net, const mlpi_plan *plan, size_t l,
                     void *matrix)
{
    const mlpi_layer_plan *p = &plan->layer[l];
    return p->by_outputs ? mlpi_at(net->kernels, matrix, p->first)
                         : row_of(net, l, matrix, plan->first);
}

/* Plans the product Z[l] = A[l-1] W[l]^T + b[l]. Batch norm takes the product
 * without b as its input, and normalises it in place: so it goes to X_hat. */
static void plan_forward(const mlp_net *net, const mlpi_batch *batch,
                         const mlpi_plan *plan, size_t l)
{
    mlpi_layer_plan *p = &plan->layer[l];
    void *Z = net->layout.layer[l].batch_norm ? batch->X_hat[l]
              : keeps_z(net, batch, l)        ? batch->Z[l]
                                              : batch->A[l];
    p->forward.args = mlpi_forward_gemm(
        net, &(mlpi_forward_args){
                 .l = l,
                 .m = p->by_outputs ? plan->batch_rows : plan->m,
                 .A_prev = {row_of(net, l - 1, batch->A_dropped[l - 1],
                                   p->by_outputs ? 0 : plan->first),
                            net->layout.layer[l - 1].width, 1},
                 .Z = part_of(net, plan, l, Z),
                 .A = part_of(net, plan, l, batch->A[l]),
                 .scratch = plan->scratch});
    plan_kernel(net, p, &p->forward);
}

/* Plans dA[l-1] = dZ[l] W[l]. The product yields the outputs of layer l - 1, so
 * the partition of that layer decides. */
static void plan_backward(const mlp_net *net, const mlpi_batch *batch,
                          const mlpi_plan *plan, size_t l)
{
    mlpi_layer_plan *p = &plan->layer[l];
    const mlpi_layer_plan *before = p - 1;
    p->backward.args = mlpi_backward_gemm(
        net, &(mlpi_backward_args){
                 .l = l,
                 .m = before->by_outputs ? plan->batch_rows : plan->m,
                 .dZ = row_of(net, l, batch->dZ[l],
                              before->by_outputs ? 0 : plan->first),
                 .A_prev = part_of(net, plan, l - 1, batch->A[l - 1]),
                 .dA_prev = part_of(net, plan, l - 1, batch->dZ[l - 1]),
                 .scratch = plan->scratch});
    plan_kernel(net, before, &p->backward);
}

/* Plans the product that computes dW[l] = dZ[l]^T A[l-1] for this thread's
 * inputs or outputs. */
static void plan_gradient(const mlp_net *net, const mlpi_batch *batch,
                          const mlpi_plan *plan, size_t l)
{
    mlpi_layer_plan *p = &plan->layer[l];
    size_t first = p->by_outputs ? 0 : p->first;
    p->gradient.args = mlpi_gradient_gemm(
        net,
        &(mlpi_gradient_args){
            .l = l,
            .m = batch->m,
            .dZ = batch->dZ[l],
            .A_prev = mlpi_at(net->kernels, batch->A_dropped[l - 1], first),
            .count = p->by_outputs ? p->dW_runs : p->count,
            .dW = mlpi_at(net->kernels, batch->gradients, p->dW_offset),
            .scratch = plan->scratch});
    plan_kernel(net, p, &p->gradient);
}

/* Layers are planned from the first to the last, because needs_barrier and
 * `backward` of a layer depend on the partition of the one before. */
void mlpi_plan_make(const mlp_net *net, const mlpi_thread *self,
                    const mlpi_batch *batch, mlpi_plan *plan)
{
    plan->batch_rows = batch->m;
    plan->threads = self->count;
    plan->discard_Z = batch->discard_Z;
    mlpi_partition(self, batch->m, MLPI_ROWS_GRAIN, &plan->first, &plan->m);
    for (size_t l = 1; l <= net->layout.L; l++) {
        plan_partition(net, self, plan, l);
        plan_rows(net, batch, plan, l);
        plan_forward(net, batch, plan, l);
        plan_gradient(net, batch, plan, l);
        if (l > 1) {
            plan_backward(net, batch, plan, l);
        }
    }
    size_t L = net->layout.L;
    plan->loss_args =
        (mlpi_loss_args){.m = plan->m,
                         .Z = plan->layer[L].Z,
                         .A = plan->layer[L].A,
                         .Y = row_of(net, L, batch->Y, plan->first)};
}
