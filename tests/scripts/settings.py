# SPDX-License-Identifier: MIT
"""Compares the example moons with NumPy, for many settings of its options.

    python3 settings.py <the program moons>

NumPy trains with the formulas of the tutorial's chapters 4.1 and 5. From its
results the script makes the lines that the tutorial prints, and the program
must print the same lines wherever a line contains a digit.

Rounding errors of the two differ, and training amplifies them, most of all with
a large learning rate. The settings are chosen so that no printed digit is close
to the point where it would be rounded the other way. With thousands of epochs
a new setting may be too close.
"""
import itertools
import subprocess
import sys
import warnings

import numpy as np

warnings.filterwarnings("ignore")  # without test rows their mean is NaN

DEFAULTS = {"epochs": 2000, "lr": 0.1, "hidden": "16,8", "noise": 0.2,
            "samples": 500, "seed": 42, "every": 200}
SETTINGS = [
    {},
    {"epochs": 0},
    {"epochs": 1, "every": 1},
    {"epochs": 700, "every": 150},
    {"lr": 0.5, "epochs": 600},
    {"lr": 0.003, "epochs": 400},
    {"lr": 1e-300, "epochs": 2},
    {"hidden": "1"},
    {"hidden": "4", "epochs": 1000},
    {"hidden": "5,4,3,2", "epochs": 800},
    {"hidden": "64,32", "epochs": 300, "every": 50},
    {"noise": 0, "epochs": 500},
    {"noise": 0.5, "epochs": 1000},
    {"samples": 2, "epochs": 100},
    {"samples": 4, "epochs": 100},
    {"samples": 6, "epochs": 300},
    {"samples": 24, "epochs": 300},
    {"samples": 1234, "epochs": 400},
    {"seed": 0, "epochs": 1000},
    {"seed": 7, "epochs": 1000},
    {"seed": 4294967295, "epochs": 500},
    {"epochs": 450, "lr": 0.3, "hidden": "12,6", "noise": 0.3, "samples": 300,
     "seed": 2025, "every": 75},
]


def moons(n, noise, seed):
    np.random.seed(seed)
    theta = np.linspace(0, np.pi, n // 2)
    X = np.vstack([
        np.column_stack([np.cos(theta), np.sin(theta)]),
        np.column_stack([1 - np.cos(theta), 1 - np.sin(theta) - 0.5])])
    X += np.random.normal(0, noise, X.shape)
    y = np.hstack([np.zeros(n // 2), np.ones(n // 2)]).astype(int)
    order = np.random.permutation(n)
    return X[order], y[order]


def split(X, y, seed):
    np.random.seed(seed)
    n_test = int(len(y) * 0.2)
    order = np.random.permutation(len(y))
    test, train = order[:n_test], order[n_test:]
    return X[train], X[test], y[train], y[test]


class Net:
    """A network of ReLU layers and a sigmoid layer; samples are columns."""

    def __init__(self, sizes, seed):
        np.random.seed(seed)
        self.W = [np.random.randn(n, m) * np.sqrt(2 / m)
                  for m, n in zip(sizes, sizes[1:])]
        self.b = [np.zeros((n, 1)) for n in sizes[1:]]

    def forward(self, X):
        A = [X]
        for W, b in zip(self.W, self.b):
            Z = W @ A[-1] + b
            last = len(A) == len(self.W)
            A.append(1 / (1 + np.exp(-np.clip(Z, -500, 500))) if last
                     else np.maximum(0, Z))
        return A

    def step(self, X, Y, lr):
        A, m = self.forward(X), Y.shape[1]
        P = np.clip(A[-1], 1e-15, 1 - 1e-15)
        loss = -np.mean(Y * np.log(P) + (1 - Y) * np.log(1 - P))
        dZ = A[-1] - Y
        for l in reversed(range(len(self.W))):
            dA = self.W[l].T @ dZ
            self.W[l] -= lr * ((1 / m) * (dZ @ A[l].T))
            self.b[l] -= lr * ((1 / m) * dZ.sum(axis=1, keepdims=True))
            dZ = dA * (A[l] > 0)  # A > 0 exactly where Z > 0
        return loss

    def accuracy(self, X, Y):
        return np.mean((self.forward(X)[-1] >= 0.5).astype(int) == Y)


def tutorial(epochs, lr, hidden, noise, samples, seed, every):
    """Yields the lines that the tutorial prints."""
    X, X_test, y, y_test = split(*moons(samples, noise, seed), seed)
    yield f"Training samples: {len(y)}"
    yield f"Test samples: {len(y_test)}"
    yield f"Features: {X.shape[1]}"
    yield f"Class distribution (train): {np.bincount(y)}"

    mean, std = X.mean(axis=0), X.std(axis=0)
    X, X_test = ((X - mean) / std).T, ((X_test - mean) / std).T
    y, y_test = y.reshape(1, -1), y_test.reshape(1, -1)
    sizes = [2, *map(int, hidden.split(",")), 1]
    net = Net(sizes, seed)
    yield "Architecture: " + " → ".join(map(str, sizes))
    yield f"Total parameters: {sum(p.size for p in net.W + net.b)}"

    for epoch in range(epochs):
        loss = net.step(X, y, lr)
        if epoch % every == 0 or epoch == epochs - 1:
            yield (f"Epoch {epoch:5d} | Loss: {loss:.6f} | "
                   f"Accuracy: {net.accuracy(X, y):.2%}")
    yield f"Training Accuracy: {net.accuracy(X, y):.2%}"
    yield f"Test Accuracy: {net.accuracy(X_test, y_test):.2%}"


def compare(program, setting):
    """Runs the program and NumPy; returns the number of lines that differ."""
    flags = [text for name, value in setting.items()
             for text in ("--" + name, str(value))]
    expected = list(tutorial(**{**DEFAULTS, **setting}))
    printed = subprocess.run([program, *flags], check=True, encoding="utf-8",
                             stdout=subprocess.PIPE).stdout
    came = [line for line in printed.splitlines()
            if any(c.isdigit() for c in line) or "Accuracy: " in line]
    pairs = list(itertools.zip_longest(expected, came))
    wrong = [(e, c) for e, c in pairs if e != c]
    print(f"{len(pairs)} lines, {len(wrong)} differ: {' '.join(flags)}")
    for e, c in wrong:
        print(f"    expected {e}\n    came     {c}")
    return len(wrong)


if __name__ == "__main__":
    # The lines contain arrows, which the locale C cannot encode.
    sys.stdout.reconfigure(encoding="utf-8", errors="replace")
    differ = sum(compare(sys.argv[1], setting) for setting in SETTINGS)
    sys.exit(differ > 0)
