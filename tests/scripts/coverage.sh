# SPDX-License-Identifier: MIT
#
# Which lines and branches of src/ the tests run: a build of gcc with counters
# and without optimisation runs unit tests, examples and the scripts that need
# this build only. tests/trust/coverage.py counts.

. "$(dirname "$0")/common.sh"
need gcc gcov python3
need_whole_library # coverage.txt lists what it has

# A child of a test that ends by _exit would not write its counters.
quietly cmake -S "$source" -B "$scratch/build" -DCMAKE_C_COMPILER=gcc \
    -DMLP_OPTIMIZE=OFF \
    -DCMAKE_C_FLAGS="-O0 -g0 -w -DNDEBUG --coverage -D_exit=exit"
quietly cmake --build "$scratch/build" --parallel 2
find "$scratch/build" -name '*.gcda' -exec rm {} +
# Their verdict is asked of other builds: in one as slow as this, a test may run
# out of time, and a search for 2 seconds finds nothing.
ctest --test-dir "$scratch/build" --parallel 2 --output-on-failure \
    -L 'unit|example' >"$scratch/tests" 2>&1 ||
    sed -n '/tests FAILED/,$p' "$scratch/tests"
for script in python tool_train tool_verbs figures flags mpi faults \
    failing_programs exported_c; do
    sh "$source/tests/scripts/$script.sh" "$scratch/build" \
        >"$scratch/tests" 2>&1 || echo "not passed here: $script"
done
python3 "$source/tests/trust/coverage.py" "$source" "$scratch/build" ||
    fail "the coverage"
