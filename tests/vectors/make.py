#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Writes the arrays in this folder with NumPy, in float64.

    python3 make.py

The tests compare the library with these arrays: NumPy's random streams, the
tutorial's runs, and gradients by the chain rule. Each array has its own text
file. The first line is '# name rows cols'; each further line is a row. Numbers
have the format '%.17g', so that reading them gives the same double.

Numbers that come from exp, log, sin, cos or a matrix product depend in their
last digits on the C library and on the BLAS of NumPy. If the numbers of a file
differ by no more than that, the script leaves the file as it is, so that it
gives the same bytes on every machine. It always writes the exact arrays.

Other means make tutorial_*.txt and bits.txt.
"""
import os

import numpy as np

FOLDER = os.path.dirname(os.path.abspath(__file__))
SEEDS = 0, 1, 42, 2**32 - 1


def put(name, a):
    a = np.atleast_2d(np.asarray(a, float))
    with open(path_of(name), "w") as f:
        f.write(f"# {name} {a.shape[0]} {a.shape[1]}\n")
        for row in a:
            f.write(" ".join("%.17g" % v for v in row) + "\n")


def put_rounded(name, a):
    """Writes numbers whose last digits differ from machine to machine, unless
    the file already holds them to within rounding."""
    a = np.atleast_2d(np.asarray(a, float))
    if os.path.exists(path_of(name)):
        old = np.loadtxt(path_of(name), ndmin=2)
        if old.shape == a.shape and np.allclose(a, old, 1e-12, 1e-15):
            return
    put(name, a)


def path_of(name):
    return os.path.join(FOLDER, name + ".txt")


def column(values):
    return np.reshape(values, (-1, 1))


# ------------------------------------------------------------------------------
# Random numbers


def seed_columns(name, draw, put=put):
    """Writes one column for each seed, which holds draw(generator)."""
    put(name, np.column_stack([draw(np.random.RandomState(s)) for s in SEEDS]))


def halves(value):
    """Splits a 64-bit integer into a and b, value = a * 2^32 + b, because a
    double holds only 53 bits exactly."""
    return [value >> 32, value & 0xffffffff]


def randint_rows(draws=20):
    """Rows of seed, low, high and the draws. All but the seed are halves."""
    least, most = -2**63, 2**63 - 1
    ranges = [(0, 1), (most - 1, most), (least, least + 1), (0, 2), (0, 10),
              (-5, 6), (0, 2**31 + 1), (0, 2**32 - 1), (0, 2**32),
              (0, 2**32 + 1), (-7, 2**32), (-2**40, 3 * 2**40), (0, most),
              (least, 0), (least, most), (-2**62 - 1, 2**62 + 1)]
    for seed in SEEDS:
        for low, high in ranges:
            values = np.random.RandomState(seed).randint(low, high, draws)
            yield sum(map(halves, [low, high] + values.tolist()), [seed])


def mixed_rows(draws=600):
    """Rows of kind, two arguments and value, drawn from one stream, which shows
    that all distributions advance the generator as NumPy's do."""
    rng = np.random.RandomState(42)
    kinds = np.random.RandomState(7).randint(0, 6, draws)
    for i, kind in enumerate(kinds):
        a, b, value = [(0, 0, lambda: rng.random_sample()),
                       (-i, 3 * i, lambda: rng.uniform(-i, 3 * i)),
                       (0, 0, lambda: rng.randn()),
                       (i + 9, .25, lambda: rng.normal(i + 9, .25)),
                       (-i, 2**33, lambda: rng.randint(-i, 2**33)),
                       (i % 40 + 1, 0, lambda: rng.permutation(i % 40 + 1)[-1]),
                       ][kind]
        yield kind, a, b, value()


def random_numbers():
    np.random.seed(42)
    put_rounded("rng_randn_42", np.random.randn(1000, 1))
    np.random.seed(42)
    put("rng_permutation_42_500", column(np.random.permutation(500)))
    np.random.seed(42)
    put("rng_uniform_42", np.random.random_sample((1000, 1)))

    seed_columns("rng_random_sample", lambda r: r.random_sample(350))
    seed_columns("rng_uniform", lambda r: r.uniform(-3.5, 12.25, 50))
    seed_columns("rng_randn", lambda r: r.randn(350), put_rounded)
    seed_columns("rng_normal", lambda r: r.normal(10, .75, 51), put_rounded)
    seed_columns("rng_permutation_2", lambda r: r.permutation(2))
    seed_columns("rng_permutation_64", lambda r: r.permutation(64))
    seed_columns("rng_permutation_65", lambda r: r.permutation(65))
    put("rng_randint", list(randint_rows()))
    put_rounded("rng_mixed", list(mixed_rows()))
    rows = np.arange(33).reshape(11, 3)
    shuffled = []
    for seed in SEEDS:
        copy = rows.copy()
        np.random.RandomState(seed).shuffle(copy)
        shuffled.append(copy)
    put("rng_shuffle", np.vstack(shuffled))


# ------------------------------------------------------------------------------
# Networks, whose samples are columns as in the tutorial

ACT = {"identity": (lambda z: z, lambda z, a: np.ones_like(z)),
       "sigmoid": (lambda z: 1 / (1 + np.exp(-np.clip(z, -500, 500))),
                   lambda z, a: a * (1 - a)),
       "tanh": (np.tanh, lambda z, a: 1 - a * a),
       "relu": (lambda z: np.maximum(0, z), lambda z, a: (z > 0).astype(float))}


def init(sizes, seed=42, scale=lambda i, o: np.sqrt(2 / i)):
    np.random.seed(seed)
    return [[np.random.randn(o, i) * scale(i, o), np.zeros((o, 1))]
            for i, o in zip(sizes, sizes[1:])]


def forward(net, acts, X):
    A, Z = [X], []
    for (W, b), f in zip(net, acts):
        Z.append(W @ A[-1] + b)
        A.append(ACT[f][0](Z[-1]))
    return A, Z


def step(net, acts, X, Y, lr):
    """Does one step of gradient descent and returns the loss before it."""
    m = X.shape[1]
    A, Z = forward(net, acts, X)
    P = np.clip(A[-1], 1e-15, 1 - 1e-15)
    loss = -np.mean(Y * np.log(P) + (1 - Y) * np.log(1 - P))
    d = A[-1] - Y
    grads = []
    for l in range(len(net) - 1, -1, -1):
        grads.append((d @ A[l].T / m, d.sum(1, keepdims=True) / m))
        if l:
            d = (net[l][0].T @ d) * ACT[acts[l - 1]][1](Z[l - 1], A[l])
    for layer, (dW, db) in zip(net, reversed(grads)):
        layer[0] -= lr * dW
        layer[1] -= lr * db
    return loss


def train(net, acts, X, Y, lr, epochs):
    return [step(net, acts, X, Y, lr) for _ in range(epochs)]


def train_batches(net, acts, X, Y, lr, epochs, batch, seed=42):
    """Trains with mini-batches, whose rows come in a new order in each epoch.
    The loss of an epoch is the mean over its rows."""
    rng = np.random.RandomState(seed)
    m = X.shape[1]
    losses = []
    for _ in range(epochs):
        order = rng.permutation(m)
        total = 0
        for i in range(0, m, batch):
            rows = order[i:i + batch]
            loss = step(net, acts, X[:, rows], Y[:, rows], lr)
            total += loss * len(rows)
        losses.append(total / m)
    return losses


def acc(net, acts, X, Y):
    return np.mean((forward(net, acts, X)[0][-1] >= .5) == Y)


def put_net(net, prefix, suffix, biases=True):
    for l, (W, b) in enumerate(net, 1):
        put_rounded(f"{prefix}_W{l}{suffix}", W)
        if biases:
            put_rounded(f"{prefix}_b{l}{suffix}", b)


# ------------------------------------------------------------------------------
# The tutorial's runs


def xor():
    X = np.array([[0, 0, 1, 1], [0, 1, 0, 1.]])
    Y = np.array([[0, 1, 1, 0.]])
    acts = ["tanh", "sigmoid"]
    net = init([2, 4, 1])
    put_net(net, "xor", "_initial", biases=False)
    put_rounded("xor_loss", column(train(net, acts, X, Y, .5, 5000)))
    put_net(net, "xor", "_final")
    put_rounded("xor_prediction", forward(net, acts, X)[0][-1].T)


def moons(n=500, noise=.2, seed=42):
    np.random.seed(seed)
    t = np.linspace(0, np.pi, n // 2)
    X = np.vstack([np.column_stack([np.cos(t), np.sin(t)]),
                   np.column_stack([1 - np.cos(t), .5 - np.sin(t)])])
    X += np.random.normal(0, noise, X.shape)
    y = np.repeat([0, 1], n // 2)
    i = np.random.permutation(n)
    return X[i], y[i]


def split(X, y, test=.2, seed=42):
    np.random.seed(seed)
    i = np.random.permutation(len(y))
    k = int(len(y) * test)
    return X[i[k:]], X[i[:k]], y[i[k:]], y[i[:k]]


def moons_data():
    D, y = moons()
    put_rounded("moons_X", D)
    put_rounded("moons_y", column(y))
    tr, te, ytr, yte = split(D, y)
    mean, std = tr.mean(0), tr.std(0)
    put_rounded("moons_mean_std", np.vstack([mean, std]))
    Xt, Xe = ((tr - mean) / std).T, ((te - mean) / std).T
    Yt, Ye = ytr.reshape(1, -1).astype(float), yte.reshape(1, -1).astype(float)
    put_rounded("moons_train", np.vstack([Xt, Yt]).T)
    put_rounded("moons_test", np.vstack([Xe, Ye]).T)
    return Xt, Yt, Xe, Ye


def moons_runs(Xt, Yt, Xe, Ye):
    acts = ["relu", "relu", "sigmoid"]
    net = init([2, 16, 8, 1])
    put_net(net, "moons", "_initial", biases=False)
    put_rounded("moons_loss", column(train(net, acts, Xt, Yt, .1, 2000)))
    put_net(net, "moons", "_final")
    put_rounded("moons_accuracy",
                [acc(net, acts, Xt, Yt), acc(net, acts, Xe, Ye)])

    # The 400 rows make twelve batches of 32 rows and one of 16.
    net = init([2, 16, 8, 1])
    losses = train_batches(net, acts, Xt, Yt, .1, 20, 32)
    put_rounded("batches_loss", column(losses))
    put_net(net, "batches", "_final")


def experiments(Xt, Yt, Xe, Ye):
    rows = []
    for sizes in [2, 4, 1], [2, 8, 1], [2, 16, 1], [2, 8, 8, 1], [2, 16, 8, 1]:
        a = ["relu"] * (len(sizes) - 2) + ["sigmoid"]
        net = init(sizes)
        loss = train(net, a, Xt, Yt, .1, 1500)
        rows.append([acc(net, a, Xt, Yt), acc(net, a, Xe, Ye), loss[-1]])
    put_rounded("architectures_train_test_loss", rows)
    rows = []
    for lr in .001, .01, .1, .5, 1.:
        a = ["relu", "relu", "sigmoid"]
        net = init([2, 16, 8, 1])
        loss = train(net, a, Xt, Yt, lr, 1000)
        rows.append([lr, acc(net, a, Xe, Ye), loss[-1]])
    put_rounded("learning_rates_test_loss", rows)


# ------------------------------------------------------------------------------
# Gradients of every pair of activations with every loss. J is the mean over all
# m n[L] outputs. bce clips A, and where it clips the derivative is 0.


def bce(A, Y):
    low, high = 1e-15, 1 - 1e-15
    P = np.clip(A, low, high)
    J = -np.mean(Y * np.log(P) + (1 - Y) * np.log(1 - P))
    inside = (A > low) & (A < high)
    return J, np.where(inside, (P - Y) / (P * (1 - P)), 0) / A.size


def mse(A, Y):
    return np.mean((A - Y)**2), 2 * (A - Y) / A.size


def gradients():
    """Writes a row for each case: the activation of the hidden layer, that of
    the outputs and the loss, by their numbers in mlp.h, then J, dW1, db1, dW2
    and db2, each row by row."""
    rng = np.random.RandomState(3)
    X = rng.randn(3, 6)
    Y = np.vstack([[0, 1, 1, 0, .25, .75], rng.random_sample(6)])
    W1, b1 = rng.randn(4, 3) * .75, rng.randn(4, 1) * .5
    W2, b2 = rng.randn(2, 4) * .5, np.array([[.5], [.375]])
    put_rounded("gradients_X", X.T)
    put_rounded("gradients_Y", Y.T)
    put_net([(W1, b1), (W2, b2)], "gradients", "")
    rows = []
    for h, (f, df) in enumerate(ACT.values(), 1):  # 0 is auto
        for o, (g, dg) in enumerate(ACT.values(), 1):
            for k, loss in enumerate([bce, mse]):
                Z1 = W1 @ X + b1
                A1 = f(Z1)
                Z2 = W2 @ A1 + b2
                A2 = g(Z2)
                J, dA2 = loss(A2, Y)
                dZ2 = dA2 * dg(Z2, A2)
                dZ1 = W2.T @ dZ2 * df(Z1, A1)
                parts = dZ1 @ X.T, dZ1.sum(1), dZ2 @ A1.T, dZ2.sum(1)
                flat = np.concatenate([np.ravel(p) for p in parts])
                rows.append([h, o, k, J, *flat])
    put_rounded("gradients", rows)


def glorot():
    scale = lambda i, o: np.sqrt(2 / (i + o))
    put_net(init([3, 5, 4, 2], 7, scale), "glorot", "", biases=False)


random_numbers()
xor()
data = moons_data()
moons_runs(*data)
experiments(*data)
gradients()
glorot()
