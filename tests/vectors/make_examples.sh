# SPDX-License-Identifier: MIT
#
# sh make_examples.sh <build folder>
# Makes example_*.txt: what those examples print that do not follow the
# tutorial. The numbers are the library's own. They are kept because every
# machine must print the same digits, and because a change that makes an example
# worse must not go unnoticed.

set -eu
vectors=$(cd "$(dirname "$0")" && pwd)
examples=$(cd "$1" && pwd)/examples

# keep <example> <pattern>: keeps the lines of its output that match.
keep() {
    printed=$("$examples/$1")
    echo "$printed" | grep -E "$2" >"$vectors/example_$1.txt"
}

keep adversarial '%$'
keep circles .
keep committee .
keep digits '^Fold|^Test'
keep lockstep '^Tick'
keep online '^Point'
keep own_loop '^Epoch|Accuracy'
keep policy .
keep regression '^Training|^Test'

# The first run trains and saves; the second one loads. The file of ONNX is
# written only where the library for it was built.
folder=$(mktemp -d)
cd "$folder"
for run in train load; do
    "$examples/save_and_load" | grep -v '^As ONNX' \
        >"$vectors/example_save_and_load_$run.txt"
done
rm -r "$folder"
