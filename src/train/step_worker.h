/* SPDX-License-Identifier: MIT */
/*
 * A batch on its way through a network and back, and what one member of a team
 * does of that: its shares, of which step.c and step_parts.c make steps.
 */
#ifndef MLPI_TRAIN_STEP_WORKER_H
#define MLPI_TRAIN_STEP_WORKER_H

#include <stdatomic.h>

#include "train/epoch_state.h"
#include "train/parameter_update.h"
#include "train/step_plan.h"

struct mlp_trainer {
    mlp_hooks hooks;
    mlp_net *net; /* borrowed */
    size_t max_rows;
    size_t m;            /* rows of the last forward; 0: there was none */
    bool has_gradients;  /* a backward has followed it */
    uint64_t seed, draw; /* of the masks of dropout; forwards since then */
    void **Z, **A, **dZ; /* [L + 1] real [max_rows][n[l]]; Z[0], dZ[0] NULL */
    void **D;            /* [L + 1]: input of layer l + 1: A[l], or dropped */
    void **X;       /* [L + 1]: of batch norm, as Z; NULL in other layers */
    void *moments;  /* real, of the last batch, laid out as net->running */
    void *Y;        /* real [max_rows][n[L]] */
    double *weight; /* [max_rows]: of the rows, if */
    bool has_sample_weights; /* they have weights; else all are 1 */
    double total;            /* of the weights of the batch's rows */
    void *gradients;         /* real, laid out as the parameters */
    mlpi_optimizer optimizer;
    size_t scratch_size; /* reals, for a member */
    void *scratch;       /* of member 0 */
    mlpi_plan plan;      /* of member 0 */
    mlpi_team *team;     /* NULL: one thread; rooms are layer plans, scratch */
    mlpi_epoch_state epoch_state; /* of its epochs */
    void *best; /* snapshot of course.best_epoch; NULL: never needed */
};

/* One step of training. */
typedef struct mlpi_step {
    size_t m;
    mlp_cview X, Y;        /* rows order[0..m-1], or 0..m-1 if that is NULL; */
    const size_t *order;   /* not looked at where */
    size_t prefetch_ahead; /* as in mlpi_gather */
    const double *weights; /* of the rows, likewise; NULL: all 1 */
    size_t batch_row;      /* of the batch that takes the first of them: 0 */
    bool rows_loaded;      /* the trainer holds them already */
    bool discard_Z;        /* nobody will ask for Z, nor, after an update, dW */
    bool no_update;        /* the network stays as it is, whatever the loss */
    atomic_bool gradient_not_finite; /* it is not finite: no update */
    atomic_bool may_overflow;        /* it may not be: it must be looked at */
    double alpha;
    void *backup; /* receives a snapshot of the network before; or NULL */
    double loss;  /* of the batch; without an update if it is not finite */
} mlpi_step;

/* Row `first` of one of the trainer's matrices. */
static inline void *mlpi_row_of(const mlp_trainer *t, void *matrix,
                                size_t width, size_t first)
{
    return mlpi_at(t->net->kernels, matrix, first * width);
}

static inline mlpi_update_context mlpi_update_context_of(mlp_trainer *t)
{
    return (mlpi_update_context){t->net, &t->optimizer, t->gradients};
}

/* What this member does in the step. Plans of others than member 0 are in their
 * rooms, and `own` tells of them: they are made anew each time. */
const mlpi_plan *mlpi_worker_plan(mlp_trainer *t, const mlpi_thread *self,
                                  const mlpi_step *step, mlpi_plan *own);

/* Rows [first, first + m) of the batch become A[0] and Y. */
void mlpi_worker_load_inputs(mlp_trainer *t, const mlpi_step *step,
                             size_t first, size_t m);
void mlpi_worker_load_targets(mlp_trainer *t, const mlpi_step *step,
                              size_t first, size_t m);

/* Z and A of its rows, layer by layer; and dZ, back from the last. */
void mlpi_worker_forward(mlp_trainer *t, const mlpi_thread *self,
                         const mlpi_plan *plan);
void mlpi_worker_backward(mlp_trainer *t, const mlpi_thread *self,
                          const mlpi_plan *plan);

/* Its share of what mlpi_batch_loss needs, when all have done it: the loss of
 * all m rows. */
static inline void mlpi_worker_penalty(mlp_trainer *t, const mlpi_thread *self)
{
    if (t->optimizer.penalises) {
        mlpi_update_context descent = mlpi_update_context_of(t);
        mlpi_penalty_sums(&descent, self);
    }
}

double mlpi_batch_loss(mlp_trainer *t, size_t m);

/* The gradients of its weights, from all rows; those of biases go round, layer
 * by layer. If `fused`, that step is to update the parameters at once. */
void mlpi_worker_gradients(mlp_trainer *t, const mlpi_thread *self,
                           const mlpi_plan *plan, const mlpi_step *fused);

/* Updates its share of the parameters; all gradients must be there. */
static inline void mlpi_worker_update(mlp_trainer *t, const mlpi_thread *self,
                                      double alpha, void *backup)
{
    mlpi_update_context descent = mlpi_update_context_of(t);
    if (t->optimizer.clips) {
        mlpi_norm_sums(&descent, self);
        mlpi_barrier(self);
    }
    mlpi_update_parameters(&descent, self, alpha, backup);
}

#endif
