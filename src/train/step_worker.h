/* SPDX-License-Identifier: MIT */
/*
 * The work of one thread in a training step. The threads of a team (see
 * base/thread_team.h) divide the rows of the batch for the forward and the
 * backward pass, and then divide the weights for the gradients and the update.
 * step.c calls these functions in their order, with barriers between them;
 * step_worker.c opens with the whole step in pseudo-code.
 *
 * Each comment says who calls the function: "(all threads)" of the team, each
 * for its own part, "(one thread)", or "(any thread)" at any time.
 */
#ifndef MLPI_TRAIN_STEP_WORKER_H
#define MLPI_TRAIN_STEP_WORKER_H

#include <stdatomic.h>

#include "train/parameter_update.h"
#include "train/trainer_state.h"

/* What Y of a step holds: targets, or, for a backward pass alone, the caller's
 * derivative dJ/dA[L] or dJ/dZ[L]. */
typedef enum mlpi_content {
    MLPI_TARGETS,
    MLPI_DERIVATIVE_BY_A,
    MLPI_DERIVATIVE_BY_Z
} mlpi_content;

/* What a step is asked to do. All threads read it, and none changes it. */
typedef struct mlpi_step_args {
    /* Rows. Their shapes and values have been checked. */
    size_t m;                  /* rows of the batch */
    mlp_cview X, Y;            /* inputs and targets, at least m rows */
    mlpi_content content;      /* what Y holds */
    const size_t *order;       /* [m]: which rows of X and Y; NULL: 0..m-1 */
    size_t prefetch_ahead;     /* where in `order` the next batch begins,
                                  to fetch it into the cache; 0: no fetch */
    const double *row_weights; /* what each row of X counts; NULL: all 1 */
    size_t batch_row; /* the first row of X goes to this row of the batch; above
                         0 only if several chunks fill a batch */
    struct mlpi_part_batch *parts; /* NULL: the batch has no parts; see
                                      parts.h, which sets the rows */
    bool rows_loaded; /* true if the rows are those of the step before, or have
                         been loaded. Then X, Y, order and row_weights are read
                         only if they are taken in micro-batches; X without
                         rows forbids that */

    /* Mode. */
    bool discard_Z_and_dW; /* true if nobody reads Z and dW after the step, so
                              that they may be overwritten */
    bool no_update;        /* true if the parameters must stay as they are */
    double learning_rate;  /* of this update */
    void *backup;          /* gets a snapshot (trainer_state.h) of the network
                             before the update; NULL: none is wanted */
} mlpi_step_args;

/* What comes out of a step. One thread alone writes `loss`; the other threads
 * read it after a barrier. Any thread may set the flags, which are false before
 * the step. */
typedef struct mlpi_step_result {
    double loss;                     /* of the batch, before the update */
    atomic_bool gradient_not_finite; /* true: there was no update */
    atomic_bool may_overflow; /* true: A or dZ are so large that the gradients
                                 must be checked before the update */
} mlpi_step_result;

/* Returns the address of row `first` in a matrix of the batch that has `width`
 * columns (any thread). */
static inline void *mlpi_row_of(const mlp_trainer *t, void *matrix,
                                size_t width, size_t first)
{
    return mlpi_at(t->net->kernels, matrix, first * width);
}

/* Returns the context that the functions of parameter_update.h take (any
 * thread). */
static inline mlpi_update_context mlpi_update_context_of(mlp_trainer *t)
{
    return (mlpi_update_context){t->net, &t->optimizer, t->batch.gradients};
}

/* Returns the plan of `thread` for rows [first, first + m) of the trainer's
 * batch (all threads). Thread 0 uses the trainer's plan, and makes it again
 * only if it no longer fits. Every other thread makes a plan in its own memory,
 * and *local_plan, all 0 before the first call in a step, describes it. Making
 * it in each step costs little, since several threads run only in large
 * steps. */
const mlpi_plan *mlpi_worker_plan(mlp_trainer *t, const mlpi_thread *thread,
                                  size_t first, size_t m,
                                  mlpi_plan *local_plan);

/* Copies m of the step's rows, from row `first` on, into A[0] of the batch,
 * where they begin at row `to` (all threads, or one for all rows). The copies
 * are scaled if the network scales inputs. */
void mlpi_worker_load_inputs(mlp_trainer *t, const mlpi_step_args *args,
                             size_t first, size_t m, size_t to);

/* Copies the targets of these rows into Y of the batch. The copies are scaled,
 * and labels are smoothed, if the network says so. */
void mlpi_worker_load_targets(mlp_trainer *t, const mlpi_step_args *args,
                              size_t first, size_t m, size_t to);

/* Copies the weights of these rows, if they have weights. */
void mlpi_worker_load_weights(mlp_trainer *t, const mlpi_step_args *args,
                              size_t first, size_t m, size_t to);

/* Computes Z and A of this thread's rows, layer by layer (all threads). The
 * inputs of these rows must be loaded. Inside, the threads wait for each other
 * at barriers if a layer needs it. */
void mlpi_worker_forward(mlp_trainer *t, const mlpi_thread *thread,
                         const mlpi_plan *plan);

/* Computes dZ[L] = dJ/dZ[L] of this thread's rows from the loss, after
 * mlpi_worker_forward (all threads). The targets of these rows must be
 * loaded. */
void mlpi_worker_loss_gradient(mlp_trainer *t, const mlpi_plan *plan);

/* Computes dZ[L] of this thread's rows from the caller's derivative, which
 * args->Y holds (all threads). Row i is multiplied by its weight, divided by
 * the mean of the weights. */
void mlpi_worker_load_gradient(mlp_trainer *t, const mlpi_step_args *args,
                               const mlpi_plan *plan);

/* Computes dZ of this thread's rows from dZ[L], from the last layer to the
 * first (all threads). */
void mlpi_worker_backward(mlp_trainer *t, const mlpi_thread *thread,
                          const mlpi_plan *plan);

/* Computes this thread's part of the sums over weights that penalties need (all
 * threads). mlpi_worker_loss may be called after all threads have returned. */
static inline void mlpi_worker_penalty(mlp_trainer *t,
                                       const mlpi_thread *thread)
{
    if (t->optimizer.penalises) {
        mlpi_update_context context = mlpi_update_context_of(t);
        mlpi_penalty_sums(&context, thread);
    }
}

/* Adds the loss of the m rows that A[L] and Y hold to a sum (one thread).
 * The rows of a batch may come in several calls, as mlpi_loss_add says. */
void mlpi_worker_add_loss(mlp_trainer *t, size_t m, mlpi_loss_sum *sum);

/* Returns the loss of the whole batch from that sum, penalties included (one
 * thread). */
double mlpi_worker_loss(mlp_trainer *t, const mlpi_loss_sum *sum);

/* Sets batch.has_output of the hidden ReLU layers that have an output other
 * than 0 for one of these m rows (one thread). Hints need it: see hints.h. */
void mlpi_worker_note_outputs(mlp_trainer *t, size_t m);

/* Sets result->may_overflow if this thread's rows of A or dZ hold numbers so
 * large that a gradient may overflow (all threads). */
void mlpi_worker_check_overflow(mlp_trainer *t, const mlpi_plan *plan,
                                mlpi_step_result *result);

/* Computes the gradients of this thread's weights from all rows of the plan
 * (all threads). If these are a micro-batch but not the first, the sums go on
 * from the gradients of those before. The biases of layer l belong to thread
 * l mod (number of threads). If `update_args` is NULL, the gradients are kept.
 * Otherwise each part of the parameters is updated as soon as its gradient is
 * there, and the gradients are lost; the rows must be the last of the batch. */
void mlpi_worker_gradients(mlp_trainer *t, const mlpi_thread *thread,
                           const mlpi_plan *plan,
                           const mlpi_step_args *update_args);

/* Computes dJ/dX of this thread's rows in the batch's dX, which must be there
 * (all threads). All dZ must be complete, and the weights must be those of the
 * backward pass. */
void mlpi_worker_input_gradient(mlp_trainer *t, const mlpi_plan *plan);

/* Sets result->gradient_not_finite if this thread's part of the gradients holds
 * a number that is not finite (all threads). All gradients must be complete. */
static inline void mlpi_worker_check_gradients(mlp_trainer *t,
                                               const mlpi_thread *thread,
                                               mlpi_step_result *result)
{
    mlpi_update_context context = mlpi_update_context_of(t);
    if (mlpi_gradient_is_not_finite(&context, thread)) {
        result->gradient_not_finite = true;
    }
}

/* Updates this thread's part of the parameters (all threads). All gradients
 * must be complete. Clipping by norm needs one more barrier, because the norm
 * is a sum over the parts of all threads. */
static inline void mlpi_worker_update(mlp_trainer *t, const mlpi_thread *thread,
                                      double learning_rate, void *backup)
{
    mlpi_update_context context = mlpi_update_context_of(t);
    if (t->optimizer.clips_norm) {
        mlpi_norm_sums(&context, thread);
        mlpi_barrier(thread);
    }
    mlpi_update_parameters(&context, thread, learning_rate, backup);
}

#endif
