# SPDX-License-Identifier: MIT
#
# Every script test begins by reading this file. A test runs as
#     sh tests/scripts/<name>.sh <build folder>
# and exits with 0 if it passed, with 77 if it was skipped because a tool is
# missing, and with another status if it failed.

set -eu
export LC_ALL=C

name=$(basename "$0" .sh)
source=$(cd "$(dirname "$0")/../.." && pwd)
build=$(cd "$1" && pwd)
scratch=$build/scripts/$name
mkdir -p "$scratch"

skip() {
    echo "skipped: $*"
    exit 77
}

fail() {
    echo "FAILED: $*"
    exit 1
}

need() {
    for tool; do
        command -v "$tool" >/dev/null || skip "there is no $tool"
    done
}

# Runs a command and shows its output only if it fails.
quietly() {
    "$@" >"$scratch/log" 2>&1 || {
        cat "$scratch/log"
        fail "$*"
    }
}

# Configures a project into $scratch/<folder> and builds it:
#     build_into <folder> <project> <cmake option>...
build_into() {
    into=$scratch/$1
    project=$2
    shift 2
    quietly cmake -S "$project" -B "$into" "$@"
    quietly cmake --build "$into" --parallel 2
}

# Succeeds if this compiler can link a program with these flags.
links() {
    echo 'int main(void) { return 0; }' >"$scratch/links.c"
    "$@" -o "$scratch/links" "$scratch/links.c" >"$scratch/log" 2>&1
}

# Prints the names of all C files of the tree.
c_files() {
    find "$source/include" "$source/src" "$source/examples" "$source/tests" \
        -name '*.[ch]' -o -name '*.cc' | sort
}
