/* SPDX-License-Identifier: MIT */
/*
 * What the loaders of all foreign formats have in common: checking arguments,
 * reading the file, creating the network and setting its parameters.
 *
 * A format supplies two functions, mlpi_foreign_format, and its public
 * functions call mlpi_foreign_load and mlpi_foreign_load_memory with them. Its
 * `read` has three parts:
 *
 *     1. scan the sizes and activations of the layers, and check them;
 *     2. compare the number of parameters with the length of the text, then
 *        create the network;
 *     3. scan the parameters and set them one by one.
 */
#ifndef MLPI_FORMATS_FOREIGN_LOAD_H
#define MLPI_FORMATS_FOREIGN_LOAD_H

#include "base/file.h"
#include "formats/foreign/scan.h"
#include "mlp_foreign.h"

typedef struct mlpi_foreign_format {
    /* Tells the format by its first bytes. Other files are refused before they
     * are read. */
    mlpi_file_kind kind;
    /* Creates the network of a text. On failure *net is untouched. */
    mlp_status (*read)(const mlp_foreign_options *options, mlpi_scanner text,
                       mlp_net **net);
} mlpi_foreign_format;

/* Load a network from a file or from memory. These functions check the
 * arguments, replace a NULL for `options` by the defaults, read the file and
 * call format->read. MLP_ERR_NULL, MLP_ERR_ARGUMENT: an argument is missing, or
 * the hooks are incomplete. MLP_ERR_IO, MLP_ERR_FORMAT, MLP_ERR_MEMORY: the
 * file cannot be read. They fail also like format->read. */
mlp_status mlpi_foreign_load(const mlpi_foreign_format *format,
                             const char *path,
                             const mlp_foreign_options *options, mlp_net **net);
mlp_status mlpi_foreign_load_memory(const mlpi_foreign_format *format,
                                    const void *bytes, size_t size,
                                    const mlp_foreign_options *options,
                                    mlp_net **net);

/* Returns layer l, from 1 on, as a format describes it in `from`. */
typedef mlp_layer mlpi_foreign_layer(const void *from, size_t l);

/* Creates a network of L layers with all parameters 0 and the loss
 * MLP_LOSS_MSE. Fails like mlp_net_create. */
mlp_status mlpi_foreign_create(const mlp_foreign_options *options,
                               size_t inputs, size_t L,
                               mlpi_foreign_layer *layer_of, const void *from,
                               mlp_net **net);

/* Adds the number of parameters of a layer, (n_in + 1) n_out, to *sum. Returns
 * false if the result is not a size_t. A format compares the sum with the size
 * of the text before it creates the network: so a small file cannot make the
 * library allocate much memory. */
bool mlpi_foreign_add_parameters(size_t n_in, size_t n_out, size_t *sum);

/* Set W[i][j] or b[i] of layer l to x. Return false if the element is then not
 * finite, as a double may be beyond the range of a network of floats. */
bool mlpi_foreign_set_weight(mlp_net *net, size_t l, size_t i, size_t j,
                             double x);
bool mlpi_foreign_set_bias(mlp_net *net, size_t l, size_t i, double x);

#endif
