#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Another library at the workloads of mlp_bench:
peers.py [--seconds S] <peer> [<workload> ...]

The peers are numpy (the network written out by hand, as tutorials do), torch,
sklearn, fann and openblas (products alone, by NumPy's matmul). Prints lines as
mlp_bench does; what a peer cannot do, or is hopeless at, is left out. Exit
status 77, with the reason: the peer is not installed.

The work is the same as ours: the same shapes and steps, rows gathered in a
new order in each epoch, losses that cost the same. Three things differ. First
weights are each peer's own. FANN knows only the squared error and has a ramp
clipped to [0, 1] for the ReLU. scikit-learn ends predictions with a logistic.
One thread each.
"""
import argparse
import ctypes
import os
import statistics
import subprocess
import sys
import tempfile
import time

# Before any library is loaded that reads them.
os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")
for name in "OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE":
    os.environ.pop(name, None)

VECTORS = os.path.join(os.path.dirname(os.path.abspath(__file__)),
                       "..", "vectors")
LEAST_REPETITIONS = 7
NOT_INSTALLED = 77

XOR = (2, 4, 1)
MOONS = (2, 16, 8, 1)
DIGITS = (64, 128, 64, 10)
MNIST = (784, 512, 512, 10)
WIDE = (1024, 2048, 2048, 1024)


# ------------------------------------------------------------------------------
# Timing, as in measure.c

class Timer:
    """Prints the medians of one peer's results, if they are wanted."""

    def __init__(self, peer, seconds, choices):
        self.peer = peer
        self.seconds = seconds
        self.choices = choices

    def wants(self, name):
        """W9 means all that begin with W9-, as it does for mlp_bench."""
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
        print(f"{name} {self.peer} 1 {statistics.median(times) * scale:.6g} "
              f"{unit} min={min(times) * scale:.6g}", flush=True)

    def rate(self, name, unit, amount, call):
        """Prints how much is done in a second."""
        if not self.wants(name):
            return
        times = self.repeat(call)
        print(f"{name} {self.peer} 1 {amount / statistics.median(times):.6g} "
              f"{unit} max={amount / min(times):.6g}", flush=True)


# ------------------------------------------------------------------------------
# Peers. train() makes a network and trains it on all rows at once; epoch()
# gives a function that trains an epoch of mini-batches, predictor() one that
# runs x through a network.

class Numpy:
    def __init__(self):
        self.name = "numpy"

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
        activations.append(1 / (1 + np.exp(-z)) if last == "sigmoid" else z)
        return activations

    def step(self, net, x, y, rate, hidden="relu", last="sigmoid"):
        """The loss, and a step downhill."""
        activations = self.forward(net, x, hidden, last)
        a = activations[-1]
        if last == "sigmoid":
            c = np.clip(a, 1e-7, 1 - 1e-7)
            loss = -np.mean(y * np.log(c) + (1 - y) * np.log(1 - c))
            d = (a - y) / a.size
        else:
            loss = np.mean((a - y) ** 2)
            d = (a - y) * (2 / a.size)
        for l in range(len(net) - 1, -1, -1):
            w, b = net[l]
            below = activations[l]
            dw, db = below.T @ d, d.sum(0)
            if l:
                d = d @ w.T
                d *= 1 - below ** 2 if hidden == "tanh" else below > 0
            w -= rate * dw
            b -= rate * db
        return loss

    def train(self, sizes, hidden, x, y, rate, epochs):
        net = self.net(sizes, x.dtype)
        for _ in range(epochs):
            self.step(net, x, y, rate, hidden)

    def epoch(self, sizes, x, y, batch, last):
        net = self.net(sizes, x.dtype)

        def run():
            order = np.random.permutation(len(x))
            for i in range(0, len(x), batch):
                rows = order[i:i + batch]
                self.step(net, x[rows], y[rows], 0.01, last=last)
        return run

    def predictor(self, sizes, x):
        net = self.net(sizes, x.dtype)
        return lambda: self.forward(net, x, "relu", "")


class Torch:
    def __init__(self):
        import torch
        self.name = "torch"
        self.torch = torch
        torch.set_num_threads(1)

    def net(self, sizes, hidden="relu"):
        nn = self.torch.nn
        layers = []
        for a, b in zip(sizes, sizes[1:]):
            layers += [nn.Linear(a, b),
                       nn.Tanh() if hidden == "tanh" else nn.ReLU()]
        return nn.Sequential(*layers[:-1])

    def loss(self, last):
        nn = self.torch.nn
        return (nn.functional.binary_cross_entropy_with_logits
                if last == "sigmoid" else nn.functional.mse_loss)

    def train(self, sizes, hidden, x, y, rate, epochs):
        x, y = self.torch.from_numpy(x), self.torch.from_numpy(y)
        net = self.net(sizes, hidden).to(x.dtype)
        optimizer = self.torch.optim.SGD(net.parameters(), lr=rate)
        loss = self.loss("sigmoid")
        for _ in range(epochs):
            optimizer.zero_grad()
            loss(net(x), y).backward()
            optimizer.step()

    def epoch(self, sizes, x, y, batch, last):
        x, y = self.torch.from_numpy(x), self.torch.from_numpy(y)
        net = self.net(sizes)
        optimizer = self.torch.optim.SGD(net.parameters(), lr=0.01)
        loss = self.loss(last)

        def run():
            order = self.torch.randperm(len(x))
            for i in range(0, len(x), batch):
                rows = order[i:i + batch]
                optimizer.zero_grad()
                loss(net(x[rows]), y[rows]).backward()
                optimizer.step()
        return run

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
    def __init__(self):
        import warnings
        from sklearn import neural_network
        self.name = "sklearn"
        self.neural_network = neural_network
        warnings.filterwarnings("ignore")  # "has not converged yet"

    def net(self, sizes, kind="MLPClassifier", **options):
        return getattr(self.neural_network, kind)(
            sizes[1:-1], solver="sgd", alpha=0, momentum=0,
            nesterovs_momentum=False, tol=0, n_iter_no_change=10**9, **options)

    def train(self, sizes, hidden, x, y, rate, epochs):
        self.net(sizes, activation=hidden, batch_size=len(x), shuffle=False,
                 learning_rate_init=rate, max_iter=epochs).fit(x, y.ravel())

    def epoch(self, sizes, x, y, batch, last):
        if last == "sigmoid":
            net = self.net(sizes, batch_size=batch, learning_rate_init=0.01)
            labels, classes = y.astype(int), np.arange(y.shape[1])
            return lambda: net.partial_fit(x, labels, classes)
        net = self.net(sizes, "MLPRegressor", batch_size=batch,
                       learning_rate_init=0.01)
        return lambda: net.partial_fit(x, y)

    def predictor(self, sizes, x):
        rows = np.random.rand(64, sizes[0]).astype(x.dtype)
        net = self.net(sizes, max_iter=1)
        net.fit(rows, np.arange(64) % max(2, sizes[-1]))
        return lambda: net.predict_proba(x)


class Fann:
    """One row at a time, so only where that is no handicap: no epochs of
    mini-batches, no 10,000 rows."""
    SIGMOID, SIGMOID_SYMMETRIC, LINEAR_PIECE, LINEAR = 3, 5, 12, 0
    TRAIN_BATCH = 1
    # A loop in Python would cost more than what is in it.
    LOOP = """void loop(void *(*run)(void *, void *), void *net, void *x, long n)
              { while (n-- > 0) run(net, x); }"""

    def __init__(self):
        self.name = "fann"
        self.float = ctypes.CDLL("libfloatfann.so.2")
        self.double = ctypes.CDLL("libdoublefann.so.2")
        for fann, real in ((self.float, ctypes.c_float),
                           (self.double, ctypes.c_double)):
            pointer = ctypes.c_void_p
            fann.fann_create_standard_array.restype = pointer
            fann.fann_create_train_from_callback.restype = pointer
            fann.fann_train_epoch.restype = ctypes.c_float
            fann.fann_randomize_weights.argtypes = [pointer, real, real]
            fann.fann_set_learning_rate.argtypes = [pointer, ctypes.c_float]
            for layer in "hidden", "output":
                getattr(fann, f"fann_set_activation_steepness_{layer}"
                        ).argtypes = [pointer, real]

    def net(self, fann, sizes, hidden, last):
        widths = (ctypes.c_uint * len(sizes))(*sizes)
        net = ctypes.c_void_p(
            fann.fann_create_standard_array(len(sizes), widths))
        fann.fann_randomize_weights(net, -0.5, 0.5)
        fann.fann_set_activation_function_hidden(net, hidden)
        fann.fann_set_activation_function_output(net, last)
        fann.fann_set_activation_steepness_hidden(net, 1)
        fann.fann_set_activation_steepness_output(net, 1)
        fann.fann_set_training_algorithm(net, self.TRAIN_BATCH)
        return net

    def train(self, sizes, hidden, x, y, rate, epochs):
        fann = self.double if x.dtype == np.float64 else self.float
        unit = self.SIGMOID_SYMMETRIC if hidden == "tanh" else self.LINEAR_PIECE
        net = self.net(fann, sizes, unit, self.SIGMOID)
        fann.fann_set_learning_rate(net, rate)
        rows = self.rows(fann, x, y)
        for _ in range(epochs):
            fann.fann_train_epoch(net, rows)
        fann.fann_destroy_train(rows)
        fann.fann_destroy(net)

    @staticmethod
    def rows(fann, x, y):
        real = ctypes.c_double if x.dtype == np.float64 else ctypes.c_float

        @ctypes.CFUNCTYPE(None, ctypes.c_uint, ctypes.c_uint, ctypes.c_uint,
                          ctypes.POINTER(real), ctypes.POINTER(real))
        def fill(i, inputs, outputs, to_x, to_y):
            for j in range(inputs):
                to_x[j] = x[i, j]
            for j in range(outputs):
                to_y[j] = y[i, j]

        return ctypes.c_void_p(fann.fann_create_train_from_callback(
            len(x), x.shape[1], y.shape[1], fill))

    def looped_predictor(self, sizes, x):
        """A function that predicts so many times."""
        with tempfile.TemporaryDirectory() as folder:
            library = os.path.join(folder, "loop.so")
            subprocess.run(["cc", "-O2", "-shared", "-fPIC", "-x", "c", "-",
                            "-o", library], input=self.LOOP, text=True,
                           check=True)
            loop = ctypes.CDLL(library).loop
        run = ctypes.cast(self.float.fann_run, ctypes.c_void_p)
        net = self.net(self.float, sizes, self.LINEAR_PIECE, self.LINEAR)
        data = x.ctypes.data_as(ctypes.c_void_p)
        return lambda n: loop(run, net, data, ctypes.c_long(n))


class Openblas:
    """Through NumPy, whose other implementations of BLAS do not count."""

    def __init__(self):
        self.name = "openblas"
        with open("/proc/self/maps", encoding="ascii") as maps:
            if "openblas" not in maps.read():
                raise ImportError("NumPy here does not use OpenBLAS")


PEERS = {"numpy": Numpy, "torch": Torch, "sklearn": Sklearn, "fann": Fann,
         "openblas": Openblas}


# ------------------------------------------------------------------------------
# Workloads

def uniform(*shape):
    return np.random.rand(*shape).astype(np.float32)


def one_hot(rows, classes):
    return np.eye(classes, dtype=np.float32)[np.random.randint(0, classes, rows)]


def w1(peer, timer):
    x = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], float)
    y = np.array([[0], [1], [1], [0]], float)
    timer.time("W1", "s", 1,
               lambda: peer.train(XOR, "tanh", x, y, 0.5, 5000))


def w2(peer, timer):
    rows = np.loadtxt(os.path.join(VECTORS, "moons_train.txt"))
    for name, dtype in ("W2-f64", np.float64), ("W2-f32", np.float32):
        x = np.ascontiguousarray(rows[:, :2], dtype)
        y = np.ascontiguousarray(rows[:, 2:], dtype)
        timer.time(name, "s", 1,
                   lambda: peer.train(MOONS, "relu", x, y, 0.1, 2000))


def time_steps(peer, timer, name, sizes, batch, steps, last="sigmoid"):
    if not timer.wants(name):
        return
    x = uniform(batch * steps, sizes[0])
    y = (one_hot(len(x), sizes[-1]) if last == "sigmoid"
         else np.random.randn(len(x), sizes[-1]).astype(np.float32))
    timer.time(name, "ms/step", 1e3, peer.epoch(sizes, x, y, batch, last),
               steps)


def w4(peer, timer):
    time_steps(peer, timer, "W4-sgd", MNIST, 128, 100)


def w5(peer, timer):
    time_steps(peer, timer, "W5", WIDE, 256, 10, "linear")


def w6(peer, timer):
    for sizes in MOONS, DIGITS, MNIST:
        name = "W6-" + "-".join(map(str, sizes))
        x = uniform(1, sizes[0])
        if hasattr(peer, "looped_predictor"):
            run, calls = peer.looped_predictor(sizes, x), 1000
            timer.time(name, "ns/call", 1e9, lambda: run(calls), calls)
        else:
            timer.time(name, "ns/call", 1e9, peer.predictor(sizes, x))


def w7(peer, timer):
    x = uniform(10000, MNIST[0])
    timer.rate("W7", "rows/s", len(x), peer.predictor(MNIST, x))


def w8(peer, timer):
    for width in 16, 64, 256, 1024, 4096:
        steps = min(max(40_000_000 // width**2, 8), 1000)
        time_steps(peer, timer, f"W8-{width}", (width, width, width, 10), 64,
                   steps)


def time_product(timer, name, dtype, m, n, k, form):
    """A B, or with a transposed operand that lies in memory as it was."""
    a = np.random.rand(k, m).astype(dtype).T if form == "AtB" \
        else np.random.rand(m, k).astype(dtype)
    b = np.random.rand(n, k).astype(dtype).T if form == "ABt" \
        else np.random.rand(k, n).astype(dtype)
    c = np.empty((m, n), dtype)
    timer.rate(name, "GFLOP/s", 2e-9 * m * n * k,
               lambda: np.matmul(a, b, out=c))


def w9(_, timer):
    shapes = ((128, 784, 512), (128, 512, 512), (128, 512, 10),
              (32, 64, 128), (32, 128, 64), (32, 64, 10))
    for kind, dtype in ("f32", np.float32), ("f64", np.float64):
        for n in 256, 512, 1024, 2048:
            for form, end in ("AB", ""), ("AtB", "-AtB"), ("ABt", "-ABt"):
                time_product(timer, f"W9-{kind}-{n}{end}", dtype, n, n, n, form)
        for m, inputs, outputs in shapes:
            name = f"W9-{kind}-{m}x{inputs}x{outputs}"
            for what, sizes, form in (
                    ("forward", (m, outputs, inputs), "AB"),
                    ("dW", (inputs, outputs, m), "AtB"),
                    ("dX", (m, inputs, outputs), "ABt")):
                time_product(timer, f"{name}-{what}", dtype, *sizes, form)


# What a peer must have to take part.
WORKLOADS = {"W1": (w1, "train"), "W2": (w2, "train"), "W4": (w4, "epoch"),
             "W5": (w5, "epoch"), "W6": (w6, ""), "W7": (w7, "predictor"),
             "W8": (w8, "epoch"), "W9": (w9, "")}


def takes_part(peer, workload):
    if isinstance(peer, Openblas) or workload == "W9":
        return isinstance(peer, Openblas) and workload == "W9"
    needed = WORKLOADS[workload][1]
    return not needed or hasattr(peer, needed)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=0.5)
    parser.add_argument("peer", choices=PEERS)
    parser.add_argument("workloads", nargs="*")
    args = parser.parse_args()
    try:
        global np
        import numpy as np
        peer = PEERS[args.peer]()
    except (ImportError, OSError) as error:
        print(error)
        sys.exit(NOT_INSTALLED)
    np.random.seed(1)
    timer = Timer(peer.name, args.seconds, args.workloads)
    for workload in dict.fromkeys(w.split("-")[0] for w in args.workloads):
        if takes_part(peer, workload):
            WORKLOADS[workload][0](peer, timer)


main()
