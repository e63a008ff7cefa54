/* SPDX-License-Identifier: MIT */
/*
 * Networks that mlp_net_create refuses, and that model files of MLP_NUMERICS 1
 * may hold: the losses bce and cce after any activation, one softmax neuron,
 * slopes of 0.
 */
#ifndef TESTS_SAVED_NET_H
#define TESTS_SAVED_NET_H

#include "support/training.h"

#include "model/net.h"

/* Makes the network as the reader of model files does. */
static inline mlp_net *saved_net_of(const mlp_config *config)
{
    mlp_net *net = NULL;
    assert_int_equal(mlpi_net_create_saved(config, &net), MLP_OK);
    assert_non_null(net);
    return net;
}

static inline mlp_net *new_saved_net(const model *m, mlp_dtype precision,
                                     hook_record *record)
{
    mlp_config config = config_of(m, precision, record);
    return saved_net_of(&config);
}

#endif
