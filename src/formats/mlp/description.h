/* SPDX-License-Identifier: MIT */
/*
 * A network's description as JSON: everything that it takes to make it, but
 * hooks and kernels. The format, version 1:
 *
 *     {"version":1,"numerics":1,"precision":"float64","loss":"bce",
 *      "inputs":2,
 *      "layers":[{"width":8,"activation":"relu","dropout":"0x1.0p-1"},
 *                {"width":1,"activation":"sigmoid"}],
 *      "classes":["inner","outer"]}
 *
 *     version    1; of the description, and of the file around it
 *     numerics   of who wrote it; may be absent
 *     precision  "float32" or "float64"
 *     loss       a name of MLP_LOSS_LIST
 *     inputs     n[0]
 *     layers     1 to MLP_MAX_LAYERS: the width and a name of
 *                MLP_ACTIVATION_LIST; "batch_norm":true where it normalises
 *     classes    their names, if it has some
 *
 * In any order, each once. Numbers that need not be whole are text: the
 * hexadecimal form of hexfloat.h. They are absent where they are the standard:
 *
 *     huber_delta 1, label_smoothing 0, batch_norm_momentum 0.1,
 *     batch_norm_epsilon 1e-5; of a layer slope 0, dropout 0
 *
 * What a version 1 may add later is fields: a reader that does not know a field
 * or a name must refuse the file.
 */
#ifndef MLPI_FORMATS_MLP_DESCRIPTION_H
#define MLPI_FORMATS_MLP_DESCRIPTION_H

#include "base/json.h"
#include "model/net.h"

enum { MLPI_FILE_VERSION = 1 };

typedef struct mlpi_description {
    mlp_config config; /* its layers are those below */
    mlp_layer layers[MLP_MAX_LAYERS];
    mlpi_json classes;  /* where the names stand, opened, */
    size_t n_classes;   /* how many, */
    size_t class_bytes; /* and their bytes, closing zeros included, at most */
} mlpi_description;

/* Writes the description of a network. */
void mlpi_description_put(mlpi_json_writer w, const mlp_net *net);

/* Reads it; class names point into the text. Whether there can be such a
 * network is mlp_net_create's to say. MLP_ERR_FORMAT; MLP_ERR_UNSUPPORTED:
 * another version, or what is not known here. */
mlp_status mlpi_description_get(const mlp_hooks *hooks, const char *text,
                                size_t size, mlpi_description *d);

#endif
