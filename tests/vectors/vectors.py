# SPDX-License-Identifier: MIT
"""Writes the files of numbers that the tests read."""
import pathlib

import numpy as np

HERE = pathlib.Path(__file__).parent


def put(name, rows):
    """Writes rows, or one row, to <name>.txt. Reading a number gives the same
    double."""
    rows = np.atleast_2d(np.asarray(rows, float))
    with open(HERE / f"{name}.txt", "w") as file:
        print(f"# {name} {rows.shape[0]} {rows.shape[1]}", file=file)
        for row in rows:
            print(" ".join(f"{x:.17g}" for x in row), file=file)
