# SPDX-License-Identifier: MIT
#
# The fuzzers of all readers of files (.mlp, each kind of table, recipes, FANN,
# genann and, if it is built, ONNX) run for a short time with the sanitizers.
# They use libFuzzer where clang has it, and a driver of our own elsewhere. This
# script makes the corpora. For a longer run:
#     MLP_FUZZ_RUNS=1000000 sh tests/scripts/fuzz.sh build

. "$(dirname "$0")/common.sh"

runs=${MLP_FUZZ_RUNS:-30000}
checks=address,undefined
driver=
if links clang -fsanitize=fuzzer-no-link,$checks; then
    compiler=clang checks=$checks,fuzzer
elif links gcc -fsanitize=$checks; then
    compiler=gcc driver=$source/tests/fuzz/fuzz_main.c
else
    skip "no compiler here has the sanitizers"
fi

for name in load csv fann gzip idx npy recipe foreign onnx; do
    rm -rf "${scratch:?}/$name"
    mkdir -p "$scratch/$name"
done
tool=$build/tests/model_tool
"$tool" write 0 float32 "$scratch/load/golden32.mlp"
"$tool" write 0 float64 "$scratch/load/golden64.mlp"
"$tool" write 1 float32 "$scratch/load/numbers32.mlp"
"$tool" train "$scratch/load/xor.mlp"
"$tool" bare "$scratch/load/bare.mlp"

# The kernels of instruction sets do not read files; without them the build is
# quick. The rest of the library is instrumented, so that libFuzzer sees its
# branches.
build_into library "$source" -DCMAKE_C_COMPILER=$compiler \
    -DCMAKE_BUILD_TYPE=RelWithDebInfo -DMLP_KERNELS= -DBUILD_TESTING=OFF \
    -DMLP_BUILD_EXAMPLES=OFF -DMLP_SANITIZE="${checks%,fuzzer}" \
    -DCMAKE_C_FLAGS="$([ $compiler = gcc ] || echo -fsanitize=fuzzer-no-link)"

export ASAN_OPTIONS=allocator_may_return_null=1

# fuzz <name> <library>...: tests/fuzz/fuzz_<name>.c with the corpus <name>
fuzz() {
    target=$1
    shift
    words=
    if [ -e "$source/tests/fuzz/$target.dict" ]; then
        words="-dict=$source/tests/fuzz/$target.dict"
    fi
    # The paths hold no spaces that the compiler must see.
    $compiler -std=c11 -g -O1 -fsanitize=$checks -fno-sanitize-recover=all \
        -I "$source/include" -I "$source/src" -I "$source/tests" \
        "$source/tests/fuzz/fuzz_$target.c" $driver "$@" \
        "$scratch/library/libmlp.a" -lm -lpthread -o "$scratch/fuzz_$target"
    if [ $compiler = clang ]; then
        quietly "$scratch/fuzz_$target" -runs="$runs" -seed=1 -max_len=4096 \
            $words \
            -artifact_prefix="$scratch/" "$scratch/$target"
    else
        quietly "$scratch/fuzz_$target" "$runs" "$scratch/$target"/*
    fi
    echo "$compiler: $runs inputs of fuzz_$target"
}


# Tables of each kind, and recipes.
printf 'a,b,"c ""d"""\r\n1.5,x,NA\r\n-2e3,"y\nz",7\r\n' >"$scratch/csv/quotes"
printf '\357\273\277n;t\n1;u\n;v\n\n12345678901234567890.5e-9;u\n' \
    >"$scratch/csv/semicolons"
printf '1\t0,5\t\n 2 \t7\t"3"\n' >"$scratch/csv/tabs"
gzip -nc "$scratch/csv/quotes" >"$scratch/gzip/quotes"
gzip -nc1 "$scratch/csv/semicolons" "$scratch/csv/semicolons" \
    >"$scratch/gzip/two"
printf '\0\0\010\003\0\0\0\002\0\0\0\001\0\0\0\003abcdef\n' \
    >"$scratch/idx/images"
printf '\0\0\010\001\0\0\0\010\002\0\001\002\0\001\002\0\n' \
    >"$scratch/idx/labels"
printf '\0\0\014\002\0\0\0\001\0\0\0\002abcdefgh\n' >"$scratch/idx/ints"
for type in '<f4' '>f8' '|u1' '<i8'; do
    printf "\\223NUMPY\\1\\0\\100\\0{'descr': '$type', 'fortran_order': True, 'shape': (2, 2), }%5s\\n%.$((4 * ${type#??}))s\\n" \
        '' abcdefghijklmnopqrstuvwxyz012345 >"$scratch/npy/${type#?}"
done
printf '2 2 1\n0.5 1\n-1\n1e3 0\n1\n' >"$scratch/fann/pairs"
printf 'libmlp data recipe 1\ncategory\ty\tu\tv\nnumber\tx\t1\t0.5\ncategory\tz\t0\tp\n\n' \
    >"$scratch/recipe/classes"
printf 'libmlp data recipe 1\nnumber\ty\\t\nnumber\ta"b\t0\t-1e-3\n\n' \
    >"$scratch/recipe/number"
zlib=
links cc -lz && zlib=-lz
for name in csv fann gzip idx npy recipe; do
    fuzz $name "$scratch/library/libmlp_data.a" $zlib
done
