/* SPDX-License-Identifier: MIT */
/*
 * What a member does in each layer of a step, looked up once: a tiny network
 * would spend more time on shapes, offsets and the choice of kernels than on
 * its arithmetic. A plan holds until there are other rows, or other members to
 * share them with.
 */
#ifndef MLPI_TRAIN_STEP_PLAN_H
#define MLPI_TRAIN_STEP_PLAN_H

#include "model/loss.h"
#include "model/layer.h"
#include "base/thread_team.h"

/* Shares of rows, inputs and outputs are whole multiples of these, so that few
 * tiles of a product are not whole. */
enum { MLPI_ROWS_GRAIN = 4, MLPI_INPUTS_GRAIN = 12, MLPI_OUTPUTS_GRAIN = 32 };

typedef struct mlpi_planned_gemm {
    mlpi_gemm_args args;
    mlpi_gemm_function *run;
} mlpi_planned_gemm;

static inline void mlpi_run_planned(const mlpi_planned_gemm *planned)
{
    planned->run(&planned->args);
}

/* Layer l of one member. Of a layer with many outputs, no fewer than the batch
 * has rows, members share the outputs: then each of them uses, and updates,
 * weights that are its own, which do not go from one core to another, and in
 * each product what is read by all is the smaller operand. Whatever is no
 * product they share by rows, and products of other layers. */
typedef struct mlpi_layer_plan {
    void *Z, *A, *dZ; /* its rows of them; Z is A if it is not kept */
    mlpi_planned_gemm
        forward; /* to Z, to A if that is its ReLU, or to norm's X */
    mlpi_planned_gemm
        backward; /* dZ to dA of layer l - 1, or dZ likewise; l >= 2 */
    mlpi_planned_gemm gradient; /* dW of its inputs or outputs, from all rows */
    bool by_outputs;            /* are outputs shared? */
    bool needs_barrier;  /* do products need what others' products made? */
    size_t first, count; /* those inputs or outputs */
    size_t dW_offset, dW_run,
        dW_runs;         /* dW in the parameters: `run` numbers, once for each
                              input where outputs are shared, else once */
    mlpi_activation how; /* of its rows */
    bool activates, activates_back; /* is that a pass of its own? */
    bool has_elementwise,
        has_elementwise_back; /* do rows go on after the product? */
} mlpi_layer_plan;

typedef struct mlpi_plan {
    size_t batch, members;  /* what it was made for, */
    bool discard_Z;         /* as in mlpi_step */
    size_t first, m;        /* this member's rows of the batch */
    mlpi_layer_plan *layer; /* [L + 1], the first unused */
    mlpi_outputs outputs;   /* its rows of the last, without weights */
} mlpi_plan;

/* The arrays of a batch, as in mlp_trainer. */
typedef struct mlpi_batch {
    void *const *Z, *const *A, *const *dZ, *const *D, *const *X;
    void *Y, *gradients, *scratch;
    size_t m;
    bool discard_Z;
} mlpi_batch;

/* Bytes of such an array, up to a multiple of the alignment of arrays. */
size_t mlpi_plan_room(const mlp_net *net);

/* Makes a plan, whose array of layers is there. */
void mlpi_plan_make(const mlp_net *net, const mlpi_thread *self,
                    const mlpi_batch *batch, mlpi_plan *plan);

#endif
