#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""libmlp beside other libraries, in one run, on this machine:
run.py [--kernels NAME] [--seconds S] [--threads 1] [--json FILE] <mlp_bench>
       [<workload> ...]

For each workload of mlp_bench.c first libmlp and then each peer of peers.py
that is installed. A line has our median, the best peer's, how many times
faster we are, how much of the machine's multiply-add peak (measured first) our
arithmetic is, and all peers' medians. Exit status 1: a workload of ours failed
its check.

    apt-get install python3-numpy python3-torch python3-sklearn libopenblas0 \\
        libfann2

A shared machine changes its speed within minutes: compare what stands in one
line, not two runs.
"""
import argparse
import datetime
import json
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
PEERS = ["numpy", "torch", "sklearn", "fann", "openblas"]
WORKLOADS = ["W1", "W2", "W4", "W5", "W6", "W7", "W8", "W9"]
NOT_INSTALLED = 77
RATES = ("rows/s", "GFLOP/s", "GB/s")  # more is better


def parse(output):
    """The results of lines that read `workload peer threads median unit
    key=value ...`, by name."""
    results = {}
    for line in output.splitlines():
        name, peer, threads, median, unit, *notes = line.split()
        result = {"peer": peer, "threads": int(threads),
                  "median": float(median), "unit": unit}
        for note in notes:
            key, value = note.split("=")
            result[key] = float(value)
        results[name] = result
    return results


def ours(args, workloads):
    command = [args.mlp_bench, "--seconds", str(args.seconds)]
    if args.kernels:
        command += ["--kernels", args.kernels]
    child = subprocess.run(command + workloads, stdout=subprocess.PIPE,
                           text=True)
    if child.returncode:
        print(f"{' '.join(workloads)}: mlp_bench failed", flush=True)
    return parse(child.stdout), child.returncode == 0


class Peers:
    """The installed peers; the first Python that has one runs it."""

    def __init__(self, seconds):
        self.seconds = seconds
        self.pythons = {}  # by peer
        self.missing = {}  # why, by peer
        for peer in PEERS:
            for python in dict.fromkeys([sys.executable, "/usr/bin/python3"]):
                child = self.start(python, peer, [])
                if child.returncode == 0:
                    self.pythons[peer] = python
                    self.missing.pop(peer, None)
                    break
                self.missing[peer] = child.stdout.strip()

    def start(self, python, peer, workloads):
        try:
            return subprocess.run(
                [python, os.path.join(HERE, "peers.py"), "--seconds",
                 str(self.seconds), peer, *workloads],
                stdout=subprocess.PIPE, text=True)
        except OSError as error:
            return subprocess.CompletedProcess([], NOT_INSTALLED, str(error))

    def results(self, workload):
        """The results of each peer, by the result's name."""
        found = {}
        for peer, python in self.pythons.items():
            child = self.start(python, peer, [workload])
            if child.returncode:
                print(f"{workload}: {peer} failed", flush=True)
            for name, result in parse(child.stdout).items():
                found.setdefault(name, {})[peer] = result
        return found


def peak_of(machine, name, kernels):
    """GFLOP/s of the vectors that these kernels have."""
    kind = "f64" if "f64" in name or name == "W1" else "f32"
    narrow = machine.get(f"peak-256-{kind}")
    if kernels == "avx2" and narrow:
        return narrow["median"]
    return machine.get(f"peak-{kind}", {}).get("median")


def compare(name, result, peers, peak):
    """A line of the table, as a dictionary."""
    row = {"workload": name, "unit": result["unit"], "libmlp": result,
           "peers": peers}
    rate = result["unit"] in RATES
    if peers:
        best = (max if rate else min)(peers, key=lambda p: peers[p]["median"])
        ratio = result["median"] / peers[best]["median"]
        row["best"] = best
        row["times_faster"] = ratio if rate else 1 / ratio
    gflops = (result["median"] if result["unit"] == "GFLOP/s"
              else result.get("gflops"))
    if gflops and peak:
        row["peak_percent"] = 100 * gflops / peak
    return row


def show(row):
    peers = row["peers"]
    percent = row.get("peak_percent")
    print(f"{row['workload']:<27}{row['libmlp']['median']:>10.4g} "
          f"{row['unit']:<8}"
          + (f"{row['times_faster']:>7.2f} x {row['best']:<9}" if peers
             else " " * 19)
          + (f"{percent:>4.0f} %  " if percent else " " * 8)
          + "  ".join(f"{peer} {peers[peer]['median']:.4g}"
                      for peer in peers), flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--kernels", help="a kernel table's name")
    parser.add_argument("--seconds", type=float, default=0.5,
                        help="for each result")
    parser.add_argument("--threads", type=int, default=1, choices=[1])
    parser.add_argument("--json", help="write the results there, too")
    parser.add_argument("mlp_bench")
    parser.add_argument("workloads", nargs="*", default=WORKLOADS)
    args = parser.parse_args()
    args.workloads = args.workloads or WORKLOADS
    for workload in args.workloads:
        if workload.split("-")[0] not in WORKLOADS:
            parser.error(f"no workload {workload}; there are "
                         + " ".join(WORKLOADS))

    machine, good = ours(args, ["peak", "triad"])
    for name, result in machine.items():
        print(f"{name:<27}{result['median']:>10.4g} {result['unit']}")
    peers = Peers(args.seconds)
    for peer, why in peers.missing.items():
        print(f"skipped: {peer} ({why})")
    print(f"{'workload':<27}{'libmlp':>10} {'unit':<8}{'faster than':<19}"
          f"  peak  peers")
    rows = []
    for workload in args.workloads:
        results, passed = ours(args, [workload])
        good = good and passed
        others = peers.results(workload) if results else {}
        for name, result in results.items():
            rows.append(compare(name, result, others.get(name, {}),
                                peak_of(machine, name, args.kernels)))
            show(rows[-1])
    if args.json:
        with open(args.json, "w", encoding="utf-8") as file:
            json.dump({"date": datetime.date.today().isoformat(),
                       "cpu": cpu(), "threads": args.threads,
                       "kernels": args.kernels or "the fastest",
                       "machine": machine, "missing": peers.missing,
                       "results": rows}, file, indent=1)
    sys.exit(0 if good else 1)


def cpu():
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            facts = dict(line.split(":", 1) for line in file if ":" in line)
        return " ".join(facts.get(key + "\t", facts.get(key, "")).strip()
                        for key in ("model name", "cpu family\t", "model\t"))
    except OSError:
        return "unknown"


main()
