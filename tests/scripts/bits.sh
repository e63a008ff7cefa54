# SPDX-License-Identifier: MIT
#
# The same bits everywhere. tests/whole/bits.c trains on stored data and prints
# a hash of the final weights for each run and each kernel table, which must be
# what tests/vectors/bits.txt holds.
#
#     bits.sh <build folder>               this build
#     bits.sh <build folder> everywhere    other builds: by other compilers, with
#                                          and without optimisation, and for
#                                          emulated machines (one of them
#                                          big-endian)
#
# A machine does not have every kernel table. So the hashes of one run are
# compared with each other first, and then one of them with the file. Only this
# build makes the long runs, which would take an emulated machine minutes.

. "$(dirname "$0")/common.sh"
scratch=$scratch/${2:-here}
mkdir -p "$scratch"

# A line is "<run> <kernels> <threads> <hash>"; compare keeps "<run> <hash>".
# compare <title> <output>
compare() {
    awk '{ print $1, $NF }' "$2" | sort -u >"$scratch/got"
    comm -23 "$scratch/got" "$scratch/expected" >"$scratch/other"
    if [ -s "$scratch/other" ]; then
        cat "$scratch/other"
        fail "$1 has other bits"
    fi
    echo "equal bits: $1, $(wc -l <"$2") hashes"
}

# try <name> <command that runs it> <compiler> <flags> <cmake option>...
try() {
    title="$3 $4"
    into=$scratch/$1
    runner=$2
    compiler=$3
    flags=$4
    if ! command -v "$compiler" >/dev/null ||
        ! command -v "${runner:-true}" >/dev/null; then
        echo "skipped: $title"
        return 0
    fi
    shift 4
    quietly cmake -S "$source/tests/consumers/bits" -B "$into" \
        -DCMAKE_C_COMPILER="$compiler" -DCMAKE_C_FLAGS="$flags" "$@"
    quietly cmake --build "$into" --parallel 2
    $runner "$into/bits" quick >"$into/output" || fail "$title does not run"
    compare "$title" "$into/output"
}

sort -u "$source/tests/vectors/bits.txt" >"$scratch/expected"
if [ "${2:-here}" = here ]; then
    "$build/tests/bits" >"$scratch/native"
    compare "this build" "$scratch/native"
    # Neither a run nor a hash is missing.
    diff "$scratch/expected" "$scratch/got" || fail "this build has other runs"
    exit 0
fi

for compiler in gcc clang; do
    for level in -O0 -O3; do
        try "$compiler$level" "" "$compiler" "$level"
    done
done
for machine in aarch64 s390x; do
    try "$machine" "qemu-$machine" "$machine-linux-gnu-gcc" -O2 \
        -DCMAKE_SYSTEM_NAME=Linux -DCMAKE_SYSTEM_PROCESSOR="$machine" \
        -DCMAKE_EXE_LINKER_FLAGS=-static
done
