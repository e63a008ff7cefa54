# SPDX-License-Identifier: MIT
"""Compares examples/digits with scikit-learn's MLPClassifier.

    python3 digits.py BUILD/examples/digits

Both programs classify the same five folds, so that their accuracies can be
compared; every fifth image of each class belongs to a fold, as in digits.c.
Both networks have hidden layers of 128 and 64 neurons and read pixels from 0
to 1. scikit-learn keeps its own defaults for everything else. The script prints
the accuracy on each fold and the seconds that all folds took together.
"""
import os
import subprocess
import sys
import time
import warnings

import numpy

FOLDS = 5


def ours(program, path):
    lines = subprocess.run([program, path], check=True, text=True,
                           stdout=subprocess.PIPE).stdout.splitlines()
    return [float(line.split(",")[2].split("%")[0])
            for line in lines if line.startswith("Fold")]


def theirs(path):
    from sklearn.neural_network import MLPClassifier
    warnings.simplefilter("ignore")
    data = numpy.loadtxt(path, delimiter=",")
    x, y = data[:, :64] / 16, data[:, 64].astype(int)
    seen = numpy.zeros(len(y), int)
    for c in range(10):
        seen[y == c] = numpy.arange((y == c).sum())
    scores = []
    for fold in range(FOLDS):
        test = seen % FOLDS == fold
        net = MLPClassifier((128, 64), random_state=42, max_iter=200)
        net.fit(x[~test], y[~test])
        scores.append(100 * net.score(x[test], y[test]))
    return scores


def report(name, run):
    begin = time.perf_counter()
    scores = run()
    taken = time.perf_counter() - begin
    print("%-12s  %s  mean %.2f%%  %6.2f s"
          % (name, "  ".join("%.2f" % s for s in scores), numpy.mean(scores),
             taken), flush=True)


here = os.path.dirname(os.path.abspath(__file__))
digits = os.path.join(here, "..", "..", "examples", "data", "digits.csv")
report("libmlp", lambda: ours(sys.argv[1], digits))
try:
    report("scikit-learn", lambda: theirs(digits))
except ImportError:
    print("scikit-learn  is not installed")
