#!/bin/sh
# SPDX-License-Identifier: MIT
#
#     sh tests/bench/callgrind.sh <mlp_bench> [option of mlp_bench ...]
#
# Counts the instructions of an epoch of XOR (W1: forward, loss, backward and
# update for four rows) and of the prediction of one row (W6). Other work on the
# machine does not change these numbers, as it does change times. Each number is
# the difference between a longer run and a shorter one, so the program's start
# does not count. The processor that valgrind emulates has no AVX-512, so the
# fastest kernels here are those of avx2; --kernels chooses others.

set -eu

if [ $# -lt 1 ]; then
    echo "usage: callgrind.sh <mlp_bench> [option of mlp_bench ...]" >&2
    exit 2
fi
program=$1
shift
command -v valgrind >/dev/null || {
    echo "skipped: there is no valgrind"
    exit 77
}

# instructions <workload> <count> [<option> ...] prints the instructions of a
# run that does the workload's unit `count` times.
instructions() {
    workload=$1
    count=$2
    shift 2
    valgrind --tool=callgrind --callgrind-out-file=/dev/null \
        "$program" "$@" --count "$count" "$workload" 2>&1 |
        sed -n 's/.*Collected : //p'
}

# show <workload> <unit> <count> [<option> ...] prints the instructions of one
# unit, from a run of `count` units and one of twice as many.
show() {
    workload=$1
    unit=$2
    count=$3
    shift 3
    once=$(instructions "$workload" "$count" "$@")
    twice=$(instructions "$workload" $((2 * count)) "$@")
    if [ -z "$once" ] || [ -z "$twice" ]; then
        echo "$workload: mlp_bench or valgrind failed" >&2
        exit 1
    fi
    echo "$workload instructions 1 $(((twice - once) / count)) $unit"
}

show W1 per-step 1000 "$@"
show W6-2-16-8-1 per-row 10000 "$@"
show W6-64-128-64-10 per-row 1000 "$@"
show W6-784-512-512-10 per-row 20 "$@"
