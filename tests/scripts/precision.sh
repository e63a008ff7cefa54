# SPDX-License-Identifier: MIT
#
# XOR and moons in float32 reach the tutorial's accuracies, and every loss is
# within 1e-5 of the tutorial's.

. "$(dirname "$0")/common.sh"

for example in xor moons; do
    expected=$source/tests/vectors/tutorial_$example.txt
    "$build/examples/$example" --precision f32 >"$scratch/$example"
    awk '
        BEGIN { n = m = 0 }
        # Cuts the loss out: "Epoch 1000 | Loss: | Accuracy: 100.00%" stays.
        !/ Accuracy: / { next }
        { loss = 0 }
        match($0, /Loss: [^ ]*/) {
            loss = substr($0, RSTART + 6, RLENGTH - 6)
            sub(/Loss: [^ ]*/, "Loss:")
        }
        NR == FNR { line[m] = $0; want[m++] = loss; next }
        {
            d = want[n] > loss ? want[n] - loss : loss - want[n]
            far = d > far ? d : far
            # The difference of numbers with six decimals has six decimals, too.
            if ($0 != line[n] || !(d < 1.05e-5)) {
                print "expected " line[n] " " want[n]
                print "came     " $0 " " loss
                bad = 1
            }
            n++
        }
        END {
            printf "%d lines, losses at most %.6f apart\n", n, far
            exit bad || n != m || n == 0
        }' "$expected" "$scratch/$example" ||
        fail "$example in float32 is too far from the tutorial"
done
