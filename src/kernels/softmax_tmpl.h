/* SPDX-License-Identifier: MIT */
/*
 * Rows as probabilities: softmax, its derivative, and the sums of categorical
 * cross-entropy. Parameters: the vocabulary, loop_tmpl.h, math_tmpl.h,
 * sums_tmpl.h.
 *
 *   a[j]  = e^(z[j] - max) / s,  s = sum over the row of e^(z[k] - max)
 *   dz[j] = a[j] (da[j] - sum of a[k] da[k])
 *   -sum of y[j] log a[j] = log(s) sum of y[j] - sum of y[j] (z[j] - max)
 *         by z[j]:  a[j] sum of y[k] - y[j], which is a[j] - y[j] if y is whole
 *
 * The largest exponent is 0, so s is from 1 to n: nothing overflows, and the
 * logarithm is finite where a[j] has long become 0. If one z is a NaN, s is.
 */

/* Both functions ignore a NaN, or take it for smaller than all. */
static inline vec larger_of(vec a, vec b)
{
    return vselect(vlt(a, b), b, a);
}

static inline ALWAYS_INLINE real row_max(size_t n, const real *z)
{
    real lanes[VLEN];
    const real *left = z;
    if (n > VLEN) {
        vec max = vload(z + n - VLEN); /* what is left over, and some twice */
        for (size_t j = 0; j + VLEN <= n; j += VLEN) {
            max = larger_of(max, vload(z + j));
        }
        vstore(lanes, max);
        left = lanes;
    }
    real max = R(-INFINITY);
    for (size_t j = 0; j < min_size(n, VLEN); j++) {
        max = max < left[j] ? left[j] : max;
    }
    return max;
}

static double largest(size_t n, const void *z)
{
    return (double)row_max(n, z);
}

static inline vec minus(vec x, vec unused, vec shift)
{
    (void)unused;
    return vsub(x, shift);
}

static inline vec divided(vec x, vec unused, vec divisor)
{
    (void)unused;
    return vdiv(x, divisor);
}

/* All powers of some rows at once: rows may be shorter than vectors. */
static NEVER_INLINE void softmax(size_t m, size_t n, const real *z, real *a)
{
    enum { AT_ONCE = 16 };
    for (size_t i = 0; i < m;
         i += AT_ONCE, z += AT_ONCE * n, a += AT_ONCE * n) {
        size_t rows = min_size(AT_ONCE, m - i);
        for (size_t r = 0; r < rows; r++) {
            const real *from = z + r * n;
            double max = (double)row_max(n, from);
            combine(minus, n, from, from, max, a + r * n);
        }
        map_called(vexp, rows * n, a, a);
        for (size_t r = 0; r < rows; r++) {
            real *row = a + r * n;
            combine(divided, n, row, row, (double)sum_of(n, row), row);
        }
    }
}

static vec product_with(vec a, vec da, vec unused)
{
    (void)unused;
    return vmul(a, da);
}

static vec minus_scaled(vec a, vec product, vec sum)
{
    return vfnma(a, sum, product);
}

static COLD void softmax_backward(size_t m, size_t n, const real *a, real *da)
{
    for (size_t i = 0; i < m; i++, a += n, da += n) {
        combine_long(product_with, n, a, da, 0.0, da);
        combine_long(minus_scaled, n, a, da, (double)sum_of(n, da), da);
    }
}

static inline vec minus_target(vec a, vec y, vec sum)
{
    return vfma(a, sum, vneg(y));
}

static inline vec times(vec x, vec unused, vec factor)
{
    (void)unused;
    return vmul(x, factor);
}

static void cce_gradient(const mlpi_activation *layer, double scale,
                         const void *a_in, const void *y_in, void *d_in)
{
    size_t n = layer->n;
    const real *a = a_in;
    const real *y = y_in;
    real *d = d_in;
    for (size_t i = 0; i < layer->m * n; i += n) {
        double sum = (double)sum_of(n, y + i);
        combine(minus_target, n, a + i, y + i, sum, d + i);
    }
    combine(times, layer->m * n, d, d, scale, d);
}

#if REAL_BITS == 64

/* What one vector of a row adds to three of the sums. */
static inline ALWAYS_INLINE void cce_vectors(vec z, vec y, vec shift,
                                             vec added[3])
{
    vec d = vsub(z, shift);
    added[0] = vexp(d);
    added[1] = y;
    /* d may be infinite where nothing is expected. */
    added[2] = vselect(vle(vabs(y), vzero()), vzero(), vmul(y, d));
}

static inline ALWAYS_INLINE void add_to_lanes(double *sums, vec added)
{
    vstore(sums, vadd(vload(sums), added));
}

static COLD void cce_lanes(size_t n, double shift, const double *z,
                           const double *y, mlpi_cce_lanes *lanes)
{
    const vec s = vset1(shift);
    vec added[3];
    size_t j = 0;
    for (; j + VLEN <= n; j += VLEN) {
        size_t lane = j % MLPI_LANES;
        cce_vectors(vload(z + j), vload(y + j), s, added);
        add_to_lanes(lanes->power + lane, added[0]);
        add_to_lanes(lanes->mass + lane, added[1]);
        add_to_lanes(lanes->cross + lane, added[2]);
    }
    if (j < n) {
        size_t left = n - j;
        size_t lane = j % MLPI_LANES;
        real terms[3][VLEN];
        cce_vectors(vload_part(z + j, left), vload_part(y + j, left), s, added);
        for (size_t k = 0; k < 3; k++) {
            vstore(terms[k], added[k]);
        }
        for (size_t v = 0; v < left; v++) {
            lanes->power[lane + v] += terms[0][v];
            lanes->mass[lane + v] += terms[1][v];
            lanes->cross[lane + v] += terms[2][v];
        }
    }
}

#endif
