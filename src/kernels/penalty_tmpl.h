/* SPDX-License-Identifier: MIT */
/*
 * Penalties on weights (penalty.h has the formulas), and the sums that they and
 * norms of gradients are made of. Parameters: the vocabulary, loop_tmpl.h,
 * update_rest_tmpl.h, loss_tmpl.h and lent.h.
 */

/* dw := dw + l2 w + l1 sign(w) */
void LENT(penalise)(size_t n, double l2, double l1, const void *weights,
                    void *gradients)
{
    const real *w = weights;
    real *dw = gradients;
    const vec two = vset1((real)l2);
    const vec one = vset1((real)l1);
    for (size_t i = 0; i < n; i += VLEN) {
        size_t left = min_size(VLEN, n - i);
        bool part = left < VLEN;
        vec x = load_lanes(w + i, part, left);
        vec d = vfma(two, x, load_lanes(dw + i, part, left));
        store_lanes(dw + i, vadd(d, with_sign(one, x)), part, left);
    }
}

#if REAL_BITS == 64

/* A lane's next value, after x, and y. */
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
        /* The tail: lanes beyond it are as they were. */
        if (at < n) {
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

void LENT(add_products)(size_t n, const double *x, const double *y,
                        double lanes[MLPI_LANES])
{
    add_all(add_product, n, x, y, lanes);
}

void LENT(add_magnitudes)(size_t n, const double *x, double lanes[MLPI_LANES])
{
    add_all(add_magnitude, n, x, x, lanes);
}

#endif
