#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Asks whether the tests would see a fault: plants mutants in src/, one at a
time, builds, and runs the tests.

    mutate.py [--count N] [--seed N] [--rooms ROOM,...] [--again]
              [--equivalent] BUILD

A mutant is killed if a test fails or does not end. The unit tests of its file
run first, then those of its room, then all unit tests, the examples, the hashes
of bits.sh, the tests of the program mlp, of exported C, and of ranks of MPI. A
mutant that does not compile, or compiles to the same code, is replaced by the
next. Two lists give reasons: equivalent.txt has mutants that change nothing
that a caller is promised, which count neither as killed nor as survivors, and
survivors.txt has those that only another test than these sees.

Two copies of the tree in BUILD/scripts/mutate work in parallel. Verdicts are
kept there, in a file for each state of the tree, so that a run can be resumed.
--rooms tries only those of the N mutants that are in these rooms, so the rooms
can be tried one after another; --again tries those again that survived;
--equivalent tries also those that are listed as equivalent, none of which may
be killed. The exit status is 1 if less than 92 % are killed, or if a survivor
has no reason.
"""
import argparse
import collections
import filecmp
import hashlib
import json
import os
import queue
import re
import resource
import shutil
import signal
import subprocess
import sys
import threading

sys.dont_write_bytecode = True
import mutants

GOAL = 0.92
WORKERS = 2
# These scripts test what the unit tests cannot see.
SCRIPTS = ("bits", "tool_verbs", "tool_train", "exported_c", "mpi")
LIBRARIES = ("mlp", "mlp_data", "mlp_show", "mlp_foreign", "mlp_onnx",
             "mlp_mpi", "mlp_tool")

Test = collections.namedtuple("Test", "name command folder environment labels")


def limits(cpu_seconds):
    """Keeps a mutant from taking the machine with it."""
    def set_them():
        resource.setrlimit(resource.RLIMIT_CPU, (cpu_seconds, cpu_seconds))
        resource.setrlimit(resource.RLIMIT_AS, (6 << 30, 6 << 30))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    return set_them


def end_group(group):
    """Ends a test and what it has started."""
    try:
        os.killpg(group, signal.SIGKILL)
    except ProcessLookupError:
        pass


def run(test, cpu_seconds, wall_seconds):
    """Whether the test passes within its time, and the time of the CPU that it
    took."""
    process = subprocess.Popen(
        test.command, cwd=test.folder, stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        env={**os.environ, **test.environment}, start_new_session=True,
        preexec_fn=limits(cpu_seconds))
    timer = threading.Timer(wall_seconds, end_group, (process.pid,))
    timer.start()
    _, status, usage = os.wait4(process.pid, 0)
    timer.cancel()
    process.returncode = os.waitstatus_to_exitcode(status)
    end_group(process.pid)
    return process.returncode in (0, 77), usage.ru_utime + usage.ru_stime


def synchronise(root, folder):
    """Copies the tree. A file that is the same stays as it is, and a file that
    an interrupted run has left with a mutant gets a new time, so that exactly
    what differs is compiled again."""
    ignore = shutil.ignore_patterns("build*", ".git")
    shutil.copytree(root, folder, dirs_exist_ok=True, ignore=ignore,
                    copy_function=lambda a, b: os.path.exists(b) and
                    filecmp.cmp(a, b, shallow=False) or shutil.copyfile(a, b))


class Copy:
    """A copy of the tree with a build of its own."""

    def __init__(self, root, folder):
        self.root, self.build = folder, os.path.join(folder, "build")
        synchronise(root, folder)
        subprocess.run(
            ["cmake", "-G", "Ninja", "-S", folder, "-B", self.build,
             "-DMLP_OPTIMIZE=OFF", "-DCMAKE_C_FLAGS=-O1 -w",
             "-DMLP_KERNELS=avx2"], check=True, stdout=subprocess.DEVNULL)
        if not self.make("all"):
            sys.exit("mutate.py: the tree does not build")
        self.tests = self.read_tests()
        self.clean_code = self.code()
        self.seconds = {}
        self.killers = collections.defaultdict(set)
        for test in self.tests:
            passed, self.seconds[test.name] = run(test, 600, 1800)
            if not passed:
                sys.exit("mutate.py: %s fails without a mutant" % test.name)

    def make(self, *targets):
        return subprocess.run(["ninja", "-C", self.build, "-j1", *targets],
                              stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL).returncode == 0

    def code(self):
        """A hash of the compiled libraries and of the program mlp."""
        digest = hashlib.sha256()
        for name in sorted(os.listdir(self.build)):
            if name.endswith(".a") or name == "mlp":
                with open(os.path.join(self.build, name), "rb") as file:
                    digest.update(file.read())
        return digest.digest()

    def read_tests(self):
        shown = subprocess.run(["ctest", "--show-only=json-v1"],
                               cwd=self.build, check=True,
                               capture_output=True).stdout
        tests = []
        for entry in json.loads(shown)["tests"]:
            found = {p["name"]: p["value"] for p in entry["properties"]}
            labels = found.get("LABELS", [])
            if "unit" in labels or "example" in labels or \
                    entry["name"] in SCRIPTS:
                environment = dict(pair.split("=", 1) for pair in
                                   found.get("ENVIRONMENT", []))
                tests.append(Test(entry["name"], entry["command"],
                                  found["WORKING_DIRECTORY"], environment,
                                  labels))
        return tests

    def batches(self, mutant):
        """The tests, those first that are likely to kill: those of the file,
        those that killed a mutant of this file before, those of the room."""
        room = mutants.room_of(mutant.file)
        stem = os.path.splitext(os.path.basename(mutant.file))[0]
        near = [t for t in self.tests if t.name == stem or
                t.name in self.killers[mutant.file]]
        in_room = [t for t in self.tests if t not in near and
                   (room.split("/")[-1] in t.labels or
                    room == "tool" and t.name.startswith("tool_"))]
        rest = [t for t in self.tests if t not in near and t not in in_room]
        for batch in near, in_room, rest:
            if batch:
                yield sorted(batch, key=lambda t: self.seconds[t.name])

    def killer(self, tests):
        """The name of the test that fails, or None."""
        for test in tests:
            cpu = int(5 * self.seconds[test.name]) + 5
            if not run(test, cpu, 120 + 10 * cpu)[0]:
                return test.name
        return None

    def try_out(self, mutant):
        """The verdict on a planted mutant."""
        if not self.make(*(t for t in LIBRARIES if self.has(t))):
            return "does not compile", ""
        if self.code() == self.clean_code:
            return "same code", ""
        for batch in self.batches(mutant):
            programs = [os.path.basename(t.command[0]) for t in batch
                        if "unit" in t.labels]
            if len(programs) < len(batch):
                programs.append("all")
            if not self.make(*programs):
                sys.exit("mutate.py: the tests do not build")
            killer = self.killer(batch)
            if killer:
                self.killers[mutant.file].add(killer)
                return "killed", killer
        return "survived", ""

    def has(self, target):
        return os.path.exists(os.path.join(
            self.build, "mlp" if target == "mlp_tool" else
            "lib%s.a" % target))

    def judge(self, mutant):
        path = os.path.join(self.root, mutant.file)
        with open(path, encoding="utf-8") as file:
            text = file.read()
        try:
            with open(path, "w", encoding="utf-8") as file:
                file.write(text[:mutant.start] + mutant.text +
                           text[mutant.end:])
            return self.try_out(mutant)
        finally:
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)


def reasons(root, path):
    """The reason for each mutant of a list, by its file, function, number among
    equal lines of the function (0: there is one), line before and line after."""
    found = {}
    with open(path, encoding="utf-8") as file:
        blocks = file.read().split("\n\n")
    for block in blocks:
        lines = [l for l in block.splitlines() if not l.startswith("#")]
        if not lines:
            continue
        if len(lines) < 4:
            sys.exit("mutate.py: %s: no reason: %s" % (path, lines))
        source, functions = lines[0].split(": ")
        for place in functions.split(", "):
            function, _, nth = place.partition(" ")
            key = source, function, int(nth or 0), lines[1], lines[2]
            if not mutants.is_there(root, *key[:4]):
                sys.exit("mutate.py: %s: not one such line: %s" % (path, key))
            found[key] = " ".join(lines[3:])
    return found


def reason_of(mutant, found):
    for nth in 0, mutant.nth:
        reason = found.get((mutant.file, mutant.function, nth, mutant.old,
                            mutant.new))
        if reason:
            return reason
    return None


def tree_hash(root):
    """A hash of all that decides a verdict. The lists of reasons do not."""
    digest = hashlib.sha256()
    names = ["CMakeLists.txt"]
    for folder in "include", "src", "tests", "examples":
        for path, _, files in os.walk(os.path.join(root, folder)):
            names += [os.path.relpath(os.path.join(path, f), root)
                      for f in files if not f.endswith(".pyc")]
    for name in sorted(names):
        if not re.fullmatch(r"tests/trust/\w+\.txt", name):
            with open(os.path.join(root, name), "rb") as file:
                digest.update(name.encode() + file.read())
    return digest.hexdigest()[:16]


class Campaign:
    """The mutants that are wanted, and what is known of them."""

    def __init__(self, options, folder):
        self.rooms = options.rooms.split(",") if options.rooms else None
        here = os.path.dirname(os.path.abspath(__file__))
        self.root = os.path.dirname(os.path.dirname(here))
        self.equivalent = reasons(self.root,
                                  os.path.join(here, "equivalent.txt"))
        self.survivors = reasons(self.root, os.path.join(here, "survivors.txt"))
        self.tries_equivalent = options.equivalent
        self.record = os.path.join(folder, tree_hash(self.root) + ".jsonl")
        self.known = {}
        if os.path.exists(self.record):
            with open(self.record, encoding="utf-8") as file:
                for line in file:
                    r = json.loads(line)
                    self.known[r["id"]] = (r["verdict"], r["by"])
        if options.again:
            self.known = {i: v for i, v in self.known.items()
                          if v[0] != "survived"}
        self.lock = threading.Lock()
        self.supply = mutants.choose(self.root, options.seed)
        self.left = options.count
        self.counted = []
        self.untrue = [] # what equivalent.txt says and a test refutes

    def verdict_without_run(self, mutant):
        if self.is_equivalent(mutant) and not self.tries_equivalent:
            return "equivalent", ""
        return self.known.get(mutant.id)

    def is_equivalent(self, mutant):
        return reason_of(mutant, self.equivalent) is not None

    def next(self):
        """A mutant that must be tried, or None."""
        with self.lock:
            while self.left > 0:
                mutant = next(self.supply, None)
                if not mutant:
                    return None
                self.left -= 1
                verdict = self.verdict_without_run(mutant)
                wanted = not self.rooms or \
                    mutants.room_of(mutant.file) in self.rooms
                if wanted and not verdict:
                    return mutant
                if verdict:
                    self.count(mutant, *verdict)
            return None

    def count(self, mutant, verdict, by):
        if verdict in ("does not compile", "same code"):
            self.left += 1
        elif self.is_equivalent(mutant):
            self.counted.append((mutant, "equivalent", by))
            if verdict == "killed":
                self.untrue.append("%s kills what equivalent.txt lists: %s" %
                                   (by, mutant))
        else:
            self.counted.append((mutant, verdict, by))

    def judged(self, mutant, verdict, by):
        with self.lock:
            with open(self.record, "a", encoding="utf-8") as file:
                file.write(json.dumps({"id": mutant.id, "verdict": verdict,
                                       "by": by, "file": mutant.file,
                                       "old": mutant.old,
                                       "new": mutant.new}) + "\n")
            self.count(mutant, verdict, by)
            print("%s %s  %s:%d\n    %s\n    %s" %
                  (verdict, by, mutant.file, mutant.line, mutant.old,
                   mutant.new), flush=True)


def work(campaign, folder, failures):
    try:
        copy = None
        while mutant := campaign.next():
            copy = copy or Copy(campaign.root, folder)
            campaign.judged(mutant, *copy.judge(mutant))
    except BaseException as error:
        failures.put(error)


def report(campaign):
    """Prints the survivors and a table; returns whether enough is killed and
    all survivors have a reason."""
    counted = campaign.counted
    are_explained = True
    table = collections.defaultdict(collections.Counter)
    for mutant, verdict, _ in counted:
        table[mutants.room_of(mutant.file)][verdict] += 1
        table["all"][verdict] += 1
    print("\nSurvivors:")
    for mutant, verdict, _ in sorted(counted):
        if verdict == "survived":
            reason = reason_of(mutant, campaign.survivors)
            are_explained = are_explained and reason is not None
            print("%s: %s\n%s\n%s\n%s\n" % (
                mutant.file, mutant.function, mutant.old, mutant.new,
                reason or "This one needs a test, or a reason in a list."))
    print("%-18s %7s %8s %10s" % ("room", "killed", "survived", "equivalent"))
    for room in (*mutants.ROOMS, "all"):
        print("%-18s %7d %8d %10d" % (room, *(table[room][v] for v in (
            "killed", "survived", "equivalent"))))
    killed, survived = table["all"]["killed"], table["all"]["survived"]
    share = killed / max(1, killed + survived)
    print("mutants: %d planted, %d equivalent, %d of the other %d killed "
          "(%.1f %%)" % (len(counted), table["all"]["equivalent"], killed,
                         killed + survived, 100 * share))
    return share >= GOAL and are_explained


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build")
    parser.add_argument("--count", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rooms")
    parser.add_argument("--again", action="store_true")
    parser.add_argument("--equivalent", action="store_true")
    options = parser.parse_args()
    folder = os.path.join(os.path.abspath(options.build), "scripts/mutate")
    os.makedirs(folder, exist_ok=True)
    campaign = Campaign(options, folder)
    failures = queue.Queue()
    threads = [threading.Thread(target=work, args=(
        campaign, os.path.join(folder, str(i)), failures))
        for i in range(WORKERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if not failures.empty():
        raise failures.get()
    is_good = report(campaign)
    for line in campaign.untrue:
        print(line)
    sys.exit(not is_good or bool(campaign.untrue))


if __name__ == "__main__":
    main()
