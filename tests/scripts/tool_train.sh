# SPDX-License-Identifier: MIT
#
# mlp train: what it prints, writes and refuses, and that its scores are honest.

. "$(dirname "$0")/common.sh"
[ -x "$build/mlp" ] || skip "the program mlp was not built"

python=$(python_with "numpy")
[ "$python" ] || skip "there is no python3 with numpy"

rm -rf "$scratch"
mkdir -p "$scratch"
PYTHONDONTWRITEBYTECODE=1 PYTHONPATH="$source/examples:$source/tests/bench" \
    "$python" "$source/tests/scripts/tool_train.py" "$build/mlp" "$scratch" \
    "$source"
