# SPDX-License-Identifier: MIT
#
# README.md keeps its word. Every whole program in it compiles without a warning.
# Every session in it (a block ```console) is run line by line, and prints what
# README.md says, on standard output and standard error. A program is saved
# under the name in the comment above it, such as <!-- app.c -->, which the
# sessions compile. They run in an empty folder with the tree's include and the
# library that was built. Every file that README.md links to is in the tree.

. "$(dirname "$0")/common.sh"
need cc

place=$scratch/place
rm -rf "$place" "$scratch"/session*
mkdir -p "$place/build"
ln -s "$source/include" "$place/include"
ln -s "$source/examples" "$place/examples"
for made in libmlp.a mlp; do
    ln -s "$build/$made" "$place/build/$made"
done

# Writes each program to its file, and session n to the file session<n>.
cd "$place"
awk -v session="$scratch/session" '
    /^<!-- [a-z_]+\.c -->$/ { name = $2 }
    /^```c$/ { file = name ? name : "fragment" (++fragments) ".c"; next }
    /^```console$/ { file = session (++sessions); next }
    /^```/ { file = name = "" }
    file { print >file }' "$source/README.md"

programs=$(ls ./*.c)
PATH=$place/build:$PATH

# Where threads are not part of libc, linking needs them, too.
cc() {
    command cc "$@" -pthread
}

# run_session <file>: prints each command, then what the command prints. The two
# streams are kept for the check below, too.
run_session() {
    grep '^\$ ' "$1" | cut -c3- | while read -r line; do
        printf '$ %s\n' "$line"
        eval "$line" </dev/null >out 2>err || true
        cat out err
        case $line in ./*) # not mlp, which talks on standard error
            cat out >>"$scratch/out"
            cat err >>"$scratch/err" ;;
        esac
    done
}

# Seconds differ from run to run.
timeless() {
    sed 's/, [0-9.]* s$/, some s/'
}

: >"$scratch/out"
: >"$scratch/err"
for session in "$scratch"/session*; do
    [ -e "$session" ] || fail "README.md shows no session"
    timeless <"$session" >"$scratch/expected"
    run_session "$session" | timeless >"$scratch/came"
    cat "$scratch/came"
    diff "$scratch/expected" "$scratch/came" ||
        fail "README.md ('<') says something else than what comes ('>')"
done

# The commands that draw leave their pictures, where gnuplot is installed.
if command -v gnuplot >/dev/null; then
    grep '^mlp .* --plot ' "$source/README.md" >"$scratch/plots"
    while read -r line; do
        eval "$line" </dev/null 2>err ||
            fail "a command of README.md fails: $line: $(cat err)"
        grep -q '</svg>' "${line##* }" || fail "no whole picture: $line"
    done <"$scratch/plots"
    [ -s "$scratch/plots" ] || fail "README.md shows no command that draws"
fi

whole=0
for program in $programs; do
    grep -q 'int main' "$program" || continue
    case $program in
    ./fragment*) fail "a program in README.md has no name: $(head -3 "$program")" ;;
    esac
    whole=$((whole + 1))
    cc -std=c11 -Wall -Wextra -Wpedantic -Werror -O2 -fsyntax-only -Iinclude -I. \
        "$program"
    awk -v name="$program" 'length > 80 {
        print "FAILED: " name ": more than 80 columns: " $0
        exit 1
    }' "$program"
done
[ "$whole" -gt 0 ] || fail "README.md shows no program"

for link in $(grep -oE '\]\([^)#]+\)' "$source/README.md" | tr -d '])('); do
    case $link in
    http*) ;; # needs a network
    *) [ -e "$source/$link" ] || fail "README.md links to $link: no such file" ;;
    esac
done

# Messages of the library go to standard error, and nothing else goes there.
if grep '^mlp: ' "$scratch/out" || grep -v '^mlp: ' "$scratch/err"; then
    fail "a line is on the wrong stream"
fi
grep -q '^mlp: missing' "$scratch/err" || fail "no message about a missing file"
