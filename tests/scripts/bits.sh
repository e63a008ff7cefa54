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

built() {
    $3 "$2/bits" quick >"$2/output" || fail "$1 does not run"
    compare "$1" "$2/output"
}

sort -u "$source/tests/vectors/bits.txt" >"$scratch/expected"
if [ "${2:-here}" = here ]; then
    "$build/tests/bits" >"$scratch/native"
    compare "this build" "$scratch/native"
    # Neither a run nor a hash is missing.
    diff "$scratch/expected" "$scratch/got" || fail "this build has other runs"
    exit 0
fi

everywhere "$source/tests/consumers/bits" bits
