# SPDX-License-Identifier: MIT
#
# Unit tests and examples with the address and undefined-behaviour sanitizers.

. "$(dirname "$0")/common.sh"

compiler=
for candidate in clang gcc; do
    if links "$candidate" -fsanitize=address,undefined; then
        compiler=$candidate
        break
    fi
done
[ "$compiler" ] || skip "no compiler here has the sanitizers"
echo "$compiler"

build_into build "$source" -DCMAKE_C_COMPILER="$compiler" \
    -DCMAKE_BUILD_TYPE=RelWithDebInfo -DMLP_SANITIZE=address,undefined

# Absurd sizes must reach the library as NULL, as from any malloc.
export ASAN_OPTIONS=allocator_may_return_null=1
export UBSAN_OPTIONS=print_stacktrace=1
ctest --test-dir "$scratch/build" --parallel 2 --output-on-failure \
    -L 'unit|example'
