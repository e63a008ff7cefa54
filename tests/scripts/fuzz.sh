# SPDX-License-Identifier: MIT
#
# The fuzzers of all readers of files (.mlp, safetensors, checkpoints, each kind
# of table, recipes, FANN, genann and, if it is built, ONNX) and of all public
# functions but those of mlp_mpi run with the sanitizers of addresses, undefined
# behaviour and leaks.
#
#     sh tests/scripts/fuzz.sh build                        for a short time
#     MLP_FUZZ_RUNS=1000000 sh tests/scripts/fuzz.sh build  this often each
#     MLP_FUZZ_MILLIONS=40 sh tests/scripts/fuzz.sh build   this often in all
#
# The first two use libFuzzer where clang has it, which looks for new branches.
# The last one uses the main function of our own (fuzz_main.c), which is three
# times as fast, and gives each target its share.

. "$(dirname "$0")/common.sh"

runs=${MLP_FUZZ_RUNS:-20000}
millions=${MLP_FUZZ_MILLIONS:-}
checks=address,undefined
if [ "$millions" ]; then
    scratch=$scratch/all # both tests may run at the same time
    mkdir -p "$scratch"
fi
compiler=gcc
guide=
driver=$source/tests/fuzz/fuzz_main.c
if links clang -fsanitize=$checks; then
    compiler=clang
elif ! links gcc -fsanitize=$checks; then
    skip "no compiler here has the sanitizers"
fi
if [ ! "$millions" ] && links clang -fsanitize=fuzzer-no-link,$checks; then
    guide=,fuzzer driver=
fi

# The kernels of instruction sets do not read files; without them the build is
# quick. The rest of the library is instrumented, so that libFuzzer sees its
# branches, and has its assertions.
build_into "library$guide" "$source" -DCMAKE_C_COMPILER=$compiler \
    -DCMAKE_BUILD_TYPE=RelWithDebInfo -DMLP_KERNELS= -DBUILD_TESTING=OFF \
    -DMLP_BUILD_EXAMPLES=OFF -DMLP_SANITIZE=$checks \
    -DCMAKE_C_FLAGS="${guide:+-fsanitize=fuzzer-no-link}" \
    -DCMAKE_C_FLAGS_RELWITHDEBINFO="-O2 -g"
library=$scratch/library$guide

# A large quarantine and deep traces of blocks take half of the time.
export ASAN_OPTIONS=allocator_may_return_null=1:quarantine_size_mb=8:malloc_context_size=3

# fuzz <name> <percent of all inputs> <source or library>...: builds
# tests/fuzz/fuzz_<name>.c, and notes it for run_all
fuzz() {
    target=$1
    share=$2
    shift 2
    # The paths hold no spaces that the compiler must see.
    quietly $compiler -std=c11 -g -O2 -fsanitize=$checks$guide \
        -fno-sanitize-recover=all \
        -I "$source/include" -I "$source/src" -I "$source/tests" \
        "$source/tests/fuzz/fuzz_$target.c" "$source/tests/fuzz/target.c" \
        "$source/tests/fuzz/lies.c" "$source/tests/fuzz/net.c" \
        $driver "$@" "$library/libmlp.a" -lm -lpthread \
        -o "$scratch/fuzz_$target"
    [ -d "$scratch/$target" ] || mkdir "$scratch/$target"
    echo "$target ${millions:+$((millions * 10000 * share))}" >>"$scratch/list"
}

# run_one <name> <inputs>: runs a target; the last line of its output counts
run_one() {
    target=$1
    inputs=${2:-$runs}
    if [ "$guide" ]; then
        set -- -runs="$inputs" -seed=1 -max_len=8192 \
            -dict="$source/tests/fuzz/words.dict" \
            -artifact_prefix="$scratch/" "$scratch/$target"
    else
        set -- "$inputs" "$scratch/$target"/*
        [ -e "$2" ] || set -- "$inputs"
    fi
    if "$scratch/fuzz_$target" "$@" >"$scratch/$target.log" 2>&1; then
        echo "$compiler: $target: $(tail -n 1 "$scratch/$target.log")"
    else
        tail -n 60 "$scratch/$target.log"
        fail "fuzz_$target"
    fi
}

# Runs every second target of the list, in its order.
run_half() {
    awk -v half="$1" 'NR % 2 == half' "$scratch/list" |
        while read -r target inputs; do
            run_one "$target" "$inputs"
        done
}

: >"$scratch/list"
rm -rf "$scratch/gzip" "$scratch/foreign" "$scratch/onnx"
mkdir "$scratch/gzip" "$scratch/foreign" "$scratch/onnx"

# Most targets make their files themselves. These are other software's.
printf 'a,b,"c ""d"""\r\n1.5,x,NA\r\n-2e3,"y\nz",7\r\n' >"$scratch/quotes"
printf '1\t0,5\t\n 2 \t7\t"3"\n' >"$scratch/tabs"
gzip -nc "$scratch/quotes" >"$scratch/gzip/quotes"
gzip -nc1 "$scratch/tabs" "$scratch/tabs" >"$scratch/gzip/two"
cp "$source"/tests/vectors/genann_*.ann "$source"/tests/vectors/fann_*.net \
    "$scratch/foreign"
rm "$scratch/foreign/fann_mushrooms.net" # too long

# Targets build files of the present version only. Older ones are kept as
# hexadecimal text. The first byte of a checkpoint chooses the trainer.
unhex() {
    xxd -r -p "$source/tests/vectors/golden_$1.hex"
}
if command -v xxd >/dev/null; then
    mkdir -p "$scratch/load" "$scratch/import" "$scratch/checkpoint"
    for old in float32 float64 numbers_float32 numbers_float64; do
        unhex $old >"$scratch/load/$old"
        unhex $old >"$scratch/import/$old"
    done
    { printf '\010' && unhex checkpoint_float64; } >"$scratch/checkpoint/float64"
    { printf '\011' && unhex checkpoint_float32; } >"$scratch/checkpoint/float32"
else
    echo "skipped: files of older versions, there is no xxd"
fi

zlib=
links cc -lz && zlib=-lz
tables="$source/tests/fuzz/tables.c $library/libmlp_data.a $zlib"
fuzz load 10
fuzz import 6
fuzz checkpoint 4
fuzz csv 13 $tables
fuzz fann 10 $tables
fuzz gzip 13 $tables
fuzz idx 12 $tables
fuzz npy 12 $tables
fuzz recipe 11 $tables
fuzz foreign 6 "$source/tests/fuzz/foreign.c" "$library/libmlp_foreign.a"

# The fuzzer of calls has a file of cases for each library that is there.
parts="$source/tests/fuzz/foreign.c"
for part in api api_net_calls api_train_calls api_small_calls; do
    parts="$parts $source/tests/fuzz/$part.c"
done
for part in foreign onnx show; do
    [ -e "$library/libmlp_$part.a" ] || continue
    macro=FUZZ_$(echo $part | tr '[:lower:]' '[:upper:]')
    parts="$parts -D$macro $source/tests/fuzz/api_${part}_calls.c"
    parts="$parts $library/libmlp_$part.a"
done
[ ! -e "$library/libmlp_onnx.a" ] || protobuf=-lprotobuf-c
fuzz api 1 $parts -DFUZZ_DATA "$source/tests/fuzz/api_data_calls.c" \
    $tables ${protobuf-}

if [ -e "$library/libmlp_onnx.a" ]; then
    "$build/tests/onnx_tool" corpus "$scratch/onnx"
    fuzz onnx 2 "$library/libmlp_onnx.a" -lprotobuf-c
fi

# Two targets run at the same time.
started=$(date +%s)
status=0
run_half 0 &
other=$!
run_half 1 || status=1
wait "$other" || status=1
[ $status = 0 ] || exit 1
awk '/ inputs, / { n += $1 } END { printf "%d inputs in all\n", n }' \
    $(sed "s|\([a-z0-9]*\).*|$scratch/\1.log|" "$scratch/list")
echo "$(($(date +%s) - started)) seconds"
