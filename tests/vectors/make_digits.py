#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Writes examples/data/digits.csv from scikit-learn's copy of the digits.

One row a line: 64 integers from 0 to 16, the pixels of an 8 x 8 image row by
row, and the digit it shows; separated by commas, in scikit-learn's order of
rows, which is that of the source. examples/data/README.md names the source and
its licence. Run it as

    python3 make_digits.py
"""
import os

from sklearn.datasets import load_digits

TESTS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
TARGET = os.path.join(os.path.dirname(TESTS), "examples", "data", "digits.csv")


def main():
    digits = load_digits()
    assert digits.data.shape == (1797, 64)
    with open(TARGET, "w", newline="\n") as f:
        for pixels, digit in zip(digits.data, digits.target):
            f.write(",".join("%d" % v for v in [*pixels, digit]) + "\n")


main()
