# SPDX-License-Identifier: MIT
"""Model files of libmlp in Python: read, write, and to and from PyTorch and
scikit-learn. Needs NumPy alone; any reader of safetensors will do instead."""
import json
import struct
import zlib

import numpy as np

TYPES = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "I64": "<i8", "U8": "u1"}


def read_mlp(path):
    """The tensors of a file, by name, and its metadata."""
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


def write_mlp(path, tensors, description, **metadata):
    """A file of tensors and a description, see src/description.h."""
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


def torch_to_mlp(path, state, activations, loss, **metadata):
    """The state_dict of Linear layers, and the activation behind each."""
    W = [t.numpy() for name, t in state.items() if name.endswith("weight")]
    b = [t.numpy() for name, t in state.items() if name.endswith("bias")]
    tensors = {f"layers.{i}.weight": w for i, w in enumerate(W)}
    tensors |= {f"layers.{i}.bias": v for i, v in enumerate(b)}
    layers = [dict(width=len(w), activation=a) for w, a in zip(W, activations)]
    write_mlp(path, tensors, dict(precision=W[0].dtype.name, loss=loss,
                                  inputs=W[0].shape[1], layers=layers),
              **metadata)


def sklearn_to_mlp(path, model, loss, **metadata):
    """A fitted MLPClassifier or MLPRegressor."""
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
    """Linear layers and activations, for inputs (x - mean) / std if the file
    has inputs.mean and inputs.std; what comes out is to be taken times
    outputs.std plus outputs.mean, likewise. Without batch norm."""
    from torch import nn, tensor
    tensors, metadata = read_mlp(path)
    modules = []
    for i, layer in enumerate(json.loads(metadata["mlp"])["layers"]):
        W, b = (tensor(tensors[f"layers.{i}.{x}"]) for x in ("weight", "bias"))
        linear = nn.Linear(W.shape[1], W.shape[0], dtype=W.dtype)
        linear.load_state_dict({"weight": W, "bias": b})
        modules += [linear, dict(identity=nn.Identity, relu=nn.ReLU, tanh=nn.Tanh,
                                 sigmoid=nn.Sigmoid)[layer["activation"]]()]
    return nn.Sequential(*modules)
