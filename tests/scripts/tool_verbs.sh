# SPDX-License-Identifier: MIT
#
# mlp test, predict, info and export: what they print, their messages and exit
# statuses, and that exported C code encodes and predicts as mlp predict does.

. "$(dirname "$0")/common.sh"
need cc c++
[ -x "$build/mlp" ] || skip "the program mlp was not built"

python=$(python_with "numpy")
[ "$python" ] || skip "there is no python3 with numpy"

rm -rf "$scratch"
mkdir -p "$scratch"
PYTHONDONTWRITEBYTECODE=1 PYTHONPATH="$source/examples" "$python" \
    "$source/tests/scripts/tool_verbs.py" "$build/mlp" "$scratch" "$source"
