# SPDX-License-Identifier: MIT
#
# The fuzzer of calls (tests/fuzz/fuzz_api.c) calls every public function of
# every library that was built: a function without a case is missing among the
# names that the objects of its cases need. Functions of mlp_mpi need an MPI
# program around them, and have no cases.

. "$(dirname "$0")/common.sh"
need nm

objects=$build/tests/CMakeFiles/fuzz_api.dir/fuzz
[ -d "$objects" ] || skip "the fuzzer of calls is not built"
[ -e "$build/libmlp.a" ] || skip "there is no static library"

# What the helpers of other fuzzers call, such as tables.c, does not count.
nm -u "$objects"/api*.o | awk '$2 ~ /^mlp_/ { print $2 }' | sort -u \
    >"$scratch/called"

total=0
for library in mlp mlp_data mlp_show mlp_foreign mlp_onnx; do
    [ -e "$build/lib$library.a" ] || continue
    nm -g --defined-only "$build/lib$library.a" |
        awk '$2 == "T" && $3 ~ /^mlp_/ { print $3 }' | sort -u \
            >"$scratch/public"
    [ -s "$scratch/public" ] || fail "lib$library.a has no public functions"
    missing=$(comm -23 "$scratch/public" "$scratch/called")
    [ -z "$missing" ] || fail "tests/fuzz/fuzz_api.c does not call" $missing
    count=$(wc -l <"$scratch/public")
    echo "$library: $count functions"
    total=$((total + count))
done
echo "all $total public functions are called"
