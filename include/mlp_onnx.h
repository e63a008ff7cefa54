/* SPDX-License-Identifier: MIT */
/*
 * mlp_onnx.h - networks as ONNX files: the library mlp_onnx, beside mlp, which
 * is built where protobuf-c and the system's onnx.proto are.
 *
 * The rules are those of mlp.h.
 */
#ifndef LIBMLP_MLP_ONNX_H
#define LIBMLP_MLP_ONNX_H

#include "mlp.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What is written: operators of opset 13, in files of IR version 7. */
#define MLP_ONNX_OPSET 13
#define MLP_ONNX_IR 7

/* Makes `path` an ONNX file that computes what mlp_predict does: "input"
 * (N, n[0]) to "output" (N, n[L]) of the network's precision, for any N.
 *
 * Input scaling is a Sub and a Div. A layer is a Gemm with layers.<l-1>.weight
 * (n[l], n[l-1]) and layers.<l-1>.bias, batch norm folded into them, and its
 * activation: Sigmoid, Tanh, Relu, Softmax, LeakyRelu, Elu, Softplus, silu as
 * z Sigmoid(z), gelu from Erf and gelu_tanh from Tanh as PyTorch writes them.
 * Names of classes are metadata_props mlp.class.0, mlp.class.1, ..., and what
 * mlp_net_set_metadata set keeps its key.
 *
 * ONNX Runtime 1.30 runs all networks of float32. For float64 it has no
 * LeakyRelu, Elu, Softplus and Erf, and so does not run leaky_relu, elu,
 * softplus and gelu; silu with a graph optimisation level of "basic" or less,
 * for above it makes an operator that it does not have. And slopes are float32
 * in every ONNX file.
 *
 * Files are replaced as by mlp_net_save. Allocates, about twice the file's
 * size. MLP_ERR_IO; MLP_ERR_NOT_FINITE as mlp_net_fold_batch_norm;
 * MLP_ERR_LIMIT: more than the 2 GB that an ONNX file can have. */
mlp_status mlp_onnx_save(const mlp_net *net, const char *path);

/* Writes the same bytes to memory: mlp_onnx_save_size of them, which is 0 for
 * NULL, and where there is not the memory to count, or MLP_ERR_LIMIT.
 * MLP_ERR_SHAPE: `size` is another number. */
size_t mlp_onnx_save_size(const mlp_net *net);
mlp_status mlp_onnx_save_memory(const mlp_net *net, void *bytes, size_t size);

#ifdef __cplusplus
}
#endif

#endif
