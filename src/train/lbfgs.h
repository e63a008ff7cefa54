/* SPDX-License-Identifier: MIT */
/*
 * L-BFGS: a quasi-Newton method that keeps of the inverse Hessian what the last
 * few steps s and changes of the gradient y tell (J. Nocedal and S. Wright,
 * "Numerical Optimization", 2006, algorithm 7.4), with a line search for the
 * strong Wolfe conditions (algorithms 3.5 and 3.6) that has the safeguards of
 * M. Schmidt's minFunc, as PyTorch's.
 *
 * It knows nothing of networks: only a point w of n reals, and an objective.
 */
#ifndef MLPI_TRAIN_LBFGS_H
#define MLPI_TRAIN_LBFGS_H

#include "base/memory.h"
#include "kernels/kernels.h"

/* J(w), and its gradient into g; real [n] both. The same for the same w. */
typedef double mlpi_objective(void *context, const void *w, void *g);

typedef struct mlpi_lbfgs {
    const mlpi_kernels *kernels;
    size_t n;
    size_t memory;        /* pairs that are kept, at most */
    uint64_t pairs_added; /* pairs so far; the last `memory` of them are kept */
    void **S, **Y;        /* [memory] real [n]; pair i is at i mod memory */
    double *along, *curvature; /* [memory]: of the two loops */
    void *w, *g;               /* real [n], the point, and the gradient there */
    double J;                  /* there */
    bool is_cached; /* w, g and J are there, as the last iteration left them */
    double failed_rate; /* the alpha that found nothing from here, or 0 */
    void *direction, *trial;
    void *g_low, *g_new; /* at the best point of a search, and at the last */
} mlpi_lbfgs;

/* Takes the arrays from the cursor, but for the pairs', which are the caller's;
 * kernels, n and memory are set before. */
void mlpi_lbfgs_lay_out(mlpi_lbfgs *l, mlpi_cursor *cursor);

/* g g, which an iteration needs to be finite. */
double mlpi_lbfgs_gradient_square(const mlpi_lbfgs *l);

/* One iteration from w, whose g and J are there: moves all three. The first
 * step tried is `alpha`, less without pairs. Where there is nothing to gain
 * they stay, and pairs are forgotten, for they may have misled. */
void mlpi_lbfgs_iterate(mlpi_lbfgs *l, mlpi_objective *objective, void *context,
                        double alpha);

#endif
