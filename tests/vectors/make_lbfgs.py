# SPDX-License-Identifier: MIT
"""Writes lbfgs_rosenbrock.txt and lbfgs_net.txt with PyTorch in float64.

    python3 make_lbfgs.py

lbfgs_rosenbrock.txt holds one line for each of 30 iterations of
torch.optim.LBFGS: the variables w after the iteration. The line search is
"strong_wolfe" with a history of four pairs. The function is the extended
Rosenbrock function of six variables, from (-1.2, 1, 0.5, -0.75, 1.25, 2).

lbfgs_net.txt holds one line for each of 20 iterations in three trainings of a
2-4-1 network (tanh, identity, squared error): the loss before the iteration,
then W and b of each layer after it. The first training has a history of ten
pairs, the second of three; the third has ten pairs and adds a penalty of
0.1 / (2 rows) times the sum of the squared weights.

The targets of the network were chosen among several because they amplify
rounding errors least (measured: a change of 1 ulp in the initial weights changes
a loss by at most 2e-13, and the weights by 5e-13 of the largest one).
"""
import os

import torch

ITERATIONS = 20
ROWS = 16
L2 = 0.1

torch.set_default_dtype(torch.float64)
torch.set_num_threads(1)
here = os.path.dirname(os.path.abspath(__file__))


def minimise(parameters, objective, pairs, iterations, each):
    optimizer = torch.optim.LBFGS(
        parameters, lr=1, max_iter=1, history_size=pairs, tolerance_grad=0,
        line_search_fn="strong_wolfe")

    def closure():
        optimizer.zero_grad()
        loss = objective()
        loss.backward()
        return loss

    for _ in range(iterations):
        loss = optimizer.step(closure)
        each(loss.item())


def write(name, rows):
    with open(os.path.join(here, name), "w", encoding="ascii") as file:
        file.write("# %s %d %d\n" % (name[:-4], len(rows), len(rows[0])))
        for row in rows:
            file.write(" ".join("%.17g" % x for x in row) + "\n")


def valley(w):
    even, odd = w[0::2], w[1::2]
    return (100 * (odd - even * even) ** 2 + (1 - even) ** 2).sum()


def rosenbrock():
    w = torch.tensor([-1.2, 1.0, 0.5, -0.75, 1.25, 2.0], requires_grad=True)
    rows = []
    minimise([w], lambda: valley(w), 4, 30, lambda _: rows.append(w.tolist()))
    return rows


def net(pairs, l2):
    x = torch.tensor([[i / 8 - 1, (i * 5 % ROWS) / 8 - 1] for i in range(ROWS)])
    y = (x[:, :1] + x[:, 1:] > 0.1).double()
    w1 = torch.tensor([[0.5, -0.25], [0.125, 0.75], [-0.625, 0.375],
                       [0.25, 0.5]], requires_grad=True)
    b1 = torch.zeros(4, requires_grad=True)
    w2 = torch.tensor([[0.5, -0.75, 0.25, 0.625]], requires_grad=True)
    b2 = torch.zeros(1, requires_grad=True)
    parameters = [w1, b1, w2, b2]

    def loss():
        a = torch.tanh(x @ w1.T + b1) @ w2.T + b2
        squares = (w1 ** 2).sum() + (w2 ** 2).sum()
        return ((a - y) ** 2).mean() + l2 / (2 * ROWS) * squares

    rows = []
    minimise(parameters, loss, pairs, ITERATIONS, lambda j: rows.append(
        [j] + [x for p in parameters for x in p.detach().ravel().tolist()]))
    return rows


write("lbfgs_rosenbrock.txt", rosenbrock())
write("lbfgs_net.txt", net(10, 0.0) + net(3, 0.0) + net(10, L2))
