/* SPDX-License-Identifier: MIT */
/*
 * The work of one thread in a training step. The threads of a team divide the
 * rows of the batch for the forward and the backward pass, and then divide the
 * weights for the gradients and the update. step.c calls these functions in
 * their order, with barriers between; step_worker.c opens with the whole step
 * in pseudo-code.
 *
 * Every function here is called by all threads of the team at the same time,
 * unless its comment says otherwise.
 */
#ifndef MLPI_TRAIN_STEP_WORKER_H
#define MLPI_TRAIN_STEP_WORKER_H

#include <stdatomic.h>

#include "train/parameter_update.h"
#include "train/trainer_state.h"

/* What a step is asked to do. All threads read it, and none changes it. */
typedef struct mlpi_step_args {
    /* Rows, with checked shapes and values. */
    size_t m;                  /* rows of the batch */
    mlp_cview X, Y;            /* inputs and targets, at least m rows */
    const size_t *order;       /* [m]: which rows of X and Y; NULL: 0..m-1 */
    size_t prefetch_ahead;     /* as in mlpi_load_rows */
    const double *row_weights; /* what each row of X counts; NULL: all 1 */
    size_t batch_row; /* row of the batch that receives the first row */
    bool rows_loaded; /* true if the trainer's batch holds the rows already;
                           X, Y and order are not used */

    /* Mode. */
    bool discard_Z;       /* true if nobody asks the trainer for Z, nor for dW
                             after an update */
    bool no_update;       /* true if the parameters must stay as they are */
    double learning_rate; /* of this update */
    void *backup;         /* receives a snapshot of the network as it was
                             before the update; or NULL */
} mlpi_step_args;

/* What a step finds out. One thread alone writes `loss`, and a barrier lets the
 * others read it. Any thread may set the flags, which are false before the
 * step. */
typedef struct mlpi_step_result {
    double loss;                     /* of the batch, before the update */
    atomic_bool gradient_not_finite; /* then there was no update */
    atomic_bool may_overflow; /* a gradient may not be finite: the gradients
                                 must be checked before the update */
} mlpi_step_result;

/* Points to row `first` of one of the batch's matrices, whose rows are `width`
 * long. */
static inline void *mlpi_row_of(const mlp_trainer *t, void *matrix,
                                size_t width, size_t first)
{
    return mlpi_at(t->net->kernels, matrix, first * width);
}

/* What parameter_update.h works on, in this trainer. */
static inline mlpi_update_context mlpi_update_context_of(mlp_trainer *t)
{
    return (mlpi_update_context){t->net, &t->optimizer, t->batch.gradients};
}

/* The plan of thread `self` for the trainer's batch. The calling thread keeps
 * its plan from step to step, as long as it fits. Every other thread makes a
 * new one in its own memory each time, described by *own: only steps large
 * enough for several threads come here, and for them a plan costs nothing. */
const mlpi_plan *mlpi_worker_plan(mlp_trainer *t, const mlpi_thread *self,
                                  mlpi_plan *own);

/* Copies rows [first, first + m) of those that `args` names into the batch, as
 * A[0] and Y. Inputs and targets are scaled, and labels smoothed, on the
 * way. */
void mlpi_worker_load_inputs(mlp_trainer *t, const mlpi_step_args *args,
                             size_t first, size_t m);
void mlpi_worker_load_targets(mlp_trainer *t, const mlpi_step_args *args,
                              size_t first, size_t m);

/* Computes Z and A of this thread's rows, layer by layer. The inputs of its
 * rows must be loaded. Threads meet at barriers in here if layers need it. */
void mlpi_worker_forward(mlp_trainer *t, const mlpi_thread *self,
                         const mlpi_plan *plan);

/* Computes dZ of this thread's rows, from the last layer to the first, after
 * mlpi_worker_forward; the targets of its rows must be loaded. */
void mlpi_worker_backward(mlp_trainer *t, const mlpi_thread *self,
                          const mlpi_plan *plan);

/* Computes this thread's part of the sums over weights that penalties need.
 * mlpi_batch_loss may be called after all threads have returned. */
static inline void mlpi_worker_penalty(mlp_trainer *t, const mlpi_thread *self)
{
    if (t->optimizer.penalises) {
        mlpi_update_context context = mlpi_update_context_of(t);
        mlpi_penalty_sums(&context, self);
    }
}

/* The loss of the whole batch, penalties included. One thread calls it, when
 * A[L] and Y are complete. */
double mlpi_batch_loss(mlp_trainer *t);

/* Sets result->may_overflow if this thread's rows hold numbers so large that a
 * gradient made of them may not be finite. */
void mlpi_worker_check_overflow(mlp_trainer *t, const mlpi_plan *plan,
                                mlpi_step_result *result);

/* Computes the gradients of this thread's weights from all rows; the biases of
 * a layer belong to one thread, in turn. If `fused` is not NULL, each part of
 * the parameters is updated as soon as its gradient is there, and the gradients
 * are not kept. */
void mlpi_worker_gradients(mlp_trainer *t, const mlpi_thread *self,
                           const mlpi_plan *plan, const mlpi_step_args *fused);

/* Sets result->gradient_not_finite if this thread's part of the gradients holds
 * a number that is not finite. All gradients must be complete. */
static inline void mlpi_worker_check_gradients(mlp_trainer *t,
                                               const mlpi_thread *self,
                                               mlpi_step_result *result)
{
    mlpi_update_context context = mlpi_update_context_of(t);
    if (mlpi_gradient_is_not_finite(&context, self)) {
        result->gradient_not_finite = true;
    }
}

/* Updates this thread's part of the parameters. All gradients must be complete.
 * Clipping by norm needs a barrier more: the norm is a sum over the parts of
 * all threads. */
static inline void mlpi_worker_update(mlp_trainer *t, const mlpi_thread *self,
                                      double learning_rate, void *backup)
{
    mlpi_update_context context = mlpi_update_context_of(t);
    if (t->optimizer.clips) {
        mlpi_norm_sums(&context, self);
        mlpi_barrier(self);
    }
    mlpi_update_parameters(&context, self, learning_rate, backup);
}

#endif
