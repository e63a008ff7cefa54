/* SPDX-License-Identifier: MIT */
/*
 * From a description to shapes and offsets: the only place that knows them.
 *
 * Parameters are one flat array, layer after layer, W before b. W lies
 * input-major (n[l-1] rows of n[l] weights), so that the outputs of a layer
 * are neighbours and vectors run over them:
 *
 *     | W[1]: n[0] x n[1] | b[1]: n[1] | W[2]: n[1] x n[2] | b[2]: n[2] | ...
 *
 * A layer with batch norm has n[l] numbers of `scale` after its b. Gradients,
 * and whatever else there is one of for each parameter, have the same order and
 * length. Running means and variances are no parameters, but stand behind them,
 * in an order of their own:
 *
 *     | mean[1]: n[1] | variance[1]: n[1] | mean[2]: n[2] | ...
 */
#ifndef MLPI_MODEL_LAYOUT_H
#define MLPI_MODEL_LAYOUT_H

#include "base/memory.h"
#include "mlp.h"

/* Does the activation look at the layer's slope? */
static inline bool mlpi_has_slope(mlp_activation f)
{
    return f == MLP_ACT_LEAKY_RELU || f == MLP_ACT_ELU;
}

/* The arrays of layer l, l = 0 standing for the inputs. */
typedef struct mlpi_shape {
    size_t width; /* n[l] */
    mlp_activation activation;
    double slope, dropout; /* 0, and never -0, where there is none */
    bool batch_norm;
    size_t W, b; /* offsets into the parameters, in elements */
    /* With batch norm: an offset more, and two into the running moments. */
    size_t scale, mean, variance;
} mlpi_shape;

typedef struct mlpi_layout {
    size_t L;
    mlpi_shape *layer; /* [L + 1] */
    size_t parameters; /* elements of all W, b and scale */
    size_t running;    /* of all running means and variances */
    size_t widest;     /* the largest n[l], l >= 1 */
} mlpi_layout;

/* How many numbers W[l] has. */
static inline size_t mlpi_layout_weights(const mlpi_layout *layout, size_t l)
{
    return layout->layer[l].width * layout->layer[l - 1].width;
}

/* MLP_OK if the inputs and layers make a network: known activations, sizes
 * from 1 to the limits, dropout in [0, 1) and not behind the last layer. */
mlp_status mlpi_layout_check(const mlp_config *config);

/* From a checked description: takes layout->layer from the cursor and computes
 * the totals; when carving, fills the layers too. */
void mlpi_layout_make(mlpi_layout *layout, const mlp_config *config,
                      mlpi_cursor *cursor);

/* Takes a copy of `from`, likewise; and one whose layers have no batch norm. */
void mlpi_layout_copy(mlpi_layout *layout, const mlpi_layout *from,
                      mlpi_cursor *cursor);
void mlpi_layout_fold(mlpi_layout *layout, const mlpi_layout *from,
                      mlpi_cursor *cursor);

/* Are the layers the same to who predicts? Dropout is not looked at. */
bool mlpi_layout_equal(const mlpi_layout *a, const mlpi_layout *b);

#endif
