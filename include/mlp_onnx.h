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
 * Scaling is a Sub and a Div of inputs, a Mul and an Add of targets. A layer is
 * a Gemm with layers.<l-1>.weight (n[l], n[l-1]) and layers.<l-1>.bias, batch
 * norm folded into them, and its activation: Sigmoid, Tanh, Relu, Softmax, LeakyRelu, Elu, Softplus, silu as
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

/* Makes a network of an ONNX file, whoever wrote it; *net is the caller's. What
 * it can read is a chain of layers:
 *   - Gemm, and MatMul with a constant as its second input, which at most eight
 *     of them share;
 *   - Relu, LeakyRelu, Elu, Sigmoid, Tanh, Softplus, Softmax, Gelu, and silu,
 *     gelu and gelu_tanh as products, as PyTorch and Keras write them;
 *   - BatchNormalization, and Add, Sub, Mul and Div with a number or one for
 *     each column. Before the first layer they become input scaling, behind the
 *     last activation scaling of targets; batch norm behind a layer stays one,
 *     if its epsilon is that of the others; all else is multiplied into weights;
 *   - Identity, Dropout and Cast (to float or double), which change nothing,
 *     Flatten and Reshape where rows stay rows, a last Squeeze of one column,
 *     Transpose of constants;
 *   - of skl2onnx Scaler, ZipMap, and two columns 1 - p and p, which are one, p,
 *     here. Outputs that are labels are left out;
 *   - a last LogSoftmax as softmax: the network gives p, not log p.
 * Anything else is MLP_ERR_UNSUPPORTED, and the message names it: "unsupported
 * operator Conv (node conv1)". Numbers are in the file, or, if it is loaded from
 * a path, in files beside it, in the same folder.
 *
 * The network is float64 if a layer's weights are double, else float32. The loss
 * is cce behind softmax, bce behind sigmoid, else mse (so with scaled targets).
 * Names of classes are what mlp_onnx_save wrote, or ZipMap's, for at most 4096
 * classes; the first 256 other metadata_props become metadata, where they are
 * UTF-8. `hooks` may be NULL: none. Allocates, mostly the file's size twice, and
 * the network.
 *
 * No byte is trusted. MLP_ERR_FORMAT: not an ONNX file, or a damaged one.
 * MLP_ERR_SHAPE: layers that do not fit one another. MLP_ERR_UNSUPPORTED: also
 * an opset below 7. MLP_ERR_NOT_FINITE: a weight that no longer is, with what is
 * multiplied into it. MLP_ERR_ARGUMENT, MLP_ERR_LIMIT: a network that
 * mlp_net_create refuses, such as with softmax within. MLP_ERR_IO. */
mlp_status mlp_onnx_load(const char *path, const mlp_hooks *hooks,
                         mlp_net **net);
mlp_status mlp_onnx_load_memory(const void *bytes, size_t size,
                                const mlp_hooks *hooks, mlp_net **net);

#ifdef __cplusplus
}
#endif

#endif
