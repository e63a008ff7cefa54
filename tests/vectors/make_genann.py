#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Writes genann_<name>.ann, networks as genann_write writes them, and
genann_<name>.txt, what NumPy says that they predict: each row inputs, outputs.

    python3 make_genann.py

The format, from genann's documentation and source: the numbers of inputs, hidden
layers, neurons in each of them, and outputs, then the weights, " %.20e" each:
neuron after neuron, of each that of its bias first, whose input is -1. Neurons of
hidden layers have one activation, outputs another, which the file does not say.

    sigmoids  3-4-4-2, genann's own activation
    linear    2-1 without a hidden layer, linear
    tanh      2-5-2, tanh, then linear
"""
import os

import numpy as np

FOLDER = os.path.dirname(os.path.abspath(__file__))
ACTIVATIONS = dict(sigmoid=lambda z: 1 / (1 + np.exp(-z)), tanh=np.tanh,
                   identity=lambda z: z)
CASES = {"sigmoids": ((3, 2, 4, 2), "sigmoid", "sigmoid"),
         "linear": ((2, 0, 7, 1), "sigmoid", "identity"),
         "tanh": ((2, 1, 5, 2), "tanh", "identity")}

rng = np.random.RandomState(11)
for name, (sizes, hidden, output) in CASES.items():
    inputs, n_hidden, width, outputs = sizes
    widths = [inputs] + [width] * n_hidden + [outputs]
    X = rng.uniform(-2, 2, (10, inputs))
    A, weights = X, []
    for l, (n_in, n) in enumerate(zip(widths, widths[1:])):
        W = rng.uniform(-1.5, 1.5, (n, n_in + 1))
        weights += list(W.ravel())
        Z = np.hstack([-np.ones((len(A), 1)), A]) @ W.T
        A = ACTIVATIONS[hidden if l < n_hidden else output](Z)
    with open(os.path.join(FOLDER, f"genann_{name}.ann"), "w") as out:
        out.write("%d %d %d %d" % sizes + "".join(" %.20e" % w for w in weights))
    np.savetxt(os.path.join(FOLDER, f"genann_{name}.txt"), np.hstack([X, A]),
               fmt="%.17g", comments="# ",
               header=f"genann_{name} {len(X)} {inputs + outputs}")
