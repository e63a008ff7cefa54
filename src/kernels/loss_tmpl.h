/* SPDX-License-Identifier: MIT */
/*
 * Losses (chapter 3.1) and their derivatives by the outputs a: their formulas,
 * and what of them a step is often made of; loss_other_tmpl.h has the rest.
 * Parameters: the vocabulary, loop_tmpl.h, math_tmpl.h, softmax_tmpl.h,
 * rectifier_tmpl.h and lent.h.
 *
 *          term of J                               dterm/da
 *   bce    -(y log p + (1 - y) log(1 - p)),        (a - y) / (a (1 - a)), but
 *          p = a clipped to [1e-15, 1 - 1e-15]     0 where a is clipped
 *   mse    (a - y)^2                               2 (a - y)
 *   mae    |a - y|                                 sign(a - y), 0 if a = y
 *   huber  q (|a - y| - q / 2),                    a - y held in
 *          q = |a - y| held below delta            [-delta, delta]
 *   cce    -y log p, p as of bce; 0 where y is 0   -y / a, likewise
 *
 * (cce behind a softmax is in softmax_tmpl.h.)
 *
 * The clipping is the tutorial's: it keeps the loss finite for every output
 * that is a number. Behind a sigmoid -log a is softplus(-z) and -log(1 - a) is
 * softplus(z), which say more than a sigmoid that is nearly 1, and at most the
 * same -log 1e-15. There dJ/dz of bce is a - y, for a (1 - a)
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

#if REAL_BITS == 64

enum { LANE_VECS = MLPI_LANES / VLEN }; /* vectors that hold the eight lanes */

_Static_assert(MLPI_LANES % VLEN == 0, "lanes are whole vectors");

typedef vec term(vec a, vec y, vec delta);

/* The loss can be no larger: this is -log 1e-15. */
static inline vec capped(vec loss)
{
    const vec most = vset1(0x1.144f69ff9ffc4p+5);
    return vselect(vlt(most, loss), most, loss);
}

/* -log of the sigmoid of z. */
static inline vec log_loss(vec z)
{
    return capped(vsoftplus(vneg(z), vzero()));
}

static vec bce_logit_term(vec z, vec y, vec delta)
{
    (void)delta;
    if (vall(vle(vabs(vsub(vmul(y, y), y)), vzero()))) {
        return log_loss(vselect(vle(y, vzero()), vneg(z), z));
    }
    vec p = vmul(y, log_loss(z));
    return vadd(p, vmul(vsub(vset1(1.0), y), log_loss(vneg(z))));
}

/* The term of some lanes, times its weight if there are weights. */
static inline ALWAYS_INLINE vec weighted_term(term *f, const mlpi_terms *t,
                                              size_t at, bool part, size_t n)
{
    vec a = load_lanes((const real *)t->a + at, part, n);
    vec y = load_lanes((const real *)t->y + at, part, n);
    vec terms = f(a, y, vset1(t->delta));
    if (!t->weight) {
        return terms;
    }
    return vmul(terms, load_lanes(t->weight + at, part, n));
}

static inline ALWAYS_INLINE void add_terms(term *f, const mlpi_terms *t,
                                           double lanes[MLPI_LANES])
{
    size_t n = t->n;
    vec s[LANE_VECS];
    for (size_t v = 0; v < LANE_VECS; v++) {
        s[v] = vload(lanes + v * VLEN);
    }
    size_t i = 0;
    for (; i + MLPI_LANES <= n; i += MLPI_LANES) {
        UNROLL
        for (size_t v = 0; v < LANE_VECS; v++) {
            s[v] = vadd(s[v], weighted_term(f, t, i + v * VLEN, false, VLEN));
        }
    }
    for (size_t v = 0; v < LANE_VECS; v++) {
        vstore(lanes + v * VLEN, s[v]);
    }
    /* The tail: its lanes alone receive a term. */
    for (size_t lane = 0; i < n; lane += VLEN, i += VLEN) {
        size_t left = min_size(VLEN, n - i);
        real terms[VLEN];
        vstore(terms, weighted_term(f, t, i, left < VLEN, left));
        for (size_t v = 0; v < left; v++) {
            lanes[lane + v] += terms[v];
        }
    }
}

enum {
    GROUP = (int)LANE_VECS > (int)SOFTPLUS_VECS ? (int)LANE_VECS
                                                : (int)SOFTPLUS_VECS
};

/* Terms of bce behind a sigmoid, without weights, as long as there are GROUP
 * vectors of them whose y are 0 or 1: they have one softplus each, and several
 * of those take little more time than one. Returns how many terms. */
static NEVER_INLINE size_t add_sharp_logits(const mlpi_terms *t,
                                            double lanes[MLPI_LANES])
{
    const real *z = t->a;
    const real *y = t->y;
    vec s[LANE_VECS];
    for (size_t v = 0; v < LANE_VECS; v++) {
        s[v] = vload(lanes + v * VLEN);
    }
    size_t i = 0;
    for (; i + (size_t)GROUP * VLEN <= t->n; i += (size_t)GROUP * VLEN) {
        vec x[GROUP];
        vec blunt = vzero();
        for (size_t v = 0; v < GROUP; v++) {
            vec target = vload(y + i + v * VLEN);
            x[v] = vload(z + i + v * VLEN);
            x[v] = vselect(vle(target, vzero()), x[v], vneg(x[v]));
            blunt = vadd(blunt, vabs(vsub(vmul(target, target), target)));
        }
        if (!vall(vle(blunt, vzero()))) {
            break;
        }
        for (size_t v = 0; v < GROUP; v += SOFTPLUS_VECS) {
            softplus(SOFTPLUS_VECS, x + v, x + v);
        }
        for (size_t v = 0; v < GROUP; v++) {
            s[v % LANE_VECS] = vadd(s[v % LANE_VECS], capped(x[v]));
        }
    }
    for (size_t v = 0; v < LANE_VECS; v++) {
        vstore(lanes + v * VLEN, s[v]);
    }
    return i;
}

/* The term is inlined: with a call for each vector, as add_long_terms of
 * loss_other_tmpl.h has, a tiny step takes a fifth longer. */
static void add_logits(const mlpi_terms *terms, double lanes[MLPI_LANES])
{
    mlpi_terms rest = *terms;
    if (!rest.weight && rest.n >= (size_t)GROUP * VLEN) {
        size_t done = add_sharp_logits(terms, lanes);
        rest.n -= done;
        rest.a = (const real *)rest.a + done;
        rest.y = (const real *)rest.y + done;
    }
    add_terms(bce_logit_term, &rest, lanes);
}

static void loss_terms(const mlpi_terms *terms, double lanes[MLPI_LANES])
{
    if (terms->loss == MLP_LOSS_BCE && terms->of_logits) {
        add_logits(terms, lanes);
    } else {
        LENT(other_terms)(terms, lanes);
    }
}

#endif
