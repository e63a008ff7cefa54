/* SPDX-License-Identifier: MIT */
/* Saves networks of every kind to memory, for the tests of model files. */
#ifndef TESTS_MODEL_FILES_H
#define TESTS_MODEL_FILES_H

#include "support/training.h"

#include "model/net.h"

typedef struct file {
    unsigned char *bytes;
    size_t size;
} file;

/* Saves a network to memory that ends where the file ends, so that reading past
 * the end faults. guarded_free releases it. */
static inline file file_of(const mlp_net *net)
{
    file f = {.size = mlp_net_save_size(net)};
    assert_true(f.size > 0);
    f.bytes = guarded_alloc(f.size);
    assert_int_equal(mlp_net_save_memory(net, f.bytes, f.size), MLP_OK);
    return f;
}

static inline mlp_net *loaded_of(file f)
{
    mlp_net *net = NULL;
    assert_int_equal(mlp_net_load_memory(f.bytes, f.size, NULL, &net), MLP_OK);
    assert_non_null(net);
    return net;
}

/* Creates a network of four layers that was never trained:
 *
 *     kind 0   nothing special
 *     kind 1   with batch norm, dropout and other numbers than the defaults
 *     kind 2   with scaling of inputs, and of outputs where the loss allows it
 *     kind 3   with all of that, class names and metadata
 *
 * The activation and the loss need not be meant for each other, as in files of
 * MLP_NUMERICS 1. Returns NULL if there is no such network. */
static inline mlp_net *any_net(mlp_dtype p, mlp_activation activation,
                               mlp_loss loss, int kind)
{
    const char *const names[] = {"a", "b\"", "c", "d", "e", "f"};
    const double quantiles[] = {0.1, 0.25, 0.5, 0.75, 0.95};
    size_t outputs = loss == MLP_LOSS_GAUSSIAN_NLL ? 6 : 5;
    const double mean[] = {1, -2, 0.25};
    const double std[] = {0.5, 3, 0.1};
    bool extras = kind % 2 == 1;
    mlp_layer layers[] = {
        {7, activation, 0.125, extras ? 0.25 : 0, extras},
        {4, MLP_ACT_RELU, 0, 0, false},
        {6, activation, 0.1, extras ? 0.1 : 0, extras},
        {outputs, activation, 0.125, 0, false},
    };
    mlp_config config = tutorial_config();
    config.inputs = 3;
    config.layers = layers;
    config.n_layers = COUNT(layers);
    config.precision = p;
    config.loss = loss;
    config.seed = (uint32_t)kind + 1;
    config.huber_delta = extras ? 0.3 : 1;
    config.quantiles = extras && loss == MLP_LOSS_QUANTILE ? quantiles : NULL;
    config.label_smoothing =
        extras && (loss == MLP_LOSS_BCE || loss == MLP_LOSS_CCE) ? 0.1 : 0;
    config.batch_norm_momentum = extras ? 0.2 : 0.1;
    config.batch_norm_epsilon = extras ? 1e-3 : 1e-5;
    mlp_net *net = NULL;
    if (mlpi_net_create_saved(&config, &net) != MLP_OK) {
        /* Some activations can only stand in the last layer. */
        layers[0].activation = layers[2].activation = MLP_ACT_TANH;
        if (mlpi_net_create_saved(&config, &net) != MLP_OK) {
            return NULL;
        }
    }
    for (size_t j = 0; extras && j < 7; j++) {
        put(tensor(net, MLP_SCALE, 1), 0, j, 0.5 + (double)j);
        put(tensor(net, MLP_MEAN, 1), 0, j, 0.1 * (double)j);
        put(tensor(net, MLP_VARIANCE, 1), 0, j, 1.5 + (double)j);
        put(tensor(net, MLP_B, 1), 0, j, -0.3 * (double)j);
    }
    if (kind >= 2) {
        assert_int_equal(mlp_net_set_scaling(net, mean, std), MLP_OK);
    }
    if (kind >= 2 && loss != MLP_LOSS_BCE && loss != MLP_LOSS_CCE &&
        loss != MLP_LOSS_POISSON) {
        const double out_mean[] = {0.1, -5e6, 3, 0, 1e-9};
        const double out_std[] = {1, 2e6, 0.3, 4, 1e-10};
        assert_int_equal(mlp_net_set_target_scaling(net, out_mean, out_std),
                         MLP_OK);
    }
    if (kind == 3) {
        assert_int_equal(mlp_net_set_class_names(net, names, outputs), MLP_OK);
        assert_int_equal(mlp_net_set_metadata(net, "author", "me, \"I\""),
                         MLP_OK);
        assert_int_equal(mlp_net_set_metadata(net, "a", "b"), MLP_OK);
    }
    return net;
}

#endif
