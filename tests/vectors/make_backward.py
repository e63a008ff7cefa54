#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes backward_*.txt with PyTorch: gradients from a derivative at the outputs.

    python3 tests/vectors/make_backward.py

tests/train/test_backward_from.c reads the files. Everything is computed in
float64. A network has 3 inputs, 5 tanh neurons and 4 outputs, and there are
seven rows. PyTorch's backward starts from dJ/dA or from dJ/dZ of the outputs
and gives the gradients of all parameters and of X.

    X           the inputs
    mean_std    the mean and the standard deviation of each input, for cases
                that scale
    weights     the weights of the rows, for cases that weigh. Row i of dJ/dA
                then counts w[i] / mean(w)
    derivative  dJ/dA or dJ/dZ, before it is weighed
    parameters  W1, b1, scale1, W2, b2, scale2; each W is transposed, as it lies
                in the library. A network without batch norm has no scales.
    cases       a row for each case: the number of the last activation in mlp.h,
                then 1 or 0 for batch norm in both layers, scaling, weighing,
                and dJ/dZ instead of dJ/dA; then dX, then the gradients in the
                order of the parameters, and zeros for the scales that a network
                does not have
"""
import numpy as np
import torch
from torch.nn import functional as F

from vectors import put

ROWS, WIDTHS = 7, (3, 5, 4)
EPSILON = 1e-5
LAST = {1: lambda z: z, 2: torch.sigmoid, 3: torch.tanh, 4: torch.relu,
        5: lambda z: torch.softmax(z, 1), 6: lambda z: F.leaky_relu(z, 0.01),
        7: F.elu, 8: F.gelu, 9: lambda z: F.gelu(z, approximate="tanh"),
        10: F.silu, 11: F.softplus}
CASES = [(last, norm, (last + norm) % 2, last // 2 % 2, 0)
         for last in LAST for norm in (0, 1)]
CASES += [(3, norm, scales, weighs, 1)
          for norm in (0, 1) for scales in (0, 1) for weighs in (0, 1)]


def run(case, data):
    last, norm, scales, weighs, by_z = case
    X = torch.tensor(data["X"], requires_grad=True)
    mean, std = torch.from_numpy(data["mean_std"])
    a = (X - mean) / std if scales else X
    parameters = []
    for l in 1, 2:
        W, b, scale = (torch.tensor(p, requires_grad=True)
                       for p in data["layers"][l - 1])
        parameters += [W, b] + [scale] * norm
        z = a @ W
        if norm:
            variance, centre = torch.var_mean(z, 0, unbiased=False)
            z = scale * (z - centre) / torch.sqrt(variance + EPSILON)
        z = z + b
        a = torch.tanh(z) if l == 1 else LAST[last](z)
    derivative = torch.from_numpy(data["derivative"])
    if weighs:
        w = torch.from_numpy(data["weights"])
        derivative = derivative * w / w.mean()
    (z if by_z else a).backward(derivative)
    numbers = np.concatenate([t.grad.numpy().ravel() for t in [X] + parameters])
    most = X.numel() + sum(p.size for layer in data["layers"] for p in layer)
    return np.concatenate([case, numbers, np.zeros(most - numbers.size)])


def main():
    rng = np.random.RandomState(16)
    n = WIDTHS
    data = {"X": rng.uniform(-2, 2, (ROWS, n[0])),
            "mean_std": np.stack([rng.uniform(-1, 1, n[0]),
                                  rng.uniform(.2, 5, n[0])]),
            "weights": rng.randint(0, 9, (ROWS, 1)) / 3,
            "derivative": rng.uniform(-1, 1, (ROWS, n[2]))}
    for name, rows in data.items():
        put(f"backward_{name}", rows)
    data["layers"] = [[rng.uniform(-1, 1, (n[l - 1], n[l])),
                       rng.uniform(-1, 1, n[l]), rng.uniform(.5, 1.5, n[l])]
                      for l in (1, 2)]
    put("backward_parameters",
        np.concatenate([p.ravel() for layer in data["layers"] for p in layer]))
    put("backward_cases", [run(case, data) for case in CASES])


main()
