# SPDX-License-Identifier: MIT
#
# What a parent project gets that adds libmlp as a subdirectory: an optimized
# library even if there is no build type, another optimization if it is asked
# for, no warnings, and of the libraries only mlp unless it wants the others.
# The projects are only configured; the test reads the commands.

. "$(dirname "$0")/common.sh"

# configured <folder> <cmake option>...: prints the compile commands.
configured() {
    into=$scratch/$1
    shift
    rm -rf "$into"
    quietly cmake -S "$source/tests/consumers/subdirectory" -B "$into" \
        -DMLP_SOURCE="$source" -DMLP_KERNELS= \
        -DCMAKE_EXPORT_COMPILE_COMMANDS=ON "$@"
    grep '"command"' "$into/compile_commands.json" >"$scratch/commands"
}

# level <what is expected> <title>: the last level on a command line counts; the
# library's is that of an ordinary source.
level() {
    command=$(grep 'src/model/net\.c"' "$scratch/commands")
    got=$(echo "$command" | grep -o ' -O[^ "]*' | tail -n 1)
    [ "$got" = "${1:+ $1}" ] || fail "$2: expects '$1', got '$got'"
    echo "$2: ${1:-no optimization}"
}

unset CFLAGS
configured none
level -O2 "no build type"
echo "$command" | grep -q -- ' -DNDEBUG' || fail "NDEBUG is not defined"
echo "$command" | grep -q -- ' -w ' || fail "warnings of libmlp are on"
grep 'consumers/app\.c"' "$scratch/commands" | grep -e ' -O' -e NDEBUG &&
    fail "flags of libmlp reach the parent's own programs"
grep -e src/data/ -e src/show/ -e formats/foreign/ -e formats/onnx/ "$scratch/commands" &&
    fail "libraries are built that nobody asked for"

configured release -DCMAKE_BUILD_TYPE=Release
level -O2 "Release"
configured debug -DCMAKE_BUILD_TYPE=Debug
level "" "Debug"
configured size -DCMAKE_BUILD_TYPE=MinSizeRel
level -Os "MinSizeRel"
configured off -DMLP_OPTIMIZE=OFF
level "" "MLP_OPTIMIZE=OFF"
configured flags -DCMAKE_C_FLAGS=-O0
level -O0 "CMAKE_C_FLAGS=-O0"
configured options -DPARENT_OPTIONS=-O1
level -O1 "add_compile_options(-O1)"

configured data -DMLP_DATA=ON
grep -q src/data/ "$scratch/commands" ||
    fail "MLP_DATA=ON does not build mlp_data"

configured show -DMLP_SHOW=ON
grep -q src/show/ "$scratch/commands" ||
    fail "MLP_SHOW=ON does not build mlp_show"

configured foreign -DMLP_FOREIGN=ON
grep -q formats/foreign/ "$scratch/commands" ||
    fail "MLP_FOREIGN=ON does not build mlp_foreign"
