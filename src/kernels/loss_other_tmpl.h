/* SPDX-License-Identifier: MIT */
/*
 * The terms of all losses but bce behind a sigmoid, the derivatives by outputs,
 * and the smoothing of targets. The formulas are in loss_tmpl.h. Parameters:
 * that, and its own.
 */

/* 0 where a is clipped, or at the clip. */
static inline vec unless_clipped(vec slope, vec a)
{
    slope = vselect(vle(a, vset1(R(1e-15))), vzero(), slope);
    return vselect(vle(vset1(R(1.0 - 1e-15)), a), vzero(), slope);
}

static vec scaled_bce_slope(vec a, vec y, vec scale)
{
    const vec one = vset1(R(1.0));
    vec slope = vdiv(vsub(a, y), vmul(a, vsub(one, a)));
    return vmul(unless_clipped(slope, a), scale);
}

static vec scaled_cce_slope(vec a, vec y, vec scale)
{
    return vmul(unless_clipped(vneg(vdiv(y, a)), a), scale);
}

static vec scaled_sign(vec a, vec y, vec scale)
{
    vec d = vsub(a, y);
    vec sign = vselect(vlt(d, vzero()), vneg(scale), vmul(d, scale));
    return vselect(vlt(vzero(), d), scale, sign);
}

static vec held_difference(vec a, vec y, vec delta)
{
    vec d = vsub(a, y);
    vec low = vneg(delta);
    return vselect(vlt(delta, d), delta, vselect(vlt(d, low), low, d));
}

static void loss_slopes(const mlpi_terms *t, double scale, void *d)
{
    switch (t->loss) {
    case MLP_LOSS_BCE:
        combine_long(scaled_bce_slope, t->n, t->a, t->y, scale, d);
        break;
    case MLP_LOSS_MSE:
        difference(t->n, 2.0 * scale, t->a, t->y, d);
        break;
    case MLP_LOSS_CCE:
        combine_long(scaled_cce_slope, t->n, t->a, t->y, scale, d);
        break;
    case MLP_LOSS_MAE:
        combine_long(scaled_sign, t->n, t->a, t->y, scale, d);
        break;
    case MLP_LOSS_HUBER:
        combine_long(held_difference, t->n, t->a, t->y, t->delta, d);
        combine_long(times, t->n, d, d, scale, d);
        break;
    }
}

static vec plus(vec x, vec unused, vec constant)
{
    (void)unused;
    return vadd(x, constant);
}

static COLD void affine(size_t n, double keep, double add, void *y)
{
    combine_long(times, n, y, y, keep, y);
    combine_long(plus, n, y, y, add, y);
}

#if REAL_BITS == 64

static inline ALWAYS_INLINE vec within_clips(vec a)
{
    return clamp(a, 1e-15, 1.0 - 1e-15);
}

static vec bce_term(vec a, vec y, vec delta)
{
    (void)delta;
    const vec one = vset1(1.0);
    vec p = within_clips(a);
    /* Where y is 0 or 1, one of the products is 0 and needs no logarithm. */
    if (vall(vle(vabs(vsub(vmul(y, y), y)), vzero()))) {
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

static vec cce_term(vec a, vec y, vec delta)
{
    (void)delta;
    const mask none = vle(vabs(y), vzero());
    return vselect(none, vzero(), vneg(vmul(y, vlog(within_clips(a)))));
}

static vec cce_logit_term(vec z, vec y, vec delta)
{
    (void)delta;
    const mask none = vle(vabs(y), vzero());
    return vselect(none, vzero(), vmul(y, log_loss(z)));
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

/* One for all terms that are long beside a call, or rarely wanted. */
static COLD void add_long_terms(term *f, const mlpi_terms *t,
                                double lanes[MLPI_LANES])
{
    add_terms(f, t, lanes);
}

static void other_terms(const mlpi_terms *terms, double lanes[MLPI_LANES])
{
    switch (terms->loss) {
    case MLP_LOSS_BCE:
        add_long_terms(bce_term, terms, lanes);
        break;
    case MLP_LOSS_MSE:
        add_terms(mse_term, terms, lanes);
        break;
    case MLP_LOSS_CCE:
        add_long_terms(terms->of_logits ? cce_logit_term : cce_term, terms,
                       lanes);
        break;
    case MLP_LOSS_MAE:
        add_long_terms(mae_term, terms, lanes);
        break;
    case MLP_LOSS_HUBER:
        add_long_terms(huber_term, terms, lanes);
        break;
    }
}

#endif
