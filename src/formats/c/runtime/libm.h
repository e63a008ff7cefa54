/* SPDX-License-Identifier: MIT */
/*
 * The arithmetic of exported networks that take theirs from the C library: near
 * the library's own, within 1e-6, and fast where the C library is. Parameter:
 * REAL_BITS. See export_pieces.h.
 */
#if REAL_BITS == 32

typedef float real;
#define EXP expf
#define LOG logf
#define TANH tanhf
#define ERFC erfcf

#else

typedef double real;
#define EXP exp
#define LOG log
#define TANH tanh
#define ERFC erfc

#endif

#define R(x) ((real)(x))

static inline real multiply_add(real a, real b, real c)
{
    return a * b + c;
}

/* e^-|z| cannot overflow. */
static inline real falling(real z)
{
    return EXP(z < 0 ? z : -z);
}

static inline real sigmoid_of(real z)
{
    real e = falling(z);
    return (z < 0 ? e : 1) / (1 + e);
}

static inline real tanh_of(real z)
{
    return TANH(z);
}

static inline real relu_of(real z)
{
    return z <= 0 ? 0 : z;
}

static inline real leaky_relu_of(real z, real slope)
{
    return z <= 0 ? slope * z : z;
}

static inline real elu_of(real z, real slope)
{
    return z < 0 ? slope * (EXP(z) - 1) : z;
}

static inline real gelu_of(real z)
{
    return R(0.5) * z * ERFC(z * R(-0.70710678118654752));
}

static inline real silu_of(real z)
{
    return z * sigmoid_of(z);
}

static inline real gelu_tanh_of(real z)
{
    real w = z * (R(1.5957691216057308) + R(0.071354816272600245) * z * z);
    return z * sigmoid_of(w);
}

static inline real softplus_of(real z)
{
    return relu_of(z) + LOG(1 + falling(z));
}

/* a[j] = e^a[j] / sum of e^a[k]; the largest exponent is 0. */
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
