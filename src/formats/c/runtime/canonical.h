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

/* The product is not rounded before it is added: this is fma. */
static inline real multiply_add(real a, real b, real c)
{
    return fma_real(a, b, c);
}

/* The sigmoid and tanh are within 2 units in the last place of the exact
 * value. */
static inline real sigmoid_of(real z)
{
    return vsigmoid(z);
}

static inline real tanh_of(real z)
{
    return vtanh(z);
}

/* ReLU is max(0, z); a NaN stays. */
static inline real relu_of(real z)
{
    return vrelu(z);
}

/* Leaky ReLU is z, and slope z below 0. */
static inline real leaky_relu_of(real z, real slope)
{
    return vleaky(z, slope);
}

/* ELU is z, and slope (e^z - 1) below 0. */
static inline real elu_of(real z, real slope)
{
    return velu(z, slope);
}

/* GELU is z Phi(z), where Phi is the normal distribution. */
static inline real gelu_of(real z)
{
    return vgelu(z, 0);
}

/* GELU's approximation by tanh is an activation of its own. */
static inline real gelu_tanh_of(real z)
{
    return vgelu_tanh(z, 0);
}

/* SiLU is z times its own sigmoid. */
static inline real silu_of(real z)
{
    return vsilu(z, 0);
}

/* Softplus is log(1 + e^z). */
static inline real softplus_of(real z)
{
    return vsoftplus(z, 0);
}

/* Exp is within 1 unit in the last place of e^z. */
static inline real exp_of(real z)
{
    return vexp(z);
}

/* Replaces one row by its softmax. */
static void probabilities(size_t n, real *a)
{
    softmax(1, n, a, a);
}

/* The derivatives of the activations above, as the kernels compute them
 * backward, from a gradient of 1. That of softplus is computed from its
 * output. */
static inline real softplus_derivative(real a)
{
    return backward_softplus(a, 1, 0);
}

/* That of SiLU, and those of both forms of GELU, are computed from z. */
static inline real silu_derivative(real z)
{
    return backward_silu(z, 1, 0);
}

static inline real gelu_derivative(real z)
{
    return backward_gelu(z, 1, 0);
}

static inline real gelu_tanh_derivative(real z)
{
    return backward_gelu_tanh(z, 1, 0);
}
