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

/* Returns the largest lane. If some are NaN, the result is one of the others,
 * or a NaN if lane 0 is one. Halving keeps the chain of comparisons short. */
static inline ALWAYS_INLINE real largest_lane(vec x)
{
    real lanes[VLEN];
    vstore(lanes, x);
    UNROLL
    for (size_t half = VLEN / 2; half > 0; half /= 2) {
        UNROLL
        for (size_t v = 0; v < half; v++) {
            lanes[v] = lanes[v] < lanes[v + half] ? lanes[v + half] : lanes[v];
        }
    }
    return lanes[0];
}

/* Returns the largest of n numbers, or -infinity if there is none. If one
 * is a NaN, the result is any of the others or -infinity. */
static inline ALWAYS_INLINE real row_max(size_t n, const real *z)
{
    real max = R(-INFINITY);
    size_t j = 0;
    if (n >= VLEN) {
        vec largest = vset1(max);
        for (; j + VLEN <= n; j += VLEN) {
            largest = larger_of(largest, vload(z + j));
        }
        max = largest_lane(largest);
    }
    for (; j < n; j++) {
        max = max < z[j] ? z[j] : max;
    }
    return max;
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

/* Loads VLEN numbers. Floats go through vectors of GNU C, because this
 * vocabulary has no vectors of them. */
static inline ALWAYS_INLINE vec load_widened(bool is_float, const void *x,
                                             size_t j)
{
    typedef __attribute__((vector_size(VLEN * sizeof(float)))) float floats;
    typedef __attribute__((vector_size(VLEN * sizeof(double)))) double doubles;
    if (!is_float) {
        return vload((const double *)x + j);
    }
    floats in;
    double lanes[VLEN];
    memcpy(&in, (const float *)x + j, sizeof in);
    doubles wide = __builtin_convertvector(in, doubles);
    memcpy(lanes, &wide, sizeof wide);
    return vload(lanes);
}

/* Loads the last numbers of an array of `size` numbers, fewer than VLEN. */
static vec load_end(bool is_float, const void *x, size_t first, size_t size)
{
    double lanes[VLEN] = {0};
    for (size_t v = 0; first + v < size; v++) {
        lanes[v] = is_float ? (double)((const float *)x)[first + v]
                            : ((const double *)x)[first + v];
    }
    return vload(lanes);
}

/* Loads numbers [j, j + VLEN) of row i. The lanes beyond the row's end get
 * `filling`; what a vector reads there belongs to the next row. */
static inline ALWAYS_INLINE vec load_cce(const mlpi_cce_rows *rows,
                                         const void *x, size_t i, size_t j,
                                         double filling)
{
    static const double lane_numbers[] = {0, 1, 2, 3, 4, 5, 6, 7};
    const size_t first = i * rows->n + j;
    const size_t size = rows->m * rows->n;
    if (j + VLEN <= rows->n) {
        return load_widened(rows->is_float, x, first);
    }
    vec row = first + VLEN <= size ? load_widened(rows->is_float, x, first)
                                   : load_end(rows->is_float, x, first, size);
    mask is_inside = vlt(vload(lane_numbers), vset1((double)(rows->n - j)));
    return vselect(is_inside, row, vset1(filling));
}

/* Returns the largest number of a row, as row_max. */
static inline ALWAYS_INLINE double largest(const mlpi_cce_rows *rows, size_t i)
{
    vec max = vset1(-INFINITY);
    for (size_t j = 0; j < rows->n; j += VLEN) {
        max = larger_of(max, load_cce(rows, rows->z, i, j, -INFINITY));
    }
    return largest_lane(max);
}

/* The sums of one row; their lanes are as those of all sums of canonical
 * arithmetic. */
typedef struct cce_lanes {
    vec exp[LANE_VECS], y[LANE_VECS], y_d[LANE_VECS];
} cce_lanes;

/* Adds VLEN numbers of a row to lanes. Beyond the row's end z is -infinity and
 * y is 0, so that 0 is added. */
static inline ALWAYS_INLINE void add_cce_vector(cce_lanes *lanes, size_t v,
                                                vec z, vec y, vec shift)
{
    vec d = vsub(z, shift);
    /* d may be -infinity where y is 0, and 0 times infinity would be a NaN. */
    vec y_d = vselect(vle(vabs(y), vzero()), vzero(), vmul(y, d));
    lanes->exp[v] = vadd(lanes->exp[v], exp_inlined(d));
    lanes->y[v] = vadd(lanes->y[v], y);
    lanes->y_d[v] = vadd(lanes->y_d[v], y_d);
}

static inline ALWAYS_INLINE double join_vectors(const vec s[LANE_VECS])
{
    double lanes[MLPI_LANES];
    for (size_t v = 0; v < LANE_VECS; v++) {
        vstore(lanes + v * VLEN, s[v]);
    }
    return mlpi_join_lanes(lanes);
}

/* Computes the sums of at most AT_ONCE rows. The CPU overlaps the work of
 * several rows, because first all their shifts are known. */
static inline ALWAYS_INLINE void sum_cce_rows(const mlpi_cce_rows *rows,
                                              double *sum_exp, double *sum_y,
                                              double *sum_y_d)
{
    enum { AT_ONCE = 16 };
    const size_t n = rows->n;
    double shifts[AT_ONCE];
    for (size_t i = 0; i < rows->m; i++) {
        if (i % AT_ONCE == 0) {
            for (size_t r = i; r < min_size(i + AT_ONCE, rows->m); r++) {
                shifts[r - i] = largest(rows, r);
            }
        }
        const vec shift = vset1(shifts[i % AT_ONCE]);
        cce_lanes lanes;
        for (size_t v = 0; v < LANE_VECS; v++) {
            lanes.exp[v] = lanes.y[v] = lanes.y_d[v] = vzero();
        }
        for (size_t j = 0; j < n;) {
            for (size_t v = 0; v < LANE_VECS && j < n; v++, j += VLEN) {
                add_cce_vector(&lanes, v,
                               load_cce(rows, rows->z, i, j, -INFINITY),
                               load_cce(rows, rows->y, i, j, 0.0), shift);
            }
        }
        sum_exp[i] = join_vectors(lanes.exp);
        sum_y[i] = join_vectors(lanes.y);
        sum_y_d[i] = join_vectors(lanes.y_d);
    }
}

/* The branch makes the type a constant in each copy of the loops. */
static HOT void cce_sums(const mlpi_cce_rows *rows, double *sum_exp,
                         double *sum_y, double *sum_y_d)
{
    mlpi_cce_rows known = *rows;
    known.is_float = false;
    if (rows->is_float) {
        known.is_float = true;
        sum_cce_rows(&known, sum_exp, sum_y, sum_y_d);
    } else {
        sum_cce_rows(&known, sum_exp, sum_y, sum_y_d);
    }
}

#endif
