# SPDX-License-Identifier: MIT
"""Plants mutants: small faults in the code of src/, such as a programmer makes.

`choose(root, seed)` yields one mutant for each line of code, in an order that
follows from a hash of the seed and the line. So every line has the same chance,
a room (a folder of src/) gets mutants in proportion to its lines, and a change
of one line leaves the mutants of all others as they are.
"""
import collections
import hashlib
import os
import random
import re

ROOMS = ("base", "kernels", "model", "predict", "train", "formats/mlp",
         "formats/c", "formats/c/runtime", "formats/onnx", "formats/foreign",
         "data", "show", "mpi", "tool")

# These files are compiled for other systems and CPUs, or choose the kernels of
# this one; the tests of this machine cannot see their faults.
ELSEWHERE = re.compile(r"_windows|bare\.c|neon|avx512|fma_f|fma_windows")

# Each pattern stands for an operator between two spaces, as clang-format writes
# it, and for what replaces it.
SWAPS = ((" < ", " <= "), (" <= ", " < "), (" > ", " >= "), (" >= ", " > "),
         (" == ", " != "), (" != ", " == "), (" && ", " || "),
         (" || ", " && "), (" + ", " - "), (" - ", " + "), (" += ", " -= "),
         (" * ", " / "), (" / ", " * "), (" | ", " & "), ("++", "--"))

# The text from start to end of the file becomes `text`; `old` and `new` are the
# line before and after. `function` is the one that has the line, and `nth`
# counts equal lines in it from 1.
Mutant = collections.namedtuple("Mutant", "id file function nth line kind old "
                                          "new start end text")


def mask(text):
    """The text with blanks for comments, strings and preprocessor lines."""
    pattern = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"'
                         r"|'(?:\\.|[^'\\\n])+'|^[ \t]*#(?:\\\n|[^\n])*",
                         re.S | re.M)
    return pattern.sub(lambda m: re.sub(r"[^\n]", "\0", m.group()), text)


def functions(masked):
    """Tuples (start of the body, end, type of the result, name)."""
    for opening in re.finditer(r"^\{\n", masked, re.M):
        end = masked.find("\n}", opening.end())
        before = masked[:opening.start()].rstrip()
        head = re.split(r"\n[};#\0]|\n\n|;\n", before)[-1]
        if "(" in head and "=" not in head and end > 0:
            words = re.sub(r"\b(static|inline|const)\b", "",
                           head.replace("\0", " ").split("(")[0]).split()
            yield opening.end(), end, "".join(words[:-1]), words[-1].strip("*")


def matching(masked, opening):
    """The place after the parenthesis that closes the one at `opening`."""
    depth = 0
    for i in range(opening, len(masked)):
        depth += (masked[i] == "(") - (masked[i] == ")")
        if depth == 0:
            return i + 1
    return len(masked)


def operators(text, masked, start, end):
    for old, new in SWAPS:
        for m in re.finditer(re.escape(old), masked[start:end]):
            at = start + m.start()
            # A star after a type declares a pointer.
            if old == " * " and re.search(r"(\w+_t|char|void|real|double)$",
                                          masked[:at][-12:]):
                continue
            yield "operator", at, at + len(old), new


def constants(text, masked, start, end):
    for m in re.finditer(r"(?<![\w.])(\d+)(\.\d+)?(?=[uUlLfF]*\b)(?![\w.]*x)",
                         masked[start:end]):
        for change in ((1, -1) if int(m.group(1)) else (1,)):
            yield ("constant", start + m.start(1), start + m.end(1),
                   str(int(m.group(1)) + change))


def conditions(text, masked, start, end):
    for m in re.finditer(r"\b(?:if|while) (\()", masked[start:end]):
        opening = start + m.start(1)
        close = matching(masked, opening)
        yield ("condition", opening, close,
               "(!%s)" % text[opening:close])


def statements(text, masked, start, end):
    """A call or an assignment that is dropped. It follows a whole statement."""
    if masked[:start].rstrip()[-1:] not in (";", "{", "}"):
        return
    stop = masked.find(";", start)
    statement = masked[start:stop].strip()
    if re.match(r"(return|break|continue|goto|case|default|for|if|while|else|do|"
                r"switch|typedef|static_assert|_Static_assert|assert|\}|\{)\b",
                statement) or "{" in statement or "}" in statement:
        return
    indent = len(masked[start:stop]) - len(masked[start:stop].lstrip())
    is_call = re.match(r"(\(void\))?\w+\(", statement)
    is_assignment = re.match(r"[\w.\[\]>*()+ -]+ [-+*/|&]?= ", statement)
    is_declaration = re.match(r"(const )?\w+ \**\w+", statement)
    if is_call or is_assignment and not is_declaration:
        yield "dropped", start + indent, stop, ""


def returns(text, masked, start, end, result):
    for m in re.finditer(r"\breturn ([^;\0]+);", masked[start:end]):
        value = m.group(1)
        if result == "mlp_status":
            new = "MLP_ERR_SHAPE" if "MLP_ERR" not in value else "MLP_ERR_IO"
        elif result == "bool":
            new = {"true": "false", "false": "true"}.get(value, "false")
        elif value in ("0", "NULL") or result.endswith("*"):
            continue # the caller of a null pointer would only crash
        else:
            new = "0"
        if new != value:
            yield "result", start + m.start(1), start + m.end(1), new


def early_return(text, masked, start, end, result):
    """A function ends before a statement that begins a line."""
    line = masked[start:end]
    if masked[:start].rstrip()[-1:] not in (";", "}") or \
            not re.match(r" +(\w+\(|\w+ = |for|if|while)", line):
        return
    at = start + len(line) - len(line.lstrip())
    if result == "void":
        yield "early return", at, at, "if (1) return; "
    elif result == "mlp_status":
        yield "early return", at, at, "if (1) return MLP_OK; "


def places(text):
    """Yields (start, end, type of the result, function) of each line of code
    within the body of a function."""
    masked = mask(text)
    for start, end, result, function in functions(masked):
        at = start
        while at < end:
            stop = masked.find("\n", at)
            line = masked[at:stop]
            if re.search(r"\w", line) and not re.match(
                    r" *(assert|static_assert|_Static_assert)\b", line):
                yield at, stop, result, function
            at = stop + 1


def of_line(text, masked, start, end, result):
    found = collections.defaultdict(list)
    makers = [m(text, masked, start, end)
              for m in (operators, constants, conditions, statements)]
    makers += [m(text, masked, start, end, result)
               for m in (returns, early_return)]
    for maker in makers:
        for kind, at, stop, new in maker:
            found[kind].append((at, stop, new))
    return found


def is_there(root, file, function, nth, old):
    """Whether a function has this line, and only once if `nth` is 0. A statement
    of several lines is known by its first."""
    with open(os.path.join(root, file), encoding="utf-8") as source:
        text = source.read()
    lines = [" ".join(text[start:end].split())
             for start, end, _, f in places(text) if f == function]
    equal = [line for line in lines if (old + " ").startswith(line + " ")]
    return 0 < nth <= len(equal) if nth else len(equal) == 1


def source_files(root):
    """Tuples (room, name) of the files that this machine compiles."""
    for room in ROOMS:
        for name in sorted(os.listdir(os.path.join(root, "src", room))):
            if name.endswith((".c", ".h")) and not ELSEWHERE.search(name):
                yield room, "src/%s/%s" % (room, name)


def room_of(name):
    return max((r for r in ROOMS if name.startswith("src/%s/" % r)), key=len)


def mutated_line(text, start, stop, new):
    """The changed line, before and after."""
    begin = text.rfind("\n", 0, start) + 1
    end = text.find("\n", stop)
    changed = text[begin:start] + new + text[stop:end]
    return " ".join(text[begin:end].split()), " ".join(changed.split())


def choose(root, seed):
    """Yields mutants, at most one for each line."""
    ranked, texts, seen = [], {}, collections.Counter()
    in_function = collections.Counter()
    for _, name in source_files(root):
        with open(os.path.join(root, name), encoding="utf-8") as file:
            text = texts[name] = file.read()
        for start, end, result, function in places(text):
            line = " ".join(text[start:end].split())
            seen[name + line] += 1
            in_function[name, function, line] += 1
            key = "%d %s %d" % (seed, name + line, seen[name + line])
            rank = hashlib.sha256(key.encode()).hexdigest()
            ranked.append((rank, name, function,
                           in_function[name, function, line], start, end,
                           result))
    masks = {name: mask(text) for name, text in texts.items()}
    for rank, name, function, nth, start, end, result in sorted(ranked):
        text = texts[name]
        found = of_line(text, masks[name], start, end, result)
        if found:
            generator = random.Random(rank)
            kind = generator.choice(sorted(found))
            at, stop, to = generator.choice(found[kind])
            old, new = mutated_line(text, at, stop, to)
            yield Mutant(rank[:16], name, function, nth,
                         text.count("\n", 0, at) + 1, kind, old, new, at, stop,
                         to)
