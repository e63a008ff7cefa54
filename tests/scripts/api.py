#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Lists the interface, one fact a line: the functions of all public headers, the
sizes and fields of their structs, their constants and macros.

    api.py ROOT SCRATCH             compares it with tests/api/<version>.txt
    api.py ROOT SCRATCH --write     writes that file

Every change of a header must be in the file of the present version, so it is
made knowingly. Whatever the file of an earlier version with the same first
number says must still hold, except that new fields take their room from
`reserved`. The sizes are those of x86-64, and of every machine with 64-bit
pointers.
"""
import glob
import os
import re
import subprocess
import sys

from declarations import Header, shown

# Neither the number of the version nor that of the bits is a part of it.
FREE = {"MLP_VERSION_MINOR", "MLP_VERSION_PATCH", "MLP_NUMERICS", "MLP_NODISCARD"}


def layout_program(headers):
    """A C program that prints the lines with numbers that the compiler knows."""
    yield "#include <stdio.h>\n#include <stddef.h>"
    for name in headers:
        yield f'#include "{name}"'
    yield "int main(void) {\n    size_t unused = sizeof(void *);"
    yield "    if (unused != 8) { return 77; }"
    for name, header in headers.items():
        for struct, fields in header.structs.items():
            yield (f'    printf("{name} struct {struct}: %zu bytes\\n", '
                   f"sizeof({struct}));")
            for field in fields:
                yield (f'    printf("{name} field {struct}: {shown(field)}, at '
                       f'%zu, %zu bytes\\n", offsetof({struct}, {field.name}), '
                       f"sizeof((({struct} *)0)->{field.name}));")
        for enum, constants in header.enums.items():
            yield (f'    printf("{name} enum {enum}: %zu bytes\\n", '
                   f"sizeof({enum}));")
            for constant in constants:
                yield (f'    printf("{name} constant {constant} = %d ({enum})\\n", '
                       f"(int){constant});")
    yield "}"


def facts(root, scratch):
    """All lines, or None where pointers do not have 64 bits."""
    paths = sorted(glob.glob(f"{root}/include/*.h"))
    headers = {os.path.basename(path): Header(path) for path in paths}
    source = os.path.join(scratch, "layout.c")
    program = os.path.join(scratch, "layout")
    with open(source, "w", encoding="utf-8") as file:
        file.write("\n".join(layout_program(headers)) + "\n")
    # MPI's header may be missing. A communicator is a pointer in Open MPI.
    with open(os.path.join(scratch, "mpi.h"), "w", encoding="utf-8") as file:
        file.write("typedef struct communicator *MPI_Comm;\n")
    subprocess.run(["cc", "-std=c11", f"-I{root}/include", f"-I{scratch}", source,
                    "-o", program], check=True)
    ran = subprocess.run([program], capture_output=True, text=True, check=False)
    if ran.returncode == 77:
        return None
    lines = ran.stdout.splitlines()
    for name, header in headers.items():
        lines += [f"{name} function {shown_function(f)}" for f in header.functions]
        lines += [f"{name} opaque {opaque}" for opaque in header.opaque]
        lines += [f"{name} type {text}" for text in header.types.values()]
        lines += [f"{name} list {entry}" for entry in header.lists
                  if not entry.startswith("MLP_STATUS_LIST")]
        lines += [f"{name} macro {macro}" if "(" in macro else
                  f"{name} macro {macro} {value}"
                  for macro, value in header.macros.items()
                  if macro not in FREE and not macro.startswith("LIBMLP")]
    return sorted(lines)


def shown_function(function):
    text = ", ".join(shown(p) for p in function.parameters) or "void"
    space = "" if function.result.endswith("*") else " "
    return f"{function.result}{space}{function.name}({text})"


def version(root):
    with open(f"{root}/include/mlp.h", encoding="utf-8") as file:
        text = file.read()
    return [int(re.search(rf"MLP_VERSION_{part} (\d+)", text)[1])
            for part in ("MAJOR", "MINOR")]


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read().splitlines()


def report(what, path, lines):
    for line in lines:
        print(f"{what} in {os.path.basename(path)}: {line}")
    return len(lines)


def main():
    root, scratch = sys.argv[1:3]
    lines = facts(root, scratch)
    if lines is None:
        sys.exit(77)
    major, minor = version(root)
    path = f"{root}/tests/api/{major}.{minor}.txt"
    if "--write" in sys.argv:
        with open(path, "w", encoding="utf-8") as file:
            file.write("\n".join(lines) + "\n")
    listed = read(path)
    wrong = report("only", path, sorted(set(listed) - set(lines)))
    wrong += report("not", path, sorted(set(lines) - set(listed)))
    for earlier in range(minor):
        path = f"{root}/tests/api/{major}.{earlier}.txt"
        broken = [line for line in read(path)
                  if line not in lines and " reserved[" not in line]
        wrong += report("broken: a promise", path, broken)
    if wrong:
        print(f"FAILED: {wrong} differences. If they are meant: "
              f"sh tests/scripts/api.sh {os.environ.get('build', 'build')} --write")
        sys.exit(1)
    kinds = [line.split()[1] for line in lines]
    print(f"version {major}.{minor}: {kinds.count('function')} functions, "
          f"{kinds.count('struct')} structs with {kinds.count('field')} fields, "
          f"{kinds.count('constant')} constants, {kinds.count('macro')} macros")


main()
