# SPDX-License-Identifier: MIT
#
# The figures: every picture is made, holds the words that it should, and is
# small; and those that the README shows are up to date, that is, have the same
# words and numbers as pictures that are made now.

. "$(dirname "$0")/common.sh"
need gnuplot awk
figures=$build/examples/figures
[ -x "$figures" ] || skip "there is no program figures"

"$figures" "$scratch" || fail "figures"
[ "$(ls "$scratch"/*.svg | wc -l)" -eq 13 ] || fail "not thirteen pictures"
for picture in "$scratch"/*.svg; do
    size=$(wc -c <"$picture")
    echo "$(basename "$picture"): $size bytes"
    [ "$size" -gt 2000 ] && [ "$size" -lt 200000 ] || fail "the size"
    tail -n 2 "$picture" | grep -q '</svg>' || fail "it is cut"
done

# says <picture> <word>...: each word stands in the picture.
says() {
    picture=$scratch/$1.svg
    shift
    for word in "$@"; do
        grep -qF -e "$word" "$picture" || fail "no '$word' in $picture"
    done
}
says 01_network 'A Simple Neural Network' x3
says 02_neuron 'Anatomy of a Single Neuron' bias
says 03_activations 'Sigmoid' 'Tanh' 'ReLU'
says 04_forward 'W[1]: (4, 3)' 'b[2] (2) = 26'
says 05_loss 'Binary Cross-Entropy Loss' 'True label y=0'
says 06_chain_rule 'BACKWARD PASS (Gradients)' 'dL/dW[1]'
says 07_xor_loss 'XOR Learning Curve'
says 08_moons 'Training Data' 'Test Data'
says 09_decision_boundary '(Test Accuracy: 96.00%)'
says 10_learning_curves 'Training Loss (Last 500 Epochs)'
says 11_architectures '93.00%' '90.00%' '94.00%' '97.00%' '96.00%'
says 12_learning_rates 'lr=0.001' 'Test Accuracy vs Learning Rate'

# Words and numbers, one on a line. Whoever has another version of gnuplot gets
# other places for the same numbers.
parts() {
    tr -c 'A-Za-z0-9.+-' '\n' <"$1" | grep .
}
for old in $(grep -o 'examples/figures/[^)]*\.svg' "$source/README.md"); do
    old=$source/$old
    [ -e "$old" ] || fail "README.md shows $old: no such file"
    new=$scratch/$(basename "$old")
    version() { sed -n 's/.*<desc>Produced by \(.*\) *<.*/\1/p' "$1"; }
    if [ "$(version "$old")" != "$(version "$new")" ]; then
        echo "not compared: $(basename "$old") is by another gnuplot"
        continue
    fi
    parts "$old" >"$scratch/old"
    parts "$new" >"$scratch/new"
    paste "$scratch/old" "$scratch/new" | awk '
        $1 != $2 && ($1 + 0 == 0 && $2 + 0 == 0 || ($1 - $2) ^ 2 > 1) {
            print "expects " $1 ", got " $2
            bad++
        }
        END { exit bad > 0 }' || fail "$(basename "$old") is out of date"
done
