/* SPDX-License-Identifier: MIT */
/*
 * The layout of a network's numbers in memory. This is the only place that
 * computes offsets; everybody else asks for them.
 *
 * All parameters are one flat array, layer after layer, W before b. W is stored
 * input-major, as n[l-1] rows of n[l] weights, so that the weights from one
 * input to all neurons of the layer are neighbours: the forward product then
 * computes a whole vector of neurons with one load.
 *
 *     | W[1]: n[0] x n[1] | b[1]: n[1] | W[2]: n[1] x n[2] | b[2]: n[2] | ...
 *
 * A layer with batch norm has n[l] numbers of scale behind its b, which serves
 * as batch norm's shift:
 *
 *     | W[l]: n[l-1] x n[l] | b[l]: n[l] | scale[l]: n[l] | ...
 *
 * Gradients, the moments of an optimizer and every other array with one number
 * for each parameter have the same order and length. So an update, a copy or a
 * search for NaN is one loop over one array. Running means and variances are
 * not parameters, because no gradient changes them; they stand behind the
 * parameters in an order of their own:
 *
 *     | mean[1]: n[1] | variance[1]: n[1] | mean[2]: n[2] | ...
 */
#ifndef MLPI_MODEL_LAYOUT_H
#define MLPI_MODEL_LAYOUT_H

#include "base/memory.h"
#include "mlp.h"

/* True if the activation uses the layer's slope. */
static inline bool mlpi_has_slope(mlp_activation f)
{
    return f == MLP_ACT_LEAKY_RELU || f == MLP_ACT_ELU;
}

/* One layer: its description, and where its arrays begin. Layer 0 stands for
 * the inputs and has a width only. */
typedef struct mlpi_shape {
    size_t width; /* n[l] */
    mlp_activation activation;
    double slope, dropout; /* 0, and never -0, where there is none */
    bool batch_norm;
    size_t W, b, scale;    /* elements into the parameters; scale: batch norm */
    size_t mean, variance; /* elements into the running moments: batch norm */
} mlpi_shape;

typedef struct mlpi_layout {
    size_t L;
    mlpi_shape *layer; /* [L + 1] */
    size_t parameters; /* elements of all W, b and scale */
    size_t running;    /* elements of all running means and variances */
    size_t widest;     /* the largest n[l], l >= 1 */
} mlpi_layout;

/* Returns how many elements W[l] has. */
static inline size_t mlpi_layout_weights(const mlpi_layout *layout, size_t l)
{
    return layout->layer[l].width * layout->layer[l - 1].width;
}

/* Checks that inputs and layers describe a network: known activations, sizes
 * from 1 to the limits, softmax in the last layer only, dropout in [0, 1) and
 * not behind the last layer. MLP_ERR_ARGUMENT, MLP_ERR_LIMIT, MLP_ERR_NULL. */
mlp_status mlpi_layout_check(const mlp_config *config);

/* Builds the layout of a checked description: takes layout->layer from the
 * cursor and computes the totals. While the cursor only measures there is no
 * layout->layer to fill, but the totals are right already. */
void mlpi_layout_make(mlpi_layout *layout, const mlp_config *config,
                      mlpi_cursor *cursor);

/* Builds a copy of `from` in the same manner. */
void mlpi_layout_copy(mlpi_layout *layout, const mlpi_layout *from,
                      mlpi_cursor *cursor);

/* Builds a copy of `from` whose layers have no batch norm, in the same manner:
 * the layout of a network after mlp_net_fold_batch_norm. */
void mlpi_layout_fold(mlpi_layout *layout, const mlpi_layout *from,
                      mlpi_cursor *cursor);

/* True if a and b have the same layers as far as the shapes of their arrays and
 * the predictions go. Slope and dropout do not matter here. */
bool mlpi_layout_equal(const mlpi_layout *a, const mlpi_layout *b);

#endif
