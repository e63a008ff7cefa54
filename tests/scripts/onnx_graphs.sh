# SPDX-License-Identifier: MIT
#
# Random graphs of tests/fuzz/onnx_graphs.py compute the same numbers here as in
# NumPy and in ONNX Runtime, or are refused by a message that names a node. ONNX
# Runtime is looked for as in onnx_runtime.sh; without it NumPy is the only
# judge. The test makes some hundred graphs. For a longer run:
#     MLP_ONNX_GRAPHS=20000 sh tests/scripts/onnx_graphs.sh build

. "$(dirname "$0")/common.sh"
tool=$build/tests/onnx_tool
[ -x "$tool" ] || skip "mlp_onnx is not built"
modules=${MLP_NODE_MODULES:-$build/node_modules}
graphs=$source/tests/fuzz/onnx_graphs
left=${MLP_ONNX_GRAPHS:-400}

python=$(python_with "numpy, onnx")
[ -n "$python" ] || skip "there is no python3 with numpy and onnx"

# A thousand graphs at a time keep the folder small. Each part has its own seed.
# The folder has a name of its own, so that two runs do not meet.
folder=$scratch/graphs.$$
trap 'rm -rf "$folder"' EXIT
seed=1
bad=0
while [ "$left" -gt 0 ]; do
    part=$((left < 1000 ? left : 1000))
    rm -rf "$folder"
    mkdir "$folder"
    "$python" "$graphs.py" make "$folder" $part $seed
    "$tool" graphs "$folder"
    if [ -d "$modules/onnxruntime-node" ] && command -v node >/dev/null; then
        node "$graphs.js" "$modules" "$folder"
    fi
    echo "seed $seed"
    "$python" "$graphs.py" judge "$folder" || bad=1
    left=$((left - part))
    seed=$((seed + 1))
done
[ "$bad" = 0 ] || fail "some graphs are wrong"
