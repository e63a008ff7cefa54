# SPDX-License-Identifier: MIT
#
# The fuzz targets and the program `bits` run with clang's sanitizer of memory,
# which finds numbers that are used before they are set. Every library in such a
# program must be built with it, so that the unit tests (cmocka) and the readers
# of ONNX (protobuf-c) are left out; valgrind.sh runs these. The targets of
# tables do not unpack: their zlib is missing.

. "$(dirname "$0")/common.sh"

links clang -fsanitize=memory || skip "no compiler here has the sanitizer"
"$scratch/links" || skip "the sanitizer of memory does not run here"

runs=${MLP_FUZZ_RUNS:-20000}
flags="-fsanitize=memory -fsanitize-memory-track-origins"
quietly cmake -S "$source" -B "$scratch/build" -DCMAKE_C_COMPILER=clang \
    -DCMAKE_BUILD_TYPE=RelWithDebInfo -DCMAKE_C_FLAGS="$flags" \
    -DCMAKE_DISABLE_FIND_PACKAGE_ZLIB=ON -DMLP_ONNX=OFF
quietly cmake --build "$scratch/build" --parallel 2
"$scratch/build/tests/bits" >"$scratch/bits.txt"
echo "bits: $(wc -l <"$scratch/bits.txt") lines"
for target in "$scratch/build"/tests/fuzz/fuzz_*; do
    quietly "$target" "$runs"
    echo "$(basename "$target"): $(tail -n 1 "$scratch/log")"
done
