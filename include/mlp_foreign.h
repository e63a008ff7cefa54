/* SPDX-License-Identifier: MIT */
/*
 * mlp_foreign.h - loading networks that the libraries FANN and genann have
 * saved.
 *
 * The functions are in a library of their own, mlp_foreign, which needs only
 * mlp. Statuses, hooks, ownership and threads follow the rules of mlp.h.
 *
 * No byte of a file is trusted: a damaged or hostile file gives a status. The
 * locale of the program does not matter. Numbers in a file may have a decimal
 * comma, because FANN and genann write one where the locale has it.
 */
#ifndef LIBMLP_MLP_FOREIGN_H
#define LIBMLP_MLP_FOREIGN_H

#include "mlp.h"

#ifdef __cplusplus
extern "C" {
#endif

/* How a file is loaded. Start from mlp_foreign_defaults(). */
typedef struct mlp_foreign_options {
    /* The precision of the network: MLP_F64 or MLP_F32. Default MLP_F64. */
    mlp_dtype precision;
    /* FANN only. FANN's stepwise sigmoids consist of straight lines, which this
     * library does not have. True: load them as the smooth curves; the values
     * of a neuron then differ by up to 0.034, or by up to 0.067 for the
     * symmetric one. False, the default: refuse them. */
    bool smooth_steps;
    /* genann only. The activations of the hidden layers and of the output
     * layer, which genann does not save. Default MLP_ACT_SIGMOID for both, as
     * in genann. leaky_relu and elu get the usual slope. MLP_ACT_AUTO is
     * refused, because the file does not tell what it stands for. */
    mlp_activation hidden, output;
    /* The hooks of the network. Default none. */
    mlp_hooks hooks;
    uint64_t reserved[4]; /* 0 */
} mlp_foreign_options;

/* Returns the default options. */
mlp_foreign_options mlp_foreign_defaults(void);

/* Loads a network from the FANN file `path`, which fann_save of floatfann or
 * doublefann has written (version FANN_FLO_2.1). The caller owns *net.
 * `options` may be NULL, which means the defaults.
 *
 * Every layer must be fully connected to the layer before it, and its neurons
 * must have one activation. With the steepness s of a neuron, these activations
 * are loaded:
 *
 *     FANN_LINEAR             s z                   as identity
 *     FANN_SIGMOID            1 / (1 + e^(-2 s z))  as sigmoid
 *     FANN_SIGMOID_SYMMETRIC  tanh(s z)             as tanh
 *
 * The steepness is multiplied into the weights and the bias of the neuron. The
 * loss of the network is MLP_LOSS_MSE, so mlp_classify refuses it: compare the
 * outputs of mlp_predict with a threshold. If the file has scaling parameters,
 * the network scales its inputs and outputs: mlp_predict then does what
 * fann_scale_input, fann_run and fann_descale_output do together. FANN writes
 * these parameters with only six decimals.
 *
 * One difference remains. FANN clips s z, the argument of an activation, to the
 * range from -150 / s to 150 / s, and this library does not. The result of a
 * sigmoid is the same without it; that of a linear neuron beyond the range is
 * not.
 *
 * The call allocates the network; during the call also the size of the file and
 * some memory for the scaling.
 * MLP_ERR_NULL: `path` or `net` is NULL. MLP_ERR_FORMAT: the file is not a FANN
 * file, is incomplete, has impossible numbers, or scales by a
 * negative deviation or by a factor that is not above 0. (A deviation of 0
 * counts as 1, with a hint.)
 * MLP_ERR_UNSUPPORTED: the file has fixed-point numbers, another version,
 * shortcut connections, a connection rate below 1, another activation, or
 * several activations in a layer. MLP_ERR_ARGUMENT, MLP_ERR_LIMIT:
 * mlp_net_create refuses the network. MLP_ERR_MEMORY. MLP_ERR_IO. On failure
 * *net is untouched. */
MLP_NODISCARD mlp_status mlp_fann_load(const char *path,
                                       const mlp_foreign_options *options,
                                       mlp_net **net);

/* Like mlp_fann_load, but reads the `size` bytes of a file from memory. They
 * need no terminating zero. */
MLP_NODISCARD mlp_status
mlp_fann_load_memory(const void *bytes, size_t size,
                     const mlp_foreign_options *options, mlp_net **net);

/* Loads a network from the file `path`, which genann_write has written. The
 * file does not contain the activations: `options` must name those that the
 * program used. The caller owns *net. `options` may be NULL, which means the
 * defaults. The loss of the network is MLP_LOSS_MSE.
 *
 * genann's default activation, genann_act_sigmoid_cached, takes the sigmoid
 * from a table. Its result differs from the sigmoid of this library by up to
 * 0.001 for each neuron.
 *
 * The call allocates the network, and during the call the size of the file.
 * MLP_ERR_NULL: `path` or `net` is NULL. MLP_ERR_FORMAT: the file is not a
 * genann file, is incomplete, or has impossible numbers. MLP_ERR_ARGUMENT,
 * MLP_ERR_LIMIT: mlp_net_create refuses the network. MLP_ERR_MEMORY.
 * MLP_ERR_IO. On failure *net is untouched. */
MLP_NODISCARD mlp_status mlp_genann_load(const char *path,
                                         const mlp_foreign_options *options,
                                         mlp_net **net);

/* Like mlp_genann_load, but reads the `size` bytes of a file from memory. They
 * need no terminating zero. */
MLP_NODISCARD mlp_status
mlp_genann_load_memory(const void *bytes, size_t size,
                       const mlp_foreign_options *options, mlp_net **net);

#ifdef __cplusplus
}
#endif

#endif
