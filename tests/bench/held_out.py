# SPDX-License-Identifier: MIT
"""The rows that `mlp train` holds out, computed by NumPy as mlp.h says."""
import numpy


def held_out(y, is_classes, seed):
    """Which rows are held out, as an array of truth values. y holds the
    targets: class numbers from 0 in the order of the classes, or any numbers.
    """
    rows = len(y)
    order = numpy.random.RandomState(seed).permutation(rows)
    group = numpy.asarray(y, int) if is_classes else numpy.zeros(rows, int)
    wanted = int(numpy.floor(min(0.2, 10000 / rows) * rows + 0.5))
    shares = wanted * numpy.bincount(group) / rows
    counts = numpy.floor(shares).astype(int)
    for k in numpy.argsort(counts - shares, kind="stable"):
        if counts.sum() < wanted:
            counts[k] += 1
    chosen = numpy.zeros(rows, bool)
    for k, count in enumerate(counts):
        chosen[order[group[order] == k][:count]] = True
    return chosen
