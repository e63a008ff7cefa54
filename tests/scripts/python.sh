# SPDX-License-Identifier: MIT
#
# Model files in Python's hands: names, shapes and values of what the library
# saves, and networks from PyTorch and scikit-learn (where there are these) and
# back. And the bytes of a file, and of one in C, under a locale with a
# decimal comma.

. "$(dirname "$0")/common.sh"

# The system's Python may have NumPy where the first in the path has not.
python=
for candidate in python3 /usr/bin/python3; do
    if "$candidate" -c 'import numpy' 2>/dev/null; then
        python=$candidate
        break
    fi
done
[ "$python" ] || skip "there is no python3 with numpy"

PYTHONDONTWRITEBYTECODE=1 PYTHONPATH="$source/examples" "$python" \
    "$source/tests/scripts/python.py" "$build/tests/model_tool" "$scratch" \
    "$source/tests/vectors"

if command -v localedef >/dev/null &&
    localedef -i de_DE -f UTF-8 "$scratch/de_DE.UTF-8" 2>"$scratch/log"; then
    for test in test_model_file test_export; do
        LOCPATH=$scratch CMOCKA_MESSAGE_OUTPUT=STDOUT \
            "$build/tests/$test" >"$scratch/log" 2>&1 ||
            { cat "$scratch/log"; fail "a locale changes bytes"; }
        grep -q '  OK .*locales_change_nothing' "$scratch/log" ||
            fail "the locale was not used"
    done
    echo "equal bytes: de_DE.UTF-8"
else
    echo "skipped: no locale with a decimal comma can be made here"
fi
