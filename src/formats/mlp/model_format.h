/* SPDX-License-Identifier: MIT */
/*
 * The .mlp file: a network in a safetensors file (safetensors.h), which every
 * reader of that format opens. This comment and those of safetensors.h and
 * description.h specify it.
 *
 * The file's __metadata__ are strings:
 *
 *     mlp.crc32  eight hexadecimal digits, 0-9 and a-f: the CRC-32 of the whole
 *                file as zlib computes it, taken while these digits are
 *                00000000
 *     mlp        the description of the network, JSON (description.h)
 *     any other  the user's; its key does not begin with "mlp."
 *
 * The tensors come in any order and have the network's precision, F32 or F64.
 * In their names i counts from 0, so <i> is 0 for layer 1:
 *
 *     layers.<i>.weight             [out, in]
 *     layers.<i>.bias               [out]  in layers without batch norm
 *     layers.<i>.norm.weight        [out]  \
 *     layers.<i>.norm.bias          [out]   | in layers with batch norm, which
 *     layers.<i>.norm.running_mean  [out]   | have no layers.<i>.bias
 *     layers.<i>.norm.running_var   [out]  /
 *     inputs.mean, inputs.std       [in]   both, if the network scales its
 *                                          inputs: x' = (x - mean) / std
 *     outputs.mean, outputs.std     [out]  both, if it scales its outputs:
 *                                          y = a std + mean, where a is the
 *                                          activation of the last layer; the
 *                                          loss is mse, mae, huber, quantile or
 *                                          gaussian_nll. For a logarithm of a
 *                                          variance std is 1, and mean is
 *                                          2 log(std of the target)
 *     optim.state                   U8 [n] the state of a trainer
 *                                          (checkpoint.c), if a trainer was
 *                                          saved
 *
 * Names and meanings of a layer's tensors are those of PyTorch's Linear and
 * BatchNorm1d. Means are finite; standard deviations are finite and above 0.
 *
 * A reader of networks ignores every tensor whose name begins with "optim." and
 * refuses any other tensor that it does not know. So a file of version 1
 * (the member `version` of the description) may gain tensors, and a reader that
 * does not know them refuses the file instead of predicting something else.
 * (Readers before the first release did not know "outputs.".) Equal networks
 * are written as equal bytes.
 */
#ifndef MLPI_FORMATS_MLP_MODEL_FORMAT_H
#define MLPI_FORMATS_MLP_MODEL_FORMAT_H

#include "formats/mlp/safetensors.h"

/* Bytes that hold the longest name of a layer's tensor and its closing 0. */
#define MLPI_NAME_SIZE 64

#define MLPI_IN_MEAN "inputs.mean"
#define MLPI_IN_STD "inputs.std"
#define MLPI_OUT_MEAN "outputs.mean"
#define MLPI_OUT_STD "outputs.std"
#define MLPI_STATE_NAME "optim.state"

/* A tensor that the file has for a layer: W with two dimensions, any other with
 * one. */
typedef struct mlpi_layer_tensor {
    mlp_tensor which;
    const char *name; /* without layers.<i>. */
} mlpi_layer_tensor;

/* Returns the tensors of a layer with or without batch norm, in the order in
 * which the library writes them. An entry whose name is NULL ends the list. */
const mlpi_layer_tensor *mlpi_layer_tensors(bool batch_norm);

/* Composes the name in the file: layers.<l - 1>.<name>. */
void mlpi_layer_tensor_name(size_t l, const mlpi_layer_tensor *tensor,
                            char name[MLPI_NAME_SIZE]);

/* Returns the dtype of the file's tensors: "F32" or "F64". */
const char *mlpi_model_dtype(mlp_dtype precision);

/* Opens an .mlp file: a safetensors file that has a description, which is not
 * read yet, and a valid checksum. MLP_ERR_FORMAT, MLP_ERR_MEMORY; there is
 * nothing to close then. */
mlp_status mlpi_model_open(const mlp_hooks *hooks, const void *bytes,
                           size_t size, mlpi_safetensors *file);

#endif
