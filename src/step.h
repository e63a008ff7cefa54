/* SPDX-License-Identifier: MIT */
/*
 * The steps of gradient descent, shared by a team of threads (trainer.c has
 * their public side).
 *
 * Rows do not know each other on the way forward and on the way back to dZ;
 * weights do not know each other in their gradients. So a step has three parts
 * with barriers between: each member takes its rows as far as all dZ; then, for
 * all rows, the gradients of its weights; then it updates its parameters. Large
 * networks have the last two in one: the gradients of a tile of weights are used
 * up before they leave the nearest cache.
 */
#ifndef MLPI_STEP_H
#define MLPI_STEP_H

#include <stdatomic.h>

#include "course.h"
#include "net.h"
#include "optimizer.h"
#include "plan.h"

/* A batch on its way through a network and back. */
struct mlp_trainer {
    mlp_hooks hooks;
    mlp_net *net; /* borrowed */
    size_t max_rows;
    size_t m;            /* rows of the last forward; 0: there was none */
    bool has_gradients;  /* a backward has followed it */
    uint64_t seed, draw; /* of the masks of dropout; forwards since then */
    void **Z, **A, **dZ; /* [L + 1] real [max_rows][n[l]]; Z[0], dZ[0] NULL */
    void *
        *D; /* [L + 1]: what goes into layer l + 1; A[l] unless dropped from */
    void **X;        /* [L + 1]: of batch norm, as Z; NULL in other layers */
    void *moments;   /* real, of the last batch, laid out as net->running */
    void *Y;         /* real [max_rows][n[L]] */
    double *weight;  /* [max_rows]: of the rows, if */
    bool weighs;     /* they have weights; else all are 1 */
    double total;    /* of the weights of the batch's rows */
    void *gradients; /* real, laid out as the parameters */
    mlpi_optimizer optimizer;
    size_t scratch_size; /* reals, for a member */
    void *scratch;       /* of member 0 */
    mlpi_plan plan;      /* of member 0 */
    mlpi_team *team;     /* NULL: one thread; rooms are layer plans, scratch */
    mlpi_course course;  /* of its epochs */
    void *best;          /* snapshot of course.best_epoch; NULL: never needed */
};

/* One step of training. */
typedef struct mlpi_step {
    size_t m;
    mlp_cview X, Y;        /* rows order[0..m-1], or 0..m-1 if that is NULL; */
    const size_t *order;   /* not looked at where */
    size_t ahead;          /* as in mlpi_gather */
    const double *weights; /* of the rows, likewise; NULL: all 1 */
    size_t to_row;         /* of the batch that takes the first of them: 0 */
    bool has_rows;         /* the trainer holds them already */
    bool hides_Z;          /* nobody will ask for Z, nor, after an update, dW */
    bool only_look;        /* the network stays as it is, whatever the loss */
    atomic_bool bad_gradient;  /* it is not finite: no update */
    atomic_bool large_factors; /* it may not be: it must be looked at */
    double alpha;
    void *keep;  /* receives a snapshot of the network before; or NULL */
    double loss; /* of the batch; without an update if it is not finite */
} mlpi_step;

/* Takes the m rows of X and Y into the batch, where they are rows to_row and
 * following: for a step that has_rows. */
void mlpi_step_take(mlp_trainer *trainer, const mlpi_step *step);

/* Takes the weights of the m rows into the batch, before any part of a step. */
void mlpi_step_weigh(mlp_trainer *trainer, const mlpi_step *step);

/* The parts of a step, and all of it: forward needs m, X and order; loss and
 * backward m, Y and order; update alpha. */
void mlpi_step_forward(mlp_trainer *trainer, mlpi_step *step);
void mlpi_step_loss(mlp_trainer *trainer, mlpi_step *step);
void mlpi_step_backward(mlp_trainer *trainer, mlpi_step *step);
void mlpi_step_update(mlp_trainer *trainer, mlpi_step *step);
void mlpi_step_whole(mlp_trainer *trainer, mlpi_step *step);

/* Do m rows make enough work for several threads? */
bool mlpi_step_is_busy(const mlp_trainer *trainer, size_t m);

#endif
