#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Shows how well `mlp train` learns by its defaults, beside scikit-learn.

    tool_learning.py <mlp> [--seeds N] [--first-seed N] [--sets NAME,...]

<mlp> is the program. The ten sets are those of learning.py, written as CSV
files. For each seed (20 of them) the program holds a fifth of the rows out and
scores them; scikit-learn trains on the same rows as the program and is scored
on the same rows held out. The table has the means of the scores, accuracy or
R2, and their standard deviations, and by how much the program is better than
the defaults of scikit-learn, with the standard error of this mean.

mlp           train FILE target --seed N, nothing else
scikit-learn  make_pipeline(StandardScaler(), MLPClassifier(random_state=N)),
              or MLPRegressor with the defaults, in two columns: with the
              targets as they are, and standardised by
              TransformedTargetRegressor, which is no default

The script ends with the sets in which the program's mean is below that of the
defaults of scikit-learn by more than two standard errors; the exit status is 1
if there are any.
"""
import argparse
import json
import os
import subprocess
import sys
import tempfile
import warnings

os.environ["OMP_NUM_THREADS"] = "1"
os.environ["OPENBLAS_NUM_THREADS"] = "1"

import numpy
from sklearn import compose, neural_network, pipeline, preprocessing

import learning
from held_out import held_out


def write(path, X, y, classes):
    with open(path, "w") as file:
        print(*("x%d" % j for j in range(1, X.shape[1] + 1)), "target",
              sep=",", file=file)
        for x, t in zip(X, y):
            print(*(repr(float(v)) for v in x),
                  "class%d" % t if classes else repr(float(t)), sep=",",
                  file=file)


def tool(program, path, classes, seed):
    run = subprocess.run(
        [program, "train", path, "target", "--seed", str(seed), "--json",
         "-o", path + ".mlp"],
        check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    found = json.loads(run.stdout)["held_out"]
    return found["accuracy" if classes else "r2"], found["rows"]


def sklearn(X, y, test, classes, seed, scale_targets):
    kind = (neural_network.MLPClassifier if classes
            else neural_network.MLPRegressor)
    model = pipeline.make_pipeline(preprocessing.StandardScaler(),
                                   kind(random_state=seed))
    if scale_targets:
        model = compose.TransformedTargetRegressor(
            model, transformer=preprocessing.StandardScaler())
    return model.fit(X[~test], y[~test]).score(X[test], y[test])


def compare(program, name, seeds, folder):
    """Prints the line of a set; returns whether the program is good enough."""
    X, y, classes = learning.SETS[name]()
    path = os.path.join(folder, name + ".csv")
    write(path, X, y, classes)
    scores = [[], [], []]
    for seed in seeds:
        test = held_out(y, classes, seed)
        score, rows = tool(program, path, classes, seed)
        assert rows == test.sum()
        scores[0].append(score)
        scores[1].append(sklearn(X, y, test, classes, seed, False))
        if not classes:
            scores[2].append(sklearn(X, y, test, classes, seed, True))
    line = "%-13s %-8s" % (name, "accuracy" if classes else "R2")
    for each in scores:
        line += ("  %7.4f +- %.4f" % (numpy.mean(each), numpy.std(each))
                 if each else " " * 19)
    better = numpy.subtract(scores[0], scores[1])
    error = numpy.std(better) / len(better) ** 0.5
    is_good = numpy.mean(better) >= -2 * error
    print(line + "  %+.4f +- %.4f%s" % (numpy.mean(better), error,
                                        "" if is_good else "  BELOW"),
          flush=True)
    return is_good


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("program", help="mlp")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--sets", default=",".join(learning.SETS))
    args = parser.parse_args()
    warnings.simplefilter("ignore")  # scikit-learn: 200 epochs are not enough
    seeds = range(args.first_seed, args.first_seed + args.seeds)
    print("%-22s  %-17s  %-17s  %-17s  %s"
          % ("set", "mlp train", "scikit-learn", "with scaled targets",
             "better by"))
    with tempfile.TemporaryDirectory() as folder:
        below = [name for name in args.sets.split(",")
                 if not compare(args.program, name, seeds, folder)]
    print("nothing is below scikit-learn" if not below
          else "below scikit-learn: " + ", ".join(below))
    return 1 if below else 0


if __name__ == "__main__":
    sys.exit(main())
