/* SPDX-License-Identifier: MIT */
/*
 * The elementary functions exp, log, tanh and sigmoid. They consist of
 * correctly rounded operations alone (+ - * / and fma), so they have the same
 * bits on every CPU. Parameters: the vocabulary of vec_portable.h, above all
 * vfma, vfnma, vpow2, vscale and vsplit; and loops_tmpl.h. The technical words
 * (argument reduction, Cody and Waite, ...) are those of J.-M. Muller,
 * "Elementary Functions: Algorithms and Implementation", 3rd edition, 2016.
 *
 * exp  Argument reduction: x = n ln 2 + r with |r| <= ln 2 / 2, so that
 *      e^x = 2^n e^r. ln 2 is split into LN2_HIGH + LN2_LOW (Cody and Waite),
 *      and n LN2_HIGH is exact. e^r = 1 + p is a polynomial.
 * log  Argument reduction: x = m 2^k with m in [sqrt(1/2), sqrt(2)), so that
 *      log x = k ln 2 + log m. With f = m - 1 and s = f / (2 + f), log m is
 *      2 artanh s, a polynomial in s^2.
 * tanh |x| = |x| + |x|^3 times a polynomial in x^2 for |x| < TANH_SMALL, and
 *      1 - 2 / (e^(2|x|) + 1) from there on.
 * sigmoid x = 1 / (e^-x + 1).
 *
 * The coefficients are those of minimax polynomials;
 * tests/vectors/make_elementary.py computes them by Remez's algorithm. Their
 * relative error is below a twelfth of an ulp.
 *
 * Rounding errors hardly need compensation, because each result ends in a sum
 * whose exact or nearly exact summand is large, and whose other summand is
 * small, with its rounding errors: 1 + p, |x| + |x|^3 (...), k ln 2 + f.
 * log compensates the sum k ln 2 + f: the error of a sum a + b is itself a
 * number (Dekker's Fast2Sum computes it as b - (sum - a) if |a| >= |b|).
 *
 * Error bounds: exp and log are within 1 ulp, tanh and sigmoid within 2 ulp.
 * All four are exact at 0 and at the infinities. Comparisons are written so
 * that a NaN stays a NaN. All four are monotone: where n, k and the formula do
 * not change, each function is a chain of monotone operations, and a rounded
 * monotone operation is monotone; the polynomials are, because their rounding
 * errors are smaller than the steps between neighbouring numbers. Where n, k or
 * the formula changes, tests/kernels/test_elementary.c looks at each place. It
 * also measures the errors.
 *
 * exp and log are called, never inlined, because a call is cheap beside what
 * they do, and many activations and losses use them.
 */
#if REAL_BITS == 32

#define EXP_MIN (-104.0f) /* from here on down e^x is 0 */
#define EXP_MAX 89.0f     /* from here on up e^x is infinite */
#define TANH_SMALL 0.5625f
#define TANH_SATURATED 10.0f /* from here on up tanh x is 1 */
#define SIGMOID_N 64.0f
#define SMALLEST_NORMAL 0x1p-126f
#define LN2_HIGH 0x1.62e4p-1f /* 15 bits, so n LN2_HIGH is exact */
#define LN2_LOW 0x1.7f7d1cp-20f

static const real exp_terms[] = {
    0x1.6b6de8p-10f, 0x1.123008p-7f, 0x1.55568ap-5f, 0x1.5554a2p-3f, 0x1p-1f,
};
static const real log_terms[] = {
    0x1.36e46p-2f,
    0x1.992b0cp-2f,
    0x1.5555b4p-1f,
};
static const real tanh_terms[] = {
    -0x1.94fffcp-8f, 0x1.582facp-6f,  -0x1.b90946p-5f,
    0x1.110c72p-3f,  -0x1.555548p-2f,
};

#else

#define EXP_MIN (-746.0)
#define EXP_MAX 710.0
#define TANH_SMALL 0.5625
#define TANH_SATURATED 20.0
#define SIGMOID_N 512.0
#define SMALLEST_NORMAL 0x1p-1022
#define LN2_HIGH 0x1.62e42fefa38p-1 /* 42 bits, so n LN2_HIGH is exact */
#define LN2_LOW 0x1.ef35793c7673p-45

static const real exp_terms[] = {
    0x1.ad1f7f224e48cp-26, 0x1.289fe0bd175bep-22,
    0x1.71df564794a9cp-19, 0x1.a019aadd9570fp-16,
    0x1.a01a011b6bed9p-13, 0x1.6c16c17cda3d7p-10,
    0x1.1111111128b31p-7,  0x1.55555555531c6p-5,
    0x1.5555555555501p-3,  0x1p-1,
};
static const real log_terms[] = {
    0x1.1b69e8ff9562fp-3, 0x1.0dcf1421603d7p-3, 0x1.3b358bab5630fp-3,
    0x1.745c4c7ae15d7p-3, 0x1.c71c7488d9e5fp-3, 0x1.24924921ec0adp-2,
    0x1.999999999c0f7p-2, 0x1.555555555554fp-1,
};
static const real tanh_terms[] = {
    -0x1.3d27bfd725261p-16, 0x1.59724e523091ap-14,  -0x1.e80a8ae3ea75ep-13,
    0x1.3460ab9215aafp-11,  -0x1.7d8b95c0ccf6bp-10, 0x1.d6d247919404p-9,
    -0x1.226e2d0251ab6p-7,  0x1.664f484955fdap-6,   -0x1.ba1ba1b935e24p-5,
    0x1.11111111102b6p-3,   -0x1.555555555554bp-2,
};

#endif

#define TERMS(list) (sizeof(list) / sizeof(list)[0])
#define LOG2_E 1.44269504088896340736

/* Returns c[0] x^(n-1) + ... + c[n-1], where `square` is x^2. The even and the
 * odd powers are two chains of Horner's rule in x^2, which run side by side. */
static inline ALWAYS_INLINE vec polynomial(vec x, vec square, const real *c,
                                           size_t n)
{
    vec a = vset1(c[0]);
    vec b = vset1(c[1]);
    UNROLL
    for (size_t i = 2; i + 1 < n; i += 2) {
        a = vfma(a, square, vset1(c[i]));
        b = vfma(b, square, vset1(c[i + 1]));
    }
    if (n % 2 == 0) {
        return vfma(a, x, b);
    }
    return vfma(b, x, vfma(a, square, vset1(c[n - 1])));
}

/* Reduces the argument: e^x = 2^n (1 + p + low) for EXP_MIN <= x <= EXP_MAX,
 * where `low` is the rounding error of p. exp_terms are the coefficients of q
 * in e^r = 1 + r + r^2 q with q = 1/2 + r/6 + ..., the one of the highest power
 * first. x log2(e) is rounded to the integer n, because its sum with 1.5
 * 2^FRACTION_BITS has no bits for a fraction. */
static inline ALWAYS_INLINE vec reduced_exp(vec x, vec *n, vec *low)
{
    const vec shift = vset1(R(1.5) * TWO_TO_FRACTION);
    *n = vsub(vfma(x, vset1(R(LOG2_E)), shift), shift);
    vec high = vfnma(*n, vset1(LN2_HIGH), x); /* without rounding error */
    vec rest = vmul(*n, vset1(-LN2_LOW));
    vec r = vadd(high, rest);
    vec square = vmul(r, r);
    vec q = polynomial(r, square, exp_terms, TERMS(exp_terms));
    vec tail = vfma(square, q, rest);
    vec p = vadd(high, tail);
    *low = vadd(vsub(high, p), tail);
    return p;
}

/* Returns x, moved into [low, high]; a NaN stays a NaN. */
static inline vec clamp(vec x, real low, real high)
{
    return vmin(vset1(high), vmax(vset1(low), x));
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
static inline ALWAYS_INLINE vec exp_inlined(vec x)
{
    vec n;
    vec unused;
    vec p = reduced_exp(clamp(x, EXP_MIN, EXP_MAX), &n, &unused);
    return vscale(vadd(vset1(R(1.0)), p), n);
}

static NEVER_INLINE vec vexp(vec x)
{
    return exp_inlined(x);
}

/* Returns 1 / (1 + e^-z) within 2 ulp. With e^-z = 2^n (1 + p) the divisor is
 * 1 + 2^n + 2^n p, a sum of three. The larger of 1 and 2^n comes last, so that
 * the first sum is small, and its rounding error too. 2^n overflows where the
 * result does not: from n = SIGMOID_N on, e^-z + 1 rounds to e^-z, and the rest
 * of 2^n divides the numerator. */
static inline ALWAYS_INLINE vec vsigmoid(vec z)
{
    const vec one = vset1(R(1.0));
    vec x = clamp(vneg(z), R(-2.0) * TANH_SATURATED, -EXP_MIN);
    vec n;
    vec unused;
    vec p = reduced_exp(x, &n, &unused);
    vec most = vmin(vset1(SIGMOID_N), n);
    vec power = vpow2(most);
    vec small = vfma(power, p, vmin(one, power));
    vec divisor = vadd(vmax(one, power), small);
    return vdiv(vpow2(vsub(most, n)), divisor);
}

/* Returns tanh x for 0 <= x < TANH_SMALL. tanh_terms are the coefficients of p
 * in tanh x = x + x^3 p with p = -1/3 + 2/15 x^2 - ..., the one of the highest
 * power first. */
static inline ALWAYS_INLINE vec tanh_small(vec x)
{
    vec square = vmul(x, x);
    vec p =
        polynomial(square, vmul(square, square), tanh_terms, TERMS(tanh_terms));
    return vfma(vmul(x, square), p, x);
}

/* Returns tanh x = 1 - 2 / (e^(2x) + 1) for TANH_SMALL <= x <= TANH_SATURATED,
 * where tanh x is above 1/2 and the quotient below, so that the errors of the
 * quotient are at most one ulp of the result. */
static inline ALWAYS_INLINE vec tanh_large(vec x)
{
    const vec one = vset1(R(1.0));
    vec n;
    vec unused;
    vec p = reduced_exp(vadd(x, x), &n, &unused);
    vec power = vpow2(n);
    vec divisor = vfma(power, p, vadd(power, one));
    return vsub(one, vdiv(vset1(R(2.0)), divisor));
}

/* Returns tanh z within 2 ulp. A vector needs both formulas, since its lanes
 * differ; a single number needs one of them. */
static inline ALWAYS_INLINE vec vtanh(vec z)
{
    vec x = vmin(vset1(TANH_SATURATED), vabs(z));
    const mask is_small = vlt(x, vset1(TANH_SMALL));
    if (VLEN == 1) {
        return vcopysign(vall(is_small) ? tanh_small(x) : tanh_large(x), z);
    }
    return vcopysign(vselect(is_small, tanh_small(x), tanh_large(x)), z);
}

/* Returns t in log(1 + f) = f - f^2 / 2 + s t for s = f / (2 + f) and 1 + f
 * from sqrt(1/2) to sqrt 2 (log) or 3/2 (softplus). It follows from log(1 + f)
 * = 2 artanh s = 2 s + s^3 p, where 2 s = f - s f = f - f^2 / 2 + s f^2 / 2.
 * log_terms are the coefficients of p = 2/3 + 2/5 s^2 + ..., the one of the
 * highest power first. */
static inline ALWAYS_INLINE vec log_tail(vec s, vec half_square)
{
    vec s2 = vmul(s, s);
    vec p = polynomial(s2, vmul(s2, s2), log_terms, TERMS(log_terms));
    return vfma(s2, p, half_square);
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
    vec s = vdiv(f, vadd(f, vset1(R(2.0))));
    vec half_square = vmul(vmul(f, f), vset1(R(0.5)));
    vec base = vmul(k, vset1(LN2_HIGH)); /* exact; 0, or larger than f */
    vec high = vadd(base, f);
    vec lost = vadd(vsub(base, high), f);
    vec rest = vsub(vfma(k, vset1(LN2_LOW), lost), half_square);
    vec y = vadd(high, vfma(s, log_tail(s, half_square), rest));
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
