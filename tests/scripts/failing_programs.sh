# SPDX-License-Identifier: MIT
#
# Examples and the program mlp run with their first allocation failing, then
# with their second, and so on; and those that read or write files with their
# first system call failing, and so on. Each time
#   - the program is not killed by a signal;
#   - either it gets over the fault: it exits with 0, and its standard output
#     and its files are those of a run without a fault;
#   - or it says on standard error what is wrong, and exits with 1;
#   - every file is the old one or the complete new one, files that belong
#     together are both old or both new, and no other file is left, except one
#     that the fault kept from being removed.
# Of an example's many allocations a sample fails. What an example could not
# write to its standard output may be missing without a word, as C programs
# usually do.
#
# Left out are
#   mpi_digits     nearly all of its allocations are those of MPI; mpi.sh makes
#                  the functions of MPI fail
#   fashion_mnist  its data are not part of the source
#   figures        and the options --plot: gnuplot does the work there

. "$(dirname "$0")/common.sh"
need gcc

rm -rf "$scratch"
mkdir -p "$scratch"
cd "$scratch"
gcc -O1 -shared -fPIC -pthread -Wl,-z,defs -I "$source/tests" -o preload.so \
    "$source/tests/trust/preload.c" "$source/tests/trust/failing_system.c" \
    -ldl >log 2>&1 || skip "this C library keeps malloc for itself"

# A case is a command that runs in a copy of the folder `before`. These describe
# it; new_case sets what is usual.
#     written         the files that it writes, one word for each write in their
#                     order; a comma joins files that one write replaces
#     input           its standard input
#     first, more     how many allocations from the start fail, one in each run,
#                     and how many of the later ones, evenly spaced
new_case() {
    rm -rf before
    mkdir before
    written=
    input=/dev/null
    first=1000
    more=1
}

# run_with <variable> <n> <command>: runs the command in the folder `work` with
# a fault. Clocks differ from run to run, so numbers of seconds do not count.
run_with() {
    variable=$1
    n=$2
    shift 2
    rm -rf work count
    cp -r before work
    status=0
    (
        cd work
        export "$variable=$n" FAIL_WITH="$error" COUNT_TO="$scratch/count"
        export LD_PRELOAD="$scratch/preload.so"
        exec "$@"
    ) >out 2>err <"$input" || status=$?
    sed -i 's/[0-9][0-9.]* *m*s\(econds\)*\b/TIME/g' out
}

# The folders states/0, states/1, ... are the case's folder before the first
# write, after the first write, and so on. The run without a fault ends in the
# last one.
make_states() {
    rm -rf states
    mkdir states
    cp -r before states/0
    last_state=0
    for write in $written; do
        cp -r states/$last_state states/$((last_state + 1))
        last_state=$((last_state + 1))
        for file in $(echo "$write" | tr , ' '); do
            cp "work/$file" states/$last_state
        done
    done
    diff -rq states/$last_state work >log || broken "writes other files"
}

# Succeeds if the folder is in one of its states, or in the last one if the
# program has succeeded. A file that could not be removed may be left.
is_whole() {
    case $call in
    unlink | unlinkat) rm -f work/*.old.* work/*.tmp.* ;;
    esac
    for state in states/*; do
        if [ $status = 0 ] && [ $state != states/$last_state ]; then
            continue
        fi
        if diff -rq $state work >log; then
            return 0
        fi
    done
    return 1
}

broken() {
    cat log err
    ls work
    fail "$title: $*: status $status"
}

# What an example could not write to its standard output may be missing.
is_output_right() {
    cmp -s out expected || { [ -n "$is_example" ] && [ "$call" = write ]; }
}

check_run() {
    fault="$call $at of $last fails"
    read -r reached <count 2>log || broken "$fault: it did not end"
    [ "$reached" -ge "$at" ] || broken "$fault: there were only $reached"
    if [ $status != 0 ] && [ $status != 1 ]; then
        broken "$fault"
    elif [ $status = 0 ] && ! is_output_right; then
        broken "$fault, the output is another"
    elif [ $status = 1 ] && [ ! -s err ]; then
        broken "$fault without a word"
    elif ! is_whole; then
        broken "$fault, the files are others"
    fi
}

# choose_faults: writes the number and the name of each fault that is to happen
# to the file `chosen`. Messages are written character by character, so of many
# equal calls in a row these are the first four and the last.
choose_faults() {
    awk -v first=$first -v more=$more '
        NR == 1 { last = $1; step = int((last - first) / more) }
        NR > 1 { name[NR - 1] = $1 }
        END {
            for (i = 1; NR == 1 && i <= last; i++) {
                if (i <= first || step <= 1 || (i - first) % step == 0) {
                    print i, "allocation"
                }
            }
            for (i = 1; i < NR; i++) {
                row = name[i] == name[i - 1] ? row + 1 : 1
                if (row <= 4 || name[i] != name[i + 1]) {
                    print i, name[i]
                }
            }
        }' faultless >chosen
}

has_onnx=$(ls "$build" | grep '^libmlp_onnx[.]' || true)

# The numbers of the errors on every machine with Linux.
eio=5
enospc=28

allocations=0
calls=0

# each_fault <variable> <command>: lets the faults happen, one by one. Sets
# `failed`, their number, and `last`, that of all allocations or calls.
each_fault() {
    kind=$1
    shift
    call=nothing
    error=0
    failed=0
    run_with "$kind" 0 "$@"
    if [ "$kind" = FAIL_CALL ] && [ $status = 77 ]; then
        last=no # the kernel does not show them
        return 0
    fi
    [ $status = 0 ] || broken "no fault"
    cp out expected
    make_states
    mv count faultless
    choose_faults
    read -r last <faultless
    while read -r at call; do
        error=$eio
        [ "$call" != write ] || error=$enospc
        run_with "$kind" "$at" "$@"
        check_run
        failed=$((failed + 1))
    done <chosen
}

# every_allocation <command>, every_call <command>
every_allocation() {
    title="$(basename "$1") ${2-}"
    each_fault FAIL_ALLOCATION "$@"
    allocations=$((allocations + failed))
    echo "$title: $failed of $last allocations failed, one by one"
}

every_call() {
    title="$(basename "$1") ${2-}"
    each_fault FAIL_CALL "$@"
    calls=$((calls + failed))
    echo "$title: $failed of $last system calls failed, one by one"
}

# ------------------------------------------------------------------------------
# Examples

is_example=yes

# example <name> <argument>...: each allocation fails, as far as the case says.
example() {
    program=$build/examples/$1
    shift
    if [ -x "$program" ]; then
        every_allocation "$program" "$@"
    fi
}

for name in fortran_moons lockstep online regression walkthrough xor; do
    new_case
    example $name
done
new_case
example moons --epochs 100

# These make the same allocations again and again: for each network, each time
# they print a row, or each step.
sampled_example() {
    new_case
    first=$2
    more=$3
    example $1
}
for name in adversarial circles committee experiments own_loop; do
    sampled_example $name 30 8
done
sampled_example policy 8 3 # 5 for each of five agents
sampled_example digits 30 3

# Calls on files: reading a table, and the files of save_and_load. (The calls of
# lockstep are not watched: its second process would wait for a watcher that has
# ended.)
program=$build/examples/adversarial
new_case
[ ! -x "$program" ] || every_call "$program"
program=$build/examples/save_and_load
if [ -x "$program" ]; then
    new_case
    for file in moons_net.c moons_net.h moons.onnx; do
        echo "old" >before/$file
    done
    written="moons.mlp moons_net.c,moons_net.h"
    if [ -n "$has_onnx" ]; then
        written="$written moons.onnx"
    fi
    every_allocation "$program"
    every_call "$program"
    cp states/1/moons.mlp before
    written=
    every_allocation "$program"
    every_call "$program"
fi

# ------------------------------------------------------------------------------
# The program mlp

is_example=

# tool_case <argument>...: allocations and calls of mlp fail.
tool_case() {
    every_allocation "$build/mlp" "$@"
    every_call "$build/mlp" "$@"
}

# new_tool_case: the folder has a table, a network, and the old files that the
# case names as written.
new_tool_case() {
    new_case
    cp table.csv net.mlp before
    written=$*
    for file in $(echo "$written" | tr , ' '); do
        echo "old" >"before/$file"
    done
}

if [ -x "$build/mlp" ]; then
    {
        echo "a,b,colour,class"
        for i in 1 2 3 4 5 6 7 8 9; do
            echo "$i,0.$i,red,low"
            echo "-$i,1.$i,blue,high"
        done
    } >table.csv
    quietly "$build/mlp" train table.csv class --epochs 3 --layers 4 -o net.mlp

    new_tool_case new.mlp
    tool_case train table.csv class --epochs 3 --layers 4 -o new.mlp
    rm before/new.mlp # there is no old file
    tool_case train table.csv class --epochs 3 --layers 4 -o new.mlp \
        --ignore b --cv 2 --json
    new_tool_case new.mlp
    tool_case train table.csv class --epochs 3 --from net.mlp -o new.mlp
    new_tool_case
    tool_case info net.mlp
    tool_case info net.mlp --json
    tool_case test net.mlp table.csv
    tool_case predict net.mlp table.csv
    input=table.csv
    tool_case predict net.mlp - --json
    for files in new.c,new.h new.safetensors new.mlp new.onnx; do
        if [ $files != new.onnx ] || [ -n "$has_onnx" ]; then
            new_tool_case $files
            tool_case export net.mlp ${files%,*}
            rm before/new.*
            every_call "$build/mlp" export net.mlp ${files%,*}
        fi
    done
fi
echo "faults, programs: $allocations allocations and $calls system calls" \
    "failed, no crash, every file old or new"
[ "$calls" -gt 0 ] || skip "the kernel shows no system calls"
