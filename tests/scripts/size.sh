# SPDX-License-Identifier: MIT
#
# Reports what the library adds to a program that trains and predicts: with the
# kernels of every instruction set, and with the portable kernels alone,
# compiled for size (MinSizeRel). Program and archive are stripped. The figures
# to keep an eye on are 400,000 and 140,000 bytes with --gc-sections; no figure
# is a limit.

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

# added <folder> <linker's option>: prints the bytes that the library adds
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
for build_of in all one; do
    added "$build_of" --gc-sections
    added "$build_of" --no-gc-sections
done
