/* SPDX-License-Identifier: MIT */
/*
 * An optimizer: the options that the caller chose, and the numbers that it
 * remembers from step to step.
 *
 * For each parameter an optimizer remembers up to two numbers, its states:
 * momentum remembers one average, Adam two. (L-BFGS remembers two numbers for
 * each of its pairs, see lbfgs.h.) Every state is an array laid out as the
 * parameters are. So an update is one pass over flat arrays
 * (parameter_update.h), and a checkpoint writes each array unchanged. In
 * comments real is the network's number type, float or double.
 */
#ifndef MLPI_TRAIN_OPTIMIZER_H
#define MLPI_TRAIN_OPTIMIZER_H

#include "train/lbfgs.h"
#include "model/net.h"

/* A sum over many parameters is computed in chunks of this many elements. The
 * number is part of the sum's definition: another number rounds otherwise. */
#define MLPI_SUM_CHUNK 4096

/* Returns how many chunks n elements have. */
static inline size_t mlpi_sum_chunks(size_t n)
{
    return n / MLPI_SUM_CHUNK + (n % MLPI_SUM_CHUNK > 0);
}

typedef struct mlpi_optimizer {
    mlp_optimizer options;

    /* Derived from the options. */
    bool is_plain;   /* true if an update is w = w - alpha dw and nothing else:
                        the kernel sgd_step does it */
    bool penalises;  /* true if l1 or l2 is above 0 */
    bool clips_norm; /* true if gradients are clipped by norm, which needs a sum
                        over all of them before the update */
    size_t n_states; /* arrays in `state` */

    /* Remembered from step to step. */
    void **state;     /* [n_states] of real, laid out as the parameters */
    mlpi_lbfgs lbfgs; /* used by L-BFGS only; its pairs are the states */
    uint64_t steps;   /* steps done; for L-BFGS, pairs_added of mlpi_lbfgs */
    double power[2];  /* beta1^steps and beta2^steps */

    double *sums; /* sums of chunks, during a step; NULL if no sum is needed */
    void *block;  /* memory of the arrays; NULL if there are none */
} mlpi_optimizer;

/* Checks options against a network. MLP_ERR_ARGUMENT if a field is outside its
 * range when it is rounded to the network's precision, or if the kind cannot
 * train that network. */
mlp_status mlpi_optimizer_check(const mlp_net *net, const mlp_optimizer *given);

/* Returns the options for a fit to m rows, 1 or more: auto gets the weight
 * decay that suits so many rows, if the caller has set none. */
mlp_optimizer mlpi_optimizer_for_rows(const mlp_net *net,
                                      const mlp_optimizer *options, size_t m);

/* Returns the learning rate that users of the kind commonly start from. */
double mlpi_optimizer_usual_rate(mlp_optimizer_kind kind);

/* True if the kind needs the gradient of all rows: it compares gradients, or
 * losses, of one step with those of the step before. */
bool mlpi_optimizer_needs_all_rows(mlp_optimizer_kind kind);

/* Returns how many state arrays the kind needs. */
size_t mlpi_optimizer_states(const mlp_optimizer *options);

/* Replaces *optimizer by one with these checked options that remembers nothing.
 * *optimizer is either all zero or made by this function. MLP_ERR_MEMORY,
 * MLP_ERR_LIMIT: *optimizer is as before, and the hooks were told. Plain
 * gradient descent allocates nothing, so it cannot fail. */
mlp_status mlpi_optimizer_make(const mlp_net *net, const mlp_hooks *hooks,
                               const mlp_optimizer *options,
                               mlpi_optimizer *optimizer);

/* Makes the optimizer remember nothing, as when it was made. */
void mlpi_optimizer_forget(const mlp_net *net, mlpi_optimizer *optimizer);

/* Counts a step that all threads have done, and sets `steps` and `power` for
 * the next one. */
void mlpi_optimizer_advance(mlpi_optimizer *optimizer);

/* Releases the memory, and sets *optimizer to all zero. */
void mlpi_optimizer_release(const mlp_hooks *hooks, mlpi_optimizer *optimizer);

#endif
