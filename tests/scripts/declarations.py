# SPDX-License-Identifier: MIT
"""Reads the declarations of a public header, for the scripts that need all of
them: api.py and misuse.py.

The headers are plain C: each type is a typedef with the name of its struct or
enum, and no declaration hides in a macro except the entries of X-macros, which
the preprocessor writes out. Other headers that a header includes are left out,
so that types such as size_t keep their names.
"""
import re
import subprocess
from collections import namedtuple

Variable = namedtuple("Variable", "type name array")  # array: "" or "[624]"
Function = namedtuple("Function", "result name parameters")


class Header:
    """The declarations of one header, in their order."""

    def __init__(self, path):
        with open(path, encoding="utf-8") as file:
            text = file.read()
        text = re.sub(r"^\s*#\s*include.*$", "", text, flags=re.M)
        self.macros = macros_of(text)
        self.lists = lists_of(text)
        self.functions, self.structs, self.enums = [], {}, {}
        self.opaque, self.types = [], {}
        plain = preprocess(text, "-E", "-P")
        plain = re.sub(r"\bMLP_NODISCARD\b|__attribute__\s*\(\(\w+\)\)", "", plain)
        for statement in split(plain.replace('extern "C" {', ""), ";"):
            self.add(" ".join(statement.split()))

    def add(self, statement):
        struct = re.match(r"typedef struct (\w+) \{(.*)\} \1$", statement)
        enum = re.match(r"typedef enum (\w+) \{(.*)\} \1$", statement)
        opaque = re.match(r"typedef struct (\w+) \1$", statement)
        function_type = re.match(r"typedef (.*?)(\w+)\((.*)\)$", statement)
        function = re.match(r"(.*?[\s*])(mlp_\w+)\s?\((.*)\)$", statement)
        if struct:
            self.structs[struct[1]] = [
                field for part in split(struct[2], ";") for field in variables(part)]
        elif enum:
            self.enums[enum[1]] = re.findall(r"\b([A-Z]\w+)\b\s*(?:=|,|$)",
                                             enum[2])
        elif opaque:
            self.opaque.append(opaque[1])
        elif function_type:
            self.types[function_type[2]] = statement
        elif function:
            self.functions.append(Function(
                function[1].strip(), function[2], parameters(function[3])))
        elif statement.strip("{} "):
            raise ValueError(f"declarations.py cannot read: {statement}")


def preprocess(text, *flags):
    return subprocess.run(["cc", "-x", "c", *flags, "-"], input=text, check=True,
                          capture_output=True, text=True).stdout


def macros_of(text):
    """Maps each macro of the text that starts with MLP_ to its value. A macro
    with parameters has them in its name."""
    found = {}
    for line in preprocess(text, "-E", "-dM").splitlines():
        macro = re.match(r"#define (MLP_\w+(?:\([^)]*\))?)(?: (.*))?$", line)
        if macro:
            found[macro[1]] = macro[2] or ""
    return found


def lists_of(text):
    """The entries of all X-macros: "MLP_LOSS_LIST: MLP_LOSS_BCE, 0, "bce""."""
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.S)
    found = []
    for name, body in re.findall(r"#define (MLP_\w+_LIST)\(X\)((?:.*\\\n)*.*)", text):
        found += [f"{name}: {entry}" for entry in
                  re.findall(r"X\(((?:\"[^\"]*\"|[^\")])*)\)", body)]
    return found


def split(text, separator):
    """The parts of a text between separators outside of brackets."""
    parts, depth, start = [], 0, 0
    for i, c in enumerate(text):
        depth += (c in "({") - (c in ")}")
        if c == separator and depth == 0:
            parts.append(text[start:i])
            start = i + 1
    parts.append(text[start:])
    return [part.strip() for part in parts if part.strip()]


def variables(declaration):
    """The variables that "const double *x, *y" declares."""
    pointer = re.match(r"(.*)\(\*(\w+)\)(\(.*\))$", declaration)
    if pointer:
        return [Variable(f"{pointer[1]}(*){pointer[3]}", pointer[2], "")]
    first, *others = split(declaration, ",")
    base, stars, name, array = re.match(
        r"(.*?)\s?((?:\*\s?(?:const )?)*)(\w+)((?:\[\w+\])?)$", first).groups()
    found = [Variable(f"{base} {stars}".strip(), name, array)]
    for other in others:
        stars, name, array = re.match(r"(\**)(\w+)((?:\[\w+\])?)$", other).groups()
        found.append(Variable(f"{base} {stars}".strip(), name, array))
    return found


def parameters(text):
    return [] if text == "void" else [
        variable for part in split(text, ",") for variable in variables(part)]


def shown(variable):
    """A variable as C declares it."""
    if "(*)" in variable.type:
        return variable.type.replace("(*)", f"(*{variable.name})")
    space = "" if variable.type.endswith("*") else " "
    return f"{variable.type}{space}{variable.name}{variable.array}"
