# SPDX-License-Identifier: MIT
"""Checks ONNX files that the library has written.

    onnx_check.py <file.onnx> ...

ONNX's own checker must accept each file. Names, shapes, the operator set and
the names of classes must be those that mlp_onnx.h promises.
"""
import sys

import onnx

for path in sys.argv[1:]:
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    (entry,) = model.graph.input
    (result,) = model.graph.output
    assert [entry.name, result.name] == ["input", "output"], path
    assert entry.type.tensor_type.shape.dim[0].dim_param == "N", path
    assert [(o.domain, o.version) for o in model.opset_import] == [("", 13)]
    classes = {p.key: p.value for p in model.metadata_props}
    assert classes == {"mlp.class.0": "a", "mlp.class.1": 'b"',
                       "mlp.class.2": "\u20ac", "mlp.class.3": ""}, classes
print(f"onnx.checker {onnx.__version__}: {len(sys.argv) - 1} files")
