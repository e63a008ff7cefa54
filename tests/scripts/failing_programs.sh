# SPDX-License-Identifier: MIT
#
# Examples and the program mlp run with their first allocation failing, then
# with their second, and so on. Each time the program either says what is wrong
# and exits with another status than 0, or gets over it and prints what it
# always prints. It is never killed by a signal.

. "$(dirname "$0")/common.sh"
need gcc

rm -rf "$scratch"
mkdir -p "$scratch"
cd "$scratch"
gcc -O1 -shared -fPIC -o preload.so "$source/tests/trust/preload.c" \
    >log 2>&1 || skip "this C library keeps malloc for itself"

# run_failing <n> <command>: the n-th allocation fails. Clocks differ from run
# to run, so numbers of seconds do not count. What the example save_and_load
# does depends on the file that it has left.
run_failing() {
    n=$1
    shift
    status=0
    rm -f moons*
    FAIL_AT=$n COUNT_TO=count LD_PRELOAD=$scratch/preload.so "$@" \
        >out 2>err </dev/null || status=$?
    sed -i 's/[0-9][0-9.]* *m*s\(econds\)*\b/TIME/g' out
}

total=0

# every_allocation <command>
every_allocation() {
    run_failing 0 "$@"
    [ $status = 0 ] || fail "$*: exits with $status without a fault"
    cp out expected
    last=$(cat count)
    at=1
    while [ "$at" -le "$last" ]; do
        run_failing $at "$@"
        if [ $status -ge 128 ]; then
            fail "$*: allocation $at of $last fails: status $status"
        elif [ $status = 0 ] && ! cmp -s out expected; then
            fail "$*: allocation $at of $last fails, the output is another"
        elif [ $status != 0 ] && [ ! -s err ]; then
            fail "$*: allocation $at of $last fails without a word"
        fi
        at=$((at + 1))
    done
    total=$((total + last))
    echo "$(basename "$1") ${2-}: $last allocations failed, one by one"
}

for example in xor regression save_and_load; do
    program=$build/examples/$example
    [ ! -x "$program" ] || every_allocation "$program"
done
if [ -x "$build/mlp" ]; then
    {
        echo "a,b,class"
        for i in 1 2 3 4 5 6 7 8 9; do
            echo "$i,0.$i,low"
            echo "-$i,1.$i,high"
        done
    } >table.csv
    every_allocation "$build/mlp" train table.csv class --epochs 3 \
        --layers 4 -o net.mlp
    every_allocation "$build/mlp" train table.csv class --epochs 3 \
        --layers 4 -o other.mlp --ignore b --cv 2 --json
    for verb in info test; do
        every_allocation "$build/mlp" $verb net.mlp \
            $([ $verb = info ] || echo table.csv)
    done
    every_allocation "$build/mlp" predict net.mlp table.csv
    every_allocation "$build/mlp" export net.mlp net.c
fi
echo "faults, programs: $total allocations failed, no crash"
