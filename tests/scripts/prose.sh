# SPDX-License-Identifier: MIT
#
# The code reads as prose.py wants it to; the head of prose.py says what it
# counts.

. "$(dirname "$0")/common.sh"
need python3

python3 "$source/tests/scripts/prose.py" "$source" ||
    fail "prose.py --list names the places"
