/* SPDX-License-Identifier: MIT */
/*
 * Initial parameters. With n_in inputs and n_out outputs of a layer, weights
 * are drawn from a distribution with mean 0 and the variance
 *
 *     he      2 / n_in              for relu, which passes half of its inputs
 *     glorot  2 / (n_in + n_out)    for sigmoid and tanh, forward and backward
 *     lecun   1 / n_in              for identity
 *
 * either normal, randn * sqrt(variance), or uniform on [-w, w) with
 * w = sqrt(3 variance), since the variance of that is w^2 / 3.
 *
 * The order of the random draws is part of the contract: layer by layer, and W
 * row by row as (n_out, n_in), which is what NumPy does for a tutorial's
 * network. So the networks of the tutorial can be rebuilt from their seeds.
 */
#include "model/init.h"

#include <math.h>
#include <string.h>

/* Returns what MLP_INIT_AUTO stands for in a layer with the activation f. */
static mlp_weight_init init_for(mlp_activation f)
{
    if (f == MLP_ACT_IDENTITY) {
        return MLP_INIT_LECUN;
    }
    bool saturates =
        f == MLP_ACT_SIGMOID || f == MLP_ACT_TANH || f == MLP_ACT_SOFTMAX;
    return saturates ? MLP_INIT_GLOROT : MLP_INIT_HE;
}

/* The distribution that the weights of a layer are drawn from:
 * randn * width, or uniform on [-width, width). */
typedef struct spread {
    bool is_uniform;
    double width; /* 0: all weights are 0 */
} spread;

/* Returns the distribution for layer l. */
static spread spread_of(const mlpi_layout *layout, mlp_weight_init init,
                        size_t l)
{
    double n_in = (double)layout->layer[l - 1].width;
    double n_out = (double)layout->layer[l].width;
    switch (init) {
    case MLP_INIT_HE:
        return (spread){false, sqrt(2.0 / n_in)};
    case MLP_INIT_HE_UNIFORM:
        return (spread){true, sqrt(6.0 / n_in)};
    case MLP_INIT_GLOROT:
        return (spread){false, sqrt(2.0 / (n_in + n_out))};
    case MLP_INIT_GLOROT_UNIFORM:
        return (spread){true, sqrt(6.0 / (n_in + n_out))};
    case MLP_INIT_LECUN:
        return (spread){false, sqrt(1.0 / n_in)};
    case MLP_INIT_LECUN_UNIFORM:
        return (spread){true, sqrt(3.0 / n_in)};
    case MLP_INIT_AUTO:
        return spread_of(layout, init_for(layout->layer[l].activation), l);
    case MLP_INIT_ZEROS:
        break;
    }
    return (spread){false, 0.0};
}

/* Draws W (n_out, n_in) in the order of its rows. Memory holds W^T, so the
 * writes jump; this runs once in a network's life. */
static void draw_weights(const mlpi_kernels *kernels, const mlpi_shape shape[2],
                         spread s, mlp_rng *rng, void *W)
{
    size_t n_in = shape[0].width;
    size_t n_out = shape[1].width;
    for (size_t i = 0; i < n_out; i++) {
        for (size_t j = 0; j < n_in; j++) {
            double w = s.is_uniform ? mlp_rng_uniform(rng, -s.width, s.width)
                                    : mlp_rng_randn(rng) * s.width;
            kernels->scalar->from_double(1, &w,
                                         mlpi_at(kernels, W, j * n_out + i));
        }
    }
}

/* Sets n reals to x. */
static void fill(const mlpi_kernels *kernels, void *reals, size_t n, double x)
{
    for (size_t i = 0; i < n; i++) {
        kernels->scalar->from_double(1, &x, mlpi_at(kernels, reals, i));
    }
}

/* Sets scale to 1, and the running moments to mean 0 and variance 1, as if the
 * layer's inputs were normalised already. The shift is b, which is 0. */
static void reset_batch_norm(const mlpi_kernels *kernels,
                             const mlpi_shape *shape, void *parameters,
                             void *running)
{
    size_t n = shape->width;
    fill(kernels, mlpi_at(kernels, parameters, shape->scale), n, 1.0);
    fill(kernels, mlpi_at(kernels, running, shape->mean), n, 0.0);
    fill(kernels, mlpi_at(kernels, running, shape->variance), n, 1.0);
}

void mlpi_init_parameters(const mlpi_kernels *kernels,
                          const mlpi_layout *layout, mlp_weight_init init,
                          uint32_t seed, void *parameters)
{
    /* All bits of 0.0 are zero, in both precisions. */
    memset(parameters, 0, layout->parameters * kernels->real_size);
    void *running = mlpi_at(kernels, parameters, layout->parameters);
    mlp_rng rng = mlp_rng_seeded(seed);
    for (size_t l = 1; l <= layout->L; l++) {
        const mlpi_shape *shape = &layout->layer[l];
        if (shape->batch_norm) {
            reset_batch_norm(kernels, shape, parameters, running);
        }
        if (init != MLP_INIT_ZEROS) {
            draw_weights(kernels, shape - 1, spread_of(layout, init, l), &rng,
                         mlpi_at(kernels, parameters, shape->W));
        }
    }
}
