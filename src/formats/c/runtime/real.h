/* SPDX-License-Identifier: MIT */
/*
 * What exported networks of real numbers consist of, whichever arithmetic they
 * use: a layer's product, the scaling of inputs and outputs, and the class.
 *
 * This file is never included. cut_snippets.cmake cuts it into snippets, and an
 * exported file holds those that its network calls. Parameters:
 *
 *   real          float or double
 *   READ(p)       reads a constant: *p, except on an AVR, whose constants lie
 *                 in an address space of their own
 *   multiply_add  a b + c; libm.h and canonical.h define it
 */

/* z = W x + b. For each neuron, w holds its weights and then its bias, so that
 * the constants are read once and in order. */
static void dense(size_t inputs, size_t outputs, const real *w, const real *x,
                  real *z)
{
    for (size_t j = 0; j < outputs; j++, w += inputs + 1) {
        real s = 0;
        for (size_t k = 0; k < inputs; k++) {
            s = multiply_add(READ(w + k), x[k], s);
        }
        z[j] = s + READ(w + inputs);
    }
}

/* out = (x - mean) / deviation; `scaling` holds both, column by column. The
 * library divides, too: to multiply by 1 / deviation would give other bits. */
static void standardise(size_t n, const real *scaling, const real *x, real *out)
{
    for (size_t i = 0; i < n; i++) {
        out[i] = (x[i] - READ(scaling + 2 * i)) / READ(scaling + 2 * i + 1);
    }
}

/* a = a deviation + mean, which undoes the scaling of targets. The product is
 * rounded before the sum, as in the library. */
static void rescale(size_t n, const real *scaling, real *a)
{
    for (size_t i = 0; i < n; i++) {
        a[i] = a[i] * READ(scaling + 2 * i + 1) + READ(scaling + 2 * i);
    }
}

/* Returns the index of the first of the largest numbers; -1 if one is a NaN. A
 * NaN is neither at most nor at least itself, which needs no isnan: C++ and C99
 * do not agree where that comes from. */
static int first_largest(int n, const real *y)
{
    int first = 0;
    for (int j = 0; j < n; j++) {
        if (!(y[j] <= y[j]) && !(y[j] >= y[j])) {
            return -1;
        }
        first = y[first] < y[j] ? j : first;
    }
    return first;
}
