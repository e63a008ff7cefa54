# SPDX-License-Identifier: MIT
#
# What the library adds to a program that trains and predicts: below 300 KB
# with all kernel tables, below 100 KB where size was asked for, with one table
# and CMake's MinSizeRel. Programs and archive are stripped.

. "$(dirname "$0")/common.sh"
need cc strip

echo 'int main(void) { return 0; }' >"$scratch/empty.c"
quietly cc -O2 -s "$scratch/empty.c" -o "$scratch/empty" -lm
empty=$(wc -c <"$scratch/empty")

# added <most> <folder> <cmake option>...
added() {
    most=$1
    folder=$2
    shift 2
    build_into "$folder" "$source" -DBUILD_TESTING=OFF -DMLP_BUILD_EXAMPLES=OFF \
        "$@"
    cp "$scratch/$folder/libmlp.a" "$scratch/$folder/stripped.a"
    strip --strip-unneeded "$scratch/$folder/stripped.a"
    quietly cc -std=c11 -O2 -s -I"$source/include" \
        "$source/tests/consumers/app.c" "$scratch/$folder/stripped.a" \
        -o "$scratch/$folder/app" -lm -pthread
    "$scratch/$folder/app" >"$scratch/log" || fail "$folder does not run"
    bytes=$(($(wc -c <"$scratch/$folder/app") - empty))
    echo "$folder: $bytes bytes, at most $most"
    [ "$bytes" -lt "$most" ] || fail "the library is too large"
}

added 300000 all -DCMAKE_BUILD_TYPE=Release
added 100000 one -DCMAKE_BUILD_TYPE=MinSizeRel -DMLP_KERNELS=
