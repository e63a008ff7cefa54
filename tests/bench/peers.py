#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Measures a Python library with the workloads of mlp_bench.

    peers.py [--seconds S] [--threads N] <peer> [<workload> ...]

The peers are numpy (backpropagation written out by hand, as tutorials do it),
torch, torch-passive (torch whose idle threads sleep) and sklearn. The script
prints lines in the format of mlp_bench, and skips what a peer cannot do. If the
peer is not installed, it prints the reason and exits with status 77.

The comparison is fair because the work is the same: the same shapes, the same
number of steps, rows that are gathered in a new order in each epoch, and losses
of the same cost. Each peer initialises the weights itself. Predictions of
scikit-learn do more work: they end with a logistic function.
"""
import argparse
import os
import statistics
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
MOONS_ROWS = os.path.join(HERE, "..", "vectors", "moons_train.txt")
DIGITS_ROWS = os.path.join(HERE, "..", "..", "examples", "data", "digits.csv")
LEAST_REPETITIONS = 7
NOT_INSTALLED = 77

XOR = (2, 4, 1)
MOONS = (2, 16, 8, 1)
DIGITS = (64, 128, 64, 10)
MNIST = (784, 512, 512, 10)
WIDE = (1024, 2048, 2048, 1024)

# An optimizer is a tuple of its name, its learning rate and its momentum.
SGD = ("sgd", 0.01, 0)
MOMENTUM = ("sgd", 0.05, 0.9)
ADAM = ("adam", 0.001, 0)


# ------------------------------------------------------------------------------
# Timing by the same method as measure.c

class Timer:
    """Measures the chosen workloads of one peer and prints their medians."""

    def __init__(self, args):
        self.head = f"{args.peer} {args.threads}"
        self.seconds = args.seconds
        self.choices = args.workloads

    def wants(self, name):
        """True if the user chose the result; W8 chooses every W8-..."""
        return any(name == choice or name.startswith(choice + "-")
                   for choice in self.choices)

    def repeat(self, call):
        """The seconds that one call() took in each repetition.

        A repetition makes so many calls that the clock's resolution does not
        matter.
        """
        def run(calls):
            start = time.perf_counter()
            for _ in range(calls):
                call()
            return time.perf_counter() - start

        least, calls = self.seconds / 20, 1
        seconds = run(calls)
        while seconds < least:
            calls = int(calls * min(max(1.2 * least / seconds, 1.5), 100)) + 1
            seconds = run(calls)
        times = []
        start = time.perf_counter()
        while (len(times) < LEAST_REPETITIONS
               or time.perf_counter() - start < self.seconds):
            times.append(run(calls) / calls)
        return times

    def time(self, name, unit, scale, call, amount=1):
        """Prints the time of one unit of work; a call does `amount` units."""
        if not self.wants(name):
            return
        times = self.repeat(call)
        scale /= amount
        print(f"{name} {self.head} {statistics.median(times) * scale:.6g} "
              f"{unit} min={min(times) * scale:.6g}", flush=True)

    def rate(self, name, unit, amount, call):
        """Prints the units of work per second; a call does `amount` units."""
        if not self.wants(name):
            return
        times = self.repeat(call)
        print(f"{name} {self.head} {amount / statistics.median(times):.6g} "
              f"{unit} max={amount / min(times):.6g}", flush=True)


# ------------------------------------------------------------------------------
# Peers. Each class has four methods:
#
#   train()      makes a network and trains it, with all rows in each batch
#   epoch()      returns a function that trains for one epoch of mini-batches
#   fit()        trains for several epochs and returns the accuracy
#   predictor()  returns a function that predicts the outputs of the rows x
#
# The last layer is "sigmoid" or "softmax", both with cross-entropy, or "linear"
# with the squared error. With "softmax" y holds the numbers of classes.

class NumpyOptimizer:
    def __init__(self, optimizer, net):
        self.name, self.rate, self.momentum = optimizer
        self.steps = 0
        self.first = [[np.zeros_like(p) for p in layer] for layer in net]
        self.second = [[np.zeros_like(p) for p in layer] for layer in net]

    def update(self, l, i, p, d):
        if self.name == "adam":
            m, v = self.first[l][i], self.second[l][i]
            m *= 0.9
            m += 0.1 * d
            v *= 0.999
            v += 0.001 * (d * d)
            rate = (self.rate * (1 - 0.999 ** self.steps) ** 0.5
                    / (1 - 0.9 ** self.steps))
            p -= rate * m / (np.sqrt(v) + 1e-8)
        elif self.momentum:
            m = self.first[l][i]
            m *= self.momentum
            m += d
            p -= self.rate * m
        else:
            p -= self.rate * d


class Numpy:
    def __init__(self, _):
        pass

    def net(self, sizes, dtype):
        return [[(np.random.randn(a, b) * np.sqrt(2 / a)).astype(dtype),
                 np.zeros(b, dtype)] for a, b in zip(sizes, sizes[1:])]

    def forward(self, net, x, hidden, last):
        activations = [x]
        for w, b in net[:-1]:
            z = activations[-1] @ w + b
            activations.append(np.tanh(z) if hidden == "tanh"
                               else np.maximum(z, 0))
        z = activations[-1] @ net[-1][0] + net[-1][1]
        if last == "sigmoid":
            z = 1 / (1 + np.exp(-z))
        elif last == "softmax":
            z = np.exp(z - z.max(1, keepdims=True))
            z /= z.sum(1, keepdims=True)
        activations.append(z)
        return activations

    def loss(self, a, y, last):
        """The loss, and its derivative dZ by the last pre-activations Z."""
        if last == "sigmoid":
            c = np.clip(a, 1e-7, 1 - 1e-7)
            return (-np.mean(y * np.log(c) + (1 - y) * np.log(1 - c)),
                    (a - y) / a.size)
        if last == "softmax":
            d = a.copy()
            rows = np.arange(len(y))
            d[rows, y] -= 1
            d /= len(y)
            return -np.mean(np.log(np.maximum(a[rows, y], 1e-30))), d
        return np.mean((a - y) ** 2), (a - y) * (2 / a.size)

    def step(self, net, optimizer, x, y, hidden="relu", last="sigmoid"):
        """Updates the network once and returns the loss before that."""
        activations = self.forward(net, x, hidden, last)
        loss, d = self.loss(activations[-1], y, last)
        optimizer.steps += 1
        for l in range(len(net) - 1, -1, -1):
            w, b = net[l]
            previous = activations[l]
            dw, db = previous.T @ d, d.sum(0)
            if l:
                d = d @ w.T
                d *= 1 - previous ** 2 if hidden == "tanh" else previous > 0
            optimizer.update(l, 0, w, dw)
            optimizer.update(l, 1, b, db)
        return loss

    def train(self, sizes, hidden, x, y, rate, epochs):
        net = self.net(sizes, x.dtype)
        optimizer = NumpyOptimizer(("sgd", rate, 0), net)
        for _ in range(epochs):
            self.step(net, optimizer, x, y, hidden)

    def batches(self, net, optimizer, x, y, batch, last):
        order = np.random.permutation(len(x))
        for i in range(0, len(x), batch):
            rows = order[i:i + batch]
            self.step(net, optimizer, x[rows], y[rows], last=last)

    def epoch(self, sizes, x, y, batch, last, optimizer):
        net = self.net(sizes, x.dtype)
        optimizer = NumpyOptimizer(optimizer, net)
        return lambda: self.batches(net, optimizer, x, y, batch, last)

    def fit(self, sizes, x, y, batch, optimizer, epochs):
        net = self.net(sizes, x.dtype)
        optimizer = NumpyOptimizer(optimizer, net)
        for _ in range(epochs):
            self.batches(net, optimizer, x, y, batch, "softmax")
        a = self.forward(net, x, "relu", "softmax")[-1]
        return np.mean(a.argmax(1) == y)

    def predictor(self, sizes, x):
        net = self.net(sizes, x.dtype)
        return lambda: self.forward(net, x, "relu", "linear")


class Torch:
    def __init__(self, threads):
        import torch
        self.torch = torch
        torch.set_num_threads(threads)

    def net(self, sizes, hidden="relu"):
        nn = self.torch.nn
        layers = []
        for a, b in zip(sizes, sizes[1:]):
            layers += [nn.Linear(a, b),
                       nn.Tanh() if hidden == "tanh" else nn.ReLU()]
        return nn.Sequential(*layers[:-1])

    def loss(self, last):
        functional = self.torch.nn.functional
        return {"sigmoid": functional.binary_cross_entropy_with_logits,
                "softmax": functional.cross_entropy,
                "linear": functional.mse_loss}[last]

    def optimizer(self, optimizer, net):
        name, rate, momentum = optimizer
        if name == "adam":
            return self.torch.optim.Adam(net.parameters(), lr=rate)
        return self.torch.optim.SGD(net.parameters(), lr=rate,
                                    momentum=momentum)

    def train(self, sizes, hidden, x, y, rate, epochs):
        x, y = self.torch.from_numpy(x), self.torch.from_numpy(y)
        net = self.net(sizes, hidden).to(x.dtype)
        optimizer = self.optimizer(("sgd", rate, 0), net)
        loss = self.loss("sigmoid")
        for _ in range(epochs):
            optimizer.zero_grad()
            loss(net(x), y).backward()
            optimizer.step()

    def batches(self, net, optimizer, loss, x, y, batch):
        order = self.torch.randperm(len(x))
        for i in range(0, len(x), batch):
            rows = order[i:i + batch]
            optimizer.zero_grad()
            loss(net(x[rows]), y[rows]).backward()
            optimizer.step()

    def epoch(self, sizes, x, y, batch, last, optimizer):
        x, y = self.torch.from_numpy(x), self.torch.from_numpy(y)
        net = self.net(sizes)
        optimizer, loss = self.optimizer(optimizer, net), self.loss(last)
        return lambda: self.batches(net, optimizer, loss, x, y, batch)

    def fit(self, sizes, x, y, batch, optimizer, epochs):
        x, y = self.torch.from_numpy(x), self.torch.from_numpy(y)
        net = self.net(sizes)
        optimizer, loss = self.optimizer(optimizer, net), self.loss("softmax")
        for _ in range(epochs):
            self.batches(net, optimizer, loss, x, y, batch)
        with self.torch.no_grad():
            return (net(x).argmax(1) == y).float().mean().item()

    def predictor(self, sizes, x):
        """Traces and freezes the network, which makes it fastest."""
        x = self.torch.from_numpy(x)
        jit = self.torch.jit
        net = jit.freeze(jit.trace(self.net(sizes).eval(), x))

        def run():
            with self.torch.inference_mode():
                net(x)
        return run


class Sklearn:
    def __init__(self, _):
        import warnings
        from sklearn import neural_network
        self.neural_network = neural_network
        # Few epochs are meant, so "has not converged yet" is no news.
        warnings.filterwarnings("ignore")

    def net(self, sizes, optimizer, kind="MLPClassifier", **options):
        name, rate, momentum = optimizer
        return getattr(self.neural_network, kind)(
            sizes[1:-1], solver=name, alpha=0, learning_rate_init=rate,
            momentum=momentum, nesterovs_momentum=False, tol=0,
            n_iter_no_change=10**9, **options)

    def train(self, sizes, hidden, x, y, rate, epochs):
        self.net(sizes, ("sgd", rate, 0), activation=hidden,
                 batch_size=len(x), shuffle=False,
                 max_iter=epochs).fit(x, y.ravel())

    def epoch(self, sizes, x, y, batch, last, optimizer):
        if last == "linear":
            net = self.net(sizes, optimizer, "MLPRegressor", batch_size=batch)
            return lambda: net.partial_fit(x, y)
        net = self.net(sizes, optimizer, batch_size=batch)
        classes = np.arange(sizes[-1])
        return lambda: net.partial_fit(x, y, classes)

    def fit(self, sizes, x, y, batch, optimizer, epochs):
        net = self.net(sizes, optimizer, batch_size=batch, max_iter=epochs)
        return net.fit(x, y).score(x, y)

    def predictor(self, sizes, x):
        rows = np.random.rand(64, sizes[0]).astype(x.dtype)
        net = self.net(sizes, SGD, max_iter=1)
        net.fit(rows, np.arange(64) % max(2, sizes[-1]))
        return lambda: net.predict_proba(x)


PEERS = {"numpy": Numpy, "torch": Torch, "torch-passive": Torch,
         "sklearn": Sklearn}


# ------------------------------------------------------------------------------
# Workloads

def uniform(*shape):
    return np.random.rand(*shape).astype(np.float32)


def w1(peer, timer):
    x = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], float)
    y = np.array([[0], [1], [1], [0]], float)
    timer.time("W1", "s", 1,
               lambda: peer.train(XOR, "tanh", x, y, 0.5, 5000))


def w2(peer, timer):
    rows = np.loadtxt(MOONS_ROWS)
    for name, dtype in ("W2-f64", np.float64), ("W2-f32", np.float32):
        x = np.ascontiguousarray(rows[:, :2], dtype)
        y = np.ascontiguousarray(rows[:, 2:], dtype)
        timer.time(name, "s", 1,
                   lambda: peer.train(MOONS, "relu", x, y, 0.1, 2000))


def w3(peer, timer):
    rows = np.loadtxt(DIGITS_ROWS, delimiter=",")
    x = (rows[:, :-1] / 16).astype(np.float32)
    y = rows[:, -1].astype(np.int64)
    accuracies = []
    timer.time("W3", "s", 1, lambda: accuracies.append(
        peer.fit(DIGITS, x, y, 32, MOMENTUM, 20)))
    if accuracies and statistics.median(accuracies) < 0.99:
        print(f"W3: {timer.head} has an accuracy of only "
              f"{statistics.median(accuracies):.4f}", file=sys.stderr)


def time_steps(peer, timer, name, sizes, batch, steps, last="softmax",
               optimizer=SGD):
    if not timer.wants(name):
        return
    x = uniform(batch * steps, sizes[0])
    y = (np.random.randint(0, sizes[-1], len(x)) if last == "softmax"
         else np.random.randn(len(x), sizes[-1]).astype(np.float32))
    timer.time(name, "ms/step", 1e3,
               peer.epoch(sizes, x, y, batch, last, optimizer), steps)


def w4(peer, timer):
    time_steps(peer, timer, "W4-sgd", MNIST, 128, 100)
    time_steps(peer, timer, "W4-adam", MNIST, 128, 100, optimizer=ADAM)


def w5(peer, timer):
    time_steps(peer, timer, "W5", WIDE, 256, 10, "linear")


def w6(peer, timer):
    for sizes in MOONS, DIGITS, MNIST:
        name = "W6-" + "-".join(map(str, sizes))
        timer.time(name, "ns/call", 1e9,
                   peer.predictor(sizes, uniform(1, sizes[0])))


def w7(peer, timer):
    x = uniform(10000, MNIST[0])
    timer.rate("W7", "rows/s", len(x), peer.predictor(MNIST, x))


def w8(peer, timer):
    for width in 16, 64, 256, 1024, 4096:
        steps = min(max(40_000_000 // width**2, 8), 1000)
        time_steps(peer, timer, f"W8-{width}", (width, width, width, 10), 64,
                   steps)


WORKLOADS = {"W1": w1, "W2": w2, "W3": w3, "W4": w4, "W5": w5, "W6": w6,
             "W7": w7, "W8": w8}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=0.5)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("peer", choices=PEERS)
    parser.add_argument("workloads", nargs="*")
    args = parser.parse_args()
    # Libraries read these variables when they are loaded, which happens below.
    os.environ.update(OMP_NUM_THREADS=str(args.threads),
                      OPENBLAS_NUM_THREADS=str(args.threads))
    if args.peer.endswith("-passive"):
        os.environ["OMP_WAIT_POLICY"] = "passive"
    try:
        global np
        import numpy as np
        peer = PEERS[args.peer](args.threads)
    except (ImportError, OSError) as error:
        print(error)
        sys.exit(NOT_INSTALLED)
    np.random.seed(1)
    timer = Timer(args)
    for workload in dict.fromkeys(w.split("-")[0] for w in args.workloads):
        if workload in WORKLOADS:
            WORKLOADS[workload](peer, timer)


main()
