# SPDX-License-Identifier: MIT
#
# Every whole program in README.md compiles without a warning and runs.

. "$(dirname "$0")/common.sh"
need cc

rm -f "$scratch"/block*
awk -v prefix="$scratch/block" '
    /^```c$/ { inside = 1; file = prefix (++blocks) ".c"; next }
    /^```/ { inside = 0 }
    inside { print >file }' "$source/README.md"

programs=0
for block in "$scratch"/block*.c; do
    grep -q 'int main' "$block" || continue
    programs=$((programs + 1))
    cc -std=c11 -Wall -Wextra -Wpedantic -Werror -I"$source/include" \
        -o "${block%.c}" "$block" "$build/libmlp.a" -lm -pthread
    "${block%.c}"
done
[ "$programs" -gt 0 ] || fail "README.md shows no program"
