/* SPDX-License-Identifier: MIT */
/*
 * Building layouts. Each function that builds a layout runs twice for a
 * network: the first run only measures how much memory is needed, the second
 * run takes the arrays from the allocated block, by means of a cursor
 * (base/memory.h). In the first run layout->layer is NULL. So the loops compute
 * each layer in a local variable and store it only if layout->layer is not
 * NULL.
 *
 * Sizes are checked before anything is computed with them: after
 * mlpi_layout_check no sum or product below can overflow. The checks use TRY
 * (base/error.h), which returns from the function if a call fails.
 *
 * As an example, 2 inputs, a layer of 3 neurons with batch norm and a layer of
 * 1 neuron have these 16 parameters and 6 running moments:
 *
 *     element     0      6      9          12     15   16
 *     parameters  | W[1] | b[1] | scale[1] | W[2] | b[2] |
 *     running     | mean[1] | variance[1] |
 *     element     0         3             6
 *
 * Without batch norm, or after mlpi_layout_fold, there is no scale[1], W[2]
 * begins at element 9, and there are no running moments.
 */
#include "model/layout.h"

#include <string.h>

#include "base/error.h"

/* Makes a text of all names in one of the lists of mlp.h, such as
 * MLP_ACTIVATION_LIST: " relu tanh ...". */
#define AND_NAME(constant, number, name) " " name

/* Checks the width of layer l. Layer 0 stands for the inputs. */
static mlp_status check_width(const mlp_hooks *hooks, size_t l, size_t width)
{
    if (width > 0 && width <= MLP_MAX_WIDTH) {
        return MLP_OK;
    }
    mlp_status status = width == 0 ? MLP_ERR_ARGUMENT : MLP_ERR_LIMIT;
    return l == 0
               ? mlpi_error(hooks, status, "inputs: expects 1 to %d, got %zu",
                            MLP_MAX_WIDTH, width)
               : mlpi_error(hooks, status,
                            "layer %zu: expects 1 to %d neurons, got %zu", l,
                            MLP_MAX_WIDTH, width);
}

/* Checks the dropout of layer l. In the last layer it would set outputs of the
 * network to 0, and the loss would compare those with the targets. */
static mlp_status check_dropout(const mlp_config *config, size_t l)
{
    double dropout = config->layers[l - 1].dropout;
    if (!(dropout >= 0.0 && dropout < 1.0)) {
        return mlpi_error(&config->hooks, MLP_ERR_ARGUMENT,
                          "layer %zu: expects dropout from 0 to below 1, got "
                          "%g",
                          l, dropout);
    }
    if (l == config->n_layers && dropout > 0.0) {
        return mlpi_error(&config->hooks, MLP_ERR_ARGUMENT,
                          "layer %zu: expects no dropout in the last layer, "
                          "got %g",
                          l, dropout);
    }
    return MLP_OK;
}

/* Checks the description of layer l. mlp_activation_name returns NULL for a
 * number that is no activation. Softmax turns a whole row of z into
 * probabilities, so only the last layer may have it. */
static mlp_status check_layer(const mlp_config *config, size_t l)
{
    const mlp_hooks *hooks = &config->hooks;
    const mlp_layer *layer = &config->layers[l - 1];
    TRY(check_width(hooks, l, layer->width));
    if (!mlp_activation_name(layer->activation)) {
        return mlpi_error(
            hooks, MLP_ERR_ARGUMENT,
            "layer %zu: expects an activation of" MLP_ACTIVATION_LIST(
                AND_NAME) ", got number %d",
            l, (int)layer->activation);
    }
    TRY(check_dropout(config, l));
    if (layer->activation == MLP_ACT_SOFTMAX && l < config->n_layers) {
        return mlpi_error(hooks, MLP_ERR_ARGUMENT,
                          "layer %zu: softmax is for the last layer only; "
                          "this network has %zu layers",
                          l, config->n_layers);
    }
    return CHECK_RESERVED(hooks, "layers", layer);
}

/* Returns the number of parameters of layers whose widths have been checked. A
 * width is at most 2^24, so one layer has less than 2^49 parameters and 256
 * layers have less than 2^57. The sum is a uint64_t, because a size_t may have
 * 32 bits only. */
static uint64_t count_parameters(const mlp_config *config)
{
    uint64_t parameters = 0;
    size_t previous = config->inputs;
    for (size_t l = 1; l <= config->n_layers; l++) {
        const mlp_layer *layer = &config->layers[l - 1];
        parameters += ((uint64_t)previous + 1) * layer->width;
        parameters += layer->batch_norm ? layer->width : 0;
        previous = layer->width;
    }
    return parameters;
}

/* The checks run from the inputs to the last layer, so that the message is
 * about the first mistake. */
mlp_status mlpi_layout_check(const mlp_config *config)
{
    const mlp_hooks *hooks = &config->hooks;
    TRY(check_width(hooks, 0, config->inputs));
    size_t L = config->n_layers;
    if (L == 0 || L > MLP_MAX_LAYERS) {
        return mlpi_error(hooks, L == 0 ? MLP_ERR_ARGUMENT : MLP_ERR_LIMIT,
                          "expects 1 to %d layers, got %zu", MLP_MAX_LAYERS, L);
    }
    if (!config->layers) {
        return mlpi_error(hooks, MLP_ERR_NULL, "layers is NULL");
    }
    for (size_t l = 1; l <= L; l++) {
        TRY(check_layer(config, l));
    }
    uint64_t parameters = count_parameters(config);
    if (parameters > MLP_MAX_PARAMETERS) {
        return mlpi_error(hooks, MLP_ERR_LIMIT,
                          "expects at most %d parameters, got %llu",
                          MLP_MAX_PARAMETERS, (unsigned long long)parameters);
    }
    return MLP_OK;
}

/* Sets the offsets of a layer's arrays, so that they directly follow the arrays
 * of the previous layer, and adds their sizes to the totals. `previous` is the
 * width of the previous layer. */
static void place(mlpi_layout *layout, mlpi_layer_layout *layer,
                  size_t previous)
{
    layer->W_offset = layout->parameters;
    layer->b_offset = layer->W_offset + previous * layer->width; /* behind W */
    layout->parameters = layer->b_offset + layer->width;
    if (layer->batch_norm) {
        layer->scale_offset = layout->parameters;
        layout->parameters += layer->width;
        layer->mean_offset = layout->running_count;
        layer->variance_offset = layer->mean_offset + layer->width;
        layout->running_count = layer->variance_offset + layer->width;
    }
    layout->widest = mlpi_max_size(layout->widest, layer->width);
}

/* Returns layer l as the configuration describes it, without offsets. If the
 * activation uses no slope, the slope becomes 0, and adding 0.0 turns -0.0 into
 * 0.0. So equal networks have layouts that are equal in every bit, and model
 * files that are equal in every byte. */
static mlpi_layer_layout describe_layer(const mlp_config *config, size_t l)
{
    if (l == 0) {
        return (mlpi_layer_layout){.width = config->inputs,
                                   .activation = MLP_ACT_IDENTITY};
    }
    const mlp_layer *layer = &config->layers[l - 1];
    bool has_slope = mlpi_has_slope(layer->activation);
    return (mlpi_layer_layout){.width = layer->width,
                               .activation = layer->activation,
                               .slope = has_slope ? layer->slope + 0.0 : 0.0,
                               .dropout = layer->dropout + 0.0,
                               .batch_norm = layer->batch_norm};
}

void mlpi_layout_make(mlpi_layout *layout, const mlp_config *config,
                      mlpi_cursor *cursor)
{
    layout->L = config->n_layers;
    /* There are L + 1 elements, because layer[0] stands for the inputs. */
    layout->layer = mlpi_take(cursor, layout->L + 1, sizeof *layout->layer);
    layout->parameters = 0;
    layout->running_count = 0;
    layout->widest = 0;
    size_t previous = 0;
    for (size_t l = 0; l <= layout->L; l++) {
        mlpi_layer_layout layer = describe_layer(config, l);
        if (l > 0) {
            place(layout, &layer, previous);
        }
        if (layout->layer) {
            layout->layer[l] = layer;
        }
        previous = layer.width;
    }
}

/* mlp_net_clone copies layouts by this function. Layers and totals do not
 * change. */
void mlpi_layout_copy(mlpi_layout *layout, const mlpi_layout *from,
                      mlpi_cursor *cursor)
{
    *layout = *from;
    layout->layer = mlpi_take(cursor, from->L + 1, sizeof *layout->layer);
    if (layout->layer) {
        memcpy(layout->layer, from->layer,
               (from->L + 1) * sizeof *layout->layer);
    }
}

/* mlp_net_fold_batch_norm copies layouts by this function. Offsets change,
 * because scale[l], which lies between b[l] and W[l+1], is left out. */
void mlpi_layout_fold(mlpi_layout *layout, const mlpi_layout *from,
                      mlpi_cursor *cursor)
{
    mlpi_layout_copy(layout, from, cursor);
    layout->parameters = 0;
    layout->running_count = 0;
    for (size_t l = 1; l <= from->L; l++) {
        mlpi_layer_layout layer = from->layer[l];
        layer.batch_norm = false;
        place(layout, &layer, from->layer[l - 1].width);
        if (layout->layer) {
            layout->layer[l] = layer;
        }
    }
}

/* Offsets are not compared, because they follow from the widths and from which
 * layers have batch norm. */
bool mlpi_layout_equal(const mlpi_layout *a, const mlpi_layout *b)
{
    if (a->L != b->L) {
        return false;
    }
    for (size_t l = 0; l <= a->L; l++) {
        if (a->layer[l].width != b->layer[l].width ||
            a->layer[l].activation != b->layer[l].activation ||
            a->layer[l].batch_norm != b->layer[l].batch_norm) {
            return false;
        }
    }
    return true;
}
