/* SPDX-License-Identifier: MIT */
/*
 * A batch on its way through a network and back, shared by a team of threads.
 *
 * Rows do not know each other on the way forward and on the way back to dZ;
 * weights do not know each other in their gradients. So a step has three parts
 * with barriers between: each member takes its rows as far as all dZ; then, for
 * all rows, the gradients of its weights; then it updates its parameters.
 */
#ifndef MLPI_TRAINER_H
#define MLPI_TRAINER_H

#include "net.h"
#include "team.h"

struct mlp_trainer {
    mlp_hooks hooks;
    mlp_net *net; /* borrowed */
    size_t max_rows;
    size_t m;            /* rows of the last forward; 0: there was none */
    bool has_gradients;  /* a backward has followed it */
    void **Z, **A, **dZ; /* [L + 1] real [max_rows][n[l]]; Z[0], dZ[0] NULL */
    void *Y;             /* real [max_rows][n[L]] */
    void *gradients;     /* real, laid out as the parameters */
    size_t scratch_size; /* reals, for a member */
    void *scratch;       /* of member 0 */
    mlpi_team *team;     /* NULL: one thread; rooms are scratch */
};

/* One step of training. */
typedef struct mlpi_step {
    size_t m;
    mlp_cview X, Y;      /* rows order[0..m-1], or 0..m-1 if that is NULL; */
    const size_t *order; /* not looked at where */
    bool has_rows;       /* the trainer holds them already */
    bool only_look;      /* no update, whatever the loss */
    double alpha;
    void *keep;  /* receives the parameters before the update; or NULL */
    double loss; /* of the batch; without an update if it is not finite */
} mlpi_step;

void mlpi_trainer_step(mlp_trainer *trainer, mlpi_step *step);

/* mlp_trainer_set_threads, which tells failures to these hooks. */
mlp_status mlpi_trainer_hire(mlp_trainer *trainer, const mlp_hooks *hooks,
                             size_t threads);

/* Do m rows make enough work for several threads? */
bool mlpi_trainer_is_busy(const mlp_trainer *trainer, size_t m);

#endif
