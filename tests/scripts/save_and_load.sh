# SPDX-License-Identifier: MIT
#
# sh save_and_load.sh <folder to run in> <command that runs the example>...
# The first run in a folder trains and saves; the second one loads. The exported
# C program checks by itself that it predicts the same.

set -eu
scripts=$(cd "$(dirname "$0")" && pwd)
rm -rf "$1"
mkdir -p "$1"
cd "$1"
shift
for run in train load; do
    sh "$scripts/expect.sh" "$scripts/../vectors/example_save_and_load_$run.txt" \
        "$@"
done
if command -v cc >/dev/null; then
    cc -std=c99 -Wall -Wextra -pedantic -Werror -DMOONS_NET_SELF_TEST \
        moons_net.c -o moons_net -lm
    ./moons_net
else
    echo "not compiled: there is no cc"
fi
