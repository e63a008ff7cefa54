# SPDX-License-Identifier: MIT
#
# The fuzzer of calls (tests/fuzz/fuzz_api.c) calls every public function of the
# library: a function without a case is missing among the names that its objects
# need.

. "$(dirname "$0")/common.sh"
need nm

objects=$build/tests/CMakeFiles/fuzz_api.dir/fuzz
[ -d "$objects" ] || skip "the fuzzer of calls is not built"
[ -e "$build/libmlp.a" ] || skip "there is no static library"

nm -g --defined-only "$build/libmlp.a" |
    awk '$2 == "T" && $3 ~ /^mlp_/ { print $3 }' | sort -u >"$scratch/public"
nm -u "$objects"/*.o | awk '$2 ~ /^mlp_/ { print $2 }' | sort -u \
    >"$scratch/called"
[ -s "$scratch/public" ] || fail "the library has no public functions"
missing=$(comm -23 "$scratch/public" "$scratch/called")
[ -z "$missing" ] || fail "tests/fuzz/fuzz_api.c does not call" $missing
echo "all $(wc -l <"$scratch/public") public functions are called"
