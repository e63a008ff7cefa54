/* SPDX-License-Identifier: MIT */
/*
 * A *plan* says what one thread does in each layer of a training step. It is
 * made once and used in many steps, because a tiny network would spend more
 * time on shapes, offsets and the choice of kernels than on its arithmetic. A
 * plan is valid until the number of rows in the batch or the number of threads
 * changes. If a batch is taken in micro-batches (see step.c), a plan is for one
 * of these, and "batch" below means a micro-batch.
 *
 * The matrix products are called gemm (general matrix multiply, the name in
 * BLAS). The threads of a step are a team (base/thread_team.h). In shapes, real
 * is the network's number type, float or double.
 *
 * Threads divide the products of a layer in one of two ways (here for two
 * threads, with n = n[l] outputs and n_prev = n[l-1] inputs; memory holds W as
 * W^T, see layout.h):
 *
 *          by rows                             by outputs
 *
 *    Z, A, dZ       dW^T                 Z, A, dZ         dW^T
 *     (m, n)     (n_prev, n)              (m, n)       (n_prev, n)
 *    +-------+    +-------+              +---+---+      +---+---+
 *    |   0   |    |   0   |              |   |   |      |   |   |
 *    +-------+    +-------+              | 0 | 1 |      | 0 | 1 |
 *    |   1   |    |   1   |              |   |   |      |   |   |
 *    +-------+    +-------+              +---+---+      +---+---+
 *
 * By rows is the default: all threads read the whole W, (n, n_prev). If a layer
 * has at least as many outputs as the batch has rows, and at least 64 outputs
 * for each thread, threads divide the outputs instead. Each thread then reads
 * and updates only its own weights, which stay in its core's cache. All threads
 * read the whole A of the previous layer, (m, n_prev), which is not larger than
 * W because n >= m. Elementwise work (activations, dropout, the loss) is always
 * divided by rows.
 */
#ifndef MLPI_TRAIN_STEP_PLAN_H
#define MLPI_TRAIN_STEP_PLAN_H

#include "model/loss.h"
#include "model/layer.h"
#include "base/thread_team.h"

/* A product is computed in small blocks (tiles). The parts of threads are whole
 * multiples of these numbers (grains) of rows, inputs or outputs, so that most
 * tiles are complete. */
enum { MLPI_ROWS_GRAIN = 4, MLPI_INPUTS_GRAIN = 12, MLPI_OUTPUTS_GRAIN = 32 };
_Static_assert(MLPI_OUTPUTS_GRAIN + 1 >= MLPI_GEMM_MIN_STRIDED_COLUMNS,
               "a part of the outputs has at least one grain and one output");

/* The arguments of a product and the kernel that was chosen for its shape. */
typedef struct mlpi_planned_gemm {
    mlpi_gemm_args args;
    mlpi_gemm_function *run;
} mlpi_planned_gemm;

static inline void mlpi_run_planned(const mlpi_planned_gemm *planned)
{
    planned->run(&planned->args);
}

/* What one thread does in layer l. */
typedef struct mlpi_layer_plan {
    /* Partition. */
    bool by_outputs;     /* true if threads divide the outputs */
    bool needs_barrier;  /* true if the products read what other threads wrote:
                           this or the previous layer is by_outputs */
    size_t first_neuron; /* this thread's first output, or first input of dW */
    size_t neuron_count; /* how many outputs or inputs are this thread's */

    /* Products. */
    mlpi_planned_gemm forward;  /* A[l-1] W[l]^T into Z; with ReLU into A too,
                                   with batch norm into X_hat instead */
    mlpi_planned_gemm backward; /* dZ[l] W[l] into dA[l-1], which is dZ[l-1]
                                   if that layer is ReLU; l >= 2 */
    mlpi_planned_gemm gradient; /* dZ[l]^T A[l-1] into this thread's dW */

    /* This thread's dW in the flat array of gradients. It consists of
     * dW_run_count runs of dW_run_length numbers; the runs begin n[l] numbers
     * apart. By rows there is one run, by outputs one run for each input. */
    size_t dW_offset; /* of the first run */
    size_t dW_run_length, dW_run_count;

    /* Elementwise work on this thread's rows. */
    void *Z, *A, *dZ; /* real [plan->m][n[l]]; Z is A if not kept */
    mlpi_activation_args activation; /* of these rows */
    bool activates_forward;        /* true if A needs a pass after `forward` */
    bool activates_backward;       /* true if dZ needs a pass after dA */
    bool has_elementwise_forward;  /* true if any such work follows `forward` */
    bool has_elementwise_backward; /* true if any follows the product into dZ */
} mlpi_layer_plan;

/* What one thread does in a step, or with one micro-batch of it. */
typedef struct mlpi_plan {
    /* The caller of mlpi_plan_make sets these two. */
    mlpi_layer_plan *layer; /* [L + 1], the first unused */
    void *scratch;          /* of this thread, for its products */

    /* The plan is valid while these stay the same. */
    size_t batch_rows; /* rows of all threads */
    size_t threads;    /* number of threads that share the batch */
    bool discard_Z;    /* as in mlpi_batch */

    size_t first_row, m; /* this thread's rows: [first_row, first_row + m) */
    size_t offset;       /* which row of the whole batch is row 0 here */
    mlpi_loss_args loss_args; /* these rows of the last layer, no row weights */
} mlpi_plan;

/*
 * The batch and what a step computes from it: for each layer, matrices with one
 * row for each sample of the batch, or of a micro-batch. A layer without batch
 * norm has no X_hat. In a layer without dropout A_dropped is the same matrix as
 * A.
 */
typedef struct mlpi_batch {
    size_t m;         /* rows of the batch, at most max_rows of the trainer */
    bool is_part;     /* true if it is one part of a batch (see parts.h) */
    size_t first;     /* which row of the whole batch is row 0 of the part */
    bool discard_Z;   /* true if Z is not needed after the step, so that A may
                         overwrite it */
    void **Z;         /* [L + 1] of real [m][n[l]]; Z[0] is NULL */
    void **A;         /* [L + 1] of real [m][n[l]]; A[0] is the inputs */
    void **A_dropped; /* [L + 1]: what layer l + 1 gets, A after dropout */
    void **dZ;        /* [L + 1] of real [m][n[l]]: dJ/dZ; dZ[0] is NULL */
    void **X_hat;     /* [L + 1] of real [m][n[l]], or NULL: batch norm's
                         normalised values */
    void *moments;    /* real: means and variances of this batch (batch norm),
                         laid out as net->running */
    void *Y;          /* real [m][n[L]]: targets */
    void *gradients;  /* real: dW, db and dscale, laid out as the parameters */
    void *dX;         /* real [rows + 1][n[0]]: dJ/dX of as many rows as the
                         other matrices, then a row of zeros; NULL: nobody has
                         asked for it */
    void **db_lanes;  /* [L + 1] of real [MLPI_LANES][n[l]]: the sums db from
                         one micro-batch to the next */
    bool *has_output; /* [L + 1]: true if a hidden ReLU layer has an output that
                         is not 0; set only if there is a log hook */
} mlpi_batch;

/* True if all outputs of layer l may be 0, for ever: it is hidden, with
 * ReLU. */
static inline bool mlpi_is_hidden_relu(const mlp_net *net, size_t l)
{
    return l < net->layout.L && net->layout.layer[l].activation == MLP_ACT_RELU;
}

/* Returns the bytes of the array `layer` of a plan, rounded up to a multiple of
 * the alignment of arrays. */
size_t mlpi_plan_size(const mlp_net *net);

/* Makes the plan of `thread` for m rows of a batch, and allocates nothing. The
 * batch's arrays must stay where they are while the plan is used. */
void mlpi_plan_make(const mlp_net *net, const mlpi_thread *thread,
                    const mlpi_batch *batch, size_t m, mlpi_plan *plan);

#endif
