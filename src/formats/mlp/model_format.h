/* SPDX-License-Identifier: MIT */
/*
 * The .mlp file: a network in a safetensors file (container.h), which every
 * reader of that format opens.
 *
 * Its __metadata__, texts all, are
 *
 *     mlp.crc32  eight hexadecimal digits, 0-9 and a-f: the CRC-32 of the whole
 *                file, as zlib has it, when 00000000 stands in their place
 *     mlp        the description of the network (description.h)
 *     others     the user's; keys that begin with "mlp." are not
 *
 * and its tensors, all of the network's precision (F32 or F64), in any order,
 * with i from 0 for layer i + 1:
 *
 *     layers.<i>.weight             [out, in]
 *     layers.<i>.bias               [out]
 *     layers.<i>.norm.weight        [out]  in place of the bias where the layer
 *     layers.<i>.norm.bias          [out]  normalises; all as PyTorch's Linear
 *     layers.<i>.norm.running_mean  [out]  and BatchNorm1d have them
 *     layers.<i>.norm.running_var   [out]
 *     inputs.mean, inputs.std       [in]   where the network scales its inputs:
 *                                          x' = (x - mean) / std
 *     outputs.mean, outputs.std     [out]  where it scales its outputs:
 *                                          y = a std + mean, a being the last
 *                                          layer's; the loss is mse, mae or
 *                                          huber
 *     optim.state                   U8 [n] a trainer's state (state.c), if it
 *                                          was a trainer that was saved
 *
 * Who reads a network passes by all that begins with "optim.", and refuses any
 * other tensor: so a version 1 may add tensors, and a reader that knows less
 * does not predict something else. (Readers before the first release had no
 * "outputs.".) A writer that writes twice writes the same bytes.
 */
#ifndef MLPI_FORMATS_MLP_MODEL_FORMAT_H
#define MLPI_FORMATS_MLP_MODEL_FORMAT_H

#include "formats/mlp/safetensors.h"
#include "model/net.h"

/* Room for each of those names. */
#define MLPI_NAME_SIZE 64

#define MLPI_IN_MEAN "inputs.mean"
#define MLPI_IN_STD "inputs.std"
#define MLPI_OUT_MEAN "outputs.mean"
#define MLPI_OUT_STD "outputs.std"
#define MLPI_STATE_NAME "optim.state"

/* A tensor of a layer; W has two dimensions, all others one. */
typedef struct mlpi_part {
    mlp_tensor which;
    const char *name; /* behind layers.<i>. */
} mlpi_part;

/* The parts of a layer with or without batch norm, ended by a name of NULL. */
const mlpi_part *mlpi_layer_tensors(bool batch_norm);
void mlpi_part_name(size_t l, const mlpi_part *part, char name[MLPI_NAME_SIZE]);
mlp_view mlpi_net_tensor(const mlp_net *net, size_t l, const mlpi_part *part);

/* "F32" or "F64" */
const char *mlpi_type_name(mlp_dtype precision);

/* How many bytes the file of a network has, with a state of so many unless that
 * is 0, which are its last. MLP_ERR_LIMIT: its header is too long. */
mlp_status mlpi_model_measure(const mlp_net *net, size_t state, size_t *size);

/* Writes all but the state, which is to be written before the file is sealed
 * with its checksum. */
void mlpi_model_write(const mlp_net *net, size_t state, void *bytes);
void mlpi_model_seal(unsigned char *bytes, size_t size);

/* Opens a file of ours: a container with a description and a true checksum. */
mlp_status mlpi_model_open(const mlp_hooks *hooks, const void *bytes,
                           size_t size, mlpi_safetensors *c);

/* Copies a tensor of the file into a view of its shape. */
void mlpi_model_take(const mlpi_safetensors *c, const mlpi_tensor_entry *t,
                     const mlp_net *net, mlp_view view);

#endif
