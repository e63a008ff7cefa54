# SPDX-License-Identifier: MIT
#
# mlp train: what it prints, writes and refuses, and that its scores are honest.

. "$(dirname "$0")/common.sh"
[ -x "$build/mlp" ] || skip "the program mlp was not built"

# The system's Python may have NumPy even if the first one in PATH has not.
python=
for candidate in python3 /usr/bin/python3; do
    if "$candidate" -c 'import numpy' 2>/dev/null; then
        python=$candidate
        break
    fi
done
[ "$python" ] || skip "there is no python3 with numpy"

rm -rf "$scratch"
mkdir -p "$scratch"
PYTHONDONTWRITEBYTECODE=1 PYTHONPATH="$source/examples:$source/tests/bench" \
    "$python" "$source/tests/scripts/tool_train.py" "$build/mlp" "$scratch" \
    "$source"
