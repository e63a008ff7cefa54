#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Writes optimizers_*.txt: trainings of a network by PyTorch's optimizers.

    python3 make_optimizers.py

Everything is computed in float64 with one thread. A 3-4-2 network (tanh,
identity, mse) trains for twenty steps on 24 rows, which keep their order. X, Y
and the initial parameters have files of their own.

Each row of optimizers_final.txt is a case. It holds the parameters W1, b1, W2
and b2 after the last step, row by row as torch.nn.Linear stores them, and the
loss before the last update. The cases are all combinations of an optimizer
(RULES), a batch size (BATCHES) and a variant (VARIANTS); the variant changes
fastest. tests/train/test_optimizer.c runs through the same three lists.

The script uses the optimizers and variants of torch.optim. What torch.optim
lacks it computes itself: the tutorial's momentum, decoupled weight decay for
optimizers other than AdamW, and penalties, which autograd differentiates.

A file whose numbers differ by no more than rounding stays as it is.
"""
import os

import numpy as np
import torch

FOLDER = os.path.dirname(os.path.abspath(__file__))
ROWS, STEPS, ALPHA = 24, 20, 0.05
BATCHES = 24, 6
L2, L1, DECAY, CLIP_VALUE, CLIP_NORM = 0.6, 0.3, 0.1, 0.05, 0.2
RULES = ("sgd", "momentum", "tutorial_momentum", "nesterov", "rmsprop", "adam",
         "adamw", "rprop")
VARIANTS = "plain", "l2", "l1", "decay", "value", "norm", "value and norm"


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


class TutorialMomentum(torch.optim.Optimizer):
    """Updates v := beta v + (1 - beta) g, w := w - alpha v; v begins as 0."""

    def __init__(self, groups, lr, beta):
        super().__init__(groups, dict(lr=lr, weight_decay=0.0))
        self.beta = beta

    def step(self):
        for group in self.param_groups:
            for p in group["params"]:
                state = self.state[p]
                v = state.get("v", torch.zeros_like(p))
                state["v"] = self.beta * v + (1 - self.beta) * p.grad
                p.data -= group["lr"] * state["v"]


def optimizer(rule, weights, biases, weight_decay):
    """Makes the optimizer. weight_decay applies to the weights only, and means
    what it means for the optimizer's class in torch.optim."""
    groups = [dict(params=weights, weight_decay=weight_decay),
              dict(params=biases, weight_decay=0.0)]
    make = torch.optim
    if rule == "sgd":
        return make.SGD(groups, lr=ALPHA)
    if rule == "momentum":
        return make.SGD(groups, lr=ALPHA, momentum=0.9)
    if rule == "tutorial_momentum":
        return TutorialMomentum(groups, ALPHA, 0.9)
    if rule == "nesterov":
        return make.SGD(groups, lr=ALPHA, momentum=0.9, nesterov=True)
    if rule == "rmsprop":
        return make.RMSprop(groups, lr=ALPHA)
    if rule == "adam":
        return make.Adam(groups, lr=ALPHA)
    if rule == "adamw":
        return make.AdamW(groups, lr=ALPHA)
    return make.Rprop(weights + biases, lr=ALPHA)


COUPLED = "sgd", "momentum", "nesterov", "rmsprop", "adam"


def run(start, X, Y, rule, batch, variant):
    params = [torch.tensor(p, requires_grad=True) for p in start]
    weights, biases = params[0::2], params[1::2]
    coupled = variant == "l2" and rule in COUPLED
    decay = DECAY if variant == "decay" else 0.0
    own_decay = L2 / batch if coupled else decay if rule == "adamw" else 0.0
    steps = optimizer(rule, weights, biases, own_decay)
    for step in range(STEPS):
        first = step * batch % ROWS
        x, y = X[first:first + batch], Y[first:first + batch]
        a = torch.tanh(x @ params[0].T + params[1]) @ params[2].T + params[3]
        J = torch.mean((a - y)**2)
        squares = sum((w**2).sum() for w in weights)
        loss = J + (L2 / (2 * batch) * squares if variant == "l2" else 0)
        if variant == "l1":
            J = loss = J + L1 / batch * sum(w.abs().sum() for w in weights)
        steps.zero_grad()
        (J if coupled else loss).backward()
        if variant.startswith("value"):
            torch.nn.utils.clip_grad_value_(params, CLIP_VALUE)
        if variant == "norm":
            torch.nn.utils.clip_grad_norm_(params, CLIP_NORM)
        if variant == "value and norm":
            torch.nn.utils.clip_grad_norm_(params, CLIP_NORM / 2)
        if decay and rule != "adamw":
            for w in weights:
                w.data *= 1 - ALPHA * decay
        steps.step()
    return np.concatenate([p.detach().numpy().ravel() for p in params] +
                          [[loss.item()]])


torch.set_default_dtype(torch.float64)
torch.set_num_threads(1)
rng = np.random.RandomState(4)
X = rng.randn(ROWS, 3)
Y = np.column_stack([np.sin(X[:, 0]) + X[:, 1], X[:, 2] * X[:, 0]])
start = [rng.randn(4, 3), 0.1 * rng.randn(4), rng.randn(2, 4),
         0.1 * rng.randn(2)]
put("optimizers_X", X)
put("optimizers_Y", Y)
put("optimizers_initial", np.concatenate([p.ravel() for p in start]))
put("optimizers_final",
    [run(start, torch.tensor(X), torch.tensor(Y), rule, batch, variant)
     for rule in RULES for batch in BATCHES for variant in VARIANTS])
