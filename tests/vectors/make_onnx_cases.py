# SPDX-License-Identifier: MIT
"""Writes onnx_cases.txt: small ONNX graphs of forms that exporters and tools
make, with the outputs that NumPy computes for them.

    python3 make_onnx_cases.py

Each case is

    case NAME
    X rows inputs     the numbers of X, row by row
    A rows outputs    those of the output
    file NAME SIZE    the bytes of the graph in hexadecimal

The graphs have two layers, between which and around which stands what the case
is about. Names tell the kind: the part before the first "-". The script needs
NumPy and ONNX.
"""
import math
import os

import numpy as np
import onnx
from onnx import TensorProto as T
from onnx import helper, numpy_helper

ROWS = 3
rng = np.random.RandomState(5)


def numbers(*shape):
    return rng.randn(*shape).astype(np.float32)


def node(op, inputs, output, **attributes):
    return helper.make_node(op, inputs, [output], name="the " + output,
                            **attributes)


X = numbers(ROWS, 4)
TENSORS = {"W": numbers(4, 5), "b": numbers(5), "V": numbers(5, 3),
           "c": numbers(3), "U": numbers(5, 1), "d": numbers(1)}
W, b, V, c, U, d = (TENSORS[k].astype(np.float64) for k in "WbVcUd")
cases = []


def ints(*values):
    return np.array(values, np.int64)


def relu(z):
    return np.maximum(z, 0)


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def hidden(x):
    return relu(x @ W + b)


def head(value):
    return [node("Gemm", [value, "W", "b"], "z"), node("Relu", ["z"], "h")]


def body(value, output="y"):
    return head(value) + [node("Gemm", ["h", "V", "c"], output)]


def column(output="y"):
    return head("x") + [node("Gemm", ["h", "U", "d"], output)]


def add(name, nodes, A, shape=("N", 4), outputs=("y",), opset=13, kind=T.FLOAT,
        out_kind=T.FLOAT, **tensors):
    """Adds a case. Of the tensors that all cases share it takes those that the
    nodes use."""
    used = {i for n in nodes for i in n.input}
    tensors = {**{k: v for k, v in TENSORS.items() if k in used}, **tensors}
    graph = helper.make_graph(
        nodes, "case", [helper.make_tensor_value_info("x", kind, shape)],
        [helper.make_tensor_value_info(o, out_kind, None) for o in outputs],
        [v if isinstance(v, onnx.TensorProto)
         else numpy_helper.from_array(np.asarray(v), k)
         for k, v in tensors.items()])
    model = helper.make_model(graph, ir_version=7, opset_imports=[
        helper.make_opsetid("", opset)])
    cases.append((name, A, model.SerializeToString()))


def scalings():
    """Two and more elementwise maps before the first layer, between layers and
    behind the last one."""
    k = np.float32
    x = X.astype(np.float64)
    s, t, m = numbers(4), numbers(4), numbers(4)
    v = np.abs(numbers(4)) + np.float32(0.2)
    norm = ["g", "t", "m", "v"]
    constants = {"a": k(200), "e": k(0.5), "f": k(-2), "o": k(0), "r": np.abs(s) + k(0.1),
                 "g": s, "t": t, "m": m, "v": v}

    def before(name, result, *ops):
        nodes, value, used = [], "x", set()
        for i, (op, inputs) in enumerate(ops):
            inputs = [value if n == "@" else n for n in inputs]
            used.update(inputs)
            value = f"s{i}"
            nodes.append(node(op, inputs, value))
        add("scalings-" + name, nodes + body(value),
            hidden(result) @ V + c,
            **{n: constants[n] for n in constants if n in used})

    before("div_div", x / 200 / 0.5, ("Div", "@a"), ("Div", "@e"))
    before("mul_div", x * -2 / 0.5, ("Mul", "@f"), ("Div", "@e"))
    before("inverted", (200 - x) / 200, ("Sub", "a@"), ("Div", "@a"))
    before("add_div", (x + t) / 200, ("Add", "t@"), ("Div", "@a"))
    before("neg_div", -x / s, ("Neg", "@"), ("Div", "@g"))
    before("sub_div", (x - t) / (np.abs(s) + k(0.1)), ("Sub", "@t"),
           ("Div", "@r"))
    before("sub_mul_div", (x - t) * s / 0.5, ("Sub", "@t"), ("Mul", "@g"),
           ("Div", "@e"))
    before("norm_div", (s * (x - m) / np.sqrt(v + 1e-5) + t) / 0.5,
           ("BatchNormalization", ["@"] + norm), ("Div", "@e"))
    before("div_norm", s * (x / 0.5 - m) / np.sqrt(v + 1e-5) + t,
           ("Div", "@e"), ("BatchNormalization", ["@"] + norm))
    before("sub_mul_add", (x - t) * s + m, ("Sub", "@t"), ("Mul", "@g"),
           ("Add", "@m"))
    before("sub_add_div", (x - t + m) / 0.5, ("Sub", "@t"), ("Add", "@m"),
           ("Div", "@e"))
    before("zero", x * 0 + t, ("Mul", "@o"), ("Add", "@t"))
    constants["i"] = np.array([2, 0, -2, -0.5], k)
    before("signs", (200 - x) * constants["i"], ("Sub", "a@"), ("Mul", "@i"))

    p, q = numbers(5), np.abs(numbers(5)) + k(0.5)
    h = hidden(x)
    between = head("x") + [
        node("Sub", ["p", "h"], "h1"), node("Div", ["h1", "q"], "h2"),
        node("Neg", ["h2"], "h3"), node("Sum", ["q", "h3", "p"], "h4"),
        node("Gemm", ["h4", "V", "c"], "y")]
    add("scalings-between", between, (-((p - h) / q) + q + p) @ V + c, p=p, q=q)
    z = h @ V + c
    add("scalings-behind", body("x", "u") + [
        node("Div", ["u", "f"], "u1"), node("Sub", ["e", "u1"], "u2"),
        node("Neg", ["u2"], "y")], -(0.5 - z / -2), f=k(-2), e=k(0.5))
    add("scalings-tanh", body("x", "u") + [
        node("Tanh", ["u"], "u1"), node("Mul", ["u1", "f"], "u2"),
        node("Add", ["u2", "e"], "y")], np.tanh(z) * -2 + 0.5, f=k(-2), e=k(0.5))
    flips = np.array([-2, 3, -1], k)
    add("scalings-sigmoid", body("x", "u") + [
        node("Sigmoid", ["u"], "u1"), node("Mul", ["u1", "f"], "u2"),
        node("Sub", ["u2", "e"], "y")], sigmoid(z) * flips - 0.5, f=flips,
        e=k(0.5))
    n = [numbers(3), numbers(3), numbers(3), np.abs(numbers(3)) + k(0.1)]
    add("scalings-norm_flipped", head("x") + [
        node("MatMul", ["h", "V"], "u"),
        node("BatchNormalization", ["u", "n0", "n1", "n2", "n3"], "u0"),
        node("Sigmoid", ["u0"], "u1"), node("Mul", ["u1", "f"], "y")],
        sigmoid(n[0] * (h @ V - n[2]) / np.sqrt(n[3] + 1e-5) + n[1]) * flips,
        f=flips, **{f"n{i}": a for i, a in enumerate(n)})


def ranks():
    """Constants of other ranks than rows have, before a Flatten."""
    flat = [node("Sub", ["x", "m"], "s"), node("Flatten", ["s"], "q")]
    x = X.astype(np.float64)

    def rank(name, m, shape, spread):
        add("ranks-" + name, flat + body("q"), hidden(x - spread) @ V + c,
            shape=shape, m=m)

    m = numbers(1, 1, 1, 4)
    rank("acas", m, (1, 1, 1, 4), m.reshape(4))
    m = numbers(1, 1, 1, 1)
    rank("number", m, ("N", 1, 2, 2), m.reshape(1))
    m = numbers(2, 2)
    rank("image", m, ("N", 2, 2), m.reshape(4))
    m = numbers(4)
    rank("row", m, ("N", 1, 4), m)
    m = numbers(2, 1, 1)
    rank("channels", m, ("N", 2, 1, 2), np.repeat(m.reshape(2), 2))
    m = numbers(2)
    rank("repeated", m, ("N", 2, 2), np.tile(m, 2))
    m = numbers(2, 2)
    add("ranks-transposed", [node("Transpose", ["m"], "mt"),
                             node("Sub", ["x", "mt"], "s"),
                             node("Flatten", ["s"], "q")] + body("q"),
        hidden(x - m.T.reshape(4)) @ V + c, shape=("N", 2, 2), m=m)
    n = [numbers(2), numbers(2), numbers(2), np.abs(numbers(2))]
    g, t, m, v = (np.repeat(a, 2) for a in n)
    add("ranks-norm", [node("BatchNormalization", ["x", "n0", "n1", "n2", "n3"],
                            "s"), node("Flatten", ["s"], "q")] + body("q"),
        hidden(g * (x - m) / np.sqrt(v + 1e-5) + t) @ V + c,
        shape=("N", 2, 1, 2), **{f"n{i}": a for i, a in enumerate(n)})
    one = numbers(1, 1, 3)
    add("ranks-behind", body("x", "u") + [node("Add", ["u", "o"], "y")],
        hidden(x) @ V + c + one.reshape(3), o=one)
    add("ranks-matmul", [node("MatMul", ["x", "W3"], "z"),
                         node("Relu", ["z"], "h"),
                         node("MatMul", ["h", "V"], "u"),
                         node("Softmax", ["u"], "y", axis=2)],
        softmax(relu(x @ W) @ V), W3=TENSORS["W"][None])


def softmax(z):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def bfloat16(a):
    """Rounds floats to the nearest bfloat16, and returns the numbers and their
    16 bits."""
    bits = np.ascontiguousarray(a, np.float32).view(np.uint32).astype(np.uint64)
    bits = (bits + 0x7fff + (bits >> 16 & 1)) >> 16
    return (bits << 16).astype(np.uint32).view(np.float32), bits


def halves():
    """Weights of 16 bits in each form."""
    x = X.astype(np.float64)
    half = {k: TENSORS[k].astype(np.float16) for k in "WbVc"}
    half["W"][0, 0] = 3e-6  # a subnormal number
    H = {k: v.astype(np.float64) for k, v in half.items()}
    A = relu(x @ H["W"] + H["b"]) @ H["V"] + H["c"]
    casts = [node("Cast", [k], k + "f", to=T.FLOAT) for k in "WbVc"]
    layers = [node("Gemm", ["x", "Wf", "bf"], "z"), node("Relu", ["z"], "h"),
              node("Gemm", ["h", "Vf", "cf"], "y")]
    add("halves-cast", casts + layers, A, **half)
    tiny = (TENSORS["W"] * 1e-5).astype(np.float16)
    add("halves-subnormal", casts[:2] + [
        node("Gemm", ["x", "Wf", "bf"], "z", alpha=1e5)] + layers[1:2] +
        [node("Gemm", ["h", "V", "c"], "y")],
        relu(x @ tiny.astype(np.float64) * 1e5 + H["b"]) @ V + c, W=tiny,
        b=half["b"])
    listed = {k: numpy_helper.from_array(v, k) for k, v in half.items()}
    for k, t in listed.items():
        t.ClearField("raw_data")
        t.int32_data.extend(half[k].view(np.uint16).ravel().tolist())
    add("halves-listed", casts + layers, A, **listed)
    add("halves-inside", [node("Cast", ["x"], "q", to=T.FLOAT16)] +
        body("q", "u") + [node("Cast", ["u"], "y", to=T.FLOAT)], A, **half)
    add("halves-all", body("x"), A, kind=T.FLOAT16, out_kind=T.FLOAT16, **half)
    brain, B = {}, {}
    for k in "WbVc":
        B[k], bits = bfloat16(TENSORS[k])
        brain[k] = onnx.TensorProto(name=k, data_type=T.BFLOAT16,
                                    dims=B[k].shape,
                                    raw_data=bits.astype("<u2").tobytes())
    A = relu(x @ B["W"].astype(np.float64) + B["b"]) @ B["V"].astype(
        np.float64) + B["c"]
    add("halves-bfloat16", casts + layers, A, **brain)
    there = [node("Cast", [k], k + "h", to=T.FLOAT16) for k in "WbVc"]
    back = [node("Cast", [k + "h"], k + "f", to=T.FLOAT) for k in "WbVc"]
    H = {k: TENSORS[k].astype(np.float16).astype(np.float64) for k in "WbVc"}
    add("halves-rounded", there + back + layers,
        relu(x @ H["W"] + H["b"]) @ H["V"] + H["c"])
    there = [node("Cast", [k], k + "h", to=T.BFLOAT16) for k in "WbVc"]
    A = relu(x @ B["W"].astype(np.float64) + B["b"]) @ B["V"].astype(
        np.float64) + B["c"]
    add("halves-rounded_bfloat16", there + back + layers, A)
    whole = {k: np.round(3 * TENSORS[k]).astype(np.int32) for k in "WbVc"}
    add("halves-integers", casts + layers,
        relu(x @ whole["W"] + whole["b"]) @ whole["V"] + whole["c"], **whole)


def tails():
    """One output, whose dimension of 1 is dropped or moved."""
    A = hidden(X.astype(np.float64)) @ U + d
    z = ["u"]
    add("tails-squeeze", column("u") + [node("Squeeze", z, "y")], A)
    add("tails-squeeze_axis", column("u") + [node("Squeeze", ["u", "a"], "y")],
        A, a=ints(1))
    add("tails-squeeze_attribute", column("u") + [
        node("Squeeze", z, "y", axes=[-1])], A, opset=11)
    add("tails-view", column("u") + [node("Reshape", ["u", "a"], "y")], A,
        a=ints(-1))
    add("tails-flatten", column("u") + [
        node("Shape", ["u"], "n"), node("Slice", ["n", "o", "o", "o"], "s"),
        node("Concat", ["s", "a"], "k", axis=0),
        node("Reshape", ["u", "k"], "y")], A, o=ints(0), a=ints(-1))
    add("tails-flatten_some", column("u") + [
        node("Unsqueeze", ["u", "e"], "v"), node("Shape", ["v"], "n"),
        node("Slice", ["n", "o", "e", "o"], "s"),
        node("Slice", ["n", "f", "g", "o"], "t"),
        node("Concat", ["s", "a", "t"], "k", axis=0),
        node("Reshape", ["v", "k"], "y")], A, o=ints(0), a=ints(1), e=ints(1),
        f=ints(-1), g=ints(2 ** 62))
    add("tails-row", column("u") + [node("Flatten", z, "y", axis=0)], A)
    add("tails-column", column("u") + [node("Gather", ["u", "a"], "y", axis=1)],
        A, a=np.int64(0))
    add("tails-columns", column("u") + [
        node("Gather", ["u", "a"], "y", axis=1)], A, a=ints(-1))
    add("tails-slice", column("u") + [
        node("Slice", ["u", "s", "e", "a"], "v"),
        node("Slice", ["v", "s", "f", "t"], "y")], A, s=ints(0), t=ints(1),
        e=ints(2 ** 63 - 1), a=ints(0), f=ints(1))
    add("tails-slice_attributes", column("u") + [
        node("Slice", z, "y", starts=[0], ends=[1], axes=[1])], A, opset=9)
    add("tails-sigmoid", column("u") + [
        node("Squeeze", z, "v"), node("Sigmoid", ["v"], "y")], sigmoid(A))
    add("tails-scaled", column("u") + [
        node("Squeeze", ["u", "a"], "v"), node("Mul", ["v", "s"], "w"),
        node("Add", ["w", "d"], "y")], A * 3 + d, a=ints(1), s=np.float32(3))
    add("tails-vector", head("x") + [node("MatMul", ["h", "u"], "y")],
        hidden(X.astype(np.float64)) @ U, u=TENSORS["U"][:, 0])
    add("tails-and_back", column("u") + [
        node("Squeeze", ["u", "a"], "v"), node("Unsqueeze", ["v", "a"], "y")],
        A, a=ints(1))


def orders():
    """Nodes that are not in the order of computation."""
    A = hidden(X.astype(np.float64)) @ V + c
    add("orders-reversed", body("x")[::-1], A)
    late = body("x") + [helper.make_node(
        "Constant", [], ["W1"], value=numpy_helper.from_array(TENSORS["W"]))]
    late[0].input[1] = "W1"
    add("orders-constant_last", late, A)


def shapes():
    """Shapes that change and keep each row."""
    A = hidden(X.astype(np.float64)) @ V + c
    add("shapes-transpose", [
        node("Transpose", ["x"], "s", perm=[0, 2, 3, 1]),
        node("Flatten", ["s"], "q")] + body("q"), A, shape=(1, 1, 2, 2))
    add("shapes-there_and_back", [
        node("Reshape", ["x", "a"], "s"), node("Reshape", ["s", "e"], "q")] +
        body("q"), A, a=ints(-1, 1, 2, 2), e=ints(-1, 4))
    add("shapes-batch", [node("Reshape", ["x", "a"], "q")] + body("q"), A,
        shape=(1, 1, 4), a=ints(1, -1))
    add("shapes-static", [node("Reshape", ["x", "a"], "s"),
                          node("Reshape", ["s", "e"], "q")] + body("q"), A,
        shape=(3, 2, 2), a=ints(1, 3, 4), e=ints(3, -1))
    add("shapes-middle", [node("Gather", ["x", "o"], "q", axis=1)] + body("q"),
        A, shape=("N", 1, 4), o=np.int64(-1))
    add("shapes-of_value", [
        node("Unsqueeze", ["x", "f"], "s"), node("Shape", ["s"], "n"),
        node("Gather", ["n", "o"], "r"), node("Unsqueeze", ["r", "a"], "r1"),
        node("Concat", ["r1", "e"], "k", axis=0),
        node("Reshape", ["s", "k"], "q")] + body("q"), A, o=np.int64(0),
        a=ints(0), e=ints(-1), f=ints(1))
    add("shapes-computed", [
        node("Shape", ["x"], "n"), node("Gather", ["n", "o"], "r"),
        node("Unsqueeze", ["r", "a"], "r1"),
        node("Concat", ["r1", "e"], "k", axis=0),
        node("Reshape", ["x", "k"], "s"), node("Squeeze", ["s", "f"], "q")] +
        body("q"), A, o=np.int64(0), a=ints(0), e=ints(1, 4), f=ints(1))
    add("shapes-unknown", [node("MatMul", ["x", "W"], "z"),
                           node("Relu", ["z"], "h"),
                           node("MatMul", ["h", "V"], "y")],
        relu(X.astype(np.float64) @ W) @ V, shape=("N", -1))
    add("shapes-negative", body("x"), A, shape=(-1, 4))


def small():
    """Dropout and Gemm."""
    x = X.astype(np.float64)
    A = hidden(x) @ V + c
    drop = [node("Gemm", ["x", "W", "b"], "z"),
            node("Dropout", ["z", "r", "t"], "q"), node("Relu", ["q"], "h"),
            node("Gemm", ["h", "V", "c"], "y")]
    mode = helper.make_node("Constant", [], ["t"],
                            value=numpy_helper.from_array(np.bool_(False)))
    add("dropout-constant_node", [mode] + drop, A, r=np.float32(0.5))
    add("dropout-no_ratio", drop, A, r=np.float32(0), t=np.bool_(True))
    add("beta-nan", [node("Gemm", ["x", "W", "n"], "z", beta=0.0),
                     node("Relu", ["z"], "h"),
                     node("Gemm", ["h", "V", "c"], "y")], relu(x @ W) @ V + c,
        n=np.full(5, np.nan, np.float32))
    add("beta-finite", [node("Gemm", ["x", "W", "b"], "z", beta=0.0),
                        node("Relu", ["z"], "h"),
                        node("Gemm", ["h", "V", "c"], "y")], relu(x @ W) @ V + c)


def activations():
    """Operators that are an activation of the library in another form."""
    z = X.astype(np.float64) @ W + b

    def between(name, nodes, h, **more):
        add("activations-" + name, [node("Gemm", ["x", "W", "b"], "z")] +
            nodes + [node("Gemm", ["h", "V", "c"], "y")], h @ V + c, **more)

    def elu(z, alpha):
        return np.where(z > 0, z, alpha * np.expm1(z))

    f = np.float32
    gamma, alpha = 1.0507009873554805, 1.6732632423543772
    between("selu", [node("Selu", ["z"], "h")], gamma * elu(z, alpha))
    between("selu_other", [node("Selu", ["z"], "h", alpha=0.5, gamma=-2.0)],
            -2 * elu(z, 0.5))
    add("activations-selu_last", body("x", "u") + [node("Selu", ["u"], "y")],
        gamma * elu(hidden(X.astype(np.float64)) @ V + c, alpha))
    between("prelu", [node("PRelu", ["z", "s"], "h")],
            np.where(z > 0, z, 0.25 * z), s=np.array([0.25], f))
    between("celu", [node("Celu", ["z"], "h")], elu(z, 1))
    between("celu_half", [node("Celu", ["z"], "h", alpha=0.5)],
            np.maximum(z, 0) + np.minimum(0, 0.5 * np.expm1(z / 0.5)))
    between("clip", [node("Clip", ["z", "n"], "h")], relu(z), n=f(0))
    between("clip_infinite", [node("Clip", ["z", "n", "m"], "h")], relu(z),
            n=f(0), m=f(np.inf))
    between("clip_low", [node("Clip", ["z", "n"], "h")], np.maximum(z, -0.5),
            n=f(-0.5))
    between("clip_high", [node("Clip", ["z", "", "n"], "h")],
            np.minimum(z, 0.5), n=f(0.5))
    between("clip_attribute", [node("Clip", ["z"], "h", min=0.0)], relu(z),
            opset=9)
    between("max", [node("Max", ["z", "n"], "h")], relu(z), n=f(0))
    between("max_first", [node("Max", ["n", "z"], "h")], np.maximum(z, 0.25),
            n=f([0.25]))
    between("min", [node("Min", ["z", "n"], "h")], np.minimum(z, 0.25),
            n=f(0.25))
    between("leaky_relu_0", [node("LeakyRelu", ["z"], "h", alpha=0.0)], relu(z))
    between("elu_0", [node("Elu", ["z"], "h", alpha=0.0)], relu(z))
    add("activations-sum", [node("MatMul", ["x", "W"], "z0"),
                            node("Sum", ["z0", "b"], "z"),
                            node("Sum", ["z"], "z1"),
                            node("Relu", ["z1"], "h"),
                            node("Gemm", ["h", "V", "c"], "y")],
        relu(z) @ V + c)
    erf = np.vectorize(math.erf)
    root = np.sqrt(2 / np.pi)
    tanh = np.tanh(root * (z + 0.044715 * z ** 3))
    between("gelu", [node("Gelu", ["z"], "h")],
            z * (1 + erf(z / np.sqrt(2))) / 2, opset=20)
    between("gelu_tanh", [node("Gelu", ["z"], "h", approximate="tanh")],
            z * (1 + tanh) / 2, opset=20)
    between("gelu_factored", [  # z (1 + 0.044715 z^2)
        node("Pow", ["z", "two"], "p"), node("Mul", ["p", "k"], "q"),
        node("Add", ["o", "q"], "r"), node("Mul", ["r", "z"], "s"),
        node("Mul", ["s", "root"], "t"), node("Tanh", ["t"], "u"),
        node("Add", ["u", "o"], "v"), node("Mul", ["v", "z"], "w"),
        node("Div", ["w", "two"], "h")], z * (1 + tanh) / 2, two=f(2), o=f(1),
        k=f(0.044715), root=f(root))
    between("gelu_pow", [
        node("Pow", ["z", "three"], "p"), node("Mul", ["p", "k"], "q"),
        node("Add", ["q", "z"], "r"), node("Mul", ["root", "r"], "t"),
        node("Tanh", ["t"], "u"), node("Add", ["u", "o"], "v"),
        node("Mul", ["n", "z"], "w"), node("Mul", ["w", "v"], "h")],
        z * (1 + tanh) / 2, three=f(3), o=f(1), k=f(0.044715), root=f(root),
        n=f([0.5]))
    z2 = hidden(X.astype(np.float64)) @ V + c
    add("activations-softmax_11", body("x", "u") + [node("Softmax", ["u"], "y")],
        softmax(z2), opset=11)
    add("activations-softmax_-1", body("x", "u") + [
        node("Softmax", ["u"], "y", axis=-1)], softmax(z2), opset=11)
    between("scaled_silu", [
        node("Mul", ["z", "n"], "z1"), node("Sigmoid", ["z1"], "s"),
        node("Mul", ["s", "z1"], "h")], 3 * z * sigmoid(3 * z), n=f(3))
    last = hidden(X.astype(np.float64)) @ V + c
    add("activations-neg", body("x", "u") + [node("Neg", ["u"], "y")], -last)
    add("activations-one_minus_sigmoid", body("x", "u") + [
        node("Sigmoid", ["u"], "p"), node("Sub", ["o", "p"], "y")],
        1 - sigmoid(last), o=f(1))


def constants():
    """Constants in each form that a Constant node or a tensor has."""
    x = X.astype(np.float64)
    A = hidden(x) @ V + c
    plain = body("q")

    def constant(name, **value):
        return helper.make_node("Constant", [], [name], **value)

    add("constants-lists", [
        constant("s", value_floats=[1.0, 2.0, 3.0, 4.0]),
        constant("a", value_ints=[-1, 4]),
        node("Div", ["x", "s"], "t"), node("Reshape", ["t", "a"], "q")] + plain,
        hidden(x / [1, 2, 3, 4]) @ V + c)
    add("constants-numbers", [
        constant("s", value_float=2.0), constant("a", value_int=0),
        node("Div", ["x", "s"], "t"), node("Unsqueeze", ["t", "one"], "u"),
        node("Gather", ["u", "a"], "q", axis=1)] + plain, hidden(x / 2) @ V + c,
        one=ints(1))
    doubles = helper.make_tensor("s", T.DOUBLE, [4], [1, 2, 4, 8])
    longs = helper.make_tensor("a", T.INT64, [2], [0, -1])
    add("constants-typed_lists", [
        node("Cast", ["s"], "sf", to=T.FLOAT),
        node("Mul", ["x", "sf"], "t"), node("Reshape", ["t", "a"], "q")] +
        plain, hidden(x * [1, 2, 4, 8]) @ V + c, s=doubles, a=longs)
    add("constants-identity", [
        node("Identity", ["no"], "no1"), node("Identity", ["W"], "W1"),
        node("Dropout", ["x", "r", "no1"], "q"),
        node("Gemm", ["q", "W1", "b"], "z"), node("Relu", ["z"], "h"),
        node("Gemm", ["h", "V", "c"], "y")], A, r=np.float32(0.5),
        no=helper.make_tensor("no", T.BOOL, [], [False]))


def with_label(data):
    """Makes the first output of a graph one of integers."""
    model = onnx.ModelProto.FromString(data)
    model.graph.output[0].type.tensor_type.elem_type = T.INT64
    return model.SerializeToString()


def outputs():
    """Several outputs."""
    z = hidden(X.astype(np.float64)) @ V + c
    add("outputs-probabilities", body("x") + [
        node("Softmax", ["y"], "p", axis=1)], softmax(z), outputs=("y", "p"))
    add("outputs-first", body("x") + [node("Sigmoid", ["y"], "p")], sigmoid(z),
        outputs=("p", "y"))
    add("outputs-equal", body("x", "u") + [
        node("ArgMax", ["u"], "best", axis=1), node("Identity", ["u"], "y"),
        node("Identity", ["u"], "y2")], z, outputs=("best", "y", "y2"))
    cases[-1] = (cases[-1][0], cases[-1][1], with_label(cases[-1][2]))
    add("choice", body("x") + [node("Gemm", ["h", "U", "d"], "value"),
                               node("ArgMax", ["y"], "best", axis=1)],
        hidden(X.astype(np.float64)) @ U + d, outputs=("y", "value", "best"))


def changed(data, change):
    """Changes the model of a case."""
    model = onnx.ModelProto.FromString(data)
    change(model)
    return model.SerializeToString()


def forms():
    """Forms that few exporters write, of which each part is read."""
    f = np.float32
    x = X.astype(np.float64)
    h = hidden(x)
    A = h @ V + c
    column_A = h @ U + d

    def last(change):
        name, numbers, data = cases[-1]
        cases[-1] = (name, numbers, changed(data, change))

    # Shapes.
    add("tails-squeeze_no_axes", column("u") + [
        node("Squeeze", ["u"], "y")], column_A, opset=11)
    last(lambda m: m.graph.node[-1].attribute.add(
        name="axes", type=onnx.AttributeProto.INTS))
    add("tails-flatten_last", column("u") + [
        node("Flatten", ["u"], "y", axis=2)], column_A)
    add("tails-row_twice", column("u") + [
        node("Flatten", ["u"], "v", axis=0), node("Flatten", ["v"], "y")],
        column_A)
    add("tails-flatten_but_last", column("u") + [
        node("Shape", ["u"], "n"), node("Slice", ["n", "o", "e", "o"], "s"),
        node("Concat", ["s", "a"], "k", axis=0),
        node("Reshape", ["u", "k"], "y")], column_A, o=ints(0), e=ints(-1),
        a=ints(1))
    k = numbers(1, 1)
    add("tails-flatten_between", column("u") + [  # Gemm wants two dimensions
        node("Shape", ["u"], "n"), node("Slice", ["n", "o", "o", "o"], "s"),
        node("Concat", ["s", "a"], "t", axis=0),
        node("Reshape", ["u", "t"], "v"), node("Unsqueeze", ["v", "e"], "w"),
        node("Gemm", ["w", "k"], "y")], column_A @ k, o=ints(0), a=ints(-1),
        e=ints(1), k=k)
    add("tails-two_parts", column("u") + [
        node("Shape", ["u"], "n"), node("Slice", ["n", "o", "e", "o"], "s"),
        node("Slice", ["n", "i", "j", "o"], "t"),
        node("Concat", ["s", "t"], "r", axis=0),
        node("Reshape", ["u", "r"], "v"), node("Gemm", ["v", "k"], "y")],
        column_A @ k, o=ints(0), e=ints(1), i=ints(-1), j=ints(2 ** 62), k=k)
    add("tails-transposed", column("u") + [node("Transpose", ["u"], "y")],
        column_A)
    add("tails-slice_steps", column("u") + [
        node("Slice", ["u", "o", "e", "a", "s"], "y")], column_A, o=ints(0),
        e=ints(1), a=ints(1), s=ints(1))
    add("shapes-copied_unknown", [node("Reshape", ["x", "a"], "q")] +
        body("q"), A, shape=("N", "d"), a=ints(0, 4))
    add("shapes-rest_of_unknown", [node("Reshape", ["x", "a"], "q")] +
        body("q"), A, shape=("N", "d"), a=ints(-1, 4))
    add("shapes-static_unknown", [node("Reshape", ["x", "a"], "q")] +
        body("q"), A, shape=(3, "d"), a=ints(3, 4))
    add("shapes-static_both", [node("Reshape", ["x", "a"], "q")] +
        body("q"), A, shape=(3, 2, 2), a=ints(3, 4))
    add("shapes-untyped", body("x"), A)
    last(lambda m: m.graph.input[0].ClearField("type"))
    add("shapes-sequence", body("x"), A)
    last(lambda m: m.graph.input[0].type.sequence_type.elem_type.Clear())
    last(lambda m: m.graph.input[0].type.sequence_type.SetInParent())
    m = numbers(1, 1, 4)
    add("ranks-flatten_behind_rows", [
        node("Sub", ["x", "m"], "s"), node("Flatten", ["s"], "q", axis=2)] +
        body("q"), hidden(x - m.reshape(4)) @ V + c, m=m)
    m = numbers(1, 1, 4)
    add("ranks-gather_first", [  # axis 0 is the default
        node("Sub", ["x", "m"], "s"), node("Gather", ["s", "o"], "q")] +
        body("q"), hidden(x - m.reshape(4)) @ V + c, m=m, o=np.int64(0))
    m = numbers(2, 1, 2)
    add("ranks-hole", [node("Sub", ["x", "m"], "s"),
                       node("Flatten", ["s"], "q")] + body("q"),
        hidden(x - m.reshape(4)) @ V + c, shape=("N", 2, 1, 2), m=m)
    n = [numbers(4), numbers(4), numbers(4), np.abs(numbers(4))]
    g, t, m, v = n
    norm = {f"n{i}": a for i, a in enumerate(n)}
    add("ranks-norm_unknown", [
        node("BatchNormalization", ["x", "n0", "n1", "n2", "n3"], "q")] +
        body("q"), hidden(g * (x - m) / np.sqrt(v + 1e-5) + t) @ V + c,
        shape=("N", "d"), **norm)

    # Maps.
    n = [numbers(3), numbers(3), numbers(3), np.abs(numbers(3)) + f(0.1)]
    g, t, m, v = n
    norm = {f"n{i}": a for i, a in enumerate(n)}
    for name, epsilon in (("norm_last", 1e-5), ("norm_no_epsilon", 0.0),
                          ("norm_infinite", float("inf"))):
        add("scalings-" + name, head("x") + [
            node("MatMul", ["h", "V"], "u"), node(
                "BatchNormalization", ["u", "n0", "n1", "n2", "n3"], "y",
                epsilon=epsilon)],
            g * (h @ V - m) / np.sqrt(v + epsilon) + t, **norm)
    add("scalings-negative", body("x", "u") + [
        node("Mul", ["u", "f"], "v"), node("Add", ["v", "e"], "y")],
        A * -2 + 0.5, f=f(-2), e=f(0.5))
    add("scalings-mul_sub", body("x", "u") + [
        node("Mul", ["u", "f"], "v"), node("Sub", ["v", "e"], "y")],
        A * 2 - 0.5, f=f(2), e=f(0.5))
    add("scalings-div_add", body("x", "u") + [
        node("Div", ["u", "f"], "v"), node("Add", ["v", "e"], "y")],
        A / 2 + 0.5, f=f(2), e=f(0.5))
    tiny = np.array([1e-30, 1, 1, 1], f)
    add("scalings-tiny", [  # the first deviation is no float
        node("Mul", ["x", "f"], "s"), node("Mul", ["s", "f"], "q")] +
        body("q"), hidden(x * tiny.astype(np.float64) ** 2) @ V + c, f=tiny)

    # Numbers.
    D = {k: helper.make_tensor(k, T.DOUBLE, TENSORS[k].shape,
                               TENSORS[k].astype(np.float64).ravel())
         for k in "WbVc"}
    add("doubles-lists", body("x"), A, kind=T.DOUBLE, out_kind=T.DOUBLE, **D)
    zeros = np.array([1.0, 0, 1, -2])
    add("doubles-zero", [node("Mul", ["x", "s"], "q")] + body("q"),
        hidden(x * zeros) @ V + c, kind=T.DOUBLE, out_kind=T.DOUBLE, s=zeros,
        **D)
    add("doubles-centred_zero", [node("Sub", ["x", "t"], "p"),
                                 node("Mul", ["p", "s"], "q")] + body("q"),
        hidden((x - 0.5) * zeros) @ V + c, kind=T.DOUBLE, out_kind=T.DOUBLE,
        s=zeros, t=np.full(4, 0.5), **D)
    casts = [node("Cast", [k], k + "f", to=T.DOUBLE) for k in "WbVc"]
    layers = [node("Gemm", ["x", "Wf", "bf"], "z"), node("Relu", ["z"], "h"),
              node("Gemm", ["h", "Vf", "cf"], "y")]
    add("doubles-cast", casts + layers, A, kind=T.DOUBLE, out_kind=T.DOUBLE,
        **D)
    casts = [node("Cast", [k], k + "f", to=T.FLOAT) for k in "WbVc"]
    add("constants-rounded_doubles", casts + layers, A, **D)
    whole = {k: np.round(3 * TENSORS[k]).astype(np.int32) for k in "WbVc"}
    listed = {k: helper.make_tensor(k, T.INT32, v.shape, v.ravel())
              for k, v in whole.items()}
    add("halves-listed_integers", casts + layers,
        relu(x @ whole["W"] + whole["b"]) @ whole["V"] + whole["c"], **listed)
    listed = {k: helper.make_tensor(k, T.FLOAT, TENSORS[k].shape,
                                    TENSORS[k].ravel()) for k in "WbVc"}
    add("constants-listed", body("x"), A, **listed)
    add("constants-transposed_vector", [node("Transpose", ["b"], "bt"),
                                        node("Gemm", ["x", "W", "bt"], "z"),
                                        node("Relu", ["z"], "h"),
                                        node("Gemm", ["h", "V", "c"], "y")], A)
    add("constants-list_of_one", [  # it keeps the dimension
        helper.make_node("Constant", [], ["a"], value_ints=[0]),
        node("Gather", ["x", "a"], "s", axis=1),
        node("Squeeze", ["s", "o"], "q")] + body("q"), A, shape=("N", 1, 4),
        o=ints(1))
    add("dropout-copied_constant", [
        helper.make_node("Constant", [], ["t"], value=numpy_helper.from_array(
            np.bool_(False))),
        node("Identity", ["t"], "t1"), node("Identity", ["t1"], "t2"),
        node("Dropout", ["x", "r", "t2"], "q")] + body("q"), A, r=f(0.5))
    add("dropout-no_mask", [
        node("Gemm", ["x", "W", "b"], "z"),
        helper.make_node("Dropout", ["z"], ["q", ""]),
        node("Relu", ["q"], "h"), node("Gemm", ["h", "V", "c"], "y")], A)

    # Domains.
    add("domains-named", body("x"), A)

    def name_domains(model):
        model.opset_import[0].domain = "ai.onnx"
        for n in model.graph.node:
            n.domain = "ai.onnx"

    last(name_domains)
    add("domains-functions", body("x"), A)
    last(lambda m: m.functions.extend(helper.make_function(
        domain, "Relu", ["a"], ["b"], [helper.make_node("Neg", ["a"], ["b"])],
        [helper.make_opsetid("", 13)]) for domain in ("example", "my.own")))

    # Activations.
    z = x @ W + b
    root = np.sqrt(2 / np.pi)
    erf = np.vectorize(math.erf)
    tanh = np.tanh(root * (z + 0.044715 * z ** 3))

    def between(name, nodes, a, **more):
        add("activations-" + name, [node("Gemm", ["x", "W", "b"], "z")] +
            nodes + [node("Gemm", ["h", "V", "c"], "y")], a @ V + c, **more)

    between("gelu_none", [node("Gelu", ["z"], "h", approximate="none")],
            z * (1 + erf(z / np.sqrt(2))) / 2, opset=20)
    between("gelu_z_first", [  # z (1 + 0.044715 z^2)
        node("Mul", ["z", "z"], "p"), node("Mul", ["p", "k"], "q"),
        node("Add", ["q", "o"], "r"), node("Mul", ["z", "r"], "s"),
        node("Mul", ["s", "root"], "t"), node("Tanh", ["t"], "u"),
        node("Add", ["u", "o"], "v"), node("Mul", ["v", "z"], "w"),
        node("Div", ["w", "two"], "h")], z * (1 + tanh) / 2, two=f(2), o=f(1),
        k=f(0.044715), root=f(root))
    between("gelu_nearly_1", [  # within 1e-6
        node("Mul", ["z", "root"], "p"), node("Erf", ["p"], "q"),
        node("Add", ["q", "o"], "r"), node("Mul", ["z", "r"], "s"),
        node("Mul", ["s", "half"], "h")], z * (1 + erf(z / np.sqrt(2))) / 2,
        root=f(math.sqrt(0.5)), o=f(1 + 5e-7), half=f(0.5))
    slope = f(1e-20)
    between("leaky_relu_tiny", [node("LeakyRelu", ["z"], "h",
                                     alpha=float(slope))],
            np.where(z > 0, z, slope * z))
    add("outputs-log_softmax", body("x", "u") + [
        node("LogSoftmax", ["u"], "v", axis=1), node("Flatten", ["v"], "y")],
        softmax(A))

    # Outputs.
    add("outputs-untyped", body("x"), A)
    last(lambda m: m.graph.output[0].ClearField("type"))
    add("outputs-no_element_type", body("x"), A)
    last(lambda m: m.graph.output[0].type.tensor_type.ClearField("elem_type"))
    add("outputs-first_softmax", body("x") + [
        node("Softmax", ["y"], "p", axis=1)], softmax(A), outputs=("p", "y"))
    add("choice-nameless", body("x") + [
        node("Gemm", ["h", "U", "d"], "value")], column_A,
        outputs=("", "y", "value"))
    last(lambda m: m.graph.output[0].ClearField("name"))


def not_finite():
    """Weights that Casts and types of 16 bits make infinite or no number; X
    meets none of them, and A is what the weights are, by columns."""
    f = np.float32
    inf = np.inf
    large = np.array([[1e6, -1e6, inf, -inf],
                      [65519, 65520, -65520, np.nan]], f)
    expected = np.array([[inf, -inf, inf, -inf], [65504, inf, -inf, np.nan]])

    def weights(name, numbers, expected, casts):
        values = ["w"] + [f"w{i}" for i in range(len(casts))]
        add("weights-" + name, [
            node("Cast", [values[i]], values[i + 1], to=to)
            for i, to in enumerate(casts)] + [
                node("MatMul", ["x", values[-1]], "y")],
            np.vstack([expected, expected[:1]]), shape=("N", 2), w=numbers)

    with np.errstate(over="ignore"):
        half = large.astype(np.float16)
    weights("float16", half, expected, [T.FLOAT])
    weights("cast_to_float16", large, expected, [T.FLOAT16, T.FLOAT])
    most = float(np.finfo(f).max)
    weights("cast_to_bfloat16", np.array([[most, -most, inf, np.nan],
                                          [1, 1.00390625, 1.01171875,
                                           1.5 * 2.0 ** -133]], f),
            np.array([[inf, -inf, inf, np.nan],
                      [1, 1, 1.015625, 2.0 ** -132]]),
            [T.BFLOAT16, T.FLOAT])
    weights("cast_to_float", np.array([[1e300, -1e300, 1e-300, 0.1],
                                       [inf, -inf, np.nan, 1]]),
            np.array([[inf, -inf, 0, float(f(0.1))], [inf, -inf, np.nan, 1]]),
            [T.FLOAT])


def names():
    """Labels of classes in a ZipMap."""
    A = hidden(X.astype(np.float64)) @ V + c

    def zipped(name, outputs=("m",), **labels):
        zip_map = node("ZipMap", ["p"], "m", domain="ai.onnx.ml", **labels)
        add("names-" + name, body("x", "u") + [
            node("Softmax", ["u"], "p", axis=1), zip_map], softmax(A),
            outputs=outputs)

    zipped("strings", classlabels_strings=["", "b", "\u20ac"])
    zipped("integers", classlabels_int64s=[-3, 0, 2 ** 40])
    zipped("few_strings", classlabels_strings=["a", "b"])
    zipped("few_integers", classlabels_int64s=[1, 2])
    zipped("beside", outputs=("p", "m"), classlabels_strings=["a", "b", "c"])

    def properties(name, *pairs):
        add("names-" + name, body("x"), A)

        def change(model):
            for key, value in pairs:
                p = model.metadata_props.add()
                if key is not None:
                    p.key = key
                if value is not None:
                    p.value = value

        cases[-1] = (cases[-1][0], A, changed(cases[-1][2], change))

    properties("one_of_three", ("mlp.class.0", "a"))
    properties("no_value", (None, "x"), ("mlp.class.2", "c"),
               ("mlp.class.0", None), ("mlp.class.1", "b"), ("mlp", "x"),
               ("mlp.other", "x"), ("key", None), ("mlpx", "kept"))


scalings()
ranks()
halves()
tails()
orders()
shapes()
small()
activations()
constants()
outputs()
forms()
not_finite()
names()

FOLDER = os.path.dirname(os.path.abspath(__file__))
with open(os.path.join(FOLDER, "onnx_cases.txt"), "w") as to:
    for name, A, data in cases:
        print("case", name, file=to)
        for title, rows in (("X", X), ("A", A)):
            rows = np.asarray(rows, np.float64).reshape(ROWS, -1)
            print(title, *rows.shape, file=to)
            for row in rows:
                print(*(repr(float(x)) for x in row), file=to)
        print("file", name + ".onnx", len(data), file=to)
        for i in range(0, len(data), 40):
            print(data[i:i + 40].hex(), file=to)
