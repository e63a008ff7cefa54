/* SPDX-License-Identifier: MIT */
/*
 * Penalties on weights, and the sums for penalties and norms of gradients.
 * train/parameter_update.h has the formulas:
 *
 *   dw := dw + l2 w + l1 sign(w)     penalise
 *   sum of x y                       add_products: with y = x, ||x||^2
 *   sum of |x|                       add_magnitudes
 *   x + y                            add_arrays: gradients of two parts
 *
 * Sums are made in double, with eight lanes, so only f64 tables have them: f32
 * arrays are converted first. A vector of lanes stays in a register while a
 * chunk is added.
 *
 * This file is a template. Its parameters are the vocabulary of vec_portable.h
 * (vec, VLEN, vfma), loops_tmpl.h, with_sign of optimizer_step_tmpl.h, and
 * LANE_VECS of loops_tmpl.h.
 */

static void penalise(size_t n, double l2, double l1, const void *weights,
                     void *gradients)
{
    const real *w = weights;
    real *dw = gradients;
    const vec factor = vset1((real)l2);
    const vec magnitude = vset1((real)l1);
    for (size_t i = 0; i < n; i += VLEN) {
        size_t left = min_size(VLEN, n - i);
        bool part = left < VLEN;
        vec x = load_lanes(w + i, part, left);
        vec d = vfma(factor, x, load_lanes(dw + i, part, left));
        store_lanes(dw + i, vadd(d, with_sign(magnitude, x)), part, left);
    }
}

/* Adds gradients of two parts of a batch (see train/parts.h). */
static void add_arrays(size_t n, const void *x_in, const void *y_in,
                       void *sum_out)
{
    const real *x = x_in;
    const real *y = y_in;
    real *sum = sum_out;
    for (size_t i = 0; i < n; i += VLEN) {
        size_t left = min_size(VLEN, n - i);
        bool part = left < VLEN;
        store_lanes(
            sum + i,
            vadd(load_lanes(x + i, part, left), load_lanes(y + i, part, left)),
            part, left);
    }
}

#if REAL_BITS == 64

/* Returns a vector of sums after the terms of x and y are added to it. */
typedef vec addition(vec sum, vec x, vec y);

static inline vec add_product(vec sum, vec x, vec y)
{
    return vfma(x, y, sum);
}

static inline vec add_magnitude(vec sum, vec x, vec y)
{
    (void)y;
    return vadd(sum, vabs(x));
}

/* The lanes of all whole groups of MLPI_LANES terms stay in registers; the last
 * terms go to the first lanes. */
static inline ALWAYS_INLINE void add_all(addition *f, size_t n, const real *x,
                                         const real *y,
                                         double lanes[MLPI_LANES])
{
    vec s[LANE_VECS];
    for (size_t v = 0; v < LANE_VECS; v++) {
        s[v] = vload(lanes + v * VLEN);
    }
    size_t i = 0;
    for (; i + MLPI_LANES <= n; i += MLPI_LANES) {
        UNROLL
        for (size_t v = 0; v < LANE_VECS; v++) {
            size_t at = i + v * VLEN;
            s[v] = f(s[v], vload(x + at), vload(y + at));
        }
    }
    for (size_t v = 0; v < LANE_VECS; v++) {
        size_t at = i + v * VLEN;
        if (at < n) {
            /* Lanes beyond the last element keep their values, so the old sums
             * are stored first and the new ones over the lanes that have an
             * element. */
            size_t left = min_size(VLEN, n - at);
            vec sum = f(s[v], load_lanes(x + at, left < VLEN, left),
                        load_lanes(y + at, left < VLEN, left));
            vstore(lanes + v * VLEN, s[v]);
            store_lanes(lanes + v * VLEN, sum, left < VLEN, left);
        } else {
            vstore(lanes + v * VLEN, s[v]);
        }
    }
}

static void add_products(size_t n, const double *x, const double *y,
                         double lanes[MLPI_LANES])
{
    add_all(add_product, n, x, y, lanes);
}

static void add_magnitudes(size_t n, const double *x, double lanes[MLPI_LANES])
{
    add_all(add_magnitude, n, x, x, lanes);
}

#endif
