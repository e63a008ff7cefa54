/* SPDX-License-Identifier: MIT */
/*
 * Optimizer steps where vectors do not go far: the last lanes of all rules, and
 * all of those that are rarely wanted. Parameters: the vocabulary, loop_tmpl.h,
 * update_tmpl.h, which has the formulas, and lent.h.
 */
static inline vec step_nesterov(const constants *c, vec g, vec state[2])
{
    state[0] = averaged(c, 0, state[0], g);
    return vmul(c->alpha, vfma(c->decay[0], state[0], g));
}

static inline vec step_rmsprop(const constants *c, vec g, vec state[2])
{
    state[0] = averaged(c, 0, state[0], vmul(g, g));
    return vdiv(vmul(c->alpha, g), vadd(vsqrt(state[0]), c->epsilon));
}

/* Of the sign of x; 0 where x is 0 or not a number. */
static inline vec with_sign(vec magnitude, vec x)
{
    return vselect(vlt(vzero(), vabs(x)), vcopysign(magnitude, x), vzero());
}

/* state: the gradient before, and the step, 0 before the first. */
static inline vec step_rprop(const constants *c, vec g, vec state[2])
{
    vec turn = vmul(g, state[0]);
    vec step = vselect(vle(state[1], vzero()), c->alpha, state[1]);
    step = vselect(vlt(vzero(), turn), vmul(step, c->grow), step);
    step = vselect(vlt(turn, vzero()), vmul(step, c->shrink), step);
    step = vselect(vlt(step, c->least), c->least, step);
    step = vselect(vlt(c->most, step), c->most, step);
    state[1] = step;
    state[0] = vselect(vlt(turn, vzero()), vzero(), g);
    /* A gradient that is no number must spoil the weight, as it does with the
     * other rules: nobody would hear of it otherwise. */
    return vadd(with_sign(step, state[0]), vsub(g, g));
}

static void update_rest(const mlpi_optimizer_step *u, const span *where,
                        size_t done)
{
    const constants c = constants_of(u);
    rule_step *f = step_sgd;
    size_t states = 1;
    span s = *where;
    switch (u->kind) {
    case MLP_OPTIMIZER_SGD:
        states = 0;
        break;
    case MLP_OPTIMIZER_MOMENTUM:
    case MLP_OPTIMIZER_TUTORIAL_MOMENTUM:
        f = step_momentum;
        break;
    case MLP_OPTIMIZER_NESTEROV:
        f = step_nesterov;
        break;
    case MLP_OPTIMIZER_RMSPROP:
        f = step_rmsprop;
        break;
    case MLP_OPTIMIZER_ADAM:
    case MLP_OPTIMIZER_ADAMW:
        f = step_adam;
        states = 2;
        break;
    case MLP_OPTIMIZER_RPROP:
        f = step_rprop;
        states = 2;
        break;
    case MLP_OPTIMIZER_LBFGS: /* see lbfgs.c */
        return;
    }
    for (size_t r = 0; r < s.rows; r++) {
        for (size_t i = done; i < s.n; i += VLEN) {
            const size_t left = s.n - i;
            update_at(f, states, &s, &c, i, left < VLEN, left);
        }
        next_row(&s, states);
    }
}
