# SPDX-License-Identifier: MIT
#
# The start of every script test, which is run as
#     sh tests/scripts/<name>.sh <build folder>
# It ends with 0, with 77 (skipped: a tool is missing), or has failed.

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

# Shows what a command printed only if it fails.
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

# Can this compiler link a program with these flags?
links() {
    echo 'int main(void) { return 0; }' >"$scratch/links.c"
    "$@" -o "$scratch/links" "$scratch/links.c" >"$scratch/log" 2>&1
}

# All C files of the tree.
c_files() {
    find "$source/include" "$source/src" "$source/examples" "$source/tests" \
        -name '*.[ch]' -o -name '*.cc' | sort
}
