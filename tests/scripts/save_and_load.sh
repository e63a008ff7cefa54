# SPDX-License-Identifier: MIT
#
# sh save_and_load.sh <folder to run in> <the example>
# The first run in a folder trains and saves, the second one loads.

set -eu
scripts=$(cd "$(dirname "$0")" && pwd)
rm -rf "$1"
mkdir -p "$1"
cd "$1"
for run in train load; do
    sh "$scripts/expect.sh" "$scripts/../vectors/example_save_and_load_$run.txt" \
        "$2"
done
