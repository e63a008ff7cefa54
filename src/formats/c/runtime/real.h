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
 *   SMALL_CODE    1 where code is to be small, or where the processor has no
 *                 vectors and few registers; else 0
 */

/* z = W x + b. For each input, w holds its weights to all outputs; the biases
 * come last. Each output is one sum: its products in the order of the inputs,
 * then its bias. The sums of all outputs grow side by side, so that a compiler
 * can compute several of them in one vector without changing a result.
 *
 * Eight inputs at a time are added to the sums in z. Before them come the
 * inputs that remain of a division by eight, whose sums begin in registers.
 * Small code takes all inputs in that way. */
static inline void dense(size_t inputs, size_t outputs, const real *w,
                         const real *restrict x, real *restrict z)
{
    const size_t first = SMALL_CODE ? inputs : inputs % 8;
    for (size_t j = 0; j < outputs; j++) {
        const real *v = w + j;
        real s = 0;
        for (size_t k = 0; k < first; k++, v += outputs) {
            s = multiply_add(READ(v), x[k], s);
        }
        z[j] = SMALL_CODE ? s + READ(v) : s;
    }
    if (SMALL_CODE) {
        return;
    }
    w += first * outputs;
    for (size_t k = first; k < inputs; k += 8, w += 8 * outputs) {
        for (size_t j = 0; j < outputs; j++) {
            const real *v = w + j;
            real s = multiply_add(READ(v), x[k], z[j]);
            s = multiply_add(READ(v + outputs), x[k + 1], s);
            s = multiply_add(READ(v + 2 * outputs), x[k + 2], s);
            s = multiply_add(READ(v + 3 * outputs), x[k + 3], s);
            s = multiply_add(READ(v + 4 * outputs), x[k + 4], s);
            s = multiply_add(READ(v + 5 * outputs), x[k + 5], s);
            s = multiply_add(READ(v + 6 * outputs), x[k + 6], s);
            z[j] = multiply_add(READ(v + 7 * outputs), x[k + 7], s);
        }
    }
    for (size_t j = 0; j < outputs; j++) {
        z[j] += READ(w + j);
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
