/* SPDX-License-Identifier: MIT */
/*
 * Makes the plans of threads. For each layer a plan holds the arguments of
 * three matrix products. They describe the part of the batch's matrices that
 * one thread writes and reads:
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
 * `backward` of layer l computes dA[l-1]. So the partition of layer l - 1 says
 * whether it goes by rows or by outputs. model/layer.h describes the products
 * of whole matrices; this file reduces them to a thread's part, and chooses the
 * kernel for the shape of that part.
 */
#include "train/step_plan.h"

#include "base/memory.h"

/* The cursor (see memory.h) measures the array, so that its size is rounded up
 * as in any block. */
size_t mlpi_plan_size(const mlp_net *net)
{
    mlpi_cursor measure = {0};
    (void)mlpi_take(&measure, net->layout.L + 1, sizeof(mlpi_layer_plan));
    return measure.used;
}

/* Returns the address of row `first` in a matrix of layer l. */
static void *row_of(const mlp_net *net, size_t l, void *matrix, size_t first)
{
    return mlpi_at(net->kernels, matrix, first * net->layout.layer[l].width);
}

/* Returns the matrix that Z of layer l is written to. A overwrites Z if the
 * derivative needs only A and the caller discards Z; that halves the memory
 * that the forward pass writes. */
static void *matrix_of_z(const mlp_net *net, const mlpi_batch *batch, size_t l)
{
    const mlpi_layer_layout *layer = &net->layout.layer[l];
    bool keeps_z = !batch->discard_Z || l == net->layout.L ||
                   mlpi_needs_z(layer->activation) || layer->batch_norm;
    return keeps_z ? batch->Z[l] : batch->A[l];
}

/* Chooses the partition of layer l, and this thread's part of it. A part of the
 * outputs has more than 32 columns, because gemm takes narrower ones only if
 * they are a whole matrix. */
static void plan_partition(const mlp_net *net, const mlpi_thread *thread,
                           const mlpi_plan *plan, size_t l)
{
    enum { MIN_OUTPUTS = 2 * MLPI_OUTPUTS_GRAIN };
    const mlpi_layer_layout *layer = &net->layout.layer[l];
    mlpi_layer_plan *layer_plan = &plan->layer[l];
    size_t n = layer->width;
    size_t n_prev = net->layout.layer[l - 1].width;
    /* One thread gains nothing from a division into columns, whose elements lie
     * apart in memory. */
    layer_plan->by_outputs = thread->count > 1 && n >= plan->batch_rows &&
                             n >= thread->count * MIN_OUTPUTS;
    layer_plan->needs_barrier =
        layer_plan->by_outputs || (l > 1 && layer_plan[-1].by_outputs);
    if (layer_plan->by_outputs) {
        mlpi_partition(thread, n, MLPI_OUTPUTS_GRAIN, &layer_plan->first_neuron,
                       &layer_plan->neuron_count);
        /* Memory holds W^T, so each input has a run of numbers for the outputs
         * of this thread. */
        layer_plan->dW_offset = layer->W_offset + layer_plan->first_neuron;
        layer_plan->dW_run_length = layer_plan->neuron_count;
        layer_plan->dW_run_count = n_prev;
    } else {
        mlpi_partition(thread, n_prev, MLPI_INPUTS_GRAIN,
                       &layer_plan->first_neuron, &layer_plan->neuron_count);
        /* The runs of neighbouring inputs follow each other: they are one. */
        layer_plan->dW_offset = layer->W_offset + layer_plan->first_neuron * n;
        layer_plan->dW_run_length = layer_plan->neuron_count * n;
        layer_plan->dW_run_count = 1;
    }
}

/* Completes the arguments of a product C = A B and chooses its kernel. By
 * outputs, this thread needs only its columns of B, of the bias and of C; the
 * caller has already set C to its first column. */
static void plan_kernel(const mlp_net *net, const mlpi_layer_plan *layer_plan,
                        mlpi_planned_gemm *planned)
{
    const mlpi_kernels *kernels = net->kernels;
    mlpi_gemm_args *args = &planned->args;
    if (layer_plan->by_outputs) {
        args->width = args->n;
        args->n = layer_plan->neuron_count;
        args->B.data =
            mlpi_const_at(kernels, args->B.data,
                          layer_plan->first_neuron * args->B.col_stride);
        args->bias = args->bias ? mlpi_const_at(kernels, args->bias,
                                                layer_plan->first_neuron)
                                : NULL;
    }
    planned->run = kernels->gemm_select(args);
}

/* Plans the elementwise work of layer l on this thread's rows. Forward, ReLU
 * needs no separate pass, because the matrix product applies it, unless batch
 * norm comes between product and activation. Identity needs none if Z and A are
 * one array. Backward, the product always applies the derivative of ReLU,
 * because that needs only the sign of A. */
static void plan_rows(const mlp_net *net, const mlpi_batch *batch,
                      const mlpi_plan *plan, size_t l)
{
    const mlpi_layer_layout *layer = &net->layout.layer[l];
    mlpi_layer_plan *layer_plan = &plan->layer[l];
    layer_plan->Z = row_of(net, l, matrix_of_z(net, batch, l), plan->first_row);
    layer_plan->A = row_of(net, l, batch->A[l], plan->first_row);
    layer_plan->dZ = row_of(net, l, batch->dZ[l], plan->first_row);
    layer_plan->activation = mlpi_net_activation(net, l, plan->m);
    bool is_linear = layer->activation == MLP_ACT_IDENTITY;
    layer_plan->activates_forward =
        !mlpi_product_applies_relu(net, l) &&
        !(is_linear && layer_plan->Z == layer_plan->A);
    layer_plan->activates_backward = layer->activation != MLP_ACT_RELU;
    bool drops = layer->dropout > 0.0;
    layer_plan->has_elementwise_forward = layer_plan->activates_forward ||
                                          layer->batch_norm || drops ||
                                          l == net->layout.L;
    layer_plan->has_elementwise_backward =
        layer_plan->activates_backward || layer->batch_norm || drops;
}

/* Returns the address of this thread's part of a matrix of layer l: of its
 * first column if threads divide the outputs, or else of its first row. */
static void *part_of(const mlp_net *net, const mlpi_plan *plan, size_t l,
                     void *matrix)
{
    const mlpi_layer_plan *layer_plan = &plan->layer[l];
    return layer_plan->by_outputs
               ? mlpi_at(net->kernels, matrix, layer_plan->first_neuron)
               : row_of(net, l, matrix, plan->first_row);
}

/* Plans the product Z[l] = A[l-1] W[l]^T + b[l]. With batch norm the product is
 * U = A[l-1] W[l]^T, and it is written to X_hat, because batch norm normalises
 * U in place. */
static void plan_forward(const mlp_net *net, const mlpi_batch *batch,
                         const mlpi_plan *plan, size_t l)
{
    mlpi_layer_plan *layer_plan = &plan->layer[l];
    void *Z = net->layout.layer[l].batch_norm ? batch->X_hat[l]
                                              : matrix_of_z(net, batch, l);
    layer_plan->forward.args = mlpi_forward_gemm(
        net,
        &(mlpi_forward_args){
            .l = l,
            .m = layer_plan->by_outputs ? plan->batch_rows : plan->m,
            .A_prev = {row_of(net, l - 1, batch->A_dropped[l - 1],
                              layer_plan->by_outputs ? 0 : plan->first_row),
                       net->layout.layer[l - 1].width, 1},
            .Z = part_of(net, plan, l, Z),
            .A = part_of(net, plan, l, batch->A[l]),
            .scratch = plan->scratch});
    plan_kernel(net, layer_plan, &layer_plan->forward);
}

/* Plans dA[l-1] = dZ[l] W[l]. The columns of dA[l-1] are the outputs of layer
 * l - 1, so the partition of that layer decides. */
static void plan_backward(const mlp_net *net, const mlpi_batch *batch,
                          const mlpi_plan *plan, size_t l)
{
    mlpi_layer_plan *layer_plan = &plan->layer[l];
    const mlpi_layer_plan *previous = layer_plan - 1;
    layer_plan->backward.args = mlpi_backward_gemm(
        net, &(mlpi_backward_args){
                 .l = l,
                 .m = previous->by_outputs ? plan->batch_rows : plan->m,
                 .dZ = row_of(net, l, batch->dZ[l],
                              previous->by_outputs ? 0 : plan->first_row),
                 .A_prev = part_of(net, plan, l - 1, batch->A[l - 1]),
                 .dA_prev = part_of(net, plan, l - 1, batch->dZ[l - 1]),
                 .scratch = plan->scratch});
    plan_kernel(net, previous, &layer_plan->backward);
}

/* Plans the product that computes dW[l] = dZ[l]^T A[l-1] for this thread's
 * inputs or outputs. */
static void plan_gradient(const mlp_net *net, const mlpi_batch *batch,
                          const mlpi_plan *plan, size_t l)
{
    mlpi_layer_plan *layer_plan = &plan->layer[l];
    size_t first = layer_plan->by_outputs ? 0 : layer_plan->first_neuron;
    layer_plan->gradient.args = mlpi_gradient_gemm(
        net,
        &(mlpi_gradient_args){
            .l = l,
            .m = plan->batch_rows,
            .dZ = batch->dZ[l],
            .A_prev = mlpi_at(net->kernels, batch->A_dropped[l - 1], first),
            .count = layer_plan->by_outputs ? layer_plan->dW_run_count
                                            : layer_plan->neuron_count,
            .dW =
                mlpi_at(net->kernels, batch->gradients, layer_plan->dW_offset),
            .scratch = plan->scratch});
    plan_kernel(net, layer_plan, &layer_plan->gradient);
}

/* Layers are planned from the first to the last, because needs_barrier and
 * `backward` of a layer depend on the partition of the previous layer. */
void mlpi_plan_make(const mlp_net *net, const mlpi_thread *thread,
                    const mlpi_batch *batch, size_t m, mlpi_plan *plan)
{
    plan->batch_rows = m;
    plan->threads = thread->count;
    plan->discard_Z = batch->discard_Z;
    mlpi_partition(thread, m, MLPI_ROWS_GRAIN, &plan->first_row, &plan->m);
    for (size_t l = 1; l <= net->layout.L; l++) {
        plan_partition(net, thread, plan, l);
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
                         .Y = mlpi_at(net->kernels, batch->Y,
                                      plan->first_row * mlpi_net_targets(net))};
}
