/* SPDX-License-Identifier: MIT */
/* What all foreign files have in common: where they come from. */
#ifndef MLPI_FORMATS_FOREIGN_LOAD_H
#define MLPI_FORMATS_FOREIGN_LOAD_H

#include "formats/foreign/scan.h"
#include "mlp_foreign.h"

/* A kind of file. */
typedef struct mlpi_foreign_format {
    /* May a file of so many bytes begin with these MLPI_DISK_HEAD? */
    bool (*begins)(const unsigned char *head, size_t size);
    /* Makes the network of a whole text. */
    mlp_status (*read)(const mlp_foreign_options *options, mlpi_scanner text,
                       mlp_net **net);
} mlpi_foreign_format;

mlp_status mlpi_foreign_load(const mlpi_foreign_format *kind, const char *path,
                             const mlp_foreign_options *options, mlp_net **net);
mlp_status mlpi_foreign_load_memory(const mlpi_foreign_format *kind,
                                    const void *bytes, size_t size,
                                    const mlp_foreign_options *options,
                                    mlp_net **net);

/* Makes a network with all parameters 0, of the squared error. */
mlp_status mlpi_foreign_create(const mlp_foreign_options *options,
                               size_t inputs, const mlp_layer *layers, size_t L,
                               mlp_net **net);

/* The parameters of n_out neurons with n_in inputs each, and as many biases;
 * false if they are no size_t. */
bool mlpi_foreign_add_parameters(size_t n_in, size_t n_out, size_t *sum);

/* Sets W[i][j] or b[j] of layer l; false if that is not finite in the network's
 * precision. */
bool mlpi_foreign_set_weight(mlp_net *net, size_t l, size_t i, size_t j,
                             double x);
bool mlpi_foreign_set_bias(mlp_net *net, size_t l, size_t j, double x);

#endif
