/* SPDX-License-Identifier: MIT */
/*
 * L-BFGS: a quasi-Newton method that minimises a function J of n numbers w. An
 * iteration moves w along -H g, where g is the gradient and H approximates the
 * inverse Hessian. H is never stored. The product H g is computed from the last
 * few pairs
 *
 *     s = w_new - w_old        y = g_new - g_old
 *
 * by two loops over the pairs (J. Nocedal and S. Wright, "Numerical
 * Optimization", 2006, algorithm 7.4). A line search finds how far to go: it
 * looks for a point that meets the strong Wolfe conditions (algorithms 3.5 and
 * 3.6), with the safeguards of M. Schmidt's minFunc, which PyTorch has, too.
 *
 * This module knows only a point and an objective, and nothing of networks.
 * lbfgs_step.c makes an objective from a network and a batch. In comments real
 * is the number type of the kernels, float or double.
 */
#ifndef MLPI_TRAIN_LBFGS_H
#define MLPI_TRAIN_LBFGS_H

#include "base/memory.h"
#include "kernels/kernels.h"

/* Returns J(w), and writes its gradient to g; both are real [n]. The same w
 * must give the same J and g each time. */
typedef double mlpi_objective(void *context, const void *w, void *g);

typedef struct mlpi_lbfgs {
    const mlpi_kernels *kernels;
    size_t n;

    /* Pairs. Pair i is in S and Y at i mod max_pairs, so that a new pair
     * replaces the oldest one. */
    size_t max_pairs;     /* the most pairs that are kept */
    uint64_t pairs_added; /* since the pairs were last forgotten */
    void **S, **Y;        /* [max_pairs] of real [n] */
    double *projection;   /* [max_pairs]: s q / (y s), kept from the first loop
                             for the second */
    double *curvature;    /* [max_pairs]: y s */

    /* The point. */
    void *w, *g;        /* real [n]: the point, and the gradient there */
    double J;           /* the loss there */
    bool is_cached;     /* true once w, g and J have been computed; lbfgs_step.c
                           checks whether they still hold */
    double failed_rate; /* learning rate that found no better point from here;
                           it is not tried again. 0: there is none */

    /* Scratch that an iteration uses: real [n] each. */
    void *direction, *trial;
    void *g_low, *g_new; /* gradients at the best point of a line search, and
                            at the last one */
} mlpi_lbfgs;

/* Takes all arrays except S and Y from the cursor; the caller takes those two.
 * kernels, n and max_pairs must be set before. */
void mlpi_lbfgs_lay_out(mlpi_lbfgs *lbfgs, mlpi_cursor *cursor);

/* Returns the square of the gradient's norm, g g. It must be finite before an
 * iteration. */
double mlpi_lbfgs_gradient_square(const mlpi_lbfgs *lbfgs);

/* Runs one iteration: finds a better point and sets w, g and J to it. g and J
 * must belong to w before. The first trial point is w - learning_rate H g, or
 * nearer to w if there are no pairs. If no better point is found, w, g and J
 * stay, and the pairs are forgotten, because the bad direction came from
 * them. */
void mlpi_lbfgs_iterate(mlpi_lbfgs *lbfgs, mlpi_objective *objective,
                        void *context, double learning_rate);

#endif
