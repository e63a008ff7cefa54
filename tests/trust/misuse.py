#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes the calls of the test misuse: each public function with each bad value
of each parameter, beside valid arguments.

    misuse.py OUTPUT HEADER... [-- HEADER...]

The calls are those of the functions in the first headers; those behind -- tell
only structs and constants. Parameters and the fields of structs come from the
headers, valid arguments from misuse_table.py. A function that lacks some fails
the test with its name. The bad values of a parameter depend on its type:

    pointer     NULL
    view        another type, no rows, one more, very many; strides of 0, 1 and
                SIZE_MAX; NULL data; NaN and infinity in the data
    struct      those of each field, and a reserved word that is not 0
    size_t      0, 1, SIZE_MAX and the number before it
    double      NaN, both infinities, -1, 0, 1e308 and the smallest number
    enum        -1 and one past the end
    text        NULL, none, not UTF-8, very long
"""
import fnmatch
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "scripts"))
from declarations import Header, Variable, shown  # noqa: E402
import misuse_table as table  # noqa: E402

VIEWS = ("mlp_view", "mlp_cview")
# What a call may change, by the types of its parameters.
CHANGES = {"mlp_net *": "CHANGES", "mlp_trainer *": "CHANGES",
           "mlp_rng *": "DRAWS", "void * items": "SHUFFLES",
           "mlp_picture *": "DRAWS_PANELS"}
LONG = {"double": ["NAN", "INFINITY", "-INFINITY", "-1", "0", "1e308", "5e-324"],
        "size_t": ["0", "1", "SIZE_MAX", "SIZE_MAX - 1"],
        "int": ["-1", "0", "INT_MAX"], "uint32_t": ["0", "UINT32_MAX"],
        "int64_t": ["INT64_MIN", "-1", "0", "INT64_MAX"],
        "bool": ["false", "true"], "MPI_Comm": ["MPI_COMM_NULL"]}


class Writer:
    """Collects the cases of one function."""

    def __init__(self, headers, function):
        self.structs = {n: f for h in headers for n, f in h.structs.items()}
        self.enums = {n: c for h in headers for n, c in h.enums.items()}
        self.function = function
        valid = "FAILS" if function.name in table.ALWAYS else (
            "MAY_FAIL" if function.name in table.MAY_BE_EMPTY else "PASSES")
        self.cases = [("valid", "", valid)]
        self.copies = []
        self.begin, self.arguments, self.speaker = [], [], ""

    def matches(self, patterns, text):
        name = f"{self.function.name}: {text}"
        return any(fnmatch.fnmatchcase(name, p) for p in patterns)

    def add(self, place, text, value, fails):
        """A case that sets `place`, which messages call `text`."""
        text = f"{text} = {value}"
        if self.matches(table.LEFT_OUT, text):
            return
        if (self.function.name in table.ALWAYS
                or self.matches(table.REFUSED, text)):
            fails = True
        elif self.matches(table.TAKEN, text):
            fails = False
        self.cases.append((text, f"{place} = {value}",
                           "FAILS" if fails else "MAY_FAIL"))

    def valid(self, p):
        key = f"{p.type} {p.name}"
        file = max((f for f in table.FILES if self.function.name.startswith(f)),
                   key=len, default=None)
        if file and p.name in ("path", "bytes", "size"):
            return f"{table.FILES[file]}.{p.name}"
        for k in (f"{self.function.name}.{p.name}", key, p.type):
            if k in table.VALID:
                return table.VALID[k]
        raise KeyError(f"{self.function.name}: {key}")

    def parameter(self, p):
        value = self.valid(p)
        pointed = re.match(r"const (mlp_\w+) \*$", p.type)
        is_struct = pointed and pointed[1] in self.structs
        if is_struct:
            self.begin.append(f"{pointed[1]} {p.name}_copy = {value};")
            self.copies.append(f"{p.name}_copy")
            value = f"&{p.name}_copy"
        self.begin.append(f"{shown(p)} = {value};")
        self.arguments.append(p.name)
        if p.name == table.SPEAKER_OF.get(self.function.name) or (
                not self.speaker and self.speaks(p.type)):
            self.speaker = p.name
        self.values(p.name, p.name, p.type, True)
        if is_struct:
            self.fields(f"{p.name}_copy", p.name, pointed[1])

    def speaks(self, kind):
        struct = re.match(r"(?:const )?(mlp_\w+) \*$", kind)
        return struct and (struct[1] in table.SPEAKERS)

    def fields(self, place, text, struct):
        for field in self.structs[struct]:
            at, name = f"{place}.{field.name}", f"{text}.{field.name}"
            if field.name == "reserved":
                last = int(re.search(r"\d+", field.array)[0]) - 1
                for i in (0, last):
                    self.add(f"{at}[{i}]", f"{name}[{i}]", "1", True)
            elif f"{struct}.{field.name}" in table.VALID:
                self.values(at, name, field.type, False)
                element = re.search(r"mlp_\w+", field.type)[0]
                self.fields(table.VALID[f"{struct}.{field.name}"],
                            f"{name}[0]", element)
            else:
                self.values(at, name, field.type, False)

    def values(self, at, text, kind, is_parameter):
        """The bad values of something that has this type."""
        if kind in VIEWS:
            self.view(at, text, kind == "mlp_view")
        elif kind in self.enums:
            for value in ("-1", str(len(self.enums[kind]))):
                self.add(at, text, f"({kind}){value}", True)
        elif kind in self.structs:
            self.fields(at, text, kind)
        elif kind == "const char *":
            self.add(at, text, "NULL", is_parameter)
            for value in ('""', '"\\xff\\xfe"', "long_text"):
                self.add(at, text, value, False)
        elif kind == "size_t" and self.matches(table.SIZES, text):
            for value in ("0", "1"):
                self.add(at, text, value, False)
        elif kind in LONG:
            for value in LONG[kind]:
                self.add(at, text, value, kind == "double" and not is_parameter
                         and value in ("NAN", "INFINITY", "-INFINITY", "-1"))
        else:
            self.add(at, text, "NULL", is_parameter)

    def view(self, at, text, is_written):
        for value in ("(mlp_dtype)-1", "(mlp_dtype)99", "other(w)"):
            self.add(f"{at}.dtype", f"{text}.dtype", value, True)
        for value, fails in (("0", False), (f"{at}.rows + 1", False),
                             ("SIZE_MAX", True)):
            if not self.matches(table.SIZES, f"{text}.rows") or value == "0":
                self.add(f"{at}.rows", f"{text}.rows", value, fails)
        for value, fails in (("0", False), (f"{at}.cols + 1", True),
                             ("SIZE_MAX", True)):
            self.add(f"{at}.cols", f"{text}.cols", value, fails)
        for stride in ("row_stride", "col_stride"):
            self.add(f"{at}.{stride}", f"{text}.{stride}", "0",
                     is_written and stride == "row_stride")
            self.add(f"{at}.{stride}", f"{text}.{stride}", "SIZE_MAX",
                     stride == "row_stride")
        self.add(f"{at}.row_stride", f"{text}.row_stride",
                 f"{at}.cols - 1", is_written)
        self.add(f"{at}.data", f"{text}.data", "NULL", True)
        for number in [] if is_written else ["NAN", "INFINITY", "1e308", "-1"]:
            self.add(f"{at}.data", f"{text}.data",
                     f"with_number(w, {at}, {number})", False)

    def text(self):
        f = self.function
        for p in f.parameters:
            self.parameter(p)
        lines = [f"static void call_{f.name}(world *w, size_t bad)", "{",
                 "    (void)w;"]
        lines += [f"    {line}" for line in self.begin]
        lines += ["    switch (bad) {"]
        lines += [f"    case {n}: {code}; break;"
                  for n, (_, code, _) in enumerate(self.cases) if code]
        lines += ["    default: break;", "    }", "    lend_inputs(w);"]
        lines += [f"    lend(&{c}, sizeof {c});" for c in self.copies]
        lines += [f"    {self.call()}", "}", "",
                  f"static const misuse cases_{f.name}[] = {{"]
        lines += ["    {%s, %s}," % (quoted(text), outcome)
                  for text, _, outcome in self.cases]
        return "\n".join(lines + ["};", ""])

    def call(self):
        f = self.function
        call = f"{f.name}({', '.join(self.arguments)})"
        harmless = table.HARMLESS.get(f.name, table.HARMLESS.get(f.result))
        if f.result == "void":
            freed = f.parameters[0].name if f.name.endswith("_free") else ""
            after = (f"if ({freed}) {self.valid(f.parameters[0])} = NULL;"
                     if freed else "")
            return f"(void){call};\n    {after}\n    returned_value(true);"
        if f.result == "mlp_status" and f.name != "mlp_status_text":
            return f"returned_status({call});"
        if harmless is None and f.result in self.enums:
            harmless = "(int)r == 0"
        if f.name in table.ALWAYS and f.result in self.structs:
            words = [w for field in self.structs[f.result]
                     if field.name == "reserved" for w in range(int(
                         re.search(r"\d+", field.array)[0]))]
            harmless = " && ".join(([harmless] if harmless else []) + [
                f"r.reserved[{w}] == 0" for w in words])
        assert harmless, f"{f.name}: a value for NULL of {f.result}"
        return (f"{shown(Variable(f.result, 'r', ''))} = {call};\n"
                f"    returned_value({harmless});")

    def row(self):
        f = self.function
        flags = ["HAS_STATUS"] if f.result == "mlp_status" else []
        if f.result != "mlp_status" and f.result != "void":
            flags.append("HAS_VALUE")
        flags += sorted({flag for p in f.parameters
                         for kind, flag in CHANGES.items()
                         if kind in (p.type, f"{p.type} {p.name}")})
        if f.name in table.REPORTS:
            flags.append("REPORTS")
        if any(p.type == "FILE *" for p in f.parameters):
            flags.append("PRINTS")
        return (f'    {{"{f.name}", call_{f.name}, cases_{f.name}, '
                f'{len(self.cases)}, "{self.speaker}", '
                f'{" | ".join(flags) or 0}}},')


def quoted(text):
    text = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'


def main():
    called, known = sys.argv[2:], []
    if "--" in called:
        at = called.index("--")
        called, known = called[:at], called[at + 1:]
    called = [Header(path) for path in called]
    headers = called + [Header(path) for path in known]
    parts = ["/* Written by tests/trust/misuse.py. */", '#include "trust/misuse.h"',
             "", "#include <stdint.h>", ""]
    rows = []
    for function in (f for header in called for f in header.functions):
        writer = Writer(headers, function)
        try:
            parts.append(writer.text())
            rows.append(writer.row())
        except KeyError as lacking:
            print(f"misuse_table.py has no valid argument: {lacking}")
            rows.append(f'    {{"{function.name}", NULL, NULL, 0, "", 0}},')
    parts += ["const function functions[] = {", *rows, "};",
              "const size_t n_functions = sizeof functions / sizeof *functions;",
              ""]
    with open(sys.argv[1], "w", encoding="utf-8") as file:
        file.write("\n".join(parts))


main()
