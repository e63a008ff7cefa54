# SPDX-License-Identifier: MIT
"""Reads and writes model files of libmlp in Python.

The module predicts with a file, converts files from and to PyTorch, and
converts models of scikit-learn. It needs only NumPy. A model file is a
safetensors file, so any reader of safetensors can take the place of read_mlp.
"""
import json
import math
import struct
import zlib

import numpy as np

LINEAR = "weight", "bias"
NORM = "weight", "bias", "running_mean", "running_var"
TYPES = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "I64": "<i8", "U8": "u1"}


def read_mlp(path):
    """Returns the tensors of a file by their names, and its metadata."""
    raw = open(path, "rb").read()
    n, = struct.unpack("<Q", raw[:8])
    header = json.loads(raw[8:8 + n])
    metadata = header.pop("__metadata__", {})
    data, tensors = raw[8 + n:], {}
    for name, t in header.items():
        begin, end = t["data_offsets"]
        tensors[name] = np.frombuffer(data[begin:end], TYPES[t["dtype"]]
                                      ).reshape(t["shape"])
    return tensors, metadata


def number(description, field, otherwise):
    """The number that a field holds as hexadecimal text, or a default value."""
    return float.fromhex(description.get(field, otherwise.hex()))


def write_mlp(path, tensors, description, **metadata):
    """Writes a file of tensors and a description of the network.

    The formats are specified in src/formats/mlp/model_format.h and
    description.h. The checksum covers the whole file, with zeros in place of
    its own digits.
    """
    metadata |= {"mlp": json.dumps(dict(version=1, **description)),
                 "mlp.crc32": "00000000"}
    header, data = {"__metadata__": metadata}, b""
    for name, t in tensors.items():
        t = np.ascontiguousarray(t)
        header[name] = {"dtype": "F%d" % (8 * t.itemsize), "shape": t.shape,
                        "data_offsets": [len(data), len(data) + t.nbytes]}
        data += t.astype(t.dtype.newbyteorder("<")).tobytes()
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    raw = struct.pack("<Q", len(text)) + text + data
    field = b'"mlp.crc32": "%08x"'
    raw = raw.replace(field % 0, field % zlib.crc32(raw), 1)
    open(path, "wb").write(raw)


def layer_of(width, activation, **more):
    """The description of a layer; an activation with a slope is a pair such as
    ("elu", 1.0)."""
    name, slope = (activation, 0.0) if isinstance(activation, str) else activation
    return dict(width=width, activation=name, slope=slope.hex(), **more)


def torch_to_mlp(path, state, activations, loss, scaling={}, **metadata):
    """Writes a network of PyTorch.

    `state` is the state_dict of Linear layers, each with or without a
    BatchNorm1d after it, and `activations` has one entry for each Linear layer.
    `scaling` may hold inputs.mean and inputs.std, and outputs.mean and
    outputs.std.
    """
    modules, layers, tensors = {}, [], dict(scaling)
    for key, t in state.items():
        name, part = key.rsplit(".", 1)
        modules.setdefault(name, {})[part] = np.asarray(t)
    for m in modules.values():
        i = len(layers)
        if "running_mean" in m:
            # A layer with batch norm has no b before the norm. Its effect is a
            # shift of the mean.
            m["running_mean"] = m["running_mean"] - tensors.pop(f"layers.{i-1}.bias")
            tensors |= {f"layers.{i-1}.norm.{x}": m[x] for x in NORM}
            layers[-1]["batch_norm"] = True
        else:
            W = tensors[f"layers.{i}.weight"] = m["weight"]
            tensors[f"layers.{i}.bias"] = m.get("bias", np.zeros_like(W[:, 0]))
            layers.append(layer_of(len(W), activations[i]))
    write_mlp(path, {k: np.asarray(t, W.dtype) for k, t in tensors.items()}, dict(
        precision=W.dtype.name, loss=loss, layers=layers,
        inputs=tensors["layers.0.weight"].shape[1]), **metadata)


def sklearn_to_mlp(path, model, loss, **metadata):
    """Writes a fitted MLPClassifier or MLPRegressor of scikit-learn."""
    names = [model.activation] * (len(model.coefs_) - 1) + [model.out_activation_]
    layers = [dict(width=len(b), activation=dict(logistic="sigmoid").get(a, a))
              for b, a in zip(model.intercepts_, names)]
    tensors = {f"layers.{i}.weight": W.T for i, W in enumerate(model.coefs_)}
    tensors |= {f"layers.{i}.bias": b for i, b in enumerate(model.intercepts_)}
    write_mlp(path, tensors, dict(
        precision=model.coefs_[0].dtype.name, loss=loss, layers=layers,
        inputs=len(model.coefs_[0]),
        classes=[str(c) for c in getattr(model, "classes_", [])]), **metadata)


def mlp_to_torch(path):
    """Returns a file's network as a PyTorch module in mode eval(), with modules
    that scale inputs and outputs if the file does so."""
    from torch import exp, nn, tensor
    tensors, metadata = read_mlp(path)
    network = json.loads(metadata["mlp"])
    t = {name: tensor(x.copy()) for name, x in tensors.items()}

    class Scaling(nn.Module):
        def __init__(self, side):
            super().__init__()
            self.back = side == "outputs"
            self.register_buffer("mean", t[side + ".mean"])
            self.register_buffer("std", t[side + ".std"])

        def forward(self, x):
            return x * self.std + self.mean if self.back else (
                x - self.mean) / self.std

    class Exp(nn.Module):
        def forward(self, x):
            return exp(x)

    modules = [Scaling("inputs")] if "inputs.mean" in t else []
    for i, layer in enumerate(network["layers"]):
        W, norm = t[f"layers.{i}.weight"], layer.get("batch_norm", False)
        modules.append(nn.Linear(W.shape[1], W.shape[0], not norm, dtype=W.dtype))
        modules[-1].load_state_dict(
            {x: t[f"layers.{i}.{x}"] for x in (["weight"] if norm else LINEAR)})
        if norm:
            modules.append(nn.BatchNorm1d(
                len(W), number(network, "batch_norm_epsilon", 1e-5),
                number(network, "batch_norm_momentum", 0.1), dtype=W.dtype))
            modules[-1].load_state_dict(
                {x: t[f"layers.{i}.norm.{x}"] for x in NORM}, strict=False)
        slope = number(layer, "slope", 0.0)
        modules.append(dict(
            identity=nn.Identity, sigmoid=nn.Sigmoid, tanh=nn.Tanh, relu=nn.ReLU,
            softmax=lambda: nn.Softmax(1), leaky_relu=lambda: nn.LeakyReLU(slope),
            elu=lambda: nn.ELU(slope), gelu=nn.GELU,
            gelu_tanh=lambda: nn.GELU("tanh"), silu=nn.SiLU,
            softplus=lambda: nn.Softplus(threshold=50), exp=Exp)[layer["activation"]]())
        if number(layer, "dropout", 0.0):
            modules.append(nn.Dropout(number(layer, "dropout", 0.0)))
    modules += [Scaling("outputs")] if "outputs.mean" in t else []
    return nn.Sequential(*modules).eval()


def predict(path, X):
    """Returns the outputs of a file's network for the rows X, with NumPy."""
    t, metadata = read_mlp(path)
    network = json.loads(metadata["mlp"])
    A = (X - t["inputs.mean"]) / t["inputs.std"] if "inputs.mean" in t else X
    for i, layer in enumerate(network["layers"]):
        Z = A @ t[f"layers.{i}.weight"].T
        if layer.get("batch_norm"):
            scale, shift, mean, variance = (t[f"layers.{i}.norm.{x}"] for x in NORM)
            epsilon = number(network, "batch_norm_epsilon", 1e-5)
            Z = scale * (Z - mean) / np.sqrt(variance + epsilon) + shift
        else:
            Z = Z + t[f"layers.{i}.bias"]
        A = activate(layer["activation"], Z, number(layer, "slope", 0.0))
    return A * t["outputs.std"] + t["outputs.mean"] if "outputs.mean" in t else A


def activate(name, z, slope):
    sigmoid = lambda z: (1 + np.tanh(z / 2)) / 2
    if name == "softmax":
        z = np.exp(z - z.max(1, keepdims=True))
        return z / z.sum(1, keepdims=True)
    return dict(
        identity=lambda: z, sigmoid=lambda: sigmoid(z), tanh=lambda: np.tanh(z),
        relu=lambda: np.maximum(z, 0),
        leaky_relu=lambda: np.where(z > 0, z, slope * z),
        elu=lambda: np.where(z > 0, z, slope * np.expm1(np.minimum(z, 0))),
        gelu=lambda: z * (1 + np.vectorize(math.erf)(z / 2 ** 0.5)) / 2,
        gelu_tanh=lambda: z * sigmoid(
            2 * (2 / math.pi) ** 0.5 * (z + 0.044715 * z ** 3)),
        silu=lambda: z * sigmoid(z), softplus=lambda: np.logaddexp(z, 0),
        exp=lambda: np.exp(z))[name]()
