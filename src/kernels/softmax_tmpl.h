/* SPDX-License-Identifier: MIT */
/*
 * Softmax, its derivative, and the sums and slopes of categorical
 * cross-entropy. Parameters: the vocabulary of vec_portable.h, above all VLEN,
 * vselect and vdiv; loops_tmpl.h, elementary_tmpl.h (vexp) and
 * column_sums_tmpl.h (sum_of).
 *
 * For a row z[n], with sums over k and the largest element max:
 *
 *   a[j]  = e^(z[j] - max) / s,                s = sum of e^(z[k] - max)
 *   dz[j] = a[j] (da[j] - sum of a[k] da[k])
 *
 * The loss of a row with targets y is computed from z, not from a:
 *
 *   -sum of y[k] log a[k] = log(s) sum of y[k] - sum of y[k] (z[k] - max)
 *   d loss / d z[j] = a[j] (sum of y[k]) - y[j], or a[j] - y[j] if y sums to 1
 *
 * The largest exponent is 0, so 1 <= s <= n: nothing overflows, and the loss is
 * finite even where a[j] underflows to 0. If a z[k] is a NaN, then s is a NaN
 * and so are all a[j].
 */

/* Returns the larger number of each lane. If b is a NaN, the result is a. */
static inline vec larger_of(vec a, vec b)
{
    return vselect(vlt(a, b), b, a);
}

/* Returns the largest of n numbers, or -infinity if there is none. If one
 * is a NaN, the result is any of the others or -infinity. */
static inline ALWAYS_INLINE real row_max(size_t n, const real *z)
{
    real lanes[VLEN];
    const real *left = z;
    if (n > VLEN) {
        vec max = vload(z + n - VLEN); /* the last, perhaps partly twice */
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

/* Subtracts the row's maximum. */
static inline vec minus(vec x, vec unused, vec shift)
{
    (void)unused;
    return vsub(x, shift);
}

/* Divides by the row's sum. */
static inline vec divided(vec x, vec unused, vec divisor)
{
    (void)unused;
    return vdiv(x, divisor);
}

/* Computes the softmax of m rows. The exponentials of 16 rows are computed in
 * one pass, so that vectors are full even if rows are shorter than a vector. */
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
        map_by_call(vexp, rows * n, a, a);
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

/* Returns product - a sum, that is a (da - sum of a da) with product = a da. */
static vec minus_scaled(vec a, vec product, vec sum)
{
    return vfnma(a, sum, product);
}

/* Replaces da by dz = a (da - sum of a da), row by row. */
static COLD void softmax_backward(size_t m, size_t n, const real *a, real *da)
{
    for (size_t i = 0; i < m; i++, a += n, da += n) {
        combine_by_call(product_with, n, a, da, 0.0, da);
        combine_by_call(minus_scaled, n, a, da, (double)sum_of(n, da), da);
    }
}

/* Returns a sum - y, where `sum` is that of the row's targets. */
static inline vec minus_target(vec a, vec y, vec sum)
{
    return vfma(a, sum, vneg(y));
}

static inline vec times(vec x, vec unused, vec factor)
{
    (void)unused;
    return vmul(x, factor);
}

/* Computes the derivative of the loss by z, times `scale`. */
static void cce_gradient(const mlpi_activation_args *layer, double scale,
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

/* Computes what one vector of a row adds to the sums of e^d, of y and of y d,
 * for d = z - shift. */
static inline ALWAYS_INLINE void cce_vectors(vec z, vec y, vec shift,
                                             vec added[3])
{
    vec d = vsub(z, shift);
    added[0] = vexp(d);
    added[1] = y;
    /* d may be -infinity where y is 0, and 0 times infinity would be a NaN. */
    added[2] = vselect(vle(vabs(y), vzero()), vzero(), vmul(y, d));
}

static inline ALWAYS_INLINE void add_to_lanes(double *sums, vec added)
{
    vstore(sums, vadd(vload(sums), added));
}

/* Adds a row to the sums of `lanes`. Element j belongs to lane j mod 8, as in
 * all sums of canonical arithmetic. */
static COLD void cce_lanes(size_t n, double shift, const double *z,
                           const double *y, mlpi_cce_lanes *lanes)
{
    const vec s = vset1(shift);
    vec added[3];
    size_t j = 0;
    for (; j + VLEN <= n; j += VLEN) {
        size_t lane = j % MLPI_LANES;
        cce_vectors(vload(z + j), vload(y + j), s, added);
        add_to_lanes(lanes->sum_exp + lane, added[0]);
        add_to_lanes(lanes->sum_y + lane, added[1]);
        add_to_lanes(lanes->sum_y_d + lane, added[2]);
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
            lanes->sum_exp[lane + v] += terms[0][v];
            lanes->sum_y[lane + v] += terms[1][v];
            lanes->sum_y_d[lane + v] += terms[2][v];
        }
    }
}

#endif
