/* SPDX-License-Identifier: MIT */
/*
 * The golden files are networks that version 1 of the format saved, as
 * hexadecimal text in tests/vectors/<name>.hex. Every later version must load
 * them and predict the same numbers, so they are never written again. Version
 * 0.1 of the library wrote the networks, and 0.2 the checkpoints. golden_net
 * makes the network of each file from scratch, to compare with.
 */
#ifndef TESTS_GOLDEN_H
#define TESTS_GOLDEN_H

#include <stdint.h>
#include <string.h>

#include "support/data.h"
#include "support/tutorial.h"
#include "mlp.h"

/* GOLDEN_MAX: the most bytes that a golden file has. */
enum { GOLDEN_INPUTS = 3, GOLDEN_OUTPUTS = 2, GOLDEN_MAX = 8192 };

/* There are two networks of each precision: one for classification, and one for
 * regression, which also scales its outputs. */
enum { GOLDEN_CLASSES, GOLDEN_NUMBERS, GOLDEN_KINDS };

/* A checkpoint of training the network for classification. */
enum { GOLDEN_CHECKPOINT = GOLDEN_KINDS };

static inline const char *golden_name(int kind, mlp_dtype p)
{
    static const char *const names[GOLDEN_KINDS + 1][2] = {
        {"golden_float32", "golden_float64"},
        {"golden_numbers_float32", "golden_numbers_float64"},
        {"golden_checkpoint_float32", "golden_checkpoint_float64"}};
    return names[kind][p == MLP_F64];
}

/* Reads the bytes of a golden file and returns their number, 0 if the file
 * cannot be read. */
static inline size_t golden_bytes(int kind, mlp_dtype p, unsigned char *bytes)
{
    static const char digits[] = "0123456789abcdef";
    char path[1024];
    size_t nibbles = 0;
    (void)snprintf(path, sizeof path, "%s/%s.hex", MLP_TEST_VECTORS,
                   golden_name(kind, p));
    FILE *stream = fopen(path, "r");
    if (!stream) {
        return 0;
    }
    for (int c = fgetc(stream); c != EOF; c = fgetc(stream)) {
        const char *digit = c ? strchr(digits, c) : NULL;
        if (digit && nibbles < (size_t)2 * GOLDEN_MAX) {
            unsigned value = (unsigned)(digit - digits);
            unsigned char *byte = &bytes[nibbles / 2];
            *byte = (unsigned char)(nibbles % 2 ? (unsigned)*byte << 4 | value
                                                : value);
            nibbles++;
        }
    }
    (void)fclose(stream);
    return nibbles / 2;
}

/* Fills a tensor of the network with multiples of 1/16, which both precisions
 * hold exactly: positive ones for scales and variances, which must be, and ones
 * of both signs for others. Does nothing if the layer has no such tensor. */
static inline void golden_fill(mlp_net *net, mlp_tensor which, size_t l,
                               int first)
{
    mlp_view view;
    if (mlp_net_tensor(net, which, l, &view) != MLP_OK) {
        return;
    }
    for (size_t i = 0; i < view.rows; i++) {
        for (size_t j = 0; j < view.cols; j++) {
            int n = (first + 5 * (int)i + 7 * (int)j) % 23;
            bool is_positive = which == MLP_SCALE || which == MLP_VARIANCE;
            (void)mlp_view_set(view, i, j,
                               (double)(is_positive ? n + 1 : n - 11) / 16);
        }
    }
}

/* Sets the layers and the loss of a kind, and returns the number of layers. */
static inline size_t golden_layers(int kind, mlp_layer layers[4],
                                   mlp_loss *loss)
{
    static const mlp_layer classes[] = {
        {.width = 5, .activation = MLP_ACT_RELU},
        {.width = 4,
         .activation = MLP_ACT_TANH,
         .dropout = 0.1,
         .batch_norm = true},
        {.width = 3, .activation = MLP_ACT_IDENTITY},
        {.width = GOLDEN_OUTPUTS, .activation = MLP_ACT_SIGMOID},
    };
    static const mlp_layer numbers[] = {
        {.width = 4, .activation = MLP_ACT_LEAKY_RELU, .slope = 0.1},
        {.width = 3, .activation = MLP_ACT_SILU, .batch_norm = true},
        {.width = GOLDEN_OUTPUTS, .activation = MLP_ACT_IDENTITY},
    };
    bool has_classes = kind == GOLDEN_CLASSES;
    *loss = has_classes ? MLP_LOSS_BCE : MLP_LOSS_HUBER;
    memcpy(layers, has_classes ? classes : numbers,
           has_classes ? sizeof classes : sizeof numbers);
    return has_classes ? sizeof classes / sizeof classes[0]
                       : sizeof numbers / sizeof numbers[0];
}

/* Sets scaling and metadata, and class names or scaling of outputs. */
static inline mlp_status golden_set_extras(mlp_net *net, int kind)
{
    const char *const classes[] = {"left \"l\"", "right \xe2\x82\xac"};
    const double mean[] = {0.5, -2, 100};
    const double std[] = {0.25, 3, 1000};
    mlp_status s = mlp_net_set_scaling(net, mean, std);
    if (s == MLP_OK) {
        s = mlp_net_set_metadata(net, "made by", "libmlp 0.1\n");
    }
    if (s == MLP_OK) {
        s = kind == GOLDEN_CLASSES
                ? mlp_net_set_class_names(net, classes, GOLDEN_OUTPUTS)
                : mlp_net_set_target_scaling(net, mean + 1, std + 1);
    }
    return s;
}

/* Makes the network that was saved. Returns NULL if memory is exhausted. */
static inline mlp_net *golden_net(int kind, mlp_dtype p)
{
    mlp_layer layers[4];
    mlp_config config = tutorial_config();
    config.inputs = GOLDEN_INPUTS;
    config.layers = layers;
    config.n_layers = golden_layers(kind, layers, &config.loss);
    config.precision = p;
    config.huber_delta = kind == GOLDEN_CLASSES ? 1 : 0.75;
    config.batch_norm_momentum = 0.3;
    config.batch_norm_epsilon = 0.001;
    mlp_net *net = NULL;
    if (mlp_net_create(&config, &net) != MLP_OK ||
        golden_set_extras(net, kind) != MLP_OK) {
        mlp_net_free(net);
        return NULL;
    }
    for (size_t l = 1; l <= config.n_layers; l++) {
        golden_fill(net, MLP_W, l, (int)l);
        golden_fill(net, MLP_B, l, (int)l + 3);
        golden_fill(net, MLP_SCALE, l, 4);
        golden_fill(net, MLP_MEAN, l, 5);
        golden_fill(net, MLP_VARIANCE, l, 6);
    }
    return net;
}

#endif
