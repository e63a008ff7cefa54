#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Writes examples/data/digits.csv from scikit-learn's copy of the digits.

    python3 make_digits.py

A line holds one image: the 64 pixels of its 8 x 8 rows, integers from 0 to 16,
and the digit that it shows, separated by commas. The images keep the order of
scikit-learn, which is the order of the source. examples/data/README.md names
the source and its licence.
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
