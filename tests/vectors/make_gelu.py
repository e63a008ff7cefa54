#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Prints the constants of GELU in src/kernels/activation_functions_tmpl.h.

    python3 tests/vectors/make_gelu.py

The script needs mpmath. The library evaluates a polynomial that interpolates

    P(t) = Phi(-x) e^(x^2 / 2) d,   d = 1 + x / 4,   t = x / (2 d) - 1

at the Chebyshev nodes of the interval in which t is needed. Each of its two
last coefficients, c1 and c0, is a sum of two numbers. The first number has one
bit less than the precision, so that its difference from a sum that contains it
is exact; the second number holds the rest. W1 is split with even fewer bits for
the same reason.
"""
import struct

import mpmath as mp

mp.mp.dps = 60


def P(t):
    x = 4 * (1 + t) / (1 - t)
    return mp.erfc(x / mp.sqrt(2)) / 2 * mp.exp(x * x / 2) * (1 + x / 4)


def interpolation(f, low, high, degree):
    """Interpolates f in Newton's form at n = degree + 1 Chebyshev nodes and
    returns the coefficients of the powers of t, the constant first."""
    n = degree + 1
    nodes = [(low + high) / 2 +
             (high - low) / 2 * mp.cos(mp.pi * (2 * i + 1) / (2 * n))
             for i in range(n)]
    c = [f(t) for t in nodes]
    for j in range(1, n):
        for i in range(n - 1, j - 1, -1):
            c[i] = (c[i] - c[i - 1]) / (nodes[i] - nodes[i - j])
    p = [c[-1]]
    for i in range(n - 2, -1, -1):
        p = ([c[i] - nodes[i] * p[0]] +
             [p[k - 1] - nodes[i] * p[k] for k in range(1, len(p))] + [p[-1]])
    return p


def rounded(x, precision):
    return struct.unpack("f", struct.pack("f", x))[0] if precision == 24 else x


def text(x, precision):
    digits = float.hex(rounded(float(x), precision))
    head, exponent = digits.split("p")
    return head.rstrip("0").rstrip(".") + "p" + exponent + (
        "f" if precision == 24 else "")


def pair(x, bits, precision):
    mantissa, exponent = mp.frexp(x)
    high = mp.ldexp(mp.nint(mp.ldexp(mantissa, bits)), int(exponent) - bits)
    return text(high, precision) + " " + text(x - high, precision)


for precision, most, degree, bits in (24, 14.5, 10, 20), (53, 39, 23, 47):
    terms = interpolation(P, mp.mpf(-1), mp.mpf(most - 4) / (most + 4), degree)
    print("terms", ", ".join(text(c, precision) for c in terms[:1:-1]))
    print("c1", pair(terms[1], precision - 1, precision))
    print("c0", pair(terms[0], precision - 1, precision))
    w1 = 2 * mp.sqrt(2 / mp.pi)
    print("W1", pair(w1, bits, precision))
    print("W3", pair(w1 * mp.mpf("0.044715"), precision, precision))
