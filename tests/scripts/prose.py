#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Counts what can be counted of how the code reads:

    prose.py [--list] [ROOT]

- comment lines: at least 20 % of the lines of .c files in src/, 45 % of those
  of .h files in src/ and include/, without src/kernels, whose headers are code;
- comments without a verb in src/, include/, examples/ and tests/: below 5 %. A
  comment that shares its line with code may be a noun phrase, and so may a
  formula, a table or a heading;
- functions in src/, include/ and examples/: median at most 12 lines, nine of
  ten at most 30, none over 80;
- files in src/, include/ and examples/: at most 600 lines (mlp.h, the manual:
  1750); fewer than 15 % of the files in src/ under 60.

--list prints each comment without a verb, and each that opens with a word that
leans on another comment. The exit status is 1 if a limit is broken.
"""
import os
import re
import statistics
import sys

# Verbs by their base form; inflections are made below. Words that are nouns in
# this code far more often than verbs (step, weight, row, loss) are left out.
VERBS = """
accept access accumulate act add adjust advance agree align allocate allow
answer appear append apply approximate ask assume avoid become begin belong
borrow break bring build call cancel carry carve catch change check choose clamp
clear clip close collect come compare compile complain compute contain continue
convert copy correspond cost count cover cross cut decay decide declare decode
decrease default define delay delete depend derive describe detect determine
differ disable discard distinguish divide do draw drop emit enable encode end
ensure equal erase estimate evaluate exceed exclude execute exempt exist expand
expect explain export extend fail fall feed fetch fill find finish fit fix flow
flush fold follow forbid forget format free fuse gather generate get give go
grow guarantee handle happen have hold hide ignore imply import improve include
increase index inherit initialise initialize insert inspect invalidate join jump
keep know lack last lead learn leave let lie limit link list listen live load
log look lose make map mark match matter mean measure meet merge mind miss
mistake move multiply name need normalise normalize note notice number obey
occupy occur offer omit open operate order overflow overlap overwrite own pack
pad pass pay permit pick place point precede predict prefer prepare prevent
print process produce prohibit promise propagate protect prove provide publish
pull push put quantise quote raise reach read rebuild receive recognise record
reduce refer refuse register reject release remain remember remove rename repeat
replace report represent request require reset resolve respect restore restrict
resume retry return reuse reverse round run satisfy saturate save say scale scan
search see seed select send separate serve set share shift show shrink shuffle
shut signal simplify skip sleep solve sort specify spend split stand start state
stay stop store stream strip subtract succeed suffice sum supply support suppose
survive swap switch take tell tend terminate test touch track train transform
translate transpose traverse treat trust try turn underflow understand undo
unlock unpack unroll unscale update use validate vanish vary verify visit wait
wake walk want warn watch widen win wish work wrap write yield belong happen
round refresh describe spread cast lay fold deliver reload parse serialise
consume mention spill touch tile overlap interleave broadcast pin rotate bound
""".split()
IRREGULAR = """
is are was were be been being am has had having does did done can could may
might must shall should will would cannot isn't aren't doesn't don't can't
became began begun broke broken brought built came chose chosen cost cut dealt
drew drawn fell fallen fed felt found forgot forgotten froze frozen gave given
went gone got grew grown held hid hidden kept knew known laid led left let
lay lain lost made meant met paid put ran read rose said saw seen sent set shrank
shrunk slept spent split spread stood stopped taken took taught thought threw
thrown told tried understood undid won wrote written woke woken
""".split()


def inflections():
    forms = set(IRREGULAR)
    for verb in VERBS:
        forms.update((verb, verb + "s", verb + "ed", verb + "d"))
        if verb.endswith(("s", "x", "ch", "sh", "z", "o")):
            forms.add(verb + "es")
        if verb.endswith("y"):
            forms.update((verb[:-1] + "ies", verb[:-1] + "ied"))
        if verb[-1] not in "aeiouy":
            forms.add(verb + verb[-1] + "ed")
    return forms


FORMS = inflections()
LEANING = re.compile(
    r"^(Of|Those|These|Likewise|Whoever|And|But|Or|So|Nor|Is|Are|Does|Do|Has|"
    r"Have|Can|May|Must|Will|It|They|The same|The others?)\b")
SKIPPED = re.compile(r"SPDX|NOLINT|clang-format|^-{10}")


def comments(text):
    """(line, text, number of lines, whether it shares a line with code) of each
    comment."""
    pattern = re.compile(r'"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'|'
                         r"/\*.*?\*/|//[^\n]*", re.S)
    for match in pattern.finditer(text):
        raw = match.group(0)
        if raw[0] != "/":
            continue
        start = text.rfind("\n", 0, match.start()) + 1
        end = text.find("\n", match.end())
        before = text[start:match.start()].strip()
        after = text[match.end():end if end >= 0 else len(text)].strip()
        lines = [re.sub(r"^\s*(/\*+|\*/|\*)?\s?|\s*\*/$", "", line)
                 for line in raw.split("\n")]
        yield (text.count("\n", 0, match.start()) + 1,
               "\n".join(lines).strip(), raw.count("\n") + 1,
               bool(before or after))


def prose_of(comment):
    """Without formulas, drawings and tables: lines that are indented."""
    return " ".join(line for line in comment.split("\n")
                    if not line.startswith(("    ", "  ", "|")))


def has_verb(comment):
    return any(word in FORMS
               for word in re.findall(r"[a-z']+", prose_of(comment).lower()))


def is_heading(comment):
    return comment.startswith("---") or len(comment.split()) <= 1


def function_lengths(text):
    opened = None
    for number, line in enumerate(text.split("\n")):
        if line.startswith("{"):
            opened = number
        elif line.startswith("}") and opened is not None:
            yield number - opened - 1
            opened = None


def main():
    arguments = [a for a in sys.argv[1:] if a != "--list"]
    verbose = len(arguments) < len(sys.argv) - 1
    root = arguments[0] if arguments else "."
    lines = {".c": [0, 0], ".h": [0, 0]}
    total = verbless = leaning = 0
    functions, short, files, bad = [], 0, 0, []
    for folder in ("src", "include", "examples", "tests"):
        for path, _, names in sorted(os.walk(os.path.join(root, folder))):
            for name in sorted(names):
                kind = os.path.splitext(name)[1]
                if kind not in (".c", ".h"):
                    continue
                file = os.path.join(path, name)
                with open(file, encoding="utf-8") as f:
                    text = f.read()
                count = text.count("\n")
                ours = folder in ("src", "include")
                counted = kind == ".c" or "/kernels" not in path
                if ours and counted:
                    lines[kind][1] += count
                if folder == "src":
                    files += 1
                    short += count < 60
                if ours or folder == "examples":
                    functions.extend(function_lengths(text))
                    if count > (1750 if name == "mlp.h" else 600):
                        bad.append(f"{file}: {count} lines")
                for number, comment, height, shared in comments(text):
                    if ours and counted:
                        lines[kind][0] += height
                    if (shared or SKIPPED.search(comment) or
                            is_heading(comment)):
                        continue
                    total += 1
                    if not has_verb(comment):
                        verbless += 1
                        if verbose:
                            print(f"{file}:{number}: no verb: "
                                  f"{comment.splitlines()[0]}")
                    if LEANING.match(comment):
                        leaning += 1
                        if verbose:
                            print(f"{file}:{number}: leans: "
                                  f"{comment.splitlines()[0]}")
    percent = {k: 100 * a / max(b, 1) for k, (a, b) in lines.items()}
    functions.sort()
    median = statistics.median(functions)
    p90 = functions[len(functions) * 9 // 10]
    print(f"comment lines: .c {percent['.c']:.1f} %, .h {percent['.h']:.1f} %")
    print(f"comments: {total}, without a verb {100 * verbless / total:.1f} %, "
          f"opening with a word that leans {100 * leaning / total:.1f} %")
    print(f"functions: {len(functions)}, median {median:g}, p90 {p90}, "
          f"longest {functions[-1]}")
    print(f"files of src/: {files}, under 60 lines {100 * short / files:.1f} %")
    limits = ((percent[".c"] >= 20, "comments in .c"),
              (percent[".h"] >= 45, "comments in .h"),
              (20 * verbless < total, "comments without a verb"),
              (median <= 12 and p90 <= 30 and functions[-1] <= 80,
               "lengths of functions"),
              (100 * short < 15 * files, "short files"))
    bad += [what for good, what in limits if not good]
    for what in bad:
        print("beyond its limit: " + what)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
