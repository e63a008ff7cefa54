/* SPDX-License-Identifier: MIT */
/*
 * The arithmetic of exported networks that give the library's bits: its own
 * templates, under the names that plain.h has. Parameters: ops/vec_portable.h
 * and the templates. See export_pieces.h.
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

static void probabilities(size_t n, real *a)
{
    softmax(1, n, a, a);
}
