/* SPDX-License-Identifier: MIT */
/*
 * Updates of parameters by the optimizers, on flat arrays and on blocks of
 * rows. The gradient dw is clipped and scaled, and weights may decay:
 *
 *   g  = scale * min(max(dw, -limit), limit)
 *   w' = weight_factor * w      (w itself, if weights do not decay)
 *
 * What an optimizer remembers of earlier gradients is its state: v alone, s
 * alone (rmsprop), or both in this order. Every kind computes a change and
 * subtracts it, w := w' - change:
 *
 *   sgd       change = alpha g
 *   momentum  v := decay v + gain g
 *             change = alpha v
 *   nesterov  v := decay v + gain g
 *             change = alpha (g + decay v)
 *   rmsprop   s := decay s + gain g^2
 *             change = alpha g / (sqrt s + epsilon)
 *   adam      v := decay[0] v + gain[0] g,  s := decay[1] s + gain[1] g^2
 *             change = alpha v / (root_factor sqrt s + epsilon)
 *   rprop     size := rprop_grow size    if g v > 0
 *             size := rprop_shrink size  if g v < 0, and then g := 0
 *             size := min(max(size, rprop_min), rprop_max)
 *             v := g
 *             change = sign(g) size
 *
 * For rprop, v is the gradient before and s the size, which begins with alpha.
 * A g of 0 after a change of sign, without reverting the weight, makes this the
 * variant iRprop-. The averages v and s of the other kinds are replaced by 0
 * where they are subnormal.
 *
 *   D. P. Kingma and J. Ba, "Adam: A Method for Stochastic Optimization", 2015.
 *   C. Igel and M. Huesken, "Empirical evaluation of the improved Rprop
 *   learning algorithms", Neurocomputing 50, 2003.
 *
 * The caller, train/parameter_update.c, sets the constants. The change is
 * rounded before it is subtracted, as in NumPy; averages use fma. Every element
 * is computed by the same operations whether it stands in a whole vector or in
 * the last lanes.
 *
 * This file is a template. Its parameters are the vocabulary that
 * vec_portable.h describes (above all vec, VLEN, vfma and vselect), load_lanes,
 * store_lanes and combine of loops_tmpl.h, and SMALLEST_NORMAL of
 * elementary_tmpl.h.
 */
static inline vec sgd_update(vec dw, vec w, vec alpha)
{
    return vsub(w, vmul(alpha, dw));
}

/* The plain case of sgd, without clipping, scale or decay, needs one pass with
 * one constant, and small networks notice the difference. */
static void sgd_step(size_t n, double alpha, const void *dw, void *w)
{
    combine(sgd_update, n, dw, w, alpha, w);
}

/* The constants of mlpi_optimizer_step_args, each repeated in all lanes. */
typedef struct step_constants {
    vec limit, scale, weight_factor, alpha, decay[2], gain[2];
    vec root_factor, epsilon;
    vec rprop_grow, rprop_shrink, rprop_min, rprop_max;
} step_constants;

static NEVER_INLINE step_constants
step_constants_of(const mlpi_optimizer_step_args *u)
{
    return (step_constants){
        .limit = vset1((real)u->limit),
        .scale = vset1((real)u->scale),
        .weight_factor = vset1((real)u->weight_factor),
        .alpha = vset1((real)u->alpha),
        .decay = {vset1((real)u->decay[0]), vset1((real)u->decay[1])},
        .gain = {vset1((real)u->gain[0]), vset1((real)u->gain[1])},
        .root_factor = vset1((real)u->root_factor),
        .epsilon = vset1((real)u->epsilon),
        .rprop_grow = vset1((real)u->rprop_grow),
        .rprop_shrink = vset1((real)u->rprop_shrink),
        .rprop_min = vset1((real)u->rprop_min),
        .rprop_max = vset1((real)u->rprop_max)};
}

/* A kind of optimizer: the function updates the state by the gradient g and
 * returns the change that is subtracted from w. */
typedef vec change_function(const step_constants *c, vec g, vec state[2]);

/* Returns a running average. A subnormal result is replaced by 0: its effect is
 * nothing, but arithmetic with it is slow on many CPUs, and it would never
 * vanish by itself, because 0.9 times the smallest number rounds to that number
 * again. */
static inline vec averaged(const step_constants *c, size_t which, vec old,
                           vec x)
{
    vec y = vfma(c->gain[which], x, vmul(c->decay[which], old));
    return vselect(vlt(vabs(y), vset1(SMALLEST_NORMAL)), vzero(), y);
}

/* The state is not const because all kinds have one type.
 * NOLINTNEXTLINE(readability-non-const-parameter) */
static inline vec change_sgd(const step_constants *c, vec g, vec state[2])
{
    (void)state;
    return vmul(c->alpha, g);
}

static inline vec change_momentum(const step_constants *c, vec g, vec state[2])
{
    state[0] = averaged(c, 0, state[0], g);
    return vmul(c->alpha, state[0]);
}

static inline vec change_nesterov(const step_constants *c, vec g, vec state[2])
{
    state[0] = averaged(c, 0, state[0], g);
    return vmul(c->alpha, vfma(c->decay[0], state[0], g));
}

static inline vec change_rmsprop(const step_constants *c, vec g, vec state[2])
{
    state[0] = averaged(c, 0, state[0], vmul(g, g));
    return vdiv(vmul(c->alpha, g), vadd(vsqrt(state[0]), c->epsilon));
}

static inline vec change_adam(const step_constants *c, vec g, vec state[2])
{
    state[0] = averaged(c, 0, state[0], g);
    state[1] = averaged(c, 1, state[1], vmul(g, g));
    return vdiv(vmul(c->alpha, state[0]),
                vfma(vsqrt(state[1]), c->root_factor, c->epsilon));
}

/* Returns the magnitude with the sign of x, or 0 where x is 0 or NaN. */
static inline vec with_sign(vec magnitude, vec x)
{
    return vselect(vlt(vzero(), vabs(x)), vcopysign(magnitude, x), vzero());
}

/* state[0] is the previous gradient. state[1] is the size of the change, which
 * is 0 before the first update and then begins with alpha. */
static inline vec change_rprop(const step_constants *c, vec g, vec state[2])
{
    vec agreement = vmul(g, state[0]); /* < 0 where the sign has changed */
    vec size = vselect(vle(state[1], vzero()), c->alpha, state[1]);
    size = vselect(vlt(vzero(), agreement), vmul(size, c->rprop_grow), size);
    size = vselect(vlt(agreement, vzero()), vmul(size, c->rprop_shrink), size);
    size = vselect(vlt(size, c->rprop_min), c->rprop_min, size);
    size = vselect(vlt(c->rprop_max, size), c->rprop_max, size);
    state[1] = size;
    state[0] = vselect(vlt(agreement, vzero()), vzero(), g);
    /* g - g is NaN where g is not finite. Adding it spoils the weight, as the
     * other kinds do: without it the failure would stay unnoticed. */
    return vadd(with_sign(size, state[0]), vsub(g, g));
}

static inline vec clipped(const step_constants *c, vec g)
{
    vec below = vneg(c->limit);
    g = vselect(vlt(g, below), below, g);
    g = vselect(vlt(c->limit, g), c->limit, g);
    return vmul(g, c->scale);
}

/* Parameters that form a block: `rows` rows of n numbers. Consecutive rows are
 * `dw_stride` apart in the gradients and `w_stride` in w and the states. */
typedef struct parameter_block {
    size_t rows, n;
    const real *dw;
    size_t dw_stride;
    real *w, *state[2];
    size_t w_stride;
} parameter_block;

/* Updates a vector at element i of the first row, or only its first n lanes if
 * `part` is true. `states` is the number of states, a constant at each call. */
static inline ALWAYS_INLINE void
update_vector(change_function *change, size_t states, const parameter_block *s,
              const step_constants *c, size_t i, bool part, size_t n)
{
    vec state[2];
    if (states > 0) {
        state[0] = load_lanes(s->state[0] + i, part, n);
    }
    if (states > 1) {
        state[1] = load_lanes(s->state[1] + i, part, n);
    }
    vec g = clipped(c, load_lanes(s->dw + i, part, n));
    vec difference = change(c, g, state);
    vec w = vmul(c->weight_factor, load_lanes(s->w + i, part, n));
    store_lanes(s->w + i, vsub(w, difference), part, n);
    if (states > 0) {
        store_lanes(s->state[0] + i, state[0], part, n);
    }
    if (states > 1) {
        store_lanes(s->state[1] + i, state[1], part, n);
    }
}

static inline ALWAYS_INLINE void update_rows(change_function *change,
                                             size_t states,
                                             const step_constants *c,
                                             parameter_block s)
{
    for (size_t r = 0; r < s.rows; r++) {
        size_t i = 0;
        for (; i + VLEN <= s.n; i += VLEN) {
            update_vector(change, states, &s, c, i, false, VLEN);
        }
        if (i < s.n) {
            update_vector(change, states, &s, c, i, true, s.n - i);
        }
        s.dw += s.dw_stride;
        s.w += s.w_stride;
        for (size_t k = 0; k < states; k++) {
            s.state[k] += s.w_stride;
        }
    }
}

/* Updates all parameters of a block. The matrix product calls this for each
 * tile of dW while the tile is in the cache; `c` is made once for all tiles. */
static NEVER_INLINE void update_block(const mlpi_optimizer_step_args *u,
                                      const step_constants *c,
                                      const parameter_block *s)
{
    switch (u->kind) {
    case MLP_OPTIMIZER_SGD:
        update_rows(change_sgd, 0, c, *s);
        break;
    case MLP_OPTIMIZER_MOMENTUM:
    case MLP_OPTIMIZER_TUTORIAL_MOMENTUM:
        update_rows(change_momentum, 1, c, *s);
        break;
    case MLP_OPTIMIZER_NESTEROV:
        update_rows(change_nesterov, 1, c, *s);
        break;
    case MLP_OPTIMIZER_RMSPROP:
        update_rows(change_rmsprop, 1, c, *s);
        break;
    case MLP_OPTIMIZER_AUTO: /* no trainer has it */
    case MLP_OPTIMIZER_ADAM:
    case MLP_OPTIMIZER_ADAMW:
        update_rows(change_adam, 2, c, *s);
        break;
    case MLP_OPTIMIZER_RPROP:
        update_rows(change_rprop, 2, c, *s);
        break;
    case MLP_OPTIMIZER_LBFGS: /* needs many passes: train/lbfgs.c */
        break;
    }
}

static void optimizer_step(const mlpi_optimizer_step_args *u)
{
    const step_constants c = step_constants_of(u);
    update_block(u, &c,
                 &(parameter_block){.rows = 1,
                                    .n = u->n,
                                    .dw = u->dw,
                                    .w = u->w,
                                    .state = {u->state[0], u->state[1]}});
}
