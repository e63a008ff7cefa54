#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes activations.txt with PyTorch and inits.txt with NumPy.

    python3 tests/vectors/make_activations.py

The columns of a row are:

    activations     z, then a and da/dz of leaky_relu (slope 0.01), elu (slope
                    0.7), gelu, gelu_tanh, silu and softplus
    inits           the number of the mlp_weight_init, then W[1] (4, 3),
                    b[1] (4), W[2] (2, 4) and b[2] (2), drawn with seed 7

The script runs from any directory.
"""
import numpy as np
import torch
from torch.nn import functional

from vectors import put

FUNCTIONS = [
    lambda z: functional.leaky_relu(z, 0.01),
    lambda z: functional.elu(z, 0.7),
    functional.gelu,
    lambda z: functional.gelu(z, approximate="tanh"),
    functional.silu,
    lambda z: functional.softplus(z, threshold=1000),
]
WIDTHS = [3, 4, 2]


def activations():
    some = [0.0, 1e-9, 1e-4, 0.02, 6.5, 7.9, 12.0, 19.0, 33.0, 100.0]
    z = np.concatenate([np.linspace(-6, 6, 61), some, np.negative(some)])
    columns = [z]
    for f in FUNCTIONS:
        x = torch.tensor(z, requires_grad=True)
        a = f(x)
        a.sum().backward()
        columns += [a.detach().numpy(), x.grad.numpy()]
    return np.column_stack(columns)


def uniform(limit, shape):
    return np.random.uniform(-limit, limit, shape)


def of_auto(n_in, n_out, is_last):
    """In hidden layers neurons 2k and 2k + 1 have opposite weights, and few
    biases are negative. The weights of the last layer are small."""
    r = np.sqrt(1 / n_in)
    if is_last:
        return uniform(r / 4, (n_out, n_in)), uniform(r, n_out)
    half = uniform(1.25 * r, ((n_out + 1) // 2, n_in))
    W = np.stack([half, -half], axis=1).reshape(-1, n_in)[:n_out]
    return W, np.random.uniform(-r / 2, r, n_out)


def parameters(init, n_in, n_out, is_last):
    """W and b of a layer, in the order of MLP_INIT_LIST."""
    shape = (n_out, n_in)
    both = n_in + n_out
    zeros = np.zeros(n_out)
    r = np.sqrt(1 / n_in)
    return [
        lambda: of_auto(n_in, n_out, is_last),
        lambda: (np.random.randn(*shape) * np.sqrt(2 / n_in), zeros),
        lambda: (np.random.randn(*shape) * np.sqrt(2 / both), zeros),
        lambda: (np.zeros(shape), zeros),
        lambda: (np.random.randn(*shape) * np.sqrt(1 / n_in), zeros),
        lambda: (uniform(np.sqrt(6 / n_in), shape), zeros),
        lambda: (uniform(np.sqrt(6 / both), shape), zeros),
        lambda: (uniform(np.sqrt(3 / n_in), shape), zeros),
        lambda: (uniform(r, shape), uniform(r, n_out)),
    ][init]()


def inits():
    rows = []
    for init in range(9):
        np.random.seed(7)
        row = [[init]]
        for l in range(1, len(WIDTHS)):
            W, b = parameters(init, WIDTHS[l - 1], WIDTHS[l],
                              l == len(WIDTHS) - 1)
            row += [W.ravel(), b]
        rows.append(np.concatenate(row))
    return np.array(rows)


put("activations", activations())
put("inits", inits())
