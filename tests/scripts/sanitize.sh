# SPDX-License-Identifier: MIT
#
# Unit tests, examples and the program mlp run with the sanitizers of addresses,
# undefined behaviour and leaks, and with assertions.

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
    -DCMAKE_BUILD_TYPE=RelWithDebInfo -DMLP_SANITIZE=address,undefined \
    -DCMAKE_C_FLAGS_RELWITHDEBINFO="-O2 -g"

# For an absurd size the sanitizer's malloc shall return NULL, as others do. A
# second stack for signals makes the sanitizer itself write to a bad address when
# a thread is cancelled.
export ASAN_OPTIONS=allocator_may_return_null=1:use_sigaltstack=0
export UBSAN_OPTIONS=print_stacktrace=1
ctest --test-dir "$scratch/build" --parallel 2 --output-on-failure \
    -L 'unit|example'

if [ -x "$scratch/build/mlp" ]; then
    sh "$source/tests/scripts/tool_verbs.sh" "$scratch/build" || [ $? = 77 ]
    # A search splits the training rows again.
    quietly "$scratch/build/mlp" train "$source/examples/data/iris.csv" \
        species --tune 0.1s -o "$scratch/iris.mlp"
fi
