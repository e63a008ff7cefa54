# SPDX-License-Identifier: MIT
#
# Fashion-MNIST, as tests/bench/fashion.c describes it, reaches at least 89.8 %
# of the test images, and `mlp train` without options at least 89.9 %. If PyTorch
# is installed, it trains the network of fashion.c afterwards, and the ratio of
# the times on one thread is printed; no time makes the test fail. Debian's
# package dataset-fashion-mnist holds the data.

. "$(dirname "$0")/common.sh"
need gzip

from=${FASHION_MNIST:-/usr/share/datasets/fashion-mnist}
[ -f "$from/train-images-idx3-ubyte.gz" ] || skip "there is no Fashion-MNIST"
for part in train-images-idx3 train-labels-idx1 t10k-images-idx3 \
    t10k-labels-idx1; do
    gzip -dc "$from/$part-ubyte.gz" >"$scratch/$part-ubyte"
done

"$build/tests/bench/fashion" "$scratch" >"$scratch/ours" ||
    { cat "$scratch/ours"; fail "fewer images than 89.8 %"; }
tail -n 2 "$scratch/ours"

if [ -x "$build/mlp" ]; then
    "$build/mlp" train "$scratch/train-images-idx3-ubyte" \
        "$scratch/train-labels-idx1-ubyte" -o "$scratch/clothes.mlp" ||
        fail "mlp train"
    "$build/mlp" test --json "$scratch/clothes.mlp" \
        "$scratch/t10k-images-idx3-ubyte" "$scratch/t10k-labels-idx1-ubyte" |
        sed 's/.*"accuracy": \([0-9.]*\).*/\1/' >"$scratch/accuracy"
    echo "mlp train: $(cat "$scratch/accuracy")"
    awk '{ exit !($1 >= 0.899) }' "$scratch/accuracy" ||
        fail "mlp train reaches fewer images than 89.9 %"
fi

python=$(python_with "torch")
[ "$python" ] || { echo "not compared: there is no PyTorch"; exit 0; }

# These would choose OpenBLAS's kernels for another machine.
unset OPENBLAS_CORETYPE OPENBLAS_L2_SIZE
"$python" "$source/tests/bench/fashion.py" 20 "$from" >"$scratch/theirs"
tail -n 2 "$scratch/theirs"
cat "$scratch/ours" "$scratch/theirs" | awk '
    /^libmlp:/ { ours = $(NF - 1) }
    /^PyTorch:/ { theirs = $(NF - 1) }
    END {
        printf "libmlp takes %.2f of the time\n", ours / theirs
    }'
