/* SPDX-License-Identifier: MIT */
/*
 * Initial parameters. With n_in inputs and n_out outputs of a layer, weights
 * are drawn from a distribution with mean 0 and the variance
 *
 *     he      2 / n_in              for relu, which passes half of its inputs
 *     glorot  2 / (n_in + n_out)    for sigmoid and tanh; a compromise between
 *                                   the size of the activations (forward) and
 *                                   that of the gradients (backward)
 *     lecun   1 / n_in              for identity
 *
 * either normal, randn * sqrt(variance), or uniform on [-w, w) with
 * w = sqrt(3 variance), since the variance of that is w^2 / 3.
 *
 * The order of the random draws must not change: layer by layer, and in each
 * layer W (n_out, n_in) row by row. NumPy draws in the same order when the
 * tutorial makes a network. So a seed gives the same network here and there.
 */
#include "model/init.h"

#include <math.h>
#include <string.h>

/* Returns the init that MLP_INIT_AUTO chooses for a layer with activation f. */
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
 * randn * factor, or uniform on [-factor, factor). */
typedef struct spread {
    bool is_uniform;
    double factor; /* 0: all weights are 0 */
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

/* Draws W (n_out, n_in) row by row; layer[0] and layer[1] are the previous
 * layer and the layer of W. Memory holds W^T (layout.h), so numbers that are
 * drawn one after another are n_out elements apart. */
static void draw_weights(const mlpi_kernels *kernels,
                         const mlpi_layer_layout layer[2], spread s,
                         mlp_rng *rng, void *W)
{
    size_t n_in = layer[0].width;
    size_t n_out = layer[1].width;
    for (size_t i = 0; i < n_out; i++) {
        for (size_t j = 0; j < n_in; j++) {
            double w = s.is_uniform ? mlp_rng_uniform(rng, -s.factor, s.factor)
                                    : mlp_rng_randn(rng) * s.factor;
            kernels->scalar->from_double(1, &w,
                                         mlpi_at(kernels, W, j * n_out + i));
        }
    }
}

/* Sets n reals (float or double) to x. */
static void fill(const mlpi_kernels *kernels, void *reals, size_t n, double x)
{
    for (size_t i = 0; i < n; i++) {
        kernels->scalar->from_double(1, &x, mlpi_at(kernels, reals, i));
    }
}

/* Sets scale to 1, the running mean to 0 and the running variance to 1. With
 * these values and b = 0, batch norm in prediction does not change its inputs
 * (up to epsilon). */
static void reset_batch_norm(const mlpi_kernels *kernels,
                             const mlpi_layer_layout *layer, void *parameters,
                             void *running)
{
    size_t n = layer->width;
    fill(kernels, mlpi_at(kernels, parameters, layer->scale_offset), n, 1.0);
    fill(kernels, mlpi_at(kernels, running, layer->mean_offset), n, 0.0);
    fill(kernels, mlpi_at(kernels, running, layer->variance_offset), n, 1.0);
}

void mlpi_init_parameters(const mlpi_kernels *kernels,
                          const mlpi_layout *layout, mlp_weight_init init,
                          uint32_t seed, void *parameters)
{
    /* memset can set reals to 0.0, because all bits of 0.0 are 0. */
    memset(parameters, 0, layout->parameters * kernels->real_size);
    void *running = mlpi_at(kernels, parameters, layout->parameters);
    mlp_rng rng = mlp_rng_seeded(seed);
    for (size_t l = 1; l <= layout->L; l++) {
        const mlpi_layer_layout *layer = &layout->layer[l];
        if (layer->batch_norm) {
            reset_batch_norm(kernels, layer, parameters, running);
        }
        if (init != MLP_INIT_ZEROS) {
            draw_weights(kernels, layer - 1, spread_of(layout, init, l), &rng,
                         mlpi_at(kernels, parameters, layer->W_offset));
        }
    }
}
