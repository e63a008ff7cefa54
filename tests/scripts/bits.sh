# SPDX-License-Identifier: MIT
#
# The same bits everywhere. tests/whole/bits.c trains on stored data and prints
# a hash of the final weights for each run and each kernel table, which must be
# what tests/vectors/bits.txt holds.
#
#     bits.sh <build folder>               this build
#     bits.sh <build folder> everywhere    other builds: by other compilers, with
#                                          and without optimisation, and for
#                                          machines (most of them emulated, one
#                                          big-endian), and as WebAssembly
#     bits.sh <build folder> machines      the same, and every level of
#                                          optimisation, link-time optimisation,
#                                          all that this CPU can do, and more
#                                          machines: half an hour
#
# A machine does not have every kernel table. So the hashes of one run are
# compared with each other first, and then one of them with the file. Only this
# build makes the long runs, which would take an emulated machine minutes.

. "$(dirname "$0")/common.sh"
scratch=$scratch/${2:-here}
mkdir -p "$scratch"

# A line is "<run> <kernels> <threads> <hash>"; compare keeps "<run> <hash>".
# compare <title> <output>: fails unless the output has exactly the expected runs
# and hashes.
builds=0
hashes=0
compare() {
    awk '{ print $1, $NF }' "$2" | sort -u >"$scratch/got"
    diff "$scratch/expected" "$scratch/got" || fail "$1 has other bits"
    builds=$((builds + 1))
    hashes=$((hashes + $(wc -l <"$2")))
    echo "equal bits: $1, $(wc -l <"$2") hashes"
}

built() {
    $3 "$2/bits" quick >"$2/output" || fail "$1 does not run"
    compare "$1" "$2/output"
}

sort -u "$source/tests/vectors/bits.txt" >"$scratch/expected"
if [ "${2:-here}" = here ]; then
    "$build/tests/bits" >"$scratch/native"
    compare "this build" "$scratch/native"
    exit 0
fi

# Other builds make only the short runs: keep the lines of these.
"$build/tests/bits" quick | awk '{ print $1 }' | sort -u >"$scratch/quick"
join "$scratch/quick" "$scratch/expected" >"$scratch/of_quick"
mv "$scratch/of_quick" "$scratch/expected"
[ -s "$scratch/expected" ] || fail "this build has no short runs"

# WebAssembly has no threads here, and the library needs no system there. Node
# runs the program, which finds the files of the tests.
wasm() {
    title="wasm: clang -O2"
    flags="--target=wasm32-wasi -std=c11 -O2 -DMLP_BARE"
    one=$build/amalgamation
    if ! links clang $flags || ! command -v node >/dev/null; then
        echo "skipped: $title"
        return 0
    fi
    quietly cmake --build "$build" --target amalgamation
    quietly clang $flags -I"$one" -I"$source/tests" \
        -DMLP_TEST_VECTORS="\"$source/tests/vectors\"" \
        -DMLP_TEST_DIGITS="\"$source/examples/data/digits.csv\"" \
        "$one/mlp.c" "$source/tests/whole/bits.c" -lm -o "$scratch/bits.wasm"
    cat >"$scratch/run.mjs" <<'END'
import { readFile } from 'node:fs/promises';
import { WASI } from 'node:wasi';
const args = process.argv.slice(2);
const wasi = new WASI({ version: 'preview1', args, preopens: { '/': '/' } });
const module = await WebAssembly.compile(await readFile(args[0]));
process.exitCode = wasi.start(
    await WebAssembly.instantiate(module, wasi.getImportObject()));
END
    node --no-warnings "$scratch/run.mjs" "$scratch/bits.wasm" quick \
        >"$scratch/wasm" || fail "$title does not run"
    compare "$title" "$scratch/wasm"
}

# Machines that are slow to emulate, and further ways to compile for this one.
more_machines() {
    build_machine riscv64 riscv64-linux-gnu qemu-riscv64 "$@"
    build_machine ppc64le powerpc64le-linux-gnu qemu-ppc64le "$@"
    build_machine arm arm-linux-gnueabihf qemu-arm "$@"
    for compiler in gcc clang; do
        for flags in -O1 -O2 -Os -Ofast "-O3 -march=native" "-O2 -flto"; do
            # clang optimises at link time only with its own linker.
            if [ "$compiler $flags" = "clang -O2 -flto" ]; then
                flags="$flags -fuse-ld=lld"
            fi
            if links "$compiler" $flags; then
                build_for "$(echo "$compiler$flags" | tr ' ' _)" "" \
                    "$compiler" "$flags" "$@"
            else
                echo "skipped: $compiler $flags"
            fi
        done
    done
}

which=$2
set -- "$source/tests/consumers/bits" bits
everywhere "$@"
wasm
if [ "$which" = machines ]; then
    more_machines "$@"
fi
[ "$builds" -gt 0 ] || skip "there is neither gcc nor clang"
echo "machines: $builds builds agree on $hashes hashes"
