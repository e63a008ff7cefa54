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
 * w = sqrt(3 variance), since the variance of that is w^2 / 3. Biases are 0.
 *
 * The other two inits draw biases as well, with r = 1 / sqrt(n_in):
 *
 *     torch   W and b uniform on [-r, r), as torch.nn.Linear
 *     auto    in hidden layers
 *               W uniform on [-1.25 r, 1.25 r), for sigmoid [-4 r, 4 r);
 *               neurons 2k and 2k + 1 have opposite weights (w and -w);
 *               b uniform on [-r/2, r)
 *             in the last layer
 *               W uniform on [-r/4, r/4), b on [-r, r)
 *
 * Biases of 0 bend all ReLUs of the first layer at one point, the mean of
 * standardised rows, and he is large for regressions. The following means show
 * it. Adam 0.001 trains in batches of 32, for 200 epochs, on standardised
 * columns (the sets of tests/bench/learning.py, 5 folds with 5 seeds). Spirals
 * and digits have accuracies, friedman1 and diabetes R2. The hidden layer has
 * 100 ReLUs. XOR is the fraction of seeds for which 8 ReLUs learn all four
 * rows, after 2000 updates or any higher number:
 *
 *               spirals  friedman1  diabetes   XOR
 *     he          .921      .885      .408    .999
 *     torch       .934      .929      .409    .989
 *     auto        .923      .933      .429   1.000 (all of 10,000 seeds)
 *
 * A ReLU with a negative bias may be 0 at all rows, and then never learns. So
 * auto has fewer of them, and the opposite weights see to it that some neuron
 * works on each side. With small last weights the outputs start near their
 * mean. Networks of up to ten hidden layers learn as well with auto as with
 * torch, and deeper ones more safely (64 neurons in each layer, 30 epochs of
 * digits, one fold, 5 seeds):
 *
 *     hidden layers   spirals           friedman1         digits
 *                      1    5   10   20   1    5   10   20   1    5   10   20
 *     he              .90  .99  .99   -  .90  .82  .84   -  .98  .96  .96   -
 *     he, b as torch  .93  .99  .99  .99 .92  .86  .85  .85 .98  .97  .96  .96
 *     torch           .90  .99  .99  .79 .93  .91  .91  .73 .98  .97  .95  .79
 *     auto            .90  .99  .99  .99 .93  .91  .90  .91 .98  .97  .95  .89
 *
 * Leaky ReLU, GELU, tanh, and ReLU with batch norm, were measured with one and
 * three hidden layers, and behave alike. Sigmoid layers, whose slope is at most
 * 1/4, need larger weights (3 seeds):
 *
 *     hidden layers   spirals        friedman1      digits
 *                      1    3    5    1    3    5    1    3    5
 *     torch           .61  .70  .72  .89  .92  .93  .97  .96  .49
 *     auto            .66  .99  .99  .90  .93  .92  .97  .96  .95
 *
 * The order of the random draws must not change: layer by layer, and in each
 * layer W (n_out, n_in) row by row, then b. Weights that are opposite to those
 * of another neuron are not drawn. NumPy draws in the same order when the
 * tutorial makes a network. So a seed gives the same network here and there.
 * PyTorch has another generator: of its networks only the distribution is the
 * same.
 */
#include "model/init.h"

#include <math.h>
#include <string.h>

/* The distributions that the parameters of a layer are drawn from. */
typedef struct draws {
    bool is_uniform; /* on [-factor, factor); else randn * factor */
    double factor;   /* 0: all weights are 0 */
    bool in_pairs;   /* neurons 2k and 2k + 1 have opposite weights */
    /* Biases are uniform on [lowest, highest). If both are 0, biases are 0 and
     * not drawn. */
    double lowest, highest;
} draws;

/* Returns what MLP_INIT_AUTO draws for layer l. */
static draws auto_draws_of(const mlpi_layout *layout, size_t l, double r)
{
    if (l == layout->L) {
        return (draws){true, 0.25 * r, false, -r, r};
    }
    bool is_flat = layout->layer[l].activation == MLP_ACT_SIGMOID;
    return (draws){true, (is_flat ? 4.0 : 1.25) * r, true, -0.5 * r, r};
}

/* Returns the distributions for layer l. */
static draws draws_of(const mlpi_layout *layout, mlp_weight_init init, size_t l)
{
    double n_in = (double)layout->layer[l - 1].width;
    double n_out = (double)layout->layer[l].width;
    double r = 1.0 / sqrt(n_in);
    switch (init) {
    case MLP_INIT_AUTO:
        return auto_draws_of(layout, l, r);
    case MLP_INIT_TORCH:
        return (draws){true, r, false, -r, r};
    case MLP_INIT_HE:
        return (draws){.factor = sqrt(2.0 / n_in)};
    case MLP_INIT_HE_UNIFORM:
        return (draws){true, .factor = sqrt(6.0 / n_in)};
    case MLP_INIT_GLOROT:
        return (draws){.factor = sqrt(2.0 / (n_in + n_out))};
    case MLP_INIT_GLOROT_UNIFORM:
        return (draws){true, .factor = sqrt(6.0 / (n_in + n_out))};
    case MLP_INIT_LECUN:
        return (draws){.factor = sqrt(1.0 / n_in)};
    case MLP_INIT_LECUN_UNIFORM:
        return (draws){true, .factor = sqrt(3.0 / n_in)};
    case MLP_INIT_ZEROS:
        break;
    }
    return (draws){.factor = 0.0}; /* nothing is drawn */
}

/* Sets element i of the reals (float or double) to x. */
static void set(const mlpi_kernels *kernels, void *reals, size_t i, double x)
{
    kernels->scalar->from_double(1, &x, mlpi_at(kernels, reals, i));
}

/* Draws W (n_out, n_in) row by row; layer[0] and layer[1] are the previous
 * layer and the layer of W. Memory holds W^T (layout.h), so numbers that are
 * drawn one after another are n_out elements apart. */
static void draw_weights(const mlpi_kernels *kernels,
                         const mlpi_layer_layout layer[2], draws d,
                         mlp_rng *rng, void *W)
{
    size_t n_in = layer[0].width;
    size_t n_out = layer[1].width;
    for (size_t i = 0; i < n_out; i += d.in_pairs ? 2 : 1) {
        bool has_partner = d.in_pairs && i + 1 < n_out;
        for (size_t j = 0; j < n_in; j++) {
            double w = d.is_uniform ? mlp_rng_uniform(rng, -d.factor, d.factor)
                                    : mlp_rng_randn(rng) * d.factor;
            set(kernels, W, j * n_out + i, w);
            if (has_partner) {
                set(kernels, W, j * n_out + i + 1, -w);
            }
        }
    }
}

/* Draws the n biases b, if the init draws any. */
static void draw_biases(const mlpi_kernels *kernels, size_t n, draws d,
                        mlp_rng *rng, void *b)
{
    for (size_t i = 0; i < n && d.lowest < d.highest; i++) {
        set(kernels, b, i, mlp_rng_uniform(rng, d.lowest, d.highest));
    }
}

/* Sets n reals (float or double) to x. */
static void fill(const mlpi_kernels *kernels, void *reals, size_t n, double x)
{
    for (size_t i = 0; i < n; i++) {
        set(kernels, reals, i, x);
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
        draws d = draws_of(layout, init, l);
        if (d.factor > 0.0) {
            draw_weights(kernels, layer - 1, d, &rng,
                         mlpi_at(kernels, parameters, layer->W_offset));
            draw_biases(kernels, layer->width, d, &rng,
                        mlpi_at(kernels, parameters, layer->b_offset));
        }
    }
}
