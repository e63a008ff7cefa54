/* SPDX-License-Identifier: MIT */
/*
 * Activations from the functions of the C library. They are within 1e-6 of the
 * library's own, and as fast as the C library is. canonical.h defines the same
 * functions with the library's bits.
 *
 * This file is never included. cut_snippets.cmake cuts it into snippets, and an
 * exported file holds those that its network calls: for an activation <name>
 * the function <name>_of, for softmax `probabilities`. Parameter: REAL_BITS, 32
 * or 64.
 *
 * Every other power of e than exp's has an exponent of at most 0, so none
 * overflows.
 */
#if REAL_BITS == 32

typedef float real;
#define EXP expf
#define LOG logf
#define TANH tanhf
#define ERFC erfcf
#define EXPM1 expm1f

#else

typedef double real;
#define EXP exp
#define LOG log
#define TANH tanh
#define ERFC erfc
#define EXPM1 expm1

#endif

#define R(x) ((real)(x))

/* Adds a product to a sum of products. */
static inline real multiply_add(real a, real b, real c)
{
    return a * b + c;
}

/* Returns e^-|z|, which cannot overflow. */
static inline real falling(real z)
{
    return EXP(z < 0 ? z : -z);
}

/* The sigmoid is 1 / (1 + e^-z), which equals e^z / (1 + e^z). Each side of 0
 * has the form whose power of e does not overflow. */
static inline real sigmoid_of(real z)
{
    real e = falling(z);
    return (z < 0 ? e : 1) / (1 + e);
}

/* tanh z has a function of its own in the C library. */
static inline real tanh_of(real z)
{
    return TANH(z);
}

/* ReLU is max(0, z). A NaN answers z <= 0 with no, and so stays. */
static inline real relu_of(real z)
{
    return z <= 0 ? 0 : z;
}

/* Leaky ReLU is z, and slope z below 0. */
static inline real leaky_relu_of(real z, real slope)
{
    return z <= 0 ? slope * z : z;
}

/* ELU is z, and slope (e^z - 1) below 0. */
static inline real elu_of(real z, real slope)
{
    return z < 0 ? slope * (EXP(z) - 1) : z;
}

/* GELU is z Phi(z), where Phi is the normal distribution; the constant is
 * 1 / sqrt(2). */
static inline real gelu_of(real z)
{
    return R(0.5) * z * ERFC(z * R(-0.70710678118654752));
}

/* SiLU is z times its own sigmoid. */
static inline real silu_of(real z)
{
    return z * sigmoid_of(z);
}

/* GELU's approximation by tanh, z (1 + tanh(w / 2)) / 2, is z sigmoid(w) with
 * w = 2 sqrt(2 / pi) (z + 0.044715 z^3). */
static inline real gelu_tanh_of(real z)
{
    real w = z * (R(1.5957691216057308) + R(0.071354816272600245) * z * z);
    return z * sigmoid_of(w);
}

/* Softplus is log(1 + e^z) = max(0, z) + log(1 + e^-|z|). */
static inline real softplus_of(real z)
{
    return relu_of(z) + LOG(1 + falling(z));
}

/* The derivative of softplus is the sigmoid, 1 - e^-a. */
static inline real softplus_derivative(real a)
{
    return -EXPM1(-a);
}

/* With s = sigmoid(z), the derivative of SiLU is s + z s (1 - s). */
static inline real silu_derivative(real z)
{
    real s = sigmoid_of(z);
    return s + z * s * (1 - s);
}

/* The derivative of GELU is Phi(z) + z Phi'(z); the last constant is
 * 1 / sqrt(2 pi). */
static inline real gelu_derivative(real z)
{
    return R(0.5) * ERFC(z * R(-0.70710678118654752)) +
           z * R(0.39894228040143268) * EXP(R(-0.5) * z * z);
}

/* With w as in gelu_tanh_of and s = sigmoid(w), the derivative is
 * s + z w' s (1 - s). Beyond 20, it is 0 or 1, and w' could overflow. */
static inline real gelu_tanh_derivative(real z)
{
    real x = z < -20 ? -20 : z > 20 ? 20 : z;
    real c = R(0.071354816272600245) * x * x;
    real s = sigmoid_of(x * (R(1.5957691216057308) + c));
    return s + x * (R(1.5957691216057308) + 3 * c) * s * (1 - s);
}

/* Exp is the one activation whose power of e may be infinite. */
static inline real exp_of(real z)
{
    return EXP(z);
}

/* a[j] = e^a[j] / (sum over k of e^a[k]). The largest a is subtracted first. */
static void probabilities(size_t n, real *a)
{
    real most = a[0];
    real sum = 0;
    for (size_t j = 1; j < n; j++) {
        most = most < a[j] ? a[j] : most;
    }
    for (size_t j = 0; j < n; j++) {
        a[j] = EXP(a[j] - most);
        sum += a[j];
    }
    for (size_t j = 0; j < n; j++) {
        a[j] /= sum;
    }
}
