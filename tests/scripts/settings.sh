# SPDX-License-Identifier: MIT
#
# The moons example prints what the tutorial's NumPy prints, for other settings
# than the tutorial's too.

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

"$python" "$source/tests/scripts/settings.py" "$build/examples/moons" ||
    fail "moons and NumPy print different lines"
