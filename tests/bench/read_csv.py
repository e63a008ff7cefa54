#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Compares mlp_data_load with pandas.read_csv(engine="c"):

    read_csv.py PROGRAM [ROWS [COLUMNS [RUNS]]]

where PROGRAM is bench/read_csv of the build. A file of random numbers is written,
and loaded in turns by both, each time in a new process. The times are those of
the calls alone; the best of the runs counts, because others only add to it.
Memory is the peak of the process, as a share of the file.
"""
import os
import subprocess
import sys
import tempfile

import numpy as np

PANDAS = """
import resource, sys, time
import pandas
begin = time.perf_counter()
rows = len(pandas.read_csv(sys.argv[1], engine="c"))
seconds = time.perf_counter() - begin
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
print(seconds, rows, peak)
"""


def write(path, rows, columns, form):
    rng = np.random.default_rng(1)
    line = ",".join([form] * columns) + "\n"
    with open(path, "w") as file:
        file.write(",".join(f"x{j}" for j in range(columns)) + "\n")
        for first in range(0, rows, 10000):
            block = rng.normal(size=(min(10000, rows - first), columns)) * 100
            file.writelines(line % tuple(row) for row in block.tolist())


def measure(command):
    seconds, _, peak = subprocess.run(command, check=True, text=True,
                                      stdout=subprocess.PIPE).stdout.split()
    return float(seconds), float(peak)


def main():
    program = sys.argv[1]
    rows, columns, runs = [int(a) for a in sys.argv[2:]] + \
        [1000000, 20, 5][len(sys.argv) - 2:]
    for form in "%.6f", "%.17g":
        with tempfile.NamedTemporaryFile(suffix=".csv") as file:
            write(file.name, rows, columns, form)
            size = os.path.getsize(file.name)
            ours, theirs = [], []
            for _ in range(runs):
                ours.append(measure([program, file.name]))
                theirs.append(measure([sys.executable, "-c", PANDAS,
                                       file.name]))
        for name, results in ("mlp_data", ours), ("pandas", theirs):
            seconds = min(r[0] for r in results)
            peak = max(r[1] for r in results)
            print(f"{form} {name:8} {seconds:.2f} s "
                  f"{size / seconds / 1e6:.0f} MB/s, memory "
                  f"{peak / size:.2f} x the file of {size / 1e6:.0f} MB")


main()
