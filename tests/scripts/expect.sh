# SPDX-License-Identifier: MIT
#
# sh expect.sh <expected file> <program> [<argument>...]
# Every line of the file must be a line of the program's output, in the same
# order. Blanks at the end of a line are ignored.

set -eu
expected=$1
shift
output=$("$@") || {
    echo "$output"
    echo "FAILED: $1 ended with an error"
    exit 1
}
echo "$output"
echo "$output" | awk -v expected="$expected" '
    function trimmed(line) { sub(/[ \t\r]+$/, "", line); return line }
    BEGIN {
        n = found = 0
        while ((got = (getline line < expected)) > 0) {
            if (trimmed(line) != "") {
                want[n++] = trimmed(line)
            }
        }
        if (got < 0 || n == 0) {
            print "FAILED: nothing to expect in " expected
            exit broken = 1
        }
    }
    found < n && trimmed($0) == want[found] { found++ }
    END {
        if (!broken && found < n) {
            print "FAILED: missing, or not in this order: " want[found]
            exit 1
        }
        exit broken
    }'
