# SPDX-License-Identifier: MIT
#
# clang-tidy finds nothing with the checks of .clang-tidy.

. "$(dirname "$0")/common.sh"
need clang-tidy

# clang-tidy gets the options of this build and skips generated files. It runs
# on one file at a time, because the analyzer of clang 14 mistakes every va_list
# after the first file of a run.
sed -n 's/^ *"file": "\(.*\)",*$/\1/p' "$build/compile_commands.json" |
    grep -v "^$build/\|\.f90$" | sort -u | tr '\n' '\0' |
    xargs -0 -n 1 -P 2 clang-tidy --quiet -p "$build" 2>"$scratch/log" || {
    cat "$scratch/log"
    fail "clang-tidy has something to say"
}
