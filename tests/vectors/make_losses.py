#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes losses_*.txt with PyTorch: losses and their gradients.

    python3 tests/vectors/make_losses.py

tests/model/test_loss.c reads the files. The script needs PyTorch 1.13 or later
and NumPy, and runs from any directory. Reading a number gives the same double.

The network has 3 inputs, 4 tanh neurons and 3 outputs, and there are six rows.
Autograd computes all gradients from PyTorch's own losses: BCEWithLogitsLoss,
CrossEntropyLoss with its label_smoothing, MSELoss, L1Loss and HuberLoss. The
script writes out one loss itself, because PyTorch has none: cce of outputs that
are not a softmax is the nll_loss of their logarithms.

    X, parameters   the rows of inputs; W1, b1, W2, b2
    bits, units     targets that are 0 or 1; targets in [0, 1]
    classes         targets that are numbers of classes
    shares          targets that are probabilities of classes
    cases           a row for each case: loss, activation of the outputs,
                    targets, delta, smoothing, J, then the gradients of W1, b1,
                    W2, b2. The loss and the activation are their numbers in
                    mlp.h; the targets are their index in TARGETS.
"""
import numpy as np
import torch
from torch.nn import functional as F

from vectors import put

TARGETS = ["bits", "units", "classes", "one_hot", "shares"]
BCE, MSE, CCE, MAE, HUBER = range(5)
IDENTITY, SIGMOID, TANH, RELU, SOFTMAX = range(1, 6)
ACTIVATIONS = {IDENTITY: lambda z: z, SIGMOID: torch.sigmoid, TANH: torch.tanh,
               RELU: torch.relu, SOFTMAX: lambda z: torch.softmax(z, 1)}
ROWS, INPUTS, HIDDEN, OUTPUTS = 6, 3, 4, 3


def make_data(rng):
    classes = np.array([[2], [0], [1], [2], [2], [0]])
    shares = rng.dirichlet(np.ones(OUTPUTS), ROWS)
    shares[1] = [.5, 0, .5]
    return {"X": rng.uniform(-2, 2, (ROWS, INPUTS)),
            "bits": rng.randint(0, 2, (ROWS, OUTPUTS)).astype(float),
            "units": rng.uniform(0, 1, (ROWS, OUTPUTS)),
            "classes": classes.astype(float),
            "shares": shares,
            "one_hot": np.eye(OUTPUTS)[classes[:, 0]]}


def cases():
    """Yields each case as (loss, activation, targets, delta, smoothing)."""
    for smoothing in 0, .1, .35:
        for targets in "bits", "units":
            yield BCE, SIGMOID, targets, 1, smoothing
        for targets in "classes", "one_hot", "shares":
            yield CCE, SOFTMAX, targets, 1, smoothing
            yield CCE, SIGMOID, targets, 1, smoothing
        yield BCE, SOFTMAX, "units", 1, smoothing
    for activation in ACTIVATIONS:
        yield MSE, activation, "units", 1, 0
        yield MAE, activation, "units", 1, 0
        for delta in .05, .3, 1, 2.5:
            yield HUBER, activation, "units", delta, 0


def smoothed(y, smoothing, answers):
    return y * (1 - smoothing) + smoothing / answers


def loss_of(case, z, data):
    loss, activation, targets, delta, smoothing = case
    a = ACTIVATIONS[activation](z)
    y = torch.from_numpy(data[targets])
    if loss == BCE:
        y = smoothed(y, smoothing, 2)
        if activation == SIGMOID:
            return F.binary_cross_entropy_with_logits(z, y)
        return F.binary_cross_entropy(a, y)
    if loss == CCE:
        if activation == SOFTMAX:
            y = y[:, 0].long() if targets == "classes" else y
            return F.cross_entropy(z, y, label_smoothing=smoothing)
        if targets == "classes" and smoothing == 0:
            return F.nll_loss(torch.log(a), y[:, 0].long())
        y = torch.from_numpy(data["one_hot"]) if targets == "classes" else y
        y = smoothed(y, smoothing, OUTPUTS)
        return -(y * torch.log(a)).sum(1).mean()
    if loss == HUBER:
        return F.huber_loss(a, y, delta=delta)
    return (F.mse_loss if loss == MSE else F.l1_loss)(a, y)


def run(case, data, parameters):
    tensors = [torch.tensor(p, requires_grad=True) for p in parameters]
    W1, b1, W2, b2 = tensors
    z = torch.tanh(torch.from_numpy(data["X"]) @ W1.T + b1) @ W2.T + b2
    J = loss_of(case, z, data)
    J.backward()
    loss, activation, targets, delta, smoothing = case
    return np.concatenate(
        [[loss, activation, TARGETS.index(targets), delta, smoothing, J.item()],
         *[t.grad.numpy().ravel() for t in tensors]])


def main():
    rng = np.random.RandomState(11)
    data = make_data(rng)
    parameters = [rng.uniform(-1, 1, (HIDDEN, INPUTS)),
                  rng.uniform(-1, 1, HIDDEN),
                  rng.uniform(-2, 2, (OUTPUTS, HIDDEN)),
                  rng.uniform(-1, 1, OUTPUTS)]
    for name in "X", "bits", "units", "classes", "shares":
        put(f"losses_{name}", data[name])
    put("losses_parameters", np.concatenate([p.ravel() for p in parameters]))
    put("losses_cases", [run(case, data, parameters) for case in cases()])


main()
