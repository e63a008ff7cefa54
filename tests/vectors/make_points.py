#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes points.txt: tables that scikit-learn draws. A line is

    <shape> <rows> <noise> <seed> <x1> <x2> <class> ...

with the numbers of scikit-learn 1.2 as hexadecimal floats. The lines of xor and
spirals come from NumPy by the formulas of mlp_data.h.

NumPy's sine for AVX-512 is off by up to 4 units in the last place, so NumPy is
told to use that of the C library.
"""
import os

os.environ["NPY_DISABLE_CPU_FEATURES"] = "AVX512F AVX512CD AVX512_SKX"

import numpy as np
from sklearn.datasets import make_blobs, make_circles, make_moons


def line(shape, noise, seed, X, y):
    cells = " ".join(f"{float(a).hex()} {float(b).hex()} {int(c)}"
                     for (a, b), c in zip(X, y))
    print(shape, len(X), noise, seed, cells)


def shuffled(X, y, noise, seed):
    rng = np.random.RandomState(seed)
    order = np.arange(len(X))
    rng.shuffle(order)
    return X[order] + rng.normal(scale=noise, size=X.shape), y[order]


def xor(n, noise, seed):
    half = n // 2
    k = np.concatenate([np.arange(half), np.arange(n - half)]) % 2
    y = np.arange(n) >= half
    return shuffled(np.c_[k, np.where(y, 1 - k, k)].astype(float), y, noise,
                    seed)


def spirals(n, noise, seed):
    parts = []
    for c, m in enumerate((n // 2, n - n // 2)):
        r = np.arange(1, m + 1) / m
        angle = 3 * np.pi * r + c * np.pi
        parts.append(np.c_[r * np.cos(angle), r * np.sin(angle)])
    return shuffled(np.concatenate(parts), np.arange(n) >= n // 2, noise, seed)


for n, noise, seed in ((3, 0, 0), (50, 0, 1), (101, 0.25, 42), (64, 1.5, 7)):
    line("moons", noise, seed,
         *make_moons(n, noise=noise or None, random_state=seed))
    line("circles", noise, seed,
         *make_circles(n, noise=noise or None, random_state=seed))
    line("blobs", noise, seed,
         *make_blobs(n, cluster_std=noise, random_state=seed))
    line("xor", noise, seed, *xor(n, noise, seed))
    line("spirals", noise, seed, *spirals(n, noise, seed))
