/* SPDX-License-Identifier: MIT */
/*
 * What exported networks of real numbers are made of, whatever their
 * arithmetic. Like its neighbours this file is read as text: export_pieces.h.
 * Parameters: READ(p), which is *p for constants, and the functions of plain.h
 * or of canonical.h.
 */

/* z = W x + b. Of each neuron come its weights, then its bias. */
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

/* out = (x - mean) / deviation. Of each column come both, in this order. */
static void standardise(size_t n, const real *scaling, const real *x, real *out)
{
    for (size_t i = 0; i < n; i++) {
        out[i] = (x[i] - READ(scaling + 2 * i)) / READ(scaling + 2 * i + 1);
    }
}

/* And back. */
static void rescale(size_t n, const real *scaling, real *a)
{
    for (size_t i = 0; i < n; i++) {
        a[i] = a[i] * READ(scaling + 2 * i + 1) + READ(scaling + 2 * i);
    }
}

/* The first of the largest; -1 if one is no number. */
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
