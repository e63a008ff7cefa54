# SPDX-License-Identifier: MIT
#
# The moons example prints what the tutorial's NumPy code prints, also for other
# settings than the tutorial's.

. "$(dirname "$0")/common.sh"

# The system's Python may have NumPy even if the first one in PATH has not.
python=
for candidate in python3 /usr/bin/python3; do
    if "$candidate" -c 'import numpy' 2>/dev/null; then
        python=$candidate
        break
    fi
done
[ "$python" ] || skip "there is no python3 with numpy"

"$python" "$source/tests/scripts/settings.py" "$build/examples/moons" ||
    fail "moons and NumPy print different lines"
