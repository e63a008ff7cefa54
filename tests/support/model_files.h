/* SPDX-License-Identifier: MIT */
/* Networks of every kind as files, for the tests of those. After training.h. */
#ifndef TESTS_MODEL_FILES_H
#define TESTS_MODEL_FILES_H

#include "support/training.h"

typedef struct file {
    unsigned char *bytes;
    size_t size;
} file;

/* In memory that ends where the file ends; guarded_free takes it back. */
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

/* A network of four layers, trained nowhere; with batch norm, dropout and
 * numbers of its own (kind 1), scaling (2), or both with names (3). NULL where
 * there is no such network: some losses go with few activations. */
static inline mlp_net *any_net(mlp_dtype p, mlp_activation activation,
                               mlp_loss loss, int kind)
{
    const char *const names[] = {"a", "b\"", "c", "d", "e"};
    const double mean[] = {1, -2, 0.25};
    const double std[] = {0.5, 3, 0.1};
    bool more = kind % 2 == 1;
    mlp_layer layers[] = {
        {7, activation, 0.125, more ? 0.25 : 0, more},
        {4, MLP_ACT_RELU, 0, 0, false},
        {6, activation, 0.1, more ? 0.1 : 0, more},
        {5, activation, 0.125, 0, false},
    };
    mlp_config config = mlp_config_defaults();
    config.inputs = 3;
    config.layers = layers;
    config.n_layers = COUNT(layers);
    config.precision = p;
    config.loss = loss;
    config.seed = (uint32_t)kind + 1;
    config.huber_delta = more ? 0.3 : 1;
    config.label_smoothing =
        more && (loss == MLP_LOSS_BCE || loss == MLP_LOSS_CCE) ? 0.1 : 0;
    config.batch_norm_momentum = more ? 0.2 : 0.1;
    config.batch_norm_epsilon = more ? 1e-3 : 1e-5;
    mlp_net *net = NULL;
    if (mlp_net_create(&config, &net) != MLP_OK) {
        /* An activation for outputs only. */
        layers[0].activation = layers[2].activation = MLP_ACT_TANH;
        if (mlp_net_create(&config, &net) != MLP_OK) {
            return NULL;
        }
    }
    for (size_t j = 0; more && j < 7; j++) {
        put(tensor(net, MLP_SCALE, 1), 0, j, 0.5 + (double)j);
        put(tensor(net, MLP_MEAN, 1), 0, j, 0.1 * (double)j);
        put(tensor(net, MLP_VARIANCE, 1), 0, j, 1.5 + (double)j);
        put(tensor(net, MLP_B, 1), 0, j, -0.3 * (double)j);
    }
    if (kind >= 2) {
        assert_int_equal(mlp_net_set_scaling(net, mean, std), MLP_OK);
    }
    if (kind >= 2 && loss != MLP_LOSS_BCE && loss != MLP_LOSS_CCE) {
        const double out_mean[] = {0.1, -5e6, 3, 0, 1e-9};
        const double out_std[] = {1, 2e6, 0.3, 4, 1e-10};
        assert_int_equal(mlp_net_set_target_scaling(net, out_mean, out_std),
                         MLP_OK);
    }
    if (kind == 3) {
        assert_int_equal(mlp_net_set_class_names(net, names, 5), MLP_OK);
        assert_int_equal(mlp_net_set_metadata(net, "author", "me, \"I\""),
                         MLP_OK);
        assert_int_equal(mlp_net_set_metadata(net, "a", "b"), MLP_OK);
    }
    return net;
}

#endif
