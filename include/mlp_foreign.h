/* SPDX-License-Identifier: MIT */
/*
 * mlp_foreign.h - networks that FANN and genann have saved: the library
 * mlp_foreign, beside mlp, which needs nothing else.
 *
 * The rules are those of mlp.h. No byte of a file is trusted: the worst it can
 * do is not to load. Locales change nothing; numbers may have a decimal comma,
 * as both write them where the locale has one.
 */
#ifndef LIBMLP_MLP_FOREIGN_H
#define LIBMLP_MLP_FOREIGN_H

#include "mlp.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct mlp_foreign_options {
    mlp_dtype precision; /* of the network: MLP_F64 (default) or MLP_F32 */
    /* FANN: take its stepwise sigmoids, which are made of straight lines, for
     * the curves that they follow within 0.034, the symmetric one within 0.067;
     * default false: they are refused. */
    bool smooth_steps;
    /* genann: the activations of the hidden layers and of the outputs, which it
     * does not save; default MLP_ACT_SIGMOID, its own default. The
     * slope of leaky_relu and elu is 0. */
    mlp_activation hidden, output;
    mlp_hooks hooks; /* of the network; default none */
} mlp_foreign_options;

/* The defaults named above. */
mlp_foreign_options mlp_foreign_defaults(void);

/* Makes the network of a FANN file (.net) of the version FANN_FLO_2.1, which
 * fann_save of floatfann and doublefann writes: layers that are fully connected
 * to the one before, each of one activation:
 *   FANN_LINEAR             s z                   is identity
 *   FANN_SIGMOID            1 / (1 + e^(-2 s z))  is sigmoid
 *   FANN_SIGMOID_SYMMETRIC  tanh(s z)             is tanh
 * with the steepness s of each neuron multiplied into its weights. The loss is
 * MLP_LOSS_MSE. Where the file has scaling, inputs and outputs are scaled (with
 * six decimals, for FANN writes no more): mlp_predict is fann_scale_input,
 * fann_run and fann_descale_output in one. FANN holds what goes into an
 * activation, s z, within 150 / s: a linear neuron shows it, and not here.
 *
 * `options` may be NULL: the defaults. *net is the caller's. Allocates the
 * network, for the scaling some numbers for the time of the call, and from a
 * path the file's size.
 * MLP_ERR_FORMAT: no such file, not all of it, numbers that cannot be, or a
 * scaling by 0. MLP_ERR_UNSUPPORTED: fixed point, another version, shortcut or
 * missing connections, another activation, which is named, or several in a
 * layer. MLP_ERR_ARGUMENT, MLP_ERR_LIMIT: as mlp_net_create. MLP_ERR_IO. */
mlp_status mlp_fann_load(const char *path, const mlp_foreign_options *options,
                         mlp_net **net);
mlp_status mlp_fann_load_memory(const void *bytes, size_t size,
                                const mlp_foreign_options *options,
                                mlp_net **net);

/* Likewise of what genann_write has written: "inputs hidden_layers hidden
 * outputs", then the weights of each neuron, that of its bias, whose input is
 * -1, first. genann's own default, genann_act_sigmoid_cached, looks the sigmoid
 * up in a table, and so differs from it, and from here, by up to 0.001 for each
 * neuron. */
mlp_status mlp_genann_load(const char *path, const mlp_foreign_options *options,
                           mlp_net **net);
mlp_status mlp_genann_load_memory(const void *bytes, size_t size,
                                  const mlp_foreign_options *options,
                                  mlp_net **net);

#ifdef __cplusplus
}
#endif

#endif
