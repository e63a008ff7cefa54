# SPDX-License-Identifier: MIT
#
# The unit tests, the fuzz targets and the program `bits` run with clang's
# sanitizer of memory, which finds numbers that are used before they are set. It
# must see every library that writes such numbers, so zlib and protobuf-c are
# left out; valgrind.sh runs what needs these.

. "$(dirname "$0")/common.sh"

links clang -fsanitize=memory || skip "no compiler here has the sanitizer"
"$scratch/links" || skip "the sanitizer of memory does not run here"

runs=${MLP_FUZZ_RUNS:-5000}
# The sanitizer of clang 14 does not see what stat and fstat of newer C libraries
# write, so the files that call them are not checked.
printf 'src:*/base/file.c\nsrc:*/base/file_stages.c\nsrc:*/base/test_file*.c\n' \
    >"$scratch/unchecked"

build_into build "$source" -DCMAKE_C_COMPILER=clang \
    -DCMAKE_BUILD_TYPE=RelWithDebInfo -DMLP_SANITIZE=memory \
    -DCMAKE_C_FLAGS="-fsanitize-memory-track-origins -fsanitize-ignorelist=$scratch/unchecked" \
    -DMLP_ONNX=OFF \
    -DCMAKE_DISABLE_FIND_PACKAGE_ZLIB=ON -DMLP_BUILD_EXAMPLES=OFF
# The tests of trust compare whole structs, with the gaps between their fields,
# which nobody sets.
ctest --test-dir "$scratch/build" --parallel 2 --output-on-failure \
    --no-tests=error -L unit -LE trust
quietly "$scratch/build/tests/bits"
for target in "$scratch/build"/tests/fuzz/fuzz_*; do
    quietly "$target" "$runs"
    echo "$(basename "$target"): $(tail -n 1 "$scratch/log")"
done
