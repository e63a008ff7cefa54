#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Writes weights_*.txt with PyTorch: trainings with row and class weights.

    python3 make_weights.py

Everything is computed in float64 with one thread. A 3-4-n network (tanh, then
the activation that belongs to the loss) trains on 24 rows, which keep their
order, by SGD with momentum 0.9 and L2. These have files of their own:

    X           the inputs
    initial     the initial parameters for n = 3; with fewer outputs a network
                uses the first n rows of W2 and b2
    Y           the targets of mse
    classes     the classes of cce; the target of bce is 1 if the class is not 0
    rows        the row weights

Each row of weights_final.txt is a case. It holds W1, b1, W2 and b2 after 20
steps, row by row as torch.nn.Linear stores them, then zeros up to 31 numbers,
then the loss of the last epoch. The cases are all combinations of a loss (bce,
mse, cce with n = 1, 2, 3), a batch size (24 or 7 rows, so that 20 steps make 20
or 5 epochs) and the kind of weights (of rows, of classes, of both; mse has row
weights only). tests/train/test_sample_weights_pytorch.c runs through the same
lists.

The loss of a batch is sum(w_i J_i) / sum(w_i). With class weights alone it
equals torch.nn.functional.cross_entropy with `weight`, which the script calls
for these cases. A penalty is divided by sum(w_i) too, in place of the number of
rows.

A file whose numbers differ by no more than rounding stays as it is.
"""
import os

import numpy as np
import torch
import torch.nn.functional as F

FOLDER = os.path.dirname(os.path.abspath(__file__))
ROWS, STEPS, ALPHA, L2, NUMBERS = 24, 20, 0.05, 0.3, 31
BATCHES = 24, 7
CLASS_WEIGHTS = {"bce": [0.75, 3.0], "cce": [0.5, 2.0, 1.25]}
OUTPUTS = {"bce": 1, "mse": 2, "cce": 3}


def put(name, a):
    path = os.path.join(FOLDER, name + ".txt")
    a = np.atleast_2d(np.asarray(a, float))
    if os.path.exists(path):
        old = np.loadtxt(path, ndmin=2)
        if old.shape == a.shape and np.allclose(a, old, 1e-13, 1e-15):
            return
    with open(path, "w") as f:
        f.write(f"# {name} {a.shape[0]} {a.shape[1]}\n")
        for row in a:
            f.write(" ".join("%.17g" % v for v in row) + "\n")


def row_losses(loss, z, y):
    if loss == "bce":
        return F.binary_cross_entropy_with_logits(z[:, 0], y, reduction="none")
    if loss == "mse":
        return ((z - y)**2).mean(1)
    return F.cross_entropy(z, y, reduction="none")


def run(loss, batch, kind):
    params = [torch.tensor(p, requires_grad=True)
              for p in start[:2] + [p[:OUTPUTS[loss]] for p in start[2:]]]
    steps = torch.optim.SGD(params, lr=ALPHA, momentum=0.9)
    y = {"bce": (classes > 0).double(), "mse": Y, "cce": classes}[loss]
    w = torch.ones(ROWS) if kind == "classes" else row_weights
    if kind != "rows":
        of_classes = torch.tensor(CLASS_WEIGHTS[loss])
        w = w * of_classes[(classes > 0).long() if loss == "bce" else classes]
    batches = -(-ROWS // batch)
    for epoch in range(STEPS // batches):
        total = 0.0
        for first in range(0, ROWS, batch):
            part = slice(first, first + batch)
            z = (torch.tanh(X[part] @ params[0].T + params[1]) @ params[2].T
                 + params[3])
            if loss == "cce" and kind == "classes":
                J = F.cross_entropy(z, y[part], weight=of_classes)
            else:
                J = (row_losses(loss, z, y[part]) * w[part]).sum()
                J = J / w[part].sum()
            squares = (params[0]**2).sum() + (params[2]**2).sum()
            J = J + L2 / (2 * w[part].sum()) * squares
            steps.zero_grad()
            J.backward()
            steps.step()
            total += J.item() * w[part].sum().item()
    numbers = np.concatenate([p.detach().numpy().ravel() for p in params])
    return np.concatenate([numbers, np.zeros(NUMBERS - len(numbers)),
                           [total / w.sum().item()]])


torch.set_default_dtype(torch.float64)
torch.set_num_threads(1)
rng = np.random.RandomState(6)
X = torch.tensor(rng.randn(ROWS, 3))
Y = torch.tensor(rng.randn(ROWS, 2))
classes = torch.tensor(rng.randint(0, 3, ROWS))
row_weights = torch.tensor(rng.randint(0, 9, ROWS) / 3)
start = [rng.randn(4, 3), 0.1 * rng.randn(4), rng.randn(3, 4),
         0.1 * rng.randn(3)]
put("weights_X", X)
put("weights_Y", Y)
put("weights_classes", classes[:, None])
put("weights_rows", row_weights[:, None])
put("weights_initial", np.concatenate([p.ravel() for p in start]))
put("weights_final",
    [run(loss, batch, kind) for loss in ("bce", "mse", "cce")
     for batch in BATCHES for kind in ("rows", "classes", "both")
     if loss != "mse" or kind == "rows"])
