#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Prints the coefficients of src/kernels/elementary_tmpl.h.

    python3 tests/vectors/make_elementary.py

The script needs mpmath. Each polynomial is the one whose largest relative error
in the function's result is least (minimax). Remez's algorithm finds it: the
error of such a polynomial of n coefficients reaches its largest magnitude n + 1
times, with alternating signs. The coefficients are rounded to float or double
at the end; the error that is printed, in powers of two, is that of the rounded
ones.
"""
import mpmath as mp

mp.mp.dps = 100


def solve(f, weight, points, powers):
    """Returns coefficients and the error E such that weight (f - p) is E, -E,
    E, ... at the points."""
    n = len(powers)
    A = mp.matrix(n + 1, n + 1)
    b = mp.matrix(n + 1, 1)
    for i, x in enumerate(points):
        for k, power in enumerate(powers):
            A[i, k] = weight(x) * x ** power
        A[i, n] = (-1) ** i
        b[i] = weight(x) * f(x)
    solution = mp.lu_solve(A, b)
    return list(solution[:n]), abs(solution[n])


def extremes(errors):
    """Returns the index of the largest error of each run of equal sign."""
    found = [0]
    for i, error in enumerate(errors):
        if mp.sign(error) * mp.sign(errors[found[-1]]) < 0:
            found.append(i)
        elif abs(error) > abs(errors[found[-1]]):
            found[-1] = i
    return found


def minimax(f, weight, low, high, n):
    """Returns n coefficients, the constant first, that minimize the largest
    weight(x) |f(x) - p(x)| for low <= x <= high."""
    def nodes(count):
        # The formulas of f need x != 0.
        tiny = max(abs(low), abs(high)) * mp.mpf("1e-5")
        points = [(low + high) / 2 - (high - low) / 2 *
                  mp.cos(mp.pi * (i + mp.mpf(0.5)) / count)
                  for i in range(count)]
        return [x if abs(x) > tiny else tiny for x in points]
    grid = nodes(800)
    targets = [f(x) for x in grid]
    weights = [weight(x) for x in grid]
    points = nodes(n + 1)
    while True:
        c, least = solve(f, weight, points, range(n))
        errors = [w * (t - mp.polyval(c[::-1], x))
                  for x, t, w in zip(grid, targets, weights)]
        found = extremes(errors)
        while len(found) > n + 1:
            del found[0 if abs(errors[found[0]]) < abs(errors[found[-1]])
                      else -1]
        if max(map(abs, errors)) < mp.mpf("1.001") * least:
            return c
        points = [grid[i] for i in found]


def rounded(x, precision):
    mantissa, exponent = mp.frexp(x)
    return mp.ldexp(mp.nint(mp.ldexp(mantissa, precision)),
                    int(exponent) - precision)


def text(x, precision):
    head, exponent = float.hex(float(x)).split("p")
    return head.rstrip("0").rstrip(".") + "p" + exponent + (
        "f" if precision == 24 else "")


def show(name, precision, c, f, weight, low, high):
    """Prints the rounded coefficients, the one of the highest power first, and
    the largest error on a grid."""
    c = [rounded(x, precision) for x in c]
    grid = [low + (high - low) * (i + mp.mpf("0.37")) / 3000
            for i in range(3000)]
    error = max(weight(x) * abs(f(x) - mp.polyval(c[::-1], x)) for x in grid)
    print(f"{name}, {precision} bits, error 2^{float(mp.log(error, 2)):.2f}")
    print("   ", ", ".join(text(x, precision) for x in c[::-1]))


def exp_terms(precision, n):
    """q in e^r = 1 + r + r^2 q, whose constant is kept at 1/2."""
    end = mp.log(2) / 2 * mp.mpf("1.001")
    half = mp.mpf(0.5)

    def q(r):
        return (mp.expm1(r) - r) / r ** 2

    def weight(r):
        return r ** 2 * mp.exp(-r)
    c = [half] + minimax(lambda r: (q(r) - half) / r,
                         lambda r: weight(r) * abs(r), -end, end, n - 1)
    show("exp", precision, c, q, weight, -end, end)


def log_terms(precision, n):
    """p in 2 artanh s = 2 s + s^3 p, as a polynomial in v = s^2. Softplus needs
    s <= 1/5, log less."""
    def p(v):
        s = mp.sqrt(v)
        return (2 * mp.atanh(s) - 2 * s) / s ** 3

    def weight(v):
        return v / 2
    end = mp.mpf("0.04")
    c = minimax(p, weight, mp.mpf(0), end, n)
    show("log", precision, c, p, weight, mp.mpf(0), end)


def tanh_terms(precision, n):
    """p in tanh x = x + x^3 p, as a polynomial in v = x^2, for x up to
    TANH_SMALL."""
    def p(v):
        x = mp.sqrt(v)
        return (mp.tanh(x) - x) / x ** 3

    def weight(v):
        x = mp.sqrt(v)
        return x ** 3 / mp.tanh(x)
    end = mp.mpf("0.5625") ** 2
    c = minimax(p, weight, mp.mpf(0), end, n)
    show("tanh", precision, c, p, weight, mp.mpf(0), end)


for bits, exp_count, log_count, tanh_count in (24, 5, 3, 5), (53, 10, 8, 11):
    exp_terms(bits, exp_count)
    log_terms(bits, log_count)
    tanh_terms(bits, tanh_count)
