#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Writes networks in genann's file format, and their predictions by NumPy.

    python3 make_genann.py

genann_<name>.ann is a network as genann_write writes it. A row of
genann_<name>.txt holds inputs and the outputs that NumPy predicts for them.

The format is known from genann's documentation and source. A file holds the
numbers of inputs, of hidden layers, of neurons in each hidden layer, and of
outputs; then the weights, neuron after neuron, each printed by " %.20e". The
first weight of a neuron is that of its bias, whose input is -1. All hidden
layers have one activation and the outputs have another one; the file names
neither.

    sigmoids  3-4-4-2 with genann's own activation
    linear    2-1 without a hidden layer, with identity
    tanh      2-5-2 with tanh, then identity
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
