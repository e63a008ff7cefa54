# SPDX-License-Identifier: MIT
#
# What the library adds to a program that trains and predicts: below 300 KB
# with all kernel tables, linked as the README does it; below 100 KB with one
# table, where size was asked for, of compiler (MinSizeRel) and linker. Programs
# and archive are stripped. Both are measured before one fails.

. "$(dirname "$0")/common.sh"
need cc strip

echo 'int main(void) { return 0; }' >"$scratch/empty.c"
quietly cc -O2 -s "$scratch/empty.c" -o "$scratch/empty" -lm
empty=$(wc -c <"$scratch/empty")

# archive <folder> <cmake option>...: builds a stripped one
archive() {
    folder=$1
    shift
    build_into "$folder" "$source" -DBUILD_TESTING=OFF -DMLP_BUILD_EXAMPLES=OFF \
        "$@"
    cp "$scratch/$folder/libmlp.a" "$scratch/$folder/stripped.a"
    strip --strip-unneeded "$scratch/$folder/stripped.a"
}

# added <folder> <linker's option>: sets `bytes`
added() {
    quietly cc -std=c11 -O2 -s -I"$source/include" \
        "$source/tests/consumers/app.c" "$scratch/$1/stripped.a" \
        -o "$scratch/$1/app" "-Wl,$2" -lm -pthread
    "$scratch/$1/app" >"$scratch/log" || fail "$1 does not run"
    bytes=$(($(wc -c <"$scratch/$1/app") - empty))
    echo "$1, $2: $bytes bytes"
}

archive all -DCMAKE_BUILD_TYPE=Release
archive one -DCMAKE_BUILD_TYPE=MinSizeRel -DMLP_KERNELS=
added all --gc-sections
added one --no-gc-sections
added one --gc-sections
one=$bytes
added all --no-gc-sections
[ "$one" -lt 100000 ] || fail "one table adds 100000 bytes or more"
[ "$bytes" -lt 300000 ] || fail "all tables add 300000 bytes or more"
