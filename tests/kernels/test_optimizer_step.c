/* SPDX-License-Identifier: MIT */
/*
 * Tests the optimizers' kernels of every table against formulas that are
 * written out here. Results must be equal bit for bit, so the tables also agree
 * with each other.
 */
#include "support/numbers.h"

enum { MOST = 41 }; /* lengths 0 to MOST - 1 cover every width and tail */

/* Returns numbers as gradients and weights are, and special ones among them. */
static double any_number(mlp_rng *rng, size_t i)
{
    static const double special[] = {
        0.0, -0.0, 1e-30, -1e-30, 1e30, -3.0, (double)INFINITY, (double)NAN};
    return i % 5 == 3 ? special[i / 5 % COUNT(special)]
                      : mlp_rng_uniform(rng, -1, 1);
}

/* A different `shift` for each array makes the special numbers of one array
 * meet usual numbers of the others. */
static void *any_numbers(mlp_dtype dtype, mlp_rng *rng, size_t n, size_t shift)
{
    void *reals = guarded_alloc(n * size_of(dtype));
    for (size_t i = 0; i < n; i++) {
        set(dtype, reals, i, any_number(rng, i + shift));
    }
    return reals;
}

/* One parameter as doubles, which hold numbers of the tested precision. */
typedef struct parameter {
    double g, w, state[2];
} parameter;

static double average(const mlpi_optimizer_step_args *u, mlp_dtype p, size_t k,
                      double old, double x)
{
    double y = fma_of(p, rounded(p, u->gain[k]), x,
                      rounded(p, rounded(p, u->decay[k]) * old));
    double least = p == MLP_F32 ? 0x1p-126 : 0x1p-1022;
    return fabs(y) < least ? 0.0 : y;
}

/* Rounding the root of a float to double first does not change the result. */
static double root_of(mlp_dtype p, double x)
{
    return rounded(p, sqrt(x));
}

static double rprop_change(const mlpi_optimizer_step_args *u, mlp_dtype p,
                           parameter *q)
{
    double agreement = rounded(p, q->g * q->state[0]);
    double size = q->state[1] <= 0 ? rounded(p, u->alpha) : q->state[1];
    size = agreement > 0   ? rounded(p, size * rounded(p, u->rprop_grow))
           : agreement < 0 ? rounded(p, size * rounded(p, u->rprop_shrink))
                           : size;
    size = size < rounded(p, u->rprop_min) ? rounded(p, u->rprop_min) : size;
    size = size > rounded(p, u->rprop_max) ? rounded(p, u->rprop_max) : size;
    q->state[1] = size;
    q->state[0] = agreement < 0 ? 0 : q->g;
    if (!isfinite(q->g)) {
        return (double)NAN;
    }
    return q->state[0] > 0 ? size : q->state[0] < 0 ? -size : 0;
}

static double change_of(const mlpi_optimizer_step_args *u, mlp_dtype p,
                        parameter *q)
{
    double alpha = rounded(p, u->alpha);
    double square = rounded(p, q->g * q->g);
    switch (u->kind) {
    case MLP_OPTIMIZER_SGD:
        return rounded(p, alpha * q->g);
    case MLP_OPTIMIZER_MOMENTUM:
    case MLP_OPTIMIZER_TUTORIAL_MOMENTUM:
        q->state[0] = average(u, p, 0, q->state[0], q->g);
        return rounded(p, alpha * q->state[0]);
    case MLP_OPTIMIZER_NESTEROV:
        q->state[0] = average(u, p, 0, q->state[0], q->g);
        return rounded(
            p, alpha * fma_of(p, rounded(p, u->decay[0]), q->state[0], q->g));
    case MLP_OPTIMIZER_RMSPROP:
        q->state[0] = average(u, p, 0, q->state[0], square);
        return rounded(p, rounded(p, alpha * q->g) /
                              rounded(p, root_of(p, q->state[0]) +
                                             rounded(p, u->epsilon)));
    case MLP_OPTIMIZER_ADAM:
    case MLP_OPTIMIZER_ADAMW:
        q->state[0] = average(u, p, 0, q->state[0], q->g);
        q->state[1] = average(u, p, 1, q->state[1], square);
        return rounded(p, rounded(p, alpha * q->state[0]) /
                              fma_of(p, root_of(p, q->state[1]),
                                     rounded(p, u->root_factor),
                                     rounded(p, u->epsilon)));
    case MLP_OPTIMIZER_RPROP:
        return rprop_change(u, p, q);
    case MLP_OPTIMIZER_AUTO:  /* no trainer has it */
    case MLP_OPTIMIZER_LBFGS: /* has no kernel */
        break;
    }
    fail();
    return 0;
}

static void expect_step(const mlpi_optimizer_step_args *u, mlp_dtype p,
                        parameter *q)
{
    double limit = rounded(p, u->limit);
    q->g = q->g < -limit ? -limit : q->g > limit ? limit : q->g;
    q->g = rounded(p, q->g * rounded(p, u->scale));
    double change = change_of(u, p, q);
    q->w = rounded(p, rounded(p, rounded(p, u->weight_factor) * q->w) - change);
}

static const mlpi_optimizer_step_args example = {
    .limit = 0.75, /* does not hold a NaN */
    .scale = 0.9,
    .weight_factor = 0.99,
    .alpha = 0.1,
    .decay = {0.9, 0.999},
    .gain = {0.1, 0.001},
    .root_factor = 30.0,
    .epsilon = 1e-8,
    .rprop_grow = 1.2,
    .rprop_shrink = 0.5,
    .rprop_min = 0.06,
    .rprop_max = 0.11};

/* Takes several steps, because Rprop compares gradients of two steps. */
static void check_kind(const mlpi_kernels *kernels, mlp_optimizer_kind kind,
                       size_t n)
{
    mlp_dtype p = kernels->dtype;
    mlp_rng rng = mlp_rng_seeded((uint32_t)n);
    void *w = any_numbers(p, &rng, n, 0);
    void *state[2] = {random_reals(p, &rng, n, 0, 0), /* zeros */
                      random_reals(p, &rng, n, 0, 0)};
    for (size_t step = 0; step < 5; step++) {
        void *dw = any_numbers(p, &rng, n, 1 + step);
        parameter expected[MOST];
        for (size_t i = 0; i < n; i++) {
            expected[i] =
                (parameter){get(p, dw, i),
                            get(p, w, i),
                            {get(p, state[0], i), get(p, state[1], i)}};
            mlpi_optimizer_step_args u = example;
            u.kind = kind;
            expect_step(&u, p, &expected[i]);
        }
        mlpi_optimizer_step_args u = example;
        u.kind = kind;
        u.n = n;
        u.dw = dw;
        u.w = w;
        u.state[0] = state[0];
        u.state[1] = state[1];
        kernels->optimizer_step(&u);
        for (size_t i = 0; i < n; i++) {
            assert_true(same(get(p, w, i), expected[i].w));
            assert_true(same(get(p, state[0], i), expected[i].state[0]));
            assert_true(same(get(p, state[1], i), expected[i].state[1]));
        }
        guarded_free(dw);
    }
    guarded_free(state[1]);
    guarded_free(state[0]);
    guarded_free(w);
}

static void kinds_follow_their_formulas(void **state)
{
    (void)state;
    FOR_EACH_TABLE(dtype, kernels)
    {
        for (mlp_optimizer_kind kind = MLP_OPTIMIZER_SGD;
             kind < MLP_OPTIMIZER_LBFGS; kind++) {
            for (size_t n = 0; n < MOST; n++) {
                check_kind(kernels, kind, n);
            }
        }
    }
}

/* Without clipping, scale and decay, optimizer_step and sgd_step are equal. */
static void plain_sgd_equals_sgd_step(void **state)
{
    (void)state;
    FOR_EACH_TABLE(dtype, kernels)
    {
        mlp_rng rng = mlp_rng_seeded(3);
        void *dw = any_numbers(dtype, &rng, MOST, 0);
        void *w = any_numbers(dtype, &rng, MOST, 1);
        void *copy = guarded_alloc(MOST * size_of(dtype));
        memcpy(copy, w, MOST * size_of(dtype));
        kernels->optimizer_step(
            &(mlpi_optimizer_step_args){.kind = MLP_OPTIMIZER_SGD,
                                        .n = MOST,
                                        .dw = dw,
                                        .w = w,
                                        .limit = INFINITY,
                                        .scale = 1,
                                        .weight_factor = 1,
                                        .alpha = 0.3});
        kernels->sgd_step(MOST, 0.3, dw, copy);
        for (size_t i = 0; i < MOST; i++) {
            assert_true(same(get(dtype, w, i), get(dtype, copy, i)));
        }
        guarded_free(copy);
        guarded_free(w);
        guarded_free(dw);
    }
}

static void averages_end_at_zero(void **state)
{
    (void)state;
    FOR_EACH_TABLE(dtype, kernels)
    {
        double least = dtype == MLP_F32 ? 0x1p-126 : 0x1p-1022;
        double w[1] = {0};
        double dw[1] = {0};
        double v[1];
        mlpi_optimizer_step_args u = {.kind = MLP_OPTIMIZER_MOMENTUM,
                                      .n = 1,
                                      .dw = dw,
                                      .w = w,
                                      .state = {v},
                                      .limit = INFINITY,
                                      .scale = 1,
                                      .weight_factor = 1,
                                      .alpha = 1,
                                      .decay = {0.5},
                                      .gain = {1}};
        set(dtype, v, 0, 2 * least);
        kernels->optimizer_step(&u);
        assert_true(get(dtype, v, 0) == least);
        kernels->optimizer_step(&u);
        assert_true(get(dtype, v, 0) == 0);
    }
}

static void penalise_adds_both_penalties(void **state)
{
    (void)state;
    FOR_EACH_TABLE(p, kernels)
    {
        for (size_t n = 0; n < MOST; n++) {
            mlp_rng rng = mlp_rng_seeded((uint32_t)n);
            void *w = any_numbers(p, &rng, n, 0);
            void *dw = random_reals(p, &rng, n, -1, 1);
            void *before = guarded_alloc(n * size_of(p));
            memcpy(before, dw, n * size_of(p));
            kernels->penalise(n, 0.1, 0.3, w, dw);
            for (size_t i = 0; i < n; i++) {
                double x = get(p, w, i);
                double sign = x > 0 ? 1 : x < 0 ? -1 : 0;
                double sum = fma_of(p, rounded(p, 0.1), x, get(p, before, i));
                assert_true(same(get(p, dw, i),
                                 rounded(p, sum + sign * rounded(p, 0.3))));
            }
            guarded_free(before);
            guarded_free(dw);
            guarded_free(w);
        }
    }
}

static void sums_fall_into_their_lanes(void **state)
{
    (void)state;
    const mlpi_kernels *kernels = NULL;
    for (size_t t = 0; (kernels = mlpi_kernels_get(MLP_F64, t)) != NULL; t++) {
        for (size_t n = 0; n < MOST; n++) {
            mlp_rng rng = mlp_rng_seeded((uint32_t)n);
            double *x = any_numbers(MLP_F64, &rng, n, 0);
            double *y = random_reals(MLP_F64, &rng, n, -1, 1);
            double products[MLPI_LANES] = {1, 2, 3, 4, 5, 6, 7, 8};
            double magnitudes[MLPI_LANES] = {8, 7, 6, 5, 4, 3, 2, 1};
            double expected[2][MLPI_LANES];
            memcpy(expected[0], products, sizeof products);
            memcpy(expected[1], magnitudes, sizeof magnitudes);
            kernels->add_products(n, x, y, products);
            kernels->add_magnitudes(n, x, magnitudes);
            for (size_t i = 0; i < n; i++) {
                size_t lane = i % MLPI_LANES;
                expected[0][lane] = fma(x[i], y[i], expected[0][lane]);
                expected[1][lane] += fabs(x[i]);
            }
            for (size_t lane = 0; lane < MLPI_LANES; lane++) {
                assert_true(same(products[lane], expected[0][lane]));
                assert_true(same(magnitudes[lane], expected[1][lane]));
            }
            guarded_free(y);
            guarded_free(x);
        }
    }
    assert_null(mlpi_kernels_get(MLP_F32, 0)->add_products);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kinds_follow_their_formulas),
        cmocka_unit_test(plain_sgd_equals_sgd_step),
        cmocka_unit_test(averages_end_at_zero),
        cmocka_unit_test(penalise_adds_both_penalties),
        cmocka_unit_test(sums_fall_into_their_lanes),
    };
    return cmocka_run_group_tests_name("optimizer_step", tests, NULL, NULL);
}
