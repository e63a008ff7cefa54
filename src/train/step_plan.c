/* SPDX-License-Identifier: MIT */
#include "train/step_plan.h"

#include "base/memory.h"

size_t mlpi_plan_size(const mlp_net *net)
{
    mlpi_cursor measure = {0};
    (void)mlpi_take(&measure, net->layout.L + 1, sizeof(mlpi_layer_plan));
    return measure.used;
}

/* Row `first` of a matrix of layer l. */
static void *row_of(const mlp_net *net, size_t l, void *matrix, size_t first)
{
    return mlpi_at(net->kernels, matrix, first * net->layout.layer[l].width);
}

/* Is Z kept? Most derivatives show in A as well: so not where nobody else will
 * ask for it. */
static bool has_z(const mlp_net *net, const mlpi_batch *batch, size_t l)
{
    const mlpi_shape *shape = &net->layout.layer[l];
    return !batch->discard_Z || l == net->layout.L ||
           mlpi_needs_z(shape->activation) || shape->batch_norm;
}

/* Which outputs, or inputs, are this member's. A share of outputs has more than
 * 32, as a product with a `width` must. */
static void plan_share(const mlp_net *net, const mlpi_thread *self,
                       const mlpi_plan *plan, size_t l)
{
    enum { LEAST_OUTPUTS = 2 * MLPI_OUTPUTS_GRAIN };
    const mlpi_shape *shape = &net->layout.layer[l];
    mlpi_layer_plan *p = &plan->layer[l];
    size_t n = shape->width;
    size_t n_prev = net->layout.layer[l - 1].width;
    p->by_outputs =
        self->count > 1 && n >= plan->batch && n >= self->count * LEAST_OUTPUTS;
    p->needs_barrier = p->by_outputs || (l > 1 && p[-1].by_outputs);
    if (p->by_outputs) {
        mlpi_partition(self, n, MLPI_OUTPUTS_GRAIN, &p->first, &p->count);
        p->dW_offset = shape->W + p->first;
        p->dW_run = p->count;
        p->dW_runs = n_prev;
    } else {
        mlpi_partition(self, n_prev, MLPI_INPUTS_GRAIN, &p->first, &p->count);
        p->dW_offset = shape->W + p->first * n;
        p->dW_run = p->count * n;
        p->dW_runs = 1;
    }
}

/* Cuts B and the bias, as C is already, to this member's columns, if a layer's
 * outputs are shared; then looks up the product's way. */
static void choose(const mlp_net *net, const mlpi_layer_plan *share,
                   mlpi_planned_gemm *planned)
{
    const mlpi_kernels *kernels = net->kernels;
    mlpi_gemm_args *p = &planned->args;
    if (share->by_outputs) {
        p->width = p->n;
        p->n = share->count;
        p->B.data =
            mlpi_const_at(kernels, p->B.data, share->first * p->B.col_stride);
        p->bias =
            p->bias ? mlpi_const_at(kernels, p->bias, share->first) : NULL;
    }
    planned->run = kernels->gemm_select(p);
}

static void plan_rows(const mlp_net *net, const mlpi_batch *batch,
                      const mlpi_plan *plan, size_t l)
{
    const mlpi_shape *shape = &net->layout.layer[l];
    mlpi_layer_plan *p = &plan->layer[l];
    void *Z = has_z(net, batch, l) ? batch->Z[l] : batch->A[l];
    p->Z = row_of(net, l, Z, plan->first);
    p->A = row_of(net, l, batch->A[l], plan->first);
    p->dZ = row_of(net, l, batch->dZ[l], plan->first);
    p->how = mlpi_net_activation(net, l, plan->m);
    bool is_linear = shape->activation == MLP_ACT_IDENTITY;
    p->activates = !mlpi_has_relu(net, l) && !(is_linear && p->Z == p->A);
    p->activates_back = shape->activation != MLP_ACT_RELU;
    bool drops = shape->dropout > 0.0;
    p->has_elementwise =
        p->activates || shape->batch_norm || drops || l == net->layout.L;
    p->has_elementwise_back = p->activates_back || shape->batch_norm || drops;
}

/* Where this member's part of a product for layer l begins in its matrix. */
static void *part_of(const mlp_net *net, const mlpi_plan *plan, size_t l,
                     void *matrix)
{
    const mlpi_layer_plan *p = &plan->layer[l];
    return p->by_outputs ? mlpi_at(net->kernels, matrix, p->first)
                         : row_of(net, l, matrix, plan->first);
}

static void plan_forward(const mlp_net *net, const mlpi_batch *batch,
                         const mlpi_plan *plan, size_t l)
{
    mlpi_layer_plan *p = &plan->layer[l];
    void *Z = net->layout.layer[l].batch_norm ? batch->X_hat[l]
              : has_z(net, batch, l)          ? batch->Z[l]
                                              : batch->A[l];
    p->forward.args = mlpi_forward_gemm(
        net, &(mlpi_forward_args){
                 .l = l,
                 .m = p->by_outputs ? plan->batch : plan->m,
                 .A_prev = {row_of(net, l - 1, batch->A_dropped[l - 1],
                                   p->by_outputs ? 0 : plan->first),
                            net->layout.layer[l - 1].width, 1},
                 .Z = part_of(net, plan, l, Z),
                 .A = part_of(net, plan, l, batch->A[l]),
                 .scratch = plan->scratch});
    choose(net, p, &p->forward);
}

/* From layer l to the one before, whose outputs are those of the product. */
static void plan_backward(const mlp_net *net, const mlpi_batch *batch,
                          const mlpi_plan *plan, size_t l)
{
    mlpi_layer_plan *p = &plan->layer[l];
    const mlpi_layer_plan *before = p - 1;
    p->backward.args = mlpi_backward_gemm(
        net, &(mlpi_backward_args){
                 .l = l,
                 .m = before->by_outputs ? plan->batch : plan->m,
                 .dZ = row_of(net, l, batch->dZ[l],
                              before->by_outputs ? 0 : plan->first),
                 .A_prev = part_of(net, plan, l - 1, batch->A[l - 1]),
                 .dA_prev = part_of(net, plan, l - 1, batch->dZ[l - 1]),
                 .scratch = plan->scratch});
    choose(net, before, &p->backward);
}

/* Of all inputs, or of those that are this member's. */
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
    choose(net, p, &p->gradient);
}

void mlpi_plan_make(const mlp_net *net, const mlpi_thread *self,
                    const mlpi_batch *batch, mlpi_plan *plan)
{
    plan->batch = batch->m;
    plan->members = self->count;
    plan->discard_Z = batch->discard_Z;
    mlpi_partition(self, batch->m, MLPI_ROWS_GRAIN, &plan->first, &plan->m);
    for (size_t l = 1; l <= net->layout.L; l++) {
        plan_share(net, self, plan, l);
        plan_rows(net, batch, plan, l);
        plan_forward(net, batch, plan, l);
        plan_gradient(net, batch, plan, l);
        if (l > 1) {
            plan_backward(net, batch, plan, l);
        }
    }
    size_t L = net->layout.L;
    plan->outputs = (mlpi_outputs){.m = plan->m,
                                   .Z = plan->layer[L].Z,
                                   .A = plan->layer[L].A,
                                   .Y = row_of(net, L, batch->Y, plan->first)};
}
