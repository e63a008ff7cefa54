/* SPDX-License-Identifier: MIT */
/*
 * The description of a network as JSON: everything that it takes to create the
 * network, but for hooks and kernels, which belong to a program and a machine.
 * The format, version 1:
 *
 *     {"version":1,"numerics":2,"precision":"float64","loss":"bce",
 *      "inputs":2,
 *      "layers":[{"width":8,"activation":"relu","dropout":"0x1.0p-1"},
 *                {"width":1,"activation":"sigmoid"}],
 *      "classes":["inner","outer"]}
 *
 *     version    1; the version of the description and of the file around it
 *     numerics   MLP_NUMERICS of the library that wrote it; may be absent
 *     precision  "float32" or "float64"
 *     loss       a name of MLP_LOSS_LIST
 *     quantiles  the tau of each output, if the loss is quantile: a list of
 *                n[L] numbers; absent if each is 1/2
 *     inputs     n[0]
 *     layers     1 to MLP_MAX_LAYERS objects. Each has a width and a name of
 *                MLP_ACTIVATION_LIST other than "auto", and "batch_norm":true
 *                if it has batch norm
 *     classes    the names of the classes; absent if they have none
 *
 * The members of an object come in any order, each at most once. Real numbers
 * are strings in the hexadecimal form of number_text.h, which gives every bit
 * back. They are absent if they have their standard value, which belongs to the
 * format and never changes:
 *
 *     of the network  huber_delta           1
 *                     label_smoothing       0
 *                     batch_norm_momentum   0.1
 *                     batch_norm_epsilon    1e-5
 *     of a layer      slope                 0
 *                     dropout               0
 *
 * Version 1 may gain members and names of activations and losses. A reader
 * that does not know one must refuse the file, because the network would
 * compute something else without it.
 */
#ifndef MLPI_FORMATS_MLP_DESCRIPTION_H
#define MLPI_FORMATS_MLP_DESCRIPTION_H

#include "base/json.h"
#include "model/net.h"

enum { MLPI_FILE_VERSION = 1 };

typedef struct mlpi_description {
    mlp_config config; /* config.layers points to the next member */
    mlp_layer layers[MLP_MAX_LAYERS];
    mlpi_json quantiles; /* a reader that stands before the first tau */
    size_t n_quantiles;  /* 0: each is 1/2 */
    mlpi_json classes;   /* a reader that stands before the first class name */
    size_t n_classes;    /* number of class names; 0: none */
    size_t class_bytes;  /* upper bound of their bytes, with closing zeros */
} mlpi_description;

/* Writes the description of a network. The same network always gives the same
 * bytes. */
void mlpi_description_put(mlpi_json_writer w, const mlp_net *net);

/* Sets tau[d->n_quantiles] to the quantiles of a description that has been
 * read; they may have any values. */
void mlpi_description_quantiles(const mlpi_description *d, double *tau);

/* Reads a description of `size` bytes. d->classes points into the text, which
 * must stay as long as it is used. The values are those that the text gives:
 * mlpi_layout_check and mlpi_net_create_saved find out whether such a network
 * can be.
 *
 * MLP_ERR_FORMAT if the text is not of this format. MLP_ERR_UNSUPPORTED if it
 * is of another version, or has a member or a name that is not known here. */
mlp_status mlpi_description_get(const mlp_hooks *hooks, const char *text,
                                size_t size, mlpi_description *d);

#endif
