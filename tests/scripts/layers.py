# SPDX-License-Identifier: MIT
"""The checks of layers.sh:

    layers.py SOURCE BUILD <table

where each line of the table names a folder and the folders that it may use.
"""
import os
import re
import subprocess
import sys

source, build = sys.argv[1:3]
ALLOWED = {}
for line in sys.stdin:
    names = line.split()
    if names:
        ALLOWED[names[0]] = set(names[1:])

# Libraries of their own, and the folders that they may use besides the public
# interface.
LIBRARIES = {"formats/onnx": {"base"}, "formats/foreign": {"base"},
             "data": set(), "mpi": set(), "show": set(), "tool": set()}

ASKS = re.compile(r"^[ \t]*#[ \t]*(?:if|ifdef|ifndef|elif)\b.*"
                  r"(?<![A-Za-z0-9_])(?:_[_A-Z]|MLPI_HAVE_)", re.M)
MAY_ASK = re.compile(r"kernels/kernels\.c|kernels/vec_\w+\.h|"
                     r"base/(thread_team|host)\.c")

complaints = []


def module_of(path):
    return os.path.splitext(path)[0]


def folder_of(module):
    return module.split("/")[0]


def part_of(module):
    """The path without the last name: formats/mlp for formats/mlp/import, train
    for train/fit."""
    names = module.split("/")
    return "/".join(names[:-1])


def check_use(user, used, how):
    """Complains unless module `user` may use module `used`. A part of formats/
    may use its own subfolder, as formats/c uses formats/c/runtime."""
    mine, other = part_of(user), part_of(used)
    if mine == other or (folder_of(user) == "formats" and
                         used.startswith(mine + "/")):
        return
    allowed = LIBRARIES.get(mine, ALLOWED.get(folder_of(user), set()))
    if folder_of(used) not in allowed or other in LIBRARIES:
        complaints.append(f"{user} {how} {used}, which is not below it")


def read_sources():
    files = {}
    root = os.path.join(source, "src")
    for path, _, names in os.walk(root):
        for name in names:
            if name.endswith((".c", ".h")):
                file = os.path.join(path, name)
                with open(file, encoding="utf-8") as f:
                    files[os.path.relpath(file, root)] = f.read()
    return files


def check_places(files):
    for file in files:
        if "/" not in file:
            complaints.append(f"{file}: lies in no folder")
        elif folder_of(file) not in ALLOWED:
            complaints.append(f"{file}: its folder is not in the table")


def check_includes(files, edges):
    for file, text in sorted(files.items()):
        user = module_of(file)
        for included in re.findall(r'^[ \t]*#[ \t]*include[ \t]*"([^"]+)"',
                                   text, re.M):
            if included not in files:
                if "/" in included and not included.startswith("mlpi_"):
                    complaints.append(f"{file}: includes {included}, "
                                      "which there is not")
                continue
            used = module_of(included)
            if used != user:
                check_use(user, used, "includes")
                edges.setdefault(user, {}).setdefault(used, "includes")
        if ASKS.search(text) and not MAY_ASK.fullmatch(file):
            complaints.append(f"{file}: asks about a compiler or a CPU")


def objects():
    """Yields (module, path) of each object that a source of src/ made."""
    root = os.path.join(build, "src")
    for path, _, names in os.walk(root):
        for name in names:
            file = os.path.join(path, name)
            match = re.search(r"/src/(?:(.+)/)?CMakeFiles/\w+\.dir/(.+)\.c\.o$",
                              file)
            if match and ".." not in match.group(2):
                module = "/".join(filter(None, match.groups()))
                if os.path.exists(os.path.join(source, "src", module + ".c")):
                    yield module, file


def read_symbols():
    """Returns which module defines each global name, which names are functions,
    and which names each module needs."""
    defined, functions, needed = {}, set(), {}
    for module, path in objects():
        output = subprocess.run(["nm", path], check=True, text=True,
                                capture_output=True).stdout
        for line in output.splitlines():
            kind, name = line.split()[-2:]
            if not re.match(r"mlpi?_", name):
                continue
            if kind == "U":
                needed.setdefault(module, set()).add(name)
            elif kind.isupper():
                defined[name] = module
                if kind in "TW":
                    functions.add(name)
    return defined, functions, needed


def check_calls(defined, functions, needed, edges):
    """Checks the names that objects need. The libraries in LIBRARIES may
    call functions of mlp.h. Data makes no edge for a circle: kernels.c lists the
    tables of functions, whose contract is kernels.h."""
    for user, names in sorted(needed.items()):
        for name in sorted(names):
            used = defined.get(name, user)
            is_public = part_of(user) in LIBRARIES and name.startswith("mlp_")
            if used == user or is_public:
                continue
            check_use(user, used, f"calls {name} of")
            if name in functions:
                edges.setdefault(user, {}).setdefault(used, "calls")


def check_declarations(files, defined):
    declaration = re.compile(r"^(?!static|typedef|#|\s)[\w \t\*\n]+?"
                             r"\b(mlpi_\w+)\([^;{}]*\)\s*"
                             r"(?:__attribute__\(\(.*\)\))?;", re.M)
    for file, text in sorted(files.items()):
        if not file.endswith(".h"):
            continue
        text = re.sub(r"/\*.*?\*/", "", text, flags=re.S)
        for name in declaration.findall(text):
            place = defined.get(name)
            if place and place != module_of(file):
                complaints.append(f"{file}: declares {name}, which "
                                  f"{place}.c defines")


def check_circles(edges):
    """Depth first; an edge back to a module on the path closes a circle."""
    state = {}

    def visit(module, path):
        state[module] = "open"
        for used, how in sorted(edges.get(module, {}).items()):
            if part_of(used) != part_of(module):
                continue
            if state.get(used) == "open":
                circle = path[path.index(used):] + [used]
                complaints.append("a circle: " + " -> ".join(circle))
            elif used not in state:
                visit(used, path + [used])
        state[module] = "done"

    for module in sorted(edges):
        if module not in state:
            visit(module, [module])


def main():
    edges = {}
    files = read_sources()
    defined, functions, needed = read_symbols()
    if not defined:
        complaints.append(f"{build}: holds no objects of the library")
    check_places(files)
    check_includes(files, edges)
    check_calls(defined, functions, needed, edges)
    check_declarations(files, defined)
    check_circles(edges)
    for complaint in complaints:
        print(complaint)
    print(f"{len(files)} files, {sum(map(len, edges.values()))} edges between "
          f"modules, {len(defined)} global names")
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
