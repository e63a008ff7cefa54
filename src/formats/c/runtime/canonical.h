/* SPDX-License-Identifier: MIT */
/*
 * Activations from the library's own templates, so that an exported network
 * gives the library's bits on every machine with an exact fma. The names are
 * those of libm.h, so that the rest of an exported file is the same for both.
 *
 * This file is never included. cut_snippets.cmake cuts it into snippets, behind
 * those of vec_portable.h and the templates, whose vectors have one element:
 * `vec` is `real`. The build fails if a function that is called here does not
 * exist. The last argument of some functions is unused; the kernels' loops
 * demand it.
 */

static inline real multiply_add(real a, real b, real c)
{
    return fma_real(a, b, c);
}

static inline real sigmoid_of(real z)
{
    return vsigmoid(z);
}

static inline real tanh_of(real z)
{
    return vtanh(z);
}

static inline real relu_of(real z)
{
    return vrelu(z);
}

static inline real leaky_relu_of(real z, real slope)
{
    return vleaky(z, slope);
}

static inline real elu_of(real z, real slope)
{
    return velu(z, slope);
}

static inline real gelu_of(real z)
{
    return vgelu(z, 0);
}

static inline real gelu_tanh_of(real z)
{
    return vgelu_tanh(z, 0);
}

static inline real silu_of(real z)
{
    return vsilu(z, 0);
}

static inline real softplus_of(real z)
{
    return vsoftplus(z, 0);
}

/* Replaces one row by its softmax. */
static void probabilities(size_t n, real *a)
{
    softmax(1, n, a, a);
}
