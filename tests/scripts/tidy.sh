# SPDX-License-Identifier: MIT
#
# clang-tidy finds nothing with the checks of .clang-tidy.

. "$(dirname "$0")/common.sh"
need clang-tidy python3

# clang-tidy gets the options of this build and skips generated files. It runs
# on one file at a time, and once for each, however many programs compile it,
# because the analyzer of clang 14 mistakes every va_list after the first file
# of a run.
python3 - "$build" "$scratch" >"$scratch/files" <<'END'
import json, sys
build, scratch = sys.argv[1:]
with open(build + "/compile_commands.json") as file:
    once = {entry["file"]: entry for entry in json.load(file)
            if not entry["file"].startswith(build + "/") and
            not entry["file"].endswith(".f90")}
with open(scratch + "/compile_commands.json", "w") as file:
    json.dump(list(once.values()), file)
print("\n".join(sorted(once)))
END
tr '\n' '\0' <"$scratch/files" |
    xargs -0 -n 1 -P 2 clang-tidy --quiet -p "$scratch" 2>"$scratch/log" || {
    cat "$scratch/log"
    fail "clang-tidy has something to say"
}
