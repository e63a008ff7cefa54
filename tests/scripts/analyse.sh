# SPDX-License-Identifier: MIT
#
# What analysers find in src/: cppcheck, gcc's -fanalyzer and clang's scan-build
# have nothing to say but what tests/trust/analyse.txt lists, each line with the
# reason why it is not true. tests/trust/stack.py bounds the stack.

. "$(dirname "$0")/common.sh"
need gcc python3

# Prints what analysers say as "<check> <file>", each once.
findings() {
    sed -n "s|^[^ ]*$scratch/[^ ]*/\([^/:]*\):|\1:|; s|$source/||
        s/^\([^ :]*\):.*\[\(CWE-[0-9]*\] \[\)*\([^]]*\)\]\$/\3 \1/p" "$1" |
        sort -u
}

# judge <analyser> <its messages>
judge() {
    findings "$2" >"$scratch/found"
    sed -n '/^#/d; s/: .*//p' "$source/tests/trust/analyse.txt" |
        sort -u >"$scratch/known"
    comm -23 "$scratch/found" "$scratch/known" >"$scratch/new"
    if [ -s "$scratch/new" ]; then
        cat "$2" "$scratch/new"
        fail "$1 has something to say"
    fi
    echo "$1: nothing but $(wc -l <"$scratch/found") that the list explains"
}

# gcc's analyser takes each file alone, and the same build writes the frames and
# the graphs of calls. The plain build's graph has no inlined functions.
rm -rf "$scratch/gcc" "$scratch/plain" "$scratch/clang"
frames="-fstack-usage -fcallgraph-info=su -Wvla -Walloca"
quietly cmake -S "$source" -B "$scratch/gcc" -DCMAKE_C_COMPILER=gcc \
    -DBUILD_TESTING=OFF -DMLP_BUILD_EXAMPLES=OFF -DMLP_OPTIMIZE=OFF \
    -DCMAKE_C_FLAGS="-O2 -fanalyzer $frames"
cmake --build "$scratch/gcc" --parallel 2 >"$scratch/gcc.log" 2>&1 ||
    fail "gcc does not build: $scratch/gcc.log"
judge "gcc -fanalyzer" "$scratch/gcc.log"

build_into plain "$source" -DCMAKE_C_COMPILER=gcc -DBUILD_TESTING=OFF \
    -DMLP_BUILD_EXAMPLES=OFF -DMLP_OPTIMIZE=OFF -DMLP_KERNELS= \
    -DCMAKE_C_FLAGS="-O0 -w -fcallgraph-info"
python3 "$source/tests/trust/stack.py" "$scratch/gcc" "$scratch/plain" ||
    fail "the stack"

if command -v cppcheck >/dev/null; then
    cppcheck --project="$scratch/gcc/compile_commands.json" -j 2 --quiet \
        --enable=warning,portability,performance --inline-suppr \
        --template='{file}:{line}: {message} [{id}]' 2>"$scratch/cppcheck.log"
    judge cppcheck "$scratch/cppcheck.log"
fi

# Without vector kernels the analysis takes minutes less; their templates are
# those of the portable ones.
if command -v scan-build >/dev/null; then
    quietly scan-build --use-cc=clang cmake -S "$source" -B "$scratch/clang" \
        -DCMAKE_BUILD_TYPE=Debug -DBUILD_TESTING=OFF -DMLP_BUILD_EXAMPLES=OFF \
        -DMLP_KERNELS=
    scan-build --use-cc=clang -o "$scratch/reports" \
        cmake --build "$scratch/clang" --parallel 2 >"$scratch/clang.log" 2>&1 ||
        fail "scan-build does not build: $scratch/clang.log"
    judge scan-build "$scratch/clang.log"
fi
