#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Compares mlp.f90 with mlp.h:

    fortran.py ROOT SCRATCH

- the arguments of each procedure of mlp.f90 with those of the C function: a
  number by value, a struct by value, a pointer, or a pointer to a pointer. Each
  function of mlp.h has such a procedure, except those in WITHOUT;
- constants: those in the lists of mlp.h have the same number in Fortran, and
  none is missing;
- types: sizes and offsets of all fields, by two programs, layout.c and
  layout.f90, which this script writes to SCRATCH and fortran.sh compares.
"""
import re
import subprocess
import sys

# Fortran has mlp_view_of and mlp_cview_of instead of the typed constructors.
WITHOUT = {f"mlp_{kind}_{dtype}" for kind in ("view", "cview")
           for dtype in ("f32", "f64", "i32")}
WITHOUT |= {"mlp_net_import_ordered", "mlp_net_import_memory_ordered"}

NUMBERS = {"integer(c_int)": "int", "integer(c_size_t)": "size_t",
           "integer(c_int32_t)": "int32", "integer(c_int64_t)": "int64",
           "real(c_double)": "double", "logical(c_bool)": "bool",
           "character(kind=c_char)": "char", "type(c_ptr)": "void*"}


def fortran_kind(declaration):
    """Turns "real(c_double), intent(in)" into "double*"."""
    first = re.match(r"procedure\(\w+\)|[\w ]+(\([^)]*\))?", declaration).group()
    if first.startswith("procedure"):
        return "void*"
    kind = NUMBERS.get(first) or re.match(r"type\((\w+)\)", first).group(1)
    kind += "" if re.search(r"\bvalue\b", declaration) else "*"
    return "void*" if kind == "char*" else kind


def fortran_procedures(text):
    """Maps the C name of each bind(C) procedure to its result and arguments."""
    text = re.sub(r"&\n\s*", "", text)
    found, by_name = {}, {}
    head = re.compile(r"^ {4}(subroutine|(\w+\(\w+\)) function) (\w+)\((.*?)\) "
                      r"bind\(C(?:, name=\"(\w+)\")?\)(.*?)^ {4}end ", re.M | re.S)
    for _, result, name, names, c_name, body in head.findall(text):
        kinds = {}
        for line in body.splitlines():
            if "::" in line and "import" not in line:
                declaration, declared = line.split("::")
                for one in re.findall(r"\w+", declared.replace("(*)", "")):
                    kinds[one] = fortran_kind(declaration.strip())
        result = fortran_kind(result + ", value") if result else "void"
        by_name[name] = (result, [kinds[n] for n in re.findall(r"\w+", names)])
        found[c_name or name] = by_name[name]
    for like, c_name in re.findall(
            r"procedure\((\w+)\), bind\(C, name=\"(\w+)\"\)", text):
        found[c_name] = by_name[like]
    return found


def c_kind(declaration, opaque, enums):
    """Turns "const double *mean" into "double*"."""
    words = re.sub(r"\bconst\b|__attribute__.*", "", declaration)
    stars = words.count("*")
    base = re.match(r"\s*(\w+)", words).group(1)
    if base in opaque or base in ("void", "char", "mlp_next_chunk"):
        return "void" + "*" * stars
    base = {"_Bool": "bool", "uint32_t": "int32", "int64_t": "int64"}.get(
        base, "int" if base in enums else base)
    return base + "*" * stars


def c_functions(text):
    """Maps the name of each function of mlp.h to its result and arguments."""
    opaque = set(re.findall(r"typedef struct (\w+) \1;", text))
    enums = set(re.findall(r"typedef enum \w+ \{[^}]*\} (\w+);", text))
    text = re.sub(r"__attribute__\(\(\w+\)\)", "", text)
    text = re.sub(r"(?:typedef )?struct \w+ \{.*?\} \w+;|typedef [^;{]*;", "", text,
                  flags=re.S)
    found = {}
    for result, name, arguments in re.findall(
            r"([\w*][\w\s*]*?)\b(mlp_\w+)\(([^;{}]*)\);", text):
        arguments = [] if arguments == "void" else arguments.split(",")
        # Fortran takes every pointer that is returned as type(c_ptr).
        result = "void*" if "*" in result else c_kind(result, opaque, enums)
        found[name] = (result,
                       [c_kind(a, opaque, enums) for a in arguments])
    return found


def compare(what, expected, came):
    """Returns 1, and says so, if something differs."""
    if expected == came:
        return 0
    print(f"FAILED: {what}: mlp.h has {expected}, mlp.f90 has {came}")
    return 1


def write_layouts(text, scratch):
    """Writes the two programs that print sizes and offsets."""
    c = ["#include <mlp.h>", "#include <stdio.h>", "int main(void)", "{",
         'printf("auto %d %lld\\n", (int)MLP_AUTO, (long long)MLP_AUTO_COUNT);']
    declared = []
    shown = ["print '(a, 2(1x, i0))', \"auto\", int(MLP_AUTO), MLP_AUTO_COUNT"]
    types = re.findall(r"type, bind\(C\) :: (\w+)[^\n]*\n(.*?)  end type", text, re.S)
    for name, body in types:
        fields = []
        for line in body.splitlines():
            names = re.sub(r"!.*|\([^)]*\)| = [\w.]+", "", line.split("::")[1])
            fields += re.findall(r"\w+", names)
        c.append(f'printf("{name} %zu\\n", sizeof({name}));')
        declared.append(f"type({name}), target :: v_{name}")
        shown.append(f'print \'(a, 1x, i0)\', "{name}", c_sizeof(v_{name})')
        for field in fields:
            c.append(f'printf("{name}.{field} %zu\\n", offsetof({name}, {field}));')
            shown.append(f'print \'(a, 1x, i0)\', "{name}.{field}", & \n'
                         f"at(c_loc(v_{name}%{field})) - at(c_loc(v_{name}))")
    with open(f"{scratch}/layout.c", "w") as file:
        file.write("\n".join(c + ["}", ""]))
    with open(f"{scratch}/layout.f90", "w") as file:
        file.write("\n".join(
            ["program layout", "use mlp", "implicit none"] + declared + shown +
            ["contains", "integer(c_intptr_t) function at(place)",
             "type(c_ptr), intent(in) :: place", "at = transfer(place, at)",
             "end function", "end program", ""]))
    return {name for name, _ in types}


def main():
    root, scratch = sys.argv[1:]
    with open(f"{root}/include/mlp.h") as file:
        header = file.read()
    with open(f"{root}/include/mlp.f90") as file:
        module = file.read()
    plain = subprocess.run(["cc", "-E", "-P", f"{root}/include/mlp.h"], check=True,
                           capture_output=True, text=True).stdout
    plain = plain[plain.index("const char *mlp_version"):]
    failed = 0

    in_c, in_fortran = c_functions(plain), fortran_procedures(module)
    for name in sorted(in_c.keys() - WITHOUT):
        failed += compare(name, in_c[name], in_fortran.get(name))

    numbers = dict(re.findall(r"X\((MLP_\w+), (\d+),", header))
    came = dict(re.findall(r"(MLP_\w+) = (\d+)", module))
    for name in sorted(numbers.keys() | came.keys()):
        failed += compare(name, numbers.get(name), came.get(name))

    structs = set(re.findall(r"typedef struct (\w+) \{", plain))
    failed += compare("types", sorted(structs),
                      sorted(write_layouts(module, scratch)))
    print(f"{len(in_c.keys() - WITHOUT)} functions, {len(numbers)} constants, "
          f"{len(structs)} types compared")
    sys.exit(failed > 0)


main()
