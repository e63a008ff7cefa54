/* SPDX-License-Identifier: MIT */
/*
 * The tutorial's settings, named one by one. Most tests compare numbers with
 * the tutorial's, with NumPy's or with each other, so they start from these and
 * not from the library's defaults, which may change when better ones are found.
 */
#ifndef TESTS_TUTORIAL_H
#define TESTS_TUTORIAL_H

#include "mlp.h"

/* He weights, binary cross-entropy, float64, seed 42 (chapter 4.1). */
static inline mlp_config tutorial_config(void)
{
    mlp_config config = mlp_config_defaults();
    config.loss = MLP_LOSS_BCE;
    config.precision = MLP_F64;
    config.init = MLP_INIT_HE;
    config.seed = 42;
    return config;
}

/* Plain gradient descent on all rows at once, with the rows as they are. */
static inline mlp_train_options tutorial_options(void)
{
    mlp_train_options options = mlp_train_defaults();
    options.epochs = 1000;
    options.batch_size = 0;
    options.learning_rate = 0.01;
    options.optimizer = mlp_optimizer_defaults(MLP_OPTIMIZER_SGD);
    options.standardise = false;
    options.shuffle = true;
    options.seed = 42;
    return options;
}

#endif
