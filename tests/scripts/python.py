# SPDX-License-Identifier: MIT
"""Tests that the library and mlp_file.py read each other's model files.

    python3 python.py <model_tool> <folder> <tests/vectors>

model_tool is the program that writes and reads files with the library. The
script writes its files into the folder. The parts that need PyTorch or
scikit-learn are skipped where these are missing.
"""
import json
import subprocess
import sys
import zlib

import numpy as np

from mlp_file import (mlp_to_torch, predict, read_mlp, sklearn_to_mlp,
                      torch_to_mlp, write_mlp)

tool, folder, vectors = sys.argv[1:]
sys.path.append(vectors)
import make_torch
import torch_stand_in

path = folder + "/net.mlp"


def run(*arguments):
    return subprocess.run([tool, *arguments], check=True,
                          stdout=subprocess.PIPE, text=True).stdout.split("\n")


def outputs(what="predict"):
    """The library's predictions for the rows x[i][j] = (i - j) / 4, and the
    names of the classes."""
    lines = run(what, path)
    return (np.array([float(x) for x in lines if x and x[:5] != "class"]),
            [x[6:] for x in lines if x[:5] == "class"])


def rows(n, dtype):
    return ((np.arange(3)[:, None] - np.arange(n)) / 4).astype(dtype)


def check_near(what, got, expected, most):
    error = np.max(np.abs(np.asarray(got).ravel() - np.ravel(expected)))
    print(f"{what}: largest difference {error:.1e}")
    assert error <= most, what


def golden(first, shape, positive=False):
    n = (first + sum(k * g for k, g in zip((5, 7), np.indices(shape)))) % 23
    return (n + 1 if positive else n - 11) / 16


def read_golden(precision):
    run("write", "0", precision, path)
    tensors, metadata = read_mlp(path)
    row = lambda first, n, positive=False: golden(first, (1, n), positive)[0]
    expected = {
        "layers.0.weight": golden(1, (5, 3)), "layers.0.bias": row(4, 5),
        "layers.1.weight": golden(2, (4, 5)), "layers.1.norm.bias": row(5, 4),
        "layers.1.norm.weight": row(4, 4, True),
        "layers.1.norm.running_mean": row(5, 4),
        "layers.1.norm.running_var": row(6, 4, True),
        "layers.2.weight": golden(3, (3, 4)), "layers.2.bias": row(6, 3),
        "layers.3.weight": golden(4, (2, 3)), "layers.3.bias": row(7, 2),
        "inputs.mean": np.array([0.5, -2, 100]),
        "inputs.std": np.array([0.25, 3, 1000])}
    assert set(tensors) == set(expected)
    for name, t in expected.items():
        assert tensors[name].shape == t.shape and (tensors[name] == t).all()
        assert tensors[name].dtype == precision
    d = json.loads(metadata["mlp"])
    assert metadata["made by"] == "libmlp 0.1\n"
    assert d["classes"] == ['left "l"', "right \u20ac"]
    assert d["layers"][1] == dict(width=4, activation="tanh", batch_norm=True,
                                  dropout=(0.1).hex())
    assert float.fromhex(d["batch_norm_epsilon"]) == 0.001
    raw = open(path, "rb").read()
    crc = metadata["mlp.crc32"].encode()
    assert int(crc, 16) == zlib.crc32(raw.replace(crc, b"00000000", 1))
    assert (len(raw) - sum(t.nbytes for t in tensors.values())) % 8 == 0
    # Python writes the same network with escapes and with the tensors in
    # another order. The library must predict the same numbers.
    before = outputs()
    del d["version"]
    write_mlp(path, dict(sorted(tensors.items())), d, **{"made by": "\u20ac"})
    after = outputs()
    assert (before[0] == after[0]).all() and before[1] == after[1]
    print(f"golden {precision}: {len(tensors)} tensors")


def of_numpy(a):
    return np.asarray(a.detach() if hasattr(a, "detach") else a)


def every_activation():
    """Compares NumPy and PyTorch with the library for each activation. The
    networks have batch norm and scale both inputs and outputs."""
    try:
        import torch
    except ImportError:
        torch_stand_in.install()
        import torch
        print("a stand-in for PyTorch:")
    for name in run("activations"):
        if name:
            run("full", name, path)
            got = outputs()[0]
            X = rows(3, np.float64)
            model = mlp_to_torch(path)
            check_near(name, predict(path, X), got, 1e-12)
            check_near(f"{name} in PyTorch", of_numpy(model(torch.tensor(X))),
                       got, 1e-12)


def from_torch_fixtures():
    for name, (widths, activations, norms) in make_torch.CASES.items():
        lines = open(f"{vectors}/torch_{name}.txt").read().split("\n")
        numbers, expected = (np.array(x.split(), float) for x in lines[:2])
        state = {}
        for key, shape in make_torch.keys_of(widths, norms):
            n = int(np.prod(shape))
            state[key], numbers = numbers[:n].reshape(shape), numbers[n:]
        softmax = activations[-1] == "softmax"
        loss = "cce" if softmax else "bce" if name == "plain" else "mse"
        torch_to_mlp(path, state, activations, loss)
        check_near(f"PyTorch's {name}", outputs()[0], expected, 1e-12)
        if softmax:
            continue
        mean, std = np.arange(4.0), np.arange(1.0, 5)
        scaling = {"inputs.mean": mean[:3], "inputs.std": std[:3]}
        if loss == "mse":
            scaling |= {"outputs.mean": mean[1:widths[-1] + 1],
                        "outputs.std": std[1:widths[-1] + 1]}
        torch_to_mlp(path, state, activations, loss, scaling, note="scaled")
        check_near(f"{name}, scaled", outputs()[0],
                   predict(path, rows(3, float)), 1e-12)


def torch_both_ways():
    import torch
    torch.manual_seed(1)
    for dtype in torch.float32, torch.float64:
        net = torch.nn.Sequential(
            torch.nn.Linear(3, 4), torch.nn.Tanh(), torch.nn.Linear(4, 5),
            torch.nn.ReLU(), torch.nn.Linear(5, 2), torch.nn.Sigmoid())
        net = net.to(dtype)
        torch_to_mlp(path, net.state_dict(), ["tanh", "relu", "sigmoid"], "bce")
        X = torch.tensor(rows(3, np.float64)).to(dtype)
        with torch.no_grad():
            check_near(f"from PyTorch, {dtype}", outputs()[0], net(X), 1e-6)
            check_near(f"back in PyTorch, {dtype}", mlp_to_torch(path)(X),
                       net(X), 0)
    run("train", path)
    X = torch.tensor(rows(2, np.float64))
    with torch.no_grad():
        check_near("to PyTorch", mlp_to_torch(path)(X), outputs()[0], 1e-12)
    # safetensors.torch.save_model writes a file like this one, which has no
    # description of the network.
    net = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Tanh(),
                              torch.nn.Linear(4, 2))
    state = {k: v.numpy() for k, v in net.state_dict().items()}
    write_mlp(path, state, {}, format="pt")
    with torch.no_grad():
        check_near("imported", outputs("import")[0],
                   net(torch.tensor(rows(3, np.float32))), 1e-6)


def from_sklearn():
    from sklearn.neural_network import MLPClassifier, MLPRegressor
    rng = np.random.RandomState(3)
    X = rng.randn(40, 3)
    kinds = [(MLPRegressor, "mse", X[:, :2] ** 2, "relu"),
             (MLPRegressor, "mse", X[:, 0], "logistic"),
             (MLPClassifier, "bce", np.where(X[:, 0] > 0, "yes", "no"), "tanh")]
    for kind, loss, y, activation in kinds:
        model = kind((6, 5), activation=activation, max_iter=20, random_state=1)
        import warnings
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # 20 iterations do not converge
            model.fit(X, y)
        sklearn_to_mlp(path, model, loss)
        got, classes = outputs()
        if kind is MLPClassifier:
            expected = model.predict_proba(rows(3, float))[:, 1]
            assert classes == ["no", "yes"]
        else:
            expected = model.predict(rows(3, float))
        check_near(f"from scikit-learn, {kind.__name__}", got, expected, 1e-12)


read_golden("float32")
read_golden("float64")
from_torch_fixtures()
every_activation()
for what in torch_both_ways, from_sklearn:
    try:
        if what is torch_both_ways and torch_stand_in.is_installed():
            raise ImportError("no PyTorch")
        what()
    except ImportError as missing:
        print(f"skipped {what.__name__}: {missing}")
