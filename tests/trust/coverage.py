#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Counts the lines and branches of src/ that tests have run:

    coverage.py [--list] ROOT BUILD

BUILD was compiled by gcc with --coverage, and its tests have run. A file that is
compiled several times, such as a template of the kernels, counts once: a line
has run if it ran in one of them. coverage.txt names what need not run, each with
its reason: a function with the number of its lines, and the files that BUILD
does not compile. The exit status is 1 if another line has not run, if the list
excuses a line that has run, or if less than 95 % of the branches were taken.

--list prints the places of all branches that were not taken, too.
"""
import bisect
import collections
import glob
import json
import os
import subprocess
import sys

sys.dont_write_bytecode = True
import mutants

GOAL = 0.95


def gcov(root, build):
    """Yields what gcov knows of each file of src/ in each object."""
    for name in sorted(glob.glob(build + "/src/**/*.gcno", recursive=True)):
        output = subprocess.run(["gcov", "--json-format", "--stdout",
                                 "--branch-probabilities", name], check=True,
                                cwd=build, capture_output=True).stdout
        for line in output.decode().splitlines():
            for file in json.loads(line)["files"] if line else ():
                path = os.path.relpath(os.path.join(build, file["file"]), root)
                if path.startswith("src/"):
                    yield path, file


def share(part, whole):
    return 100 * part / max(1, whole)


def any_in(sorted_lines, first, last):
    """Whether one of these lines is from `first` to `last`."""
    i = bisect.bisect_left(sorted_lines, first)
    return i < len(sorted_lines) and sorted_lines[i] <= last


def merged(lists):
    """Which branches of a line were taken. Each list is what one object says,
    with a flag for each branch. Objects may differ in the number of branches:

    - One has none: its compiler knew the condition, as in the portable table of
      a template. It tells nothing; the others do.
    - One has a multiple of the least number: the line was inlined several times.
      A branch was taken if any copy has taken it.
    - One has another number: the line was compiled in another way.

    In the last case the list counts of which the largest share was taken."""
    lists = [taken for taken in lists if taken]
    if not lists:
        return []
    least = min(map(len, lists))
    copies = [taken[i:i + least] for taken in lists if len(taken) % least == 0
              for i in range(0, len(taken), least)]
    together = list(map(any, zip(*copies)))
    return max([together] + lists, key=lambda taken: (
        share(sum(taken), len(taken)), -len(taken)))


class File:
    """What all objects together have run of a file. Where the calls of a function
    are inlined, an object may also have a copy of it that nobody calls. Such an
    idle copy counts only if no object has run the function: then its lines have
    not run. Otherwise a line that only idle copies have does not count."""

    def __init__(self):
        self.lines = collections.Counter()
        self.branches = {}
        self.functions = set()
        self.idle = set() # lines of idle copies
        self.taken = collections.defaultdict(list) # for each line, see merged

    def add(self, file):
        functions = [(f["start_line"], f["end_line"], f["name"])
                     for f in file["functions"]]
        run = sorted(line["line_number"] for line in file["lines"]
                     if line["count"])
        idle = [f for f in functions if not any_in(run, f[0], f[1])]
        self.functions.update(functions)
        for line in file["lines"]:
            number = line["line_number"]
            self.taken[number].append([b["count"] > 0
                                       for b in line["branches"]])
            if any(first <= number <= last for first, last, _ in idle):
                self.idle.add(number)
            else:
                self.lines[number] += line["count"]

    def finish(self):
        run = sorted(n for n, count in self.lines.items() if count)
        for number in self.idle:
            first, last, _ = self.range_at(number)
            if number not in self.lines and not any_in(run, first, last):
                self.lines[number] = 0
        for number in self.lines:
            self.branches[number] = merged(self.taken[number])

    def range_at(self, number):
        return next((f for f in sorted(self.functions, reverse=True)
                     if f[0] <= number <= f[1]), (number, number, "?"))

    def function_at(self, number):
        return self.range_at(number)[2]


def exceptions(path):
    """What coverage.txt names: the number of lines of "file function", and
    files, whose number is None."""
    found = {}
    with open(path, encoding="utf-8") as file:
        for line in file:
            if line.strip() and line[0] != "#":
                place, reason = line.split(": ", 1)
                words = place.split()
                if len(words) == 3:
                    found[" ".join(words[:2])] = int(words[2])
                else:
                    found[place] = None
                if not reason.strip():
                    sys.exit("coverage.txt: no reason for " + place)
    return found


def files_with_code(root):
    """The files of src/ that have functions with bodies."""
    for folder, _, names in os.walk(os.path.join(root, "src")):
        for name in names:
            if name.endswith((".c", ".h")):
                path = os.path.join(folder, name)
                with open(path, encoding="utf-8") as file:
                    if any(mutants.places(file.read())):
                        yield os.path.relpath(path, root)


def main():
    show_branches = "--list" in sys.argv
    root, build = map(os.path.abspath, sys.argv[-2:])
    files = collections.defaultdict(File)
    for path, file in gcov(root, build):
        files[path].add(file)
    for file in files.values():
        file.finish()
    excepted = exceptions(os.path.join(root, "tests/trust/coverage.txt"))
    rooms = collections.defaultdict(collections.Counter)
    missing, named = [], collections.Counter()
    for path, file in sorted(files.items()):
        for number, count in sorted(file.lines.items()):
            place = "%s %s" % (path, file.function_at(number))
            taken = file.branches[number]
            # A counter that several threads count on may be below 0.
            for room in mutants.room_of(path), "all":
                rooms[room] += collections.Counter(
                    lines=1, run=count != 0, branches=len(taken),
                    taken=sum(taken),
                    named=count == 0 and place in excepted)
            if count == 0 and place in excepted:
                named[place] += 1
            elif count == 0:
                missing.append("%s:%d in %s" % (path, number,
                                                file.function_at(number)))
            if show_branches and count and not all(taken):
                print("%s:%d: %d of %d branches" % (path, number, sum(taken),
                                                    len(taken)))
    print("%-16s %7s %8s %6s %9s %8s" % ("room", "lines", "run", "named",
                                         "branches", "taken"))
    for room in (*mutants.ROOMS, "all"):
        r = rooms[room]
        print("%-16s %7d %6.2f %% %6d %9d %6.2f %%" % (
            room, r["lines"], share(r["run"], r["lines"]), r["named"],
            r["branches"], share(r["taken"], r["branches"])))
    for place in missing:
        print("not run: " + place)
    wrong = ["not compiled: " + path for path in files_with_code(root)
             if path not in files and path not in excepted]
    for place, lines in excepted.items():
        if lines is None and place in files:
            wrong.append("coverage.txt names what is compiled: " + place)
        elif lines is not None and lines != named[place]:
            wrong.append("coverage.txt names %d lines, and %d have not run: %s"
                         % (lines, named[place], place))
    for line in sorted(wrong):
        print(line)
    r = rooms["all"]
    print("coverage: %.2f %% of %d lines, and with %d named ones %.2f %%; "
          "%.2f %% of %d branches" % (
              share(r["run"], r["lines"]), r["lines"], r["named"],
              share(r["run"] + r["named"], r["lines"]),
              share(r["taken"], r["branches"]), r["branches"]))
    sys.exit(bool(missing or wrong) or share(r["taken"], r["branches"]) < 100 * GOAL)


if __name__ == "__main__":
    main()
