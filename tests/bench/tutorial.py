#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Measures how much faster libmlp trains than the tutorial's NumPy class.

    tutorial.py <mlp_bench>

The script trains the tutorial's XOR and moons networks five times with NumPy,
by the code of the tutorial's class, and five times with libmlp. It prints the
shortest time of each in seconds, and the ratio of the two. The losses of the
last epoch must agree, which proves that both have done the same work. Both
sides use one thread and double precision.
"""
import os
import subprocess
import sys
import time

os.environ["OPENBLAS_NUM_THREADS"] = "1"
os.environ["OMP_NUM_THREADS"] = "1"
try:
    import numpy as np  # noqa: E402, NumPy reads the variables when it loads
except ImportError:
    # The first Python in the path may lack NumPy. The system's may have it.
    if sys.executable == "/usr/bin/python3":
        raise
    os.execv("/usr/bin/python3", ["/usr/bin/python3", *sys.argv])

VECTORS = os.path.join(os.path.dirname(os.path.abspath(__file__)),
                       "..", "vectors")
ROUNDS = 5


class Tutorial:
    """The network of the tutorial's chapter 4.1, whose samples are columns."""

    def __init__(self, sizes, hidden, learning_rate, seed=42):
        np.random.seed(seed)
        self.L = len(sizes) - 1
        self.hidden = hidden
        self.learning_rate = learning_rate
        self.params, self.cache, self.grads = {}, {}, {}
        for l in range(1, self.L + 1):
            n_out, n_in = sizes[l], sizes[l - 1]
            self.params[f"W{l}"] = (np.random.randn(n_out, n_in)
                                    * np.sqrt(2 / n_in))
            self.params[f"b{l}"] = np.zeros((n_out, 1))

    def activate(self, z, l):
        if l == self.L:
            return 1 / (1 + np.exp(-np.clip(z, -500, 500)))
        return np.tanh(z) if self.hidden == "tanh" else np.maximum(0, z)

    def slope(self, l):
        if self.hidden == "tanh":
            return 1 - self.cache[f"A{l}"]**2
        return (self.cache[f"Z{l}"] > 0).astype(float)

    def forward(self, X):
        A = self.cache["A0"] = X
        for l in range(1, self.L + 1):
            Z = self.params[f"W{l}"] @ A + self.params[f"b{l}"]
            A = self.activate(Z, l)
            self.cache[f"Z{l}"], self.cache[f"A{l}"] = Z, A
        return A

    @staticmethod
    def loss(A, Y):
        A = np.clip(A, 1e-15, 1 - 1e-15)
        return -np.mean(Y * np.log(A) + (1 - Y) * np.log(1 - A))

    def backward(self, Y):
        m = Y.shape[1]
        dZ = self.cache[f"A{self.L}"] - Y
        for l in range(self.L, 0, -1):
            A_prev = self.cache[f"A{l-1}"]
            self.grads[f"dW{l}"] = (1 / m) * (dZ @ A_prev.T)
            self.grads[f"db{l}"] = (1 / m) * np.sum(dZ, axis=1, keepdims=True)
            if l > 1:
                dZ = (self.params[f"W{l}"].T @ dZ) * self.slope(l - 1)

    def update(self):
        for name in self.params:
            self.params[name] -= self.learning_rate * self.grads["d" + name]

    def train(self, X, Y, epochs):
        losses = []
        for _ in range(epochs):
            losses.append(self.loss(self.forward(X), Y))
            self.backward(Y)
            self.update()
        return losses


def train_xor():
    X = np.array([[0, 0, 1, 1], [0, 1, 0, 1]])
    Y = np.array([[0, 1, 1, 0]])
    return Tutorial([2, 4, 1], "tanh", 0.5).train(X, Y, 5000)[-1]


MOONS = np.loadtxt(os.path.join(VECTORS, "moons_train.txt"))


def train_moons():
    X, Y = MOONS[:, :2].T, MOONS[:, 2:].T
    return Tutorial([2, 16, 8, 1], "relu", 0.1).train(X, Y, 2000)[-1]


def numpy_run(train):
    start = time.perf_counter()
    loss = train()
    return time.perf_counter() - start, loss


def libmlp_run(program, workload):
    output = subprocess.run([program, "--seconds", "0.2", workload], check=True,
                            text=True, stdout=subprocess.PIPE).stdout
    values = dict(word.split("=") for word in output.split() if "=" in word)
    return float(values["min"]), float(values["loss"])


def main():
    print(f"{'training':<8} {'NumPy s':>10} {'libmlp s':>10} {'ratio':>8}")
    for name, workload, train in (("xor", "W1", train_xor),
                                  ("moons", "W2-f64", train_moons)):
        theirs, ours = [], []
        for _ in range(ROUNDS):
            theirs.append(numpy_run(train))
            ours.append(libmlp_run(sys.argv[1], workload))
        if abs(theirs[0][1] - ours[0][1]) > 1e-9 * theirs[0][1]:
            sys.exit(f"{name}: losses differ: {theirs[0][1]} {ours[0][1]}")
        a, b = min(theirs)[0], min(ours)[0]
        print(f"{name:<8} {a:>10.4f} {b:>10.6f} {a / b:>8.1f}")


main()
