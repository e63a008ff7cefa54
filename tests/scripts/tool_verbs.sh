# SPDX-License-Identifier: MIT
#
# mlp test, predict, info and export: what they print, their messages and exit
# statuses, and that exported C code encodes and predicts as mlp predict does.

. "$(dirname "$0")/common.sh"
need cc c++
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
PYTHONDONTWRITEBYTECODE=1 PYTHONPATH="$source/examples" "$python" \
    "$source/tests/scripts/tool_verbs.py" "$build/mlp" "$scratch" "$source"
