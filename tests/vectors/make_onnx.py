# SPDX-License-Identifier: MIT
"""Writes ONNX files as other programs make them, for the tests of mlp_onnx.

    python3 make_onnx.py

onnx_<name>.txt holds rows of inputs, the outputs that the network computes for
them, and the bytes of the ONNX file in hexadecimal. onnx_refused.txt holds
files that mlp_onnx must refuse, each with the status and a part of the message
that it must give.

The files in this folder come from the exporter of Debian 12's PyTorch 1.13, and
from ONNX 1.12. With ONNX's helper the script builds graphs in the style of
tf2onnx (for Keras) and of skl2onnx (for scikit-learn).
"""
import io
import os

import numpy as np
import onnx
import torch
from onnx import AttributeProto, TensorProto, helper, numpy_helper
from torch import nn

FOLDER = os.path.dirname(os.path.abspath(__file__))
ROWS = 6
rng = np.random.RandomState(3)


def write(name, X, A, data, beside=None):
    """Writes onnx_<name>.txt; `beside` is a second file as (name, bytes)."""
    with open(os.path.join(FOLDER, f"onnx_{name}.txt"), "w") as to:
        for title, rows in (("X", X), ("A", A)):
            rows = np.asarray(rows, np.float64).reshape(len(rows), -1)
            print(title, *rows.shape, file=to)
            for row in rows:
                print(*(repr(float(x)) for x in row), file=to)
        files = [(f"{name}.onnx", data)] + ([beside] if beside else [])
        for title, content in files:
            print("file", title, len(content), file=to)
            for i in range(0, len(content), 40):
                print(content[i:i + 40].hex(), file=to)


# ------------------------------------------------------------------------------
# Networks that PyTorch exports

class Rows(nn.Module):
    """Flattens its input with view(). In the exported graph the new shape is
    computed from the input's or, without dynamic axes, is a constant."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(6, 2)

    def forward(self, x):
        return torch.relu(self.layer(x.view(x.size(0), -1)))


class Column(nn.Module):
    """Returns a vector with one number for each row instead of a column."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(4, 1)

    def forward(self, x):
        return self.layer(x).squeeze(-1)


def export(model, X, training=torch.onnx.TrainingMode.EVAL, opset=13,
           rows=True):
    to = io.BytesIO()
    axes = {0: "rows"} if rows else {}
    torch.onnx.export(model, X, to, opset_version=opset, training=training,
                      do_constant_folding=training ==
                      torch.onnx.TrainingMode.EVAL,
                      input_names=["x"], output_names=["y"],
                      dynamic_axes={"x": axes, "y": axes})
    return to.getvalue()


def torch_fixture(name, model, X, after=lambda a: a, **options):
    model.eval()
    with torch.no_grad():
        A = after(model.double()(X.double()))
    kind = options.pop("kind", torch.float32)
    data = export(model.to(kind), X.to(kind), **options)
    write("torch_" + name, X.to(kind).double().numpy(), A.numpy(), data)
    return data


def torch_fixtures():
    torch.manual_seed(4)
    X = torch.randn(ROWS, 4)
    torch_fixture("gates", nn.Sequential(
        nn.Linear(4, 5), nn.GELU(), nn.Linear(5, 5), nn.GELU("tanh"),
        nn.Linear(5, 5), nn.SiLU(), nn.Linear(5, 5, bias=False), nn.ELU(0.5),
        nn.Linear(5, 5), nn.LeakyReLU(0.2), nn.Linear(5, 5), nn.Softplus(),
        nn.Linear(5, 5), nn.Tanh(), nn.Linear(5, 2), nn.Sigmoid()), X, opset=14)
    torch_fixture("flatten", nn.Sequential(
        nn.Flatten(), nn.Linear(6, 5), nn.ReLU(), nn.Dropout(0.5),
        nn.Linear(5, 3), nn.LogSoftmax(dim=1)), torch.randn(ROWS, 2, 3),
        after=torch.exp)
    norm = nn.Sequential(
        nn.Linear(4, 5), nn.BatchNorm1d(5), nn.ReLU(),
        nn.Linear(5, 5, bias=False), nn.BatchNorm1d(5, eps=1e-3), nn.Tanh(),
        nn.Linear(5, 3), nn.Softmax(dim=-1))
    for layer in norm:
        if isinstance(layer, nn.BatchNorm1d):
            layer.weight.data.uniform_(0.5, 2)
            layer.bias.data.normal_()
            layer.running_mean.normal_()
            layer.running_var.uniform_(0.2, 3)
    torch_fixture("norm", norm, X, training=torch.onnx.TrainingMode.PRESERVE)
    torch_fixture("view", Rows(), torch.randn(ROWS, 2, 3), opset=14)
    torch_fixture("static", Rows(), torch.randn(ROWS, 2, 3), rows=False)
    torch_fixture("column", Column(), X)
    torch_fixture("double", nn.Sequential(
        nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 1)), X, kind=torch.float64)


# ------------------------------------------------------------------------------
# Graphs in the style of other exporters

def weights(*shape):
    return rng.randn(*shape).astype(np.float32)


def graph(nodes, tensors, inputs, outputs, opset=13, metadata=None):
    """Makes a model; `tensors` maps names to arrays, and the inputs and outputs
    are ValueInfoProtos."""
    model = helper.make_model(
        helper.make_graph(nodes, "net", inputs, outputs, [
            t if isinstance(t, TensorProto) else numpy_helper.from_array(t, n)
            for n, t in tensors.items()]),
        opset_imports=[helper.make_opsetid("", opset),
                       helper.make_opsetid("ai.onnx.ml", 1)], ir_version=7)
    if metadata:
        helper.set_model_props(model, metadata)
    return model


def rows_of(name, n, kind=TensorProto.FLOAT):
    return helper.make_tensor_value_info(name, kind, ["N", n])


def node(op, inputs, output, **attributes):
    outputs = output if isinstance(output, list) else [output]
    return helper.make_node(op, inputs, outputs, name="the " + outputs[0],
                            **attributes)


def relu(z):
    return np.maximum(z, 0)


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def softmax(z):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def erf(x):
    return torch.erf(torch.tensor(x)).numpy()


def keras_fixture():
    """Writes what tf2onnx makes of a Keras network: MatMul and Add instead of
    Gemm, transposed constants, and batch norm after the ReLU."""
    X = weights(ROWS, 3).astype(np.float64)
    W1, b1, W2, b2, W3 = (weights(3, 4), weights(4), weights(5, 4), weights(5),
                          weights(5, 3))
    scale, shift, mean = weights(4), weights(4), weights(4)
    variance = np.abs(weights(4)) + np.float32(0.1)
    model = graph([
        node("Cast", ["x"], "x0", to=TensorProto.FLOAT),
        node("MatMul", ["x0", "W1"], "z1"),
        node("Add", ["b1", "z1"], "z1b"),
        node("Relu", ["z1b"], "a1"),
        node("BatchNormalization", ["a1", "scale", "shift", "mean", "variance"],
             "n1", epsilon=0.001),
        node("Transpose", ["W2"], "W2t", perm=[1, 0]),
        node("MatMul", ["n1", "W2t"], "z2"),
        node("Add", ["z2", "b2"], "z2b"),
        node("Mul", ["z2b", "rsqrt2"], "u2"),
        node("Erf", ["u2"], "e2"),
        node("Add", ["one", "e2"], "g2"),
        node("Mul", ["half", "z2b"], "h2"),
        node("Mul", ["g2", "h2"], "a2"),
        node("MatMul", ["a2", "W3"], "z3"),
        node("Softmax", ["z3"], "a3", axis=-1),
        node("Dropout", ["a3", "", "no"], "d3"),
        node("Identity", ["d3"], "y"),
    ], {"W1": W1, "b1": b1, "W2": W2, "b2": b2, "W3": W3, "scale": scale,
        "shift": shift, "mean": mean, "variance": variance,
        "no": np.array(False),
        "one": np.array([1], np.float32), "half": np.array(0.5, np.float32),
        "rsqrt2": np.array(0.70710677, np.float32)},
        [rows_of("x", 3)], [rows_of("y", 3)], opset=15)
    a1 = relu(X @ W1 + b1)
    n1 = scale * (a1 - mean) / np.sqrt(variance + 0.001) + shift
    z2 = n1 @ W2.T.astype(np.float64) + b2
    A = softmax(z2 / 2 * (1 + erf(z2 / np.sqrt(2))) @ W3)
    write("keras", X, A, model.SerializeToString())


def sklearn_nodes(hidden, output):
    return [
        node("Cast", ["x"], "cast", to=TensorProto.FLOAT),
        node("MatMul", ["s", "coefficient"], "mul_result"),
        node("Add", ["mul_result", "intercepts"], "add_result"),
        node(hidden, ["add_result"], "next"),
        node("MatMul", ["next", "coefficient1"], "mul_result1"),
        node("Add", ["mul_result1", "intercepts1"], "add_result1"),
    ] + ([node(output, ["add_result1"], "p")] if output else [])


def sklearn_fixtures():
    X = weights(ROWS, 3).astype(np.float64)
    W1, b1, W2, b2 = weights(3, 5), weights(1, 5), weights(5, 1), weights(1, 1)
    tensors = {"coefficient": W1, "intercepts": b1, "coefficient1": W2,
               "intercepts1": b2}
    offset, scale = [0.5, -1, 2], [2, 0.25, 1]
    scaler = node("Scaler", ["cast"], "s", offset=offset, scale=scale,
                  domain="ai.onnx.ml")
    S = (X - offset) * scale

    # A classifier of two classes that have names.
    nodes = sklearn_nodes("Relu", "Sigmoid")
    nodes.insert(1, scaler)
    nodes += [
        node("Sub", ["unity", "p"], "negative"),
        node("Concat", ["negative", "p"], "probabilities", axis=1),
        node("ArgMax", ["probabilities"], "argmax", axis=1),
        node("ArrayFeatureExtractor", ["classes", "argmax"], "label",
             domain="ai.onnx.ml"),
        node("ZipMap", ["probabilities"], "output_probability",
             classlabels_strings=["no", "yes"], domain="ai.onnx.ml"),
    ]
    zipped = onnx.ValueInfoProto(name="output_probability")
    kind = zipped.type.sequence_type.elem_type.map_type
    kind.key_type = TensorProto.STRING
    kind.value_type.tensor_type.elem_type = TensorProto.FLOAT
    classes = helper.make_tensor("classes", TensorProto.STRING, [2],
                                 [b"no", b"yes"])
    model = graph(nodes, {**tensors, "unity": np.array([1], np.float32),
                          "classes": classes}, [rows_of("x", 3)],
                  [helper.make_tensor_value_info("label", TensorProto.STRING,
                                                 ["N"]), zipped])
    hidden = relu(S @ W1 + b1)
    write("sklearn_two", X, sigmoid(hidden @ W2 + b2),
          model.SerializeToString())

    # A regressor whose targets are scaled.
    nodes = sklearn_nodes("Tanh", None)
    nodes.insert(1, node("Sub", ["cast", "m"], "centred"))
    nodes.insert(2, node("Div", ["centred", "d"], "s"))
    nodes += [node("Reshape", ["add_result1", "shape"], "variable"),
              node("Mul", ["variable", "std"], "times"),
              node("Add", ["times", "level"], "y")]
    m, d = weights(3), np.abs(weights(3))
    model = graph(nodes, {**tensors, "m": m, "d": d,
                          "shape": np.array([-1, 1], np.int64),
                          "std": np.array([3.5], np.float32),
                          "level": np.array([-20], np.float32)},
                  [rows_of("x", 3)], [rows_of("y", 1)],
                  metadata={"author": "me", "mlp.unknown": "x"})
    write("sklearn_regressor", X,
          (np.tanh((X - m) / d @ W1 + b1) @ W2 + b2) * 3.5 - 20,
          model.SerializeToString())


def gemm_fixture():
    """Writes a network that uses every attribute of Gemm, tensors as lists of
    numbers instead of bytes, and a Constant node; and the same network with its
    tensors in a second file."""
    X = weights(ROWS, 3).astype(np.float64)
    W1, c1, W2, c2 = weights(3, 4), weights(4), weights(2, 4), weights(1)
    nodes = [
        node("Constant", [], "c2", value_float=float(c2[0])),
        node("Gemm", ["x", "W1", "c1"], "z1", alpha=0.5, beta=2.0),
        node("Sub", ["one", "z1"], "u1"),
        node("Sigmoid", ["u1"], "a1"),
        node("Div", ["a1", "two"], "v1"),
        node("Gemm", ["v1", "W2", "c2"], "y", transB=1),
    ]
    listed = helper.make_tensor("c1", TensorProto.FLOAT, [4], c1)
    tensors = {"W1": W1, "c1": listed, "W2": W2,
               "one": np.array(1, np.float32),
               "two": np.array([[2, 4, 0.5, 1]], np.float32)}
    model = graph(nodes, tensors, [rows_of("x", 3)], [rows_of("y", 2)])
    a1 = sigmoid(1 - (0.5 * X @ W1 + 2 * c1)) / [2, 4, 0.5, 1]
    A = a1 @ W2.T + c2
    write("gemm", X, A, model.SerializeToString())

    onnx.external_data_helper.convert_model_to_external_data(
        model, location="beside.data", size_threshold=0)
    data = b""
    for t in model.graph.initializer:
        if t.external_data:
            onnx.external_data_helper.set_external_data(
                t, "beside.data", len(data), len(t.raw_data))
            data += t.raw_data
            t.ClearField("raw_data")
    write("beside", X, A, model.SerializeToString(), ("beside.data", data))


def chain(*nodes, shape=(3, 3), outputs=None, opset=13, **tensors):
    """Makes the graph x (N, 3) -> Gemm with W -> z -> the nodes -> y."""
    tensors.setdefault("W", weights(*shape))
    nodes = [node("Gemm", ["x", "W"], "z")] + list(nodes)
    return graph(nodes, tensors, [rows_of("x", 3)],
                 outputs or [rows_of("y", shape[1])], opset)


def changed(model, change):
    change(model)
    return model


def beside(location):
    def change(model):
        for t in model.graph.initializer:
            onnx.external_data_helper.set_external_data(t, location)
            t.ClearField("raw_data")
    return changed(chain(node("Relu", ["z"], "y")), change)


def set_dims(*dims):
    def change(model):
        del model.graph.initializer[0].dims[:]
        model.graph.initializer[0].dims.extend(dims)
    return changed(chain(node("Relu", ["z"], "y")), change)


def damaged(name, kind):
    """A tensor of one number that says it has two."""
    return TensorProto(name=name, data_type=kind, dims=[2], raw_data=bytes(4))


def nested(depth):
    inner = helper.make_graph([], "g", [], [])
    for _ in range(depth):
        inner = helper.make_graph(
            [helper.make_node("If", [], [], then_branch=inner)], "g", [], [])
    return helper.make_model(inner)


def first(*nodes, value="u", dims=("N", 3), opset=13, **tensors):
    """Makes the graph x -> the nodes -> MatMul with W -> y."""
    tensors.setdefault("W", weights(3, 3))
    return graph(list(nodes) + [node("MatMul", [value, "W"], "y")], tensors,
                 [helper.make_tensor_value_info("x", 1, dims)],
                 [rows_of("y", 3)], opset)


def ints(*numbers):
    return np.array(numbers, np.int64)


def attribute(node, name, kind=None, **parts):
    """Adds an attribute that helper would not make; kind None states no type,
    and name None no name."""
    a = node.attribute.add(**parts)
    if name is not None:
        a.name = name
    if kind is not None:
        a.type = kind
    return node


def refused_reshapes():
    """Shapes that a Reshape must not take, or whose parts are not known."""
    y = [rows_of("y", 3)]
    wide = 2 ** 40
    rows = "Reshape (node the y): expects rows as they were"
    at_first = "Reshape (node the u): expects rows as they were"
    constant = "Reshape (node the y): expects a constant shape"

    def to(*shape, **more):
        return chain(node("Reshape", ["z", "c"], "y"), c=ints(*shape), **more)

    def first_to(*shape, dims):
        return first(node("Reshape", ["x", "c"], "u"), c=ints(*shape),
                     dims=dims)

    def part(*nodes, opset=13, **tensors):
        """Reshapes z to a shape of two parts, a and what the nodes make."""
        tensors.setdefault("a", ints(-1))
        return chain(*nodes, node("Concat", ["a", "p"], "c", axis=0),
                     node("Reshape", ["z", "c"], "y"), opset=opset, **tensors)

    count = [node("Shape", ["z"], "s"), node("Gather", ["s", "o"], "n"),
             node("Unsqueeze", ["n", "o1"], "p")]
    zeros = {"o": np.array(0), "o1": ints(0)}

    def cut(inputs, of="z", opset=13, shape_from={}, **tensors):
        return part(node("Shape", [of], "s", **shape_from),
                    node("Slice", ["s"] + inputs, "p"), opset=opset,
                    **{"o": ints(1), "e": ints(2), **tensors})

    return [
        (9, rows, chain(node("Reshape", ["z", "c"], "y", allowzero=1),
                        opset=14, c=ints(0, 3))),
        (9, at_first, first_to(0, 0, dims=("N", "d"))),
        (9, at_first, first_to(0, -1, dims=("N", wide))),
        (9, rows, to(0, -1, -1)),
        (9, rows, to(-1, wide)),
        (9, rows, to(-1, 2 ** 20, 2 ** 20, 2)),
        (9, rows, to(1, 1, shape=(3, 1), outputs=y)),
        (9, at_first, first_to(1, 3, dims=(3, 3))),  # 3 columns, not 3 rows
        (9, at_first, first_to(3, 1, dims=(3, 3))),
        (9, at_first, first_to(4, -1, dims=(3, 3))),
        (9, constant, to(*[1] * 8, -1)),
        (9, constant, chain(node("Reshape", ["z", "c"], "y"),
                            c=np.array([-1, 3], np.float32))),
        (9, constant, chain(*count, node("Relu", ["z"], "h"),  # z counted
                            node("Concat", ["p", "a"], "c", axis=0),
                            node("Reshape", ["h", "c"], "y"), a=ints(-1),
                            **zeros)),
        (9, constant, part(*count, a=ints(*[1] * 8), **zeros)),
        (9, constant, part(node("Relu", ["z"], "p"))),
        (9, constant, part(node("Relu", ["z"], "s"),
                           node("Slice", ["s", "o", "e"], "p"), o=ints(0),
                           e=ints(1))),
        (9, constant, cut(["o", "e"], opset=15, shape_from={"start": 0})),
        (9, constant, cut(["o", "e"], of="x")),
        (9, constant, cut(["z", "e"])),
        (9, constant, cut(["o", "z"])),
        (9, constant, cut(["t", "e"], t=ints(0, 0))),
        (9, constant, cut(["o", "t"], t=ints(2, 2))),
        (9, constant, cut(["o", "e", "o1", "k"], o1=ints(0), k=ints(1))),
        (9, constant, cut(["o", "e"], a=ints(*[1] * 8))),
        (9, constant, part(*count, o=np.array(0, np.float32), o1=ints(0))),
        (9, constant, part(*count, o=ints(0, 0), o1=ints(0))),
        (9, constant, chain(node("Concat", ["a", "x"], "c", axis=0),
                            node("Reshape", ["z", "c"], "y"), a=ints(-1))),
        (9, at_first, first_to(2, 2, -1, dims=("N", 4))),  # the rows are last
    ]


def refused_views():
    """Flatten, Squeeze, Unsqueeze, Transpose, Gather and Slice that do not keep
    each row, or whose axes are not known."""
    f32 = np.float32
    wide = 2 ** 40
    column = {"shape": (3, 1), "outputs": [rows_of("y", 1)]}

    def gather(index, axis=1):
        more = {} if isinstance(index, str) else {"c": index}
        name = index if isinstance(index, str) else "c"
        return (9, "Gather (node the y): expects a single column", chain(
            node("Gather", ["z", name], "y", axis=axis), **more, **column))

    def cut(*inputs, **tensors):
        tensors = {"o": ints(0), "e": ints(3), "a": ints(1), "k": ints(1),
                   "two": ints(1, 1), **tensors}
        used = {n: t for n, t in tensors.items() if n in inputs}
        return (9, "Slice (node the y): expects all columns", chain(
            node("Slice", ["z", *inputs], "y"), **used))

    return [
        (9, "Flatten (node the y): expects rows as they were", chain(
            node("Flatten", ["z"], "y", axis=2))),
        (9, "Flatten (node the u): expects rows as they were", first(
            node("Flatten", ["x"], "u"), dims=("N", wide))),
        (9, "Flatten (node the u): expects rows as they were", first(
            node("Flatten", ["x"], "u"), dims=("N", 2 ** 20, 2 ** 20, 3))),
        (3, "node the y: expects a width of 3, got 2147483648", graph(
            [node("MatMul", ["x", "W"], "y")], {"W": weights(3, 3)},
            [rows_of("x", 2 ** 31)], [rows_of("y", 3)])),
        (9, "Squeeze (node the y): expects constant axes", chain(
            node("Squeeze", ["z", "c"], "y"), c=np.array([1], f32), **column)),
        (9, "Unsqueeze (node the y): expects constant axes", chain(
            node("Unsqueeze", ["z", "c"], "y"), c=ints(*range(2, 9)))),
        (9, "Transpose (node the y): expects rows as they were", chain(
            node("Transpose", ["z"], "y", perm=[0, 2]))),
        (9, "Transpose (node the u): expects rows as they were", first(
            # The rows stay, and the numbers in them are mixed.
            node("Transpose", ["x"], "u", perm=[0, 2, 1]),
            node("Flatten", ["u"], "v"), value="v", dims=("N", 3, 2),
            W=weights(6, 3))),
        gather("z"), gather(np.array([0], f32)), gather(ints(0, 0)),
        gather(np.array(1)), gather(np.array([[0]])), gather(ints(0), axis=5),
        gather(ints(0), axis=-5),
        cut("z", "e", "a"), cut("o", "z", "a"), cut("o", "e", "z"),
        cut("o", "e", "a", "z"), cut("o", "two", "a"), cut("o", "e", "two"),
        cut("o", "e", "a", "two"), cut("o", "e", "a", "k", k=ints(2)),
        cut("o", "e", "a", a=ints(5)), cut("o", "e", "a", o=ints(1)),
        (9, "Squeeze (node the y): expects rows as they were", chain(
            node("Squeeze", ["z"], "y", axes=[0]), opset=11)),
        (9, "Unsqueeze (node the y): expects rows as they were", chain(
            node("Unsqueeze", ["z"], "y", axes=[9]), opset=11)),
        (9, "Slice (node the y): expects all columns", chain(
            node("Slice", ["z"], "y", starts=[1], ends=[3], axes=[1]),
            opset=9)),
        (9, "Slice (node the y): expects all columns", chain(
            node("Slice", ["z"], "y", starts=[0], ends=[2], axes=[1]),
            opset=9)),
        (9, "up to 8 dimensions, got 9", first(
            node("Flatten", ["x"], "u"), dims=("N", 3) + (1,) * 7)),
        (9, "up to 8 dimensions, got 0", first(
            node("Relu", ["x"], "u"), dims=())),
        (9, "Softmax (node the y): expects the axis", chain(
            node("Softmax", ["z"], "y", axis=-9))),
        (9, "Softmax (node the y): expects the axis", chain(
            node("Softmax", ["z"], "y", axis=9))),
        (9, "Softmax (node the y): expects the axis", chain(  # over all
            node("Softmax", ["z"], "y", axis=0), opset=11)),
        (9, "Softmax (node the y): expects the axis", chain(
            node("Squeeze", ["z"], "u"), node("Softmax", ["u"], "y"), opset=11,
            **column)),
        (2, "layer 1: cce expects an output for each class", chain(
            node("Flatten", ["z"], "u", axis=0),
            node("Softmax", ["u"], "y", axis=0), **column)),
        (9, "Gemm (node the z): expects x and W of two", graph(
            [node("Sub", ["x", "m"], "u"), node("Gemm", ["u", "W"], "z")],
            {"m": weights(1, 1, 3), "W": weights(3, 3)}, [rows_of("x", 3)],
            [rows_of("z", 3)])),
    ]


def refused_values():
    """Values that are no constants, no numbers, or not the ones that a node
    needs."""
    f32 = np.float32
    y = [rows_of("y", 3)]
    one = np.array(1, f32)
    bad = damaged("bad", TensorProto.FLOAT)
    integers = AttributeProto.INTS

    def drop(mode, *nodes, ratio="", **tensors):
        """A Dropout whose mode is not known to be false."""
        return (9, "operator Dropout", chain(
            *nodes, node("Dropout", ["z", ratio, mode], "y"), **tensors))

    def constant(made, told="operator Constant (node the c)"):
        """Adds a constant that cannot be read to z."""
        made.name = "the c"
        made.output.append("c")
        return (9, told, chain(made, node("Add", ["z", "c"], "y")))

    def made(name, kind=None, **parts):
        return attribute(helper.make_node("Constant", [], []), name, kind,
                         **parts)

    nameless = TensorProto(data_type=TensorProto.FLOAT, dims=[2],
                           raw_data=bytes(4))
    pieces = TensorProto(name="W", data_type=TensorProto.FLOAT, dims=[3, 3],
                         raw_data=bytes(36))
    pieces.segment.end = 9
    copies = [node("Identity", ["no" if i == 0 else f"no{i}"], f"no{i + 1}")
              for i in range(17)]
    casts = [node("Cast", [f"W{i}"], f"W{i + 1}", to=TensorProto.FLOAT)
             for i in range(5)]
    return [
        drop("t", t=np.array(True)),
        drop("t", t=np.array([False, False])),
        drop("t", t=helper.make_tensor("t", TensorProto.BOOL, [], [True])),
        drop("t", t=helper.make_tensor("t", TensorProto.BOOL, [2],
                                       [False, False])),
        drop("t", ratio="r", t=np.array(True), r=np.array(0.5, f32)),
        drop("t", ratio="z", t=np.array(True)),
        drop("t", node("Constant", [], "t", value_int=0)),
        drop("t", node("Not", ["f"], "t"), f=np.array(True)),
        drop("no17", *copies, no=np.array(False)),
        constant(helper.make_node("Constant", [], [])),
        constant(made(None, AttributeProto.FLOAT, f=1.0)),
        constant(made("value", AttributeProto.TENSOR)),
        constant(made("value_floats", AttributeProto.FLOATS)),
        constant(made("value_ints", integers)),
        (11, "tensor without a name: expects as many numbers", chain(
            node("Constant", [], "c", value=nameless),
            node("Add", ["z", "c"], "y"))),
        (9, "tensor W: expects at most eight dimensions, in one piece", chain(
            node("Relu", ["z"], "y"), W=pieces)),
        (9, "expects constants as the second input", graph(
            [node("Transpose", ["V"], "W", perm=[0, 1]),
             node("MatMul", ["x", "W"], "y")], {"V": weights(3, 3)},
            [rows_of("x", 3)], y)),
        (9, "expects constants as the second input", graph(
            [node("Cast", ["V"], "W", to=TensorProto.INT64),
             node("MatMul", ["x", "W"], "y")], {"V": weights(3, 3)},
            [rows_of("x", 3)], y)),
        (9, "expects constants as the second input", graph(  # rounded too often
            casts + [node("MatMul", ["x", "W5"], "y")], {"W0": weights(3, 3)},
            [rows_of("x", 3)], y)),
        (9, "operator Max (node the y)", chain(
            node("Max", ["z", "c"], "y"), c=np.ones((1, 1, 1), f32))),
        (9, "operator Max (node the y)", chain(
            node("Max", ["z", "c", "c"], "y"), c=one)),
        (9, "operator Clip (node the y)", chain(
            node("Clip", ["z", "c", "z"], "y"), c=one)),
        (9, "value z: expects a constant", chain(
            node("BatchNormalization", ["z", "c", "z", "c", "c"], "y"),
            c=np.ones(3, f32))),
        (9, "BatchNormalization (node the y): expects rows, (N, n)", chain(
            node("BatchNormalization", ["z", "c", "c", "c", "c"], "y"),
            c=np.ones((1, 3), f32))),
        (3, "node the y: expects a width of 3, got 4", first(
            node("BatchNormalization", ["x", "c", "c", "c", "c"], "u"),
            dims=("N", "d"), c=np.ones(4, f32))),
        (9, "BatchNormalization (node the y): expects rows, (N, n)", chain(
            node("Add", ["z", "m"], "u"),
            node("BatchNormalization", ["u", "c", "c", "c", "c"], "y"),
            c=np.ones(3, f32), m=np.ones((1, 1, 3), f32))),
        (11, "tensor bad: expects as many numbers", chain(
            node("Sum", ["z", "bad"], "y"), bad=bad)),
        (11, "tensor bad: expects as many numbers", chain(  # of an output
            node("Dropout", ["z", "bad", "t"], "y"), bad=bad,
            t=np.array(True))),
        (9, "operator Sum (node the y)", chain(
            node("Sum", ["c", "c"], "y"), c=one)),
        (9, "operator Scaler (node the y): expects offset", chain(
            attribute(node("Scaler", ["z"], "y", scale=[1.0],
                           domain="ai.onnx.ml"), "offset",
                      AttributeProto.FLOATS))),
        (9, "operator Scaler (node the y): expects offset", chain(
            attribute(node("Scaler", ["z"], "y", offset=[1.0],
                           domain="ai.onnx.ml"), "scale",
                      AttributeProto.FLOATS))),
        (9, "operator Scaler (node the y)", chain(  # in ONNX's own domain
            node("Scaler", ["z"], "y", scale=[1.0], offset=[1.0]))),
        (9, "Gemm (node the y): expects C of one row", chain(
            node("Gemm", ["z", "W", "C"], "y"), C=ints(1, 2, 3))),
    ]


def refused_products():
    """Products that look like activations and are none."""
    f32 = np.float32
    one = np.array(1, f32)
    k = np.array(0.7978846, f32)

    def product(*nodes, **tensors):
        """The last node is the product."""
        used = {i for n in nodes for i in n.input}
        shared = {"one": one, "two": np.array(2, f32), "k": k,
                  "cubic": np.array(0.044715, f32),
                  "root": np.array(0.70710677, f32)}
        return (9, "operator Mul (node the y)", chain(
            *nodes, **{n: t for n, t in shared.items() if n in used},
            **tensors))

    def gate(argument, op="Erf", plus="one", **tensors):
        """z (1 + op(w)), where the nodes of the argument make w of z."""
        return product(*argument, node(op, ["w"], "a"),
                       node("Add", [plus, "a"], "b"),
                       node("Mul", ["b", "z"], "y"), **tensors)

    cube = [node("Mul", ["z", "z"], "s"), node("Mul", ["s", "z"], "t")]
    fourth = cube + [node("Mul", ["t", "z"], "w")]
    eighths = [node("Mul", ["z" if i == 0 else f"u{i}", "two"], f"u{i + 1}")
               for i in range(16)]
    return [
        product(node("MatMul", ["z", "W"], "q"), node("Sigmoid", ["q"], "a"),
                node("Mul", ["z", "a"], "y")),  # a gate of another value
        product(node("Identity", ["z"], "q"), node("Tanh", ["q"], "a"),
                node("Mul", ["z", "a"], "y")),
        product(*eighths, node("Sigmoid", ["u16"], "a"),
                node("Mul", ["a", "u16"], "b"), node("Mul", ["b", "b"], "y")),
        product(node("Div", ["one", "z"], "a"), node("Mul", ["a", "z"], "y")),
        product(node("Div", ["z", "z"], "a"), node("Mul", ["a", "z"], "y")),
        gate(fourth), gate([node("Mul", ["z", "z"], "w")]),
        gate([node("Mul", ["z", "root"], "w")], plus="two"),
        gate([node("Mul", ["z", "root"], "w")], plus="near",
             near=np.array(1.00001, f32)),
        gate([node("Mul", ["z", "root"], "w")], op="Sin"),
        gate(fourth, "Tanh"), gate(cube + [node("Mul", ["t", "k"], "w")],
                                   "Tanh"),
        gate([node("Identity", ["k"], "w")], "Tanh"),
        gate([node("Relu", ["z"], "p"), node("Exp", ["z"], "q"),
              node("Mul", ["p", "q"], "r"), node("Mul", ["r", "k"], "w")],
             "Tanh"),
        gate([node("Mul", ["z", "z"], "s"), node("Mul", ["s", "cubic"], "t"),
              node("Sub", ["z", "t"], "u"), node("Mul", ["u", "k"], "w")],
             "Tanh"),
        gate([node("Mul", ["z", "z"], "s"), node("Mul", ["s", "cubic"], "t"),
              node("Add", ["z", "t"], "u"), node("Mul", ["u", "k"], "w")],
             "Tanh"),  # z^2 instead of z^3
        (9, "operator Mul (node the u): expects layers before it", first(
            node("Sigmoid", ["x"], "a"), node("Mul", ["a", "x"], "u"))),
        (9, "operator LeakyRelu (node the y): expects one slope", chain(
            node("LeakyRelu", ["z"], "y", alpha=float("inf")))),
        (9, "operator Celu (node the y): expects one slope", chain(
            node("Celu", ["z"], "y", alpha=float("inf")))),
        (9, "operator Gelu (node the y): expects the approximation none or",
         chain(node("Gelu", ["z"], "y", approximate="sigmoid"), opset=20)),
        (9, "operator Clip (node the y): follows too many of its kind", chain(
            *[node("Add", ["z" if i == 0 else f"u{i}", "one"], f"u{i + 1}")
              for i in range(16)],
            node("Clip", ["u16", "", "one"], "y"), one=one)),
    ]


def refused_maps():
    """Maps that no part of a network computes, or whose numbers overflow."""
    f32 = np.float32
    y = [rows_of("y", 3)]
    norm = {"s": np.ones(3, f32), "b": np.zeros(3, f32),
            "m": np.zeros(3, f32), "v": np.ones(3, f32),
            "bad": np.array([1, -1, 1], f32),
            "large": np.array([1, np.inf, 1], f32)}
    variances = "BatchNormalization (node the n): expects variances"
    finite = "layer 1: expects weights that stay finite"
    scaling = "(node the y): is no scaling of outputs"

    def normed(*before, value, after=(), output="n", variance="bad"):
        used = {n: norm[n] for n in ("s", "b", "m", variance)}
        nodes = [*before, node("BatchNormalization",
                               [value, "s", "b", "m", variance], "n"), *after]
        return (9, variances, graph(
            nodes, {"W": weights(3, 3), **used}, [rows_of("x", 3)],
            [rows_of(output, 3)]))

    dense = node("MatMul", ["x", "W"], "z")
    relu_of = node("Relu", ["z"], "h")
    last = node("MatMul", ["n", "W"], "y")

    def scaled(op, number, kind):
        """Behind an activation of a network of this precision."""
        return (9, scaling, graph(
            [dense, relu_of, node(op, ["h", "c"], "y")],
            {"W": weights(3, 3).astype(kind), "c": np.array(number, kind)},
            [rows_of("x", 3)], y))

    both = [scaled(op, number, kind) for kind in (np.float32, np.float64)
            for op, number in (("Mul", 0), ("Mul", np.inf), ("Add", np.inf),
                               ("Mul", np.nan))]
    return [
        normed(value="x", after=[last], output="y"),
        normed(dense, relu_of, value="h"),
        normed(dense, relu_of, value="h", after=[last], output="y"),
        normed(dense, value="z", variance="large"),
        *both,
        (9, scaling, chain(  # a deviation that is 0 as a float
            node("Relu", ["z"], "h"), node("Mul", ["h", "c"], "y"),
            c=np.array(1e-60))),
        (5, finite, chain(
            node("BatchNormalization", ["z", "s", "b", "c", "v"], "y"),
            s=norm["s"], b=norm["b"], c=np.array([1e300, 0, 0]), v=norm["v"])),
        (5, finite, chain(
            node("BatchNormalization", ["z", "c", "b", "m", "v"], "y"),
            c=np.array([1e300, 1, 1]), b=norm["b"], m=norm["m"], v=norm["v"])),
        (5, finite, chain(
            node("BatchNormalization", ["z", "s", "b", "m", "c"], "y"),
            s=norm["s"], b=norm["b"], m=norm["m"], c=np.array([1, 1, 1e300]))),
    ]


def refused_graphs():
    """Graphs with parts that lack a name or a number, and several outputs."""
    f32 = np.float32
    y = [rows_of("y", 3)]
    one = np.array(1, f32)
    label = helper.make_tensor_value_info("best", TensorProto.INT64, ["N"])
    nameless = onnx.ValueInfoProto()
    nameless.type.tensor_type.elem_type = TensorProto.FLOAT
    pair = "operator Concat (node the y)"

    def of_pair(*nodes, inputs=("q", "p"), axis=1, **tensors):
        return (9, pair, chain(
            node("Sigmoid", ["z"], "p"), *nodes,
            node("Concat", list(inputs), "y", axis=axis), shape=(3, 1),
            outputs=[rows_of("y", 2)], **tensors))

    less = node("Sub", ["one", "p"], "q")

    def function(domain):
        return changed(chain(node("Relu", ["z"], "y")),
                       lambda model: model.functions.append(
                           helper.make_function(
                               domain, "Relu", ["a"], ["b"],
                               [helper.make_node("Neg", ["a"], ["b"])],
                               [helper.make_opsetid("", 13)])))

    return [
        (11, "node without a name: its input q is not there", chain(
            node("Relu", ["z"], "y"), helper.make_node("Relu", ["q"], []))),
        (11, "with an input", graph(
            [node("Relu", ["c"], "y")], {"c": one}, [nameless], y)),
        (9, "expects an output of numbers, got none", chain(
            node("Relu", ["z"], "y"), outputs=[nameless])),
        (9, "in mlp_onnx_options, got: y, z", chain(
            node("Relu", ["z"], "y"), node("ArgMax", ["z"], "best", axis=1),
            outputs=[nameless, label] + y + [rows_of("z", 3)])),
        (9, "in mlp_onnx_options, got: y, p", chain(  # of another value
            node("Relu", ["z"], "y"), node("MatMul", ["y", "W"], "q"),
            node("Softmax", ["q"], "p"), outputs=y + [rows_of("p", 3)])),
        of_pair(less, inputs=("q", "p", "p"), one=one),
        of_pair(less, axis=0, one=one), of_pair(inputs=("one", "p"), one=one),
        of_pair(node("Neg", ["p"], "q")),
        of_pair(node("Sub", ["one", "p"], "r"), node("Mul", ["r", "one"], "q"),
                one=one),
        of_pair(node("Sub", ["p", "p"], "q")),
        of_pair(less, inputs=("q", "z"), one=one),
        of_pair(node("Sub", ["one"], "q"), one=one),
        (9, "in mlp_onnx_options, got: m, y", chain(  # m is the input
            node("Relu", ["z"], "y"), node("ZipMap", ["x"], "m",
                                           domain="ai.onnx.ml"),
            outputs=[rows_of("m", 3)] + y)),
        (9, "functions in their domain", function("ai.onnx")),
    ] + [
        (11, f"node the y: its {name} is of another type", chain(
            node("Relu", ["z"], "y", **{name: value})))
        for value, names in (
            (1, "alpha beta epsilon gamma max min ratio"),
            (1.0, "allowzero approximate axes axis ends perm start starts to "
             "training_mode transA transB"))
        for name in names.split()
    ]


def refused_fixtures():
    f32 = np.float32
    y = [rows_of("y", 3)]
    norm = {n: np.full(3, x, f32) for n, x in
            (("s", 1), ("b", 0), ("m", 0), ("v", 1), ("bad", -1))}
    one = np.array(1, f32)
    cases = [
        (9, "unsupported operator Conv (node conv1)", chain(
            helper.make_node("Conv", ["z", "W"], ["y"], name="conv1"))),
        (9, "unsupported operator Relu (node y)", chain(
            helper.make_node("Relu", ["z"], ["y"], domain="my.own"))),
        (9, "unsupported operator Clip", chain(node("Clip", ["z"], "y"))),
        (9, "expects one input, got x and x2", graph(
            [node("Add", ["x", "x2"], "y")], {},
            [rows_of("x", 3), rows_of("x2", 3)], y)),
        (11, "with an input", graph([node("Relu", ["c"], "y")], {"c": one}, [],
                                    y)),
        (11, "with a graph", graph([], {}, [rows_of("x", 3)], y)),
        (9, "opset 7 or later, got 6", chain(node("Relu", ["z"], "y"),
                                             opset=6)),
        (11, "its input nothing is not there", chain(
            node("Add", ["z", "nothing"], "y"))),
        (11, "depends on its own output", chain(
            node("Add", ["z", "y"], "u"), node("Relu", ["u"], "y"))),
        (11, "depends on its own output", chain(node("Add", ["y", "z"], "y"))),
        (11, "value z: is made twice", chain(node("Relu", ["x"], "z"),
                                             node("Relu", ["z"], "y"))),
        (9, "expects transA = 0", graph(
            [node("Gemm", ["x", "W"], "y", transA=1)], {"W": weights(3, 3)},
            [rows_of("x", 3)], y)),
        (9, "constants as the second input", graph(
            [node("MatMul", ["W", "x"], "y")], {"W": weights(3, 3)},
            [rows_of("x", 3)], y)),
        (9, "Gemm (node the y): expects C of one row", graph(
            [node("Gemm", ["x", "W", "C"], "y")],
            {"W": weights(3, 3), "C": weights(1, 1, 3)}, [rows_of("x", 3)], y)),
        (9, "expects layers between output and input", graph(
            [node("Flatten", ["x"], "y")], {}, [rows_of("x", 3)], y)),
        (9, "constants as the second input", graph(  # another transpose
            [node("Transpose", ["V"], "W", perm=[0, 2, 1]),
             node("MatMul", ["x", "W"], "y")], {"V": weights(1, 3, 3)},
            [rows_of("x", 3)], y)),
        (9, "constants as the second input", graph(  # too far away
            [node("Identity", [f"W{i}"], f"W{i + 1}") for i in range(16)] +
            [node("MatMul", ["x", "W16"], "y")], {"W0": weights(3, 3)},
            [rows_of("x", 3)], y)),
        (9, "operator Mul", chain(  # z^4
            node("Mul", ["z", "z"], "u"), node("Mul", ["u", "u"], "y"))),
        (9, "operator Mul", chain(  # a long product
            *[node("Mul", ["z" if i == 0 else f"u{i}"] * 2,
                   "y" if i == 6 else f"u{i + 1}") for i in range(7)])),
        (9, "operator Mul", chain(  # z (1 + tanh(z (1 + 2 z^2)))
            node("Mul", ["z", "z"], "s"), node("Mul", ["s", "two"], "t"),
            node("Add", ["one", "t"], "u"), node("Mul", ["u", "z"], "v"),
            node("Mul", ["v", "k"], "w"), node("Tanh", ["w"], "a"),
            node("Add", ["a", "one"], "b"), node("Mul", ["b", "z"], "y"),
            one=one, two=np.array(2, f32), k=np.array(0.7978846, f32))),
        (9, "operator Mul", chain(  # z (1 + tanh(z))
            node("Tanh", ["z"], "a"), node("Add", ["a", "one"], "b"),
            node("Mul", ["b", "z"], "y"), one=one)),
        (9, "operator Mul", chain(  # z (1 + tanh(k z))
            node("Mul", ["z", "k"], "w"), node("Tanh", ["w"], "a"),
            node("Add", ["a", "one"], "b"), node("Mul", ["b", "z"], "y"),
            one=one, k=np.array(0.7978846, f32))),
        (9, "Gemm (node the y): expects a number, or one", graph(
            [node("Gemm", ["x", "W", "C"], "y")],
            {"W": weights(3, 3), "C": weights(2, 3)}, [rows_of("x", 3)], y)),
        (9, "weights of two dimensions", graph(
            [node("MatMul", ["x", "W"], "y")], {"W": np.array(1, f32)},
            [rows_of("x", 3)], y)),
        (9, "weights of two dimensions", chain(
            node("Relu", ["z"], "y"), W=np.ones((3, 3), np.int64))),
        (9, "bfloat16, int32 or int64", chain(
            node("Relu", ["z"], "y"), W=np.ones((3, 3), np.int8))),
        (9, "Gemm (node the z): expects x and W of two", set_dims(1, 3, 3)),
        (9, "at most eight dimensions", set_dims(*[1] * 8, 9)),
        (11, "dimensions of 1 or more", set_dims(-3, -3)),
        (11, "dimensions of 1 or more", set_dims(2 ** 62, 2 ** 62)),
        (11, "larger than memory", set_dims(2 ** 62, 1)),
        (11, "as many numbers", set_dims(3, 2)),
        (11, "as many numbers", set_dims(2 ** 24, 2 ** 24)),
        (3, "node the y: expects a width of 3, got 4", chain(
            node("MatMul", ["z", "V"], "y"), shape=(3, 4), V=weights(3, 3),
            outputs=y)),
        (3, "node the u: expects a width of 3, got 2", chain(
            node("Add", ["z", "c"], "u"), node("MatMul", ["u", "V"], "y"),
            V=weights(3, 3), c=weights(2))),
        (3, "node the z: expects a width of 4, got 3", chain(
            node("Relu", ["z"], "y"), shape=(4, 3))),
        (9, "a number, or one for each column", chain(
            node("Add", ["z", "c"], "y"), c=weights(2, 3))),
        (9, "operator Div", chain(node("Div", ["c", "z"], "y"), c=one)),
        (9, "operator Add", chain(node("Add", ["z", "x"], "y"))),
        (9, "operator Mul", chain(node("Relu", ["z"], "u"),
                                  node("Mul", ["z", "u"], "y"))),
        (9, "too many of its kind", chain(
            *[node("Add", ["z" if i == 0 else f"u{i}", "c"],
                   "y" if i == 16 else f"u{i + 1}") for i in range(17)], c=one)),
        (9, "operator MatMul (node the y): shares its weights", chain(
            *[node("MatMul", ["z" if i == 0 else f"u{i}", "W"],
                   "y" if i == 7 else f"u{i + 1}") for i in range(8)])),
        (9, "Tanh (node the y): stands behind another", chain(node("Relu", ["z"], "u"),
                                               node("Tanh", ["u"], "y"))),
        (9, "Gemm or MatMul is the first", graph(
            [node("Relu", ["x"], "y")], {}, [rows_of("x", 3)], y)),
        (9, "Gemm or MatMul is the first", graph(
            [node("Relu", ["x"], "u"), node("MatMul", ["u", "W"], "y")],
            {"W": weights(3, 3)}, [rows_of("x", 3)], y)),
        (9, "Softmax (node the y): expects the axis", chain(
            node("Softmax", ["z"], "y", axis=0))),
        (2, "softmax", chain(node("Softmax", ["z"], "u", axis=1),
                             node("MatMul", ["u", "W"], "y"))),
        (9, "expects nothing behind it", chain(
            node("LogSoftmax", ["z"], "u"), node("MatMul", ["u", "W"], "y"))),
        (9, "is no scaling of outputs", chain(
            node("Relu", ["z"], "u"), node("Mul", ["u", "c"], "y"),
            c=np.array(-1, f32))),
        (9, "operator LeakyRelu (node the y): expects one slope", chain(
            node("LeakyRelu", ["z"], "y", alpha=-1.0))),
        (9, "operator PRelu (node the y): expects one slope", chain(
            node("PRelu", ["z", "c"], "y"), c=weights(3))),
        (9, "operator Celu (node the y): expects one slope", chain(
            node("Celu", ["z"], "y", alpha=-1.0))),
        (9, "operator Clip (node the y)", chain(  # ReLU6
            node("Clip", ["z", "c", "d"], "y"), c=np.array(0, f32),
            d=np.array(6, f32))),
        (9, "operator Clip (node the y)", chain(node("Clip", ["z", "z"], "y"))),
        (9, "operator Min (node the y)", chain(node("Min", ["z", "z"], "y"))),
        (9, "operator Sum (node the y)", chain(node("Sum", ["z", "z"], "y"))),
        (9, "operator Sum (node the y)", chain(
            node("Sum", ["z", "c", "c", "c"], "y"), c=one)),
        (9, "operator Scaler (node the y): expects offset", chain(
            node("Scaler", ["z"], "y", scale=[1.0], domain="ai.onnx.ml"))),
        (9, "a number, or one for each column", chain(  # integers
            node("Add", ["z", "c"], "y"), c=np.array(1))),
        (9, "a number, or one for each column", chain(  # not a block
            node("Reshape", ["z", "s"], "u"), node("Add", ["u", "c"], "y"),
            shape=(3, 8), s=np.array([-1, 2, 2, 2]), c=np.ones((2, 1, 2), f32),
            outputs=y)),
        (9, "expects an input of known dimensions", graph(
            [node("Add", ["x", "c"], "u"), node("Flatten", ["u"], "v"),
             node("MatMul", ["v", "W"], "y")],
            {"c": np.ones((2, 1), f32), "W": weights(4, 3)},
            [helper.make_tensor_value_info("x", 1, ["N", 2, "d"])], y)),
        (9, "expects an input of known dimensions", graph(
            [node("BatchNormalization", ["x", "s", "b", "m", "v"], "u"),
             node("Flatten", ["u"], "w"), node("MatMul", ["w", "W"], "y")],
            {**{n: norm[n] for n in "sbmv"}, "W": weights(6, 3)},
            [helper.make_tensor_value_info("x", 1, ["N", 3, "d"])], y)),
        (3, "node the y: expects a width of 2, got 3", chain(node(
            "BatchNormalization", ["z", "s", "b", "m", "v"], "y"),
            shape=(3, 2), outputs=y, **{n: norm[n] for n in "sbmv"})),
        (9, "BatchNormalization (node the y): expects rows", chain(
            node("Squeeze", ["z"], "u"), node(
                "BatchNormalization", ["u", "s", "b", "m", "v"], "y"),
            shape=(3, 1), outputs=y, **{n: norm[n] for n in "sbmv"})),
        (9, "MatMul (node the y): expects rows", chain(  # a row of all rows
            node("Flatten", ["z"], "u", axis=0), node("MatMul", ["u", "V"],
                                                      "y"),
            shape=(3, 1), V=weights(1, 3))),
        (9, "MatMul (node the y): expects weights of two", chain(
            node("MatMul", ["z", "V"], "y"), V=weights(2, 3, 3))),
        (9, "value y: expects a transpose of two dimensions", graph(
            [node("Transpose", ["V"], "y"), node("MatMul", ["x", "y"], "z")],
            {"V": weights(1, 3, 3)}, [rows_of("x", 3)], [rows_of("z", 3)])),
        (9, "operator Add (node the u): expects a value that depends", graph(
            [node("Add", ["c", "c"], "u"), node("MatMul", ["u", "W"], "y")],
            {"c": one, "W": weights(3, 3)}, [rows_of("x", 3)], y)),
        (9, "expects an output of numbers, got none", graph(
            [node("Identity", ["c"], "y"), node("Relu", ["x"], "z")],
            {"c": one}, [rows_of("x", 3)], y)),
        (9, "up to 8 dimensions, got 1", graph(
            [node("MatMul", ["x", "W"], "y")], {"W": weights(3, 3)},
            [helper.make_tensor_value_info("x", 1, [3])], y)),
        (11, "tensor bad: expects as many numbers", chain(  # tried as a number
            node("Max", ["z", "bad"], "y"), bad=damaged("bad", TensorProto.FLOAT))),
        (11, "tensor bad: expects as many numbers", chain(
            node("Pow", ["z", "bad"], "u"), node("Mul", ["z", "u"], "y"),
            bad=damaged("bad", TensorProto.FLOAT))),
        (11, "tensor bad: expects as many numbers", chain(
            node("Reshape", ["z", "bad"], "y"), bad=damaged("bad", TensorProto.INT64))),
        (9, "tensor bad: expects float, double", chain(
            node("Max", ["z", "bad"], "y"), bad=np.array(0, np.int8))),
        (9, "is for training", chain(node(
            "BatchNormalization", ["z", "s", "b", "m", "v"],
            ["y", "m2", "v2"], training_mode=1), opset=14, **norm)),
        (9, "is for training", chain(node(  # the form before opset 14
            "BatchNormalization", ["z", "s", "b", "m", "v"],
            ["y", "m2", "v2", "m3", "v3"]), **norm)),
        (9, "variances of 0 or more", chain(node(
            "BatchNormalization", ["z", "s", "b", "m", "bad"], "y"), **norm)),
        (9, "operator Cast", chain(node("Cast", ["z"], "y",
                                        to=TensorProto.INT32))),
        (9, "operator ArgMax (node the y)", chain(
            node("ArgMax", ["z"], "y", axis=1),
            outputs=[rows_of("y", 1, TensorProto.INT64)])),
        (9, "the name of one in mlp_onnx_options, got: y, z", chain(
            node("Relu", ["z"], "y"), outputs=y + [rows_of("z", 3)])),
        (9, "got: y, " + "z" * 100 + ", ...", chain(
            node("Relu", ["z"], "y"), node("Tanh", ["z"], "z" * 100),
            node("Elu", ["z"], "u" * 100),
            outputs=y + [rows_of("z" * 100, 3), rows_of("u" * 100, 3)])),
        (9, "expects at most 64 outputs, got 65", chain(
            node("Relu", ["z"], "y"), outputs=65 * y)),
        (9, "operator Concat (node the y): expects a single column", chain(
            node("Sigmoid", ["z"], "p"), node("Sub", ["one", "p"], "q"),
            node("Concat", ["q", "p"], "y", axis=1), one=one)),
        (9, "only its first output", chain(
            node("Dropout", ["z"], ["u", "y"]))),
        (9, "expects a constant shape", chain(  # the shape of another value
            node("Shape", ["x"], "n"), node("Slice", ["n", "o", "e"], "s"),
            node("Concat", ["s", "a"], "k", axis=0),
            node("Reshape", ["z", "k"], "y"), o=np.array([0]),
            e=np.array([1]), a=np.array([-1]))),
        (9, "expects a constant shape", graph(  # an unknown dimension
            [node("Shape", ["x"], "n"), node("Slice", ["n", "o", "e"], "s"),
             node("Concat", ["a", "s"], "k", axis=0),
             node("Reshape", ["x", "k"], "u"), node("MatMul", ["u", "W"], "y")],
            {"o": np.array([1]), "e": np.array([2]), "a": np.array([-1]),
             "W": weights(3, 3)},
            [helper.make_tensor_value_info("x", 1, ["N", "d"])], y)),
        (9, "Flatten (node the y): expects rows as", chain(
            node("Flatten", ["z"], "y", axis=0))),
        (9, "Flatten (node the y): expects rows as", chain(
            node("Flatten", ["z"], "y", axis=7))),
        (9, "Transpose (node the y): expects rows as", chain(
            node("Transpose", ["z"], "y"))),
        (9, "Transpose (node the y): expects rows as", chain(
            node("Transpose", ["z"], "y", perm=[0, 2, 1]))),
        (9, "Transpose (node the y): expects rows as", chain(
            node("Transpose", ["z"], "y", perm=[0, 0]))),
        (9, "Unsqueeze (node the y): expects constant axes", chain(
            node("Unsqueeze", ["z", "z"], "y"))),
        (9, "Unsqueeze (node the y): expects rows as", chain(
            node("Unsqueeze", ["z", "c"], "y"), c=np.array([9]))),
        (9, "Squeeze (node the y): expects constant axes", chain(
            node("Squeeze", ["z", "z"], "y"))),
        (9, "Squeeze (node the u): expects rows as", graph(
            [node("Squeeze", ["x"], "u"), node("MatMul", ["u", "W"], "y")],
            {"W": weights(3, 3)},
            [helper.make_tensor_value_info("x", 1, ["N", "d", 3])], y)),
        (9, "Gather (node the y): expects a single column", chain(
            node("Gather", ["z", "c"], "y", axis=1), c=np.array(0))),
        (9, "Gather (node the y): expects a single column", chain(
            node("Gather", ["z", "c"], "y"), c=np.array(0))),
        (9, "Slice (node the y): expects all columns", chain(
            node("Slice", ["z", "c", "d", "d"], "y"), c=np.array([0]),
            d=np.array([1]))),
        (9, "Slice (node the y): expects all columns", chain(  # of 100 rows
            node("Slice", ["z", "c", "d"], "y"), c=np.array([0]),
            d=np.array([100]))),
        (9, "expects rows as they were", chain(
            node("Reshape", ["z", "c"], "y"), c=np.array([-1, -1, 3]))),
        (9, "expects rows as they were", chain(
            node("Reshape", ["z", "c"], "y"), c=np.array([0, 0, 0, -1]))),
        (9, "expects rows as they were", chain(
            node("Reshape", ["z", "c"], "y"), c=np.array([0, 2, -1]))),
        (9, "expects rows as they were", chain(
            node("Reshape", ["z", "c"], "y"), c=np.array([3, -1]))),
        (9, "expects a constant shape", chain(  # takes columns for rows
            node("Shape", ["z"], "s"), node("Gather", ["s", "one"], "n"),
            node("Unsqueeze", ["n", "zero"], "u"),
            node("Concat", ["u", "rest"], "c", axis=0),
            node("Reshape", ["z", "c"], "y"), one=np.array(1),
            zero=np.array([0]), rest=np.array([-1]))),
        (9, "Squeeze (node the y): expects rows as", chain(
            node("Squeeze", ["z", "c"], "y"), c=np.array([0]))),
        (9, "expects a constant shape", chain(  # takes columns for rows
            node("Shape", ["z"], "s"), node("Gather", ["s", "one"], "n"),
            node("Unsqueeze", ["n", "zero"], "u"),
            node("Concat", ["u", "rest"], "c", axis=0),
            node("Reshape", ["z", "c"], "y"), one=np.array(1),
            zero=np.array([0]), rest=np.array([-1]))),
        (9, "Softmax (node the y): expects the axis", chain(  # over all rows
            node("Squeeze", ["z", "c"], "u"), node("Softmax", ["u"], "y"),
            shape=(3, 1), c=np.array([1]))),
        (9, "expects a constant shape", chain(  # columns precede rows
            node("Shape", ["z"], "s", start=1), node("Gather", ["s", "i"], "k"),
            node("Unsqueeze", ["k", "j"], "n"),
            helper.make_node("Concat", ["n", "r"], ["c"], axis=0),
            node("Reshape", ["z", "c"], "y"), opset=15, i=np.array(0),
            j=np.array([0]), r=np.array([-1]))),
        (11, "node the y: its alpha is of another type", chain(
            node("LeakyRelu", ["z"], "y", alpha=1))),
        (11, "node the z: its transB is of another type", graph(
            [node("Gemm", ["x", "W"], "z", transB=1.0)], {"W": weights(3, 3)},
            [rows_of("x", 3)], [rows_of("z", 3)])),
        (5, "layer 1: expects weights that stay finite", chain(
            node("Mul", ["z", "c"], "y"), c=np.array(1e38, f32),
            W=np.full((3, 3), 100, f32))),
        (5, "layer 1: expects weights that stay finite", chain(
            node("Add", ["z", "c"], "y"), c=np.full(3, 1e300))),
        (9, "operator Dropout", chain(
            node("Dropout", ["z", "", "c"], "y"), c=np.array(True))),
        (9, "expects a constant shape", chain(
            node("Shape", ["x"], "c"), node("Reshape", ["z", "c"], "y"))),
        (9, "expects rows as they were", chain(
            node("Reshape", ["z", "c"], "y"), c=np.array([-1, 1]))),
        (9, "MatMul (node the y): expects rows, (N, n)", graph(
            [node("MatMul", ["x", "W"], "y")], {"W": weights(3, 3)},
            [helper.make_tensor_value_info("x", 1, ["N", 7, 3])], y)),
        (9, "the same folder", beside("beside.data")),
        (11, "is larger than memory", set_dims(2 ** 62)),
        (9, "the same folder", beside("../beside.data")),
        (9, "the same folder", beside("/etc/passwd")),
        (11, "expects an ONNX file", nested(8)),
        (11, "expects an ONNX file",  # protobuf would merge the two
         2 * chain(node("Relu", ["z"], "y")).SerializeToString()),
        (9, "operator Clip (node the y)", chain(  # z + 1e6 has few digits
            node("Clip", ["z", "c"], "y"), c=np.array(-1e6, f32))),
        (9, "operator Max (node the y)", chain(
            node("Max", ["z", "c"], "y"), c=np.array([1e5], f32))),
        (9, "Concat (node the y): expects a single column", chain(  # more rows
            node("Sigmoid", ["z"], "p"), node("Squeeze", ["p", "c"], "v"),
            node("Sub", ["one", "v"], "q"),
            node("Concat", ["q", "v"], "y", axis=-1), shape=(3, 1),
            one=one, c=np.array([1]))),
        (9, "expects a constant shape", chain(  # the first dimension is 1
            node("Unsqueeze", ["z", "zero"], "v"), node("Shape", ["v"], "s"),
            node("Gather", ["s", "i"], "n"), node("Unsqueeze", ["n", "zero"], "u"),
            node("Concat", ["u", "rest"], "c", axis=0),
            node("Reshape", ["v", "c"], "y"), i=np.array(0),
            zero=np.array([0]), rest=np.array([-1, 3]))),
        (9, "expects ONNX's own operators", changed(
            chain(node("Relu", ["z"], "y")),
            lambda model: model.functions.append(helper.make_function(
                "", "Relu", ["a"], ["b"],
                [helper.make_node("Neg", ["a"], ["b"])],
                [helper.make_opsetid("", 13)])))),
        (9, "Max (node the m): expects rows", graph(  # (N) becomes (1, N)
            [node("MatMul", ["x", "w"], "z"), node("Max", ["z", "c"], "m"),
             node("Flatten", ["m"], "f"),
             node("Slice", ["f", "o", "e", "e"], "y")],
            {"w": np.array([1, 2, 3], f32), "c": np.zeros((1, 1), f32),
             "o": np.array([0]), "e": np.array([1])},
            [rows_of("x", 3)], [rows_of("y", 1)])),
        (9, "Reshape (node the y): expects rows as", chain(  # a slice of all
            node("Shape", ["z"], "s"), node("Slice", ["s", "o", "e"], "u"),
            node("Concat", ["u", "e"], "c", axis=0),
            node("Reshape", ["z", "c"], "y"), o=np.array([-9]),
            e=np.array([3]))),
    ] + refused_reshapes() + refused_views() + refused_values() + \
        refused_products() + refused_maps() + refused_graphs()
    with open(os.path.join(FOLDER, "onnx_refused.txt"), "w") as to:
        for status, message, model in cases:
            data = (model if isinstance(model, bytes)
                    else model.SerializeToString())
            print("refused", status, len(data), message, file=to)
            for i in range(0, len(data), 40):
                print(data[i:i + 40].hex(), file=to)


torch_fixtures()
keras_fixture()
sklearn_fixtures()
gemm_fixture()
refused_fixtures()
