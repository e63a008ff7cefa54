/* SPDX-License-Identifier: MIT */
/*
 * The layout of a network's numbers in memory. Only this module computes
 * offsets; all other code reads them from mlpi_layer_layout.
 *
 * All parameters are one flat array, layer after layer, W before b. W is stored
 * as W^T, row by row (column-major, in the words of BLAS): n[l-1] rows of n[l]
 * weights. So the weights from one input to all neurons of the layer lie next
 * to each other, and the forward product loads a whole vector of them at once.
 *
 *     | W[1]: n[0] x n[1] | b[1]: n[1] | W[2]: n[1] x n[2] | b[2]: n[2] | ...
 *
 * A layer with batch norm also has scale[l], n[l] numbers, after b[l]. Its b[l]
 * is batch norm's shift.
 *
 *     | W[l]: n[l-1] x n[l] | b[l]: n[l] | scale[l]: n[l] | ...
 *
 * The gradients, the averages that an optimizer keeps, and every other array
 * with one number for each parameter have the same order and length. So an
 * update, a copy or a search for NaN is one loop over one array.
 *
 * The running moments are the means and variances that batch norm uses in
 * prediction. They are not parameters, because no gradient changes them. They
 * follow the last parameter, in this order:
 *
 *     | mean[1]: n[1] | variance[1]: n[1] | mean[2]: n[2] | ...
 */
#ifndef MLPI_MODEL_LAYOUT_H
#define MLPI_MODEL_LAYOUT_H

#include "base/memory.h"
#include "mlp.h"

/* True if the activation f uses the slope of its layer. */
static inline bool mlpi_has_slope(mlp_activation f)
{
    return f == MLP_ACT_LEAKY_RELU || f == MLP_ACT_ELU;
}

/* One layer: its description, and where its arrays begin. Offsets are counted
 * in elements, that is, in numbers of the network's precision. Layer 0 stands
 * for the inputs; only its width is used. */
typedef struct mlpi_layer_layout {
    size_t width;    /* n[l] */
    bool batch_norm; /* true if the layer has batch norm */
    mlp_activation activation;
    /* Each is 0 if it is not used, and never -0, so that equal networks have
     * equal files. */
    double slope, dropout;
    /* Offsets from the start of the parameters. */
    size_t W_offset, b_offset;
    size_t scale_offset; /* used only with batch norm */
    /* Offsets from the start of the running moments, used only with batch
     * norm. */
    size_t mean_offset, variance_offset;
} mlpi_layer_layout;

typedef struct mlpi_layout {
    size_t L;                 /* the last layer */
    mlpi_layer_layout *layer; /* [L + 1] */
    size_t parameters;        /* elements of all W, b and scale */
    size_t running_count;     /* elements of all running means and variances */
    size_t widest;            /* the largest n[l], l >= 1 */
} mlpi_layout;

/* Returns the number of weights in W[l]. */
static inline size_t mlpi_layout_weights(const mlpi_layout *layout, size_t l)
{
    return layout->layer[l].width * layout->layer[l - 1].width;
}

/* Checks that the inputs and layers of a configuration describe a network:
 * activations are known, sizes are from 1 to the limits, softmax is in the last
 * layer only, dropout is in [0, 1) and 0 in the last layer. Fails with
 * MLP_ERR_ARGUMENT, MLP_ERR_LIMIT or MLP_ERR_NULL. */
mlp_status mlpi_layout_check(const mlp_config *config);

/* Builds the layout of a checked configuration: takes layout->layer from the
 * cursor, fills it, and computes the totals. Like every function that lays
 * out memory (base/memory.h), this one is called twice: first to measure, then
 * to set the pointers. The cursor is the place in memory that has been reached.
 * While it measures, layout->layer is NULL; the totals are computed all the
 * same. */
void mlpi_layout_make(mlpi_layout *layout, const mlp_config *config,
                      mlpi_cursor *cursor);

/* Builds a copy of the layout `from`. In the measuring run layout->layer is
 * NULL. */
void mlpi_layout_copy(mlpi_layout *layout, const mlpi_layout *from,
                      mlpi_cursor *cursor);

/* Builds a copy of the layout `from` without batch norm in any layer: the
 * layout of the network that mlp_net_fold_batch_norm makes. In the measuring
 * run layout->layer is NULL. */
void mlpi_layout_fold(mlpi_layout *layout, const mlpi_layout *from,
                      mlpi_cursor *cursor);

/* True if a and b have the same number of layers, with equal widths,
 * activations and batch norms. Then a workspace for one fits the other. Slopes
 * and dropouts are not compared, because no size depends on them. */
bool mlpi_layout_equal(const mlpi_layout *a, const mlpi_layout *b);

#endif
