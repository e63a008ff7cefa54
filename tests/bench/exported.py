#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Measures exported C beside mlp_predict_with and ONNX Runtime.

    exported.py [--seconds S] [--rounds R] [--networks 2_16_8_1,64_128_64_10]
                [--forms real,bits,int8,jacobian,jacobianbits] [--compilers gcc,clang]
                [--before EXPORTED] [--ort FOLDER] <mlp_bench> <exported>

The program `exported` (exported.c) writes two networks of W6 as C, of which a
prediction is measured, or the Jacobian where the form has that. The script
compiles them with each compiler and each of the options below, lets each prove
itself by its own self-test, and prints the nanoseconds of a call and the bytes
of code and constants:

    network        what           options            ns    bytes

First come the rows of mlp_predict_with, and of ONNX Runtime if its folder is
given (--ort, or the environment variable MLP_BENCH_ORT). With --before the
script also measures what the same program of an earlier build exports, in turns
with the present one, and prints how many times faster the present one is. With
several rounds the best counts. The exit status is 1 if a self-test fails.
"""
import argparse
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
OPTIONS = ["-Os", "-O2", "-O3", "-O2 -march=native", "-O3 -march=native"]


def output(command, **more):
    return subprocess.run(command, stdout=subprocess.PIPE, text=True,
                          check=True, **more).stdout


def nanoseconds(lines):
    """The times by workload, from lines `workload peer threads median ...`."""
    return {line.split()[0]: float(line.split()[3])
            for line in lines.splitlines()}


class Export:
    """One network in one form, compiled by one compiler with one choice of
    options."""

    def __init__(self, folder, form, network, compiler, options):
        self.name = f"{form}_{network}"
        self.source = os.path.join(folder, self.name + ".c")
        self.program = "-".join([self.source[:-2], compiler,
                                 *options.split()])
        self.command = [compiler, "-std=c11", *options.split(), "-I" + folder]
        self.best = float("inf")

    def compile(self, *arguments, libraries=("-lm",)):
        subprocess.run([*self.command, *arguments, self.source, "-o",
                        self.program, *libraries], check=True)

    def proves_itself(self):
        self.compile("-DNET_SELF_TEST")
        return subprocess.run([self.program]).returncode == 0

    def size(self):
        """The bytes of code and constants, those of variables included."""
        self.compile("-c", libraries=())
        text, data, bss, *_ = output(["size", self.program]).split("\n")[
            1].split()
        return int(text) + int(data) + int(bss)

    def prepare(self):
        number = "int8_t" if self.name.startswith("int8") else "float"
        self.compile(f'-DHEADER="{self.name}.h"', "-DNUMBER=" + number,
                     os.path.join(HERE, "exported_row.c"))

    def measure(self, seconds):
        line = output([self.program, self.name, "c", str(seconds)])
        self.best = min(self.best, nanoseconds(line)[self.name])


def library(args, network):
    """The times of mlp_predict_with and of ONNX Runtime, where they are
    known."""
    workload = "W6-" + network.replace("_", "-")
    commands = {"mlp_predict_with": [args.mlp_bench, "--seconds",
                                     str(args.seconds), workload]}
    if args.ort:
        commands["ONNX Runtime"] = ["node", os.path.join(HERE, "peer_ort.js"),
                                    args.ort, "ort", "1", str(args.seconds),
                                    workload]
    for what, command in commands.items():
        best = min(nanoseconds(output(command))[workload]
                   for _ in range(args.rounds))
        print(f"{network:<15}{what:<17}{'':<24}{best:>9.4g}", flush=True)


def row(args, folders, form, network, compiler, options):
    """Prints a line of the table; returns False if a self-test fails."""
    exports = [Export(folder, form, network, compiler, options)
               for folder in folders]
    good = all(export.proves_itself() for export in exports)
    sizes = [export.size() for export in exports]
    for export in exports:
        export.prepare()
    for _ in range(args.rounds):
        for export in exports:
            export.measure(args.seconds)
    line = f"{network:<15}{'C, ' + form:<17}{compiler + ' ' + options:<24}"
    line += f"{exports[0].best:>9.4g}{sizes[0]:>9}"
    if len(exports) > 1:
        line += (f"   before {exports[1].best:>9.4g}{sizes[1]:>9}"
                 f"{exports[1].best / exports[0].best:>8.2f} x")
    print(line + ("" if good else "   WRONG"), flush=True)
    return good


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=0.3,
                        help="for each result")
    parser.add_argument("--rounds", type=int, default=1,
                        help="number of rounds; the best counts")
    parser.add_argument("--networks", default="2_16_8_1,64_128_64_10")
    parser.add_argument("--forms", default="real,bits,int8")
    parser.add_argument("--compilers", default="gcc,clang")
    parser.add_argument("--before", help="`exported` of an earlier build")
    parser.add_argument("--ort", default=os.environ.get("MLP_BENCH_ORT"),
                        help="a node_modules with onnxruntime-node")
    parser.add_argument("mlp_bench")
    parser.add_argument("exported")
    return parser.parse_args()


def main():
    args = arguments()
    good = True
    with tempfile.TemporaryDirectory() as top:
        folders = []
        for program in filter(None, [args.exported, args.before]):
            folders.append(os.path.join(top, str(len(folders))))
            os.mkdir(folders[-1])
            subprocess.run([program, folders[-1]], check=True)
        print(f"{'network':<15}{'what':<17}{'options':<24}{'ns':>9}"
              f"{'bytes':>9}")
        for network in args.networks.split(","):
            library(args, network)
            for form in args.forms.split(","):
                for compiler in args.compilers.split(","):
                    for options in OPTIONS:
                        good &= row(args, folders, form, network, compiler,
                                    options)
    sys.exit(0 if good else 1)


main()
