# SPDX-License-Identifier: MIT
"""Stands in for PyTorch where it is not installed.

The module implements in NumPy what mlp_to_torch of mlp_file.py uses, so that
the function is tested on every machine. After install() the statement
`import torch` imports the stand-in.
"""
import sys
import types

import numpy as np

from mlp_file import activate


class Module:
    def register_buffer(self, name, x):
        setattr(self, name, x)

    def eval(self):
        return self

    def __call__(self, x):
        return self.forward(x)

    def load_state_dict(self, state, strict=True):
        assert set(state) == set(self.shapes)
        for name, x in state.items():
            assert x.shape == self.shapes[name] and x.dtype == self.dtype
        self.state = state


class Linear(Module):
    def __init__(self, n_in, n_out, bias=True, dtype=None):
        self.dtype = dtype
        self.shapes = {"weight": (n_out, n_in)} | ({"bias": (n_out,)} if bias else {})

    def forward(self, x):
        return x @ self.state["weight"].T + self.state.get("bias", 0)


class BatchNorm1d(Module):
    def __init__(self, n, eps=1e-5, momentum=0.1, dtype=None):
        self.eps, self.dtype = eps, dtype
        self.shapes = {x: (n,) for x in ("weight", "bias", "running_mean",
                                         "running_var")}

    def forward(self, x):
        s = self.state
        x = (x - s["running_mean"]) / np.sqrt(s["running_var"] + self.eps)
        return x * s["weight"] + s["bias"]


class Sequential(Module):
    def __init__(self, *modules):
        self.modules = modules

    def forward(self, x):
        for m in self.modules:
            x = m(x)
        return x


def activation(name, slope=0.0):
    m = Module()
    m.forward = lambda x: activate(name, x, slope)
    return m


def is_installed():
    """True if `torch` is the stand-in and not PyTorch itself."""
    return getattr(sys.modules.get("torch"), "nn", None) is nn


nn = types.ModuleType("torch.nn")


def install():
    def softplus(beta=1, threshold=20):
        return activation("softplus")

    def gelu(approximate="none"):
        return activation("gelu_tanh" if approximate == "tanh" else "gelu")

    def softmax(dim):
        assert dim == 1
        return activation("softmax")

    vars(nn).update(
        Module=Module, Linear=Linear, BatchNorm1d=BatchNorm1d,
        Sequential=Sequential, Dropout=lambda p: activation("identity"),
        LeakyReLU=lambda slope: activation("leaky_relu", slope),
        ELU=lambda slope: activation("elu", slope),
        GELU=gelu, Softplus=softplus, Softmax=softmax,
        **{x: (lambda name=x.lower(): activation(name))
           for x in ("Identity", "Sigmoid", "Tanh", "ReLU", "SiLU")})
    torch = types.ModuleType("torch")
    torch.nn, torch.tensor, torch.exp = nn, np.array, np.exp
    sys.modules.update({"torch": torch, "torch.nn": nn})
