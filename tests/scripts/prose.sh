# SPDX-License-Identifier: MIT
#
# The code reads as the project wants it to: prose.py says what it counts.

. "$(dirname "$0")/common.sh"
need python3

python3 "$source/tests/scripts/prose.py" "$source" ||
    fail "prose.py --list names the places"
