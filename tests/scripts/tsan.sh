# SPDX-License-Identifier: MIT
#
# The tests that use threads run with the thread sanitizer.

. "$(dirname "$0")/common.sh"

compiler=
for candidate in clang gcc; do
    if links "$candidate" -fsanitize=thread; then
        compiler=$candidate
        break
    fi
done
[ "$compiler" ] || skip "no compiler here has the thread sanitizer"
echo "$compiler"

# Some kernels place memory where older sanitizers do not expect it.
fixed=
if setarch -R true 2>/dev/null; then
    fixed="setarch -R"
fi
$fixed "$scratch/links" || skip "the thread sanitizer does not run here"

build_into build "$source" -DCMAKE_C_COMPILER="$compiler" \
    -DCMAKE_BUILD_TYPE=RelWithDebInfo -DMLP_SANITIZE=thread
$fixed ctest --test-dir "$scratch/build" --output-on-failure \
    --no-tests=error -L threads
