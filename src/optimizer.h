/* SPDX-License-Identifier: MIT */
/*
 * From gradients to new parameters: the rules, what they remember, and what
 * changes a gradient before.
 *
 * Whatever a rule remembers of each parameter is an array laid out as the
 * parameters are, so that a step is one pass over flat arrays. Members of a
 * team take shares of it; no element knows another, but for two sums over all
 * of them, the penalty and the norm of the gradients: those are made in chunks
 * of MLPI_SUM_CHUNK elements, eight lanes in each, and the chunks are added in
 * order. So they are the same for every number of members, too.
 */
#ifndef MLPI_OPTIMIZER_H
#define MLPI_OPTIMIZER_H

#include "lbfgs.h"
#include "net.h"
#include "team.h"

#define MLPI_SUM_CHUNK 4096

typedef struct mlpi_optimizer {
    mlp_optimizer is;
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
typedef struct mlpi_descent {
    mlp_net *net;
    const mlpi_optimizer *optimizer;
    void *gradients; /* real, laid out as the parameters */
} mlpi_descent;

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

/* Penalties (l1, l2) of a batch that counts as `rows` rows. First each member's
 * share of the sums; when all are done, what is added to the loss. */
void mlpi_penalty_sums(const mlpi_descent *d, const mlpi_member *self);
double mlpi_penalty(const mlpi_descent *d, double rows);
/* Adds to the gradients of W[l], those of inputs [first, first + count). */
void mlpi_penalty_gradient(const mlpi_descent *d, double rows, size_t l,
                           size_t first, size_t count);

/* Is one of this member's share of the gradients not finite? It is the share that
 * it will update with. */
bool mlpi_gradient_is_bad(const mlpi_descent *d, const mlpi_member *self);

/* One update. If the optimizer clips, first each member's share of the sums;
 * when all are done, its share of the parameters, which are copied to `keep`
 * before, unless it is NULL. When all are done, one of them notes the step. */
void mlpi_norm_sums(const mlpi_descent *d, const mlpi_member *self);
void mlpi_descend(const mlpi_descent *d, const mlpi_member *self, double alpha,
                  void *keep);
/* Or, if the optimizer does not clip by norm, parameters in parts: an update
 * that begins with the first, of weights or others, and has no n yet. */
mlpi_update mlpi_update_at(const mlpi_descent *d, double alpha, size_t first,
                           bool is_weight);
void mlpi_optimizer_note_step(mlpi_optimizer *optimizer);

#endif
