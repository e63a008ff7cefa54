# SPDX-License-Identifier: MIT
#
# What the library adds to a program that trains and predicts: below 300 KB
# with all kernel tables; below 100 KB with one table, where size was asked for,
# of compiler (MinSizeRel) and linker. Programs and archive are stripped.

. "$(dirname "$0")/common.sh"
need cc strip

echo 'int main(void) { return 0; }' >"$scratch/empty.c"
quietly cc -O2 -s "$scratch/empty.c" -o "$scratch/empty" -lm
empty=$(wc -c <"$scratch/empty")

# added <most> <folder> <linker's option> <cmake option>...
added() {
    most=$1
    folder=$2
    option=$3
    shift 3
    build_into "$folder" "$source" -DBUILD_TESTING=OFF -DMLP_BUILD_EXAMPLES=OFF \
        "$@"
    cp "$scratch/$folder/libmlp.a" "$scratch/$folder/stripped.a"
    strip --strip-unneeded "$scratch/$folder/stripped.a"
    quietly cc -std=c11 -O2 -s -I"$source/include" \
        "$source/tests/consumers/app.c" "$scratch/$folder/stripped.a" \
        -o "$scratch/$folder/app" "-Wl,$option" -lm -pthread
    "$scratch/$folder/app" >"$scratch/log" || fail "$folder does not run"
    bytes=$(($(wc -c <"$scratch/$folder/app") - empty))
    echo "$folder: $bytes bytes, at most $most"
    [ "$bytes" -lt "$most" ] || fail "the library is too large"
}

added 300000 all --no-gc-sections -DCMAKE_BUILD_TYPE=Release
added 100000 one --gc-sections -DCMAKE_BUILD_TYPE=MinSizeRel -DMLP_KERNELS=
