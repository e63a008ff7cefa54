# SPDX-License-Identifier: MIT
#
# ONNX's checker accepts the files that mlp_onnx writes, and ONNX Runtime
# computes the same numbers from them. The test uses onnxruntime-node from
# $MLP_NODE_MODULES, or from the build folder, where `npm install
# --ignore-scripts onnxruntime-node` puts it.

. "$(dirname "$0")/common.sh"
tool=$build/tests/onnx_tool
[ -x "$tool" ] || skip "mlp_onnx is not built"

rm -rf "$scratch"
mkdir -p "$scratch"
"$tool" write "$scratch"

tried=0
python=$(python_with onnx)
if [ "$python" ]; then
    "$python" "$source/tests/scripts/onnx_check.py" "$scratch"/*.onnx
    tried=1
fi
[ "$tried" = 1 ] || echo "skipped: there is no python3 with onnx"

modules=${MLP_NODE_MODULES:-$build/node_modules}
if [ -d "$modules/onnxruntime-node" ] && command -v node >/dev/null; then
    node "$source/tests/scripts/onnx_run.js" "$modules" "$scratch"/*.onnx
    tried=1
else
    echo "skipped: there is no onnxruntime-node in $modules"
fi
[ "$tried" = 1 ] || skip "there is nobody to read them"
