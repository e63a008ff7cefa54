/* SPDX-License-Identifier: MIT */
/*
 * The rules by which gradients change parameters: what is asked of them, and
 * what they remember.
 *
 * Whatever a rule remembers of each parameter is an array laid out as the
 * parameters are, so that a step is one pass over flat arrays (descent.h).
 */
#ifndef MLPI_TRAIN_OPTIMIZER_H
#define MLPI_TRAIN_OPTIMIZER_H

#include "train/lbfgs.h"
#include "model/net.h"

/* Sums over many parameters are made of chunks of so many. */
#define MLPI_SUM_CHUNK 4096

static inline size_t mlpi_sum_chunks(size_t n)
{
    return n / MLPI_SUM_CHUNK + (n % MLPI_SUM_CHUNK > 0);
}

typedef struct mlpi_optimizer {
    mlp_optimizer options;
    bool is_plain;  /* a step is the one `descend` of all parameters */
    bool penalises; /* l1 or l2 is there */
    bool clips;     /* by norm, for which sums over all gradients are needed */
    size_t n_states;
    void **state;     /* [n_states], real, laid out as the parameters */
    mlpi_lbfgs lbfgs; /* of that rule alone: its pairs are the states */
    double *sums;     /* of chunks; NULL if nobody needs them */
    void *block;      /* holds them all; or NULL */
    /* What it knows of the past besides: steps done, or pairs taken by lbfgs,
     * and the powers of beta1 and beta2 with that exponent. */
    uint64_t steps;
    double power[2];
} mlpi_optimizer;

/* Where an optimizer works. */
typedef struct mlpi_update_context {
    mlp_net *net;
    const mlpi_optimizer *optimizer;
    void *gradients; /* real, laid out as the parameters */
} mlpi_update_context;

/* MLP_ERR_ARGUMENT if a field is outside its range, in the net's precision. */
mlp_status mlpi_optimizer_check(const mlp_net *net, const mlp_optimizer *is);

/* How many arrays, as long as the parameters, the rule remembers. */
size_t mlpi_optimizer_states(const mlp_optimizer *is);

/* Exchanges *optimizer for a checked one that remembers nothing; MLP_ERR_MEMORY
 * and MLP_ERR_LIMIT, told to the hooks: it is as before. Begins with zeros in
 * all bytes, or with what was made before. */
mlp_status mlpi_optimizer_make(const mlp_net *net, const mlp_hooks *hooks,
                               const mlp_optimizer *is,
                               mlpi_optimizer *optimizer);
/* As it was when it was made. */
void mlpi_optimizer_forget(const mlp_net *net, mlpi_optimizer *optimizer);

void mlpi_optimizer_release(const mlp_hooks *hooks, mlpi_optimizer *optimizer);

#endif
