#!/bin/sh
# SPDX-License-Identifier: MIT
#
#     sh tests/bench/scaling.sh <mlp_bench> <picture.png> [<option> ...]
#
# Draws how the time of a training step grows with the parameters of a network
# and with the rows of a batch, on logarithmic axes. scaling.c lists the
# networks. The options go to mlp_bench, such as --threads 2. If <mlp_bench> is
# not a program but a file with its output, the script draws that.

set -eu

if [ $# -lt 2 ]; then
    echo "usage: scaling.sh <mlp_bench> <picture.png> [<option> ...]" >&2
    exit 2
fi
program=$1
picture=$2
shift 2
command -v gnuplot >/dev/null || {
    echo "skipped: there is no gnuplot"
    exit 77
}
folder=$(mktemp -d)
trap 'rm -r "$folder"' EXIT

if [ -x "$program" ]; then
    "$program" "$@" scaling >"$folder/all"
else
    cp "$program" "$folder/all"
fi

# curve <name> writes the size and the milliseconds of each result
# scaling-<name>-<size> into a file for gnuplot.
curve() {
    sed -n "s/^scaling-$1-\([0-9]*\) [^ ]* [^ ]* \([^ ]*\) .*/\1 \2/p" \
        "$folder/all" >"$folder/$1"
}
for name in parameters 2-16-8-1 64-128-64-10 784-512-512-10; do
    curve "$name"
done

# On logarithmic axes time that is proportional to the size is a straight line
# of slope 1.
gnuplot <<EOF
set terminal pngcairo size 1500, 750 font ",11"
set output "$picture"
set logscale xy
set grid xtics ytics mxtics mytics lt 1 lc rgb "#dddddd", lt 1 lc rgb "#f0f0f0"
set format x "10^{%L}"
set key top left
set multiplot layout 1, 2
set ylabel "ms a step"
set xlabel "parameters of W-W-W-10, 64 rows"
plot "$folder/parameters" with linespoints pt 7 ps 0.6 title "step"
set xlabel "rows of a batch"
plot for [name in "2-16-8-1 64-128-64-10 784-512-512-10"] \
    "$folder/".name with linespoints pt 7 ps 0.6 title name
EOF
