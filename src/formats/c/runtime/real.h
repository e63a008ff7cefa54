/* SPDX-License-Identifier: MIT */
/*
 * What exported networks of real numbers consist of, whichever arithmetic they
 * use: a layer's product, the scaling of inputs and outputs, the class, and the
 * products of a Jacobian.
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

/* The derivatives of some activations are numbers times their outputs. That of
 * ReLU is 1 where its output is above 0, else 0. */
static inline real relu_derivative(real a)
{
    return a <= 0 ? 0 : 1;
}

/* The derivative of leaky ReLU is 1 above 0, else the slope. */
static inline real leaky_relu_derivative(real a, real slope)
{
    return a <= 0 ? slope : 1;
}

/* The derivative of ELU is 1 above 0, else slope e^z, which is a + slope. */
static inline real elu_derivative(real a, real slope)
{
    return a <= 0 ? a + slope : 1;
}

/* That of exp is its output. */
static inline real exp_derivative(real a)
{
    return a;
}

/* The derivative of the sigmoid is a (1 - a). */
static inline real sigmoid_derivative(real a)
{
    return a * (1 - a);
}

/* The derivative of tanh is 1 - a^2. */
static inline real tanh_derivative(real a)
{
    return 1 - a * a;
}

/* Sets a matrix (n, n) to 1 in its diagonal, and to 0 elsewhere. */
static void set_unit(size_t n, real *m)
{
    for (size_t i = 0; i < n * n; i++) {
        m[i] = i % (n + 1) == 0 ? 1 : 0;
    }
}

/* out (rows, n) = V in (terms, n), where element (i, k) of V (rows, terms) is
 * w[i row + k term]: so w can be a layer's weights, or their transpose. Each
 * element of `out` is one sum, in the order of the terms. As in `dense`, eight
 * terms at a time are added to a row of sums. */
static inline void multiply_matrix(size_t rows, size_t terms, size_t n,
                                   const real *w, size_t row, size_t term,
                                   const real *restrict in, real *restrict out)
{
    const size_t first = SMALL_CODE ? terms : terms % 8;
    for (size_t i = 0; i < rows; i++, w += row, out += n) {
        for (size_t j = 0; j < n; j++) {
            real s = 0;
            for (size_t k = 0; k < first; k++) {
                s = multiply_add(READ(w + k * term), in[k * n + j], s);
            }
            out[j] = s;
        }
        if (SMALL_CODE) {
            continue;
        }
        for (size_t k = first; k < terms; k += 8) {
            const real *v = w + k * term;
            const real *x = in + k * n;
            const real v0 = READ(v);
            const real v1 = READ(v + term);
            const real v2 = READ(v + 2 * term);
            const real v3 = READ(v + 3 * term);
            const real v4 = READ(v + 4 * term);
            const real v5 = READ(v + 5 * term);
            const real v6 = READ(v + 6 * term);
            const real v7 = READ(v + 7 * term);
            for (size_t j = 0; j < n; j++) {
                real s = multiply_add(v0, x[j], out[j]);
                s = multiply_add(v1, x[j + n], s);
                s = multiply_add(v2, x[j + 2 * n], s);
                s = multiply_add(v3, x[j + 3 * n], s);
                s = multiply_add(v4, x[j + 4 * n], s);
                s = multiply_add(v5, x[j + 5 * n], s);
                s = multiply_add(v6, x[j + 6 * n], s);
                out[j] = multiply_add(v7, x[j + 7 * n], s);
            }
        }
    }
}

/* Multiplies each row of m (rows, n) by its derivative. */
static void multiply_rows(size_t rows, size_t n, const real *derivative,
                          real *m)
{
    for (size_t i = 0; i < rows; i++, m += n) {
        for (size_t j = 0; j < n; j++) {
            m[j] *= derivative[i];
        }
    }
}

/* Multiplies m (rows, n) by the derivative of softmax with the outputs a:
 * m[i] = a[i] (m[i] - sum over k of a[k] m[k]). */
static void multiply_by_softmax(size_t rows, size_t n, const real *a, real *m)
{
    for (size_t j = 0; j < n; j++) {
        real s = 0;
        for (size_t i = 0; i < rows; i++) {
            s = multiply_add(a[i], m[i * n + j], s);
        }
        for (size_t i = 0; i < rows; i++) {
            m[i * n + j] = a[i] * (m[i * n + j] - s);
        }
    }
}

/* Multiplies each row of m (rows, n) by its deviation. */
static void scale_rows_up(size_t rows, size_t n, const real *scaling, real *m)
{
    for (size_t i = 0; i < rows; i++, m += n) {
        for (size_t j = 0; j < n; j++) {
            m[j] *= READ(scaling + 2 * i + 1);
        }
    }
}

/* Multiplies each row of m (rows, n) by 1 / deviation, which is rounded first,
 * as in the library. */
static void scale_rows_down(size_t rows, size_t n, const real *scaling, real *m)
{
    for (size_t i = 0; i < rows; i++, m += n) {
        const real inverse = 1 / READ(scaling + 2 * i + 1);
        for (size_t j = 0; j < n; j++) {
            m[j] *= inverse;
        }
    }
}

/* Writes the transpose of m (rows, n) to `out` (n, rows). */
static void transpose(size_t rows, size_t n, const real *m, real *out)
{
    for (size_t i = 0; i < rows; i++, m += n) {
        for (size_t j = 0; j < n; j++) {
            out[j * rows + i] = m[j];
        }
    }
}
