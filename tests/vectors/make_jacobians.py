#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes jacobians.txt with PyTorch: Jacobians dA/dX of networks at one row.

    python3 tests/vectors/make_jacobians.py

tests/predict/test_jacobian.c reads the file. The script needs PyTorch 2.x and
NumPy, and runs from any directory. The file has one row of numbers, the
Jacobians of CASES one after the other, each row by row. The test has the same
list of networks, and draws the same numbers, because mlp_rng draws those of
RandomState: with the number of the case as the seed, first x, then mean and
standard deviation of inputs and targets, then layer by layer W, b and, with
batch norm, scale, running mean and running variance.
"""
import numpy as np
import torch
from torch.nn import functional as F

from vectors import put

EPSILON = 1e-5

ACTIVATIONS = {
    "identity": lambda z: z,
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "relu": torch.relu,
    "softmax": lambda z: torch.softmax(z, dim=0),
    "softplus": F.softplus,
    "silu": F.silu,
    "gelu": F.gelu,
    "gelu_tanh": lambda z: F.gelu(z, approximate="tanh"),
    "leaky_relu": lambda z: F.leaky_relu(z, 0.2),
    "elu": lambda z: F.elu(z, 0.7),
}

# The number of inputs, the layers (width, activation, batch norm), and whether
# targets are scaled; inputs always are.
CASES = [
    (4, [(7, "tanh", 0), (5, "gelu", 1), (3, "identity", 0)], True),
    (2, [(9, "silu", 0), (6, "softplus", 1), (5, "elu", 1)], True),
    (6, [(8, "leaky_relu", 1), (4, "softmax", 1)], False),
    (3, [(5, "sigmoid", 0), (6, "softmax", 1)], False),
    (4, [(5, "tanh", 0), (3, "softmax", 0)], True),
    (5, [(1, "sigmoid", 0)], False),
    (2, [(4, "identity", 0)], True),
    (1, [(16, "gelu_tanh", 0), (4, "relu", 0), (1, "identity", 0)], True),
    (3, [(12, "relu", 1), (2, "tanh", 0)], True),
]


def jacobian(seed, inputs, layers, scales_targets):
    rng = np.random.RandomState(seed)

    def draw(low, high, *shape):
        return torch.from_numpy(rng.uniform(low, high, shape))

    outputs = layers[-1][0]
    x = draw(-2, 2, inputs)
    in_mean, in_std = draw(-1, 1, inputs), draw(0.5, 2, inputs)
    out_mean, out_std = draw(-1, 1, outputs), draw(0.5, 2, outputs)
    functions = []
    n_in = inputs
    for n, activation, norm in layers:
        W, b = draw(-1, 1, n, n_in), draw(-0.5, 0.5, n)
        scale, mean, variance = torch.ones(n), torch.zeros(n), None
        if norm:
            scale, mean = draw(0.5, 2, n), draw(-0.5, 0.5, n)
            variance = draw(0.5, 2, n)
        functions.append((W, b, scale, mean, variance, activation))
        n_in = n

    def net(x):
        a = (x - in_mean) / in_std
        for W, b, scale, mean, variance, activation in functions:
            z = W @ a
            if variance is not None:
                z = scale * (z - mean) / torch.sqrt(variance + EPSILON)
            a = ACTIVATIONS[activation](z + b)
        return a * out_std + out_mean if scales_targets else a

    return torch.autograd.functional.jacobian(net, x).numpy().ravel()


def main():
    put("jacobians", np.concatenate([jacobian(i, *case)
                                     for i, case in enumerate(CASES)]))


main()
