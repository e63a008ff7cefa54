#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Compares libmlp with other libraries in one run on this machine.

    run.py [--kernels NAME] [--seconds S] [--rounds R] [--threads 1,2]
           [--ort FOLDER] [--instructions] [--json FILE] [--markdown FILE]
           <mlp_bench> [<workload> ...]

For each workload of mlp_bench.c the script measures first libmlp and then each
peer that is installed. With several rounds it repeats that, and the round with
the best median counts, for libmlp and for each peer.

A line of the table holds the median of libmlp, how many times faster libmlp is
than the best peer, the percentage of the machine's limit that libmlp reaches,
and the medians of all peers. The limit is the peak of multiply-adds or, where
weights stream from memory, the memory bandwidth; both are measured first. The
exit status is 1 if a workload of libmlp fails its check.

    apt-get install gcc python3-numpy python3-torch python3-sklearn \\
        libfann-dev libxnnpack-dev libopenblas0 libdnnl2 nodejs npm
    npm install --ignore-scripts --prefix /tmp/ort onnxruntime-node
    tests/bench/run.py --ort /tmp/ort/node_modules build/tests/bench/mlp_bench

The folder of ONNX Runtime is --ort or the environment variable MLP_BENCH_ORT.
The script names each peer that is missing and goes on without it. It compiles
the peers written in C into a temporary folder.

The speed of a machine that others use changes within minutes. So compare the
numbers within one line, never the numbers of two runs. On a busy machine raise
the priority (nice -n -20) and measure three rounds.
"""
import argparse
import datetime
import json
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.join(HERE, "..", "..")
MOONS = os.path.join(ROOT, "tests", "vectors", "moons_train.txt")
DIGITS = os.path.join(ROOT, "examples", "data", "digits.csv")
WORKLOADS = ["W1", "W2", "W3", "W4", "W5", "W6", "W7", "W8", "W9",
             "W10"]
SINGLE = {"W6", "W9"}  # workloads that use one thread only
NOT_INSTALLED = 77
RATES = ("rows/s", "GFLOP/s", "GB/s")  # units where more is better
# Results that are bound by reading weights, and the bandwidth that bounds them.
STREAMS = {"W6-784-512-512-10": "read", "W8-4096": "triad"}


def parse(output):
    """The results by their names, from lines that have the form
    `workload peer threads median unit key=value ...`."""
    results = {}
    for line in output.splitlines():
        name, peer, threads, median, unit, *values = line.split()
        result = {"peer": peer, "threads": int(threads),
                  "median": float(median), "unit": unit}
        for pair in values:
            key, value = pair.split("=")
            result[key] = float(value)
        results[name] = result
    return results


def better(a, b):
    """The better of two results for the same work; either may be None."""
    if not a or not b:
        return a or b
    first, second = sorted((a, b), key=lambda r: r["median"])
    return second if a["unit"] in RATES else first


def load():
    try:
        return os.getloadavg()[0]
    except OSError:
        return None


def cpu():
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            facts = dict(line.split(":", 1) for line in file if ":" in line)
        return {key.strip(): value.strip() for key, value in facts.items()}
    except OSError:
        return {}


# ------------------------------------------------------------------------------
# The library

def ours(args, threads, workloads):
    command = [args.mlp_bench, "--seconds", str(args.seconds),
               "--threads", str(threads)]
    if args.kernels:
        command += ["--kernels", args.kernels]
    child = subprocess.run(command + workloads, stdout=subprocess.PIPE,
                           text=True)
    if child.returncode:
        print(f"{' '.join(workloads)}: mlp_bench failed", flush=True)
    return parse(child.stdout), child.returncode == 0


def instructions(args):
    """The instructions of the tiny workloads, counted by callgrind.sh."""
    command = ["sh", os.path.join(HERE, "callgrind.sh"), args.mlp_bench]
    if args.kernels:
        command += ["--kernels", args.kernels]
    child = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    if child.returncode:
        print(child.stdout.strip())
        return {}
    return parse(child.stdout)


# ------------------------------------------------------------------------------
# The peers

class Peer:
    def __init__(self, name, command, workloads, several=True, files=()):
        self.name = name
        self.command = command  # function of the threads and seconds
        self.workloads = workloads
        self.several = several  # True if it can use several threads
        self.files = files      # arguments before the workloads

    def start(self, args, environment, threads, workloads):
        count = str(threads)
        environment = dict(environment, OMP_NUM_THREADS=count,
                           OPENBLAS_NUM_THREADS=count)
        try:
            return subprocess.run(
                [*self.command(count, str(args.seconds)), *self.files,
                 *workloads], stdout=subprocess.PIPE, text=True,
                env=environment)
        except OSError as error:
            return subprocess.CompletedProcess([], NOT_INSTALLED, str(error))

    def takes_part(self, threads, workload):
        if threads == 1 and self.name == "torch-passive":
            return False
        return (workload.split("-")[0] in self.workloads
                and (threads == 1 or self.several))


def in_python(python, name):
    return Peer(name, lambda threads, seconds: [
        python, os.path.join(HERE, "peers.py"), "--threads", threads,
        "--seconds", seconds, name], WORKLOADS[:8])


def in_c(program, name, *rest, **more):
    return Peer(name, lambda threads, seconds: [program, name, threads,
                                                seconds], *rest, **more)


def compile_peer(source, program, *flags):
    """The compiler's first error, or an empty string."""
    try:
        child = subprocess.run(
            [os.environ.get("CC", "cc"), "-O2", "-o", program,
             os.path.join(HERE, source), *flags],
            stderr=subprocess.PIPE, text=True)
    except OSError as error:
        return str(error)
    errors = [line for line in child.stderr.splitlines() if "error" in line]
    return (errors or ["it does not compile"])[0] if child.returncode else ""


class Peers:
    """The peers that are installed, and the reasons why others are missing."""

    def __init__(self, args, folder):
        self.args = args
        self.missing = {}
        self.found = []
        # These would choose OpenBLAS's kernels for another machine.
        self.environment = {
            key: value for key, value in os.environ.items()
            if key not in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")}
        for name in "numpy", "torch", "torch-passive", "sklearn":
            # The first Python that has it.
            self.add(*[in_python(python, name) for python in dict.fromkeys(
                [sys.executable, "/usr/bin/python3"])])
        fann = {"several": False, "files": [MOONS, DIGITS]}
        self.compile("fann", "peer_fann.c", folder,
                     ["W2", "W3", "W4", "W6", "W7", "W8"], "-lfloatfann", "-lm",
                     **fann)
        self.compile("fann-f64", "peer_fann.c", folder, ["W1", "W2"],
                     "-DDOUBLE", "-ldoublefann", "-lm", **fann)
        self.compile("xnnpack", "peer_xnnpack.c", folder, ["W6", "W7"],
                     "-lXNNPACK", "-lm", several=False)
        for name in "openblas", "onednn":
            self.compile(name, "peer_products.c", folder, ["W9"], "-ldl", "-lm")
        if args.ort:
            self.add(Peer("ort", lambda threads, seconds: [
                "node", os.path.join(HERE, "peer_ort.js"), args.ort, "ort",
                threads, seconds], ["W6", "W7"]))
        else:
            self.missing["ort"] = "no --ort, no MLP_BENCH_ORT"
        self.openblas_core = self.choose_openblas_core()

    def add(self, *candidates):
        for peer in candidates:
            child = peer.start(self.args, self.environment, 1, [])
            if child.returncode == 0:
                self.found.append(peer)
                self.missing.pop(peer.name, None)
                return
            self.missing[peer.name] = (child.stdout.strip()
                                       or f"status {child.returncode}")

    def compile(self, name, source, folder, workloads, *flags, **more):
        program = os.path.join(folder, name)
        why = compile_peer(source, program, *flags)
        if why:
            self.missing[name] = why
        else:
            self.add(in_c(program, name, workloads, **more))

    def choose_openblas_core(self):
        """Chooses the processor that OpenBLAS is told to optimize for.

        An OpenBLAS that is older than the processor does not recognise it and
        uses kernels for a much older one, which slows NumPy and torch down as
        well. So each processor of that time that resembles this one is tried,
        and one that is at least 10 % faster than OpenBLAS's own choice wins.
        """
        flags = cpu().get("flags", "").split()
        cores = [core for flag, core in (("avx512dq", "SkylakeX"),
                                         ("avx2", "Haswell")) if flag in flags]
        openblas = [p for p in self.found if p.name == "openblas"]
        best, most, chosen = "its own choice", 0.0, self.environment
        for core in [best, *cores] if openblas else []:
            environment = dict(self.environment)
            if core in cores:
                environment["OPENBLAS_CORETYPE"] = core
            child = openblas[0].start(self.args, environment, 1,
                                      ["W9-f32-512"])
            result = parse(child.stdout).get("W9-f32-512")
            if result and result["median"] > 1.1 * most:
                best, most, chosen = core, result["median"], environment
        self.environment = chosen
        return best

    def results(self, threads, workload):
        """A dictionary from each result's name to the results of the peers."""
        found = {}
        for peer in self.found:
            if not peer.takes_part(threads, workload):
                continue
            child = peer.start(self.args, self.environment, threads,
                               [workload])
            if child.returncode:
                print(f"{workload}: {peer.name} failed", flush=True)
            for name, result in parse(child.stdout).items():
                found.setdefault(name, {})[peer.name] = result
        return found


# ------------------------------------------------------------------------------
# The table

def limit_of(args, machine, name, result):
    """The percentage of the machine's limit that a result reaches, and the
    limit's name, "fma" or "memory". If both apply, the larger one counts."""
    kind = "f64" if "f64" in name or name == "W1" else "f32"
    narrow = machine.get(f"peak-256-{kind}")
    peak = (narrow if args.kernels == "avx2" and narrow
            else machine.get(f"peak-{kind}"))
    rate = (result["median"] if result["unit"] == "GFLOP/s"
            else result.get("gflops"))
    limits = []
    if rate and peak:
        limits.append((100 * rate / peak["max"], "fma"))
    memory = machine.get(STREAMS.get(name))
    if memory and "gbytes" in result:
        limits.append((100 * result["gbytes"] / memory["max"], "memory"))
    return max(limits, default=(None, None))


def compare(args, threads, machine, name, result, peers):
    """The dictionary from which one line of the table is printed."""
    row = {"workload": name, "threads": threads, "unit": result["unit"],
           "libmlp": result, "peers": peers}
    rate = result["unit"] in RATES
    if peers:
        best = (max if rate else min)(peers, key=lambda p: peers[p]["median"])
        ratio = result["median"] / peers[best]["median"]
        row["best"] = best
        row["times_faster"] = ratio if rate else 1 / ratio
    percent, limit = limit_of(args, machine, name, result)
    if percent:
        row["percent"], row["limit"] = percent, limit
    return row


def show(row):
    peers = row["peers"]
    print(f"{row['workload']:<27}{row['threads']:>2}"
          f"{row['libmlp']['median']:>10.4g} {row['unit']:<8}"
          + (f"{row['times_faster']:>7.2f} x {row['best']:<14}" if peers
             else " " * 24)
          + (f"{row['percent']:>4.0f} % {row['limit']:<8}"
             if "percent" in row else " " * 15)
          + "  ".join(f"{peer} {peers[peer]['median']:.4g}"
                      for peer in peers), flush=True)


def markdown(rows):
    lines = ["| workload | threads | libmlp | best peer | times faster "
             "| of the limit |", "|---|---|---|---|---|---|"]
    for row in rows:
        best = row.get("best")
        lines.append(
            f"| {row['workload']} | {row['threads']} "
            f"| {row['libmlp']['median']:.3g} {row['unit']} | "
            + (f"{best} {row['peers'][best]['median']:.3g} "
               f"| {row['times_faster']:.2f} | " if best else "| | ")
            + (f"{row['percent']:.0f} % {row['limit']} |"
               if "percent" in row else "|"))
    return "\n".join(lines) + "\n"


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--kernels", help="a kernel table's name")
    parser.add_argument("--seconds", type=float, default=0.5,
                        help="for each result")
    parser.add_argument("--rounds", type=int, default=1,
                        help="number of rounds; the best counts")
    parser.add_argument("--threads", default="1", help="such as 1,2")
    parser.add_argument("--ort", default=os.environ.get("MLP_BENCH_ORT"),
                        help="a node_modules with onnxruntime-node")
    parser.add_argument("--instructions", action="store_true",
                        help="count instructions of tiny workloads, too")
    parser.add_argument("--json", help="write the results there, too")
    parser.add_argument("--markdown", help="write a table there, too")
    parser.add_argument("mlp_bench")
    parser.add_argument("workloads", nargs="*", default=WORKLOADS)
    args = parser.parse_args()
    args.workloads = args.workloads or WORKLOADS
    try:
        args.threads = [int(n) for n in args.threads.split(",")]
    except ValueError:
        parser.error(f"--threads: numbers, not {args.threads}")
    for workload in args.workloads:
        if workload.split("-")[0] not in WORKLOADS:
            parser.error(f"no workload {workload}; there are "
                         + " ".join(WORKLOADS))
    return args


def measure_machine(args, threads):
    machine, good = ours(args, threads, ["peak", "triad", "read"])
    for name, result in machine.items():
        print(f"{name:<27}{threads:>2}{result['max']:>10.4g} "
              f"{result['unit']}", flush=True)
    return machine, good


def measure(args, peers, threads, machine, workload):
    """The table's lines for a workload, and True if all checks passed."""
    results, others, good = {}, {}, True
    for _ in range(args.rounds):
        found, passed = ours(args, threads, [workload])
        good = good and passed
        for name, result in found.items():
            results[name] = better(results.get(name), result)
        for name, of_peers in (peers.results(threads, workload).items()
                               if found else ()):
            known = others.setdefault(name, {})
            for peer, result in of_peers.items():
                known[peer] = better(known.get(peer), result)
    rows = [compare(args, threads, machine, name, result, others.get(name, {}))
            for name, result in results.items()]
    for row in rows:
        show(row)
    return rows, good


def main():
    args = arguments()
    started, first_load = datetime.datetime.now(), load()
    with tempfile.TemporaryDirectory() as folder:
        peers = Peers(args, folder)
        for peer, why in peers.missing.items():
            print(f"skipped: {peer} ({why})")
        print(f"OpenBLAS's kernels: {peers.openblas_core}")
        good, rows, machines = True, [], {}
        for threads in args.threads:
            machine, passed = measure_machine(args, threads)
            machines[threads] = machine
            good = good and passed
            print(f"{'workload':<27}{'th':>2}{'libmlp':>10} {'unit':<8}"
                  f"{'faster than':<24}{'limit':>6}{'':9}peers", flush=True)
            for workload in args.workloads:
                if threads > 1 and workload.split("-")[0] in SINGLE:
                    continue
                more, passed = measure(args, peers, threads, machine, workload)
                rows += more
                good = good and passed
    counts = instructions(args) if args.instructions else {}
    for name, result in counts.items():
        print(f"{name:<27}{'':2}{result['median']:>10.6g} instructions "
              f"{result['unit']}")
    if args.json:
        with open(args.json, "w", encoding="utf-8") as file:
            json.dump({"date": started.isoformat(timespec="minutes"),
                       "cpu": {key: cpu().get(key) for key in
                               ("model name", "cpu family", "model")},
                       "load": [first_load, load()],
                       "kernels": args.kernels or "the fastest",
                       "seconds": args.seconds, "rounds": args.rounds,
                       "openblas_core": peers.openblas_core,
                       "machine": machines, "missing": peers.missing,
                       "instructions": counts, "results": rows}, file,
                      indent=1)
    if args.markdown:
        with open(args.markdown, "w", encoding="utf-8") as file:
            file.write(markdown(rows))
    sys.exit(0 if good else 1)


main()
