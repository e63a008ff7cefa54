#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A Python library at the workloads of mlp_bench:
peers.py [--seconds S] [--threads N] <peer> [<workload> ...]

The peers are numpy (the network written out by hand, as tutorials do), torch
and sklearn. Prints lines as mlp_bench does; what a peer cannot do is left out.
Exit status 77, with the reason: the peer is not installed.

The work is the same as ours: the same shapes and steps, rows gathered in a
new order in each epoch, losses that cost the same. First weights are each
peer's own. scikit-learn ends predictions with a logistic function.
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

# What an optimizer is: its name, its learning rate and its momentum.
SGD = ("sgd", 0.01, 0)
MOMENTUM = ("sgd", 0.05, 0.9)
ADAM = ("adam", 0.001, 0)


# ------------------------------------------------------------------------------
# Timing, as in measure.c

class Timer:
    """Prints the medians of one peer's results, if they are wanted."""

    def __init__(self, args):
        self.head = f"{args.peer} {args.threads}"
        self.seconds = args.seconds
        self.choices = args.workloads

    def wants(self, name):
        """W8 means all that begin with W8-, as it does for mlp_bench."""
        return any(name == choice or name.startswith(choice + "-")
                   for choice in self.choices)

    def repeat(self, call):
        """Seconds per call() of each repetition."""
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
        """Prints the time for one of the amount that a call does."""
        if not self.wants(name):
            return
        times = self.repeat(call)
        scale /= amount
        print(f"{name} {self.head} {statistics.median(times) * scale:.6g} "
              f"{unit} min={min(times) * scale:.6g}", flush=True)

    def rate(self, name, unit, amount, call):
        """Prints how much is done in a second."""
        if not self.wants(name):
            return
        times = self.repeat(call)
        print(f"{name} {self.head} {amount / statistics.median(times):.6g} "
              f"{unit} max={amount / min(times):.6g}", flush=True)


# ------------------------------------------------------------------------------
# Peers. train() makes a network and trains it on all rows at once; epoch()
# gives a function that trains an epoch of mini-batches; fit() trains several
# and returns the share of rows that are classified rightly; predictor() gives a
# function that runs x through a network. The last layer is "sigmoid" (with
# cross-entropy), "softmax" (with cross-entropy; y holds classes) or "linear"
# (with the squared error).

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
        """The loss, and its derivative by the last pre-activations."""
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
        """The loss, and a step downhill."""
        activations = self.forward(net, x, hidden, last)
        loss, d = self.loss(activations[-1], y, last)
        optimizer.steps += 1
        for l in range(len(net) - 1, -1, -1):
            w, b = net[l]
            below = activations[l]
            dw, db = below.T @ d, d.sum(0)
            if l:
                d = d @ w.T
                d *= 1 - below ** 2 if hidden == "tanh" else below > 0
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
        """Traced and frozen, its fastest form."""
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
        warnings.filterwarnings("ignore")  # "has not converged yet"

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
    # Before any library is loaded that reads them.
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
