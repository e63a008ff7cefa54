/* SPDX-License-Identifier: MIT */
#include "model/layout.h"

#include <string.h>

#include "base/error.h"

#define AND_NAME(constant, number, name) " " name

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
    uint64_t parameters = 0;
    size_t before = config->inputs;
    for (size_t l = 1; l <= L; l++) {
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
        if (layer->activation == MLP_ACT_SOFTMAX && l < L) {
            return mlpi_error(hooks, MLP_ERR_ARGUMENT,
                              "layer %zu: expects softmax in the last layer "
                              "only, %zu",
                              l, L);
        }
        /* Below 2^49 each, and below 2^57 all: no overflow. */
        parameters += ((uint64_t)before + 1) * layer->width;
        parameters += layer->batch_norm ? layer->width : 0;
        before = layer->width;
    }
    if (parameters > MLP_MAX_PARAMETERS) {
        return mlpi_error(hooks, MLP_ERR_LIMIT,
                          "expects at most %d parameters, got %llu",
                          MLP_MAX_PARAMETERS, (unsigned long long)parameters);
    }
    return MLP_OK;
}

/* Puts the arrays of a layer, behind one of `before` neurons, after those that
 * there are. */
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
    if (shape->width > layout->widest) {
        layout->widest = shape->width;
    }
}

void mlpi_layout_make(mlpi_layout *layout, const mlp_config *config,
                      mlpi_cursor *cursor)
{
    layout->L = config->n_layers;
    layout->layer = mlpi_take(cursor, layout->L + 1, sizeof *layout->layer);
    layout->parameters = 0;
    layout->running = 0;
    layout->widest = 0;
    size_t before = config->inputs;
    for (size_t l = 0; l <= layout->L; l++) {
        mlpi_shape shape = {.width = config->inputs,
                            .activation = MLP_ACT_IDENTITY};
        if (l > 0) {
            shape.width = config->layers[l - 1].width;
            shape.activation = config->layers[l - 1].activation;
            shape.slope = mlpi_has_slope(shape.activation)
                              ? config->layers[l - 1].slope + 0.0
                              : 0.0;
            shape.dropout = config->layers[l - 1].dropout + 0.0;
            shape.batch_norm = config->layers[l - 1].batch_norm;
            place(layout, &shape, before);
        }
        if (layout->layer) {
            layout->layer[l] = shape;
        }
        before = shape.width;
    }
}

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
