# SPDX-License-Identifier: MIT
#
# The fuzzer of the loader, for a short time, with the sanitizers: libFuzzer's
# where clang has it, else a driver of our own. The corpus is made here. For
# longer: MLP_FUZZ_RUNS=1000000 sh tests/scripts/fuzz.sh build

. "$(dirname "$0")/common.sh"

runs=${MLP_FUZZ_RUNS:-30000}
checks=address,undefined
sources=$source/tests/fuzz/fuzz_load.c
if links clang -fsanitize=fuzzer-no-link,$checks; then
    compiler=clang checks=$checks,fuzzer
elif links gcc -fsanitize=$checks; then
    compiler=gcc sources="$sources $source/tests/fuzz/fuzz_main.c"
else
    skip "no compiler here has the sanitizers"
fi

mkdir -p "$scratch/corpus"
tool=$build/tests/model_tool
"$tool" write 0 float32 "$scratch/corpus/golden32.mlp"
"$tool" write 0 float64 "$scratch/corpus/golden64.mlp"
"$tool" write 1 float32 "$scratch/corpus/numbers32.mlp"
"$tool" train "$scratch/corpus/xor.mlp"
"$tool" bare "$scratch/corpus/bare.mlp"

# The kernels do not read files: without them this builds in no time. What is
# left of the library is instrumented, so that libFuzzer sees its branches.
build_into library "$source" -DCMAKE_C_COMPILER=$compiler \
    -DCMAKE_BUILD_TYPE=RelWithDebInfo -DMLP_KERNELS= -DBUILD_TESTING=OFF \
    -DMLP_BUILD_EXAMPLES=OFF -DMLP_SANITIZE="${checks%,fuzzer}" \
    -DCMAKE_C_FLAGS="$([ $compiler = gcc ] || echo -fsanitize=fuzzer-no-link)"
# The paths hold no spaces that the compiler must see.
$compiler -std=c11 -g -O1 -fsanitize=$checks -fno-sanitize-recover=all \
    -I "$source/include" -I "$source/src" -I "$source/tests" $sources \
    "$scratch/library/libmlp.a" -lm -lpthread -o "$scratch/fuzz_load"

export ASAN_OPTIONS=allocator_may_return_null=1
if [ $compiler = clang ]; then
    quietly "$scratch/fuzz_load" -runs="$runs" -seed=1 -max_len=4096 \
        -artifact_prefix="$scratch/" "$scratch/corpus"
else
    quietly "$scratch/fuzz_load" "$runs" "$scratch"/corpus/*.mlp
fi
echo "$compiler: $runs inputs"
