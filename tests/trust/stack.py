#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The stack that the library needs: stack.py <optimised build> <plain build>

gcc has written a graph of calls for each file (-fcallgraph-info), in the first
build with the size of each function's frame (=su). No frame may be larger than
LIMIT, and only the functions in RECURSIVE may call themselves, directly or
through others. A call through a pointer does not show in the graphs: the library
has pointers to kernels, to readers of formats, to comparisons for qsort and to
the caller's hooks, and none of these calls back but a hook. A frame that gcc
calls dynamic pushes arguments of calls; analyse.sh forbids arrays of variable
length and alloca by warnings.

Prints the largest frames and the recursive functions, each with its bound.
"""
import glob
import re
import sys

LIMIT = 16 * 1024 # bytes; a thread of musl has 128 KiB, one of macOS 512 KiB

# What bounds the depth of each function that may call itself.
TARGETS = "2: a table of targets is loaded without the option `targets`"
DROPOUT = ("2: a Dropout asks for its constants, and on the way to a constant "
           "only Casts are asked whether they are identities")
RECURSIVE = {
    "mlp_data_load": TARGETS,
    "data/load.c:load": TARGETS,
    "data/load.c:fill": TARGETS,
    "data/load.c:add_targets": TARGETS,
    "formats/onnx/activation_match.c:expand_product":
        "16: MAX_VISITS counts the calls for a product",
    "formats/onnx/decode.c:is_message": "12: DEPTH, an argument that counts",
    "formats/onnx/graph_values.c:drops_nothing": DROPOUT,
    "formats/onnx/graph_values.c:find_constant": DROPOUT,
    "formats/onnx/graph_values.c:is_identity": DROPOUT,
    "mlpi_graph_get_constant": DROPOUT,
    "mlpi_graph_get_number": DROPOUT,
    "mlpi_graph_is_constant": DROPOUT,
    "mlpi_graph_try_constant": DROPOUT,
}

NODE = re.compile(r'node: \{ title: "([^"]+)" label: "([^"]*)"')
EDGE = re.compile(r'edge: \{ sourcename: "([^"]+)" targetname: "([^"]+)"')
FRAME = re.compile(r"(\d+) bytes \(")


def read(build):
    """The bytes of each function's frame, and whom each function calls."""
    frames, calls = {}, {}
    for name in glob.glob(build + "/**/*.ci", recursive=True):
        with open(name, encoding="utf-8") as file:
            text = file.read()
        if "/src/" not in text.split("\n", 1)[0]:
            continue
        for title, label in NODE.findall(text):
            size = FRAME.search(label)
            if size:
                frames[title] = int(size.group(1))
        for caller, callee in EDGE.findall(text):
            calls.setdefault(caller, set()).add(callee)
    return frames, calls


def reaches_itself(calls, start):
    seen, todo = set(), list(calls.get(start, ()))
    while todo:
        name = todo.pop()
        if name == start:
            return True
        if name not in seen:
            seen.add(name)
            todo += calls.get(name, ())
    return False


def short(title):
    return re.sub(r"^.*/src/", "", title)


def main():
    frames, _ = read(sys.argv[1])
    _, calls = read(sys.argv[2])
    if len(frames) < 500 or len(calls) < 500:
        sys.exit("stack.py: expects graphs of calls, got few")
    wrong = 0
    largest = sorted(frames.items(), key=lambda f: -f[1])
    for title, size in largest[:5]:
        print("frame of %d bytes: %s" % (size, short(title)))
    for title, size in largest:
        if size > LIMIT:
            print("WRONG: %s has a frame of %d bytes, expected at most %d" %
                  (short(title), size, LIMIT))
            wrong = 1
    found = {short(f) for f in calls if reaches_itself(calls, f)}
    for name in sorted(found):
        print("recursive: %s, %s" % (name, RECURSIVE.get(name, "WRONG: without "
                                                       "a bound in stack.py")))
        wrong |= name not in RECURSIVE
    for name in sorted(RECURSIVE.keys() - found):
        print("WRONG: %s is in the list and not recursive" % name)
        wrong = 1
    print("stack: largest frame %d bytes, %d recursive functions" %
          (largest[0][1], len(found)))
    sys.exit(wrong)


if __name__ == "__main__":
    main()
