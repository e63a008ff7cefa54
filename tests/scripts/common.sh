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

# For lists of what the whole library has on x86-64.
need_whole_library() {
    if [ "$(uname -m)" != x86_64 ] || [ ! -e "$build/libmlp_mpi.a" ] ||
        [ ! -e "$build/libmlp_onnx.a" ]; then
        skip "this build lacks MPI, ONNX or x86-64"
    fi
}

# Prints the first Python that has these modules ("numpy, onnx"), or nothing.
# The system's Python may have them even if the first one in PATH has not.
python_with() {
    for candidate in python3 /usr/bin/python3; do
        if "$candidate" -c "import $1" 2>/dev/null; then
            echo "$candidate"
            return
        fi
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

# Builds a project by other compilers, with and without optimisation, and for
# machines (all but i386 emulated, one of them big-endian), as far as these are
# there:
#     everywhere <project> <target> <cmake option>...
# After each build it calls
#     built <title> <folder> <command that runs a program>
everywhere() {
    for compiler in gcc clang; do
        for level in -O0 -O3; do
            build_for "$compiler$level" "" "$compiler" "$level" "$@"
        done
    done
    build_machine aarch64 aarch64-linux-gnu qemu-aarch64 "$@"
    build_machine s390x s390x-linux-gnu qemu-s390x "$@"
    build_machine i386 i686-linux-gnu "" "$@" # this CPU runs it
}

# build_machine <processor> <prefix of its compiler> <command that runs a
#     program> <project> <target> <cmake option>...
build_machine() {
    machine=$1
    prefix=$2
    emulator=$3
    shift 3
    build_for "$machine" "$emulator" "$prefix-gcc" -O2 "$@" \
        -DCMAKE_SYSTEM_NAME=Linux -DCMAKE_SYSTEM_PROCESSOR="$machine" \
        -DCMAKE_EXE_LINKER_FLAGS=-static
}

# build_for <name> <command that runs a program> <compiler> <flags> <project>
#     <target> <cmake option>...
build_for() {
    into=$scratch/$1
    title="$1: $3 $4"
    runner=$2
    compiler=$3
    flags=$4
    project=$5
    target=$6
    if ! command -v "$compiler" >/dev/null ||
        ! command -v "${runner:-true}" >/dev/null; then
        echo "skipped: $title"
        return 0
    fi
    shift 6
    quietly cmake -S "$project" -B "$into" -DCMAKE_C_COMPILER="$compiler" \
        -DCMAKE_C_FLAGS="$flags" "$@"
    quietly cmake --build "$into" --parallel 2 --target "$target"
    built "$title" "$into" "$runner"
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
