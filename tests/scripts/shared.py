# SPDX-License-Identifier: MIT
"""The parts of shared.sh that read C's declarations or call the library:

    shared.py functions HEADER     prints the functions that a header declares
    shared.py grow HEADER...       makes the headers those of a later version,
                                   with one more field in each struct that has
                                   room for it, and prints their number
    shared.py train LIBRARY        trains XOR with ctypes
"""
import ctypes as c
import re
import sys

from declarations import Header


def grow(header):
    """Returns the number of structs that have grown."""
    with open(header, encoding="utf-8") as file:
        text = file.read()
    text, n = re.subn(r"uint64_t reserved\[(\d+)\]", lambda room:
                      "double later;\n"
                      f"    uint64_t reserved[{int(room[1]) - 1}]", text)
    text = re.sub(r"(MLP_VERSION_MINOR) (\d+)", lambda minor:
                  f"{minor[1]} {int(minor[2]) + 1}", text)
    with open(header, "w", encoding="utf-8") as file:
        file.write(text)
    return n


class View(c.Structure):
    _fields_ = [("dtype", c.c_int), ("rows", c.c_size_t), ("cols", c.c_size_t),
                ("row_stride", c.c_size_t), ("col_stride", c.c_size_t),
                ("data", c.c_void_p)]


class Layer(c.Structure):
    _fields_ = [("width", c.c_size_t), ("activation", c.c_int),
                ("slope", c.c_double), ("dropout", c.c_double),
                ("batch_norm", c.c_bool), ("reserved", c.c_uint64 * 4)]


# Of the long structs only the first members are named. What follows has room
# enough, since a function writes as much as it knows.
class Config(c.Structure):
    _fields_ = [("inputs", c.c_size_t), ("layers", c.POINTER(Layer)),
                ("n_layers", c.c_size_t), ("others", c.c_char * 4096)]


class Options(c.Structure):
    _fields_ = [("epochs", c.c_size_t), ("batch_size", c.c_size_t),
                ("learning_rate", c.c_double), ("optimizer_kind", c.c_int),
                ("others", c.c_char * 4096)]


def number_of(name_of, name):
    """The number of the constant that has this name."""
    name_of.restype = c.c_char_p
    numbers = [i for i in range(64) if name_of(i) == name.encode()]
    assert numbers, f"the library knows no {name}"
    return numbers[0]


def train(library):
    mlp = c.CDLL(library)
    mlp.mlp_version.restype = c.c_char_p
    mlp.mlp_config_defaults.restype = Config
    mlp.mlp_train_defaults.restype = Options
    for view in mlp.mlp_cview_f64, mlp.mlp_view_f64:
        view.restype = View
        view.argtypes = c.c_void_p, c.c_size_t, c.c_size_t
    mlp.mlp_fit.argtypes = [c.c_void_p, View, View, c.POINTER(Options),
                            c.c_void_p]
    mlp.mlp_predict.argtypes = [c.c_void_p, View, View]
    mlp.mlp_net_free.argtypes = [c.c_void_p]

    X = (c.c_double * 8)(0, 0, 0, 1, 1, 0, 1, 1)
    Y = (c.c_double * 4)(0, 1, 1, 0)
    A = (c.c_double * 4)()
    tanh, sigmoid = (number_of(mlp.mlp_activation_name, name)
                     for name in ("tanh", "sigmoid"))
    layers = (Layer * 2)(Layer(4, tanh), Layer(1, sigmoid))
    config = mlp.mlp_config_defaults()
    config.inputs, config.layers, config.n_layers = 2, layers, 2
    options = mlp.mlp_train_defaults()
    options.epochs, options.batch_size, options.learning_rate = 5000, 0, 0.5
    options.optimizer_kind = number_of(mlp.mlp_optimizer_name, "sgd")

    net = c.c_void_p()
    status = mlp.mlp_net_create(c.byref(config), c.byref(net))
    assert status == 0, f"mlp_net_create: {status}"
    rows = mlp.mlp_cview_f64(X, 4, 2)
    status = mlp.mlp_fit(net, rows, mlp.mlp_cview_f64(Y, 4, 1),
                         c.byref(options), None)
    assert status == 0, f"mlp_fit: {status}"
    status = mlp.mlp_predict(net, rows, mlp.mlp_view_f64(A, 4, 1))
    assert status == 0, f"mlp_predict: {status}"
    mlp.mlp_net_free(net)
    assert [round(a) for a in A] == [0, 1, 1, 0], list(A)
    print(f"ctypes, libmlp {mlp.mlp_version().decode()}: XOR is",
          " ".join(f"{a:.4f}" for a in A))


if __name__ == "__main__":
    if sys.argv[1] == "functions":
        print("\n".join(f.name for f in Header(sys.argv[2]).functions))
    elif sys.argv[1] == "grow":
        print(sum(map(grow, sys.argv[2:])))
    else:
        train(sys.argv[2])
