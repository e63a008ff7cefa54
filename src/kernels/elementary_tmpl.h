/* SPDX-License-Identifier: MIT */
/*
 * The elementary functions exp, log, tanh and sigmoid. They consist of
 * correctly rounded operations alone (+ - * / and fma), so they have the same
 * bits on every CPU. Parameters: the vocabulary of vec_portable.h, above all
 * vfma, vfnma, vpow2 and vsplit; and loops_tmpl.h. The technical words
 * (argument reduction, Cody and Waite, ...) are those of J.-M. Muller,
 * "Elementary Functions: Algorithms and Implementation", 3rd edition, 2016.
 *
 * exp  Argument reduction: x = n ln 2 + r with |r| <= ln 2 / 2, so that
 *      e^x = 2^n e^r. ln 2 is split into LN2_HIGH + LN2_LOW (Cody and Waite),
 *      and n LN2_HIGH is exact. e^r = 1 + p is a Taylor polynomial.
 * log  Argument reduction: x = m 2^k with m in [sqrt(1/2), sqrt(2)), so that
 *      log x = k ln 2 + log m. With f = m - 1 and s = f / (2 + f), log m is
 *      2 artanh s, a Taylor polynomial in s^2.
 * tanh |x| = t / (t + 2) with t = e^(2|x|) - 1.
 * sigmoid x = e / (1 + e) with e = e^x for x < 0, and 1 / (1 + e^-x) otherwise.
 *
 * A residual corrects every quotient but 1 / (1 + e^-x).
 *
 * Taylor polynomials serve as well as minimax polynomials here, because they
 * have so many terms that the truncation error is below a tenth of an ulp.
 *
 * Rounding errors are compensated: the error of a sum a + b is itself a number
 * (Dekker's Fast2Sum computes it as b - (sum - a) if |a| >= |b|), as is that of
 * a product (fma(a, b, -product)). Errors are kept as `low` parts and added at
 * the end, so that only the last operation counts.
 *
 * Error bounds: exp and log are within 1 ulp, tanh and sigmoid within 2 ulp.
 * All four are monotone, and exact at 0 and at the infinities. Comparisons are
 * written so that a NaN stays a NaN. tests/kernels/test_elementary.c measures
 * this.
 *
 * The four functions are called, never inlined, because a call is cheap beside
 * what they do, and many activations and losses use them.
 */
#if REAL_BITS == 32

#define EXP_MIN (-104.0f)    /* from here on down e^x is 0 */
#define EXP_MAX 89.0f        /* from here on up e^x is infinite */
#define TANH_SATURATED 10.0f /* from here on up tanh x is 1 */
#define SMALLEST_NORMAL 0x1p-126f
#define LN2_HIGH 0x1.62e4p-1f /* 15 bits, so n LN2_HIGH is exact */
#define LN2_LOW 0x1.7f7d1cp-20f

static const real exp_terms[] = {
    R(1.0 / 5040.0), R(1.0 / 720.0), R(1.0 / 120.0),
    R(1.0 / 24.0),   R(1.0 / 6.0),   R(1.0 / 2.0),
};
static const real log_terms[] = {
    R(2.0 / 11.0), R(2.0 / 9.0), R(2.0 / 7.0), R(2.0 / 5.0), R(2.0 / 3.0),
};

#else

#define EXP_MIN (-746.0)
#define EXP_MAX 710.0
#define TANH_SATURATED 20.0
#define SMALLEST_NORMAL 0x1p-1022
#define LN2_HIGH 0x1.62e42fefa38p-1 /* 42 bits, so n LN2_HIGH is exact */
#define LN2_LOW 0x1.ef35793c7673p-45

static const real exp_terms[] = {
    R(1.0 / 6227020800.0), R(1.0 / 479001600.0), R(1.0 / 39916800.0),
    R(1.0 / 3628800.0),    R(1.0 / 362880.0),    R(1.0 / 40320.0),
    R(1.0 / 5040.0),       R(1.0 / 720.0),       R(1.0 / 120.0),
    R(1.0 / 24.0),         R(1.0 / 6.0),         R(1.0 / 2.0),
};
static const real log_terms[] = {
    R(2.0 / 23.0), R(2.0 / 21.0), R(2.0 / 19.0), R(2.0 / 17.0),
    R(2.0 / 15.0), R(2.0 / 13.0), R(2.0 / 11.0), R(2.0 / 9.0),
    R(2.0 / 7.0),  R(2.0 / 5.0),  R(2.0 / 3.0),
};

#endif

#define TERMS(list) (sizeof(list) / sizeof(list)[0])
#define LOG2_E 1.44269504088896340736

/* Returns c[0] x^(n-1) + ... + c[n-1] by Horner's rule. */
static inline ALWAYS_INLINE vec polynomial(vec x, const real *c, size_t n)
{
    vec sum = vset1(c[0]);
    UNROLL
    for (size_t i = 1; i < n; i++) {
        sum = vfma(sum, x, vset1(c[i]));
    }
    return sum;
}

/* Returns the nearest integer. The sum with 1.5 2^FRACTION_BITS has no bits for
 * a fraction, so the addition rounds it off. */
static inline vec nearest(vec x)
{
    const vec shift = vset1(R(1.5) * TWO_TO_FRACTION);
    return vsub(vadd(x, shift), shift);
}

/* Reduces the argument: e^x = 2^n (1 + p + low) for EXP_MIN <= x <= EXP_MAX.
 * exp_terms are the coefficients of q in e^r = 1 + r + r^2 q with q = 1/2 + r/6
 * + ..., the one of the highest power first. */
static inline ALWAYS_INLINE vec reduced_exp(vec x, vec *n, vec *low)
{
    *n = nearest(vmul(x, vset1(R(LOG2_E))));
    vec high = vfnma(*n, vset1(LN2_HIGH), x); /* without rounding error */
    vec rest = vmul(*n, vset1(LN2_LOW));
    vec r = vsub(high, rest);
    vec q = polynomial(r, exp_terms, TERMS(exp_terms));
    vec square = vmul(vmul(r, r), q);
    vec p = vadd(r, square);
    /* The first term is the rounding error of r, the second that of p. */
    *low = vadd(vsub(vsub(high, r), rest), vsub(square, vsub(p, r)));
    return p;
}

/* Returns x, moved into [low, high]; a NaN stays a NaN. */
static inline vec clamp(vec x, real low, real high)
{
    const vec min_x = vset1(low);
    const vec max_x = vset1(high);
    return vselect(vlt(x, min_x), min_x, vselect(vlt(max_x, x), max_x, x));
}

/* Returns y 2^n. It multiplies twice by 2^(n/2), because 2^n itself may be
 * subnormal or overflow where y 2^n is not. */
static inline ALWAYS_INLINE vec times_pow2(vec y, vec n)
{
    vec half = nearest(vmul(n, vset1(R(0.5))));
    return vmul(vmul(y, vpow2(half)), vpow2(vsub(n, half)));
}

/* Splits e^x = 2^n (high + low), where low is the rounding error of high. */
static inline ALWAYS_INLINE vec exp_parts(vec x, vec *n, vec *low)
{
    const vec one = vset1(R(1.0));
    vec p = reduced_exp(x, n, low);
    vec high = vadd(one, p);
    *low = vadd(vadd(vsub(one, high), p), *low);
    return high;
}

/* Splits e^x - 1 = high + low, for x such that 2^n is a normal number. */
static inline ALWAYS_INLINE vec expm1_parts(vec x, vec *low)
{
    vec n;
    vec p = reduced_exp(x, &n, low);
    vec power = vpow2(n);
    vec whole = vsub(power, vset1(R(1.0)));
    vec scaled = vmul(power, p);
    vec high = vadd(whole, scaled);
    *low = vfma(power, *low, vadd(vsub(whole, high), scaled));
    return high;
}

/* Returns e^x within 1 ulp. */
static NEVER_INLINE vec vexp(vec x)
{
    vec n;
    vec low;
    vec high = exp_parts(clamp(x, EXP_MIN, EXP_MAX), &n, &low);
    return times_pow2(vadd(high, low), n);
}

/* Returns 1 / (1 + e^-z) within 2 ulp. For z >= 0 that is the formula itself.
 * For z < 0 it is q = e / (1 + e) with e = e^z, which keeps all digits of small
 * values, and q is corrected by the residual e - q (1 + e). */
static NEVER_INLINE vec vsigmoid(vec z)
{
    const vec one = vset1(R(1.0));
    const mask negative = vlt(z, vzero());
    vec e = vexp(vneg(vabs(z)));
    vec d = vadd(one, e);
    vec lost = vadd(vsub(one, d), e);
    vec q = vdiv(vselect(negative, e, one), d);
    vec residual = vfnma(q, lost, vfnma(q, d, e));
    vec corrected = vfma(residual, vsub(one, q), q);
    return vselect(negative, corrected, q);
}

/* Returns tanh z within 2 ulp. With t = e^(2|z|) - 1 = high + low, tanh |z| is
 * t / (t + 2), which keeps all digits of small values, and from t = 2 on it is
 * 1 - 2 / (t + 2). The quotient q = above / (t + 2) is corrected by the
 * residual above - q (t + 2) times 1 / (t + 2), which is (1 - q) / 2 in the
 * first case and q / 2 in the second. */
static NEVER_INLINE vec vtanh(vec z)
{
    const vec one = vset1(R(1.0));
    const vec two = vset1(R(2.0));
    const vec saturated = vset1(R(TANH_SATURATED));
    vec x = vabs(z);
    x = vselect(vlt(saturated, x), saturated, x);
    vec low;
    vec high = expm1_parts(vadd(x, x), &low);
    vec d = vadd(high, two);
    vec back = vsub(d, high);
    vec lost = vadd(vsub(high, vsub(d, back)), vsub(two, back));
    const mask large = vle(two, high);
    vec above = vselect(large, two, high);
    vec q = vdiv(above, d);
    vec residual = vfnma(q, vadd(lost, low), vfnma(q, d, above));
    residual = vadd(residual, vselect(large, vzero(), low));
    vec inverse = vmul(vselect(large, q, vsub(one, q)), vset1(R(0.5)));
    q = vfma(residual, inverse, q);
    return vcopysign(vselect(large, vsub(one, q), q), z);
}

/* Returns what is missing in log(1 + f) = f - half_square + missing, for 1 + f
 * from sqrt(1/2) to sqrt 2 (log) or 3/2 (softplus). log_terms are the
 * coefficients of 2 artanh s = 2 s + s^3 (2/3 + 2/5 s^2 + ...), the one of the
 * highest power first. */
static inline ALWAYS_INLINE vec log1p_inner(vec f, vec *half_square)
{
    vec s = vdiv(f, vadd(f, vset1(R(2.0))));
    vec s2 = vmul(s, s);
    vec tail = vmul(s2, polynomial(s2, log_terms, TERMS(log_terms)));
    /* 2 s = f - s f and s f = f^2 / 2 - s f^2 / 2, so f^2 / 2 is a term of its
     * own. */
    *half_square = vmul(vmul(f, f), vset1(R(0.5)));
    return vmul(s, vadd(*half_square, tail));
}

/* Returns log x within 1 ulp. A subnormal x is scaled to a normal number
 * first. */
static NEVER_INLINE vec vlog(vec x)
{
    const vec infinity = vset1(R(INFINITY));
    const mask subnormal = vlt(x, vset1(SMALLEST_NORMAL));
    vec normal = vselect(subnormal, vmul(x, vset1(TWO_TO_FRACTION)), x);
    vec k;
    vec f = vsub(vsplit(normal, &k), vset1(R(1.0)));
    k = vsub(k, vselect(subnormal, vset1(R(FRACTION_BITS)), vzero()));
    vec half_square;
    vec inner = log1p_inner(f, &half_square);
    vec base = vmul(k, vset1(LN2_HIGH)); /* exact; 0, or larger than f */
    vec high = vadd(base, f);
    vec lost = vadd(vsub(base, high), f);
    vec rest = vfma(k, vset1(LN2_LOW), vsub(inner, half_square));
    vec y = vadd(high, vadd(lost, rest));
    /* The logarithm of infinity is infinity, of 0 it is -infinity, and of a
     * negative number or a NaN it is a NaN. */
    y = vselect(vlt(x, infinity), y, x);
    y = vselect(vle(x, vzero()), vneg(infinity), y);
    return vselect(vlt(x, vzero()), vset1(R(NAN)), y);
}

/* Returns max(0, z). For a NaN z <= 0 is false, so a NaN stays a NaN. */
static inline vec vrelu(vec z)
{
    return vselect(vle(z, vzero()), vzero(), z);
}
