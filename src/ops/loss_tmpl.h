/* SPDX-License-Identifier: MIT */
/*
 * Losses (chapter 3.1) and their derivatives by the outputs a. Parameters: the
 * vocabulary and math_tmpl.h.
 *
 *          term of J                               dterm/da
 *   bce    -(y log p + (1 - y) log(1 - p)),        (a - y) / (a (1 - a)), but
 *          p = a clipped to [1e-15, 1 - 1e-15]     0 where a is clipped
 *   mse    (a - y)^2                               2 (a - y)
 *
 * The clipping is the tutorial's: it keeps the loss finite for every output
 * that is a number. Comparisons let a NaN pass. Terms are always computed and
 * added in double, for f32 networks too.
 */

/* d[i] = (a[i] - y[i]) * scale: the whole derivative of mse, with 2 in the
 * scale, and dJ/dz of bce behind a sigmoid, where a (1 - a) cancels. */
static void difference(size_t n, double scale, const void *a_in,
                       const void *y_in, void *d_out)
{
    const real *a = a_in;
    const real *y = y_in;
    real *d = d_out;
    const vec s = vset1((real)scale);
    size_t i = 0;
    for (; i + VLEN <= n; i += VLEN) {
        vstore(d + i, vmul(vsub(vload(a + i), vload(y + i)), s));
    }
    if (i < n) {
        vec left = vsub(vload_part(a + i, n - i), vload_part(y + i, n - i));
        vstore_part(d + i, vmul(left, s), n - i);
    }
}

static inline vec dbce(vec a, vec y)
{
    const vec one = vset1(R(1.0));
    vec slope = vdiv(vsub(a, y), vmul(a, vsub(one, a)));
    vec below = vselect(vle(a, vset1(R(1e-15))), vzero(), slope);
    return vselect(vle(vset1(R(1.0 - 1e-15)), a), vzero(), below);
}

static void bce_gradient(size_t n, double scale, const void *a_in,
                         const void *y_in, void *d_out)
{
    const real *a = a_in;
    const real *y = y_in;
    real *d = d_out;
    const vec s = vset1((real)scale);
    size_t i = 0;
    for (; i + VLEN <= n; i += VLEN) {
        vstore(d + i, vmul(dbce(vload(a + i), vload(y + i)), s));
    }
    if (i < n) {
        vec slope = dbce(vload_part(a + i, n - i), vload_part(y + i, n - i));
        vstore_part(d + i, vmul(slope, s), n - i);
    }
}

#if REAL_BITS == 64

enum { VECS = MLPI_LANES / VLEN }; /* vectors that hold the eight lanes */

typedef vec term(vec a, vec y);

static inline vec bce_term(vec a, vec y)
{
    const vec one = vset1(1.0);
    const vec low = vset1(1e-15);
    const vec high = vset1(1.0 - 1e-15);
    vec p = vselect(vlt(a, low), low, vselect(vlt(high, a), high, a));
    vec log_p = vlog(p);
    vec log_q = vlog(vsub(one, p));
    return vneg(vadd(vmul(y, log_p), vmul(vsub(one, y), log_q)));
}

static inline vec mse_term(vec a, vec y)
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

static void bce_terms(size_t n, const double *p, const double *y,
                      double lanes[MLPI_LANES])
{
    add_terms(bce_term, n, p, y, lanes);
}

static void mse_terms(size_t n, const double *a, const double *y,
                      double lanes[MLPI_LANES])
{
    add_terms(mse_term, n, a, y, lanes);
}

#endif
