#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Writes torch_<name>.txt: networks of PyTorch and their predictions.

    python3 make_torch.py

A file belongs to one case of CASES. Its first line holds all numbers of the
state_dict, in the order of the state_dict. Its second line holds the outputs
for three rows with the inputs x[i][j] = (i - j) / 4. tests/scripts/python.py
reads the files, and so needs no PyTorch for these cases.
"""
import os

FOLDER = os.path.dirname(os.path.abspath(__file__))

# Each name maps to the widths, the activations of the layers, and 1 for each
# layer with batch norm. An activation with a slope is a pair of name and slope.
# The keys and shapes of the state_dict follow from these.
CASES = {
    "plain": ((3, 4, 5, 2), ("tanh", "relu", "sigmoid"), (0, 0, 0)),
    "norms": ((3, 6, 4, 2), ("gelu", "silu", "identity"), (1, 1, 0)),
    "slopes": ((3, 5, 4, 3), (("elu", 0.7), ("leaky_relu", 0.2), "softmax"),
               (0, 1, 0)),
    "smooth": ((3, 4, 4, 1), ("gelu_tanh", "softplus", "identity"), (0, 0, 1)),
}


def keys_of(widths, norms):
    """The key and shape of each tensor, as nn.Sequential names them."""
    at, keys = 0, []
    for n_in, n_out, norm in zip(widths, widths[1:], norms):
        keys += [(f"{at}.weight", (n_out, n_in)), (f"{at}.bias", (n_out,))]
        if norm:
            at += 1
            keys += [(f"{at}.{x}", (n_out,)) for x in
                     ("weight", "bias", "running_mean", "running_var")]
        at += 2
    return keys


def main():
    import numpy as np
    import torch
    from torch import nn
    torch.manual_seed(5)
    torch.set_num_threads(1)
    functions = dict(
        identity=nn.Identity, relu=nn.ReLU, tanh=nn.Tanh, sigmoid=nn.Sigmoid,
        gelu=nn.GELU, gelu_tanh=lambda: nn.GELU(approximate="tanh"), silu=nn.SiLU,
        softplus=nn.Softplus, softmax=lambda: nn.Softmax(dim=1), elu=nn.ELU,
        leaky_relu=nn.LeakyReLU)
    for name, (widths, activations, norms) in CASES.items():
        modules = []
        for n_in, n_out, a, norm in zip(widths, widths[1:], activations, norms):
            modules.append(nn.Linear(n_in, n_out))
            if norm:
                modules.append(nn.BatchNorm1d(n_out))
            a, slope = (a, ()) if isinstance(a, str) else (a[0], a[1:])
            modules.append(functions[a](*slope))
        net = nn.Sequential(*modules).double()
        with torch.no_grad():
            # Twenty batches give running moments, and the loop below gives
            # scales and shifts, that differ from their initial values.
            for _ in range(20):
                net(torch.randn(64, widths[0], dtype=torch.float64) * 2 + 1)
            for m in modules:
                if isinstance(m, nn.BatchNorm1d):
                    m.weight.uniform_(0.5, 2)
                    m.bias.uniform_(-1, 1)
            X = (np.arange(3)[:, None] - np.arange(widths[0])) / 4
            A = net.eval()(torch.tensor(X))
        keys = keys_of(widths, norms)
        state = net.state_dict()
        assert [(k, tuple(t.shape)) for k, t in state.items() if t.shape] == keys
        with open(os.path.join(FOLDER, f"torch_{name}.txt"), "w") as out:
            for numbers in (np.concatenate([state[k].numpy().ravel()
                                            for k, _ in keys]), A.numpy().ravel()):
                out.write(" ".join("%.17g" % x for x in numbers) + "\n")


if __name__ == "__main__":
    main()
