# SPDX-License-Identifier: MIT
#
# The tests see nearly every small fault that tests/trust/mutate.py plants in
# src/. This takes hours; what is interrupted goes on where it was.

. "$(dirname "$0")/common.sh"
need python3 cmake ninja gcc

python3 "$source/tests/trust/mutate.py" "$build" ||
    fail "mutants survive, or a list is not true"
