# SPDX-License-Identifier: MIT
#
# Every public function that returns a status has a row in a table of faults
# (tests/trust), and every row is a public function. A header counts if its
# library was built; functions of mlp_mpi need an MPI program around them, and
# have no rows.

. "$(dirname "$0")/common.sh"

ls "$build"/tests/test_faults_* >/dev/null 2>&1 ||
    skip "this system has no tables of faults"
for program in "$build"/tests/test_faults_*; do
    "$program" rows
done | sed 's/ .*//' | sort -u >"$scratch/rows"

for header in "$source"/include/*.h; do
    library=$(basename "$header" .h)
    [ "$library" != mlp_mpi ] && [ -e "$build/lib$library.a" ] || continue
    tr '\n' ' ' <"$header" |
        grep -o 'MLP_NODISCARD mlp_status *mlp_[A-Za-z0-9_]*'
done | sed 's/.* //' | sort -u >"$scratch/functions"

[ -s "$scratch/functions" ] || fail "no functions were found"
comm -23 "$scratch/functions" "$scratch/rows" >"$scratch/missing"
[ ! -s "$scratch/missing" ] ||
    fail "functions without a row in tests/trust:" $(cat "$scratch/missing")
while read -r row; do
    grep -q "\\b$row(" "$source"/include/*.h || fail "$row is no function"
done <"$scratch/rows"
echo "$(wc -l <"$scratch/functions") functions have rows"
