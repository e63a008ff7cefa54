# SPDX-License-Identifier: MIT
#
# The moons example prints what the tutorial's NumPy code prints, also for other
# settings than the tutorial's.

. "$(dirname "$0")/common.sh"

python=$(python_with "numpy")
[ "$python" ] || skip "there is no python3 with numpy"

"$python" "$source/tests/scripts/settings.py" "$build/examples/moons" ||
    fail "moons and NumPy print different lines"
