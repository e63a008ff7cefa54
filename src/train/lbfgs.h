/* SPDX-License-Identifier: MIT */
/*
 * L-BFGS: a quasi-Newton method for a function J of n numbers w. A step goes
 * along -H g, where g is the gradient and H approximates the inverse Hessian. H
 * is never stored: it follows from the last few pairs
 *
 *     s = w_new - w_old        y = g_new - g_old
 *
 * by two loops over them (J. Nocedal and S. Wright, "Numerical Optimization",
 * 2006, algorithm 7.4). How far the step goes is found by a line search for the
 * strong Wolfe conditions (algorithms 3.5 and 3.6), with the safeguards of M.
 * Schmidt's minFunc, which PyTorch has too.
 *
 * This module knows nothing of networks: only a point and an objective.
 * lbfgs_step.c makes an objective of a network and a batch.
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

    /* Pairs. They lie in a ring: pair i is in S and Y at i mod max_pairs. */
    size_t max_pairs;     /* pairs that are kept, at most */
    uint64_t pairs_added; /* since they were forgotten last */
    void **S, **Y;        /* [max_pairs] of real [n] */
    double *projection;   /* [max_pairs]: s q / (y s), from loop to loop */
    double *curvature;    /* [max_pairs]: y s */

    /* The point. */
    void *w, *g;        /* real [n]: the point, and the gradient there */
    double J;           /* the loss there */
    bool is_cached;     /* true if w, g and J are those that the last iteration
                           ended with */
    double failed_rate; /* learning rate that found no better point from here,
                           or 0: the next iteration need not try it again */

    /* Scratch that an iteration uses: real [n] each. */
    void *direction, *trial;
    void *g_low, *g_new; /* gradients at the best point of a line search, and
                            at the last one */
} mlpi_lbfgs;

/* Takes the arrays from the cursor, but for S and Y, which the caller takes.
 * kernels, n and max_pairs must be set before. */
void mlpi_lbfgs_lay_out(mlpi_lbfgs *lbfgs, mlpi_cursor *cursor);

/* The square of the gradient's norm, g g. An iteration needs it to be
 * finite. */
double mlpi_lbfgs_gradient_square(const mlpi_lbfgs *lbfgs);

/* Iterates once from w, where g and J must be up to date, and moves all three
 * to a better point. The first step tried is learning_rate times -H g, or less
 * if there are no pairs. If no better point is found w, g and J stay, and the
 * pairs are forgotten, because a bad direction came from them. */
void mlpi_lbfgs_iterate(mlpi_lbfgs *lbfgs, mlpi_objective *objective,
                        void *context, double learning_rate);

#endif
