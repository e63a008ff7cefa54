/* SPDX-License-Identifier: MIT */
/*
 * Relatives of ReLU and of exp, and their derivatives. Parameters: the
 * vocabulary of vec_portable.h, above all vfma, vfnma, vselect and vscale;
 * loops_tmpl.h and elementary_tmpl.h (exp_parts, expm1_parts, log_tail,
 * polynomial, vexp).
 *
 *              a                        da/dz
 *   leaky relu z > 0 ? z : slope z      a > 0 ? 1 : slope
 *   elu        z > 0 ? z : slope (e^z - 1)
 *                                       a > 0 ? 1 : a + slope
 *   exp        e^z                      a
 *   softplus   log(1 + e^z)             1 - e^-a
 *   silu       z s(z)                   t' below
 *   gelu       z Phi(z)                 t' below
 *   gelu tanh  z s(w(z))                t' below
 *
 * Here s is the sigmoid, Phi(z) = erfc(-z / sqrt(2)) / 2 the distribution
 * function of the normal distribution, and w(z) = 2 sqrt(2 / pi) (z + 0.044715
 * z^3), so that s(w) is (1 + tanh(w / 2)) / 2.
 *
 * Both s(-w) = 1 - s(w) and Phi(-z) = 1 - Phi(z). With x = |z| the last three
 * activations are therefore
 *
 *   a = -t(x) for z < 0, else z - t(x),     t = x s(-w(x)) or x Phi(-x)
 *                                           (w(x) = x for silu)
 *   da/dz = t'(x) for z < 0, else 1 - t'(x)
 *
 * The tail t is a product with a power of e. It is computed as 2^n times a
 * number near x, and the rounding errors on the way are added at the end
 * (compensated arithmetic, elementary_tmpl.h), so that small outputs have all
 * digits. Softplus is max(0, z) + log(1 + e^-x), equally exact.
 *
 * Error bounds: activations are within 2 ulp, derivatives within a few ulp of
 * 1. All activations are monotone where the function is, with one exception:
 * silu and gelu may step back by an ulp within 0.2 of their minima.
 *
 * Phi(-x) = e^(-x^2 / 2) P(t) / d with d = 1 + x / 4 and t = (x - 4) / (x + 4),
 * which is x / (2 d) - 1. The polynomial P, whose coefficients are gelu_terms,
 * interpolates at Chebyshev nodes of the range of t that matters
 * (tests/vectors/make_gelu.py computes it). A similar P is in M. M. Shepherd
 * and J. G. Laframboise, "Chebyshev Approximation of (1 + 2x) exp(x^2) erfc x
 * in 0 <= x < infinity", Mathematics of Computation 36, 1981.
 */
#if REAL_BITS == 32

#define SILU_MAX 110.0f /* from here on t is 0 */
#define GELU_MAX 14.5f
#define GELU_TANH_MAX 11.0f

#define GELU_C1 -0x1.373e3cp-3f /* the high part, 23 bits */
#define GELU_C1_LOW 0x1.de3acap-28f
#define GELU_C0 0x1.82b4bcp-3f /* the high part */
#define GELU_C0_LOW -0x1.cb2a74p-29f
static const real gelu_terms[] = {
    -0x1.b99facp-17f, -0x1.ec099ap-15f, 0x1.632a04p-15f, 0x1.af9108p-12f,
    -0x1.c93064p-11f, -0x1.ee7c98p-10f, 0x1.eec64ep-7f,  -0x1.7dfee2p-5f,
    0x1.8c6dbep-4f,   GELU_C1,          GELU_C0,
};

/* w(x) = x (W1 + W3 x^2). Each coefficient is the sum of two parts, of which
 * the high part of W1 has few bits (20 of 24, or 47 of 53). */
#define W1 0x1.98846p+0f
#define W1_LOW -0x1.985794p-21f
#define W3 0x1.2444f2p-4f
#define W3_LOW 0x1.49b16ap-29f

#else

#define SILU_MAX 752.0
#define GELU_MAX 39.0
#define GELU_TANH_MAX 22.0

#define GELU_C1 -0x1.373e3a893c28ap-3
#define GELU_C1_LOW -0x1.d4e24601e6a54p-58
#define GELU_C0 0x1.82b4bb8c94dcep-3
#define GELU_C0_LOW -0x1.9ad8cb65779a9p-58
static const real gelu_terms[] = {
    -0x1.8f4178ebec560p-33,
    -0x1.5aa27c5b7d63cp-31,
    0x1.07a55f5929c3ap-31,
    0x1.510ff60a84cb0p-28,
    0x1.c85321fba99d2p-29,
    -0x1.6ed38c82f7cd9p-26,
    -0x1.4cc8dd42dff5fp-25,
    0x1.23d90f695d206p-24,
    0x1.1238a8ad41541p-22,
    -0x1.5210d6172ef2fp-23,
    -0x1.8d4bcda0e042bp-20,
    0x1.80c1dea0222a0p-23,
    0x1.26d0a37c22e03p-17,
    -0x1.001f43193794ap-21,
    -0x1.e4a4260ad8c4ep-15,
    0x1.17a4aebfc01c7p-15,
    0x1.ab825fc3a459bp-12,
    -0x1.c81719d610b82p-11,
    -0x1.ee2761048b5e7p-10,
    0x1.eec4cc3e4db85p-7,
    -0x1.7dff2bff68368p-5,
    0x1.8c6dbf2cfc2afp-4,
    GELU_C1,
    GELU_C0,
};

/* Each coefficient of w(x) = x (W1 + W3 x^2) is the sum of two parts. */
#define W1 0x1.9884533d4364p+0
#define W1_LOW 0x1.08d0fcb3c500cp-48
#define W3 0x1.2444f2a4d8b4bp-4
#define W3_LOW -0x1.6c843a29d1c7p-61

#endif

/* ---------------------------------------------------------------------------
 * Leaky ReLU and ELU, whose slope is often called alpha
 */

static vec vleaky(vec z, vec slope)
{
    return vselect(vle(z, vzero()), vmul(slope, z), z);
}

static vec backward_leaky(vec a, vec da, vec slope)
{
    return vselect(vle(a, vzero()), vmul(da, slope), da);
}

/* Returns the smaller of x and max, or x if x is a NaN. */
static inline vec at_most(vec x, real max)
{
    return vmin(vset1(max), x);
}

/* Returns e^-x - 1 for x >= 0. Beyond 2 TANH_SATURATED it rounds to -1. */
static inline ALWAYS_INLINE vec expm1_of_minus(vec x)
{
    vec low;
    vec high = expm1_parts(vneg(at_most(x, R(2.0) * TANH_SATURATED)), &low);
    return vadd(high, low);
}

static vec velu(vec z, vec slope)
{
    vec below = vmul(slope, expm1_of_minus(vabs(z)));
    return vselect(vlt(z, vzero()), below, z);
}

static vec backward_elu(vec a, vec da, vec slope)
{
    return vselect(vle(a, vzero()), vmul(da, vadd(a, slope)), da);
}

/* ---------------------------------------------------------------------------
 * Exp, whose derivative is itself
 */

static vec backward_exp(vec a, vec da, vec unused)
{
    (void)unused;
    return vmul(da, a);
}

/* ---------------------------------------------------------------------------
 * Softplus
 */

/* The number of vectors of which softplus computes each stage side by side. One
 * alone would wait for the latency of each operation. */
enum { SOFTPLUS_VECS = HAS_16_ACCUMULATORS ? 4 : 2 };

/* Computes y = log(1 + e^z) for `count` vectors; `count` is a constant at each
 * call. With u = e^-|z| <= 1 it is max(0, z) + log(1 + u), and log(1 + u) is k
 * ln 2 + log(1 + f), where k = 1 and f = (u - 1) / 2 if u >= 1/2, else k = 0
 * and f = u. The rest is as in vlog. The term that is known last, s times
 * log_tail, is added last. */
static inline ALWAYS_INLINE void softplus(size_t count, const vec *z, vec *y)
{
    const vec one = vset1(R(1.0));
    vec u[SOFTPLUS_VECS];
    vec u_low[SOFTPLUS_VECS];
    UNROLL
    for (size_t i = 0; i < count; i++) {
        vec n;
        u[i] = exp_parts(vneg(at_most(vabs(z[i]), -EXP_MIN)), &n, &u_low[i]);
        u[i] = vscale(u[i], n);
        u_low[i] = vscale(u_low[i], n);
    }
    vec s[SOFTPLUS_VECS];
    vec sum[SOFTPLUS_VECS];
    vec rest[SOFTPLUS_VECS];
    vec half_square[SOFTPLUS_VECS];
    UNROLL
    for (size_t i = 0; i < count; i++) {
        const mask large = vle(vset1(R(0.5)), u[i]);
        vec part = vselect(large, vset1(R(0.5)), one);
        vec k = vselect(large, one, vzero());
        vec above = vsub(u[i], k);
        vec below = vadd(u[i], vselect(large, vset1(R(3.0)), vset1(R(2.0))));
        s[i] = vdiv(above, below); /* is f / (2 + f) in both cases */
        vec f = vmul(part, above);
        half_square[i] = vmul(vmul(f, f), vset1(R(0.5)));
        vec base = vmul(k, vset1(LN2_HIGH));
        vec high = vadd(base, f);
        rest[i] = vfma(k, vset1(LN2_LOW), vadd(vsub(base, high), f));
        /* max(0, z) may be larger or smaller than the other term, so the error
         * of the sum is computed by Knuth's 2Sum, which works in both cases. */
        vec positive = vrelu(z[i]);
        sum[i] = vadd(positive, high);
        vec back = vsub(sum[i], positive);
        vec lost = vadd(vsub(positive, vsub(sum[i], back)), vsub(high, back));
        /* This is the rounding error of u, times an approximation of 1 / (1 +
         * f). For z > 0 near 0 it falls as `lost` rises, so the two are added
         * first, while no larger term rounds them off. */
        vec f_low = vmul(part, u_low[i]);
        lost = vadd(lost, vfnma(f, f_low, f_low));
        rest[i] = vsub(vadd(rest[i], lost), half_square[i]);
    }
    UNROLL
    for (size_t i = 0; i < count; i++) {
        vec all = vfma(s[i], log_tail(s[i], half_square[i]), rest[i]);
        y[i] = vselect(vlt(z[i], vset1(-EXP_MIN)), vadd(sum[i], all), z[i]);
    }
}

static vec vsoftplus(vec z, vec unused)
{
    (void)unused;
    vec y;
    softplus(1, &z, &y);
    return y;
}

static vec backward_softplus(vec a, vec da, vec unused)
{
    (void)unused;
    return vmul(da, vneg(expm1_of_minus(a)));
}

/* ---------------------------------------------------------------------------
 * Silu and gelu: z - t, and its derivative
 */

/* Returns z - t for z >= 0 and -t for z < 0, where t = 2^n y. */
static inline ALWAYS_INLINE vec minus_tail(vec z, vec y, vec n)
{
    vec t = vscale(y, n);
    return vselect(vlt(z, vzero()), vneg(t), vsub(z, t));
}

/* Returns da times the derivative of z - t, where `slope` is t'. */
static inline ALWAYS_INLINE vec backward_minus_tail(vec z, vec da, vec slope)
{
    vec other = vsub(vset1(R(1.0)), slope);
    return vmul(da, vselect(vlt(z, vzero()), slope, other));
}

/* Returns the tail t = x s(-w) = x e^-w / (1 + e^-w) without its factor 2^n,
 * for e^-w = 2^n (e + e_low). The quotient is corrected by its residual. */
static inline ALWAYS_INLINE vec gated_tail(vec x, vec e, vec e_low, vec n)
{
    const vec one = vset1(R(1.0));
    const vec min_n = vset1(R(1 - EXPONENT_BIAS));
    vec power = vpow2(vselect(vlt(n, min_n), min_n, n));
    vec scaled = vmul(e, power);
    vec d = vadd(one, scaled);
    vec d_low = vfma(e_low, power, vadd(vsub(one, d), scaled));
    vec above = vmul(x, e);
    vec above_low = vsub(vmul(x, e_low), vfnma(x, e, above));
    vec q = vdiv(above, d);
    vec residual = vfnma(q, d_low, vadd(vfnma(q, d, above), above_low));
    /* For 1 <= d <= 2 this line approximates 1 / d, well enough for a
     * residual. */
    vec inverse = vfnma(d, vset1(R(8.0 / 17.0)), vset1(R(24.0 / 17.0)));
    return vfma(residual, inverse, q);
}

/* Returns the derivative of the tail, t' = s(-w) (1 - x w' s(w)). */
static inline ALWAYS_INLINE vec gated_tail_slope(vec x, vec w, vec dw)
{
    const vec one = vset1(R(1.0));
    vec e = vexp(vneg(w));
    vec s = vdiv(one, vadd(one, e));
    return vmul(vmul(e, s), vfnma(vmul(x, dw), s, one));
}

static vec vsilu(vec z, vec unused)
{
    (void)unused;
    vec x = at_most(vabs(z), SILU_MAX);
    vec n;
    vec e_low;
    vec e = exp_parts(vneg(x), &n, &e_low);
    return minus_tail(z, gated_tail(x, e, e_low, n), n);
}

static vec backward_silu(vec z, vec da, vec unused)
{
    (void)unused;
    vec x = at_most(vabs(z), SILU_MAX);
    return backward_minus_tail(z, da, gated_tail_slope(x, x, vset1(R(1.0))));
}

/* Computes w(x) with its rounding error, which is added to e^-w as a relative
 * error, and then the tail as for silu. */
static vec vgelu_tanh(vec z, vec unused)
{
    (void)unused;
    const vec w1 = vset1(W1);
    const vec w3 = vset1(W3);
    vec x = at_most(vabs(z), GELU_TANH_MAX);
    vec x2 = vmul(x, x);
    vec x2_lost = vfnma(x, x, x2);
    vec g = vfma(w3, x2, w1);
    vec g_low = vfma(vset1(W3_LOW), x2, vfnma(w3, x2_lost, vset1(W1_LOW)));
    g_low = vadd(vfma(w3, x2, vsub(w1, g)), g_low);
    vec w = vmul(x, g);
    vec lost = vfnma(x, g_low, vfnma(x, g, w));
    vec n;
    vec rest;
    vec high = exp_parts(vneg(w), &n, &rest);
    rest = vfma(lost, high, rest);
    vec e = vadd(high, rest);
    vec e_low = vsub(rest, vsub(e, high));
    return minus_tail(z, gated_tail(x, e, e_low, n), n);
}

static vec backward_gelu_tanh(vec z, vec da, vec unused)
{
    (void)unused;
    vec x = at_most(vabs(z), GELU_TANH_MAX);
    vec x2 = vmul(x, x);
    vec w = vmul(x, vfma(vset1(W3), x2, vset1(W1)));
    vec dw = vfma(vset1(R(3.0) * W3), x2, vset1(W1));
    return backward_minus_tail(z, da, gated_tail_slope(x, w, dw));
}

/* Returns the tail t = e^(-x^2 / 2) P q, q = x / d, without its factor 2^n.
 * Each low part is the rounding error of the number that it is named after. */
static inline ALWAYS_INLINE vec gelu_tail(vec x, vec *n)
{
    const vec one = vset1(R(1.0));
    const vec half = vset1(R(0.5));
    const vec c0 = vset1(GELU_C0);
    const vec c1 = vset1(GELU_C1);
    vec square = vmul(x, x);
    vec square_lost = vfnma(x, x, square);
    vec e_low;
    vec e = exp_parts(vmul(square, vneg(half)), n, &e_low);
    e_low = vfma(vmul(square_lost, half), e, e_low);
    vec quarter = vmul(x, vset1(R(0.25)));
    vec d = vadd(one, quarter);
    vec d_low = vsub(quarter, vsub(d, one));
    vec q = vdiv(x, d);
    vec residual = vfnma(q, d_low, vfnma(q, d, x));
    vec q_low = vmul(residual, vfnma(q, vset1(R(0.25)), one)); /* 1 / d */
    vec half_q = vmul(q, half);
    vec t = vsub(half_q, one);
    vec t_low = vfma(q_low, half, vsub(half_q, vadd(t, one)));
    /* The error of P is that of its last two operations, plus the error of t
     * times an approximation of P'. */
    vec inner = polynomial(t, vmul(t, t), gelu_terms, TERMS(gelu_terms) - 2);
    vec sum = vfma(t, inner, c1);
    vec sum_low = vadd(vfma(t, inner, vsub(c1, sum)), vset1(GELU_C1_LOW));
    vec p = vfma(t, sum, c0);
    vec dp =
        vfma(t, vfma(t, vset1(R(-0.140)), vset1(R(0.194))), vset1(R(-0.152)));
    vec p_low = vfma(t, sum_low, vfma(t, sum, vsub(c0, p)));
    p_low = vadd(p_low, vfma(t_low, dp, vset1(GELU_C0_LOW)));
    vec pq = vmul(p, q);
    vec pq_low = vfma(p_low, q, vsub(vmul(p, q_low), vfnma(p, q, pq)));
    vec y = vmul(pq, e);
    vec y_low = vfma(pq_low, e, vsub(vmul(pq, e_low), vfnma(pq, e, y)));
    return vadd(y, y_low);
}

static vec vgelu(vec z, vec unused)
{
    (void)unused;
    vec n;
    vec y = gelu_tail(at_most(vabs(z), GELU_MAX), &n);
    return minus_tail(z, y, n);
}

/* Uses t' = Phi(-x) - x Phi'(x). */
static vec backward_gelu(vec z, vec da, vec unused)
{
    (void)unused;
    const vec one = vset1(R(1.0));
    const vec half = vset1(R(0.5));
    const vec density = vset1(R(0.398942280401432678)); /* 1 / sqrt(2 pi) */
    vec x = at_most(vabs(z), GELU_MAX);
    vec e = vexp(vmul(vmul(x, x), vneg(half)));
    vec inverse = vdiv(one, vfma(x, vset1(R(0.25)), one));
    vec t = vsub(vmul(vmul(x, inverse), half), one);
    vec p = polynomial(t, vmul(t, t), gelu_terms, TERMS(gelu_terms));
    return backward_minus_tail(z, da,
                               vmul(e, vfnma(x, density, vmul(p, inverse))));
}
