/* SPDX-License-Identifier: MIT */
/*
 * Building layouts. Every function that builds one runs twice for a network,
 * first with a cursor that only measures, then over the allocated block (see
 * memory.h). In the first run layout->layer is NULL, so the loops compute each
 * shape in a local variable and store it only if there is a place for it.
 *
 * Sizes are checked before anything is computed with them: after
 * mlpi_layout_check no sum or product below can overflow.
 *
 * As an example, 2 inputs, a layer of 3 neurons with batch norm and a layer of
 * 1 neuron have these 16 parameters and 6 running moments:
 *
 *     element     0      6      9          12     15   16
 *     parameters  | W[1] | b[1] | scale[1] | W[2] | b[2] |
 *     running     | mean[1] | variance[1] |
 *     element     0         3             6
 *
 * Without batch norm, or after mlpi_layout_fold, scale[1] is missing, W[2] is
 * at 9, and there are no running moments.
 */
#include "model/layout.h"

#include <string.h>

#include "base/error.h"

/* Lists the names of an X-macro list in a message: " relu tanh ...". */
#define AND_NAME(constant, number, name) " " name

/* Checks the width of layer l; `what` says in the message what it is. */
static mlp_status check_width(const mlp_hooks *hooks, const char *what,
                              size_t l, size_t width)
{
    if (width == 0 || width > MLP_MAX_WIDTH) {
        return mlpi_error(hooks, width == 0 ? MLP_ERR_ARGUMENT : MLP_ERR_LIMIT,
                          "%s %zu: expects 1 to %d neurons, got %zu", what, l,
                          MLP_MAX_WIDTH, width);
    }
    return MLP_OK;
}

/* Checks the dropout of layer l. Behind the last layer it would drop the
 * network's answers, which no loss can learn from. */
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

/* Checks the description of layer l, whatever its neighbours are. */
static mlp_status check_layer(const mlp_config *config, size_t l)
{
    const mlp_hooks *hooks = &config->hooks;
    const mlp_layer *layer = &config->layers[l - 1];
    TRY(check_width(hooks, "layer", l, layer->width));
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
                          "layer %zu: expects softmax in the last layer "
                          "only, %zu",
                          l, config->n_layers);
    }
    return MLP_OK;
}

/* Returns the number of parameters of checked layers. Widths are at most 2^24,
 * so a layer has less than 2^49 parameters and the 256 layers less than 2^57:
 * the sum does not overflow, whatever a size_t holds. */
static uint64_t count_parameters(const mlp_config *config)
{
    uint64_t parameters = 0;
    size_t before = config->inputs;
    for (size_t l = 1; l <= config->n_layers; l++) {
        const mlp_layer *layer = &config->layers[l - 1];
        parameters += ((uint64_t)before + 1) * layer->width;
        parameters += layer->batch_norm ? layer->width : 0;
        before = layer->width;
    }
    return parameters;
}

/* Checks from the inputs to the last layer, so that a message is about the
 * first thing that is wrong. */
mlp_status mlpi_layout_check(const mlp_config *config)
{
    const mlp_hooks *hooks = &config->hooks;
    TRY(check_width(hooks, "input layer", 0, config->inputs));
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

/* Gives the arrays of a layer their offsets, directly behind the arrays of the
 * layers before it, and adds their sizes to the totals. `before` is the width
 * of the previous layer. */
static void place(mlpi_layout *layout, mlpi_shape *shape, size_t before)
{
    shape->W = layout->parameters;
    shape->b = shape->W + before * shape->width;
    layout->parameters = shape->b + shape->width;
    if (shape->batch_norm) {
        shape->scale = layout->parameters;
        layout->parameters += shape->width;
        shape->mean = layout->running;
        shape->variance = shape->mean + shape->width;
        layout->running = shape->variance + shape->width;
    }
    layout->widest = mlpi_max_size(layout->widest, shape->width);
}

/* Returns layer l as it is described, without offsets. An activation without
 * slope stores 0, and adding 0.0 turns -0.0 into 0.0: so layouts that mean the
 * same are the same in every bit, and so are the model files made from them. */
static mlpi_shape describe_layer(const mlp_config *config, size_t l)
{
    if (l == 0) {
        return (mlpi_shape){.width = config->inputs,
                            .activation = MLP_ACT_IDENTITY};
    }
    const mlp_layer *layer = &config->layers[l - 1];
    bool has_slope = mlpi_has_slope(layer->activation);
    return (mlpi_shape){.width = layer->width,
                        .activation = layer->activation,
                        .slope = has_slope ? layer->slope + 0.0 : 0.0,
                        .dropout = layer->dropout + 0.0,
                        .batch_norm = layer->batch_norm};
}

void mlpi_layout_make(mlpi_layout *layout, const mlp_config *config,
                      mlpi_cursor *cursor)
{
    layout->L = config->n_layers;
    /* One more than L: layer[0] stands for the inputs. */
    layout->layer = mlpi_take(cursor, layout->L + 1, sizeof *layout->layer);
    layout->parameters = 0;
    layout->running = 0;
    layout->widest = 0;
    size_t before = 0;
    for (size_t l = 0; l <= layout->L; l++) {
        mlpi_shape shape = describe_layer(config, l);
        if (l > 0) {
            place(layout, &shape, before);
        }
        if (layout->layer) {
            layout->layer[l] = shape;
        }
        before = shape.width;
    }
}

/* The copier of mlp_net_clone: layers and totals stay what they are. */
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

/* The copier of mlp_net_fold_batch_norm. Offsets change, because the scales
 * disappear from between the layers. */
void mlpi_layout_fold(mlpi_layout *layout, const mlpi_layout *from,
                      mlpi_cursor *cursor)
{
    mlpi_layout_copy(layout, from, cursor);
    layout->parameters = 0;
    layout->running = 0;
    for (size_t l = 1; l <= from->L; l++) {
        mlpi_shape shape = from->layer[l];
        shape.batch_norm = false;
        place(layout, &shape, from->layer[l - 1].width);
        if (layout->layer) {
            layout->layer[l] = shape;
        }
    }
}

/* Offsets follow from the widths and from where batch norm is, so they need no
 * comparison. */
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
