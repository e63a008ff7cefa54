# SPDX-License-Identifier: MIT
"""Random ONNX graphs, and what they compute.

    onnx_graphs.py make FOLDER COUNT SEED
    onnx_graphs.py judge FOLDER [--list]

`make` writes FOLDER/<i>.onnx for i from 0 to COUNT - 1, and FOLDER/<i>.txt with
the dimensions of an input, its numbers, and then the numbers of the output,
which NumPy computes in double precision while the graph is made. `onnx_tool
graphs` and, where it can be had, onnx_graphs.js (ONNX Runtime) load the same
graphs and write FOLDER/ours.txt and FOLDER/theirs.txt, with a line for each:

    <i> numbers ...        the output
    <i> ! message          the graph was refused

`judge` compares them. A graph that the library loads must give the numbers of
NumPy within 1e-5 of the largest number of the output, or of 1e-6 if all are
smaller: a gelu that NumPy computes from 1 + tanh(z) has no more digits. Where
ONNX Runtime, which computes in single precision like the library, is further
from NumPy than that, the graph multiplies rounding errors, and ten times that
distance is allowed; without ONNX Runtime, one graph of fifty may be up to 1e-3
apart. A refusal must name a node or a layer. The exit status is 1 if a graph is
wrong in silence, if a refusal names nothing, if ONNX Runtime often differs from
NumPy (then this file is wrong), or if fewer than half of the graphs were
loaded.

A graph has elementwise maps before, between and behind its layers; layers as
Gemm with alpha, beta, transposes and biases of each shape, or as MatMul and
Add; batch norm; activations as operators and as products; nodes that change the
shape; constants as initializers and as nodes, of each rank and type, through
Cast, Transpose and Identity; nodes in any order; inputs with 2 to 4 dimensions.
"""
import collections
import math
import os
import re
import sys

import numpy as np
from onnx import TensorProto, helper, numpy_helper

ROWS = 5
TOLERANCE = 1e-5
ERF = np.vectorize(math.erf)


class Graph:
    """A graph while it is made: `value` is the name of the last value, and `x`
    are its numbers for the input."""

    def __init__(self, seed):
        self.rng = np.random.RandomState(seed)
        self.nodes, self.tensors, self.names = [], [], 0
        self.double = self.chance(0.3)
        self.opset = int(self.rng.choice([9, 11, 12, 13, 14, 15, 17]))

    def chance(self, p):
        return self.rng.rand() < p

    def pick(self, *choices):
        return choices[self.rng.randint(len(choices))]

    def name(self, prefix):
        self.names += 1
        return f"{prefix}{self.names}"

    def op(self, kind, inputs, **attributes):
        name = self.name(kind.lower())
        self.nodes.append(helper.make_node(kind, inputs, [name], name=name,
                                           **attributes))
        return name

    def step(self, kind, others, x, first=False, **attributes):
        """Adds a node that takes the value and constants, and gives x."""
        inputs = others + [self.value] if first else [self.value] + others
        self.value = self.op(kind, inputs, **attributes)
        self.x = x

    def numbers(self, *shape):
        """Numbers that float16 can hold, so that no type rounds them."""
        numbers = self.rng.randn(*shape)
        if self.chance(0.3):
            numbers = np.abs(numbers) + 0.25
        return np.float16(numbers).astype(np.float64)

    def constant(self, numbers):
        """Adds a constant in one of its many forms; returns its name."""
        numbers = np.asarray(numbers, np.float64)
        kind = np.float64 if self.double else np.float32
        turn = numbers.ndim == 2 and self.chance(0.15)
        if turn:
            numbers = numbers.T
        stored = np.float16 if self.chance(0.08) else kind
        name = self.name("c")
        tensor = numpy_helper.from_array(
            np.ascontiguousarray(numbers.astype(stored)), name)
        if stored is not np.float16 and self.chance(0.1):
            tensor = helper.make_tensor(name, tensor.data_type, numbers.shape,
                                        numbers.astype(stored).ravel())
        if numbers.ndim == 0 and stored is np.float32 and self.chance(0.1) \
                and self.opset >= 12:
            self.nodes.append(helper.make_node("Constant", [], [name],
                                               value_float=float(numbers)))
        elif self.chance(0.25):
            tensor.name = ""
            self.nodes.append(helper.make_node("Constant", [], [name],
                                               value=tensor))
        else:
            self.tensors.append(tensor)
        if stored is np.float16:
            name = self.op("Cast", [name], to=TensorProto.DOUBLE if self.double
                           else TensorProto.FLOAT)
        if turn:
            name = self.op("Transpose", [name], **(
                {"perm": [1, 0]} if self.chance(0.5) else {}))
        if self.chance(0.05):
            name = self.op("Identity", [name])
        return name

    def integers(self, *numbers, scalar=False):
        name = self.name("i")
        array = np.array(numbers[0] if scalar else numbers, np.int64)
        if self.chance(0.3):
            self.nodes.append(helper.make_node(
                "Constant", [], [name], value=numpy_helper.from_array(array)))
        else:
            self.tensors.append(numpy_helper.from_array(array, name))
        return name

    # --------------------------------------------------------------------------
    # Elementwise maps

    def row_shape(self):
        """A shape that meets the value: of one element, of its columns, or of
        a part of its dimensions; sometimes with more dimensions."""
        inner = list(self.x.shape[1:])
        kind = self.rng.rand()
        if not inner or kind < 0.3:
            shape = [1] * self.rng.randint(0, self.x.ndim + 1)
        elif kind < 0.8:
            shape = inner
        else:
            shape = [n if self.chance(0.5) else 1 for n in inner]
            shape = shape[self.rng.randint(len(shape)):]
        if self.chance(0.2):
            shape = [1] + shape
        if self.chance(0.03):
            shape = [1] * (self.x.ndim + 1 - len(shape)) + shape
        return shape

    def elementwise(self):
        kind = self.rng.rand()
        if kind < 0.07:
            self.step("Neg", [], -self.x)
        elif kind < 0.12:
            self.step("Identity", [], self.x)
        elif kind < 0.17:
            wide = TensorProto.DOUBLE if self.double else TensorProto.FLOAT
            self.step("Cast", [], self.x, to=TensorProto.DOUBLE)
            self.step("Cast", [], self.x, to=wide)
        elif kind < 0.21:
            self.step("Dropout", [], self.x)
        elif kind < 0.30:
            self.batch_norm()
        else:
            self.arithmetic()

    def arithmetic(self):
        c = self.numbers(*self.row_shape())
        op = self.pick("Add", "Sub", "Mul", "Div", "Sum")
        first = self.chance(0.4)
        if op == "Div" and (not first or self.chance(0.9)):
            first = False
            c = np.where(np.abs(c) < 0.25, 0.5, c)
        x = self.x
        result = {"Add": lambda: x + c, "Mul": lambda: x * c,
                  "Sub": lambda: c - x if first else x - c,
                  "Div": lambda: c / x if first else x / c,
                  "Sum": lambda: x + c}[op]()
        inputs = [self.constant(c)]
        if op == "Sum" and self.chance(0.3):
            d = self.numbers(*c.shape)
            inputs, result = inputs + [self.constant(d)], result + d
        self.step(op, inputs, result, first)

    def batch_norm(self):
        if self.x.ndim < 2:
            return
        n = self.x.shape[1]
        scale, shift, mean = (self.numbers(n) for _ in range(3))
        variance = np.abs(self.numbers(n)) + 0.125
        epsilon = self.pick(1e-5, 1e-3)
        shape = [n] + [1] * (self.x.ndim - 2)
        s, t, m, v = (a.reshape(shape) for a in (scale, shift, mean, variance))
        self.step("BatchNormalization",
                  [self.constant(a) for a in (scale, shift, mean, variance)],
                  s * (self.x - m) / np.sqrt(v + epsilon) + t, epsilon=epsilon)

    def chain(self, most):
        for _ in range(self.rng.randint(most + 1)):
            self.elementwise()

    # --------------------------------------------------------------------------
    # Shapes

    def reshape(self):
        """A node that changes the shape; most of them keep the rows."""
        x, shape = self.x, list(self.x.shape)
        n = int(np.prod(shape[1:]))
        kind = self.rng.randint(8)
        if kind == 0 and self.opset >= 13:
            at = self.rng.randint(1, x.ndim + 1)
            self.step("Unsqueeze", [self.integers(at)], np.expand_dims(x, at))
        elif kind == 1 and 1 in shape[1:]:
            at = shape.index(1, 1)
            axes = ({} if self.opset >= 13 else {"axes": [at]})
            others = [self.integers(at)] if self.opset >= 13 else []
            self.step("Squeeze", others, np.squeeze(x, at), **axes)
        elif kind == 2:
            perm = list(self.rng.permutation(x.ndim))
            if self.chance(0.7):  # dimensions of 1 move, others do not
                perm = [i for i in range(x.ndim) if i == 0 or shape[i] > 1]
                for i in range(1, x.ndim):
                    if shape[i] == 1:
                        perm.insert(self.rng.randint(1, len(perm) + 1), i)
            self.step("Transpose", [], x.transpose(perm),
                      perm=[int(p) for p in perm])
        elif kind == 3:
            axis = self.rng.randint(0, x.ndim + 1) if self.chance(0.2) else 1
            self.step("Flatten", [], x.reshape(
                int(np.prod(shape[:axis])), -1), axis=axis)
        elif kind < 6:
            wanted = self.pick([-1, n], [0, -1], [0, n], [-1, 1, n], [0, 1, -1])
            if self.chance(0.3):
                wanted = self.pick([1, -1], [n, -1], [-1], [ROWS, n],
                                   [ROWS, -1])
            try:
                result = x.reshape([shape[i] if d == 0 else d
                                    for i, d in enumerate(wanted)])
            except ValueError:
                return
            self.step("Reshape", [self.integers(*wanted)], result)
        elif kind == 6:
            at = self.rng.randint(1, x.ndim) if x.ndim > 1 else 0
            if self.opset >= 10:
                self.step("Slice", [self.integers(0), self.integers(
                    self.pick(2 ** 31 - 1, 2 ** 63 - 1, shape[at])),
                    self.integers(at)], x)
        elif kind == 7 and x.ndim > 1 and (shape[-1] == 1 or self.chance(0.1)):
            if self.chance(0.5):
                self.step("Gather", [self.integers(0, scalar=True)], x[..., 0],
                          axis=x.ndim - 1)
            else:
                self.step("Gather", [self.integers(0)], x[..., :1],
                          axis=x.ndim - 1)

    def flat(self):
        """Brings the value to two dimensions, the first one the rows."""
        if self.x.ndim != 2:
            x = self.x.reshape(self.x.shape[0], -1)
            if self.chance(0.5):
                self.step("Flatten", [], x)
            else:
                self.step("Reshape", [self.integers(*self.pick(
                    [-1, x.shape[1]], [0, x.shape[1]]))], x)

    # --------------------------------------------------------------------------
    # Layers

    def layer(self, outputs):
        k = self.x.shape[-1]
        W = self.numbers(k, outputs) / 2
        b = self.numbers(*self.pick((outputs,), (1, outputs), (1,), (1, 1), ()))
        if self.chance(0.5):
            alpha, beta = self.pick((1, 1), (0.5, 2), (-1, 0.25), (2, 0))
            turn = self.chance(0.5)
            x = alpha * (self.x @ W)
            inputs = [self.constant(W.T if turn else W)]
            if self.chance(0.8):
                x = x + beta * b
                inputs.append(self.constant(b))
            elif self.opset < 11:  # C is optional since opset 11
                inputs.append(self.constant(np.zeros(outputs)))
            attributes = {"alpha": float(alpha)} if alpha != 1 else {}
            attributes.update({"beta": float(beta)} if beta != 1 else {})
            attributes.update({"transB": 1} if turn else {})
            self.step("Gemm", inputs, x, **attributes)
        else:
            if self.chance(0.05) and self.x.ndim == 2:
                W = W[None]
            elif outputs == 1 and self.chance(0.2):
                W = W[:, 0]
            self.step("MatMul", [self.constant(W)], self.x @ W)
            if self.chance(0.7) and W.ndim == 2:
                self.step("Add", [self.constant(b)], self.x + b,
                          self.chance(0.3))

    def product(self):
        """silu, gelu or gelu_tanh as a product of other nodes."""
        z, name, kind = self.x, self.value, self.rng.randint(3)
        half, one = self.constant(0.5), self.constant(1)
        if kind == 0:
            s = self.op("Sigmoid", [name])
            self.value = self.op("Mul", self.pick([name, s], [s, name]))
            self.x = z / (1 + np.exp(-z))
            return
        if kind == 1:
            inner = self.op("Div", [name, self.constant_exact(np.sqrt(2))])
            curve, y = self.op("Erf", [inner]), ERF(z / np.sqrt(2))
        else:
            cube = self.op("Mul", [name, self.op("Mul", [name, name])])
            cube = self.op("Mul", [cube, self.constant_exact(0.044715)])
            inner = self.op("Mul", [self.op("Add", [name, cube]),
                                    self.constant_exact(np.sqrt(2 / np.pi))])
            curve = self.op("Tanh", [inner])
            y = np.tanh(np.sqrt(2 / np.pi) * (z + 0.044715 * z ** 3))
        total = self.op("Add", self.pick([one, curve], [curve, one]))
        if self.chance(0.5):
            self.value = self.op("Mul", [self.op("Mul", [name, total]), half])
        else:
            self.value = self.op("Mul", [self.op("Mul", [name, half]), total])
        self.x = z * (1 + y) / 2

    def constant_exact(self, number):
        name = self.name("c")
        kind = np.float64 if self.double else np.float32
        self.tensors.append(numpy_helper.from_array(np.array(number, kind),
                                                    name))
        return name

    def activation(self, last):
        z, kind = self.x, self.rng.randint(18)
        c = float(np.float32(self.rng.randn()))
        low = float(self.pick(0, c))
        elu = np.where(z > 0, z, np.expm1(np.minimum(z, 0)))
        if kind < 3:
            self.step("Relu", [], np.maximum(z, 0))
        elif kind < 4:
            self.step("Tanh", [], np.tanh(z))
        elif kind < 6:
            self.step("Sigmoid", [], 1 / (1 + np.exp(-z)))
        elif kind == 6:
            slope = self.pick(0.25, 0.0, 0.01, 1.0, 0.5, -0.5)
            self.step("LeakyRelu", [], np.where(z > 0, z, slope * z),
                      alpha=slope)
        elif kind == 7:
            alpha = self.pick(1.0, 0.5, 2.0, 0.0)
            self.step("Elu", [], np.where(z > 0, z, alpha * elu), alpha=alpha)
        elif kind == 8:
            self.step("Softplus", [], np.logaddexp(0, z))
        elif kind == 9 and not self.double:
            self.step("Selu", [], 1.0507009873554805 * np.where(
                z > 0, z, 1.6732632423543772 * elu))
        elif kind == 10 and self.opset >= 12 and not self.double:
            alpha = self.pick(1.0, 0.5, 2.0)
            self.step("Celu", [], np.maximum(z, 0) + np.minimum(
                0, alpha * np.expm1(np.minimum(z, 0) / alpha)), alpha=alpha)
        elif kind == 11 and not self.double:
            slope = self.numbers(*self.pick((1,), (1,), (z.shape[-1],)))
            slope = np.abs(slope) if self.chance(0.8) else slope
            self.step("PRelu", [self.constant(slope)],
                      np.where(z > 0, z, slope * z))
        elif kind == 12 and self.opset >= 12:
            bounds = [self.constant_exact(low)] if self.chance(0.6) else \
                ["", self.constant_exact(low)]
            self.step("Clip", bounds, np.maximum(z, low) if len(bounds) == 1
                      else np.minimum(z, low))
        elif kind == 13:
            op = self.pick("Max", "Min")
            self.step(op, [self.constant_exact(low)], {
                "Max": np.maximum, "Min": np.minimum}[op](z, low),
                self.chance(0.5))
        elif kind in (14, 15) and not self.double:
            self.product()
        elif kind == 16 and self.chance(0.3):
            self.step("Abs", [], np.abs(z))
        elif last and z.ndim >= 2:
            axis = self.pick(-1, z.ndim - 1)
            if self.opset < 13:
                axis = z.ndim - 1
            e = np.exp(z - z.max(axis=-1, keepdims=True))
            self.step("Softmax", [], e / e.sum(axis=-1, keepdims=True),
                      axis=axis)

    # --------------------------------------------------------------------------
    # The whole

    def make(self):
        n = self.rng.randint(1, 7)
        inner = self.pick([n], [n], [n], [1, n], [1, 1, n], [2, 2], [2, 1, 3])
        batch = self.pick("N", "N", ROWS, -1)
        shape = [batch] + [d if self.chance(0.9) else "d" for d in inner]
        self.x = X = np.float32(self.rng.randn(ROWS, *inner)).astype(np.float64)
        self.value = "input"
        self.chain(4)
        if self.chance(0.25):
            self.reshape()
            self.chain(1)
        self.flat()
        layers = self.rng.randint(1, 4)
        for l in range(layers):
            last = l == layers - 1
            if self.x.ndim < 2:
                self.flat()
            self.layer(self.rng.randint(1, 5))
            self.chain(3 if self.chance(0.6) else 0)
            if self.chance(0.07):
                self.reshape()
            if not last or self.chance(0.6):
                self.activation(last)
                if self.chance(0.03):
                    self.activation(last)
            self.chain(3 if self.chance(0.5) else 0)
        if self.chance(0.2):
            self.reshape()
            self.chain(1)
        if not self.nodes or self.value == "input":
            self.step("Identity", [], self.x)
        self.nodes.append(helper.make_node("Identity", [self.value],
                                           ["output"], name="end"))
        if self.chance(0.15):
            self.rng.shuffle(self.nodes)
        kind = TensorProto.DOUBLE if self.double else TensorProto.FLOAT
        graph = helper.make_graph(
            self.nodes, "random",
            [helper.make_tensor_value_info("input", kind, shape)],
            [helper.make_tensor_value_info("output", kind, None)],
            self.tensors)
        model = helper.make_model(graph, opset_imports=[
            helper.make_opsetid("", self.opset)], ir_version=7)
        return model.SerializeToString(), X


def make(folder, count, seed):
    for i in range(count):
        graph = Graph([seed, i])
        with np.errstate(all="ignore"):
            data, X = graph.make()
        with open(os.path.join(folder, f"{i}.onnx"), "wb") as to:
            to.write(data)
        with open(os.path.join(folder, f"{i}.txt"), "w") as to:
            print("float64" if graph.double else "float32", *X.shape, file=to)
            print(*map(repr, X.ravel().tolist()), file=to)
            print(*map(repr, graph.x.ravel().tolist()), file=to)


# ------------------------------------------------------------------------------
# Judging

def read_results(path):
    results = {}
    if os.path.exists(path):
        with open(path) as lines:
            for line in lines:
                i, _, rest = line.rstrip("\n").partition(" ")
                results[int(i)] = rest if rest.startswith("!") else np.array(
                    rest.split(), np.float64)
    return results


def distance(a, b):
    """The distance of two outputs, as a multiple of the tolerance. NaN if a
    number is not finite: float and double overflow at different places, so such
    a graph tells nothing."""
    if a.shape != b.shape:
        return np.inf
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        return np.nan
    size = max(np.abs(a).max(initial=0), np.abs(b).max(initial=0), 1e-6)
    return np.abs(a - b).max(initial=0) / size / TOLERANCE


NAMED = re.compile(r"operator (\S+) \(node|(node|layer|tensor) |"
                   r"(X: expects \d+ column)")  # a dimension not in the file


def judge(folder, verbose):
    ours = read_results(os.path.join(folder, "ours.txt"))
    theirs = read_results(os.path.join(folder, "theirs.txt"))
    count = sum(name.endswith(".onnx") for name in os.listdir(folder))
    counts, refused, bad = collections.Counter(), collections.Counter(), []
    for i in range(count):
        with open(os.path.join(folder, f"{i}.txt")) as text:
            expected = np.array(text.read().split("\n")[2].split(), np.float64)
        mine, their = ours.get(i), theirs.get(i)
        noise = None
        if isinstance(their, str):
            counts["ONNX Runtime refuses"] += 1
        elif their is not None:
            counts["ONNX Runtime runs"] += 1
            noise = distance(their, expected)
            counts["NumPy and ONNX Runtime differ"] += noise > 1
        if mine is None:
            bad.append(f"{i}: no result")
        elif isinstance(mine, str):
            counts["refused"] += 1
            what = NAMED.search(mine)
            refused[next(filter(None, what.groups())) if what else mine] += 1
            if not what:
                bad.append(f"{i}: the message names nothing: {mine}")
            elif verbose:
                print(f"{i}: {mine}")
        else:
            counts["loaded"] += 1
            counts["loaded, refused by ONNX Runtime"] += isinstance(their, str)
            apart = distance(mine, expected)
            allowed = 100 if noise is None else max(1, 10 * noise)
            counts["loaded, same numbers"] += apart <= 1
            counts["loaded, apart by rounding"] += 1 < apart <= allowed
            if apart > allowed:
                bad.append(f"{i}: wrong numbers: {mine} {expected}")
    for what in sorted(counts):
        print(f"{counts[what]:6} {what}")
    print("refused by", ", ".join(f"{op} {n}" for op, n in
                                  refused.most_common()))
    if 25 * counts["NumPy and ONNX Runtime differ"] > count:
        bad.append("NumPy and ONNX Runtime differ too often")
    if 50 * counts["loaded, apart by rounding"] > count:
        bad.append("too many outputs are apart by more than the tolerance")
    if 2 * counts["loaded, same numbers"] < count:
        bad.append("fewer than half of the graphs were loaded and compared")
    for line in bad[:20]:
        print("BAD", line[:300])
    return 1 if bad else 0


if __name__ == "__main__":
    if sys.argv[1] == "make":
        make(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
    else:
        sys.exit(judge(sys.argv[2], "--list" in sys.argv))
