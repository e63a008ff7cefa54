#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Writes split_*.txt with NumPy and scikit-learn: splits of rows by classes.

    python3 make_splits.py

    split_labels    the class of each of 61 rows; classes have 29, 17, 9, 5 and
                    1 rows
    split_folds     seed, number of folds, fold, whether the split is
                    stratified, then 1 for each test row and 0 for the others,
                    as mlp.h defines them, by NumPy
    split_tests     seed, fraction, whether the split is stratified, then the
                    same for a split into train and test
    split_balance   how scikit-learn's StratifiedKFold distributes classes: the
                    numbers of rows of four classes, the number of folds, the
                    fold, the rows of each class in it

A stratified split of scikit-learn draws other rows than ours, so only numbers
of rows are compared with it.
"""
import warnings

import numpy as np
from sklearn.model_selection import StratifiedKFold

from vectors import put


def permutation(seed, m):
    np.random.seed(seed)
    return np.random.permutation(m)


def fold_of(labels, seed, folds, fold):
    order = permutation(seed, len(labels))
    dealt = order[np.argsort(labels[order], kind="stable")]
    return np.isin(np.arange(len(labels)), dealt[fold::folds])


def test_of(labels, seed, fraction):
    m = len(labels)
    total = int(np.floor(fraction * m + 0.5))
    sizes = np.bincount(labels)
    share = total * sizes / m
    quota = np.floor(share).astype(int)
    # The largest remainders first; among equal ones the lowest class.
    for c in np.argsort(-(share - quota), kind="stable")[:total - quota.sum()]:
        quota[c] += 1
    order = permutation(seed, m)
    chosen = np.concatenate([order[labels[order] == c][:quota[c]]
                             for c in range(len(sizes))])
    assert len(chosen) == total
    return np.isin(np.arange(m), chosen)


def balance(sizes, folds):
    labels = np.repeat(np.arange(len(sizes)), sizes)
    # With classes in ascending order, StratifiedKFold counts them so, too.
    splitter = StratifiedKFold(folds, shuffle=True, random_state=1)
    for fold, (_, test) in enumerate(splitter.split(labels, labels)):
        yield [*sizes, folds, fold,
               *np.bincount(labels[test], minlength=len(sizes))]


warnings.simplefilter("ignore")  # StratifiedKFold warns of rare classes
labels = permutation(3, 61)
labels = np.searchsorted(np.cumsum([29, 17, 9, 5, 1]), labels, side="right")
nothing = np.zeros_like(labels)
put("split_labels", labels[:, None])
put("split_folds", [[seed, k, fold, y is labels, *fold_of(y, seed, k, fold)]
                    for seed in (0, 42, 4294967295) for k in (2, 5, 7)
                    for fold in range(k) for y in (labels, nothing)])
put("split_tests", [[seed, f, y is labels, *test_of(y, seed, f)]
                    for seed in (0, 42, 4294967295)
                    for f in (0.01, 0.1, 0.25, 0.5, 0.73, 0.99)
                    for y in (labels, nothing)])
put("split_balance", [row for sizes in ([178, 182, 177, 183], [20, 3, 1, 7],
                                        [1, 2, 3, 50], [5, 5, 5, 5],
                                        [97, 1, 1, 1], [11, 13, 17, 19])
                      for folds in (2, 3, 5, 10) if max(sizes) >= folds
                      for row in balance(sizes, folds)])
