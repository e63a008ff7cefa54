#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes distributions_*.txt with PyTorch: the losses quantile, poisson and
gaussian_nll, and their gradients.

    python3 tests/vectors/make_distributions.py

tests/model/test_distributions.c reads the files. The script needs PyTorch 1.13
or later and NumPy, and runs from any directory. Reading a number gives the same
double.

The network has 3 inputs, 4 tanh neurons and 4 outputs, and there are seven
rows. Autograd computes all gradients from PyTorch's own PoissonNLLLoss and
GaussianNLLLoss; PyTorch has no quantile loss, so the script writes out Koenker
and Bassett's.

    X, parameters   the rows of inputs; W1, b1, W2, b2
    numbers         targets (7, 4) for quantile; counts (7, 4) for poisson
    counts
    pairs           targets (7, 2) for gaussian_nll, whose outputs are two means
                    and then the logarithms of two variances
    weights         of the rows
    cases           a row for each case: loss, last activation, whether the rows
                    are weighted, J, then the gradients of W1, b1, W2, b2. The
                    loss and the activation are their numbers in mlp.h
"""
import numpy as np
import torch
from torch.nn import functional as F

from vectors import put

QUANTILE, POISSON, GAUSSIAN = 5, 6, 7
IDENTITY, SIGMOID, TANH, EXP = 1, 2, 3, 12
ACTIVATIONS = {IDENTITY: lambda z: z, SIGMOID: torch.sigmoid,
               TANH: torch.tanh, EXP: torch.exp}
CASES = [(QUANTILE, IDENTITY), (QUANTILE, SIGMOID), (QUANTILE, TANH),
         (QUANTILE, EXP), (POISSON, EXP), (GAUSSIAN, IDENTITY)]
TAU = torch.tensor([.05, .5, .8, .95], dtype=torch.float64)
ROWS, INPUTS, HIDDEN, OUTPUTS = 7, 3, 4, 4


def terms_of(loss, activation, z, data):
    """Returns the terms of J, (7, 4) or (7, 2)."""
    a = ACTIVATIONS[activation](z)
    if loss == QUANTILE:
        d = data["numbers"] - a
        return torch.maximum(TAU * d, (TAU - 1) * d)
    if loss == POISSON:
        return F.poisson_nll_loss(z, data["counts"], log_input=True, full=False,
                                  reduction="none")
    mean, log_variance = a[:, :2], a[:, 2:]
    return F.gaussian_nll_loss(mean, data["pairs"], torch.exp(log_variance),
                               full=False, eps=1e-300, reduction="none")


def run(loss, activation, weighted, data, parameters):
    tensors = [torch.tensor(p, requires_grad=True) for p in parameters]
    W1, b1, W2, b2 = tensors
    z = torch.tanh(data["X"] @ W1.T + b1) @ W2.T + b2
    rows = terms_of(loss, activation, z, data).mean(1)
    weights = data["weights"] if weighted else torch.ones(ROWS).double()
    J = (weights * rows).sum() / weights.sum()
    J.backward()
    return np.concatenate([[loss, activation, weighted, J.item()],
                           *[t.grad.numpy().ravel() for t in tensors]])


def main():
    rng = np.random.RandomState(17)
    data = {"X": rng.uniform(-2, 2, (ROWS, INPUTS)),
            "numbers": rng.uniform(-1, 2, (ROWS, OUTPUTS)),
            "counts": rng.poisson(1.5, (ROWS, OUTPUTS)).astype(float),
            "pairs": rng.uniform(-2, 2, (ROWS, 2)),
            "weights": rng.uniform(0, 3, (ROWS, 1))}
    parameters = [rng.uniform(-1, 1, (HIDDEN, INPUTS)),
                  rng.uniform(-1, 1, HIDDEN),
                  rng.uniform(-1, 1, (OUTPUTS, HIDDEN)),
                  rng.uniform(-1, 1, OUTPUTS)]
    for name, rows in data.items():
        put(f"distributions_{name}", rows)
    put("distributions_parameters",
        np.concatenate([p.ravel() for p in parameters]))
    tensors = {name: torch.from_numpy(rows) for name, rows in data.items()}
    tensors["weights"] = tensors["weights"][:, 0]
    put("distributions_cases", [run(*case, weighted, tensors, parameters)
                                for case in CASES for weighted in (0, 1)])


main()
