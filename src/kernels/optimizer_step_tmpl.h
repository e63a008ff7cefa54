/* SPDX-License-Identifier: MIT */
/*
 * Optimizer steps on flat arrays. Parameters: the vocabulary, loop_tmpl.h,
 * math_tmpl.h and lent.h, by which update_rest_tmpl.h does what is rare.
 *
 *   sgd_step   w := w - alpha dw         (gradient descent, chapter 3.3)
 *
 * and the rules, of a gradient g = dw that was clipped, with what they remember
 * of former ones (descent.c tells their constants):
 *
 *   momentum  v := decay v + gain g                      w := w - alpha v
 *   nesterov  v likewise                  w := w - alpha (g + decay v)
 *   rmsprop   s := decay s + gain g^2     w := w - alpha g / (sqrt s + eps)
 *   adam      v and s likewise    w := w - alpha v / (sqrt s * root + eps)
 *   rprop     if g has the sign that it had before, step := grow step; if it
 *             has the other, step := shrink step and g := 0; then
 *             w := w - sign(g) step
 *
 * alpha times something, and the difference from w, are rounded one after the
 * other, as NumPy does. Before, w is multiplied by `keep`.
 */
static inline vec descended(vec dw, vec w, vec alpha)
{
    return vsub(w, vmul(alpha, dw));
}

static void sgd_step(size_t n, double alpha, const void *dw, void *w)
{
    combine(descended, n, dw, w, alpha, w);
}

/* Parameters whose gradients lie in rows, those of one row and of the next
 * `dw_stride` and `w_stride` apart. */
typedef struct span {
    size_t rows, n;
    const real *dw;
    size_t dw_stride;
    real *w, *state[2];
    size_t w_stride;
} span;

static void update_rest(const mlpi_optimizer_step *u, const span *where,
                        size_t done);

/* mlpi_optimizer_step's constants, one in all lanes. */
typedef struct constants {
    vec limit, scale, keep, alpha, decay[2], gain[2], root, epsilon;
    vec grow, shrink, least, most;
} constants;

static NEVER_INLINE constants constants_of(const mlpi_optimizer_step *u)
{
    return (constants){
        .limit = vset1((real)u->limit),
        .scale = vset1((real)u->scale),
        .keep = vset1((real)u->keep),
        .alpha = vset1((real)u->alpha),
        .decay = {vset1((real)u->decay[0]), vset1((real)u->decay[1])},
        .gain = {vset1((real)u->gain[0]), vset1((real)u->gain[1])},
        .root = vset1((real)u->root),
        .epsilon = vset1((real)u->epsilon),
        .grow = vset1((real)u->grow),
        .shrink = vset1((real)u->shrink),
        .least = vset1((real)u->least),
        .most = vset1((real)u->most)};
}

/* A rule's step down from w, along the clipped gradient g. */
typedef vec rule_step(const constants *c, vec g, vec state[2]);

/* An average that forgets. What would be subnormal is 0: it counts for nothing,
 * and would be computed slowly ever after, for 0.9 times the smallest number is
 * that number again. */
static inline vec averaged(const constants *c, size_t which, vec old, vec x)
{
    vec y = vfma(c->gain[which], x, vmul(c->decay[which], old));
    return vselect(vlt(vabs(y), vset1(SMALLEST_NORMAL)), vzero(), y);
}

/* All rules are of one type. NOLINTNEXTLINE(readability-non-const-parameter) */
static inline vec step_sgd(const constants *c, vec g, vec state[2])
{
    (void)state;
    return vmul(c->alpha, g);
}

static inline vec step_momentum(const constants *c, vec g, vec state[2])
{
    state[0] = averaged(c, 0, state[0], g);
    return vmul(c->alpha, state[0]);
}

static inline vec step_adam(const constants *c, vec g, vec state[2])
{
    state[0] = averaged(c, 0, state[0], g);
    state[1] = averaged(c, 1, state[1], vmul(g, g));
    return vdiv(vmul(c->alpha, state[0]),
                vfma(vsqrt(state[1]), c->root, c->epsilon));
}

static inline vec clipped(const constants *c, vec g)
{
    vec below = vneg(c->limit);
    g = vselect(vlt(g, below), below, g);
    g = vselect(vlt(c->limit, g), c->limit, g);
    return vmul(g, c->scale);
}

/* Element i of the first row and those after it, a whole vector or the first n
 * lanes. */
static inline ALWAYS_INLINE void update_at(rule_step *f, size_t states,
                                           const span *s, const constants *c,
                                           size_t i, bool part, size_t n)
{
    vec state[2];
    if (states > 0) {
        state[0] = load_lanes(s->state[0] + i, part, n);
    }
    if (states > 1) {
        state[1] = load_lanes(s->state[1] + i, part, n);
    }
    vec g = clipped(c, load_lanes(s->dw + i, part, n));
    vec step = f(c, g, state);
    vec kept = vmul(c->keep, load_lanes(s->w + i, part, n));
    store_lanes(s->w + i, vsub(kept, step), part, n);
    if (states > 0) {
        store_lanes(s->state[0] + i, state[0], part, n);
    }
    if (states > 1) {
        store_lanes(s->state[1] + i, state[1], part, n);
    }
}

static inline ALWAYS_INLINE void next_row(span *s, size_t states)
{
    s->dw += s->dw_stride;
    s->w += s->w_stride;
    for (size_t k = 0; k < states; k++) {
        s->state[k] += s->w_stride;
    }
}

/* The whole vectors of all rows; returns how many elements those of one are. */
static inline ALWAYS_INLINE size_t update_whole(rule_step *f, size_t states,
                                                const constants *c, span s)
{
    const size_t whole = s.n / VLEN * VLEN;
    for (size_t r = 0; r < s.rows; r++) {
        for (size_t i = 0; i < whole; i += VLEN) {
            update_at(f, states, &s, c, i, false, VLEN);
        }
        next_row(&s, states);
    }
    return whole;
}

static NEVER_INLINE void update_span(const mlpi_optimizer_step *u,
                                     const constants *c, const span *s)
{
    size_t done = 0;
    switch (u->kind) {
    case MLP_OPTIMIZER_SGD:
        done = update_whole(step_sgd, 0, c, *s);
        break;
    case MLP_OPTIMIZER_MOMENTUM:
    case MLP_OPTIMIZER_TUTORIAL_MOMENTUM:
        done = update_whole(step_momentum, 1, c, *s);
        break;
    case MLP_OPTIMIZER_ADAM:
    case MLP_OPTIMIZER_ADAMW:
        done = update_whole(step_adam, 2, c, *s);
        break;
    case MLP_OPTIMIZER_NESTEROV:
    case MLP_OPTIMIZER_RMSPROP:
    case MLP_OPTIMIZER_RPROP:
    case MLP_OPTIMIZER_LBFGS:
        break;
    }
    if (done < s->n) {
        update_rest(u, s, done);
    }
}

static void optimizer_step(const mlpi_optimizer_step *u)
{
    const constants c = constants_of(u);
    update_span(u, &c,
                &(span){.rows = 1,
                        .n = u->n,
                        .dw = u->dw,
                        .w = u->w,
                        .state = {u->state[0], u->state[1]}});
}
