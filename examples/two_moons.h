/* SPDX-License-Identifier: MIT */
/*
 * The data of chapter 5.1: two interleaved half circles.
 */
#ifndef LIBMLP_EXAMPLE_TWO_MOONS_H
#define LIBMLP_EXAMPLE_TWO_MOONS_H

#include "example.h"

#include <stdint.h>

/* Copies the rows X[order[:m]] and y[order[:m]], in NumPy's notation. */
static inline samples select_rows(samples from, const size_t *order, size_t m,
                                  mlp_dtype precision)
{
    mlp_cview X = mlp_view_const(from.X), Y = mlp_view_const(from.Y);
    samples s = {new_array(precision, m, X.cols), new_array(precision, m, 1)};
    for (size_t i = 0; i < m; i++) {
        for (size_t j = 0; j < X.cols; j++) {
            mlp_view_set(s.X, i, j, mlp_cview_at(X, order[i], j));
        }
        mlp_view_set(s.Y, i, 0, mlp_cview_at(Y, order[i], 0));
    }
    return s;
}

static inline size_t *new_permutation(mlp_rng *rng, size_t n)
{
    size_t *order = calloc(n + 1, sizeof *order);
    if (order == NULL) {
        check(MLP_ERR_MEMORY);
    }
    check(mlp_rng_permutation(rng, n, order));
    return order;
}

/* Draws two half circles of n / 2 points with noise, and shuffles them, as the
 * tutorial's make_moons_manual does. */
static inline samples make_moons(size_t n, double noise, uint32_t seed)
{
    const double pi = 3.14159265358979323846;
    mlp_rng rng = mlp_rng_seeded(seed);
    samples moons = {new_array(MLP_F64, n, 2), new_array(MLP_F64, n, 1)};
    size_t half = n / 2;
    for (size_t i = 0; i < n; i++) {
        size_t k = i % half, lower = i / half;
        /* np.linspace(0, pi, half), whose first and last numbers are exact. */
        double step = half > 1 ? pi / (double)(half - 1) : 0;
        double theta = k > 0 && k == half - 1 ? pi : (double)k * step;
        double x = lower ? 1 - cos(theta) : cos(theta);
        double y = lower ? 1 - sin(theta) - 0.5 : sin(theta);
        mlp_view_set(moons.X, i, 0, x + mlp_rng_normal(&rng, 0, noise));
        mlp_view_set(moons.X, i, 1, y + mlp_rng_normal(&rng, 0, noise));
        mlp_view_set(moons.Y, i, 0, (double)lower);
    }
    size_t *order = new_permutation(&rng, n);
    samples shuffled = select_rows(moons, order, n, MLP_F64);
    free(order);
    free_samples(moons);
    return shuffled;
}

/* Splits the rows as the tutorial's train_test_split_manual does: draws another
 * permutation, whose first fifth is for the test. Both parts have the network's
 * precision. */
static inline void split(samples all, uint32_t seed, mlp_dtype precision,
                         samples *train, samples *test)
{
    mlp_rng rng = mlp_rng_seeded(seed);
    size_t n = all.X.rows, n_test = (size_t)((double)n * 0.2);
    size_t *order = new_permutation(&rng, n);
    *test = select_rows(all, order, n_test, precision);
    *train = select_rows(all, order + n_test, n - n_test, precision);
    free(order);
}

#endif
