# SPDX-License-Identifier: MIT
#
# What analysers find in src/: cppcheck, gcc's -fanalyzer and clang's scan-build
# have nothing to say but what tests/trust/analyse.txt lists, each line with the
# reason why it is not true. tests/trust/stack.py bounds the stack.

. "$(dirname "$0")/common.sh"
need gcc python3 cppcheck scan-build clang

need_whole_library # analyse.txt lists what it has

# Prints what analysers say as "<number> <check> <file>". Code that is compiled
# several times counts once.
findings() {
    sed -n "s|^[^ ]*$scratch/[^ ]*/\([^/:]*\):|\1:|; s|$source/||
        s/^\([^ :]*\):\([0-9]*\):.*\[\(CWE-[0-9]*\] \[\)*\([^]]*\)\]\$/\4 \1 \2/p" \
        "$1" | sort -u | cut -d ' ' -f 1,2 | uniq -c | sed 's/^ *//'
}

# judge <analyser> <its messages> <form of its checks' names>: fails unless the
# alarms are exactly those of the list, each as often.
judge() {
    findings "$2" >"$scratch/found"
    sed -n '/^#/d; s/: .*//p' "$source/tests/trust/analyse.txt" |
        grep -E "^[0-9]+ ($3) " | sort >"$scratch/known"
    sort -o "$scratch/found" "$scratch/found"
    if ! cmp -s "$scratch/found" "$scratch/known"; then
        cat "$2"
        diff "$scratch/known" "$scratch/found" || true
        fail "$1 says something else than the list"
    fi
    echo "$1: nothing but $(awk '{ n += $1 } END { print n + 0 }' \
        "$scratch/found") that the list explains"
}

# gcc's analyser takes each file alone, and the same build writes the frames and
# the graphs of calls. The plain build's graph has no inlined functions.
# cppcheck reads the list of this build's commands, but not the system's headers;
# it needs those of protobuf-c.
include=$scratch/include
mkdir -p "$include"
if protobuf=$(pkg-config --variable=includedir libprotobuf-c 2>/dev/null); then
    ln -sfn "${protobuf:-/usr/include}/protobuf-c" "$include/protobuf-c"
fi
rm -rf "$scratch/gcc" "$scratch/plain" "$scratch/clang"
frames="-fstack-usage -fcallgraph-info=su -Wvla -Walloca"
quietly cmake -S "$source" -B "$scratch/gcc" -DCMAKE_C_COMPILER=gcc \
    -DBUILD_TESTING=OFF -DMLP_BUILD_EXAMPLES=OFF -DMLP_OPTIMIZE=OFF \
    -DCMAKE_C_FLAGS="-O2 -fanalyzer $frames -I$include"
cmake --build "$scratch/gcc" --parallel 2 >"$scratch/gcc.log" 2>&1 ||
    fail "gcc does not build: $scratch/gcc.log"
judge "gcc -fanalyzer" "$scratch/gcc.log" "-Wanalyzer[a-z-]*"

build_into plain "$source" -DCMAKE_C_COMPILER=gcc -DBUILD_TESTING=OFF \
    -DMLP_BUILD_EXAMPLES=OFF -DMLP_OPTIMIZE=OFF -DMLP_KERNELS= \
    -DCMAKE_C_FLAGS="-O0 -w -fcallgraph-info"
python3 "$source/tests/trust/stack.py" "$scratch/gcc" "$scratch/plain" ||
    fail "the stack"

# Without these macros the headers of vectors stop with #error, and cppcheck
# skips the file.
cppcheck --project="$scratch/gcc/compile_commands.json" -j 2 --quiet \
    --enable=warning,portability,performance --inline-suppr \
    -D__AVX2__ -D__FMA__ -D__AVX512F__ -D__AVX512DQ__ \
    --template='{file}:{line}: {message} [{id}]' 2>"$scratch/cppcheck.log"
judge cppcheck "$scratch/cppcheck.log" "[A-Za-z]*"

# Without vector kernels the analysis takes minutes less; their templates are
# those of the portable ones.
quietly scan-build --use-cc=clang cmake -S "$source" -B "$scratch/clang" \
    -DCMAKE_BUILD_TYPE=Debug -DBUILD_TESTING=OFF -DMLP_BUILD_EXAMPLES=OFF \
    -DMLP_KERNELS=
scan-build --use-cc=clang -o "$scratch/reports" \
    cmake --build "$scratch/clang" --parallel 2 >"$scratch/clang.log" 2>&1 ||
    fail "scan-build does not build: $scratch/clang.log"
judge scan-build "$scratch/clang.log" "[a-z]*[.][A-Za-z.]*"
