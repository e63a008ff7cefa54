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
    /* Two things are set before a plan is made. */
    mlpi_layer_plan *layer; /* [L + 1], the first unused */
    void *scratch;          /* of this thread, for its products */

    /* What the plan was made for: it holds while these stay the same. */
    size_t batch;   /* rows of the whole batch */
    size_t members; /* threads that share it */
    bool discard_Z; /* as in mlpi_batch */

    size_t first, m;      /* this thread's rows: [first, first + m) */
    mlpi_outputs outputs; /* those rows of the last layer, without weights */
} mlpi_plan;

/*
 * A batch on its way through the network and back: for each layer a matrix
 * with one row for each sample. A layer without batch norm has no X_hat, and a
 * layer without dropout shares A_dropped with A.
 */
typedef struct mlpi_batch {
    size_t m;         /* rows of the batch, at most max_rows of the trainer */
    bool discard_Z;   /* true if nobody asks for Z after the step, so that a
                         layer may overwrite it with A */
    void **Z;         /* [L + 1] of real [m][n[l]]; Z[0] is NULL */
    void **A;         /* [L + 1] of real [m][n[l]]; A[0] is the inputs */
    void **A_dropped; /* [L + 1]: what layer l + 1 gets, A after dropout */
    void **dZ;        /* [L + 1] of real [m][n[l]]: dJ/dZ; dZ[0] is NULL */
    void **X_hat;     /* [L + 1] of real [m][n[l]], or NULL: batch norm's
                         normalised values */
    void *moments;    /* real: batch norm's means and variances of this batch,
                         laid out as net->running */
    void *Y;          /* real [m][n[L]]: targets */
    void *gradients;  /* real: dW, db and dscale, laid out as the parameters */
} mlpi_batch;

/* Bytes of the array `layer` of a plan, up to a multiple of the alignment of
 * arrays. */
size_t mlpi_plan_size(const mlp_net *net);

/* Makes the plan of thread `self` for a batch. */
void mlpi_plan_make(const mlp_net *net, const mlpi_thread *self,
                    const mlpi_batch *batch, mlpi_plan *plan);

#endif
