/* SPDX-License-Identifier: MIT */
/*
 * mlp_onnx.h - networks as ONNX files.
 *
 * ONNX is a format that most machine learning software reads or writes. With
 * these functions a network that was trained here runs in ONNX Runtime, and a
 * multi-layer perceptron that was trained in PyTorch, Keras or scikit-learn
 * runs here.
 *
 * The functions are in a library of their own, mlp_onnx, which needs mlp and
 * protobuf-c. It is built if protobuf-c and the system's onnx.proto are found;
 * as a part of another CMake project only if that sets MLP_ONNX.
 * Statuses, hooks, ownership and threads follow the rules of mlp.h.
 */
#ifndef LIBMLP_MLP_ONNX_H
#define LIBMLP_MLP_ONNX_H

#include "mlp.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The version of ONNX's operators (opset) and of the file format (IR) that
 * mlp_onnx_save writes. */
#define MLP_ONNX_OPSET 13
#define MLP_ONNX_IR 7

/* ---------------------------------------------------------------------------
 * Saving
 */

/* Saves a network as the ONNX file `path`. The graph computes what mlp_predict
 * computes, with the input "input" of shape (N, n[0]) and the output "output"
 * of shape (N, n[L]), for any number N of rows. Its tensors have the precision
 * of the network.
 *
 * The graph has these nodes:
 *   - If the network scales its inputs, a Sub of the means and a Div by the
 *     standard deviations.
 *   - For each layer l a Gemm with the initializers layers.<l-1>.weight, of
 *     shape (n[l], n[l-1]), and layers.<l-1>.bias, of shape (n[l]). Batch norm
 *     is folded into them.
 *   - For each activation Sigmoid, Tanh, Relu, Softmax, LeakyRelu, Elu,
 *     Softplus or Exp. Opset 13 has no operator for three activations: silu is
 *     written as z Sigmoid(z), gelu with Erf and gelu_tanh with Tanh, in the
 *     form that PyTorch writes.
 *   - If the network scales its targets, a Mul by the standard deviations and
 *     an Add of the means.
 *
 * Names of classes become the metadata_props mlp.class.0, mlp.class.1, and so
 * on. Metadata of mlp_net_set_metadata keep their keys.
 *
 * ONNX Runtime 1.30 runs every network of float32. For float64 it lacks
 * LeakyRelu, Elu, Softplus and Erf, so it does not run float64 networks with
 * leaky_relu, elu, softplus or gelu. It runs float64 networks with silu only at
 * the graph optimization level "basic" or below, because above that it replaces
 * silu by an operator that it lacks for float64. The slopes of leaky_relu and
 * elu are float32 in every ONNX file.
 *
 * An existing file is replaced in the same manner as by mlp_net_save. The call
 * allocates about twice the size of the file.
 * MLP_ERR_NULL: an argument is NULL. MLP_ERR_NOT_FINITE: batch norm cannot be
 * folded, see mlp_net_fold_batch_norm. MLP_ERR_LIMIT: the file would have more
 * than the 2 GB that ONNX allows. MLP_ERR_MEMORY. MLP_ERR_IO. */
MLP_NODISCARD mlp_status mlp_onnx_save(const mlp_net *net, const char *path);

/* Returns the size in bytes of the file that mlp_onnx_save writes. Returns 0 if
 * `net` is NULL, if there is no memory to compute the size, or if the size is
 * above the limit of 2 GB. Allocates during the call, but nothing as large as
 * the weights. */
size_t mlp_onnx_save_size(const mlp_net *net);

/* Like mlp_onnx_save, but writes the file to `bytes`, which has `size` bytes.
 * MLP_ERR_SHAPE: `size` is not the number that mlp_onnx_save_size returns. */
MLP_NODISCARD mlp_status mlp_onnx_save_memory(const mlp_net *net, void *bytes,
                                              size_t size);

/* ---------------------------------------------------------------------------
 * Loading
 */

/* Loads a network from the ONNX file `path`, whoever wrote it. The caller owns
 * *net. `hooks` become the hooks of the network; NULL means none.
 *
 * The graph must be a chain of layers. It may contain:
 *   - Gemm, and MatMul with a constant as the second input. At most eight of
 *     them may share one constant.
 *   - Relu, LeakyRelu, Elu, Sigmoid, Tanh, Softplus, Softmax, Exp and Gelu;
 *     also silu, gelu and gelu_tanh as products, as PyTorch and Keras write
 *     them; PRelu with one slope, Selu, Celu; Clip with one bound from -64 to
 *     64, and Max or Min with such a number: with larger ones relu would lose
 *     digits. LeakyRelu and Elu with alpha 0 become relu.
 *   - BatchNormalization, Neg, and Add, Sub, Mul, Div and Sum with constants: a
 *     number, or one for each column, also where a row is an image. Before the
 *     first layer they become scaling of inputs; after the last activation they
 *     become scaling of targets, and so do a Mul and an Add after a last layer
 *     without activation. A batch norm directly after a Gemm or MatMul stays
 *     batch norm if its epsilon is that of the first one. Everything else is
 *     multiplied into W and b.
 *   - Identity, Dropout, and Cast between float, double, float16 and bfloat16,
 *     which change nothing. Weights may have any of these types.
 *   - Flatten, Reshape, Squeeze, Unsqueeze and Transpose, if each row keeps its
 *     numbers in their order; Gather and Slice of all columns there are.
 *   - Scaler and ZipMap of scikit-learn's converter skl2onnx. If the output is
 *     that converter's pair of columns 1 - p and p, the network has the one
 *     output p.
 *   - LogSoftmax as the last node. The network has softmax instead: it gives p,
 *     not log p.
 * Between two layers, and before and behind them, there may be 16 operations
 * with constants, batch norms included; the graph may have 64 outputs, and a
 * tensor 8 dimensions.
 * The nodes may have any order. For every other node the call returns
 * MLP_ERR_UNSUPPORTED, and the message names the node: "unsupported operator
 * Conv (node conv1)". Initializers may lie in other files ("external data") in
 * the folder of `path`; these may be symbolic links.
 *
 * Outputs of the graph that are labels are left out. If two outputs are a value
 * and its softmax or sigmoid, the network has the latter. Of other outputs
 * mlp_onnx_load_with chooses one.
 *
 * The network has the precision float64 if the weights of a layer are doubles,
 * else float32. An ONNX file does not tell the loss. It becomes MLP_LOSS_CCE
 * after softmax, MLP_LOSS_BCE after sigmoid, MLP_LOSS_POISSON after exp, else,
 * and always with scaled targets, MLP_LOSS_MSE. Names of classes are read if
 * mlp_onnx_save wrote them, or from a ZipMap, for at most 4096 classes. The
 * first 256 other metadata_props become metadata, if they are UTF-8.
 *
 * The call allocates about twice the size of the file, and the network. No byte
 * of the file is trusted: a damaged or hostile file gives a status.
 * MLP_ERR_NULL: `path` or `net` is NULL. MLP_ERR_FORMAT: the file is not an
 * ONNX file, or it is damaged. MLP_ERR_SHAPE: the sizes of two nodes do not
 * match. MLP_ERR_UNSUPPORTED: see above; also an opset below 7.
 * MLP_ERR_NOT_FINITE: a weight is not finite after the multiplication with its
 * neighbours. MLP_ERR_ARGUMENT, MLP_ERR_LIMIT: mlp_net_create refuses the
 * network, for example because a hidden layer has softmax. MLP_ERR_MEMORY.
 * MLP_ERR_IO. On failure *net is untouched. */
MLP_NODISCARD mlp_status mlp_onnx_load(const char *path, const mlp_hooks *hooks,
                                       mlp_net **net);

/* Like mlp_onnx_load, but reads the `size` bytes of a file from memory.
 * External data is MLP_ERR_UNSUPPORTED, because there is no folder. */
MLP_NODISCARD mlp_status mlp_onnx_load_memory(const void *bytes, size_t size,
                                              const mlp_hooks *hooks,
                                              mlp_net **net);

/* What a caller can choose about a file. */
typedef struct mlp_onnx_options {
    const char *output;   /* the name of the graph output that the network shall
                           have; default NULL: the only one of numbers */
    uint64_t reserved[4]; /* 0 */
} mlp_onnx_options;

/* Returns the defaults. */
mlp_onnx_options mlp_onnx_defaults(void);

/* Like mlp_onnx_load and mlp_onnx_load_memory, but with options:
 *
 *   mlp_onnx_options options = mlp_onnx_defaults();
 *   options.output = "action";
 *   mlp_onnx_load_with("policy.onnx", &options, NULL, &net);
 *
 * Nodes that the output does not need are not looked at. If a graph with
 * several outputs is loaded without a name, the message lists the names.
 * MLP_ERR_NULL: also if `options` is NULL. MLP_ERR_ARGUMENT: also if the graph
 * has no such output. */
MLP_NODISCARD mlp_status mlp_onnx_load_with(const char *path,
                                            const mlp_onnx_options *options,
                                            const mlp_hooks *hooks,
                                            mlp_net **net);
MLP_NODISCARD mlp_status mlp_onnx_load_memory_with(
    const void *bytes, size_t size, const mlp_onnx_options *options,
    const mlp_hooks *hooks, mlp_net **net);

#ifdef __cplusplus
}
#endif

#endif
