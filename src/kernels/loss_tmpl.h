/* SPDX-License-Identifier: MIT */
/*
 * Losses (chapter 3.1) and their derivatives with respect to outputs a.
 *
 *          term of J                               dterm/da
 *   bce    -(y log p + (1 - y) log(1 - p)),        (a - y) / (a (1 - a)), but
 *          p = a clipped to [1e-15, 1 - 1e-15]     0 where a is clipped
 *   mse    (a - y)^2                               2 (a - y)
 *   mae    |a - y|                                 sign(a - y), 0 if a = y
 *   huber  q (|a - y| - q / 2),                    a - y clipped to
 *          q = min(|a - y|, delta)                 [-delta, delta]
 *   cce    -y log p, p clipped as for bce,         -y / a, but
 *          0 where y is 0                          0 where a is clipped
 *   quantile      the larger of tau (y - a)        -tau if a < y,
 *                 and (tau - 1) (y - a)            1 - tau if a > y, else 0
 *   gaussian_nll  (s + (a - y)^2 e^-s) / 2         by a: (a - y) e^-s
 *                                                  by s: (1 - (a - y)^2 e^-s)
 *                                                        / 2
 *   poisson       e^z - y z                        by z: a - y
 *
 * (The gradient of cce behind a softmax is in softmax_tmpl.h. For gaussian_nll
 * `a` is the output that is a mean, and s the one that is the logarithm of the
 * variance: Nix and Weigend, 1994. For poisson a = e^z.)
 *
 * Clipping is the tutorial's: it keeps the loss finite for every output that is
 * a number. Comparisons let a NaN pass, so a network that has diverged shows.
 *
 * After a sigmoid the loss is computed from z instead of a, because -log a is
 * softplus(-z) and -log(1 - a) is softplus(z), which stay exact where a rounds
 * to 1. The same limit, -log 1e-15, holds for them. There dJ/dz of bce is
 * a - y, since a (1 - a) cancels. That is the derivative without clipping, as
 * in the tutorial, so that a saturated output that is wrong still learns.
 *
 * In gaussian_nll e^-s is at most e^MAX_POWER, which is finite, so that a mean
 * that is exactly right gives no 0 times infinity.
 *
 * Terms are computed and added in double for f32 networks too. Term i is added
 * to lane i mod 8 (see kernels.h).
 *
 * This file is a template. Its parameters are the vocabulary of vec_portable.h
 * (above all vec, VLEN, vselect and vlt), load_lanes, combine and
 * combine_by_call of loops_tmpl.h, vlog and clamp of elementary_tmpl.h,
 * softplus of activation_functions_tmpl.h, and times of softmax_tmpl.h.
 */
#if REAL_BITS == 32
#define MAX_POWER 88.0f
#else
#define MAX_POWER 709.0
#endif

/* d[i] = (a[i] - y[i]) * scale: the gradient of bce behind a sigmoid, and that
 * of mse if the scale contains the 2. */
static inline vec scaled_difference(vec a, vec y, vec scale)
{
    return vmul(vsub(a, y), scale);
}

static void difference(size_t n, double scale, const void *a, const void *y,
                       void *d)
{
    combine(scaled_difference, n, a, y, scale, d);
}

/* The derivative of the clipping is 0 at both ends and beyond them. */
static inline vec zero_if_clipped(vec derivative, vec a)
{
    const vec low = vset1(R(1e-15));
    const vec high = vset1(R(1.0 - 1e-15));
    derivative = vselect(vle(a, low), vzero(), derivative);
    return vselect(vle(high, a), vzero(), derivative);
}

static vec bce_derivative(vec a, vec y, vec scale)
{
    const vec one = vset1(R(1.0));
    vec derivative = vdiv(vsub(a, y), vmul(a, vsub(one, a)));
    return vmul(zero_if_clipped(derivative, a), scale);
}

static vec cce_derivative(vec a, vec y, vec scale)
{
    return vmul(zero_if_clipped(vneg(vdiv(y, a)), a), scale);
}

/* Where neither comparison holds the difference is 0 or NaN, and so is the
 * result: NaN must not turn into a sign. */
static vec mae_derivative(vec a, vec y, vec scale)
{
    vec d = vsub(a, y);
    vec sign = vselect(vlt(d, vzero()), vneg(scale), vmul(d, scale));
    return vselect(vlt(vzero(), d), scale, sign);
}

static vec clipped_difference(vec a, vec y, vec delta)
{
    vec d = vsub(a, y);
    vec low = vneg(delta);
    return vselect(vlt(delta, d), delta, vselect(vlt(d, low), low, d));
}

/* For mse the exact factor 2 joins the scale. For Huber's loss delta is the one
 * constant of the loop, so the scale needs a second pass. The gradients of the
 * last three losses come from column_loss_gradient and from difference. */
static void loss_gradient(const mlpi_loss_terms_args *t, double scale, void *d)
{
    switch (t->loss) {
    case MLP_LOSS_BCE:
        combine_by_call(bce_derivative, t->n, t->a, t->y, scale, d);
        break;
    case MLP_LOSS_MSE:
        difference(t->n, 2.0 * scale, t->a, t->y, d);
        break;
    case MLP_LOSS_CCE:
        combine_by_call(cce_derivative, t->n, t->a, t->y, scale, d);
        break;
    case MLP_LOSS_MAE:
        combine_by_call(mae_derivative, t->n, t->a, t->y, scale, d);
        break;
    case MLP_LOSS_HUBER:
        combine_by_call(clipped_difference, t->n, t->a, t->y, t->delta, d);
        combine_by_call(times, t->n, d, d, scale, d);
        break;
    case MLP_LOSS_QUANTILE:
    case MLP_LOSS_POISSON:
    case MLP_LOSS_GAUSSIAN_NLL:
        break;
    }
}

/* Returns e^-s. */
static inline vec inverse_variance(vec s)
{
    return vexp(at_most(vneg(s), MAX_POWER));
}

/* Where neither comparison holds, as in mae_derivative, the result is 0 or
 * NaN. */
static inline vec quantile_derivative(vec a, vec y, vec tau, vec scale)
{
    vec d = vsub(a, y);
    vec above = vmul(vsub(vset1(R(1.0)), tau), scale);
    vec below = vneg(vmul(tau, scale));
    vec slope = vselect(vlt(d, vzero()), below, vmul(d, scale));
    return vselect(vlt(vzero(), d), above, slope);
}

/* Writes the derivatives of n columns from column j on; n <= VLEN. */
static void quantile_columns(const mlpi_column_loss_args *rows, size_t j,
                             size_t n, double scale, real *d)
{
    real tau[VLEN] = {0};
    for (size_t v = 0; v < n; v++) {
        tau[v] = (real)rows->tau[j + v];
    }
    for (size_t i = j; i < rows->m * rows->n; i += rows->n) {
        vec a = load_lanes((const real *)rows->A + i, n < VLEN, n);
        vec y = load_lanes((const real *)rows->Y + i, n < VLEN, n);
        vec all = quantile_derivative(a, y, vload(tau), vset1((real)scale));
        store_lanes(d + i, all, n < VLEN, n);
    }
}

/* Writes the derivatives by n means, and by their variances' logarithms, from
 * column j on; n <= VLEN. */
static void gaussian_columns(const mlpi_column_loss_args *rows, size_t j,
                             size_t n, double scale, real *d)
{
    const vec half_scale = vset1((real)(0.5 * scale));
    for (size_t i = 0; i < rows->m; i++) {
        size_t mean = 2 * i * rows->n + j;
        size_t log_variance = mean + rows->n;
        const real *A = rows->A;
        vec a = load_lanes(A + mean, n < VLEN, n);
        vec s = load_lanes(A + log_variance, n < VLEN, n);
        vec y =
            load_lanes((const real *)rows->Y + i * rows->n + j, n < VLEN, n);
        vec error = vsub(a, y);
        vec by_mean = vmul(error, inverse_variance(s));
        vec by_s = vfnma(error, by_mean, vset1(R(1.0)));
        store_lanes(d + mean, vmul(by_mean, vset1((real)scale)), n < VLEN, n);
        store_lanes(d + log_variance, vmul(by_s, half_scale), n < VLEN, n);
    }
}

static COLD void column_loss_gradient(const mlpi_column_loss_args *rows,
                                      double scale, void *d)
{
    for (size_t j = 0; j < rows->n; j += VLEN) {
        size_t n = min_size(VLEN, rows->n - j);
        if (rows->loss == MLP_LOSS_QUANTILE) {
            quantile_columns(rows, j, n, scale, d);
        } else {
            gaussian_columns(rows, j, n, scale, d);
        }
    }
}

static vec plus(vec x, vec unused, vec constant)
{
    (void)unused;
    return vadd(x, constant);
}

/* Label smoothing of targets: two roundings, hence two passes. */
static COLD void scale_and_shift(size_t n, double factor, double offset,
                                 void *y)
{
    combine_by_call(times, n, y, y, factor, y);
    combine_by_call(plus, n, y, y, offset, y);
}

#if REAL_BITS == 64

/* The terms of one vector of outputs. Only Huber's loss uses delta; the last
 * two losses get a number of their own for each term in its place. */
typedef vec term_function(vec a, vec y, vec delta);

/* True if all targets of a vector are 0 or 1, that is, if y^2 - y is 0. */
static inline bool all_binary(vec y)
{
    return vall(vle(vabs(vsub(vmul(y, y), y)), vzero()));
}

/* min(loss, -log 1e-15), the largest loss that a clipped output can have. */
static inline vec limited(vec loss)
{
    const vec limit = vset1(0x1.144f69ff9ffc4p+5);
    return vselect(vlt(limit, loss), limit, loss);
}

/* -log of the sigmoid of z. */
static inline vec minus_log_sigmoid(vec z)
{
    return limited(vsoftplus(vneg(z), vzero()));
}

static vec bce_logit_term(vec z, vec y, vec delta)
{
    (void)delta;
    /* With y 0 or 1 one of the two products is 0 and needs no softplus. */
    if (all_binary(y)) {
        return minus_log_sigmoid(vselect(vle(y, vzero()), vneg(z), z));
    }
    vec positive = vmul(y, minus_log_sigmoid(z));
    vec negative = vmul(vsub(vset1(1.0), y), minus_log_sigmoid(vneg(z)));
    return vadd(positive, negative);
}

static inline ALWAYS_INLINE vec clipped_output(vec a)
{
    return clamp(a, 1e-15, 1.0 - 1e-15);
}

static vec bce_term(vec a, vec y, vec delta)
{
    (void)delta;
    const vec one = vset1(1.0);
    vec p = clipped_output(a);
    /* With y 0 or 1 one of the two products is 0 and needs no logarithm. */
    if (all_binary(y)) {
        return vneg(vlog(vselect(vle(y, vzero()), vsub(one, p), p)));
    }
    vec log_p = vlog(p);
    vec log_q = vlog(vsub(one, p));
    return vneg(vadd(vmul(y, log_p), vmul(vsub(one, y), log_q)));
}

static inline ALWAYS_INLINE vec mse_term(vec a, vec y, vec delta)
{
    (void)delta;
    vec d = vsub(a, y);
    return vmul(d, d);
}

/* A class with y = 0 contributes 0, also where its output is NaN. */
static vec cce_term(vec a, vec y, vec delta)
{
    (void)delta;
    const mask none = vle(vabs(y), vzero());
    return vselect(none, vzero(), vneg(vmul(y, vlog(clipped_output(a)))));
}

static vec cce_logit_term(vec z, vec y, vec delta)
{
    (void)delta;
    const mask none = vle(vabs(y), vzero());
    return vselect(none, vzero(), vmul(y, minus_log_sigmoid(z)));
}

static vec mae_term(vec a, vec y, vec delta)
{
    (void)delta;
    return vabs(vsub(a, y));
}

static vec huber_term(vec a, vec y, vec delta)
{
    vec d = vabs(vsub(a, y));
    vec q = vselect(vlt(delta, d), delta, d);
    return vmul(q, vsub(d, vmul(vset1(0.5), q)));
}

static vec poisson_logit_term(vec z, vec y, vec delta)
{
    (void)delta;
    return vsub(vexp(z), vmul(y, z));
}

static vec quantile_term(vec a, vec y, vec tau)
{
    vec d = vsub(y, a);
    vec factor = vselect(vlt(d, vzero()), vsub(tau, vset1(1.0)), tau);
    return vmul(factor, d);
}

static vec gaussian_term(vec a, vec y, vec s)
{
    vec error = vsub(a, y);
    vec square = vmul(vmul(error, inverse_variance(s)), error);
    return vmul(vset1(0.5), vadd(s, square));
}

/* The terms from number i on, a whole vector or the first n lanes, times their
 * weights if there are weights. If `varies`, each term has a number of its
 * own. */
static inline ALWAYS_INLINE vec weighted_terms(term_function *f, bool varies,
                                               const mlpi_loss_terms_args *t,
                                               size_t i, bool part, size_t n)
{
    vec a = load_lanes((const real *)t->a + i, part, n);
    vec y = load_lanes((const real *)t->y + i, part, n);
    vec terms =
        f(a, y, varies ? load_lanes(t->extra + i, part, n) : vset1(t->delta));
    if (!t->weight) {
        return terms;
    }
    return vmul(terms, load_lanes(t->weight + i, part, n));
}

/* Adds all terms to their lanes. The sums stay in registers while there are
 * whole groups of MLPI_LANES terms. */
static inline ALWAYS_INLINE void add_terms(term_function *f, bool varies,
                                           const mlpi_loss_terms_args *t,
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
            s[v] = vadd(
                s[v], weighted_terms(f, varies, t, i + v * VLEN, false, VLEN));
        }
    }
    for (size_t v = 0; v < LANE_VECS; v++) {
        vstore(lanes + v * VLEN, s[v]);
    }
    /* The lanes beyond the last term must keep their values, so the tail is
     * added lane by lane. */
    for (size_t lane = 0; i < n; lane += VLEN, i += VLEN) {
        size_t left = min_size(VLEN, n - i);
        real terms[VLEN];
        vstore(terms, weighted_terms(f, varies, t, i, left < VLEN, left));
        for (size_t v = 0; v < left; v++) {
            lanes[lane + v] += terms[v];
        }
    }
}

/* One copy of the loop for all terms that take long beside a call. */
static COLD void add_long_terms(term_function *f, const mlpi_loss_terms_args *t,
                                double lanes[MLPI_LANES])
{
    add_terms(f, false, t, lanes);
}

/* Like add_long_terms, for terms that have a number of their own. */
static COLD void add_varied_terms(term_function *f,
                                  const mlpi_loss_terms_args *t,
                                  double lanes[MLPI_LANES])
{
    add_terms(f, true, t, lanes);
}

/* A group is a multiple both of the eight lanes and of what one call of
 * softplus computes, since both numbers of vectors are powers of two. */
enum {
    GROUP = (int)LANE_VECS > (int)SOFTPLUS_VECS ? (int)LANE_VECS
                                                : (int)SOFTPLUS_VECS
};

/* Adds terms of bce behind a sigmoid, without weights, in groups of GROUP
 * vectors, as long as all targets of a group are 0 or 1. Such a term needs one
 * softplus, and SOFTPLUS_VECS of them at a time take little longer than one,
 * because they hide each other's latency. Returns the number of terms added. */
static NEVER_INLINE size_t add_binary_logits(const mlpi_loss_terms_args *t,
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
        vec not_binary = vzero(); /* > 0 in a lane with another target */
        for (size_t v = 0; v < GROUP; v++) {
            vec target = vload(y + i + v * VLEN);
            x[v] = vload(z + i + v * VLEN);
            x[v] = vselect(vle(target, vzero()), x[v], vneg(x[v]));
            vec excess = vabs(vsub(vmul(target, target), target));
            not_binary = vadd(not_binary, excess);
        }
        if (!vall(vle(not_binary, vzero()))) {
            break;
        }
        for (size_t v = 0; v < GROUP; v += SOFTPLUS_VECS) {
            softplus(SOFTPLUS_VECS, x + v, x + v);
        }
        for (size_t v = 0; v < GROUP; v++) {
            s[v % LANE_VECS] = vadd(s[v % LANE_VECS], limited(x[v]));
        }
    }
    for (size_t v = 0; v < LANE_VECS; v++) {
        vstore(lanes + v * VLEN, s[v]);
    }
    return i;
}

/* The term is inlined here: if it were called for each vector, as by
 * add_long_terms, a step of a tiny network would take a fifth longer. */
static void add_logits(const mlpi_loss_terms_args *terms,
                       double lanes[MLPI_LANES])
{
    mlpi_loss_terms_args rest = *terms;
    if (!rest.weight && rest.n >= (size_t)GROUP * VLEN) {
        size_t done = add_binary_logits(terms, lanes);
        rest.n -= done;
        rest.a = (const real *)rest.a + done;
        rest.y = (const real *)rest.y + done;
    }
    add_terms(bce_logit_term, false, &rest, lanes);
}

/* Short terms are inlined into a loop of their own; long ones share a loop that
 * calls them. */
static void loss_terms(const mlpi_loss_terms_args *terms,
                       double lanes[MLPI_LANES])
{
    switch (terms->loss) {
    case MLP_LOSS_BCE:
        if (terms->from_z) {
            add_logits(terms, lanes);
        } else {
            add_long_terms(bce_term, terms, lanes);
        }
        break;
    case MLP_LOSS_MSE:
        add_terms(mse_term, false, terms, lanes);
        break;
    case MLP_LOSS_CCE:
        add_long_terms(terms->from_z ? cce_logit_term : cce_term, terms, lanes);
        break;
    case MLP_LOSS_MAE:
        add_long_terms(mae_term, terms, lanes);
        break;
    case MLP_LOSS_HUBER:
        add_long_terms(huber_term, terms, lanes);
        break;
    case MLP_LOSS_QUANTILE:
        add_varied_terms(quantile_term, terms, lanes);
        break;
    case MLP_LOSS_POISSON:
        add_long_terms(poisson_logit_term, terms, lanes);
        break;
    case MLP_LOSS_GAUSSIAN_NLL:
        add_varied_terms(gaussian_term, terms, lanes);
        break;
    }
}

#endif
