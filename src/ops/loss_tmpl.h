/* SPDX-License-Identifier: MIT */
/*
 * Losses (chapter 3.1) and their derivatives by the outputs a. Parameters: the
 * vocabulary, loop_tmpl.h and math_tmpl.h.
 *
 *          term of J                               dterm/da
 *   bce    -(y log p + (1 - y) log(1 - p)),        (a - y) / (a (1 - a)), but
 *          p = a clipped to [1e-15, 1 - 1e-15]     0 where a is clipped
 *   mse    (a - y)^2                               2 (a - y)
 *
 * The clipping is the tutorial's: it keeps the loss finite for every output
 * that is a number. Behind a sigmoid dJ/dz of bce is a - y, for a (1 - a)
 * cancels: that is the derivative without the clipping, as the tutorial's, so
 * that an output which is wrong and saturated still learns. Comparisons let a
 * NaN pass. Terms are always computed and added in double, for f32 networks
 * too.
 */

/* The whole derivative of mse, with 2 in the scale, and that of bce behind a
 * sigmoid. */
static inline vec scaled_difference(vec a, vec y, vec scale)
{
    return vmul(vsub(a, y), scale);
}

static void difference(size_t n, double scale, const void *a, const void *y,
                       void *d)
{
    combine(scaled_difference, n, a, y, scale, d);
}

static inline vec scaled_bce_slope(vec a, vec y, vec scale)
{
    const vec one = vset1(R(1.0));
    vec slope = vdiv(vsub(a, y), vmul(a, vsub(one, a)));
    slope = vselect(vle(a, vset1(R(1e-15))), vzero(), slope);
    slope = vselect(vle(vset1(R(1.0 - 1e-15)), a), vzero(), slope);
    return vmul(slope, scale);
}

static void bce_gradient(size_t n, double scale, const void *a, const void *y,
                         void *d)
{
    combine(scaled_bce_slope, n, a, y, scale, d);
}

#if REAL_BITS == 64

enum { VECS = MLPI_LANES / VLEN }; /* vectors that hold the eight lanes */

_Static_assert(MLPI_LANES % VLEN == 0, "lanes are whole vectors");

typedef vec term(vec a, vec y);

static inline ALWAYS_INLINE vec bce_term(vec a, vec y)
{
    const vec one = vset1(1.0);
    const vec low = vset1(1e-15);
    const vec high = vset1(1.0 - 1e-15);
    vec p = vselect(vlt(a, low), low, vselect(vlt(high, a), high, a));
    /* Where y is 0 or 1, one of the products is 0 and needs no logarithm. */
    if (vall(vle(vabs(vsub(vmul(y, y), y)), vzero()))) {
        return vneg(vlog(vselect(vle(y, vzero()), vsub(one, p), p)));
    }
    vec log_p = vlog(p);
    vec log_q = vlog(vsub(one, p));
    return vneg(vadd(vmul(y, log_p), vmul(vsub(one, y), log_q)));
}

static inline ALWAYS_INLINE vec mse_term(vec a, vec y)
{
    vec d = vsub(a, y);
    return vmul(d, d);
}

static inline ALWAYS_INLINE void add_terms(term *f, size_t n, const real *a,
                                           const real *y,
                                           double lanes[MLPI_LANES])
{
    vec s[VECS];
    for (size_t v = 0; v < VECS; v++) {
        s[v] = vload(lanes + v * VLEN);
    }
    size_t i = 0;
    for (; i + MLPI_LANES <= n; i += MLPI_LANES) {
        UNROLL
        for (size_t v = 0; v < VECS; v++) {
            size_t at = i + v * VLEN;
            s[v] = vadd(s[v], f(vload(a + at), vload(y + at)));
        }
    }
    for (size_t v = 0; v < VECS; v++) {
        vstore(lanes + v * VLEN, s[v]);
    }
    /* The tail: its lanes alone receive a term. */
    for (size_t lane = 0; i < n; lane += VLEN, i += VLEN) {
        size_t left = least(VLEN, n - i);
        real terms[VLEN];
        vstore(terms, f(load_lanes(a + i, left < VLEN, left),
                        load_lanes(y + i, left < VLEN, left)));
        for (size_t v = 0; v < left; v++) {
            lanes[lane + v] += terms[v];
        }
    }
}

static void bce_terms(size_t n, const double *a, const double *y,
                      double lanes[MLPI_LANES])
{
    add_terms(bce_term, n, a, y, lanes);
}

static void mse_terms(size_t n, const double *a, const double *y,
                      double lanes[MLPI_LANES])
{
    add_terms(mse_term, n, a, y, lanes);
}

#endif
