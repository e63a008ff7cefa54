# SPDX-License-Identifier: MIT
#
# Python reads and writes model files. Names, shapes and values of what the
# library saves are as documented. Networks go from PyTorch and scikit-learn, if
# they are installed, to the library and back. Under a locale with a decimal
# comma, a model file and an exported C file have the same bytes as ever.

. "$(dirname "$0")/common.sh"

python=$(python_with "numpy")
[ "$python" ] || skip "there is no python3 with numpy"

PYTHONDONTWRITEBYTECODE=1 PYTHONPATH="$source/examples" "$python" \
    "$source/tests/scripts/python.py" "$build/tests/model_tool" "$scratch" \
    "$source/tests/vectors"

if command -v localedef >/dev/null &&
    localedef -i de_DE -f UTF-8 "$scratch/de_DE.UTF-8" 2>"$scratch/log"; then
    for test in test_model_file test_export_c; do
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
