#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes batch_norm_*.txt with PyTorch: training with batch normalisation.

    python3 tests/vectors/make_batch_norm.py

tests/train/test_batch_norm_pytorch.c reads the files. The script needs PyTorch
2.x and NumPy, and runs from any directory. Each file has one row for each of
the two networks in CASES. Reading a number gives the same double.

The tensors of a network come layer by layer. A layer has W, b and, with batch
norm, the scale; b is PyTorch's bias of Linear or, with batch norm, the bias of
BatchNorm1d.

    X Y         the 13 rows of inputs and of targets
    initial     the parameters before training
    Z           the normalised pre-activations of the first batch
    gradients   the gradients of the first batch, in the order of the parameters
    loss        the loss of each step, before its update
    running     the running means and variances after each step; each layer's
                means come before its variances
    final       the parameters after all steps
    prediction  the outputs for all rows, in PyTorch's mode eval()
"""
import pathlib

import numpy as np
import torch

HERE = pathlib.Path(__file__).parent
WIDTHS = [3, 5, 4, 3, 2]
ACTIVATIONS = [torch.tanh, torch.relu, torch.relu, torch.sigmoid]
NORMALISES = [True, False, True, True]
BATCHES = [(0, 6), (6, 11), (11, 13)] * 2
ALPHA = 0.5
CASES = [(0.1, 1e-5), (0.3, 0.05)]  # momentum, epsilon


class Net(torch.nn.Module):
    def __init__(self, rng, momentum, epsilon):
        super().__init__()
        self.linear = torch.nn.ModuleList()
        self.norm = torch.nn.ModuleList()
        for n_in, n_out, norm in zip(WIDTHS, WIDTHS[1:], NORMALISES):
            self.linear.append(torch.nn.Linear(n_in, n_out, bias=not norm))
            self.norm.append(torch.nn.BatchNorm1d(n_out, epsilon, momentum)
                             if norm else torch.nn.Identity())
        self.double()
        with torch.no_grad():
            for tensor in self.tensors():
                low = 0.5 if tensor.ndim == 1 and self.is_scale(tensor) else -1
                tensor.copy_(torch.from_numpy(
                    rng.uniform(low, low + 2, tuple(tensor.shape))))

    def is_scale(self, tensor):
        return any(tensor is getattr(norm, "weight", None)
                   for norm in self.norm)

    def tensors(self):
        for linear, norm in zip(self.linear, self.norm):
            yield linear.weight
            if linear.bias is not None:
                yield linear.bias
            else:
                yield norm.bias
                yield norm.weight

    def running(self):
        for norm in self.norm:
            if not isinstance(norm, torch.nn.Identity):
                yield norm.running_mean
                yield norm.running_var

    def forward(self, a):
        self.Z = []
        for linear, norm, activation in zip(self.linear, self.norm,
                                            ACTIVATIONS):
            self.Z.append(norm(linear(a)))
            a = activation(self.Z[-1])
        return a


def flat(tensors):
    return np.concatenate([t.detach().numpy().ravel() for t in tensors])


def run(case):
    rng = np.random.RandomState(case)
    net = Net(rng, *CASES[case])
    X = torch.from_numpy(rng.uniform(-1, 1, (13, 3)))
    Y = torch.from_numpy(rng.uniform(0, 1, (13, 2)))
    out = {"X": flat([X]), "Y": flat([Y]), "initial": flat(net.tensors()),
           "loss": [], "running": []}
    optimizer = torch.optim.SGD(net.parameters(), lr=ALPHA)
    for first, end in BATCHES:
        optimizer.zero_grad()
        loss = torch.nn.functional.binary_cross_entropy(net(X[first:end]),
                                                        Y[first:end])
        loss.backward()
        if "Z" not in out:
            out["Z"] = flat(net.Z)
            out["gradients"] = flat([t.grad for t in net.tensors()])
        optimizer.step()
        out["loss"].append(loss.item())
        out["running"].append(flat(net.running()))
    out["running"] = np.concatenate(out["running"])
    out["final"] = flat(net.tensors())
    net.eval()
    out["prediction"] = flat([net(X)])
    return out


def main():
    cases = [run(case) for case in range(len(CASES))]
    for name in cases[0]:
        rows = [case[name] for case in cases]
        with open(HERE / f"batch_norm_{name}.txt", "w") as file:
            print(f"# batch_norm_{name} {len(rows)} {len(rows[0])}", file=file)
            for row in rows:
                print(" ".join(f"{x:.17g}" for x in row), file=file)


main()
