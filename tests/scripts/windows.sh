# SPDX-License-Identifier: MIT
#
# Windows: mingw-w64 builds the library, the unit tests that need no POSIX, and
# the examples, and Wine runs them. Training gives the bits of
# tests/vectors/bits.txt, and files are those that this machine writes. On
# Debian the packages are gcc-mingw-w64-x86-64 and wine64.

. "$(dirname "$0")/common.sh"
compiler=x86_64-w64-mingw32-gcc
need $compiler

wine=
for candidate in /usr/lib/wine/wine64 wine64 wine; do
    if command -v "$candidate" >/dev/null; then
        wine=$(command -v "$candidate")
        break
    fi
done
[ "$wine" ] || skip "there is no wine64"

# Wine keeps its Windows in a folder. It is made first, and its server is kept,
# because a test would wait for the end of a server that it had started itself.
# The server ends when this script does.
export WINEPREFIX="$scratch/wine" WINEDEBUG=-all WINEDLLOVERRIDES="mscoree,mshtml="
server=$(dirname "$(readlink -f "$wine")")/wineserver
[ -x "$server" ] || server=wineserver
end_server() {
    "$server" -k >/dev/null 2>&1 || true
    rm -rf "$WINEPREFIX" # 700 MB
}
mkdir -p "$WINEPREFIX"
trap end_server EXIT
"$server" -p >"$scratch/server" 2>&1 </dev/null || skip "no $server runs here"
timeout 120 "$wine" wineboot --init >"$scratch/boot" 2>&1 </dev/null ||
    skip "wine64 does not run here"

build_into build "$source" -DCMAKE_SYSTEM_NAME=Windows \
    -DCMAKE_SYSTEM_PROCESSOR=x86_64 -DCMAKE_C_COMPILER=$compiler \
    -DCMAKE_EXE_LINKER_FLAGS=-static -DCMAKE_CROSSCOMPILING_EMULATOR="$wine" \
    -DMLP_WERROR=ON -DMLP_ONNX=OFF
ctest --test-dir "$scratch/build" --parallel 2 --output-on-failure \
    --no-tests=error -L 'unit|example' >"$scratch/tests" 2>&1 || {
    cat "$scratch/tests"
    fail "tests fail under Wine"
}
grep 'tests passed' "$scratch/tests"

# The fma of Windows is slow without an instruction, so the long runs are left
# out, as on emulated machines.
"$wine" "$scratch/build/tests/bits.exe" quick | tr -d '\r' >"$scratch/bits" ||
    fail "bits does not run"
sort -u "$source/tests/vectors/bits.txt" >"$scratch/expected"
awk '{ print $1, $NF }' "$scratch/bits" | sort -u | comm -23 - \
    "$scratch/expected" >"$scratch/other"
if [ ! -s "$scratch/bits" ] || [ -s "$scratch/other" ]; then
    cat "$scratch/other"
    fail "Windows has other bits"
fi
echo "equal bits: $(wc -l <"$scratch/bits") hashes"

# Files go both ways. The second writing replaces a file.
theirs="$scratch/build/tests/model_tool.exe"
ours="$build/tests/model_tool"
cd "$scratch"
for command in "write 0 float32" "write 1 float64" train bare train; do
    "$wine" "$theirs" $command theirs.mlp || fail "$command on Windows"
    "$ours" $command ours.mlp || fail "$command"
    cmp ours.mlp theirs.mlp || fail "$command: Windows writes another file"
done
"$ours" predict theirs.mlp >ours.txt
"$wine" "$theirs" predict ours.mlp | tr -d '\r' | diff ours.txt - ||
    fail "Windows predicts something else"
ls ./*.tmp.* 2>/dev/null && fail "a temporary file is left"
echo "equal files: 5, and equal predictions"
